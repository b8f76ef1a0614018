package identity

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

func (p *principal) userDetail(partition string) *api.UserDetail {
	return &api.UserDetail{
		UserName: p.name, UserId: string(p.id), ARN: p.arn(partition).String(), Path: p.path,
		Description: p.data.Description, CreatedTime: db.Time(p.created),
	}
}

// CreateUser makes a user, who has no keys, groups or policies yet.
func (d *Directory) CreateUser(ctx context.Context, in *api.CreateUserInput) (*api.CreateUserOutput, error) {
	p, err := d.add(ctx, id.NewUser(), id.User, in.UserName, in.Path, principalData{Description: api.Or(in.Description, "")})
	if err != nil {
		return nil, err
	}
	return &api.CreateUserOutput{UserDetail: p.userDetail(partition(ctx))}, nil
}

// DescribeUser answers a user with all that belongs to it.
func (d *Directory) DescribeUser(ctx context.Context, in *api.DescribeUserInput) (*api.DescribeUserOutput, error) {
	out := &api.DescribeUserOutput{}
	err := d.view(ctx, func(tx *db.Tx, account string) error {
		p, err := find(tx, account, id.User, in.UserName)
		if err != nil {
			return err
		}
		out.UserDetail = p.userDetail(partition(ctx))
		groups, err := groupsOf(tx, p.id)
		if err != nil {
			return err
		}
		out.GroupNames = make([]string, 0, len(groups))
		for _, g := range groups {
			out.GroupNames = append(out.GroupNames, g.name)
		}
		if out.PolicyARNs, out.InlinePolicies, err = policiesOf(tx, p.id); err != nil {
			return err
		}
		out.AccessKeyDetails, err = keysOf(tx, &p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteUser removes a user with its keys, memberships and inline policies.
// What the user launched stays, and so does its name in the records.
func (d *Directory) DeleteUser(ctx context.Context, in *api.DeleteUserInput) (*api.DeleteUserOutput, error) {
	if err := d.remove(ctx, id.User, in.UserName); err != nil {
		return nil, err
	}
	return &api.DeleteUserOutput{}, nil
}

// ListUsers lists an account's users by name.
func (d *Directory) ListUsers(ctx context.Context, in *api.ListUsersInput) (*api.ListUsersOutput, error) {
	all, next, err := d.principals(ctx, api.OpListUsers, id.User, in.PageSize, in.PageToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListUsersOutput{UserDetails: make([]api.UserDetail, 0, len(all)), NextPageToken: next}
	for i := range all {
		out.UserDetails = append(out.UserDetails, *all[i].userDetail(partition(ctx)))
	}
	return out, nil
}

package identity

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

func (p *principal) groupDetail(partition string) *api.GroupDetail {
	return &api.GroupDetail{
		GroupName: p.name, GroupId: string(p.id), ARN: p.arn(partition).String(), Path: p.path,
		Description: p.data.Description, CreatedTime: db.Time(p.created),
	}
}

// CreateGroup makes a group without members.
func (d *Directory) CreateGroup(ctx context.Context, in *api.CreateGroupInput) (*api.CreateGroupOutput, error) {
	p, err := d.add(ctx, id.NewGroup(), id.Group, in.GroupName, in.Path, principalData{Description: api.Or(in.Description, "")})
	if err != nil {
		return nil, err
	}
	return &api.CreateGroupOutput{GroupDetail: p.groupDetail(partition(ctx))}, nil
}

// DescribeGroup answers a group with its members and policies.
func (d *Directory) DescribeGroup(ctx context.Context, in *api.DescribeGroupInput) (*api.DescribeGroupOutput, error) {
	out := &api.DescribeGroupOutput{}
	err := d.view(ctx, func(tx *db.Tx, account string) error {
		p, err := find(tx, account, id.Group, in.GroupName)
		if err != nil {
			return err
		}
		out.GroupDetail = p.groupDetail(partition(ctx))
		out.UserNames, err = db.Collect(tx, scanText, `SELECT p.name FROM membership m JOIN principal p ON p.id = m.user_id
			WHERE m.group_id = ? ORDER BY p.folded`, string(p.id))
		if err != nil {
			return err
		}
		out.PolicyARNs, out.InlinePolicies, err = policiesOf(tx, p.id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteGroup removes a group; its members stay.
func (d *Directory) DeleteGroup(ctx context.Context, in *api.DeleteGroupInput) (*api.DeleteGroupOutput, error) {
	if err := d.remove(ctx, id.Group, in.GroupName); err != nil {
		return nil, err
	}
	return &api.DeleteGroupOutput{}, nil
}

// ListGroups lists an account's groups by name.
func (d *Directory) ListGroups(ctx context.Context, in *api.ListGroupsInput) (*api.ListGroupsOutput, error) {
	all, next, err := d.principals(ctx, api.OpListGroups, id.Group, in.PageSize, in.PageToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListGroupsOutput{GroupDetails: make([]api.GroupDetail, 0, len(all)), NextPageToken: next}
	for i := range all {
		out.GroupDetails = append(out.GroupDetails, *all[i].groupDetail(partition(ctx)))
	}
	return out, nil
}

// AddUserToGroup makes a user a member. One who is already stays one.
func (d *Directory) AddUserToGroup(ctx context.Context, in *api.AddUserToGroupInput) (*api.AddUserToGroupOutput, error) {
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		group, user, err := findBoth(tx, account, in.GroupName, in.UserName)
		if err != nil {
			return err
		}
		err = checkQuota(tx, groupsPerUser, `SELECT count(*) FROM membership WHERE user_id = ? AND group_id <> ?`, string(user.id), string(group.id))
		if err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO membership (user_id, group_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, string(user.id), string(group.id))
	})
	if err != nil {
		return nil, err
	}
	return &api.AddUserToGroupOutput{}, nil
}

// RemoveUserFromGroup ends a membership, if there is one.
func (d *Directory) RemoveUserFromGroup(ctx context.Context, in *api.RemoveUserFromGroupInput) (*api.RemoveUserFromGroupOutput, error) {
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		group, user, err := findBoth(tx, account, in.GroupName, in.UserName)
		if err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM membership WHERE user_id = ? AND group_id = ?`, string(user.id), string(group.id))
	})
	if err != nil {
		return nil, err
	}
	return &api.RemoveUserFromGroupOutput{}, nil
}

func findBoth(tx *db.Tx, account, groupName, userName string) (group, user principal, err error) {
	if group, err = find(tx, account, id.Group, groupName); err != nil {
		return group, user, err
	}
	user, err = find(tx, account, id.User, userName)
	return group, user, err
}

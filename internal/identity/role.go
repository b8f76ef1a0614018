package identity

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

func (p *principal) roleDetail(partition string) *api.RoleDetail {
	return &api.RoleDetail{
		RoleName: p.name, RoleId: string(p.id), ARN: p.arn(partition).String(), Path: p.path,
		Description: p.data.Description, CreatedTime: db.Time(p.created),
		MaxSessionDuration: int64(p.data.MaxSession), AssumeRolePolicyDocument: p.data.Trust,
	}
}

// CreateRole makes a role. Its trust policy says who may assume it.
func (d *Directory) CreateRole(ctx context.Context, in *api.CreateRoleInput) (*api.CreateRoleOutput, error) {
	if err := checkDocument(in.AssumeRolePolicyDocument, TrustPolicy); err != nil {
		return nil, err
	}
	p, err := d.add(ctx, id.NewRole(), id.Role, in.RoleName, in.Path, principalData{
		Description: api.Or(in.Description, ""), Trust: in.AssumeRolePolicyDocument, MaxSession: api.Or(in.MaxSessionDuration, defaultSession),
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateRoleOutput{RoleDetail: p.roleDetail(partition(ctx))}, nil
}

// DescribeRole answers a role with its policies.
func (d *Directory) DescribeRole(ctx context.Context, in *api.DescribeRoleInput) (*api.DescribeRoleOutput, error) {
	out := &api.DescribeRoleOutput{}
	err := d.view(ctx, func(tx *db.Tx, account string) error {
		p, err := find(tx, account, id.Role, in.RoleName)
		if err != nil {
			return err
		}
		out.RoleDetail = p.roleDetail(partition(ctx))
		out.PolicyARNs, out.InlinePolicies, err = policiesOf(tx, p.id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateRole changes the members that are given. Sessions that run keep their
// length.
func (d *Directory) UpdateRole(ctx context.Context, in *api.UpdateRoleInput) (*api.UpdateRoleOutput, error) {
	if in.AssumeRolePolicyDocument != nil {
		if err := checkDocument(*in.AssumeRolePolicyDocument, TrustPolicy); err != nil {
			return nil, err
		}
	}
	var p principal
	err := d.update(ctx, func(tx *db.Tx, account string) (err error) {
		if p, err = find(tx, account, id.Role, in.RoleName); err != nil {
			return err
		}
		p.data.Description = api.Or(in.Description, p.data.Description)
		p.data.Trust = api.Or(in.AssumeRolePolicyDocument, p.data.Trust)
		p.data.MaxSession = api.Or(in.MaxSessionDuration, p.data.MaxSession)
		return tx.Exec(`UPDATE principal SET data = ? WHERE id = ?`, p.data.encoded(), string(p.id))
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateRoleOutput{RoleDetail: p.roleDetail(partition(ctx))}, nil
}

// DeleteRole removes a role and ends its sessions.
func (d *Directory) DeleteRole(ctx context.Context, in *api.DeleteRoleInput) (*api.DeleteRoleOutput, error) {
	if err := d.remove(ctx, id.Role, in.RoleName); err != nil {
		return nil, err
	}
	return &api.DeleteRoleOutput{}, nil
}

// RevokeRoleSessions ends all sessions of a role and answers how many had not
// expired yet.
func (d *Directory) RevokeRoleSessions(ctx context.Context, in *api.RevokeRoleSessionsInput) (*api.RevokeRoleSessionsOutput, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	out := &api.RevokeRoleSessionsOutput{}
	now := db.Micros(d.serve.now())
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		p, err := find(tx, account, id.Role, in.RoleName)
		if err != nil {
			return err
		}
		out.RevokedCount, err = tx.ExecRows(`DELETE FROM role_session WHERE role_id = ? AND expires > ?`, string(p.id), now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListRoles lists an account's roles by name.
func (d *Directory) ListRoles(ctx context.Context, in *api.ListRolesInput) (*api.ListRolesOutput, error) {
	all, next, err := d.principals(ctx, api.OpListRoles, id.Role, in.PageSize, in.PageToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListRolesOutput{RoleDetails: make([]api.RoleDetail, 0, len(all)), NextPageToken: next}
	for i := range all {
		out.RoleDetails = append(out.RoleDetails, *all[i].roleDetail(partition(ctx)))
	}
	return out, nil
}

package identity

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// ExplainAccess answers whether a user or a role of the account may do
// something, and if not, what it would be told. Nothing is done.
func (d *Directory) ExplainAccess(ctx context.Context, in *api.ExplainAccessInput) (*api.ExplainAccessOutput, error) {
	var p principal
	var h holdings
	err := d.view(ctx, func(tx *db.Tx, account string) (err error) {
		if p, err = findHolder(tx, account, in.PrincipalARN); err != nil {
			return err
		}
		if p.kind == id.Group {
			return api.InvalidParameters("%s is a group: it does nothing itself.", in.PrincipalARN)
		}
		h, err = holdingsOf(tx, &p)
		return err
	})
	if err != nil {
		return nil, err
	}
	c, err := d.serve.caller(&p, h)
	if err != nil {
		return nil, err
	}
	_, err = c.in(CallerFrom(ctx).Region).decide(in.Action, api.Or(in.ResourceARN, "*"), isLeveled(in.Action))
	if err == nil {
		return &api.ExplainAccessOutput{Allowed: true}, nil
	}
	return &api.ExplainAccessOutput{Message: refusalText(err)}, nil
}

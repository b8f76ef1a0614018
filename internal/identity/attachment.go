package identity

import (
	"context"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// findHolder returns the user, group or role of an account that an ARN names:
// whoever can hold policies.
func findHolder(tx *db.Tx, account, arn string) (principal, error) {
	want, err := id.ParsePrincipal(arn)
	if err != nil || want.Kind != id.User && want.Kind != id.Group && want.Kind != id.Role {
		return principal{}, api.InvalidParameters("%s is not the ARN of a user, a group or a role.", arn)
	}
	if want.Account != account {
		return principal{}, noSuch(want.Kind, want.Name) // whether another account has it is not told
	}
	p, ok, err := findARN(tx, want)
	if err == nil && !ok {
		err = noSuch(want.Kind, want.Name)
	}
	return p, err
}

// AttachPolicy gives a policy to a user, a group or a role. Attached twice is
// attached.
func (d *Directory) AttachPolicy(ctx context.Context, in *api.AttachPolicyInput) (*api.AttachPolicyOutput, error) {
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		p, err := findHolder(tx, account, in.PrincipalARN)
		if err != nil {
			return err
		}
		arn, _, err := d.serve.attachable(tx, account, in.PolicyARN)
		if err != nil {
			return err
		}
		err = checkQuota(tx, attachedPolicies, `SELECT count(*) FROM policy_attachment WHERE principal_id = ? AND policy <> ?`, string(p.id), arn)
		if err != nil {
			return err
		}
		return attach(tx, p.id, arn)
	})
	if err != nil {
		return nil, err
	}
	return &api.AttachPolicyOutput{}, nil
}

// DetachPolicy takes an attached policy away.
func (d *Directory) DetachPolicy(ctx context.Context, in *api.DetachPolicyInput) (*api.DetachPolicyOutput, error) {
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		p, err := findHolder(tx, account, in.PrincipalARN)
		if err != nil {
			return err
		}
		arn, _, ok := readPolicyARN(in.PolicyARN)
		if !ok {
			return noSuchPolicy(in.PolicyARN)
		}
		n, err := tx.ExecRows(`DELETE FROM policy_attachment WHERE principal_id = ? AND policy = ?`, string(p.id), arn)
		if err == nil && n == 0 {
			err = api.ResourceNotFound("Policy %s was not found.", in.PolicyARN)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DetachPolicyOutput{}, nil
}

// PutInlinePolicy gives a principal a policy of its own, in place of one of
// the same name.
func (d *Directory) PutInlinePolicy(ctx context.Context, in *api.PutInlinePolicyInput) (*api.PutInlinePolicyOutput, error) {
	if err := checkDocument(in.PolicyDocument, IdentityPolicy); err != nil {
		return nil, err
	}
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		p, err := findHolder(tx, account, in.PrincipalARN)
		if err != nil {
			return err
		}
		err = checkQuota(tx, inlinePolicies, `SELECT count(*) FROM inline_policy WHERE principal_id = ? AND name <> ?`, string(p.id), in.PolicyName)
		if err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO inline_policy (principal_id, name, document) VALUES (?, ?, ?)
			ON CONFLICT (principal_id, name) DO UPDATE SET document = excluded.document`, string(p.id), in.PolicyName, in.PolicyDocument)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutInlinePolicyOutput{}, nil
}

// DeleteInlinePolicy removes one of a principal's own policies.
func (d *Directory) DeleteInlinePolicy(ctx context.Context, in *api.DeleteInlinePolicyInput) (*api.DeleteInlinePolicyOutput, error) {
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		p, err := findHolder(tx, account, in.PrincipalARN)
		if err != nil {
			return err
		}
		n, err := tx.ExecRows(`DELETE FROM inline_policy WHERE principal_id = ? AND name = ?`, string(p.id), in.PolicyName)
		if err == nil && n == 0 {
			err = api.ResourceNotFound("The policy with name %s cannot be found.", in.PolicyName)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteInlinePolicyOutput{}, nil
}

func attach(tx *db.Tx, principal id.Unique, policyARN string) error {
	return tx.Exec(`INSERT INTO policy_attachment (principal_id, policy) VALUES (?, ?) ON CONFLICT DO NOTHING`,
		string(principal), policyARN)
}

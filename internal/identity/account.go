package identity

import (
	"context"
	"errors"
	"fmt"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// An account is what catalogs, provisioned products and principals belong to.
type account struct {
	id      string
	name    string
	unit    string
	created int64
}

func (a *account) detail(o *Organization, partition string) *api.AccountDetail {
	return &api.AccountDetail{
		AccountId: a.id, AccountName: a.name, ParentId: a.unit, CreatedTime: db.Time(a.created),
		ARN: id.OrganizationARN(partition, o.Management, o.ID, "account", a.id).String(),
	}
}

// accessRole is the role that a new account has, by which the management
// account comes in: AWS's own name for it.
const accessRole = "OrganizationAccountAccessRole"

// CreateAccount makes an account with nothing in it but a role that may do
// everything there and that principals of the management account may assume,
// as AWS Organizations does.
func (d *Directory) CreateAccount(ctx context.Context, in *api.CreateAccountInput) (*api.CreateAccountOutput, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	a := account{
		id: api.Or(in.AccountId, ""), name: in.AccountName, unit: api.Or(in.ParentId, ""), created: db.Micros(d.serve.now()),
	}
	if a.id == "" {
		a.id = id.NewAccount()
	}
	role := &principal{
		id: id.NewRole(), account: a.id, kind: id.Role, path: "/", name: api.Or(in.RoleName, accessRole), created: a.created,
		data: principalData{Description: "Lets the management account in", MaxSession: defaultSession},
	}
	if err := role.check(); err != nil {
		return nil, err
	}
	out := &api.CreateAccountOutput{RoleARN: role.arn(partition(ctx)).String()}
	err := d.changeTree(ctx, func(tx *db.Tx, o *Organization) error {
		if err := checkQuota(tx, accountsPerOrganization, `SELECT count(*) FROM account`); err != nil {
			return err
		}
		if err := o.place(&a); err != nil {
			return err
		}
		if err := a.add(tx); err != nil {
			return err
		}
		role.data.Trust = trustIn(o.Management)
		if err := role.add(tx, role.data.encoded()); err != nil {
			return err
		}
		out.AccountDetail = a.detail(o, partition(ctx))
		return attach(tx, role.id, AdministratorAccess)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// trustIn is a trust policy that lets an account's principals in, if their own
// policies let them go.
func trustIn(account string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"sts:AssumeRole"}]}`, account)
}

// place finds the unit that an account is to stand under, by default the root.
func (o *Organization) place(a *account) error {
	for _, u := range o.Units {
		if u.ID == a.unit || a.unit == "" && u.Parent == "" {
			a.unit = u.ID
			return nil
		}
	}
	return noSuchUnit(a.unit)
}

// DescribeAccount answers one account of the organization.
func (d *Directory) DescribeAccount(ctx context.Context, in *api.DescribeAccountInput) (*api.DescribeAccountOutput, error) {
	out := &api.DescribeAccountOutput{}
	err := d.viewTree(ctx, func(tx *db.Tx, o *Organization) error {
		a, err := findAccount(tx, in.AccountId)
		if err == nil {
			out.AccountDetail = a.detail(o, partition(ctx))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateAccount renames an account or moves it to another unit. What is shared
// with the units it comes under or leaves reaches it from now on or no longer.
func (d *Directory) UpdateAccount(ctx context.Context, in *api.UpdateAccountInput) (*api.UpdateAccountOutput, error) {
	out := &api.UpdateAccountOutput{}
	err := d.changeTree(ctx, func(tx *db.Tx, o *Organization) error {
		a, err := findAccount(tx, in.AccountId)
		if err != nil {
			return err
		}
		a.name, a.unit = api.Or(in.AccountName, a.name), api.Or(in.ParentId, a.unit)
		if err := o.place(&a); err != nil {
			return err
		}
		out.AccountDetail = a.detail(o, partition(ctx))
		return tx.Exec(`UPDATE account SET name = ?, unit = ? WHERE id = ?`, a.name, a.unit, a.id)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListAccounts lists the organization's accounts by number, or those directly
// under one unit.
func (d *Directory) ListAccounts(ctx context.Context, in *api.ListAccountsInput) (*api.ListAccountsOutput, error) {
	parent := api.Or(in.ParentId, "")
	p, err := d.page(ctx, api.OpListAccounts, in.PageSize, in.PageToken, parent)
	if err != nil {
		return nil, err
	}
	out := &api.ListAccountsOutput{}
	err = d.viewTree(ctx, func(tx *db.Tx, o *Organization) error {
		condition, args := `id > ?`, []any{p.after}
		if parent != "" {
			if _, err := findUnit(tx, parent); err != nil {
				return err
			}
			condition, args = `unit = ? AND id > ?`, []any{parent, p.after}
		}
		rows, err := db.Collect(tx, func(r *db.Rows) (a account, err error) {
			err = a.scan(r)
			return a, err
		}, `SELECT `+accountColumns+` FROM account WHERE `+condition+` ORDER BY id LIMIT ?`, append(args, p.limit+1)...)
		if err != nil {
			return err
		}
		rows, out.NextPageToken = cut(p, rows, func(a account) string { return a.id })
		out.AccountDetails = make([]api.AccountDetail, 0, len(rows))
		for i := range rows {
			out.AccountDetails = append(out.AccountDetails, *rows[i].detail(o, partition(ctx)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

const accountColumns = `id, name, unit, created`

func (a *account) scan(row interface{ Scan(...any) error }) error {
	return row.Scan(&a.id, &a.name, &a.unit, &a.created)
}

// findAccount returns an account, whoever asks.
func findAccount(tx *db.Tx, number string) (a account, err error) {
	err = a.scan(tx.Row(`SELECT `+accountColumns+` FROM account WHERE id = ?`, number))
	if errors.Is(err, db.ErrNoRows) {
		err = api.ResourceNotFound("You specified an account that doesn't exist: %s", number)
	}
	return a, err
}

func (a *account) add(tx *db.Tx) error {
	n, err := tx.ExecRows(`INSERT INTO account (id, name, unit, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, a.id, a.name, a.unit, a.created)
	if err == nil && n == 0 {
		err = api.DuplicateResource("Account %s already exists.", a.id)
	}
	return err
}

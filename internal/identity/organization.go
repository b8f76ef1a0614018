package identity

import (
	"context"
	"sync"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// An Organization is the tree that all accounts of a server belong to. The
// account of the first administrator manages it.
type Organization struct {
	ID         string   // o-…
	Management string   // the account that manages it
	Delegated  []string // accounts that administer the catalog for it
	Units      []Unit
	version    string // another one after every change
}

// A Unit is one unit of the tree with the accounts that stand directly under
// it. The root is one, without a parent.
type Unit struct {
	ID       string // ou-…, or r-… of the root
	Parent   string
	Accounts []string
}

func (o *Organization) detail(partition string) *api.OrganizationDetail {
	d := &api.OrganizationDetail{
		OrganizationId: o.ID, ARN: id.OrganizationARN(partition, o.Management, o.ID, "", "").String(),
		ManagementAccountId: o.Management, DelegatedAdministratorIds: o.Delegated,
	}
	for _, u := range o.Units {
		if u.Parent == "" {
			d.RootId = u.ID
		}
	}
	return d
}

// organizations remembers the organization while its version stands: the
// catalog asks for it with nearly every request.
type organizations struct {
	mu   sync.Mutex
	last *Organization
}

// Organization returns the organization as tx sees it. It must not be changed.
func (s *Serve) Organization(tx *db.Tx) (*Organization, error) {
	head, err := organizationHead(tx)
	if err != nil {
		return nil, err
	}
	s.organizations.mu.Lock()
	last := s.organizations.last
	s.organizations.mu.Unlock()
	if last != nil && last.version == head.version {
		return last, nil
	}
	o, err := readOrganization(tx)
	if err != nil {
		return nil, err
	}
	s.organizations.mu.Lock()
	s.organizations.last = o
	s.organizations.mu.Unlock()
	return o, nil
}

// AccountExists reports whether the server has the account.
func AccountExists(tx *db.Tx, account string) (bool, error) {
	_, err := findAccount(tx, account)
	if api.Code(err) == api.CodeResourceNotFound {
		return false, nil
	}
	return err == nil, err
}

// mayRead refuses whoever may not look into the organization's tree, in the
// words of AWS Organizations.
func (o *Organization) mayRead(account string) error {
	for _, a := range append([]string{o.Management}, o.Delegated...) {
		if a == account {
			return nil
		}
	}
	return api.AccessDenied("You don't have permissions to access this resource.")
}

// mayChange refuses everybody but the management account.
func (o *Organization) mayChange(account string) error {
	if account == o.Management {
		return nil
	}
	return api.AccessDenied("You don't have permissions to access this resource.")
}

// viewTree runs fn over the organization for whoever may look into it.
func (d *Directory) viewTree(ctx context.Context, fn func(*db.Tx, *Organization) error) error {
	return d.view(ctx, func(tx *db.Tx, account string) error {
		o, err := readOrganization(tx)
		if err == nil {
			err = o.mayRead(account)
		}
		if err != nil {
			return err
		}
		return fn(tx, o)
	})
}

// changeTree runs fn over the organization for its management account and
// gives it a new version.
func (d *Directory) changeTree(ctx context.Context, fn func(*db.Tx, *Organization) error) error {
	version := id.UUID()
	return d.update(ctx, func(tx *db.Tx, account string) error {
		o, err := readOrganization(tx)
		if err == nil {
			err = o.mayChange(account)
		}
		if err == nil {
			err = fn(tx, o)
		}
		if err != nil {
			return err
		}
		return tx.Exec(`UPDATE organization SET version = ? WHERE id = ?`, version, o.ID)
	})
}

// DescribeOrganization answers the organization to any of its accounts.
func (d *Directory) DescribeOrganization(ctx context.Context, _ *api.DescribeOrganizationInput) (*api.DescribeOrganizationOutput, error) {
	out := &api.DescribeOrganizationOutput{}
	err := d.view(ctx, func(tx *db.Tx, _ string) error {
		o, err := readOrganization(tx)
		if err == nil {
			out.OrganizationDetail = o.detail(partition(ctx))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RegisterDelegatedAdministrator lets an account share with the organization
// as its management account does.
func (d *Directory) RegisterDelegatedAdministrator(ctx context.Context, in *api.RegisterDelegatedAdministratorInput) (*api.RegisterDelegatedAdministratorOutput, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	now := db.Micros(d.serve.now())
	err := d.changeTree(ctx, func(tx *db.Tx, o *Organization) error {
		if in.AccountId == o.Management {
			return api.InvalidParameters("You cannot register the management account as a delegated administrator.")
		}
		if _, err := findAccount(tx, in.AccountId); err != nil {
			return err
		}
		if err := checkQuota(tx, delegatedAdministrators, `SELECT count(*) FROM delegated_administrator`); err != nil {
			return err
		}
		n, err := tx.ExecRows(`INSERT INTO delegated_administrator (account, created) VALUES (?, ?) ON CONFLICT DO NOTHING`, in.AccountId, now)
		if err == nil && n == 0 {
			err = api.DuplicateResource("The account %s is already a delegated administrator.", in.AccountId)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.RegisterDelegatedAdministratorOutput{}, nil
}

// DeregisterDelegatedAdministrator ends what RegisterDelegatedAdministrator
// began. What the account shared meanwhile stays shared.
func (d *Directory) DeregisterDelegatedAdministrator(ctx context.Context, in *api.DeregisterDelegatedAdministratorInput) (*api.DeregisterDelegatedAdministratorOutput, error) {
	err := d.changeTree(ctx, func(tx *db.Tx, _ *Organization) error {
		n, err := tx.ExecRows(`DELETE FROM delegated_administrator WHERE account = ?`, in.AccountId)
		if err == nil && n == 0 {
			err = api.ResourceNotFound("The account %s is no delegated administrator.", in.AccountId)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeregisterDelegatedAdministratorOutput{}, nil
}

// organizationHead reads the organization without its tree.
func organizationHead(tx *db.Tx) (*Organization, error) {
	o := &Organization{}
	return o, tx.Row(`SELECT id, management, version FROM organization`).Scan(&o.ID, &o.Management, &o.version)
}

func readOrganization(tx *db.Tx) (*Organization, error) {
	o, err := organizationHead(tx)
	if err != nil {
		return nil, err
	}
	o.Delegated, err = db.Collect(tx, scanText, `SELECT account FROM delegated_administrator ORDER BY account`)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	o.Units, err = db.Collect(tx, func(r *db.Rows) (u Unit, err error) {
		err = r.Scan(&u.ID, &u.Parent)
		at[u.ID] = len(at)
		return u, err
	}, `SELECT id, parent FROM organizational_unit ORDER BY id`)
	if err != nil {
		return nil, err
	}
	_, err = db.Collect(tx, func(r *db.Rows) (account string, err error) {
		var unit string
		if err := r.Scan(&account, &unit); err != nil {
			return "", err
		}
		u := &o.Units[at[unit]]
		u.Accounts = append(u.Accounts, account)
		return account, nil
	}, `SELECT id, unit FROM account ORDER BY id`)
	return o, err
}

// addOrganization makes the organization of a new server: a root, and the
// account that manages it.
func addOrganization(tx *db.Tx, organization, root, management, version string, now int64) error {
	err := tx.Exec(`INSERT INTO organization (id, management, version) VALUES (?, ?, ?)`, organization, management, version)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO organizational_unit (id, parent, folded, name, created) VALUES (?, ?, ?, ?, ?)`, root, "", "root", "Root", now)
}

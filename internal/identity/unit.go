package identity

import (
	"context"
	"errors"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// A unit is one organizational unit, or the root of them all.
type unit struct {
	id      string
	parent  string
	name    string
	created int64
}

// deepestUnit is how many levels of units may stand under the root, as on AWS.
const deepestUnit = 5

func (u *unit) detail(o *Organization, partition string) *api.OrganizationalUnitDetail {
	kind := "ou"
	if u.parent == "" {
		kind = "root"
	}
	return &api.OrganizationalUnitDetail{
		UnitId: u.id, UnitName: u.name, ParentId: u.parent, CreatedTime: db.Time(u.created),
		ARN: id.OrganizationARN(partition, o.Management, o.ID, kind, u.id).String(),
	}
}

func noSuchUnit(unit string) *api.Error {
	return api.ResourceNotFound("You specified an organizational unit that doesn't exist: %s", unit)
}

// depth is how many levels a unit stands under the root; 0 for the root.
func (o *Organization) depth(unit string) int {
	parents := map[string]string{}
	for _, u := range o.Units {
		parents[u.ID] = u.Parent
	}
	depth := 0
	for parents[unit] != "" {
		unit = parents[unit]
		depth++
	}
	return depth
}

// CreateOrganizationalUnit makes a unit, by default directly under the root.
func (d *Directory) CreateOrganizationalUnit(ctx context.Context, in *api.CreateOrganizationalUnitInput) (*api.CreateOrganizationalUnitOutput, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	root, err := d.root(ctx)
	if err != nil {
		return nil, err
	}
	u := unit{
		id: id.NewOrganizationalUnit(root), parent: api.Or(in.ParentId, root), name: in.UnitName, created: db.Micros(d.serve.now()),
	}
	out := &api.CreateOrganizationalUnitOutput{}
	err = d.changeTree(ctx, func(tx *db.Tx, o *Organization) error {
		if err := checkQuota(tx, unitsPerOrganization, `SELECT count(*) FROM organizational_unit WHERE parent <> ''`); err != nil {
			return err
		}
		if _, err := findUnit(tx, u.parent); err != nil {
			return err
		}
		if o.depth(u.parent) >= deepestUnit {
			return api.LimitExceeded("You can nest organizational units only to a depth of five levels.")
		}
		n, err := tx.ExecRows(`INSERT INTO organizational_unit (id, parent, folded, name, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			u.id, u.parent, fold(u.name), u.name, u.created)
		if err == nil && n == 0 {
			err = duplicateUnit()
		}
		out.OrganizationalUnitDetail = u.detail(o, partition(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func duplicateUnit() *api.Error {
	return api.DuplicateResource("An OU with the same name already exists.")
}

// root is the id of the organization's root, which never changes.
func (d *Directory) root(ctx context.Context) (root string, err error) {
	err = d.view(ctx, func(tx *db.Tx, _ string) error {
		return tx.Row(`SELECT id FROM organizational_unit WHERE parent = ''`).Scan(&root)
	})
	return root, err
}

// UpdateOrganizationalUnit renames a unit. The root keeps its name.
func (d *Directory) UpdateOrganizationalUnit(ctx context.Context, in *api.UpdateOrganizationalUnitInput) (*api.UpdateOrganizationalUnitOutput, error) {
	out := &api.UpdateOrganizationalUnitOutput{}
	err := d.changeTree(ctx, func(tx *db.Tx, o *Organization) error {
		u, err := findOwnUnit(tx, in.UnitId)
		if err != nil {
			return err
		}
		u.name = in.UnitName
		var taken int
		err = tx.Row(`SELECT count(*) FROM organizational_unit WHERE parent = ? AND folded = ? AND id <> ?`, u.parent, fold(u.name), u.id).Scan(&taken)
		if err != nil {
			return err
		}
		if taken > 0 {
			return duplicateUnit()
		}
		out.OrganizationalUnitDetail = u.detail(o, partition(ctx))
		return tx.Exec(`UPDATE organizational_unit SET name = ?, folded = ? WHERE id = ?`, u.name, fold(u.name), u.id)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteOrganizationalUnit removes a unit that holds nothing.
func (d *Directory) DeleteOrganizationalUnit(ctx context.Context, in *api.DeleteOrganizationalUnitInput) (*api.DeleteOrganizationalUnitOutput, error) {
	err := d.changeTree(ctx, func(tx *db.Tx, _ *Organization) error {
		u, err := findOwnUnit(tx, in.UnitId)
		if err != nil {
			return err
		}
		var holds int
		err = tx.Row(`SELECT (SELECT count(*) FROM account WHERE unit = ?) + (SELECT count(*) FROM organizational_unit WHERE parent = ?)`, u.id, u.id).Scan(&holds)
		if err != nil {
			return err
		}
		if holds > 0 {
			return api.ResourceInUse("You tried to delete an organizational unit that isn't empty.")
		}
		return tx.Exec(`DELETE FROM organizational_unit WHERE id = ?`, u.id)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteOrganizationalUnitOutput{}, nil
}

// ListOrganizationalUnits lists the root and all units by id.
func (d *Directory) ListOrganizationalUnits(ctx context.Context, in *api.ListOrganizationalUnitsInput) (*api.ListOrganizationalUnitsOutput, error) {
	p, err := d.page(ctx, api.OpListOrganizationalUnits, in.PageSize, in.PageToken, "")
	if err != nil {
		return nil, err
	}
	out := &api.ListOrganizationalUnitsOutput{}
	err = d.viewTree(ctx, func(tx *db.Tx, o *Organization) error {
		rows, err := db.Collect(tx, func(r *db.Rows) (u unit, err error) {
			err = u.scan(r)
			return u, err
		}, `SELECT `+unitColumns+` FROM organizational_unit WHERE id > ? ORDER BY id LIMIT ?`, p.after, p.limit+1)
		if err != nil {
			return err
		}
		rows, out.NextPageToken = cut(p, rows, func(u unit) string { return u.id })
		out.OrganizationalUnitDetails = make([]api.OrganizationalUnitDetail, 0, len(rows))
		for i := range rows {
			out.OrganizationalUnitDetails = append(out.OrganizationalUnitDetails, *rows[i].detail(o, partition(ctx)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

const unitColumns = `id, parent, name, created`

func (u *unit) scan(row interface{ Scan(...any) error }) error {
	return row.Scan(&u.id, &u.parent, &u.name, &u.created)
}

func findUnit(tx *db.Tx, unitID string) (u unit, err error) {
	err = u.scan(tx.Row(`SELECT `+unitColumns+` FROM organizational_unit WHERE id = ?`, unitID))
	if errors.Is(err, db.ErrNoRows) {
		err = noSuchUnit(unitID)
	}
	return u, err
}

// findOwnUnit is findUnit for what is to be changed, which the root is not.
func findOwnUnit(tx *db.Tx, unitID string) (unit, error) {
	u, err := findUnit(tx, unitID)
	if err == nil && u.parent == "" {
		err = api.InvalidParameters("The root of the organization cannot be changed.")
	}
	return u, err
}

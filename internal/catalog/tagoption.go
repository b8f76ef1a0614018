package catalog

import (
	"context"
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// A tagOption is a key and a value that may be asked for at a launch.
type tagOption struct {
	ID      id.TagOption
	Account string
	Region  string
	Key     string
	Value   string
	Active  bool
	Created int64
}

func tagOptionUnknown(name string) error {
	return api.ResourceNotFound("TagOption %s not found", name)
}

func tagOptionExists(key, value string) error {
	return api.DuplicateResource("TagOption with key %s and value %s already exists", key, value)
}

// choices are the tag options of a launch: those of portfolio and product
// together. A key on both offers the values on both; if there are none, the
// two contradict each other and the key offers nothing. Inactive options do
// not count.
func choices(portfolio, product []api.TagOptionDetail) []TagChoice {
	a, b := valuesByKey(portfolio), valuesByKey(product)
	var out []TagChoice
	for key, values := range a {
		if others, both := b[key]; both {
			values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !slices.Contains(others, v) })
		}
		out = append(out, TagChoice{Key: key, Values: values})
	}
	for key, values := range b {
		if _, both := a[key]; !both {
			out = append(out, TagChoice{Key: key, Values: values})
		}
	}
	slices.SortFunc(out, func(x, y TagChoice) int { return strings.Compare(x.Key, y.Key) })
	return out
}

func valuesByKey(options []api.TagOptionDetail) map[string][]string {
	values := map[string][]string{}
	for _, o := range options {
		if o.Active && !slices.Contains(values[o.Key], o.Value) {
			values[o.Key] = append(values[o.Key], o.Value)
		}
	}
	return values
}

// CreateTagOption adds to the library of tag options.
func (c *Catalog) CreateTagOption(ctx context.Context, in *api.CreateTagOptionInput) (*api.CreateTagOptionOutput, error) {
	caller := identity.CallerFrom(ctx)
	o := tagOption{
		ID: id.New[id.TagOption](), Account: caller.Account, Region: caller.Region,
		Key: in.Key, Value: in.Value, Active: true, Created: db.Micros(c.now()),
	}
	err := c.update(ctx, func(tx *db.Tx) error {
		if reserved(in.Key) {
			return api.InvalidParameters("TagOption key %s is not valid: the prefix aws: is reserved.", in.Key)
		}
		if err := checkTagOption(tx, o); err != nil {
			return err
		}
		values, err := count(tx, `SELECT COUNT(*) FROM tag_option WHERE account = ? AND region = ? AND key = ?`, o.Account, o.Region, o.Key)
		if err != nil {
			return err
		}
		if err := exceeds(values, maxTagOptionValues, "values per TagOption key"); err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO tag_option (id, account, region, key, value, active, created) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			o.ID, o.Account, o.Region, o.Key, o.Value, o.Active, o.Created)
	})
	return &api.CreateTagOptionOutput{TagOptionDetail: o.detail()}, err
}

// checkTagOption refuses a key and value that the account has already.
func checkTagOption(tx *db.Tx, o tagOption) error {
	n, err := count(tx, `SELECT COUNT(*) FROM tag_option WHERE account = ? AND region = ? AND key = ? AND value = ?`,
		o.Account, o.Region, o.Key, o.Value)
	if err == nil && n > 0 {
		err = tagOptionExists(o.Key, o.Value)
	}
	return err
}

// DescribeTagOption describes a tag option.
func (c *Catalog) DescribeTagOption(ctx context.Context, in *api.DescribeTagOptionInput) (*api.DescribeTagOptionOutput, error) {
	var o tagOption
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		o, err = ownTagOption(tx, identity.CallerFrom(ctx), in.Id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DescribeTagOptionOutput{TagOptionDetail: o.detail()}, nil
}

// UpdateTagOption changes a value or (de)activates it, wherever it is
// associated. The value that it has already is a duplicate, as on AWS.
func (c *Catalog) UpdateTagOption(ctx context.Context, in *api.UpdateTagOptionInput) (*api.UpdateTagOptionOutput, error) {
	caller := identity.CallerFrom(ctx)
	var o tagOption
	err := c.update(ctx, func(tx *db.Tx) (err error) {
		if o, err = ownTagOption(tx, caller, in.Id); err != nil {
			return err
		}
		set(&o.Active, in.Active)
		if in.Value != nil {
			o.Value = *in.Value
			if err := checkTagOption(tx, o); err != nil {
				return err
			}
		}
		if err := tx.Exec(`UPDATE tag_option SET value = ?, active = ? WHERE id = ? AND account = ?`,
			o.Value, o.Active, o.ID, o.Account); err != nil {
			return err
		}
		resources, err := c.associated(tx, caller, o.ID)
		if err != nil {
			return err
		}
		for _, r := range resources {
			options := *r.tagOptions()
			for i := range options {
				if options[i].Id == string(o.ID) {
					options[i] = *o.detail()
				}
			}
			if err := r.save(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateTagOptionOutput{TagOptionDetail: o.detail()}, nil
}

// DeleteTagOption deletes a tag option that is associated with nothing.
func (c *Catalog) DeleteTagOption(ctx context.Context, in *api.DeleteTagOptionInput) (*api.DeleteTagOptionOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		o, err := ownTagOption(tx, identity.CallerFrom(ctx), in.Id)
		if err != nil {
			return err
		}
		n, err := count(tx, `SELECT COUNT(*) FROM (SELECT 1 FROM tag_option_resource WHERE tag_option = ? LIMIT 1) AS one`, o.ID)
		if err != nil {
			return err
		}
		if n > 0 {
			return api.ResourceInUse("TagOption %s still has associated Resources", o.ID)
		}
		return tx.Exec(`DELETE FROM tag_option WHERE id = ? AND account = ?`, o.ID, o.Account)
	})
	return &api.DeleteTagOptionOutput{}, err
}

// ListTagOptions lists the library, oldest first.
func (c *Catalog) ListTagOptions(ctx context.Context, in *api.ListTagOptionsInput) (*api.ListTagOptionsOutput, error) {
	pg, err := c.page(ctx, api.OpListTagOptions, in.PageSize, in.PageToken, in.Filters)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	query, args := selectTagOption+` WHERE o.account = ? AND o.region = ?`, []any{caller.Account, caller.Region}
	if f := in.Filters; f != nil {
		if f.Key != nil {
			query, args = query+` AND o.key = ?`, append(args, *f.Key)
		}
		if f.Value != nil {
			query, args = query+` AND o.value = ?`, append(args, *f.Value)
		}
		if f.Active != nil {
			query, args = query+` AND o.active = ?`, append(args, *f.Active)
		}
	}
	var rows []tagOption
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		rows, err = db.Collect(tx, scanTagOption, query+` AND (o.created, o.id) > (?, ?) ORDER BY o.created, o.id LIMIT ?`,
			append(slices.Clone(args), pg.after.Number, pg.after.ID, pg.fetch())...)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(pg, rows, func(o tagOption) position { return position{Number: o.Created, ID: string(o.ID)} })
	out := &api.ListTagOptionsOutput{TagOptionDetails: make([]api.TagOptionDetail, len(rows)), PageToken: next}
	for i, o := range rows {
		out.TagOptionDetails[i] = *o.detail()
	}
	return out, nil
}

// AssociateTagOptionWithResource puts a tag option on a portfolio or product:
// it counts for the launches that follow.
func (c *Catalog) AssociateTagOptionWithResource(ctx context.Context, in *api.AssociateTagOptionWithResourceInput) (*api.AssociateTagOptionWithResourceOutput, error) {
	caller, now := identity.CallerFrom(ctx), db.Micros(c.now())
	err := c.update(ctx, func(tx *db.Tx) error {
		r, err := c.ownResource(tx, caller, in.ResourceId)
		if err != nil {
			return err
		}
		o, err := ownTagOption(tx, caller, in.TagOptionId)
		if err != nil {
			return err
		}
		if !o.Active {
			return api.InvalidState("TagOption %s is not active", o.ID)
		}
		if r.product != nil && r.product.Type != api.ProductTypeCloudFormationTemplate {
			return api.InvalidParameters("TagOptions are not supported for product type %s", r.product.Type)
		}
		options := r.tagOptions()
		if slices.ContainsFunc(*options, func(had api.TagOptionDetail) bool { return had.Id == string(o.ID) }) {
			return api.DuplicateResource("TagOption %s is already associated with resource %s", o.ID, in.ResourceId)
		}
		if err := exceeds(len(*options), maxTagOptions, "TagOptions per resource"); err != nil {
			return err
		}
		*options = append(*options, *o.detail())
		if err := r.save(tx); err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO tag_option_resource (tag_option, resource, created) VALUES (?, ?, ?)`, o.ID, r.id(), now)
	})
	return &api.AssociateTagOptionWithResourceOutput{}, err
}

// DisassociateTagOptionFromResource takes a tag option off a portfolio or
// product.
func (c *Catalog) DisassociateTagOptionFromResource(ctx context.Context, in *api.DisassociateTagOptionFromResourceInput) (*api.DisassociateTagOptionFromResourceOutput, error) {
	caller := identity.CallerFrom(ctx)
	err := c.update(ctx, func(tx *db.Tx) error {
		r, err := c.ownResource(tx, caller, in.ResourceId)
		if err != nil {
			return err
		}
		n, err := tx.ExecRows(`DELETE FROM tag_option_resource WHERE tag_option = ? AND resource = ?`, in.TagOptionId, r.id())
		if err != nil {
			return err
		}
		if n == 0 {
			return api.ResourceNotFound("TagOption %s is not associated with resource %s", in.TagOptionId, in.ResourceId)
		}
		options := r.tagOptions()
		*options = slices.DeleteFunc(*options, func(had api.TagOptionDetail) bool { return had.Id == in.TagOptionId })
		return r.save(tx)
	})
	return &api.DisassociateTagOptionFromResourceOutput{}, err
}

// ListResourcesForTagOption lists what a tag option is associated with,
// oldest association first.
func (c *Catalog) ListResourcesForTagOption(ctx context.Context, in *api.ListResourcesForTagOptionInput) (*api.ListResourcesForTagOptionOutput, error) {
	pg, err := c.page(ctx, api.OpListResourcesForTagOption, in.PageSize, in.PageToken, in.TagOptionId, in.ResourceType)
	if err != nil {
		return nil, err
	}
	prefix := ""
	switch api.Or(in.ResourceType, "") {
	case "":
	case portfolioResource:
		prefix = "port-"
	case productResource:
		prefix = "prod-"
	default:
		return nil, api.InvalidParameters("ResourceType must be %s or %s", portfolioResource, productResource)
	}
	caller := identity.CallerFrom(ctx)
	out := &api.ListResourcesForTagOptionOutput{ResourceDetails: []api.ResourceDetail{}}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		if _, err := ownTagOption(tx, caller, in.TagOptionId); err != nil {
			return err
		}
		rows, err := db.Collect(tx, func(r *db.Rows) (position, error) {
			var at position
			err := r.Scan(&at.ID, &at.Number)
			return at, err
		}, `SELECT x.resource, x.created FROM tag_option_resource x
			WHERE x.tag_option = ? AND x.resource >= ? AND x.resource < ? AND (x.created, x.resource) > (?, ?)
			ORDER BY x.created, x.resource LIMIT ?`,
			in.TagOptionId, prefix, prefix+afterWords, pg.after.Number, pg.after.ID, pg.fetch())
		if err != nil {
			return err
		}
		rows, out.PageToken = cut(pg, rows, func(at position) position { return at })
		for _, at := range rows {
			r, err := c.ownResource(tx, caller, at.ID)
			if err != nil {
				return err
			}
			out.ResourceDetails = append(out.ResourceDetails, r.detail())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (o tagOption) detail() *api.TagOptionDetail {
	return &api.TagOptionDetail{Id: string(o.ID), Key: o.Key, Value: o.Value, Active: o.Active, Owner: o.Account}
}

const selectTagOption = `SELECT o.id, o.account, o.region, o.key, o.value, o.active, o.created FROM tag_option o`

func scanTagOption(r *db.Rows) (tagOption, error) {
	var o tagOption
	err := r.Scan(&o.ID, &o.Account, &o.Region, &o.Key, &o.Value, &o.Active, &o.Created)
	return o, err
}

func ownTagOption(tx *db.Tx, caller identity.Caller, optionID string) (tagOption, error) {
	found, err := db.Collect(tx, scanTagOption, selectTagOption+` WHERE o.id = ? AND o.account = ? AND o.region = ?`,
		optionID, caller.Account, caller.Region)
	if err == nil && len(found) == 0 {
		err = tagOptionUnknown(optionID)
	}
	if err != nil {
		return tagOption{}, err
	}
	return found[0], nil
}

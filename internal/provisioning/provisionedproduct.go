package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/identity"
)

// A provisionedProduct is something launched from the catalog. It is gone
// once it is terminated; its records stay.
type provisionedProduct struct {
	ID         id.ProvisionedProduct
	Account    string
	Region     string
	Name       string
	Status     api.ProvisionedProductStatus
	UserARN    string // the owner, without a session's name
	SessionARN string // the owner
	Created    time.Time
	Physical   string    // what it stands for elsewhere, such as a stack's ARN
	LastRecord id.Record // the newest
	provisionedData
	given string // the parameter values of the last successful change, sealed; "" before there is one
	// was is the row as it was read; nil of a new one.
	was *provisionedProduct
}

// provisionedData is what no query filters on. Product, Artifact, Path,
// LaunchRole, UserTags and Change are those of the last successful operation,
// or of the launch while there is none.
type provisionedData struct {
	Type           string // CFN_STACK …
	StatusMessage  string `json:",omitempty"`
	Product        id.Product
	Artifact       id.Artifact
	Path           id.Path         `json:",omitempty"`
	ProductName    string          `json:",omitempty"` // as it was called then
	ArtifactName   string          `json:",omitempty"` // as it was called then
	LaunchRole     string          `json:",omitempty"`
	Hub            string          `json:",omitempty"` // the account that owns the product
	UserTags       []engine.Tag    `json:",omitempty"` // as the user gave them
	RecordTags     []api.RecordTag `json:",omitempty"`
	Topics         []string        `json:",omitempty"` // as the user gave them
	OwnRole        string          `json:",omitempty"` // set as the property LAUNCH_ROLE: wins over the constraint's
	Token          string          `json:",omitempty"` // the idempotency token of the launch
	LastProvision  id.Record       `json:",omitempty"`
	LastSuccessful id.Record       `json:",omitempty"`
	// Change is what a termination or an update starts from.
	Change engine.Change
}

// move brings p to the status that e leads to, false if the status machine
// refuses.
func (p *provisionedProduct) move(e event) bool {
	to, ok := after(p.Status, e)
	if ok {
		p.Status = to
	}
	return ok
}

// DescribeProvisionedProduct answers one provisioned product, by id or name.
func (p *Provisioning) DescribeProvisionedProduct(ctx context.Context, in *api.DescribeProvisionedProductInput) (*api.DescribeProvisionedProductOutput, error) {
	ref, err := oneOf(in.Id, in.Name)
	if err != nil {
		return nil, err
	}
	var pp provisionedProduct
	err = p.view(ctx, func(tx *db.Tx, c identity.Caller) error {
		pp, err = find(tx, granted(c), ref)
		return err
	})
	if err != nil {
		return nil, err
	}
	detail := pp.detail()
	out := &api.DescribeProvisionedProductOutput{ProvisionedProductDetail: &detail}
	out.CloudWatchDashboards, err = p.dashboards(ctx, &pp)
	return out, err
}

// dashboards asks the engine for those among what it made.
func (p *Provisioning) dashboards(ctx context.Context, pp *provisionedProduct) ([]api.CloudWatchDashboard, error) {
	views := []api.CloudWatchDashboard{}
	d, ok := p.engine(pp.Change.Artifact.Type).(engine.Dashboarder)
	if !ok || pp.Physical == "" {
		return views, nil
	}
	change := pp.Change
	change.Physical = pp.Physical
	names, err := d.Dashboards(ctx, change)
	for _, name := range names {
		views = append(views, api.CloudWatchDashboard{Name: name})
	}
	return views, err
}

// ScanProvisionedProducts lists provisioned products in the order of their launch.
func (p *Provisioning) ScanProvisionedProducts(ctx context.Context, in *api.ScanProvisionedProductsInput) (*api.ScanProvisionedProductsOutput, error) {
	within, err := filtered(identity.CallerFrom(ctx), in.AccessLevelFilter)
	if err != nil {
		return nil, err
	}
	pg, err := p.page(ctx, api.OpScanProvisionedProducts, in.PageSize, in.PageToken, strconv.Itoa(int(within.level)))
	if err != nil {
		return nil, err
	}
	var found []provisionedProduct
	err = p.view(ctx, func(tx *db.Tx, _ identity.Caller) error {
		found, err = scan(tx, within, pg)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.ScanProvisionedProductsOutput{ProvisionedProducts: []api.ProvisionedProductDetail{}}
	for i, pp := range found {
		if i == pg.size {
			last := found[i-1]
			out.NextPageToken = p.next(pg, position{Created: last.Created.UnixMicro(), ID: string(last.ID)})
			break
		}
		out.ProvisionedProducts = append(out.ProvisionedProducts, pp.detail())
	}
	return out, nil
}

// GetProvisionedProductOutputs answers the outputs of the last successful
// provisioning operation.
func (p *Provisioning) GetProvisionedProductOutputs(ctx context.Context, in *api.GetProvisionedProductOutputsInput) (*api.GetProvisionedProductOutputsOutput, error) {
	ref, err := oneOf(in.ProvisionedProductId, in.ProvisionedProductName)
	if err != nil {
		return nil, err
	}
	pg, err := p.page(ctx, api.OpGetProvisionedProductOutputs, in.PageSize, in.PageToken, append([]string{ref.id, ref.name}, in.OutputKeys...)...)
	if err != nil {
		return nil, err
	}
	var r record
	err = p.view(ctx, func(tx *db.Tx, c identity.Caller) error {
		pp, err := find(tx, granted(c), ref)
		if err != nil {
			return err
		}
		if pp.LastSuccessful == "" {
			return api.InvalidParameters("Last Successful Provisioning Record doesn't exist.")
		}
		r, err = recordByID(tx, pp.LastSuccessful)
		return err
	})
	if err != nil {
		return nil, err
	}
	outputs := r.Outputs
	if len(in.OutputKeys) > 0 {
		outputs = outputs[:0:0]
		for _, key := range in.OutputKeys {
			i := slices.IndexFunc(r.Outputs, func(o engine.Output) bool { return o.Key == key })
			if i < 0 {
				return nil, api.InvalidParameters("Invalid OutputKey: %s", key)
			}
			outputs = append(outputs, r.Outputs[i])
		}
	}
	out := &api.GetProvisionedProductOutputsOutput{}
	out.Outputs, out.NextPageToken = p.outputPage(pg, outputs)
	return out, nil
}

// detail is the provisioned product as the API shows it.
func (p *provisionedProduct) detail() api.ProvisionedProductDetail {
	return api.ProvisionedProductDetail{
		Arn:                                id.ProvisionedProductARN(p.Region, p.Account, p.Name, p.ID).String(),
		CreatedTime:                        p.Created,
		Id:                                 string(p.ID),
		IdempotencyToken:                   p.Token,
		LastProvisioningRecordId:           string(p.LastProvision),
		LastRecordId:                       string(p.LastRecord),
		LastSuccessfulProvisioningRecordId: string(p.LastSuccessful),
		LaunchRoleArn:                      p.LaunchRole,
		Name:                               p.Name,
		ProductId:                          string(p.Product),
		ProvisioningArtifactId:             string(p.Artifact),
		Status:                             p.Status,
		StatusMessage:                      p.StatusMessage,
		Type:                               p.Type,
	}
}

// A reference names a provisioned product by id or by name.
type reference struct{ id, name string }

// String is what the caller wrote.
func (r reference) String() string { return r.id + r.name }

// oneOf takes exactly one of id and name. The name may be an ARN, as the
// members called …NameOrArn say.
func oneOf(byID, byName *string) (reference, error) {
	switch {
	case byID != nil && byName != nil:
		return reference{}, api.InvalidParameters("Specify either the provisioned product's id or its name, not both.")
	case byID != nil:
		return reference{id: *byID}, nil
	case byName != nil:
		if arn, err := id.ParseARN(*byName); err == nil {
			if _, pp, ok := arn.ProvisionedProduct(); ok {
				return reference{id: string(pp)}, nil
			}
		}
		return reference{name: *byName}, nil
	default:
		return reference{}, api.InvalidParameters("Specify the provisioned product's id or its name.")
	}
}

// inFlight says in a refusal what the product is busy with.
func (p *provisionedProduct) inFlight() string {
	switch p.Status {
	case api.ProvisionedProductStatusUnderChange:
		return "; record " + string(p.LastRecord) + " is in flight"
	case api.ProvisionedProductStatusPlanInProgress:
		return "; it waits for its plan to be executed, and goes with it when that is deleted"
	default:
		return ""
	}
}

const provisionedColumns = "p.id, p.account, p.region, p.name, p.status, p.user_arn, p.session_arn, p.created, p.physical, p.last_record, p.data, p.given"

func scanProvisioned(scan func(...any) error) (provisionedProduct, error) {
	var (
		p       provisionedProduct
		created int64
		data    string
	)
	err := scan(&p.ID, &p.Account, &p.Region, &p.Name, &p.Status, &p.UserARN, &p.SessionARN, &created, &p.Physical, &p.LastRecord, &data, &p.given)
	if err != nil {
		return provisionedProduct{}, err
	}
	p.Created = time.UnixMicro(created).UTC()
	if err := json.Unmarshal([]byte(data), &p.provisionedData); err != nil {
		return provisionedProduct{}, err
	}
	was := p
	p.was = &was
	return p, nil
}

// find reads a provisioned product that the caller may see.
func find(tx *db.Tx, within reach, ref reference) (provisionedProduct, error) {
	where, args := within.sees("p")
	if ref.id != "" {
		where += " AND p.id = ?"
		args = append(args, ref.id)
	} else {
		where += " AND p.name = ?"
		args = append(args, ref.name)
	}
	p, err := scanProvisioned(tx.Row(`SELECT `+provisionedColumns+` FROM provisioned_product p WHERE `+where, args...).Scan)
	if errors.Is(err, db.ErrNoRows) {
		return provisionedProduct{}, api.ResourceNotFound("Provisioned product not found: %s", ref)
	}
	return p, err
}

// provisionedByID reads a provisioned product for the run that changes it.
func provisionedByID(tx *db.Tx, pp id.ProvisionedProduct) (provisionedProduct, error) {
	return scanProvisioned(tx.Row(`SELECT `+provisionedColumns+` FROM provisioned_product p WHERE p.id = ?`, pp).Scan)
}

// scan reads one more row than the page holds, to know whether it is the last.
func scan(tx *db.Tx, within reach, pg page) ([]provisionedProduct, error) {
	where, args := within.sees("p")
	if pg.after.ID != "" {
		where += " AND (p.created, p.id) > (?, ?)"
		args = append(args, pg.after.Created, pg.after.ID)
	}
	args = append(args, pg.size+1)
	return db.Collect(tx, func(rows *db.Rows) (provisionedProduct, error) { return scanProvisioned(rows.Scan) },
		`SELECT `+provisionedColumns+` FROM provisioned_product p WHERE `+where+` ORDER BY p.created, p.id LIMIT ?`, args...)
}

// insert adds the row; false if the name is taken in the account and region.
func (p *provisionedProduct) insert(tx *db.Tx) (bool, error) {
	free, err := p.insertRow(tx)
	if err != nil || !free {
		return false, err
	}
	return true, index(tx, nil, p)
}

func (p *provisionedProduct) insertRow(tx *db.Tx) (bool, error) {
	n, err := tx.ExecRows(`INSERT INTO provisioned_product
		(id, account, region, name, status, user_arn, session_arn, created, physical, last_record, data, given)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, name) DO NOTHING`,
		p.ID, p.Account, p.Region, p.Name, p.Status, p.UserARN, p.SessionARN, p.Created.UnixMicro(), p.Physical, p.LastRecord,
		stored(p.provisionedData), p.given)
	return n == 1, err
}

func (p *provisionedProduct) update(tx *db.Tx) error {
	if err := index(tx, p.was, p); err != nil {
		return err
	}
	return tx.Exec(`UPDATE provisioned_product
		SET status = ?, user_arn = ?, session_arn = ?, physical = ?, last_record = ?, data = ?, given = ? WHERE id = ?`,
		p.Status, p.UserARN, p.SessionARN, p.Physical, p.LastRecord, stored(p.provisionedData), p.given, p.ID)
}

// remove deletes the row, and the plan that was made for it.
func (p *provisionedProduct) remove(tx *db.Tx) error {
	if err := tx.Exec(`DELETE FROM plan WHERE provisioned = ?`, p.ID); err != nil {
		return err
	}
	if err := index(tx, p.was, nil); err != nil {
		return err
	}
	return tx.Exec(`DELETE FROM provisioned_product WHERE id = ?`, p.ID)
}

// write stores what became of the product: gone, it is removed.
func (p *provisionedProduct) write(tx *db.Tx) error {
	if p.Status == gone {
		return p.remove(tx)
	}
	return p.update(tx)
}

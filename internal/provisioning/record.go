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

// The types of records (reference/service-catalog.md 5.2).
const (
	typeProvision = "PROVISION_PRODUCT"
	typeUpdate    = "UPDATE_PROVISIONED_PRODUCT"
	typeTerminate = "TERMINATE_PROVISIONED_PRODUCT"
	typeAction    = "EXECUTE_PROVISIONED_PRODUCT_SERVICE_ACTION"
)

// A record is one operation on a provisioned product, kept for good.
type record struct {
	ID          id.Record
	Account     string
	Region      string
	Provisioned id.ProvisionedProduct
	Product     id.Product
	Status      api.RecordStatus
	UserARN     string // the product's owner then, without a session's name
	SessionARN  string // the product's owner then
	Created     time.Time
	recordData
	given    string           // the parameter values that were asked for, sealed
	previous string           // those that the product had until then, sealed
	report   string           // what the engine reported, as JSON; "" while it has not
	control  string           // who wants the operation to stop; "" if nobody does
	was      api.RecordStatus // as it was read; "" of a new one
}

// recordData is what no query filters on.
type recordData struct {
	Type                      string
	Act                       string // what is done, by the name of its run
	By                        string // who asked for it
	Updated                   time.Time
	Name                      string // of the provisioned product
	ProductType               string // CFN_STACK …
	Artifact                  id.Artifact
	Path                      id.Path           `json:",omitempty"`
	ProductName, ArtifactName string            `json:",omitempty"`
	LaunchRole                string            `json:",omitempty"`
	Hub                       string            `json:",omitempty"` // the account that owns the product
	UserTags                  []engine.Tag      `json:",omitempty"`
	Tags                      []api.RecordTag   `json:",omitempty"`
	Errors                    []api.RecordError `json:",omitempty"`
	Outputs                   []engine.Output   `json:",omitempty"` // secret values are masked before they come here
	// Change is what the engine is asked for, without the artifact's body and
	// without parameter values.
	Change       engine.Change
	Defaults     []value         `json:",omitempty"` // what parameters are that nobody gives
	Refusal      *engine.Failure `json:",omitempty"` // why the engine need not be asked
	IgnoreErrors bool            `json:",omitempty"`
	Token        string          `json:",omitempty"` // idempotency key to forget when a termination ends
	Plan         id.Plan         `json:",omitempty"` // that is executed
	Action       *engine.Action  `json:",omitempty"` // that is executed
	Tainted      bool            `json:",omitempty"` // the product was, before the action
	Keeps        bool            `json:",omitempty"` // what the product is made of stays as it is
	Rehearsal    *Rehearsal      `json:",omitempty"`
}

// open reports whether the operation is still under way.
func (r *record) open() bool {
	return r.Status != api.RecordStatusSucceeded && r.Status != api.RecordStatusFailed
}

// valuesOf is whom the given values were sealed for: a plan's go over to the
// record that executes it.
func (r *record) valuesOf() string {
	if r.Plan != "" {
		return string(r.Plan)
	}
	return string(r.ID)
}

// move brings the record to status by the record status machine, through
// IN_PROGRESS where the engine was quicker than anyone could look.
func (r *record) move(to api.RecordStatus, at time.Time) {
	for _, t := range recordTransitions {
		if t.from == r.Status && t.to == to {
			r.Status, r.Updated = to, at
			return
		}
	}
	if r.Status == api.RecordStatusCreated && to != r.Status {
		r.move(api.RecordStatusInProgress, at)
		r.move(to, at)
	}
}

// passed are the statuses that the record came through since it was read.
func (r *record) passed() []api.RecordStatus {
	way := []api.RecordStatus{api.RecordStatusCreated, api.RecordStatusInProgress, r.Status}
	switch r.was {
	case r.Status:
		return nil
	case "":
	case api.RecordStatusCreated:
		way = way[1:]
	default:
		way = way[2:]
	}
	return way[:slices.Index(way, r.Status)+1]
}

// DescribeRecord answers one record with a page of its outputs.
func (p *Provisioning) DescribeRecord(ctx context.Context, in *api.DescribeRecordInput) (*api.DescribeRecordOutput, error) {
	pg, err := p.page(ctx, api.OpDescribeRecord, in.PageSize, in.PageToken, in.Id)
	if err != nil {
		return nil, err
	}
	var r record
	err = p.view(ctx, func(tx *db.Tx, c identity.Caller) error {
		r, err = recordForOwner(tx, granted(c), in.Id)
		return err
	})
	if err != nil {
		return nil, err
	}
	detail := r.detail()
	out := &api.DescribeRecordOutput{RecordDetail: &detail}
	out.RecordOutputs, out.NextPageToken = p.outputPage(pg, r.Outputs)
	return out, nil
}

// ListRecordHistory answers records, the newest first.
func (p *Provisioning) ListRecordHistory(ctx context.Context, in *api.ListRecordHistoryInput) (*api.ListRecordHistoryOutput, error) {
	within, err := filtered(identity.CallerFrom(ctx), in.AccessLevelFilter)
	if err != nil {
		return nil, err
	}
	column, value := "", ""
	if f := in.SearchFilter; f != nil && f.Key != nil {
		switch *f.Key {
		case "product":
			column = "product"
		case "provisionedproduct":
			column = "provisioned"
		default:
			return nil, api.InvalidInput("%s is an invalid filter.", *f.Key)
		}
		value = api.Or(f.Value, "")
	}
	pg, err := p.page(ctx, api.OpListRecordHistory, in.PageSize, in.PageToken, strconv.Itoa(int(within.level)), column, value)
	if err != nil {
		return nil, err
	}
	var found []record
	err = p.view(ctx, func(tx *db.Tx, _ identity.Caller) error {
		found, err = records(tx, within, column, value, pg)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.ListRecordHistoryOutput{RecordDetails: []api.RecordDetail{}}
	for i, r := range found {
		if i == pg.size {
			last := found[i-1]
			out.NextPageToken = p.next(pg, position{Created: last.Created.UnixMicro(), ID: string(last.ID)})
			break
		}
		out.RecordDetails = append(out.RecordDetails, r.detail())
	}
	return out, nil
}

// outputPage cuts a page out of outputs.
func (p *Provisioning) outputPage(pg page, outputs []engine.Output) ([]api.RecordOutput, string) {
	views := []api.RecordOutput{}
	for i := pg.after.Index; i < len(outputs); i++ {
		if len(views) == pg.size {
			return views, p.next(pg, position{Index: i})
		}
		o := outputs[i]
		view := api.RecordOutput{OutputKey: &o.Key, OutputValue: &o.Value}
		if o.Description != "" {
			view.Description = &o.Description
		}
		views = append(views, view)
	}
	return views, ""
}

// belongTo gives the record to the product's owner: the history of a product
// is seen by its owner, whoever wrote it (UpdateProvisionedProductProperties in
// the model).
func (r *record) belongTo(pp *provisionedProduct) {
	r.UserARN, r.SessionARN = pp.UserARN, pp.SessionARN
}

// detail is the record as the API shows it.
func (r *record) detail() api.RecordDetail {
	d := api.RecordDetail{
		RecordId:               string(r.ID),
		RecordType:             r.Type,
		Status:                 r.Status,
		CreatedTime:            r.Created,
		UpdatedTime:            r.Updated,
		ProvisionedProductId:   string(r.Provisioned),
		ProvisionedProductName: r.Name,
		ProvisionedProductType: r.ProductType,
		ProductId:              string(r.Product),
		ProvisioningArtifactId: string(r.Artifact),
		PathId:                 string(r.Path),
		LaunchRoleArn:          r.LaunchRole,
		RecordErrors:           r.Errors,
		RecordTags:             r.Tags,
	}
	if d.RecordErrors == nil {
		d.RecordErrors = []api.RecordError{}
	}
	if d.RecordTags == nil {
		d.RecordTags = []api.RecordTag{}
	}
	return d
}

const recordColumns = "r.id, r.account, r.region, r.provisioned, r.product, r.status, r.user_arn, r.session_arn, r.created, r.data, r.given, r.previous, r.report, r.control"

func scanRecord(scan func(...any) error) (record, error) {
	var (
		r       record
		created int64
		data    string
	)
	err := scan(&r.ID, &r.Account, &r.Region, &r.Provisioned, &r.Product, &r.Status, &r.UserARN, &r.SessionARN, &created, &data,
		&r.given, &r.previous, &r.report, &r.control)
	if err != nil {
		return record{}, err
	}
	r.Created, r.was = time.UnixMicro(created).UTC(), r.Status
	return r, json.Unmarshal([]byte(data), &r.recordData)
}

// recordForOwner reads a record for whoever owns the provisioned product now,
// or, once that is gone, for whoever owned it then: a new owner may describe
// the past, an old one no longer (UpdateProvisionedProductProperties in the
// model).
func recordForOwner(tx *db.Tx, within reach, recordID string) (record, error) {
	owner, args := within.sees("p")
	former, more := within.sees("r")
	args = append(append([]any{recordID}, args...), more...)
	r, err := scanRecord(tx.Row(`SELECT `+recordColumns+`
		FROM record r LEFT JOIN provisioned_product p ON p.id = r.provisioned
		WHERE r.id = ? AND ((p.id IS NOT NULL AND `+owner+`) OR (p.id IS NULL AND `+former+`))`, args...).Scan)
	if errors.Is(err, db.ErrNoRows) {
		return record{}, api.ResourceNotFound("Record %s not found", recordID)
	}
	return r, err
}

// recordByID reads a record for the run that carries it out.
func recordByID(tx *db.Tx, recordID id.Record) (record, error) {
	return scanRecord(tx.Row(`SELECT `+recordColumns+` FROM record r WHERE r.id = ?`, recordID).Scan)
}

// records reads one more row than the page holds, to know whether it is the last.
func records(tx *db.Tx, within reach, column, value string, pg page) ([]record, error) {
	where, args := within.sees("r")
	if column != "" {
		where += " AND r." + column + " = ?"
		args = append(args, value)
	}
	if pg.after.ID != "" {
		where += " AND (r.created, r.id) < (?, ?)"
		args = append(args, pg.after.Created, pg.after.ID)
	}
	args = append(args, pg.size+1)
	return db.Collect(tx, func(rows *db.Rows) (record, error) { return scanRecord(rows.Scan) },
		`SELECT `+recordColumns+` FROM record r WHERE `+where+` ORDER BY r.created DESC, r.id DESC LIMIT ?`, args...)
}

// stored marshals what a row keeps as JSON, before the transaction.
func stored(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // rows are made of strings, times and lists of them
	}
	return string(text)
}

func (r *record) insert(tx *db.Tx) error {
	return tx.Exec(`INSERT INTO record
		(id, account, region, provisioned, product, status, open, user_arn, session_arn, created, data, given, previous, report, control)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '')`,
		r.ID, r.Account, r.Region, r.Provisioned, r.Product, r.Status, bit(r.open()), r.UserARN, r.SessionARN, r.Created.UnixMicro(),
		stored(r.recordData), r.given, r.previous)
}

// update writes what the operation's own run decides, and nothing of what
// others say of it.
func (r *record) update(tx *db.Tx) error {
	return tx.Exec(`UPDATE record SET status = ?, open = ?, data = ? WHERE id = ?`,
		r.Status, bit(r.open()), stored(r.recordData), r.ID)
}

// bit is a boolean column, which both databases hold as an integer.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/identity"
)

// A plan is what a launch or an update would change, worked out by the
// engine, and executed as it is or not at all. A provisioned product has at most one.
type plan struct {
	ID          id.Plan
	Account     string
	Region      string
	Provisioned id.ProvisionedProduct
	Status      api.ProvisionedProductPlanStatus
	Created     time.Time
	planData
	given    string                           // the parameter values that were asked for, sealed
	previous string                           // those of the product then, sealed
	changes  []engine.ResourceChange          // what the engine would do
	was      api.ProvisionedProductPlanStatus // as it was read; "" of a new one
}

// planData is what no query filters on.
type planData struct {
	Name    string // the plan's own
	Type    api.ProvisionedProductPlanType
	Updated time.Time
	Message string `json:",omitempty"`
	// Base is the product's last record when the plan was made: if that has
	// moved, the product has.
	Base id.Record `json:",omitempty"`
	// Record is what an execution writes, ready but for its id and its maker.
	Record recordData
	// Product is the catalog's, Reference the engine's own name of the plan.
	Product   id.Product
	Reference string     `json:",omitempty"`
	Secrets   []string   `json:",omitempty"` // NoEcho parameters
	Topics    []string   `json:",omitempty"` // as the user gave them
	Refusal   string     `json:",omitempty"` // why the engine need not be asked
	Rehearsal *Rehearsal `json:",omitempty"`
}

// move brings the plan to status by the plan status machine.
func (n *plan) move(to api.ProvisionedProductPlanStatus, at time.Time) bool {
	for _, t := range planTransitions {
		if t.from == n.Status && t.to == to {
			n.Status, n.Updated = to, at
			return true
		}
	}
	return false
}

// act is what an execution does.
func (n *plan) act() act {
	if n.Record.Act == updateAct.run {
		return updateAct
	}
	return launchAct
}

// CreateProvisionedProductPlan works out what a launch or an update would
// change. A product with a new name is allocated at once, with its id, and
// waits for the execution.
func (p *Provisioning) CreateProvisionedProductPlan(ctx context.Context, in *api.CreateProvisionedProductPlanInput) (*api.CreateProvisionedProductPlanOutput, error) {
	tags, err := userTags(in.Tags)
	if err != nil {
		return nil, err
	}
	values, err := askedValues(in.ProvisioningParameters)
	if err != nil {
		return nil, err
	}
	once, err := p.catalog.Once(ctx, "CreateProvisionedProductPlan", in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	fresh := p.newProvisioned(caller, in.ProvisionedProductName)
	fresh.Token, fresh.Topics = in.IdempotencyToken, in.NotificationArns
	made := plan{
		ID: id.New[id.Plan](), Account: caller.Account, Region: caller.Region, Created: fresh.Created,
		planData: planData{Name: in.PlanName, Type: in.PlanType, Topics: in.NotificationArns},
	}
	made.given = p.sealValues(string(made.ID), values)
	run := id.UUID()
	var out api.CreateProvisionedProductPlanOutput
	err = p.db.Update(ctx, func(tx *db.Tx) error {
		if seen, err := once.Answer(tx, &out); seen || err != nil {
			return err
		}
		n, pp := made, fresh // the closure may run twice
		a, err := plannable(tx, granted(caller), &pp)
		if err != nil {
			return err
		}
		launch, err := p.catalog.ResolveLaunch(tx, caller, catalog.LaunchQuery{
			ProductID: in.ProductId, ArtifactID: in.ProvisioningArtifactId, PathID: api.Or(in.PathId, ""),
			ForUpdate: a.kind == engine.Update,
		})
		if err != nil {
			return err
		}
		if err := unplannable(launch); err != nil {
			return err
		}
		if a.kind == engine.Update {
			if err := updatable(&pp, launch, nil, false); err != nil {
				return err
			}
		} else if err := launchable(launch, nil); err != nil {
			return err
		}
		if err := n.prepare(&pp, a, launch, tags, in.Tags != nil, caller); err != nil {
			return err
		}
		n.Refusal = unknownValues(values, launch.Artifact.Template)
		if pp.was == nil {
			describe(&pp, &record{recordData: n.Record, Product: n.Product})
			pp.move(planned)
			free, err := pp.insert(tx)
			if err != nil {
				return err
			}
			if !free {
				return nameTaken(pp.Name)
			}
			if err := p.tell(tx, &pp, n.telling(n.Created)); err != nil {
				return err
			}
		}
		n.move(api.ProvisionedProductPlanStatusCreateInProgress, n.Created)
		if n.Rehearsal, err = p.rehearse(tx, opPlan, &pp); err != nil {
			return err
		}
		if err := n.insert(tx); err != nil {
			return err
		}
		if err := p.tellPlan(tx, &n); err != nil {
			return err
		}
		if err := p.runner.Start(tx, p.beginPlan(run, &n, n.Created)); err != nil {
			return err
		}
		out = api.CreateProvisionedProductPlanOutput{
			PlanId: string(n.ID), PlanName: n.Name, ProvisionProductId: string(pp.ID),
			ProvisionedProductName: pp.Name, ProvisioningArtifactId: string(n.Record.Artifact),
		}
		return once.Keep(tx, &out)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// telling is the plan as the cause of a change of status.
func (n *plan) telling(at time.Time) *record {
	rec := &record{Product: n.Product, recordData: n.Record}
	rec.Plan, rec.Type, rec.Updated = n.ID, "", at
	return rec
}

// plannable finds the product that a plan is for, by its name, and what the
// plan's execution will do to it. A product that does not exist stays as it
// was given.
func plannable(tx *db.Tx, within reach, pp *provisionedProduct) (act, error) {
	found, err := find(tx, within, reference{name: pp.Name})
	if api.Code(err) == api.CodeResourceNotFound {
		return launchAct, nil
	}
	if err != nil {
		return act{}, err
	}
	if _, err := planOf(tx, found.ID); err == nil {
		return act{}, api.InvalidState("Provisioned product %s has a plan already. Delete it before creating another.", found.ID)
	} else if !errors.Is(err, db.ErrNoRows) {
		return act{}, err
	}
	if !found.move(updatePlanned) {
		return act{}, api.InvalidState("Provisioned product %s is %s; a plan needs it to be AVAILABLE or TAINTED.", found.ID, found.Status)
	}
	*pp = found
	return updateAct, nil
}

// prepare fills in what the catalog says and what the execution will record.
func (n *plan) prepare(pp *provisionedProduct, a act, launch catalog.Launch, tags []engine.Tag, given bool, caller identity.Caller) error {
	rec := record{recordData: recordData{Type: a.record, Act: a.run, By: caller.ARN}}
	subject := *pp
	subject.Topics = union(pp.Topics, n.Topics)
	var err error
	if a.kind == engine.Update {
		err = rec.reoffer(&subject, launch, tags, given)
	} else {
		err = rec.offer(&subject, launch, tags)
	}
	if err != nil {
		return err
	}
	n.Provisioned, n.Product, n.Base, n.previous = pp.ID, rec.Product, pp.LastRecord, pp.given
	n.Record = rec.recordData
	if launch.Artifact.Template != nil {
		for _, p := range launch.Artifact.Template.Parameters {
			if p.NoEcho {
				n.Secrets = append(n.Secrets, p.Key)
			}
		}
	}
	return nil
}

// DescribeProvisionedProductPlan answers a plan with a page of its changes.
func (p *Provisioning) DescribeProvisionedProductPlan(ctx context.Context, in *api.DescribeProvisionedProductPlanInput) (*api.DescribeProvisionedProductPlanOutput, error) {
	pg, err := p.page(ctx, api.OpDescribeProvisionedProductPlan, in.PageSize, in.PageToken, in.PlanId)
	if err != nil {
		return nil, err
	}
	var (
		n  plan
		pp provisionedProduct
	)
	err = p.view(ctx, func(tx *db.Tx, c identity.Caller) error {
		n, pp, err = findPlan(tx, granted(c), in.PlanId)
		return err
	})
	if err != nil {
		return nil, err
	}
	values, err := p.openValues(string(n.ID), n.given)
	if err != nil {
		return nil, err
	}
	details := n.details(&pp, values)
	out := &api.DescribeProvisionedProductPlanOutput{ProvisionedProductPlanDetails: &details, ResourceChanges: []api.ResourceChange{}}
	for i := pg.after.Index; i < len(n.changes); i++ {
		if len(out.ResourceChanges) == pg.size {
			out.NextPageToken = p.next(pg, position{Index: i})
			break
		}
		out.ResourceChanges = append(out.ResourceChanges, resourceChange(n.changes[i]))
	}
	return out, nil
}

// ListProvisionedProductPlans lists plans, the oldest first.
func (p *Provisioning) ListProvisionedProductPlans(ctx context.Context, in *api.ListProvisionedProductPlansInput) (*api.ListProvisionedProductPlansOutput, error) {
	within, err := filtered(identity.CallerFrom(ctx), in.AccessLevelFilter)
	if err != nil {
		return nil, err
	}
	of := api.Or(in.ProvisionProductId, "")
	pg, err := p.page(ctx, api.OpListProvisionedProductPlans, in.PageSize, in.PageToken, strconv.Itoa(int(within.level)), of)
	if err != nil {
		return nil, err
	}
	out := &api.ListProvisionedProductPlansOutput{ProvisionedProductPlans: []api.ProvisionedProductPlanSummary{}}
	err = p.view(ctx, func(tx *db.Tx, _ identity.Caller) error {
		if of != "" {
			if _, err := find(tx, within, reference{id: of}); err != nil {
				return err
			}
		}
		found, err := plans(tx, within, of, pg)
		if err != nil {
			return err
		}
		for i, n := range found {
			if i == pg.size {
				last := found[i-1]
				out.NextPageToken = p.next(pg, position{Created: last.Created.UnixMicro(), ID: string(last.ID)})
				break
			}
			out.ProvisionedProductPlans = append(out.ProvisionedProductPlans, n.summary())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ExecuteProvisionedProductPlan does what was planned, no more and no less. A
// product that has changed since needs another plan.
func (p *Provisioning) ExecuteProvisionedProductPlan(ctx context.Context, in *api.ExecuteProvisionedProductPlanInput) (*api.ExecuteProvisionedProductPlanOutput, error) {
	once, err := p.catalog.Once(ctx, "ExecuteProvisionedProductPlan", in.IdempotencyToken, in)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	asked := p.newRecord(caller, act{})
	run := id.UUID()
	var out api.ExecuteProvisionedProductPlanOutput
	err = p.db.Update(ctx, func(tx *db.Tx) error {
		if seen, err := once.Answer(tx, &out); seen || err != nil {
			return err
		}
		n, pp, err := findPlan(tx, granted(caller), in.PlanId)
		if err != nil {
			return err
		}
		if !n.move(api.ProvisionedProductPlanStatusExecuteInProgress, asked.Created) {
			return api.InvalidState("Plan %s is %s and can't be executed; that needs CREATE_SUCCESS.", n.ID, n.Status)
		}
		a := n.act()
		if !pp.move(a.begun) {
			return api.InvalidState("Provisioned product %s is %s and its plan can't be executed%s.", pp.ID, pp.Status, pp.inFlight())
		}
		if pp.LastRecord != n.Base {
			return api.InvalidState("Provisioned product %s has changed since plan %s was created, by record %s. Create a new plan.", pp.ID, n.ID, pp.LastRecord)
		}
		rec := asked // the closure may run twice
		rec.belongTo(&pp)
		rec.recordData, rec.By = n.Record, caller.ARN
		rec.Updated, rec.Plan = rec.Created, n.ID
		rec.Provisioned, rec.Product = pp.ID, n.Product
		rec.given, rec.previous = n.given, n.previous
		rec.Change.Operation, rec.Change.Plan, rec.Change.Principal = string(rec.ID), n.Reference, caller.ARN
		pp.LastRecord, pp.LastProvision = rec.ID, rec.ID
		if err := pp.update(tx); err != nil {
			return err
		}
		if err := p.updatePlan(tx, &n); err != nil {
			return err
		}
		detail, err := p.start(tx, a, &pp, &rec, run)
		if err != nil {
			return err
		}
		out = api.ExecuteProvisionedProductPlanOutput{RecordDetail: detail}
		return once.Keep(tx, &out)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// executed has the plan of a record end as the record did.
func (p *Provisioning) executed(tx *db.Tx, rec *record, message string) error {
	n, err := planByID(tx, rec.Plan)
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	to := api.ProvisionedProductPlanStatusExecuteSuccess
	if rec.Status == api.RecordStatusFailed {
		to, n.Message = api.ProvisionedProductPlanStatusExecuteFailed, message
	}
	n.move(to, rec.Updated)
	return p.updatePlan(tx, &n)
}

// updatePlan writes the plan and tells of its status.
func (p *Provisioning) updatePlan(tx *db.Tx, n *plan) error {
	if err := n.update(tx); err != nil {
		return err
	}
	return p.tellPlan(tx, n)
}

// DeleteProvisionedProductPlan deletes a plan, and with it the product that
// was never launched. What the engine made for the plan goes soon after.
func (p *Provisioning) DeleteProvisionedProductPlan(ctx context.Context, in *api.DeleteProvisionedProductPlanInput) (*api.DeleteProvisionedProductPlanOutput, error) {
	caller := identity.CallerFrom(ctx)
	now := p.now()
	run := id.UUID()
	err := p.db.Update(ctx, func(tx *db.Tx) error {
		n, pp, err := findPlan(tx, granted(caller), in.PlanId)
		if err != nil {
			return err
		}
		if n.Status == api.ProvisionedProductPlanStatusExecuteFailed && !api.Or(in.IgnoreErrors, false) {
			return api.InvalidInput("Cannot delete ChangeSet in execution status EXECUTE_FAILED")
		}
		if !n.move("", now) {
			return api.InvalidParameters("Plan %s is %s and can't be deleted%s.", n.ID, n.Status, pp.inFlight())
		}
		if err := p.tellPlan(tx, &n); err != nil {
			return err
		}
		if err := p.runner.Start(tx, p.beginPlan(run, &n, now)); err != nil {
			return err
		}
		if pp.Status == api.ProvisionedProductStatusPlanInProgress {
			pp.move(planDeleted)
			if err := p.tell(tx, &pp, n.telling(now.UTC())); err != nil {
				return err
			}
			return pp.remove(tx) // and the plan with it
		}
		return tx.Exec(`DELETE FROM plan WHERE id = ?`, n.ID)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteProvisionedProductPlanOutput{}, nil
}

// details is the plan as the API shows it.
func (n *plan) details(pp *provisionedProduct, values []value) api.ProvisionedProductPlanDetails {
	d := api.ProvisionedProductPlanDetails{
		CreatedTime: n.Created, UpdatedTime: n.Updated,
		PlanId: string(n.ID), PlanName: n.Name, PlanType: n.Type,
		ProvisionProductId: string(n.Provisioned), ProvisionProductName: pp.Name,
		ProductId: string(n.Product), ProvisioningArtifactId: string(n.Record.Artifact), PathId: string(n.Record.Path),
		NotificationArns: n.Topics, Status: n.Status, StatusMessage: n.Message,
		ProvisioningParameters: []api.UpdateProvisioningParameter{}, Tags: []api.Tag{},
	}
	if d.NotificationArns == nil {
		d.NotificationArns = []string{}
	}
	for _, v := range values {
		shown := v.Value
		if n.secret(v.Key) && shown != "" {
			shown = masked
		}
		d.ProvisioningParameters = append(d.ProvisioningParameters, api.UpdateProvisioningParameter{
			Key: &v.Key, Value: &shown, UsePreviousValue: &v.Previous,
		})
	}
	for _, t := range n.Record.UserTags {
		d.Tags = append(d.Tags, api.Tag(t))
	}
	return d
}

func (n *plan) secret(key string) bool {
	for _, s := range n.Secrets {
		if s == key {
			return true
		}
	}
	return false
}

func (n *plan) summary() api.ProvisionedProductPlanSummary {
	return api.ProvisionedProductPlanSummary{
		PlanId: string(n.ID), PlanName: n.Name, PlanType: n.Type,
		ProvisionProductId: string(n.Provisioned), ProvisionProductName: n.Record.Name,
		ProvisioningArtifactId: string(n.Record.Artifact),
	}
}

// resourceChange is a change of the engine's preview to the letter.
func resourceChange(c engine.ResourceChange) api.ResourceChange {
	view := api.ResourceChange{
		Action: api.ChangeAction(c.Action), LogicalResourceId: c.LogicalID, PhysicalResourceId: c.PhysicalID,
		ResourceType: c.Type, Replacement: api.Replacement(c.Replacement),
		Scope: []api.ResourceAttribute{}, Details: []api.ResourceChangeDetail{},
	}
	for _, s := range c.Scope {
		view.Scope = append(view.Scope, api.ResourceAttribute(s))
	}
	for _, d := range c.Details {
		view.Details = append(view.Details, api.ResourceChangeDetail{
			CausingEntity: d.CausedBy, Evaluation: api.EvaluationType(d.Evaluation),
			Target: &api.ResourceTargetDefinition{
				Attribute: api.ResourceAttribute(d.Attribute), Name: d.Name, RequiresRecreation: api.RequiresRecreation(d.RequiresRecreation),
			},
		})
	}
	return view
}

const planColumns = "n.id, n.account, n.region, n.provisioned, n.status, n.created, n.data, n.given, n.previous, n.changes"

func scanPlan(scan func(...any) error) (plan, error) {
	var (
		n             plan
		created       int64
		data, changes string
	)
	err := scan(&n.ID, &n.Account, &n.Region, &n.Provisioned, &n.Status, &created, &data, &n.given, &n.previous, &changes)
	if err != nil {
		return plan{}, err
	}
	n.Created, n.was = time.UnixMicro(created).UTC(), n.Status
	if err := json.Unmarshal([]byte(data), &n.planData); err != nil {
		return plan{}, err
	}
	return n, json.Unmarshal([]byte(changes), &n.changes)
}

// findPlan reads the plan of a product that the caller may see, with the
// product.
func findPlan(tx *db.Tx, within reach, planID string) (plan, provisionedProduct, error) {
	n, err := planByID(tx, id.Plan(planID))
	var pp provisionedProduct
	if err == nil {
		pp, err = find(tx, within, reference{id: string(n.Provisioned)})
	}
	if errors.Is(err, db.ErrNoRows) || api.Code(err) == api.CodeResourceNotFound {
		err = api.ResourceNotFound("Plan %s not found", planID)
	}
	return n, pp, err
}

// planByID reads a plan for the run that works on it.
func planByID(tx *db.Tx, planID id.Plan) (plan, error) {
	return scanPlan(tx.Row(`SELECT `+planColumns+` FROM plan n WHERE n.id = ?`, planID).Scan)
}

// planOf reads the plan of a product.
func planOf(tx *db.Tx, pp id.ProvisionedProduct) (plan, error) {
	return scanPlan(tx.Row(`SELECT `+planColumns+` FROM plan n WHERE n.provisioned = ?`, pp).Scan)
}

// plans reads one more row than the page holds, to know whether it is the last.
func plans(tx *db.Tx, within reach, of string, pg page) ([]plan, error) {
	where, args := within.sees("p")
	if of != "" {
		where += " AND n.provisioned = ?"
		args = append(args, of)
	}
	if pg.after.ID != "" {
		where += " AND (n.created, n.id) > (?, ?)"
		args = append(args, pg.after.Created, pg.after.ID)
	}
	args = append([]any{within.caller.Account, within.caller.Region}, append(args, pg.size+1)...)
	return db.Collect(tx, func(rows *db.Rows) (plan, error) { return scanPlan(rows.Scan) },
		`SELECT `+planColumns+` FROM plan n JOIN provisioned_product p ON p.id = n.provisioned
		WHERE n.account = ? AND n.region = ? AND `+where+` ORDER BY n.created, n.id LIMIT ?`, args...)
}

func (n *plan) insert(tx *db.Tx) error {
	return tx.Exec(`INSERT INTO plan (id, account, region, provisioned, status, created, data, given, previous, changes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.ID, n.Account, n.Region, n.Provisioned, n.Status, n.Created.UnixMicro(), stored(n.planData), n.given, n.previous, stored(n.changes))
}

func (n *plan) update(tx *db.Tx) error {
	return tx.Exec(`UPDATE plan SET status = ?, data = ?, changes = ? WHERE id = ?`, n.Status, stored(n.planData), stored(n.changes), n.ID)
}

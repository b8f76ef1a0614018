package provisioning

import (
	"context"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/id"
)

// An alteration is an operation on a product that exists: from the request to
// the record, in one transaction, in the order of reference/service-catalog.md
// section 11 (token, existence, state, meaning).
type alteration struct {
	act  act
	once catalog.Once
	rec  record // as far as the request tells
	// find returns the product, if all is there that the operation names.
	find func(*db.Tx) (provisionedProduct, error)
	// refuse is what is said of a status in which the operation is impossible.
	refuse func(*provisionedProduct) error
	// fill completes the record, or says what is wrong with the request.
	fill func(*db.Tx, *provisionedProduct, *record) error
}

// alter records an alteration and has its run begin; the record as the answer
// shows it.
func (p *Provisioning) alter(ctx context.Context, a alteration) (*api.RecordDetail, error) {
	run := id.UUID()
	var detail *api.RecordDetail
	err := p.db.Update(ctx, func(tx *db.Tx) error {
		if seen, err := a.once.Answer(tx, &detail); seen || err != nil {
			return err
		}
		pp, err := a.find(tx)
		if err != nil {
			return err
		}
		if !pp.move(a.act.begun) {
			return a.refuse(&pp)
		}
		rec := a.rec // the closure may run twice
		rec.belongTo(&pp)
		if err := a.fill(tx, &pp, &rec); err != nil {
			return err
		}
		pp.LastRecord = rec.ID
		if a.act != actionAct {
			// LastProvisioningRecordId moves with terminations too, by the model's words.
			pp.LastProvision = rec.ID
		}
		if err := pp.update(tx); err != nil {
			return err
		}
		if detail, err = p.start(tx, a.act, &pp, &rec, run); err != nil {
			return err
		}
		return a.once.Keep(tx, detail)
	})
	return detail, err
}

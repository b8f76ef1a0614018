package provisioning

import (
	"context"
	"encoding/json"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
	"larder/internal/workflow"
)

// ListDeadLetters lists notices of the caller's account and region that
// nobody took: Larder's own, for operators.
func (p *Provisioning) ListDeadLetters(ctx context.Context, in *api.ListDeadLettersInput) (*api.ListDeadLettersOutput, error) {
	pg, err := p.page(ctx, api.OpListDeadLetters, in.PageSize, in.PageToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListDeadLettersOutput{DeadLetters: []api.DeadLetter{}}
	err = p.view(ctx, func(tx *db.Tx, c identity.Caller) error {
		found, err := deadLetters(tx, c, "", pg.after, pg.size+1)
		if err != nil {
			return err
		}
		for i, n := range found {
			if i == pg.size {
				last := found[i-1]
				out.NextPageToken = p.next(pg, position{ID: string(last.Provisioned), Key: last.Target, Created: last.N})
				break
			}
			out.DeadLetters = append(out.DeadLetters, n.view())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// redeliverMost bounds how many letters one call sends again.
const redeliverMost = 1000

// RedeliverDeadLetters sends dead letters again, behind whatever is on its
// way: those of one provisioned product or of all, at most 1000 at once.
func (p *Provisioning) RedeliverDeadLetters(ctx context.Context, in *api.RedeliverDeadLettersInput) (*api.RedeliverDeadLettersOutput, error) {
	caller := identity.CallerFrom(ctx)
	var count int64
	err := p.db.Update(ctx, func(tx *db.Tx) error {
		found, err := deadLetters(tx, caller, api.Or(in.ProvisionedProductId, ""), position{}, redeliverMost)
		if err != nil {
			return err
		}
		for _, n := range found {
			if err := n.remove(tx); err != nil {
				return err
			}
			if err := p.enqueue(tx, &n); err != nil {
				return err
			}
		}
		count = int64(len(found))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.RedeliverDeadLettersOutput{Count: count}, nil
}

// view is the letter as the API shows it.
func (n *notice) view() api.DeadLetter {
	return api.DeadLetter{
		Id: n.ID, LastError: n.LastError, PreviousStatus: n.From, Status: n.To,
		ProvisionedProductId: string(n.Provisioned), ProvisionedProductName: n.Name,
		Target: strings.TrimPrefix(n.Target, webhookTarget), Time: n.Time,
	}
}

// deadLetters reads letters of the caller's account, of one product or all.
// Only who sees the whole account sees any.
func deadLetters(tx *db.Tx, c identity.Caller, of string, after position, limit int) ([]notice, error) {
	if c.Level != identity.LevelAccount {
		return nil, nil
	}
	where, args := "account = ? AND region = ? AND dead = 1", []any{c.Account, c.Region}
	if of != "" {
		where += " AND provisioned = ?"
		args = append(args, of)
	}
	if after.ID != "" {
		where += " AND (provisioned, target, n) > (?, ?, ?)"
		args = append(args, after.ID, after.Key, after.Created)
	}
	return db.Collect(tx, func(rows *db.Rows) (notice, error) { return scanNotice(rows.Scan) },
		`SELECT `+noticeColumns+` FROM notice WHERE `+where+` ORDER BY provisioned, target, n LIMIT ?`, append(args, limit)...)
}

// enqueue puts a notice on its way. The run that carries it is there already,
// unless it has left the line, which it can't do unseen.
func (p *Provisioning) enqueue(tx *db.Tx, n *notice) error {
	if err := n.insert(tx); err != nil {
		return err
	}
	return p.runner.Start(tx, workflow.Begin{
		ID: noticeRunID(n.Provisioned, n.Target), Definition: noticeRun, Subject: string(n.Provisioned),
		Account: n.Account, Region: n.Region, Input: json.RawMessage(stored(n.Target)),
	})
}

func noticeRunID(pp id.ProvisionedProduct, target string) string {
	return "notice/" + string(pp) + "/" + target
}

package provisioning

import (
	"context"
	"errors"
	"slices"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
	"larder/internal/workflow"
)

// ListOperations lists what is under way in the caller's account and region:
// Larder's own view of the durable runs, for operators.
func (p *Provisioning) ListOperations(ctx context.Context, in *api.ListOperationsInput) (*api.ListOperationsOutput, error) {
	pg, err := p.page(ctx, api.OpListOperations, in.PageSize, in.PageToken, stored(in.States))
	if err != nil {
		return nil, err
	}
	out := &api.ListOperationsOutput{Operations: []api.OperationDetail{}}
	now := p.now()
	err = p.view(ctx, func(tx *db.Tx, c identity.Caller) error {
		filter := workflow.Filter{Account: c.Account, Region: c.Region, After: pg.after.ID, Limit: pg.size + 1}
		for {
			runs, err := workflow.List(tx, filter)
			if err != nil {
				return err
			}
			for _, run := range runs {
				view := operationDetail(run, now)
				if len(in.States) > 0 && !slices.Contains(in.States, view.State) {
					continue
				}
				if seen, err := seesRun(tx, c, run); err != nil || !seen {
					if err != nil {
						return err
					}
					continue
				}
				if len(out.Operations) == pg.size {
					out.NextPageToken = p.next(pg, position{ID: out.Operations[pg.size-1].Id})
					return nil
				}
				out.Operations = append(out.Operations, view)
			}
			if len(runs) < filter.Limit {
				return nil
			}
			filter.After = runs[len(runs)-1].ID
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DescribeOperation answers one run of the caller's account and region.
func (p *Provisioning) DescribeOperation(ctx context.Context, in *api.DescribeOperationInput) (*api.DescribeOperationOutput, error) {
	var run workflow.Info
	var rec record
	err := p.view(ctx, func(tx *db.Tx, c identity.Caller) (err error) {
		if run, err = ownRun(tx, c, in.Id); err != nil || !carriesRecord(run) {
			return err
		}
		rec, err = recordByID(tx, id.Record(run.Subject))
		return err
	})
	if err != nil {
		return nil, err
	}
	detail := operationDetail(run, p.now())
	detail.Progress, err = p.reached(ctx, &rec)
	return &api.DescribeOperationOutput{OperationDetail: &detail}, err
}

// ownRun reads a run of the caller's account and region.
func ownRun(tx *db.Tx, c identity.Caller, runID string) (workflow.Info, error) {
	run, err := workflow.Get(tx, runID)
	seen := err == nil && run.Account == c.Account && run.Region == c.Region
	if seen {
		seen, err = seesRun(tx, c, run)
	}
	if errors.Is(err, db.ErrNoRows) || err == nil && !seen {
		err = api.ResourceNotFound("Operation %s not found; operations that have ended are told by their records", runID)
	}
	return run, err
}

// carriesRecord reports whether a run carries out a record.
func carriesRecord(run workflow.Info) bool {
	return slices.ContainsFunc(acts(), func(a act) bool { return a.run == run.Definition })
}

// seesRun reports whether the caller may see a run of the account: whoever
// sees not all of it sees the runs of what they see.
func seesRun(tx *db.Tx, c identity.Caller, run workflow.Info) (bool, error) {
	if c.Level == identity.LevelAccount {
		return true, nil
	}
	var err error
	if run.Definition == planRun {
		_, _, err = findPlan(tx, granted(c), run.Subject)
	} else {
		_, err = recordForOwner(tx, granted(c), run.Subject)
	}
	if api.Code(err) == api.CodeResourceNotFound {
		return false, nil
	}
	return err == nil, err
}

func operationDetail(run workflow.Info, now time.Time) api.OperationDetail {
	state := api.OperationStateQueued
	switch {
	case run.Awaits != "", run.Due.After(now):
		state = api.OperationStateWaiting
	case run.Node != "":
		state = api.OperationStateRunning
	}
	return api.OperationDetail{
		Id: run.ID, Kind: run.Definition, Subject: run.Subject,
		AccountId: run.Account, Region: run.Region,
		Step: run.Step, State: state, Attempts: int64(run.Attempt), LastError: run.LastError,
		Note: run.Note, StartedTime: run.Started, UpdatedTime: run.Updated, DueTime: run.Due, Deadline: run.Deadline,
	}
}

package provisioning

import (
	"testing"
	"time"

	"larder/internal/api"
)

// statuses are all that a provisioned product can have.
var statuses = []api.ProvisionedProductStatus{
	gone,
	api.ProvisionedProductStatusAvailable,
	api.ProvisionedProductStatusUnderChange,
	api.ProvisionedProductStatusTainted,
	api.ProvisionedProductStatusError,
	api.ProvisionedProductStatusPlanInProgress,
}

// TestProductStatus holds the machine against the table of the reference
// (5.1), pair by pair: what is not named there is refused and changes
// nothing.
func TestProductStatus(t *testing.T) {
	t.Parallel()
	const (
		available   = api.ProvisionedProductStatusAvailable
		underChange = api.ProvisionedProductStatusUnderChange
		tainted     = api.ProvisionedProductStatusTainted
		failed      = api.ProvisionedProductStatusError
		planning    = api.ProvisionedProductStatusPlanInProgress
	)
	want := map[event]map[api.ProvisionedProductStatus]api.ProvisionedProductStatus{
		launched:             {gone: underChange, planning: underChange},
		planned:              {gone: planning},
		planDeleted:          {planning: gone},
		updatePlanned:        {available: available, tainted: tainted},
		updated:              {available: underChange, tainted: underChange},
		updateSucceeded:      {underChange: available},
		updateFailed:         {underChange: tainted},
		imported:             {gone: underChange},
		importSucceeded:      {underChange: available},
		importFailed:         {underChange: gone},
		acted:                {available: underChange, tainted: underChange},
		actionEnded:          {underChange: available},
		actionEndedTainted:   {underChange: tainted},
		propertiesChanged:    {available: available, tainted: tainted, failed: failed},
		launchSucceeded:      {underChange: available},
		launchFailed:         {underChange: failed},
		launchFellShort:      {underChange: tainted},
		terminated:           {available: underChange, tainted: underChange, failed: underChange},
		terminationSucceeded: {underChange: gone},
		terminationFailed:    {underChange: tainted},
	}
	for e, legal := range want {
		for _, from := range statuses {
			to, allowed := legal[from]
			if !allowed {
				to = from
			}
			p := provisionedProduct{Status: from}
			if moved := p.move(e); moved != allowed || p.Status != to {
				t.Errorf("%q in %q: moved %t to %q, want %t to %q", e, from, moved, p.Status, allowed, to)
			}
		}
	}
}

func TestRecordStatus(t *testing.T) {
	t.Parallel()
	const (
		created    = api.RecordStatusCreated
		inProgress = api.RecordStatusInProgress
		inError    = api.RecordStatusInProgressInError
		succeeded  = api.RecordStatusSucceeded
		failed     = api.RecordStatusFailed
	)
	all := []api.RecordStatus{created, inProgress, inError, succeeded, failed}
	// An engine may end before anyone saw the record in progress, hence the
	// ways out of CREATED. What has ended stays as it ended.
	legal := map[api.RecordStatus][]api.RecordStatus{
		created:    {inProgress, inError, succeeded, failed},
		inProgress: {inError, succeeded, failed},
		inError:    {failed},
	}
	at := time.Unix(1, 0)
	for _, from := range all {
		for _, to := range all {
			want := from
			for _, allowed := range legal[from] {
				if allowed == to {
					want = to
				}
			}
			r := record{Status: from}
			r.move(to, at)
			if r.Status != want {
				t.Errorf("%s to %s: %s, want %s", from, to, r.Status, want)
			}
			if moved := want != from; moved != r.Updated.Equal(at) {
				t.Errorf("%s to %s: updated %v", from, to, r.Updated)
			}
		}
	}
}

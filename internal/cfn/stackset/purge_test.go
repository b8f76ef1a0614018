package stackset_test

import (
	"testing"
	"time"

	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func TestPurge(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, "", nil)
		h.set(fated(nil, nil))
		at := func(account string) stackset.InstancesInput {
			return stackset.InstancesInput{Targets: stackset.Targets{Accounts: []string{account}, Regions: []string{east}}}
		}
		h.do(h.CreateInstances, at(first)) // made what still is
		over := h.do(h.CreateInstances, at(second))
		last := h.do(h.UpdateInstances, at(second))
		before := h.told()
		for _, age := range []time.Duration{time.Hour, -time.Hour} {
			if err := h.Purge(t.Context(), age); err != nil {
				t.Fatal(err)
			}
			_, err := h.Operation(t.Context(), admin, home, "set-a", over.ID)
			if purged := err != nil; purged != (age < 0) {
				t.Errorf("after %s: %v", age, err)
			}
			if _, err := h.Operation(t.Context(), admin, home, "set-a", last.ID); err != nil {
				t.Error(err)
			}
			diff(t, "instances", h.told(), before)
		}
	})
}

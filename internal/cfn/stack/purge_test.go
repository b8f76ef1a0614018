package stack_test

import (
	"testing"
	"time"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func TestPurge(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, rules(t, `rules: [{match: {logicalId: Bad}, fail: by rule}]`))
		kept := h.create(stack.CreateInput{Name: "kept", Template: []byte(topic)})
		undone := h.create(stack.CreateInput{Name: "undone", Template: []byte(`Resources: {Bad: {Type: "AWS::SNS::Topic"}}`)})
		gone := h.delete(h.create(stack.CreateInput{Name: "gone", Template: []byte(topic)}))

		if err := h.Purge(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if h.describe(gone.ID); h.told(gone) == "" {
			t.Error("a stack that was deleted just now has no events")
		}
		if err := h.Purge(t.Context(), -time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Describe(t.Context(), account, region, gone.ID); err == nil {
			t.Error("a stack that was deleted long ago is described")
		}
		h.describe(undone.ID)
		if h.told(kept) == "" || h.left(kept) != 1 {
			t.Error("a stack that was not deleted has lost something")
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			for _, table := range []string{"stack_pack", "stack_operation"} {
				var n int
				if err := tx.Row(`SELECT COUNT(*) FROM `+table+` WHERE stack = ?`, gone.ID).Scan(&n); err != nil {
					return err
				}
				if n != 0 {
					t.Errorf("%d rows of %s are left", n, table)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

package stack

import (
	"context"
	"time"

	"larder/internal/db"
)

// Purge drops stacks that were deleted longer ago than an age, with their
// events and operations; what they retained goes on existing. AWS keeps them
// for 90 days (ListStacks in the model). It is for whoever keeps house.
func (s *Stacks) Purge(ctx context.Context, age time.Duration) error {
	const batch = 20
	before := db.Micros(s.now().Add(-age))
	for {
		var gone []string
		err := s.db.Update(ctx, func(tx *db.Tx) (err error) {
			gone, err = db.Collect(tx, func(r *db.Rows) (id string, err error) {
				err = r.Scan(&id)
				return id, err
			}, `SELECT id FROM stack WHERE deleted > 0 AND deleted < ? ORDER BY deleted LIMIT ?`, before, batch)
			if err != nil {
				return err
			}
			for _, id := range gone {
				if err := drop(tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(gone) < batch {
			return err
		}
	}
}

// drop deletes every row of a stack.
func drop(tx *db.Tx, stack string) error {
	for _, table := range []string{"stack_pack", "stack_fold", "stack_operation", "stack_change_set", "stack_signal"} {
		if err := tx.Exec(`DELETE FROM `+table+` WHERE stack = ?`, stack); err != nil {
			return err
		}
	}
	return tx.Exec(`DELETE FROM stack WHERE id = ?`, stack)
}

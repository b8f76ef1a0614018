package stackset

import (
	"context"
	"time"

	"larder/internal/db"
)

// Purge drops operations that ended longer ago than an age, but for those
// that tell how an instance came to be what it is. It is for whoever keeps
// house.
func (s *Sets) Purge(ctx context.Context, age time.Duration) error {
	before := db.Micros(s.now().Add(-age))
	for {
		var old []string
		err := s.db.Update(ctx, func(tx *db.Tx) (err error) {
			// One at a time: an operation may have had ten thousand instances.
			old, err = db.Collect(tx, func(r *db.Rows) (run string, err error) {
				err = r.Scan(&run)
				return run, err
			}, `SELECT run FROM stackset_operation o WHERE ended > 0 AND ended < ?
				AND NOT EXISTS (SELECT 1 FROM stackset_instance i WHERE i.stackset = o.stackset AND i.operation = o.run)
				ORDER BY ended LIMIT 1`, before)
			if err != nil || len(old) == 0 {
				return err
			}
			for _, table := range []string{"stackset_region", "stackset_result"} {
				if err := tx.Exec(`DELETE FROM `+table+` WHERE operation = ?`, old[0]); err != nil {
					return err
				}
			}
			return tx.Exec(`DELETE FROM stackset_operation WHERE run = ?`, old[0])
		})
		if err != nil || len(old) == 0 {
			return err
		}
	}
}

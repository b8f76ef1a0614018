package workflow

import (
	"encoding/json"
	"strings"
	"time"

	"larder/internal/db"
)

// A run is a row of table run. The holder of its lease keeps a copy and needs
// no read between beats: every write is fenced by the epoch, which grows with
// each claim and each beat, so a copy that is not the row's present state
// cannot write.
type run struct {
	id         string
	definition string
	subject    string
	account    string
	region     string
	input      json.RawMessage
	state      json.RawMessage
	step       string
	attempt    int
	lastError  string
	note       string
	due        time.Time
	awaits     string
	deadline   time.Time
	started    time.Time
	updated    time.Time
	epoch      int64

	overdue bool // what the last beat was told; not kept
}

const runColumns = `id, definition, subject, account, region, input, state, step, attempt,
	last_error, note, due, awaits, deadline, started, updated, epoch`

func scanRun(rows *db.Rows) (run, error) {
	var r run
	var due, deadline, started, updated int64
	err := rows.Scan(&r.id, &r.definition, &r.subject, &r.account, &r.region, &r.input, &r.state, &r.step, &r.attempt,
		&r.lastError, &r.note, &due, &r.awaits, &deadline, &started, &updated, &r.epoch)
	r.due, r.deadline, r.started, r.updated = db.Time(due), db.Time(deadline), db.Time(started), db.Time(updated)
	return r, err
}

// wait puts the run off until due, but never past its deadline unless its last
// beat knew that to be over: a beat that began before the deadline and ended
// after it is followed by one that knows.
func (r *run) wait(now time.Time, d time.Duration) {
	r.due = now.Add(max(d, 0))
	if !r.overdue && !r.deadline.IsZero() && r.due.After(r.deadline) {
		r.due = r.deadline
	}
}

// insertRun adds a run, held by owner for ttl or by nobody; *added tells
// after the commit whether it was new.
func insertRun(tx *db.Tx, r run, owner string, ttl time.Duration, added *int64) error {
	const columns = `INSERT INTO run (` + runColumns + `, lease_owner, lease_until)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, `
	args := []any{r.id, r.definition, r.subject, r.account, r.region, r.input, r.state, r.step, r.attempt,
		r.lastError, r.note, db.Micros(r.due), r.awaits, db.Micros(r.deadline), db.Micros(r.started), db.Micros(r.updated),
		r.epoch, owner}
	if owner == "" {
		return tx.ExecCount(added, columns+`0) ON CONFLICT (id) DO NOTHING`, args...)
	}
	return tx.ExecCount(added, columns+`{{now}} + ?) ON CONFLICT (id) DO NOTHING`, append(args, ttl.Microseconds())...)
}

// advanceRun writes the run's next state if owner still holds it at epoch,
// and reports whether it did. A run that is released is held by nobody
// afterwards, any other for ttl anew.
func advanceRun(tx *db.Tx, next run, owner string, epoch int64, release bool, ttl time.Duration) (bool, error) {
	lease, holder, until := `lease_until = {{now}} + ?`, owner, ttl.Microseconds()
	if release {
		lease, holder, until = `lease_until = ?`, "", 0
	}
	n, err := tx.ExecRows(`UPDATE run SET state = ?, step = ?, attempt = ?, last_error = ?, note = ?, due = ?, awaits = ?,
		updated = ?, epoch = ?, lease_owner = ?, `+lease+` WHERE id = ? AND epoch = ? AND lease_owner = ?`,
		next.state, next.step, next.attempt, next.lastError, next.note, db.Micros(next.due), next.awaits,
		db.Micros(next.updated), next.epoch, holder, until, next.id, epoch, owner)
	return n == 1, err
}

// endRun deletes the run if owner still holds it at epoch, and reports
// whether it did, with the latches that were kept for it.
func endRun(tx *db.Tx, id, owner string, epoch int64) (bool, error) {
	n, err := tx.ExecRows(`DELETE FROM run WHERE id = ? AND epoch = ? AND lease_owner = ?`, id, epoch, owner)
	if err != nil || n == 0 {
		return false, err
	}
	// '0' is the character after '/': every key that begins with "id/".
	return true, tx.Exec(`DELETE FROM latch WHERE key >= ? AND key < ?`, id+"/", id+"0")
}

// claimDue takes up to limit runs that are due and held by nobody.
func claimDue(tx *db.Tx, owner string, ttl time.Duration, now time.Time, limit int) ([]run, error) {
	return db.Collect(tx, scanRun, `UPDATE run SET lease_owner = ?, lease_until = {{now}} + ?, awaits = '', epoch = epoch + 1
		WHERE lease_until = 0 AND id IN (SELECT id FROM run WHERE lease_until = 0 AND due <= ? ORDER BY due LIMIT ?)
		RETURNING `+runColumns, owner, ttl.Microseconds(), db.Micros(now), limit)
}

// claimExpired takes up to limit runs whose holder let the lease run out.
func claimExpired(tx *db.Tx, owner string, ttl time.Duration, limit int) ([]run, error) {
	return db.Collect(tx, scanRun, `UPDATE run SET lease_owner = ?, lease_until = {{now}} + ?, epoch = epoch + 1
		WHERE lease_until > 0 AND lease_until < {{now}} AND id IN (
			SELECT id FROM run WHERE lease_until > 0 AND lease_until < {{now}} ORDER BY lease_until LIMIT ?)
		RETURNING `+runColumns, owner, ttl.Microseconds(), limit)
}

// claimAwaiting takes the runs that await key.
func claimAwaiting(tx *db.Tx, key, owner string, ttl time.Duration, now time.Time) ([]run, error) {
	return db.Collect(tx, scanRun, `UPDATE run SET lease_owner = ?, lease_until = {{now}} + ?, awaits = '', due = ?, epoch = epoch + 1
		WHERE awaits = ? AND awaits <> '' RETURNING `+runColumns, owner, ttl.Microseconds(), db.Micros(now), key)
}

// claimOne takes a run from whoever holds it; for owner "" it is held by
// nobody afterwards. What another node does with it counts for nothing from
// now on.
func claimOne(tx *db.Tx, id, owner string, ttl time.Duration, now time.Time) ([]run, error) {
	lease, args := `lease_owner = '', lease_until = 0`, []any{}
	if owner != "" {
		lease, args = `lease_owner = ?, lease_until = {{now}} + ?`, []any{owner, ttl.Microseconds()}
	}
	return db.Collect(tx, scanRun, `UPDATE run SET `+lease+`, awaits = '', due = ?, epoch = epoch + 1
		WHERE id = ? RETURNING `+runColumns, append(args, db.Micros(now), id)...)
}

// wakeAwaiting makes the runs that await key due, held by nobody.
func wakeAwaiting(tx *db.Tx, key string, now time.Time) (int64, error) {
	return tx.ExecRows(`UPDATE run SET awaits = '', due = ?, epoch = epoch + 1 WHERE awaits = ? AND awaits <> ''`,
		db.Micros(now), key)
}

// earliestDue is when the next run that nobody holds is due; the zero time if
// there is none.
func earliestDue(tx *db.Tx) (time.Time, error) {
	var due *int64
	err := tx.Row(`SELECT MIN(due) FROM run WHERE lease_until = 0`).Scan(&due)
	if err != nil || due == nil {
		return time.Time{}, err
	}
	return db.Time(*due), nil
}

// A lease is how long the database says that a run is held.
type lease struct {
	id   string
	left time.Duration // less than nothing of one that has run out
}

// leasesOf reads the leases of owner.
func leasesOf(tx *db.Tx, owner string) ([]lease, error) {
	return db.Collect(tx, func(rows *db.Rows) (l lease, err error) {
		var left int64
		err = rows.Scan(&l.id, &left)
		l.left = time.Duration(left) * time.Microsecond
		return l, err
	}, `SELECT id, lease_until - {{now}} FROM run WHERE lease_until > 0 AND lease_owner = ?`, owner)
}

// extendLeases prolongs the leases of those runs that owner holds still.
func extendLeases(tx *db.Tx, ids []string, owner string, ttl time.Duration) error {
	args := []any{ttl.Microseconds(), owner}
	for _, id := range ids {
		args = append(args, id)
	}
	return tx.Exec(`UPDATE run SET lease_until = {{now}} + ? WHERE lease_until > 0 AND lease_owner = ?
		AND id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)`, args...)
}

// releaseLeases hands back all leases of owner.
func releaseLeases(tx *db.Tx, owner string) error {
	return tx.Exec(`UPDATE run SET lease_owner = '', lease_until = 0, epoch = epoch + 1 WHERE lease_until > 0 AND lease_owner = ?`, owner)
}

// voidLeases hands back the leases of everybody but owner, for a database
// that has only one user.
func voidLeases(tx *db.Tx, owner string) error {
	return tx.Exec(`UPDATE run SET lease_owner = '', lease_until = 0, epoch = epoch + 1 WHERE lease_until > 0 AND lease_owner <> ?`, owner)
}

// Latches.

func putLatch(tx *db.Tx, key string) error {
	return tx.Exec(`INSERT INTO latch (key, arrived) VALUES (?, {{now}}) ON CONFLICT (key) DO NOTHING`, key)
}

// takeLatch removes the latch of key and reports whether there was one.
func takeLatch(tx *db.Tx, key string) (bool, error) {
	n, err := tx.ExecRows(`DELETE FROM latch WHERE key = ?`, key)
	return n > 0, err
}

// dropLatches removes latches nobody asked for in age.
func dropLatches(tx *db.Tx, age time.Duration) error {
	return tx.Exec(`DELETE FROM latch WHERE arrived < {{now}} - ?`, age.Microseconds())
}

// anyExpired reports whether a lease has run out.
func anyExpired(tx *db.Tx) (bool, error) {
	var expired bool
	err := tx.Row(`SELECT EXISTS (SELECT 1 FROM run WHERE lease_until > 0 AND lease_until < {{now}})`).Scan(&expired)
	return expired, err
}

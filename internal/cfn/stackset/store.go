package stackset

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"larder/internal/db"
)

// sets

func scanSet(rows *db.Rows) (set Set, err error) {
	var mark, body string
	if err := rows.Scan(&mark, &body); err != nil {
		return Set{}, err
	}
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		return Set{}, fmt.Errorf("stack set row: %w", err)
	}
	set.mark = mark
	return set, nil
}

func oneSet(tx *db.Tx, query string, args ...any) (Set, error) {
	all, err := db.Collect(tx, scanSet, query, args...)
	if err == nil && len(all) == 0 {
		err = db.ErrNoRows
	}
	if err != nil {
		return Set{}, err
	}
	return all[0], nil
}

func setByID(tx *db.Tx, id string) (Set, error) {
	return oneSet(tx, `SELECT mark, body FROM stackset WHERE id = ?`, id)
}

func setByName(tx *db.Tx, account, region, name string) (Set, error) {
	return oneSet(tx, `SELECT mark, body FROM stackset WHERE account = ? AND region = ? AND name = ? AND active = 1`, account, region, name)
}

// findSet returns a set by its name (the active one), id or ARN. A set of
// another account or region is not found.
func findSet(tx *db.Tx, account, region, name string) (Set, error) {
	if _, inner, ok := strings.Cut(name, ":stackset/"); ok {
		name = inner
	}
	if !strings.Contains(name, ":") {
		return setByName(tx, account, region, name)
	}
	set, err := setByID(tx, name)
	if err == nil && (set.Account != account || set.Region != region) {
		return Set{}, db.ErrNoRows
	}
	return set, err
}

// activeSet is findSet for those who work on the set.
func activeSet(tx *db.Tx, account, region, name string) (Set, error) {
	set, err := findSet(tx, account, region, name)
	if err == nil && set.Deleted {
		return Set{}, db.ErrNoRows
	}
	return set, err
}

func insertSet(tx *db.Tx, set *Set, mark, body string) error {
	return tx.Exec(`INSERT INTO stackset (id, account, region, name, created, active, mark, body) VALUES (?, ?, ?, ?, ?, 1, ?, ?)`,
		set.ID, set.Account, set.Region, set.Name, db.Micros(set.Created), mark, body)
}

// updateSet writes a set that was read with a mark and now bears the next.
func updateSet(tx *db.Tx, set *Set, mark, next, body string) error {
	n, err := tx.ExecRows(`UPDATE stackset SET active = ?, mark = ?, body = ? WHERE id = ? AND mark = ?`, !set.Deleted, next, body, set.ID, mark)
	if err == nil && n != 1 {
		err = errMoved
	}
	return err
}

// operations

// plainColumns are an operation's own, without the number of its failures.
const plainColumns = `run, stackset, id, status, created, ended, report, body, 0`

const operationColumns = `run, stackset, id, status, created, ended, report, body,
	(SELECT CAST(COALESCE(SUM(failed), 0) AS BIGINT) FROM stackset_region WHERE operation = run)`

func scanOperation(rows *db.Rows) (op Operation, err error) {
	var created, ended int64
	var body string
	if err := rows.Scan(&op.run, &op.Set, &op.ID, &op.Status, &created, &ended, &op.report, &body, &op.Failed); err != nil {
		return Operation{}, err
	}
	op.Created, op.Ended = db.Time(created), db.Time(ended)
	if err := json.Unmarshal([]byte(body), &op); err != nil {
		return Operation{}, fmt.Errorf("stack set operation row: %w", err)
	}
	return op, nil
}

func oneOperation(tx *db.Tx, query string, args ...any) (Operation, error) {
	all, err := db.Collect(tx, scanOperation, query, args...)
	if err == nil && len(all) == 0 {
		err = db.ErrNoRows
	}
	if err != nil {
		return Operation{}, err
	}
	return all[0], nil
}

func operationByID(tx *db.Tx, set, id string) (Operation, error) {
	return oneOperation(tx, `SELECT `+operationColumns+` FROM stackset_operation WHERE stackset = ? AND id = ?`, set, id)
}

// operationByRun returns an operation without the number of its failures.
func operationByRun(tx *db.Tx, run string) (Operation, error) {
	return oneOperation(tx, `SELECT `+plainColumns+` FROM stackset_operation WHERE run = ?`, run)
}

// openOperation returns the id of the operation that a set is at; ErrNoRows if
// there is none.
func openOperation(tx *db.Tx, set string) (id string, err error) {
	err = tx.Row(`SELECT id FROM stackset_operation WHERE stackset = ? AND ended = 0`, set).Scan(&id)
	return id, err
}

func insertOperation(tx *db.Tx, op *Operation, body string) error {
	return tx.Exec(`INSERT INTO stackset_operation (run, stackset, id, status, created, ended, report, body) VALUES (?, ?, ?, ?, ?, 0, ?, ?)`,
		op.run, op.Set, op.ID, op.Status, db.Micros(op.Created), op.report, body)
}

// setStatus changes the status that an operation was seen in.
func setStatus(tx *db.Tx, run string, from, to Status, ended time.Time) error {
	n, err := tx.ExecRows(`UPDATE stackset_operation SET status = ?, ended = ? WHERE run = ? AND status = ?`, to, db.Micros(ended), run, from)
	if err == nil && n != 1 {
		err = errMoved
	}
	return err
}

// statusOf is the status of an operation as it stands.
func statusOf(tx *db.Tx, run string) (status Status, err error) {
	err = tx.Row(`SELECT status FROM stackset_operation WHERE run = ?`, run).Scan(&status)
	return status, err
}

// regions and their counters

const countColumns = `place, region, total, running, succeeded, failed, canceled`

// numbered is a count and the place of its region.
type numbered struct {
	Count
	place int
}

func scanCount(rows *db.Rows) (c numbered, err error) {
	err = rows.Scan(&c.place, &c.Region, &c.Total, &c.Running, &c.Succeeded, &c.Failed, &c.Canceled)
	return c, err
}

func counts(tx *db.Tx, run string) ([]numbered, error) {
	return db.Collect(tx, scanCount, `SELECT `+countColumns+` FROM stackset_region WHERE operation = ? ORDER BY place`, run)
}

// chunk is how many rows or values one statement takes.
const chunk = 200

// chunks calls fn with parts of a list, and with the placeholders for a part.
func chunks(list []string, row string, fn func(part []string, rows string) error) error {
	for len(list) > 0 {
		part := list[:min(chunk, len(list))]
		if err := fn(part, row+strings.Repeat(", "+row, len(part)-1)); err != nil {
			return err
		}
		list = list[len(part):]
	}
	return nil
}

func insertRegions(tx *db.Tx, run string, regions []string) error {
	place := 0
	return chunks(regions, `(?, ?, ?, 0, 0, 0, 0, 0)`, func(part []string, rows string) error {
		var args []any
		for _, region := range part {
			args = append(args, run, place, region)
			place++
		}
		return tx.Exec(`INSERT INTO stackset_region (operation, place, region, total, running, succeeded, failed, canceled) VALUES `+rows, args...)
	})
}

// countRegions counts what was enlisted.
func countRegions(tx *db.Tx, run string) error {
	return tx.Exec(`UPDATE stackset_region SET total = (SELECT COUNT(*) FROM stackset_result x
		WHERE x.operation = stackset_region.operation AND x.place = stackset_region.place) WHERE operation = ?`, run)
}

func updateCount(tx *db.Tx, run string, c numbered) error {
	return tx.Exec(`UPDATE stackset_region SET running = ?, succeeded = ?, failed = ? WHERE operation = ? AND place = ?`,
		c.Running, c.Succeeded, c.Failed, run, c.place)
}

// results

const resultInto = `INSERT INTO stackset_result (operation, place, account, region, stage, status, reason, ended) `

// enlistNew enlists accounts in every region of an operation, and makes the
// instances that do not exist.
func enlistNew(tx *db.Tx, run, set, first string, accounts []string) error {
	err := chunks(accounts, `(?, 0, ?, ?, 0, 'PENDING', '', 0)`, func(part []string, rows string) error {
		var args []any
		for _, account := range part {
			args = append(args, run, account, first)
		}
		return tx.Exec(resultInto+`VALUES `+rows, args...)
	})
	if err != nil {
		return err
	}
	err = tx.Exec(resultInto+`SELECT x.operation, r.place, x.account, r.region, 0, 'PENDING', '', 0
		FROM stackset_result x JOIN stackset_region r ON r.operation = x.operation
		WHERE x.operation = ? AND x.place = 0 AND r.place > 0`, run)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO stackset_instance (stackset, account, region, status, stack, operation, overrides)
		SELECT CAST(? AS TEXT), account, region, 'OUTDATED', '', '', '' FROM stackset_result WHERE operation = ?
		ON CONFLICT (stackset, account, region) DO NOTHING`, set, run)
}

const enlistInstances = resultInto + `SELECT r.operation, r.place, i.account, i.region, 0, 'PENDING', '', 0
	FROM stackset_region r JOIN stackset_instance i ON i.stackset = ? AND i.region = r.region WHERE r.operation = ?`

const operable = ` AND i.status <> 'INOPERABLE'`

// enlistExisting enlists those instances of accounts, in an operation's
// regions, that exist, or only those of them that are operable.
func enlistExisting(tx *db.Tx, run, set string, accounts []string, onlyOperable bool) error {
	query := enlistInstances
	if onlyOperable {
		query += operable
	}
	return chunks(accounts, `?`, func(part []string, values string) error {
		args := []any{set, run}
		for _, account := range part {
			args = append(args, account)
		}
		return tx.Exec(query+` AND i.account IN (`+values+`)`, args...)
	})
}

// enlistAll enlists all instances of a set, for an update those that one may
// touch.
func enlistAll(tx *db.Tx, run, set string, action Action) error {
	query := enlistInstances
	if action == Update {
		query += operable
	}
	return tx.Exec(query, set, run)
}

func scanOutcome(rows *db.Rows) (o Outcome, err error) {
	err = rows.Scan(&o.place, &o.Account, &o.Region, &o.Status, &o.Reason)
	return o, err
}

const outcomeColumns = `place, account, region, status, reason`

// The stages of a result: settled is written by the instance's run, the
// others by the operation's.
const (
	waiting = iota
	underWay
	settled
	counted
)

// outcomesAt returns instances of a region that are at a stage, by account.
func outcomesAt(tx *db.Tx, run string, stage, place, limit int) ([]Outcome, error) {
	return db.Collect(tx, scanOutcome, `SELECT `+outcomeColumns+` FROM stackset_result
		WHERE operation = ? AND stage = ? AND place = ? ORDER BY account LIMIT ?`, run, stage, place, limit)
}

// uncounted is how many instances of a region have settled and are not counted
// yet, and how many of them have failed.
func uncounted(tx *db.Tx, run string, place int) (all, failures int, err error) {
	err = tx.Row(`SELECT COUNT(*), CAST(COALESCE(SUM(CASE status WHEN 'FAILED' THEN 1 ELSE 0 END), 0) AS BIGINT)
		FROM stackset_result WHERE operation = ? AND stage = ? AND place = ?`, run, settled, place).Scan(&all, &failures)
	return all, failures, err
}

// advance puts results of a region on from one stage to the next.
func advance(tx *db.Tx, run string, of []Outcome, stage int) error {
	status := ``
	if stage == underWay {
		status = `, status = 'RUNNING'`
	}
	accounts := make([]string, len(of))
	for i, o := range of {
		accounts[i] = o.Account
	}
	return chunks(accounts, `?`, func(part []string, values string) error {
		args := []any{stage, run, of[0].place, stage - 1}
		for _, account := range part {
			args = append(args, account)
		}
		return tx.Exec(`UPDATE stackset_result SET stage = ?`+status+` WHERE operation = ? AND place = ? AND stage = ? AND account IN (`+values+`)`, args...)
	})
}

// cancelWaiting cancels whatever an operation has not begun, in all regions.
func cancelWaiting(tx *db.Tx, run, reason string, now time.Time) error {
	err := tx.Exec(`UPDATE stackset_result SET stage = ?, status = 'CANCELLED', reason = ?, ended = ? WHERE operation = ? AND stage = ?`,
		counted, reason, db.Micros(now), run, waiting)
	if err != nil {
		return err
	}
	return tx.Exec(`UPDATE stackset_region SET canceled = total - running - succeeded - failed WHERE operation = ?`, run)
}

// resultOf returns what an operation has come to for an instance, and at
// which stage it is.
func resultOf(tx *db.Tx, run string, place int, account string) (o Outcome, stage int, err error) {
	o.place, o.Account = place, account
	err = tx.Row(`SELECT region, status, reason, stage FROM stackset_result WHERE operation = ? AND place = ? AND account = ?`,
		run, place, account).Scan(&o.Region, &o.Status, &o.Reason, &stage)
	return o, stage, err
}

func settle(tx *db.Tx, run string, o Outcome, now time.Time) error {
	return tx.Exec(`UPDATE stackset_result SET stage = ?, status = ?, reason = ?, ended = ? WHERE operation = ? AND place = ? AND account = ? AND stage = ?`,
		settled, o.Status, o.Reason, db.Micros(now), run, o.place, o.Account, underWay)
}

// instances

const instanceFrom = `SELECT i.account, i.region, i.status, i.stack, i.overrides, COALESCE(o.id, ''), COALESCE(x.status, ''), COALESCE(x.reason, '')
	FROM stackset_instance i
	LEFT JOIN stackset_operation o ON o.run = i.operation
	LEFT JOIN stackset_region r ON r.operation = i.operation AND r.region = i.region
	LEFT JOIN stackset_result x ON x.operation = r.operation AND x.place = r.place AND x.account = i.account
	WHERE i.stackset = ?`

func scanInstance(rows *db.Rows) (i Instance, err error) {
	var overrides string
	if err := rows.Scan(&i.Account, &i.Region, &i.Status, &i.Stack, &overrides, &i.Operation, &i.Result, &i.Reason); err != nil {
		return Instance{}, err
	}
	i.Overrides, err = decodeOverrides(overrides)
	return i, err
}

// instanceAt returns what an instance's own row says.
func instanceAt(tx *db.Tx, set string, at Place) (i Instance, err error) {
	var overrides string
	err = tx.Row(`SELECT status, stack, overrides FROM stackset_instance WHERE stackset = ? AND account = ? AND region = ?`,
		set, at.Account, at.Region).Scan(&i.Status, &i.Stack, &overrides)
	if err != nil {
		return Instance{}, err
	}
	i.Set, i.Place = set, at
	i.Overrides, err = decodeOverrides(overrides)
	return i, err
}

func updateInstance(tx *db.Tx, i *Instance) error {
	return tx.Exec(`UPDATE stackset_instance SET status = ?, stack = ? WHERE stackset = ? AND account = ? AND region = ?`,
		i.Status, i.Stack, i.Set, i.Account, i.Region)
}

func dropInstance(tx *db.Tx, i *Instance) error {
	return tx.Exec(`DELETE FROM stackset_instance WHERE stackset = ? AND account = ? AND region = ?`, i.Set, i.Account, i.Region)
}

// outdateAll says that no instance is up to date any more.
func outdateAll(tx *db.Tx, set string) error {
	return tx.Exec(`UPDATE stackset_instance SET status = 'OUTDATED' WHERE stackset = ? AND status = 'CURRENT'`, set)
}

const enlisted = ` FROM stackset_result x WHERE x.operation = ? AND stackset = ? AND stackset_instance.account = x.account AND stackset_instance.region = x.region`

// overrideInstances gives the instances that an operation concerns other
// overrides. One whose overrides were replaced is marked by the operation, so
// that what it has now is not taken for what it had.
func overrideInstances(tx *db.Tx, run, set, before, after string) error {
	query := `UPDATE stackset_instance SET overrides = ?, operation = ?,
		status = CASE stackset_instance.status WHEN 'INOPERABLE' THEN 'INOPERABLE' ELSE 'OUTDATED' END` + enlisted
	args := []any{after, run, run, set}
	if before != anyOverrides {
		query += ` AND stackset_instance.operation <> ? AND stackset_instance.overrides = ?`
		args = append(args, run, before)
	}
	return tx.Exec(query, args...)
}

// concern marks the instances that an operation concerns.
func concern(tx *db.Tx, run, set string) error {
	return tx.Exec(`UPDATE stackset_instance SET operation = ?`+enlisted, run, run, set)
}

func distinctOverrides(tx *db.Tx, set string) ([]string, error) {
	return texts(tx, `SELECT DISTINCT overrides FROM stackset_instance WHERE stackset = ? AND overrides <> ''`, set)
}

func regionsOf(tx *db.Tx, set string) ([]string, error) {
	return texts(tx, `SELECT DISTINCT region FROM stackset_instance WHERE stackset = ? ORDER BY region`, set)
}

func texts(tx *db.Tx, query string, args ...any) ([]string, error) {
	return db.Collect(tx, func(rows *db.Rows) (s string, err error) {
		err = rows.Scan(&s)
		return s, err
	}, query, args...)
}

func hasInstances(tx *db.Tx, set string) (has bool, err error) {
	err = tx.Row(`SELECT EXISTS (SELECT 1 FROM stackset_instance WHERE stackset = ?)`, set).Scan(&has)
	return has, err
}

func countInstances(tx *db.Tx, set string) (n int, err error) {
	err = tx.Row(`SELECT COUNT(*) FROM stackset_instance WHERE stackset = ?`, set).Scan(&n)
	return n, err
}

// existing refuses targets of which not every instance exists.
func existing(tx *db.Tx, set string, t Targets) error {
	for _, region := range t.Regions {
		found := 0
		err := chunks(t.Accounts, `?`, func(part []string, values string) error {
			args := []any{set, region}
			for _, account := range part {
				args = append(args, account)
			}
			var n int
			err := tx.Row(`SELECT COUNT(*) FROM stackset_instance WHERE stackset = ? AND region = ? AND account IN (`+values+`)`, args...).Scan(&n)
			found += n
			return err
		})
		if err != nil {
			return err
		}
		if found < len(t.Accounts) {
			return refuse("StackInstanceNotFoundException", "%d of the stack instances in region %s are not found", len(t.Accounts)-found, region)
		}
	}
	return nil
}

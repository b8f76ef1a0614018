package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"larder/internal/db"
	"larder/internal/workflow"
)

// errMoved means that a stack has changed since it was read; whoever wanted
// to change it looks again.
var errMoved = errors.New("the stack has changed meanwhile")

func none(err error) bool { return errors.Is(err, db.ErrNoRows) }

func decodeStack(mark, body string) (Stack, error) {
	var st Stack
	if err := json.Unmarshal([]byte(body), &st); err != nil {
		return Stack{}, fmt.Errorf("stack row: %w", err)
	}
	st.mark = mark
	return st, nil
}

func (st *Stack) encode() (string, error) {
	text, err := json.Marshal(st)
	return string(text), err
}

func scanStack(rows *db.Rows) (Stack, error) {
	var mark, body string
	if err := rows.Scan(&mark, &body); err != nil {
		return Stack{}, err
	}
	return decodeStack(mark, body)
}

func stackByID(tx *db.Tx, id string) (Stack, error) {
	var mark, body string
	if err := tx.Row(`SELECT mark, body FROM stack WHERE id = ?`, id).Scan(&mark, &body); err != nil {
		return Stack{}, err
	}
	return decodeStack(mark, body)
}

func stackByName(tx *db.Tx, account, region, name string) (Stack, error) {
	var mark, body string
	err := tx.Row(`SELECT mark, body FROM stack WHERE account = ? AND region = ? AND name = ? AND active = 1`,
		account, region, name).Scan(&mark, &body)
	if err != nil {
		return Stack{}, err
	}
	return decodeStack(mark, body)
}

func insertStack(tx *db.Tx, st *Stack, mark, body string) error {
	return tx.Exec(`INSERT INTO stack (id, account, region, name, root, status, created, active, mark, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)`,
		st.ID, st.Account, st.Region, st.Name, st.Root, st.Status, db.Micros(st.Created), mark, body)
}

// updateStack writes a stack that was read with st.mark and now bears mark.
func updateStack(tx *db.Tx, st *Stack, mark, body string) error {
	var deleted int64
	if st.Status == DeleteComplete {
		deleted = db.Micros(st.Deleted)
	}
	n, err := tx.ExecRows(`UPDATE stack SET status = ?, active = ?, deleted = ?, mark = ?, body = ? WHERE id = ? AND mark = ?`,
		st.Status, st.Status != DeleteComplete, deleted, mark, body, st.ID, st.mark)
	if err != nil {
		return err
	}
	if n != 1 {
		return errMoved
	}
	return nil
}

// countNested counts the nested stacks of a root.
func countNested(tx *db.Tx, root string) (n int, err error) {
	err = tx.Row(`SELECT COUNT(*) FROM stack WHERE root = ? AND root <> '' AND active = 1`, root).Scan(&n)
	return n, err
}

func insertPack(tx *db.Tx, stack string, number int64, body string) error {
	return tx.Exec(`INSERT INTO stack_pack (stack, number, body) VALUES (?, ?, ?)`, stack, number, body)
}

// numbered is a pack at rest.
type numbered struct {
	number int64
	body   string
}

func scanPack(r *db.Rows) (p numbered, err error) {
	err = r.Scan(&p.number, &p.body)
	return p, err
}

// allPacks returns what a stack's packs come to, in order: what they were
// folded into, if they were, and those since.
func allPacks(tx *db.Tx, stack string) ([]numbered, error) {
	return db.Collect(tx, scanPack, `SELECT number, body FROM stack_fold WHERE stack = ?
		UNION ALL SELECT number, body FROM stack_pack WHERE stack = ?
		AND number > COALESCE((SELECT number FROM stack_fold WHERE stack = ?), 0) ORDER BY number`, stack, stack, stack)
}

// putFold keeps what a stack's packs up to a number come to.
func putFold(tx *db.Tx, stack string, number int64, body string) error {
	return tx.Exec(`INSERT INTO stack_fold (stack, number, body) VALUES (?, ?, ?)
		ON CONFLICT (stack) DO UPDATE SET number = excluded.number, body = excluded.body`, stack, number, body)
}

func packsBefore(tx *db.Tx, stack string, number int64, limit int) ([]numbered, error) {
	return db.Collect(tx, scanPack, `SELECT number, body FROM stack_pack WHERE stack = ? AND number <= ? ORDER BY number DESC LIMIT ?`, stack, number, limit)
}

// operation rows

func findOperation(tx *db.Tx, account, region string, kind Kind, id string) (Operation, error) {
	op := Operation{ID: id, Kind: kind}
	var body string
	err := tx.Row(`SELECT stack, ended, body FROM stack_operation WHERE account = ? AND region = ? AND kind = ? AND id = ?`,
		account, region, kind, id).Scan(&op.Stack, &op.Ended, &body)
	if err != nil {
		return Operation{}, err
	}
	if body != "" {
		if err := json.Unmarshal([]byte(body), &op); err != nil {
			return Operation{}, fmt.Errorf("stack operation row: %w", err)
		}
	}
	return op, nil
}

func insertOperation(tx *db.Tx, st *Stack, kind Kind, id, report string, ended bool, body string) error {
	request := ""
	if st.Journal.Operation == id {
		request = st.Journal.Request
	}
	return tx.Exec(`INSERT INTO stack_operation (account, region, kind, id, stack, report, ended, body, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		st.Account, st.Region, kind, id, st.ID, report, ended, body, request)
}

// endOperations ends what is open of a stack, and tells those who wait.
func endOperations(tx *db.Tx, runner *workflow.Runner, stack, body string) error {
	reports, err := db.Collect(tx, func(r *db.Rows) (report string, err error) {
		err = r.Scan(&report)
		return report, err
	}, `UPDATE stack_operation SET ended = 1, body = ? WHERE stack = ? AND ended = 0 RETURNING report`, body, stack)
	if err != nil {
		return err
	}
	return signal(tx, runner, reports)
}

// warn tells those who wait for what is open of a stack that it has failed and
// is being undone.
func warn(tx *db.Tx, runner *workflow.Runner, stack string) error {
	reports, err := db.Collect(tx, func(r *db.Rows) (report string, err error) {
		err = r.Scan(&report)
		return report, err
	}, `SELECT report FROM stack_operation WHERE stack = ? AND ended = 0`, stack)
	if err != nil {
		return err
	}
	return signal(tx, runner, reports)
}

func signal(tx *db.Tx, runner *workflow.Runner, reports []string) error {
	for _, report := range reports {
		if report == "" {
			continue
		}
		if err := runner.Signal(tx, report); err != nil {
			return err
		}
	}
	return nil
}

func (op Operation) encode() (string, error) {
	text, err := json.Marshal(op)
	return string(text), err
}

// exports and imports

type exportRow struct {
	Export
	output string // its key
	sealed string // the value of a secret one
}

func exportByName(tx *db.Tx, account, region, name string) (exportRow, error) {
	e := exportRow{Export: Export{Name: name}}
	err := tx.Row(`SELECT stack, output, value, sealed FROM stack_export WHERE account = ? AND region = ? AND name = ?`,
		account, region, name).Scan(&e.Stack, &e.output, &e.Value, &e.sealed)
	return e, err
}

// insertExport makes an output known by its export's name. One that is
// lenient leaves a name to whoever has it.
func insertExport(tx *db.Tx, st *Stack, o Output, lenient bool) error {
	query := `INSERT INTO stack_export (account, region, name, stack, output, value, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)`
	if lenient {
		query += ` ON CONFLICT DO NOTHING`
	}
	return tx.Exec(query,
		st.Account, st.Region, o.Export, st.ID, o.Key, o.Value, o.Sealed)
}

func dropExports(tx *db.Tx, stack string) error {
	return tx.Exec(`DELETE FROM stack_export WHERE stack = ?`, stack)
}

func insertImport(tx *db.Tx, st *Stack, name string) error {
	return tx.Exec(`INSERT INTO stack_import (account, region, name, stack) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		st.Account, st.Region, name, st.ID)
}

func dropImports(tx *db.Tx, stack string) error {
	return tx.Exec(`DELETE FROM stack_import WHERE stack = ?`, stack)
}

// neededOf returns an export of a stack that another one imports and that is
// not to be kept as it is, and that other's name; ErrNoRows if there is none.
func neededOf(tx *db.Tx, stack string, kept []Output) (export, importer string, err error) {
	type need struct{ export, value, output, sealed, importer string }
	needs, err := db.Collect(tx, func(r *db.Rows) (n need, err error) {
		err = r.Scan(&n.export, &n.value, &n.output, &n.sealed, &n.importer)
		return n, err
	}, `SELECT e.name, e.value, e.output, e.sealed, s.name FROM stack_export e
		JOIN stack_import i ON i.account = e.account AND i.region = e.region AND i.name = e.name
		JOIN stack s ON s.id = i.stack
		WHERE e.stack = ? ORDER BY e.name, s.name`, stack)
	if err != nil {
		return "", "", err
	}
	for _, n := range needs {
		same := func(o Output) bool { return o.Export == n.export && o.Value == n.value && o.Sealed == n.sealed }
		if !slices.ContainsFunc(kept, same) {
			return n.export, n.importer, nil
		}
	}
	return "", "", db.ErrNoRows
}

// importsOf returns the names of the exports that a stack imports.
func importsOf(tx *db.Tx, stack string) ([]string, error) {
	return db.Collect(tx, func(r *db.Rows) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, `SELECT name FROM stack_import WHERE stack = ? ORDER BY name`, stack)
}

// importedFrom returns one export of a stack that another one imports, and
// that one's name; ErrNoRows if there is none.
func importedFrom(tx *db.Tx, stack string) (export, importer string, err error) {
	err = tx.Row(`SELECT e.name, s.name FROM stack_export e
		JOIN stack_import i ON i.account = e.account AND i.region = e.region AND i.name = e.name
		JOIN stack s ON s.id = i.stack
		WHERE e.stack = ? ORDER BY e.name, s.name LIMIT 1`, stack).Scan(&export, &importer)
	return export, importer, err
}

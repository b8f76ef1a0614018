package workflow

import (
	"time"

	"larder/internal/db"
)

// Info is what an operator sees of a run. Runs that have ended are not kept:
// what they were about has its own record.
type Info struct {
	ID         string
	Definition string
	Subject    string
	Account    string
	Region     string
	Step       string
	Attempt    int    // beats of this step without a verdict so far
	LastError  string // what the last of them said; "" if there was none
	Note       string // as left by Verdict.Noted
	Awaits     string // the signal it waits for; "" if for none
	Due        time.Time
	Deadline   time.Time // zero if there is none
	Started    time.Time
	Updated    time.Time
	Node       string // who holds it; "" if nobody does
}

const infoColumns = `id, definition, subject, account, region, step, attempt, last_error, note, awaits,
	due, deadline, started, updated, lease_owner`

func scanInfo(rows *db.Rows) (Info, error) {
	var i Info
	var due, deadline, started, updated int64
	err := rows.Scan(&i.ID, &i.Definition, &i.Subject, &i.Account, &i.Region, &i.Step, &i.Attempt, &i.LastError, &i.Note, &i.Awaits,
		&due, &deadline, &started, &updated, &i.Node)
	i.Due, i.Deadline, i.Started, i.Updated = db.Time(due), db.Time(deadline), db.Time(started), db.Time(updated)
	return i, err
}

// Get returns a run that has not ended; [db.ErrNoRows] if there is none.
func Get(tx *db.Tx, id string) (Info, error) {
	all, err := db.Collect(tx, scanInfo, `SELECT `+infoColumns+` FROM run WHERE id = ?`, id)
	if err != nil {
		return Info{}, err
	}
	if len(all) == 0 {
		return Info{}, db.ErrNoRows
	}
	return all[0], nil
}

// A Filter chooses runs to list; empty members match everything.
type Filter struct {
	Account string
	Region  string
	Subject string
	After   string // the id after which to go on
	Limit   int    // at most so many; 0 means 100
}

// List returns runs that have not ended, by id.
func List(tx *db.Tx, f Filter) ([]Info, error) {
	query, args := `SELECT `+infoColumns+` FROM run WHERE id > ?`, []any{f.After}
	for _, term := range []struct{ column, value string }{
		{"account", f.Account}, {"region", f.Region}, {"subject", f.Subject},
	} {
		if term.value != "" {
			query += ` AND ` + term.column + ` = ?`
			args = append(args, term.value)
		}
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	return db.Collect(tx, scanInfo, query+` ORDER BY id LIMIT ?`, append(args, f.Limit)...)
}

package db

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// A migration is one step of the schema. Its file is named NNNN_noun.sql.
type migration struct {
	number int64
	name   string
	text   string
	digest string
}

// migrations reads the files in order.
func migrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, name := range names {
		base := path.Base(name)
		digits, _, _ := strings.Cut(base, "_")
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || len(digits) != 4 || number == 0 {
			return nil, fmt.Errorf("db: migration %s is not named NNNN_noun.sql", base)
		}
		if n := len(all); n > 0 && all[n-1].number == number {
			return nil, fmt.Errorf("db: migrations %s and %s have the same number", all[n-1].name, base)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{number: number, name: base, text: string(data), digest: Digest(data)})
	}
	return all, nil
}

// migrate brings the schema up to date: forward only, each step in a
// transaction of its own together with its entry in table migration.
func migrate(ctx context.Context, b backend, log *slog.Logger) error {
	known, err := migrations(migrationFiles)
	if err != nil {
		return err
	}
	return apply(ctx, b, known, log)
}

func apply(ctx context.Context, b backend, known []migration, log *slog.Logger) error {
	done := map[int64]string{} // number → digest
	err := b.update(ctx, func(tx *Tx) error {
		clear(done)
		// ExecRows sends it now: a later statement needs the table to be there.
		if _, err := tx.ExecRows(`CREATE TABLE IF NOT EXISTS migration (
			number {{int}} PRIMARY KEY, name {{text}} NOT NULL, digest {{text}} NOT NULL, applied {{int}} NOT NULL)`); err != nil {
			return err
		}
		rows, err := tx.Query(`SELECT number, name, digest FROM migration ORDER BY number`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var number int64
			var name, digest string
			if err := rows.Scan(&number, &name, &digest); err != nil {
				return err
			}
			done[number] = digest
			if err := expected(known, number, name, digest); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("db: read the schema's version: %w", err)
	}
	for _, m := range known {
		if _, ok := done[m.number]; ok {
			continue
		}
		steps, err := split(m.text)
		if err != nil {
			return fmt.Errorf("db: migration %s: %w", m.name, err)
		}
		err = b.update(ctx, func(tx *Tx) error {
			for _, step := range steps {
				if _, err := tx.ExecRows(step); err != nil {
					return err
				}
			}
			return tx.Exec(`INSERT INTO migration (number, name, digest, applied) VALUES (?, ?, ?, {{now}})`,
				m.number, m.name, m.digest)
		})
		if err != nil {
			return fmt.Errorf("db: migration %s: %w", m.name, err)
		}
		log.Info("schema migrated", "migration", m.name)
	}
	return nil
}

// expected checks an applied migration against the ones this program has.
func expected(known []migration, number int64, name, digest string) error {
	for _, m := range known {
		if m.number != number {
			continue
		}
		if m.digest != digest {
			return fmt.Errorf("migration %s was applied with another text than this program's %s", name, m.name)
		}
		return nil
	}
	return fmt.Errorf("the database has migration %s, which this program does not know: "+
		"it was written by a newer release; use that one", name)
}

// split cuts a migration into its statements.
func split(text string) ([]string, error) {
	var all []string
	start := 0
	keep := func(end int) {
		if step := strings.TrimSpace(text[start:end]); step != "" && !onlyComments(step) {
			all = append(all, step)
		}
		start = end + 1
	}
	for i := 0; i < len(text); {
		n, err := span(text[i:])
		if err != nil {
			return nil, err
		}
		if n > 0 {
			i += n
			continue
		}
		if text[i] == ';' {
			keep(i)
		}
		i++
	}
	if start < len(text) {
		keep(len(text))
	}
	return all, nil
}

// onlyComments reports whether a statement says nothing.
func onlyComments(step string) bool {
	for i := 0; i < len(step); {
		n, err := span(step[i:])
		if err != nil || n > 0 && (step[i] == '\'' || step[i] == '"') {
			return false
		}
		if n > 0 {
			i += n
			continue
		}
		if !strings.ContainsRune(" \t\r\n", rune(step[i])) {
			return false
		}
		i++
	}
	return true
}

package db

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// A dialect is what the two databases spell differently.
type dialect struct {
	numbered bool // placeholders are $1, $2 …
	tokens   map[string]string
}

var sqliteDialect = dialect{tokens: map[string]string{
	"text": "TEXT",
	"int":  "INTEGER",
	"blob": "BLOB",
	"now":  "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)",

	"clustered": "WITHOUT ROWID",
	"tables":    "(SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_') AS tables",
}}

var postgresDialect = dialect{numbered: true, tokens: map[string]string{
	"text": `TEXT COLLATE "C"`,
	"int":  "BIGINT",
	"blob": "BYTEA",
	"now":  "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",

	"clustered": "",
	"tables":    "(SELECT CAST(tablename AS TEXT) AS name FROM pg_catalog.pg_tables WHERE schemaname = current_schema()) AS tables",
}}

// A statement is SQL text as its database reads it.
type statement struct {
	text  string
	holes int // placeholders
}

// rewrite translates portable SQL. It knows string literals, quoted
// identifiers and comments, and refuses text that the two databases would
// read differently.
func (d dialect) rewrite(query string) (statement, error) {
	var out strings.Builder
	out.Grow(len(query) + 16)
	s := statement{}
	for i := 0; i < len(query); {
		n, err := span(query[i:])
		if err != nil {
			return statement{}, err
		}
		if n > 0 {
			out.WriteString(query[i : i+n])
			i += n
			continue
		}
		switch c := query[i]; {
		case c == 0:
			return statement{}, fmt.Errorf("NUL at byte %d", i)
		case c == '?':
			if i+1 < len(query) && '0' <= query[i+1] && query[i+1] <= '9' {
				return statement{}, fmt.Errorf("numbered placeholder at byte %d", i)
			}
			s.holes++
			if d.numbered {
				out.WriteByte('$')
				out.WriteString(strconv.Itoa(s.holes))
			} else {
				out.WriteByte('?')
			}
			i++
		case c == '$':
			return statement{}, fmt.Errorf("dollar sign at byte %d", i)
		case strings.HasPrefix(query[i:], "{{"):
			end := strings.Index(query[i:], "}}")
			if end < 0 {
				return statement{}, fmt.Errorf("token without end at byte %d", i)
			}
			word, known := d.tokens[query[i+2:i+end]]
			if !known {
				return statement{}, fmt.Errorf("unknown token %s", query[i:i+end+2])
			}
			out.WriteString(word)
			i += end + 2
		default:
			out.WriteByte(c)
			i++
		}
	}
	s.text = out.String()
	return s, nil
}

// span is the length of the literal, quoted identifier or comment that text
// begins with; 0 if it begins with none.
func span(text string) (int, error) {
	switch {
	case text[0] == '\'', text[0] == '"':
		quote := text[0]
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == 0:
				return 0, fmt.Errorf("NUL inside %c", quote)
			case text[i] != quote:
			case i+1 < len(text) && text[i+1] == quote:
				i++
			default:
				return i + 1, nil
			}
		}
		return 0, fmt.Errorf("%c without end", quote)
	case strings.HasPrefix(text, "--"):
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return end + 1, nil
		}
		return len(text), nil
	case strings.HasPrefix(text, "/*"):
		end := strings.Index(text[2:], "*/")
		if end < 0 {
			return 0, fmt.Errorf("comment without end")
		}
		if strings.Contains(text[2:2+end], "/*") {
			return 0, fmt.Errorf("comment inside a comment")
		}
		return end + 4, nil
	}
	return 0, nil
}

// A rewriter remembers what it rewrote. Past its bound it rewrites anew: SQL
// is written by programmers, so only a program that builds ever new texts
// gets there.
type rewriter struct {
	dialect dialect
	known   sync.Map // SQL text → statement
	size    atomic.Int64
}

const maxRewritten = 4096

func (r *rewriter) statement(query string) (statement, error) {
	if s, ok := r.known.Load(query); ok {
		return s.(statement), nil
	}
	s, err := r.dialect.rewrite(query)
	if err != nil {
		return statement{}, err
	}
	if r.size.Add(1) <= maxRewritten {
		r.known.Store(query, s)
	}
	return s, nil
}

// fits checks the number of arguments.
func (s statement) fits(args []any) error {
	if len(args) != s.holes {
		return fmt.Errorf("%d arguments for %d placeholders", len(args), s.holes)
	}
	return nil
}

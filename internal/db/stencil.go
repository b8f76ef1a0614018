package db

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Since returns the rows that an earlier image of the database does not have.
func (i *Image) Since(earlier *Image) *Image {
	had := map[string]bool{}
	for _, t := range earlier.tables {
		for _, row := range t.rows {
			had[fmt.Sprintf("%s%q", t.name, row)] = true
		}
	}
	fresh := &Image{}
	for _, t := range i.tables {
		rows := slices.DeleteFunc(slices.Clone(t.rows), func(row []any) bool { return had[fmt.Sprintf("%s%q", t.name, row)] })
		if len(rows) > 0 {
			fresh.tables = append(fresh.tables, tableImage{t.name, rows})
		}
	}
	return fresh
}

// A Stencil makes copies of rows that differ from them in some words and in
// time. Rows in which none of the words occurs are nobody's own and are not
// copied.
type Stencil struct {
	words  []string
	tables []tableStencil
}

type tableStencil struct {
	name string
	rows [][]any // texts with words in them are a pattern
}

// pattern is a text between whose parts words stand.
type pattern struct {
	parts []string // one more than words
	words []int
	size  int
}

// Stencil cuts a stencil from the image's rows, but for those of the tables
// left out. None of the words may occur in another.
func (i *Image) Stencil(words []string, leftOut ...string) *Stencil {
	s := &Stencil{words: words}
	for _, t := range i.tables {
		if slices.Contains(leftOut, t.name) {
			continue
		}
		cut := tableStencil{name: t.name}
		for _, row := range t.rows {
			if row, ok := s.cut(row); ok {
				cut.rows = append(cut.rows, row)
			}
		}
		if len(cut.rows) > 0 {
			s.tables = append(s.tables, cut)
		}
	}
	return s
}

// cut makes patterns of a row's texts; ok is false if there is no word in it.
func (s *Stencil) cut(row []any) (cut []any, ok bool) {
	cut = slices.Clone(row)
	for i, v := range row {
		text, isText := v.(string)
		if !isText {
			continue
		}
		if p := s.pattern(text); len(p.words) > 0 {
			cut[i], ok = p, true
		}
	}
	return cut, ok
}

func (s *Stencil) pattern(text string) (p pattern) {
	for {
		at, first := len(text), -1
		for n, word := range s.words {
			if i := strings.Index(text, word); i >= 0 && i < at {
				at, first = i, n
			}
		}
		p.parts = append(p.parts, text[:at])
		p.size += at
		if first < 0 {
			return p
		}
		p.words = append(p.words, first)
		text = text[at+len(s.words[first]):]
	}
}

func (p pattern) fill(words []string) string {
	var b strings.Builder
	size := p.size
	for _, n := range p.words {
		size += len(words[n])
	}
	b.Grow(size)
	for i, n := range p.words {
		b.WriteString(p.parts[i])
		b.WriteString(words[n])
	}
	b.WriteString(p.parts[len(p.words)])
	return b.String()
}

// A Copy is how one copy differs from the original: by the words in place of
// the stencil's, and by how much later its times are.
type Copy struct {
	Words []string
	Shift time.Duration
}

// firstTime tells times from other integers: none is before 2001.
const firstTime = 1e15 // microseconds

// parametersPerInsert bounds the parameters of a statement.
const parametersPerInsert = 6000

// Write adds copies.
func (s *Stencil) Write(tx *Tx, copies []Copy) error {
	for _, t := range s.tables {
		rows := make([][]any, 0, len(copies)*len(t.rows))
		for _, c := range copies {
			for _, row := range t.rows {
				rows = append(rows, c.fill(row))
			}
		}
		slices.SortFunc(rows, compareRows) // most keys are the first columns: neighbors are written together
		if err := insertRows(tx, t.name, rows); err != nil {
			return err
		}
	}
	return nil
}

func (c Copy) fill(row []any) []any {
	filled := slices.Clone(row)
	for i, v := range row {
		switch v := v.(type) {
		case pattern:
			filled[i] = v.fill(c.Words)
		case int64:
			if v >= firstTime {
				filled[i] = v + c.Shift.Microseconds()
			}
		}
	}
	return filled
}

func compareRows(a, b []any) int {
	for i := range a {
		var order int
		switch v := a[i].(type) {
		case string:
			w, _ := b[i].(string)
			order = strings.Compare(v, w)
		case int64:
			w, _ := b[i].(int64)
			order = cmp.Compare(v, w)
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

func insertRows(tx *Tx, table string, rows [][]any) error {
	for chunk := range slices.Chunk(rows, max(1, parametersPerInsert/len(rows[0]))) {
		one := "(" + strings.Repeat("?, ", len(chunk[0])-1) + "?)"
		err := tx.Exec(`INSERT INTO `+quoted(table)+` VALUES `+one+strings.Repeat(", "+one, len(chunk)-1), slices.Concat(chunk...)...)
		if err != nil {
			return err
		}
	}
	return nil
}

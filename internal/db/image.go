package db

import (
	"errors"
	"slices"
	"strings"
)

// An Image is what all tables held at one moment, but for the schema's own
// entries. It lies in memory and belongs to no transaction.
type Image struct {
	tables []tableImage
	size   int64
}

type tableImage struct {
	name string
	rows [][]any
}

// ErrImageSize is returned for a database too large for an [Image].
var ErrImageSize = errors.New("db: the database is too large for an image")

// rowCost is about what a row takes in memory besides its values, and valueCost
// what a value does besides its bytes.
const (
	rowCost   = 24
	valueCost = 32
)

// TakeImage copies what there is, if that takes at most so many bytes.
func TakeImage(tx *Tx, most int64) (*Image, error) {
	names, err := tables(tx)
	if err != nil {
		return nil, err
	}
	image := &Image{}
	for _, name := range names {
		t := tableImage{name: name}
		rows, err := tx.Query(`SELECT * FROM ` + quoted(name))
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			row, size := rows.copied()
			t.rows = append(t.rows, row)
			if image.size += size; image.size > most {
				rows.Close()
				return nil, ErrImageSize
			}
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		image.tables = append(image.tables, t)
	}
	return image, nil
}

// copied is the current row as it can be kept, and about how much memory that
// takes.
func (r *Rows) copied() (row []any, size int64) {
	row = make([]any, len(r.row))
	size = rowCost
	for i, v := range r.row {
		size += valueCost
		switch v := v.(type) {
		case string:
			size += int64(len(v))
			row[i] = v
		case []byte:
			size += int64(len(v))
			row[i] = append([]byte{}, v...) // not nil, which is NULL
		default:
			row[i] = v
		}
	}
	return row, size
}

// Size is about how many bytes the image takes.
func (i *Image) Size() int64 { return i.size }

// Restore puts the image in the place of what there is.
func (i *Image) Restore(tx *Tx) error {
	names, err := tables(tx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := tx.Exec(`DELETE FROM ` + quoted(name)); err != nil {
			return err
		}
	}
	for _, t := range i.tables {
		if err := t.restore(tx); err != nil {
			return err
		}
	}
	return nil
}

// batches are how many rows one statement writes: as many as there are, in few
// statements, of few texts, for each is prepared.
var batches = []int{64, 8, 1}

func (t *tableImage) restore(tx *Tx) error {
	left := t.rows
	for _, batch := range batches {
		if len(left) < batch {
			continue
		}
		row := `(` + strings.Repeat(`?, `, len(left[0])-1) + `?)`
		insert := `INSERT INTO ` + quoted(t.name) + ` VALUES ` + strings.Repeat(row+`, `, batch-1) + row
		for ; len(left) >= batch; left = left[batch:] {
			if err := tx.Exec(insert, slices.Concat(left[:batch]...)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Clear removes everything but settings.
func Clear(tx *Tx) error {
	names, err := tables(tx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "setting" {
			continue
		}
		if err := tx.Exec(`DELETE FROM ` + quoted(name)); err != nil {
			return err
		}
	}
	return nil
}

// tables are the names of all tables but the schema's own.
func tables(tx *Tx) ([]string, error) {
	return Collect(tx, func(rows *Rows) (name string, err error) {
		err = rows.Scan(&name)
		return name, err
	}, `SELECT name FROM {{tables}} WHERE name <> 'migration' ORDER BY name`)
}

func quoted(name string) string { return `"` + name + `"` }

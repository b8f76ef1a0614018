package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"go.yaml.in/yaml/v4"

	"larder/internal/catalog"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// organizationOf is the organization of a server that keeps one, as the
// catalog asks for it.
func organizationOf(s *identity.Serve) func(*db.Tx) (catalog.Organization, error) {
	return func(tx *db.Tx) (catalog.Organization, error) {
		o, err := s.Organization(tx)
		if err != nil {
			return catalog.Organization{}, err
		}
		tree := catalog.Organization{ID: o.ID, Management: o.Management, Delegated: o.Delegated, Units: make([]catalog.Unit, len(o.Units))}
		for i, u := range o.Units {
			tree.Units[i] = catalog.Unit(u)
		}
		return tree, nil
	}
}

// organizationID answers the id of the organization, which every account of a
// server belongs to. No tree is that of dev, without structure.
func organizationID(d *db.DB, tree func(*db.Tx) (catalog.Organization, error)) func(context.Context, string) (string, error) {
	return func(ctx context.Context, _ string) (id string, err error) {
		if tree == nil {
			return catalog.EveryAccount(demoAccount).ID, nil
		}
		err = d.View(ctx, func(tx *db.Tx) error {
			o, err := tree(tx)
			id = o.ID
			return err
		})
		return id, err
	}
}

// A treeFile is an organization as "dev --org" reads it:
//
//	id: o-exampleorg1
//	management: "000000000000"
//	delegated: ["222222222222"]
//	root:
//	  id: r-exam
//	  accounts: ["000000000000"]
//	  units:
//	    - id: ou-exam-payments
//	      accounts: ["111111111111", "222222222222"]
type treeFile struct {
	ID         string   `yaml:"id"`
	Management string   `yaml:"management"` // by default the account of callers who name none
	Delegated  []string `yaml:"delegated"`
	Root       treeUnit `yaml:"root"`
}

type treeUnit struct {
	ID       string     `yaml:"id"`
	Name     string     `yaml:"name"` // for whoever reads the file
	Accounts []string   `yaml:"accounts"`
	Units    []treeUnit `yaml:"units"`
}

// Bounds of a tree's file.
const (
	maxTreeFile  = 4 << 20
	maxTreeDepth = 5 // levels below the root, as on AWS
)

// readTree reads the organization of a file; nil without one.
func readTree(path string) (func(*db.Tx) (catalog.Organization, error), error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--org: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTreeFile+1))
	if err == nil && len(text) > maxTreeFile {
		err = fmt.Errorf("larger than %d bytes", maxTreeFile)
	}
	if err != nil {
		return nil, fmt.Errorf("--org %s: %w", path, err)
	}
	o, err := parseTree(text)
	if err != nil {
		return nil, fmt.Errorf("--org %s: %w", path, err)
	}
	return func(*db.Tx) (catalog.Organization, error) { return o, nil }, nil
}

// The forms of ids, as AWS's model has them.
var (
	organizationForm = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	rootForm         = regexp.MustCompile(`^r-[0-9a-z]{4,32}$`)
	unitForm         = regexp.MustCompile(`^ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$`)
)

// parseTree reads an organization. What is left out is the default: the
// management account, which stands under the root unless it stands elsewhere,
// and the ids of organization and root. Units are what shares name, so theirs
// are asked for.
func parseTree(text []byte) (catalog.Organization, error) {
	f := treeFile{ID: "o-0000000000", Management: demoAccount, Root: treeUnit{ID: "r-0000"}}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return catalog.Organization{}, err
	}
	if !organizationForm.MatchString(f.ID) {
		return catalog.Organization{}, fmt.Errorf("%q is no id of an organization, such as o-exampleorg1", f.ID)
	}
	if !rootForm.MatchString(f.Root.ID) {
		return catalog.Organization{}, fmt.Errorf("%q is no id of a root, such as r-exam", f.Root.ID)
	}
	t := tree{o: catalog.Organization{ID: f.ID, Management: f.Management, Delegated: f.Delegated}, seen: map[string]bool{}}
	if err := t.plant(f.Root, "", 0); err != nil {
		return catalog.Organization{}, err
	}
	if !t.seen[f.Management] {
		if err := t.settle(0, f.Management); err != nil {
			return catalog.Organization{}, err
		}
	}
	for _, a := range f.Delegated {
		if !t.seen[a] {
			return catalog.Organization{}, fmt.Errorf("the delegated administrator %q is no account of the organization", a)
		}
	}
	return t.o, nil
}

// A tree grows from its file.
type tree struct {
	o    catalog.Organization
	seen map[string]bool // units and accounts
}

func (t *tree) plant(u treeUnit, parent string, depth int) error {
	switch {
	case depth > maxTreeDepth:
		return fmt.Errorf("unit %s stands more than %d levels under the root", u.ID, maxTreeDepth)
	case parent != "" && !unitForm.MatchString(u.ID):
		return fmt.Errorf("%q is no id of a unit, such as ou-exam-payments", u.ID)
	case t.seen[u.ID]:
		return fmt.Errorf("unit %s stands there twice", u.ID)
	}
	t.seen[u.ID] = true
	at := len(t.o.Units)
	t.o.Units = append(t.o.Units, catalog.Unit{ID: u.ID, Parent: parent})
	for _, a := range u.Accounts {
		if err := t.settle(at, a); err != nil {
			return err
		}
	}
	for _, child := range u.Units {
		if err := t.plant(child, u.ID, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// settle puts an account under a unit.
func (t *tree) settle(unit int, account string) error {
	if !id.IsAccount(account) {
		return fmt.Errorf("%q is no account: 12 digits, in quotes", account)
	}
	if t.seen[account] {
		return fmt.Errorf("account %s stands there twice", account)
	}
	t.seen[account] = true
	u := &t.o.Units[unit]
	u.Accounts = append(u.Accounts, account)
	return nil
}

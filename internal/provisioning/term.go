package provisioning

import (
	"hash/fnv"
	"slices"
	"strings"

	"larder/internal/db"
)

// A field is what a provisioned product is searched by.
type field string

// The fields. Two of them have no terms: arn is made of name and id, and the
// time of creation is in every row.
const (
	idField             field = "id"
	nameField           field = "name"
	statusField         field = "status"
	typeField           field = "type"
	userField           field = "userArn"
	sessionField        field = "userArnSession"
	productField        field = "productId"
	productNameField    field = "productName"
	artifactField       field = "provisioningArtifactId"
	artifactNameField   field = "provisioningArtifactName"
	physicalField       field = "physicalId"
	tokenField          field = "idempotencyToken"
	lastField           field = "lastRecordId"
	lastProvisionField  field = "lastProvisioningRecordId"
	lastSuccessfulField field = "lastSuccessfulProvisioningRecordId"
	tagsField           field = "tags"
	arnField            field = "arn"
	createdField        field = "createdTime"
)

// termFields are those that have terms, which is where a search without a
// field looks.
var termFields = []field{
	idField, nameField, statusField, typeField, userField, sessionField, productField, productNameField, artifactField,
	artifactNameField, physicalField, tokenField, lastField, lastProvisionField, lastSuccessfulField, tagsField,
}

// countedFields are those of which many products share a term: how many, is
// kept.
var countedFields = []field{
	everyField, statusField, typeField, userField, sessionField, productField, productNameField, artifactField, artifactNameField, tagsField,
}

// everyField counts all products of an account and region.
const everyField field = "*"

// fieldNamed finds a field by the name that a search gives it.
func fieldNamed(name string) (field, bool) {
	switch {
	case strings.EqualFold(name, "provisioningArtifact"): // as the documentation of 2018 calls it
		return artifactField, true
	case strings.EqualFold(name, "productType"):
		return typeField, true
	case strings.EqualFold(name, "tag"):
		return tagsField, true
	}
	for _, f := range append([]field{arnField, createdField}, termFields...) {
		if strings.EqualFold(name, string(f)) {
			return f, true
		}
	}
	return "", false
}

// maxTerm bounds a term; what is longer is found by its beginning.
const maxTerm = 512

// fold is how terms are written and compared: without case.
func fold(s string) string {
	s = strings.ToLower(s)
	if len(s) <= maxTerm {
		return s
	}
	return strings.ToValidUTF8(s[:maxTerm], "")
}

// A term is one thing that a product is found by.
type term struct {
	field field
	text  string
}

// terms are all that a product is found by, each once.
func (p *provisionedProduct) terms() []term {
	all := make([]term, 0, 24)
	add := func(f field, text string) {
		if t := (term{f, fold(text)}); text != "" && !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	add(idField, string(p.ID))
	add(nameField, p.Name)
	add(statusField, string(p.Status))
	add(typeField, p.Type)
	add(userField, p.UserARN)
	add(sessionField, p.SessionARN)
	add(productField, string(p.Product))
	add(productNameField, p.ProductName)
	add(artifactField, string(p.Artifact))
	add(artifactNameField, p.ArtifactName)
	add(physicalField, p.Physical)
	add(tokenField, p.Token)
	add(lastField, string(p.LastRecord))
	add(lastProvisionField, string(p.LastProvision))
	add(lastSuccessfulField, string(p.LastSuccessful))
	for _, t := range p.Change.Tags {
		switch {
		case t.Key == tagProduct: // the product's own ARN: the field arn
		case strings.HasPrefix(t.Key, systemTagPrefix):
			add(tagsField, t.Value)
		default:
			add(tagsField, t.Key)
			add(tagsField, t.Value)
			add(tagsField, t.Key+"="+t.Value)
		}
	}
	return all
}

// index brings the terms of a product from before to now; nil is a product
// that does not exist.
func index(tx *db.Tx, before, now *provisionedProduct) error {
	var old, fresh []term
	some := now
	if before != nil {
		old, some = before.terms(), before
	}
	if now != nil {
		fresh = now.terms()
	}
	var added []term
	var counts []tally
	count := func(t term, by int) {
		if slices.Contains(countedFields, t.field) {
			counts = append(counts, tally{t, by})
		}
	}
	for _, t := range old {
		if slices.Contains(fresh, t) {
			continue
		}
		count(t, -1)
		if err := tx.Exec(`DELETE FROM provisioned_term
			WHERE account = ? AND region = ? AND field = ? AND term = ? AND created = ? AND id = ?`,
			some.Account, some.Region, t.field, t.text, some.Created.UnixMicro(), some.ID); err != nil {
			return err
		}
	}
	for _, t := range fresh {
		if !slices.Contains(old, t) {
			count(t, 1)
			added = append(added, t)
		}
	}
	switch {
	case before == nil:
		count(term{everyField, ""}, 1)
	case now == nil:
		count(term{everyField, ""}, -1)
	}
	if err := insertTerms(tx, some, added); err != nil {
		return err
	}
	return tallyUp(tx, some, counts)
}

func insertTerms(tx *db.Tx, p *provisionedProduct, terms []term) error {
	if len(terms) == 0 {
		return nil
	}
	const row = "(?, ?, ?, ?, ?, ?)"
	args := make([]any, 0, 6*len(terms))
	for _, t := range terms {
		args = append(args, p.Account, p.Region, t.field, t.text, p.Created.UnixMicro(), p.ID)
	}
	return tx.Exec(`INSERT INTO provisioned_term (account, region, field, term, created, id) VALUES `+
		row+strings.Repeat(", "+row, len(terms)-1), args...)
}

// A tally is by how much the count of a term changes.
type tally struct {
	term
	by int
}

// shards is how many rows share one count, so that on PostgreSQL writers of
// different products seldom meet on one.
const shards = 64

// shard is the row that a product is counted in.
func shard(p *provisionedProduct) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(p.ID)) // never fails
	return int(h.Sum32() % shards)
}

func tallyUp(tx *db.Tx, p *provisionedProduct, counts []tally) error {
	if len(counts) == 0 {
		return nil
	}
	slices.SortFunc(counts, func(a, b tally) int { // always in one order, so that no two lock each other out
		if c := strings.Compare(string(a.field), string(b.field)); c != 0 {
			return c
		}
		return strings.Compare(a.text, b.text)
	})
	const row = "(?, ?, ?, ?, ?, ?)"
	args := make([]any, 0, 6*len(counts))
	n := shard(p)
	for _, c := range counts {
		args = append(args, p.Account, p.Region, c.field, c.text, n, c.by)
	}
	return tx.Exec(`INSERT INTO provisioned_count (account, region, field, term, shard, n) VALUES `+
		row+strings.Repeat(", "+row, len(counts)-1)+`
		ON CONFLICT (account, region, field, term, shard) DO UPDATE SET n = provisioned_count.n + excluded.n`, args...)
}

// counted is how many products of an account and region have a term of a
// counted field.
func counted(tx *db.Tx, account, region string, t term) (int, error) {
	var n *int
	err := tx.Row(`SELECT CAST(SUM(n) AS BIGINT) FROM provisioned_count WHERE account = ? AND region = ? AND field = ? AND term = ?`,
		account, region, t.field, t.text).Scan(&n)
	if err != nil || n == nil {
		return 0, err
	}
	return *n, nil
}

// Recount counts all terms anew, after rows have come in another way than by
// their operations.
func Recount(tx *db.Tx) error {
	args := make([]any, len(countedFields))
	for i, f := range countedFields {
		args[i] = f
	}
	if err := tx.Exec(`DELETE FROM provisioned_count`); err != nil {
		return err
	}
	err := tx.Exec(`INSERT INTO provisioned_count (account, region, field, term, shard, n)
		SELECT account, region, field, term, 0, COUNT(*) FROM provisioned_term
		WHERE field IN (?`+strings.Repeat(", ?", len(args)-1)+`) GROUP BY account, region, field, term`, args...)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO provisioned_count (account, region, field, term, shard, n)
		SELECT account, region, CAST(? AS TEXT), '', 0, COUNT(*) FROM provisioned_product GROUP BY account, region`, everyField)
}

// CountTable is the table that [Recount] fills.
const CountTable = "provisioned_count"

package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/identity"
)

// seed makes provisioned products without launching them, in batches, each
// written in the order of its keys: the rows, terms and counts are those of
// real ones.
func seed(ctx context.Context, d *db.DB, n int, shape func(i int, p *provisionedProduct)) error {
	const batch = 5000
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for from := 0; from < n; from += batch {
		var all []provisionedProduct
		for i := from; i < min(n, from+batch); i++ {
			p := provisionedProduct{
				ID: id.New[id.ProvisionedProduct](), Account: admin.Account, Region: admin.Region,
				Name: fmt.Sprintf("name-%07d", i), Status: api.ProvisionedProductStatusAvailable,
				UserARN: admin.ARN, SessionARN: admin.ARN, Created: begun.Add(time.Duration(i) * time.Second),
				LastRecord: id.New[id.Record](),
			}
			p.Type, p.Product, p.Artifact = "CFN_STACK", "prod-seeded", "pa-seeded"
			p.ProductName, p.ArtifactName = "Seeded Product", "v1"
			p.Change.Tags = []engine.Tag{{Key: "team", Value: fmt.Sprintf("t%d", i%10)}}
			shape(i, &p)
			all = append(all, p)
		}
		err := d.Update(ctx, func(tx *db.Tx) error {
			return insertAll(tx, all)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// insertAll is provisionedProduct.insert for many at once.
func insertAll(tx *db.Tx, all []provisionedProduct) error {
	type entry struct {
		term
		p *provisionedProduct
	}
	var entries []entry
	counts := map[term]map[int]int{}
	for i := range all {
		p := &all[i]
		free, err := p.insertRow(tx)
		if err == nil && !free {
			err = errors.New("the name is taken")
		}
		if err != nil {
			return err
		}
		n := shard(p)
		for _, t := range append(p.terms(), term{everyField, ""}) {
			if slices.Contains(countedFields, t.field) {
				if counts[t] == nil {
					counts[t] = map[int]int{}
				}
				counts[t][n]++
			}
			if t.field != everyField {
				entries = append(entries, entry{t, p})
			}
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.field, b.field), cmp.Compare(a.text, b.text), a.p.Created.Compare(b.p.Created))
	})
	const row = "(?, ?, ?, ?, ?, ?)"
	for chunk := range slices.Chunk(entries, 1000) {
		var args []any
		for _, e := range chunk {
			args = append(args, e.p.Account, e.p.Region, e.field, e.text, e.p.Created.UnixMicro(), e.p.ID)
		}
		if err := tx.Exec(`INSERT INTO provisioned_term (account, region, field, term, created, id) VALUES `+
			row+strings.Repeat(", "+row, len(chunk)-1), args...); err != nil {
			return err
		}
	}
	for t, by := range counts {
		for n, count := range by {
			if err := tx.Exec(`INSERT INTO provisioned_count (account, region, field, term, shard, n) VALUES (?, ?, ?, ?, ?, ?)
				ON CONFLICT (account, region, field, term, shard) DO UPDATE SET n = provisioned_count.n + excluded.n`,
				all[0].Account, all[0].Region, t.field, t.text, n, count); err != nil {
				return err
			}
		}
	}
	return nil
}

// account asks for the whole account.
func account() *api.AccessLevelFilter {
	return &api.AccessLevelFilter{Key: new(api.AccessLevelFilterKeyAccount), Value: new("self")}
}

// searched pages through a search and returns the names and the total.
func (w *world) searched(c identity.Caller, in *api.SearchProvisionedProductsInput) ([]string, int) {
	w.t.Helper()
	var names []string
	for {
		out, err := w.client.SearchProvisionedProducts(as(c), in)
		if err != nil {
			w.t.Fatalf("%v: %v", in.Filters, err)
		}
		for _, p := range out.ProvisionedProducts {
			names = append(names, p.Name)
		}
		if out.NextPageToken == "" {
			return names, out.TotalResultsCount
		}
		in.PageToken = &out.NextPageToken
	}
}

func asked(texts ...string) *api.SearchProvisionedProductsInput {
	return &api.SearchProvisionedProductsInput{
		AccessLevelFilter: account(), PageSize: new(3),
		Filters: map[api.ProvisionedProductViewFilterBy][]string{api.ProvisionedProductViewFilterBySearchQuery: texts},
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		anna := session("launcher", "Anna", identity.LevelUser)
		err := seed(t.Context(), w.db, 12, func(i int, p *provisionedProduct) {
			p.Name = []string{"web-a", "Web-b", "db-a", "db-b"}[i%4] + fmt.Sprint(i)
			if i%3 == 0 {
				p.Status = api.ProvisionedProductStatusTainted
			}
			if i >= 8 {
				p.UserARN, p.SessionARN = anna.UserARN(), anna.ARN
			}
			p.Change.Tags = []engine.Tag{
				{Key: "team", Value: fmt.Sprintf("T %d", i%2)}, {Key: "aws:servicecatalog:productArn", Value: "arn:aws:catalog:x:product/prod-seeded"},
			}
			p.Physical = fmt.Sprintf("arn:stack/%d", i)
			p.ID = id.ProvisionedProduct(fmt.Sprintf("pp-seeded%02d", i))
		})
		if err != nil {
			t.Fatal(err)
		}
		all := []string{"web-a0", "Web-b1", "db-a2", "db-b3", "web-a4", "Web-b5", "db-a6", "db-b7", "web-a8", "Web-b9", "db-a10", "db-b11"}
		pick := func(indexes ...int) []string {
			var names []string
			for _, i := range indexes {
				names = append(names, all[i])
			}
			return names
		}
		for _, tt := range []struct {
			texts []string
			want  []string
		}{
			{nil, all},
			{[]string{""}, all},
			{[]string{"status:tainted"}, pick(0, 3, 6, 9)},
			{[]string{"status:TAINTED name:web*"}, pick(0, 9)},
			{[]string{"status:tainted", "name:db-b7"}, pick(0, 3, 6, 7, 9)},
			{[]string{"name:WEB-B5"}, pick(5)},
			{[]string{"name:*a6"}, pick(6)},
			{[]string{"name:*b-b*"}, pick(1, 3, 5, 7, 9, 11)},
			{[]string{"name:*"}, all},
			{[]string{"WEB*"}, pick(0, 1, 4, 5, 8, 9)},
			{[]string{"pp-seeded04"}, pick(4)},
			{[]string{"id:pp-seeded04 status:available"}, pick(4)},
			{[]string{"id:pp-seeded04 status:tainted"}, nil},
			{[]string{"arn:" + id.ProvisionedProductARN(admin.Region, admin.Account, "db-a6", "pp-seeded06").String()}, pick(6)},
			{[]string{id.ProvisionedProductARN(admin.Region, admin.Account, "db-a6", "pp-seeded06").String()}, pick(6)},
			{[]string{id.ProvisionedProductARN(admin.Region, admin.Account, "db-a7", "pp-seeded06").String()}, nil},
			{[]string{"arn:*db-a6/*"}, pick(6)},
			{[]string{"prod-seeded"}, all},
			{[]string{`productName:"seeded product" name:db-a*`}, pick(2, 6, 10)},
			{[]string{"productName:*uct name:db-a2"}, pick(2)},
			{[]string{"type:cfn_stack provisioningArtifact:pa-seeded provisioningArtifactName:V1 name:web-a4"}, pick(4)},
			{[]string{`tags:"t 1" status:tainted`}, pick(3, 9)},
			{[]string{`tags:"team=T 0" status:tainted`}, pick(0, 6)},
			{[]string{`tags:team=*`}, all},
			{[]string{"tags:team"}, all},
			{[]string{"tags:*prod-seeded name:web-a0"}, pick(0)},
			{[]string{"physicalId:arn:stack/11"}, pick(11)},
			{[]string{"userArnSession:" + anna.ARN}, pick(8, 9, 10, 11)},
			{[]string{"userArn:" + anna.UserARN() + " status:tainted"}, pick(9)},
			{[]string{"createdTime:[2026-01-01T00:00:03Z TO 2026-01-01T00:00:05Z]"}, pick(3, 4, 5)},
			{[]string{"createdTime:2026-01-01T00:00:03Z"}, pick(3)},
			{[]string{"createdTime:2026-01-01 name:db-b3"}, pick(3)},
			{[]string{"createdTime:[* TO 2025-12-31]"}, nil},
			{[]string{"status:none"}, nil},
			{[]string{"lastRecordId:rec-none", "physicalId:arn:stack/1"}, pick(1)},
		} {
			names, total := w.searched(admin, asked(tt.texts...))
			if !slices.Equal(names, tt.want) || total != len(tt.want) {
				t.Errorf("%q: %v of %d, want %v", tt.texts, names, total, tt.want)
			}
			in := asked(tt.texts...)
			in.SortBy, in.SortOrder = new("name"), new(api.SortOrderDescending)
			sorted := slices.Sorted(slices.Values(tt.want))
			slices.Reverse(sorted)
			if names, _ := w.searched(admin, in); !slices.Equal(names, sorted) {
				t.Errorf("%q from Z to A: %v, want %v", tt.texts, names, sorted)
			}
			// The caller's level leads as well as any term.
			in = asked(tt.texts...)
			in.AccessLevelFilter = nil
			own := slices.DeleteFunc(slices.Clone(tt.want), func(n string) bool { return !slices.Contains(pick(8, 9, 10, 11), n) })
			if names, total := w.searched(anna, in); !slices.Equal(names, own) || total != len(own) {
				t.Errorf("%q by anna: %v of %d, want %v", tt.texts, names, total, own)
			}
		}
		for _, by := range []string{"arn", "id", "lastRecordId", "ID"} {
			in := asked()
			in.SortBy = &by
			if names, _ := w.searched(admin, in); len(names) != len(all) {
				t.Errorf("by %s: %v", by, names)
			}
		}
		// Counted anew, there are as many.
		totals := func() (all []int) {
			for _, text := range []string{"", "status:tainted", "tags:team", "userArn:" + anna.UserARN()} {
				_, total := w.searched(admin, asked(text))
				all = append(all, total)
			}
			return all
		}
		kept := totals()
		if err := w.db.Update(t.Context(), Recount); err != nil {
			t.Fatal(err)
		}
		if anew := totals(); !slices.Equal(kept, anew) {
			t.Errorf("totals %v, counted anew %v", kept, anew)
		}
		_, err = w.client.SearchProvisionedProducts(as(admin), &api.SearchProvisionedProductsInput{SortBy: new("size")})
		wantError(t, err, "InvalidParametersException", "size")
		_, err = w.client.SearchProvisionedProducts(as(admin), asked("no:x"))
		wantError(t, err, "InvalidParametersException", "Invalid search field: no")
	})
}

// TestSearchFollows launches, changes and terminates, and searches between.
func TestSearchFollows(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		in := w.launch("mine")
		in.Tags = []api.Tag{{Key: "team", Value: "a"}}
		launch, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		w.ended(launch.RecordDetail.RecordId)
		out, err := w.client.SearchProvisionedProducts(as(admin), asked("tags:team=a status:available"))
		if err != nil || len(out.ProvisionedProducts) != 1 || out.TotalResultsCount != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		a, pp := out.ProvisionedProducts[0], w.describe("mine")
		if a.Arn != pp.Arn || a.ProductName != "queue" || a.ProvisioningArtifactName != "v1" || a.PhysicalId == "" || a.UserArn != admin.ARN || a.LastRecordId != pp.LastRecordId || len(a.Tags) != 6 {
			t.Errorf("attributes %+v", a)
		}
		bye, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("mine"), TerminateToken: "t"})
		if err != nil {
			t.Fatal(err)
		}
		w.ended(bye.RecordDetail.RecordId)
		if names, total := w.searched(admin, asked("tags:team=a")); len(names) != 0 || total != 0 {
			t.Errorf("terminated, and found: %v of %d", names, total)
		}
		// Nothing is left of it, not even counts.
		var terms, counts int
		err = w.db.View(t.Context(), func(tx *db.Tx) error {
			if err := tx.Row(`SELECT COUNT(*) FROM provisioned_term`).Scan(&terms); err != nil {
				return err
			}
			return tx.Row(`SELECT COUNT(*) FROM provisioned_count WHERE n <> 0`).Scan(&counts)
		})
		if err != nil || terms != 0 || counts != 0 {
			t.Errorf("%d terms and %d counts are left, %v", terms, counts, err)
		}
	})
}

// TestSearchAgrees compares searches of many products with what a look at
// each of them finds, where terms are rare and where they are not.
func TestSearchAgrees(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		const n = 300
		var names [n]string
		var status [n]string
		r := rand.New(rand.NewPCG(1, 2))
		err := seed(t.Context(), w.db, n, func(i int, p *provisionedProduct) {
			p.Name = fmt.Sprintf("%c%c-%d", 'a'+r.IntN(3), 'a'+r.IntN(3), i)
			p.Status = []api.ProvisionedProductStatus{"AVAILABLE", "TAINTED", "ERROR"}[r.IntN(3)]
			names[i], status[i] = p.Name, strings.ToLower(string(p.Status))
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			prefix, state, size := fmt.Sprintf("%c", 'a'+r.IntN(3)), []string{"available", "tainted", "error"}[r.IntN(3)], 1+r.IntN(50)
			both := r.IntN(2) == 0
			in := asked("name:" + prefix + "* status:" + state)
			if !both {
				in = asked("name:"+prefix+"*", "status:"+state)
			}
			in.PageSize = &size
			var want []string
			for i, name := range names {
				begins, is := strings.HasPrefix(name, prefix), status[i] == state
				if both && begins && is || !both && (begins || is) {
					want = append(want, name)
				}
			}
			if got, total := w.searched(admin, in); !slices.Equal(got, want) || total != len(want) {
				t.Errorf("%v: %d of %d found, want %d", in.Filters, len(got), total, len(want))
			}
		}
	})
}

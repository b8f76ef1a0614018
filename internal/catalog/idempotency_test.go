package catalog

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
)

func TestIdempotency(t *testing.T) {
	run(t, func(w *world) {
		admin := w.user(hub, "admin")
		in := w.productInput("bucket")
		first := ok(admin.CreateProduct(admin, in))(w)
		// The template may be gone by the time of the second request.
		if err := os.Remove(in.ProvisioningArtifactParameters.Info["LoadTemplateFromURL"]); err != nil {
			w.Fatal(err)
		}
		second := ok(admin.CreateProduct(admin, in))(w)
		if diff := cmp.Diff(first, second); diff != "" {
			w.Errorf("second answer (-first +second):\n%s", diff)
		}
		in.Name = "other"
		_, err := admin.CreateProduct(admin, in)
		w.refused(err, api.CodeInvalidParameters, "token")

		// The answer is remembered whatever became of the object.
		create := &api.CreatePortfolioInput{DisplayName: "p", ProviderName: "p", IdempotencyToken: "p"}
		p := ok(admin.CreatePortfolio(admin, create))(w)
		ok(admin.DeletePortfolio(admin, &api.DeletePortfolioInput{Id: p.PortfolioDetail.Id}))(w)
		again := ok(admin.CreatePortfolio(admin, create))(w)
		if diff := cmp.Diff(p, again); diff != "" {
			w.Errorf("after the delete (-first +second):\n%s", diff)
		}

		// Tokens belong to an account, and to an operation.
		other := w.user(spoke, "admin")
		foreign := ok(other.CreatePortfolio(other, create))(w)
		if foreign.PortfolioDetail.Id == p.PortfolioDetail.Id {
			w.Error("a token of one account answered another's request")
		}

		// And end.
		w.now.Add(int64(31 * 24 * time.Hour / time.Microsecond))
		late := ok(admin.CreatePortfolio(admin, create))(w)
		if late.PortfolioDetail.Id == p.PortfolioDetail.Id {
			w.Error("a token was remembered longer than 30 days")
		}
		if err := w.catalog.Purge(admin); err != nil {
			w.Error(err)
		}
		err = w.catalog.db.View(admin, func(tx *db.Tx) error {
			n, err := count(tx, `SELECT COUNT(*) FROM idempotency`)
			if err == nil && n != 1 {
				w.Errorf("%d tokens are left, want 1", n)
			}
			return err
		})
		if err != nil {
			w.Error(err)
		}
	})
}

package catalog

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
)

// A possession is all that an account has, by the member that names it.
type possession map[string]string

// possessions makes one of everything.
func (w *world) possessions(admin someone) possession {
	w.Helper()
	p, product, version := w.offer(admin)
	cons := ok(w.constrain(admin, p, product, "LAUNCH", launchRole))(w).ConstraintDetail.ConstraintId
	option := w.tagOption(admin, "Secret key", "secret value")
	w.optionOn(admin, option, string(p))
	action := w.action(admin, "secret-action")
	ok(admin.AssociateServiceActionWithProvisioningArtifact(admin, &api.AssociateServiceActionWithProvisioningArtifactInput{
		ProductId: string(product), ProvisioningArtifactId: string(version), ServiceActionId: action,
	}))(w)
	ok(admin.AssociateBudgetWithResource(admin, &api.AssociateBudgetWithResourceInput{BudgetName: "secret budget", ResourceId: string(p)}))(w)
	ok(admin.CreatePortfolioShare(admin, &api.CreatePortfolioShareInput{PortfolioId: string(p), AccountId: new(invited)}))(w)
	copied := ok(admin.CopyProduct(admin, &api.CopyProductInput{SourceProductArn: arnOf(admin.caller.Account, product), IdempotencyToken: w.token()}))(w)
	for {
		out := ok(admin.DescribeCopyProductStatus(admin, &api.DescribeCopyProductStatusInput{CopyProductToken: copied.CopyProductToken}))(w)
		if out.CopyProductStatus != api.CopyProductStatusInProgress {
			break
		}
	}
	return possession{
		"PortfolioId": string(p), "ProductId": string(product), "ProvisioningArtifactId": string(version),
		"ConstraintId": cons, "TagOptionId": string(option), "ServiceActionId": action, "ResourceId": string(p),
		"ProductViewId": string(product.View()), "CopyProductToken": copied.CopyProductToken,
		"SourceProductArn": arnOf(admin.caller.Account, product), "SourcePortfolioId": string(p),
		"TargetProductId": string(product),
	}
}

// input fills what an operation takes with somebody's possessions.
func (w *world) input(op api.Op, has possession) any {
	in := api.NewInput(op)
	w.fill(op, reflect.ValueOf(in).Elem(), has)
	return in
}

func (w *world) fill(op api.Op, v reflect.Value, has possession) {
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Name
		value, known := has[name]
		if name == "Id" {
			for _, noun := range []string{"ProductView", "Portfolio", "Product", "Constraint", "TagOption", "ServiceAction"} {
				if strings.Contains(op.String(), noun) {
					value, known = has[noun+"Id"]
					break
				}
			}
		}
		fixed, required := map[string]string{
			"IdempotencyToken": w.token(), "PrincipalARN": "arn:aws:iam::" + spoke + ":user/mallory", "PrincipalType": "IAM",
			"BudgetName": "secret budget", "DisplayName": "stolen", "ProviderName": "p", "Type": "TEMPLATE", "Parameters": sizeRule,
			"PortfolioShareToken": "share-x", "OrganizationNodeType": "ACCOUNT", "DefinitionType": "SSM_AUTOMATION",
			"Key": "k", "Value": "v", "Name": "n", "Owner": "o", "ProductType": "EXTERNAL",
		}[name]
		if !known {
			value, known = fixed, required
		}
		switch {
		case op == api.OpDescribePortfolioShares && name == "Type":
			field.SetString("ACCOUNT")
		case name == "ServiceActionAssociations":
			one := reflect.New(field.Type().Elem()).Elem()
			w.fill(op, one, has)
			field.Set(reflect.Append(field, one))
		case op == api.OpCreatePortfolioShare && name == "AccountId", op == api.OpUpdatePortfolioShare && name == "AccountId", op == api.OpDeletePortfolioShare && name == "AccountId":
			field.Set(reflect.ValueOf(new("444444444444")))
		case name == "Definition" && field.Kind() == reflect.Map:
			field.Set(reflect.ValueOf(definition{"Name": "a", "Version": "1"}))
		case name == "Parameters" && field.Kind() == reflect.Struct:
			field.FieldByName("Info").Set(reflect.ValueOf(map[string]string{"LoadTemplateFromURL": w.template("v.json", `{}`)}))
		case known && field.Kind() == reflect.String:
			field.SetString(value)
		case known && field.Kind() == reflect.Pointer && field.Type().Elem().Kind() == reflect.String && (strings.HasSuffix(name, "Id") || name == "Id"):
			pointer := reflect.New(field.Type().Elem())
			pointer.Elem().SetString(value)
			field.Set(pointer)
		}
	}
}

// TestNoBypass has strangers call every operation there is with the ids of
// everything that another account has: nothing is shown and nothing changed.
// One of them was offered the portfolio and has not accepted.
func TestNoBypass(t *testing.T) {
	run(t, func(w *world) {
		has := w.possessions(w.user(hub, "admin"))
		before := w.dump(hub)
		served := reflect.TypeFor[*Catalog]()
		for _, op := range api.Ops() {
			if _, ok := served.MethodByName(op.String()); !ok {
				continue
			}
			w.trespass(w.user(spoke, "mallory"), op, has)
			switch op {
			case api.OpAcceptPortfolioShare, api.OpRejectPortfolioShare, api.OpExplainLaunch:
				// What an offer is for.
			default:
				w.trespass(w.user(invited, "mallory"), op, has)
			}
		}
		if diff := cmp.Diff(before, w.dump(hub)); diff != "" {
			w.Errorf("something of the other account changed (-before +after):\n%s", diff)
		}
	})
}

// invited is an account that was offered a portfolio.
const invited = "333333333333"

// trespass calls one operation with another's ids.
func (w *world) trespass(who someone, op api.Op, has possession) {
	w.Helper()
	in := w.input(op, has)
	out, err := w.invoke(who, op, in)
	switch api.Code(err) {
	case api.CodeResourceNotFound, api.CodeAccessDenied:
		return
	case "":
	default:
		if takesID(in) { // then access was never asked about
			w.Errorf("%s %s: %v", op, encoded(in), err)
		}
		return
	}
	shown := encoded(out)
	for _, secret := range append(values(has), hub, "secret", "Buckets", "bucket") {
		if strings.Contains(shown, secret) && !strings.HasPrefix(op.String(), "Batch") { // a batch names what failed
			w.Errorf("%s shows %s: %s", op, secret, shown)
		}
	}
	if takesID(in) {
		w.Errorf("%s %s succeeds with another's ids: %s", op, encoded(in), shown)
	}
}

// takesID reports whether an input names something by id.
func takesID(in any) bool {
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if (strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "Arn")) && !v.Field(i).IsZero() {
			return true
		}
	}
	return false
}

func values(has possession) (all []string) {
	for _, v := range has {
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

func encoded(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// dump is everything that an account has in the database.
func (w *world) dump(account string) (all []string) {
	w.Helper()
	err := w.catalog.db.View(w.Context(), func(tx *db.Tx) error {
		for _, query := range []string{
			`SELECT id, data FROM portfolio WHERE account = ?`,
			`SELECT id, data FROM product WHERE account = ?`,
			`SELECT id, data FROM artifact WHERE account = ?`,
			`SELECT id, data FROM portfolio_constraint WHERE account = ?`,
			`SELECT id, value FROM tag_option WHERE account = ?`,
			`SELECT id, data FROM service_action WHERE account = ?`,
			`SELECT x.portfolio, x.product FROM portfolio_product x JOIN portfolio p ON p.id = x.portfolio WHERE p.account = ?`,
			`SELECT x.portfolio, x.arn FROM portfolio_principal x JOIN portfolio p ON p.id = x.portfolio WHERE p.account = ?`,
			`SELECT x.portfolio, x.node FROM portfolio_share x JOIN portfolio p ON p.id = x.portfolio WHERE p.account = ?`,
			`SELECT x.tag_option, x.resource FROM tag_option_resource x JOIN tag_option o ON o.id = x.tag_option WHERE o.account = ?`,
			`SELECT x.action, x.artifact FROM service_action_artifact x JOIN service_action a ON a.id = x.action WHERE a.account = ?`,
			`SELECT kind, account FROM population WHERE account = ?`,
		} {
			rows, err := db.Collect(tx, func(r *db.Rows) (string, error) {
				var a, b string
				err := r.Scan(&a, &b)
				return fmt.Sprint(a, " ", b), err
			}, query+` ORDER BY 1, 2`, account)
			if err != nil {
				return err
			}
			all = append(all, rows...)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return all
}

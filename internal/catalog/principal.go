package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// A grant lets a principal launch from a portfolio. Account is whose
// principal it is: the owner's, or that of an account the portfolio is shared
// with.
type grant struct {
	Portfolio id.Portfolio
	Account   string
	Type      api.PrincipalType
	ARN       string
	Unique    id.Unique // of what ARN named when it was granted; "" where names are all there is
	Created   int64
}

// anyName is the name under which patterns are looked up.
const anyName = "*"

// principalName is what a principal is looked up by. IAM's names of users,
// groups and roles are unique in their account without the path, which is not
// always known; "" is a principal that no grant can name.
func principalName(p id.Principal) string {
	switch p.Kind {
	case id.User, id.Group, id.Role:
		return p.Kind.String() + "/" + p.Name
	default:
		return ""
	}
}

// guises are all that a grant may know a caller as: a user and its groups, or
// the role of a session.
func guises(caller identity.Caller) []id.Principal {
	arns := append([]string{caller.UserARN()}, caller.Groups...)
	all := make([]id.Principal, 0, len(arns))
	for _, arn := range arns {
		if p, err := id.ParsePrincipal(arn); err == nil && principalName(p) != "" {
			all = append(all, p)
		}
	}
	return all
}

// callerNames are the names under which grants to a caller are found, that of
// patterns last.
func callerNames(caller identity.Caller) []string {
	names := make([]string, 0, 2)
	for _, p := range guises(caller) {
		names = append(names, principalName(p))
	}
	return append(names, anyName)
}

// admits reports whether a grant lets the caller launch. A grant of another
// account counts by pattern alone, and only where its owner shares names.
func (g grant) admits(caller identity.Caller, sharesNames bool) bool {
	if g.Account != caller.Account && (!sharesNames || g.Type != api.PrincipalTypeIAMPattern) {
		return false
	}
	if g.Type == api.PrincipalTypeIAMPattern {
		return slices.ContainsFunc(guises(caller), func(p id.Principal) bool { return patternAdmits(g.ARN, p) })
	}
	granted, err := id.ParsePrincipal(g.ARN)
	return err == nil && slices.ContainsFunc(guises(caller), func(p id.Principal) bool {
		if granted.Account != p.Account || principalName(granted) != principalName(p) {
			return false
		}
		// Who took a deleted user's or role's name has not taken its grants.
		own, _, _ := strings.Cut(caller.UserID, ":")
		return g.Unique == "" || p.Kind == id.Group || own == string(g.Unique)
	})
}

// lookUp returns the unique id of a principal and whether it exists.
func (c *Catalog) lookUp(tx *db.Tx, p id.Principal) (id.Unique, bool, error) {
	if c.uniqueID == nil {
		return "", true, nil
	}
	unique, err := c.uniqueID(tx, p)
	return unique, unique != "", err
}

// shown is a grant as it is listed: under its unique id, as AWS does, when
// what it named has been deleted.
func (c *Catalog) shown(tx *db.Tx, g grant) (api.Principal, error) {
	out := api.Principal{PrincipalARN: g.ARN, PrincipalType: g.Type}
	if g.Unique == "" {
		return out, nil
	}
	p, err := id.ParsePrincipal(g.ARN)
	if err != nil {
		return out, err
	}
	unique, _, err := c.lookUp(tx, p)
	if unique != g.Unique {
		out.PrincipalARN = string(g.Unique)
	}
	return out, err
}

// patternAdmits reports whether an IAM_PATTERN names a principal.
func patternAdmits(pattern string, p id.Principal) bool {
	a, err := id.ParseARN(pattern)
	if err != nil || a.Partition != p.Partition {
		return false
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	return kind == p.Kind.String() && wildcard(rest, strings.TrimPrefix(p.Path, "/")+p.Name)
}

// wildcard matches text against a pattern in which * is any run of characters
// and ? is one character or none, as AWS defines them for IAM_PATTERN.
func wildcard(pattern, text string) bool {
	// reachable[i] tells whether pattern[:i] matches the text read so far.
	reachable := make([]bool, len(pattern)+1)
	skip := func() { // * and ? may match nothing
		for i := range len(pattern) {
			if reachable[i] && (pattern[i] == '*' || pattern[i] == '?') {
				reachable[i+1] = true
			}
		}
	}
	reachable[0] = true
	skip()
	for j := range len(text) {
		for i := len(pattern); i > 0; i-- {
			switch pattern[i-1] {
			case '*':
				// A run goes on, or begins.
				reachable[i] = reachable[i] || reachable[i-1]
			case '?':
				reachable[i] = reachable[i-1]
			default:
				reachable[i] = reachable[i-1] && pattern[i-1] == text[j]
			}
		}
		reachable[0] = false
		skip()
	}
	return reachable[len(pattern)]
}

// checkPrincipal refuses an ARN that a portfolio cannot be associated with and
// returns the name under which it is found.
func checkPrincipal(arn string, kind api.PrincipalType, account string) (string, error) {
	a, err := id.ParseARN(arn)
	if err != nil || a.Service != "iam" || a.Region != "" {
		return "", api.InvalidParameters("Invalid principal ARN: %s", arn)
	}
	if kind == api.PrincipalTypeIAMPattern {
		return anyName, checkPattern(arn, a)
	}
	if a.Account != account {
		return "", api.ResourceNotFound("Resource not found, caller account id (%s) does not match input account id (%s)", account, a.Account)
	}
	p, ok := a.Principal()
	if !ok || p.Kind != id.User && p.Kind != id.Group && p.Kind != id.Role {
		return "", api.InvalidParameters("Invalid principal ARN: %s", arn)
	}
	return principalName(p), nil
}

func checkPattern(arn string, a id.ARN) error {
	kind, rest, _ := strings.Cut(a.Resource, "/")
	switch {
	case a.Account != "":
		return api.InvalidParameters("Invalid principal pattern %s: it may not name an account.", arn)
	case kind != "user" && kind != "group" && kind != "role" || rest == "":
		return api.InvalidParameters("Invalid principal pattern %s: it must name a user, group or role.", arn)
	case strings.ContainsAny(a.Partition, "*?"):
		return api.InvalidParameters("Invalid principal pattern %s: wildcards may stand only in the resource.", arn)
	}
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c > '~' {
			return api.InvalidParameters("Invalid principal pattern: %s", arn)
		}
	}
	return nil
}

// AssociatePrincipalWithPortfolio lets a principal, or all that match a
// pattern, launch from a portfolio. Doing it again changes nothing.
func (c *Catalog) AssociatePrincipalWithPortfolio(ctx context.Context, in *api.AssociatePrincipalWithPortfolioInput) (*api.AssociatePrincipalWithPortfolioOutput, error) {
	caller, now := identity.CallerFrom(ctx), db.Micros(c.now())
	err := c.update(ctx, func(tx *db.Tx) error {
		p, _, err := c.portfolio(tx, caller, in.PortfolioId)
		if err != nil {
			return err
		}
		name, err := checkPrincipal(in.PrincipalARN, in.PrincipalType, caller.Account)
		if err != nil {
			return err
		}
		var unique id.Unique
		if in.PrincipalType == api.PrincipalTypeIAM {
			principal, err := id.ParsePrincipal(in.PrincipalARN)
			if err != nil {
				return err
			}
			found, exists, err := c.lookUp(tx, principal)
			if err != nil {
				return err
			}
			unique = found
			if !exists {
				return api.InvalidParameters("Invalid principal ARN: %s does not exist", in.PrincipalARN)
			}
		}
		n, err := tx.ExecRows(`INSERT INTO portfolio_principal (portfolio, account, region, type, arn, name, unique_id, created)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (portfolio, account, type, arn) DO UPDATE SET unique_id = excluded.unique_id
			WHERE portfolio_principal.unique_id <> excluded.unique_id`,
			p.ID, caller.Account, caller.Region, in.PrincipalType, in.PrincipalARN, name, unique, now)
		if err != nil || n == 0 {
			return err
		}
		return c.checkPrincipals(tx, p.ID, caller.Account)
	})
	return &api.AssociatePrincipalWithPortfolioOutput{}, err
}

// checkPrincipals holds the quotas after one more principal.
func (c *Catalog) checkPrincipals(tx *db.Tx, p id.Portfolio, account string) error {
	var all, patterns int
	if err := tx.Row(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN name = '*' THEN 1 ELSE 0 END), 0)
		FROM portfolio_principal WHERE portfolio = ? AND account = ?`, p, account).Scan(&all, &patterns); err != nil {
		return err
	}
	if err := exceeds(all-1, c.limits.PrincipalsPerPortfolio, "principals per portfolio"); err != nil {
		return err
	}
	return exceeds(patterns-1, maxPatterns, "IAM_PATTERN principals per portfolio")
}

// DisassociatePrincipalFromPortfolio takes a grant back. A pattern is found
// only with its type, a deleted principal by its unique id as well.
func (c *Catalog) DisassociatePrincipalFromPortfolio(ctx context.Context, in *api.DisassociatePrincipalFromPortfolioInput) (*api.DisassociatePrincipalFromPortfolioOutput, error) {
	caller := identity.CallerFrom(ctx)
	err := c.update(ctx, func(tx *db.Tx) error {
		p, _, err := c.portfolio(tx, caller, in.PortfolioId)
		if err != nil {
			return err
		}
		n, err := tx.ExecRows(`DELETE FROM portfolio_principal WHERE portfolio = ? AND account = ? AND type = ?
				AND (arn = ? OR unique_id = ? AND unique_id <> '')`,
			p.ID, caller.Account, api.Or(in.PrincipalType, api.PrincipalTypeIAM), in.PrincipalARN, in.PrincipalARN)
		if err != nil {
			return err
		}
		if n == 0 {
			return api.ResourceNotFound("Principal %s is not associated with portfolio %s", in.PrincipalARN, p.ID)
		}
		return nil
	})
	return &api.DisassociatePrincipalFromPortfolioOutput{}, err
}

// ListPrincipalsForPortfolio lists the principals of the caller's account
// that may launch from a portfolio, oldest first.
func (c *Catalog) ListPrincipalsForPortfolio(ctx context.Context, in *api.ListPrincipalsForPortfolioInput) (*api.ListPrincipalsForPortfolioOutput, error) {
	pg, err := c.page(ctx, api.OpListPrincipalsForPortfolio, in.PageSize, in.PageToken, in.PortfolioId)
	if err != nil {
		return nil, err
	}
	caller := identity.CallerFrom(ctx)
	out := &api.ListPrincipalsForPortfolioOutput{Principals: []api.Principal{}}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		p, _, err := c.portfolio(tx, caller, in.PortfolioId)
		if err != nil {
			return err
		}
		rows, err := db.Collect(tx, scanGrant, selectGrant+`
			WHERE g.portfolio = ? AND g.account = ? AND (g.created, g.arn) > (?, ?) ORDER BY g.created, g.arn LIMIT ?`,
			p.ID, caller.Account, pg.after.Number, pg.after.ID, pg.fetch())
		if err != nil {
			return err
		}
		rows, out.NextPageToken = cut(pg, rows, func(g grant) position { return position{Number: g.Created, ID: g.ARN} })
		for _, g := range rows {
			one, err := c.shown(tx, g)
			if err != nil {
				return err
			}
			out.Principals = append(out.Principals, one)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

const selectGrant = `SELECT g.portfolio, g.account, g.type, g.arn, g.unique_id, g.created FROM portfolio_principal g`

func scanGrant(r *db.Rows) (grant, error) {
	var g grant
	err := r.Scan(&g.Portfolio, &g.Account, &g.Type, &g.ARN, &g.Unique, &g.Created)
	if err != nil {
		err = fmt.Errorf("catalog: a principal: %w", err)
	}
	return g, err
}

package catalog

import (
	"context"
	"fmt"
	"slices"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// ExplainLaunch tells, portfolio by portfolio, why the caller can or cannot
// launch a product. It shows no more than an account may know: its own
// portfolios and those shared with it or offered to it.
func (c *Catalog) ExplainLaunch(ctx context.Context, in *api.ExplainLaunchInput) (*api.ExplainLaunchOutput, error) {
	caller := identity.CallerFrom(ctx)
	out := &api.ExplainLaunchOutput{ProductId: in.ProductId, PrincipalARN: caller.ARN, LaunchExplanations: []api.LaunchExplanation{}}
	var holders []holder
	var versions []artifact
	var p product
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		if holders, err = c.holders(tx, caller, id.Product(in.ProductId)); err != nil {
			return err
		}
		if len(holders) == 0 {
			// A product that stands nowhere is still its owner's to ask about.
			if _, _, err := c.product(tx, caller, in.ProductId); err != nil {
				return err
			}
		}
		if p, err = pathProduct(tx, caller.Region, in.ProductId); err != nil {
			return err
		}
		versions, err = selectArtifacts(tx, p.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, h := range holders {
		out.LaunchExplanations = append(out.LaunchExplanations, h.explain(caller, p, versions))
	}
	return out, nil
}

// A holder is a portfolio that holds a product, as one account knows it.
type holder struct {
	path
	offered bool // shared, and not accepted yet
	grants  []grant
}

func (h holder) explain(caller identity.Caller, p product, versions []artifact) api.LaunchExplanation {
	e := api.LaunchExplanation{
		PortfolioId: string(h.portfolio.ID), PortfolioName: h.portfolio.Name, PathId: string(h.id()),
		Principals: make([]api.Principal, len(h.grants)), LaunchObstacles: []api.LaunchObstacle{},
	}
	for i, g := range h.grants {
		e.Principals[i] = api.Principal{PrincipalARN: g.ARN, PrincipalType: g.Type}
		e.PrincipalMatches = e.PrincipalMatches || g.admits(caller, h.access.principals)
	}
	obstacle := func(kind api.LaunchObstacleType, format string, args ...any) {
		e.LaunchObstacles = append(e.LaunchObstacles, api.LaunchObstacle{Type: kind, Message: fmt.Sprintf(format, args...)})
	}
	if h.offered {
		obstacle(api.LaunchObstacleTypePortfolioNotAccepted,
			"Account %s has not accepted the share of portfolio %s: call AcceptPortfolioShare.", caller.Account, h.portfolio.ID)
	}
	if !e.PrincipalMatches {
		obstacle(api.LaunchObstacleTypePrincipalNotAssociated,
			"%s is not associated with portfolio %s: call AssociatePrincipalWithPortfolio.", caller.ARN, h.portfolio.ID)
	}
	if !slices.ContainsFunc(versions, func(a artifact) bool { return checkLaunchable(a, false) == nil }) {
		obstacle(api.LaunchObstacleTypeNoActiveVersion,
			"Product %s has no version that is active and not deprecated.", p.ID)
	}
	hasRole := slices.ContainsFunc(h.constraints, func(k constraint) bool { return k.Type == constraintLaunch })
	if p.Type != api.ProductTypeCloudFormationTemplate && !hasRole {
		obstacle(api.LaunchObstacleTypeLaunchRoleMissing,
			"A product of type %s needs a LAUNCH constraint in portfolio %s.", p.Type, h.portfolio.ID)
	}
	return e
}

// holders are the portfolios with a product that the caller's account knows.
func (c *Catalog) holders(tx *db.Tx, caller identity.Caller, p id.Product) ([]holder, error) {
	all, err := db.Collect(tx, scanPortfolio, selectPortfolio+`
		JOIN portfolio_product pp ON pp.portfolio = p.id WHERE pp.product = ? AND p.region = ? ORDER BY p.created, p.id`, p, caller.Region)
	if err != nil {
		return nil, err
	}
	var known []holder
	for _, one := range all {
		h := holder{path: path{portfolio: one, access: ownerAccess}}
		if one.Account != caller.Account {
			if h.access, h.offered, err = c.offered(tx, caller, one.ID); err != nil {
				return nil, err
			}
			if h.access.reach == unreachable && !h.offered {
				continue
			}
		}
		if h.grants, err = db.Collect(tx, scanGrant, selectGrant+`
			WHERE g.portfolio = ? AND (g.account = ? OR g.account = ? AND g.name = '*') ORDER BY g.created, g.arn`,
			one.ID, caller.Account, one.Account); err != nil {
			return nil, err
		}
		if !h.access.principals {
			h.grants = slices.DeleteFunc(h.grants, func(g grant) bool { return g.Account != caller.Account })
		}
		if h.constraints, err = pairConstraints(tx, one.ID, p); err != nil {
			return nil, err
		}
		known = append(known, h)
	}
	return known, nil
}

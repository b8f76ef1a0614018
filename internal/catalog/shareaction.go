package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
	"larder/internal/workflow"
)

// A shareAction is one change of a share with a node of the organization. It
// takes a run, and a portfolio has one at a time.
type shareAction struct {
	Token     id.ShareToken `json:"-"`
	Portfolio id.Portfolio  `json:"-"`
	Account   string        `json:"-"`
	Region    string        `json:"-"`

	Verb       shareVerb
	Type       api.DescribePortfolioShareType
	Node       string
	TagOptions *bool `json:",omitempty"` // nil: as it is
	Principals *bool `json:",omitempty"`

	Status     api.ShareStatus
	Successful []string         `json:",omitempty"` // accounts
	Errors     []api.ShareError `json:",omitempty"`
}

type shareVerb string

const (
	createShare shareVerb = "create"
	updateShare shareVerb = "update"
	deleteShare shareVerb = "delete"
)

func newShareAction(verb shareVerb, caller identity.Caller, portfolioID string, t shareTarget, tagOptions, principals *bool) shareAction {
	return shareAction{
		Token: id.New[id.ShareToken](), Portfolio: id.Portfolio(portfolioID), Account: caller.Account, Region: caller.Region,
		Verb: verb, Type: t.kind, Node: t.node, TagOptions: tagOptions, Principals: principals,
		Status: api.ShareStatusNotStarted,
	}
}

func (a shareAction) tagOptions() bool { return api.Or(a.TagOptions, false) }

func (a shareAction) target() shareTarget { return shareTarget{kind: a.Type, node: a.Node} }

// apply writes what an update changes of a share.
func (a shareAction) apply(tx *db.Tx, s share) error {
	return tx.Exec(`UPDATE portfolio_share SET tag_options = ?, principals = ? WHERE portfolio = ? AND type = ? AND node = ?`,
		api.Or(a.TagOptions, s.TagOptions), api.Or(a.Principals, s.Principals), s.Portfolio, s.Type, s.Node)
}

// errShareBusy is what AWS answers while another share action is in flight.
var errShareBusy = api.InvalidState("Cannot process more than one portfolio share action at the same time. Try again later.")

func checkNoShareAction(tx *db.Tx, p id.Portfolio) error {
	n, err := count(tx, `SELECT COUNT(*) FROM share_action WHERE portfolio = ? AND open = 1`, p)
	if err == nil && n > 0 {
		err = errShareBusy
	}
	return err
}

// shareRun carries share actions.
const shareRun = "share/v1"

func (c *Catalog) shareDefinition() workflow.Definition {
	return workflow.Definition{Name: shareRun, Steps: []workflow.Step{
		{Name: "begin", Beat: c.beginShare},
		{Name: "spread", Beat: c.spreadShare},
	}}
}

// startShareAction records an action and the run that carries it.
func (c *Catalog) startShareAction(tx *db.Tx, a shareAction) error {
	data, err := encode(a)
	if err != nil {
		return err
	}
	if err := tx.Exec(`INSERT INTO share_action (token, portfolio, account, region, open, data) VALUES (?, ?, ?, ?, 1, ?)`,
		a.Token, a.Portfolio, a.Account, a.Region, data); err != nil {
		return err
	}
	return c.runner.Start(tx, workflow.Begin{
		ID: string(a.Token), Definition: shareRun, Subject: string(a.Token), Account: a.Account, Region: a.Region,
		Input: json.RawMessage(`{}`),
	})
}

func (c *Catalog) beginShare(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
	return workflow.Next().Write(func(tx *db.Tx) error {
		a, err := oneShareAction(tx, b.Account, b.Region, b.Subject)
		if err != nil {
			return err
		}
		a.Status = api.ShareStatusInProgress
		return saveShareAction(tx, a)
	}), nil
}

// spreadShare makes the share what the action says and notes the accounts
// that it reaches. Which accounts those are is decided whenever one asks, so
// there is nothing to write for each.
func (c *Catalog) spreadShare(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
	now := db.Micros(b.Now)
	return workflow.Next().Write(func(tx *db.Tx) error {
		a, err := oneShareAction(tx, b.Account, b.Region, b.Subject)
		if err != nil {
			return err
		}
		if a.Status != api.ShareStatusInProgress {
			return nil // an earlier beat has done it
		}
		a.Status = api.ShareStatusCompleted
		err = c.carryOut(tx, a, now)
		switch api.Code(err) {
		case "":
			a.Successful, err = c.recipients(tx, a)
		case api.CodeResourceNotFound: // the portfolio or the share has gone meanwhile
			a.Status, a.Errors = api.ShareStatusError, []api.ShareError{{Accounts: []string{}, Error: api.Code(err), Message: message(err)}}
			err = nil
		}
		if err != nil {
			return err
		}
		return saveShareAction(tx, a)
	}), nil
}

func (c *Catalog) carryOut(tx *db.Tx, a shareAction, now int64) error {
	p, err := c.ownPortfolio(tx, identity.Caller{Account: a.Account, Region: a.Region}, string(a.Portfolio))
	if err != nil {
		return err
	}
	switch a.Verb {
	case createShare:
		_, err := insertShare(tx, share{
			Portfolio: p.ID, Region: p.Region, Type: a.Type, Node: a.Node, Accepted: true,
			TagOptions: a.tagOptions(), Principals: api.Or(a.Principals, false), Created: now,
		})
		return err
	case updateShare:
		s, err := oneShare(tx, p.ID, a.target())
		if err != nil {
			return err
		}
		return a.apply(tx, s)
	case deleteShare:
		return c.endShare(tx, p, a.target())
	default:
		return fmt.Errorf("catalog: share action %s has the unknown verb %q", a.Token, a.Verb)
	}
}

// recipients are the accounts that an action concerns, its own aside.
func (c *Catalog) recipients(tx *db.Tx, a shareAction) ([]string, error) {
	org, err := c.organization(tx)
	if err != nil {
		return nil, err
	}
	known, err := c.accounts(tx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, account := range org.under(a.Node, known) {
		if account != a.Account {
			all = append(all, account)
		}
	}
	return all, nil
}

// DescribePortfolioShareStatus tells how far a share action has come.
func (c *Catalog) DescribePortfolioShareStatus(ctx context.Context, in *api.DescribePortfolioShareStatusInput) (*api.DescribePortfolioShareStatusOutput, error) {
	caller := identity.CallerFrom(ctx)
	var a shareAction
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		a, err = oneShareAction(tx, caller.Account, caller.Region, in.PortfolioShareToken)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DescribePortfolioShareStatusOutput{
		PortfolioShareToken: string(a.Token), PortfolioId: string(a.Portfolio), OrganizationNodeValue: a.Node, Status: a.Status,
		ShareDetails: &api.ShareDetails{SuccessfulShares: given(a.Successful), ShareErrors: given(a.Errors)},
	}, nil
}

func oneShareAction(tx *db.Tx, account, region, token string) (shareAction, error) {
	found, err := db.Collect(tx, func(r *db.Rows) (shareAction, error) {
		var a shareAction
		var data []byte
		if err := r.Scan(&a.Token, &a.Portfolio, &a.Account, &a.Region, &data); err != nil {
			return a, err
		}
		return a, decode(data, &a, a.Token)
	}, `SELECT token, portfolio, account, region, data FROM share_action WHERE token = ? AND account = ? AND region = ?`, token, account, region)
	if err == nil && len(found) == 0 {
		err = api.ResourceNotFound("Portfolio share token not found: %s", token)
	}
	if err != nil {
		return shareAction{}, err
	}
	return found[0], nil
}

// saveShareAction writes how far an action has come; one that has ended makes
// room for the next.
func saveShareAction(tx *db.Tx, a shareAction) error {
	data, err := encode(a)
	if err != nil {
		return err
	}
	open := a.Status == api.ShareStatusNotStarted || a.Status == api.ShareStatusInProgress
	return tx.Exec(`UPDATE share_action SET open = ?, data = ? WHERE token = ? AND account = ?`, open, data, a.Token, a.Account)
}

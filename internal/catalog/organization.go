package catalog

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
	"larder/internal/identity"
)

// An Organization is the tree of accounts that portfolios can be shared with.
type Organization struct {
	ID         string   // o-…
	Management string   // the management account
	Delegated  []string // accounts that administer the catalog for it
	Units      []Unit   // none: see EveryAccount
}

// A Unit is one organizational unit, or the root, with the accounts that stand
// directly under it.
type Unit struct {
	ID       string // ou-…, or r-… of the root
	Parent   string // "" of the root
	Accounts []string
}

// EveryAccount is the organization of a server for tests: every account
// belongs to it, and any well-formed node is one and holds every account.
func EveryAccount(management string) Organization {
	return Organization{ID: "o-0000000000", Management: management}
}

// open reports whether the organization is one without a structure.
func (o Organization) open() bool { return len(o.Units) == 0 }

// administers reports whether an account may share with the organization.
func (o Organization) administers(account string) bool {
	return account == o.Management || slices.Contains(o.Delegated, account)
}

// nodes are the nodes that an account stands under, itself included; none if
// it is no member.
func (o Organization) nodes(account string) []string {
	at := slices.IndexFunc(o.Units, func(u Unit) bool { return slices.Contains(u.Accounts, account) })
	if at < 0 {
		return nil
	}
	nodes := []string{account, o.ID}
	for range o.Units { // no deeper than there are units, whatever the parents say
		u := o.Units[at]
		nodes = append(nodes, u.ID)
		if at = slices.IndexFunc(o.Units, func(p Unit) bool { return p.ID == u.Parent }); at < 0 {
			break
		}
	}
	return nodes
}

// has reports whether there is such a node.
func (o Organization) has(node string) bool {
	return o.open() || node == o.ID || slices.ContainsFunc(o.Units, func(u Unit) bool {
		return u.ID == node || slices.Contains(u.Accounts, node)
	})
}

// under are the members below a node. An organization without a structure has
// the members that are known.
func (o Organization) under(node string, known []string) []string {
	if id.IsAccount(node) {
		return []string{node}
	}
	if o.open() {
		return known
	}
	var members []string
	for _, u := range o.Units {
		for _, a := range u.Accounts {
			if slices.Contains(o.nodes(a), node) {
				members = append(members, a)
			}
		}
	}
	slices.Sort(members)
	return members
}

// audience is the condition under which share s is meant for an account.
func (o Organization) audience(account string) (string, []any) {
	if o.open() {
		return `(s.node = ? OR s.type IN ('ORGANIZATION', 'ORGANIZATIONAL_UNIT'))`, []any{account}
	}
	args := []any{account}
	for _, n := range o.nodes(account) {
		args = append(args, n)
	}
	return `s.node IN ` + holes(len(args)), args
}

// nodeForms are the ids of nodes, by the type that OrganizationNode has.
var nodeForms = map[api.OrganizationNodeType]*regexp.Regexp{
	api.OrganizationNodeTypeOrganization:       regexp.MustCompile(`^o-[a-z0-9]{10,32}$`),
	api.OrganizationNodeTypeOrganizationalUnit: regexp.MustCompile(`^ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$`),
	api.OrganizationNodeTypeAccount:            regexp.MustCompile(`^\d{12}$`),
}

// nodeTypes are the types of shares with nodes, by the type of the node.
var nodeTypes = map[api.OrganizationNodeType]api.DescribePortfolioShareType{
	api.OrganizationNodeTypeOrganization:       api.DescribePortfolioShareTypeOrganization,
	api.OrganizationNodeTypeOrganizationalUnit: api.DescribePortfolioShareTypeOrganizationalUnit,
	api.OrganizationNodeTypeAccount:            api.DescribePortfolioShareTypeOrganizationMemberAccount,
}

// parseNode reads a node, which may be named by its bare id or its ARN, and
// returns the bare id.
func parseNode(n api.OrganizationNode) (string, error) {
	kind, value := api.Or(n.Type, ""), api.Or(n.Value, "")
	form, ok := nodeForms[kind]
	if !ok || value == "" {
		return "", api.InvalidParameters("OrganizationNode must have Type and Value")
	}
	bare := value
	if strings.HasPrefix(value, "arn:") {
		if a, err := id.ParseARN(value); err != nil || a.Service != "organizations" {
			return "", api.InvalidParameters("Invalid organization node: %s", value)
		}
		bare = value[strings.LastIndexByte(value, '/')+1:]
	}
	if !form.MatchString(bare) {
		return "", api.InvalidParameters("Invalid organization node: %s is no %s", value, kind)
	}
	return bare, nil
}

var errNotAuthorized = api.AccessDenied("You are not authorized to perform this action")

// EnableAWSOrganizationsAccess turns sharing with the organization on. Doing
// it again changes nothing.
func (c *Catalog) EnableAWSOrganizationsAccess(ctx context.Context, _ *api.EnableAWSOrganizationsAccessInput) (*api.EnableAWSOrganizationsAccessOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		org, err := c.organization(tx)
		if err != nil {
			return err
		}
		if identity.CallerFrom(ctx).Account != org.Management {
			return errNotAuthorized
		}
		return setOrganizationAccess(tx, org.ID, true, "")
	})
	return &api.EnableAWSOrganizationsAccessOutput{}, err
}

// DisableAWSOrganizationsAccess turns sharing with the organization off. What
// is shared stays shared with those who are members now; later changes of the
// organization no longer count.
func (c *Catalog) DisableAWSOrganizationsAccess(ctx context.Context, _ *api.DisableAWSOrganizationsAccessInput) (*api.DisableAWSOrganizationsAccessOutput, error) {
	err := c.update(ctx, func(tx *db.Tx) error {
		org, err := c.organization(tx)
		if err != nil {
			return err
		}
		if identity.CallerFrom(ctx).Account != org.Management {
			return errNotAuthorized
		}
		if len(org.Delegated) > 0 {
			return api.InvalidState("Organizations access cannot be disabled while there are delegated administrators")
		}
		structure, err := encode(org)
		if err != nil {
			return err
		}
		return setOrganizationAccess(tx, org.ID, false, structure)
	})
	return &api.DisableAWSOrganizationsAccessOutput{}, err
}

// GetAWSOrganizationsAccessStatus tells whether sharing with the organization
// is on.
func (c *Catalog) GetAWSOrganizationsAccessStatus(ctx context.Context, _ *api.GetAWSOrganizationsAccessStatusInput) (*api.GetAWSOrganizationsAccessStatusOutput, error) {
	out := &api.GetAWSOrganizationsAccessStatusOutput{AccessStatus: api.AccessStatusDisabled}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		org, err := c.organization(tx)
		if err != nil {
			return err
		}
		if !org.administers(identity.CallerFrom(ctx).Account) {
			return errNotAuthorized
		}
		enabled, _, err := organizationAccess(tx, org.ID)
		if enabled {
			out.AccessStatus = api.AccessStatusEnabled
		}
		return err
	})
	return out, err
}

// checkSharing refuses whoever may not share with the organization's nodes.
func (c *Catalog) checkSharing(tx *db.Tx, caller identity.Caller) error {
	org, err := c.organization(tx)
	if err != nil {
		return err
	}
	if !org.administers(caller.Account) {
		return api.OperationNotSupported("Only the management account of the organization or a delegated administrator can share with its nodes")
	}
	enabled, _, err := organizationAccess(tx, org.ID)
	if err != nil {
		return err
	}
	if !enabled {
		return api.OperationNotSupported("AWS Organizations access is not enabled: call EnableAWSOrganizationsAccess")
	}
	return nil
}

// checkNode refuses a node that the organization does not have. What is shared
// with one that it had once can still be changed and ended.
func (c *Catalog) checkNode(tx *db.Tx, node string) error {
	org, err := c.organization(tx)
	if err == nil && !org.has(node) {
		err = api.ResourceNotFound("Organization node not found: %s", node)
	}
	return err
}

// membership is the organization by which shares reach accounts: as it is, or
// as it was when access was turned off.
func (c *Catalog) membership(tx *db.Tx) (Organization, error) {
	org, err := c.organization(tx)
	if err != nil || org.open() {
		return org, err
	}
	enabled, structure, err := organizationAccess(tx, org.ID)
	if err != nil || enabled || structure == "" {
		return org, err
	}
	var then Organization
	return then, decode([]byte(structure), &then, org.ID)
}

func organizationAccess(tx *db.Tx, organization string) (enabled bool, structure string, err error) {
	err = tx.Row(`SELECT enabled, structure FROM organization_access WHERE organization = ?`, organization).Scan(&enabled, &structure)
	if errors.Is(err, db.ErrNoRows) {
		return false, "", nil
	}
	return enabled, structure, err
}

func setOrganizationAccess(tx *db.Tx, organization string, enabled bool, structure string) error {
	return tx.Exec(`INSERT INTO organization_access (organization, enabled, structure) VALUES (?, ?, ?)
		ON CONFLICT (organization) DO UPDATE SET enabled = excluded.enabled, structure = excluded.structure`,
		organization, enabled, structure)
}

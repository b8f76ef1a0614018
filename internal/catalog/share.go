package catalog

// The types of a share, as DescribePortfolioShares names them.
const (
	shareAccount      = "ACCOUNT"
	shareOrganization = "ORGANIZATION"
	shareUnit         = "ORGANIZATIONAL_UNIT"
	shareMember       = "ORGANIZATION_MEMBER_ACCOUNT"
)

package identity

import (
	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// A quota is how many of a thing there may be; IAM's defaults, and those of
// AWS Organizations, which lets an organization grow to so many accounts.
type quota struct {
	name string
	most int
}

var (
	usersPerAccount    = quota{"UsersPerAccount", 5000}
	groupsPerAccount   = quota{"GroupsPerAccount", 300}
	rolesPerAccount    = quota{"RolesPerAccount", 1000}
	policiesPerAccount = quota{"PoliciesPerAccount", 1500}
	groupsPerUser      = quota{"GroupsPerUser", 10}
	keysPerUser        = quota{"AccessKeysPerUser", 2}
	attachedPolicies   = quota{"PoliciesPerPrincipal", 10}
	inlinePolicies     = quota{"InlinePoliciesPerPrincipal", 10}

	accountsPerOrganization = quota{"AccountsPerOrganization", 10000}
	unitsPerOrganization    = quota{"OrganizationalUnitsPerOrganization", 2000}
	delegatedAdministrators = quota{"DelegatedAdministratorsPerOrganization", 50}
)

func principalQuota(kind id.PrincipalKind) quota {
	switch kind {
	case id.Group:
		return groupsPerAccount
	case id.Role:
		return rolesPerAccount
	default:
		return usersPerAccount
	}
}

// checkQuota refuses one more if the count that sql gives has reached the
// quota.
func checkQuota(tx *db.Tx, q quota, sql string, args ...any) error {
	var have int
	if err := tx.Row(sql, args...).Scan(&have); err != nil {
		return err
	}
	if have >= q.most {
		return api.LimitExceeded("Cannot exceed quota for %s: %d", q.name, q.most)
	}
	return nil
}

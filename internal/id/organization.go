package id

// NewOrganization mints the id of an organization: o-….
func NewOrganization() string { return "o-" + string(appendRandom(nil, 10, lower32)) }

// NewRoot mints the id of the root of an organization's tree: r-….
func NewRoot() string { return "r-" + string(appendRandom(nil, 4, lower32)) }

// NewOrganizationalUnit mints the id of a unit in the tree of a root:
// ou-<what follows r- in the root's id>-….
func NewOrganizationalUnit(root string) string {
	return "ou-" + root[len("r-"):] + "-" + string(appendRandom(nil, 8, lower32))
}

// OrganizationARN returns the ARN of an organization, or with a kind ("root",
// "ou", "account") of one of its nodes. The service knows no regions.
func OrganizationARN(partition, management, organization, kind, node string) ARN {
	resource := "organization/" + organization
	if kind != "" {
		resource = kind + "/" + organization + "/" + node
	}
	return ARN{Partition: partition, Service: "organizations", Account: management, Resource: resource}
}

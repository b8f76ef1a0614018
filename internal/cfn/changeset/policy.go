package changeset

import "larder/internal/cfn/template"

// Removal returns what becomes of a resource that leaves its stack, by its
// DeletionPolicy or the type's default.
func Removal(r *template.Resource) PolicyAction {
	policy := r.DeletionPolicy
	if policy == "" {
		policy = defaultPolicy(r)
	}
	switch policy {
	case "Retain", "RetainExceptOnCreate": // the exception ends with the operation that created the resource
		return PolicyRetain
	case "Snapshot":
		return PolicySnapshot
	}
	return PolicyDelete
}

// defaultPolicy is Delete, but for databases (User Guide, DeletionPolicy).
func defaultPolicy(r *template.Resource) string {
	switch r.Type {
	case "AWS::RDS::DBCluster":
		return "Snapshot"
	case "AWS::RDS::DBInstance":
		if r.Properties == nil || r.Properties.Get("DBClusterIdentifier") == nil {
			return "Snapshot"
		}
	}
	return "Delete"
}

// Replaced returns what becomes of the old physical resource when one is made
// anew, by its UpdateReplacePolicy.
func Replaced(r *template.Resource) PolicyAction {
	switch r.UpdateReplacePolicy {
	case "Retain":
		return PolicyReplaceAndRetain
	case "Snapshot":
		return PolicyReplaceAndSnapshot
	}
	return PolicyReplaceAndDelete
}

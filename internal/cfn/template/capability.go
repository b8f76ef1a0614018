package template

import "slices"

// Capabilities are what the caller must acknowledge before the template is
// launched.
type Capabilities struct {
	Names  []string // sorted; empty if nothing is needed
	Reason string   // in AWS's words
}

// Capabilities returns what the template needs: CAPABILITY_IAM for resources
// that grant rights, CAPABILITY_NAMED_IAM if one of them has a name of its
// own, CAPABILITY_AUTO_EXPAND for transforms.
func (t *Template) Capabilities() Capabilities {
	types, named := t.granting()
	var c Capabilities
	if types != nil {
		c.Names = append(c.Names, "CAPABILITY_IAM")
		if named {
			c.Names[0] = "CAPABILITY_NAMED_IAM"
		}
		c.Reason = requiredBy(types)
	}
	if len(t.Transforms) > 0 {
		c.Names = append(c.Names, "CAPABILITY_AUTO_EXPAND")
		if c.Reason == "" {
			c.Reason = "The following transform(s) require capabilities: " + bracketed(t.Transforms)
		}
	}
	slices.Sort(c.Names)
	return c
}

// advised returns what GetTemplateSummary and ValidateTemplate tell of the
// template: what it needs, and if it nests stacks whatever those may need,
// which is not asked for before they are made (public outputs).
func (t *Template) advised() Capabilities {
	nests := slices.ContainsFunc(t.Resources, func(r *Resource) bool { return r.Type == nestedStack })
	if !nests {
		return t.Capabilities()
	}
	types, _ := t.granting()
	types = append(types, nestedStack)
	slices.Sort(types)
	return Capabilities{Names: []string{"CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}, Reason: requiredBy(types)}
}

const nestedStack = "AWS::CloudFormation::Stack"

// granting returns the types of the resources that grant rights, sorted, and
// whether one of them has a name of its own.
func (t *Template) granting() (types []string, named bool) {
	for _, r := range t.Resources {
		property, ok := grantsRights(r.Type)
		if !ok {
			continue
		}
		types = append(types, r.Type)
		if property != "" && r.Properties != nil && r.Properties.Get(property) != nil {
			named = true
		}
	}
	slices.Sort(types)
	return slices.Compact(types), named
}

func requiredBy(types []string) string {
	return "The following resource(s) require capabilities: " + bracketed(types)
}

// grantsRights reports whether creating a resource of the type must be
// acknowledged, and the property that names it (User Guide, "Acknowledging
// IAM resources in CloudFormation templates").
func grantsRights(resourceType string) (nameProperty string, ok bool) {
	switch resourceType {
	case "AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition",
		"AWS::IAM::GroupPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy":
		return "", true
	case "AWS::IAM::Group":
		return "GroupName", true
	case "AWS::IAM::InstanceProfile":
		return "InstanceProfileName", true
	case "AWS::IAM::ManagedPolicy":
		return "ManagedPolicyName", true
	case "AWS::IAM::Role":
		return "RoleName", true
	case "AWS::IAM::User":
		return "UserName", true
	}
	return "", false
}

// Missing returns the needed capabilities that were not acknowledged, sorted.
// CAPABILITY_NAMED_IAM includes CAPABILITY_IAM.
func (c Capabilities) Missing(acknowledged []string) []string {
	var missing []string
	for _, name := range c.Names {
		if slices.Contains(acknowledged, name) || name == "CAPABILITY_IAM" && slices.Contains(acknowledged, "CAPABILITY_NAMED_IAM") {
			continue
		}
		missing = append(missing, name)
	}
	return missing
}

package template

import "slices"

// Summary is what GetTemplateSummary and ValidateTemplate tell of a template
// beside its parameters.
type Summary struct {
	Description   string
	Format        string
	Capabilities  Capabilities
	ResourceTypes []string // sorted, without repetition
	Transforms    []string
	Metadata      string // as JSON text, "" if there is none
	Identifiers   []Identifier
}

// An Identifier lists the resources of a type; which properties identify one
// is for cfn/schema to say.
type Identifier struct {
	Type       string
	LogicalIDs []string // in the template's order
}

// Summary summarizes the template.
func (t *Template) Summary() Summary {
	s := Summary{
		Description:  t.Description,
		Format:       t.Format,
		Capabilities: t.advised(),
		Transforms:   t.Transforms,
	}
	byType := map[string][]string{}
	for _, r := range t.Resources {
		if byType[r.Type] == nil {
			s.ResourceTypes = append(s.ResourceTypes, r.Type)
		}
		byType[r.Type] = append(byType[r.Type], r.LogicalID)
	}
	slices.Sort(s.ResourceTypes)
	for _, name := range s.ResourceTypes {
		s.Identifiers = append(s.Identifiers, Identifier{Type: name, LogicalIDs: byType[name]})
	}
	if t.Metadata != nil {
		s.Metadata = string(t.Metadata.appendJSON(nil))
	}
	return s
}

// Interface returns the template's AWS::CloudFormation::Interface, which
// groups and labels parameters for people, or nil.
func (t *Template) Interface() *Node {
	if t.Metadata == nil {
		return nil
	}
	return t.Metadata.Get("AWS::CloudFormation::Interface")
}

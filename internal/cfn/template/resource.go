package template

import "strings"

// Resource is a resource declaration.
type Resource struct {
	LogicalID           string
	Type                string
	Condition           string
	DependsOn           []string
	DeletionPolicy      string // "" means the type's default
	UpdateReplacePolicy string

	// What follows is nil where the template has nothing.
	Properties     *Node
	Metadata       *Node
	CreationPolicy *Node
	UpdatePolicy   *Node

	node *Node
	// Policies that a function decides.
	deletion, replacement *Node
}

// Line returns the 1-based line at which the declaration begins.
func (r *Resource) Line() int { return r.node.Line() }

// Node returns the declaration as the template has it.
func (r *Resource) Node() *Node { return r.node }

func (c *compiler) resourceSection(n *Node) *Error {
	if len(n.items) == 0 {
		return noResources()
	}
	c.resources = true
	c.t.resources = make(map[string]*Resource, len(n.items))
	c.t.Resources = make([]*Resource, 0, len(n.items))
	slab := make([]Resource, len(n.items))
	err := c.members(n, "Resource", c.lim.Resources, func(name string, m *Node) *Error {
		r := &slab[len(c.t.Resources)]
		r.LogicalID, r.node = name, m
		c.t.Resources = append(c.t.Resources, r)
		c.t.resources[name] = r
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range c.t.Resources {
		if err := c.resource(r); err != nil {
			return err.at(r.node).under(r.LogicalID)
		}
	}
	if len(c.t.Resources) == 0 && !c.blank {
		return noResources()
	}
	return c.unresolvedIn("Resources", n)
}

// unresolvedIn refuses the references of a section that lead nowhere.
func (c *compiler) unresolvedIn(section string, tree *Node) *Error {
	if c.unresolved == nil {
		return nil
	}
	err := unresolvedDependencies(c.unresolved, section).in("", tree, c.first)
	c.unresolved, c.seen, c.first = nil, nil, nil
	return err
}

// unresolvedDependencies words what references lead nowhere. For Outputs the
// text comes bare (reference, section 11).
func unresolvedDependencies(names []string, section string) *Error {
	prefix := "Template format error: "
	if section == "Outputs" {
		prefix = ""
	}
	switch section {
	case "Conditions", "Rules":
		return fault("Template format error: Unresolved dependencies %s. Cannot reference resources in the %s block of the template", bracketed(names), section)
	}
	return fault("%sUnresolved resource dependencies %s in the %s block of the template", prefix, bracketed(names), section)
}

func (c *compiler) resource(r *Resource) *Error {
	n := r.node
	if n.kind != KindMap {
		return anObject("Resources")
	}
	if n.Get("Type") == nil && !c.blank {
		return fault("Template format error: [/Resources/%s] Every Resources object must contain a Type member.", r.LogicalID)
	}
	if t := n.Get("Type"); t != nil && t.kind.isScalar() {
		r.Type = t.text // policies are judged by it, and may stand before it
	}
	for i := range n.keys {
		m, member := &n.items[i], n.keys[i].name
		if err := c.attribute(r, member, m); err != nil {
			return err.atKey(n, i).under(member)
		}
	}
	return nil
}

// attribute reads one attribute of a resource.
func (c *compiler) attribute(r *Resource, name string, n *Node) *Error {
	var err *Error
	switch name {
	case "Type":
		r.Type, err = text(r.node, name)
	case "Condition":
		if r.Condition, err = text(r.node, name); err == nil && !c.blank && c.t.Condition(r.Condition) == nil {
			err = fault("Template format error: Unresolved condition dependency %s in the Resources block of the template", r.Condition)
		}
	case "DependsOn":
		err = c.dependsOn(r, n)
	case "Properties":
		err = c.object(n, name)
		r.Properties = n
	case "Metadata":
		err = c.object(n, name)
		r.Metadata = n
	case "CreationPolicy":
		err = c.object(n, name)
		r.CreationPolicy = n
	case "UpdatePolicy":
		err = c.object(n, name)
		r.UpdatePolicy = n
	case "DeletionPolicy":
		err = c.policy(r, name, n, &r.DeletionPolicy, &r.deletion)
	case "UpdateReplacePolicy":
		err = c.policy(r, name, n, &r.UpdateReplacePolicy, &r.replacement)
	case "Version":
		// Of custom resources; AWS knows 1.0 only.
		if !n.kind.isScalar() {
			err = fault("Template format error: Every Version member must be a string.")
		}
	default:
		if !c.blank {
			err = fault("Invalid template resource property '%s'", name)
		}
	}
	return err
}

// object compiles an attribute that is an object. Fn::If and Fn::Transform
// may stand for one.
func (c *compiler) object(n *Node, name string) *Error {
	if err := c.compile(n, 1<<KindMap|1<<KindIf|1<<KindTransform, KindNull); err != nil {
		if n.kind != KindMap && !n.kind.IsFunction() {
			return fault("Template format error: Every %s member must be an object.", name).at(n)
		}
		return err
	}
	return nil
}

func (c *compiler) dependsOn(r *Resource, n *Node) *Error {
	list := []Node{*n}
	if n.kind == KindList {
		list = n.items
	}
	for i := range list {
		if !list[i].kind.isScalar() {
			return fault("Template format error: DependsOn must be a string or list of strings.").at(&list[i])
		}
		id := list[i].text
		if !c.blank && c.t.Resource(id) == nil {
			c.unknown(&list[i], id)
		}
		r.DependsOn = append(r.DependsOn, id)
	}
	return nil
}

// policy reads DeletionPolicy or UpdateReplacePolicy.
func (c *compiler) policy(r *Resource, name string, n *Node, value *string, call **Node) *Error {
	if n.kind == KindString {
		if *value = n.text; c.blank {
			return nil
		}
		return r.checkPolicy(name, n.text)
	}
	// AWS takes functions here also without AWS::LanguageExtensions (evidence,
	// test_deletion_policy_with_deletion).
	if n.kind == KindMap {
		*call = n
		return c.compile(n, mapKeyExtended&^scalars, KindNull)
	}
	return fault("Template error: Every %s member must be a string.", name)
}

func (r *Resource) checkPolicy(name, value string) *Error {
	switch {
	case value == "Delete" || value == "Retain" || value == "RetainExceptOnCreate" && name == "DeletionPolicy":
		return nil
	case value == "Snapshot" && hasSnapshots(r.Type):
		return nil
	case value == "Snapshot":
		return fault("Template error: resource type %s does not support %s policy Snapshot", r.Type,
			strings.ToLower(strings.TrimSuffix(name, "Policy")))
	}
	return fault("Template error: Unrecognized %s %s for resource %s", name, value, r.LogicalID)
}

// hasSnapshots reports whether the type supports the policy Snapshot (User
// Guide, DeletionPolicy).
func hasSnapshots(resourceType string) bool {
	switch resourceType {
	case "AWS::DocDB::DBCluster", "AWS::EC2::Volume", "AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup",
		"AWS::Neptune::DBCluster", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::Redshift::Cluster":
		return true
	}
	return false
}

package schema

import "maps"

// Taggable reports whether stack tags are propagated to the type, and by which property.
func (t *Type) Taggable() (property string, ok bool) { return t.tags, t.tagFlags&1 != 0 }

// SystemTags reports whether CloudFormation puts its own tags
// (aws:cloudformation:stack-name, stack-id, logical-id) on the resource.
func (t *Type) SystemTags() bool { return t.tagFlags&3 == 3 }

// A Tag is a key and its value.
type Tag struct{ Key, Value string }

// WithTags returns props with the stack's tags in the property that takes
// them and in the form it takes (a list of keys and values, or a map). What
// props say of a key wins over the stack. The given map is not changed; it is
// returned as it is if the type takes no tags.
func (t *Type) WithTags(props map[string]Value, tags []Tag) map[string]Value {
	property, ok := t.Taggable()
	if !ok || len(tags) == 0 {
		return props
	}
	n, ok := t.lookup(property)
	if !ok {
		return props // nested in specifications, which stack tags do not reach
	}
	merged, ok := t.merged(n, props[property], tags)
	if !ok {
		return props // not tags: validation says so
	}
	out := maps.Clone(props)
	if out == nil {
		out = map[string]Value{}
	}
	out[property] = merged
	return out
}

// merged adds tags to the value of a property with the schema n.
func (t *Type) merged(n *node, given Value, tags []Tag) (Value, bool) {
	items, wrapped := n.property("Items") // CloudFront writes {Items: [...]}
	switch given := given.(type) {
	case nil:
		switch {
		case n.types&isArray != 0:
			return t.tagList(n, nil, tags), true
		case wrapped:
			return map[string]any{"Items": t.tagList(t.resolve(items), nil, tags)}, true
		}
		return tagMap(nil, tags), true
	case []any:
		return t.tagList(n, given, tags), true
	case map[string]any:
		if !wrapped {
			return tagMap(given, tags), true
		}
		list, ok := given["Items"].([]any)
		return map[string]any{"Items": t.tagList(t.resolve(items), list, tags)}, ok || given["Items"] == nil
	}
	return nil, false
}

func (t *Type) tagList(n *node, given []any, tags []Tag) []any {
	have := map[string]bool{}
	for _, g := range given {
		if m, ok := g.(map[string]any); ok {
			if key, ok := scalar(m["Key"]); ok {
				have[key] = true
			}
		}
	}
	propagates := false // groups say of each tag whether their instances get it
	if n.items != nil {
		_, propagates = t.resolve(n.items).property("PropagateAtLaunch")
	}
	out := append([]any(nil), given...)
	for _, tag := range tags {
		if have[tag.Key] {
			continue
		}
		entry := map[string]any{"Key": tag.Key, "Value": tag.Value}
		if propagates {
			entry["PropagateAtLaunch"] = true
		}
		out = append(out, entry)
	}
	return out
}

func tagMap(given map[string]any, tags []Tag) map[string]any {
	out := make(map[string]any, len(given)+len(tags))
	for _, tag := range tags {
		out[tag.Key] = tag.Value
	}
	maps.Copy(out, given)
	return out
}

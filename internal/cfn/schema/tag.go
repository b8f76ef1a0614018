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
	var merged Value
	switch given := props[property].(type) {
	case nil:
		if n.types&isArray != 0 {
			merged = t.tagList(n, nil, tags)
		} else {
			merged = tagMap(nil, tags)
		}
	case []any:
		merged = t.tagList(n, given, tags)
	case map[string]any:
		merged = tagMap(given, tags)
	default:
		return props // not tags: validation says so
	}
	out := maps.Clone(props)
	if out == nil {
		out = map[string]Value{}
	}
	out[property] = merged
	return out
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

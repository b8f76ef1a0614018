package catalog

import (
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/engine"
)

// checkTags refuses tags that a portfolio, a product or a launch may not have.
func checkTags(tags []api.Tag) error {
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		if reserved(t.Key) {
			return api.InvalidParameters("Tag key %s is not valid: the prefix aws: is reserved.", t.Key)
		}
		if seen[t.Key] {
			return api.InvalidParameters("Tag key %s is given more than once.", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

// reserved reports whether only AWS may set a tag.
func reserved(key string) bool {
	return len(key) >= 4 && strings.EqualFold(key[:4], "aws:")
}

// retag removes first and adds second, so that a client which sends all old
// keys and all new tags in one call, as Terraform does, gets the new ones.
func retag(tags []api.Tag, remove []string, add []api.Tag) ([]api.Tag, error) {
	if len(remove) == 0 && len(add) == 0 {
		return tags, nil
	}
	kept := make([]api.Tag, 0, len(tags)+len(add))
	for _, t := range tags {
		again := slices.ContainsFunc(add, func(a api.Tag) bool { return a.Key == t.Key })
		if !again && !slices.Contains(remove, t.Key) {
			kept = append(kept, t)
		}
	}
	kept = append(kept, add...)
	if len(kept) > maxTags {
		return nil, api.InvalidParameters("A resource can have at most %d tags.", maxTags)
	}
	return kept, nil
}

// given returns a list that an answer shows even when it is empty.
func given[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// LaunchTags returns the tags that a launch starts with. The portfolio's tag
// wins over the product's, both over a tag option's choice and over the
// user's own. The automatic aws:servicecatalog: tags are provisioning's to
// add.
func LaunchTags(l Launch, user []engine.Tag) ([]engine.Tag, error) {
	chosen, err := RecordTags(l, user)
	if err != nil {
		return nil, err
	}
	tags := merge(l.Path.Tags, l.Product.Tags, chosen)
	if len(tags) > maxLaunchTags {
		return nil, api.InvalidParameters("A provisioned product can have at most %d tags.", maxLaunchTags)
	}
	return tags, nil
}

// RecordTags returns the tags that a record of a launch shows: the user's and
// what tag options made of them.
//
// A tag option key with one value is applied without being asked for; of
// several the user chooses one; a key on whose values portfolio and product
// contradict each other is tagged as a conflict and never blocks a launch.
func RecordTags(l Launch, user []engine.Tag) ([]engine.Tag, error) {
	own := make([]api.Tag, len(user))
	for i, t := range user {
		own[i] = api.Tag(t)
	}
	if err := checkTags(own); err != nil {
		return nil, err
	}
	var options []engine.Tag
	for _, o := range l.TagOptions {
		value, given := valueOf(user, o.Key)
		switch {
		case len(o.Values) == 0:
			value = "sc-tagoption-conflict-" + string(l.Path.Portfolio) + "-" + string(l.Product.ID)
		case !given && len(o.Values) == 1:
			value = o.Values[0]
		case !given:
			return nil, api.InvalidParameters("Tag key %s is required. Choose one of the values [%s].", o.Key, strings.Join(o.Values, ", "))
		case !slices.Contains(o.Values, value):
			return nil, api.InvalidParameters("Tag value %s is not valid for key %s. Choose one of the values [%s].", value, o.Key, strings.Join(o.Values, ", "))
		}
		options = append(options, engine.Tag{Key: o.Key, Value: value})
	}
	return merge(options, user), nil
}

// merge joins lists of tags; of equal keys the first counts.
func merge(lists ...[]engine.Tag) []engine.Tag {
	all := []engine.Tag{}
	for _, list := range lists {
		for _, t := range list {
			if _, had := valueOf(all, t.Key); !had {
				all = append(all, t)
			}
		}
	}
	return all
}

func valueOf(tags []engine.Tag, key string) (string, bool) {
	for _, t := range tags {
		if t.Key == key {
			return t.Value, true
		}
	}
	return "", false
}

func engineTags(tags []api.Tag) []engine.Tag {
	out := make([]engine.Tag, len(tags))
	for i, t := range tags {
		out[i] = engine.Tag(t)
	}
	return out
}

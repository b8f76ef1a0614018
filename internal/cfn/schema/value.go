package schema

import (
	"encoding/json"
	"log/slog"
	"strings"
)

// A Value is an evaluated property value: nil, string, bool, json.Number,
// Secret, []any or map[string]any of Values. CloudFormation is loose about
// scalars ("80" and 80 both serve as an integer), so the text of a number is
// kept as written.
type Value = any

// Secret is a string that came from a NoEcho parameter or was derived from
// one. It masks itself wherever it is printed, logged or marshaled; only
// [Secret.Reveal] gives the text, for sealing at rest and for handlers.
type Secret string

// Mask stands for a secret's text in everything that is shown.
const Mask = "****"

// Reveal returns the text.
func (s Secret) Reveal() string { return string(s) }

// placeholder opens the text of a placeholder.
const placeholder = "{{placeholder:"

// Placeholder is the text that stands for an attribute which nobody knows,
// because what would have it was not really made. It may have been text, a
// number or a list, so it fits any property.
func Placeholder(logicalID, attribute string) string {
	return placeholder + logicalID + "." + attribute + "}}"
}

// HoldsPlaceholder reports whether a text is or was made from a placeholder.
func HoldsPlaceholder(text string) bool { return strings.Contains(text, placeholder) }

func (Secret) String() string { return Mask }

// GoString keeps %#v from printing the text.
func (Secret) GoString() string { return Mask }

// LogValue masks the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(Mask) }

// MarshalJSON masks the secret in JSON.
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(Mask) }

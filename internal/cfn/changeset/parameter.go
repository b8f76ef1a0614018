package changeset

import (
	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
)

// Parameter is a parameter as change sets and stacks show it.
type Parameter struct {
	Key           string `json:"ParameterKey"`
	Value         string `json:"ParameterValue"`
	ResolvedValue string `json:"ResolvedValue,omitempty"` // of an SSM type
}

// Parameters returns what is shown of the parameters: NoEcho, as the
// evaluated template has it and not as an older one had it, masks them (E).
func Parameters(e *template.Evaluation) []Parameter {
	all := make([]Parameter, 0, len(e.Parameters()))
	for _, b := range e.Parameters() {
		p := Parameter{Key: b.Key, Value: b.Value, ResolvedValue: b.Resolved}
		if b.NoEcho {
			p.Value = schema.Mask
			if p.ResolvedValue != "" {
				p.ResolvedValue = schema.Mask
			}
		}
		all = append(all, p)
	}
	return all
}

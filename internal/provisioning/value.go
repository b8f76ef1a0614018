package provisioning

import (
	"encoding/json"
	"fmt"
	"strings"

	"larder/internal/api"
	"larder/internal/catalog"
	"larder/internal/engine"
	"larder/internal/id"
)

// A value is what a parameter is: as a request asks for it, or as the last
// good change left it.
type value struct {
	Key   string
	Value string `json:",omitempty"`
	// Previous asks for the value that the last good change left.
	Previous bool `json:",omitempty"`
	// Default is left where nobody gave a value. Of a NoEcho parameter the
	// default itself is not kept: it stays in the template.
	Default bool `json:",omitempty"`
	Hidden  bool `json:",omitempty"`
}

// cloudFormation is how Service Catalog names a refusal by CloudFormation.
const cloudFormation = "AmazonCloudFormationException"

// givenValues takes the caller's parameter values. An absent value is an
// empty one, as Terraform sends it.
func givenValues(in []api.ProvisioningParameter) ([]value, error) {
	values := make([]value, 0, len(in))
	for _, v := range in {
		values = append(values, value{Key: api.Or(v.Key, ""), Value: api.Or(v.Value, "")})
	}
	return values, distinct(values)
}

// askedValues takes the parameter values of an update or a plan.
func askedValues(in []api.UpdateProvisioningParameter) ([]value, error) {
	values := make([]value, 0, len(in))
	for _, v := range in {
		values = append(values, value{Key: api.Or(v.Key, ""), Value: api.Or(v.Value, ""), Previous: api.Or(v.UsePreviousValue, false)})
	}
	return values, distinct(values)
}

func distinct(values []value) error {
	seen := map[string]bool{}
	for _, v := range values {
		switch {
		case v.Key == "":
			return api.InvalidParameters("A provisioning parameter has no key")
		case seen[v.Key]:
			return api.InvalidParameters("Duplicate provisioning parameter: %s", v.Key)
		}
		seen[v.Key] = true
	}
	return nil
}

// unknownValues says in CloudFormation's words which of the values no
// parameter of the template takes; "" if each is taken, or if nobody has read
// the template.
func unknownValues(values []value, t *engine.Template) string {
	if t == nil {
		return ""
	}
	known := map[string]bool{}
	for _, parameter := range t.Parameters {
		known[parameter.Key] = true
	}
	var unknown []string
	for _, v := range values {
		if !known[v.Key] {
			unknown = append(unknown, v.Key)
		}
	}
	if len(unknown) == 0 {
		return ""
	}
	return fmt.Sprintf("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
}

// resolve finds what a change gives to the engine. A parameter that is left
// out falls back to the template's default, not to its previous value.
func resolve(asked, previous []value) ([]engine.Given, *engine.Failure) {
	given := make([]engine.Given, 0, len(asked))
	for _, v := range asked {
		if !v.Previous {
			given = append(given, engine.Given{Key: v.Key, Value: v.Value})
			continue
		}
		if v.Value != "" {
			return nil, &engine.Failure{Code: cloudFormation, Reason: fmt.Sprintf(
				"Invalid input for parameter key %s. Cannot specify usePreviousValue as true and non empty value for a parameter", v.Key)}
		}
		kept, ok := valueOf(previous, v.Key)
		switch {
		case !ok:
			return nil, &engine.Failure{Code: cloudFormation, Reason: fmt.Sprintf(
				"Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", v.Key)}
		case !kept.Hidden:
			given = append(given, engine.Given{Key: v.Key, Value: kept.Value})
		}
	}
	return given, nil
}

func valueOf(values []value, key string) (value, bool) {
	for _, v := range values {
		if v.Key == key {
			return v, true
		}
	}
	return value{}, false
}

// left is what a good change leaves for the next: what was given, and the
// defaults of the rest.
func left(given []engine.Given, defaults []value) []value {
	values := make([]value, 0, len(given)+len(defaults))
	for _, g := range given {
		values = append(values, value{Key: g.Key, Value: g.Value})
	}
	for _, d := range defaults {
		if _, ok := valueOf(values, d.Key); !ok {
			values = append(values, d)
		}
	}
	return values
}

// defaults are the values of a launch's parameters that nobody gives.
func defaults(launch catalog.Launch) []value {
	if launch.Artifact.Template == nil {
		return nil
	}
	var values []value
	for _, p := range launch.Artifact.Template.Parameters {
		switch {
		case p.NoEcho:
			values = append(values, value{Key: p.Key, Default: true, Hidden: true})
		case p.Default != nil:
			values = append(values, value{Key: p.Key, Value: *p.Default, Default: true})
		}
	}
	return values
}

// sealValues seals parameter values. They are bound to where they lie: the id
// of a record, a plan or a provisioned product.
func (p *Provisioning) sealValues(owner string, values []value) string {
	if len(values) == 0 {
		return ""
	}
	return p.keys.Seal([]byte(stored(values)), valueContext(owner))
}

// openValues reads what sealValues sealed.
func (p *Provisioning) openValues(owner, sealed string) ([]value, error) {
	if sealed == "" {
		return nil, nil
	}
	text, err := p.keys.Open(sealed, valueContext(owner))
	if err != nil {
		return nil, err
	}
	var values []value
	return values, json.Unmarshal(text, &values)
}

func valueContext(owner string) string { return "parameters of " + owner }

// given opens what a change gives to the engine; the Failure says why it
// cannot be.
func (p *Provisioning) given(owner string, pp id.ProvisionedProduct, asked, previous string) ([]engine.Given, *engine.Failure, error) {
	before, err := p.openValues(string(pp), previous)
	if err != nil {
		return nil, nil, err
	}
	wanted, err := p.openValues(owner, asked)
	if err != nil {
		return nil, nil, err
	}
	given, refusal := resolve(wanted, before)
	return given, refusal, nil
}

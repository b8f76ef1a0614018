// Package template reads CloudFormation templates and evaluates them. It is
// pure: what it needs from outside (exports, SSM values, zones) is handed in
// through Env, and what resources turn out to be through Live.
package template

import "larder/internal/cfn/schema"

// Limits bound what Parse accepts; each is a setting.
type Limits struct {
	Bytes, Parameters, Mappings, Resources, Outputs, Depth int
	// … the helper who builds this completes it
}

// DefaultLimits are CloudFormation's documented quotas.
func DefaultLimits() Limits { panic("being built") }

// Error is a fault in a template or in the values given for it. Message is in
// AWS's words; the position helps people and is not part of it.
type Error struct {
	Code         string // ValidationError unless AWS says otherwise
	Message      string
	Path         string // such as Resources/Bucket/Properties/BucketName
	Line, Column int    // 1-based; 0 if unknown
}

func (e *Error) Error() string { return e.Message }

// Template is a parsed template. It is immutable and safe for concurrent use.
type Template struct {
	Description string
	Format      string       // AWSTemplateFormatVersion
	Parameters  []*Parameter // in the template's order
	Resources   []*Resource  // in the template's order
	// and mappings, conditions, rules, outputs, metadata …
}

// Parse reads a YAML or JSON template.
func Parse(src []byte, lim Limits) (*Template, error) { panic("being built") }

// Parameter is a template parameter.
type Parameter struct {
	Name, Type            string
	Default               *string
	NoEcho                bool
	Description           string
	AllowedValues         []string
	AllowedPattern        string
	ConstraintDescription string
	MinLength, MaxLength  string // decimal, "" if absent
	MinValue, MaxValue    string
}

// Resource is a resource declaration.
type Resource struct {
	LogicalID           string
	Type                string
	Condition           string
	DependsOn           []string
	DeletionPolicy      string // "" means the type's default
	UpdateReplacePolicy string
}

// Env is what evaluation needs from outside.
type Env struct {
	Account, Region, Partition, URLSuffix string
	StackName, StackID                    string
	NotificationARNs                      []string
	Zones                                 func(region string) []string                // Fn::GetAZs
	Export                                func(name string) (value string, ok bool)   // Fn::ImportValue
	Stored                                func(name string) (value string, err error) // SSM parameter types
	Rules                                 []string                                    // further JSON rule objects to hold (Service Catalog's TEMPLATE constraints)
}

// Evaluation is a template bound to parameter values: rules hold, conditions are decided.
type Evaluation struct {
	Template *Template
}

// Evaluate binds given values, checks every parameter constraint and rule, and decides the conditions.
func (t *Template) Evaluate(env Env, given map[string]string) (*Evaluation, error) {
	panic("being built")
}

// Bound is a parameter with its value.
type Bound struct {
	Key      string
	Value    string // as given or defaulted
	Resolved string // of an SSM parameter type
	NoEcho   bool
}

// Parameters returns the bound parameters in the template's order.
func (e *Evaluation) Parameters() []Bound { panic("being built") }

// Resources returns the resources whose conditions hold, in the template's order.
func (e *Evaluation) Resources() []*Resource { panic("being built") }

// Dependencies returns the logical ids (of existing resources) that the resource waits for:
// DependsOn, and every Ref, GetAtt and Sub that survives the conditions. Sorted, without repetition.
func (e *Evaluation) Dependencies(logicalID string) []string { panic("being built") }

// Live answers what existing resources are. A resource it does not know is not there yet.
type Live interface {
	Ref(logicalID string) (schema.Value, bool)
	GetAtt(logicalID, attribute string) (schema.Value, error)
}

// Properties evaluates a resource's properties. AWS::NoValue members are gone.
func (e *Evaluation) Properties(logicalID string, live Live) (map[string]schema.Value, error) {
	panic("being built")
}

// Imports returns the names of the exports that the evaluation reads, sorted. (Locks.)
func (e *Evaluation) Imports() []string { panic("being built") }

// Output is an evaluated output; those whose condition fails are left out.
type Output struct {
	Key, Description string
	Value            schema.Value // string or schema.Secret
	Export           string       // export name, "" if none
}

// Outputs evaluates the outputs in the template's order.
func (e *Evaluation) Outputs(live Live) ([]Output, error) { panic("being built") }

package template

// Limits bound what Parse accepts; each is a setting.
type Limits struct {
	Bytes       int // of the template's text
	Depth       int // of nesting
	Expansion   int // values that YAML aliases may make of a template, and that Fn::ForEach may
	Parameters  int
	Mappings    int
	Attributes  int // keys of a mapping, and attributes of a key
	Resources   int
	Outputs     int
	Description int // bytes of the template's description
	Name        int // characters of a logical id

	untagged bool // YAML may not have short forms of functions
}

// DefaultLimits are CloudFormation's documented quotas. Depth and Expansion
// are ours: AWS documents no bound for either.
func DefaultLimits() Limits {
	return Limits{
		Bytes:       1_000_000,
		Depth:       64,
		Expansion:   200_000,
		Parameters:  200,
		Mappings:    200,
		Attributes:  200,
		Resources:   500,
		Outputs:     200,
		Description: 1024,
		Name:        255,
	}
}

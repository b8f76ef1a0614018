package awsquery

// A Service is one that speaks the query protocol, named as in the scope of
// its signatures.
type Service string

// The services.
const (
	CloudFormation Service = "cloudformation"
	STS            Service = "sts"
)

// ServiceOfVersion returns the service whose API has the given version; the
// versions differ, so an unsigned call can be told apart by its own.
func ServiceOfVersion(version string) (Service, bool) {
	for _, s := range []Service{CloudFormation, STS} {
		if s.version() == version {
			return s, true
		}
	}
	return "", false
}

func (s Service) version() string {
	if s == STS {
		return stsVersion
	}
	return cloudFormationVersion
}

// namespace is the XML namespace of the service's answers.
func (s Service) namespace() string {
	if s == STS {
		return stsNamespace
	}
	return cloudFormationNamespace
}

// An Op is an operation of a service.
type Op struct {
	Service Service
	Action  string
}

// String returns the operation as policies name it: cloudformation:CreateStack.
func (op Op) String() string { return string(op.Service) + ":" + op.Action }

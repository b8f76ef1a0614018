package id

import (
	"errors"
	"fmt"
	"strings"
)

// An ARN is an Amazon Resource Name in its parts:
// arn:<partition>:<service>:<region>:<account>:<resource>.
type ARN struct {
	Partition string
	Service   string
	Region    string // "" for what is global, as all of IAM
	Account   string // "" for what belongs to nobody
	Resource  string // all that follows, with its own slashes and colons
}

func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// maxARN is the longest ARN that any AWS model allows.
const maxARN = 2048

// ParseARN takes an ARN apart. It judges the form alone: whether the resource
// exists, or is of a kind anybody knows, is not asked.
func ParseARN(s string) (ARN, error) {
	if len(s) > maxARN {
		return ARN{}, fmt.Errorf("arn: longer than %d characters", maxARN)
	}
	rest, ok := strings.CutPrefix(s, "arn:")
	if !ok {
		return ARN{}, fmt.Errorf("arn: %q has no arn: in front", s)
	}
	part := strings.SplitN(rest, ":", 5)
	if len(part) < 5 {
		return ARN{}, fmt.Errorf("arn: %q has fewer than six parts", s)
	}
	a := ARN{Partition: part[0], Service: part[1], Region: part[2], Account: part[3], Resource: part[4]}
	if a.Partition == "" || a.Service == "" || a.Resource == "" {
		return ARN{}, fmt.Errorf("arn: %q lacks partition, service or resource", s)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return ARN{}, errors.New("arn: control character")
		}
	}
	return a, nil
}

// Partition returns the partition that a region belongs to.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// PortfolioARN names a portfolio by its owner's account.
func PortfolioARN(region, account string, p Portfolio) ARN {
	return regional("catalog", region, account, "portfolio/"+string(p))
}

// ProductARN names a product by its owner's account.
func ProductARN(region, account string, p Product) ARN {
	return regional("catalog", region, account, "product/"+string(p))
}

// ProvisionedProductARN names a provisioned product by the account that
// launched it. Its service is servicecatalog where that of the catalog's own
// resources is catalog.
func ProvisionedProductARN(region, account, name string, p ProvisionedProduct) ARN {
	return regional("servicecatalog", region, account, "stack/"+name+"/"+string(p))
}

// StackARN names a CloudFormation stack: its StackId.
func StackARN(region, account, name, uuid string) ARN {
	return regional("cloudformation", region, account, "stack/"+name+"/"+uuid)
}

// ChangeSetARN names a CloudFormation change set.
func ChangeSetARN(region, account, name, uuid string) ARN {
	return regional("cloudformation", region, account, "changeSet/"+name+"/"+uuid)
}

// StackSetARN names a CloudFormation stack set.
func StackSetARN(region, account, name, uuid string) ARN {
	return regional("cloudformation", region, account, "stackset/"+name+":"+uuid)
}

func regional(service, region, account, resource string) ARN {
	return ARN{Partition: Partition(region), Service: service, Region: region, Account: account, Resource: resource}
}

// Portfolio returns the portfolio that a names, false if it names none.
func (a ARN) Portfolio() (Portfolio, bool) {
	s, ok := a.one("catalog", "portfolio/")
	return Portfolio(s), ok
}

// Product returns the product that a names, false if it names none.
func (a ARN) Product() (Product, bool) {
	s, ok := a.one("catalog", "product/")
	return Product(s), ok
}

// ProvisionedProduct returns the name and id that a holds, false if it names
// no provisioned product.
func (a ARN) ProvisionedProduct() (name string, p ProvisionedProduct, ok bool) {
	name, s, ok := a.two("servicecatalog", "stack/", "/")
	return name, ProvisionedProduct(s), ok
}

// Stack returns the name and the UUID of the stack that a names, false if it
// names none.
func (a ARN) Stack() (name, uuid string, ok bool) { return a.two("cloudformation", "stack/", "/") }

// ChangeSet returns the name and the UUID of the change set that a names,
// false if it names none.
func (a ARN) ChangeSet() (name, uuid string, ok bool) {
	return a.two("cloudformation", "changeSet/", "/")
}

// StackSet returns the name and the UUID of the stack set that a names, false
// if it names none.
func (a ARN) StackSet() (name, uuid string, ok bool) {
	return a.two("cloudformation", "stackset/", ":")
}

// one returns what follows kind in the resource of a service's ARN.
func (a ARN) one(service, kind string) (string, bool) {
	rest, ok := strings.CutPrefix(a.Resource, kind)
	if !ok || a.Service != service || rest == "" || strings.ContainsAny(rest, "/:") {
		return "", false
	}
	return rest, true
}

// two returns the two parts that follow kind in the resource of a service's
// ARN.
func (a ARN) two(service, kind, separator string) (first, second string, ok bool) {
	rest, ok := strings.CutPrefix(a.Resource, kind)
	if !ok || a.Service != service {
		return "", "", false
	}
	first, second, ok = strings.Cut(rest, separator)
	if !ok || first == "" || second == "" || strings.ContainsAny(second, "/:") {
		return "", "", false
	}
	return first, second, true
}

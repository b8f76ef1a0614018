package id_test

import (
	"regexp"
	"testing"

	"larder/internal/id"
)

// The forms are those of AWS's model: OrganizationNodeValue.
func TestOrganization(t *testing.T) {
	t.Parallel()
	root := id.NewRoot()
	for got, form := range map[string]string{
		id.NewOrganization():           `^o-[a-z0-9]{10,32}$`,
		root:                           `^r-[0-9a-z]{4,32}$`,
		id.NewOrganizationalUnit(root): `^ou-` + root[2:] + `-[a-z0-9]{8,32}$`,
		id.OrganizationARN("aws", "123456789012", "o-abcdefghij", "", "").String():                       `^arn:aws:organizations::123456789012:organization/o-abcdefghij$`,
		id.OrganizationARN("aws", "123456789012", "o-abcdefghij", "ou", "ou-abcd-12345678").String():     `^arn:aws:organizations::123456789012:ou/o-abcdefghij/ou-abcd-12345678$`,
		id.OrganizationARN("aws-cn", "123456789012", "o-abcdefghij", "account", "210987654321").String(): `^arn:aws-cn:organizations::123456789012:account/o-abcdefghij/210987654321$`,
	} {
		if !regexp.MustCompile(form).MatchString(got) {
			t.Errorf("%s is not of the form %s", got, form)
		}
	}
	if one, other := id.NewOrganization(), id.NewOrganization(); one == other {
		t.Error("two organizations have one id")
	}
}

package schema

import (
	"strings"
	"testing"
)

// TestReferencesFit hands what one type gives to the properties of others
// that ask for it by name (StateMachineArn) or by format, where these have a
// pattern or a length. Templates do so by Ref and Fn::GetAtt, and a linter
// does not see it.
func TestReferencesFit(t *testing.T) {
	t.Parallel()
	seed := *probeSeed
	seed.StackName, seed.LogicalID = "production-network-stack", "TheApplicationResource1"

	given := map[string][]string{} // by service and property, or by format
	give := func(key, text string) {
		if text != "" && !strings.Contains(text, "|") { // joined identifiers are handed on by their parts
			given[strings.ToLower(key)] = append(given[strings.ToLower(key)], text)
		}
	}
	for _, name := range Names() {
		typ, _ := Lookup(name)
		m := typ.Simulate(seed, minimal(typ))
		attribute := func(path ...string) string {
			value, _ := dig(m.Properties, path)
			text, _ := scalar(value)
			return text
		}
		kind := name[strings.LastIndex(name, ":")+1:]
		key := typ.service() + "/" + kind
		give(key+"Arn", attribute("Arn"))
		give(key+"Arn", attribute(kind+"Arn"))
		give(key+"Id", attribute(kind+"Id"))
		if strings.HasPrefix(m.Physical, "arn:") {
			give(key+"Arn", m.Physical)
		} else {
			give(key+"Id", m.Physical)
			give(key+"Name", m.Physical)
		}
		for _, a := range []string{"Arn", "KeyId", "GroupId", "SubnetId", "VpcId", "BucketName", "TopicArn", "LogGroupName"} {
			give(name+"."+a, attribute(a))
		}
	}
	aliases := map[string]string{
		"aws::kms::key.id": "aws::kms::key.keyid", "aws::ec2::securitygroup.id": "aws::ec2::securitygroup.groupid",
		"aws::ec2::subnet.id": "aws::ec2::subnet.subnetid", "aws::ec2::vpc.id": "aws::ec2::vpc.vpcid",
		"aws::s3::bucket.name": "aws::s3::bucket.bucketname", "aws::sns::topic.arn": "aws::sns::topic.topicarn",
		"aws::logs::loggroup.name": "aws::logs::loggroup.loggroupname",
	}

	handed, refused := 0, []string{}
	for _, name := range Names() {
		typ, _ := Lookup(name)
		var walk func(n *node, property string)
		walk = func(n *node, property string) {
			r := typ.resolve(n)
			if property != "" && r.types&isString != 0 && !r.free() {
				format := strings.ToLower(r.format)
				if alias, ok := aliases[format]; ok {
					format = alias
				}
				for _, key := range []string{strings.ToLower(typ.service() + "/" + property), format} {
					for _, text := range given[key] {
						handed++
						if !typ.allows(n, text) {
							refused = append(refused, name+" "+property+": "+text)
						}
					}
				}
			}
			for _, p := range n.properties {
				walk(p.node, p.name)
			}
			if n.items != nil {
				walk(n.items, singular(property))
			}
		}
		for i := range typ.bodies {
			walk(typ.definition(i), "")
		}
	}
	// What is left are names that a service wants in a form of its own, and
	// patterns that nothing of AWS's fits.
	if handed < 1000 || len(refused)*100 > 3*handed {
		t.Errorf("%d of %d refused:\n%s", len(refused), handed, strings.Join(refused, "\n"))
	}
	t.Logf("%d of %d refused", len(refused), handed)
}

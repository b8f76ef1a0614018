package schema

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
)

// everyday are the types that templates use most, with what Ref and
// Fn::GetAtt give of a resource without a name of its own. The shapes are
// those of the CloudFormation reference ("Return values") and of identifiers
// recorded on AWS. In them STACK is my-stack, R the logical id Resource, N a
// generated name's end, and ARN(service) the beginning of an ARN.
var everyday = []struct {
	name  string
	props map[string]Value
	ref   string
	atts  map[string]string
}{
	{"AWS::S3::Bucket", nil, `my-stack-resource-[a-z0-9]{12}`, map[string]string{
		"Arn": `arn:aws:s3:::my-stack-resource-[a-z0-9]{12}`, "DomainName": `my-stack-resource-[a-z0-9]{12}\.s3\.amazonaws\.com`,
		"RegionalDomainName":  `my-stack-resource-[a-z0-9]{12}\.s3\.us-east-1\.amazonaws\.com`,
		"DualStackDomainName": `my-stack-resource-[a-z0-9]{12}\.s3\.dualstack\.us-east-1\.amazonaws\.com`,
		"WebsiteURL":          `http://my-stack-resource-[a-z0-9]{12}\.s3-website-us-east-1\.amazonaws\.com`,
	}},
	{"AWS::S3::BucketPolicy", map[string]Value{"Bucket": "docs"}, `docs`, nil},
	{"AWS::SNS::Topic", nil, `ARN(sns)my-stack-R-N`, map[string]string{"TopicArn": `ARN(sns)my-stack-R-N`}},
	{"AWS::SNS::Subscription", map[string]Value{"TopicArn": "arn:aws:sns:us-east-1:123456789012:t"}, `ARN(sns)t:UUID`, nil},
	{"AWS::SNS::TopicPolicy", nil, `my-sta-Resou-N`, nil},
	{"AWS::SQS::Queue", nil, `https://sqs\.us-east-1\.amazonaws\.com/123456789012/my-stack-R-N`, map[string]string{
		"Arn": `ARN(sqs)my-stack-R-N`, "QueueUrl": `https://sqs\.us-east-1\.amazonaws\.com/123456789012/my-stack-R-N`,
	}},
	{"AWS::SQS::QueuePolicy", nil, `my-sta-Resou-N`, nil},
	{"AWS::Lambda::Function", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(lambda)function:my-stack-R-N`}},
	{"AWS::Lambda::Permission", map[string]Value{"FunctionName": "f"}, `my-stack-R-N`, nil},
	{"AWS::Lambda::Version", map[string]Value{"FunctionName": "f"}, `ARN(lambda)function:f:1`, map[string]string{"Version": `1`}},
	{"AWS::Lambda::Alias", map[string]Value{"FunctionName": "f", "Name": "live"}, `ARN(lambda)function:f:live`, nil},
	{"AWS::Lambda::EventSourceMapping", nil, `UUID`, nil},
	{"AWS::Lambda::LayerVersion", nil, `ARN(lambda)layer:R-N:1`, nil},
	{"AWS::IAM::Role", nil, `my-stack-R-N`, map[string]string{"Arn": `arn:aws:iam::123456789012:role/my-stack-R-N`, "RoleId": `AROA[A-Z0-9]{17}`}},
	{"AWS::IAM::Policy", nil, `my-sta-Resou-N`, nil},
	{"AWS::IAM::ManagedPolicy", nil, `arn:aws:iam::123456789012:policy/my-stack-R-N`, nil},
	{"AWS::IAM::InstanceProfile", nil, `my-stack-R-N`, map[string]string{"Arn": `arn:aws:iam::123456789012:instance-profile/my-stack-R-N`}},
	{"AWS::IAM::User", nil, `my-stack-R-N`, map[string]string{"Arn": `arn:aws:iam::123456789012:user/my-stack-R-N`}},
	{"AWS::IAM::AccessKey", nil, `AKIA[A-Z0-9]{16}`, map[string]string{"SecretAccessKey": `[A-Za-z0-9]{40}`}},
	{"AWS::DynamoDB::Table", nil, `my-stack-R-N`, map[string]string{
		"Arn": `ARN(dynamodb)table/my-stack-R-N`, "StreamArn": `ARN(dynamodb)table/my-stack-R-N/stream/2026-\d\d-\d\dT\d\d:\d\d:\d\d\.000`,
	}},
	{"AWS::RDS::DBInstance", map[string]Value{"Engine": "postgres"}, `my-stack-resource-[a-z0-9]{12}`, map[string]string{
		"Endpoint.Address": `my-stack-resource-[a-z0-9]{12}\.[a-z0-9]{12}\.us-east-1\.rds\.amazonaws\.com`, "Endpoint.Port": `5432`,
		"DBInstanceArn": `ARN(rds)db:my-stack-resource-[a-z0-9]{12}`, "Engine": `postgres`,
	}},
	{"AWS::RDS::DBCluster", map[string]Value{"Engine": "aurora-mysql"}, `my-stack-resource-[a-z0-9]{12}`, map[string]string{
		"Endpoint.Address":     `my-stack-resource-[a-z0-9]{12}\.cluster-[a-z0-9]{12}\.us-east-1\.rds\.amazonaws\.com`,
		"ReadEndpoint.Address": `my-stack-resource-[a-z0-9]{12}\.cluster-ro-[a-z0-9]{12}\.us-east-1\.rds\.amazonaws\.com`, "Endpoint.Port": `3306`,
	}},
	{"AWS::RDS::DBSubnetGroup", nil, `my-stack-resource-[a-z0-9]{12}`, nil},
	{"AWS::EC2::VPC", map[string]Value{"CidrBlock": "10.0.0.0/16"}, `vpc-HEX`, map[string]string{
		"DefaultSecurityGroup": `sg-HEX`, "DefaultNetworkAcl": `acl-HEX`, "CidrBlock": `10\.0\.0\.0/16`, "VpcId": `vpc-HEX`,
	}},
	{"AWS::EC2::Subnet", map[string]Value{"CidrBlock": "10.0.1.0/24"}, `subnet-HEX`, map[string]string{
		"AvailabilityZone": `us-east-1a`, "CidrBlock": `10\.0\.1\.0/24`, "NetworkAclAssociationId": `aclassoc-HEX`,
	}},
	{"AWS::EC2::InternetGateway", nil, `igw-HEX`, nil},
	{"AWS::EC2::VPCGatewayAttachment", map[string]Value{"VpcId": "vpc-1", "InternetGatewayId": "igw-1"}, `IGW\|vpc-1`, nil},
	{"AWS::EC2::NatGateway", nil, `nat-HEX`, nil},
	{"AWS::EC2::EIP", nil, `54\.\d+\.\d+\.\d+`, map[string]string{"AllocationId": `eipalloc-HEX`, "PublicIp": `54\.\d+\.\d+\.\d+`}},
	{"AWS::EC2::RouteTable", nil, `rtb-HEX`, nil},
	{"AWS::EC2::Route", map[string]Value{"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0"}, `rtb-1\|0\.0\.0\.0/0`, nil},
	{"AWS::EC2::SubnetRouteTableAssociation", nil, `rtbassoc-HEX`, nil},
	{"AWS::EC2::SecurityGroup", map[string]Value{"VpcId": "vpc-1"}, `sg-HEX`, map[string]string{"GroupId": `sg-HEX`, "VpcId": `vpc-1`}},
	{"AWS::EC2::SecurityGroupIngress", nil, `sgr-HEX`, nil},
	{"AWS::EC2::Instance", nil, `i-HEX`, map[string]string{
		"PrivateIp": `10\.\d+\.\d+\.\d+`, "PublicIp": `54\.\d+\.\d+\.\d+`, "PrivateDnsName": `ip-10-\d+-\d+-\d+\.ec2\.internal`,
		"PublicDnsName": `ec2-54-\d+-\d+-\d+\.compute-1\.amazonaws\.com`, "AvailabilityZone": `us-east-1a`,
	}},
	{"AWS::EC2::LaunchTemplate", nil, `lt-HEX`, map[string]string{"LatestVersionNumber": `1`, "DefaultVersionNumber": `1`}},
	{"AWS::EC2::Volume", nil, `vol-HEX`, nil},
	{"AWS::EC2::NetworkInterface", nil, `eni-HEX`, map[string]string{"PrimaryPrivateIpAddress": `10\.\d+\.\d+\.\d+`}},
	{"AWS::EC2::VPCEndpoint", map[string]Value{"ServiceName": "com.amazonaws.us-east-1.sqs"}, `vpce-HEX`, map[string]string{
		"DnsEntries": `\[Z[A-Z0-9]{13}:vpce-HEX-[a-z0-9]{8}\.sqs\.us-east-1\.vpce\.amazonaws\.com .*\]`,
	}},
	{"AWS::EC2::KeyPair", map[string]Value{"KeyName": "k"}, `k`, map[string]string{"KeyPairId": `key-HEX`}},
	{"AWS::ECS::Cluster", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(ecs)cluster/my-stack-R-N`}},
	{"AWS::ECS::Service", map[string]Value{"Cluster": "c"}, `ARN(ecs)service/c/my-stack-R-N`, map[string]string{"Name": `my-stack-R-N`}},
	{"AWS::ECS::TaskDefinition", map[string]Value{"Family": "web"}, `ARN(ecs)task-definition/web:1`, nil},
	{"AWS::EKS::Cluster", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(eks)cluster/my-stack-R-N`, "Endpoint": `https://[A-F0-9]{32}\.gr7\.us-east-1\.eks\.amazonaws\.com`}},
	{"AWS::ElasticLoadBalancingV2::LoadBalancer", nil, `ARN(elasticloadbalancing)loadbalancer/app/my-sta-Resou-N/[0-9a-f]{16}`, map[string]string{
		"DNSName": `my-sta-Resou-N-\d{10}\.us-east-1\.elb\.amazonaws\.com`, "LoadBalancerFullName": `app/my-sta-Resou-N/[0-9a-f]{16}`,
		"CanonicalHostedZoneID": `Z[A-Z0-9]{13}`, "LoadBalancerName": `my-sta-Resou-N`,
	}},
	{"AWS::ElasticLoadBalancingV2::TargetGroup", nil, `ARN(elasticloadbalancing)targetgroup/my-sta-Resou-N/[0-9a-f]{16}`, map[string]string{
		"TargetGroupFullName": `targetgroup/my-sta-Resou-N/[0-9a-f]{16}`, "TargetGroupName": `my-sta-Resou-N`,
	}},
	{
		"AWS::ElasticLoadBalancingV2::Listener",
		map[string]Value{"LoadBalancerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/0123456789abcdef"},
		`ARN(elasticloadbalancing)listener/app/a/0123456789abcdef/[0-9a-f]{16}`, nil,
	},
	{"AWS::ElasticLoadBalancing::LoadBalancer", nil, `my-sta-Resou-N`, map[string]string{
		"DNSName": `my-sta-Resou-N-\d{10}\.us-east-1\.elb\.amazonaws\.com`, "SourceSecurityGroup.OwnerAlias": `123456789012`,
	}},
	{"AWS::AutoScaling::AutoScalingGroup", nil, `my-stack-R-N`, nil},
	{"AWS::AutoScaling::LaunchConfiguration", nil, `my-stack-R-N`, nil},
	{"AWS::AutoScaling::ScalingPolicy", map[string]Value{"AutoScalingGroupName": "g"}, `ARN(autoscaling)scalingPolicy:UUID:autoScalingGroupName/g:policyName/my-stack-R-N`, nil},
	{"AWS::ApplicationAutoScaling::ScalableTarget", map[string]Value{
		"ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount", "ServiceNamespace": "ecs",
	}, `service/c/s\|ecs:service:DesiredCount\|ecs`, nil},
	{"AWS::ApiGateway::RestApi", nil, `[a-z0-9]{10}`, map[string]string{"RootResourceId": `[a-z0-9]{10}`}},
	{"AWS::ApiGateway::Resource", nil, `[a-z0-9]{6}`, nil},
	{"AWS::ApiGateway::Deployment", nil, `[a-z0-9]{6}`, nil},
	{"AWS::ApiGateway::Stage", map[string]Value{"RestApiId": "a", "StageName": "Prod"}, `Prod`, nil},
	{"AWS::ApiGatewayV2::Api", map[string]Value{"ProtocolType": "HTTP"}, `[a-z0-9]{10}`, map[string]string{"ApiEndpoint": `https://[a-z0-9]{10}\.execute-api\.us-east-1\.amazonaws\.com`}},
	{"AWS::Logs::LogGroup", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(logs)log-group:my-stack-R-N:\*`}},
	{"AWS::CloudWatch::Alarm", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(cloudwatch)alarm:my-stack-R-N`}},
	{"AWS::Events::Rule", map[string]Value{"ScheduleExpression": "rate(1 day)"}, `my-stack-R-N`, map[string]string{"Arn": `ARN(events)rule/my-stack-R-N`}},
	{"AWS::Events::EventBus", map[string]Value{"Name": "orders"}, `orders`, map[string]string{"Arn": `ARN(events)event-bus/orders`}},
	{"AWS::KMS::Key", nil, `UUID`, map[string]string{"Arn": `ARN(kms)key/UUID`, "KeyId": `UUID`}},
	{"AWS::KMS::Alias", map[string]Value{"AliasName": "alias/a"}, `alias/a`, nil},
	{"AWS::SSM::Parameter", map[string]Value{"Type": "String", "Value": "v"}, `CFN-R-N`, map[string]string{"Type": `String`, "Value": `v`}},
	{"AWS::SecretsManager::Secret", nil, `ARN(secretsmanager)secret:R-N-[A-Za-z0-9]{6}`, map[string]string{"Id": `ARN(secretsmanager)secret:R-N-[A-Za-z0-9]{6}`}},
	{"AWS::SecretsManager::SecretTargetAttachment", map[string]Value{"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf"}, `ARN(secretsmanager)secret:s-AbCdEf`, nil},
	{"AWS::Route53::HostedZone", nil, `Z[A-Z0-9]{20}`, map[string]string{"NameServers": `\[ns-\d+\.awsdns-\d\d\.com ns-\S+ ns-\S+ ns-\d+\.awsdns-\d\d\.co\.uk\]`}},
	{"AWS::Route53::RecordSet", map[string]Value{"Name": "www.example.com"}, `www\.example\.com`, nil},
	{"AWS::CertificateManager::Certificate", nil, `ARN(acm)certificate/UUID`, nil},
	{"AWS::CloudFront::Distribution", nil, `E[A-Z0-9]{13}`, map[string]string{"DomainName": `d[a-z0-9]{13}\.cloudfront\.net`, "Id": `E[A-Z0-9]{13}`}},
	{"AWS::StepFunctions::StateMachine", nil, `ARN(states)stateMachine:R-N`, map[string]string{"Name": `R-N`, "Arn": `ARN(states)stateMachine:R-N`}},
	{"AWS::Cognito::UserPool", nil, `us-east-1_[A-Za-z0-9]{9}`, map[string]string{
		"Arn": `ARN(cognito-idp)userpool/us-east-1_[A-Za-z0-9]{9}`, "ProviderName": `cognito-idp\.us-east-1\.amazonaws\.com/us-east-1_[A-Za-z0-9]{9}`,
	}},
	{"AWS::Cognito::UserPoolClient", nil, `[a-z0-9]{26}`, nil},
	{"AWS::Cognito::IdentityPool", nil, `us-east-1:UUID`, nil},
	{"AWS::EFS::FileSystem", nil, `fs-HEX`, map[string]string{"Arn": `ARN(elasticfilesystem)file-system/fs-HEX`}},
	{"AWS::EFS::MountTarget", nil, `fsmt-HEX`, nil},
	{"AWS::ECR::Repository", nil, `my-stack-resource-[a-z0-9]{12}`, map[string]string{
		"Arn": `ARN(ecr)repository/my-stack-resource-[a-z0-9]{12}`, "RepositoryUri": `123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com/my-stack-resource-[a-z0-9]{12}`,
	}},
	{"AWS::ElastiCache::CacheCluster", map[string]Value{"Engine": "redis"}, `my-stack-resource-[a-z0-9]{12}`, map[string]string{
		"RedisEndpoint.Address": `my-stack-resource-[a-z0-9]{12}\.[a-z0-9]{6}\.0001\.use1\.cache\.amazonaws\.com`, "RedisEndpoint.Port": `6379`,
	}},
	{"AWS::ElastiCache::ReplicationGroup", nil, `my-stack-resource-[a-z0-9]{12}`, map[string]string{
		"PrimaryEndPoint.Address": `master\.my-stack-resource-[a-z0-9]{12}\.[a-z0-9]{6}\.use1\.cache\.amazonaws\.com`, "PrimaryEndPoint.Port": `6379`,
	}},
	{"AWS::Kinesis::Stream", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(kinesis)stream/my-stack-R-N`}},
	{"AWS::KinesisFirehose::DeliveryStream", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(firehose)deliverystream/my-stack-R-N`}},
	{"AWS::CodeBuild::Project", nil, `R-N`, map[string]string{"Arn": `ARN(codebuild)project/R-N`}},
	{"AWS::CodePipeline::Pipeline", nil, `my-stack-R-N`, map[string]string{"Version": `1`}},
	{"AWS::Glue::Database", map[string]Value{"DatabaseInput": map[string]any{"Name": "sales"}}, `sales`, nil},
	{"AWS::Glue::Job", nil, `R-N`, nil},
	{"AWS::Backup::BackupVault", map[string]Value{"BackupVaultName": "v"}, `v`, map[string]string{"BackupVaultArn": `ARN(backup)backup-vault:v`}},
	{"AWS::Backup::BackupPlan", nil, `UUID`, map[string]string{"BackupPlanArn": `ARN(backup)backup-plan:UUID`}},
	{"AWS::WAFv2::WebACL", map[string]Value{"Name": "w", "Scope": "REGIONAL"}, `w\|UUID\|REGIONAL`, map[string]string{"Arn": `ARN(wafv2)regional/webacl/w/UUID`}},
	{"AWS::OpenSearchService::Domain", map[string]Value{"DomainName": "logs"}, `logs`, map[string]string{"DomainEndpoint": `search-logs-[a-z0-9]{26}\.us-east-1\.es\.amazonaws\.com`}},
	{"AWS::AppSync::GraphQLApi", nil, `ARN(appsync)apis/[a-z0-9]{26}`, map[string]string{"ApiId": `[a-z0-9]{26}`, "GraphQLUrl": `https://[a-z0-9]{26}\.appsync-api\.us-east-1\.amazonaws\.com/graphql`}},
	{"AWS::CloudTrail::Trail", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(cloudtrail)trail/my-stack-R-N`}},
	{"AWS::Redshift::Cluster", nil, `my-stack-resource-[a-z0-9]{12}`, map[string]string{"Endpoint.Port": `5439`}},
	{"AWS::EMR::Cluster", nil, `j-[A-Z0-9]{13}`, nil},
	{"AWS::Batch::JobQueue", nil, `ARN(batch)job-queue/R-N`, nil},
	{"AWS::Config::ConfigRule", nil, `my-stack-R-N`, map[string]string{"ConfigRuleId": `config-rule-[a-z0-9]{6}`, "Compliance.Type": `COMPLIANT`}},
	{"AWS::Scheduler::Schedule", nil, `my-stack-R-N`, map[string]string{"Arn": `ARN(scheduler)schedule/default/my-stack-R-N`}},
	{"AWS::ServiceDiscovery::PrivateDnsNamespace", nil, `ns-[a-z0-9]{16}`, map[string]string{"HostedZoneId": `Z[A-Z0-9]{20}`}},
}

var shorthands = strings.NewReplacer(
	"-R-N", `-Resource-[A-Za-z0-9]{12}`, "R-N", `Resource-[A-Za-z0-9]{12}`, "Resou-N", `Resou-[A-Za-z0-9]{12}`,
	"HEX", `[0-9a-f]{17}`, "UUID", `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
)

var arnShorthand = regexp.MustCompile(`ARN\(([a-z0-9-]+)\)`)

func shaped(form string) *regexp.Regexp {
	form = arnShorthand.ReplaceAllString(form, `arn:aws:$1:us-east-1:123456789012:`)
	return regexp.MustCompile("^(?:" + shorthands.Replace(form) + ")$")
}

func TestRefAndAttributesOfEverydayTypes(t *testing.T) {
	t.Parallel()
	if len(everyday) < 60 {
		t.Errorf("only %d types", len(everyday))
	}
	for _, c := range everyday {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			typ, ok := Lookup(c.name)
			if !ok {
				t.Fatal("no such type")
			}
			props := minimal(typ)
			for _, p := range typ.primary { // what a template need not say
				if _, given := c.props[p]; !given && typ.Recreation(p) == Always && len(typ.name) > 0 && typ.name[0] == p {
					delete(props, p)
				}
			}
			maps.Copy(props, c.props)
			m := typ.Simulate(*probeSeed, props)
			if re := shaped(c.ref); !re.MatchString(m.Physical) {
				t.Errorf("Ref is %s, want %s", m.Physical, re)
			}
			for name, form := range c.atts {
				if !typ.HasAttribute(name) {
					t.Errorf("no attribute %s", name)
				}
				value, ok := typ.Attribute(m, name)
				if re := shaped(form); !ok || !re.MatchString(fmt.Sprint(value)) {
					t.Errorf("%s is %v, want %s", name, value, re)
				}
			}
		})
	}
}

// TestShapesNameWhatIs reads every form and checks that its holes are filled
// by something.
func TestShapesNameWhatIs(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		typ, _ := Lookup(name)
		check := func(source string) {
			if strings.Count(source, "{") != strings.Count(source, "}") {
				t.Errorf("%s: %s", name, source)
			}
			for _, p := range parseForm(source) {
				for _, h := range p.holes {
					if h.maker != nil {
						continue
					}
					if _, ok := typ.lookup(split(h.arg)...); !ok {
						t.Errorf("%s: no %s for %s", name, h.arg, source)
					}
				}
			}
		}
		for _, s := range typ.shapes {
			check(s.form)
			if _, ok := typ.lookup(split(s.attribute)...); !ok {
				t.Errorf("%s: no attribute %s", name, s.attribute)
			}
		}
		check(typ.refShape)
		for _, p := range typ.getAtt {
			if _, ok := typ.lookup(p); !ok && p != "*" {
				t.Errorf("%s: @getatt: no %s", name, p)
			}
		}
		if len(typ.name) > 0 {
			if _, ok := typ.lookup(typ.name[0]); !ok {
				t.Errorf("%s: @name: no %s", name, typ.name[0])
			}
			if _, ok := nameStyles[typ.name[1]]; !ok {
				t.Errorf("%s: @name: no style %s", name, typ.name[1])
			}
		}
		for i, p := range typ.unique {
			if _, ok := typ.lookup(split(p)...); i > 0 && !ok {
				t.Errorf("%s: @unique: no %s", name, p)
			}
		}
	}
}

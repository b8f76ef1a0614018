package main

import (
	"context"

	"larder/internal/awsquery"
	"larder/internal/identity"
)

// stsHandlers serve AWS STS from the identity room.
func stsHandlers(s *identity.STS) *awsquery.STSHandlers {
	return &awsquery.STSHandlers{
		GetCallerIdentity: func(ctx context.Context, _ *awsquery.GetCallerIdentityInput) (*awsquery.GetCallerIdentityOutput, error) {
			c := s.GetCallerIdentity(ctx)
			return &awsquery.GetCallerIdentityOutput{Account: c.Account, Arn: c.ARN, UserId: c.UserID}, nil
		},
		AssumeRole: func(ctx context.Context, in *awsquery.AssumeRoleInput) (*awsquery.AssumeRoleOutput, error) {
			ask := identity.AssumeRoleInput{
				RoleARN: in.RoleArn, RoleSessionName: in.RoleSessionName, DurationSeconds: in.DurationSeconds,
				ExternalID: in.ExternalId, Policy: in.Policy, Extras: assumeExtras(in),
			}
			for _, p := range in.PolicyArns {
				ask.PolicyARNs = append(ask.PolicyARNs, p.Arn)
			}
			role, err := s.AssumeRole(ctx, ask)
			if err != nil {
				return nil, err
			}
			return &awsquery.AssumeRoleOutput{
				AssumedRoleUser: &awsquery.AssumedRoleUser{Arn: role.ARN, AssumedRoleId: role.AssumedRoleID},
				Credentials: &awsquery.Credentials{
					AccessKeyId: role.AccessKeyID, SecretAccessKey: role.SecretAccessKey,
					SessionToken: role.SessionToken, Expiration: role.Expiration,
				},
			}, nil
		},
	}
}

// assumeExtras names the members of an AssumeRole that ask for more than the
// identity room knows.
func assumeExtras(in *awsquery.AssumeRoleInput) []string {
	var extras []string
	for _, m := range []struct {
		name  string
		given bool
	}{
		{"Tags", len(in.Tags) > 0},
		{"TransitiveTagKeys", len(in.TransitiveTagKeys) > 0},
		{"SourceIdentity", in.SourceIdentity != ""},
		{"SerialNumber", in.SerialNumber != ""},
		{"TokenCode", in.TokenCode != ""},
		{"ProvidedContexts", len(in.ProvidedContexts) > 0},
	} {
		if m.given {
			extras = append(extras, m.name)
		}
	}
	return extras
}

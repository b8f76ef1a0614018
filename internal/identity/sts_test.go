package identity_test

import (
	"strings"
	"testing"

	"larder/internal/api"
	"larder/internal/identity"
)

func TestAssumeRoleRefuses(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::123456789012:role/Dev"
	for _, tt := range []struct {
		in      identity.AssumeRoleInput
		message string
	}{
		{identity.AssumeRoleInput{RoleARN: "role", RoleSessionName: "me"},
			"1 validation error detected: Value 'role' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20"},
		{identity.AssumeRoleInput{RoleARN: role, RoleSessionName: "m", DurationSeconds: 1},
			"2 validation errors detected: Value 'm' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2; " +
				"Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{identity.AssumeRoleInput{RoleARN: role, RoleSessionName: "a b"},
			`1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{identity.AssumeRoleInput{RoleARN: role, RoleSessionName: strings.Repeat("a", 65)},
			"1 validation error detected: Value '" + strings.Repeat("a", 65) + "' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{identity.AssumeRoleInput{RoleARN: role, RoleSessionName: "me", DurationSeconds: 43201},
			"1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"},
		{identity.AssumeRoleInput{RoleARN: "arn:aws:iam::123456789012:user/Dev", RoleSessionName: "me"}, "arn:aws:iam::123456789012:user/Dev is invalid"},
		{identity.AssumeRoleInput{RoleARN: "arn:aws:iam::1234:role/Developer", RoleSessionName: "me"}, "arn:aws:iam::1234:role/Developer is invalid"},
	} {
		got, err := (identity.Dev{}).STS().AssumeRole(t.Context(), tt.in)
		if err == nil {
			t.Errorf("%+v gave %+v", tt.in, got)
			continue
		}
		wants(t, err, api.CodeValidation, tt.message)
	}
}

func TestCallerARNs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		caller     identity.Caller
		role, user string
	}{
		{identity.Caller{ARN: "arn:aws:iam::123456789012:user/a"}, "", "arn:aws:iam::123456789012:user/a"},
		{identity.Caller{ARN: "arn:aws:sts::123456789012:assumed-role/Dev/s"}, "arn:aws:iam::123456789012:role/Dev", "arn:aws:iam::123456789012:role/Dev"},
		{identity.Caller{ARN: "arn:aws:sts::123456789012:assumed-role/Dev/s", Role: "arn:aws:iam::123456789012:role/p/Dev"}, "arn:aws:iam::123456789012:role/p/Dev", "arn:aws:iam::123456789012:role/p/Dev"},
		{identity.Caller{}, "", ""},
	} {
		if role, user := tt.caller.RoleARN(), tt.caller.UserARN(); role != tt.role || user != tt.user {
			t.Errorf("%s: role %q, user %q", tt.caller.ARN, role, user)
		}
	}
}

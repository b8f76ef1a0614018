package cfnapi

import (
	"strings"

	"larder/internal/awsquery"
	"larder/internal/identity"
	"larder/internal/seal"
)

// A list is what a page token belongs to: an operation, asked by a caller
// with these arguments.
func list(caller identity.Caller, operation string, arguments ...string) seal.Binding {
	return seal.Binding{
		Operation: "cloudformation:" + operation,
		Account:   caller.Account,
		Region:    caller.Region,
		Caller:    caller.ARN,
		Filters:   strings.Join(arguments, "\x00"),
	}
}

// cursor reads a NextToken that carries n parts; nil if there is no token.
func (a *api) cursor(of seal.Binding, token string, n int) ([]string, error) {
	parts, err := a.tokens.Read(of, token)
	if err != nil || parts != nil && len(parts) != n {
		return nil, awsquery.ValidationError("NextToken is not valid.")
	}
	return parts, nil
}

// after reads a NextToken that carries one part; "" if there is no token.
func (a *api) after(of seal.Binding, token string) (string, error) {
	parts, err := a.cursor(of, token, 1)
	if err != nil || parts == nil {
		return "", err
	}
	return parts[0], nil
}

// next mints the token of the page that follows after; "" after the last.
func (a *api) next(of seal.Binding, after string) string {
	if after == "" {
		return ""
	}
	return a.tokens.Mint(of, after)
}

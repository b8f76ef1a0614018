package seal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"larder/internal/seal"
)

func newTokens(t testing.TB, b byte) *seal.Tokens {
	t.Helper()
	tokens, err := seal.NewTokens(keyOf(b))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

var list = seal.Binding{Operation: "ListPortfolios", Account: "123456789012", Region: "us-east-1", Caller: "arn:aws:iam::123456789012:user/a", Filters: `{"PageSize":5}`}

func TestTokens(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, 1)
	for _, cursor := range [][]string{{}, {""}, {"port-1"}, {"a", "", "ö"}, {strings.Repeat("x", 1400)}} {
		token := tokens.Mint(list, cursor...)
		if len(token) > seal.MaxToken {
			t.Errorf("a token of %d characters", len(token))
		}
		// Another process with the same key.
		got, err := newTokens(t, 1).Read(list, token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(cursor, got); diff != "" {
			t.Error(diff)
		}
	}
	if got, err := tokens.Read(list, ""); got != nil || err != nil {
		t.Errorf("no token: %v, %v", got, err)
	}
}

func TestTokensAreBound(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, 1)
	token := tokens.Mint(list, "port-1")
	for name, change := range map[string]func(*seal.Binding){
		"operation": func(b *seal.Binding) { b.Operation = "ListPortfolio" },
		"account":   func(b *seal.Binding) { b.Account = "123456789013" },
		"region":    func(b *seal.Binding) { b.Region = "us-east-2" },
		"caller":    func(b *seal.Binding) { b.Caller += "b" },
		"filters":   func(b *seal.Binding) { b.Filters = "" },
		"shifted":   func(b *seal.Binding) { b.Operation, b.Account = b.Operation+b.Account[:1], b.Account[1:] },
	} {
		other := list
		change(&other)
		if got, err := tokens.Read(other, token); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := newTokens(t, 2).Read(list, token); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("another key: %v, %v", got, err)
	}
}

// No text but one that was minted for it reads as a token; none panics.
func FuzzTokens(f *testing.F) {
	// A key of this process alone: what another fuzzing process minted is
	// foreign too.
	tokens, err := seal.NewTokens(seal.NewTokenSecret())
	if err != nil {
		f.Fatal(err)
	}
	good := tokens.Mint(list, "a", "b")
	f.Add(good)
	f.Add(good[:10])
	f.Add("")
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, token string) {
		if token == "" || token == good {
			return
		}
		if got, err := tokens.Read(list, token); !errors.Is(err, seal.ErrBroken) {
			t.Fatalf("%q was read as %v, %v", token, got, err)
		}
	})
}

// What was minted is read back.
func FuzzTokenRoundTrip(f *testing.F) {
	tokens := newTokens(f, 1)
	f.Add("ListPortfolios", "{}", "a", "b")
	f.Fuzz(func(t *testing.T, operation, filters, a, b string) {
		if len(a)+len(b) > 1400 {
			return
		}
		binding := seal.Binding{Operation: operation, Filters: filters}
		got, err := tokens.Read(binding, tokens.Mint(binding, a, b))
		if err != nil || len(got) != 2 || got[0] != a || got[1] != b {
			t.Fatalf("read %q, %v", got, err)
		}
	})
}

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"larder/internal/fetch"
)

// masked stands for a secret wherever settings are shown.
const masked = "****"

// A secret is a setting that no output shows.
type secret string

func (s secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// LogValue keeps the secret out of logs.
func (s secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// secrets are a secret each for several names.
type secrets map[string]secret

// Decode reads NAME=SECRET;… as kong reads maps. What is not of this form is
// kept under no name until check: kong would repeat the environment's value
// in the error.
func (s *secrets) Decode(ctx *kong.DecodeContext) error {
	var text string
	if err := ctx.Scan.PopValueInto("secrets", &text); err != nil {
		return err
	}
	if *s == nil {
		*s = secrets{}
	}
	for _, pair := range kong.SplitEscaped(text, ctx.Value.Tag.MapSep) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || value == "" {
			name = ""
		}
		(*s)[name] = secret(value)
	}
	return nil
}

// check refuses names that nothing else is configured for.
func (s secrets) check(setting string, known func(name string) bool) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s)) {
		switch {
		case name == "":
			errs = append(errs, fmt.Errorf("--%s takes NAME=SECRET;…, where a semicolon in a secret is written \\;", setting))
		case !known(name):
			errs = append(errs, fmt.Errorf("--%s: nothing is configured for %s that it could sign", setting, name))
		}
	}
	return errors.Join(errs...)
}

// A location is a setting that says where something is: a URL, which is shown
// without the parts that may be secret.
type location string

func (l location) String() string {
	if l == "" {
		return ""
	}
	if !strings.Contains(string(l), "://") {
		return masked
	}
	return fetch.Shown(string(l))
}

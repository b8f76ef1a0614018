package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"larder/internal/cfn/template"
	"larder/internal/db"
	"larder/internal/fetch"
)

// Files that a template includes are fetched when an operation or a change set
// is asked for, and kept with the stack: whatever goes on from there reads the
// same. A fault of theirs does not refuse the operation, which begins and
// fails, as on AWS.

// fetchIncludes answers what a template includes, and notes it in the stack.
func (s *Stacks) fetchIncludes(ctx context.Context, st *Stack, failure *error) func(string) ([]byte, error) {
	st.Includes, st.snippets = nil, nil
	return func(location string) ([]byte, error) {
		if digest, ok := st.Includes[location]; ok {
			return st.snippets[digest], nil
		}
		if s.fetch == nil {
			return nil, invalid(noLocation)
		}
		res, err := s.fetch.Get(ctx, location)
		if err != nil {
			reason, ok := unincluded(location, err)
			if !ok {
				*failure = err
			}
			return nil, invalid("%s", reason)
		}
		digest := db.Digest(res.Body)
		if st.Includes == nil {
			st.Includes, st.snippets = map[string]string{}, map[string][]byte{}
		}
		st.Includes[location], st.snippets[digest] = digest, res.Body
		return res.Body, nil
	}
}

const noLocation = "The location parameter is not a valid S3 uri."

// unincluded words a file that could not be fetched; ok is false if that says
// nothing of the file.
func unincluded(location string, err error) (reason string, ok bool) {
	e, ok := errors.AsType[*fetch.Error](err)
	if !ok {
		return err.Error(), false
	}
	switch {
	case e.Reason == fetch.Refused || e.Reason == fetch.Invalid:
		return noLocation, true
	case e.Reason == fetch.NotFound && strings.Contains(e.Message, "bucket does not exist"):
		// Recorded: test_describe_failed_change_set.
		bucket := location
		if u, err := url.Parse(location); err == nil && u.Scheme == "s3" {
			bucket = u.Host
		}
		return fmt.Sprintf("S3 bucket [%s] does not exist.", bucket), true
	case e.Reason == fetch.NotFound:
		return "The specified key does not exist.", true
	case e.Reason == fetch.Status && e.Status == http.StatusForbidden:
		return "Access Denied", true
	}
	return e.Error(), true
}

// keptIncludes answers what a stack's template includes.
func (s *Stacks) keptIncludes(ctx context.Context, st *Stack, failure *error) func(string) ([]byte, error) {
	return func(location string) (text []byte, err error) {
		digest, ok := st.Includes[location]
		if !ok {
			return nil, errors.New("it was not fetched when the operation began")
		}
		err = s.db.View(ctx, func(tx *db.Tx) (err error) {
			text, err = db.Blob(tx, digest)
			return err
		})
		if err != nil {
			*failure = fmt.Errorf("include of %s: %w", location, err)
		}
		return text, err
	}
}

// putTexts keeps the text of a stack's template and of what it includes.
func putTexts(tx *db.Tx, st *Stack, text []byte) error {
	for digest, snippet := range st.snippets {
		if err := db.PutBlob(tx, digest, snippet); err != nil {
			return err
		}
	}
	return db.PutBlob(tx, st.Digest, text)
}

// judgeMade judges what transforms have made of a template as what was given
// is judged, and notes the capabilities that it needs.
func (s *Stacks) judgeMade(st *Stack, made *template.Template) error {
	if err := s.knowsTypes(made); err != nil {
		return err
	}
	needed := made.Capabilities().Names
	if !st.AllCapabilities {
		return acknowledged(needed, st.Capabilities)
	}
	for _, name := range needed {
		if !slices.Contains(st.Capabilities, name) {
			st.Capabilities = append(slices.Clone(st.Capabilities), name)
		}
	}
	return nil
}

// made returns the fault of what a transform made, which refuses no call but
// fails what was asked for; other errors are returned as they are.
func made(err error) (refusal string, rest error) {
	if e, ok := errors.AsType[*template.Error](err); ok && e.Made {
		return e.Message, nil
	}
	return "", err
}

// ProcessedTemplate returns the template that a stack, or a change set of it,
// was made of, as its transforms have made it. Without transforms that is the
// text that was given.
func (s *Stacks) ProcessedTemplate(ctx context.Context, account, region, stack, changeSet string) (text []byte, err error) {
	var st Stack
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		if changeSet == "" {
			if st, err = find(tx, account, region, stack); none(err) {
				return invalid("Stack with id %s does not exist", stack)
			}
		} else {
			var cs ChangeSet
			if cs, st, err = s.findChangeSet(tx, account, region, stack, changeSet); err == nil {
				st.assume(cs.Settings)
			}
		}
		if err != nil || st.Digest == "" {
			return err
		}
		text, err = db.Blob(tx, st.Digest)
		return err
	})
	if err != nil || st.Digest == "" {
		return nil, err
	}
	t, err := s.templates.Parse(st.Digest, text)
	if err != nil || len(t.Transforms) == 0 {
		return text, err
	}
	l := &live{stack: st, keys: s.keys}
	if err := s.evaluate(ctx, l, t); err != nil {
		return nil, err
	}
	return l.eval.Processed(), nil
}

package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/identity"
)

// mergeRules joins the template's rules with those of constraints: all must
// hold, so of two with one name the later gets another.
func mergeRules(all ...string) (string, error) {
	merged := map[string]json.RawMessage{}
	for _, text := range all {
		if text == "" {
			continue
		}
		var rules map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &rules); err != nil {
			return "", fmt.Errorf("catalog: merge rules: %w", err)
		}
		for name, rule := range rules {
			unique := name
			for n := 2; ; n++ {
				if _, taken := merged[unique]; !taken {
					break
				}
				unique = fmt.Sprintf("%s%d", name, n)
			}
			merged[unique] = rule
		}
	}
	out, err := json.Marshal(merged)
	return string(out), err
}

// usage are the instructions that DescribeProvisioningParameters gives with
// the parameters.
func usage(l Launch, t *engine.Template) ([]api.UsageInstruction, error) {
	rules, err := mergeRules(append([]string{t.Rules}, l.Rules...)...)
	if err != nil {
		return nil, err
	}
	out := []api.UsageInstruction{{Type: "rules", Value: rules}}
	add := func(kind, value string) {
		if value != "" {
			out = append(out, api.UsageInstruction{Type: kind, Value: value})
		}
	}
	add("version", t.Version)
	add("launchAsRole", l.Role)
	if l.TagUpdate {
		add("tagUpdateOnProvisionedProduct", "ALLOWED")
	} else {
		add("tagUpdateOnProvisionedProduct", "NOT_ALLOWED")
	}
	add("description", t.Description)
	add("metadata", t.Metadata)
	return out, nil
}

// DescribeProvisioningParameters tells what a launch takes: parameters, tag
// options, constraints and outputs.
func (c *Catalog) DescribeProvisioningParameters(ctx context.Context, in *api.DescribeProvisioningParametersInput) (*api.DescribeProvisioningParametersOutput, error) {
	var l Launch
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		l, err = c.ResolveLaunch(tx, identity.CallerFrom(ctx), LaunchQuery{
			ProductID: api.Or(in.ProductId, ""), ProductName: api.Or(in.ProductName, ""),
			ArtifactID: api.Or(in.ProvisioningArtifactId, ""), ArtifactName: api.Or(in.ProvisioningArtifactName, ""),
			PathID: api.Or(in.PathId, ""), PathName: api.Or(in.PathName, ""),
			ForUpdate: true, // the form of an update, too, is asked for here
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	read := l.Artifact.Template
	if read == nil {
		if read, err = c.readNow(ctx, l.Artifact); err != nil {
			return nil, err
		}
	}
	out := &api.DescribeProvisioningParametersOutput{
		ProvisioningArtifactParameters:  parameterViews(read),
		ConstraintSummaries:             l.constraints,
		TagOptions:                      make([]api.TagOptionSummary, len(l.TagOptions)),
		ProvisioningArtifactPreferences: &api.ProvisioningArtifactPreferences{},
		ProvisioningArtifactOutputKeys:  make([]api.ProvisioningArtifactOutput, len(read.Outputs)),
		// AWS fills the deprecated member with the version's own id.
		ProvisioningArtifactOutputs: []api.ProvisioningArtifactOutput{{Key: string(l.Artifact.ID)}},
	}
	for i, o := range l.TagOptions {
		out.TagOptions[i] = api.TagOptionSummary{Key: o.Key, Values: given(o.Values)}
	}
	for i, o := range read.Outputs {
		out.ProvisioningArtifactOutputKeys[i] = api.ProvisioningArtifactOutput{Key: o.Key, Description: o.Description}
	}
	if l.StackSet != nil {
		out.ProvisioningArtifactPreferences.StackSetAccounts = slices.Clone(l.StackSet.Accounts)
		out.ProvisioningArtifactPreferences.StackSetRegions = slices.Clone(l.StackSet.Regions)
	}
	out.UsageInstructions, err = usage(l, read)
	return out, err
}

// readNow has the engine read a version that was not read when it was
// created.
func (c *Catalog) readNow(ctx context.Context, a LaunchArtifact) (*engine.Template, error) {
	body, err := c.ArtifactBody(ctx, a.Digest)
	if err != nil {
		return nil, err
	}
	read, err := c.describe(ctx, engine.Artifact{ID: string(a.ID), Type: a.Type, URL: a.URL, Digest: a.Digest, Body: body})
	if failure, refused := engine.AsFailure(err); refused {
		return nil, api.InvalidParameters("Error occurred during parameter parsing: %s", failure.Reason)
	}
	return read, err
}

func parameterViews(t *engine.Template) []api.ProvisioningArtifactParameter {
	out := make([]api.ProvisioningArtifactParameter, len(t.Parameters))
	for i, p := range t.Parameters {
		out[i] = api.ProvisioningArtifactParameter{
			ParameterKey: p.Key, ParameterType: p.Type, DefaultValue: p.Default,
			Description: p.Description, IsNoEcho: p.NoEcho,
			ParameterConstraints: &api.ParameterConstraints{
				AllowedValues: given(p.AllowedValues), AllowedPattern: p.AllowedPattern,
				ConstraintDescription: p.ConstraintDescription,
				MinLength:             p.MinLength, MaxLength: p.MaxLength, MinValue: p.MinValue, MaxValue: p.MaxValue,
			},
		}
	}
	return out
}

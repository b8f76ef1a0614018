package cloudformation

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"larder/internal/cfn/stack"
	"larder/internal/engine"
)

// importable are the statuses that a stack may be taken over in, by the words
// of ImportAsProvisionedProduct in the model.
var importable = []stack.Status{
	stack.CreateComplete, stack.UpdateComplete, stack.UpdateRollbackComplete,
}

// TemplateOf returns the template that a stack was made of, by its ARN.
func (e *Engine) TemplateOf(ctx context.Context, account, region, physicalID string) ([]byte, error) {
	st, text, err := e.Stacks.Template(ctx, account, region, physicalID)
	if _, ok := stack.AsError(err); ok {
		return nil, failure(err)
	}
	if err != nil {
		return nil, err
	}
	switch st.Status {
	case stack.DeleteComplete:
		return nil, &engine.Failure{Code: exception, Reason: fmt.Sprintf("Stack with id %s does not exist", physicalID)}
	case stack.ReviewInProgress:
		return nil, &engine.Failure{Code: exception, Reason: fmt.Sprintf("Stack %s is in %s and has no template yet", st.ID, st.Status)}
	}
	return text, nil
}

// Import tells whether a stack may become a provisioned product: it stands, is
// nobody's child, and was made of the very template of the version.
func (e *Engine) Import(ctx context.Context, c engine.Change) (engine.Imported, error) {
	st, text, err := e.Stacks.Template(ctx, c.Account, c.Region, c.Physical)
	if refusal, ok := stack.AsError(err); ok {
		return engine.Imported{}, &engine.Failure{Code: engine.ImportNotFound, Reason: refusal.Message}
	}
	if err != nil {
		return engine.Imported{}, err
	}
	switch {
	case st.Status == stack.DeleteComplete:
		return engine.Imported{}, &engine.Failure{Code: engine.ImportNotFound, Reason: fmt.Sprintf("Stack with id %s does not exist", c.Physical)}
	case st.Parent != "":
		return engine.Imported{}, &engine.Failure{Code: engine.ImportMismatch, Reason: fmt.Sprintf("Stack %s is nested in %s and can't be imported by itself", st.ID, st.Parent)}
	case !slices.Contains(importable, st.Status):
		return engine.Imported{}, &engine.Failure{Code: engine.ImportWrongState, Reason: fmt.Sprintf("Stack %s is in %s and can't be imported", st.ID, st.Status)}
	case !bytes.Equal(text, c.Artifact.Body):
		return engine.Imported{}, &engine.Failure{Code: engine.ImportMismatch, Reason: fmt.Sprintf("The template of stack %s is not that of the provisioning artifact", st.ID)}
	}
	found := engine.Imported{Physical: st.ID}
	values, err := e.Stacks.Values(&st)
	if err != nil {
		return engine.Imported{}, err
	}
	for _, p := range values {
		found.Given = append(found.Given, engine.Given{Key: p.Key, Value: p.Value, NoEcho: p.NoEcho})
	}
	found.Outputs, err = e.outputs(st)
	return found, err
}

var _ engine.Importer = (*Engine)(nil)

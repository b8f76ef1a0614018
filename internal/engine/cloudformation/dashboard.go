package cloudformation

import (
	"context"

	"larder/internal/engine"
)

// Dashboards returns the names of the dashboards that the stack holds.
func (e *Engine) Dashboards(ctx context.Context, c engine.Change) ([]string, error) {
	resources, err := e.resources(ctx, c)
	var names []string
	for _, r := range resources {
		if r.Type == "AWS::CloudWatch::Dashboard" {
			names = append(names, r.Physical)
		}
	}
	return names, err
}

var _ engine.Dashboarder = (*Engine)(nil)

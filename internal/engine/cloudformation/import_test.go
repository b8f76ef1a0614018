package cloudformation_test

import (
	"testing"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/engine"
)

func TestImport(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		e, runner := open(t, d)
		launch := engine.Change{
			Kind: engine.Create, Operation: "rec-1", Account: "111111111111", Region: "eu-west-1", Product: "pp-abc", Artifact: artifact(sound),
			Given: []engine.Given{{Key: "Password", Value: "hunter2"}},
		}
		made := run(t, e, runner, launch)
		asked := launch
		asked.Physical = made.Physical

		found, err := e.Import(t.Context(), asked)
		if err != nil || found.Physical != made.Physical || len(found.Outputs) != len(made.Outputs) {
			t.Errorf("%+v, %v", found, err)
		}
		secret := false
		for _, g := range found.Given {
			secret = secret || g == engine.Given{Key: "Password", Value: "hunter2", NoEcho: true}
		}
		if !secret {
			t.Errorf("the password went missing: %+v", found.Given)
		}
		if text, err := e.TemplateOf(t.Context(), launch.Account, launch.Region, made.Physical); err != nil || string(text) != sound {
			t.Errorf("template %q, %v", text, err)
		}

		refused := func(what, code string, change func(c *engine.Change)) {
			t.Helper()
			c := asked
			change(&c)
			_, err := e.Import(t.Context(), c)
			if f, ok := engine.AsFailure(err); !ok || f.Code != code {
				t.Errorf("%s: %v, want %s", what, err, code)
			}
		}
		refused("another template", engine.ImportMismatch, func(c *engine.Change) { c.Artifact = artifact(sound + "\n") })
		refused("another account", engine.ImportNotFound, func(c *engine.Change) { c.Account = "222222222222" })
		refused("no stack", engine.ImportNotFound, func(c *engine.Change) { c.Physical = "none" })

		gone := asked
		gone.Kind, gone.Operation = engine.Delete, "rec-2"
		run(t, e, runner, gone)
		refused("what is deleted", engine.ImportNotFound, func(*engine.Change) {})
		if _, err := e.TemplateOf(t.Context(), launch.Account, launch.Region, made.Physical); err == nil {
			t.Error("the template of a stack that is deleted")
		}
	})
}

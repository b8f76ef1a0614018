package main

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the real binary under the clients that people use. A
// script whose client is not installed skips itself by name.
func TestScripts(t *testing.T) {
	templates := httptest.NewServer(http.FileServer(http.Dir("../../examples/products")))
	t.Cleanup(templates.Close)
	python, err := filepath.Abs("testdata/python") // what scripts in Python share
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Values[serversKey{}] = &servers{t: t}
			e.Setenv("TEMPLATES", templates.URL)
			e.Setenv("EXAMPLES", templateRoot(t))
			e.Setenv("PYTHONPATH", python)
			e.Setenv("PYTHONDONTWRITEBYTECODE", "1")
			e.Setenv("TF_PLUGIN_MIRROR", pluginMirror())
			// A user's own settings of AWS or Larder are none of a script's.
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			e.Setenv("AWS_PAGER", "")
			for _, name := range []string{"PYENV_ROOT", "PYENV_VERSION"} {
				if v, ok := os.LookupEnv(name); ok {
					e.Setenv(name, v)
				}
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "boto3", "pytest":
				return exec.Command("python3", "-c", "import "+name).Run() == nil, nil
			case "terraform-aws":
				found, err := filepath.Glob(filepath.Join(pluginMirror(), "*/hashicorp/aws/*"))
				return len(found) > 0, err
			}
			return false, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// serve ARGS… starts larder with ARGS and sets URL. Later calls
			// replace the process; "serve -kill" and "serve -stop" end it.
			"serve": serveInScript,
		},
	})
}

// pluginMirror is where Terraform's providers lie, for machines that reach no
// registry.
func pluginMirror() string {
	return cmp.Or(os.Getenv("TF_PLUGIN_MIRROR"), "/opt/tf-plugins")
}

// servers are the processes of one script.
type servers struct {
	t       testing.TB
	running *process
}

type serversKey struct{}

func serveInScript(ts *testscript.TestScript, neg bool, args []string) {
	s, ok := ts.Value(serversKey{}).(*servers)
	if !ok || neg || len(args) == 0 {
		ts.Fatalf("usage: serve command args… | serve -kill | serve -stop")
	}
	switch args[0] {
	case "-kill":
		s.running.kill()
	case "-stop":
		s.running.stop()
	default:
		s.running = start(s.t, args...)
		ts.Setenv("URL", s.running.URL)
		ts.Setenv("AWS_ENDPOINT_URL", s.running.URL)
	}
}

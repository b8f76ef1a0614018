package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

// envPrefix begins the environment twin of every flag: --log-level is
// LARDER_LOG_LEVEL.
const envPrefix = "LARDER"

// configFlag names the file that settings are read from.
const configFlag = "config-file"

// maxConfigFile bounds the file of settings, in bytes.
const maxConfigFile = 1 << 20

// settings is a file of settings: flag names without their dashes, with a
// scalar, a list or a map each. A flag wins over the environment, the environment
// over the file, the file over the default.
type settings struct {
	path   string
	values map[string]any
}

// readSettings reads the file that the arguments or the environment name; no
// settings if they name none.
func readSettings(args, environ []string) (*settings, error) {
	s := &settings{}
	for _, pair := range environ {
		if path, ok := strings.CutPrefix(pair, envPrefix+"_CONFIG_FILE="); ok {
			s.path = path
		}
	}
	for i, arg := range args {
		if path, ok := strings.CutPrefix(arg, "--"+configFlag+"="); ok {
			s.path = path
		} else if arg == "--"+configFlag && i+1 < len(args) {
			s.path = args[i+1]
		}
	}
	if s.path == "" {
		return s, nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if len(text) > maxConfigFile {
		return nil, fmt.Errorf("settings: %s is larger than %d bytes", s.path, maxConfigFile)
	}
	if err := yaml.Unmarshal(text, &s.values); err != nil {
		return nil, fmt.Errorf("settings: %s: %w", s.path, err)
	}
	return s, nil
}

// inputs takes the environment twins away from the flags of single calls, such
// as the document of "policy create": they are input, not settings. Where the
// server is and who asks stay settings of every call.
func inputs(k *kong.Kong) error {
	var strip func(n *kong.Node)
	strip = func(n *kong.Node) {
		for _, call := range n.Children {
			for _, f := range call.Flags {
				f.Envs, f.Tag.Envs = nil, nil
			}
			strip(call)
		}
	}
	for _, noun := range k.Model.Children {
		if noun.Group != nil && noun.Group.Key == callGroup {
			strip(noun)
		}
	}
	return nil
}

// isSetting reports whether a flag can be given by environment or file: input
// and help cannot.
func isSetting(f *kong.Flag) bool { return len(f.Envs) > 0 }

// Validate refuses names that no command knows, in the file and in the
// environment: a setting that is spelled wrong must not be silently nothing.
func (s *settings) Validate(app *kong.Application) error {
	names, vars := map[string]bool{}, map[string]bool{}
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, f := range n.Flags {
			if !isSetting(f) {
				continue
			}
			names[f.Name] = true
			for _, e := range f.Envs {
				vars[e] = true
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(app.Node)
	var errs []error
	for name := range s.values {
		if !names[name] || name == configFlag {
			errs = append(errs, fmt.Errorf("settings: %s: unknown setting %q", s.path, name))
		}
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, envPrefix+"_") && !vars[name] {
			errs = append(errs, fmt.Errorf("settings: unknown environment variable %s", name))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// Resolve gives kong the file's value of a flag, unless the environment has one.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if _, ok := fromEnv(flag); ok {
		return nil, nil
	}
	value, ok := s.values[flag.Name]
	if !ok || !isSetting(flag) {
		return nil, nil
	}
	switch v := value.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			parts[i] = fmt.Sprint(part)
		}
		return kong.JoinEscaped(parts, flag.Tag.Sep), nil
	case map[string]any:
		if !flag.IsMap() {
			return nil, fmt.Errorf("settings: %s: %s takes a value or a list of values", s.path, flag.Name)
		}
		parts := make([]string, 0, len(v))
		for name, part := range v {
			parts = append(parts, fmt.Sprintf("%s=%v", name, part))
		}
		slices.Sort(parts)
		return kong.JoinEscaped(parts, flag.Tag.MapSep), nil
	case nil:
		return nil, fmt.Errorf("settings: %s: %s has no value", s.path, flag.Name)
	default:
		return fmt.Sprint(v), nil
	}
}

func fromEnv(flag *kong.Flag) (string, bool) {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return name, true
		}
	}
	return "", false
}

// configPrint shows what "serve" would run with.
type configPrint struct {
	serveSettings
}

// Run prints every setting, its value and where that comes from.
func (c *configPrint) Run(ctx *kong.Context, s *settings) error {
	given := map[string]bool{}
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved {
			given[p.Flag.Name] = true
		}
	}
	w := tabwriter.NewWriter(ctx.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tVALUE\tORIGIN")
	for _, flag := range ctx.Flags() {
		if !isSetting(flag) {
			continue
		}
		origin := "default"
		if name, ok := fromEnv(flag); ok {
			origin = name
		} else if _, ok := s.values[flag.Name]; ok {
			origin = s.path
		}
		if given[flag.Name] {
			origin = "flag"
		}
		fmt.Fprintf(w, "%s\t%v\t%s\n", flag.Name, ctx.FlagValue(flag), origin)
	}
	return w.Flush()
}

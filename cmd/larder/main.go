// Larder is a self-hosted service catalog that speaks the AWS Service Catalog
// API and really provisions.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"larder/internal/provisioning"
)

// cli is the command line.
type cli struct {
	ConfigFile string `help:"File of settings (YAML: flag names and values)." placeholder:"FILE"`
	LogFormat  string `help:"How log lines look: ${enum}." enum:"auto,text,json" default:"auto"`
	LogLevel   string `help:"What is logged: ${enum}." enum:"debug,info,warn,error" default:"info"`

	Demo  demo  `cmd:"" help:"Publish example products, launch one, and keep serving."`
	Dev   dev   `cmd:"" help:"Serve for tests and CI: any credentials, a temporary store unless --data."`
	Serve serve `cmd:"" help:"Serve for real use: signatures are verified, everything is kept."`

	Seed seed `cmd:"" help:"Fill a store for measurements with products that were launched."`

	Status     status             `cmd:"" group:"call" help:"Show the server that answers."`
	User       userCommands       `cmd:"" group:"call" help:"Users."`
	Group      groupCommands      `cmd:"" group:"call" help:"Groups."`
	Role       roleCommands       `cmd:"" group:"call" help:"Roles."`
	Key        keyCommands        `cmd:"" group:"call" help:"Access keys."`
	Policy     policyCommands     `cmd:"" group:"call" help:"Policies."`
	Org        orgCommands        `cmd:"" group:"call" help:"The organization: accounts and units."`
	Resource   resourceCommands   `cmd:"" group:"call" help:"What the embedded engine has made."`
	Deadletter deadletterCommands `cmd:"" group:"call" help:"Notices that could not be delivered."`
	Operations operationsCommands `cmd:"" group:"call" help:"Operations under way and done."`
	Explain    explainCommands    `cmd:"" group:"call" help:"Why something can or cannot be done."`

	Version struct {
		versionCommand
	} `cmd:"" help:"Print the version."`
	Config struct {
		Print configPrint `cmd:"" help:"Print the settings of serve, their values and origins."`
	} `cmd:"" help:"Settings."`
	Compatibility compatibility `cmd:"" hidden:"" help:"Write docs/compatibility.md."`
}

// callGroup is the group of commands that call a server's API.
const callGroup = "call"

func main() { os.Exit(run(os.Args[1:])) }

// run is main without the exit, whose code it returns. The first signal asks
// the command to end; a second one ends the process.
func run(args []string) int {
	ctx, end := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // before anybody can see that the first one came
		end()
	}()
	fail := func(err error) int {
		fmt.Fprintf(os.Stderr, "larder: %v\n", err)
		if _, ok := errors.AsType[*refusal](err); ok {
			return exitRefused
		}
		return 1
	}
	file, err := readSettings(args, os.Environ())
	if err != nil {
		return fail(err)
	}
	var c cli
	parser, err := c.parser(ctx, file)
	if err != nil {
		return fail(err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fail(err)
	}
	command.Bind(c.logger())
	if err := command.Run(); err != nil {
		return fail(err)
	}
	return 0
}

// parser reads a command line into c. Commands run until ctx ends.
func (c *cli) parser(ctx context.Context, file *settings) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("larder"),
		kong.Description("A self-hosted service catalog that speaks the AWS Service Catalog API and really provisions."),
		kong.UsageOnError(),
		kong.Vars{
			"server":   defaultServer,
			"deadline": provisioning.DefaultDeadline.String(),
			"grace":    provisioning.DefaultGrace.String(),
			"tries":    strconv.Itoa(provisioning.DefaultNoticeTries),
		},
		kong.Groups{callGroup: "Asking a server:"},
		kong.DefaultEnvars(envPrefix),
		kong.PostBuild(inputs), // after the environment's names are there
		kong.Resolvers(file),
		kong.Bind(file),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
}

// logger logs to standard error: text for people, JSON for machines.
func (c *cli) logger() *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		panic(err) // the enum of the flag are slog's own names
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" || c.LogFormat == "auto" && !term.IsTerminal(int(os.Stderr.Fd())) {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("larder", version())
	return nil
}

// version is that of the module, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "devel"
}

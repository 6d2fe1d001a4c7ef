package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// How long `up` waits for a part to answer before it gives up.
const startLimit = 90 * time.Second

// runUp starts a control plane, writes one JSON line when it is ready, obeys
// one JSON command per line of standard input (README.md lists them), and ends
// everything when standard input closes, a signal arrives, or a part ends on
// its own.
func runUp() {
	s, err := parseSettings(os.Args[1:])
	if err != nil {
		fatal("up", err)
	}
	c, err := newCluster(s)
	if err != nil {
		fatal("up", err)
	}
	failure := c.serve()
	c.endAll()
	c.cleanUp()
	if failure != nil {
		answer(map[string]any{"error": failure.Error()})
		os.Exit(1)
	}
}

func parseSettings(args []string) (settings, error) {
	var s settings
	list := func(target *[]string) func(string) error {
		return func(value string) error {
			*target = append(*target, strings.Split(value, ",")...)
			return nil
		}
	}
	whole := func(target *[]string) func(string) error {
		return func(value string) error {
			*target = append(*target, value)
			return nil
		}
	}
	flags := flag.NewFlagSet("testcluster up", flag.ExitOnError)
	flags.StringVar(&s.dir, "dir", "", "folder for data, logs, certificates and kubeconfigs, kept at the end (default: a temporary one, removed)")
	flags.Func("users", "users without any rights, beside "+admin+": a,b,c", list(&s.users))
	flags.IntVar(&s.nodes, "nodes", 2, "how many simulated nodes")
	flags.BoolVar(&s.kwok, "kwok", true, "simulate nodes and pods: start kube-scheduler and kwok")
	flags.BoolVar(&s.controllerManager, "controller-manager", true, "start kube-controller-manager")
	flags.Func("enable-admission", "admission plugins to enable: A,B", list(&s.enableAdmission))
	flags.Func("disable-admission", "admission plugins to disable: A,B", list(&s.disableAdmission))
	// Nodes send no heartbeats, so nothing may conclude that they are gone.
	flags.StringVar(&s.controllers, "controllers", "*,-node-lifecycle-controller", "kube-controller-manager's --controllers")
	flags.Func("api-server-arg", "one more flag for kube-apiserver, e.g. --feature-gates=X=true; repeatable", whole(&s.apiServerArgs))
	flags.Func("controller-manager-arg", "one more flag for kube-controller-manager; repeatable", whole(&s.controllerArgs))
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return s, nil
}

// serve runs the cluster until it has to end; nil means it was asked to.
func (c *cluster) serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	commands := make(chan string)
	go func() { // reads ahead, so that a closed input ends even a start under way
		defer close(commands)
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			commands <- lines.Text()
		}
	}()

	started := make(chan error, 1)
	go func() { started <- c.start(ctx) }()
	select {
	case err := <-started:
		if err != nil {
			return err
		}
	case line, open := <-commands:
		if open {
			return fmt.Errorf("command %q before the cluster was ready", line)
		}
		stop()
		<-started
		return nil
	}
	answer(c.description())

	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-c.died:
			if c.runs(p) {
				return p.failure()
			}
		case line, open := <-commands:
			if !open {
				return nil
			}
			result, err := c.obey(ctx, line)
			if err != nil {
				answer(map[string]any{"error": err.Error()})
				continue
			}
			answer(map[string]any{"ok": result})
		}
	}
}

// command is one line of standard input.
type command struct {
	Do     string `json:"do"`
	Path   string `json:"path"`   // restore-snapshot: what save-snapshot answered
	Prefix string `json:"prefix"` // namespace: how its name begins
}

func (c *cluster) obey(ctx context.Context, line string) (any, error) {
	var cmd command
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&cmd); err != nil {
		return nil, fmt.Errorf("command %q: %w", line, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	switch cmd.Do {
	case "stop-api-server":
		c.stopPart("kube-apiserver")
		return nil, nil
	case "start-api-server":
		return nil, c.startAPIServer(ctx)
	case "save-snapshot":
		return c.saveSnapshot(ctx)
	case "restore-snapshot":
		c.killAll()
		if err := c.unpackSnapshot(cmd.Path); err != nil {
			return nil, err
		}
		return nil, c.startParts(ctx)
	case "namespace":
		return c.newNamespace(ctx, cmd.Prefix)
	default:
		return nil, fmt.Errorf("unknown command %q", cmd.Do)
	}
}

// answer writes one JSON line to standard output.
func answer(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		fatal("up", err)
	}
	if _, err := io.WriteString(os.Stdout, string(line)+"\n"); err != nil {
		fmt.Fprintln(os.Stderr, "testcluster up: nobody reads the answers:", err)
	}
}

// files of a run

func (c *cluster) file(name string) string { return filepath.Join(c.settings.dir, name) }
func (c *cluster) tokenFile() string       { return c.file("tokens.csv") }
func (c *cluster) stagesFile() string      { return c.file("stages.yaml") }
func (c *cluster) schedulerFile() string   { return c.file("scheduler.yaml") }

func (c *cluster) etcdData() string { return c.file(fmt.Sprintf("etcd-%d", c.restores)) }

// kubeconfig has a context for every user; this one makes the user current.
func (c *cluster) kubeconfig(user string) string { return c.file("kubeconfig-" + user) }

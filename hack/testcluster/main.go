// Testcluster is a real Kubernetes control plane in one binary, for tests.
//
// It links etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
// kubectl and kwok as ordinary Go modules; each is a subcommand that takes the
// flags it takes upstream. `testcluster up` starts them as child processes and
// tends them; `testcluster registry` is an OCI registry. See README.md.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A part is one of the linked programs. It reads os.Args like the program it
// is, and does not return on failure.
type part func()

var parts = map[string]part{
	"etcd":                    runEtcd,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kube-scheduler":          runScheduler,
	"kubectl":                 runKubectl,
	"kwok":                    runKwok,
	"registry":                runRegistry,
	"up":                      runUp,
}

func main() {
	// Called by a part's own name: through a link, or by `up`.
	if run, found := parts[filepath.Base(os.Args[0])]; found {
		run()
		return
	}
	if len(os.Args) < 2 || parts[os.Args[1]] == nil {
		names := make([]string, 0, len(parts))
		for name := range parts {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "usage: testcluster %s [flags]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	// The parts derive their user agent, and so their field manager, from the
	// name they were called by: kubectl has to look like kubectl.
	os.Args = os.Args[1:]
	parts[os.Args[0]]()
}

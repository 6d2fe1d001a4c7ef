package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/version"
)

// cluster is one control plane: its files, ports, and running parts.
type cluster struct {
	settings  settings
	temporary bool // the folder is ours to remove
	pki       pki
	ca        []byte
	tokens    map[string]string // by user
	client    kubernetes.Interface
	snapshots int
	restores  int // how often a snapshot was restored; each has its data folder

	etcdPort, peerPort, apiPort port

	died    chan *process // every process that is gone, whether asked to or not
	mutex   sync.Mutex
	running map[string]*process
}

// newCluster prepares files and ports; nothing runs yet.
func newCluster(s settings) (*cluster, error) {
	c := &cluster{settings: s, died: make(chan *process, 64), running: map[string]*process{}, tokens: map[string]string{}}
	var err error
	if s.dir == "" {
		c.temporary = true
		if c.settings.dir, err = os.MkdirTemp("", "testcluster-"); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{c.settings.dir, c.file("logs")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	for _, p := range []*port{&c.etcdPort, &c.peerPort, &c.apiPort} {
		if *p, err = reservePort(); err != nil {
			return nil, fmt.Errorf("reserve a port: %w", err)
		}
	}
	if c.pki, err = newPKI(c.file("pki")); err != nil {
		return nil, err
	}
	if c.ca, err = os.ReadFile(c.pki.path("ca.crt")); err != nil {
		return nil, err
	}
	if err := c.writeAccess(); err != nil {
		return nil, err
	}
	stages, err := stagesYAML()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.stagesFile(), []byte(stages), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.schedulerFile(), []byte(c.schedulerConfig()), 0o600); err != nil {
		return nil, err
	}
	c.client, err = kubernetes.NewForConfig(&rest.Config{
		Host:            c.url(),
		BearerToken:     c.tokens[admin],
		TLSClientConfig: rest.TLSClientConfig{CAData: c.ca},
		QPS:             -1, // no limit
	})
	return c, err
}

// writeAccess makes a token per user, the API server's list of them, and the kubeconfigs.
func (c *cluster) writeAccess() error {
	var list strings.Builder
	for _, user := range append([]string{admin}, c.settings.users...) {
		if _, twice := c.tokens[user]; twice || user == "" || strings.ContainsAny(user, ",\"\n/") {
			return fmt.Errorf("user %q: named twice, empty, or with a character that the token file cannot hold", user)
		}
		c.tokens[user] = randomHex(16)
		groups := ""
		if user == admin {
			groups = "system:masters"
		}
		fmt.Fprintf(&list, "%s,%s,%s,%s\n", c.tokens[user], user, user, groups)
	}
	if err := os.WriteFile(c.tokenFile(), []byte(list.String()), 0o600); err != nil {
		return err
	}
	for user := range c.tokens {
		if err := writeKubeconfig(c.kubeconfig(user), user, c.url(), c.ca, c.tokens); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) url() string { return "https://" + c.apiPort.address() }

// description is the line that says the cluster is ready.
func (c *cluster) description() map[string]any {
	kubeconfigs := map[string]string{}
	for user := range c.tokens {
		kubeconfigs[user] = c.kubeconfig(user)
	}
	return map[string]any{"ready": map[string]any{
		"server":      c.url(),
		"version":     version.Get().GitVersion,
		"dir":         c.settings.dir,
		"ca":          string(c.ca),
		"tokens":      c.tokens,
		"kubeconfigs": kubeconfigs,
		"etcd":        "http://" + c.etcdPort.address(),
	}}
}

// start brings up every part and what a fresh cluster has to hold.
func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := c.startParts(ctx); err != nil {
		return err
	}
	if c.settings.kwok {
		if err := c.createNodes(ctx); err != nil {
			return fmt.Errorf("create nodes: %w", err)
		}
	}
	if c.settings.controllerManager {
		return c.waitForServiceAccount(ctx, "default")
	}
	return nil
}

func (c *cluster) startParts(ctx context.Context) error {
	if err := c.startPart("etcd", c.etcdArgs()); err != nil {
		return err
	}
	if err := c.waitForAnswer(ctx, "etcd", "http://"+c.etcdPort.address()+"/health"); err != nil {
		return err
	}
	if err := c.startAPIServer(ctx); err != nil {
		return err
	}
	if c.settings.controllerManager {
		if err := c.startPart("kube-controller-manager", c.controllerManagerArgs()); err != nil {
			return err
		}
	}
	if !c.settings.kwok {
		return nil
	}
	if err := c.startPart("kube-scheduler", c.schedulerArgs()); err != nil {
		return err
	}
	return c.startPart("kwok", c.kwokArgs())
}

func (c *cluster) startAPIServer(ctx context.Context) error {
	if err := c.startPart("kube-apiserver", c.apiServerArgs()); err != nil {
		return err
	}
	return c.waitForAnswer(ctx, "kube-apiserver", c.url()+"/readyz")
}

func (c *cluster) startPart(name string, args []string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.running[name] != nil {
		return fmt.Errorf("%s runs already", name)
	}
	p, err := spawn(name, c.file("logs"), args)
	if err != nil {
		return err
	}
	c.running[name] = p
	go func() {
		<-p.exited
		c.died <- p
	}()
	return nil
}

// runs says whether the process is still supposed to run.
func (c *cluster) runs(p *process) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.running[p.name] == p
}

// take removes a part from those that are supposed to run.
func (c *cluster) take(name string) *process {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	p := c.running[name]
	delete(c.running, name)
	return p
}

// stopPart kills it at once, as a crash would.
func (c *cluster) stopPart(name string) {
	if p := c.take(name); p != nil {
		p.kill()
	}
}

// From the clients down to the store.
var endOrder = []string{"kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"}

func (c *cluster) killAll() {
	for _, name := range endOrder {
		c.stopPart(name)
	}
}

// endAll asks all but etcd to end together, and etcd when nobody needs it any more.
func (c *cluster) endAll() {
	var group sync.WaitGroup
	for _, name := range endOrder[:len(endOrder)-1] {
		if p := c.take(name); p != nil {
			group.Go(p.end)
		}
	}
	group.Wait()
	if p := c.take("etcd"); p != nil {
		p.end()
	}
}

func (c *cluster) cleanUp() {
	if !c.temporary {
		return
	}
	if err := os.RemoveAll(c.settings.dir); err != nil {
		fmt.Fprintln(os.Stderr, "testcluster up:", err)
	}
}

// How often a part that is starting is asked whether it is ready: it has no
// way to say so.
const askInterval = 20 * time.Millisecond

// waitForAnswer returns when the part answers the address with 200, or with
// its last words when it ends instead.
func (c *cluster) waitForAnswer(ctx context.Context, name, address string) error {
	c.mutex.Lock()
	p := c.running[name]
	c.mutex.Unlock()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 5 * time.Second}
	ticker := time.NewTicker(askInterval)
	defer ticker.Stop()
	last := errors.New("not asked")
	for {
		select {
		case <-p.exited:
			return p.failure()
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %w", name, ctx.Err(), last)
		case <-ticker.C:
			last = c.ask(ctx, &client, address)
			if last == nil {
				return nil
			}
		}
	}
}

func (c *cluster) ask(ctx context.Context, client *http.Client, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.tokens[admin])
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, response.Status)
	}
	return nil
}

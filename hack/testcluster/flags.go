package main

import (
	"fmt"
	"strings"
)

// settings are what `up` can be told on its command line.
type settings struct {
	dir               string
	users             []string
	nodes             int
	kwok              bool
	controllerManager bool
	enableAdmission   []string
	disableAdmission  []string
	controllers       string
	apiServerArgs     []string
	controllerArgs    []string
}

func (c *cluster) etcdArgs() []string {
	client, peer := "http://"+c.etcdPort.address(), "http://"+c.peerPort.address()
	return []string{
		"--name=" + etcdMember,
		"--data-dir=" + c.etcdData(),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=" + etcdMember + "=" + peer,
		"--socket-reuse-port=true",
		"--unsafe-no-fsync=true", // a crash of the machine may lose the data
		"--log-level=warn",
	}
}

func (c *cluster) apiServerArgs() []string {
	key := c.pki.path("service-account.key")
	args := []string{
		"--etcd-servers=http://" + c.etcdPort.address(),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.apiPort.number),
		"--permit-port-sharing=true",
		// Where pods would reach it. The default is the address of the
		// machine's first interface; there may be none.
		"--advertise-address=192.0.2.1",
		"--tls-cert-file=" + c.pki.path("apiserver.crt"),
		"--tls-private-key-file=" + c.pki.path("apiserver.key"),
		"--client-ca-file=" + c.pki.path("ca.crt"),
		"--token-auth-file=" + c.tokenFile(),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
		"--service-cluster-ip-range=10.0.0.0/16", // a /24 ends at 253 Services
		"--allow-privileged=true",
		"--profiling=false",
	}
	if list := c.settings.enableAdmission; len(list) > 0 {
		args = append(args, "--enable-admission-plugins="+strings.Join(list, ","))
	}
	if list := c.settings.disableAdmission; len(list) > 0 {
		args = append(args, "--disable-admission-plugins="+strings.Join(list, ","))
	}
	return append(args, c.settings.apiServerArgs...)
}

func (c *cluster) controllerManagerArgs() []string {
	return append([]string{
		"--kubeconfig=" + c.kubeconfig(admin),
		"--service-account-private-key-file=" + c.pki.path("service-account.key"),
		"--root-ca-file=" + c.pki.path("ca.crt"),
		"--use-service-account-credentials=false",
		"--leader-elect=false",
		"--secure-port=0",
		"--controllers=" + c.settings.controllers,
		// The default limit of 20 requests a second would turn every
		// measurement with Deployments into one of the controller manager.
		"--kube-api-qps=2000",
		"--kube-api-burst=4000",
		"--concurrent-deployment-syncs=20",
		"--concurrent-replicaset-syncs=20",
		"--concurrent-gc-syncs=40",
		"--profiling=false",
	}, c.settings.controllerArgs...)
}

func (c *cluster) schedulerArgs() []string {
	return []string{"--config=" + c.schedulerFile(), "--secure-port=0"}
}

func (c *cluster) schedulerConfig() string {
	return fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: %q, qps: 2000, burst: 4000}
leaderElection: {leaderElect: false}
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 1
`, c.kubeconfig(admin))
}

func (c *cluster) kwokArgs() []string {
	return []string{
		"--kubeconfig=" + c.kubeconfig(admin),
		"--config=" + c.stagesFile(),
		"--manage-all-nodes=true",
		"--node-lease-duration-seconds=0", // no heartbeats: an idle cluster is silent
		"--cidr=10.244.0.1/16",
		"--server-address=",
	}
}

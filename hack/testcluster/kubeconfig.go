package main

import (
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// The user every part of the control plane acts as, and the first of every run.
const admin = "admin"

// writeKubeconfig writes a kubeconfig with one context per user, named after
// the user, and makes current the current one.
func writeKubeconfig(path, current, server string, ca []byte, tokens map[string]string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["testcluster"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	for user, token := range tokens {
		config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token}
		config.Contexts[user] = &clientcmdapi.Context{Cluster: "testcluster", AuthInfo: user}
	}
	config.CurrentContext = current
	return clientcmd.WriteToFile(*config, path)
}

package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// createNodes creates nodes; kwok makes them ready and looks after the pods
// that the scheduler puts on them.
func (c *cluster) createNodes(ctx context.Context) error {
	for number := range c.settings.nodes {
		node, err := c.client.CoreV1().Nodes().Create(ctx, newNode(fmt.Sprintf("node-%d", number)), metav1.CreateOptions{})
		if err != nil {
			return err
		}
		// Admission taints every new node as not ready, and the controller
		// that would take the taint off does not run.
		node.Spec.Taints = nil
		if _, err := c.client.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func newNode(name string) *corev1.Node {
	room := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("1000"),
		corev1.ResourceMemory:           resource.MustParse("1Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("10Ti"),
		corev1.ResourcePods:             resource.MustParse("10000"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname:   name,
			corev1.LabelOSStable:   "linux",
			corev1.LabelArchStable: "amd64",
		}},
		Status: corev1.NodeStatus{
			Capacity:    room,
			Allocatable: room,
			NodeInfo:    corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64"},
		},
	}
}

// newNamespace creates a namespace with a fresh name, and returns the name
// once pods can be created in it.
func (c *cluster) newNamespace(ctx context.Context, prefix string) (string, error) {
	if prefix == "" {
		prefix = "test"
	}
	namespace, err := c.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: prefix + "-"},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	if !c.settings.controllerManager {
		return namespace.Name, nil
	}
	return namespace.Name, c.waitForServiceAccount(ctx, namespace.Name)
}

// waitForServiceAccount waits for the account that pods without one run as:
// the API server refuses them until the controller manager has made it.
func (c *cluster) waitForServiceAccount(ctx context.Context, namespace string) error {
	const name = "default"
	accounts := c.client.CoreV1().ServiceAccounts(namespace)
	only := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String()}
	watch, err := accounts.Watch(ctx, only) // begins with what exists
	if err != nil {
		return err
	}
	defer watch.Stop()
	for event := range watch.ResultChan() {
		if account, is := event.Object.(*corev1.ServiceAccount); is && account.Name == name {
			return nil
		}
		if status, is := event.Object.(*metav1.Status); is {
			return apierrors.FromObject(status)
		}
	}
	return fmt.Errorf("service account %s/%s: %w", namespace, name, context.Cause(ctx))
}

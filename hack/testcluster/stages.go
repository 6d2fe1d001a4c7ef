package main

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/yaml"
)

// Annotations of a pod (or of a Service) that say how it behaves; README.md
// describes them.
const (
	behaviour = `.metadata.annotations["testcluster/behaviour"]` // never-ready, crash, image-pull-error, runs
	after     = `.metadata.annotations["testcluster/after"]`     // a duration, as 5s
)

// podPlan is a jq expression that names the one stage a pod is due for.
const podPlan = `
(.spec.restartPolicy != "Always" and ` + behaviour + ` != "runs") as $ends
| any(.status.conditions[]?; .type == "Ready" and .status == "True") as $ready
| ` + behaviour + ` as $how
| if .metadata.deletionTimestamp then "gone"
  elif $how == "never-ready" then (if .status.phase == "Pending" then "start" else "stay" end)
  elif $how == "image-pull-error" then
    (if any(.status.containerStatuses[]?; .state.waiting) then "stay" else "no-image" end)
  elif .status.phase == "Pending" and ` + after + ` then "start"
  elif .status.phase != "Pending" and .status.phase != "Running" then "stay"
  elif $how == "crash" then
    (if .spec.restartPolicy == "Never" then "fail" elif .status.phase == "Pending" then "crash" else "crash-again" end)
  elif $ends then "succeed"
  elif $ready then "stay"
  else "ready" end
`

// Seconds between two restarts of a crashing container.
const crashInterval = 10

// stagesYAML is kwok's configuration.
func stagesYAML() (string, error) {
	later := &v1alpha1.StageDelay{DurationFrom: &v1alpha1.ExpressionFrom{JQ: &v1alpha1.ExpressionJQ{Expression: after}}}
	stages := []v1alpha1.Stage{
		podStage("start", nil, podStatus("Running", `ne .spec.restartPolicy "Always"`, running)),
		podStage("ready", later, podStatus("Running", "true", running)),
		podStage("succeed", later, podStatus("Succeeded", "false", terminated(0, "Completed"))),
		podStage("fail", later, podStatus("Failed", "false", terminated(1, "Error"))),
		podStage("crash", later, podStatus("Running", "false", crashed)),
		podStage("crash-again", &v1alpha1.StageDelay{DurationMilliseconds: new(int64(crashInterval * 1000))},
			podStatus("Running", "false", crashed)),
		podStage("no-image", nil, podStatus("Pending", "false", noImage)),
		podStage("gone", nil, ""),
		nodeReady(),
		loadBalancer(),
	}
	documents := make([]string, 0, len(stages))
	for _, stage := range stages {
		document, err := yaml.Marshal(stage)
		if err != nil {
			return "", err
		}
		documents = append(documents, string(document))
	}
	return strings.Join(documents, "---\n"), nil
}

// podStage does one step of podPlan; without a status it deletes the pod.
func podStage(plan string, delay *v1alpha1.StageDelay, status string) v1alpha1.Stage {
	step := v1alpha1.StageStep{Delete: true}
	if status != "" {
		step = v1alpha1.StageStep{Patch: &v1alpha1.StagePatch{Subresource: "status", Root: "status", Template: status}}
	}
	return newStage("pod-"+plan, "Pod", podPlan, plan, delay, step)
}

// nodeReady makes nodes ready that are not. kwok tends no pods at all unless
// there is a stage for nodes.
func nodeReady() v1alpha1.Stage {
	const plan = `
if ` + behaviour + ` != "never-ready" and (any(.status.conditions[]?; .type == "Ready" and .status == "True") | not)
then "ready" else "stay" end
`
	return newStage("node-ready", "Node", plan, "ready", nil, v1alpha1.StageStep{
		Patch: &v1alpha1.StagePatch{Subresource: "status", Root: "status", Template: `conditions:
- type: Ready
  status: "True"
  reason: Simulated
  message: a node of testcluster
  lastHeartbeatTime: {{ Now | Quote }}
  lastTransitionTime: {{ Now | Quote }}
`},
	})
}

// loadBalancer gives Services of that type an address (of a range for documentation).
func loadBalancer() v1alpha1.Stage {
	const plan = `
if .spec.type == "LoadBalancer" and (.status.loadBalancer.ingress | not) and ` + behaviour + ` != "never-ready"
then "address" else "stay" end
`
	return newStage("service-address", "Service", plan, "address", nil, v1alpha1.StageStep{
		Patch: &v1alpha1.StagePatch{Subresource: "status", Root: "status", Template: `loadBalancer: {ingress: [{ip: 192.0.2.10}]}`},
	})
}

func newStage(name, kind, key, value string, delay *v1alpha1.StageDelay, step v1alpha1.StageStep) v1alpha1.Stage {
	return v1alpha1.Stage{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.StageKind},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.StageSpec{
			ResourceRef: v1alpha1.StageResourceRef{APIGroup: "v1", Kind: kind},
			Selector: &v1alpha1.StageSelector{MatchExpressions: []v1alpha1.MatchExpression{{
				JQ: &v1alpha1.SelectorJQ{Key: key, Operator: v1alpha1.SelectorOpIn, Values: []string{value}},
			}}},
			Delay: delay,
			Steps: []v1alpha1.StageStep{step},
		},
	}
}

// The lines that differ between containers in different states. In the
// templates . is the pod, $container the container, $now the time, $old the
// container's status so far.
const (
	running = `
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}`
	crashed = `
  restartCount: {{ add1 (int ($old.restartCount | default 0)) }}
  state: {waiting: {reason: CrashLoopBackOff, message: {{ printf "back-off restarting failed container %s" $container.name | Quote }}}}
  lastState: {terminated: {exitCode: 1, reason: Error, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}`
	noImage = `
  restartCount: 0
  state: {waiting: {reason: ImagePullBackOff, message: {{ printf "Back-off pulling image %q" $container.image | Quote }}}}`
)

func terminated(code int, reason string) string {
	return fmt.Sprintf(`
  restartCount: 0
  state: {terminated: {exitCode: %d, reason: %s, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}`, code, reason)
}

// podStatus is the template of a pod's status. ready is a template expression.
func podStatus(phase, ready, containerState string) string {
	return fmt.Sprintf(`{{ $now := Now }}
{{ $pod := . }}
{{ $ready := %s }}
{{ $old := dict }}
phase: %s
startTime: {{ .status.startTime | default $now | Quote }}
{{ if not .status.podIP }}
{{ range PodIPsWith .spec.nodeName (or .spec.hostNetwork false) .metadata.uid .metadata.name .metadata.namespace }}
podIP: {{ . | Quote }}
podIPs: [{ip: {{ . | Quote }}}]
{{ end }}
{{ end }}
conditions:
{{ if not .status.containerStatuses }}
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
{{ range list "ContainersReady" "Ready" }}
{{ if $ready }}
- {type: {{ . }}, status: "True", reason: null, message: null, lastTransitionTime: {{ $now | Quote }}}
{{ else }}
- {type: {{ . }}, status: "False", reason: ContainersNotReady, message: containers are not ready, lastTransitionTime: {{ $now | Quote }}}
{{ end }}
{{ end }}
{{ with .spec.initContainers }}
initContainerStatuses:
{{ range . }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  {{ if eq (.restartPolicy | default "") "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
{{ end }}
containerStatuses:
{{ range $container := .spec.containers }}
{{ range $pod.status.containerStatuses }}{{ if eq .name $container.name }}{{ $old = . }}{{ end }}{{ end }}
- name: {{ $container.name | Quote }}
  image: {{ $container.image | Quote }}
  imageID: ""
  ready: {{ $ready }}
  started: {{ $ready }}%s
{{ end }}
`, ready, phase, containerState)
}

//! The columns of built-in kinds, and their cells.

use super::{age, human_duration};
use crate::clock::parse_time;
use crate::resource::Resource;
use crate::selector::LabelSelector;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// `plural.group` and the columns after the name; `+` marks those of the wide form, `#` whole numbers, `?` flags and `@`
/// names.
const COLUMNS: &[(&str, &str)] = &[
    ("configmaps", "Data|Age"),
    ("controllerrevisions.apps", "Controller|Revision|Age"),
    ("cronjobs.batch", "Schedule|Timezone|?Suspend|#Active|Last Schedule|Age|+Containers|+Images|+Selector"),
    (
        "csidrivers.storage.k8s.io",
        "?AttachRequired|?PodInfoOnMount|?StorageCapacity|TokenRequests|?RequiresRepublish|Modes|Age",
    ),
    ("csinodes.storage.k8s.io", "#Drivers|Age"),
    ("customresourcedefinitions.apiextensions.k8s.io", "Created At"),
    (
        "daemonsets.apps",
        "#Desired|#Current|#Ready|#Up-to-date|#Available|Node Selector|Age|+Containers|+Images|+Selector",
    ),
    ("deployments.apps", "Ready|Up-to-date|Available|Age|+Containers|+Images|+Selector"),
    ("endpoints", "Endpoints|Age"),
    ("endpointslices.discovery.k8s.io", "AddressType|Ports|Endpoints|Age"),
    (
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "PriorityLevel|MatchingPrecedence|DistinguisherMethod|Age|MissingPL",
    ),
    ("horizontalpodautoscalers.autoscaling", "Reference|Targets|MinPods|MaxPods|Replicas|Age"),
    ("ingresses.networking.k8s.io", "Class|Hosts|Address|Ports|Age"),
    ("ingressclasses.networking.k8s.io", "Controller|Parameters|Age"),
    ("jobs.batch", "Status|Completions|Duration|Age|+Containers|+Images|+Selector"),
    ("leases.coordination.k8s.io", "Holder|Age"),
    ("limitranges", "Created At"),
    ("mutatingwebhookconfigurations.admissionregistration.k8s.io", "#Webhooks|Age"),
    ("namespaces", "Status|Age"),
    ("networkpolicies.networking.k8s.io", "Pod-Selector|Age"),
    (
        "nodes",
        "Status|Roles|Age|Version|+Internal-IP|+External-IP|+OS-Image|+Kernel-Version|+Container-Runtime",
    ),
    (
        "persistentvolumeclaims",
        "Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|+VolumeMode",
    ),
    (
        "persistentvolumes",
        "Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|+VolumeMode",
    ),
    ("poddisruptionbudgets.policy", "Min Available|Max Unavailable|#Allowed Disruptions|Age"),
    ("podtemplates", "Containers|Images|Pod Labels"),
    ("pods", "Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|+Readiness Gates"),
    (
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit|Age",
    ),
    ("replicasets.apps", "#Desired|#Current|#Ready|Age|+Containers|+Images|+Selector"),
    ("replicationcontrollers", "#Desired|#Current|#Ready|Age|+Containers|+Images|+Selector"),
    ("resourcequotas", "Request|Limit|Age"),
    ("runtimeclasses.node.k8s.io", "Handler|Age"),
    ("validatingadmissionpolicies.admissionregistration.k8s.io", "#Validations|ParamKind|Age"),
    ("validatingadmissionpolicybindings.admissionregistration.k8s.io", "PolicyName|ParamRef|Age"),
    ("validatingwebhookconfigurations.admissionregistration.k8s.io", "#Webhooks|Age"),
    ("volumeattachments.storage.k8s.io", "@Attacher|PV|Node|?Attached|Age"),
    ("clusterrolebindings.rbac.authorization.k8s.io", "Role|Age|+Users|+Groups|+ServiceAccounts"),
    ("rolebindings.rbac.authorization.k8s.io", "Role|Age|+Users|+Groups|+ServiceAccounts"),
    ("clusterroles.rbac.authorization.k8s.io", "Created At"),
    ("roles.rbac.authorization.k8s.io", "Created At"),
    ("secrets", "Type|Data|Age"),
    ("services", "Type|Cluster-IP|External-IP|Port(s)|Age|+Selector"),
    ("statefulsets.apps", "Ready|Age|+Containers|+Images"),
    ("storageclasses.storage.k8s.io", "Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age"),
    ("priorityclasses.scheduling.k8s.io", "#Value|?Global-Default|Age|PreemptionPolicy"),
];

/// A column of a built-in kind.
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Shown by `-o wide` only.
    pub(super) wide: bool,
    pub(super) kind: &'static str,
    pub(super) format: &'static str,
}

impl Column {
    fn read(text: &'static str) -> Self {
        let (text, wide) = text.strip_prefix('+').map_or((text, false), |rest| (rest, true));
        let (name, kind, format) = match text.split_at(1) {
            ("#", name) => (name, "integer", ""),
            ("?", name) => (name, "boolean", ""),
            ("@", name) => (name, "string", "name"),
            _ if text == "Created At" => (text, "date", ""),
            _ => (text, "string", ""),
        };
        Self { name, wide, kind, format }
    }
}

/// The columns after the name.
pub(super) fn columns(resource: &Resource) -> Option<Vec<Column>> {
    let (_, text) = COLUMNS.iter().find(|(bucket, _)| *bucket == &*resource.bucket)?;
    Some(text.split('|').map(Column::read).collect())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text.to_owned() }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn joined<'v>(values: impl Iterator<Item = &'v Value>, key: &str) -> String {
    values.filter_map(|v| v[key].as_str()).collect::<Vec<_>>().join(",")
}

fn labels(map: &Value) -> String {
    let pairs = map.as_object().into_iter().flatten();
    let pairs: Vec<String> = pairs.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    or_none(&pairs.join(","))
}

fn count(value: &Value) -> i64 {
    value.as_object().map_or(0, |m| i64::try_from(m.len()).unwrap_or(i64::MAX))
}

/// A kind's cells after the name, in the order of its columns.
pub(super) fn cells(resource: &Resource, object: &Value, now: OffsetDateTime) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let age = || Value::from(age(object, now));
    let of_template = |template: &Value| {
        let containers = &template["spec"]["containers"];
        [Value::from(joined(list(containers), "name")), Value::from(joined(list(containers), "image"))]
    };
    let selector = || Value::from(selector_text(&spec["selector"]));
    let with_template = |mut cells: Vec<Value>, template: &Value, with_selector: bool| {
        cells.extend(of_template(template));
        if with_selector {
            cells.push(selector());
        }
        cells
    };
    match &*resource.bucket {
        "configmaps" => vec![(count(&object["data"]) + count(&object["binaryData"])).into(), age()],
        "secrets" => vec![object["type"].clone(), count(&object["data"]).into(), age()],
        "namespaces" => vec![status["phase"].clone(), age()],
        "deployments.apps" => {
            let ready = format!("{}/{}", number(&status["readyReplicas"]), number(&spec["replicas"]));
            let cells = vec![
                ready.into(),
                number(&status["updatedReplicas"]).into(),
                number(&status["availableReplicas"]).into(),
                age(),
            ];
            with_template(cells, &spec["template"], true)
        }
        "replicasets.apps" | "replicationcontrollers" => {
            let cells = vec![
                number(&spec["replicas"]).into(),
                number(&status["replicas"]).into(),
                number(&status["readyReplicas"]).into(),
                age(),
            ];
            with_template(cells, &spec["template"], true)
        }
        "statefulsets.apps" => {
            let ready = format!("{}/{}", number(&status["readyReplicas"]), number(&spec["replicas"]));
            with_template(vec![ready.into(), age()], &spec["template"], false)
        }
        "daemonsets.apps" => {
            let of = |key: &str| Value::from(number(&status[key]));
            let cells = vec![
                of("desiredNumberScheduled"),
                of("currentNumberScheduled"),
                of("numberReady"),
                of("updatedNumberScheduled"),
                of("numberAvailable"),
                labels(&spec["template"]["spec"]["nodeSelector"]).into(),
                age(),
            ];
            with_template(cells, &spec["template"], true)
        }
        "jobs.batch" => with_template(job(object, now), &spec["template"], true),
        "cronjobs.batch" => {
            let since = |t: &Value| {
                t.as_str()
                    .and_then(parse_time)
                    .map_or("<none>".to_owned(), |t| human_duration((now - t).whole_seconds()))
            };
            let zone = spec["timeZone"].as_str().map_or("<none>", |z| z);
            let active = list(&status["active"]).count();
            let suspended = if spec["suspend"] == true { "True" } else { "False" };
            let cells = vec![
                spec["schedule"].clone(),
                zone.into(),
                suspended.into(),
                active.into(),
                since(&status["lastScheduleTime"]).into(),
                age(),
            ];
            let mut cells = with_template(cells, &spec["jobTemplate"]["spec"]["template"], false);
            cells.push("<none>".into());
            cells
        }
        "pods" => pod(object, now),
        "services" => vec![
            spec["type"].clone(),
            or_none(text(spec, "clusterIP")).into(),
            external_address(spec, status).into(),
            or_none(&service_ports(spec)).into(),
            age(),
            labels(&spec["selector"]).into(),
        ],
        "ingresses.networking.k8s.io" => {
            let hosts = joined(list(&spec["rules"]), "host");
            let addresses: Vec<&str> = list(&status["loadBalancer"]["ingress"])
                .filter_map(|i| i["ip"].as_str().or(i["hostname"].as_str()))
                .collect();
            let ports = if list(&spec["tls"]).next().is_some() { "80, 443" } else { "80" };
            let hosts = if hosts.is_empty() { "*".to_owned() } else { hosts };
            vec![
                or_none(text(spec, "ingressClassName")).into(),
                hosts.into(),
                addresses.join(",").into(),
                ports.into(),
                age(),
            ]
        }
        "ingressclasses.networking.k8s.io" => {
            let kind = text(&spec["parameters"], "kind");
            let shown = if kind.is_empty() {
                "<none>".to_owned()
            } else {
                format!("{kind}/{}", text(&spec["parameters"], "name"))
            };
            vec![spec["controller"].clone(), shown.into(), age()]
        }
        "networkpolicies.networking.k8s.io" => vec![selector_text(&spec["podSelector"]).into(), age()],
        "persistentvolumeclaims" => vec![
            status["phase"].clone(),
            text(spec, "volumeName").into(),
            text(&status["capacity"], "storage").into(),
            access_modes(&status["accessModes"]).into(),
            text(spec, "storageClassName").into(),
            unset(spec, "volumeAttributesClassName").into(),
            age(),
            unset(spec, "volumeMode").into(),
        ],
        "persistentvolumes" => {
            let claim = &spec["claimRef"];
            let claim = if claim.is_null() {
                String::new()
            } else {
                format!("{}/{}", text(claim, "namespace"), text(claim, "name"))
            };
            vec![
                text(&spec["capacity"], "storage").into(),
                access_modes(&spec["accessModes"]).into(),
                text(spec, "persistentVolumeReclaimPolicy").into(),
                status["phase"].clone(),
                claim.into(),
                text(spec, "storageClassName").into(),
                unset(spec, "volumeAttributesClassName").into(),
                text(status, "reason").into(),
                age(),
                unset(spec, "volumeMode").into(),
            ]
        }
        "poddisruptionbudgets.policy" => {
            let shown = |key: &str| match &spec[key] {
                Value::Null => "N/A".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            vec![
                shown("minAvailable").into(),
                shown("maxUnavailable").into(),
                number(&status["disruptionsAllowed"]).into(),
                age(),
            ]
        }
        "horizontalpodautoscalers.autoscaling" => {
            let target = &spec["scaleTargetRef"];
            vec![
                format!("{}/{}", text(target, "kind"), text(target, "name")).into(),
                targets(&spec["metrics"]).into(),
                spec["minReplicas"].as_i64().map_or("<unset>".to_owned(), |n| n.to_string()).into(),
                number(&spec["maxReplicas"]).into(),
                number(&status["currentReplicas"]).into(),
                age(),
            ]
        }
        "endpoints" => vec![or_none(&endpoints(object)).into(), age()],
        "endpointslices.discovery.k8s.io" => {
            let ports: Vec<String> = list(&object["ports"]).map(|p| number(&p["port"]).to_string()).collect();
            let addresses: Vec<&str> = list(&object["endpoints"])
                .flat_map(|e| list(&e["addresses"]))
                .filter_map(Value::as_str)
                .collect();
            let unset = |text: String| if text.is_empty() { "<unset>".to_owned() } else { text };
            vec![
                object["addressType"].clone(),
                unset(ports.join(",")).into(),
                unset(short_list(&addresses)).into(),
                age(),
            ]
        }
        "nodes" => node(object, now),
        "leases.coordination.k8s.io" => vec![text(spec, "holderIdentity").into(), age()],
        "controllerrevisions.apps" => {
            let owner = list(&object["metadata"]["ownerReferences"]).find(|o| o["controller"] == true);
            let shown = owner.map_or("<none>".to_owned(), |o| {
                let (group, _) = text(o, "apiVersion").split_once('/').unwrap_or(("", ""));
                let dot = if group.is_empty() { "" } else { "." };
                format!("{}{dot}{group}/{}", text(o, "kind").to_lowercase(), text(o, "name"))
            });
            vec![shown.into(), number(&object["revision"]).into(), age()]
        }
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            binding(object, now)
        }
        "podtemplates" => {
            let mut cells = of_template(&object["template"]).to_vec();
            cells.push(labels(&object["template"]["metadata"]["labels"]).into());
            cells
        }
        "roles.rbac.authorization.k8s.io"
        | "limitranges"
        | "clusterroles.rbac.authorization.k8s.io"
        | "customresourcedefinitions.apiextensions.k8s.io" => {
            vec![object["metadata"]["creationTimestamp"].clone()]
        }
        "storageclasses.storage.k8s.io" => vec![
            object["provisioner"].clone(),
            object["reclaimPolicy"].clone(),
            object["volumeBindingMode"].clone(),
            (object["allowVolumeExpansion"] == true).into(),
            age(),
        ],
        "priorityclasses.scheduling.k8s.io" => {
            vec![
                number(&object["value"]).into(),
                (object["globalDefault"] == true).into(),
                age(),
                object["preemptionPolicy"].clone(),
            ]
        }
        "resourcequotas" => {
            let (limits, requests) = quota(status);
            vec![requests.into(), limits.into(), age()]
        }
        "runtimeclasses.node.k8s.io" => vec![text(object, "handler").into(), age()],
        "validatingwebhookconfigurations.admissionregistration.k8s.io"
        | "mutatingwebhookconfigurations.admissionregistration.k8s.io" => {
            vec![list(&object["webhooks"]).count().into(), age()]
        }
        "validatingadmissionpolicies.admissionregistration.k8s.io" => {
            let of = &spec["paramKind"];
            let shown = format!("{}/{}", text(of, "apiVersion"), text(of, "kind"));
            let shown = if of.is_null() { "<unset>".to_owned() } else { shown };
            vec![list(&spec["validations"]).count().into(), shown.into(), age()]
        }
        "validatingadmissionpolicybindings.admissionregistration.k8s.io" => {
            vec![text(spec, "policyName").into(), unset(&spec["paramRef"], "name").into(), age()]
        }
        "csidrivers.storage.k8s.io" => {
            let is = |key: &str, default: bool| Value::from(spec[key].as_bool().unwrap_or(default));
            let audiences = joined(list(&spec["tokenRequests"]), "audience");
            let modes: Vec<&str> = list(&spec["volumeLifecycleModes"]).filter_map(Value::as_str).collect();
            vec![
                is("attachRequired", true),
                is("podInfoOnMount", false),
                is("storageCapacity", false),
                if audiences.is_empty() { "<unset>".into() } else { audiences.into() },
                is("requiresRepublish", false),
                or_none(&modes.join(",")).into(),
                age(),
            ]
        }
        "csinodes.storage.k8s.io" => vec![list(&spec["drivers"]).count().into(), age()],
        "volumeattachments.storage.k8s.io" => vec![
            text(spec, "attacher").into(),
            text(&spec["source"], "persistentVolumeName").into(),
            text(spec, "nodeName").into(),
            (status["attached"] == true).into(),
            age(),
        ],
        "flowschemas.flowcontrol.apiserver.k8s.io" => {
            let dangling = list(&status["conditions"]).find(|c| c["type"] == "Dangling");
            vec![
                text(&spec["priorityLevelConfiguration"], "name").into(),
                number(&spec["matchingPrecedence"]).into(),
                or_none(text(&spec["distinguisherMethod"], "type")).into(),
                age(),
                dangling.map_or("?", |condition| text(condition, "status")).into(),
            ]
        }
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io" => {
            let limited = &spec["limited"];
            let queuing = &limited["limitResponse"]["queuing"];
            let or_none = |value: &Value| if value.is_null() { "<none>".into() } else { value.clone() };
            vec![
                text(spec, "type").into(),
                or_none(&limited["nominalConcurrencyShares"]),
                or_none(&queuing["queues"]),
                or_none(&queuing["handSize"]),
                or_none(&queuing["queueLengthLimit"]),
                age(),
            ]
        }
        _ => vec![age()],
    }
}

/// What a quota limits, and how much of it is used: limits and the rest.
fn quota(status: &Value) -> (String, String) {
    let mut hard: Vec<(&String, &Value)> = status["hard"].as_object().into_iter().flatten().collect();
    hard.sort_by_key(|(name, _)| *name);
    let shown = |(name, hard): &(&String, &Value)| {
        let used = status["used"][name.as_str()].as_str().unwrap_or("0");
        format!("{name}: {used}/{}", hard.as_str().unwrap_or_default())
    };
    let (limits, requests): (Vec<_>, Vec<_>) = hard.iter().partition(|(name, _)| name.starts_with("limits"));
    let joined = |of: Vec<(&String, &Value)>| of.iter().map(shown).collect::<Vec<_>>().join(", ");
    (joined(limits), joined(requests))
}

/// What an autoscaler aims at; nobody measures.
fn targets(metrics: &Value) -> String {
    let shown: Vec<String> = list(metrics)
        .map(|metric| {
            let (resource, target) = (&metric["resource"], &metric["resource"]["target"]);
            let name = text(resource, "name");
            match (target["averageUtilization"].as_i64(), text(target, "averageValue")) {
                (Some(percent), _) => format!("{name}: <unknown>/{percent}%"),
                (None, "") => "<unknown>".to_owned(),
                (None, value) => format!("{name}: <unknown>/{value}"),
            }
        })
        .collect();
    if shown.is_empty() { "<none>".to_owned() } else { shown.join(", ") }
}

fn unset(value: &Value, key: &str) -> String {
    let text = text(value, key);
    if text.is_empty() { "<unset>".to_owned() } else { text.to_owned() }
}

/// A selector of either form: a mapping of labels, or `metav1.LabelSelector`.
fn selector_text(selector: &Value) -> String {
    if selector.as_object().is_some_and(|s| s.values().all(Value::is_string)) {
        return labels(selector);
    }
    or_none(&LabelSelector::from_value(selector).to_string())
}

fn access_modes(modes: &Value) -> String {
    let short = |mode: &Value| match mode.as_str() {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        Some("ReadWriteMany") => "RWX",
        _ => "RWOP",
    };
    list(modes).map(short).collect::<Vec<_>>().join(",")
}

fn service_ports(spec: &Value) -> String {
    let one = |port: &Value| {
        let node = number(&port["nodePort"]);
        let node = if node > 0 { format!(":{node}") } else { String::new() };
        format!("{}{node}/{}", number(&port["port"]), text(port, "protocol"))
    };
    list(&spec["ports"]).map(one).collect::<Vec<_>>().join(",")
}

fn external_address(spec: &Value, status: &Value) -> String {
    let external: Vec<&str> = list(&spec["externalIPs"]).filter_map(Value::as_str).collect();
    match text(spec, "type") {
        "ExternalName" => text(spec, "externalName").to_owned(),
        "LoadBalancer" => {
            let given: Vec<&str> = list(&status["loadBalancer"]["ingress"])
                .filter_map(|i| i["ip"].as_str().or(i["hostname"].as_str()))
                .chain(external)
                .collect();
            if given.is_empty() { "<pending>".to_owned() } else { given.join(",") }
        }
        _ => or_none(&external.join(",")),
    }
}

/// The first three of a list, and how many more there are.
fn short_list<T: AsRef<str>>(items: &[T]) -> String {
    let shown: Vec<&str> = items.iter().take(3).map(AsRef::as_ref).collect();
    let rest = items.len().saturating_sub(3);
    if rest == 0 { shown.join(",") } else { format!("{} + {rest} more...", shown.join(",")) }
}

fn endpoints(object: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(&object["subsets"]) {
        for port in list(&subset["ports"]) {
            all.extend(
                list(&subset["addresses"]).map(|a| format!("{}:{}", text(a, "ip"), number(&port["port"]))),
            );
        }
    }
    short_list(&all)
}

fn job(object: &Value, now: OffsetDateTime) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let is = |kind: &str| list(&status["conditions"]).any(|c| c["type"] == kind && c["status"] == "True");
    let state = if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if object["metadata"].get("deletionTimestamp").is_some() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else {
        "Running"
    };
    let succeeded = number(&status["succeeded"]);
    let completions = match spec["completions"].as_i64() {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if number(&spec["parallelism"]) > 1 => {
            format!("{succeeded}/1 of {}", number(&spec["parallelism"]))
        }
        None => format!("{succeeded}/1"),
    };
    let start = status["startTime"].as_str().and_then(parse_time);
    let end = status["completionTime"].as_str().and_then(parse_time).unwrap_or(now);
    let duration = start.map_or(String::new(), |start| human_duration((end - start).whole_seconds()));
    vec![state.into(), completions.into(), duration.into(), age(object, now).into()]
}

fn pod(object: &Value, now: OffsetDateTime) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let total = list(&spec["containers"]).count();
    let statuses = || list(&status["containerStatuses"]);
    let ready = statuses().filter(|s| s["ready"] == true).count();
    let restarts: i64 = statuses().map(|s| number(&s["restartCount"])).sum();
    let last_restart = statuses()
        .filter_map(|s| s["lastState"]["terminated"]["finishedAt"].as_str().and_then(parse_time))
        .max();
    let restarts = match last_restart.filter(|_| restarts > 0) {
        Some(at) => format!("{restarts} ({} ago)", human_duration((now - at).whole_seconds())),
        None => restarts.to_string(),
    };
    let mut reason = status["reason"].as_str().unwrap_or(text(status, "phase")).to_owned();
    for container in list(&status["containerStatuses"]) {
        let state = &container["state"];
        if let Some(waiting) = state["waiting"]["reason"].as_str().filter(|r| !r.is_empty()) {
            reason = waiting.to_owned();
        } else if let Some(ended) = state["terminated"]["reason"].as_str().filter(|r| !r.is_empty()) {
            reason = ended.to_owned();
        }
    }
    if object["metadata"].get("deletionTimestamp").is_some() {
        reason = "Terminating".into();
    }
    vec![
        format!("{ready}/{total}").into(),
        reason.into(),
        restarts.into(),
        age(object, now).into(),
        or_none(text(status, "podIP")).into(),
        or_none(text(spec, "nodeName")).into(),
        "<none>".into(),
        "<none>".into(),
    ]
}

fn node(object: &Value, now: OffsetDateTime) -> Vec<Value> {
    let status = &object["status"];
    let ready = list(&status["conditions"]).find(|c| c["type"] == "Ready");
    let mut state = match ready {
        Some(ready) if ready["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if object["spec"]["unschedulable"] == true {
        state.push_str(",SchedulingDisabled");
    }
    let address = |kind: &str| {
        let found = list(&status["addresses"]).find(|a| a["type"] == kind);
        or_none(found.map_or("", |a| text(a, "address")))
    };
    let info = &status["nodeInfo"];
    let known = |key: &str| match text(info, key) {
        "" => Value::from("<unknown>"),
        known => known.into(),
    };
    vec![
        state.into(),
        or_none(&roles(object)).into(),
        age(object, now).into(),
        text(info, "kubeletVersion").into(),
        address("InternalIP").into(),
        address("ExternalIP").into(),
        known("osImage"),
        known("kernelVersion"),
        known("containerRuntimeVersion"),
    ]
}

/// The roles of a node, as its labels name them.
fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            None if key == "kubernetes.io/role" => value.as_str(),
            role => role,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    roles.join(",")
}

fn binding(object: &Value, now: OffsetDateTime) -> Vec<Value> {
    let role = &object["roleRef"];
    let of = |kind: &str| {
        let names = list(&object["subjects"]).filter(|s| s["kind"] == kind).map(|s| match kind {
            "ServiceAccount" => format!("{}/{}", text(s, "namespace"), text(s, "name")),
            _ => text(s, "name").to_owned(),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    vec![
        format!("{}/{}", text(role, "kind"), text(role, "name")).into(),
        age(object, now).into(),
        of("User").into(),
        of("Group").into(),
        of("ServiceAccount").into(),
    ]
}

/// Who reports an event, and from where.
fn source(event: &Value) -> String {
    let either = |old: &str, new: &str| match text(&event["source"], old) {
        "" => text(event, new).to_owned(),
        old => old.to_owned(),
    };
    let component = either("component", "reportingComponent");
    match either("host", "reportingInstance") {
        host if host.is_empty() => component,
        host => format!("{component}, {host}"),
    }
}

/// An event's row: its own columns, without the name in front.
pub(super) fn event(object: &Value, now: OffsetDateTime) -> Value {
    let since = |key: &str| {
        object[key]
            .as_str()
            .and_then(parse_time)
            .map_or("<unknown>".to_owned(), |t| human_duration((now - t).whole_seconds()))
    };
    let about = &object["involvedObject"];
    let first = if object["firstTimestamp"].is_string() { "firstTimestamp" } else { "eventTime" };
    json!([
        if object["lastTimestamp"].is_string() { since("lastTimestamp") } else { since(first) },
        text(object, "type"),
        text(object, "reason"),
        format!("{}/{}", text(about, "kind").to_lowercase(), text(about, "name")),
        text(about, "fieldPath"),
        source(object),
        text(object, "message").trim(),
        since(first),
        number(&object["count"]).max(1),
        object["metadata"]["name"],
    ])
}

//! What of an Application is not supported: each is named, and nothing is silently ignored.

use super::options::{COMPARE_OPTIONS, SyncOptions, has_option};
use holdfast_object::{Map, Object, ObjectSet, Value};
use holdfast_types::argocd::{ApplicationSpec, Destination, Source, SourceSet};

/// The address of the cluster that an Application names as its own.
pub(crate) const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// The name of the same.
pub(crate) const IN_CLUSTER_NAME: &str = "in-cluster";

/// Why an Argo CD resource is refused: each field that is not acted on, or what cannot be read. Empty when it is
/// taken.
pub(crate) fn unsupported(object: &Object) -> Vec<String> {
    match object.kind() {
        "AppProject" => Vec::new(),
        "Application" => {
            let spec = object.as_map().get("spec").cloned().unwrap_or_default();
            match serde_json::from_value::<ApplicationSpec>(spec) {
                Ok(spec) => spec_problems(object, &spec),
                Err(error) => vec![format!("spec: {error}")],
            }
        }
        other => vec![format!("{other} is not run yet")],
    }
}

/// What is wrong or not supported in a spec, each as the message of an `InvalidSpecError`. Empty when all is well.
pub(crate) fn spec_problems(object: &Object, spec: &ApplicationSpec) -> Vec<String> {
    let mut problems = Vec::new();
    problems.extend(sources_problems(&spec.sources));
    problems.extend(destination_problem(&spec.destination));
    problems.extend(unknown(&spec.rest, "spec", &[]));
    if let Some(policy) = &spec.sync_policy {
        problems.extend(unknown(&policy.rest, "spec.syncPolicy", &[]));
        let (_, refused) = SyncOptions::read(policy.sync_options.iter().map(String::as_str));
        problems
            .extend(refused.iter().map(|option| not_yet(&format!("spec.syncPolicy.syncOptions: {option}"))));
    }
    for (number, rule) in spec.ignore_differences.iter().enumerate() {
        problems.extend(unknown(&rule.rest, &format!("spec.ignoreDifferences[{number}]"), &[]));
    }
    for option in ["ServerSideDiff=true", "IncludeMutationWebhook=true"] {
        if has_option(object, COMPARE_OPTIONS, option) {
            problems.push(not_yet(&format!("annotation {COMPARE_OPTIONS}: {option}")));
        }
    }
    problems
}

const NO_SOURCE: &str = "spec.source.repoURL and either spec.source.path or spec.source.chart are required";

const NO_CHART_VERSION: &str =
    "spec.source.targetRevision is required if the manifest source is a helm chart";

/// What is wrong or not supported in the sources of an Application or operation; of several, each is named by its place.
pub(crate) fn sources_problems(sources: &SourceSet) -> Vec<String> {
    let list = sources.list();
    if list.is_empty() {
        return vec![NO_SOURCE.to_owned()];
    }
    let names = references(sources);
    let mut problems = Vec::new();
    for (place, source) in list.iter().enumerate() {
        let of_source = source_problems(source, &names);
        if sources.are_several() {
            let at = |problem: String| problem.replacen("spec.source", &format!("spec.sources[{place}]"), 1);
            problems.extend(of_source.into_iter().map(at));
        } else {
            problems.extend(of_source);
        }
    }
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            problems.push(format!("spec.sources: ref {name} is given twice"));
        }
    }
    problems
}

/// The names by which the value files of other sources are called: each `ref` of several sources.
pub(crate) fn references(sources: &SourceSet) -> Vec<&str> {
    let list = if sources.are_several() { sources.list() } else { &[] };
    list.iter().filter_map(reference).collect()
}

/// The name that a source gives to its files.
pub(crate) fn reference(source: &Source) -> Option<&str> {
    source.rest.get("ref").and_then(Value::as_str).filter(|name| !name.is_empty())
}

/// What is wrong or not supported in a source; `names` are those of the sources whose files it may name.
pub(crate) fn source_problems(source: &Source, names: &[&str]) -> Vec<String> {
    // A source may be there for its files alone.
    let is_referenced = reference(source).is_some_and(|own| names.contains(&own));
    let is_rendered = !source.path.is_empty() || !source.chart.is_empty();
    if source.repo_url.is_empty() || !(is_rendered || is_referenced) {
        return vec![NO_SOURCE.to_owned()];
    }
    if !source.chart.is_empty() && source.target_revision.is_empty() {
        return vec![NO_CHART_VERSION.to_owned()];
    }
    let mut known = vec!["name", "tagPrefix", "kustomize", "helm"];
    if is_referenced {
        known.push("ref");
    }
    let mut problems = unknown(&source.rest, "spec.source", &known);
    if is_referenced && !source.chart.is_empty() {
        problems.push("spec.source.ref cannot be given to a chart".to_owned());
    }
    if let Some(block) = source.rest.get("helm") {
        problems.extend(super::parameters::helm_problems(block, names));
    }
    if let Some(block) = source.rest.get("kustomize") {
        problems.extend(super::parameters::kustomize_problems(block));
    }
    if let Some(directory) = &source.directory {
        problems.extend(unknown(&directory.rest, "spec.source.directory", &[]));
    }
    problems
}

pub(super) fn destination_problem(destination: &Destination) -> Option<String> {
    let Destination { server, name, .. } = destination;
    match (server.as_str(), name.as_str()) {
        ("", "") => Some("Destination server missing from app spec".to_owned()),
        (IN_CLUSTER_SERVER, "") | ("", IN_CLUSTER_NAME) => None,
        ("", name) => Some(not_yet(&format!("spec.destination.name: {name} (another cluster)"))),
        (server, "") => Some(not_yet(&format!("spec.destination.server: {server} (another cluster)"))),
        _ => {
            Some(format!("application destination can't have both name and server defined: {name} {server}"))
        }
    }
}

/// Fields that are not acted on and say something; empty ones say nothing.
pub(super) fn unknown(rest: &Map<String, Value>, at: &str, known: &[&str]) -> Vec<String> {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Number(_) => true,
    };
    (rest.iter())
        .filter(|(key, value)| !known.contains(&key.as_str()) && says_something(value))
        .map(|(key, _)| not_yet(&format!("{at}.{key}")))
        .collect()
}

pub(super) fn not_yet(what: &str) -> String {
    format!("{what} is not supported yet")
}

/// What of the rendered objects is not supported, as one message; `None` when all is well.
pub(crate) fn object_problem(objects: &ObjectSet) -> Option<String> {
    let mut problems = Vec::new();
    for entry in objects {
        let place = entry.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
        let name = || format!("{}/{}{place}", entry.object.kind(), entry.object.name());
        let (_, refused) = super::options::of_object(&entry.object);
        problems.extend(refused.iter().map(|option| format!("sync option {option} of {}", name())));
        if entry.object.name().is_empty() {
            problems.push(format!("metadata.generateName of {}{place}", entry.object.kind()));
        }
    }
    (!problems.is_empty()).then(|| not_yet(&problems.join("; ")))
}

/// Kinds that Argo CD leaves out of every comparison by default (`resource.exclusions`).
pub(crate) fn is_excluded(object: &Object) -> bool {
    let gvk = object.gvk();
    matches!(
        (gvk.group.as_str(), gvk.kind.as_str()),
        ("" | "discovery.k8s.io", "Endpoints" | "EndpointSlice")
            | ("coordination.k8s.io", "Lease")
            | (
                "authentication.k8s.io" | "authorization.k8s.io",
                "SelfSubjectReview"
                    | "TokenReview"
                    | "LocalSubjectAccessReview"
                    | "SelfSubjectAccessReview"
                    | "SelfSubjectRulesReview"
                    | "SubjectAccessReview"
            )
            | ("certificates.k8s.io", "CertificateSigningRequest")
            | ("cert-manager.io", "CertificateRequest")
            | ("cilium.io", "CiliumIdentity" | "CiliumEndpoint" | "CiliumEndpointSlice")
            | (
                "kyverno.io" | "reports.kyverno.io" | "wgpolicyk8s.io",
                "PolicyReport"
                    | "ClusterPolicyReport"
                    | "EphemeralReport"
                    | "ClusterEphemeralReport"
                    | "AdmissionReport"
                    | "ClusterAdmissionReport"
                    | "BackgroundScanReport"
                    | "ClusterBackgroundScanReport"
                    | "UpdateRequest"
            )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn problems(spec: Value) -> Vec<String> {
        let object = Object::new(json!({"apiVersion": "a/v1", "kind": "Application"})).unwrap();
        spec_problems(&object, &serde_json::from_value(spec).unwrap())
    }

    fn with_source(source: Value) -> Value {
        json!({"source": source, "destination": {"server": IN_CLUSTER_SERVER}})
    }

    #[test]
    fn every_field_that_is_not_acted_on_is_named() {
        let check = |spec: Value, expected: &[&str]| assert_eq!(problems(spec.clone()), expected, "{spec}");
        let git = || json!({"repoURL": "https://x/r", "path": "."});
        check(with_source(git()), &[]);
        check(json!({"destination": {"name": "in-cluster"}}), &[NO_SOURCE]);
        check(with_source(json!({"repoURL": "https://x/r"})), &[NO_SOURCE]);
        check(
            with_source(json!({"repoURL": "https://x", "chart": "c"})),
            &["spec.source.targetRevision is required if the manifest source is a helm chart"],
        );
        let mut source = git();
        source["plugin"] = json!({"name": "p"});
        source["tagPrefix"] = json!("v");
        source["directory"] = json!({"recurse": true, "jsonnet": {}});
        check(with_source(source.clone()), &["spec.source.plugin is not supported yet"]);
        source["directory"]["jsonnet"] = json!({"libs": ["a"]});
        check(
            with_source(source),
            &[
                "spec.source.plugin is not supported yet",
                "spec.source.directory.jsonnet is not supported yet",
            ],
        );
        let mut spec = with_source(git());
        let chart = |file: &str| json!({"repoURL": "https://x", "chart": "c", "targetRevision": "1", "helm": {"valueFiles": [file]}});
        let values = || json!({"repoURL": "https://x/r", "ref": "values"});
        spec["sources"] = json!([git(), chart("$values/a.yaml"), values()]);
        check(spec.clone(), &[]);
        spec["sources"] = json!([chart("$other/a.yaml"), {"repoURL": "https://x/r"}, values(), values()]);
        check(
            spec,
            &[
                "spec.sources[0].helm.valueFiles: $other/a.yaml: no source has ref: other",
                "spec.sources[1].repoURL and either spec.source.path or spec.source.chart are required",
                "spec.sources: ref values is given twice",
            ],
        );
        let mut source = git();
        source["ref"] = json!("values");
        check(with_source(source), &["spec.source.ref is not supported yet"]);
        let mut spec = with_source(git());
        spec["ignoreDifferences"] =
            json!([{"kind": "A", "jqPathExpressions": ["."], "jsonPointers": ["/a"]}]);
        spec["syncPolicy"] = json!({"syncOptions": ["Prune=confirm"], "automated": {}});
        spec["sourceHydrator"] = json!({"x": 1});
        check(
            spec,
            &[
                "spec.sourceHydrator is not supported yet",
                "spec.syncPolicy.syncOptions: Prune=confirm is not supported yet",
                "spec.ignoreDifferences[0].jqPathExpressions is not supported yet",
            ],
        );
    }

    #[test]
    fn only_the_own_cluster_is_a_destination() {
        let check = |destination: Value, expected: &str| {
            let spec = json!({"source": {"repoURL": "https://x/r", "path": "."}, "destination": destination});
            assert_eq!(problems(spec).first().map_or("", String::as_str), expected);
        };
        check(json!({"server": IN_CLUSTER_SERVER}), "");
        check(json!({"name": IN_CLUSTER_NAME}), "");
        check(json!({}), "Destination server missing from app spec");
        check(json!({"name": "east"}), "spec.destination.name: east (another cluster) is not supported yet");
        check(
            json!({"name": "east", "server": "https://e"}),
            "application destination can't have both name and server defined: east https://e",
        );
    }

    #[test]
    fn what_an_object_asks_for_is_named_with_its_place() {
        let object = |metadata: Value| {
            Object::new(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata})).unwrap()
        };
        let mut set = ObjectSet::new();
        set.push(object(json!({"name": "a"})), None);
        assert_eq!(object_problem(&set), None);
        let options = json!({"argocd.argoproj.io/sync-options": "Prune=confirm"});
        set.push(object(json!({"name": "b", "annotations": options})), None);
        set.push(object(json!({"generateName": "c-"})), None);
        assert_eq!(
            object_problem(&set).unwrap(),
            "sync option Prune=confirm of Job/b; metadata.generateName of Job is not supported yet"
        );
    }
}

//! The parameters of `source.kustomize` and `source.helm`.

use super::refuse::{not_yet, unknown};
use super::request::ReleaseFacts;
use holdfast_kustomize::{ArgoCd, InjectedPatch, PatchTarget};
use holdfast_object::{Map, Value};
use holdfast_render::{HelmOptions, HelmParameter, ValueFile};
use holdfast_types::argocd::Source;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `source.kustomize`.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct KustomizeSource {
    name_prefix: String,
    name_suffix: String,
    namespace: String,
    images: Vec<String>,
    replicas: Vec<Replicas>,
    common_labels: BTreeMap<String, String>,
    force_common_labels: bool,
    label_without_selector: bool,
    label_include_templates: bool,
    common_annotations: BTreeMap<String, String>,
    force_common_annotations: bool,
    patches: Vec<Patch>,
    components: Vec<String>,
    ignore_missing_components: bool,
    /// What is not acted on: another version of kustomize, variables in annotations, facts for charts.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Replicas {
    name: String,
    count: Value,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default)]
struct Patch {
    patch: String,
    path: String,
    target: Option<Target>,
    options: BTreeMap<String, bool>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Target {
    group: String,
    version: String,
    kind: String,
    name: String,
    namespace: String,
    label_selector: String,
    annotation_selector: String,
}

/// What of `source.kustomize` is not supported.
pub(super) fn kustomize_problems(block: &Value) -> Vec<String> {
    match read(block) {
        Ok(source) => {
            let mut problems = unknown(&source.rest, "spec.source.kustomize", &[]);
            let options = source.patches.iter().flat_map(|patch| patch.options.keys());
            let odd = options.filter(|key| !matches!(key.as_str(), "allowNameChange" | "allowKindChange"));
            problems
                .extend(odd.map(|key| not_yet(&format!("spec.source.kustomize.patches[].options.{key}"))));
            let has_variable = |text: &&String| text.contains('$');
            let texts = source.images.iter().chain(source.common_labels.values());
            let variables = texts.filter(has_variable);
            problems.extend(
                variables.map(|text| not_yet(&format!("spec.source.kustomize: variables in {text}"))),
            );
            problems.extend(source.replicas.iter().filter_map(|r| count(r).err()));
            problems
        }
        Err(problem) => vec![problem],
    }
}

fn read(block: &Value) -> Result<KustomizeSource, String> {
    if block.is_null() {
        return Ok(KustomizeSource::default());
    }
    serde_json::from_value(block.clone()).map_err(|e| format!("spec.source.kustomize: {e}"))
}

/// A count is a number or the text of one.
fn count(replicas: &Replicas) -> Result<i64, String> {
    let number = replicas.count.as_i64().or_else(|| replicas.count.as_str()?.parse().ok());
    let name = &replicas.name;
    number.ok_or_else(|| format!("spec.source.kustomize.replicas: the count of {name} is no number"))
}

/// What Argo CD lays over a kustomization.
///
/// # Errors
/// What of the block cannot be read.
pub(super) fn kustomize(block: &Value) -> Result<ArgoCd, String> {
    let source = read(block)?;
    let replicas: Result<Vec<_>, String> =
        source.replicas.iter().map(|r| Ok((r.name.clone(), count(r)?))).collect();
    Ok(ArgoCd {
        name_prefix: source.name_prefix,
        name_suffix: source.name_suffix,
        namespace: source.namespace,
        images: source.images,
        replicas: replicas?,
        common_labels: source.common_labels,
        force_common_labels: source.force_common_labels,
        label_without_selector: source.label_without_selector,
        label_include_templates: source.label_include_templates,
        common_annotations: source.common_annotations,
        force_common_annotations: source.force_common_annotations,
        patches: source.patches.into_iter().map(patch).collect(),
        components: source.components,
        ignore_missing_components: source.ignore_missing_components,
    })
}

fn patch(patch: Patch) -> InjectedPatch {
    let is_on = |option: &str| patch.options.get(option) == Some(&true);
    let (allow_name_change, allow_kind_change) = (is_on("allowNameChange"), is_on("allowKindChange"));
    let target = patch.target.map(|target| PatchTarget {
        group: target.group,
        version: target.version,
        kind: target.kind,
        name: target.name,
        namespace: target.namespace,
        label_selector: target.label_selector,
        annotation_selector: target.annotation_selector,
    });
    InjectedPatch { patch: patch.patch, path: patch.path, target, allow_name_change, allow_kind_change }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn the_block_is_taken_over_field_by_field() {
        let block = json!({
            "namePrefix": "p-", "images": ["nginx:1.27"], "commonLabels": {"a": "b"},
            "replicas": [{"name": "web", "count": 3}, {"name": "api", "count": "2"}],
            "patches": [{"patch": "[]", "target": {"kind": "Deployment", "labelSelector": "a=b"},
                "options": {"allowNameChange": true}}],
        });
        assert_eq!(kustomize_problems(&block), Vec::<String>::new());
        let injected = kustomize(&block).unwrap();
        assert_eq!(injected.name_prefix, "p-");
        assert_eq!(injected.replicas, [("web".to_owned(), 3), ("api".to_owned(), 2)]);
        assert!(injected.patches[0].allow_name_change && !injected.patches[0].allow_kind_change);
        assert_eq!(injected.patches[0].target.as_ref().unwrap().label_selector, "a=b");
        assert_eq!(kustomize(&Value::Null).unwrap(), ArgoCd::default());
    }

    #[test]
    fn what_is_not_acted_on_is_named() {
        let block = json!({"version": "v4", "images": ["a=b:$ARGOCD_APP_REVISION"], "commonAnnotationsEnvsubst": true, "kubeVersion": "",
            "patches": [{"patch": "", "options": {"odd": true}}], "replicas": [{"name": "web", "count": "many"}]});
        let mut problems = kustomize_problems(&block);
        problems.sort();
        assert_eq!(
            problems,
            [
                "spec.source.kustomize.commonAnnotationsEnvsubst is not supported yet",
                "spec.source.kustomize.patches[].options.odd is not supported yet",
                "spec.source.kustomize.replicas: the count of web is no number",
                "spec.source.kustomize.version is not supported yet",
                "spec.source.kustomize: variables in a=b:$ARGOCD_APP_REVISION is not supported yet",
            ]
        );
    }
}

/// `source.helm`.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct HelmSource {
    release_name: String,
    value_files: Vec<String>,
    ignore_missing_value_files: bool,
    values: String,
    values_object: Option<Value>,
    parameters: Vec<Parameter>,
    file_parameters: Vec<FileParameter>,
    skip_crds: bool,
    skip_tests: bool,
    skip_schema_validation: bool,
    kube_version: String,
    api_versions: Vec<String>,
    namespace: String,
    version: String,
    /// What is not acted on.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Parameter {
    name: String,
    value: String,
    force_string: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default)]
struct FileParameter {
    name: String,
    path: String,
}

fn read_helm(block: &Value) -> Result<HelmSource, String> {
    if block.is_null() {
        return Ok(HelmSource::default());
    }
    serde_json::from_value(block.clone()).map_err(|e| format!("spec.source.helm: {e}"))
}

/// What of `source.helm` is not supported.
pub(super) fn helm_problems(block: &Value) -> Vec<String> {
    let source = match read_helm(block) {
        Ok(source) => source,
        Err(problem) => return vec![problem],
    };
    let mut problems = unknown(&source.rest, "spec.source.helm", &["passCredentials"]);
    if !matches!(source.version.as_str(), "" | "v3") {
        problems.push(not_yet(&format!("spec.source.helm.version {}", source.version)));
    }
    for file in &source.value_files {
        if is_reference(file) {
            problems.push(not_yet(&format!("spec.source.helm.valueFiles: {file} (files of other sources)")));
        }
    }
    problems
}

/// `$name/path` is a file of the source with that `ref`; `$ARGOCD_APP_NAME.yaml` is none, but begins with a variable.
fn is_reference(file: &str) -> bool {
    let name = file.strip_prefix('$').and_then(|rest| rest.split('/').next());
    name.is_some_and(|name| !name.is_empty() && !VARIABLES.iter().any(|variable| name.starts_with(variable)))
        && !file.starts_with("${")
}

/// The variables that paths and parameters may name.
const VARIABLES: &[&str] = &["ARGOCD_APP_", "KUBE_VERSION", "KUBE_API_VERSIONS"];

/// Puts variables into a text as Go's `os.Expand` does: `$NAME` and `${NAME}`; unknown ones are empty, `$$` is a dollar.
fn expand(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, next) = if let Some(braced) = after.strip_prefix('{') {
            match braced.split_once('}') {
                Some((name, next)) => (name, next),
                // Go eats what cannot be read.
                None => ("", braced),
            }
        } else if let Some(next) = after.strip_prefix('$') {
            ("$", next)
        } else if after.starts_with(|c: char| c.is_ascii_digit()) {
            after.split_at(1)
        } else {
            after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len()))
        };
        match name {
            "$" => out.push('$'),
            // A dollar that nothing follows which could be a name stays.
            "" if !after.starts_with('{') => out.push('$'),
            name => out.push_str(&value(name).unwrap_or_default()),
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

/// Whether a source lets credentials go to other servers than its repository's.
pub(super) fn passes_credentials(source: &Source) -> bool {
    source.rest.get("helm").and_then(|helm| helm.get("passCredentials")) == Some(&Value::Bool(true))
}

/// How Argo CD renders a chart.
///
/// # Errors
/// What of the block cannot be read.
pub(super) fn helm(block: &Value, facts: &ReleaseFacts) -> Result<HelmOptions, String> {
    let source = read_helm(block)?;
    let or = |own: String, otherwise: &String| if own.is_empty() { otherwise.clone() } else { own };
    let optional = source.ignore_missing_value_files;
    let has_own_versions = !source.api_versions.is_empty();
    let expanded = |text: String| expand(&text, &|name| facts.variable(name));
    Ok(HelmOptions {
        release: or(source.release_name, &facts.app),
        namespace: or(source.namespace, &facts.namespace),
        value_files: (source.value_files.into_iter())
            .map(|path| ValueFile { path: expanded(path), optional })
            .collect(),
        values: source.values,
        values_object: source.values_object,
        parameters: (source.parameters.into_iter())
            .map(|p| HelmParameter { name: p.name, value: expanded(p.value), force_string: p.force_string })
            .collect(),
        file_parameters: source.file_parameters.into_iter().map(|p| (p.name, expanded(p.path))).collect(),
        skip_crds: source.skip_crds,
        skip_tests: source.skip_tests,
        skip_schema_validation: source.skip_schema_validation,
        kube_version: or(source.kube_version, &facts.kube_version),
        api_versions: if has_own_versions { source.api_versions } else { facts.api_versions.clone() },
        now: facts.now,
        seed: facts.seed,
    })
}

#[cfg(test)]
mod helm_tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn a_chart_gets_what_the_source_says_and_else_the_facts() {
        let facts = ReleaseFacts {
            app: "web".into(),
            namespace: "prod".into(),
            kube_version: "v1.36.0".into(),
            ..ReleaseFacts::default()
        };
        let plain = helm(&Value::Null, &facts).unwrap();
        assert_eq!((plain.release.as_str(), plain.kube_version.as_str()), ("web", "v1.36.0"));
        let block = json!({"releaseName": "r", "valueFiles": ["a.yaml"], "ignoreMissingValueFiles": true,
            "parameters": [{"name": "a", "value": "1", "forceString": true}]});
        let options = helm(&block, &facts).unwrap();
        assert_eq!(options.release, "r");
        assert!(options.value_files[0].optional && options.parameters[0].force_string);
    }

    #[test]
    fn paths_and_values_may_name_variables() {
        let facts = ReleaseFacts {
            app: "web".into(),
            namespace: "prod".into(),
            revision: "0123456789abcdef".into(),
            ..ReleaseFacts::default()
        };
        let block = json!({"valueFiles": ["$ARGOCD_APP_NAME.yaml", "env/${ARGOCD_APP_NAMESPACE}.yaml"],
            "parameters": [{"name": "a", "value": "$ARGOCD_APP_REVISION_SHORT-$$5-$UNKNOWN-100$"}]});
        assert_eq!(helm_problems(&block), Vec::<String>::new());
        let options = helm(&block, &facts).unwrap();
        let paths: Vec<&str> = options.value_files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["web.yaml", "env/prod.yaml"]);
        assert_eq!(options.parameters[0].value, "0123456-$5--100$");
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let problems =
            helm_problems(&json!({"valueFiles": ["$values/a.yaml", "b.yaml"], "version": "v2", "x": 1}));
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(helm_problems(&json!({"values": "a: 1", "passCredentials": true})), Vec::<String>::new());
    }
}

//! `source.helm`.

use super::{VARIABLES, expand};
use crate::application::refuse::{not_yet, unknown};
use crate::application::request::ReleaseFacts;
use holdfast_object::{Map, Value};
use holdfast_render::{HelmOptions, HelmParameter, ValueFile};
use holdfast_types::argocd::Source;
use serde::Deserialize;

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
pub(in crate::application) fn helm_problems(block: &Value, names: &[&str]) -> Vec<String> {
    let source = match read_helm(block) {
        Ok(source) => source,
        Err(problem) => return vec![problem],
    };
    let mut problems = unknown(&source.rest, "spec.source.helm", &["passCredentials"]);
    if !matches!(source.version.as_str(), "" | "v3") {
        problems.push(not_yet(&format!("spec.source.helm.version {}", source.version)));
    }
    let paths = source.value_files.iter().map(|file| ("valueFiles", file));
    for (field, path) in paths.chain(source.file_parameters.iter().map(|p| ("fileParameters", &p.path))) {
        if let Some((name, _)) = reference(path).filter(|(name, _)| !names.contains(name)) {
            problems.push(format!("spec.source.helm.{field}: {path}: no source has ref: {name}"));
        }
    }
    problems
}

/// The name and the path of a file of another source, `$name/path`; `$ARGOCD_APP_NAME/a.yaml` is none, but begins with
/// a variable.
fn reference(file: &str) -> Option<(&str, &str)> {
    let (name, path) = file.strip_prefix('$')?.split_once('/')?;
    let is_variable = VARIABLES.iter().any(|variable| name.starts_with(variable));
    (!name.is_empty() && !name.starts_with('{') && !is_variable).then_some((name, path))
}

/// A file's path with variables put in. The files of another source stand in the tree's root, under its name.
fn path(text: &str, facts: &ReleaseFacts) -> String {
    let expanded = |text: &str| expand(text, &|name| facts.variable(name));
    match reference(text) {
        Some((name, path)) => format!("/{}/{}", mount_point(name), expanded(path)),
        None => expanded(text),
    }
}

/// Where the files of a source with a `ref` stand for those that name them.
pub(in crate::application) fn mount_point(name: &str) -> String {
    format!("${name}")
}

/// Whether a source lets credentials go to other servers than its repository's.
pub(in crate::application) fn passes_credentials(source: &Source) -> bool {
    source.rest.get("helm").and_then(|helm| helm.get("passCredentials")) == Some(&Value::Bool(true))
}

/// How Argo CD renders a chart.
///
/// # Errors
/// What of the block cannot be read.
pub(in crate::application) fn helm(block: &Value, facts: &ReleaseFacts) -> Result<HelmOptions, String> {
    let source = read_helm(block)?;
    let or = |own: String, otherwise: &String| if own.is_empty() { otherwise.clone() } else { own };
    let optional = source.ignore_missing_value_files;
    let expanded = |text: String| expand(&text, &|name| facts.variable(name));
    Ok(HelmOptions {
        release: or(source.release_name, &facts.app),
        namespace: or(source.namespace, &facts.namespace),
        value_files: (source.value_files.into_iter())
            .map(|file| ValueFile { path: path(&file, facts), optional })
            .collect(),
        values: source.values,
        values_object: source.values_object,
        parameters: (source.parameters.into_iter())
            .map(|p| HelmParameter { name: p.name, value: expanded(p.value), force_string: p.force_string })
            .collect(),
        file_parameters: source.file_parameters.into_iter().map(|p| (p.name, path(&p.path, facts))).collect(),
        skip_crds: source.skip_crds,
        skip_tests: source.skip_tests,
        skip_schema_validation: source.skip_schema_validation,
        kube_version: facts.kube_version_or(&source.kube_version),
        api_versions: facts.api_versions_or(&source.api_versions),
        now: facts.now,
        seed: facts.seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn a_chart_gets_what_the_source_says_and_else_the_facts() {
        let facts = ReleaseFacts {
            app: "web".into(),
            instance: "web".into(),
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
            instance: "web".into(),
            namespace: "prod".into(),
            revision: "0123456789abcdef".into(),
            ..ReleaseFacts::default()
        };
        let block = json!({"valueFiles": ["$ARGOCD_APP_NAME.yaml", "env/${ARGOCD_APP_NAMESPACE}.yaml", "$values/$ARGOCD_APP_NAME.yaml"],
            "parameters": [{"name": "a", "value": "$ARGOCD_APP_REVISION_SHORT-$$5-$UNKNOWN-100$"}]});
        assert_eq!(helm_problems(&block, &["values"]), Vec::<String>::new());
        let options = helm(&block, &facts).unwrap();
        let paths: Vec<&str> = options.value_files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["web.yaml", "env/prod.yaml", "/$values/web.yaml"]);
        assert_eq!(options.parameters[0].value, "0123456-$5--100$");
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let problems =
            helm_problems(&json!({"valueFiles": ["$values/a.yaml", "b.yaml"], "version": "v2", "x": 1}), &[]);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(
            helm_problems(&json!({"values": "a: 1", "passCredentials": true}), &[]),
            Vec::<String>::new()
        );
    }
}

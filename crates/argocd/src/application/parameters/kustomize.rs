//! `source.kustomize`.

use super::build_options::BuildFlags;
use super::expand;
use crate::application::refuse::{not_yet, unknown};
use crate::application::request::ReleaseFacts;
use holdfast_kustomize::{ArgoCd, InjectedPatch, Injection, PatchTarget};
use holdfast_object::{Map, Value};
use holdfast_render::{HelmCharts, KustomizeOptions};
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
    common_annotations_envsubst: bool,
    patches: Vec<Patch>,
    components: Vec<String>,
    ignore_missing_components: bool,
    kube_version: String,
    api_versions: Vec<String>,
    /// What is not acted on: another version of kustomize.
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
pub(in crate::application) fn kustomize_problems(block: &Value) -> Vec<String> {
    match read(block) {
        Ok(source) => {
            let mut problems = unknown(&source.rest, "spec.source.kustomize", &[]);
            let options = source.patches.iter().flat_map(|patch| patch.options.keys());
            let odd = options.filter(|key| !matches!(key.as_str(), "allowNameChange" | "allowKindChange"));
            problems
                .extend(odd.map(|key| not_yet(&format!("spec.source.kustomize.patches[].options.{key}"))));
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

/// How Argo CD builds a kustomization: with its block laid over it, and the flags of `kustomize.buildOptions`. As
/// there, `kubeVersion` and `apiVersions` are for the charts in it, when the flags allow those.
///
/// # Errors
/// What of the block or the flags cannot be read.
pub(in crate::application) fn kustomize(
    block: &Value,
    facts: &ReleaseFacts,
) -> Result<KustomizeOptions, String> {
    let source = read(block)?;
    let flags = BuildFlags::read(&facts.build_options)?;
    let helm = flags.enable_helm.then(|| HelmCharts {
        kube_version: facts.kube_version_or(&source.kube_version),
        api_versions: facts.api_versions_or(&source.api_versions),
        now: facts.now,
        seed: facts.seed,
    });
    Ok(KustomizeOptions {
        inject: Some(Injection::ArgoCd(laid_over(source, facts)?)),
        load_restrictor: flags.load_restrictor,
        reorder: flags.reorder,
        helm,
        managed_by_label: flags.managed_by_label,
    })
}

/// What is laid over the kustomization. Images and labels may name variables, annotations where that is asked for.
fn laid_over(source: KustomizeSource, facts: &ReleaseFacts) -> Result<ArgoCd, String> {
    let replicas: Result<Vec<_>, String> =
        source.replicas.iter().map(|r| Ok((r.name.clone(), count(r)?))).collect();
    let expanded = |text: &String| expand(text, &|name| facts.variable(name));
    let expanded_all = |map: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        map.iter().map(|(key, text)| (key.clone(), expanded(text))).collect()
    };
    let common_annotations = match source.common_annotations_envsubst {
        true => expanded_all(&source.common_annotations),
        false => source.common_annotations,
    };
    Ok(ArgoCd {
        name_prefix: source.name_prefix,
        name_suffix: source.name_suffix,
        namespace: source.namespace,
        images: source.images.iter().map(expanded).collect(),
        replicas: replicas?,
        common_labels: expanded_all(&source.common_labels),
        force_common_labels: source.force_common_labels,
        label_without_selector: source.label_without_selector,
        label_include_templates: source.label_include_templates,
        common_annotations,
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
    use holdfast_kustomize::{LoadRestrictor, Reorder};
    use holdfast_object::json;

    fn facts() -> ReleaseFacts {
        ReleaseFacts {
            instance: "web".into(),
            revision: "0123456789".into(),
            kube_version: "v1.36.0".into(),
            api_versions: vec!["v1".into()],
            ..ReleaseFacts::default()
        }
    }

    fn injected(block: &Value) -> ArgoCd {
        match kustomize(block, &facts()).unwrap().inject {
            Some(Injection::ArgoCd(injected)) => injected,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_block_is_taken_over_field_by_field() {
        let block = json!({
            "namePrefix": "p-", "images": ["nginx:1.27"], "commonLabels": {"a": "b"},
            "replicas": [{"name": "web", "count": 3}, {"name": "api", "count": "2"}],
            "patches": [{"patch": "[]", "target": {"kind": "Deployment", "labelSelector": "a=b"},
                "options": {"allowNameChange": true}}],
        });
        assert_eq!(kustomize_problems(&block), Vec::<String>::new());
        let injected_block = injected(&block);
        assert_eq!(injected_block.name_prefix, "p-");
        assert_eq!(injected_block.replicas, [("web".to_owned(), 3), ("api".to_owned(), 2)]);
        let patch = &injected_block.patches[0];
        assert!(patch.allow_name_change && !patch.allow_kind_change);
        assert_eq!(patch.target.as_ref().unwrap().label_selector, "a=b");
        assert_eq!(injected(&Value::Null), ArgoCd::default());
    }

    #[test]
    fn images_and_labels_may_name_variables_and_annotations_when_asked_to() {
        let block = |envsubst: bool| {
            json!({"images": ["a=b:${ARGOCD_APP_REVISION_SHORT}"], "commonLabels": {"app": "$ARGOCD_APP_NAME"},
                "commonAnnotations": {"rev": "$ARGOCD_APP_REVISION $$"}, "commonAnnotationsEnvsubst": envsubst})
        };
        assert_eq!(kustomize_problems(&block(true)), Vec::<String>::new());
        let plain = injected(&block(false));
        assert_eq!((plain.images[0].as_str(), plain.common_labels["app"].as_str()), ("a=b:0123456", "web"));
        assert_eq!(plain.common_annotations["rev"], "$ARGOCD_APP_REVISION $$");
        assert_eq!(injected(&block(true)).common_annotations["rev"], "0123456789 $");
    }

    #[test]
    fn charts_see_the_versions_of_the_block_or_the_cluster() {
        let charts = |block: &Value, build_options: &str| {
            let facts = ReleaseFacts { build_options: build_options.into(), ..facts() };
            let options = kustomize(block, &facts).unwrap();
            options.helm.map(|helm| (helm.kube_version, helm.api_versions))
        };
        let block = json!({"kubeVersion": "1.30", "apiVersions": ["a/v1", "b/v1"]});
        assert_eq!(charts(&block, ""), None);
        assert_eq!(charts(&Value::Null, "--enable-helm"), Some(("v1.36.0".into(), vec!["v1".into()])));
        let own = vec!["a/v1".to_owned(), "b/v1".to_owned()];
        assert_eq!(charts(&block, "--enable-helm"), Some(("1.30".into(), own)));
        let options = ReleaseFacts {
            build_options: "--load-restrictor LoadRestrictionsNone --reorder=none".into(),
            ..facts()
        };
        let built = kustomize(&Value::Null, &options).unwrap();
        assert_eq!((built.load_restrictor, built.reorder), (LoadRestrictor::None, Reorder::None));
    }

    #[test]
    fn what_is_not_acted_on_is_named() {
        let block = json!({"version": "v4", "kubeVersion": "",
            "patches": [{"patch": "", "options": {"odd": true}}], "replicas": [{"name": "web", "count": "many"}]});
        let mut problems = kustomize_problems(&block);
        problems.sort();
        assert_eq!(
            problems,
            [
                "spec.source.kustomize.patches[].options.odd is not supported yet",
                "spec.source.kustomize.replicas: the count of web is no number",
                "spec.source.kustomize.version is not supported yet",
            ]
        );
    }
}

use crate::{Content, Diagnostic, Need, Provided, RenderError, RenderOutcome, Rendered};
use holdfast_helm::capabilities::{Capabilities, KubeVersion};
use holdfast_helm::chart::{Chart, Limits};
use holdfast_helm::release::Release;
use holdfast_helm::render::{Lookups, MissingDependencies, Outcome, RenderOptions, RenderRequest};
use holdfast_helm::values::{Document, Layers};
use holdfast_object::{Object, ObjectSet, Origin, Value};
use holdfast_tree::{FileTree, TreeError, join, resolve};
use holdfast_yaml::Options;
use std::sync::Arc;

/// How a chart is rendered: as `helm template` does it, with the values in Argo CD's order (files, then values, then
/// parameters).
#[derive(Debug, Clone, PartialEq)]
pub struct HelmOptions {
    /// The release's name.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// Files with values; later ones win.
    pub value_files: Vec<ValueFile>,
    /// Values as YAML, over the files.
    pub values: String,
    /// Values as an object, instead of the YAML.
    pub values_object: Option<Value>,
    /// Single values, over all others.
    pub parameters: Vec<HelmParameter>,
    /// Single values that are the content of files: name and path.
    pub file_parameters: Vec<(String, String)>,
    /// Leave out the definitions of `crds/`.
    pub skip_crds: bool,
    /// Leave out test hooks.
    pub skip_tests: bool,
    /// Do not check `values.schema.json`.
    pub skip_schema_validation: bool,
    /// Kubernetes' version, as the chart sees it; empty is Helm's own.
    pub kube_version: String,
    /// The API versions, as the chart sees them, beside those every cluster has.
    pub api_versions: Vec<String>,
    /// The time of `now`, in nanoseconds since 1970.
    pub now: i128,
    /// The seed of the random functions; passwords and keys come from it.
    pub seed: [u8; 32],
}

/// A file with values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueFile {
    /// Its path, relative to the chart or with `/` to the source's root.
    pub path: String,
    /// It may be missing.
    pub optional: bool,
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmParameter {
    /// Its path in the values, as `--set` takes it.
    pub name: String,
    /// The value.
    pub value: String,
    /// It is a text whatever it looks like (`--set-string`).
    pub force_string: bool,
}

/// Renders the chart in a folder.
pub(crate) fn render(
    tree: &dyn FileTree,
    path: &str,
    options: &HelmOptions,
    provided: &Provided,
) -> Result<RenderOutcome, RenderError> {
    let folder = resolve(tree, path)?.path;
    let chart = Chart::load(tree, &folder, Limits::helm()).map_err(|e| broken(&folder, &e))?;
    let asked: Vec<Need> = chart.missing_dependencies().into_iter().map(Need::from).collect();
    let needs: Vec<Need> = asked.iter().filter(|need| provided.get(need).is_none()).cloned().collect();
    if !needs.is_empty() {
        return Ok(RenderOutcome::Needs(needs));
    }
    let dependencies = asked.iter().map(|need| dependency(need, provided)).collect::<Result<Vec<_>, _>>();
    let dependencies = dependencies.map_err(|e| broken(&folder, &e))?;
    let chart = if dependencies.is_empty() { chart } else { chart.with_dependencies(dependencies) };
    let texts = value_texts(tree, &folder, options)?;
    let mut documents: Vec<Document<'_>> =
        texts.iter().map(|(name, text)| Document::Text { name, text }).collect();
    match &options.values_object {
        Some(Value::Object(values)) => documents.push(Document::Parsed(values)),
        _ if !options.values.is_empty() => {
            documents.push(Document::Text { name: "values", text: options.values.as_bytes() });
        }
        _ => {}
    }
    let (plain, texts_only): (Vec<&HelmParameter>, Vec<&HelmParameter>) =
        options.parameters.iter().partition(|parameter| !parameter.force_string);
    let assignment = |p: &&HelmParameter| format!("{}={}", p.name, escaped(&p.value));
    let set: Vec<String> = plain.iter().map(assignment).collect();
    let set_string: Vec<String> = texts_only.iter().map(assignment).collect();
    let set_file: Vec<String> =
        options.file_parameters.iter().map(|(name, path)| format!("{name}={path}")).collect();
    let read_file = |path: &str| read(tree, &folder, path).map_err(|e| e.to_string());
    let layers = Layers {
        documents,
        set: set.iter().map(String::as_str).collect(),
        set_string: set_string.iter().map(String::as_str).collect(),
        set_file: set_file.iter().map(String::as_str).collect(),
        read_file: Some(&read_file),
        ..Layers::default()
    };
    let capabilities = capabilities(options).map_err(|message| broken(&folder, &message))?;
    let outcome = holdfast_helm::render::render(&RenderRequest {
        chart: &Arc::new(chart),
        release: &Release::install(&options.release, &options.namespace),
        values: layers,
        capabilities: &capabilities,
        options: RenderOptions {
            skip_schema_validation: options.skip_schema_validation,
            missing_dependencies: MissingDependencies::Refuse,
            ..RenderOptions::default()
        },
        lookups: Lookups::Offline,
        limits: Default::default(),
        now: options.now,
        seed: options.seed,
    });
    match outcome.map_err(|e| broken(&folder, &e))? {
        Outcome::Rendered(rendered) => {
            let rendered = collect(&folder, &rendered, options)?;
            Ok(RenderOutcome::Rendered(Rendered { answered: asked, ..rendered }))
        }
        // Nothing is looked up offline, and nothing is missing any more.
        Outcome::Needs(_) => Ok(RenderOutcome::Needs(Vec::new())),
    }
}

/// A chart that was fetched because another declares it.
fn dependency(need: &Need, provided: &Provided) -> Result<Arc<Chart>, String> {
    let chart = match provided.get(need) {
        Some(Ok(answer)) => match &answer.content {
            Content::Bytes(archive) => Chart::from_archive(archive, Limits::helm()),
            Content::Tree(tree) => Chart::load(tree.as_ref(), "", Limits::helm()),
        },
        Some(Err(why)) => return Err(format!("{need}: {why}")),
        None => return Err(format!("{need} is missing")),
    };
    chart.map(Arc::new).map_err(|e| format!("{need}: {e}"))
}

/// Definitions, manifests and hooks, in that order: hooks are objects with an annotation to whoever runs them.
fn collect(
    folder: &str,
    rendered: &holdfast_helm::render::Rendered,
    options: &HelmOptions,
) -> Result<Rendered, RenderError> {
    let mut objects = ObjectSet::new();
    if !options.skip_crds {
        objects = rendered.crd_objects().map_err(|e| broken(folder, &e))?;
    }
    for entry in rendered.objects().map_err(|e| broken(folder, &e))? {
        objects.push(entry.object, entry.origin);
    }
    for hook in &rendered.hooks {
        let is_test = hook.events.contains(&holdfast_helm::manifest::Event::Test);
        if is_test && options.skip_tests {
            continue;
        }
        let manifest = &hook.manifest;
        let place =
            Origin { file: manifest.source.clone(), line: manifest.line, document: manifest.document };
        let value = holdfast_yaml::parse(manifest.content.as_bytes(), &Options::v2());
        let object = value.map_err(|e| e.to_string()).and_then(|v| Object::new(v).map_err(|e| e.to_string()));
        objects.push(object.map_err(|message| at(&place, message))?, Some(place));
    }
    let diagnostics =
        rendered.warnings.iter().map(|w| Diagnostic { origin: None, message: w.clone() }).collect();
    Ok(Rendered { objects, diagnostics, ..Rendered::default() })
}

fn value_texts(
    tree: &dyn FileTree,
    folder: &str,
    options: &HelmOptions,
) -> Result<Vec<(String, bytes::Bytes)>, RenderError> {
    let mut texts = Vec::new();
    for file in &options.value_files {
        match read(tree, folder, &file.path) {
            Ok(text) => texts.push((file.path.clone(), text.into())),
            Err(TreeError::NotFound(_)) if file.optional => {}
            Err(TreeError::NotFound(_)) => {
                return Err(broken(folder, &format!("value file '{}' not found", file.path)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(texts)
}

/// A file of the source: relative to the chart, or from the source's root. Never outside of the source.
fn read(tree: &dyn FileTree, folder: &str, path: &str) -> Result<Vec<u8>, TreeError> {
    let path = join(folder, path).ok_or_else(|| TreeError::Escapes(path.to_owned()))?;
    let resolved = resolve(tree, &path)?.path;
    tree.read(&resolved).map(|bytes| bytes.to_vec())
}

/// Argo CD takes a parameter's value whole: commas do not begin another.
fn escaped(value: &str) -> String {
    value.replace(',', "\\,")
}

fn capabilities(options: &HelmOptions) -> Result<Capabilities, String> {
    let mut capabilities = Capabilities::offline();
    if !options.kube_version.is_empty() {
        capabilities.kube_version = KubeVersion::parse(&options.kube_version).map_err(|e| e.to_string())?;
    }
    capabilities.api_versions.extend(options.api_versions.iter().cloned());
    Ok(capabilities)
}

fn broken(folder: &str, error: &dyn std::fmt::Display) -> RenderError {
    at(&Origin { file: folder.into(), line: 0, document: 0 }, error.to_string())
}

fn at(origin: &Origin, message: String) -> RenderError {
    RenderError::Broken(vec![Diagnostic { origin: Some(origin.clone()), message }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;
    use holdfast_tree::MemoryTree;

    fn tree() -> MemoryTree {
        let mut tree = MemoryTree::new();
        tree.insert("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
        tree.insert("chart/values.yaml", "a: chart\nb: chart\nc: chart\nd: chart\n");
        tree.insert("chart/prod.yaml", "b: file\nc: file\nd: file\n");
        tree.insert("chart/crds/x.yaml", "apiVersion: v1\nkind: CRD\nmetadata: {name: x}\n");
        let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata: {{ toYaml .Values | nindent 2 }}\n";
        tree.insert("chart/templates/a.yaml", template);
        let hook = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hook\n  annotations:\n    helm.sh/hook: pre-install\n";
        tree.insert("chart/templates/hook.yaml", hook);
        tree
    }

    fn options() -> HelmOptions {
        HelmOptions {
            release: "web".into(),
            namespace: "prod".into(),
            value_files: vec![],
            values: String::new(),
            values_object: None,
            parameters: vec![],
            file_parameters: vec![],
            skip_crds: false,
            skip_tests: false,
            skip_schema_validation: false,
            kube_version: String::new(),
            api_versions: vec![],
            now: 0,
            seed: [0; 32],
        }
    }

    fn rendered(options: &HelmOptions) -> Result<Rendered, RenderError> {
        match render(&tree(), "chart", options, &Provided::new())? {
            RenderOutcome::Rendered(rendered) => Ok(rendered),
            RenderOutcome::Needs(needs) => panic!("{needs:?}"),
        }
    }

    #[test]
    fn values_stand_in_argo_cds_order() {
        let options = HelmOptions {
            value_files: vec![
                ValueFile { path: "prod.yaml".into(), optional: false },
                ValueFile { path: "/chart/missing.yaml".into(), optional: true },
            ],
            values_object: Some(json!({"c": "object", "d": "object"})),
            parameters: vec![HelmParameter { name: "d".into(), value: "x,y".into(), force_string: false }],
            ..options()
        };
        let rendered = rendered(&options).unwrap();
        let map = rendered.objects.iter().find(|e| e.object.kind() == "ConfigMap").unwrap();
        assert_eq!(
            map.object.get(&["data"]),
            Some(&json!({"a": "chart", "b": "file", "c": "object", "d": "x,y"}))
        );
        assert_eq!(map.origin.as_ref().unwrap().file.as_ref(), "shop/templates/a.yaml");
    }

    #[test]
    fn definitions_come_first_and_hooks_last() {
        let kinds = |options: &HelmOptions| {
            let rendered = rendered(options).unwrap();
            rendered.objects.iter().map(|e| e.object.kind().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&options()), ["CRD", "ConfigMap", "Pod"]);
        assert_eq!(kinds(&HelmOptions { skip_crds: true, ..options() }), ["ConfigMap", "Pod"]);
    }

    #[test]
    fn value_files_stay_in_the_source() {
        let with = |path: &str| {
            let file = ValueFile { path: path.into(), optional: false };
            rendered(&HelmOptions { value_files: vec![file], ..options() }).unwrap_err().to_string()
        };
        assert!(with("../../etc/passwd").contains("outside"), "{}", with("../../etc/passwd"));
        assert_eq!(with("nothing.yaml"), "chart: value file 'nothing.yaml' not found");
    }
}

use crate::{Answer, Content, Diagnostic, Need, Provided, RenderError, RenderOutcome, Rendered};
use holdfast_helm::capabilities::{Capabilities, KubeVersion};
use holdfast_helm::chart::{Chart, Limits, Missing};
use holdfast_helm::release::Release;
use holdfast_helm::render::{Lookups, MissingDependencies, Outcome, RenderOptions, RenderRequest};
use holdfast_helm::values::{Document, Layers};
use holdfast_object::{Object, ObjectSet, Origin, Value};
use holdfast_tree::{Entry, FileTree, TreeError, join, resolve};
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
    let (local, missing): (Vec<Missing>, Vec<Missing>) = chart
        .missing_dependencies()
        .into_iter()
        .partition(|missing| missing.repository.starts_with("file://"));
    let value_files = value_paths(tree, &folder, options).map_err(|e| broken(&folder, &e))?;
    let mut asked: Vec<Need> = missing.into_iter().map(Need::from).collect();
    asked.extend(value_files.iter().filter_map(|file| address(&file.path)).map(|url| Need::Http { url }));
    let needs: Vec<Need> = asked.iter().filter(|need| provided.get(need).is_none()).cloned().collect();
    if !needs.is_empty() {
        return Ok(RenderOutcome::Needs(needs));
    }
    let chart = with_dependencies(chart, &local, &asked, (tree, &folder), provided)
        .map_err(|e| broken(&folder, &e))?;
    let texts = value_texts(tree, &folder, &value_files, provided)?;
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
        options.file_parameters.iter().map(|(name, path)| format!("{name}={}", escaped(path))).collect();
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

/// The chart with what it declares and does not hold: charts beside it, and those that were fetched. As with
/// `helm dependency build`, a lock must belong to the declarations.
fn with_dependencies(
    chart: Chart,
    local: &[Missing],
    asked: &[Need],
    (tree, folder): (&dyn FileTree, &str),
    provided: &Provided,
) -> Result<Chart, String> {
    let charts = asked.iter().filter(|need| matches!(need, Need::Chart { .. }));
    let fetched = charts.map(|need| dependency(need, provided)).collect::<Result<Vec<_>, _>>()?;
    if local.is_empty() && fetched.is_empty() {
        return Ok(chart);
    }
    chart.check_lock().map_err(|e| e.to_string())?;
    let beside = local.iter().map(|missing| beside(tree, folder, missing)).collect::<Result<Vec<_>, _>>()?;
    Ok(chart.with_dependencies(fetched.into_iter().chain(beside)))
}

/// A chart of the same source, by its path from the chart that declares it.
fn beside(tree: &dyn FileTree, folder: &str, missing: &Missing) -> Result<Arc<Chart>, String> {
    let failed = |e: &dyn std::fmt::Display| format!("chart {} of {}: {e}", missing.name, missing.repository);
    let below = missing.repository.trim_start_matches("file://");
    let path = join(folder, below).ok_or_else(|| failed(&"it lies outside of the source"))?;
    let chart = Chart::load(tree, &path, Limits::helm()).map_err(|e| failed(&e))?;
    let version = &chart.metadata.version;
    if !missing.accepts(version) {
        return Err(failed(&format!("version {version} is not in the range {:?}", missing.version)));
    }
    Ok(Arc::new(chart))
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

/// The address of a file that is not one of the source.
fn address(path: &str) -> Option<String> {
    (path.starts_with("https://") || path.starts_with("http://")).then(|| path.to_owned())
}

/// The files with values: patterns (`*`, `?`, `[…]`, `**`) stand for the files that match, by name; of a file that is
/// named too, the place where it is named counts.
fn value_paths(tree: &dyn FileTree, folder: &str, options: &HelmOptions) -> Result<Vec<ValueFile>, String> {
    let is_pattern = |file: &ValueFile| file.path.contains(['*', '?', '[']) && address(&file.path).is_none();
    if !options.value_files.iter().any(is_pattern) {
        return Ok(options.value_files.clone());
    }
    let named: Vec<Option<String>> = options
        .value_files
        .iter()
        .map(|file| join(folder, &file.path).filter(|_| !is_pattern(file)))
        .collect();
    let mut paths: Vec<ValueFile> = Vec::new();
    for file in &options.value_files {
        if !is_pattern(file) {
            paths.push(file.clone());
            continue;
        }
        let pattern = match file.path.strip_prefix('/') {
            Some(rooted) => rooted.to_owned(),
            None => join(folder, &file.path)
                .ok_or_else(|| format!("{} leads outside of the source", file.path))?,
        };
        // Files of other sources stand in the root under a name of their own, which no listing of the root has.
        let first = pattern.split('/').next().filter(|first| first.starts_with('$')).unwrap_or_default();
        let all = files_below(tree, first, 0).map_err(|e| e.to_string())?;
        let glob = globset::GlobBuilder::new(&pattern).literal_separator(true).build();
        let glob = glob.map_err(|e| format!("value files '{}': {e}", file.path))?.compile_matcher();
        let is_new = |path: &&String| {
            !named.iter().flatten().any(|named| named == *path)
                && !paths.iter().any(|known| known.path.strip_prefix('/') == Some(path.as_str()))
        };
        let found: Vec<ValueFile> = (all.iter().filter(|path| glob.is_match(path)).filter(is_new))
            .map(|path| ValueFile { path: format!("/{path}"), optional: false })
            .collect();
        if found.is_empty() && !file.optional && !all.iter().any(|path| glob.is_match(path)) {
            return Err(format!("value files '{}' match nothing", file.path));
        }
        paths.extend(found);
    }
    Ok(paths)
}

/// How many folders below each other are searched for files with values.
const MAX_DEPTH: usize = 32;

/// Every file below a folder, by name; links are not followed.
fn files_below(tree: &dyn FileTree, folder: &str, depth: usize) -> Result<Vec<String>, TreeError> {
    let mut files = Vec::new();
    if depth > MAX_DEPTH {
        return Ok(files);
    }
    for named in tree.list(folder)? {
        let path = if folder.is_empty() { named.name } else { format!("{folder}/{}", named.name) };
        match named.entry {
            Entry::Folder => files.extend(files_below(tree, &path, depth + 1)?),
            Entry::File { .. } => files.push(path),
            Entry::Symlink { .. } => {}
        }
    }
    Ok(files)
}

fn value_texts(
    tree: &dyn FileTree,
    folder: &str,
    files: &[ValueFile],
    provided: &Provided,
) -> Result<Vec<(String, bytes::Bytes)>, RenderError> {
    let mut texts = Vec::new();
    for file in files {
        if let Some(url) = address(&file.path) {
            match provided.get(&Need::Http { url }) {
                Some(Ok(Answer { content: Content::Bytes(text), .. })) => {
                    texts.push((file.path.clone(), text.clone()));
                }
                Some(Err(_)) if file.optional => {}
                Some(Err(why)) => return Err(broken(folder, &format!("value file '{}': {why}", file.path))),
                _ => return Err(broken(folder, &format!("value file '{}' is missing", file.path))),
            }
            continue;
        }
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

/// Argo CD takes a parameter's value whole: commas do not begin another, unless they are escaped already or stand in
/// a list.
fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if c == ',' && !out.ends_with('\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn capabilities(options: &HelmOptions) -> Result<Capabilities, String> {
    let mut capabilities = Capabilities::offline();
    if !options.kube_version.is_empty() {
        capabilities.kube_version = KubeVersion::parse(&options.kube_version).map_err(|e| e.to_string())?;
    }
    capabilities.add_api_versions(&options.api_versions);
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
    fn a_chart_that_was_fetched_again_is_not_rendered_again() {
        let cache = crate::RenderCache::new(1);
        let request = crate::RenderRequest {
            path: String::new(),
            renderer: crate::Renderer::Helm(Box::new(options())),
            limits: crate::RenderLimits::default(),
        };
        for _ in 0..3 {
            let tree = crate::chart_folder(&crate::charts::tests::archive()).unwrap();
            cache.render(&tree, &request, &Provided::new(), "").unwrap().unwrap();
        }
        assert_eq!(cache.stats(), crate::CacheStats { hits: 2, renders: 1 });
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

    fn with(tree: &MemoryTree, options: &HelmOptions, provided: &Provided) -> Result<RenderOutcome, String> {
        render(tree, "chart", options, provided).map_err(|e| e.to_string())
    }

    fn data(outcome: RenderOutcome) -> Value {
        let RenderOutcome::Rendered(rendered) = outcome else { panic!("{outcome:?}") };
        let map = rendered.objects.iter().find(|e| e.object.kind() == "ConfigMap").unwrap();
        map.object.get(&["data"]).unwrap().clone()
    }

    #[test]
    fn charts_beside_the_chart_are_taken_with_a_lock_that_fits() {
        let beside = || {
            let mut tree = tree();
            tree.insert("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.2.0\n");
            tree.insert("lib/values.yaml", "x: 1\n");
            tree
        };
        let mut tree = beside();
        let declared = "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- {name: lib, version: ^1, repository: 'file://../lib'}\n";
        tree.insert("chart/Chart.yaml", declared);
        let found = data(with(&tree, &options(), &Provided::new()).unwrap());
        assert_eq!(found["lib"]["x"], 1);
        tree.insert(
            "chart/Chart.lock",
            "dependencies: []\ndigest: sha256:00\ngenerated: '2024-01-01T00:00:00Z'\n",
        );
        assert_eq!(
            with(&tree, &options(), &Provided::new()).unwrap_err(),
            "chart: the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies"
        );
        let mut tree = beside();
        tree.insert("chart/Chart.yaml", declared.replace("^1", "^2"));
        assert_eq!(
            with(&tree, &options(), &Provided::new()).unwrap_err(),
            "chart: chart lib of file://../lib: version 1.2.0 is not in the range \"^2\""
        );
        tree.insert("chart/Chart.yaml", declared.replace("../lib", "../../lib"));
        let outside = with(&tree, &options(), &Provided::new()).unwrap_err();
        assert!(outside.ends_with("it lies outside of the source"), "{outside}");
    }

    #[test]
    fn files_with_values_may_be_patterns_or_addresses() {
        let mut tree = tree();
        tree.insert("chart/env/b.yaml", "b: b\nc: b\n");
        tree.insert("chart/env/a.yaml", "b: a\nc: a\nd: a\n");
        tree.insert("env/deep/c.yaml", "c: c\n");
        let files = |paths: &[&str], optional: bool| HelmOptions {
            value_files: paths.iter().map(|path| ValueFile { path: (*path).into(), optional }).collect(),
            ..options()
        };
        let check = |paths: &[&str], expected: Value| {
            assert_eq!(
                data(with(&tree, &files(paths, false), &Provided::new()).unwrap()),
                expected,
                "{paths:?}"
            );
        };
        check(&["env/*.yaml"], json!({"a": "chart", "b": "b", "c": "b", "d": "a"}));
        // A file that is named stands where it is named.
        check(&["env/*.yaml", "env/a.yaml"], json!({"a": "chart", "b": "a", "c": "a", "d": "a"}));
        check(&["/env/**/*.yaml"], json!({"a": "chart", "b": "chart", "c": "c", "d": "chart"}));
        let nothing = with(&tree, &files(&["no/*.yaml"], false), &Provided::new()).unwrap_err();
        assert_eq!(nothing, "chart: value files 'no/*.yaml' match nothing");
        assert!(with(&tree, &files(&["no/*.yaml"], true), &Provided::new()).is_ok());

        let remote = files(&["https://x.io/v.yaml"], false);
        let RenderOutcome::Needs(needs) = with(&tree, &remote, &Provided::new()).unwrap() else { panic!() };
        let mut provided = Provided::new();
        let answer = Answer { content: Content::Bytes("b: far\n".into()), digest: "1".into() };
        provided.answer(needs[0].clone(), answer);
        assert_eq!(data(with(&tree, &remote, &provided).unwrap())["b"], "far");
    }

    #[test]
    fn commas_of_parameters() {
        let check = |value: &str, expected: &str| assert_eq!(escaped(value), expected);
        check("a,b", "a\\,b");
        check("a\\,b", "a\\,b");
        check(",a", "\\,a");
        check("{a,b}", "{a,b}");
    }
}

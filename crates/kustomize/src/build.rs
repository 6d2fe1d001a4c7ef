use crate::error::{BuildError, BuildErrors, Result};
use crate::loader::{Context, Loader};
use crate::nameref::fix_references;
use crate::options::{BuildOptions, Reorder};
use crate::read::check;
use crate::remote::{Need, Provided};
use crate::resource::ResSet;
use crate::schema::Scopes;
use crate::sort::SortOrder;
use crate::target::{Accumulated, Target};
use crate::transform::{Hashes, Labels, Transformer};
use crate::vars::replace_vars;
use holdfast_object::{Object, ObjectSet};
use holdfast_tree::FileTree;
use std::collections::{BTreeMap, BTreeSet};

/// What a build came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The objects in output order, each with the file and line it came from.
    pub objects: ObjectSet,
    /// What the user should know though the build succeeded: deprecated fields, variables that nothing uses.
    pub warnings: Vec<BuildError>,
    /// The needs whose answers it was made with.
    pub answered: Vec<Need>,
}

/// The end of a build, or what it needs to go on.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is done.
    Built(Built),
    /// Remote bases, files or charts are missing: fetch them, add them to [`Provided`] and build again.
    Needs(Vec<Need>),
}

/// The version that `app.kubernetes.io/managed-by: kustomize-…` names.
const MANAGED_BY: &str = "kustomize-v5.8.1";

/// Builds the kustomization in the folder `path` of a tree, as `kustomize build` does.
///
/// The tree is only read. What lies behind URLs is asked for ([`Outcome::Needs`]) and looked up in `provided` when the
/// build is run again.
///
/// # Errors
/// Everything that is wrong with the kustomization, as far as one run can tell.
pub fn build(
    tree: &dyn FileTree,
    path: &str,
    options: &BuildOptions<'_>,
    provided: &Provided,
) -> std::result::Result<Outcome, BuildErrors> {
    let mut context = Context::new(options, provided);
    let built = run(tree, path, &mut context);
    if !context.needs.is_empty() {
        context.needs.sort();
        return Ok(Outcome::Needs(context.needs));
    }
    let mut errors = context.errors;
    match built {
        Ok(objects) if errors.is_empty() => {
            let answered = context.answered.into_iter().collect();
            Ok(Outcome::Built(Built { objects, warnings: context.warnings, answered }))
        }
        Ok(_) => Err(BuildErrors(errors)),
        Err(error) => {
            if !error.message.is_empty() || errors.is_empty() {
                errors.push(error);
            }
            Err(BuildErrors(errors))
        }
    }
}

fn run<'a>(tree: &'a dyn FileTree, path: &str, context: &mut Context<'a>) -> Result<ObjectSet> {
    let loader = Loader::new(tree, path, context.options.load_restrictor)?;
    let mut target = Target::load(loader, context, true)?;
    let metadata = target.kustomization.build_metadata.clone();
    if !metadata.is_empty() {
        target.track_origins();
    }
    let mut done = target.accumulate(Accumulated::default(), context)?;
    if !context.errors.is_empty() {
        return Err(BuildError::default());
    }
    Hashes.transform(&mut done.set, &context.schemas)?;
    fix_references(&mut done.set, &done.config, &context.schemas.budget)?;
    for name in replace_vars(&done.vars, &mut done.set, &done.config.var_reference, &context.schemas.budget)?
    {
        context.warnings.push(BuildError::new(format!("well-defined vars that were never replaced: {name}")));
    }
    drop_local(&mut done.set)?;
    order(&mut done.set, &target, context)?;
    let has = |option: &str| metadata.iter().any(|m| m == option);
    if context.options.managed_by_label || has("managedByLabel") {
        let pairs = BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), MANAGED_BY.to_owned())]);
        let specs = vec![crate::config::Spec::new(crate::resource::Gvk::default(), "metadata/labels", true)];
        Labels { pairs, specs }.transform(&mut done.set, &context.schemas)?;
    }
    finish(done.set, has("originAnnotations"), has("transformerAnnotations"), context)
}

/// Drops what is only there for the build itself.
fn drop_local(set: &mut ResSet) -> Result<()> {
    let mut outcome = Ok(());
    set.list.retain(|resource| {
        if resource.is_gone() || outcome.is_err() {
            return false;
        }
        outcome = check(&resource.node).map_err(|e| match &resource.source {
            Some(source) => e.in_file(&source.file).at_line(source.line),
            None => e,
        });
        let annotations = resource.metadata().and_then(|m| m.get("annotations")).and_then(|a| a.as_map());
        let local = annotations.and_then(|a| a.get("config.kubernetes.io/local-config"));
        local.is_none_or(|value| value.raw_text() == "false")
    });
    set.ids_changed();
    outcome
}

fn order(set: &mut ResSet, target: &Target<'_>, context: &mut Context<'_>) -> Result<()> {
    let options = target.kustomization.sort_options.as_ref();
    let reorder = context.options.reorder;
    if options.is_some() {
        if reorder != Reorder::Unspecified {
            context.warnings.push(BuildError::new(
                "Sorting order is set both in 'kustomization.yaml' ('sortOptions') and in a CLI flag ('--reorder'). Using the kustomization file over the CLI flag.",
            ));
        }
        return SortOrder::new(options)?.transform(set, &context.schemas);
    }
    if reorder == Reorder::None { Ok(()) } else { SortOrder::legacy().transform(set, &context.schemas) }
}

fn finish(set: ResSet, origin: bool, transformations: bool, context: &Context<'_>) -> Result<ObjectSet> {
    let mut objects = ObjectSet::new();
    let (mut nodes, limit) = (0, context.options.limits.output_nodes);
    for mut resource in set.list {
        resource.finish(origin, transformations)?;
        let id = resource.id;
        let source = resource.source;
        let place = |error: BuildError| match &source {
            Some(source) => error.in_file(&source.file).of_object(&id),
            None => error.of_object(&id),
        };
        let value = resource
            .node
            .into_value_counted(&mut nodes)
            .map_err(|e| place(BuildError::new(e.why.to_string()).of_field(&e.path).at_line(e.line)))?;
        if nodes > limit {
            return Err(format!("the output has more than {limit} YAML nodes (limit: output nodes)").into());
        }
        let object = Object::new(value).map_err(|e| place(BuildError::new(e.to_string())))?;
        objects.push(object, source);
    }
    Ok(objects)
}

/// The objects as `kustomize build -o FOLDER` writes them: file names and contents, in output order. Names carry the
/// namespace where there is more than one.
pub fn to_files(objects: &ObjectSet) -> Vec<(String, String)> {
    let scopes = Scopes::default();
    let namespace = |object: &Object| {
        let name = if object.namespace().is_empty() { "default" } else { object.namespace() };
        (!scopes.is_cluster_scoped(object.api_version(), object.kind())).then(|| name.to_lowercase())
    };
    let namespaces: BTreeSet<String> = objects.iter().filter_map(|e| namespace(&e.object)).collect();
    let file = |object: &Object| {
        let gvk = object.gvk();
        let namespace = namespace(object).filter(|_| namespaces.len() > 1);
        let parts = [
            namespace.as_deref(),
            Some(&gvk.group),
            Some(&gvk.version),
            Some(&gvk.kind),
            Some(object.name()),
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        format!("{}.yaml", parts.join("_").to_lowercase())
    };
    objects.iter().map(|e| (file(&e.object), holdfast_yaml::to_string(&e.object.to_value()))).collect()
}

/// The objects as `kustomize build` prints them: documents separated by `---`, keys sorted.
pub fn to_yaml(objects: &ObjectSet) -> String {
    let mut out = String::new();
    for (at, entry) in objects.iter().enumerate() {
        if at > 0 {
            out.push_str("---\n");
        }
        holdfast_yaml::write_mapping(entry.object.as_map(), &mut out);
    }
    out
}

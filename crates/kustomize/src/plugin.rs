//! Generators and transformers configured by files: the built-in ones. Programs and containers are refused.

use crate::config::Spec;
use crate::decode::{FromNode, config, decode};
use crate::error::{BuildError, Result};
use crate::generate::{Generated, generate};
use crate::kustomization::{
    FieldSpec, GeneratorArgs, GeneratorOptions, HelmChart, HelmGlobals, Image, ObjectMeta, Patch,
    ReplacementField, Replica, Selector,
};
use crate::loader::{Context, Loader};
use crate::node::{Dialect, Key, Map, Node, read_documents};
use crate::origin::{ConfiguredBy, OriginNote};
use crate::patch::{JsonPatch, PatchStep, StrategicPatches};
use crate::resource::Resource;
use crate::transform::{
    Affix, Hashes, ImageTag, Labels, Namespace, Replacements, ReplicaCount, Side, SubjectMode, Transformer,
    ValueAdd, ValueAddConfig,
};
use std::collections::BTreeMap;

type Texts = BTreeMap<String, String>;

config! {
    LabelConfig { labels: Texts = "labels", field_specs: Vec<FieldSpec> = "fieldSpecs" }
    AnnotationConfig { annotations: Texts = "annotations", field_specs: Vec<FieldSpec> = "fieldSpecs" }
    ImageConfig { image_tag: Image = "imageTag", field_specs: Vec<FieldSpec> = "fieldSpecs" }
    ReplicaConfig { replica: Replica = "replica", field_specs: Vec<FieldSpec> = "fieldSpecs" }
    AffixConfig {
        prefix: String = "prefix",
        suffix: String = "suffix",
        field_specs: Option<Vec<FieldSpec>> = "fieldSpecs",
    }
    NamespaceConfig {
        metadata: ObjectMeta = "metadata",
        field_specs: Vec<FieldSpec> = "fieldSpecs",
        unset_only: bool = "unsetOnly",
        subjects: String = "setRoleBindingSubjects",
    }
    JsonPatchConfig { target: Option<Selector> = "target", path: String = "path", json_op: String = "jsonOp" }
    StrategicConfig { paths: Vec<String> = "paths", patches: String = "patches" }
    ReplacementConfig { replacements: Vec<ReplacementField> = "replacements" }
    GeneratorConfig {
        metadata: ObjectMeta = "metadata",
        name: String = "name",
        namespace: String = "namespace",
        behavior: String = "behavior",
        literals: Vec<String> = "literals",
        files: Vec<String> = "files",
        envs: Vec<String> = "envs",
        secret_type: String = "type",
        options: Option<GeneratorOptions> = "options",
    }
    IamConfig {
        cloud: String = "cloud",
        service: IamService = "kubernetesService",
        account: IamAccount = "serviceAccount",
    }
    IamService { name: String = "name", namespace: String = "namespace" }
    IamAccount { name: String = "name", project_id: String = "projectId" }
}

fn specs(fields: &[FieldSpec]) -> Vec<Spec> {
    fields.iter().map(Spec::from).collect()
}

/// True for a configuration of a built-in generator or transformer.
fn check_builtin(resource: &Resource) -> Result<()> {
    let gvk = &resource.id.gvk;
    if gvk.group.is_empty() && gvk.version == "builtin" {
        return Ok(());
    }
    Err(BuildError::new(format!(
        "external plugins are not run: '{}' is no built-in generator or transformer (apiVersion: builtin); programs, containers and Go plugins are refused",
        gvk.kind
    )))
}

fn read<T: FromNode>(resource: &Resource) -> Result<T> {
    let source = resource.source.as_ref();
    let file = source.map_or("", |s| &s.file);
    decode(&resource.node, file, source.map_or(0, |s| s.line), false)
        .map_err(|errors| errors.into_iter().next().unwrap_or_default())
}

fn place(resource: &Resource) -> String {
    resource.source.as_ref().map_or_else(String::new, |s| s.file.to_string())
}

/// The generator or transformer a configuration stands for, as `buildMetadata` names it.
pub(crate) fn note_of(resource: &Resource) -> Option<OriginNote> {
    let by = ConfiguredBy {
        api_version: resource.id.gvk.api_version(),
        kind: resource.id.gvk.kind.clone(),
        name: resource.id.name.clone(),
        namespace: resource.id.namespace.clone(),
    };
    resource.origin.as_ref().map(|origin| origin.plugin(by))
}

/// Makes the transformers of a configuration.
pub(crate) fn transformers<'a>(
    resource: &Resource,
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<Vec<Box<dyn Transformer>>> {
    let fail = |e: BuildError| configuration_error(resource, e);
    check_builtin(resource).map_err(fail)?;
    let made = match resource.id.gvk.kind.as_str() {
        "PrefixSuffixTransformer" => {
            return Ok(vec![
                affix(resource, Side::Prefix).map_err(fail)?,
                affix(resource, Side::Suffix).map_err(fail)?,
            ]);
        }
        kind => transformer(kind, resource, loader, context).map_err(fail)?,
    };
    Ok(vec![made])
}

fn configuration_error(resource: &Resource, error: BuildError) -> BuildError {
    let source = resource.source.clone();
    let error = BuildError {
        message: format!("plugin {} fails configuration: {}", resource.id, error.message),
        ..error
    };
    match source {
        Some(source) => error.in_file(&source.file).at_line(source.line),
        None => error,
    }
}

fn transformer<'a>(
    kind: &str,
    resource: &Resource,
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<Box<dyn Transformer>> {
    let at = place(resource);
    Ok(match kind {
        "AnnotationsTransformer" => {
            let config: AnnotationConfig = read(resource)?;
            Box::new(Labels { pairs: config.annotations, specs: specs(&config.field_specs) })
        }
        "LabelTransformer" => {
            let config: LabelConfig = read(resource)?;
            Box::new(Labels { pairs: config.labels, specs: specs(&config.field_specs) })
        }
        "HashTransformer" => Box::new(Hashes),
        "ImageTagTransformer" => {
            let config: ImageConfig = read(resource)?;
            Box::new(ImageTag::new(config.image_tag, specs(&config.field_specs)))
        }
        "NamespaceTransformer" => {
            let config: NamespaceConfig = read(resource)?;
            Box::new(Namespace {
                namespace: config.metadata.namespace,
                specs: specs(&config.field_specs),
                unset_only: config.unset_only,
                subjects: SubjectMode::parse(&config.subjects)?,
            })
        }
        "PatchJson6902Transformer" => {
            let config: JsonPatchConfig = read(resource)?;
            let patch =
                Patch { path: config.path, patch: config.json_op, target: config.target, ..Patch::default() };
            Box::new(JsonPatch::new(&patch, loader, &at, context)?)
        }
        "PatchStrategicMergeTransformer" => {
            let config: StrategicConfig = read(resource)?;
            Box::new(StrategicPatches::new(&config.paths, &config.patches, loader, &at, context)?)
        }
        "PatchTransformer" => Box::new(PatchStep::new(&read(resource)?, loader, &at, context)?),
        "PrefixTransformer" => affix(resource, Side::Prefix)?,
        "SuffixTransformer" => affix(resource, Side::Suffix)?,
        "ReplacementTransformer" => {
            let config: ReplacementConfig = read(resource)?;
            Box::new(Replacements::new(load_replacements(config.replacements, loader, context)?)?)
        }
        "ReplicaCountTransformer" => {
            let config: ReplicaConfig = read(resource)?;
            Box::new(ReplicaCount { replica: config.replica, specs: specs(&config.field_specs) })
        }
        "ValueAddTransformer" => Box::new(value_add(read(resource)?, loader, context)?),
        other => return Err(format!("unable to load builtin {other}: there is no such transformer").into()),
    })
}

fn affix(resource: &Resource, side: Side) -> Result<Box<dyn Transformer>> {
    let config: AffixConfig = read(resource)?;
    let fields = config.field_specs.ok_or("fieldSpecs is not expected to be nil")?;
    let text = if side == Side::Prefix { config.prefix } else { config.suffix };
    Ok(Box::new(Affix { side, text, specs: specs(&fields) }))
}

fn value_add<'a>(
    mut config: ValueAddConfig,
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<ValueAdd> {
    if config.value.trim().is_empty() {
        config.value = loader.base_name().to_owned();
    }
    if !config.target_file_path.is_empty() {
        let file = loader.display(&config.target_file_path);
        let text = loader.load_text(&config.target_file_path, context)?;
        let documents = read_documents(&text, Dialect::V2, context.read_limits())
            .map_err(|e| BuildError::new(e.message).in_file(&file).at_line(e.line))?;
        if let Some(first) = documents.first() {
            let more: ValueAddConfig = decode(&first.node, &file, first.line, false)
                .map_err(|errors| errors.into_iter().next().unwrap_or_default())?;
            config.targets.extend(more.targets);
        }
    }
    ValueAdd::new(&config)
}

/// Reads the replacements that stand in files.
pub(crate) fn load_replacements<'a>(
    fields: Vec<ReplacementField>,
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<Vec<ReplacementField>> {
    let mut all = Vec::with_capacity(fields.len());
    for field in fields {
        if field.path.is_empty() {
            all.push(field);
            continue;
        }
        if field.source.is_some() || field.targets.as_ref().is_some_and(|t| !t.is_empty()) {
            return Err("cannot specify both path and inline replacement".into());
        }
        let file = loader.display(&field.path);
        let text = loader.load_text(&field.path, context)?;
        let documents = read_documents(&text, Dialect::V2, context.read_limits())
            .map_err(|e| BuildError::new(e.message).in_file(&file).at_line(e.line))?;
        let Some(first) = documents.into_iter().next() else {
            return Err(
                BuildError::new("unsupported replacement type encountered: the file is empty").in_file(&file)
            );
        };
        let list = match first.node {
            Node::Map(_) => Node::Seq(vec![first.node]),
            list @ Node::Seq(_) => list,
            other => {
                let message = format!("unsupported replacement type encountered: {}", other.kind_name());
                return Err(BuildError::new(message).in_file(&file));
            }
        };
        let read: Vec<ReplacementField> = decode(&list, &file, first.line, false)
            .map_err(|errors| errors.into_iter().next().unwrap_or_default())?;
        all.extend(read);
    }
    Ok(all)
}

/// Runs a generator's configuration.
pub(crate) fn run_generator<'a>(
    resource: &Resource,
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<Vec<Resource>> {
    let fail = |e: BuildError| configuration_error(resource, e);
    check_builtin(resource).map_err(fail)?;
    let at = place(resource);
    match resource.id.gvk.kind.as_str() {
        kind @ ("ConfigMapGenerator" | "SecretGenerator") => {
            let what = if kind == "SecretGenerator" { Generated::Secret } else { Generated::ConfigMap };
            let config: GeneratorConfig = read(resource).map_err(fail)?;
            let or = |own: String, other: String| if own.is_empty() { other } else { own };
            let args = GeneratorArgs {
                name: or(config.name, config.metadata.name),
                namespace: or(config.namespace, config.metadata.namespace),
                behavior: config.behavior,
                literals: config.literals,
                files: config.files,
                envs: config.envs,
                secret_type: config.secret_type,
                options: config.options,
                ..GeneratorArgs::default()
            };
            Ok(vec![generate(what, &args, loader, &at, context)?])
        }
        "IAMPolicyGenerator" => {
            let config: IamConfig = read(resource).map_err(fail)?;
            Ok(vec![iam_account(&config, context).map_err(fail)?])
        }
        "HelmChartInflationGenerator" => {
            let globals: HelmGlobals = read(resource).map_err(fail)?;
            let chart: HelmChart = read(resource).map_err(fail)?;
            crate::helm::inflate(&globals, &chart, loader, &at, context)
        }
        other => Err(fail(format!("unable to load builtin {other}: there is no such generator").into())),
    }
}

/// A service account bound to one of a cloud.
fn iam_account(config: &IamConfig, context: &Context<'_>) -> Result<Resource> {
    if config.cloud != "gke" {
        return Err(format!("cloud provider {} not supported yet", config.cloud).into());
    }
    let IamAccount { name, project_id } = &config.account;
    let mut metadata = Map::default();
    metadata.set("name", Node::text(config.service.name.as_str()));
    if !config.service.namespace.is_empty() {
        metadata.set("namespace", Node::text(config.service.namespace.as_str()));
    }
    let account = format!("{name}@{project_id}.iam.gserviceaccount.com");
    let annotations =
        Map { entries: vec![(Key::new("iam.gke.io/gcp-service-account"), Node::text(account))] };
    metadata.set("annotations", Node::Map(annotations));
    let mut map = Map::default();
    map.set("apiVersion", Node::text("v1"));
    map.set("kind", Node::text("ServiceAccount"));
    map.set("metadata", Node::Map(metadata));
    Ok(Resource::new(Node::Map(map), None, &context.schemas.scopes))
}

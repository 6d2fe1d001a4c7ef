//! One kustomization: what it takes in, what it changes, in the order that the original has.

use crate::config::{Config, Spec, merge_all, merge_one, read_configurations, read_crds};
use crate::error::{BuildError, Result};
use crate::generate::{Generated, generate};
use crate::kustomization::{self, GeneratorArgs, GeneratorOptions, Kustomization, Label, Loaded};
use crate::loader::{Context, Found, Loader};
use crate::node::Node;
use crate::origin::OriginNote;
use crate::patch::{JsonPatch, PatchStep, StrategicPatches};
use crate::plugin::{load_replacements, note_of, run_generator, transformers};
use crate::read::read_resources;
use crate::remote::without_password;
use crate::resource::{Gvk, ResSet, Resource};
use crate::schema::CustomSchema;
use crate::transform::{
    Affix, ImageTag, Labels, Namespace, Replacements, ReplicaCount, Side, SingleTransformer, SubjectMode,
    Transformer, transform_each,
};
use crate::vars::{Vars, mark_sources};
use std::sync::Arc;

/// What a kustomization and those below it came to.
#[derive(Debug, Default)]
pub(crate) struct Accumulated {
    pub(crate) set: ResSet,
    pub(crate) config: Arc<Config>,
    pub(crate) vars: Vars,
}

impl Accumulated {
    fn merge(&mut self, other: Self) -> Result<()> {
        self.set.append_all(other.set.list)?;
        self.config = self.config.merged(&other.config)?;
        self.vars.merge(other.vars.into_vars())
    }
}

/// A kustomization that is being built.
pub(crate) struct Target<'a> {
    loader: Loader<'a>,
    pub(crate) kustomization: Kustomization,
    file_name: &'static str,
    /// Where it stands, when resources are to say where they came from.
    origin: Option<OriginNote>,
    /// The namespace that kustomizations above set, for charts.
    helm_namespace: String,
}

/// An error whose parts are in the context already.
fn reported() -> BuildError {
    BuildError::default()
}

impl<'a> Target<'a> {
    /// Reads the kustomization at the loader's root and its schema.
    pub(crate) fn load(loader: Loader<'a>, context: &mut Context<'a>, root: bool) -> Result<Self> {
        let injection = context.options.inject.filter(|_| root);
        let Loaded { mut kustomization, file_name, generated } =
            kustomization::load(&loader, injection, context)?;
        if let Some(injection) = injection {
            injection.apply(&mut kustomization, generated, &loader)?;
        }
        let openapi = &kustomization.openapi;
        let file = match openapi.get("path") {
            Some(path) => {
                let file = loader.display(path);
                let text = loader.load_text(path, context)?;
                Some(CustomSchema::read(&text, context.read_limits()).map_err(|e| e.in_file(&file))?)
            }
            None => None,
        };
        let version = openapi.get("version").map(String::as_str);
        context
            .schemas
            .set(version, file, root)
            .map_err(|e| e.in_file(&loader.display(file_name)).of_field("openapi"))?;
        Ok(Self { loader, kustomization, file_name, origin: None, helm_namespace: String::new() })
    }

    /// Asks for notes of where resources come from.
    pub(crate) fn track_origins(&mut self) {
        self.origin = Some(OriginNote::default());
    }

    fn file(&self) -> String {
        self.loader.display(self.file_name)
    }

    /// Builds the kustomization on top of what is there (components) or of nothing.
    pub(crate) fn accumulate(&self, mut done: Accumulated, context: &mut Context<'a>) -> Result<Accumulated> {
        self.add_resources(&mut done, &self.kustomization.resources, "resources", context)?;
        let here = |e: BuildError| e.in_file(&self.file());
        let config =
            read_configurations(&self.kustomization.configurations, &self.loader, context).map_err(here)?;
        done.config = done.config.merged(&config).map_err(here)?;
        let crds = read_crds(&self.kustomization.crds, &self.loader, context).map_err(here)?;
        done.config = done.config.merged(&crds).map_err(here)?;
        self.run_generators(&mut done, context)?;
        done = self.add_components(done, context)?;
        self.run_transformers(&mut done, context)?;
        self.run_validators(&mut done, context)?;
        mark_sources(&self.kustomization.vars, &mut done.set, &context.schemas.scopes).map_err(here)?;
        done.vars.merge(self.kustomization.vars.iter().cloned()).map_err(here)?;
        Ok(done)
    }

    /// Takes in files and bases. Goes on after an error, so that several are reported together.
    fn add_resources(
        &self,
        done: &mut Accumulated,
        paths: &[String],
        field: &str,
        context: &mut Context<'a>,
    ) -> Result<()> {
        let mut failed = false;
        for (at, path) in paths.iter().enumerate() {
            if let Err(error) = self.add_resource(done, path, context) {
                failed = true;
                if !error.message.is_empty() {
                    let error = error.in_file(&self.file()).of_field(&format!("{field}.{at}"));
                    context.errors.push(BuildError {
                        message: format!(
                            "accumulating resources from '{}': {}",
                            without_password(path),
                            error.message
                        ),
                        ..error
                    });
                }
            }
        }
        if failed { Err(reported()) } else { Ok(()) }
    }

    fn add_resource(&self, done: &mut Accumulated, path: &str, context: &mut Context<'a>) -> Result<()> {
        match self.loader.find(path, context)? {
            Found::File(bytes) => {
                let file = self.loader.display(path);
                let text = std::str::from_utf8(&bytes)
                    .map_err(|_| BuildError::new("not a UTF-8 text").in_file(&file))?;
                let mut resources = read_resources(text, &file, context)?;
                if let Some(origin) = &self.origin {
                    let origin = origin.join(path);
                    resources.iter_mut().for_each(|r| r.origin = Some(origin.clone()));
                }
                done.set.append_all(resources)
            }
            Found::Base(loader) => {
                let child = self.child(loader, path, context)?;
                if child.kustomization.is_component() {
                    let message =
                        format!("expected kind != 'Component' for path '{path}'; name it under components");
                    return Err(BuildError::new(message));
                }
                let built = child.accumulate(Accumulated::default(), context)?;
                done.merge(built)
            }
        }
    }

    fn add_components(&self, mut done: Accumulated, context: &mut Context<'a>) -> Result<Accumulated> {
        for (at, path) in self.kustomization.components.iter().enumerate() {
            let field = format!("components.{at}");
            let here = |e: BuildError| {
                if e.message.is_empty() { e } else { e.in_file(&self.file()).of_field(&field) }
            };
            let loader = self.loader.base(path, context).map_err(here)?;
            let child = self.child(loader, path, context).map_err(here)?;
            if !child.kustomization.is_component() {
                let message = format!(
                    "expected kind 'Component' for path '{path}' but got '{}'",
                    child.kustomization.kind
                );
                return Err(here(BuildError::new(message)));
            }
            done = child.accumulate(done, context).map_err(here)?;
        }
        Ok(done)
    }

    fn child(&self, loader: Loader<'a>, path: &str, context: &mut Context<'a>) -> Result<Self> {
        let mut child = Self::load(loader, context, false)?;
        child.origin = self.origin.as_ref().map(|origin| origin.join(path));
        let own = &self.kustomization.namespace;
        child.helm_namespace = if own.is_empty() { self.helm_namespace.clone() } else { own.clone() };
        Ok(child)
    }

    fn run_generators(&self, done: &mut Accumulated, context: &mut Context<'a>) -> Result<()> {
        let file = self.file();
        let k = &self.kustomization;
        let mut generated: Vec<Resource> = Vec::new();
        let lists = [
            (Generated::ConfigMap, &k.config_map_generator, "configMapGenerator", "ConfigMapGenerator"),
            (Generated::Secret, &k.secret_generator, "secretGenerator", "SecretGenerator"),
        ];
        for (what, list, field, kind) in lists {
            for (at, args) in list.iter().enumerate() {
                let options = GeneratorOptions::merged(args.options.clone(), k.generator_options.as_ref());
                let args = GeneratorArgs { options, ..args.clone() };
                match generate(what, &args, &self.loader, &file, context) {
                    Ok(mut resource) => {
                        resource.origin = self.origin.as_ref().map(|o| o.builtin(self.file_name, kind));
                        generated.push(resource);
                    }
                    Err(error) => {
                        let error = error.in_file(&file).of_field(&format!("{field}.{at}"));
                        context.errors.push(error);
                    }
                }
            }
        }
        for chart in &k.helm_charts {
            let mut chart = chart.clone();
            if chart.namespace.is_empty() {
                chart.namespace =
                    if k.namespace.is_empty() { self.helm_namespace.clone() } else { k.namespace.clone() };
            }
            let globals = k.helm_globals.clone().unwrap_or_default();
            let mut resources = crate::helm::inflate(&globals, &chart, &self.loader, &file, context)
                .map_err(|e| e.in_file(&file))?;
            let note = self.origin.as_ref().map(|o| o.builtin(self.file_name, "HelmChartInflationGenerator"));
            resources.iter_mut().for_each(|r| r.origin = r.origin.take().or_else(|| note.clone()));
            generated.append(&mut resources);
        }
        if !context.errors.is_empty() {
            return Err(reported());
        }
        for configuration in self.plugin_configurations(&k.generators, "generators", context)? {
            let note = note_of(&configuration);
            for mut resource in run_generator(&configuration, &self.loader, context)? {
                resource.origin = resource.origin.take().or_else(|| note.clone());
                generated.push(resource);
            }
        }
        for resource in generated {
            done.set.absorb(resource, &context.schemas.scopes).map_err(|e| e.in_file(&file))?;
        }
        Ok(())
    }

    /// The configurations of external generators or transformers: inline, in files or in folders.
    fn plugin_configurations(
        &self,
        entries: &[String],
        field: &str,
        context: &mut Context<'a>,
    ) -> Result<Vec<Resource>> {
        let mut configurations = Accumulated::default();
        let mut paths = Vec::new();
        for entry in entries {
            // What is no resource is a path.
            match read_resources(entry, &self.file(), context) {
                Ok(mut inline) => {
                    if let Some(origin) = &self.origin {
                        let origin = origin.join(self.file_name);
                        inline.iter_mut().for_each(|r| r.origin = Some(origin.clone()));
                    }
                    configurations.set.append_all(inline).map_err(|e| e.in_file(&self.file()))?;
                }
                Err(_) => paths.push(entry.clone()),
            }
        }
        self.add_resources(&mut configurations, &paths, field, context)?;
        Ok(configurations.set.list)
    }

    fn run_transformers(&self, done: &mut Accumulated, context: &mut Context<'a>) -> Result<()> {
        let file = self.file();
        let here = |e: BuildError| e.in_file(&file);
        let mut steps = self.builtin_transformers(&done.config, context).map_err(here)?;
        for configuration in
            self.plugin_configurations(&self.kustomization.transformers, "transformers", context)?
        {
            let note = note_of(&configuration);
            let made = transformers(&configuration, &self.loader, context).map_err(here)?;
            steps.extend(made.into_iter().map(|t| (t, note.clone())));
        }
        let mut steps = steps.as_slice();
        while let [(step, note), rest @ ..] = steps {
            let singles: Vec<_> = steps.iter().map_while(single).collect();
            if singles.len() > 1 {
                transform_each(&singles, &mut done.set, &context.schemas).map_err(here)?;
                steps = &steps[singles.len()..];
                continue;
            }
            steps = rest;
            step.transform(&mut done.set, &context.schemas).map_err(here)?;
            if let Some(note) = note {
                for resource in done.set.list.iter_mut().filter(|r| !r.is_gone()) {
                    // The original writes the note into the annotations, which makes strings of them.
                    let annotations = resource.texts("annotations");
                    resource.set_texts("annotations", annotations);
                    // Without an origin the transformer made it.
                    match &resource.origin {
                        None => resource.origin = Some(note.clone()),
                        Some(_) => resource.transformations.push(note.clone()),
                    }
                }
            }
            done.set.drop_gone();
        }
        Ok(())
    }

    fn builtin_transformers(&self, config: &Config, context: &mut Context<'a>) -> Result<Steps> {
        let k = &self.kustomization;
        let file = self.file();
        let mut steps = StepList { target: self, steps: Vec::new() };
        if !k.patches_strategic_merge.is_empty() {
            let patches =
                StrategicPatches::new(&k.patches_strategic_merge, "", &self.loader, &file, context)?;
            steps.push("PatchStrategicMergeTransformer", patches);
        }
        for (at, patch) in k.patches.iter().enumerate() {
            let step = PatchStep::new(patch, &self.loader, &file, context)
                .map_err(|e| e.of_field(&format!("patches.{at}")))?;
            steps.push("PatchTransformer", step);
        }
        if !k.namespace.is_empty() {
            let namespace = Namespace {
                namespace: k.namespace.clone(),
                specs: config.namespace.clone(),
                unset_only: false,
                subjects: SubjectMode::DefaultOnly,
            };
            steps.push("NamespaceTransformer", namespace);
        }
        let affixes = [
            (Side::Prefix, &k.name_prefix, &config.name_prefix, "PrefixTransformer"),
            (Side::Suffix, &k.name_suffix, &config.name_suffix, "SuffixTransformer"),
        ];
        for (side, text, specs, kind) in affixes.into_iter().filter(|(_, text, ..)| !text.is_empty()) {
            steps.push(kind, Affix { side, text: text.clone(), specs: specs.clone() });
        }
        if !k.labels.is_empty() || !k.common_labels.is_empty() {
            for label in &k.labels {
                let specs = label_specs(label, config)?;
                steps.push("LabelTransformer", Labels { pairs: label.pairs.clone(), specs });
            }
            let labels = Labels { pairs: k.common_labels.clone(), specs: config.common_labels.clone() };
            steps.push("LabelTransformer", labels);
        }
        if !k.common_annotations.is_empty() {
            let annotations =
                Labels { pairs: k.common_annotations.clone(), specs: config.common_annotations.clone() };
            steps.push("AnnotationsTransformer", annotations);
        }
        for (at, patch) in k.patches_json6902.iter().enumerate() {
            let step = JsonPatch::new(patch, &self.loader, &file, context)
                .map_err(|e| e.of_field(&format!("patchesJson6902.{at}")))?;
            steps.push("PatchJson6902Transformer", step);
        }
        for replica in &k.replicas {
            let step = ReplicaCount { replica: replica.clone(), specs: config.replicas.clone() };
            steps.push("ReplicaCountTransformer", step);
        }
        for image in &k.images {
            steps.push("ImageTagTransformer", ImageTag::new(image.clone(), config.images.clone()));
        }
        if !k.replacements.is_empty() {
            let fields = load_replacements(k.replacements.clone(), &self.loader, context)?;
            steps.push("ReplacementTransformer", Replacements::new(fields)?);
        }
        Ok(steps.steps)
    }

    /// Validators are transformers that must not change anything but their own label.
    fn run_validators(&self, done: &mut Accumulated, context: &mut Context<'a>) -> Result<()> {
        let file = self.file();
        for configuration in
            self.plugin_configurations(&self.kustomization.validators, "validators", context)?
        {
            let steps = transformers(&configuration, &self.loader, context).map_err(|e| e.in_file(&file))?;
            let before: Vec<Node> = done.set.list.iter().map(|r| r.node.clone()).collect();
            for step in steps {
                step.transform(&mut done.set, &context.schemas).map_err(|e| e.in_file(&file))?;
            }
            let after: Vec<Node> = done.set.list.iter().map(without_validation_label).collect();
            if before != after {
                let message = format!("validator {} shouldn't modify the resource map", configuration.id);
                return Err(BuildError::new(message).in_file(&file));
            }
        }
        Ok(())
    }
}

type Step = (Box<dyn Transformer>, Option<OriginNote>);
type Steps = Vec<Step>;

/// A step that may take turns with its neighbours: nothing is noted down after it.
fn single((step, note): &Step) -> Option<&dyn SingleTransformer> {
    step.as_single().filter(|_| note.is_none())
}

struct StepList<'t, 'a> {
    target: &'t Target<'a>,
    steps: Steps,
}

impl StepList<'_, '_> {
    fn push(&mut self, kind: &str, step: impl Transformer + 'static) {
        let note = self.target.origin.as_ref().map(|o| o.builtin(self.target.file_name, kind));
        self.steps.push((Box::new(step), note));
    }
}

fn without_validation_label(resource: &Resource) -> Node {
    let mut node = resource.node.clone();
    if let Some(Node::Map(labels)) = node
        .as_map_mut()
        .and_then(|m| m.get_mut("metadata"))
        .and_then(Node::as_map_mut)
        .and_then(|m| m.get_mut("labels"))
    {
        labels.remove("validated-by");
    }
    node
}

/// The fields of one entry of `labels`.
fn label_specs(label: &Label, config: &Config) -> Result<Vec<Spec>> {
    let mut specs: Vec<Spec> = label.fields.iter().map(Spec::from).collect();
    merge_all(&mut specs, &config.labels)?;
    if label.include_selectors {
        merge_all(&mut specs, &config.common_labels)?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_all(&mut specs, &config.template_labels)?;
    }
    if label.include_volume_claim_templates {
        merge_all(&mut specs, &config.volume_claim_template_labels)?;
    }
    merge_one(&mut specs, Spec::new(Gvk::default(), "metadata/labels", true))?;
    Ok(specs)
}

//! Which fields of which kinds a transformer works on: the built-in table, and what `configurations` and `crds` add.

mod crds;
mod names;
mod tables;
mod vars;

pub(crate) use crds::read_crds;

use crate::decode::{config, decode};
use crate::error::{BuildError, Result};
use crate::kustomization::FieldSpec;
use crate::loader::{Context, Loader};
use crate::node::{Dialect, Node, read_documents, split_path};
use crate::resource::Gvk;
use std::sync::{Arc, LazyLock};

/// A field of a kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    /// The kind; empty parts match any.
    pub(crate) gvk: Gvk,
    pub(crate) path: String,
    pub(crate) parts: Vec<Part>,
    /// Whether the field is made where it is missing.
    pub(crate) create: bool,
}

/// A part of a field's path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Written with `[]`: a list, never made.
    pub(crate) list: bool,
}

impl Spec {
    pub(crate) fn new(gvk: Gvk, path: &str, create: bool) -> Self {
        let parts = split_path(path, '/')
            .into_iter()
            .map(|part| match part.strip_suffix("[]") {
                Some(name) => Part { name: name.to_owned(), list: true },
                None => Part { name: part, list: false },
            })
            .collect();
        Self { gvk, path: path.to_owned(), parts, create }
    }
}

impl From<&FieldSpec> for Spec {
    fn from(field: &FieldSpec) -> Self {
        Self::new(field.gvk(), &field.path, field.create)
    }
}

/// Which fields hold the name of a kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NameReference {
    /// The kind that is referred to.
    pub(crate) target: Gvk,
    pub(crate) referrers: Vec<Spec>,
}

/// The fields that the transformers of one kustomization work on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Config {
    pub(crate) name_prefix: Vec<Spec>,
    pub(crate) name_suffix: Vec<Spec>,
    pub(crate) namespace: Vec<Spec>,
    pub(crate) common_labels: Vec<Spec>,
    pub(crate) labels: Vec<Spec>,
    pub(crate) template_labels: Vec<Spec>,
    pub(crate) volume_claim_template_labels: Vec<Spec>,
    pub(crate) common_annotations: Vec<Spec>,
    pub(crate) name_reference: Vec<NameReference>,
    pub(crate) var_reference: Vec<Spec>,
    pub(crate) images: Vec<Spec>,
    pub(crate) replicas: Vec<Spec>,
}

config! {
    /// A file named by `configurations`.
    ConfigFile {
        name_prefix: Vec<FieldSpec> = "namePrefix",
        name_suffix: Vec<FieldSpec> = "nameSuffix",
        namespace: Vec<FieldSpec> = "namespace",
        common_labels: Vec<FieldSpec> = "commonLabels",
        labels: Vec<FieldSpec> = "labels",
        template_labels: Vec<FieldSpec> = "templateLabels",
        volume_claim_template_labels: Vec<FieldSpec> = "volumeClaimTemplateLabels",
        common_annotations: Vec<FieldSpec> = "commonAnnotations",
        name_reference: Vec<NameReferenceField> = "nameReference",
        var_reference: Vec<FieldSpec> = "varReference",
        images: Vec<FieldSpec> = "images",
        replicas: Vec<FieldSpec> = "replicas",
    }

    NameReferenceField {
        group: String = "group",
        version: String = "version",
        kind: String = "kind",
        field_specs: Vec<FieldSpec> = "fieldSpecs",
    }
}

static DEFAULT: LazyLock<Arc<Config>> = LazyLock::new(|| Arc::new(tables::default_config()));

impl Config {
    /// The built-in table.
    pub(crate) fn builtin() -> Arc<Self> {
        DEFAULT.clone()
    }

    /// This configuration with another merged in. What is there already stays.
    pub(crate) fn merged(self: &Arc<Self>, other: &Arc<Self>) -> Result<Arc<Self>> {
        if Arc::ptr_eq(self, other) || **other == Self::default() {
            return Ok(self.clone());
        }
        if **self == Self::default() && Arc::ptr_eq(other, &DEFAULT) {
            return Ok(other.clone());
        }
        let mut merged = Self::clone(self);
        for (own, more) in merged.lists_mut().into_iter().zip(other.lists()) {
            merge_all(own, more)?;
        }
        for reference in &other.name_reference {
            match merged.name_reference.iter_mut().find(|own| own.target == reference.target) {
                Some(own) => merge_all(&mut own.referrers, &reference.referrers)?,
                None => merged.name_reference.push(reference.clone()),
            }
        }
        merged.sort();
        Ok(Arc::new(merged))
    }

    fn lists(&self) -> [&Vec<Spec>; 11] {
        [
            &self.name_prefix,
            &self.name_suffix,
            &self.namespace,
            &self.common_annotations,
            &self.common_labels,
            &self.labels,
            &self.template_labels,
            &self.volume_claim_template_labels,
            &self.var_reference,
            &self.images,
            &self.replicas,
        ]
    }

    fn lists_mut(&mut self) -> [&mut Vec<Spec>; 11] {
        [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_annotations,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.volume_claim_template_labels,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ]
    }

    /// The order in which the original applies fields: by kind.
    fn sort(&mut self) {
        for list in self.lists_mut() {
            list.sort_by_cached_key(|spec| order_key(&spec.gvk));
        }
        self.name_reference.sort_by_cached_key(|reference| order_key(&reference.target));
    }
}

fn order_key(gvk: &Gvk) -> (i32, String) {
    let part = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    let text = format!("{}_{}_{}", part(&gvk.group, "~G"), part(&gvk.version, "~V"), part(&gvk.kind, "~K"));
    (crate::sort::default_rank(&gvk.kind), text)
}

/// Adds fields that are not there yet; the same field with another `create` is a conflict.
pub(crate) fn merge_all(list: &mut Vec<Spec>, more: &[Spec]) -> Result<()> {
    more.iter().try_for_each(|spec| merge_one(list, spec.clone()))
}

/// Adds one field; see [`merge_all`].
pub(crate) fn merge_one(list: &mut Vec<Spec>, spec: Spec) -> Result<()> {
    match list.iter().find(|own| own.path == spec.path && own.gvk.is_selected(&spec.gvk)) {
        Some(own) if own.create != spec.create => {
            Err(BuildError::new(format!("conflicting fieldspecs for path '{}' of {}", spec.path, spec.gvk)))
        }
        Some(_) => Ok(()),
        None => {
            list.push(spec);
            Ok(())
        }
    }
}

fn specs(fields: &[FieldSpec]) -> Vec<Spec> {
    fields.iter().map(Spec::from).collect()
}

impl From<ConfigFile> for Config {
    fn from(file: ConfigFile) -> Self {
        let name_reference = file
            .name_reference
            .iter()
            .map(|r| NameReference {
                target: Gvk::new(&r.group, &r.version, &r.kind),
                referrers: specs(&r.field_specs),
            })
            .collect();
        let mut config = Self {
            name_prefix: specs(&file.name_prefix),
            name_suffix: specs(&file.name_suffix),
            namespace: specs(&file.namespace),
            common_labels: specs(&file.common_labels),
            labels: specs(&file.labels),
            template_labels: specs(&file.template_labels),
            volume_claim_template_labels: specs(&file.volume_claim_template_labels),
            common_annotations: specs(&file.common_annotations),
            name_reference,
            var_reference: specs(&file.var_reference),
            images: specs(&file.images),
            replicas: specs(&file.replicas),
        };
        config.sort();
        config
    }
}

/// The built-in table with the files of a kustomization's `configurations`.
pub(crate) fn read_configurations<'a>(
    paths: &[String],
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<Arc<Config>> {
    let mut added = Arc::new(Config::default());
    for path in paths {
        let file = loader.display(path);
        let text = loader.load_text(path, context).map_err(|e| e.in_file(&file))?;
        let documents = read_documents(&text, Dialect::V2, context.read_limits())
            .map_err(|e| BuildError::new(e.message).in_file(&file).at_line(e.line))?;
        let Some(first) = documents.into_iter().next() else { continue };
        let read: ConfigFile = decode_all(&first.node, &file, first.line, context)?;
        added = added.merged(&Arc::new(read.into())).map_err(|e| e.in_file(&file))?;
    }
    Config::builtin().merged(&added)
}

/// Decodes strictly; all errors but the first go to the context.
pub(crate) fn decode_all<T: crate::decode::FromNode>(
    node: &Node,
    file: &str,
    line: u32,
    context: &mut Context<'_>,
) -> Result<T> {
    decode(node, file, line, true).map_err(|errors| {
        let mut errors = errors.into_iter();
        let first = errors.next().unwrap_or_default();
        context.errors.extend(errors);
        first
    })
}

//! The kustomization file: its fields, its older forms, and finding it in a folder.

mod fields;

pub(crate) use fields::*;

use crate::decode::decode;
use crate::error::{BuildError, Result};
use crate::inject::Injection;
use crate::loader::{Context, Loader};
use crate::node::{Dialect, Document, Node, read_documents};

/// Names a kustomization file may have, the default first.
pub(crate) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";
const FIX: &str = "Run 'kustomize edit fix' to update your Kustomization automatically.";

/// A kustomization and the file it was read from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) kustomization: Kustomization,
    /// One of [`FILE_NAMES`].
    pub(crate) file_name: &'static str,
    /// There is no such file: the kustomization was made up.
    pub(crate) generated: bool,
}

/// The name of the kustomization file in a folder of a tree, if there is one.
fn find_file(loader: &Loader<'_>) -> Result<Option<&'static str>> {
    let found: Vec<&str> = FILE_NAMES
        .into_iter()
        .filter(|name| {
            let path = holdfast_tree::join(loader.root(), name).unwrap_or_default();
            let entry = holdfast_tree::resolve(loader.tree(), &path).map(|r| r.entry);
            matches!(entry, Ok(holdfast_tree::Entry::File { .. }))
        })
        .collect();
    match found.as_slice() {
        [name] => Ok(Some(name)),
        [] => Ok(None),
        _ => Err(BuildError::new(format!("found multiple kustomization files under: {}", loader.root()))),
    }
}

/// Reads the kustomization of a folder. What is wrong with its fields is reported in `context`; the error returned
/// then stands for all of it.
pub(crate) fn load<'a>(
    loader: &Loader<'a>,
    injection: Option<&Injection>,
    context: &mut Context<'a>,
) -> Result<Loaded> {
    let Some(file_name) = find_file(loader)? else {
        let made_up = injection.map(|i| i.generate(loader, context)).transpose()?.flatten();
        let kustomization = made_up.ok_or_else(|| {
            BuildError::new(format!(
                "unable to find one of '{}' in directory '{}'",
                FILE_NAMES.join("', '"),
                loader.root()
            ))
        })?;
        return Ok(Loaded { kustomization, file_name: FILE_NAMES[0], generated: true });
    };
    let file = loader.display(file_name);
    let text = loader.load_text(file_name, context)?;
    let documents = read_documents(&text, Dialect::V2, context.read_limits()).map_err(|e| {
        BuildError::new(format!("invalid Kustomization: {}", e.message)).in_file(&file).at_line(e.line)
    })?;
    // Only the first document counts.
    let document = documents.into_iter().next();
    let lenient = injection.is_some_and(Injection::ignores_unknown_fields);
    let kustomization = read(document, &file, injection.is_some(), !lenient, context)?;
    Ok(Loaded { kustomization, file_name, generated: false })
}

/// Reads a kustomization; one that something is laid on may be empty.
fn read(
    document: Option<Document>,
    file: &str,
    may_be_empty: bool,
    strict: bool,
    context: &mut Context<'_>,
) -> Result<Kustomization> {
    let empty = || BuildError::new("kustomization.yaml is empty").in_file(file);
    let document = match document {
        Some(document) => document,
        None if may_be_empty => Document { node: Node::empty_map(), line: 1, index: 0 },
        None => return Err(empty()),
    };
    warn_duplicates(&document.node, file, context);
    let mut kustomization: Kustomization =
        decode(&document.node, file, document.line, strict).map_err(|errors| {
            let mut errors = errors.into_iter();
            let first = errors.next().unwrap_or_default();
            context.errors.extend(errors);
            first
        })?;
    warn_deprecated(&kustomization, file, context);
    kustomization.migrate();
    let bare = Kustomization {
        kind: kustomization.kind.clone(),
        api_version: kustomization.api_version.clone(),
        ..Kustomization::default()
    };
    if kustomization == bare && !may_be_empty {
        return Err(empty());
    }
    kustomization.check_type(file)?;
    Ok(kustomization)
}

fn warn_duplicates(node: &Node, file: &str, context: &mut Context<'_>) {
    let Some(map) = node.as_map() else { return };
    for (at, (key, _)) in map.entries.iter().enumerate() {
        if map.entries[..at].iter().any(|(earlier, _)| earlier.text == key.text) {
            let warning = BuildError::new("is written twice; the last one counts");
            context.warnings.push(warning.in_file(file).at_line(key.line).of_field(&key.text));
        }
    }
}

fn warn_deprecated(k: &Kustomization, file: &str, context: &mut Context<'_>) {
    let fields = [
        (!k.bases.is_empty(), "bases", "resources"),
        (!k.common_labels.is_empty(), "commonLabels", "labels"),
        (!k.image_tags.is_empty(), "imageTags", "images"),
        (!k.patches_json6902.is_empty(), "patchesJson6902", "patches"),
        (!k.patches_strategic_merge.is_empty(), "patchesStrategicMerge", "patches"),
        (!k.vars.is_empty(), "vars", "replacements"),
    ];
    for (_, old, new) in fields.into_iter().filter(|(used, ..)| *used) {
        let experimental = if old == "vars" { "[EXPERIMENTAL] " } else { "" };
        let message = format!("'{old}' is deprecated. Please use '{new}' instead. {experimental}{FIX}");
        context.warnings.push(BuildError::new(message).in_file(file));
    }
}

impl Kustomization {
    /// True for a component.
    pub(crate) fn is_component(&self) -> bool {
        self.kind == "Component"
    }

    /// Brings older forms to the current ones and fills in `kind` and `apiVersion`.
    pub(crate) fn migrate(&mut self) {
        if self.kind.is_empty() {
            self.kind = "Kustomization".into();
        }
        if self.api_version.is_empty() {
            self.api_version = if self.is_component() { COMPONENT_VERSION.into() } else { VERSION.into() };
        }
        self.resources.append(&mut self.bases);
        self.images.append(&mut self.image_tags);
        for generator in self.config_map_generator.iter_mut().chain(&mut self.secret_generator) {
            if !generator.env.is_empty() {
                generator.envs.push(std::mem::take(&mut generator.env));
            }
        }
        self.migrate_helm();
    }

    fn migrate_helm(&mut self) {
        let mut globals = HelmGlobals::default();
        for old in std::mem::take(&mut self.helm_chart_inflation_generator) {
            if !old.helm_home.is_empty() {
                globals.config_home.clone_from(&old.helm_home);
            }
            if !old.chart_home.is_empty() {
                globals.chart_home.clone_from(&old.chart_home);
            }
            self.helm_charts.push(HelmChart {
                name: old.chart_name,
                version: old.chart_version,
                repo: old.chart_repo_url,
                values_file: old.values,
                values_inline: old.values_local,
                values_merge: old.values_merge,
                release_name: old.release_name,
                ..HelmChart::default()
            });
        }
        if self.helm_globals.is_none() && globals != HelmGlobals::default() {
            self.helm_globals = Some(globals);
        }
    }

    fn check_type(&self, file: &str) -> Result<()> {
        if self.kind != "Kustomization" && !self.is_component() {
            let message = "should be Kustomization or Component";
            return Err(BuildError::new(message).in_file(file).of_field("kind"));
        }
        let wanted = if self.is_component() { COMPONENT_VERSION } else { VERSION };
        if self.api_version != wanted {
            let message = format!("for {} should be {wanted}", self.kind);
            return Err(BuildError::new(message).in_file(file).of_field("apiVersion"));
        }
        Ok(())
    }
}

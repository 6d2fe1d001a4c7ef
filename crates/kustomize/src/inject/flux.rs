use super::InjectedPatch;
use crate::error::{BuildError, Result};
use crate::kustomization::{FILE_NAMES, Image, Kustomization};
use crate::loader::{Context, Loader};
use holdfast_tree::{Entry, FileTree};

/// The fields of a Flux `Kustomization` that go into the kustomization it builds.
///
/// Flux builds with [`LoadRestrictor::None`](crate::LoadRestrictor::None) and the legacy order. Where the folder has no
/// kustomization, one is made up from every YAML file below it; a folder with a kustomization of its own is one
/// resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flux {
    /// `targetNamespace`.
    pub target_namespace: Option<String>,
    /// `namePrefix`.
    pub name_prefix: Option<String>,
    /// `nameSuffix`.
    pub name_suffix: Option<String>,
    /// `patches`.
    pub patches: Vec<InjectedPatch>,
    /// `images`.
    pub images: Vec<FluxImage>,
    /// `components`, relative to the folder.
    pub components: Vec<String>,
    /// `ignoreMissingComponents`.
    pub ignore_missing_components: bool,
    /// `buildMetadata`.
    pub build_metadata: Vec<String>,
}

/// One entry of a Flux `Kustomization`'s `images`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FluxImage {
    /// The image's name.
    pub name: String,
    /// The name it gets.
    pub new_name: String,
    /// The tag it gets.
    pub new_tag: String,
    /// The digest it gets.
    pub digest: String,
}

impl Flux {
    pub(super) fn apply(&self, k: &mut Kustomization, generated: bool, loader: &Loader<'_>) -> Result<()> {
        if !generated && k.resources.is_empty() {
            // So that the kustomization is not empty.
            k.build_metadata = vec!["originAnnotations".into()];
        }
        let set = |field: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                field.clone_from(value);
            }
        };
        set(&mut k.namespace, &self.target_namespace);
        set(&mut k.name_prefix, &self.name_prefix);
        set(&mut k.name_suffix, &self.name_suffix);
        k.patches.extend(self.patches.iter().map(Into::into));
        for component in &self.components {
            if !is_local(component) {
                return Err(BuildError::new(format!(
                    "component path '{component}' must be local and relative"
                )));
            }
            if self.ignore_missing_components && !loader.exists(component) {
                continue;
            }
            k.components.push(component.clone());
        }
        for image in &self.images {
            let Some(own) = k.images.iter_mut().find(|i| i.name == image.name) else {
                k.images.push(Image {
                    name: image.name.clone(),
                    new_name: image.new_name.clone(),
                    new_tag: image.new_tag.clone(),
                    digest: image.digest.clone(),
                    ..Image::default()
                });
                continue;
            };
            if !image.new_name.is_empty() {
                own.new_name.clone_from(&image.new_name);
            }
            // Tag and digest are replaced together.
            if !image.new_tag.is_empty() || !image.digest.is_empty() {
                own.new_tag.clone_from(&image.new_tag);
                own.digest.clone_from(&image.digest);
            }
        }
        if !self.build_metadata.is_empty() {
            k.build_metadata.clone_from(&self.build_metadata);
        }
        Ok(())
    }
}

fn is_local(path: &str) -> bool {
    const REMOTE: [&str; 8] =
        ["git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"];
    let lower = path.to_ascii_lowercase();
    let path = lower.strip_prefix("file://").unwrap_or(&lower);
    !path.starts_with('/')
        && !REMOTE.iter().any(|prefix| lower.len() > prefix.len() && lower.starts_with(prefix))
}

/// Makes up a kustomization from the files below a folder.
pub(super) fn generate<'a>(loader: &Loader<'a>, context: &mut Context<'a>) -> Result<Kustomization> {
    let mut resources = Vec::new();
    scan(loader.tree(), loader.root(), "", 0, context, &mut resources)?;
    let mut kustomization = Kustomization::default();
    if resources.is_empty() {
        // Nothing to build, and no error.
        kustomization.namespace = "_placeholder".into();
    }
    kustomization.resources = resources;
    kustomization.migrate();
    Ok(kustomization)
}

fn scan(
    tree: &dyn FileTree,
    root: &str,
    below: &str,
    depth: usize,
    context: &mut Context<'_>,
    resources: &mut Vec<String>,
) -> Result<()> {
    let limit = context.options.limits.depth;
    if depth > limit {
        return Err(BuildError::new(format!("folders are nested more than {limit} deep (limit: depth)")));
    }
    let here = holdfast_tree::join(root, below).unwrap_or_default();
    let entries = tree.list(&here).map_err(|e| BuildError::new(e.to_string()))?;
    for entry in entries {
        let path = if below.is_empty() { entry.name.clone() } else { format!("{below}/{}", entry.name) };
        match entry.entry {
            Entry::Folder => {
                if has_kustomization(tree, &format!("{here}/{}", entry.name)) {
                    resources.push(path);
                } else {
                    scan(tree, root, &path, depth + 1, context, resources)?;
                }
            }
            // Links to folders are not followed, links to files are.
            Entry::File { .. } | Entry::Symlink { .. } => {
                if path.ends_with(".yaml") || path.ends_with(".yml") {
                    resources.push(path);
                }
            }
        }
        if resources.len() > context.options.limits.files {
            let limit = context.options.limits.files;
            return Err(BuildError::new(format!("the folder holds more than {limit} files (limit: files)")));
        }
    }
    Ok(())
}

fn has_kustomization(tree: &dyn FileTree, folder: &str) -> bool {
    FILE_NAMES.iter().any(|name| {
        let found = holdfast_tree::normalize(&format!("{folder}/{name}"))
            .and_then(|path| holdfast_tree::resolve(tree, &path).ok());
        found.is_some_and(|found| matches!(found.entry, Entry::File { .. }))
    })
}

use super::InjectedPatch;
use crate::error::{BuildError, Result};
use crate::kustomization::{Image, Kustomization, Label, Replica};
use crate::loader::Loader;
use crate::transform::split_image;
use std::collections::BTreeMap;

/// The `kustomize` block of an Argo CD source, which Argo CD applies with `kustomize edit` before it builds.
///
/// Environment variables in images, labels and annotations are the caller's to expand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArgoCd {
    /// `namePrefix`.
    pub name_prefix: String,
    /// `nameSuffix`.
    pub name_suffix: String,
    /// `namespace`.
    pub namespace: String,
    /// `images`, as `[old=]new[:tag|@digest]`.
    pub images: Vec<String>,
    /// `replicas`: names and counts.
    pub replicas: Vec<(String, i64)>,
    /// `commonLabels`.
    pub common_labels: BTreeMap<String, String>,
    /// `forceCommonLabels`: labels of the kustomization may be overwritten.
    pub force_common_labels: bool,
    /// `labelWithoutSelector`.
    pub label_without_selector: bool,
    /// `labelIncludeTemplates`; needs `labelWithoutSelector`.
    pub label_include_templates: bool,
    /// `commonAnnotations`.
    pub common_annotations: BTreeMap<String, String>,
    /// `forceCommonAnnotations`.
    pub force_common_annotations: bool,
    /// `patches`.
    pub patches: Vec<InjectedPatch>,
    /// `components`.
    pub components: Vec<String>,
    /// `ignoreMissingComponents`.
    pub ignore_missing_components: bool,
}

impl ArgoCd {
    pub(super) fn apply(&self, k: &mut Kustomization, loader: &Loader<'_>) -> Result<()> {
        let set = |field: &mut String, value: &String| {
            if !value.is_empty() {
                field.clone_from(value);
            }
        };
        set(&mut k.name_prefix, &self.name_prefix);
        set(&mut k.name_suffix, &self.name_suffix);
        set(&mut k.namespace, &self.namespace);
        self.set_images(k)?;
        self.set_replicas(k);
        self.add_labels(k)?;
        for (key, value) in &self.common_annotations {
            add_entry(&mut k.common_annotations, key, value, self.force_common_annotations, "annotation")?;
        }
        k.patches.extend(self.patches.iter().map(Into::into));
        for component in &self.components {
            let missing = self.ignore_missing_components && !loader.exists(component);
            if !missing && !k.components.contains(component) {
                k.components.push(component.clone());
            }
        }
        Ok(())
    }

    /// `kustomize edit set image`: entries are replaced by name and sorted.
    fn set_images(&self, k: &mut Kustomization) -> Result<()> {
        if self.images.is_empty() {
            return Ok(());
        }
        let mut images: BTreeMap<String, Image> = BTreeMap::new();
        for text in &self.images {
            let image = parse_image(text)?;
            images.insert(image.name.clone(), image);
        }
        for old in std::mem::take(&mut k.images) {
            match images.get_mut(&old.name) {
                None => {
                    images.insert(old.name.clone(), old);
                }
                // `*` keeps what is there.
                Some(new) => {
                    keep(&mut new.new_name, old.new_name);
                    keep(&mut new.new_tag, old.new_tag);
                    keep(&mut new.digest, old.digest);
                }
            }
        }
        k.images = images
            .into_values()
            .map(|mut image| {
                for field in [&mut image.new_name, &mut image.new_tag, &mut image.digest] {
                    keep(field, String::new());
                }
                image
            })
            .collect();
        Ok(())
    }

    /// `kustomize edit set replicas`.
    fn set_replicas(&self, k: &mut Kustomization) {
        if self.replicas.is_empty() {
            return;
        }
        let old = std::mem::take(&mut k.replicas).into_iter().map(|r| (r.name, r.count));
        let all: BTreeMap<String, i64> = old.chain(self.replicas.iter().cloned()).collect();
        k.replicas = all.into_iter().map(|(name, count)| Replica { name, count }).collect();
    }

    /// `kustomize edit add label`.
    fn add_labels(&self, k: &mut Kustomization) -> Result<()> {
        if self.common_labels.is_empty() {
            return Ok(());
        }
        if self.label_include_templates && !self.label_without_selector {
            return Err("--without-selector flag must be specified for --include-templates to work".into());
        }
        if !self.label_without_selector {
            for (key, value) in &self.common_labels {
                add_entry(&mut k.common_labels, key, value, self.force_common_labels, "label")?;
            }
            return Ok(());
        }
        let fits = |label: &Label| {
            !label.include_selectors && label.include_templates == self.label_include_templates
        };
        if !k.labels.iter().any(fits) {
            k.labels.push(Label { include_templates: self.label_include_templates, ..Label::default() });
        }
        let Some(label) = k.labels.iter_mut().find(|label| fits(label)) else { return Ok(()) };
        for (key, value) in &self.common_labels {
            add_entry(&mut label.pairs, key, value, self.force_common_labels, "label")?;
        }
        Ok(())
    }
}

fn keep(field: &mut String, old: String) {
    if field == "*" {
        *field = old;
    }
}

fn add_entry(
    map: &mut BTreeMap<String, String>,
    key: &str,
    value: &str,
    force: bool,
    what: &str,
) -> Result<()> {
    if map.contains_key(key) && !force {
        let message = format!("{what} {key} already in kustomization file. Use --force to override.");
        return Err(BuildError::new(message));
    }
    map.insert(key.to_owned(), value.to_owned());
    Ok(())
}

fn parse_image(text: &str) -> Result<Image> {
    let (key, value) = text.split_once('=').map_or((None, text), |(key, value)| (Some(key), value));
    let (name, tag, digest) = split_image(value);
    if name == text {
        return Err(BuildError::new(format!(
            "invalid format of image '{text}', use one of <image>=<newimage>:<newtag>, <image>=<newimage>@<digest>, <image>=<newimage>, <image>:<newtag>, <image>@<digest>"
        )));
    }
    let image = Image { new_tag: tag.into(), digest: digest.into(), ..Image::default() };
    Ok(match key {
        None => Image { name: name.into(), ..image },
        Some(key) => Image { name: key.into(), new_name: name.into(), ..image },
    })
}

//! What Flux and Argo CD lay on top of a kustomization: the fields of their own objects, written into the
//! kustomization that is built. Both change the file in their checkout; here the kustomization is changed after it was
//! read, and the tree stays as it is.

mod argocd;
mod flux;

pub use argocd::ArgoCd;
pub use flux::{Flux, FluxImage};

use crate::error::Result;
use crate::kustomization::{Kustomization, Patch, PatchOptions, Selector};
use crate::loader::{Context, Loader};

/// What is laid on top of the kustomization that a build starts with.
#[derive(Debug, Clone, PartialEq)]
pub enum Injection {
    /// The fields of a Flux `Kustomization`.
    Flux(Flux),
    /// The `kustomize` block of an Argo CD source.
    ArgoCd(ArgoCd),
}

/// A patch as both APIs write it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InjectedPatch {
    /// The patch itself: strategic merge or JSON, in YAML.
    pub patch: String,
    /// A file with the patch instead; Argo CD only.
    pub path: String,
    /// What it applies to; `None` when it names its object itself.
    pub target: Option<PatchTarget>,
    /// Whether the patch may change names (`options.allowNameChange`).
    pub allow_name_change: bool,
    /// Whether the patch may change kinds (`options.allowKindChange`).
    pub allow_kind_change: bool,
}

/// A patch's selector: anchored regular expressions and label selectors, empty for any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatchTarget {
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Selector over labels.
    pub label_selector: String,
    /// Selector over annotations.
    pub annotation_selector: String,
}

impl From<&InjectedPatch> for Patch {
    fn from(patch: &InjectedPatch) -> Self {
        let target = patch.target.as_ref().map(|t| Selector {
            group: t.group.clone(),
            version: t.version.clone(),
            kind: t.kind.clone(),
            name: t.name.clone(),
            namespace: t.namespace.clone(),
            label_selector: t.label_selector.clone(),
            annotation_selector: t.annotation_selector.clone(),
        });
        let options = PatchOptions {
            allow_name_change: patch.allow_name_change,
            allow_kind_change: patch.allow_kind_change,
        };
        Self { path: patch.path.clone(), patch: patch.patch.clone(), target, options: Some(options) }
    }
}

impl Injection {
    /// The kustomization for a folder without one, where the API makes one up.
    pub(crate) fn generate<'a>(
        &self,
        loader: &Loader<'a>,
        context: &mut Context<'a>,
    ) -> Result<Option<Kustomization>> {
        match self {
            Self::Flux(_) => flux::generate(loader, context).map(Some),
            Self::ArgoCd(_) => Ok(None),
        }
    }

    /// Whether fields that kustomize does not know are passed over.
    pub(crate) fn ignores_unknown_fields(&self) -> bool {
        matches!(self, Self::Flux(_))
    }

    /// Writes the fields into the kustomization; `generated` when [`Injection::generate`] made it.
    pub(crate) fn apply(
        &self,
        kustomization: &mut Kustomization,
        generated: bool,
        loader: &Loader<'_>,
    ) -> Result<()> {
        match self {
            Self::Flux(flux) => flux.apply(kustomization, generated, loader),
            Self::ArgoCd(argocd) => argocd.apply(kustomization, loader),
        }
    }
}

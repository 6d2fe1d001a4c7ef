//! The fleet that is simulated: five apps of two APIs, one repository, and what each commit wants of each app.

mod content;
mod custom;
mod history;

pub use content::{Content, Item, Kind};
pub use history::{Folder, Head, History};

pub(crate) use custom::{repository, resource};

use std::fmt;

/// Where every object of the fleet lives.
pub const NAMESPACE: &str = "fleet";
/// The repository of the fleet.
pub(crate) const URL: &str = "https://git.example.com/fleet";
/// The annotation by which the laws know which commit an object's content is from.
pub(crate) const VERSION: &str = "simulate.example.com/version";

/// An app of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum App {
    /// A Kustomization that others depend on.
    Base,
    /// A Kustomization that depends on [`App::Base`].
    Shop,
    /// A Kustomization that waits until its objects are healthy.
    Docs,
    /// An Application that syncs, prunes and heals by itself.
    Web,
    /// An Application that is synced by hand only.
    Batch,
}

/// Whose custom resource an app is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// A Kustomization.
    Flux,
    /// An Application.
    ArgoCd,
}

impl App {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Base, Self::Shop, Self::Docs, Self::Web, Self::Batch];

    /// The name of its custom resource and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Shop => "shop",
            Self::Docs => "docs",
            Self::Web => "web",
            Self::Batch => "batch",
        }
    }

    /// The app of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|app| app.name() == name)
    }

    /// Its API.
    pub fn api(self) -> Api {
        match self {
            Self::Base | Self::Shop | Self::Docs => Api::Flux,
            Self::Web | Self::Batch => Api::ArgoCd,
        }
    }

    /// The namespace of its custom resource.
    pub fn namespace(self) -> &'static str {
        match self.api() {
            Api::Flux => "flux-system",
            Api::ArgoCd => "argocd",
        }
    }

    /// The bucket of the sandbox's store that holds its custom resource.
    pub fn bucket(self) -> &'static str {
        match self.api() {
            Api::Flux => "kustomizations.kustomize.toolkit.fluxcd.io",
            Api::ArgoCd => "applications.argoproj.io",
        }
    }

    /// The path of its custom resource.
    pub fn path(self) -> String {
        let collection = match self.api() {
            Api::Flux => "kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations",
            Api::ArgoCd => "argoproj.io/v1alpha1/namespaces/argocd/applications",
        };
        format!("/apis/{collection}/{}", self.name())
    }

    /// Whether it changes the cluster only when a person asks.
    pub fn is_manual(self) -> bool {
        self == Self::Batch
    }

    /// The app that must be at a revision before this one follows.
    pub fn depends_on(self) -> Option<Self> {
        (self == Self::Shop).then_some(Self::Base)
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

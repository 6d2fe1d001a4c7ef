//! Charts: what a folder or an archive holds, read once and shared.

mod archive;
mod folder;
mod ignore;
mod load;
mod lock;
mod metadata;

pub use archive::ArchiveError;
pub use folder::FolderError;
pub use ignore::IgnoreError;
pub use load::{LoadError, unpack};
pub use lock::{Missing, OutOfSync, lock_digest};
pub use metadata::{Dependency, Invalid, Lock, Maintainer, Metadata};

use crate::HelmVersion;
use crate::engine::{ByPath, FilesByPath, Sets, Texts};
use crate::schema::Compiled;
use bytes::Bytes;
use holdfast_gotemplate::FrozenMap;
use std::sync::{Arc, OnceLock};

/// A chart with the charts below it. Immutable; share it in an [`Arc`].
#[derive(Debug, Clone)]
pub struct Chart {
    /// Whose rules it was read by, and is rendered by.
    pub helm: HelmVersion,
    /// `Chart.yaml`, and `requirements.yaml` of old charts.
    pub metadata: Metadata,
    /// `Chart.lock` or `requirements.lock`.
    pub lock: Option<Lock>,
    /// `values.yaml`; every number in it is a float, as Helm has it.
    pub values: FrozenMap,
    /// `values.schema.json`.
    pub schema: Option<Bytes>,
    /// What lies in `templates/`.
    pub templates: Vec<File>,
    /// Every other file outside of `charts/`, `crds/` included.
    pub files: Vec<File>,
    /// What lies in `charts/`, by name.
    pub dependencies: Vec<Arc<Chart>>,
    /// What Helm would warn of while loading.
    pub warnings: Vec<String>,
    pub(crate) kept: Kept,
}

/// What renders leave behind for the next one.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The schema, once it was used.
    pub(crate) schema: OnceLock<Arc<Compiled>>,
    /// The parsed templates.
    pub(crate) templates: ByPath,
    /// Templates of the charts below too, ready to execute, where this chart was the root.
    pub(crate) sets: Sets,
    /// The parsed texts of `tpl`, where this chart was the root.
    pub(crate) texts: Texts,
    /// The files that templates read.
    pub(crate) files: OnceLock<Arc<FilesByPath>>,
}

impl Clone for Kept {
    /// A copy of a chart may be changed, so it keeps nothing.
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path in the chart's folder.
    pub name: Arc<str>,
    /// The bytes, without a byte order mark.
    pub data: Bytes,
}

impl File {
    /// A file; a byte order mark is taken off.
    pub fn new(name: &str, mut data: Bytes) -> Self {
        if data.starts_with(b"\xef\xbb\xbf") {
            data = data.slice(3..);
        }
        Self { name: name.into(), data }
    }
}

/// What a chart may cost to load. Archives inside of a chart count too.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of all files; 100 MiB as in Helm, where the limit is per archive.
    pub bytes: u64,
    /// Bytes of one file; 5 MiB as in Helm.
    pub file_bytes: u64,
    /// Files and archive entries.
    pub entries: usize,
    /// Charts below charts.
    pub depth: usize,
    /// `bytes` as it was at first, for errors.
    max_bytes: u64,
}

/// How a chart is read.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Whose rules apply, also to its renders.
    pub helm: HelmVersion,
    /// What it may cost.
    pub limits: Limits,
}

impl LoadOptions {
    /// The rules and limits of a version of Helm.
    pub fn new(helm: HelmVersion) -> Self {
        let mut limits = Limits::helm();
        if !helm.bounds_single_files() {
            limits.file_bytes = limits.bytes;
        }
        Self { helm, limits }
    }
}

impl From<Limits> for LoadOptions {
    /// Helm 3 with other limits.
    fn from(limits: Limits) -> Self {
        Self { helm: HelmVersion::V3, limits }
    }
}

impl Limits {
    /// Helm's limits, with 50,000 entries and charts nested 32 deep.
    pub fn helm() -> Self {
        Self::new(100 * 1024 * 1024, 5 * 1024 * 1024, 50_000, 32)
    }

    /// Other limits.
    pub fn new(bytes: u64, file_bytes: u64, entries: usize, depth: usize) -> Self {
        Self { bytes, file_bytes, entries, depth, max_bytes: bytes }
    }
}

impl Chart {
    /// The chart's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it is a library: only its `_` files take part in a render.
    pub fn is_library(&self) -> bool {
        self.metadata.kind.eq_ignore_ascii_case("library")
    }

    /// The chart with more charts in `charts/`: those that were missing. What declares a dependency decides whether
    /// and under which name they are used.
    #[must_use]
    pub fn with_dependencies(&self, charts: impl IntoIterator<Item = Arc<Self>>) -> Self {
        let mut chart = self.clone();
        chart.dependencies.extend(charts);
        chart
    }

    /// The files of `crds/`, in order.
    pub(crate) fn crds(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| {
            let extension = file.name.rsplit_once('.').map_or("", |(_, e)| e);
            file.name.starts_with("crds/")
                && ["yaml", "yml", "json"].iter().any(|e| extension.eq_ignore_ascii_case(e))
        })
    }
}

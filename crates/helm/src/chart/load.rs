//! Files into a chart.

use super::archive::{self, ArchiveError};
use super::folder::{self, FolderError};
use super::{Chart, File, Invalid, Kept, Limits, LoadOptions, Lock, Metadata};
use crate::HelmVersion;
use crate::decode::DecodeError;
use crate::values;
use bytes::Bytes;
use holdfast_gotemplate::{FrozenMap, Numbers};
use holdfast_tree::{Entry, FileTree, resolve};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a chart cannot be loaded. The texts are Helm's where Helm has one.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The archive is refused.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The folder is refused.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is no `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoChartYaml,
    /// A document of the chart cannot be read.
    #[error("cannot load {file}: {message}")]
    Document {
        /// The file.
        file: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The metadata is invalid.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A chart below cannot be loaded.
    #[error("error unpacking subchart {name} in {parent}: {error}")]
    Subchart {
        /// The folder or archive in `charts/`.
        name: String,
        /// The chart above.
        parent: String,
        /// Why.
        error: Box<LoadError>,
    },
    /// A folder below `charts/` is named like an archive.
    #[error("error unpacking subchart tar in {parent}: expected {name}, got {found}")]
    NotAnArchive {
        /// The chart above.
        parent: String,
        /// The archive's name.
        name: String,
        /// What was found.
        found: String,
    },
    /// Charts nest too deep.
    #[error("charts nest deeper than the limit")]
    TooDeep,
}

impl Chart {
    /// Loads the chart at a path of a file tree: a folder, or an archive.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(tree: &dyn FileTree, path: &str, options: impl Into<LoadOptions>) -> Result<Self, LoadError> {
        let found = resolve(tree, path).map_err(FolderError::from)?;
        let LoadOptions { helm, mut limits } = options.into();
        let files = match found.entry {
            Entry::Folder => folder::read(tree, &found.path, &mut limits)?,
            _ => archive::read(&tree.read(&found.path).map_err(FolderError::from)?, &mut limits)?,
        };
        from_files(files, helm, &mut limits)
    }

    /// Loads a chart from the bytes of an archive.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn from_archive(archive: &[u8], options: impl Into<LoadOptions>) -> Result<Self, LoadError> {
        let LoadOptions { helm, mut limits } = options.into();
        let files = archive::read(archive, &mut limits)?;
        from_files(files, helm, &mut limits)
    }

    /// Loads a chart from its files, with paths relative to the chart's folder. `.helmignore` is not applied.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn from_files(files: Vec<File>, options: impl Into<LoadOptions>) -> Result<Self, LoadError> {
        let LoadOptions { helm, mut limits } = options.into();
        from_files(files, helm, &mut limits)
    }
}

/// The files of a chart's archive, with paths relative to the chart's folder; archives in it stay packed.
///
/// # Errors
/// [`ArchiveError`].
pub fn unpack(archive: &[u8], mut limits: Limits) -> Result<Vec<File>, ArchiveError> {
    archive::read(archive, &mut limits)
}

fn from_files(files: Vec<File>, helm: HelmVersion, limits: &mut Limits) -> Result<Chart, LoadError> {
    let mut metadata = None;
    for file in files.iter().filter(|f| &*f.name == "Chart.yaml") {
        read_metadata(metadata.get_or_insert_default(), "Chart.yaml", &file.data)?;
    }
    let mut draft = Draft { helm, metadata, ..Draft::default() };
    for file in files {
        draft.add(file)?;
    }
    draft.finish(limits)
}

#[derive(Default)]
struct Draft {
    helm: HelmVersion,
    metadata: Option<Metadata>,
    lock: Option<Lock>,
    values: FrozenMap,
    schema: Option<Bytes>,
    templates: Vec<File>,
    files: Vec<File>,
    /// By the first part of the path below `charts/`.
    charts: BTreeMap<String, Vec<File>>,
    warnings: Vec<String>,
}

impl Draft {
    fn add(&mut self, file: File) -> Result<(), LoadError> {
        match &*file.name {
            "Chart.yaml" => {}
            "Chart.lock" => self.lock = Some(read_lock("Chart.lock", &file.data)?),
            "values.yaml" => {
                let values = values::read_file(&file.data, self.helm).map_err(|error| {
                    LoadError::Document { file: "values.yaml", message: error.to_string() }
                })?;
                self.values = FrozenMap::from_json(&values, Numbers::Float64);
            }
            "values.schema.json" => self.schema = Some(file.data),
            "requirements.yaml" => {
                if !self.is_v1() {
                    self.warnings.push(
                        "Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend migrating dependencies to Chart.yaml.".to_owned(),
                    );
                }
                let metadata = self.metadata.get_or_insert_default();
                read_metadata(metadata, "requirements.yaml", &file.data)?;
                self.keep_in_v1(file);
            }
            "requirements.lock" => {
                if !self.is_v1() {
                    self.warnings.push(
                        "Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend migrating to Chart.lock.".to_owned(),
                    );
                }
                self.lock = Some(read_lock("requirements.lock", &file.data)?);
                self.keep_in_v1(file);
            }
            name if name.starts_with("templates/") => self.templates.push(file),
            name if name.starts_with("charts/") && !name.ends_with(".prov") => {
                let below = name["charts/".len()..].to_owned();
                let first = below.split('/').next().unwrap_or_default().to_owned();
                let file = File { name: below.into(), data: file.data };
                self.charts.entry(first).or_default().push(file);
            }
            _ => self.files.push(file),
        }
        Ok(())
    }

    fn is_v1(&self) -> bool {
        self.metadata.as_ref().is_some_and(|m| m.api_version == "v1")
    }

    fn keep_in_v1(&mut self, file: File) {
        if self.is_v1() {
            self.files.push(file);
        }
    }

    fn finish(self, limits: &mut Limits) -> Result<Chart, LoadError> {
        let mut metadata = self.metadata.ok_or(LoadError::NoChartYaml)?;
        metadata.validate()?;
        let mut chart = Chart {
            helm: self.helm,
            metadata,
            lock: self.lock,
            values: self.values,
            schema: self.schema,
            templates: self.templates,
            files: self.files,
            dependencies: Vec::new(),
            warnings: self.warnings,
            kept: Kept::default(),
        };
        limits.depth = limits.depth.checked_sub(1).ok_or(LoadError::TooDeep)?;
        for (name, files) in self.charts {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let below = subchart(&chart, &name, files, limits)?;
            chart.warnings.extend(below.warnings.iter().cloned());
            chart.dependencies.push(Arc::new(below));
        }
        limits.depth += 1;
        Ok(chart)
    }
}

fn subchart(parent: &Chart, name: &str, files: Vec<File>, limits: &mut Limits) -> Result<Chart, LoadError> {
    let (helm, parent) = (parent.helm, parent.name());
    let loaded = if name.ends_with(".tgz") {
        match files.first() {
            Some(file) if &*file.name == name => {
                let files = archive::read(&file.data, limits).map_err(LoadError::from);
                files.and_then(|files| from_files(files, helm, limits))
            }
            other => {
                let found = other.map(|f| f.name.to_string()).unwrap_or_default();
                return Err(LoadError::NotAnArchive {
                    parent: parent.to_owned(),
                    name: name.to_owned(),
                    found,
                });
            }
        }
    } else {
        let inside = files.into_iter().filter_map(|file| {
            let (_, below) = file.name.split_once('/')?;
            Some(File { name: below.into(), data: file.data })
        });
        from_files(inside.collect(), helm, limits)
    };
    loaded.map_err(|error| LoadError::Subchart {
        name: name.to_owned(),
        parent: parent.to_owned(),
        error: Box::new(error),
    })
}

fn read_metadata(metadata: &mut Metadata, file: &'static str, data: &[u8]) -> Result<(), LoadError> {
    metadata.read(&document(file, data)?).map_err(|error| decode_error(file, &error))?;
    if file == "Chart.yaml" && metadata.api_version.is_empty() {
        metadata.api_version = "v1".to_owned();
    }
    Ok(())
}

fn read_lock(file: &'static str, data: &[u8]) -> Result<Lock, LoadError> {
    Lock::read(&document(file, data)?).map_err(|error| decode_error(file, &error))
}

fn document(file: &'static str, data: &[u8]) -> Result<Value, LoadError> {
    values::document(data).map_err(|error| LoadError::Document { file, message: error.to_string() })
}

fn decode_error(file: &'static str, error: &DecodeError) -> LoadError {
    match error {
        DecodeError::NullNode(_) => {
            LoadError::Invalid(Invalid(error.to_string().trim_start_matches("validation: ").to_owned()))
        }
        DecodeError::Type { .. } => LoadError::Document {
            file,
            message: format!("error unmarshaling JSON: while decoding JSON: {error}"),
        },
    }
}

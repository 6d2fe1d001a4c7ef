//! The chart and the files that the arguments name.

use super::{Surroundings, TemplateArgs, TemplateError, TemplateNeed};
use crate::chart::{ArchiveError, Chart, LoadError, LoadOptions, Missing};
use crate::tree::in_range;
use holdfast_tree::{TreeError, join, resolve};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reads what the arguments name, and remembers which files must be fetched first.
pub(super) struct Inputs<'a> {
    args: &'a TemplateArgs,
    around: &'a Surroundings<'a>,
    missing: RefCell<BTreeSet<String>>,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(args: &'a TemplateArgs, around: &'a Surroundings<'a>) -> Self {
        Self { args, around, missing: RefCell::default() }
    }

    /// The files that were asked for and are not here, if any.
    pub(super) fn missing_files(&self) -> Option<TemplateNeed> {
        let missing = self.missing.take();
        (!missing.is_empty()).then(|| TemplateNeed::Files(missing.into_iter().collect()))
    }

    /// A file of values.
    pub(super) fn values(&self, path: &str) -> Result<Vec<u8>, TemplateError> {
        if path.trim() == "-" {
            let none = || TemplateError::File("standard input is not available".to_owned());
            return self.around.stdin.map(<[u8]>::to_vec).ok_or_else(none);
        }
        self.file(path).map_err(TemplateError::File)
    }

    /// A file by its path or address.
    pub(super) fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        if path.starts_with("http://") || path.starts_with("https://") {
            let Some(data) = self.around.files.get(path) else {
                self.missing.borrow_mut().insert(path.to_owned());
                return Err(format!("{path} is not fetched yet"));
            };
            return Ok(data.to_vec());
        }
        let missing = || format!("open {path}: no such file or directory");
        let place = self.place(path).ok_or_else(missing)?;
        let tree = self.around.tree;
        let read = resolve(tree, &place).and_then(|found| tree.read(&found.path));
        read.map(|data| data.to_vec()).map_err(|error| match error {
            TreeError::NotFound(_) | TreeError::NotAFolder(_) => missing(),
            TreeError::NotAFile(_) => format!("read {path}: is a directory"),
            other => other.to_string(),
        })
    }

    /// The path of an argument in the tree.
    fn place(&self, path: &str) -> Option<String> {
        join(self.around.folder, path)
    }

    /// The chart with the dependencies that `--dependency-update` asks for, or what must be fetched first.
    pub(super) fn chart(&self) -> Result<Result<Arc<Chart>, TemplateNeed>, TemplateError> {
        let name = self.args.chart.trim();
        let (chart, place) = match (&self.around.chart, self.chart_place(name)) {
            (Some(chart), _) => (chart.clone(), None),
            (None, Some(place)) => (self.load(name, &place)?, Some(place)),
            (None, None) if self.args.repository.is_empty() && name.starts_with(['/', '.']) => {
                return Err(TemplateError::NoChart(name.to_owned()));
            }
            (None, None) => {
                return Ok(Err(TemplateNeed::Chart {
                    reference: name.to_owned(),
                    repository: self.args.repository.clone(),
                    version: self.args.wanted_version(),
                }));
            }
        };
        let missing = if self.args.dependency_update { chart.updated_dependencies() } else { Vec::new() };
        if missing.is_empty() {
            return Ok(Ok(chart));
        }
        let mut found = self.around.dependencies.clone();
        let mut remote = Vec::new();
        for wanted in missing {
            match (wanted.repository.strip_prefix("file://"), &place) {
                (Some(below), Some(place)) => found.push(self.local_dependency(&wanted, below, place)?),
                _ if found.iter().any(|chart| chart.name() == wanted.name) => {}
                _ => remote.push(wanted),
            }
        }
        if !remote.is_empty() {
            return Ok(Err(TemplateNeed::Dependencies(remote)));
        }
        Ok(Ok(Arc::new(chart.with_dependencies(found))))
    }

    /// Where the chart lies, unless it must be fetched.
    fn chart_place(&self, name: &str) -> Option<String> {
        // A chart of `--repo` is never one of this machine.
        let place = self.place(name).filter(|_| self.args.repository.is_empty())?;
        resolve(self.around.tree, &place).is_ok().then_some(place)
    }

    /// A dependency beside the chart, by its path from there.
    fn local_dependency(
        &self,
        wanted: &Missing,
        below: &str,
        chart: &str,
    ) -> Result<Arc<Chart>, TemplateError> {
        let place = join(chart, below).ok_or_else(|| TemplateError::NoChart(below.to_owned()))?;
        let found = self.load(below, &place)?;
        if in_range(&wanted.version, &found.metadata.version) {
            return Ok(found);
        }
        Err(TemplateError::WrongVersion {
            name: wanted.name.clone(),
            repository: wanted.repository.clone(),
            version: wanted.version.clone(),
        })
    }

    fn load(&self, name: &str, place: &str) -> Result<Arc<Chart>, TemplateError> {
        match Chart::load(self.around.tree, place, LoadOptions::new(self.args.helm)) {
            Ok(chart) => Ok(Arc::new(chart)),
            Err(LoadError::Archive(ArchiveError::NotGzip))
                if name.ends_with(".yaml") || name.ends_with(".yml") =>
            {
                Err(TemplateError::YamlFile(name.to_owned()))
            }
            Err(error @ LoadError::Archive(_)) => {
                Err(TemplateError::NoArchive { path: name.to_owned(), error })
            }
            Err(error) => Err(error.into()),
        }
    }
}

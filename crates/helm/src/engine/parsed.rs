//! Parsed templates, kept with the chart they belong to.

use super::errors::{self, TemplateError};
use super::functions::functions;
use crate::chart::Chart;
use holdfast_gotemplate::{ParseError, ParseOptions, Parsed, TemplateSet, parse};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The templates of a chart under the names they have below one path.
pub(crate) type Templates = Arc<Vec<(Arc<str>, Arc<Parsed>)>>;

/// How many paths a chart keeps its templates for: it has one for each alias.
const MAX_PATHS: usize = 16;
/// How many texts of `tpl` a chart keeps, and how many bytes they may have.
const MAX_TEXTS: usize = 4096;
/// See [`MAX_TEXTS`].
const MAX_TEXT_BYTES: usize = 4 << 20;

/// The parsed templates of a chart by the path it stands at.
#[derive(Default)]
pub(crate) struct ByPath(Mutex<HashMap<String, Templates>>);

/// The templates of all charts that take part in a render, in the order of their execution, and able to call each
/// other.
pub(super) struct Prepared {
    /// What it was made of, in the order of the charts.
    made_of: Vec<Templates>,
    /// Full paths, deepest first and in reverse order.
    pub(super) names: Vec<Arc<str>>,
    pub(super) set: TemplateSet,
}

/// What was prepared for the charts below one root chart, by which of them take part.
#[derive(Default)]
pub(crate) struct Sets(Mutex<Vec<Arc<Prepared>>>);

/// How many combinations of charts a root chart keeps.
const MAX_SETS: usize = 8;

impl Sets {
    /// The prepared templates of these charts; `None` unless they were prepared before.
    pub(super) fn get(&self, made_of: &[Templates]) -> Option<Arc<Prepared>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |prepared: &&Arc<Prepared>| {
            prepared.made_of.len() == made_of.len()
                && prepared.made_of.iter().zip(made_of).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        kept.iter().find(same).cloned()
    }

    /// Keeps what was prepared for these charts.
    pub(super) fn keep(
        &self,
        made_of: Vec<Templates>,
        names: Vec<Arc<str>>,
        set: TemplateSet,
    ) -> Arc<Prepared> {
        let prepared = Arc::new(Prepared { made_of, names, set });
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_SETS {
            kept.clear();
        }
        kept.push(prepared.clone());
        prepared
    }
}

/// Parsed texts of `tpl`, by their content.
#[derive(Default)]
pub(crate) struct Texts(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    parsed: HashMap<Box<[u8]>, Arc<Parsed>>,
    bytes: usize,
}

impl Chart {
    /// The chart's templates, parsed once for each path.
    pub(crate) fn parsed_templates(&self, path: &str) -> Result<Templates, TemplateError> {
        let lock = || self.kept.templates.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(path) {
            return Ok(found.clone());
        }
        let options = ParseOptions::new(functions(self.helm));
        let mut templates = Vec::with_capacity(self.templates.len());
        for file in &self.templates {
            let base = file.name.rsplit('/').next().unwrap_or_default();
            if self.is_library() && !base.starts_with('_') {
                continue;
            }
            let name: Arc<str> = format!("{path}/{}", file.name).into();
            let parsed =
                parse(&*name, &file.data, &options).map_err(|error| errors::from_parse(&name, &error))?;
            templates.push((name, Arc::new(parsed)));
        }
        let templates = Arc::new(templates);
        let mut kept = lock();
        if kept.len() >= MAX_PATHS {
            kept.clear();
        }
        kept.insert(path.to_owned(), templates.clone());
        Ok(templates)
    }
}

impl Texts {
    /// The parsed text, from memory or from `parse`.
    pub(crate) fn get(
        &self,
        text: &[u8],
        parse: impl FnOnce() -> Result<Parsed, ParseError>,
    ) -> Result<Arc<Parsed>, ParseError> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().parsed.get(text) {
            return Ok(found.clone());
        }
        let parsed = Arc::new(parse()?);
        let mut kept = lock();
        if kept.parsed.len() >= MAX_TEXTS || kept.bytes + text.len() > MAX_TEXT_BYTES {
            *kept = Kept::default();
        }
        if text.len() <= MAX_TEXT_BYTES {
            kept.bytes += text.len();
            kept.parsed.insert(text.into(), parsed.clone());
        }
        Ok(parsed)
    }
}

impl fmt::Debug for ByPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByPath")
    }
}

impl fmt::Debug for Sets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sets")
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Texts")
    }
}

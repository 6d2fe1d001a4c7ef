//! Charts' templates through the template engine, in Helm's order and with Helm's functions.

mod durations;
mod errors;
mod functions;
mod objects;
mod parsed;
mod pretty;
mod toml;
pub(crate) mod values;

pub use errors::TemplateError;
pub(crate) use functions::name_functions;
pub(crate) use objects::FilesByPath;
pub(crate) use parsed::{ByPath, Sets, Texts};
use parsed::{Prepared, Templates};

use crate::capabilities::Capabilities;
use crate::chart::Chart;
use crate::release::Release;
use crate::render::Lookups;
use crate::tree::NodeRef;
use crate::values::new_map;
use functions::State;
use holdfast_gotemplate::{
    Limits, Map, MapType, MissingKey, Options, Parsed, Session, Str, TemplateSet, Trace, Value,
};
use std::collections::HashMap;
use std::sync::Arc;

/// What a render of templates needs beside the charts and their values.
pub(crate) struct Inputs<'a> {
    pub(crate) release: &'a Release,
    pub(crate) capabilities: &'a Capabilities,
    pub(crate) lookups: &'a Lookups,
    pub(crate) limits: Limits,
    /// Nanoseconds since 1970.
    pub(crate) now: i128,
    pub(crate) seed: [u8; 32],
}

/// What the templates gave.
pub(crate) struct Output {
    /// Every file that is no partial, sorted by its full path.
    pub(crate) files: Vec<RenderedFile>,
    /// Objects that `lookup` asked for and nobody answered.
    pub(crate) needs: Vec<crate::render::Lookup>,
}

/// What a template gave.
pub(crate) struct RenderedFile {
    /// The template's full path.
    pub(crate) source: Arc<str>,
    pub(crate) content: Vec<u8>,
    /// Which line of the template wrote what; absent where nobody knows.
    trace: Option<Trace>,
    /// Where in the content something was taken out, with the bytes taken out up to there.
    removed: Vec<(usize, usize)>,
}

impl RenderedFile {
    /// A file that no template wrote, so that its lines are those of its text.
    #[cfg(test)]
    pub(crate) fn plain(source: &str, content: &str) -> Self {
        Self { source: source.into(), content: content.into(), trace: None, removed: Vec::new() }
    }

    /// The line of the template, from 1, that wrote the byte at `offset` of the content.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        let before = self.removed.partition_point(|(at, _)| *at <= offset);
        let removed = before.checked_sub(1).map_or(0, |index| self.removed[index].1);
        let line = match &self.trace {
            Some(trace) => trace.line(offset + removed),
            None => 1 + memchr::memchr_iter(b'\n', &self.content[..offset]).count(),
        };
        u32::try_from(line).unwrap_or(u32::MAX)
    }
}

/// A template that takes part in a render.
struct Template {
    parsed: Arc<Parsed>,
    /// The template's dot, shared by the templates of a chart.
    dot: Map,
    base_path: Str,
}

/// Renders every template of the charts. `values` are the coalesced ones of the root chart.
pub(crate) fn render(root: &NodeRef, values: Map, inputs: &Inputs<'_>) -> Result<Output, TemplateError> {
    let helm = root.borrow().chart.helm;
    let values_type = MapType::Named(helm.types().values);
    let mut collector = Collector {
        templates: HashMap::new(),
        made_of: Vec::new(),
        release: release_map(inputs.release),
        capabilities: objects::capabilities(inputs.capabilities, helm),
    };
    collector.chart(root, None, Some(values))?;
    let chart = root.borrow().chart.clone();
    let prepared = match chart.kept.sets.get(&collector.made_of) {
        Some(prepared) => prepared,
        None => collector.prepare(&chart),
    };
    let mut session = Session::new(Options {
        missing_key: MissingKey::Zero,
        limits: inputs.limits,
        now: inputs.now,
        seed: inputs.seed,
    });
    session.set_extension(State::new(inputs.lookups.clone(), chart));
    let mut files = Vec::with_capacity(prepared.names.len());
    for name in &prepared.names {
        if name.rsplit('/').next().is_some_and(|base| base.starts_with('_')) {
            continue;
        }
        let template = &collector.templates[name];
        let place: Map = Map::of(
            values_type,
            [
                (Str::from("Name"), Value::str(&**name)),
                (Str::from("BasePath"), Value::Str(template.base_path.clone())),
            ]
            .into(),
        );
        template.dot.insert("Template", Value::Map(place));
        let dot = Value::Map(template.dot.clone());
        let (written, trace) = session
            .execute_traced(&prepared.set, name.as_bytes(), &dot)
            .map_err(|error| errors::from_exec(name, &error, helm))?;
        let (content, removed) = functions::take_no_value(written);
        files.push(RenderedFile { source: name.clone(), content, trace, removed });
    }
    let needs = session.extension::<State>().map(State::take_needs).unwrap_or_default();
    files.sort_by(|a, b| a.source.cmp(&b.source));
    Ok(Output { files, needs })
}

fn depth(name: &str) -> usize {
    name.bytes().filter(|b| *b == b'/').count()
}

struct Collector {
    templates: HashMap<Arc<str>, Template>,
    /// The parsed templates of each chart, in the order of the charts.
    made_of: Vec<Templates>,
    release: Value,
    capabilities: Value,
}

impl Collector {
    /// Collects the templates below a chart, then its own; returns the chart's dot.
    fn chart(
        &mut self,
        node: &NodeRef,
        above: Option<&Map>,
        values: Option<Map>,
    ) -> Result<Map, TemplateError> {
        let chart = node.borrow();
        let values = match (values, above) {
            (Some(values), _) => values,
            (None, Some(above)) => below(above, &chart.name),
            (None, None) => new_map(),
        };
        let of = MapType::Named(chart.chart.helm.types().values);
        let dot = Map::of(
            of,
            [
                (Str::from("Chart"), objects::chart(&chart)),
                (Str::from("Files"), objects::files(&chart.chart)),
                (Str::from("Release"), self.release.clone()),
                (Str::from("Capabilities"), self.capabilities.clone()),
                (Str::from("Values"), Value::Map(values)),
            ]
            .into(),
        );
        let subcharts = new_map();
        dot.insert("Subcharts", Value::Map(subcharts.clone()));
        for child in &chart.below {
            let name = Str::from(child.borrow().name.as_str());
            let child = self.chart(child, Some(&dot), None)?;
            subcharts.insert(name, Value::Map(child));
        }
        let path = chart.full_path();
        let base_path = Str::from(format!("{path}/templates"));
        let parsed = chart.chart.parsed_templates(&path)?;
        for (name, parsed) in parsed.iter() {
            let template =
                Template { parsed: parsed.clone(), dot: dot.clone(), base_path: base_path.clone() };
            self.templates.insert(name.clone(), template);
        }
        self.made_of.push(parsed);
        Ok(dot)
    }

    /// Puts the collected templates in order, so that the right one of two definitions wins, and keeps that with the
    /// root chart.
    fn prepare(&mut self, root: &Chart) -> Arc<Prepared> {
        let mut names: Vec<Arc<str>> = self.templates.keys().cloned().collect();
        names.sort_by(|a, b| depth(b).cmp(&depth(a)).then_with(|| b.cmp(a)));
        let mut set = TemplateSet::new();
        for name in &names {
            set.add(&self.templates[name].parsed);
        }
        root.kept.sets.keep(std::mem::take(&mut self.made_of), names, set)
    }
}

/// The values of a chart below: what stands under its name in those of the chart above, the same mapping, so that
/// both see what the other's templates set.
fn below(above: &Map, name: &str) -> Map {
    match above.get(b"Values") {
        Some(Value::Map(values)) => {
            let found = crate::values::table_at(&values, name).unwrap_or_else(new_map);
            found.converted(values.map_type())
        }
        _ => new_map(),
    }
}

fn release_map(release: &Release) -> Value {
    let entries = [
        (Str::from("Name"), Value::str(release.name.as_str())),
        (Str::from("Namespace"), Value::str(release.namespace.as_str())),
        (Str::from("IsUpgrade"), Value::Bool(release.is_upgrade)),
        (Str::from("IsInstall"), Value::Bool(!release.is_upgrade)),
        (Str::from("Revision"), Value::Int(release.revision)),
        (Str::from("Service"), Value::str(release.service.as_str())),
    ];
    Value::Map(Map::new(entries.into()))
}

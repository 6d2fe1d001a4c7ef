//! Charts as their users see them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod charts;
mod conformance;
mod disk;
mod generative;
mod hostile;
mod outcomes;
mod validation;
mod values;

use bytes::Bytes;
use holdfast_helm::HelmVersion;
use holdfast_helm::capabilities::Capabilities;
use holdfast_helm::chart::{Chart, File, LoadError, LoadOptions};
use holdfast_helm::release::Release;
use holdfast_helm::render::{Lookups, Outcome, RenderError, RenderOptions, RenderRequest, Rendered, render};
use holdfast_helm::values::Layers;
use std::sync::Arc;

/// A chart from `(path, text)` pairs; Chart.yaml is made where it is missing.
pub(crate) fn chart(files: &[(&str, &str)]) -> Arc<Chart> {
    Arc::new(load(files).unwrap())
}

pub(crate) fn load(files: &[(&str, &str)]) -> Result<Chart, LoadError> {
    load_for(files, HelmVersion::V3)
}

pub(crate) fn load_for(files: &[(&str, &str)], helm: HelmVersion) -> Result<Chart, LoadError> {
    let mut all: Vec<File> =
        files.iter().map(|(path, text)| File::new(path, Bytes::copy_from_slice(text.as_bytes()))).collect();
    if !files.iter().any(|(path, _)| *path == "Chart.yaml") {
        all.push(File::new("Chart.yaml", Bytes::from_static(b"apiVersion: v2\nname: c\nversion: 0.1.0\n")));
    }
    Chart::from_files(all, LoadOptions::new(helm))
}

pub(crate) fn try_render(chart: &Arc<Chart>, values: Layers<'_>) -> Result<Outcome, RenderError> {
    let (release, capabilities) = (Release::install("r", "ns"), Capabilities::of(chart.helm));
    render(&request(chart, &release, &capabilities, values))
}

pub(crate) fn request<'a>(
    chart: &'a Arc<Chart>,
    release: &'a Release,
    capabilities: &'a Capabilities,
    values: Layers<'a>,
) -> RenderRequest<'a> {
    RenderRequest {
        chart,
        release,
        values,
        capabilities,
        options: RenderOptions::default(),
        lookups: Lookups::Offline,
        limits: holdfast_gotemplate::Limits::default(),
        now: 1_700_000_000_000_000_000,
        seed: [7; 32],
    }
}

pub(crate) fn rendered(chart: &Arc<Chart>, values: Layers<'_>) -> Rendered {
    match try_render(chart, values) {
        Ok(Outcome::Rendered(rendered)) => rendered,
        Ok(Outcome::Needs(needs)) => panic!("needs {needs:?}"),
        Err(error) => panic!("{error}"),
    }
}

/// What the chart's only manifest says.
pub(crate) fn text(chart: &Arc<Chart>, values: Layers<'_>) -> String {
    let rendered = rendered(chart, values);
    rendered.manifests.into_iter().map(|manifest| manifest.content).collect::<Vec<_>>().join("\n---\n")
}

/// What a template gives over `values.yaml` and `--set`s.
pub(crate) fn template(template: &str, values: &str, set: &[&str]) -> String {
    let chart = chart(&[("templates/a.yaml", template), ("values.yaml", values)]);
    text(&chart, Layers { set: set.to_vec(), ..Layers::default() })
}

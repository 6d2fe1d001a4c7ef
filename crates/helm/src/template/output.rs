//! What `helm template` prints, and the files it writes.

use super::{TemplateArgs, TemplateError};
use crate::HelmVersion;
use crate::glob::path_match;
use crate::manifest::{self, Event, Hook};
use crate::render::Rendered;

/// What the command prints and writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateOutput {
    /// For standard output; bytes, since CRDs are passed through.
    pub stdout: Vec<u8>,
    /// With `--output-dir`, the files to write, in order.
    pub files: Vec<OutputFile>,
    /// For standard error.
    pub warnings: Vec<String>,
}

/// A file to write below the working folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Path, with the output folder in front.
    pub path: String,
    /// What to write.
    pub data: Vec<u8>,
}

pub(super) fn write(
    rendered: &Rendered,
    args: &TemplateArgs,
    name: &str,
    helm: HelmVersion,
) -> Result<TemplateOutput, TemplateError> {
    let mut output = TemplateOutput { warnings: rendered.warnings.clone(), ..TemplateOutput::default() };
    if !args.output_dir.is_empty() {
        if let Some(pattern) = args.show_only.first() {
            return Err(TemplateError::NoTemplate(pattern.clone()));
        }
        to_files(rendered, args, name, &mut output);
        return Ok(output);
    }
    let text = all(rendered, args);
    output.stdout = if args.show_only.is_empty() { text } else { only(&text, &args.show_only, helm)? };
    Ok(output)
}

fn hooks<'a>(rendered: &'a Rendered, args: &TemplateArgs) -> impl Iterator<Item = &'a Hook> {
    let (none, skip_tests) = (args.no_hooks, args.skip_tests);
    rendered.hooks.iter().filter(move |hook| !(none || skip_tests && hook.events.contains(&Event::Test)))
}

fn push(out: &mut Vec<u8>, source: &str, content: &[u8]) {
    out.extend_from_slice(b"---\n# Source: ");
    out.extend_from_slice(source.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(content);
    out.push(b'\n');
}

fn all(rendered: &Rendered, args: &TemplateArgs) -> Vec<u8> {
    let mut out = Vec::new();
    if args.include_crds {
        for crd in &rendered.crds {
            push(&mut out, &crd.source, &crd.data);
        }
    }
    for manifest in &rendered.manifests {
        push(&mut out, &manifest.source, manifest.content.as_bytes());
    }
    out.truncate(out.trim_ascii_end().len());
    out.push(b'\n');
    for hook in hooks(rendered, args) {
        push(&mut out, &hook.manifest.source, hook.manifest.content.as_bytes());
    }
    out
}

/// The documents of the templates that the patterns match, in the order of the patterns.
fn only(text: &[u8], patterns: &[String], helm: HelmVersion) -> Result<Vec<u8>, TemplateError> {
    let text = String::from_utf8_lossy(text);
    let documents: Vec<(&str, &str)> = manifest::split(&text, helm)
        .filter_map(|document| Some((template_of(document.text)?, document.text)))
        .collect();
    let mut out = Vec::new();
    for pattern in patterns {
        let mut missing = true;
        for (path, document) in &documents {
            if path_match(pattern, path) == Ok(true) {
                missing = false;
                out.extend_from_slice(b"---\n");
                out.extend_from_slice(document.as_bytes());
                out.push(b'\n');
            }
        }
        if missing {
            return Err(TemplateError::NoTemplate(pattern.clone()));
        }
    }
    Ok(out)
}

/// The path after `# Source: chart/`, wherever it stands in the document.
fn template_of(document: &str) -> Option<&str> {
    document.match_indices("# Source: ").find_map(|(at, marker)| {
        let line = document[at + marker.len()..].lines().next()?;
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}

fn to_files(rendered: &Rendered, args: &TemplateArgs, name: &str, output: &mut TemplateOutput) {
    let base =
        if args.release_folder { format!("{}/{name}", args.output_dir) } else { args.output_dir.clone() };
    let mut add = |folder: &str, source: &str, content: &[u8]| {
        let path = format!("{folder}/{source}");
        output.stdout.extend_from_slice(format!("wrote {path}\n").as_bytes());
        let index = output.files.iter().position(|file| file.path == path).unwrap_or_else(|| {
            output.files.push(OutputFile { path, data: Vec::new() });
            output.files.len() - 1
        });
        push(&mut output.files[index].data, source, content);
    };
    if args.include_crds {
        for crd in &rendered.crds {
            add(&args.output_dir, &crd.source, &crd.data);
        }
    }
    for manifest in &rendered.manifests {
        add(&base, &manifest.source, manifest.content.as_bytes());
    }
    for hook in hooks(rendered, args) {
        add(&base, &hook.manifest.source, hook.manifest.content.as_bytes());
    }
    output.stdout.push(b'\n');
}

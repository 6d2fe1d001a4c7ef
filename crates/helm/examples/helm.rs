//! `helm template` over the files of this machine: for development, before the command line has it.

#[path = "../tests/disk.rs"]
mod disk;

use disk::DiskTree;
use holdfast_helm::template::{Surroundings, TemplateArgs, TemplateOutcome, template};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments = match arguments.as_slice() {
        [helm, template, rest @ ..] if helm == "helm" && template == "template" => rest.to_vec(),
        [template, rest @ ..] if template == "template" => rest.to_vec(),
        _ => return fail("usage: helm template [NAME] CHART [flags]"),
    };
    let folder = std::env::current_dir().unwrap_or_default();
    let folder = folder.to_string_lossy().trim_start_matches('/').to_owned();
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&since.as_nanos().to_le_bytes());
    let around = Surroundings {
        tree: &DiskTree,
        folder: &folder,
        stdin: None,
        chart: None,
        dependencies: Vec::new(),
        files: Default::default(),
        now: i128::try_from(since.as_nanos()).unwrap_or_default(),
        seed,
        limits: holdfast_gotemplate::Limits::default(),
    };
    let outcome =
        TemplateArgs::parse(&arguments).map_err(Into::into).and_then(|args| template(&args, &around));
    match outcome {
        Ok(TemplateOutcome::Done(output)) => {
            for warning in &output.warnings {
                let _ = writeln!(std::io::stderr(), "WARNING: {warning}");
            }
            for file in &output.files {
                let path = PathBuf::from(&file.path);
                let written = std::fs::create_dir_all(path.parent().unwrap_or(&path))
                    .and_then(|()| std::fs::write(&path, &file.data));
                if let Err(error) = written {
                    return fail(&format!("{}: {error}", file.path));
                }
            }
            if std::io::stdout().write_all(&output.stdout).is_err() {
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Ok(TemplateOutcome::Needs(need)) => fail(&format!("not fetched here: {need:?}")),
        Err(error) => fail(&format!("Error: {error}")),
    }
}

fn fail(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}

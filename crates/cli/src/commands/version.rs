use super::Context;
use crate::arguments::{Format, FormatArguments};
use crate::error::{CliError, Exit};
use holdfast_object::json;

/// What other tools' behaviour this version reproduces.
const REPRODUCES: [(&str, &str); 4] =
    [("kustomize", "5.8.1"), ("helm", "3.22"), ("flux", "2.9.4"), ("argo-cd", "3.6")];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    format: FormatArguments,
}

pub(crate) fn run(arguments: Arguments, context: &Context) -> Result<Exit, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    let reproduces: serde_json::Map<String, serde_json::Value> =
        REPRODUCES.iter().map(|(tool, version)| ((*tool).into(), json!(version))).collect();
    let value = json!({"version": version, "reproduces": reproduces});
    match arguments.format.output {
        Some(Format::Json) => context.output.json(&value)?,
        Some(Format::Yaml) => context.output.yaml(&value)?,
        Some(Format::Name) => context.output.line(version)?,
        Some(Format::Wide) | None => {
            let tools: Vec<String> = REPRODUCES.iter().map(|(tool, v)| format!("{tool} {v}")).collect();
            context.output.line(format!("holdfast {version} (behaves as {})", tools.join(", ")))?;
        }
    }
    Ok(Exit::Success)
}

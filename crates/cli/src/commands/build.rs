use super::Context;
use crate::arguments::TargetArguments;
use crate::error::{CliError, Exit};
use crate::names::Name;
use crate::preview::{PreviewOptions, SourceArguments, preview};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  holdfast build ks/shop\n  holdfast build app/web --working-tree .")]
pub(crate) struct Arguments {
    /// The app.
    app: Name,

    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    target: TargetArguments,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let found = context.find(&arguments.app, &arguments.target).await?;
    let preview = preview(context, &found, &arguments.source, &PreviewOptions::default()).await?;
    for diagnostic in &preview.diagnostics {
        context.output.note(format!("# {diagnostic}"));
    }
    for hook in &preview.hooks {
        let name = hook.object.reference();
        context.output.note(format!("# hook {name} ({}) is left out: it is not run yet", hook.moments));
    }
    let documents: Vec<String> = preview
        .desired
        .objects()
        .iter()
        .map(|object| holdfast_yaml::to_string(&object.object.to_value()))
        .collect();
    context.output.bytes(documents.join("---\n").as_bytes())?;
    Ok(Exit::Success)
}

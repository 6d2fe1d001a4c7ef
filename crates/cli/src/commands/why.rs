use super::Context;
use crate::arguments::{Format, FormatArguments, TargetArguments};
use crate::cell::Cell;
use crate::error::{CliError, Exit};
use crate::names::Name;
use crate::places::Places;
use crate::preview::{PreviewOptions, SourceArguments, plan, preview};
use crate::story::{self, Story};
use holdfast_view::line;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  holdfast why ks/shop\n  holdfast why app/web --status-only\n  holdfast why ks/shop -o json"
)]
pub(crate) struct Arguments {
    /// The app.
    app: Name,

    /// Only what the status says: do not render the source and compare.
    #[arg(long)]
    status_only: bool,

    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    target: TargetArguments,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let found = context.find(&arguments.app, &arguments.target).await?;
    let refused = holdfast_platform::unsupported(found.object()?);
    let mut places = Places::default();
    let changes = if arguments.status_only || !refused.is_empty() {
        None
    } else {
        let planned = async {
            let preview = preview(context, &found, &arguments.source, &PreviewOptions::default()).await?;
            let changes = plan(context, &preview).await?.0.changes;
            places = Places::find(&changes, &preview.files);
            Ok::<_, CliError>(changes)
        };
        Some(planned.await.map_err(|error| error.message))
    };
    let story = Story { app: found.app, refused, changes, places };
    let output = &context.output;
    match arguments.format.output {
        Some(Format::Json) => output.json(&story::value(&story))?,
        Some(Format::Yaml) => output.yaml(&story::value(&story))?,
        Some(Format::Name) => output.line(story.app.name())?,
        Some(Format::Wide) | None => tell(&story, context)?,
    }
    Ok(Exit::Success)
}

fn tell(story: &Story, context: &Context) -> Result<(), CliError> {
    let (app, output) = (&story.app, &context.output);
    let color = output.has_color();
    let name = Cell::strong(format!("{}/{}", app.namespace(), app.name())).painted(color);
    output.line(format!("{name} is {} and {}", app.sync, line::health(app)))?;
    for line in story::lines(story, (context.environment.now)()) {
        output.line(format!("  {line}"))?;
    }
    Ok(())
}

use super::Context;
use crate::arguments::{Format, FormatArguments, TargetArguments};
use crate::cell::{Cell, Table};
use crate::error::{CliError, Exit};
use crate::names::Name;
use holdfast_object::{Value, json};
use holdfast_view::{json as as_json, line};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The app.
    app: Name,

    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    target: TargetArguments,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let app = context.find(&arguments.app, &arguments.target).await?.app;
    let output = &context.output;
    let value = || json!({"history": app.history.iter().map(as_json::history).collect::<Vec<Value>>()});
    match arguments.format.output {
        Some(Format::Json) => output.json(&value())?,
        Some(Format::Yaml) => output.yaml(&value())?,
        Some(Format::Name) => {
            for entry in &app.history {
                output.line(&entry.revision)?;
            }
        }
        format => {
            if app.history.is_empty() {
                output.note(format!("{} has no history yet", app.name()));
                return Ok(Exit::Success);
            }
            let now = (context.environment.now)();
            let mut table = Table::new(&["ID", "REVISION", "OUTCOME", "AGE", "TIMES", "TOOK", "BY"]);
            for entry in &app.history {
                let revision = match format {
                    Some(Format::Wide) => entry.revision.clone(),
                    _ => line::short_revision(&entry.revision),
                };
                table.row(vec![
                    Cell::plain(entry.id.map(|id| id.to_string()).unwrap_or_default()),
                    Cell::plain(revision),
                    Cell::plain(&entry.outcome),
                    Cell::plain(line::age(entry.at, now)),
                    Cell::plain(entry.times.map(|times| times.to_string()).unwrap_or_default()),
                    Cell::plain(&entry.took),
                    Cell::plain(&entry.by),
                ]);
            }
            output.bytes(table.render(output.has_color()).as_bytes())?;
        }
    }
    Ok(Exit::Success)
}

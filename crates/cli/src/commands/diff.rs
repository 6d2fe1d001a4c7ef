use super::Context;
use crate::arguments::TargetArguments;
use crate::cell::Cell;
use crate::comparison::{Pair, pair};
use crate::error::{CliError, Exit};
use crate::names::Name;
use crate::preview::{PreviewOptions, SourceArguments, plan, preview};
use holdfast_argocd::Hook;
use holdfast_sync::{Live, LiveView, Reason, Verb};
use similar::TextDiff;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  holdfast diff app/web\n  holdfast diff ks/shop --working-tree .\n\nExit status: 0 without differences, 1 with some, above 1 on an error. Values of Secrets are masked: equal ones by as many '+'. Hooks are shown and are no differences."
)]
pub(crate) struct Arguments {
    /// The app.
    app: Name,

    /// Only say which objects differ, and why.
    #[arg(long)]
    brief: bool,

    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    target: TargetArguments,
}

/// Unchanged lines around a difference.
const AROUND: usize = 3;

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let found = context.find(&arguments.app, &arguments.target).await?;
    let preview = preview(context, &found, &arguments.source, &PreviewOptions::default()).await?;
    for diagnostic in &preview.diagnostics {
        context.output.note(format!("# {diagnostic}"));
    }
    let (plan, live) = plan(context, &preview).await?;
    let mut differs = false;
    for change in &plan.changes {
        let op = &change.op;
        let now = match live.get(&op.object) {
            Live::Present(live) => Some(live.object),
            _ => None,
        };
        let wanted = match &op.verb {
            Verb::Apply { desired, .. } => Some(desired.as_ref()),
            Verb::Delete { .. } => None,
        };
        let pair = pair(now.as_deref(), wanted, &op.why);
        // A write that only moves ownership changes nothing that a diff shows.
        if pair.live == pair.wanted {
            continue;
        }
        differs = true;
        let origin = op.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
        if arguments.brief {
            context.output.line(format!("{}{origin} {}", op.object, op.why))?;
        } else {
            let name = &op.object;
            print(context, (&format!("live/{name}"), &format!("wanted/{name}{origin}")), &pair)?;
        }
    }
    for hook in &preview.hooks {
        show_hook(context, hook, arguments.brief)?;
    }
    Ok(if differs { Exit::Negative } else { Exit::Success })
}

/// A hook is shown with all it holds: it is made anew whenever it runs, so there is nothing to compare it with. It is no
/// difference either: what it would do, it would do at every sync.
fn show_hook(context: &Context, hook: &Hook, brief: bool) -> Result<(), CliError> {
    let name = hook.object.reference();
    let origin = hook.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
    let moments = format!("hook {}, not run yet", hook.moments);
    if brief {
        return context.output.line(format!("{name}{origin} {moments}"));
    }
    let pair = pair(None, Some(&hook.object), &Reason::Missing);
    print(context, ("/dev/null", &format!("{name}{origin} {moments}")), &pair)
}

/// Prints the two sides under their names.
fn print(context: &Context, (live, wanted): (&str, &str), pair: &Pair) -> Result<(), CliError> {
    let color = context.output.has_color();
    let diff = TextDiff::from_lines(pair.live.as_str(), pair.wanted.as_str());
    let text = diff.unified_diff().context_radius(AROUND).header(live, wanted).to_string();
    let mut painted = String::with_capacity(text.len());
    for line in text.lines() {
        let cell = match line.as_bytes().first() {
            _ if line.starts_with("--- ") || line.starts_with("+++ ") => Cell::strong(line),
            Some(b'+') => Cell::good(line),
            Some(b'-') => Cell::bad(line),
            Some(b'@') => Cell::faint(line),
            _ => Cell::plain(line),
        };
        painted.push_str(&cell.painted(color));
        painted.push('\n');
    }
    context.output.bytes(painted.as_bytes())
}

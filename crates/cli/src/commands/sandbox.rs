use super::Context;
use crate::error::{CliError, Exit};
use holdfast_sandbox::{ImageBehaviour, ImageTable, Options, Sandbox};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the API listens; port 0 is any free one. Anyone who can reach it may do anything in it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Write the kubeconfig to this file once the API answers, instead of printing it.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Decides generated names, uids and addresses.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// Let roles and their bindings decide what others may do: whoever `kubectl --as` names. The kubeconfig's own user
    /// may do anything.
    #[arg(long)]
    rbac: bool,

    /// Leave Deployments without pods, Jobs without runs.
    #[arg(long)]
    no_workloads: bool,

    /// How containers of an image behave: PATTERN=ready[:TIME], =never-ready, =crash or =pull-error. `*` in a
    /// pattern stands for any text; the first pattern that matches counts.
    #[arg(long = "image", value_name = "PATTERN=BEHAVIOUR", value_parser = image)]
    images: Vec<(String, ImageBehaviour)>,
}

/// One line of the table of images.
fn image(text: &str) -> Result<(String, ImageBehaviour), String> {
    // An image may have `=` in it, a behaviour has none.
    let (pattern, behaviour) = text.rsplit_once('=').ok_or("has the form PATTERN=BEHAVIOUR")?;
    let behaviour = match behaviour.split_once(':').unwrap_or((behaviour, "")) {
        ("ready", "") => ImageTable::default().otherwise,
        ("ready", after) => ImageBehaviour::Ready { after: crate::arguments::duration(after)? },
        ("never-ready", "") => ImageBehaviour::NeverReady,
        ("crash", "") => ImageBehaviour::Crash,
        ("pull-error", "") => ImageBehaviour::PullError,
        _ => {
            return Err(format!(
                "{behaviour:?} is none of ready, ready:TIME, never-ready, crash, pull-error"
            ));
        }
    };
    Ok((pattern.to_owned(), behaviour))
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let sandbox = Sandbox::start(Options {
        seed: arguments.seed,
        rbac: arguments.rbac,
        simulate_workloads: !arguments.no_workloads,
        images: ImageTable { rules: arguments.images.clone(), ..ImageTable::default() },
        ..Options::default()
    });
    let listening = sandbox
        .listen(arguments.listen)
        .await
        .map_err(|e| CliError::config(format!("{} cannot be listened on: {e}", arguments.listen)))?;
    let kubeconfig = sandbox.kubeconfig(listening.addr);
    context
        .output
        .note(format!("simulated Kubernetes API on http://{} (end it with Ctrl-C)", listening.addr));
    match &arguments.kubeconfig {
        Some(file) => {
            write_kubeconfig(&context.path(file), &kubeconfig)?;
            context.output.note(format!("kubectl --kubeconfig {} get namespaces", file.display()));
        }
        None => context.output.bytes(kubeconfig.as_bytes())?,
    }
    context.environment.stop.cancelled().await;
    Ok(Exit::Success)
}

/// Writes the file in one step, so that whoever waits for it never reads half of it. A kubeconfig that leads
/// elsewhere is somebody's own and stays as it is.
fn write_kubeconfig(path: &Path, kubeconfig: &str) -> Result<(), CliError> {
    let failed = |e: std::io::Error| CliError::config(format!("{} cannot be written: {e}", path.display()));
    if let Ok(existing) = std::fs::read_to_string(path)
        && !existing.trim().is_empty()
        && !existing.contains("current-context: sandbox")
    {
        return Err(CliError::user(format!("{} exists and is no sandbox's kubeconfig", path.display()))
            .hint("name a file of its own, and use it with `kubectl --kubeconfig FILE`"));
    }
    let partial = path.with_extension("partial");
    std::fs::write(&partial, kubeconfig).and_then(|()| std::fs::rename(&partial, path)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_line_of_the_table_of_images() {
        let of = |text: &str| image(text).map(|(pattern, behaviour)| format!("{pattern} {behaviour:?}"));
        assert_eq!(of("*:bad=crash").unwrap(), "*:bad Crash");
        assert_eq!(of("a=b=never-ready").unwrap(), "a=b NeverReady");
        let slow = ImageBehaviour::Ready { after: Duration::from_secs(90) };
        assert_eq!(image("slow/*=ready:1m30s").unwrap(), ("slow/*".to_owned(), slow));
        assert_eq!(
            of("x=explode").unwrap_err(),
            "\"explode\" is none of ready, ready:TIME, never-ready, crash, pull-error"
        );
        assert_eq!(of("x").unwrap_err(), "has the form PATTERN=BEHAVIOUR");
        assert!(of("x=ready:soon").is_err());
    }
}

use tracing_subscriber::EnvFilter;

/// The variable that says what is logged: `info`, `holdfast_sync=debug`, ….
const FILTER: &str = "HOLDFAST_LOG";

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Starts logging to standard error, with colours or without. What `HOLDFAST_LOG` asks for wins over the command's own
/// level.
pub(crate) fn start(format: LogFormat, level: &str, color: bool) {
    let filter =
        EnvFilter::builder().with_env_var(FILTER).try_from_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(color).with_writer(std::io::stderr);
    // Logging that was started before stays as it is.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

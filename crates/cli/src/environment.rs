use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// What a command takes from its surroundings.
pub struct Environment {
    /// Standard input: values and manifests given as `-`.
    pub stdin: Box<dyn Read + Send>,
    /// Where answers go.
    pub stdout: Box<dyn Write + Send>,
    /// Where errors, hints and logs go.
    pub stderr: Box<dyn Write + Send>,
    /// Whether a person reads standard output as it is written.
    pub stdout_is_terminal: bool,
    /// Whether a person reads standard error as it is written.
    pub stderr_is_terminal: bool,
    /// The environment variables.
    pub variables: BTreeMap<String, String>,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// Tells the time.
    pub now: fn() -> Timestamp,
    /// Cancelled when the user wants the command to end. Commands that run until then listen to it.
    pub stop: CancellationToken,
    /// Whether signals of the process cancel `stop`.
    pub listens_to_signals: bool,
}

impl Environment {
    /// The surroundings of this process.
    pub fn of_process() -> Self {
        Self {
            stdin: Box::new(std::io::stdin()),
            stdout: Box::new(std::io::stdout()),
            stderr: Box::new(std::io::stderr()),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            // A variable that is no Unicode is none that we know.
            variables: std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            now: Timestamp::now,
            stop: CancellationToken::new(),
            listens_to_signals: true,
        }
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for Environment {
    /// Variables hold credentials and are left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("folder", &self.folder).finish_non_exhaustive()
    }
}

//! A child process that tells by a line of JSON that it is ready, answers commands line by line, and ends when its
//! standard input closes: also when this process crashes, so that nothing is left behind.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// What went wrong between us and a child process.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started.
    #[error("start {0}: {1}")]
    Start(String, io::Error),
    /// It ended without an answer; what it had to say is on standard error.
    #[error("testcluster {0} ended without an answer")]
    Ended(&'static str),
    /// It answered that it failed.
    #[error("testcluster {0}: {1}")]
    Failed(&'static str, String),
    /// Its answer is not of the form both sides agreed on.
    #[error("testcluster {0} answered {1:?}: {2}")]
    Answer(&'static str, String, serde_json::Error),
    /// A command could not be sent, or the answer not read.
    #[error("talk to testcluster {0}: {1}")]
    Io(&'static str, io::Error),
    /// The thread that waited for it was cancelled, as the runtime is shutting down.
    #[error("testcluster {0}: the runtime is shutting down")]
    Cancelled(&'static str),
}

/// A running `testcluster PART`. Blocking calls run on the runtime's threads for such; the process itself is tied to no
/// runtime, so that one can outlive the test that started it.
#[derive(Debug)]
pub(crate) struct Controlled {
    part: &'static str,
    process: Child,
    pipes: Arc<Mutex<Pipes>>,
}

#[derive(Debug)]
struct Pipes {
    commands: Option<ChildStdin>, // None once closed
    answers: BufReader<ChildStdout>,
}

/// One line of standard output.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ready(Value),
    Ok(Value),
    Error(String),
}

impl Controlled {
    /// Starts it and waits until it is ready; returns what it says about itself.
    pub(crate) async fn start<T: DeserializeOwned + Send + 'static>(
        program: &Path,
        part: &'static str,
        arguments: Vec<String>,
    ) -> Result<(Self, T), ChildError> {
        let mut command = Command::new(program);
        command.arg(part).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        blocking(part, move || {
            let started = command.spawn();
            let mut process = started.map_err(|error| ChildError::Start(command_line(&command), error))?;
            let (Some(commands), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
                return Err(ChildError::Ended(part)); // both are piped, above
            };
            let mut pipes = Pipes { commands: Some(commands), answers: BufReader::new(answers) };
            let description = pipes.answer(part)?;
            Ok((Self { part, process, pipes: Arc::new(Mutex::new(pipes)) }, description))
        })
        .await
    }

    /// Sends a command and waits for what it answers.
    pub(crate) async fn command<T: DeserializeOwned + Send + 'static>(
        &self,
        command: Value,
    ) -> Result<T, ChildError> {
        let (part, pipes) = (self.part, Arc::clone(&self.pipes));
        blocking(part, move || {
            // A panic while it was locked leaves nothing half done: each answer is read whole.
            let mut pipes = pipes.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(commands) = &mut pipes.commands else { return Err(ChildError::Ended(part)) };
            writeln!(commands, "{command}").map_err(|error| ChildError::Io(part, error))?;
            pipes.answer(part)
        })
        .await
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn end(mut self) -> Result<(), ChildError> {
        let part = self.part;
        blocking(part, move || {
            self.close();
            self.process.wait().map_err(|error| ChildError::Io(part, error)).map(drop)
        })
        .await
    }

    /// Closes its standard input.
    fn close(&self) {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner).commands = None;
    }
}

impl Drop for Controlled {
    /// Lets it end by itself, in the seconds that takes.
    fn drop(&mut self) {
        self.close();
    }
}

impl Pipes {
    fn answer<T: DeserializeOwned>(&mut self, part: &'static str) -> Result<T, ChildError> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).map_err(|error| ChildError::Io(part, error))?;
        if read == 0 {
            return Err(ChildError::Ended(part));
        }
        let malformed = |error| ChildError::Answer(part, line.clone(), error);
        match serde_json::from_str(&line).map_err(malformed)? {
            Answer::Error(error) => Err(ChildError::Failed(part, error)),
            Answer::Ready(value) | Answer::Ok(value) => serde_json::from_value(value).map_err(malformed),
        }
    }
}

fn command_line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Runs what blocks on a thread for such.
async fn blocking<T: Send + 'static>(
    part: &'static str,
    work: impl FnOnce() -> Result<T, ChildError> + Send + 'static,
) -> Result<T, ChildError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(ChildError::Cancelled(part)),
    }
}

use crate::cell::Cell;
use crate::error::{CliError, ErrorKind};
use holdfast_object::Value;
use std::io::{ErrorKind as IoKind, Write};
use std::sync::{Mutex, PoisonError};

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where a command writes: answers to standard output, everything else to standard error.
pub struct Output {
    stdout: Mutex<Box<dyn Write + Send>>,
    stderr: Mutex<Box<dyn Write + Send>>,
    color: bool,
    color_errors: bool,
}

impl Output {
    /// An output over two streams, with colours or without for each.
    pub fn new(
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
        color: bool,
        color_errors: bool,
    ) -> Self {
        Self { stdout: Mutex::new(stdout), stderr: Mutex::new(stderr), color, color_errors }
    }

    /// Whether answers are coloured.
    pub fn has_color(&self) -> bool {
        self.color
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Closed`] when the reader went away, otherwise when the stream cannot be written.
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
            IoKind::BrokenPipe => CliError { kind: ErrorKind::Closed, message: String::new(), hints: vec![] },
            _ => CliError::config(format!("standard output cannot be written: {error}")),
        })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn line(&self, text: impl AsRef<str>) -> Result<(), CliError> {
        self.bytes(format!("{}\n", text.as_ref()).as_bytes())
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn json(&self, value: &Value) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(|e| CliError::internal(e.to_string()))?;
        self.line(text)
    }

    /// Writes a value as YAML.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn yaml(&self, value: &Value) -> Result<(), CliError> {
        self.bytes(holdfast_yaml::to_string(value).as_bytes())
    }

    /// Tells the user something that is no part of the answer.
    pub fn note(&self, text: impl AsRef<str>) {
        self.to_stderr(text.as_ref());
    }

    /// Tells the user why the command failed and what to do.
    pub fn error(&self, error: &CliError) {
        if error.kind == ErrorKind::Closed {
            return;
        }
        let word = match error.kind {
            ErrorKind::Internal => "internal error",
            _ => "error",
        };
        let mut text =
            format!("{} {}", Cell::bad(format!("{word}:")).painted(self.color_errors), error.message);
        for hint in &error.hints {
            text.push_str(&format!("\n{} {hint}", Cell::strong("hint:").painted(self.color_errors)));
        }
        self.to_stderr(&text);
    }

    fn to_stderr(&self, text: &str) {
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        // There is no one left to tell that standard error is gone.
        let _ = writeln!(stderr, "{text}");
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("color", &self.color).finish_non_exhaustive()
    }
}

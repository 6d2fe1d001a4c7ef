use std::fmt;

/// One thing that is wrong with a build: what, and where it was found as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildError {
    /// The file, relative to the tree's root; empty when no single file is to blame.
    pub file: String,
    /// Line in the file, from 1; 0 when only the file is known.
    pub line: u32,
    /// Field in the file or object, `.`-separated; empty when the whole is meant.
    pub field: String,
    /// The object, as `Kind.version.group/name.namespace`; empty when none is meant.
    pub object: String,
    /// What is wrong, and where it helps what to do.
    pub message: String,
}

impl BuildError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Names the file unless a nearer one is known.
    pub(crate) fn in_file(mut self, file: &str) -> Self {
        if self.file.is_empty() {
            self.file = file.to_owned();
        }
        self
    }

    pub(crate) fn at_line(mut self, line: u32) -> Self {
        if self.line == 0 {
            self.line = line;
        }
        self
    }

    pub(crate) fn of_field(mut self, field: &str) -> Self {
        if self.field.is_empty() {
            self.field = field.to_owned();
        }
        self
    }

    pub(crate) fn of_object(mut self, object: &impl fmt::Display) -> Self {
        if self.object.is_empty() {
            self.object = object.to_string();
        }
        self
    }
}

impl From<String> for BuildError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for BuildError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            f.write_str(&self.file)?;
            if self.line > 0 {
                write!(f, ":{}", self.line)?;
            }
            f.write_str(": ")?;
        }
        if !self.object.is_empty() {
            write!(f, "{}: ", self.object)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for BuildError {}

/// Everything that is wrong with a build, as far as it could be found in one run. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildErrors(pub Vec<BuildError>);

impl fmt::Display for BuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildErrors {}

impl From<BuildError> for BuildErrors {
    fn from(error: BuildError) -> Self {
        Self(vec![error])
    }
}

/// What the crate's steps return.
pub(crate) type Result<T> = std::result::Result<T, BuildError>;

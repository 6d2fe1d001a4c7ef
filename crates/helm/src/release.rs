//! The release that a chart is rendered for.

/// Name, namespace and revision of a release: `.Release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The release's name; see [`validate_name`].
    pub name: String,
    /// The namespace to install into.
    pub namespace: String,
    /// Counts from 1; `helm template` says 1 always.
    pub revision: i64,
    /// Whether this is an upgrade rather than an installation.
    pub is_upgrade: bool,
    /// `Helm`, unless a tool says otherwise.
    pub service: String,
}

impl Release {
    /// A first installation.
    pub fn install(name: &str, namespace: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            revision: 1,
            is_upgrade: false,
            service: "Helm".to_owned(),
        }
    }
}

/// The longest name of a release, in bytes: objects append to it and have at most 63.
pub const MAX_NAME: usize = 53;

/// Why a name cannot be a release's. The texts are Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is none.
    #[error("no name provided")]
    Missing,
    /// It is no DNS subdomain, or too long.
    #[error(
        "invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    )]
    Invalid,
}

/// Checks a release's name: lower case letters, digits, dashes and points, beginning and ending each part with a
/// letter or digit, at most [`MAX_NAME`] bytes.
///
/// # Errors
/// [`NameError`].
pub fn validate_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Missing);
    }
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let part = |part: &str| {
        edge(part.chars().next())
            && edge(part.chars().next_back())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if name.len() > MAX_NAME || !name.split('.').all(part) {
        return Err(NameError::Invalid);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check =
            |name: &str, expected: Result<(), NameError>| assert_eq!(validate_name(name), expected, "{name}");
        check("a", Ok(()));
        check("a.b-c.1", Ok(()));
        check(&"a".repeat(53), Ok(()));
        check(&"a".repeat(54), Err(NameError::Invalid));
        check("", Err(NameError::Missing));
        check("a-", Err(NameError::Invalid));
        check("a..b", Err(NameError::Invalid));
        check("A", Err(NameError::Invalid));
        check("a_b", Err(NameError::Invalid));
    }
}

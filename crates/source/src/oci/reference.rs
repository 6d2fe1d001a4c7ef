use crate::SourceError;
use holdfast_semver::{Constraint, Version};
use std::fmt;

/// The address of a repository in a registry: `oci://host[:port]/path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OciUrl {
    host: String,
    path: String,
    plain_http: bool,
}

impl OciUrl {
    /// Reads an address, with or without `oci://`. A tag or digest at its end is not part of it.
    ///
    /// # Errors
    /// [`SourceError::InvalidUrl`] with the reason.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let invalid =
            |reason: &str| SourceError::InvalidUrl { url: text.to_owned(), reason: reason.to_owned() };
        if text.len() > MAX_BYTES {
            return Err(SourceError::InvalidUrl {
                url: text.chars().take(64).collect(),
                reason: "it is too long".into(),
            });
        }
        let rest = text.strip_prefix("oci://").unwrap_or(text);
        if rest.contains("://") {
            return Err(invalid("the scheme is not oci"));
        }
        let (host, path) =
            rest.split_once('/').ok_or_else(|| invalid("the path of the repository is missing"))?;
        let path = path.trim_end_matches('/');
        let good_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if host.is_empty() || host.contains('@') || !host.chars().all(good_host) {
            return Err(invalid("the registry's host name cannot be read"));
        }
        let part = |p: &str| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
            p.starts_with(|c: char| c.is_ascii_alphanumeric()) && p.chars().all(inner)
        };
        if !path.split('/').all(part) {
            return Err(invalid("the path may hold only lower-case letters, digits, '-', '.', '_' and '/'"));
        }
        Ok(Self { host: host.to_ascii_lowercase(), path: path.to_owned(), plain_http: false })
    }

    /// The same repository, asked over unencrypted HTTP (`insecure: true`).
    #[must_use]
    pub fn plain_http(self, plain_http: bool) -> Self {
        Self { plain_http, ..self }
    }

    /// The repository `name` within this one: a chart within a Helm repository.
    ///
    /// # Errors
    /// [`SourceError::InvalidUrl`] when the name cannot be part of an address.
    pub fn join(&self, name: &str) -> Result<Self, SourceError> {
        Ok(Self::parse(&format!("{self}/{name}"))?.plain_http(self.plain_http))
    }

    /// The registry's host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository's path as the registry's API knows it.
    pub fn path(&self) -> String {
        let official = is_docker_hub(&self.host) && !self.path.contains('/');
        if official { format!("library/{}", self.path) } else { self.path.clone() }
    }

    /// The address of the registry's API, with `/v2/`.
    pub(crate) fn api(&self) -> String {
        let scheme = if self.plain_http { "http" } else { "https" };
        let host = if is_docker_hub(&self.host) { "registry-1.docker.io" } else { &self.host };
        format!("{scheme}://{host}/v2/")
    }

    pub(crate) fn is_plain_http(&self) -> bool {
        self.plain_http
    }
}

impl fmt::Display for OciUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.host, self.path)
    }
}

pub(crate) fn is_docker_hub(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

const MAX_BYTES: usize = 1024;

/// Which artifact of a repository is wanted.
#[derive(Debug, Clone)]
pub enum OciRef {
    /// The manifest with this digest, `sha256:<hex>`.
    Digest(String),
    /// What a tag points to.
    Tag(String),
    /// The tag with the highest version in a range.
    Semver {
        /// The range.
        range: Constraint,
        /// Only tags that match this regular expression count (Flux's `semverFilter`).
        filter: Option<regex::Regex>,
        /// Tags stand for versions with `_` in place of `+`, which tags cannot hold, as Helm writes them.
        chart: bool,
    },
}

impl OciRef {
    /// The tag that a range chooses.
    pub(crate) fn choose(&self, tags: &[String]) -> Option<String> {
        let Self::Semver { range, filter, chart } = self else { return None };
        let versions = tags.iter().filter_map(|tag| {
            if filter.as_ref().is_some_and(|f| !f.is_match(tag)) {
                return None;
            }
            let text = if *chart { tag.replace('_', "+") } else { tag.clone() };
            // Flux wants all three numbers here too.
            let version = Version::parse_full(&text).ok()?;
            range.matches(&version).then_some((version, tag))
        });
        versions.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, tag)| tag.clone())
    }
}

impl fmt::Display for OciRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => write!(f, "digest {digest}"),
            Self::Tag(tag) => write!(f, "tag {tag:?}"),
            Self::Semver { range, filter: None, .. } => write!(f, "a tag in the version range \"{range}\""),
            Self::Semver { range, filter: Some(filter), .. } => {
                write!(f, "a tag in the version range \"{range}\" that matches \"{filter}\"")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, api: &str, path: &str| {
            let url = OciUrl::parse(text).unwrap();
            assert_eq!((url.api().as_str(), url.path().as_str()), (api, path), "{text}");
        };
        check("oci://ghcr.io/org/app", "https://ghcr.io/v2/", "org/app");
        check("oci://Localhost:5000/a/b-c/", "https://localhost:5000/v2/", "a/b-c");
        check("docker.io/nginx", "https://registry-1.docker.io/v2/", "library/nginx");
        check("oci://docker.io/org/app", "https://registry-1.docker.io/v2/", "org/app");
        for bad in [
            "oci://ghcr.io",
            "https://ghcr.io/a",
            "oci:///a",
            "oci://h/A",
            "oci://h/a:tag",
            "oci://h/a/../b",
            "oci://me@h/a",
        ] {
            assert!(OciUrl::parse(bad).is_err(), "{bad}");
        }
        let charts = OciUrl::parse("oci://h/charts").unwrap().plain_http(true);
        assert_eq!(charts.join("app").unwrap().api(), "http://h/v2/");
        assert!(charts.join("../app").is_err());
    }

    #[test]
    fn ranges_choose_among_tags() {
        let tags: Vec<String> =
            ["latest", "1.0.0", "v1.2.0", "1.3.0-rc.1", "1.1.0_build", "2024"].map(str::to_owned).into();
        let check = |range: &str, filter: Option<&str>, chart, expected: Option<&str>| {
            let wanted = OciRef::Semver {
                range: range.parse().unwrap(),
                filter: filter.map(|f| regex::Regex::new(f).unwrap()),
                chart,
            };
            assert_eq!(wanted.choose(&tags).as_deref(), expected, "{range}");
        };
        check("*", None, false, Some("v1.2.0"));
        check(">=1.0.0-0", None, false, Some("1.3.0-rc.1"));
        check(">=1.0.0-0", Some("rc"), false, Some("1.3.0-rc.1"));
        check("*", Some("^1"), false, Some("1.0.0"));
        check("1.1.x", None, true, Some("1.1.0_build"));
        check("1.1.x", None, false, None);
        check("3", None, false, None);
    }
}

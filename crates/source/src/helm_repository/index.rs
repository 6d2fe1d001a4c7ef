//! A repository's `index.yaml`. Pure.

use holdfast_semver::{Constraint, Version};
use serde_json::Value;
use std::collections::HashMap;

/// What an `index.yaml` lists, as far as it is needed to find a chart.
#[derive(Debug, Clone, Default)]
pub struct HelmIndex {
    charts: HashMap<String, Vec<ChartVersion>>,
    skipped: usize,
}

/// One version of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartVersion {
    /// The version as the index writes it.
    pub version: String,
    /// Where the archive lies: whole addresses, or paths relative to the repository.
    pub urls: Vec<String>,
    /// The archive's SHA-256 in hexadecimal, where the index names it.
    pub digest: Option<String>,
    /// The version of the application in the chart.
    pub app_version: Option<String>,
    /// What the chart says about itself.
    pub description: Option<String>,
    /// Whether its maintainers advise against using it.
    pub deprecated: bool,
}

/// Why a text is no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// It is no YAML or JSON.
    #[error("{0}")]
    Syntax(String),
    /// It has no `apiVersion`, without which Helm does not take it for an index.
    #[error("it has no apiVersion: this is no Helm repository index")]
    NoApiVersion,
    /// It is not what an index looks like.
    #[error("{0} is missing or of the wrong type")]
    Shape(&'static str),
}

impl HelmIndex {
    /// Reads an index in YAML or JSON. Entries that Helm would not accept (no name or version, a version that is none)
    /// are passed over, as Helm does.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn parse(text: &[u8]) -> Result<Self, IndexError> {
        let is_json = text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
        let mut value: Value = if is_json {
            serde_json::from_slice(text).map_err(|e| IndexError::Syntax(e.to_string()))?
        } else {
            holdfast_yaml::parse(text, &options()).map_err(|e| IndexError::Syntax(e.to_string()))?
        };
        if value["apiVersion"].as_str().is_none_or(str::is_empty) {
            return Err(IndexError::NoApiVersion);
        }
        let entries = match value.get_mut("entries").map(Value::take) {
            Some(Value::Object(entries)) => entries,
            None | Some(Value::Null) => serde_json::Map::new(),
            Some(_) => return Err(IndexError::Shape("entries")),
        };
        let mut index = Self::default();
        for (name, versions) in entries {
            let Value::Array(versions) = versions else { continue };
            let mut read: Vec<(Version, ChartVersion)> = Vec::with_capacity(versions.len());
            for version in versions {
                match chart_version(&name, &version) {
                    Some(found) => read.push(found),
                    None => index.skipped += 1,
                }
            }
            // Highest first; equal ones stay in the order they are listed in.
            read.sort_by(|a, b| b.0.cmp(&a.0));
            index.charts.insert(name, read.into_iter().map(|(_, chart)| chart).collect());
        }
        Ok(index)
    }

    /// The version of a chart that Helm would take: exactly this one where the range is one version, else the highest
    /// in the range; an empty range is `*`.
    pub fn find(&self, name: &str, range: &str) -> Option<&ChartVersion> {
        let versions = self.charts.get(name)?;
        // Also a version that is no range, such as `1.2.3+build`, is found by its text.
        if let Some(exact) = versions.iter().find(|v| !range.is_empty() && v.version == range) {
            return Some(exact);
        }
        let range = Constraint::parse(if range.is_empty() { "*" } else { range }).ok()?;
        versions.iter().find(|v| Version::parse(&v.version).is_ok_and(|v| range.matches(&v)))
    }

    /// The names of the charts, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.charts.keys().map(String::as_str)
    }

    /// The versions of a chart, highest first.
    pub fn versions(&self, name: &str) -> &[ChartVersion] {
        self.charts.get(name).map_or(&[], Vec::as_slice)
    }

    /// How many entries were passed over.
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

fn options() -> holdfast_yaml::Options {
    holdfast_yaml::Options::v2()
}

fn chart_version(name: &str, entry: &Value) -> Option<(Version, ChartVersion)> {
    let text = |field: &str| entry[field].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
    // An entry may leave its name out; another name than its heading's is a mistake.
    if text("name").is_some_and(|own| own != name) {
        return None;
    }
    let version = text("version")?;
    let parsed = Version::parse(&version).ok()?;
    let urls = entry["urls"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let digest = text("digest").map(|d| d.trim_start_matches("sha256:").to_ascii_lowercase());
    let chart = ChartVersion {
        version,
        urls: urls.map(str::to_owned).collect(),
        digest: digest.filter(|d| d.len() == 64 && crate::revision::is_hex(d)),
        app_version: text("appVersion"),
        description: text("description"),
        deprecated: entry["deprecated"] == true,
    };
    Some((parsed, chart))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "apiVersion: v1
entries:
  app:
  - {name: app, version: 1.0.0, urls: [app-1.0.0.tgz], digest: sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}
  - {name: app, version: v1.2.0, urls: ['https://elsewhere/app.tgz'], appVersion: '7'}
  - {name: app, version: 1.10.0, urls: [app-1.10.0.tgz], deprecated: true}
  - {name: app, version: 2.0.0-rc.1, urls: [rc]}
  - {name: app, version: 1.2.0+build.5, urls: [build]}
  - {name: app, version: latest, urls: [x]}
  - {name: other, version: 9.0.0, urls: [x]}
  - null
  broken: 7
generated: 2024-01-01T00:00:00Z
";

    #[test]
    fn versions_are_found_as_helm_finds_them() {
        let index = HelmIndex::parse(INDEX.as_bytes()).unwrap();
        let check = |range: &str, expected: Option<&str>| {
            assert_eq!(index.find("app", range).map(|v| v.version.as_str()), expected, "{range}");
        };
        check("", Some("1.10.0"));
        check("*", Some("1.10.0"));
        check("~1.2", Some("v1.2.0"));
        check("1.2.0", Some("v1.2.0"));
        check("1.2.0+build.5", Some("1.2.0+build.5"));
        check(">1.0.0-0", Some("2.0.0-rc.1"));
        check("3", None);
        check("no range", None);
        assert_eq!(index.find("nope", "*"), None);
        assert_eq!(index.skipped(), 3);
        let first = index.find("app", "1.0.0").unwrap();
        assert_eq!(first.digest.as_deref(), Some("a".repeat(64).as_str()));
    }

    #[test]
    fn json_is_read_too() {
        let json = r#" {"apiVersion": "v1", "entries": {"a": [{"version": "1.0.0", "urls": ["a.tgz"]}]}}"#;
        assert_eq!(HelmIndex::parse(json.as_bytes()).unwrap().find("a", "1").unwrap().urls, ["a.tgz"]);
    }

    #[test]
    fn what_is_no_index() {
        let error = |text: &str| HelmIndex::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("entries: {}"), "it has no apiVersion: this is no Helm repository index");
        assert_eq!(error("<html></html>"), "it has no apiVersion: this is no Helm repository index");
        assert_eq!(error("apiVersion: v1\nentries: []"), "entries is missing or of the wrong type");
        assert!(error("{").contains("EOF"));
        assert!(HelmIndex::parse(b"apiVersion: v1").unwrap().names().next().is_none());
    }
}

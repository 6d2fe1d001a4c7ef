//! A repository's `index.yaml`. Pure.

use super::stream::{self, Raw, Stop};
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
        let braces = text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
        if braces && let Ok(value) = serde_json::from_slice(text) {
            return Self::from_value(value);
        }
        match stream::read(text) {
            Ok(raw) => Self::from_raw(raw),
            Err(Stop::Syntax(error)) => Err(IndexError::Syntax(error.to_string())),
            Err(Stop::Unusual) => {
                let value = holdfast_yaml::parse(text, &options(text.len()));
                Self::from_value(value.map_err(|e| IndexError::Syntax(e.to_string()))?)
            }
        }
    }

    fn from_value(mut value: Value) -> Result<Self, IndexError> {
        let entries = match value.get_mut("entries").map(Value::take) {
            Some(Value::Object(entries)) => entries,
            None | Some(Value::Null) => serde_json::Map::new(),
            Some(_) => return Err(IndexError::Shape("entries")),
        };
        let versions = |versions: Value| match versions {
            Value::Array(versions) => versions.iter().map(Listed::from_value).collect(),
            _ => Vec::new(),
        };
        Self::from_raw(Raw {
            api_version: value["apiVersion"].as_str().map(str::to_owned),
            charts: entries.into_iter().map(|(name, listed)| (name, versions(listed))).collect(),
        })
    }

    fn from_raw(raw: Raw) -> Result<Self, IndexError> {
        if raw.api_version.is_none_or(|version| version.is_empty()) {
            return Err(IndexError::NoApiVersion);
        }
        let mut index = Self::default();
        for (name, versions) in raw.charts {
            let listed = versions.len();
            let mut read: Vec<(Version, ChartVersion)> =
                versions.into_iter().flatten().filter_map(|version| version.read(&name)).collect();
            index.skipped += listed - read.len();
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

fn options(bytes: usize) -> holdfast_yaml::Options {
    let limits = holdfast_yaml::Limits { max_bytes: bytes, max_nodes: bytes, ..Default::default() };
    holdfast_yaml::Options { limits, ..holdfast_yaml::Options::v2() }
}

/// An entry as it is listed.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) urls: Vec<String>,
    pub(super) digest: Option<String>,
    pub(super) app_version: Option<String>,
    pub(super) description: Option<String>,
    pub(super) deprecated: bool,
}

impl Listed {
    fn from_value(entry: &Value) -> Option<Self> {
        let text = |field: &str| entry[field].as_str().map(str::to_owned);
        let urls = entry["urls"].as_array().into_iter().flatten().filter_map(Value::as_str);
        entry.is_object().then(|| Self {
            name: text("name"),
            version: text("version"),
            urls: urls.map(str::to_owned).collect(),
            digest: text("digest"),
            app_version: text("appVersion"),
            description: text("description"),
            deprecated: entry["deprecated"] == true,
        })
    }

    /// `None` for what Helm would not accept.
    fn read(self, chart: &str) -> Option<(Version, ChartVersion)> {
        // An entry may leave its name out; another name than its heading's is a mistake.
        if self.name.is_some_and(|own| !own.is_empty() && own != chart) {
            return None;
        }
        let version = self.version?;
        let parsed = Version::parse(&version).ok()?;
        let digest = self.digest.map(|d| d.trim_start_matches("sha256:").to_ascii_lowercase());
        let some = |text: Option<String>| text.filter(|t| !t.is_empty());
        let chart = ChartVersion {
            version,
            urls: self.urls,
            digest: digest.filter(|d| d.len() == 64 && crate::revision::is_hex(d)),
            app_version: some(self.app_version),
            description: some(self.description),
            deprecated: self.deprecated,
        };
        Some((parsed, chart))
    }
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
        let flow = json.replace('"', "");
        assert_eq!(HelmIndex::parse(flow.as_bytes()).unwrap().find("a", "1").unwrap().urls, ["a.tgz"]);
    }

    /// What the stream cannot follow is read whole, to the same end.
    #[test]
    fn both_readings_agree() {
        let shown = |text: &str| {
            let index = HelmIndex::parse(text.as_bytes()).unwrap();
            let mut names: Vec<_> = index.names().collect();
            names.sort_unstable();
            format!("{:?} {}", names.iter().map(|n| index.versions(n)).collect::<Vec<_>>(), index.skipped())
        };
        let texts = [
            INDEX,
            "apiVersion: v1\nentries:\n",
            "apiVersion: v1\nentries: {a: [{version: 1.0, urls: [x]}, {version: '1.0', description: 017, appVersion: 2024-01-01}, 7, [x]]}",
            "apiVersion: v1\nentries: {a: [{version: 1.0.0, urls: x, deprecated: yes, annotations: {a: [b, {c: d}]}}], b: null, c: {x: y}}",
            "# comment\n---\napiVersion: v1\nentries:\n  a:\n  - version: >-\n      1.0.0\n    description: |\n      two\n      lines\n---\nmore: 1\n",
        ];
        for text in texts {
            assert!(stream::read(text.as_bytes()).is_ok(), "{text}");
            let whole = holdfast_yaml::parse(text.as_bytes(), &options(text.len())).unwrap();
            let index = HelmIndex::from_value(whole).unwrap();
            let mut names: Vec<_> = index.names().collect();
            names.sort_unstable();
            let whole = format!(
                "{:?} {}",
                names.iter().map(|n| index.versions(n)).collect::<Vec<_>>(),
                index.skipped()
            );
            assert_eq!(shown(text), whole, "{text}");
        }
        let unusual = "apiVersion: v1\nentries:\n  a: &a\n  - {version: 1.0.0}\n  b: *a\n";
        assert!(matches!(stream::read(unusual.as_bytes()), Err(Stop::Unusual)));
        assert_eq!(HelmIndex::parse(unusual.as_bytes()).unwrap().versions("b").len(), 1);
    }

    #[test]
    fn what_is_no_index() {
        let error = |text: &str| HelmIndex::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("entries: {}"), "it has no apiVersion: this is no Helm repository index");
        assert_eq!(error("<html></html>"), "it has no apiVersion: this is no Helm repository index");
        assert_eq!(error("apiVersion: v1\nentries: []"), "entries is missing or of the wrong type");
        assert!(error("{").starts_with("line 1, column 2: "), "{}", error("{"));
        assert!(HelmIndex::parse(b"apiVersion: v1").unwrap().names().next().is_none());
    }
}

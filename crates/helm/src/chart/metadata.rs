//! `Chart.yaml`, `requirements.yaml` and `Chart.lock`, typed.

use crate::decode::{self, DecodeError, Decoder};
use serde_json::Value;
use std::collections::BTreeMap;

/// What `Chart.yaml` says. Fields are as written; absent ones are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The chart's name.
    pub name: String,
    /// Address of the project.
    pub home: String,
    /// Addresses of the sources.
    pub sources: Vec<String>,
    /// The chart's version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Who to ask.
    pub maintainers: Vec<Maintainer>,
    /// Address of a picture.
    pub icon: String,
    /// `v1` or `v2`; `v1` when absent.
    pub api_version: String,
    /// A values path that enables the chart; kept for old charts, without effect.
    pub condition: String,
    /// Tags that enable the chart; kept for old charts, without effect.
    pub tags: String,
    /// The version of the software in the chart.
    pub app_version: String,
    /// Whether the chart is deprecated: a warning.
    pub deprecated: bool,
    /// For other tools.
    pub annotations: BTreeMap<String, String>,
    /// A constraint on the Kubernetes version.
    pub kube_version: String,
    /// The charts below, in the order written; `requirements.yaml` of old charts ends up here too. A chart without
    /// the list leaves what its subcharts declare unread, one with an empty list does not: hence the option.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library` or empty.
    pub kind: String,
}

/// A maintainer of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Maintainer {
    /// Name of a person or organisation.
    pub name: String,
    /// Address to write to.
    pub email: String,
    /// Address to look at.
    pub url: String,
}

/// A chart that a chart depends on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependency {
    /// The name in the dependency's own Chart.yaml.
    pub name: String,
    /// A version or a range of versions.
    pub version: String,
    /// Where it comes from: a repository's address, `oci://…`, `file://…`, `@name`, or empty.
    pub repository: String,
    /// Values paths, comma separated, the first boolean of which enables or disables it.
    pub condition: String,
    /// Tags, which values switch on or off together.
    pub tags: Vec<String>,
    /// Set while dependencies are processed.
    pub enabled: bool,
    /// Values to take over into the parent: names below `exports`, or `child` and `parent` pairs.
    pub import_values: Vec<Value>,
    /// Another name for this use of the chart.
    pub alias: String,
}

/// `Chart.lock`, or `requirements.lock` of old charts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock {
    /// When it was written, as the file says it.
    pub generated: String,
    /// Hash of the dependencies; see [`crate::chart::lock_digest`].
    pub digest: String,
    /// The dependencies at exact versions.
    pub dependencies: Vec<Dependency>,
}

/// Why a chart's metadata is invalid. The texts are Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("validation: {0}")]
pub struct Invalid(pub String);

impl Metadata {
    /// Reads a document into the fields it names; others keep what they have, as when `requirements.yaml` follows
    /// `Chart.yaml`.
    ///
    /// # Errors
    /// [`DecodeError`] when a field has the wrong type.
    pub fn read(&mut self, document: &Value) -> Result<(), DecodeError> {
        let decoder = Decoder::root("Metadata", "chart.Metadata");
        decoder.fields(document, FIELDS, |decoder, field, value| {
            match field {
                "name" => decoder.text(value, &mut self.name)?,
                "home" => decoder.text(value, &mut self.home)?,
                "sources" => decoder.texts(value, &mut self.sources)?,
                "version" => decoder.text(value, &mut self.version)?,
                "description" => decoder.text(value, &mut self.description)?,
                "keywords" => decoder.texts(value, &mut self.keywords)?,
                "maintainers" => self.maintainers = decoder.list(value, "chart.Maintainer", maintainer)?,
                "icon" => decoder.text(value, &mut self.icon)?,
                "apiVersion" => decoder.text(value, &mut self.api_version)?,
                "condition" => decoder.text(value, &mut self.condition)?,
                "tags" => decoder.text(value, &mut self.tags)?,
                "appVersion" => decoder.text(value, &mut self.app_version)?,
                "deprecated" => decoder.boolean(value, &mut self.deprecated)?,
                "annotations" => decoder.text_map(value, &mut self.annotations)?,
                "kubeVersion" => decoder.text(value, &mut self.kube_version)?,
                "dependencies" => {
                    self.dependencies =
                        if value.is_null() { None } else { Some(dependencies(decoder, value)?) };
                }
                _ => decoder.text(value, &mut self.kind)?,
            }
            Ok(())
        })
    }

    /// Checks what Helm checks, after replacing unprintable characters in the texts.
    ///
    /// # Errors
    /// [`Invalid`] for the first fault, in Helm's words.
    pub fn validate(&mut self) -> Result<(), Invalid> {
        self.sanitize();
        let fail = |text: &str| Err(Invalid(text.to_owned()));
        if self.api_version.is_empty() {
            return fail("chart.metadata.apiVersion is required");
        }
        if self.name.is_empty() {
            return fail("chart.metadata.name is required");
        }
        if self.name == "." || self.name == ".." {
            return Err(Invalid(format!("chart.metadata.name {:?} is not allowed", self.name)));
        }
        if self.name.contains('/') {
            return Err(Invalid(format!("chart.metadata.name {:?} is invalid", self.name)));
        }
        if self.version.is_empty() {
            return fail("chart.metadata.version is required");
        }
        if holdfast_semver::Version::parse(&self.version).is_err() {
            return Err(Invalid(format!("chart.metadata.version {:?} is invalid", self.version)));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return fail("chart.metadata.type must be application or library");
        }
        self.validate_dependencies()
    }

    /// The declared dependencies.
    pub fn declared(&self) -> &[Dependency] {
        self.dependencies.as_deref().unwrap_or_default()
    }

    fn validate_dependencies(&self) -> Result<(), Invalid> {
        for (index, dependency) in self.declared().iter().enumerate() {
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if !dependency.alias.chars().all(legal) {
                return Err(Invalid(format!(
                    "dependency {:?} has disallowed characters in the alias",
                    dependency.name
                )));
            }
            let key = dependency.used_as();
            if self.declared()[..index].iter().any(|d| d.used_as() == key) {
                return Err(Invalid(format!("more than one dependency with name or alias {key:?}")));
            }
        }
        Ok(())
    }

    fn sanitize(&mut self) {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        texts.into_iter().chain(&mut self.sources).chain(&mut self.keywords).for_each(sanitize);
        for maintainer in &mut self.maintainers {
            [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url].into_iter().for_each(sanitize);
        }
        for dependency in self.dependencies.iter_mut().flatten() {
            let texts = [
                &mut dependency.name,
                &mut dependency.version,
                &mut dependency.repository,
                &mut dependency.condition,
            ];
            texts.into_iter().chain(&mut dependency.tags).for_each(sanitize);
        }
    }
}

impl Dependency {
    /// The name its values stand under: the alias, or else the name.
    pub fn used_as(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }
}

impl Lock {
    /// Reads `Chart.lock`.
    ///
    /// # Errors
    /// [`DecodeError`] when a field has the wrong type.
    pub fn read(document: &Value) -> Result<Self, DecodeError> {
        let mut lock = Self::default();
        Decoder::root("Lock", "chart.Lock").fields(
            document,
            &["generated", "digest", "dependencies"],
            |decoder, field, value| {
                match field {
                    "generated" => decoder.text(value, &mut lock.generated)?,
                    "digest" => decoder.text(value, &mut lock.digest)?,
                    _ => lock.dependencies = dependencies(decoder, value)?,
                }
                Ok(())
            },
        )?;
        Ok(lock)
    }
}

const FIELDS: &[&str] = &[
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];

fn maintainer(decoder: &Decoder<'_>, value: &Value) -> Result<Maintainer, DecodeError> {
    let mut maintainer = Maintainer::default();
    decoder.fields(value, &["name", "email", "url"], |decoder, field, value| match field {
        "name" => decoder.text(value, &mut maintainer.name),
        "email" => decoder.text(value, &mut maintainer.email),
        _ => decoder.text(value, &mut maintainer.url),
    })?;
    Ok(maintainer)
}

fn dependencies(decoder: &Decoder<'_>, value: &Value) -> Result<Vec<Dependency>, DecodeError> {
    decoder.list(value, "chart.Dependency", dependency)
}

fn dependency(decoder: &Decoder<'_>, value: &Value) -> Result<Dependency, DecodeError> {
    const FIELDS: &[&str] =
        &["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];
    let mut found = Dependency::default();
    decoder.fields(value, FIELDS, |decoder, field, value| match field {
        "name" => decoder.text(value, &mut found.name),
        "version" => decoder.text(value, &mut found.version),
        "repository" => decoder.text(value, &mut found.repository),
        "condition" => decoder.text(value, &mut found.condition),
        "tags" => decoder.texts(value, &mut found.tags),
        "enabled" => decoder.boolean(value, &mut found.enabled),
        "import-values" => {
            found.import_values = decoder.list(value, "interface {}", |_, v| Ok(v.clone()))?;
            Ok(())
        }
        _ => decoder.text(value, &mut found.alias),
    })?;
    Ok(found)
}

/// White space becomes a blank; what cannot be printed goes.
fn sanitize(text: &mut String) {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return;
    }
    *text = text
        .chars()
        .filter_map(|c| if c.is_whitespace() { Some(' ') } else { decode::is_printable(c).then_some(c) })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(document: Value, expected: &str) {
        let mut metadata = Metadata::default();
        let result = metadata.read(&document).map_err(|e| e.to_string());
        let result = result.and_then(|()| metadata.validate().map_err(|e| e.to_string()));
        assert_eq!(result.err().unwrap_or_default(), expected, "{document}");
    }

    #[test]
    fn what_helm_refuses() {
        let with = |key: &str, value: Value| {
            let mut chart = json!({"apiVersion": "v2", "name": "a", "version": "1.0.0"});
            chart[key] = value;
            chart
        };
        check(with("description", json!("x")), "");
        check(json!({}), "validation: chart.metadata.apiVersion is required");
        check(with("name", json!("")), "validation: chart.metadata.name is required");
        check(with("name", json!("..")), "validation: chart.metadata.name \"..\" is not allowed");
        check(with("name", json!("a/b")), "validation: chart.metadata.name \"a/b\" is invalid");
        check(with("version", json!("")), "validation: chart.metadata.version is required");
        check(with("version", json!("1.2.3.4")), "validation: chart.metadata.version \"1.2.3.4\" is invalid");
        check(with("type", json!("x")), "validation: chart.metadata.type must be application or library");
        check(
            with("dependencies", json!([{"name": "d", "alias": "a b"}])),
            "validation: dependency \"d\" has disallowed characters in the alias",
        );
        check(
            with("dependencies", json!([{"name": "d"}, {"name": "e", "alias": "d"}])),
            "validation: more than one dependency with name or alias \"d\"",
        );
        check(
            with("dependencies", json!([null])),
            "validation: dependencies must not contain empty or null nodes",
        );
        check(
            with("maintainers", json!([null])),
            "validation: maintainers must not contain empty or null nodes",
        );
        check(
            with("keywords", json!("x")),
            "json: cannot unmarshal string into Go struct field Metadata.keywords of type []string",
        );
        check(json!([1]), "json: cannot unmarshal array into Go value of type chart.Metadata");
    }

    #[test]
    fn numbers_are_texts_where_texts_are_wanted() {
        let mut metadata = Metadata::default();
        metadata
            .read(&json!({"appVersion": 1.1, "version": 2, "kubeVersion": true, "annotations": {"a": 1e21, "b": null}}))
            .unwrap();
        assert_eq!(metadata.app_version, "1.1");
        assert_eq!(metadata.version, "2");
        assert_eq!(metadata.kube_version, "true");
        assert_eq!(metadata.annotations["a"], "1e+21");
        assert_eq!(metadata.annotations["b"], "");
    }

    #[test]
    fn field_names_ignore_case() {
        let mut metadata = Metadata::default();
        metadata.read(&json!({"Name": "upper", "APPVERSION": "3", "name": "lower"})).unwrap();
        assert_eq!((metadata.name.as_str(), metadata.app_version.as_str()), ("lower", "3"));
    }

    #[test]
    fn unprintable_characters_go() {
        let mut metadata =
            Metadata { description: "\u{7}descr\u{81}iption\rtest\u{200b}".into(), ..Default::default() };
        metadata.sanitize();
        assert_eq!(metadata.description, "description test");
    }
}

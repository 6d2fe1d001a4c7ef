//! Names of apps and sources in commands: `app/NAME`, `ks/NAME`, a name alone, and in `-n` or in front the namespace.

use crate::error::CliError;
use holdfast_view::{App, Source};
use std::fmt;

/// A name as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The kind's short name, as [`holdfast_view::prefix`] gives it.
    kind: Option<String>,
    namespace: Option<String>,
    name: String,
}

/// What kinds are called besides their short names; the plural and the group may follow as with kubectl.
const KINDS: [(&str, &[&str]); 11] = [
    ("app", &["apps", "application", "applications"]),
    ("ks", &["kustomization", "kustomizations"]),
    ("hr", &["helmrelease", "helmreleases"]),
    ("gitrepo", &["gitrepository", "gitrepositories"]),
    ("ocirepo", &["ocirepository", "ocirepositories"]),
    ("helmrepo", &["helmrepository", "helmrepositories"]),
    ("hc", &["helmchart", "helmcharts"]),
    ("bucket", &["buckets"]),
    ("ea", &["externalartifact", "externalartifacts"]),
    ("appset", &["applicationset", "applicationsets"]),
    ("appproj", &["appproject", "appprojects"]),
];

impl std::str::FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err("write NAME, KIND/NAME or NAMESPACE/KIND/NAME".into());
        }
        let (namespace, kind, name) = match parts.as_slice() {
            [name] => (None, None, *name),
            [kind, name] => (None, Some(*kind), *name),
            [namespace, kind, name] => (Some((*namespace).to_owned()), Some(*kind), *name),
            _ => return Err("write NAME, KIND/NAME or NAMESPACE/KIND/NAME".into()),
        };
        Ok(Self { kind: kind.map(short_kind).transpose()?, namespace, name: name.to_owned() })
    }
}

fn short_kind(text: &str) -> Result<String, String> {
    let kind = text.to_lowercase();
    let kind = kind.split('.').next().unwrap_or_default();
    let known = KINDS.iter().find(|(short, others)| *short == kind || others.contains(&kind));
    known.map(|(short, _)| (*short).to_owned()).ok_or_else(|| {
        let shorts: Vec<&str> = KINDS.iter().map(|(short, _)| *short).collect();
        format!("'{text}' is no kind of app or source; there are {}", shorts.join(", "))
    })
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        match &self.kind {
            Some(kind) => write!(f, "{kind}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Name {
    fn matches(&self, kind_and_name: &str, namespace: &str) -> bool {
        let (kind, name) = kind_and_name.split_once('/').unwrap_or(("", kind_and_name));
        name == self.name
            && self.kind.as_deref().is_none_or(|wanted| wanted == kind)
            && self.namespace.as_deref().is_none_or(|wanted| wanted == namespace)
    }
}

/// The one app of a name.
pub(crate) fn find_app<'a>(apps: &'a [App], name: &Name) -> Result<&'a App, CliError> {
    let found: Vec<&App> = apps.iter().filter(|app| name.matches(&app.name(), app.namespace())).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(nothing("app", name, apps.iter().map(|a| (a.namespace(), a.name())))),
        several => Err(ambiguous(name, several.iter().map(|a| (a.namespace(), a.name())))),
    }
}

/// The one source of a name.
pub(crate) fn find_source<'s>(sources: &'s [Source], name: &Name) -> Result<&'s Source, CliError> {
    let found: Vec<&Source> = sources.iter().filter(|s| name.matches(&s.name, s.namespace())).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(nothing("source", name, sources.iter().map(|s| (s.namespace(), s.name.clone())))),
        several => Err(ambiguous(name, several.iter().map(|s| (s.namespace(), s.name.clone())))),
    }
}

fn ambiguous<'c>(name: &Name, candidates: impl Iterator<Item = (&'c str, String)>) -> CliError {
    let names: Vec<String> = candidates.map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    CliError::user(format!("'{name}' could be {}", names.join(" or ")))
        .hint("write it with its kind and namespace")
}

/// How many names an error lists.
const LISTED: usize = 10;

fn nothing<'c>(what: &str, name: &Name, all: impl Iterator<Item = (&'c str, String)>) -> CliError {
    let error = CliError::user(format!("there is no {what} '{name}'"));
    let mut names: Vec<String> = all.map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    // Names that share most with the wanted one come first; the order is otherwise kept.
    names.sort_by_key(|candidate| !candidate.contains(&name.name));
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    match (names.as_slice(), more) {
        ([], _) => error.hint(format!("there are no {what}s at all where you look")),
        (names, 0) => error.hint(format!("there are {}", names.join(", "))),
        (names, more) => error.hint(format!("there are {} and {more} more", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_many_names() {
        let check = |text: &str, expected: &str| {
            let name: Result<Name, String> = text.parse();
            assert_eq!(name.map_or_else(|e| e, |n| n.to_string()), expected, "{text}");
        };
        check("shop", "shop");
        check("Kustomization/shop", "ks/shop");
        check("applications.argoproj.io/shop", "app/shop");
        check("flux-system/ks/shop", "flux-system/ks/shop");
        check("ks/", "write NAME, KIND/NAME or NAMESPACE/KIND/NAME");
        check(
            "pod/a",
            "'pod' is no kind of app or source; there are app, ks, hr, gitrepo, ocirepo, helmrepo, hc, bucket, ea, appset, appproj",
        );
    }
}

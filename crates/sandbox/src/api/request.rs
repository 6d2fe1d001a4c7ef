//! What a request asks for: its path, its query and the forms of answer it takes.

use crate::status::{ApiError, ApiResult};
use percent_encoding::percent_decode_str;
use std::str::FromStr;

/// A request's query parameters, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(key), decoded(value))
                })
                .collect(),
        )
    }

    /// The first value of a parameter, unless it is empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// A flag as the API conversion reads it: present and neither `false` nor `0`.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.0.iter().find(|(k, _)| k == key).is_some_and(|(_, v)| !matches!(v.as_str(), "false" | "0"))
    }

    /// A number.
    pub(crate) fn number<T: FromStr>(&self, key: &str) -> ApiResult<Option<T>> {
        let Some(text) = self.get(key) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| ApiError::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz` and the checks below them.
    Health,
    /// `/api`.
    LegacyVersions,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Resources(String, String),
    /// `/openapi/v2`.
    OpenApiV2,
    /// `/openapi/v3`.
    OpenApiV3,
    /// `/openapi/v3/...`.
    OpenApiV3Group(String),
    /// Objects.
    Objects(Path),
    /// Nothing is served there.
    Nothing,
}

/// A path to objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: String,
    pub(crate) plural: String,
    /// Empty for a collection.
    pub(crate) name: String,
    /// Empty for the object itself.
    pub(crate) subresource: String,
    /// The deprecated `/watch/` prefix.
    pub(crate) watch: bool,
}

impl Route {
    pub(crate) fn parse(path: &str) -> Self {
        let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(decoded_segment).collect();
        let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match texts.as_slice() {
            ["version"] => Self::Version,
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["api"] => Self::LegacyVersions,
            ["apis"] => Self::Groups,
            ["openapi", "v2"] => Self::OpenApiV2,
            ["openapi", "v3"] => Self::OpenApiV3,
            ["openapi", "v3", rest @ ..] => Self::OpenApiV3Group(rest.join("/")),
            ["api", version] => Self::Resources(String::new(), (*version).into()),
            ["apis", group] => Self::Group((*group).into()),
            ["apis", group, version] => Self::Resources((*group).into(), (*version).into()),
            ["api", version, rest @ ..] => objects("", version, rest),
            ["apis", group, version, rest @ ..] => objects(group, version, rest),
            _ => Self::Nothing,
        }
    }
}

fn decoded_segment(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn objects(group: &str, version: &str, rest: &[&str]) -> Route {
    let (watch, rest) = match rest {
        ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
        rest => (false, rest),
    };
    let mut path = Path { group: group.into(), version: version.into(), watch, ..Path::default() };
    let rest = match rest {
        // `namespaces/NAME/status` and `namespaces/NAME/finalize` are subresources of the namespace itself.
        ["namespaces", name, sub @ ("status" | "finalize")] => {
            path.namespace = (*name).into();
            &["namespaces", name, sub]
        }
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
            path.namespace = (*namespace).into();
            rest
        }
        rest => rest,
    };
    match rest {
        [plural] => path.plural = (*plural).into(),
        [plural, name] => (path.plural, path.name) = ((*plural).into(), (*name).into()),
        [plural, name, sub @ ..] => {
            (path.plural, path.name) = ((*plural).into(), (*name).into());
            path.subresource = sub.join("/");
        }
        [] => return Route::Nothing,
    }
    if path.plural == "namespaces" {
        path.namespace.clear();
    }
    Route::Objects(path)
}

/// The shape in which objects are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The objects themselves.
    Plain,
    /// `meta.k8s.io/v1` Table.
    Table,
    /// `meta.k8s.io/v1` PartialObjectMetadata or its list.
    Metadata,
}

/// One entry of an `Accept` header.
struct Accepted<'a> {
    media: &'a str,
    params: Vec<(&'a str, &'a str)>,
}

fn accepted(header: &str) -> impl Iterator<Item = Accepted<'_>> {
    header.split(',').filter(|e| !e.trim().is_empty()).map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        Accepted { media, params: parts.filter_map(|p| p.split_once('=')).collect() }
    })
}

fn is_json(media: &str) -> bool {
    matches!(media, "application/json" | "*/*" | "application/*")
}

impl Accepted<'_> {
    fn param(&self, key: &str) -> &str {
        self.params.iter().find(|(k, _)| *k == key).map_or("", |(_, v)| v)
    }
}

const YAML: &str = "application/yaml";

/// True when an `Accept` header names YAML before any form of JSON.
pub(crate) fn prefers_yaml(accept: Option<&str>) -> bool {
    accepted(accept.unwrap_or_default())
        .find(|e| is_json(e.media) || e.media == YAML)
        .is_some_and(|e| e.media == YAML)
}

const OBJECT_MEDIA: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// The first shape of an `Accept` header that this server writes; `streams` where it could be a watch.
pub(crate) fn shape(accept: Option<&str>, streams: bool) -> ApiResult<Shape> {
    let header = accept.unwrap_or("*/*");
    if header.trim().is_empty() {
        return Ok(Shape::Plain);
    }
    for entry in accepted(header).filter(|e| is_json(e.media) || e.media == YAML) {
        let group_version = (entry.param("g"), entry.param("v"));
        match (entry.param("as"), group_version) {
            ("", _) => return Ok(Shape::Plain),
            ("Table", ("meta.k8s.io", "v1")) => return Ok(Shape::Table),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", ("meta.k8s.io", "v1")) => {
                return Ok(Shape::Metadata);
            }
            _ => {}
        }
    }
    let streaming = ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
    Err(ApiError::not_acceptable(&format!("{OBJECT_MEDIA}{}", if streams { streaming } else { "" })))
}

/// True when an `Accept` header prefers aggregated discovery at `apidiscovery.k8s.io/v2`.
pub(crate) fn wants_aggregated(accept: Option<&str>) -> bool {
    for entry in accepted(accept.unwrap_or_default()).filter(|e| is_json(e.media)) {
        match (entry.param("as"), entry.param("g"), entry.param("v")) {
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => return true,
            ("", ..) => return false,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let check = |path: &str, expected: &str| {
            let shown = match Route::parse(path) {
                Route::Objects(p) => {
                    format!(
                        "{}/{} {}:{}:{}:{}",
                        p.group, p.version, p.namespace, p.plural, p.name, p.subresource
                    )
                }
                other => format!("{other:?}"),
            };
            assert_eq!(shown, expected, "{path}");
        };
        check("/api", "LegacyVersions");
        check("/apis/apps", "Group(\"apps\")");
        check("/apis/apps/v1/", "Resources(\"apps\", \"v1\")");
        check("/api/v1/namespaces", "/v1 :namespaces::");
        check("/api/v1/namespaces/a", "/v1 :namespaces:a:");
        check("/api/v1/namespaces/a/status", "/v1 :namespaces:a:status");
        check("/api/v1/namespaces/a/pods", "/v1 a:pods::");
        check("/apis/apps/v1/namespaces/a/deployments/b/scale", "apps/v1 a:deployments:b:scale");
        check("/api/v1/nodes/n", "/v1 :nodes:n:");
        check("/readyz/ping", "Health");
        check("/nothing", "Nothing");
    }

    #[test]
    fn the_first_shape_that_we_write_wins() {
        let check = |accept: &str, expected: Option<Shape>| {
            assert_eq!(shape(Some(accept), false).ok(), expected, "{accept}")
        };
        check("application/json", Some(Shape::Plain));
        check(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
            Some(Shape::Table),
        );
        check("application/vnd.kubernetes.protobuf,application/json", Some(Shape::Plain));
        check("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(Shape::Metadata));
        check("text/html", None);
    }
}

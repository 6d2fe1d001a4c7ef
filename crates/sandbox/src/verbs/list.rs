use super::Target;
use crate::core::Core;
use crate::field::FieldError;
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::{ApiError, ApiResult, Named};
use crate::store::{Name, Snapshot, Stored};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Arc;

/// What to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListOptions {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    /// 0 for no limit.
    pub(crate) limit: usize,
    pub(crate) continue_token: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) version_match: Option<String>,
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) revision: u64,
    pub(crate) objects: Vec<Arc<Stored>>,
    pub(crate) continue_token: Option<String>,
    /// How many objects follow, where no selector makes that a guess.
    pub(crate) remaining: Option<usize>,
}

/// Where the next page starts.
struct Token {
    revision: u64,
    after: Name,
}

impl Token {
    fn write(&self) -> String {
        let start = format!("{}/{}\0", self.after.namespace, self.after.name);
        URL_SAFE_NO_PAD
            .encode(json!({"v": "meta.k8s.io/v1", "rv": self.revision, "start": start}).to_string())
    }

    fn read(text: &str) -> ApiResult<Self> {
        let read = || -> Option<Self> {
            let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let start = value["start"].as_str()?.strip_suffix('\0')?;
            let (namespace, name) = start.split_once('/')?;
            Some(Self { revision: value["rv"].as_u64()?, after: Name::new(namespace, name) })
        };
        read().ok_or_else(|| ApiError::bad_request("invalid continue token: continue key is not valid"))
    }
}

/// Lists the objects of a collection.
pub(crate) fn list(core: &Core, target: &Target, options: &ListOptions) -> ApiResult<Page> {
    let bucket = &target.resource.bucket;
    let (snapshot, after) = match &options.continue_token {
        Some(token) => {
            if options.resource_version.as_deref().is_some_and(|v| v != "0") {
                return Err(ApiError::bad_request(
                    "specifying resource version is not allowed when using continue",
                ));
            }
            let token = Token::read(token)?;
            let snapshot = core.store.snapshot_at(bucket, &target.namespace, token.revision).map_err(|_| {
                ApiError::expired(
                    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
                )
            })?;
            (snapshot, Some(token.after))
        }
        None => (snapshot(core, target, options)?, None),
    };
    let revision = snapshot.revision;
    let skip = after.as_ref().map_or(0, |after| snapshot.objects.partition_point(|o| o.name() <= after));
    let mut rest = snapshot.objects.into_iter().skip(skip);
    let selecting = !options.labels.matches_all() || !options.fields.matches_all();
    let mut objects = Vec::new();
    let limit = if options.limit == 0 { usize::MAX } else { options.limit };
    for object in rest.by_ref() {
        if options.labels.matches(|key| object.label(key)) && options.fields.matches(&object) {
            objects.push(object);
            if objects.len() == limit {
                break;
            }
        }
    }
    let left = rest.len();
    let more = left > 0 && objects.len() == limit;
    let continue_token =
        objects.last().filter(|_| more).map(|last| Token { revision, after: last.name().clone() }.write());
    let remaining = (more && !selecting).then_some(left);
    Ok(Page { revision, objects, continue_token, remaining })
}

fn snapshot(core: &Core, target: &Target, options: &ListOptions) -> ApiResult<Snapshot> {
    let bucket = &target.resource.bucket;
    let version = options.resource_version.as_deref().unwrap_or_default();
    let exact = match options.version_match.as_deref() {
        None | Some("NotOlderThan") => false,
        Some("Exact") => true,
        Some(other) => {
            let supported = ["Exact", "NotOlderThan", ""];
            let error = FieldError::not_supported("resourceVersionMatch", &other.into(), &supported);
            return Err(list_options_invalid(error));
        }
    };
    if version.is_empty() {
        if options.version_match.is_some() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            return Err(list_options_invalid(FieldError::forbidden("resourceVersionMatch", why)));
        }
        return Ok(core.store.snapshot(bucket, &target.namespace));
    }
    let asked = parse_version(version)?;
    if exact && asked == 0 {
        let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
        return Err(list_options_invalid(FieldError::forbidden("resourceVersionMatch", why)));
    }
    let snapshot = core.store.snapshot(bucket, &target.namespace);
    if asked > snapshot.revision {
        return Err(ApiError::future_version(asked, snapshot.revision));
    }
    if exact {
        return core
            .store
            .snapshot_at(bucket, &target.namespace, asked)
            .map_err(|oldest| too_old(asked, oldest));
    }
    Ok(snapshot)
}

/// 422 for options that do not go together.
fn list_options_invalid(error: FieldError) -> ApiError {
    ApiError::invalid(Named { group: "meta.k8s.io", what: "ListOptions" }, "", &[error])
}

/// Reads a list's resourceVersion.
fn parse_version(text: &str) -> ApiResult<u64> {
    text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

/// 410 for a version whose changes are forgotten.
pub(super) fn too_old(asked: u64, oldest: u64) -> ApiError {
    ApiError::expired(format!("too old resource version: {asked} ({oldest})"))
}

//! From a request to a verb.

use super::answer::Answer;
use super::request::{Path, Query, Route, prefers_yaml, shape, wants_aggregated};
use super::write::{Include, Writer};
use super::{discovery, openapi};
use crate::access::{self, Attributes, User};
use crate::core::Core;
use crate::faults::{Facts, Fault};
use crate::resource::{Registry, Resource};
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::{ApiError, ApiResult, Named};
use crate::verbs::{
    self, DeleteOptions, Deleted, ListOptions, Patch, Shown, Target, Validation, WatchOptions, WriteOptions,
    Written,
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A request with its body read.
pub(super) struct Incoming {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Incoming {
    fn media(&self) -> &str {
        self.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }

    fn json(&self) -> ApiResult<Value> {
        match self.media() {
            "" | "application/json" => {}
            "application/yaml" => {
                return holdfast_yaml::parse(&self.body, &holdfast_yaml::Options::v2()).map_err(|error| {
                    ApiError::bad_request(format!(
                        "the object provided is unrecognized: couldn't get version/kind; json parse error: {error}"
                    ))
                });
            }
            "application/vnd.kubernetes.protobuf" => {
                return super::protobuf::decode(&self.body).ok_or_else(|| {
                    ApiError::bad_request(
                        "the object provided is unrecognized (no built-in kind in protobuf form)",
                    )
                });
            }
            _ => {
                return Err(ApiError::unsupported_media_type(
                    "application/json, application/yaml, application/vnd.kubernetes.protobuf",
                ));
            }
        }
        self.json_with_duplicates().map(|(value, _)| value)
    }

    fn json_with_duplicates(&self) -> ApiResult<(Value, Vec<String>)> {
        super::json::read(&self.body).map_err(|error| {
            let why = if self.body.is_empty() {
                "unexpected end of JSON input".to_owned()
            } else {
                error.to_string()
            };
            ApiError::bad_request(format!(
                "the object provided is unrecognized: couldn't get version/kind; json parse error: {why}"
            ))
        })
    }
}

/// Answers a request.
pub(super) async fn dispatch(core: &Arc<Core>, incoming: Incoming) -> ApiResult<Answer> {
    let route = Route::parse(&incoming.path);
    let query = Query::parse(incoming.query.as_deref());
    let user = access::authenticate(core, &incoming.headers)?;
    if let Route::Objects(path) = route {
        return objects(core, &incoming, &query, path, &user).await;
    }
    if route != Route::Health {
        let verb = incoming.method.as_str().to_lowercase();
        let wanted = Attributes { verb: &verb, path: &incoming.path, ..Attributes::default() };
        access::require(core, &user, wanted)?;
    }
    if incoming.method != Method::GET {
        return Err(ApiError::no_such_path());
    }
    let registry = core.registry();
    let accept = incoming.accept.as_deref();
    let value = match route {
        Route::Version => version(),
        Route::Health => return Ok(Answer::text(200, "ok")),
        Route::LegacyVersions if wants_aggregated(accept) => {
            return Ok(discovery::aggregated(&registry, true));
        }
        Route::Groups if wants_aggregated(accept) => return Ok(discovery::aggregated(&registry, false)),
        Route::LegacyVersions => discovery::legacy_versions(),
        Route::Groups => discovery::groups(&registry),
        Route::Group(group) => discovery::group(&registry, &group)?,
        Route::Resources(group, version) => discovery::resources(&registry, &group, &version)?,
        Route::OpenApiV3 => openapi::index(&registry),
        Route::OpenApiV3Group(path) => openapi::document(&registry, &path)?,
        Route::OpenApiV2 | Route::Nothing | Route::Objects(_) => return Err(ApiError::no_such_path()),
    };
    Ok(Answer::json(200, &value))
}

fn version() -> Value {
    let (major, minor, version) = super::VERSION;
    json!({
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": "35",
        "gitVersion": version, "gitCommit": "", "gitTreeState": "simulated", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": "simulated",
    })
}

/// The verb of a request for objects, as RBAC names it.
fn verb_of(method: &Method, path: &Path, query: &Query) -> ApiResult<&'static str> {
    let one = !path.name.is_empty();
    Ok(match *method {
        // With a name in the path the flag is passed over.
        Method::GET if path.watch || (query.flag("watch") && !one) => "watch",
        Method::GET if one => "get",
        Method::GET => "list",
        Method::POST if !one || !path.subresource.is_empty() => "create",
        Method::PUT if one => "update",
        Method::PATCH if one => "patch",
        Method::DELETE if one => "delete",
        Method::DELETE => "deletecollection",
        _ => return Err(ApiError::wrong_method()),
    })
}

fn target(registry: &Registry, path: &Path) -> ApiResult<Target> {
    if registry.group(&path.group).is_none() {
        return Err(ApiError::no_such_path());
    }
    let missing = ApiError::no_such_resource;
    let resource = registry.find(&path.group, &path.version, &path.plural).ok_or_else(missing)?.clone();
    if !path.namespace.is_empty() && !resource.namespaced {
        return Err(missing());
    }
    if resource.namespaced && path.namespace.is_empty() && !path.name.is_empty() {
        return Err(missing());
    }
    if !path.subresource.is_empty() && resource.subresource(&path.subresource).is_none() {
        return Err(missing());
    }
    Ok(Target {
        resource,
        namespace: path.namespace.clone(),
        name: path.name.clone(),
        subresource: path.subresource.clone(),
    })
}

async fn objects(
    core: &Arc<Core>,
    incoming: &Incoming,
    query: &Query,
    path: Path,
    user: &User,
) -> ApiResult<Answer> {
    let verb = verb_of(&incoming.method, &path, query)?;
    let resource = if path.subresource.is_empty() {
        path.plural.clone()
    } else {
        format!("{}/{}", path.plural, path.subresource)
    };
    let facts = Facts { verb, resource: &resource, namespace: &path.namespace, name: &path.name };
    let fault = core.faults.meet(facts);
    match &fault {
        Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(fault) => {
            if let Some(error) = fault.refusal(facts) {
                return Err(error);
            }
        }
        None => {}
    }
    // A collection of one named object is asked for as that object, and a namespace is in itself.
    let by_field = query.get("fieldSelector").and_then(|text| text.strip_prefix("metadata.name="));
    let is_namespace = path.group.is_empty() && path.plural == "namespaces";
    let wanted = Attributes {
        verb,
        group: &path.group,
        resource: &path.plural,
        subresource: &path.subresource,
        namespace: if is_namespace { &path.name } else { &path.namespace },
        name: if path.name.is_empty() { by_field.unwrap_or_default() } else { &path.name },
        path: "",
    };
    access::require(core, user, wanted)?;
    let target = target(&core.registry(), &path)?;
    if verb == "create" && !target.resource.has_storage() {
        let options = write_options(incoming, query, verb)?;
        let answer = access::answer(core, user, &target, incoming.json()?, &options)?;
        return Ok(Answer::json(201, &answer));
    }
    let deprecated = deprecation(&target.resource);
    let answer = handle(core, incoming, query, verb, target)?.warning(deprecated.into_iter().collect());
    let answer = if prefers_yaml(incoming.accept.as_deref()) { answer.into_yaml() } else { answer };
    match fault {
        Some(Fault::LostAnswer) => Err(ApiError::internal("the answer was lost (a fault of the sandbox)")),
        _ => Ok(answer),
    }
}

/// What is said with every answer of a resource that goes away.
fn deprecation(resource: &Resource) -> Option<String> {
    match &resource.custom {
        Some(custom) => custom.deprecation.clone(),
        None if resource.is("", "endpoints") => {
            Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned())
        }
        None => None,
    }
}

fn handle(
    core: &Arc<Core>,
    incoming: &Incoming,
    query: &Query,
    verb: &str,
    target: Target,
) -> ApiResult<Answer> {
    let resource = &target.resource;
    let allowed = match resource.subresource(&target.subresource) {
        Some(sub) => sub.verbs.iter().any(|v| v == verb),
        None => resource.has_verb(verb),
    };
    if !allowed {
        return Err(ApiError::wrong_method());
    }
    if let Some(answer) = special(core, incoming, &target)? {
        return Ok(answer);
    }
    let shape = shape(incoming.accept.as_deref(), verb == "list" || verb == "watch")?;
    let writer = Writer::new(resource.clone(), shape, include(query)?, core.clock);
    let options = write_options(incoming, query, verb)?;
    match verb {
        "get" => get(core, &target, &writer),
        "list" => {
            let page = verbs::list(core, &target, &list_options(&target, query)?)?;
            Ok(Answer::bytes(200, writer.list(&page)))
        }
        "watch" => {
            let options = watch_options(&target, query)?;
            Ok(Answer::stream(verbs::watch(core, &target, options, writer)?))
        }
        "create" => create(core, &target, incoming, &writer, &options),
        "update" => written(&writer, &target, update(core, &target, incoming.json()?, &options)?),
        "patch" => {
            if resource.custom.is_some() && incoming.media() == "application/strategic-merge-patch+json" {
                // Without Go types there is nothing to tell how their lists merge.
                return Err(ApiError::unsupported_media_type(
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                ));
            }
            if incoming.media() != "application/apply-patch+yaml" && Patch::is_known(incoming.media()) {
                verbs::get(core, &target)?;
            }
            let patch = Patch::read(incoming.media(), &incoming.body)?;
            written(&writer, &target, patch_any(core, &target, &patch, &options)?)
        }
        "delete" => delete(core, &target, incoming, query, &writer),
        "deletecollection" if resource.namespaced && target.namespace.is_empty() => {
            Err(ApiError::wrong_method())
        }
        "deletecollection" => delete_collection(core, &target, incoming, query, &writer),
        _ => Err(ApiError::wrong_method()),
    }
}

/// Subresources that are no view of their object.
fn special(core: &Core, incoming: &Incoming, target: &Target) -> ApiResult<Option<Answer>> {
    let resource = &target.resource;
    match (resource.plural.as_str(), target.subresource.as_str()) {
        (_, "" | "status" | "scale" | "finalize" | "approval" | "ephemeralcontainers" | "resize") => Ok(None),
        ("pods", "log") => {
            verbs::get(core, target)?;
            Ok(Some(Answer::text(200, "simulated: this pod runs no process and has no log\n")))
        }
        ("pods", "eviction") => {
            let pod = Target { subresource: String::new(), ..target.clone() };
            let eviction = incoming.json()?;
            let options = delete_options_of(&eviction["deleteOptions"], &Query::default())?;
            verbs::delete(core, &pod, &options)?;
            Ok(Some(Answer::json(
                201,
                &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
            )))
        }
        (plural, sub) => Err(ApiError::bad_request(format!(
            "{plural}/{sub} is not simulated: the sandbox runs no processes and issues no tokens"
        ))),
    }
}

fn include(query: &Query) -> ApiResult<Include> {
    match query.get("includeObject") {
        None | Some("Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::Nothing),
        Some("Object") => Ok(Include::Object),
        Some(other) => Err(ApiError::bad_request(format!("unrecognized includeObject value: {other:?}"))),
    }
}

fn get(core: &Core, target: &Target, writer: &Writer) -> ApiResult<Answer> {
    let stored = verbs::get(core, target)?;
    if target.subresource == "scale" {
        return Ok(Answer::json(200, &verbs::read_scale(target, &target.value(&stored))));
    }
    Ok(Answer::bytes(200, writer.one(&Shown::Stored(stored))))
}

fn create(
    core: &Core,
    target: &Target,
    incoming: &Incoming,
    writer: &Writer,
    options: &WriteOptions,
) -> ApiResult<Answer> {
    if target.resource.namespaced && target.namespace.is_empty() {
        return Err(ApiError::wrong_method());
    }
    written(writer, target, verbs::create(core, target, incoming.json()?, options)?)
}

fn update(core: &Core, target: &Target, body: Value, options: &WriteOptions) -> ApiResult<Written> {
    if target.subresource == "scale" {
        return verbs::write_scale(core, target, options, |_| Ok(body.clone()));
    }
    verbs::update(core, target, body, options)
}

fn patch_any(core: &Core, target: &Target, patch: &Patch, options: &WriteOptions) -> ApiResult<Written> {
    if target.subresource == "scale" {
        if let Patch::Apply(scale) = patch {
            return verbs::apply_scale(core, target, scale, options);
        }
        return verbs::write_scale(core, target, options, |scale| {
            let mut scale = scale;
            match patch {
                Patch::Json(patch) => verbs::apply_json_patch(&mut scale, patch)?,
                Patch::Merge(patch) | Patch::Strategic(patch) | Patch::Apply(patch) => {
                    json_patch::merge(&mut scale, patch)
                }
            }
            Ok(scale)
        });
    }
    verbs::patch(core, target, patch, options)
}

fn written(writer: &Writer, target: &Target, written: Written) -> ApiResult<Answer> {
    let code = if written.created { 201 } else { 200 };
    let body = match (&written.object, target.subresource.as_str()) {
        (Shown::Dry(scale), "scale") => return Ok(Answer::json(code, scale)),
        (object, _) => writer.one(object),
    };
    Ok(Answer::bytes(code, body).warning(written.warnings))
}

fn write_options(incoming: &Incoming, query: &Query, verb: &str) -> ApiResult<WriteOptions> {
    let validation = match query.get("fieldValidation") {
        None | Some("Warn") => Validation::Warn,
        Some("Strict") => Validation::Strict,
        Some("Ignore") => Validation::Ignore,
        Some(other) => {
            let kind = option_kind(verb);
            let error = crate::field::FieldError::not_supported(
                "fieldValidation",
                &other.into(),
                &["", "Ignore", "Strict", "Warn"],
            );
            let named = Named { group: "meta.k8s.io", what: kind };
            return Err(ApiError::invalid(named, "", &[error]));
        }
    };
    let is_apply = verb == "patch" && incoming.media() == "application/apply-patch+yaml";
    check_manager(query, verb, is_apply)?;
    let manager = match query.get("fieldManager") {
        Some(manager) => manager.to_owned(),
        None if is_apply => {
            let error = crate::field::FieldError::required("fieldManager", "is required for apply patch");
            let named = Named { group: "meta.k8s.io", what: "PatchOptions" };
            return Err(ApiError::invalid(named, "", &[error]));
        }
        None => default_manager(incoming.user_agent.as_deref()),
    };
    let duplicates = match (verb, incoming.media()) {
        ("create" | "update", "" | "application/json") => incoming.json_with_duplicates()?.1,
        _ => Vec::new(),
    };
    Ok(WriteOptions {
        manager,
        validation,
        dry_run: dry_run(query.all("dryRun"), verb)?,
        force: query.flag("force"),
        duplicates,
    })
}

/// The longest name of a manager.
const MANAGER_MAX: usize = 128;

/// The rules of `fieldManager` and `force`.
fn check_manager(query: &Query, verb: &str, is_apply: bool) -> ApiResult<()> {
    let refuse =
        |error| Err(ApiError::invalid(Named { group: "meta.k8s.io", what: option_kind(verb) }, "", &[error]));
    let manager = query.get("fieldManager").unwrap_or_default();
    if manager.len() > MANAGER_MAX {
        return refuse(crate::field::FieldError::too_long("fieldManager", MANAGER_MAX));
    }
    if let Some((at, c)) = manager.char_indices().find(|(_, c)| c.is_control()) {
        let why = format!("invalid character U+{:04X} (at position {at})", u32::from(c));
        return refuse(crate::field::FieldError::invalid_text("fieldManager", manager, why));
    }
    if verb == "patch" && !is_apply && query.get("force").is_some() {
        let why = "may not be specified for non-apply patch";
        return refuse(crate::field::FieldError::forbidden("force", why));
    }
    Ok(())
}

fn option_kind(verb: &str) -> &'static str {
    match verb {
        "create" => "CreateOptions",
        "update" => "UpdateOptions",
        "patch" => "PatchOptions",
        _ => "DeleteOptions",
    }
}

fn dry_run<'a>(values: impl Iterator<Item = &'a str>, verb: &str) -> ApiResult<bool> {
    let mut dry = false;
    for value in values.filter(|v| !v.is_empty()) {
        if value != "All" {
            let error = crate::field::FieldError::not_supported("dryRun", &json!([value]), &["All"]);
            let named = Named { group: "meta.k8s.io", what: option_kind(verb) };
            return Err(ApiError::invalid(named, "", &[error]));
        }
        dry = true;
    }
    Ok(dry)
}

/// A manager's name from the user agent: what stands before the first slash.
fn default_manager(user_agent: Option<&str>) -> String {
    let agent = user_agent.filter(|a| !a.is_empty()).unwrap_or("unknown");
    agent.split('/').next().unwrap_or(agent).chars().filter(|c| !c.is_control()).take(128).collect()
}

fn selectors(target: &Target, query: &Query) -> ApiResult<(LabelSelector, FieldSelector)> {
    let labels = LabelSelector::parse(query.get("labelSelector").unwrap_or_default())
        .map_err(ApiError::bad_request)?;
    let mut fields = FieldSelector::parse(query.get("fieldSelector").unwrap_or_default())
        .map_err(ApiError::bad_request)?;
    let known = crate::selector::known_fields(&target.resource);
    if let Some(stranger) = fields.fields().find(|f| !known.contains(f)) {
        // Kinds with fields of their own say it in other words.
        if known.len() > 2 || target.resource.custom.is_some() {
            return Err(ApiError::bad_request(format!("field label not supported: {stranger}")));
        }
        let known: Vec<String> = known.iter().map(|f| format!("{f:?}")).collect();
        let why = format!("{stranger:?} is not a known field selector: only {}", known.join(", "));
        return Err(ApiError::bad_request(why));
    }
    if !target.name.is_empty() {
        let by_name = format!("metadata.name={}", target.name);
        fields = FieldSelector::parse(&by_name).map_err(ApiError::bad_request)?;
    }
    Ok((labels, fields))
}

fn list_options(target: &Target, query: &Query) -> ApiResult<ListOptions> {
    let (labels, fields) = selectors(target, query)?;
    let text = |key| query.get(key).map(str::to_owned);
    Ok(ListOptions {
        labels,
        fields,
        limit: query.number("limit")?.unwrap_or(0),
        continue_token: text("continue"),
        resource_version: text("resourceVersion"),
        version_match: text("resourceVersionMatch"),
    })
}

fn watch_options(target: &Target, query: &Query) -> ApiResult<WatchOptions> {
    let (labels, fields) = selectors(target, query)?;
    let text = |key| query.get(key).map(str::to_owned);
    Ok(WatchOptions {
        labels,
        fields,
        resource_version: text("resourceVersion"),
        version_match: text("resourceVersionMatch"),
        bookmarks: query.flag("allowWatchBookmarks"),
        timeout: query.number("timeoutSeconds")?.filter(|s| *s > 0).map(Duration::from_secs),
        send_initial_events: query.get("sendInitialEvents").map(|_| query.flag("sendInitialEvents")),
    })
}

fn delete_options(incoming: &Incoming, query: &Query) -> ApiResult<DeleteOptions> {
    let body = if incoming.body.is_empty() { json!({}) } else { incoming.json()? };
    delete_options_of(&body, query)
}

fn delete_options_of(body: &Value, query: &Query) -> ApiResult<DeleteOptions> {
    check_delete_body(body)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut dry: Vec<&str> =
        body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    dry.extend(query.all("dryRun"));
    let orphan =
        body["orphanDependents"].as_bool().or_else(|| query.get("orphanDependents").map(|v| v == "true"));
    let propagation = text(&body["propagationPolicy"])
        .or_else(|| query.get("propagationPolicy").map(str::to_owned))
        .or_else(|| orphan.map(|orphan| if orphan { "Orphan" } else { "Background" }.to_owned()))
        .unwrap_or_default();
    if !matches!(propagation.as_str(), "" | "Foreground" | "Background" | "Orphan") {
        let error = crate::field::FieldError::not_supported(
            "propagationPolicy",
            &propagation.into(),
            &["Foreground", "Background", "Orphan", "nil"],
        );
        return Err(ApiError::invalid(Named { group: "meta.k8s.io", what: "DeleteOptions" }, "", &[error]));
    }
    Ok(DeleteOptions {
        uid: text(&body["preconditions"]["uid"]),
        resource_version: text(&body["preconditions"]["resourceVersion"]),
        propagation,
        grace_seconds: match body["gracePeriodSeconds"].as_i64() {
            Some(seconds) => Some(seconds),
            None => query.number("gracePeriodSeconds")?,
        },
        dry_run: dry_run(dry.into_iter(), "delete")?,
    })
}

/// The form of a deletion's body.
fn check_delete_body(body: &Value) -> ApiResult<()> {
    let (api_version, kind) = (body["apiVersion"].as_str(), body["kind"].as_str());
    if kind.is_some_and(|kind| !kind.is_empty() && kind != "DeleteOptions") {
        return Err(ApiError::bad_request(format!(
            "no kind {:?} is registered for version {:?} in scheme \"pkg/runtime/scheme.go:111\"",
            kind.unwrap_or_default(),
            api_version.unwrap_or_default()
        )));
    }
    let grace = &body["gracePeriodSeconds"];
    if !grace.is_null() && !grace.is_i64() {
        let got = if grace.is_string() { "string" } else { "value" };
        return Err(ApiError::bad_request(format!(
            "json: cannot unmarshal {got} into Go struct field DeleteOptions.gracePeriodSeconds of type int64"
        )));
    }
    if !body["propagationPolicy"].is_null() && !body["orphanDependents"].is_null() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        let error = crate::field::FieldError::invalid("propagationPolicy", &body["propagationPolicy"], why);
        return Err(ApiError::invalid(Named { group: "meta.k8s.io", what: "DeleteOptions" }, "", &[error]));
    }
    Ok(())
}

fn delete(
    core: &Core,
    target: &Target,
    incoming: &Incoming,
    query: &Query,
    writer: &Writer,
) -> ApiResult<Answer> {
    let options = delete_options(incoming, query)?;
    let warnings = if target.resource.is("batch", "jobs") && options.propagation.is_empty() {
        vec![KEPT_PODS.to_owned()]
    } else {
        Vec::new()
    };
    let answer = deleted(core, target, &options, writer)?;
    Ok(answer.warning(warnings))
}

/// What is said of a Job's deletion that does not say what becomes of its pods.
const KEPT_PODS: &str = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

fn deleted(core: &Core, target: &Target, options: &DeleteOptions, writer: &Writer) -> ApiResult<Answer> {
    match verbs::delete(core, target, options)? {
        Deleted::Marked(object) => Ok(Answer::bytes(200, writer.one(&object))),
        Deleted::Gone(object) if returns_deleted(target) => Ok(Answer::bytes(200, writer.one(&object))),
        Deleted::Gone(object) => {
            let details = verbs::deleted_details(target, &object.value(&target.resource));
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
            Ok(Answer::json(200, &status))
        }
    }
}

/// The kinds whose deletion answers the object instead of a Status.
fn returns_deleted(target: &Target) -> bool {
    matches!(
        (target.resource.group.as_str(), target.resource.plural.as_str()),
        (
            "",
            "pods"
                | "podtemplates"
                | "services"
                | "serviceaccounts"
                | "persistentvolumes"
                | "persistentvolumeclaims"
                | "resourcequotas"
        ) | ("storage.k8s.io", "storageclasses" | "csidrivers" | "csinodes" | "volumeattachments")
            | ("resource.k8s.io", "deviceclasses")
    )
}

fn delete_collection(
    core: &Core,
    target: &Target,
    incoming: &Incoming,
    query: &Query,
    writer: &Writer,
) -> ApiResult<Answer> {
    let options = delete_options(incoming, query)?;
    let (labels, fields) = selectors(target, query)?;
    let objects = verbs::delete_selected(core, target, &labels, &fields, &options)?;
    let page =
        verbs::Page { revision: core.store.revision(), objects, continue_token: None, remaining: None };
    Ok(Answer::bytes(200, writer.list(&page)))
}

//! Who asks, and whether they may: tokens, impersonation, and RBAC as it stands in the store.

mod founding;
mod review;

pub(crate) use founding::found;
pub(crate) use review::answer;

use crate::core::Core;
use crate::status::{ApiError, ApiResult, Named};
use crate::store::Name;
use http::HeaderMap;
use serde_json::Value;

/// A token and whom it stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The bearer token.
    pub token: String,
    /// User name.
    pub user: String,
    /// Groups besides `system:authenticated`.
    pub groups: Vec<String>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("user", &self.user)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

/// Members may do everything.
const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";

impl User {
    /// The user whose kubeconfig the sandbox writes.
    pub(crate) fn admin() -> Self {
        Self { name: "kubernetes-admin".into(), groups: vec![MASTERS.into(), AUTHENTICATED.into()] }
    }

    fn is_master(&self) -> bool {
        self.groups.iter().any(|g| g == MASTERS)
    }
}

/// What somebody wants to do. Non-resource requests have a path and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attributes<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
}

/// Finds out who asks. Without configured tokens everybody is the administrator.
pub(crate) fn authenticate(core: &Core, headers: &HeaderMap) -> ApiResult<User> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let bearer = text("authorization").strip_prefix("Bearer ").unwrap_or_default().trim();
    let user = if core.options.tokens.is_empty() || bearer == crate::api::ADMIN_TOKEN {
        User::admin()
    } else if bearer.is_empty() {
        User { name: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()] }
    } else {
        let known =
            core.options.tokens.iter().find(|t| t.token == bearer).ok_or_else(ApiError::unauthorized)?;
        let mut groups = known.groups.clone();
        groups.push(AUTHENTICATED.into());
        User { name: known.user.clone(), groups }
    };
    impersonate(core, user, headers)
}

/// `system:serviceaccount:NAMESPACE:NAME` taken apart.
fn service_account(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("system:serviceaccount:")?.split_once(':')
}

fn impersonate(core: &Core, user: User, headers: &HeaderMap) -> ApiResult<User> {
    let all = |name: &str| {
        headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
    };
    let (names, mut groups): (Vec<String>, Vec<String>) = (all("impersonate-user"), all("impersonate-group"));
    let Some(name) = names.into_iter().next().filter(|n| !n.is_empty()) else {
        if groups.is_empty() {
            return Ok(user);
        }
        let shown: Vec<String> = groups.iter().map(|group| format!("{group:?}")).collect();
        return Err(ApiError::bad_request(format!(
            "requested &user.DefaultInfo{{Name:\"\", UID:\"\", Groups:[]string{{{}}}, Extra:map[string][]string(nil)}} without impersonating a user name",
            shown.join(", ")
        )));
    };
    let wanted = match service_account(&name) {
        Some((namespace, name)) => Attributes {
            verb: "impersonate",
            resource: "serviceaccounts",
            namespace,
            name,
            ..Attributes::default()
        },
        None => Attributes { verb: "impersonate", resource: "users", name: &name, ..Attributes::default() },
    };
    require(core, &user, wanted)?;
    for group in &groups {
        require(
            core,
            &user,
            Attributes { verb: "impersonate", resource: "groups", name: group, ..Attributes::default() },
        )?;
    }
    if groups.is_empty()
        && let Some((namespace, _)) = service_account(&name)
    {
        groups = vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")];
    }
    if name != "system:anonymous" && !groups.iter().any(|g| g == AUTHENTICATED) {
        groups.push(AUTHENTICATED.into());
    }
    Ok(User { name, groups })
}

/// Refuses what somebody may not do.
pub(crate) fn require(core: &Core, user: &User, wanted: Attributes<'_>) -> ApiResult<()> {
    if !core.options.rbac || is_allowed(core, user, wanted) {
        return Ok(());
    }
    if !wanted.path.is_empty() {
        let why = format!("User {:?} cannot {} path {:?}", user.name, wanted.verb, wanted.path);
        return Err(ApiError::forbidden_path(&why));
    }
    let what = if wanted.subresource.is_empty() {
        wanted.resource.to_owned()
    } else {
        format!("{}/{}", wanted.resource, wanted.subresource)
    };
    let place = if wanted.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", wanted.namespace)
    };
    let why = format!(
        "User {:?} cannot {} resource {what:?} in API group {:?} {place}",
        user.name, wanted.verb, wanted.group
    );
    Err(ApiError::forbidden(Named { group: wanted.group, what: wanted.resource }, wanted.name, why))
}

/// What RBAC answers, whether it is switched on or not.
pub(crate) fn is_allowed(core: &Core, user: &User, wanted: Attributes<'_>) -> bool {
    user.is_master() || reason(core, user, wanted).is_some()
}

/// By which binding somebody may do something, in the original's words.
fn reason(core: &Core, user: &User, wanted: Attributes<'_>) -> Option<String> {
    rules(core, user, wanted.namespace)
        .into_iter()
        .find(|granted| permits(&granted.rule, wanted))
        .map(|granted| format!("RBAC: allowed by {}", granted.by))
}

/// A rule and the binding that gives it.
struct Granted {
    rule: Value,
    by: String,
}

/// The rules that hold for a user in a namespace: those of the cluster and those of the namespace.
fn rules(core: &Core, user: &User, namespace: &str) -> Vec<Granted> {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let mut bindings = core.store.list(&format!("clusterrolebindings.{GROUP}"), "");
    if !namespace.is_empty() {
        bindings.extend(core.store.list(&format!("rolebindings.{GROUP}"), namespace));
    }
    let mut rules = Vec::new();
    for binding in bindings {
        let own = &*binding.name().namespace;
        let body = binding.bare();
        let mut subjects = body["subjects"].as_array().into_iter().flatten();
        let Some(subject) = subjects.find(|subject| is_subject(subject, user, own)) else { continue };
        let role = body["roleRef"]["name"].as_str().unwrap_or_default();
        let (bucket, name) = match body["roleRef"]["kind"].as_str() {
            Some("Role") => (format!("roles.{GROUP}"), Name::new(own, role)),
            _ => (format!("clusterroles.{GROUP}"), Name::new("", role)),
        };
        if let Some(stored) = core.store.get(&bucket, &name) {
            let by = describe(&binding.name().name, own, &body["roleRef"], subject);
            let all = stored.bare()["rules"].as_array().cloned().unwrap_or_default();
            rules.extend(all.into_iter().map(|rule| Granted { rule, by: by.clone() }));
        }
    }
    rules
}

/// A binding, its role and whom it is for.
fn describe(binding: &str, namespace: &str, role: &Value, subject: &Value) -> String {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let binding = match namespace {
        "" => format!("ClusterRoleBinding {binding:?}"),
        namespace => format!("RoleBinding {:?}", format!("{binding}/{namespace}")),
    };
    let name = match text(subject, "kind").as_str() {
        "ServiceAccount" => format!("{}/{}", text(subject, "name"), text(subject, "namespace")),
        _ => text(subject, "name"),
    };
    format!(
        "{binding} of {} {:?} to {} {name:?}",
        text(role, "kind"),
        text(role, "name"),
        text(subject, "kind")
    )
}

fn is_subject(subject: &Value, user: &User, binding_namespace: &str) -> bool {
    let text = |key: &str| subject[key].as_str().unwrap_or_default();
    match text("kind") {
        "User" => text("name") == user.name,
        "Group" => user.groups.iter().any(|g| g == text("name")),
        "ServiceAccount" => {
            let namespace = if text("namespace").is_empty() { binding_namespace } else { text("namespace") };
            service_account(&user.name) == Some((namespace, text("name")))
        }
        _ => false,
    }
}

fn permits(rule: &Value, wanted: Attributes<'_>) -> bool {
    let list = |key: &str| rule[key].as_array().map_or(&[][..], Vec::as_slice);
    let has = |key: &str, value: &str| list(key).iter().any(|v| v == "*" || v == value);
    if !has("verbs", wanted.verb) {
        return false;
    }
    if !wanted.path.is_empty() {
        return list("nonResourceURLs").iter().filter_map(Value::as_str).any(|pattern| {
            pattern == wanted.path
                || pattern.strip_suffix('*').is_some_and(|stem| wanted.path.starts_with(stem))
        });
    }
    let resource = match wanted.subresource {
        "" => has("resources", wanted.resource),
        sub => {
            has("resources", &format!("{}/{sub}", wanted.resource))
                || list("resources").iter().any(|r| *r == *format!("*/{sub}"))
        }
    };
    let named = list("resourceNames").is_empty() || list("resourceNames").iter().any(|n| n == wanted.name);
    has("apiGroups", wanted.group) && resource && named
}

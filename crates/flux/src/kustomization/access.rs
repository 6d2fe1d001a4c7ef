//! Where a Kustomization's objects are, and in whose name they are applied.

use crate::source::secrets::{SecretData, read_object};
use crate::{FluxOptions, Shared};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_cluster::{
    ApiErrorKind, ApiRequest, Cluster, ClusterHandle, Endpoint, Identity, RemoteKubeconfig,
};
use holdfast_controller::Access;
use holdfast_object::{GroupVersionKind, Object, ObjectKey, Value, json};
use holdfast_types::flux::{KubeConfigSpec, KustomizationSpec, LocalName, SecretKeyReference};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long a ServiceAccount's token for another cluster is asked to be valid, in seconds.
const TOKEN_SECONDS: i64 = 3600;
/// A token is renewed when it is valid for less than this.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(10);

/// Kubeconfigs that were made of ConfigMaps, with the tokens in them. While a token is good the kubeconfig stays the
/// same, and with it the connection.
#[derive(Default)]
pub(super) struct Tokens {
    known: Mutex<HashMap<ObjectKey, Token>>,
}

struct Token {
    /// The ConfigMap it was made by.
    resource_version: String,
    kubeconfig: RemoteKubeconfig,
    expires: Timestamp,
}

/// The ServiceAccount in whose name objects are applied, if in anyone's.
fn account<'s>(options: &'s FluxOptions, spec: &'s KustomizationSpec) -> Option<&'s str> {
    let default = options.default_service_account.as_deref();
    Some(spec.service_account_name.as_str()).filter(|name| !name.is_empty()).or(default)
}

/// Whether the ServiceAccount is still there: without it nothing can be deleted in its name.
pub(super) async fn can_impersonate(shared: &Shared, object: &Object, spec: &KustomizationSpec) -> bool {
    let Some(name) = account(&shared.options, spec) else { return true };
    let cluster = shared.engine.cluster();
    let Ok(resource) = cluster.resource(&GroupVersionKind::new("", "v1", "ServiceAccount")).await else {
        return false;
    };
    let answer = cluster.request(ApiRequest::get_object(&resource, object.namespace(), name)).await;
    // Only its absence is a reason to leave the objects; what keeps us from knowing passes.
    !answer.is_err_and(|error| error.kind == ApiErrorKind::NotFound)
}

/// Access to where the objects are, as whom the spec says.
pub(super) async fn access(
    shared: &Shared,
    tokens: &Tokens,
    object: &Object,
    spec: &KustomizationSpec,
) -> Result<Access, String> {
    let cluster = shared.engine.cluster();
    let endpoint = endpoint(cluster, tokens, object, spec, shared.engine.now()).await?;
    let handle = ClusterHandle { endpoint, identity: identity(&shared.options, object, spec) };
    shared.engine.access(&handle).await.map_err(|error| format!("failed to build kube client: {error}"))
}

/// In whose name objects are applied.
pub(super) fn identity(options: &FluxOptions, object: &Object, spec: &KustomizationSpec) -> Identity {
    match account(options, spec) {
        Some(name) => Identity::service_account(object.namespace(), name),
        None => Identity::Own,
    }
}

/// Where objects are applied; `cluster` is the one of the Kustomization itself, in which its kubeconfig is.
pub(super) async fn endpoint(
    cluster: &Cluster,
    tokens: &Tokens,
    object: &Object,
    spec: &KustomizationSpec,
    now: Timestamp,
) -> Result<Endpoint, String> {
    match &spec.kube_config {
        None => Ok(Endpoint::Home),
        Some(KubeConfigSpec { secret_ref: Some(secret), config_map_ref: None }) => {
            of_secret(cluster, object.namespace(), secret).await.map(Endpoint::Remote)
        }
        Some(KubeConfigSpec { secret_ref: None, config_map_ref: Some(map) }) => {
            tokens.kubeconfig(cluster, object.namespace(), map, now).await.map(Endpoint::Remote)
        }
        Some(_) => {
            Err("exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"
                .to_owned())
        }
    }
}

async fn of_secret(
    cluster: &Cluster,
    namespace: &str,
    secret: &SecretKeyReference,
) -> Result<RemoteKubeconfig, String> {
    let data = SecretData::read(cluster, namespace, &secret.name).await?;
    let keys: &[&str] = match secret.key.as_str() {
        "" => &["value", "value.yaml"],
        key => &[key],
    };
    let found = keys.iter().find_map(|key| data.values().find(|(name, _)| name == key));
    let missing = || {
        format!(
            "KubeConfig secret '{namespace}/{}' does not contain a '{}' key with a kubeconfig",
            secret.name, keys[0]
        )
    };
    let (_, value) = found.ok_or_else(missing)?;
    let text = std::str::from_utf8(value).map_err(|_| missing())?;
    Ok(RemoteKubeconfig::new(text))
}

impl Tokens {
    /// A kubeconfig for what a ConfigMap of the generic provider names: an address, a certificate authority and a
    /// ServiceAccount whose token the other cluster accepts.
    async fn kubeconfig(
        &self,
        cluster: &Cluster,
        namespace: &str,
        map: &LocalName,
        now: Timestamp,
    ) -> Result<RemoteKubeconfig, String> {
        let wrong = |why: String| format!("ConfigMap '{namespace}/{}' of spec.kubeConfig: {why}", map.name);
        let value = read_object(cluster, "ConfigMap", namespace, &map.name).await?;
        let object = Object::new(value).map_err(|e| wrong(e.to_string()))?;
        if let Some(known) = self.known(&object, now) {
            return Ok(known);
        }
        let text = |key: &str| object.get(&["data", key]).and_then(Value::as_str).unwrap_or_default().trim();
        match text("provider") {
            "generic" => {}
            other => return Err(wrong(format!("provider '{other}' is not supported, only 'generic'"))),
        }
        let (address, account) = (text("address"), text("serviceAccountName"));
        if address.is_empty() || account.is_empty() {
            return Err(wrong("'address' and 'serviceAccountName' are required".into()));
        }
        let audiences: Vec<&str> =
            text("audiences").lines().map(str::trim).filter(|a| !a.is_empty()).collect();
        let audiences = if audiences.is_empty() { vec![address] } else { audiences };
        let token = request_token(cluster, namespace, account, &audiences).await.map_err(wrong)?;
        let mut server = json!({"server": address});
        if !text("ca.crt").is_empty() {
            server["certificate-authority-data"] = STANDARD.encode(text("ca.crt")).into();
        }
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "other",
            "clusters": [{"name": "other", "cluster": server}],
            "users": [{"name": account, "user": {"token": token.value}}],
            "contexts": [{"name": "other", "context": {"cluster": "other", "user": account}}],
        });
        let kubeconfig = RemoteKubeconfig::new(&kubeconfig.to_string());
        let token = Token {
            resource_version: object.resource_version().to_owned(),
            kubeconfig: kubeconfig.clone(),
            expires: token.expires,
        };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(object.key(), token);
        Ok(kubeconfig)
    }

    fn known(&self, map: &Object, now: Timestamp) -> Option<RemoteKubeconfig> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let token = known.get(&map.key())?;
        let is_good = token.resource_version == map.resource_version()
            && token.expires.duration_since(now) > RENEW_BEFORE;
        is_good.then(|| token.kubeconfig.clone())
    }
}

struct Issued {
    value: String,
    expires: Timestamp,
}

async fn request_token(
    cluster: &Cluster,
    namespace: &str,
    account: &str,
    audiences: &[&str],
) -> Result<Issued, String> {
    let gvk = GroupVersionKind::new("", "v1", "ServiceAccount");
    let resource = cluster.resource(&gvk).await.map_err(|e| e.to_string())?;
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"audiences": audiences, "expirationSeconds": TOKEN_SECONDS}});
    let request = ApiRequest::create_subresource(&resource, namespace, account, "token", body.to_string());
    let answer = cluster.request(request).await;
    let answer = answer.map_err(|e| format!("no token of ServiceAccount '{namespace}/{account}': {e}"))?;
    let answer: Value = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
    let status = |field: &str| answer.pointer(&format!("/status/{field}")).and_then(Value::as_str);
    let (Some(value), Some(expires)) = (status("token"), status("expirationTimestamp")) else {
        return Err(format!("no token of ServiceAccount '{namespace}/{account}': the answer holds none"));
    };
    Ok(Issued {
        value: value.to_owned(),
        expires: expires.parse().map_err(|_| "no time of expiry".to_owned())?,
    })
}

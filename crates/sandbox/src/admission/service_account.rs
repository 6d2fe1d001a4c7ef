//! What a pod gets from its service account: a token, and the secrets for pulling images.

use crate::core::Core;
use crate::status::{ApiError, ApiResult, Named};
use crate::store::Name;
use crate::verbs::meta_text;
use serde_json::{Value, json};

/// Where containers find the token.
const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How long a token lives, in seconds.
const EXPIRES: u32 = 3607;

/// Prepares a new pod as its service account says.
///
/// # Errors
/// 403 where there is no such account. The default account is on its way in every new namespace.
pub(super) fn apply(core: &Core, pod: &mut Value) -> ApiResult<()> {
    let (namespace, wanted) = (
        meta_text(pod, "namespace").to_owned(),
        pod["spec"]["serviceAccountName"].as_str().unwrap_or_default(),
    );
    let name = Name::new(&namespace, wanted);
    let account = match core.store.get("serviceaccounts", &name) {
        Some(stored) => stored.bare(),
        None if wanted == "default" => Value::Null,
        None => {
            let why = format!(
                "error looking up service account {namespace}/{wanted}: serviceaccount {wanted:?} not found"
            );
            return Err(ApiError::forbidden(Named { group: "", what: "pods" }, meta_text(pod, "name"), why));
        }
    };
    let spec = &mut pod["spec"];
    if spec["imagePullSecrets"].as_array().is_none_or(Vec::is_empty)
        && let Some(secrets) = account.get("imagePullSecrets")
    {
        spec["imagePullSecrets"] = secrets.clone();
    }
    let wanted = spec.get("automountServiceAccountToken").or(account.get("automountServiceAccountToken"));
    if wanted != Some(&Value::Bool(false)) {
        mount_token(core, spec);
    }
    Ok(())
}

fn mount_token(core: &Core, spec: &mut Value) {
    let volume = format!("kube-api-access-{}", core.random.suffix());
    let mut used = false;
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
            if mounts.iter().any(|mount| mount["mountPath"] == MOUNT) {
                continue;
            }
            let mut mounts = mounts;
            mounts.push(json!({"name": volume, "readOnly": true, "mountPath": MOUNT}));
            container["volumeMounts"] = mounts.into();
            used = true;
        }
    }
    if !used {
        return;
    }
    let mut volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
    volumes.push(json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": EXPIRES, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}}));
    spec["volumes"] = volumes.into();
}

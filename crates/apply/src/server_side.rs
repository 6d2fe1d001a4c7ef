use crate::{Applier, Written, parse, written};
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, ApiResource, PatchKind};
use holdfast_merge::drift::same_content;
use holdfast_object::{Object, Value, json};
use holdfast_sync::{FoldPolicy, Op, Reason};

impl Applier {
    /// Server-side apply. Where the decision found fields of managers that are to be folded, their entries are
    /// first made ours, so that what they set and we do not goes with this apply.
    pub(crate) async fn apply_server_side(
        &self,
        resource: &ApiResource,
        op: &Op,
        desired: &Object,
        manager: &str,
        force: bool,
        fold: &FoldPolicy,
    ) -> Result<Written, ApiError> {
        let key = &op.object.key;
        if matches!(op.why, Reason::Folded(_)) {
            self.fold_managers(resource, op, manager, fold).await?;
        }
        let body = desired.to_value().to_string();
        let request = ApiRequest::patch(resource, &key.namespace, &key.name, PatchKind::Apply, body)
            .query("fieldManager", manager)
            .query("force", if force { "true" } else { "false" });
        let answer = self.cluster.request(self.maybe_dry(request)).await?;
        let before = op.precondition.as_ref().map(|(_, version)| version.as_str());
        written(&answer.body, before, answer.status)
    }

    /// Whether the apply of a desired object would leave the live one as it is, as the server says.
    pub(crate) async fn would_be_unchanged(
        &self,
        op: &Op,
        desired: &Object,
        live: &Object,
        manager: &str,
        force: bool,
    ) -> Result<bool, ApiError> {
        let resource = self.cluster.resource(&op.object.gvk()).await?;
        let (key, body) = (&op.object.key, desired.to_value().to_string());
        let request = ApiRequest::patch(&resource, &key.namespace, &key.name, PatchKind::Apply, body)
            .query("fieldManager", manager)
            .query("force", if force { "true" } else { "false" })
            .query("dryRun", "All");
        let answer = parse(&self.cluster.request(request).await?.body)?;
        Ok(same_content(&live.to_value(), &answer))
    }

    async fn fold_managers(
        &self,
        resource: &ApiResource,
        op: &Op,
        manager: &str,
        fold: &FoldPolicy,
    ) -> Result<(), ApiError> {
        let key = &op.object.key;
        let live =
            match self.cluster.request(ApiRequest::get_object(resource, &key.namespace, &key.name)).await {
                Ok(answer) => parse(&answer.body)?,
                Err(error) if error.kind == ApiErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
        let Some(patch) = folding_patch(&live, manager, fold) else { return Ok(()) };
        let request =
            ApiRequest::patch(resource, &key.namespace, &key.name, PatchKind::Json, patch.to_string())
                .query("fieldManager", manager);
        self.cluster.request(self.maybe_dry(request)).await.map(|_| ())
    }
}

/// The JSON patch that makes the entries of folded managers ours and drops what client-side apply left behind;
/// `None` when nothing is to be folded (`fluxcd/pkg/ssa`, managed fields).
fn folding_patch(live: &Value, manager: &str, fold: &FoldPolicy) -> Option<Value> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let name = |entry: &Value| entry.get("manager").and_then(Value::as_str).unwrap_or_default().to_owned();
    let operation =
        |entry: &Value| entry.get("operation").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_status = |entry: &Value| entry.get("subresource").is_some_and(|s| s.as_str() != Some(""));
    let is_folded = |entry: &Value| {
        !is_status(entry)
            && fold.managers.iter().any(|rule| {
                let is_named =
                    if rule.exact { name(entry) == rule.name } else { name(entry).starts_with(&rule.name) };
                is_named && operation(entry) == rule.operation.as_str()
            })
    };
    if !entries.iter().any(is_folded) {
        return None;
    }
    let mut kept: Vec<Value> = entries.iter().filter(|e| !is_folded(e)).cloned().collect();
    let folded = entries.iter().filter(|e| is_folded(e));
    let at = kept.iter().position(|e| name(e) == manager && operation(e) == "Apply" && !is_status(e));
    let at = at.unwrap_or_else(|| {
        let version = live.get("apiVersion").cloned().unwrap_or_default();
        kept.push(json!({"manager": manager, "operation": "Apply", "apiVersion": version,
            "fieldsType": "FieldsV1", "fieldsV1": {}}));
        kept.len() - 1
    });
    for entry in folded {
        if let (Some(into), Some(from)) = (kept[at].get_mut("fieldsV1"), entry.get("fieldsV1")) {
            union(into, from);
        }
    }
    let mut patch = vec![json!({"op": "replace", "path": "/metadata/managedFields", "value": kept})];
    for (section, keys) in [("annotations", &fold.annotations), ("labels", &fold.labels)] {
        let present = live.pointer(&format!("/metadata/{section}"));
        for key in keys.iter().filter(|key| present.is_some_and(|map| map.get(key.as_str()).is_some())) {
            let escaped = key.replace('~', "~0").replace('/', "~1");
            patch.push(json!({"op": "remove", "path": format!("/metadata/{section}/{escaped}")}));
        }
    }
    let version = live.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
    patch.push(json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}));
    Some(Value::Array(patch))
}

/// FieldsV1 sets are trees of keys; their union is the union of the trees.
fn union(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (key, value) in from {
            union(into.entry(key.clone()).or_insert_with(|| json!({})), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": fields})
    }

    #[test]
    fn folded_entries_become_ours() {
        let live = json!({"apiVersion": "v1", "metadata": {
        "resourceVersion": "7",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        "managedFields": [
            entry("kustomize-controller", "Apply", json!({"f:data": {"f:a": {}}})),
            entry("kubectl-edit", "Update", json!({"f:data": {"f:b": {}}})),
            entry("other", "Update", json!({"f:data": {"f:c": {}}})),
        ]}});
        let patch = folding_patch(
            &live,
            "kustomize-controller",
            &FoldPolicy::kustomize_controller("kustomize-controller", &[]),
        )
        .unwrap();
        let value = &patch[0]["value"];
        assert_eq!(value.as_array().unwrap().len(), 2);
        assert_eq!(value[0]["fieldsV1"], json!({"f:data": {"f:a": {}, "f:b": {}}}));
        assert_eq!(value[1]["manager"], "other");
        assert_eq!(patch[1]["op"], "remove");
        assert_eq!(patch[2]["value"], "7");
    }

    #[test]
    fn nothing_to_fold_is_no_patch() {
        let live = json!({"metadata": {"managedFields": [entry("other", "Update", json!({}))]}});
        assert_eq!(
            folding_patch(
                &live,
                "kustomize-controller",
                &FoldPolicy::kustomize_controller("kustomize-controller", &[])
            ),
            None
        );
    }
}

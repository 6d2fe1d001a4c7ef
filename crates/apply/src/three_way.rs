use crate::{Applier, Written, text_at, written};
use holdfast_cluster::{ApiError, ApiRequest, ApiResource, PatchKind};
use holdfast_merge::{json_merge, strategic};
use holdfast_object::schema::Schemas;
use holdfast_object::{Map, Object, Value, json};
use holdfast_sync::Op;

/// Where client-side apply keeps what it applied last.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Applier {
    /// Client-side apply as `kubectl apply` does it: a patch from what was applied last, what is desired and what
    /// is live; strategic for built-in kinds, a JSON merge patch for others.
    pub(crate) async fn patch_three_way(
        &self,
        resource: &ApiResource,
        op: &Op,
        live: &Value,
        modified: &Object,
        manager: &str,
    ) -> Result<Written, ApiError> {
        let key = &op.object.key;
        let before = text_at(live, "/metadata/resourceVersion");
        let (kind, mut patch) = three_way_patch(live, modified);
        if patch.as_object().is_some_and(|p| p.is_empty()) {
            return Ok(Written { change: holdfast_sync::Change::Unchanged, resource_version: before });
        }
        // The patch says what to change of this very version: a list that it replaces whole, or an object that was
        // made anew meanwhile, would lose what others put there.
        patch["metadata"]["resourceVersion"] = before.as_str().into();
        let request = ApiRequest::patch(resource, &key.namespace, &key.name, kind, patch.to_string())
            .query("fieldManager", manager);
        let answer = self.cluster.request(self.maybe_dry(request)).await?;
        written(&answer.body, Some(&before), answer.status)
    }
}

/// The desired object with itself, as one line of JSON, in the annotation.
pub(crate) fn with_last_applied(desired: &Object) -> Object {
    let mut bare = desired.clone();
    if let Some(Value::Object(annotations)) = bare.metadata_mut().get_mut("annotations") {
        annotations.shift_remove(LAST_APPLIED);
    }
    // kubectl ends the annotation's text with a line break.
    let text = format!("{}\n", sorted(&bare.to_value()));
    let mut modified = desired.clone();
    modified.set_annotation(LAST_APPLIED, text);
    modified
}

/// The patch, and how it is written. Where the strategic patch cannot be made, the JSON merge patch can.
fn three_way_patch(live: &Value, modified: &Object) -> (PatchKind, Value) {
    let last = live
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(LAST_APPLIED))
        .and_then(Value::as_str)
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    let wanted = modified.to_value();
    if let Some(schema) = Schemas::builtin().root(&modified.gvk())
        && let Ok(patch) = strategic::three_way(&last, &wanted, live, schema, true)
    {
        return (PatchKind::Strategic, patch);
    }
    let empty = Map::new();
    let map = |value: &Value| value.as_object().cloned().unwrap_or_else(|| empty.clone());
    (PatchKind::Merge, Value::Object(json_merge::three_way(&map(&last), &map(&wanted), &map(live))))
}

/// JSON as Go writes it: keys sorted, and `<`, `>`, `&` escaped.
fn sorted(value: &Value) -> String {
    let mut text = String::new();
    write_sorted(value, &mut text);
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            text.push('{');
            for (number, key) in keys.into_iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_sorted(&map[key], text);
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for (number, item) in list.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                write_sorted(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        Object::new(value).unwrap()
    }

    #[test]
    fn what_was_applied_is_kept_as_kubectl_keeps_it() {
        let desired = object(json!({"kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": "a", "annotations": {LAST_APPLIED: "old", "x": "<y>"}}}));
        let modified = with_last_applied(&desired);
        let expected = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"annotations\":{\"x\":\"\\u003cy\\u003e\"},\"name\":\"a\"}}\n";
        assert_eq!(modified.annotation(LAST_APPLIED), Some(expected));
    }

    #[test]
    fn what_was_applied_and_is_not_wanted_any_more_goes_and_the_rest_stays() {
        let last = with_last_applied(&object(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a"}, "data": {"ours": "1", "gone": "1"}})));
        let mut live = last.to_value();
        live["data"]["theirs"] = json!("1");
        let wanted = with_last_applied(&object(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a"}, "data": {"ours": "2"}})));
        let (kind, patch) = three_way_patch(&live, &wanted);
        assert_eq!((kind, &patch["data"]), (PatchKind::Strategic, &json!({"gone": null, "ours": "2"})));
    }
}

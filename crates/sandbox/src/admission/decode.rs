//! Reading an object as its type: unknown fields, wrong types, nulls and zero values, as Go's decoder treats them.

use super::defaults;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_merge::quantity::Quantity;
use holdfast_object::schema::{ObjectType, Scalar, TypeKind, TypeRef};
use serde_json::{Map, Value};

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 100;
/// What the server says of a text that is no quantity.
const BAD_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Reads an object as a built-in type (with its name in the table), in place. Answers the unknown fields, by path.
///
/// # Errors
/// The server's words for a value of the wrong type.
pub(super) fn typed(object: &mut Value, root: TypeRef<'_>, name: &str) -> Result<Vec<String>, String> {
    let mut decoder = Decoder { unknown: Vec::new(), path: Vec::new() };
    let taken = object.take();
    *object = decoder.value(taken, root, "", 0)?.unwrap_or_else(|| Value::Object(Map::new()));
    if let Value::Object(map) = object {
        defaults::apply(name, map);
        show_always(map, name.rsplit('.').next().unwrap_or_default());
    }
    Ok(decoder.unknown)
}

enum Step {
    Key(String),
    Index(usize),
}

struct Decoder {
    unknown: Vec<String>,
    path: Vec<Step>,
}

impl Decoder {
    /// The path with indices, as strict decoding names fields.
    fn full_path(&self) -> String {
        let mut out = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(key);
                }
                Step::Index(index) => out.push_str(&format!("[{index}]")),
            }
        }
        out
    }

    /// The path of fields only, as Go's decoder names them.
    fn field_path(&self) -> String {
        let keys = self.path.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        keys.collect::<Vec<_>>().join(".")
    }

    fn mismatch(&self, value: &Value, holder: &str, ty: TypeRef<'_>) -> String {
        let got = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(n) if is_integer(ty) => format!("number {n}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let path = self.field_path();
        format!("json: cannot unmarshal {got} into Go struct field {holder}.{path} of type {}", go_type(ty))
    }

    /// One value; `None` when it is as good as absent.
    fn value(
        &mut self,
        value: Value,
        ty: TypeRef<'_>,
        holder: &str,
        depth: usize,
    ) -> Result<Option<Value>, String> {
        if depth > DEPTH_MAX {
            return Err("exceeded max depth".to_owned());
        }
        if value.is_null() {
            return Ok(None);
        }
        match ty.kind() {
            TypeKind::Any { .. } => Ok(Some(value)),
            TypeKind::Scalar(scalar) => self.scalar(value, scalar, ty, holder).map(Some),
            TypeKind::List(list) => {
                let Value::Array(items) = value else { return Err(self.mismatch(&value, holder, ty)) };
                let mut out = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    self.path.push(Step::Index(index));
                    let item = self.value(item, list.items(), holder, depth + 1)?;
                    self.path.pop();
                    out.push(item.unwrap_or_else(|| zero(list.items())));
                }
                Ok(Some(Value::Array(out)))
            }
            TypeKind::Object(object) => {
                let Value::Object(map) = value else { return Err(self.mismatch(&value, holder, ty)) };
                let own = ty.name().and_then(|n| n.rsplit('.').next()).unwrap_or(holder);
                let mut out = self.object(map, object, own, depth)?;
                if let Some(name) = ty.name() {
                    defaults::apply(name, &mut out);
                }
                Ok(Some(Value::Object(out)))
            }
        }
    }

    fn object(
        &mut self,
        map: Map<String, Value>,
        object: ObjectType<'_>,
        holder: &str,
        depth: usize,
    ) -> Result<Map<String, Value>, String> {
        let mut out = Map::with_capacity(map.len());
        for (key, value) in map {
            let known = object.field(&key);
            let Some(child) = object.child(&key) else {
                self.path.push(Step::Key(key));
                self.unknown.push(self.full_path());
                self.path.pop();
                continue;
            };
            // Go names a map's values by the map.
            let is_entry = known.is_none();
            self.path.push(Step::Key(key.clone()));
            let entry = if is_entry { self.path.pop() } else { None };
            let decoded = self.value(value, child, holder, depth + 1)?;
            if entry.is_none() {
                self.path.pop();
            }
            match decoded {
                Some(value) if is_entry => {
                    out.insert(key, value);
                }
                Some(value) => {
                    let always = known.is_some_and(|f| f.default().is_some() || f.is_required());
                    if always || !is_zero(&key, &value, child, holder) {
                        out.insert(key, value);
                    }
                }
                None if is_entry => {
                    out.insert(key, zero(child));
                }
                None => {}
            }
        }
        show_always(&mut out, holder);
        for field in object.fields() {
            let Some(default) = field.default().filter(|_| !out.contains_key(field.name())) else { continue };
            if holder == "ReplicationControllerSpec" && field.name() == "minReadySeconds" {
                // Described with a default of zero, which Go's encoder leaves out.
                continue;
            }
            self.path.push(Step::Key(field.name().to_owned()));
            if let Some(value) = self.value(default.clone(), field.ty(), holder, depth + 1)? {
                out.insert(field.name().to_owned(), value);
            }
            self.path.pop();
        }
        Ok(out)
    }

    fn scalar(&self, value: Value, scalar: Scalar, ty: TypeRef<'_>, holder: &str) -> Result<Value, String> {
        let fits = match scalar {
            Scalar::String => value.is_string(),
            Scalar::Bool => value.is_boolean(),
            Scalar::Int32 => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            Scalar::Int64 | Scalar::Integer => value.as_i64().is_some(),
            Scalar::Double | Scalar::Number => value.is_number(),
            Scalar::IntOrString => value.is_string() || value.as_i64().is_some(),
            Scalar::Quantity => {
                return canonical_quantity(&value);
            }
            Scalar::DateTime => return self.time(value, holder, ty),
            Scalar::Bytes => return self.bytes(value, holder, ty),
        };
        if fits { Ok(value) } else { Err(self.mismatch(&value, holder, ty)) }
    }

    fn time(&self, value: Value, holder: &str, ty: TypeRef<'_>) -> Result<Value, String> {
        let Some(text) = value.as_str() else { return Err(self.mismatch(&value, holder, ty)) };
        match crate::clock::parse_time(text) {
            Some(_) => Ok(value),
            None => Err(format!(
                "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
            )),
        }
    }

    fn bytes(&self, value: Value, holder: &str, ty: TypeRef<'_>) -> Result<Value, String> {
        let Some(text) = value.as_str() else { return Err(self.mismatch(&value, holder, ty)) };
        // Go's decoder skips line breaks.
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        match STANDARD.decode(&text) {
            Ok(bytes) => Ok(STANDARD.encode(bytes).into()),
            Err(base64::DecodeError::InvalidByte(at, _)) => {
                Err(format!("illegal base64 data at input byte {at}"))
            }
            Err(_) => Err(format!("illegal base64 data at input byte {}", text.len() / 4 * 4)),
        }
    }
}

fn canonical_quantity(value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    Quantity::canonical(&text).map(Value::from).map_err(|_| BAD_QUANTITY.to_owned())
}

fn is_integer(ty: TypeRef<'_>) -> bool {
    matches!(ty.kind(), TypeKind::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Integer))
}

/// What a null item of a list or map is read as.
fn zero(ty: TypeRef<'_>) -> Value {
    match ty.kind() {
        TypeKind::Scalar(Scalar::Bool) => false.into(),
        TypeKind::Scalar(
            Scalar::Int32 | Scalar::Int64 | Scalar::Integer | Scalar::Double | Scalar::Number,
        ) => 0.into(),
        TypeKind::Scalar(Scalar::Quantity) => "0".into(),
        TypeKind::Scalar(_) => "".into(),
        TypeKind::Object(_) => Value::Object(Map::new()),
        TypeKind::List(_) | TypeKind::Any { .. } => Value::Null,
    }
}

/// The Go type that a message names.
fn go_type(ty: TypeRef<'_>) -> String {
    match ty.kind() {
        TypeKind::Scalar(Scalar::Bool) => "bool".into(),
        TypeKind::Scalar(Scalar::Int32) => "int32".into(),
        TypeKind::Scalar(Scalar::Int64 | Scalar::Integer) => "int64".into(),
        TypeKind::Scalar(Scalar::Double | Scalar::Number) => "float64".into(),
        TypeKind::Scalar(Scalar::Bytes) => "[]uint8".into(),
        TypeKind::Scalar(_) => "string".into(),
        TypeKind::List(list) => format!("[]{}", go_type(list.items())),
        TypeKind::Object(object) if object.is_map() => match object.other_keys() {
            Some(values) => format!("map[string]{}", go_type(values)),
            None => short_name(ty),
        },
        TypeKind::Object(_) | TypeKind::Any { .. } => short_name(ty),
    }
}

fn short_name(ty: TypeRef<'_>) -> String {
    let Some(name) = ty.name() else { return "object".to_owned() };
    let mut parts = name.rsplit('.');
    let (kind, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{version}.{kind}")
}

/// Texts that Go holds by pointer: an empty one is kept.
const POINTER_TEXTS: &[&str] = &[
    "appProtocol",
    "currentVolumeAttributesClassName",
    "gmsaCredentialSpec",
    "gmsaCredentialSpecName",
    "holderIdentity",
    "hostnameOverride",
    "ingressClassName",
    "loadBalancerClass",
    "localhostProfile",
    "managedBy",
    "preferredHolder",
    "resourceClaimName",
    "resourceClaimTemplateName",
    "runAsUserName",
    "runtimeClassName",
    "scope",
    "service",
    "storageClassName",
    "timeZone",
    "trafficDistribution",
    "url",
    "volumeAttributesClassName",
    "zone",
];

/// Flags that Go holds by value: a false one is not written.
const PLAIN_FLAGS: &[&str] = &[
    "chapAuthDiscovery",
    "chapAuthSession",
    "globalDefault",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "insecureSkipTLSVerifyBackend",
    "paused",
    "publishNotReadyAddresses",
    "readOnly",
    "sslEnabled",
    "stdin",
    "stdinOnce",
    "tty",
    "unschedulable",
];

/// Numbers that Go holds by value: a zero is not written.
const PLAIN_NUMBERS: &[&str] = &[
    "active",
    "availableReplicas",
    "count",
    "currentReplicas",
    "deprecatedCount",
    "failed",
    "failureThreshold",
    "fullyLabeledReplicas",
    "generation",
    "healthCheckNodePort",
    "hostPort",
    "initialDelaySeconds",
    "minReadySeconds",
    "nodePort",
    "number",
    "numberAvailable",
    "numberUnavailable",
    "observedGeneration",
    "periodSeconds",
    "readyReplicas",
    "succeeded",
    "successThreshold",
    "unavailableReplicas",
    "updatedNumberScheduled",
    "updatedReplicas",
];

/// True when Go's encoder leaves an optional field's value out.
fn is_zero(key: &str, value: &Value, ty: TypeRef<'_>, holder: &str) -> bool {
    match value {
        // These are owned by whoever writes them, however empty.
        Value::Array(_)
            if matches!(
                (holder, key),
                ("", "rules" | "endpoints") | ("LimitRangeSpec", "limits") | ("CSINodeSpec", "drivers")
            ) =>
        {
            false
        }
        Value::Array(items) => items.is_empty(),
        // A named type is a struct, and a struct without fields is a value.
        Value::Object(map) => map.is_empty() && is_map(ty) && ty.name().is_none(),
        Value::String(text) => text.is_empty() && !POINTER_TEXTS.contains(&key),
        Value::Bool(false) => PLAIN_FLAGS.contains(&key),
        Value::Number(n) if n.as_i64() == Some(0) => match key {
            "replicas" => holder == "DeploymentStatus" || holder == "ScaleSpec",
            "timeoutSeconds" => holder == "Probe",
            "partition" => holder.ends_with("VolumeSource"),
            _ => PLAIN_NUMBERS.contains(&key),
        },
        _ => false,
    }
}

fn show_always(object: &mut Map<String, Value>, holder: &str) {
    for key in always_shown(holder).iter() {
        if !object.contains_key(*key) {
            object.insert((*key).to_owned(), Value::Null);
        }
    }
}

/// Times that Go never leaves out, and writes as null where there is none.
fn always_shown(holder: &str) -> &'static [&'static str] {
    match holder {
        "DeploymentCondition" => &["lastUpdateTime", "lastTransitionTime"],
        "ReplicaSetCondition"
        | "StatefulSetCondition"
        | "DaemonSetCondition"
        | "NamespaceCondition"
        | "ReplicationControllerCondition"
        | "HorizontalPodAutoscalerCondition" => &["lastTransitionTime"],
        "PodCondition" | "JobCondition" | "PersistentVolumeClaimCondition" => {
            &["lastProbeTime", "lastTransitionTime"]
        }
        "NodeCondition" => &["lastHeartbeatTime", "lastTransitionTime"],
        _ => &[],
    }
}

fn is_map(ty: TypeRef<'_>) -> bool {
    matches!(ty.kind(), TypeKind::Object(object) if object.is_map())
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::GroupVersionKind;
    use holdfast_object::schema::Schemas;
    use serde_json::json;

    fn decode(api_version: &str, kind: &str, mut value: Value) -> Result<(Value, Vec<String>), String> {
        let gvk = GroupVersionKind::from_api_version(api_version, kind);
        let unknown = typed(&mut value, Schemas::builtin().root(&gvk).expect("a built-in kind"), "")?;
        Ok((value, unknown))
    }

    #[test]
    fn wrong_types_are_named_as_the_original_names_them() {
        let check = |value: Value, expected: &str| {
            assert_eq!(decode("apps/v1", "Deployment", value).unwrap_err(), expected);
        };
        check(
            json!({"spec": {"replicas": "x"}}),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        );
        check(
            json!({"spec": {"replicas": 1.5}}),
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        );
        check(
            json!({"spec": {"selector": {"matchLabels": {"a": 1}}}}),
            "json: cannot unmarshal number into Go struct field LabelSelector.spec.selector.matchLabels of type string",
        );
        check(
            json!({"spec": {"template": {"spec": {"containers": {}}}}}),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
        );
        check(
            json!({"spec": {"template": {"spec": {"containers": [{"ports": [{"containerPort": "x"}]}]}}}}),
            "json: cannot unmarshal string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32",
        );
        check(
            json!({"spec": {"template": {"spec": []}}}),
            "json: cannot unmarshal array into Go struct field PodTemplateSpec.spec.template.spec of type v1.PodSpec",
        );
    }

    #[test]
    fn unknown_fields_are_dropped_and_named() {
        let body = json!({"foo": 1, "spec": {"bar": 1, "template": {"spec": {"containers": [{"name": "a", "baz": 1}]}}}});
        let (value, unknown) = decode("apps/v1", "Deployment", body).unwrap();
        assert_eq!(unknown, ["foo", "spec.bar", "spec.template.spec.containers[0].baz"]);
        assert_eq!(value.get("foo"), None);
    }

    #[test]
    fn zero_values_and_nulls_are_as_good_as_absent() {
        let (value, _) = decode(
            "v1",
            "Pod",
            json!({"metadata": {"labels": {}}, "spec": {"hostNetwork": false, "nodeName": "", "volumes": null,
                "containers": [{"name": "a", "tty": false, "args": [], "resources": {"limits": {"cpu": "1000m"}}}],
                "runtimeClassName": ""}}),
        )
        .unwrap();
        assert_eq!(value["metadata"], json!({}));
        assert_eq!(value["spec"].get("hostNetwork"), None);
        assert_eq!(value["spec"].get("nodeName"), None);
        assert_eq!(value["spec"]["runtimeClassName"], "");
        assert_eq!(value["spec"]["containers"][0].get("args"), None);
        assert_eq!(value["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
    }
}

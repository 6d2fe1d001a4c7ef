//! What is not acted on is refused by name: a field that is silently ignored is worse than one that is not there.

use holdfast_object::{Map, Object, Value};
use holdfast_types::flux::{
    GitRepositorySpec, KustomizationSpec, OciRepositorySpec, external_artifact, git_repository,
    kustomization, oci_repository,
};

/// Why a custom resource of Flux is refused: each field that is not acted on, or what cannot be read. Empty when it
/// is taken.
pub fn unsupported(object: &Object) -> Vec<String> {
    let gvk = object.gvk();
    let spec = object.as_map().get("spec").cloned().unwrap_or_default();
    if gvk == git_repository() {
        match serde_json::from_value::<GitRepositorySpec>(spec) {
            Ok(spec) => git_repository_fields(&spec),
            Err(error) => vec![format!("spec: {error}")],
        }
    } else if gvk == oci_repository() {
        match serde_json::from_value::<OciRepositorySpec>(spec) {
            Ok(spec) => oci_repository_fields(&spec),
            Err(error) => vec![format!("spec: {error}")],
        }
    } else if gvk == external_artifact() {
        Vec::new()
    } else if gvk == kustomization() {
        match serde_json::from_value::<KustomizationSpec>(spec) {
            Ok(spec) => kustomization_fields(&spec),
            Err(error) => vec![format!("spec: {error}")],
        }
    } else {
        vec![format!("{} is not run yet", gvk.kind)]
    }
}

pub(crate) fn git_repository_fields(spec: &GitRepositorySpec) -> Vec<String> {
    rest("spec", &spec.rest)
}

pub(crate) fn oci_repository_fields(spec: &OciRepositorySpec) -> Vec<String> {
    let mut fields = rest("spec", &spec.rest);
    if let Some(verify) = &spec.verify {
        fields.extend(rest("spec.verify", &verify.rest));
        match (verify.provider.as_str(), &verify.secret_ref) {
            ("cosign", Some(_)) => {}
            ("cosign", None) => fields.push("spec.verify without secretRef (keyless)".into()),
            (other, _) => fields.push(format!("spec.verify.provider {other}")),
        }
    }
    fields
}

pub(crate) fn kustomization_fields(spec: &KustomizationSpec) -> Vec<String> {
    let mut fields = rest("spec", &spec.rest);
    for (number, dependency) in spec.depends_on.iter().enumerate() {
        fields.extend(rest(&format!("spec.dependsOn[{number}]"), &dependency.rest));
    }
    if let Some(decryption) = &spec.decryption {
        fields.extend(rest("spec.decryption", &decryption.rest));
        if decryption.provider != "sops" {
            fields.push(format!("spec.decryption.provider {}", decryption.provider));
        }
    }
    fields.extend(spec.post_build.iter().flat_map(|post_build| rest("spec.postBuild", &post_build.rest)));
    if !["GitRepository", "OCIRepository", "ExternalArtifact"].contains(&spec.source_ref.kind.as_str()) {
        fields.push(format!("spec.sourceRef.kind {}", spec.source_ref.kind));
    }
    fields
}

/// Fields that stand there and say something; defaults that the server wrote say nothing.
fn rest(path: &str, fields: &Map<String, Value>) -> Vec<String> {
    let says_nothing = |name: &str, value: &Value| match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty() || (name == "provider" && text == "generic"),
        Value::Number(_) => false,
    };
    let named = fields.iter().filter(|(name, value)| !says_nothing(name, value));
    named.map(|(name, _)| format!("{path}.{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn check(kind: &str, spec: Value, expected: &[&str]) {
        let group = if kind == "Kustomization" { "kustomize" } else { "source" };
        let object = json!({"apiVersion": format!("{group}.toolkit.fluxcd.io/v1"), "kind": kind,
            "metadata": {"name": "a"}, "spec": spec});
        assert_eq!(unsupported(&Object::new(object).unwrap()), expected);
    }

    #[test]
    fn fields_that_are_not_acted_on_are_named() {
        let git = |extra: Value| {
            let mut spec = json!({"url": "https://x/y", "interval": "1m"});
            for (key, value) in extra.as_object().unwrap() {
                spec[key] = value.clone();
            }
            spec
        };
        check("GitRepository", git(json!({})), &[]);
        check("GitRepository", git(json!({"provider": "generic", "recurseSubmodules": false})), &[]);
        check(
            "GitRepository",
            git(json!({"recurseSubmodules": true, "provider": "github", "serviceAccountName": "x"})),
            &["spec.recurseSubmodules", "spec.provider", "spec.serviceAccountName"],
        );
        let oci = |verify: Value| json!({"url": "oci://x/y", "interval": "1m", "verify": verify});
        check("OCIRepository", oci(json!({"provider": "cosign", "secretRef": {"name": "keys"}})), &[]);
        check(
            "OCIRepository",
            oci(json!({"provider": "cosign", "matchOIDCIdentity": [{"issuer": "a", "subject": "b"}]})),
            &["spec.verify.matchOIDCIdentity", "spec.verify without secretRef (keyless)"],
        );
        check(
            "OCIRepository",
            oci(json!({"provider": "notation", "secretRef": {"name": "keys"}})),
            &["spec.verify.provider notation"],
        );
        check(
            "Kustomization",
            json!({"interval": "1m", "prune": true, "sourceRef": {"kind": "Bucket", "name": "b"},
                "decryption": {"provider": "sops", "serviceAccountName": "x"},
                "dependsOn": [{"name": "x", "someExpr": "true"}]}),
            &[
                "spec.dependsOn[0].someExpr",
                "spec.decryption.serviceAccountName",
                "spec.sourceRef.kind Bucket",
            ],
        );
        check("Kustomization", json!({"interval": "1m"}), &["spec: missing field `sourceRef`"]);
    }
}

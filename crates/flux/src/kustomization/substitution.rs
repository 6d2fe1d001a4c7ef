//! Variables in what was built, and their values.

use crate::source::secrets::{SecretData, read_object};
use holdfast_cluster::Cluster;
use holdfast_object::Value;
use holdfast_render::Substitution;
use holdfast_types::flux::{KUSTOMIZE_GROUP, PostBuild, SubstituteReference};

/// The substitution that a spec asks for: variables of `substituteFrom`, a later one over an earlier one, and those of
/// `substitute` over all.
pub(super) async fn read(
    cluster: &Cluster,
    namespace: &str,
    post_build: &PostBuild,
    strict: bool,
) -> Result<Substitution, String> {
    let mut substitution = Substitution::default();
    substitution.strict = strict;
    substitution.always = post_build.substitute_strategy == "Always";
    substitution.disabled_by = format!("{KUSTOMIZE_GROUP}/substitute");
    for reference in &post_build.substitute_from {
        let found = variables(cluster, namespace, reference)
            .await
            .map_err(|why| format!("substitute from '{}/{}' error: {why}", reference.kind, reference.name))?;
        for (name, value) in found {
            substitution.set(&name, &value).map_err(|e| e.to_string())?;
        }
    }
    for (name, value) in &post_build.substitute {
        substitution.set(name, value).map_err(|e| e.to_string())?;
    }
    Ok(substitution)
}

async fn variables(
    cluster: &Cluster,
    namespace: &str,
    reference: &SubstituteReference,
) -> Result<Vec<(String, String)>, String> {
    let missing = format!("{} '{namespace}/{}' not found", reference.kind.to_lowercase(), reference.name);
    let found = if reference.kind == "Secret" {
        SecretData::read(cluster, namespace, &reference.name).await.map(|secret| {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            secret.values().map(|(name, value)| (name.to_owned(), text(value))).collect()
        })
    } else {
        read_object(cluster, &reference.kind, namespace, &reference.name).await.map(|map| {
            let data = map.get("data").and_then(Value::as_object).into_iter().flatten();
            data.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
        })
    };
    match found {
        Err(why) if reference.optional && why == missing => Ok(Vec::new()),
        found => found,
    }
}

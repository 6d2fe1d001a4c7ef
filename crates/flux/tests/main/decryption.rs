//! Sources that keep their secrets encrypted. The files are those of the crate `secrets`.

use crate::bed::{Bed, is_ready, ready};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_types::flux::kustomization;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../secrets/tests/sops/data");

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{DATA}/{name}")).unwrap()
}

fn secret() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "Secret")
}

/// A Secret's values, decoded.
fn data(object: &Object) -> Vec<(String, String)> {
    let data = object.get(&["data"]).and_then(Value::as_object).unwrap();
    let decode =
        |value: &Value| String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    data.iter().map(|(name, value)| (name.clone(), decode(value))).collect()
}

async fn bed(options: FluxOptions) -> Bed {
    let bed = Bed::with(options).await;
    bed.source().await;
    bed.apply(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "flux-system"},
        "stringData": {"team.agekey": file("age.key"), "team.asc": file("ed25519.asc"), "README": "keys"}}))
        .await;
    bed
}

fn decryption() -> Value {
    json!({"provider": "sops", "secretRef": {"name": "keys"}})
}

fn failed(reason: &'static str) -> impl Fn(Option<&Object>) -> bool {
    move |object| ready(object).is_some_and(|(_, found, _)| found == reason)
}

#[tokio::test(start_paused = true)]
async fn what_is_encrypted_reaches_the_cluster_in_clear() {
    let bed = bed(FluxOptions::default()).await;
    let overlay = "resources: [../base]\nnamePrefix: my-\nlabels: [{pairs: {a: b}}]\n";
    let base = "resources: [secret.yaml]\nsecretGenerator:\n- name: made\n  envs: [app.env]\n  files: \
                [values.yaml=values.enc.yaml, plain.txt]\n  options: {disableNameSuffixHash: true}\n";
    bed.repository.commit(&[
        ("app/kustomization.yaml", overlay),
        ("base/kustomization.yaml", base),
        ("base/secret.yaml", &file("secret.enc.yaml")),
        ("base/app.env", &file("app.enc.env")),
        ("base/values.enc.yaml", &file("values.enc.yaml")),
        ("base/plain.txt", "in clear"),
    ]);
    bed.kustomization("app", json!({"path": "app", "decryption": decryption()})).await;
    bed.until(&kustomization(), "flux-system", "app", is_ready).await;
    let whole = bed.get(&secret(), "default", "my-db").await.unwrap();
    assert_eq!(whole.as_map().get("sops"), None);
    assert!(data(&whole).contains(&("password".into(), "p4ss: word".into())), "{:?}", data(&whole));
    let made = data(&bed.get(&secret(), "default", "my-made").await.unwrap());
    assert!(made.contains(&("USER".into(), "app".into())), "{made:?}");
    assert!(made.contains(&("values.yaml".into(), file("values.yaml"))), "{made:?}");
    assert!(made.contains(&("plain.txt".into(), "in clear".into())), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_made_of_an_encrypted_file_is_opened_by_value() {
    let bed = bed(FluxOptions::default()).await;
    let sealed = STANDARD.encode(file("app.enc.json"));
    let manifest =
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: {{config.json: {sealed}}}\n");
    bed.repository.commit(&[("a.yaml", &manifest)]);
    bed.kustomization("app", json!({"decryption": decryption()})).await;
    bed.until(&kustomization(), "flux-system", "app", is_ready).await;
    let opened = data(&bed.get(&secret(), "default", "a").await.unwrap());
    assert_eq!(opened, [("config.json".to_owned(), file("app.json"))]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_refused_unless_that_is_accepted() {
    let changed = file("secret.enc.yaml").replace("name: db", "name: other");
    let strict = bed(FluxOptions::default()).await;
    strict.repository.commit(&[("a.yaml", &changed)]);
    strict.kustomization("app", json!({"decryption": decryption()})).await;
    let object = strict.until(&kustomization(), "flux-system", "app", failed("BuildFailed")).await;
    let (_, _, message) = ready(object.as_ref()).unwrap();
    assert!(message.contains("a.yaml: failed to verify sops data integrity"), "{message}");
    assert!(strict.get(&secret(), "default", "other").await.is_none());

    let lenient = bed(FluxOptions { ignore_sops_mac: true, ..FluxOptions::default() }).await;
    lenient.repository.commit(&[("a.yaml", &changed)]);
    lenient.kustomization("app", json!({"decryption": decryption()})).await;
    lenient.until(&kustomization(), "flux-system", "app", is_ready).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_says_why_and_applies_nothing() {
    let bed = bed(FluxOptions::default()).await;
    bed.repository.commit(&[("a.yaml", &file("secret.rsa.yaml"))]);
    bed.kustomization("other-key", json!({"decryption": decryption()})).await;
    let object = bed.until(&kustomization(), "flux-system", "other-key", failed("BuildFailed")).await;
    let (_, _, message) = ready(object.as_ref()).unwrap();
    assert!(message.contains("no secret key at hand for OpenPGP key"), "{message}");
    bed.kustomization("no-secret", json!({"decryption": {"provider": "sops", "secretRef": {"name": "x"}}}))
        .await;
    let object = bed.until(&kustomization(), "flux-system", "no-secret", failed("BuildFailed")).await;
    assert!(ready(object.as_ref()).unwrap().2.contains("'flux-system/x' not found"), "{object:?}");
    bed.kustomization("none", json!({})).await;
    let object = bed.until(&kustomization(), "flux-system", "none", failed("ReconciliationFailed")).await;
    let expected = "Secret/default/db is SOPS encrypted, configuring decryption is required for this secret to be reconciled";
    assert_eq!(ready(object.as_ref()).unwrap().2, expected);
    assert!(bed.get(&secret(), "default", "db").await.is_none());
}

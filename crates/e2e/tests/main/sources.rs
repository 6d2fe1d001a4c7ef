//! Sources that come and go, and a disk that has no room for what they bring.

use crate::bed::{Bed, config_map, ready, value};
use crate::door::Door;
use crate::process::Holdfast;
use holdfast_object::{Object, json};
use holdfast_testcluster::cluster::{ADMIN, Cluster};
use holdfast_testcluster::git::Change;
use holdfast_testcluster::registry::{Auth, Registry};
use holdfast_types::flux::{git_repository, kustomization, oci_repository};

/// What a source says whose files cannot be written.
const NO_ROOM: &str = "the Git cache: file too large (check the cache folder's permissions and free space)";

fn in_app(value: &str) -> Change {
    let text =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: of-app}}\ndata: {{key: {value}}}\n");
    Change::write("app/of-app.yaml", text)
}

/// What the Kustomization and the Application of the bed hold.
fn commit(bed: &Bed<Cluster>, value: &str) -> String {
    let only_a = Change::write("kustomization.yaml", "resources: [a.yaml]\n");
    bed.commit(&[config_map("a", value), in_app(value), only_a])
}

/// Both apps, which look at their source often.
async fn apps(bed: &mut Bed<Cluster>, first: &str) {
    bed.source_every("1s").await;
    bed.kustomization(json!({})).await;
    bed.application(json!({}), json!({"syncPolicy": {"automated": {"selfHeal": true}}})).await;
    bed.until_applied(first).await;
    bed.until_application(|status| status["sync"]["status"] == "Synced").await;
}

/// Edits what both apps hold, and expects it to be put right.
async fn edit(bed: &mut Bed<Cluster>, expected: &str) {
    for name in ["a", "of-app"] {
        let object = bed.config_map(name);
        let patch = r#"{"data": {"key": "edited"}}"#;
        bed.kubectl(&["patch", "configmap", name, "--type=merge", "-p", patch]).await;
        bed.until_present(&object, |a| value(a) == Some(expected)).await;
    }
}

/// Has Argo CD's application ask its source now.
async fn refresh(bed: &Bed<Cluster>) {
    bed.patch_application(json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}))
        .await;
}

async fn until_in_force(bed: &mut Bed<Cluster>, commit: &str) {
    bed.until_applied(commit).await;
    refresh(bed).await;
    bed.until_application(|s| s["sync"]["status"] == "Synced" && s["sync"]["revision"] == commit).await;
}

#[tokio::test]
async fn a_disk_without_room_leaves_the_last_commit_in_force() {
    let Some(mut bed) = Bed::own("room").await else { return };
    let first = commit(&bed, "one");
    let holdfast = Holdfast::controllers(bed.plane().kubeconfig_path(ADMIN).unwrap()).await;
    apps(&mut bed, &first).await;
    holdfast.set_room(false).await;
    let second = commit(&bed, "two");
    let failed = |source: &Object| {
        ready(source).is_some_and(|(status, _, message)| status == "False" && message.ends_with(NO_ROOM))
    };
    bed.until_present(&bed.object(&git_repository(), "app"), failed).await;
    refresh(&bed).await;
    bed.until_application(|status| {
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|c| c["type"] == "ComparisonError")
    })
    .await;
    edit(&mut bed, "one").await;
    let told = bed.events("app").await.into_iter().filter(|event| event.ends_with(NO_ROOM)).count();
    assert_eq!(told, 1, "what is the same at each try is told once");
    holdfast.set_room(true).await;
    until_in_force(&mut bed, &second).await;
    edit(&mut bed, "two").await;
    assert!(holdfast.stop().await.success());
}

#[tokio::test]
async fn a_git_server_and_a_registry_that_come_and_go_take_nothing_away() {
    let Some(mut bed) = Bed::own("flapping").await else { return };
    let Some(registry) = Registry::start(Auth::None, false).await.unwrap() else { return };
    let door = Door::before(registry.address()).await;
    bed.put_door().await;
    let artifact = async |value: &str| {
        let text =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: of-oci}}\ndata: {{key: {value}}}\n");
        crate::oci::push(&registry, "manifests", "latest", &[("a.yaml", text)]).await
    };
    let metadata = |name: &str| json!({"name": name, "namespace": bed.namespace});
    artifact("v0").await;
    bed.apply(json!({
        "apiVersion": oci_repository().api_version(), "kind": "OCIRepository", "metadata": metadata("app"),
        "spec": {"url": format!("oci://{}/manifests", door.address()), "interval": "1s", "insecure": true},
    }))
    .await;
    bed.apply(json!({
        "apiVersion": kustomization().api_version(), "kind": "Kustomization", "metadata": metadata("of-oci"),
        "spec": {"interval": "10m", "prune": true, "targetNamespace": bed.namespace,
            "sourceRef": {"kind": "OCIRepository", "name": "app"}},
    }))
    .await;
    let first = commit(&bed, "v0");
    let holdfast = Holdfast::controllers(bed.plane().kubeconfig_path(ADMIN).unwrap()).await;
    apps(&mut bed, &first).await;
    let of_oci = bed.config_map("of-oci");
    bed.until_present(&of_oci, |a| value(a) == Some("v0")).await;

    let unreachable = |source: &Object| ready(source).is_some_and(|(status, ..)| status == "False");
    for round in 1..4 {
        let (before, after) = (format!("v{}", round - 1), format!("v{round}"));
        bed.set_open(false);
        door.set_open(false);
        let next = commit(&bed, &after);
        artifact(&after).await;
        bed.until_present(&bed.object(&git_repository(), "app"), unreachable).await;
        bed.until_present(&bed.object(&oci_repository(), "app"), unreachable).await;
        edit(&mut bed, &before).await;
        bed.kubectl(&["delete", "configmap", "of-oci"]).await;
        bed.until_present(&of_oci, |a| value(a) == Some(&before)).await;
        bed.set_open(true);
        door.set_open(true);
        until_in_force(&mut bed, &next).await;
        bed.until_present(&of_oci, |a| value(a) == Some(&after)).await;
    }
    assert!(holdfast.stop().await.success());
}

//! Sources other than one plain branch: registries, others' artifacts, includes; and what is left of them on disk.

use crate::bed::{Bed, URL, is_ready, ready};
use crate::registry::{Web, digest, pack};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_types::flux::{external_artifact, git_repository, kustomization, oci_repository};
use std::path::PathBuf;

fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

fn manifest(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}

fn artifact<'o>(object: &'o Object, field: &str) -> &'o str {
    object.get(&["status", "artifact", field]).and_then(Value::as_str).unwrap_or_default()
}

fn has_revision(revision: &str) -> impl Fn(Option<&Object>) -> bool {
    move |object| is_ready(object) && object.is_some_and(|o| artifact(o, "revision") == revision)
}

fn applied(revision: &str) -> impl Fn(Option<&Object>) -> bool {
    let message = format!("Applied revision: {revision}");
    move |object| ready(object).is_some_and(|(status, _, found)| status == "True" && found == message)
}

fn condition(object: &Object, kind: &str) -> Option<(String, String, String)> {
    let list = object.get(&["status", "conditions"])?.as_array()?;
    let found = list.iter().find(|c| c["type"] == kind)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

impl Bed {
    async fn namespace(&self) {
        self.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}))
            .await;
    }

    async fn oci(&self, web: &Web, extra: Value) {
        self.namespace().await;
        let mut value = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
            "metadata": {"name": "app", "namespace": "flux-system"},
            "spec": {"url": format!("oci://{}/team/app", web.host()), "interval": "10m", "insecure": true},
        });
        for (key, part) in extra.as_object().unwrap() {
            value["spec"][key] = part.clone();
        }
        self.apply(value).await;
    }

    async fn look_again(&self, gvk: &GroupVersionKind) {
        let at = jiff::Timestamp::now().to_string();
        let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": at}}});
        self.merge(gvk, "flux-system", "app", patch).await;
    }

    fn stored(&self, object: &Object) -> PathBuf {
        self.folder.path().join("artifacts").join(artifact(object, "path"))
    }
}

#[tokio::test]
async fn an_artifact_of_a_registry_reaches_the_cluster_and_the_next_one_too() {
    let (bed, web) = (Bed::start().await, Web::start().await);
    let first = web.push("latest", &[("a.yaml", &manifest("a", "one")), ("logo.png", "x")]);
    bed.oci(&web, json!({})).await;
    bed.kustomization("app", json!({"sourceRef": {"kind": "OCIRepository", "name": "app"}})).await;
    let revision = format!("latest@{first}");
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    let source = bed.until(&oci_repository(), "flux-system", "app", has_revision(&revision)).await.unwrap();
    let stored = format!("stored artifact for digest '{revision}'");
    assert_eq!(ready(Some(&source)).unwrap(), ("True".into(), "Succeeded".into(), stored.clone()));
    assert_eq!(condition(&source, "ArtifactInStorage").unwrap().2, stored);
    assert_eq!(source.get(&["status", "observedGeneration"]), Some(&json!(1)));
    let path = format!("ocirepository/flux-system/app/{first}.tar.gz");
    assert_eq!(artifact(&source, "path"), path);
    let host = "http://source-controller.flux-system.svc.cluster.local.";
    assert_eq!(artifact(&source, "url"), format!("{host}/{path}"));
    let latest = format!("{host}/ocirepository/flux-system/app/latest.tar.gz");
    assert_eq!(source.get(&["status", "url"]), Some(&json!(latest)));
    let metadata = source.get(&["status", "artifact", "metadata"]).unwrap();
    assert_eq!(metadata["org.opencontainers.image.revision"], "main@sha1:abc");
    // What is served is what the digest says, without what is ignored.
    let file = std::fs::read(bed.stored(&source)).unwrap();
    assert_eq!(digest(&file), artifact(&source, "digest"));
    let files = holdfast_source::oci::untar(&file, "test", &holdfast_source::Limits::default()).unwrap();
    assert_eq!(files.paths().collect::<Vec<_>>(), ["a.yaml"]);

    let second = web.push("latest", &[("a.yaml", &manifest("a", "two"))]);
    bed.look_again(&oci_repository()).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&format!("latest@{second}"))).await;
    let value = bed.get(&config_map(), "default", "a").await.unwrap();
    assert_eq!(value.get(&["data", "key"]), Some(&json!("two")));

    bed.delete(&oci_repository(), "flux-system", "app").await;
    bed.until(&oci_repository(), "flux-system", "app", |object| object.is_none()).await;
    assert!(!bed.folder.path().join("artifacts/ocirepository/flux-system/app").exists());
}

#[tokio::test]
async fn a_registry_that_is_gone_takes_nothing_away_also_after_a_restart() {
    let (mut bed, web) = (Bed::start().await, Web::start().await);
    let first = web.push("latest", &[("a.yaml", &manifest("a", "one"))]);
    bed.oci(&web, json!({})).await;
    bed.kustomization("app", json!({"sourceRef": {"kind": "OCIRepository", "name": "app"}})).await;
    let revision = format!("latest@{first}");
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    drop(web);
    bed.restart().await;
    let failed = |object: Option<&Object>| {
        object.and_then(|o| condition(o, "FetchFailed")).is_some_and(|(status, ..)| status == "True")
    };
    bed.look_again(&oci_repository()).await;
    let source = bed.until(&oci_repository(), "flux-system", "app", failed).await.unwrap();
    let (status, reason, message) = ready(Some(&source)).unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("False", "OCIArtifactPullFailed"));
    assert!(message.starts_with("failed to determine artifact digest: oci://"), "{message}");
    assert_eq!(artifact(&source, "revision"), revision);
    assert_eq!(condition(&source, "ArtifactInStorage").unwrap().0, "True");
    assert_eq!(condition(&source, "Reconciling").unwrap().1, "ProgressingWithRetry");
    // What was applied is still kept as it was: from the stored artifact.
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    let is_ours =
        |object: Option<&Object>| object.and_then(|o| o.get(&["data", "key"])) == Some(&json!("one"));
    bed.until(&config_map(), "default", "a", is_ours).await;
}

#[tokio::test]
async fn a_damaged_artifact_is_made_again() {
    let (bed, web) = (Bed::start().await, Web::start().await);
    let first = web.push("1.2.0", &[("a.yaml", &manifest("a", "one"))]);
    web.put("/v2/team/app/tags/list", br#"{"tags": ["1.2.0", "1.3.0-rc.1", "2.0.0"]}"#.to_vec());
    bed.oci(&web, json!({"ref": {"semver": "1.x"}})).await;
    let revision = format!("1.2.0@{first}");
    let source = bed.until(&oci_repository(), "flux-system", "app", has_revision(&revision)).await.unwrap();
    std::fs::write(bed.stored(&source), "damaged").unwrap();
    bed.look_again(&oci_repository()).await;
    for _ in 0..600 {
        if std::fs::read(bed.stored(&source)).is_ok_and(|file| digest(&file) == artifact(&source, "digest")) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the artifact was not made again");
}

#[tokio::test]
async fn a_copied_layer_is_the_artifact() {
    let (bed, web) = (Bed::start().await, Web::start().await);
    let layer = pack(&[("a.yaml", &manifest("a", "one"))]);
    let kind = "application/vnd.example.manifests.v1.tar+gzip";
    let pushed = web.push_layer("v1", kind, layer.clone(), &[]);
    let select =
        |kind: &str| json!({"ref": {"tag": "v1"}, "layerSelector": {"mediaType": kind, "operation": "copy"}});
    bed.oci(&web, select("text/plain")).await;
    let failed = |object: Option<&Object>| {
        ready(object).is_some_and(|(_, reason, _)| reason == "OCIArtifactLayerOperationFailed")
    };
    let source = bed.until(&oci_repository(), "flux-system", "app", failed).await;
    let message = ready(source.as_ref()).unwrap().2;
    assert_eq!(message, "failed to find layer with media type 'text/plain' in artifact");
    bed.oci(&web, select(kind)).await;
    let revision = format!("v1@{pushed}");
    let source = bed.until(&oci_repository(), "flux-system", "app", has_revision(&revision)).await.unwrap();
    assert_eq!(artifact(&source, "digest"), digest(&layer));
    assert_eq!(source.get(&["status", "observedLayerSelector", "operation"]), Some(&json!("copy")));
    bed.kustomization("app", json!({"sourceRef": {"kind": "OCIRepository", "name": "app"}})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
}

#[tokio::test]
async fn many_users_of_one_artifact_download_it_once() {
    let (bed, web) = (Bed::start().await, Web::start().await);
    let files = [("a.yaml", manifest("a", "one"))].map(|(path, content)| (path, content));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, content)| (*path, content.as_str())).collect();
    let pushed = web.push("latest", &files);
    bed.namespace().await;
    for number in 0..10 {
        bed.apply(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
            "metadata": {"name": format!("app-{number}"), "namespace": "flux-system"},
            "spec": {"url": format!("oci://{}/team/app", web.host()), "interval": "10m", "insecure": true},
        }))
        .await;
    }
    let revision = format!("latest@{pushed}");
    for number in 0..10 {
        let name = format!("app-{number}");
        bed.until(&oci_repository(), "flux-system", &name, has_revision(&revision)).await;
    }
    assert_eq!(web.count(&format!("/v2/team/app/blobs/{}", digest(&pack(&files)))), 1);
}

#[tokio::test]
async fn an_artifact_that_someone_else_made_is_checked_against_its_digest() {
    let (bed, web) = (Bed::start().await, Web::start().await);
    bed.namespace().await;
    let good = pack(&[("a.yaml", &manifest("a", "external"))]);
    web.put("/artifact.tar.gz", pack(&[("a.yaml", &manifest("a", "forged"))]));
    bed.apply(json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact",
        "metadata": {"name": "app", "namespace": "flux-system"}, "spec": {}}))
        .await;
    bed.kustomization("app", json!({"sourceRef": {"kind": "ExternalArtifact", "name": "app"}})).await;
    let revision = format!("latest@{}", digest(b"content"));
    let status = json!({"artifact": {"digest": digest(&good), "path": "p", "revision": revision,
        "url": format!("http://{}/artifact.tar.gz", web.host()), "lastUpdateTime": "2026-01-01T00:00:00Z"}});
    bed.status(&external_artifact(), "flux-system", "app", status).await;
    let refused = |object: Option<&Object>| {
        ready(object).is_some_and(|(_, reason, message)| {
            reason == "ArtifactFailed" && message.contains("the artifact sent has digest")
        })
    };
    bed.until(&kustomization(), "flux-system", "app", refused).await;
    assert!(bed.get(&config_map(), "default", "a").await.is_none());
    web.put("/artifact.tar.gz", good);
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
}

#[tokio::test(start_paused = true)]
async fn includes_and_sparse_checkouts_make_up_one_artifact() {
    let bed = Bed::start().await;
    let lib = bed.another_repository("https://git.example.com/team/lib");
    lib.commit(&[("base/lib.yaml", &manifest("lib", "one")), ("README.md", "no manifest")]);
    bed.repository
        .commit(&[("deploy/a.yaml", &manifest("a", "one")), ("other/b.yaml", &manifest("b", "one"))]);
    bed.namespace().await;
    let repository = |name: &str, url: &str, extra: Value| {
        let mut value = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"url": url, "interval": "10m", "ref": {"branch": "main"}},
        });
        for (key, part) in extra.as_object().unwrap() {
            value["spec"][key] = part.clone();
        }
        value
    };
    let include = json!({"sparseCheckout": ["./deploy"],
        "include": [{"repository": {"name": "lib"}, "fromPath": "base", "toPath": "deploy/lib"}]});
    bed.apply(repository("app", URL, include)).await;
    let waits = |object: Option<&Object>| {
        ready(object).is_some_and(|(_, reason, message)| {
            reason == "NotFound" && message.starts_with("could not get resource for include 'lib'")
        })
    };
    let source = bed.until(&git_repository(), "flux-system", "app", waits).await.unwrap();
    assert_eq!(condition(&source, "IncludeUnavailable").unwrap().0, "True");
    bed.apply(repository("lib", "https://git.example.com/team/lib", json!({}))).await;
    let source = bed.until(&git_repository(), "flux-system", "app", is_ready).await.unwrap();
    assert_eq!(condition(&source, "IncludeUnavailable"), None);
    assert_eq!(source.get(&["status", "observedSparseCheckout"]), Some(&json!(["./deploy"])));
    let file = std::fs::read(bed.stored(&source)).unwrap();
    let files = holdfast_source::oci::untar(&file, "test", &holdfast_source::Limits::default()).unwrap();
    let paths: Vec<_> = files.paths().filter(|path| path.ends_with(".yaml")).collect();
    assert_eq!(paths, ["deploy/a.yaml", "deploy/lib/lib.yaml"]);
    let included = source.get(&["status", "includedArtifacts"]).unwrap().clone();

    // Another commit of what is included makes another artifact of the same revision.
    let revision = artifact(&source, "revision").to_owned();
    let before = artifact(&source, "digest").to_owned();
    lib.commit(&[("base/lib.yaml", &manifest("lib", "two"))]);
    let at = jiff::Timestamp::now().to_string();
    let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": at}}});
    bed.merge(&git_repository(), "flux-system", "lib", patch).await;
    let changed = |object: Option<&Object>| object.is_some_and(|o| artifact(o, "digest") != before);
    let source = bed.until(&git_repository(), "flux-system", "app", changed).await.unwrap();
    assert_eq!(artifact(&source, "revision"), revision);
    assert_ne!(source.get(&["status", "includedArtifacts"]), Some(&included));
}

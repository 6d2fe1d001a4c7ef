//! Sources other than one plain branch: registries, others' artifacts, includes; and what is left of them on disk.

use crate::bed::{Bed, NAMESPACE, URL, is_ready, ready};
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
    async fn oci(&self, web: &Web, extra: Value) {
        self.namespace(NAMESPACE).await;
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

    // From where it came first is noted with what was applied.
    let app = bed.get(&kustomization(), "flux-system", "app").await.unwrap();
    assert_eq!(app.get(&["status", "lastAppliedOriginRevision"]), Some(&json!("main@sha1:abc")));
    let expected = json!({"revision": revision, "originRevision": "main@sha1:abc"});
    assert_eq!(app.get(&["status", "history"]).unwrap()[0]["metadata"], expected);

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
async fn the_highest_version_that_a_filter_leaves_is_taken_through_a_proxy() {
    let (bed, web) = (Bed::start().await, Web::start().await);
    for tag in ["1.0.0", "1.1.0-rc.1", "1.2.0-rc.1", "2.0.0"] {
        web.push(tag, &[("a.yaml", &manifest("a", &format!("v{tag}")))]);
    }
    let tags = json!({"name": "team/app", "tags": ["1.0.0", "1.1.0-rc.1", "latest", "2.0.0", "1.2.0-rc.1"]});
    web.put("/v2/team/app/tags/list", tags.to_string().into_bytes());
    bed.namespace(NAMESPACE).await;
    bed.apply(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "proxy", "namespace": NAMESPACE},
        "stringData": {"address": format!("http://{}", web.host())}}),
    )
    .await;
    // There is no such host: whoever reaches it goes through the proxy.
    let reference = json!({"semver": ">=1.0.0-0", "semverFilter": ".*-rc.*"});
    let url = "oci://registry.invalid/team/app";
    bed.oci(&web, json!({"url": url, "ref": reference, "proxySecretRef": {"name": "proxy"}})).await;
    bed.kustomization("app", json!({"sourceRef": {"kind": "OCIRepository", "name": "app"}})).await;
    let has = |object: Option<&Object>| {
        object.and_then(|o| o.get(&["data", "key"])).and_then(Value::as_str) == Some("v1.2.0-rc.1")
    };
    bed.until(&config_map(), "default", "a", has).await;
    assert_eq!(web.count("/v2/team/app/tags/list"), 1);
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
    bed.namespace(NAMESPACE).await;
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
    bed.namespace(NAMESPACE).await;
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
    bed.namespace(NAMESPACE).await;
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

/// A key pair of cosign's kind: what signs, and the public key in PEM.
fn cosign_key() -> (aws_lc_rs::signature::EcdsaKeyPair, String) {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
    use base64::Engine as _;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let mut info = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    info.extend_from_slice(pair.public_key().as_ref());
    let body = base64::engine::general_purpose::STANDARD.encode(info);
    (pair, format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"))
}

/// Signs an artifact as `cosign sign --key` does: a layer of its own at a tag that is made of the digest.
fn cosign_sign(web: &Web, pair: &aws_lc_rs::signature::EcdsaKeyPair, digest: &str) {
    use base64::Engine as _;
    let document = json!({"critical": {"identity": {"docker-reference": ""},
        "image": {"docker-manifest-digest": digest}, "type": "cosign container image signature"}, "optional": null})
    .to_string();
    let random = aws_lc_rs::rand::SystemRandom::new();
    let signature = pair.sign(&random, document.as_bytes()).unwrap();
    let signature = base64::engine::general_purpose::STANDARD.encode(signature.as_ref());
    let tag = format!("{}.sig", digest.replace(':', "-"));
    let kind = "application/vnd.dev.cosign.simplesigning.v1+json";
    web.push_layer(&tag, kind, document.into_bytes(), &[("dev.cosignproject.cosign/signature", &signature)]);
}

#[tokio::test]
async fn only_what_is_signed_by_a_known_key_is_taken() {
    let (bed, web) = (Bed::start().await, Web::start().await);
    let ((pair, known), (other, _)) = (cosign_key(), cosign_key());
    let first = web.push("latest", &[("a.yaml", &manifest("a", "one"))]);
    bed.namespace(NAMESPACE).await;
    bed.apply(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "flux-system"},
        "stringData": {"cosign.pub": known}}),
    )
    .await;
    bed.oci(&web, json!({"verify": {"provider": "cosign", "secretRef": {"name": "keys"}}})).await;
    let refused = |digest: &str| {
        let words = format!("no matching signatures were found for 'oci://{}/team/app@{digest}'", web.host());
        move |object: Option<&Object>| {
            ready(object).is_some_and(|(status, reason, message)| {
                status == "False" && reason == "VerificationError" && message.ends_with(&words)
            })
        }
    };
    let source = bed.until(&oci_repository(), "flux-system", "app", refused(&first)).await.unwrap();
    assert_eq!(condition(&source, "SourceVerified").unwrap().0, "False");
    assert_eq!(source.get(&["status", "artifact"]), None);
    // A stranger's signature is none; that of the key in the Secret is.
    cosign_sign(&web, &other, &first);
    bed.look_again(&oci_repository()).await;
    bed.until(&oci_repository(), "flux-system", "app", refused(&first)).await;
    cosign_sign(&web, &pair, &first);
    bed.look_again(&oci_repository()).await;
    let revision = format!("latest@{first}");
    let source = bed.until(&oci_repository(), "flux-system", "app", has_revision(&revision)).await.unwrap();
    let verified = ("True".into(), "Succeeded".into(), format!("verified signature of revision {revision}"));
    assert_eq!(condition(&source, "SourceVerified"), Some(verified));

    // What comes next is not taken without one, and what was taken stays.
    let second = web.push("latest", &[("a.yaml", &manifest("a", "two"))]);
    bed.look_again(&oci_repository()).await;
    let source = bed.until(&oci_repository(), "flux-system", "app", refused(&second)).await.unwrap();
    assert_eq!(artifact(&source, "revision"), revision);
    assert_eq!(condition(&source, "ArtifactInStorage").unwrap().0, "True");
}

/// A packed archive with one entry as it stands, whatever its path and kind.
fn raw_archive(path: &str, kind: tar::EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    // Written straight into the header: the library refuses bad paths when it writes.
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    if kind == tar::EntryType::Symlink {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, content).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &builder.into_inner().unwrap()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn hostile_layers_are_refused_with_what_is_wrong() {
    let (bed, web) = (Bed::start().await, Web::start().await);
    let kind = "application/vnd.cncf.flux.content.v1.tar+gzip";
    bed.oci(&web, json!({})).await;
    let regular = tar::EntryType::Regular;
    let bomb = raw_archive("zeros", regular, &vec![0; 51 << 20]);
    assert!(bomb.len() < 1 << 20);
    for (layer, words) in [
        (raw_archive("../out.yaml", regular, b"x"), "\"../out.yaml\" leads out of it"),
        (bomb, "more than the limit file_bytes of"),
        (b"no archive".to_vec(), "the archive cannot be unpacked"),
        (pack(&[("a.yaml", "x")])[..40].to_vec(), "the archive cannot be unpacked"),
    ] {
        web.push_layer("latest", kind, layer, &[]);
        bed.look_again(&oci_repository()).await;
        let refused = |object: Option<&Object>| {
            ready(object).is_some_and(|(status, reason, message)| {
                status == "False" && reason == "OCIArtifactLayerOperationFailed" && message.contains(words)
            })
        };
        bed.until(&oci_repository(), "flux-system", "app", refused).await;
    }
    // A layer that is not what its digest says.
    let pushed = web.push("latest", &[("a.yaml", &manifest("a", "forged"))]);
    let layer = pack(&[("a.yaml", &manifest("a", "forged"))]);
    web.put(&format!("/v2/team/app/blobs/{}", digest(&layer)), pack(&[("a.yaml", "other")]));
    bed.look_again(&oci_repository()).await;
    let refused = |object: Option<&Object>| {
        ready(object).is_some_and(|(status, _, message)| {
            status == "False" && message.contains("unexpected answer: the layer sent for")
        })
    };
    bed.until(&oci_repository(), "flux-system", "app", refused).await;
    // Links and devices are left out, and the rest is taken.
    web.put(&format!("/v2/team/app/blobs/{}", digest(&layer)), layer);
    bed.look_again(&oci_repository()).await;
    bed.until(&oci_repository(), "flux-system", "app", has_revision(&format!("latest@{pushed}"))).await;
    for kind_of_entry in [tar::EntryType::Symlink, tar::EntryType::Char, tar::EntryType::Link] {
        let pushed = web.push_layer("latest", kind, raw_archive("trap", kind_of_entry, b""), &[]);
        bed.look_again(&oci_repository()).await;
        let revision = format!("latest@{pushed}");
        let source =
            bed.until(&oci_repository(), "flux-system", "app", has_revision(&revision)).await.unwrap();
        let file = std::fs::read(bed.stored(&source)).unwrap();
        let files = holdfast_source::oci::untar(&file, "test", &holdfast_source::Limits::default()).unwrap();
        assert_eq!(files.paths().count(), 0, "{kind_of_entry:?}");
    }
}

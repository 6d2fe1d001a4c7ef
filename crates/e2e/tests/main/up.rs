//! `holdfast up` on a real cluster.

use crate::bed::{Bed, ready};
use crate::process::Holdfast;
use holdfast_object::GroupVersionKind;
use holdfast_testcluster::cluster::ADMIN;
use holdfast_types::flux::kustomization;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A checkout with a Kustomization over a folder of its own repository.
fn checkout(folder: &Path, image: &str) {
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("fleet/shop.yaml", FLEET);
    write("apps/shop/web.yaml", &WEB.replace("IMAGE", image));
    write("apps/shop/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    if !folder.join(".git").exists() {
        git(folder, &["init", "--quiet", "--initial-branch=main"]);
        git(folder, &["remote", "add", "origin", "https://git.example.com/team/shop"]);
    }
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message=change the image"]);
}

fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    let status = Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(identity)
        .args(arguments)
        .status();
    assert!(status.unwrap().success(), "git {arguments:?}");
}

const FLEET: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shop, namespace: flux-system}
spec: {interval: 1m, url: https://git.example.com/team/shop, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec:
  interval: 10m
  prune: true
  wait: true
  timeout: 2m
  path: ./apps/shop
  targetNamespace: shop
  sourceRef: {kind: GitRepository, name: shop}
";

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: IMAGE}]}
";

#[tokio::test]
async fn a_folder_is_brought_to_a_bare_cluster() {
    let Some(mut bed) = Bed::bare("up").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = bed.plane().kubeconfig_path(ADMIN).unwrap().to_owned();
    let fleet = folder.path().join("fleet");
    let up = async || {
        let holdfast = Holdfast::start(&[
            OsStr::new("up"),
            fleet.as_os_str(),
            OsStr::new("--kubeconfig"),
            kubeconfig.as_os_str(),
            OsStr::new("--context"),
            OsStr::new(ADMIN),
            OsStr::new("--install-crds"),
            OsStr::new("--once"),
            OsStr::new("--timeout=1m"),
        ]);
        holdfast.ended_well().await
    };
    checkout(folder.path(), "example.com/web:1");
    let said = up().await;
    assert!(said.contains("1 of 1 apps in sync and healthy"), "{said}");
    assert!(said.contains("https://git.example.com/team/shop is served from this folder"), "{said}");
    let app = holdfast_object::ObjectRef::new(&kustomization(), "flux-system", "shop");
    let app = bed.get(&app).await.unwrap();
    assert_eq!(ready(&app).unwrap().0, "True");
    let deployment = GroupVersionKind::new("apps", "v1", "Deployment");
    let web = holdfast_object::ObjectRef::new(&deployment, "shop", "web");
    let first = bed.get(&web).await.unwrap();

    // The same again changes nothing; a commit changes what it says.
    up().await;
    let again = bed.get(&web).await.unwrap();
    assert_eq!((again.generation(), again.uid()), (first.generation(), first.uid()));
    checkout(folder.path(), "example.com/web:2");
    up().await;
    let image = |web: &holdfast_object::Object| {
        web.get(&["spec", "template", "spec", "containers"])
            .is_some_and(|c| c[0]["image"] == "example.com/web:2")
    };
    bed.until_present(&web, image).await;
}

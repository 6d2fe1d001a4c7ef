//! `up` on a simulated cluster, to its end.

use crate::environment::run_in;
use insta::assert_snapshot;
use regex::Regex;
use std::path::Path;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// What `up --once` prints, without what another run would print otherwise: how the apps came along, times, ports and
/// the process's id.
fn up(folder: &Path, arguments: &[&str]) -> String {
    let arguments = [&["up", "--once"], arguments].concat();
    let text = run_in(folder, &arguments, &CancellationToken::new()).to_string();
    let progress = Regex::new(r"^\S+/(app|ks)/").unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !progress.is_match(line)).collect();
    let masks = [
        (r"after \d+\.\d s", "after <time>"),
        (r"127\.0\.0\.1:\d+", "<address>"),
        (r"\S*/holdfast-\d+/", "<run>/"),
    ];
    let masked = masks.iter().fold(lines.join("\n"), |text, (pattern, mask)| {
        Regex::new(pattern).unwrap().replace_all(&text, *mask).into_owned()
    });
    masked.replace(&folder.canonicalize().unwrap().display().to_string(), "<folder>")
}

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n";
const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet}\n\
                      spec: {url: https://example.com/fleet, interval: 1m}\n";

fn kustomization(name: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}}}\nspec:\n  \
         interval: 1m\n  prune: true\n  path: ./app\n  sourceRef: {{kind: GitRepository, name: fleet}}\n{more}"
    )
}

#[test]
fn plain_manifests_are_one_app() {
    let folder = folder(&[("shop/a.yaml", CONFIG_MAP)]);
    assert_snapshot!(up(folder.path(), &["shop"]), @r"
    found no Flux or Argo CD resources: the manifests are applied as one app

    1 of 1 apps in sync and healthy after <time>
    simulated cluster (no containers run) on http://<address>

      kubectl --kubeconfig <run>/kubeconfig get pods -A
      holdfast get all -A --kubeconfig <run>/kubeconfig
      holdfast diff ks/shop -n flux-system --kubeconfig <run>/kubeconfig
    ");
}

#[test]
fn a_folder_without_git_stands_in_for_the_repositories_that_its_file_names() {
    let folder = folder(&[
        (".holdfast.yaml", "sources:\n  https://example.com/fleet: .\n"),
        ("fleet/source.yaml", SOURCE),
        ("fleet/app.yaml", &kustomization("app", "")),
        ("app/a.yaml", CONFIG_MAP),
    ]);
    assert_snapshot!(up(folder.path(), &[]), @r"
    found 1 Kustomization, 1 GitRepository
    https://example.com/fleet is served from this folder, as its files lie there

    1 of 1 apps in sync and healthy after <time>
    simulated cluster (no containers run) on http://<address>

      kubectl --kubeconfig <run>/kubeconfig get pods -A
      holdfast get all -A --kubeconfig <run>/kubeconfig
      holdfast diff ks/app -n flux-system --kubeconfig <run>/kubeconfig
    ");
}

fn application(name: &str, more: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  project: default\n  \
         destination: {{server: 'https://kubernetes.default.svc', namespace: default}}\n  \
         source: {{repoURL: 'https://example.com/fleet', path: app{more}}}\n"
    )
}

#[test]
fn what_is_refused_is_counted_and_ends_it_at_once() {
    let plugin = ", plugin: {name: p}";
    let folder = folder(&[
        ("fleet/source.yaml", SOURCE),
        ("fleet/app.yaml", &kustomization("app", "")),
        ("fleet/odd.yaml", &application("odd", plugin)),
        ("fleet/odder.yaml", &application("odder", plugin)),
        ("fleet/manual.yaml", &application("manual", "")),
        ("fleet/unknown.yaml", &kustomization("unknown", "  unheardOf: {a: 1}\n")),
        ("fleet/bad.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: [\n"),
        ("app/a.yaml", CONFIG_MAP),
    ]);
    assert_snapshot!(up(folder.path(), &["--source", "https://example.com/fleet=."]), @r"
    found 3 Application, 2 Kustomization, 1 GitRepository
    2 of 5 run; 3 refused: plugin 2, unheardOf 1
    https://example.com/fleet is served from this folder, as its files lie there

    1 of 5 apps in sync and healthy after <time>; 1 waits for a sync by hand; 2 refused: plugin 2; 1 not accepted by the cluster
    simulated cluster (no containers run) on http://<address>

      kubectl --kubeconfig <run>/kubeconfig get pods -A
      holdfast get all -A --kubeconfig <run>/kubeconfig
      holdfast diff app/manual -n argocd --kubeconfig <run>/kubeconfig

    --- standard error
    cannot be read, and passed over: fleet/bad.yaml: line 3, column 1: a value is missing
    Kustomization/flux-system/unknown (fleet/unknown.yaml:1): failed to create typed patch object (flux-system/unknown; kustomize.toolkit.fluxcd.io/v1, Kind=Kustomization): .spec.unheardOf: field not declared in schema
    refused, and so not in force:
      argocd/app/odd                                              Unknown   Unknown     refused: spec.source.plugin is not supported yet
      argocd/app/odder                                            Unknown   Unknown     refused: spec.source.plugin is not supported yet
    --- status 1
    ");
}

#[test]
fn what_does_not_become_ready_in_time_is_named() {
    let waits = kustomization("app", "  dependsOn: [{name: nowhere}]\n");
    let folder = folder(&[
        (".holdfast.yaml", "sources:\n  https://example.com/fleet: .\n"),
        ("fleet/source.yaml", SOURCE),
        ("fleet/app.yaml", &waits),
        ("app/a.yaml", CONFIG_MAP),
    ]);
    assert_snapshot!(up(folder.path(), &["--timeout", "2s"]), @r"
    found 1 Kustomization, 1 GitRepository
    https://example.com/fleet is served from this folder, as its files lie there
    --- standard error
    not settled in time:
      flux-system/ks/app                                          OutOfSync Unknown     waits for ks/nowhere (does not exist)
          dependency 'flux-system/nowhere' not found
    --- status 1
    ");
}

#[test]
fn mistakes_are_named() {
    let folder = folder(&[("empty/.keep", ""), ("fleet/.holdfast.yaml", "sources: [1]\n")]);
    assert_snapshot!(up(folder.path(), &["nowhere"]), @r"
    --- standard error
    error: there is no folder <folder>/nowhere
    hint: name a folder, or the URL of a Git repository
    --- status 2
    ");
    assert_snapshot!(up(folder.path(), &["empty"]), @r"
    --- standard error
    error: the folder holds nothing to apply
    hint: name a folder with manifests, or with Flux or Argo CD resources
    --- status 2
    ");
    assert_snapshot!(up(folder.path(), &["fleet"]), @r"
    --- standard error
    error: <folder>/fleet/.holdfast.yaml: 'sources' must map URLs to folders
    --- status 2
    ");
    assert_snapshot!(up(folder.path(), &["--source", "x"]), @r"
    --- standard error
    error: --source x: expected URL=PATH
    --- status 2
    ");
}

use crate::environment::run_in;
use insta::assert_snapshot;
use tokio_util::sync::CancellationToken;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("base/kustomization.yaml", "resources: [a.yaml]\n");
    write("base/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n");
    write("over/kustomization.yaml", "namePrefix: x-\nresources: [../base]\n");
    write("broken/kustomization.yaml", "resources: [nothing.yaml]\n");
    folder
}

fn run(folder: &tempfile::TempDir, arguments: &[&str]) -> crate::environment::Run {
    run_in(folder.path(), arguments, &CancellationToken::new())
}

#[test]
fn a_folder_of_the_disk_is_built() {
    let folder = folder();
    assert_snapshot!(run(&folder, &["kustomize", "build", "over"]), @r"
    apiVersion: v1
    data:
      k: v
    kind: ConfigMap
    metadata:
      name: x-a
    ");
}

#[test]
fn the_output_may_be_a_file_or_one_for_each_object() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    assert_eq!(run(&folder, &["kustomize", "build", "over", "-o", "out"]).status, 0);
    assert_eq!(run(&folder, &["kustomize", "build", "over", "-o", "all.yaml"]).status, 0);
    let one = std::fs::read_to_string(folder.path().join("out/v1_configmap_x-a.yaml")).unwrap();
    assert_eq!(one, std::fs::read_to_string(folder.path().join("all.yaml")).unwrap());
}

#[test]
fn what_cannot_be_built_says_where() {
    let folder = folder();
    let broken = run(&folder, &["kustomize", "build", "broken"]);
    assert_eq!(broken.status, 2);
    assert!(broken.stderr.contains("nothing.yaml"), "{broken}");
    let absent = run(&folder, &["kustomize", "build", "absent"]);
    assert_eq!(absent.status, 2);
    assert!(absent.stderr.starts_with("error: absent: "), "{absent}");
}

#[test]
fn charts_are_rendered_when_asked_for() {
    let folder = folder();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "app/kustomization.yaml",
        "helmGlobals: {chartHome: deploy}\nhelmCharts:\n- {name: web, releaseName: shop}\n",
    );
    write("app/deploy/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    write(
        "app/deploy/web/templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata: {kube: {{ .Capabilities.KubeVersion.Version }}}\n",
    );
    let refused = run(&folder, &["kustomize", "build", "app"]);
    assert!(refused.status == 2 && refused.stderr.contains("--enable-helm"), "{refused}");
    assert_snapshot!(run(&folder, &["kustomize", "build", "app", "--enable-helm", "--helm-kube-version", "1.31.2"]), @r"
    apiVersion: v1
    data:
      kube: v1.31.2
    kind: ConfigMap
    metadata:
      name: shop
    ");
}

#[test]
fn bases_in_other_repositories_are_fetched() {
    let folder = folder();
    let git = |arguments: &[&str]| {
        let name = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
        let base = folder.path().join("base");
        let run = std::process::Command::new("git").current_dir(base).args(name).args(arguments).output();
        run.is_ok_and(|output| output.status.success())
    };
    if !(git(&["init", "-q", "-b", "main"]) && git(&["add", "."]) && git(&["commit", "-qm", "one"])) {
        eprintln!("SKIPPED: no git on this machine");
        return;
    }
    let remote = folder.path().join("remote");
    std::fs::create_dir(&remote).unwrap();
    let base = |reference: &str| {
        let text =
            format!("resources: ['file://{}?ref={reference}']\n", folder.path().join("base").display());
        std::fs::write(remote.join("kustomization.yaml"), text).unwrap();
        run(&folder, &["kustomize", "build", "remote"])
    };
    let built = base("main");
    assert!(built.status == 0 && built.stdout.contains("name: a"), "{built}");
    let missing = base("nope");
    assert!(missing.status == 2 && missing.stderr.contains("revision \"nope\" not found"), "{missing}");
}

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

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
    write("chart/Chart.yaml", "apiVersion: v2\nname: hello\nversion: 0.1.0\n");
    write("chart/values.yaml", "to: nobody\n");
    write(
        "chart/templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {to: {{ .Values.to }}}\n",
    );
    folder
}

fn run(arguments: &[&str]) -> crate::environment::Run {
    run_in(folder().path(), arguments, &CancellationToken::new())
}

#[test]
fn flags_are_helm_s_wherever_they_stand() {
    let expected = run(&["helm", "template", "me", "chart", "--set", "to=world"]);
    assert_snapshot!(expected, @r"
    ---
    # Source: hello/templates/a.yaml
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: me}
    data: {to: world}
    ");
    let first = run(&["helm", "template", "--set", "to=world", "me", "chart"]);
    assert_eq!(first.stdout, expected.stdout);
}

#[test]
fn what_is_not_on_this_machine_is_not_fetched() {
    assert_snapshot!(run(&["helm", "template", "me", "repo/chart"]), @r"
    --- standard error
    error: the chart 'repo/chart' is not on this machine, and charts are not fetched
    hint: fetch it with `helm pull` or `helm dependency build` and name the folder or archive
    --- status 2
    ");
}

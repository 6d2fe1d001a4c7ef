use crate::environment::run_in;
use insta::assert_snapshot;
use std::io::{BufRead, Write};
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
fn repositories_that_helm_knows_by_name_are_not_read() {
    assert_snapshot!(run(&["helm", "template", "me", "repo/chart"]), @r"
    --- standard error
    error: repo repo not found: repositories that were added to Helm are not read; name this one with --repo URL and the chart as chart
    --- status 2
    ");
}

/// Serves files below `/charts/` to whoever connects, one answer a connection, until the test ends.
fn repository(files: Vec<(&'static str, Vec<u8>)>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            let mut reader = std::io::BufReader::new(&stream);
            while reader.read_line(&mut request).unwrap() > 2 {}
            let path =
                request.split(' ').nth(1).unwrap_or_default().trim_start_matches("/charts/").to_owned();
            let found = files.iter().find(|(name, _)| *name == path);
            let (status, body) = found.map_or(("404 Not Found", &[][..]), |(_, body)| ("200 OK", body));
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).unwrap();
        }
    });
    format!("http://{address}/charts")
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&tar.into_inner().unwrap()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn charts_dependencies_and_values_are_fetched() {
    let web = archive(&[
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.0\n"),
        ("web/templates/a.yaml", "web: {{ .Values.a }}\n"),
    ]);
    let index = "apiVersion: v1\nentries:\n  web:\n  - {version: 1.2.0, urls: [web-1.2.0.tgz]}\n  - {version: 2.0.0, urls: [none.tgz]}\n";
    let url = repository(vec![
        ("index.yaml", index.into()),
        ("web-1.2.0.tgz", web),
        ("v.yaml", "a: far\nweb: {a: far}\n".into()),
    ]);
    let folder = folder();
    let chart = format!(
        "apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies: [{{name: web, version: ^1, repository: '{url}'}}]\n"
    );
    std::fs::create_dir(folder.path().join("p")).unwrap();
    std::fs::write(folder.path().join("p/Chart.yaml"), chart).unwrap();
    let values = format!("{url}/v.yaml");
    let check = |arguments: &[&str], expected: &str| {
        let arguments = [&["helm", "template", "me", "-f", &values][..], arguments].concat();
        let run = run_in(folder.path(), &arguments, &CancellationToken::new());
        assert_eq!(run.stdout, expected, "{arguments:?}: {run}");
    };
    let own = "---\n# Source: web/templates/a.yaml\nweb: far\n";
    check(&["web", "--repo", &url, "--version", "^1"], own);
    check(&[&format!("{url}/web-1.2.0.tgz")], own);
    check(&["p", "--dependency-update"], "---\n# Source: p/charts/web/templates/a.yaml\nweb: far\n");
    let missing = ["helm", "template", "me", "web", "--repo", &url, "--version", "7"];
    let missing = run_in(folder.path(), &missing, &CancellationToken::new()).to_string();
    assert!(missing.contains("chart \"web\" in the version range \"7\" not found"), "{missing}");
}

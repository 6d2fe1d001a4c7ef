//! Loading charts, and which of them take part.

use crate::{chart, load, rendered, text, try_render};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use holdfast_helm::chart::{Chart, Limits, Missing, lock_digest};
use holdfast_helm::values::Layers;
use holdfast_tree::MemoryTree;
use insta::assert_snapshot;
use std::io::Write;

pub(crate) fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
    gzip(&tar(files))
}

pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        // `append_data` refuses the paths that must be tried here.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        tar.append(&header, *data).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(data).unwrap();
    gz.finish().unwrap()
}

const CHART: &[u8] = b"apiVersion: v2\nname: kid\nversion: 1.2.3\n";

fn set<'a>(set: &[&'a str]) -> Layers<'a> {
    Layers { set: set.to_vec(), ..Layers::default() }
}

#[test]
fn folders_links_and_what_helmignore_leaves_out() {
    let mut tree = MemoryTree::new();
    tree.insert("charts/app/Chart.yaml", "\u{feff}apiVersion: v2\nname: app\nversion: 1.0.0\n");
    tree.insert("charts/app/.helmignore", "*.bak\nsecret/\n");
    tree.insert("charts/app/templates/a.yaml", "\u{feff}a: {{ .Files.Get \"shared.txt\" }}\r\nb: 1\r\n");
    tree.insert("charts/app/templates/a.yaml.bak", "{{ broken");
    tree.insert("charts/app/secret/x", "x");
    tree.insert("common/shared.txt", "shared");
    tree.insert_link("charts/app/shared.txt", "../../common/shared.txt");
    let app = Chart::load(&tree, "charts/app", Limits::helm()).unwrap();
    let names: Vec<&str> = app.files.iter().map(|file| &*file.name).collect();
    assert_eq!(names, [".helmignore", "shared.txt"]);
    assert_eq!(text(&std::sync::Arc::new(app), Layers::default()), "a: shared\r\nb: 1");

    let refused =
        |tree: &MemoryTree| Chart::load(tree, "charts/app", Limits::helm()).unwrap_err().to_string();
    let mut out = tree.clone();
    out.insert_link("charts/app/out", "../../../etc/passwd");
    assert_snapshot!(refused(&out), @"charts/app/out: leads outside of the tree");
    let mut around = tree.clone();
    around.insert_link("charts/app/files/again", "..");
    assert!(refused(&around).ends_with("folders nest deeper than 64"), "{}", refused(&around));
    let mut ignoring = tree;
    ignoring.insert("charts/app/.helmignore", "!keep\n");
    assert_snapshot!(refused(&ignoring), @"Chart.yaml file is missing");
}

#[test]
fn archives_in_archives() {
    let kid = tgz(&[("kid/Chart.yaml", CHART), ("kid/templates/k.yaml", b"k: {{ .Chart.Name }}")]);
    let parent = tgz(&[
        ("p/Chart.yaml", b"apiVersion: v2\nname: p\nversion: 1.0.0\n"),
        ("p/charts/kid-1.2.3.tgz", &kid),
        ("p/charts/_off/Chart.yaml", b"broken: ["),
        ("p/charts/.off/Chart.yaml", b"broken: ["),
    ]);
    let chart = Chart::from_archive(&parent, Limits::helm()).unwrap();
    assert_eq!(text(&std::sync::Arc::new(chart), Layers::default()), "k: kid");
}

#[test]
fn hostile_archives_are_refused() {
    let check = |archive: &[u8], expected: &str| {
        let error = Chart::from_archive(archive, Limits::new(10_000, 5_000, 10, 3)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(b"PK", "does not appear to be a gzipped archive");
    check(&tgz(&[("c/../../x", b"")]), "chart illegally references parent directory");
    check(&tgz(&[("c//etc/passwd", b"")]), "chart illegally contains absolute paths");
    check(
        &tgz(&[("c/x", &[0; 6_000])]),
        "decompressed chart file \"c/x\" is larger than the maximum file size 5000",
    );
    check(
        &tgz(&[("c/x", &[0; 4_000]), ("c/y", &[0; 4_000]), ("c/z", &[0; 4_000])]),
        "decompressed chart is larger than the maximum file size 10000",
    );
    let many: Vec<(String, &[u8])> = (0..11).map(|n| (format!("c/{n}"), &b""[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(path, data)| (path.as_str(), *data)).collect();
    check(&tgz(&many), "chart archive has more than 10 entries");
    check(&tgz(&[]), "no files in chart archive");

    let mut nested = tgz(&[("kid/Chart.yaml", CHART)]);
    for _ in 0..4 {
        nested = tgz(&[("kid/Chart.yaml", CHART), ("kid/charts/kid.tgz", &nested)]);
    }
    let error = Chart::from_archive(&nested, Limits::new(1 << 20, 1 << 20, 100, 3)).unwrap_err().to_string();
    assert!(error.ends_with("charts nest deeper than the limit"), "{error}");

    // A megabyte of zeros in a kilobyte, three levels deep: the budget is one for all levels.
    let bomb = tgz(&[("kid/Chart.yaml", CHART), ("kid/zeros", &vec![0; 1 << 20])]);
    let outer = tgz(&[("kid/Chart.yaml", CHART), ("kid/charts/a.tgz", &bomb), ("kid/charts/b.tgz", &bomb)]);
    let error = Chart::from_archive(&outer, Limits::new(3 << 19, 1 << 21, 100, 8)).unwrap_err().to_string();
    assert!(error.contains("decompressed chart is larger"), "{error}");
}

#[test]
fn damaged_charts_say_what_is_wrong() {
    let check = |files: &[(&str, &str)], expected: &str| {
        assert_eq!(load(files).unwrap_err().to_string(), expected);
    };
    check(
        &[("values.yaml", "- a")],
        "cannot load values.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
    );
    check(
        &[("charts/kid/values.yaml", "a: 1")],
        "error unpacking subchart kid in c: Chart.yaml file is missing",
    );
    check(
        &[("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1\ntype: [a]\n")],
        "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field Metadata.type of type string",
    );
    assert!(Chart::from_files(vec![], Limits::helm()).is_err());
    let library = chart(&[("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\ntype: library\n")]);
    assert_snapshot!(try_render(&library, Layers::default()).unwrap_err(), @"library charts are not installable");
}

/// A parent with one chart below it that is used as the dependencies say.
fn family(dependencies: &str, values: &str) -> std::sync::Arc<Chart> {
    chart(&[
        ("Chart.yaml", &format!("apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies:\n{dependencies}")),
        ("values.yaml", values),
        ("templates/p.yaml", "p: {{ toJson .Values }}"),
        ("charts/kid/Chart.yaml", "apiVersion: v2\nname: kid\nversion: 1.2.3\n"),
        ("charts/kid/values.yaml", "x: kid\nexports: {data: {fromKid: 1}}\nin: {ner: {v: 5}}\n"),
        ("charts/kid/templates/k.yaml", "{{ .Chart.Name }}: {{ .Values.x }} # {{ .Template.Name }}"),
    ])
}

#[test]
fn aliases_name_each_use() {
    let twice = "- {name: kid, version: ^1, alias: one}\n- {name: kid, version: 1.x, alias: two}\n";
    let chart = family(twice, "two: {x: own}\n");
    assert_snapshot!(text(&chart, Layers::default()), @r#"
    one: kid # p/charts/one/templates/k.yaml
    ---
    two: own # p/charts/two/templates/k.yaml
    ---
    p: {"one":{"exports":{"data":{"fromKid":1}},"global":{},"in":{"ner":{"v":5}},"x":"kid"},"two":{"exports":{"data":{"fromKid":1}},"global":{},"in":{"ner":{"v":5}},"x":"own"}}
    "#);
}

#[test]
fn conditions_and_tags() {
    let kids =
        |chart: &std::sync::Arc<Chart>, values: &[&str]| rendered(chart, set(values)).manifests.len() - 1;
    let chart =
        family("- {name: kid, version: 1.2.3, condition: 'kid.on,other.on', tags: [front, back]}\n", "");
    assert_eq!(kids(&chart, &[]), 1);
    assert_eq!(kids(&chart, &["kid.on=false"]), 0);
    assert_eq!(kids(&chart, &["kid.on=text", "other.on=false"]), 0);
    assert_eq!(kids(&chart, &["tags.front=false"]), 0);
    assert_eq!(kids(&chart, &["tags.front=false", "tags.back=true"]), 1);
    assert_eq!(kids(&chart, &["tags.front=false", "kid.on=true"]), 1);
    let rendered = rendered(&chart, set(&["kid.on=1"]));
    assert_eq!(rendered.warnings, ["Condition path 'kid.on' for chart kid returned non-bool value"]);
}

#[test]
fn imported_values_lie_below_the_parents_own() {
    let both = "- name: kid\n  version: 1.2.3\n  import-values:\n  - data\n  - {child: in.ner, parent: taken.here}\n";
    let chart = family(both, "fromKid: own\ntaken: {here: {w: 6}}\n");
    let text = text(&chart, Layers::default());
    let parent = text.lines().find_map(|line| line.strip_prefix("p: ")).unwrap();
    let parent: serde_json::Value = serde_json::from_str(parent).unwrap();
    assert_eq!(parent["fromKid"], "own");
    assert_eq!(parent["taken"], serde_json::json!({"here": {"v": 5, "w": 6}}));
}

#[test]
fn missing_dependencies_and_the_lock() {
    let declared = "- {name: gone, version: '>=1.0.0', repository: 'file://../gone'}\n";
    let files = |lock: &str| {
        load(&[
            ("Chart.yaml", &format!("apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies:\n{declared}")),
            ("Chart.lock", lock),
        ])
        .unwrap()
    };
    let lock = |digest: &str| {
        format!(
            "dependencies:\n- {{name: gone, version: 1.5.0, repository: 'file://../gone'}}\ndigest: {digest}\ngenerated: '2024-01-01T00:00:00Z'\n"
        )
    };
    let chart = files(&lock("sha256:0"));
    let missing = |version: &str| {
        vec![Missing { repository: "file://../gone".into(), name: "gone".into(), version: version.into() }]
    };
    assert_eq!(chart.missing_dependencies(), missing(">=1.0.0"));
    let digest = lock_digest(chart.metadata.declared(), &chart.lock.as_ref().unwrap().dependencies);
    // As `helm dependency update` writes it for these dependencies.
    assert_eq!(digest, DIGEST);
    assert_eq!(files(&lock(&digest)).missing_dependencies(), missing("1.5.0"));

    let error = try_render(&std::sync::Arc::new(chart.clone()), Layers::default()).unwrap_err();
    assert_snapshot!(error, @"An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: gone");
    let gone = crate::chart(&[
        ("Chart.yaml", "apiVersion: v2\nname: gone\nversion: 1.5.0\n"),
        ("templates/g.yaml", "g: 1"),
    ]);
    let whole = std::sync::Arc::new(chart.with_dependencies([gone]));
    assert_eq!(text(&whole, Layers::default()), "g: 1");
}

const DIGEST: &str = "sha256:7027f33ed936cc4577fb490f3813b727d2d20db16d5af9e5d21d652bf2b8d6d1";

#[test]
fn binary_files_stay_bytes() {
    let mut files = vec![holdfast_helm::chart::File::new("bin", Bytes::from_static(b"\x00\xff\xfe"))];
    files.push(holdfast_helm::chart::File::new("Chart.yaml", Bytes::from_static(CHART)));
    files.push(holdfast_helm::chart::File::new(
        "templates/a.yaml",
        Bytes::from_static(b"a: {{ .Files.Get \"bin\" | b64enc }} {{ len (.Files.GetBytes \"bin\") }}"),
    ));
    let chart = Chart::from_files(files, Limits::helm()).unwrap();
    assert_eq!(text(&std::sync::Arc::new(chart), Layers::default()), "a: AP/+ 3");
}

#[test]
fn old_charts_have_requirements() {
    let chart = chart(&[
        ("Chart.yaml", "name: p\nversion: 1.0.0\n"),
        ("requirements.yaml", "dependencies:\n- {name: kid, version: 1.2.3, condition: kid.on}\n"),
        ("templates/p.yaml", "p: {{ .Chart.APIVersion }} {{ len .Chart.Dependencies }}"),
        ("charts/kid/Chart.yaml", "apiVersion: v1\nname: kid\nversion: 1.2.3\n"),
        ("charts/kid/templates/k.yaml", "k: 1"),
    ]);
    assert_eq!(text(&chart, Layers::default()), "k: 1\n---\np: v1 1");
    assert_eq!(text(&chart, set(&["kid.on=false"])), "p: v1 0");
}

/// The paths of templates, also of charts that nobody declared below an aliased one: Helm gives those the path of the
/// chart as it was before it got its alias.
#[test]
fn paths_of_charts_below_charts() {
    let path = "at: {{ .Template.Name }} {{ .Chart.IsRoot }}";
    let kid = "apiVersion: v2\nname: kid\nversion: 1.0.0\n";
    let chart = chart(&[
        (
            "Chart.yaml",
            "apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies: [{name: mid, version: '*', alias: other}]\n",
        ),
        ("charts/mid/Chart.yaml", "apiVersion: v2\nname: mid\nversion: 1.0.0\n"),
        ("charts/mid/templates/a.yaml", path),
        ("charts/mid/charts/kid/Chart.yaml", kid),
        ("charts/mid/charts/kid/templates/a.yaml", path),
    ]);
    assert_snapshot!(text(&chart, Layers::default()), @"
    at: p/charts/mid/charts/kid/templates/a.yaml false
    ---
    at: p/charts/other/templates/a.yaml false
    ");
}

/// Of two uses of a chart only the first takes over the values of the charts below: Helm leaves the declarations,
/// which both share, in a shape that it does not read again. An empty mapping is imported as a copy.
#[test]
fn imports_of_a_chart_that_is_used_twice() {
    let chart = chart(&[
        (
            "Chart.yaml",
            "apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies:\n- {name: mid, version: '*', alias: one}\n- {name: mid, version: '*', alias: two}\n",
        ),
        (
            "charts/mid/Chart.yaml",
            "apiVersion: v2\nname: mid\nversion: 1.0.0\ndependencies: [{name: kid, version: '*', import-values: [data]}]\n",
        ),
        (
            "charts/mid/templates/a.yaml",
            "{{ .Chart.Name }}: {{ .Values.taken }} {{ toJson .Chart.Dependencies }}",
        ),
        ("charts/mid/charts/kid/Chart.yaml", "apiVersion: v2\nname: kid\nversion: 1.0.0\n"),
        ("charts/mid/charts/kid/values.yaml", "exports: {data: {taken: yes}}\n"),
    ]);
    assert_snapshot!(text(&chart, Layers::default()), @r#"
    one: true [{"name":"kid","version":"*","repository":"","enabled":true}]
    ---
    two:  [{"name":"kid","version":"*","repository":"","enabled":true}]
    "#);
}

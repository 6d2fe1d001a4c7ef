//! What a repository or a custom resource may hold by mistake or by intent, through both APIs: each is refused with a
//! reason, and nothing else suffers.

use crate::bed::{Bed, config_map, manifest};
use holdfast_object::Value;
use std::fmt::Write as _;

/// Sizes of a file that nobody means to be read, in bytes.
const HUGE: u64 = 200 * 1024 * 1024;

/// Aliases that would grow to a billion nodes.
fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_with_a_reason_and_harms_no_one_else() {
    let bed = Bed::start().await;
    bed.write("good/a.yaml", &manifest("a", "one"));
    // Flux leaves links out of what it reads, so they are named by a file that is read.
    for (path, target) in [("link", "../../../../../../etc/passwd"), ("absolute", "/etc/passwd")] {
        bed.write(&format!("{path}/kustomization.yaml"), "resources: [secrets.yaml]\n");
        std::os::unix::fs::symlink(target, bed.path(&format!("{path}/secrets.yaml"))).unwrap();
    }
    bed.write("bomb/bomb.yaml", &bomb());
    bed.write("kind/w.yaml", "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\n");
    let elsewhere = "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\napiVersion: v1\nkind: [\n";
    bed.write("broken/b.yaml", elsewhere);
    let link = ("no such file", "leads outside of the tree");
    let cases = [
        ("outside", "../outside", ("leads outside of the source", "is outside of the repository")),
        ("missing", "nowhere", ("path 'nowhere' not found", "nowhere: no such file or folder")),
        ("link", "link", link),
        ("absolute", "absolute", link),
        ("bomb", "bomb", ("aliases are counted expanded", "aliases expanded")),
        (
            "kind",
            "kind",
            ("is its CustomResourceDefinition installed?", "Make sure the \"Widget\" CRD is installed"),
        ),
        ("broken", "broken", ("broken/b.yaml:7", "broken/b.yaml:7")),
    ];
    for (name, path, _) in cases {
        bed.both(name, path).await;
    }
    for (name, _, (flux, argocd)) in cases {
        for (words, told) in [(flux, bed.flux_failure(name).await), (argocd, bed.argocd_failure(name).await)]
        {
            assert!(told.contains(words), "{name}: {told:?} does not say {words:?}");
            assert!(!told.contains("root:"), "{name}: what lies elsewhere is shown: {told}");
        }
    }
    bed.both("good", "good").await;
    for api in ["flux", "argocd"] {
        let a = config_map(&format!("{api}-good"), "a");
        bed.until(&a, |a| a.get(&["data", "key"]).and_then(Value::as_str) == Some("one")).await;
    }
    // A file with a hole: it takes no space on the disk. Flux' source refuses the whole revision, and the last one stays
    // in force; Argo CD refuses what reads the file.
    std::fs::File::create(bed.path("huge/huge.yaml")).unwrap().set_len(HUGE).unwrap();
    bed.both("huge", "huge").await;
    let told = bed.source_failure().await;
    assert!(told.contains("209715200 bytes"), "{told}");
    let told = bed.argocd_failure("huge").await;
    assert!(told.contains("209715200 bytes exceeds the limit"), "{told}");
    let a = config_map("flux-good", "a");
    bed.delete(&a).await;
    bed.until(&a, |a| a.get(&["data", "key"]).and_then(Value::as_str) == Some("one")).await;
    bed.stop().await;
}

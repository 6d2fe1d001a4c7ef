//! Archives next to those of Go's libraries.

use holdfast_source::{Limits, SourceIgnore, archive, oci};
use holdfast_tree::{Entry, FileTree as _, MemoryTree};
use std::path::Path;
use std::process::Command;

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Content of one of several sorts: noise, few letters, repeated lines, long runs.
fn content(numbers: &mut Numbers, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 64);
    let sort = numbers.below(5);
    while bytes.len() < size {
        match sort {
            0 => bytes.push(numbers.next() as u8),
            1 => bytes.push(b'a' + numbers.below(4) as u8),
            2 => bytes.extend_from_slice(format!("  name: object-{}\n", numbers.below(300)).as_bytes()),
            3 => bytes.extend(std::iter::repeat_n(numbers.next() as u8, numbers.below(700) as usize)),
            // Earlier parts again, from near and far.
            _ if bytes.len() > 10 && numbers.below(3) > 0 => {
                let from = numbers.below(bytes.len() as u64 - 5) as usize;
                let count = (numbers.below(400) as usize).min(bytes.len() - from);
                bytes.extend_from_within(from..from + count);
            }
            _ => bytes.extend_from_slice(&numbers.next().to_le_bytes()),
        }
    }
    bytes.truncate(size);
    bytes
}

fn tree(seed: u64) -> MemoryTree {
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut tree = MemoryTree::new();
    let sizes = [0, 1, 511, 512, 513, 3000, 32_768, 40_000, 65_274, 70_000, 140_000];
    for number in 0..1 + numbers.below(8) {
        let size = sizes[numbers.below(sizes.len() as u64) as usize] + numbers.below(64) as usize;
        let depth = numbers.below(4);
        let mut path: String = (0..depth).map(|d| format!("folder-{}-{d}/", numbers.below(3))).collect();
        if numbers.below(6) == 0 {
            path.push_str(&"long/".repeat(numbers.below(50) as usize));
        }
        path.push_str(match numbers.below(8) {
            0 => "größe-",
            1 => "a-name-that-alone-is-far-too-long-for-the-head-of-an-entry-in-a-tar-archive-and-needs-a-record-of-its-own-",
            _ => "file-",
        });
        path.push_str(&number.to_string());
        let bytes = content(&mut numbers, size);
        match numbers.below(5) {
            0 => tree.insert_executable(&path, bytes),
            _ => tree.insert(&path, bytes),
        }
    }
    tree
}

fn pack(tree: &MemoryTree) -> (String, Vec<u8>) {
    let ignore = SourceIgnore::load(tree, Some("nothing-has-this-name")).unwrap();
    let mut bytes = Vec::new();
    let packed = archive(tree, &ignore, &Limits::default(), &mut bytes).unwrap();
    assert_eq!(packed.size, bytes.len() as u64);
    (packed.digest, bytes)
}

fn write(tree: &MemoryTree, to: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for path in tree.paths() {
        let Some(Entry::File { executable, .. }) = tree.entry(path).unwrap() else { continue };
        let at = to.join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(&at, tree.read(path).unwrap()).unwrap();
        let mode = if executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn what_was_packed_unpacks_to_the_same() {
    for seed in 1..16 {
        let tree = tree(seed);
        let (_, bytes) = pack(&tree);
        let again = oci::untar(&bytes, "test", &Limits::default()).unwrap();
        for path in tree.paths() {
            assert_eq!(again.entry(path).unwrap(), tree.entry(path).unwrap(), "seed {seed}: {path}");
            if let Some(Entry::File { .. }) = tree.entry(path).unwrap() {
                assert_eq!(again.read(path).unwrap(), tree.read(path).unwrap(), "seed {seed}: {path}");
            }
        }
        assert_eq!(pack(&again).0, pack(&tree).0, "seed {seed}");
    }
}

/// Digests that Go 1.26 gave for some of these trees.
#[test]
fn archives_have_the_digests_they_have_with_go() {
    let digests: Vec<String> = (1..=8).map(|seed| pack(&tree(seed)).0).collect();
    insta::assert_debug_snapshot!(digests);
}

/// The slow tier: Go itself.
#[test]
fn archives_are_byte_equal_to_those_of_go() {
    if std::env::var_os("HOLDFAST_E2E").is_none() {
        eprintln!("SKIPPED: HOLDFAST_E2E is not set");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let seeds: Vec<u64> = (1..120).collect();
    let folders: Vec<_> = seeds.iter().map(|seed| root.path().join(seed.to_string())).collect();
    for (seed, folder) in seeds.iter().zip(&folders) {
        write(&tree(*seed), folder);
    }
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracle/main.go");
    let answer = Command::new("go").arg("run").arg(oracle).args(&folders).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let expected: Vec<&str> = std::str::from_utf8(&answer.stdout).unwrap().lines().collect();
    assert_eq!(expected.len(), seeds.len());
    for (seed, expected) in seeds.iter().zip(expected) {
        assert_eq!(pack(&tree(*seed)).0, expected, "seed {seed}");
    }
}

//! What the cache on disk survives.

use crate::fixture::{Origin, fake_ssh, needs_git};
use holdfast_source::{Access, Artifact, Credentials, GitCache, GitRef, GitUrl, Limits, SourceError};
use holdfast_tree::FileTree as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

struct Setup {
    origin: Origin,
    folder: TempDir,
    url: GitUrl,
}

impl Setup {
    fn new() -> Self {
        let (origin, folder) = (Origin::new(), TempDir::new().unwrap());
        fake_ssh(folder.path(), "version=2");
        let url = GitUrl::parse(&format!("ssh://git@host{}", origin.path().display())).unwrap();
        Self { origin, folder, url }
    }

    /// Another process, as far as the disk can tell.
    fn cache(&self, limits: Limits) -> GitCache {
        GitCache::with_ssh(self.folder.path().join("cache"), limits, self.folder.path().join("fake-ssh"))
    }

    async fn main(&self, cache: &GitCache) -> Result<Artifact, SourceError> {
        cache.artifact(&self.url, &access(), &GitRef::Branch("main".into()), Duration::ZERO).await
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        below(&self.folder.path().join("cache"), &mut found);
        found.retain(|f| f.extension().is_some_and(|e| e == extension));
        found
    }
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

fn access() -> Access {
    let credentials =
        Credentials::Ssh { identity: "PRIVATE KEY".into(), known_hosts: "host key".into(), passphrase: None };
    Access { credentials, ..Access::default() }
}

fn read_all(artifact: &Artifact) -> usize {
    let names = artifact.tree.list("").unwrap();
    names.iter().map(|n| artifact.tree.read(&n.name).unwrap().len()).sum()
}

#[tokio::test]
async fn damaged_packs_are_fetched_again() {
    needs_git!();
    type Damage = fn(&Path);
    let truncate: Damage = |pack| {
        let length = std::fs::metadata(pack).unwrap().len();
        std::fs::set_permissions(pack, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::File::options().write(true).open(pack).unwrap().set_len(length / 2).unwrap();
    };
    let flip: Damage = |pack| {
        let mut content = std::fs::read(pack).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 0xff;
        std::fs::set_permissions(pack, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::write(pack, content).unwrap();
    };
    let lose_index: Damage = |pack| std::fs::remove_file(pack.with_extension("idx")).unwrap();
    let lose_pack: Damage = |pack| std::fs::remove_file(pack).unwrap();
    let empty: Damage = |pack| {
        std::fs::remove_file(pack).unwrap();
        std::fs::write(pack, "").unwrap();
    };
    for damage in [truncate, flip, lose_index, lose_pack, empty] {
        let setup = Setup::new();
        for number in 0..20 {
            setup.origin.write(&number.to_string(), &format!("{:?}", [number; 100]));
        }
        setup.origin.commit("first");
        let expected = read_all(&setup.main(&setup.cache(Limits::default())).await.unwrap());
        setup.files("pack").iter().for_each(|pack| damage(pack));
        // The next process finds out, and has everything again.
        let artifact = setup.main(&setup.cache(Limits::default())).await.unwrap();
        assert_eq!(read_all(&artifact), expected);
        setup.origin.write("more", "x");
        setup.origin.commit("second");
        let artifact = setup.main(&setup.cache(Limits::default())).await.unwrap();
        assert_eq!(read_all(&artifact), expected + 1);
    }
}

#[tokio::test]
async fn damage_under_our_feet_is_found_on_request() {
    needs_git!();
    let setup = Setup::new();
    setup.origin.write("a", &"abcdefgh".repeat(1000));
    setup.origin.commit("first");
    let cache = setup.cache(Limits::default());
    setup.main(&cache).await.unwrap();
    assert!(!cache.verify(&setup.url).await.unwrap());
    for pack in setup.files("pack") {
        let content = vec![0; std::fs::read(&pack).unwrap().len()];
        std::fs::remove_file(&pack).unwrap();
        std::fs::write(&pack, content).unwrap();
    }
    assert!(cache.verify(&setup.url).await.unwrap());
    assert_eq!(read_all(&setup.main(&cache).await.unwrap()), 8000);
}

#[tokio::test]
async fn leftovers_of_a_killed_process_are_no_obstacle() {
    needs_git!();
    let setup = Setup::new();
    setup.origin.write("a", "1");
    setup.origin.commit("first");
    setup.main(&setup.cache(Limits::default())).await.unwrap();
    let pack = setup.files("pack").remove(0);
    let generation = pack.ancestors().nth(3).unwrap().to_owned();
    std::fs::write(generation.join("shallow.lock"), "").unwrap();
    std::fs::write(pack.with_file_name(".tmp-half-a-pack"), "PACK").unwrap();
    std::fs::write(pack.with_file_name("pack-0000.idx"), "").unwrap();
    std::fs::create_dir(generation.with_file_name("next-1")).unwrap();
    setup.origin.write("a", "2");
    setup.origin.commit("second");
    let artifact = setup.main(&setup.cache(Limits::default())).await.unwrap();
    assert_eq!(artifact.tree.read("a").unwrap(), "2");
    assert!(!pack.with_file_name(".tmp-half-a-pack").exists());
}

#[tokio::test]
async fn a_fetch_that_fails_midway_leaves_everything_as_it_was() {
    needs_git!();
    let setup = Setup::new();
    setup.origin.write("a", "1");
    setup.origin.commit("first");
    let good = setup.main(&setup.cache(Limits::default())).await.unwrap();
    let noise: String = (0..100_000_u32).map(|n| format!("{:x}", n.wrapping_mul(2_654_435_761))).collect();
    setup.origin.write("large", &noise);
    setup.origin.commit("second");
    let small = setup.cache(Limits { pack_bytes: 20_000, ..Limits::default() });
    assert!(matches!(setup.main(&small).await, Err(SourceError::TooLarge { limit_name: "pack_bytes", .. })));
    let kept = small.cached(&setup.url, &good.revision).await.unwrap().unwrap();
    assert_eq!(kept.tree.read("a").unwrap(), "1");
    let pack = setup.files("pack").remove(0);
    let leftovers = std::fs::read_dir(pack.parent().unwrap()).unwrap().count();
    assert_eq!(leftovers, 2, "one pack and its index");
    assert_eq!(setup.main(&setup.cache(Limits::default())).await.unwrap().tree.read("large").unwrap(), noise);
}

/// Needs a file system with room for about 300 kB, in a folder that `HOLDFAST_SMALL_DISK` names
/// (`mount -t tmpfs -o size=300k tmpfs FOLDER`).
#[tokio::test]
async fn a_full_disk_takes_nothing_away() {
    needs_git!();
    let Some(disk) = std::env::var_os("HOLDFAST_SMALL_DISK") else {
        eprintln!("SKIPPED: HOLDFAST_SMALL_DISK names no small file system");
        return;
    };
    let setup = Setup::new();
    setup.origin.write("a", "1");
    setup.origin.commit("first");
    let folder = TempDir::new_in(disk).unwrap();
    let cache = || GitCache::with_ssh(folder.path(), Limits::default(), setup.folder.path().join("fake-ssh"));
    let good = setup.main(&cache()).await.unwrap();
    let noise: String = (0..100_000_u32).map(|n| format!("{:x}", n.wrapping_mul(2_654_435_761))).collect();
    setup.origin.write("large", &noise);
    setup.origin.commit("second");
    for _ in 0..3 {
        let error = setup.main(&cache()).await.unwrap_err();
        assert!(matches!(error, SourceError::Storage { .. }), "{error}");
    }
    let kept = cache().cached(&setup.url, &good.revision).await.unwrap().unwrap();
    assert_eq!(kept.tree.read("a").unwrap(), "1");
    std::fs::remove_file(setup.origin.path().join("large")).unwrap();
    setup.origin.write("a", "3");
    setup.origin.commit("third");
    assert_eq!(setup.main(&cache()).await.unwrap().tree.read("a").unwrap(), "3");
}

#[tokio::test]
async fn several_processes_share_a_cache() {
    needs_git!();
    let setup = Setup::new();
    for number in 0..20 {
        setup.origin.write("a", &number.to_string());
        setup.origin.commit("next");
        setup.origin.git(&["branch", &format!("b{number}")]);
    }
    let caches: Vec<GitCache> =
        (0..4).map(|_| setup.cache(Limits { packs: 5, ..Limits::default() })).collect();
    let all =
        (0..20).flat_map(|number| caches.iter().map(move |cache| (number, cache))).map(|(number, cache)| {
            let (url, wanted) = (setup.url.clone(), GitRef::Branch(format!("b{number}")));
            async move {
                let artifact = cache.artifact(&url, &access(), &wanted, Duration::ZERO).await.unwrap();
                assert_eq!(artifact.tree.read("a").unwrap(), number.to_string());
            }
        });
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn a_long_history_of_fetches_starts_afresh_now_and_then() {
    needs_git!();
    let setup = Setup::new();
    let cache = setup.cache(Limits { packs: 3, ..Limits::default() });
    let mut early = None;
    for number in 0..10 {
        setup.origin.write("a", &number.to_string());
        setup.origin.write(&format!("file-{number}"), "x");
        setup.origin.commit("next");
        let artifact = setup.main(&cache).await.unwrap();
        assert_eq!(artifact.tree.read("a").unwrap(), number.to_string());
        early.get_or_insert(artifact);
        assert!(setup.files("pack").len() <= 9, "{:?}", setup.files("pack"));
    }
    // Whoever still reads an old revision goes on reading.
    assert_eq!(early.take().unwrap().tree.read("a").unwrap(), "0");
    // With its last reader the old generation goes; the last two stay.
    assert!(setup.files("pack").len() <= 6, "{:?}", setup.files("pack"));
}

#[tokio::test]
async fn what_nobody_uses_any_more_is_removed() {
    needs_git!();
    let setup = Setup::new();
    setup.origin.write("a", "1");
    setup.origin.commit("first");
    let cache = setup.cache(Limits::default());
    setup.main(&cache).await.unwrap();
    let foreign = setup.folder.path().join("cache/not-ours");
    std::fs::create_dir(&foreign).unwrap();
    let used = std::collections::HashSet::from([setup.url.key()]);
    assert_eq!(cache.retain(&used).await.unwrap(), 0);
    assert_eq!(setup.files("pack").len(), 1);
    assert_eq!(cache.retain(&std::collections::HashSet::new()).await.unwrap(), 1);
    assert_eq!(setup.files("pack").len(), 0);
    assert!(foreign.exists());
    assert_eq!(setup.main(&cache).await.unwrap().tree.read("a").unwrap(), "1");
}

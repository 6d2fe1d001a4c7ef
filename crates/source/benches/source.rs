//! What a fleet repository of 2,000 files costs: to read, to ask for news, to fetch. Each next to what `git` itself
//! takes for the same, and the reading next to its floor, which is inflating the objects.
#![allow(missing_docs, clippy::unwrap_used)]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use holdfast_source::{Access, Artifact, GitCache, GitRef, GitUrl, Limits};
use holdfast_testcluster::git::{Auth, Change, HttpServer, Repositories, Repository};
use holdfast_tree::{Entry, FileTree};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const FILES: usize = 2000;

fn main() {
    divan::main();
}

struct Fleet {
    runtime: Runtime,
    repository: Repository,
    server: HttpServer,
    folder: TempDir,
    cache: GitCache,
    url: GitUrl,
}

fn fleet() -> &'static Fleet {
    static FLEET: OnceLock<Fleet> = OnceLock::new();
    FLEET.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let repositories = Repositories::new().unwrap();
        let repository = repositories.create("fleet").unwrap();
        let file = |number: usize| {
            let path = format!("apps/group-{}/app-{number}/deployment.yaml", number % 50);
            let line = format!("    value: {number}\n");
            Change::write(
                path,
                format!("kind: Deployment\nmetadata:\n  name: app-{number}\n{}", line.repeat(40)),
            )
        };
        repository.commit("main", "all", &(0..FILES).map(file).collect::<Vec<_>>()).unwrap();
        repository.git(&["gc", "--quiet"]).unwrap();
        let server =
            runtime.block_on(HttpServer::start(&repositories, false, Auth::none())).unwrap().unwrap();
        let folder = TempDir::new().unwrap();
        let cache = GitCache::new(folder.path(), Limits::default());
        let url = GitUrl::parse(&server.url("fleet")).unwrap();
        Fleet { runtime, repository, server, folder, cache, url }
    })
}

impl Fleet {
    fn artifact(&self, cache: &GitCache) -> Artifact {
        let wanted = GitRef::Branch("main".into());
        self.runtime.block_on(cache.artifact(&self.url, &Access::default(), &wanted, Duration::ZERO)).unwrap()
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn read_all(tree: &dyn FileTree) -> usize {
    let (mut bytes, mut folders) = (0, vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for named in tree.list(&folder).unwrap() {
            let path = if folder.is_empty() { named.name } else { format!("{folder}/{}", named.name) };
            match named.entry {
                Entry::Folder => folders.push(path),
                _ => bytes += tree.read(&path).unwrap().len(),
            }
        }
    }
    bytes
}

/// Artifact from the cache, every folder listed, every file read.
#[divan::bench]
fn read_2000_files(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let revision = fleet.artifact(&fleet.cache).revision;
    bencher.counter(ItemsCount::new(FILES)).bench(|| {
        let artifact = fleet.runtime.block_on(fleet.cache.cached(&fleet.url, &revision)).unwrap().unwrap();
        black_box(read_all(&artifact.tree))
    });
}

/// The floor: inflating the same blobs of the same pack, their hashes known.
#[divan::bench]
fn read_2000_files_floor(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let commit = fleet.artifact(&fleet.cache).revision.commit().to_owned();
    let mut folders = vec![fleet.folder.path().to_owned()];
    let repository = loop {
        let folder = folders.pop().expect("the cache holds a repository");
        if folder.join("objects").is_dir() {
            break gix::open(folder).unwrap();
        }
        folders.extend(std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()));
    };
    let commit = repository.find_commit(gix::ObjectId::from_hex(commit.as_bytes()).unwrap()).unwrap();
    let tree = commit.tree().unwrap();
    let blobs: Vec<_> = tree.traverse().breadthfirst.files().unwrap();
    let blobs: Vec<_> = blobs.into_iter().filter(|e| e.mode.is_blob()).map(|e| e.oid).collect();
    assert_eq!(blobs.len(), FILES);
    bencher.counter(ItemsCount::new(FILES)).bench_local(|| {
        let bytes = blobs.iter().map(|id| repository.find_object(*id).unwrap().data.len());
        black_box(bytes.sum::<usize>())
    });
}

/// `git cat-file --batch`, the hashes known.
#[divan::bench]
fn read_2000_files_git(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let listed = fleet.repository.git(&["ls-tree", "-r", "--object-only", "main"]).unwrap() + "\n";
    bencher.counter(ItemsCount::new(FILES)).bench(|| {
        let mut command = Command::new("git");
        command.arg("-C").arg(fleet.repository.path()).args(["cat-file", "--batch"]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = process.stdin.take().unwrap();
        let listed = listed.clone();
        let writer = std::thread::spawn(move || input.write_all(listed.as_bytes()).unwrap());
        let output = process.wait_with_output().unwrap();
        writer.join().unwrap();
        black_box(output.stdout.len())
    });
}

/// A poll of a repository without news, files checked and ready to be read. Most of it is the server's work.
#[divan::bench]
fn poll_without_news(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    fleet.artifact(&fleet.cache);
    bencher.bench(|| fleet.artifact(&fleet.cache));
}

/// `git ls-remote` of the one branch.
#[divan::bench]
fn poll_without_news_git(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let url = fleet.server.url("fleet");
    bencher.bench(|| fleet.git(&["ls-remote", &url, "refs/heads/main"]));
}

/// The first fetch, into an empty cache.
#[divan::bench(sample_count = 20)]
fn first_fetch(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    bencher.with_inputs(|| TempDir::new_in(fleet.folder.path()).unwrap()).bench_refs(|folder| {
        let cache = GitCache::new(folder.path(), Limits::default());
        fleet.artifact(&cache).digest
    });
}

/// `git clone --depth 1 --bare`.
#[divan::bench(sample_count = 20)]
fn first_fetch_git(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let url = fleet.server.url("fleet");
    bencher.with_inputs(|| TempDir::new_in(fleet.folder.path()).unwrap()).bench_refs(|folder| {
        fleet.git(&[
            "clone",
            "--quiet",
            "--bare",
            "--depth",
            "1",
            &url,
            folder.path().join("x").to_str().unwrap(),
        ]);
    });
}

/// A repository index of 20,000 versions, some 16 MB.
#[divan::bench(sample_count = 10)]
fn helm_index(bencher: Bencher<'_, '_>) {
    let mut text = String::from("apiVersion: v1\nentries:\n");
    for chart in 0..200 {
        text.push_str(&format!("  chart-{chart}:\n"));
        for version in 0..100 {
            let keywords = "    - some keyword of this chart\n".repeat(10);
            text.push_str(&format!(
                "  - annotations:\n      category: Infrastructure\n      images: |\n        - name: app\n          image: docker.io/org/app:1.{version}.0\n\
                \x20   apiVersion: v2\n    appVersion: 1.{version}.0\n    created: \"2024-05-01T10:00:00.123456789Z\"\n\
                \x20   description: A chart with a description of the usual length, which nobody reads twice.\n\
                \x20   digest: {}\n    keywords:\n{keywords}    name: chart-{chart}\n    urls:\n    - https://charts.example.org/chart-{chart}-1.{version}.0.tgz\n    version: 1.{version}.0\n",
                "a".repeat(64)
            ));
        }
    }
    bencher
        .counter(divan::counter::BytesCount::of_str(&text))
        .bench(|| holdfast_source::HelmIndex::parse(text.as_bytes()).unwrap());
}

/// 2,000 manifests of about 1 KB.
fn manifests() -> holdfast_tree::MemoryTree {
    let mut tree = holdfast_tree::MemoryTree::new();
    for number in 0..FILES {
        let line = format!("    value: {number}\n");
        let content = format!("kind: Deployment\nmetadata:\n  name: app-{number}\n{}", line.repeat(50));
        tree.insert(&format!("apps/group-{}/app-{number}/deployment.yaml", number % 50), content);
    }
    tree
}

/// Packs an artifact as Go would, byte for byte.
#[divan::bench(sample_count = 20)]
fn pack_artifact(bencher: Bencher<'_, '_>) {
    let tree = manifests();
    let ignore = holdfast_source::SourceIgnore::load(&tree, None).unwrap();
    bencher.counter(ItemsCount::new(FILES)).bench(|| {
        let mut packed = Vec::new();
        holdfast_source::archive(&tree, &ignore, &Limits::default(), &mut packed).unwrap();
        packed.len()
    });
}

/// The same files with the libraries that are usual here, at the same level: other bytes.
#[divan::bench(sample_count = 20)]
fn pack_artifact_flate2(bencher: Bencher<'_, '_>) {
    let tree = manifests();
    bencher.counter(ItemsCount::new(FILES)).bench(|| {
        let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        let mut builder = tar::Builder::new(encoder);
        for path in tree.paths() {
            let Ok(content) = tree.read(path) else { continue };
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            builder.append_data(&mut header, path, &content[..]).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap().len()
    });
}

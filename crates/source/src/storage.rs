//! Artifacts on disk, under the names and by the rules of Flux' source-controller.

use crate::archive::{ArchiveError, Packed, archive};
use crate::{Limits, SourceError, SourceIgnore};
use bytes::Bytes;
use holdfast_tree::FileTree;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Where artifacts are kept, and how they are named to those who fetch them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageOptions {
    /// The folder (`--storage-path`).
    pub folder: PathBuf,
    /// Host and port in the addresses of artifacts, with or without a scheme (`--storage-adv-addr`).
    pub advertised: String,
    /// Artifacts that are no longer current go after this long (`--artifact-retention-ttl`).
    pub retention: Duration,
    /// At most this many of one source are kept, with the current one (`--artifact-retention-records`).
    pub records: usize,
}

impl StorageOptions {
    /// Flux' defaults in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            advertised: "source-controller.flux-system.svc.cluster.local.".into(),
            retention: Duration::from_secs(60),
            records: 2,
        }
    }
}

/// The name of one source's artifacts: `<kind>/<namespace>/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArtifactFolder(String);

impl ArtifactFolder {
    /// The folder of a custom resource; `None` for names that no resource has.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Option<Self> {
        let parts = [&kind.to_ascii_lowercase(), namespace, name];
        parts.iter().all(|part| is_plain(part)).then(|| Self(parts.join("/")))
    }

    /// The path of a file in it; `None` for what is no file name.
    pub fn file(&self, name: &str) -> Option<ArtifactPath> {
        is_plain(name).then(|| ArtifactPath(format!("{}/{name}", self.0)))
    }

    /// A path that a status names, if it is one of this source's: a status that names another's is not followed.
    pub fn owned(&self, path: &str) -> Option<ArtifactPath> {
        self.file(path.strip_prefix(&self.0)?.strip_prefix('/')?)
    }
}

/// The path of an artifact in the storage: `<kind>/<namespace>/<name>/<file>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArtifactPath(String);

impl ArtifactPath {
    /// Reads the path of a request.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        let file = ArtifactFolder::new(kind, namespace, name)?.file(parts.next()?)?;
        (parts.next().is_none() && file.0 == path).then_some(file)
    }

    /// As it stands in a status.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// One part of a path that names itself and nothing else.
fn is_plain(part: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    !part.is_empty() && part.len() <= 253 && !part.starts_with('.') && part.chars().all(good)
}

/// What became of an artifact that a status names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is there with its digest.
    Intact,
    /// It is gone.
    Missing,
    /// It is there and is not what its digest says; the text says why.
    Corrupt(String),
}

/// The link to the newest artifact of a source.
const LATEST: &str = "latest.tar.gz";

/// Artifacts on disk. Every method blocks on the disk. Clones share everything.
#[derive(Debug, Clone)]
pub struct Storage {
    options: Arc<StorageOptions>,
    limits: Limits,
}

impl Storage {
    /// A storage; its folder is made when the first artifact needs it.
    pub fn new(options: StorageOptions, limits: Limits) -> Self {
        Self { options: Arc::new(options), limits }
    }

    /// Where an artifact is served.
    pub fn url(&self, path: &ArtifactPath) -> String {
        let host = &self.options.advertised;
        match host.starts_with("http://") || host.starts_with("https://") {
            true => format!("{}/{}", host.trim_end_matches('/'), path.0),
            false => format!("http://{host}/{}", path.0),
        }
    }

    /// Packs a tree into an artifact, in the place of one of the same name.
    ///
    /// # Errors
    /// [`ArchiveError`] when the tree cannot be read, is too large, or the disk refuses.
    pub fn archive(
        &self,
        path: &ArtifactPath,
        tree: &dyn FileTree,
        ignore: &SourceIgnore,
    ) -> Result<Packed, ArchiveError> {
        self.replace(path, |out| archive(tree, ignore, &self.limits, out))
    }

    /// Stores bytes as an artifact as they are.
    ///
    /// # Errors
    /// [`ArchiveError`] when the disk refuses.
    pub fn copy(&self, path: &ArtifactPath, content: &[u8]) -> Result<Packed, ArchiveError> {
        self.replace(path, |out| {
            out.write_all(content)?;
            out.flush()?;
            Ok(Packed { digest: digest_of(content), size: content.len() as u64 })
        })
    }

    /// Writes beside the place and moves it there: readers see the old file or the new one.
    fn replace(
        &self,
        path: &ArtifactPath,
        write: impl FnOnce(&mut dyn Write) -> Result<Packed, ArchiveError>,
    ) -> Result<Packed, ArchiveError> {
        let folder = self.options.folder.join(path.folder());
        fs::create_dir_all(&folder)?;
        let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&folder);
        // The file has another name at each try, and what is the same each time is to be told in the same words.
        let mut file =
            file.map_err(|e| io::Error::new(e.kind(), format!("{}: {}", folder.display(), e.kind())))?;
        let packed = write(&mut BufWriter::new(file.as_file_mut()))?;
        file.persist(self.at(path)).map_err(|e| e.error)?;
        Ok(packed)
    }

    /// Points `latest.tar.gz` to an artifact; gives the link's path.
    ///
    /// # Errors
    /// What the disk says.
    pub fn link_latest(&self, path: &ArtifactPath) -> io::Result<ArtifactPath> {
        let link = ArtifactPath(format!("{}/{LATEST}", path.folder()));
        let temporary = self.options.folder.join(path.folder()).join(".latest.tmp");
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let target = path.0.rsplit('/').next().unwrap_or_default();
        std::os::unix::fs::symlink(target, &temporary)?;
        fs::rename(&temporary, self.at(&link))?;
        Ok(link)
    }

    /// Whether an artifact is what a status says it is.
    pub fn check(&self, path: &ArtifactPath, digest: &str) -> Kept {
        let at = self.at(path);
        match fs::symlink_metadata(&at) {
            Ok(found) if found.is_file() => {}
            _ => return Kept::Missing,
        }
        let computed = File::open(&at).and_then(digest_of_file);
        match computed {
            Ok(computed) if computed == digest => Kept::Intact,
            Ok(_) => Kept::Corrupt(format!("computed digest doesn't match '{digest}'")),
            Err(error) => Kept::Corrupt(error.to_string()),
        }
    }

    /// An artifact's bytes.
    ///
    /// # Errors
    /// [`SourceError::TooLarge`] beyond `total_bytes`, [`SourceError::Storage`] when it cannot be read.
    pub fn read(&self, path: &ArtifactPath) -> Result<Bytes, SourceError> {
        let failed =
            |error: io::Error| SourceError::Storage { path: path.0.clone(), message: error.to_string() };
        let file = File::open(self.at(path)).map_err(failed)?;
        let (size, limit) = (file.metadata().map_err(failed)?.len(), self.limits.total_bytes);
        if size > limit {
            let (what, limit_name) = (path.0.clone(), "total_bytes");
            return Err(SourceError::TooLarge { what, size, limit_name, limit });
        }
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.take(limit).read_to_end(&mut content).map_err(failed)?;
        Ok(content.into())
    }

    /// The file to serve for a path, with links followed within its folder only.
    ///
    /// # Errors
    /// What the disk says; a link that leads elsewhere is not found.
    pub fn open(&self, path: &ArtifactPath) -> io::Result<File> {
        let folder = self.options.folder.join(path.folder()).canonicalize()?;
        let file = self.at(path).canonicalize()?;
        if file.parent() != Some(&folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        File::open(file)
    }

    /// Removes what of a source is no longer needed: everything but the current artifact that is older than the
    /// retention, and the oldest of what is more than may be kept. Gives how many files went.
    pub fn collect_garbage(&self, current: &ArtifactPath, now: SystemTime) -> usize {
        let keep = self.at(current);
        let mut files = files_by_age(&self.options.folder.join(current.folder()));
        let total = files.len();
        files.retain(|(_, path)| *path != keep);
        let expired = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age > self.options.retention);
        let (gone, young): (Vec<_>, Vec<_>) = files.into_iter().partition(|(at, _)| expired(*at));
        let too_many = (total - gone.len()).saturating_sub(self.options.records.max(1));
        let garbage = gone.iter().chain(young.iter().take(too_many));
        garbage.filter(|(_, path)| fs::remove_file(path).is_ok()).count()
    }

    /// Removes everything of a source.
    ///
    /// # Errors
    /// What the disk says; a source without artifacts is no error.
    pub fn remove(&self, folder: &ArtifactFolder) -> io::Result<()> {
        match fs::remove_dir_all(self.options.folder.join(&folder.0)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes one artifact, if it is there.
    pub fn remove_file(&self, path: &ArtifactPath) {
        if let Err(error) = fs::remove_file(self.at(path)) {
            tracing::debug!(path = path.0, %error, "cannot remove an artifact");
        }
    }

    fn at(&self, path: &ArtifactPath) -> PathBuf {
        self.options.folder.join(&path.0)
    }
}

/// What temporary files are called; one that a process left behind is garbage like any other.
const TEMPORARY: &str = ".tmp-";

/// Regular files of a folder, the oldest first.
fn files_by_age(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort();
    files
}

/// The digest of bytes, `sha256:<hex>`.
pub(crate) fn digest_of(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

fn digest_of_file(mut file: File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(format!("sha256:{}", hex::encode(hash.finalize()))),
            count => hash.update(&piece[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_tree::MemoryTree;

    fn storage(records: usize) -> (tempfile::TempDir, Storage) {
        let folder = tempfile::tempdir().unwrap();
        let options = StorageOptions { records, ..StorageOptions::new(folder.path()) };
        (folder, Storage::new(options, Limits::default()))
    }

    fn source() -> ArtifactFolder {
        ArtifactFolder::new("GitRepository", "team", "app").unwrap()
    }

    #[test]
    fn paths_name_one_file_of_one_source() {
        let file = source().file("sha256:abc.tar.gz").unwrap();
        assert_eq!(file.as_str(), "gitrepository/team/app/sha256:abc.tar.gz");
        assert_eq!(ArtifactPath::parse(file.as_str()), Some(file));
        assert!(source().owned("gitrepository/team/app/x.tar.gz").is_some());
        for bad in [
            "gitrepository/team/other/x.tar.gz",
            "gitrepository/team/app/../other/x.tar.gz",
            "gitrepository/team/app/",
            "gitrepository/team/app",
            "gitrepository/team/app2/x",
        ] {
            assert_eq!(source().owned(bad), None, "{bad}");
        }
        for bad in ["", "a/b/c", "a/b/c/d/e", "a/../c/d", "a/b/c/.tmp-1", "A/b/c/d", "a//c/d", "a/b/c/d%2e"] {
            assert_eq!(ArtifactPath::parse(bad), None, "{bad}");
        }
        let (_folder, storage) = storage(2);
        let url = storage.url(&source().file("a.tar.gz").unwrap());
        assert_eq!(
            url,
            "http://source-controller.flux-system.svc.cluster.local./gitrepository/team/app/a.tar.gz"
        );
    }

    #[test]
    fn what_is_stored_is_found_again_and_damage_is_seen() {
        let (folder, storage) = storage(2);
        let mut tree = MemoryTree::new();
        tree.insert("a.yaml", "a: 1\n");
        let ignore = SourceIgnore::load(&tree, None).unwrap();
        let path = source().file("one.tar.gz").unwrap();
        let packed = storage.archive(&path, &tree, &ignore).unwrap();
        assert_eq!(storage.check(&path, &packed.digest), Kept::Intact);
        assert_eq!(storage.read(&path).unwrap().len() as u64, packed.size);
        let link = storage.link_latest(&path).unwrap();
        let mut served = Vec::new();
        storage.open(&link).unwrap().read_to_end(&mut served).unwrap();
        assert_eq!(digest_of(&served), packed.digest);
        // A link that someone bent serves nothing.
        fs::remove_file(folder.path().join(link.as_str())).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join(link.as_str())).unwrap();
        assert!(storage.open(&link).is_err());

        fs::write(folder.path().join(path.as_str()), "damaged").unwrap();
        assert!(matches!(storage.check(&path, &packed.digest), Kept::Corrupt(_)));
        storage.remove(&source()).unwrap();
        assert_eq!(storage.check(&path, &packed.digest), Kept::Missing);
        storage.remove(&source()).unwrap();
    }

    #[test]
    fn garbage_is_what_is_old_or_too_much() {
        let (folder, storage) = storage(2);
        let paths: Vec<_> = (0..4).map(|n| source().file(&format!("{n}.tar.gz")).unwrap()).collect();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (number, path) in paths.iter().enumerate() {
            storage.copy(path, b"x").unwrap();
            let file = File::options().write(true).open(folder.path().join(path.as_str())).unwrap();
            file.set_modified(start + Duration::from_secs(number as u64)).unwrap();
        }
        storage.link_latest(&paths[0]).unwrap();
        // The oldest two go, but never the current one.
        assert_eq!(storage.collect_garbage(&paths[0], start + Duration::from_secs(10)), 2);
        assert_eq!(storage.check(&paths[0], &digest_of(b"x")), Kept::Intact);
        assert_eq!(storage.check(&paths[3], &digest_of(b"x")), Kept::Intact);
        assert_eq!(storage.collect_garbage(&paths[0], start + Duration::from_secs(62)), 0);
        assert_eq!(storage.collect_garbage(&paths[0], start + Duration::from_secs(64)), 1);
        assert_eq!(storage.check(&paths[0], &digest_of(b"x")), Kept::Intact);
    }
}

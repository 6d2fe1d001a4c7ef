//! One repository's objects on disk.
//!
//! A folder holds `about` (the address, for people), `lock`, and one bare repository `objects-<n>`. Each fetch adds a
//! pack to it; when there are many, the next fetch starts `objects-<n+1>`, and the one before the last is removed.
//! Whoever writes holds the lock, in this process and in others; readers need none, since packs never change.

use super::objects::{Objects, TreeCheck, storage};
use crate::{GitUrl, Limits, SourceError};
use gix::ObjectId;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The objects of one repository, whoever asks for them.
pub(crate) struct Store {
    folder: PathBuf,
    current: Mutex<Option<Arc<Objects>>>,
    /// Former generations that someone may still read from.
    retired: Mutex<Vec<Weak<Objects>>>,
    /// Commits whose files were all seen to be there, in the current generation.
    complete: Mutex<HashSet<ObjectId>>,
}

/// The right to write; given back on drop.
pub(crate) struct WriteLock(#[allow(dead_code, reason = "held, not read")] File);

impl Store {
    pub(crate) fn new(root: &Path, url: &GitUrl) -> Self {
        let name = hex::encode(&Sha256::digest(url.key())[..16]);
        Self {
            folder: root.join(name),
            current: Mutex::default(),
            retired: Mutex::default(),
            complete: Mutex::default(),
        }
    }

    /// The name of a repository's folder in the cache.
    pub(crate) fn folder_name(key: &str) -> String {
        hex::encode(&Sha256::digest(key)[..FOLDER_NAME_BYTES])
    }

    /// Removes the folders of all repositories but these; one that is being written to stays for now.
    pub(crate) fn remove_others(root: &Path, keep: &HashSet<String>) -> Result<usize, SourceError> {
        let entries = match fs::read_dir(root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(storage(root, &error)),
        };
        let mut removed = 0;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // Nothing else in the folder is ours to remove.
            let is_ours = hex::decode(&name).is_ok_and(|bytes| bytes.len() == FOLDER_NAME_BYTES);
            if !is_ours || keep.contains(&name) {
                continue;
            }
            let lock = File::options().write(true).open(entry.path().join("lock"));
            if lock.is_ok_and(|lock| lock.try_lock().is_ok() && fs::remove_dir_all(entry.path()).is_ok()) {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// An empty repository for a moment.
    pub(crate) fn scratch(&self, _lock: &WriteLock) -> Result<Objects, SourceError> {
        let folder = self.folder.join("scratch");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|e| storage(&folder, &e))?;
        }
        create_bare(&folder).map_err(|e| storage(&folder, &e))?;
        Objects::open(&folder)
    }

    /// The newest generation, or `None` where nothing was fetched yet.
    pub(crate) fn current(&self) -> Result<Option<Arc<Objects>>, SourceError> {
        let Some(newest) = generations(&self.folder).pop() else { return Ok(None) };
        let folder = self.generation(newest);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = current.as_ref().filter(|o| o.folder() == folder) {
            return Ok(Some(open.clone()));
        }
        self.inspect(&folder)?;
        let open = Arc::new(Objects::open(&folder)?);
        // Another process may have started a new generation: what was complete in the old one need not be in this.
        self.complete.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *current = Some(open.clone());
        Ok(Some(open))
    }

    /// On first use in this process: removes packs that a crash or a failing disk damaged, so that what they held is
    /// fetched again instead of failing in the middle of a rendering.
    fn inspect(&self, generation: &Path) -> Result<(), SourceError> {
        if packs(generation).iter().all(|pack| is_sound(pack, Some(MAX_INSPECTED_BYTES))) {
            return Ok(());
        }
        let lock = self.lock_file()?;
        if lock.try_lock().is_ok() {
            discard_damaged_packs(generation);
        }
        // Otherwise someone is fetching, who does the same.
        Ok(())
    }

    /// Reads every pack and removes those that are not what the server sent. For when a file cannot be read although
    /// its commit is here.
    pub(crate) fn verify(&self, _lock: &WriteLock) -> bool {
        let damaged =
            generations(&self.folder).into_iter().filter(|n| discard_damaged_packs(&self.generation(*n)));
        let any = damaged.count() > 0;
        if any {
            self.forget();
        }
        any
    }

    fn lock_file(&self) -> Result<File, SourceError> {
        let failed = |e: std::io::Error| storage(&self.folder, &e);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let path = self.folder.join("lock");
        File::options().create(true).truncate(false).write(true).open(path).map_err(failed)
    }

    /// Takes the lock; `wait` is called between attempts and may give up.
    pub(crate) fn lock(
        &self,
        url: &GitUrl,
        mut wait: impl FnMut() -> Result<(), SourceError>,
    ) -> Result<WriteLock, SourceError> {
        let file = self.lock_file()?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) => wait()?,
                Err(fs::TryLockError::Error(error)) => return Err(storage(&self.folder, &error)),
            }
        }
        // Names the folder for whoever looks into the cache; nothing reads it.
        let _ = fs::write(self.folder.join("about"), format!("{url}\n"));
        Ok(WriteLock(file))
    }

    /// The generation to fetch into: the current one, or a new one where that has many packs, is damaged or absent.
    pub(crate) fn writable(
        &self,
        _lock: &WriteLock,
        limits: &Limits,
        afresh: bool,
    ) -> Result<Arc<Objects>, SourceError> {
        let newest = generations(&self.folder).pop();
        if let Some(newest) = newest.filter(|_| !afresh) {
            let folder = self.generation(newest);
            discard_leftovers(&folder);
            let truncated = |pack: &PathBuf| !is_sound(pack, Some(0));
            if packs(&folder).iter().any(truncated) && discard_damaged_packs(&folder) {
                self.forget();
            }
            if packs(&folder).len() < limits.packs.max(1)
                && let Ok(Some(open)) = self.current()
            {
                return Ok(open);
            }
        }
        let next = self.folder.join(format!("next-{}", newest.map_or(0, |n| n + 1)));
        if next.exists() {
            fs::remove_dir_all(&next).map_err(|e| storage(&next, &e))?;
        }
        create_bare(&next).map_err(|e| storage(&next, &e))?;
        Objects::open(&next).map(Arc::new)
    }

    /// Makes the generation that was fetched into the current one.
    pub(crate) fn publish(
        &self,
        _lock: &WriteLock,
        objects: &Arc<Objects>,
    ) -> Result<Arc<Objects>, SourceError> {
        let name = objects.folder().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(number) = name.strip_prefix("next-").and_then(|n| n.parse::<u64>().ok()) else {
            return Ok(objects.clone());
        };
        let folder = self.generation(number);
        fs::rename(objects.folder(), &folder).map_err(|e| storage(&folder, &e))?;
        self.retire(number);
        self.current()?.ok_or_else(|| storage(&folder, &"vanished"))
    }

    /// Removes generations that nobody is likely to read. The one before the newest stays, since another process may
    /// be about to open a pack of it; older ones go now or with their last reader here.
    fn retire(&self, newest: u64) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(previous) = self.current.lock().unwrap_or_else(PoisonError::into_inner).take() {
            retired.push(Arc::downgrade(&previous));
        }
        retired.retain(|r| r.strong_count() > 0);
        let readers: Vec<Arc<Objects>> = retired.iter().filter_map(Weak::upgrade).collect();
        for old in generations(&self.folder).into_iter().filter(|n| n + 1 < newest) {
            let folder = self.generation(old);
            match readers.iter().find(|r| r.folder() == folder) {
                Some(reader) => reader.remove_on_drop(),
                None => drop(fs::remove_dir_all(folder)), // what cannot be removed now is tried again next time
            }
        }
    }

    /// Whether all files of a commit are there; the answer yes is remembered.
    pub(crate) fn is_complete(
        &self,
        objects: &Objects,
        commit: ObjectId,
        limits: &Limits,
    ) -> Result<bool, SourceError> {
        if self.complete.lock().unwrap_or_else(PoisonError::into_inner).contains(&commit) {
            return Ok(true);
        }
        let Some((_, tree)) = objects.commit(commit)? else { return Ok(false) };
        if let TreeCheck::Broken(object) = objects.check_tree(tree, limits)? {
            tracing::warn!(%commit, %object, folder = %objects.folder().display(), "cached commit is incomplete");
            return Ok(false);
        }
        self.complete.lock().unwrap_or_else(PoisonError::into_inner).insert(commit);
        Ok(true)
    }

    /// Notes that a commit was fetched, for [`Store::have`].
    pub(crate) fn note(
        &self,
        _lock: &WriteLock,
        objects: &Objects,
        commit: ObjectId,
    ) -> Result<(), SourceError> {
        let path = objects.folder().join(COMMITS);
        let mut file =
            File::options().create(true).append(true).open(&path).map_err(|e| storage(&path, &e))?;
        writeln!(file, "{commit}").map_err(|e| storage(&path, &e))
    }

    /// The most recent commits whose files are all there: what a server need not send again.
    pub(crate) fn have(&self, objects: &Objects, limits: &Limits) -> Vec<ObjectId> {
        let mut commits: Vec<(i64, ObjectId)> = fetched_commits(objects.folder())
            .into_iter()
            .filter_map(|id| objects.commit(id).ok().flatten().map(|(c, _)| (c.time, id)))
            .collect();
        commits.sort_unstable_by(|a, b| b.cmp(a));
        let recent = commits.into_iter().map(|(_, id)| id).take(MAX_HAVE);
        recent.filter(|id| self.is_complete(objects, *id, limits).unwrap_or(false)).collect()
    }

    /// Opens everything afresh next time.
    pub(crate) fn forget(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.complete.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn generation(&self, number: u64) -> PathBuf {
        self.folder.join(format!("objects-{number}"))
    }
}

/// Enough of a hash that no two repositories share a folder.
const FOLDER_NAME_BYTES: usize = 16;

/// How many commits a server is told about: one would do where a branch only moves forward.
const MAX_HAVE: usize = 8;

/// The numbers of the generations, oldest first.
fn generations(folder: &Path) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let number = |e: fs::DirEntry| e.file_name().to_str()?.strip_prefix("objects-")?.parse().ok();
    let mut found: Vec<u64> = entries.flatten().filter_map(number).collect();
    found.sort_unstable();
    found
}

/// A bare repository with nothing in it: no hooks, no templates, no configuration but the format.
fn create_bare(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder.join("objects").join("pack"))?;
    fs::create_dir_all(folder.join("refs"))?;
    fs::write(
        folder.join("config"),
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n",
    )?;
    fs::write(folder.join("HEAD"), "ref: refs/heads/none\n")
}

fn packs(generation: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(generation.join("objects/pack")) else { return Vec::new() };
    let is_pack = |p: &PathBuf| p.extension().is_some_and(|e| e == "pack");
    entries.flatten().map(|e| e.path()).filter(is_pack).collect()
}

/// What a killed process left: half-written packs and the lock of the list of shallow commits.
fn discard_leftovers(generation: &Path) {
    // Whatever cannot be removed is in nobody's way but for its space.
    let _ = fs::remove_file(generation.join("shallow.lock"));
    let Ok(entries) = fs::read_dir(generation.join("objects/pack")) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        let known = path.extension().is_some_and(|e| e == "pack" || e == "idx" || e == "rev");
        let lonely = known && !path.with_extension("pack").exists();
        if !known || lonely {
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes packs that are not what they were. Whether commits are still whole without them shows when they are asked
/// for.
fn discard_damaged_packs(generation: &Path) -> bool {
    let mut any = false;
    for pack in packs(generation).into_iter().filter(|pack| !is_sound(pack, None)) {
        tracing::warn!(pack = %pack.display(), "discarding a damaged pack");
        // The index first: without it the pack is nothing, and goes with the next leftovers.
        let _ = fs::remove_file(pack.with_extension("idx"));
        let _ = fs::remove_file(&pack);
        any = true;
    }
    any
}

/// Whether a pack fits its index, and, up to a size, whether its content fits its checksum.
fn is_sound(pack: &Path, up_to: Option<u64>) -> bool {
    // An index ends with the pack's checksum and its own; a pack ends with its own.
    let (Ok(end), Ok(index)) = (last_bytes(pack, 20), last_bytes(&pack.with_extension("idx"), 40)) else {
        return false;
    };
    if end != index[..20] {
        return false;
    }
    let Ok(length) = fs::metadata(pack).map(|m| m.len()) else { return false };
    up_to.is_some_and(|limit| length > limit) || checksum(pack, length - 20).is_ok_and(|sum| sum == end)
}

/// Packs up to this size are read whole on first use: a few hundredths of a second.
const MAX_INSPECTED_BYTES: u64 = 16 << 20;

fn checksum(path: &Path, length: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?.take(length);
    let mut hash = gix::hash::hasher(gix::hash::Kind::Sha1);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    let sum = hash.try_finalize().map_err(std::io::Error::other)?;
    Ok(sum.as_slice().to_vec())
}

fn last_bytes(path: &Path, count: usize) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-(i64::try_from(count).unwrap_or(i64::MAX))))?;
    let mut bytes = vec![0; count];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The commits that were fetched into a generation, one a line.
fn fetched_commits(generation: &Path) -> Vec<ObjectId> {
    let text = fs::read_to_string(generation.join(COMMITS)).unwrap_or_default();
    text.lines().filter_map(|line| ObjectId::from_hex(line.trim().as_bytes()).ok()).collect()
}

const COMMITS: &str = "commits";

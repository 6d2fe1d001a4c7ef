use super::{Follow, LocalFolder};
use crate::{Artifact, Limits, SourceError};
use holdfast_tree::{Entry, FileTree};
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Tells when a folder has new content. The operating system reports changes; nothing polls.
pub struct Watch {
    folder: LocalFolder,
    follow: Follow,
    limits: Limits,
    watcher: RecommendedWatcher,
    events: mpsc::Receiver<()>,
    watched: HashSet<PathBuf>,
    gone: Arc<Mutex<Gone>>,
    last: Option<String>,
}

/// Changes come in bursts: a commit or an editor writes several files. Quiet for this long ends a burst.
const QUIET: Duration = Duration::from_millis(30);

/// A burst that does not end is looked at this often.
const PATIENCE: Duration = Duration::from_millis(500);

impl Watch {
    pub(super) fn new(folder: LocalFolder, follow: Follow, limits: Limits) -> Result<Self, SourceError> {
        let (report, events) = mpsc::channel(1);
        let gone = Arc::new(Mutex::new(Gone::default()));
        let noted = gone.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if matches!(event, Ok(Event { kind: EventKind::Access(_), .. })) {
                return;
            }
            noted.lock().unwrap_or_else(PoisonError::into_inner).note(event);
            // One waiting report says it all.
            let _ = report.try_send(());
        });
        let watcher = watcher.map_err(|e| refused(folder.path(), &e))?;
        let mut watch =
            Self { folder, follow, limits, watcher, events, watched: HashSet::new(), gone, last: None };
        watch.cover()?;
        watch.last = watch.read().ok().map(|a| identity(&a));
        Ok(watch)
    }

    /// Waits until the content differs from what was there before, and gives it. A new commit comes at once.
    ///
    /// # Errors
    /// As [`LocalFolder::artifact`]: the folder cannot be read now. The watch goes on.
    pub async fn changed(&mut self) -> Result<Artifact, SourceError> {
        loop {
            self.settle().await;
            self.cover()?;
            let (folder, follow, limits) = (self.folder.clone(), self.follow, self.limits.clone());
            let read = tokio::task::spawn_blocking(move || folder.artifact(follow, &limits)).await;
            let artifact = match read {
                Ok(read) => read?,
                Err(panic) => return Err(refused(self.folder.path(), &panic)),
            };
            let identity = identity(&artifact);
            if self.last.as_ref() != Some(&identity) {
                self.last = Some(identity);
                return Ok(artifact);
            }
        }
    }

    async fn settle(&mut self) {
        if self.events.recv().await.is_none() {
            // The watcher lives as long as we do, so its channel does not close.
            std::future::pending::<()>().await;
        }
        let quiet = async { while tokio::time::timeout(QUIET, self.events.recv()).await.is_ok() {} };
        // Either the burst has ended or it is time to look.
        let _ = tokio::time::timeout(PATIENCE, quiet).await;
    }

    /// Watches what is not watched yet. Ignored folders (`node_modules`) are left out, so each folder is added by itself.
    fn cover(&mut self) -> Result<(), SourceError> {
        let gone = std::mem::take(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner));
        self.watched.retain(|folder| !gone.covers(folder));
        for folder in self.places() {
            if self.watched.contains(&folder) || !folder.is_dir() {
                continue;
            }
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(folder);
                }
                // It vanished in the meantime.
                Err(_) if !folder.exists() => {}
                Err(error) => return Err(refused(&folder, &error)),
            }
        }
        Ok(())
    }

    fn places(&self) -> Vec<PathBuf> {
        match (self.follow, &self.folder.checkout) {
            (Follow::Commits, Some(checkout)) => {
                let mut places = vec![checkout.git_dir.clone(), checkout.common_dir.clone()];
                folders_below(&checkout.common_dir.join("refs"), &mut places);
                places
            }
            (Follow::Commits, None) => Vec::new(),
            (Follow::Files, _) => {
                let tree = self.folder.disk_tree(&self.limits);
                let mut places = vec![tree.root().to_owned()];
                let mut todo = vec![String::new()];
                while let Some(folder) = todo.pop() {
                    for named in tree.list(&folder).unwrap_or_default() {
                        if named.entry == Entry::Folder {
                            let path = if folder.is_empty() {
                                named.name
                            } else {
                                format!("{folder}/{}", named.name)
                            };
                            places.push(tree.root().join(&path));
                            todo.push(path);
                        }
                    }
                }
                places
            }
        }
    }

    fn read(&self) -> Result<Artifact, SourceError> {
        self.folder.artifact(self.follow, &self.limits)
    }
}

fn identity(artifact: &Artifact) -> String {
    artifact.revision.to_string()
}

/// What was deleted or renamed since we last looked: such folders are not watched any more, and may be made again.
#[derive(Default)]
struct Gone {
    paths: Vec<PathBuf>,
    /// Too many, or reports were lost.
    all: bool,
}

/// Paths that are noted one by one.
const MAX_GONE: usize = 1000;

impl Gone {
    fn note(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.all = true,
            Ok(Event {
                kind: EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)), paths, ..
            }) => {
                self.paths.extend(paths);
                if self.paths.len() > MAX_GONE {
                    self.all = true;
                    self.paths.clear();
                }
            }
            Ok(_) => {}
            Err(_) => self.all = true,
        }
    }

    fn covers(&self, folder: &Path) -> bool {
        self.all || self.paths.iter().any(|gone| folder.starts_with(gone))
    }
}

fn folders_below(folder: &Path, found: &mut Vec<PathBuf>) {
    found.push(folder.to_owned());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            folders_below(&entry.path(), found);
        }
    }
}

fn refused(folder: &Path, error: &dyn std::fmt::Display) -> SourceError {
    SourceError::Storage {
        path: folder.display().to_string(),
        message: format!("cannot be watched: {error}"),
    }
}

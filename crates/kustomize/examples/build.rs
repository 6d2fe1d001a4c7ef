//! `kustomize build` over the disk: `build kustomize build [--load-restrictor X] [--reorder X] [DIR]`.
//!
//! For development: the product's command is wired elsewhere.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

use bytes::Bytes;
use holdfast_kustomize::{BuildOptions, Outcome, Provided, build, to_yaml};
use holdfast_tree::{Entry, FileTree, Named, TreeError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The whole disk as a tree, from `/`.
struct DiskTree;

fn on_disk(path: &str) -> PathBuf {
    Path::new("/").join(path)
}

fn storage(path: &str, error: &std::io::Error) -> TreeError {
    match error.kind() {
        std::io::ErrorKind::NotFound => TreeError::NotFound(path.to_owned()),
        _ => TreeError::Storage { path: path.to_owned(), message: error.to_string() },
    }
}

fn describe(path: &Path) -> std::io::Result<Entry> {
    let meta = std::fs::symlink_metadata(path)?;
    if meta.is_dir() {
        return Ok(Entry::Folder);
    }
    if !meta.is_symlink() {
        return Ok(Entry::File { size: meta.len(), executable: false });
    }
    let target = std::fs::read_link(path)?.to_string_lossy().into_owned();
    // An absolute link of the disk is relative to the tree's root.
    let Some(absolute) = target.strip_prefix('/') else { return Ok(Entry::Symlink { target }) };
    let up = "../".repeat(path.components().count().saturating_sub(2));
    Ok(Entry::Symlink { target: format!("{up}{absolute}") })
}

impl FileTree for DiskTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        match describe(&on_disk(path)) {
            Ok(entry) => Ok(Some(entry)),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(storage(path, &error)),
        }
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        std::fs::read(on_disk(path)).map(Bytes::from).map_err(|e| storage(path, &e))
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        let entries = std::fs::read_dir(on_disk(path)).map_err(|e| storage(path, &e))?;
        let mut named = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| storage(path, &e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            named.push(Named { name, entry: describe(&entry.path()).map_err(|e| storage(path, &e))? });
        }
        named.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(named)
    }
}

fn run() -> Result<String, String> {
    let mut args = std::env::args().skip(1).skip_while(|a| a == "kustomize" || a == "build");
    let mut options = BuildOptions::default();
    let mut folder = ".".to_owned();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--load-restrictor" => options.load_restrictor = value()?.parse()?,
            "--reorder" => options.reorder = value()?.parse()?,
            "--enable-managedby-label" => options.managed_by_label = true,
            _ => folder = arg,
        }
    }
    let path = std::env::current_dir().map_err(|e| e.to_string())?.join(folder);
    let path = path.canonicalize().map_err(|e| format!("{}: {e}", path.display()))?;
    match build(&DiskTree, &path.to_string_lossy(), &options, &Provided::new()) {
        Ok(Outcome::Built(built)) => {
            built.warnings.iter().for_each(|w| eprintln!("# Warning: {w}"));
            Ok(to_yaml(&built.objects))
        }
        Ok(Outcome::Needs(needs)) => Err(format!("needs {needs:#?}")),
        Err(errors) => Err(errors.to_string()),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("Error: {why}");
            ExitCode::FAILURE
        }
    }
}

//! The Go programs `hack/testcluster` and `hack/helm`: found in the cache, or built into it.

use crate::gate::{Tier, say, skipped};
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The program has to be built, and `go` is not on the `PATH`.
    #[error("no Go on this machine to build {0}: install Go 1.26 or newer, or unset HOLDFAST_E2E")]
    NoGo(PathBuf),
    /// `go build` failed; its output went to standard error.
    #[error("`go build` in {0} failed (its output is above)")]
    Build(PathBuf),
    /// `go.mod` names no version of Kubernetes, which the program has to report as its own.
    #[error("{0} requires no k8s.io/kubernetes vMAJOR.MINOR.PATCH")]
    NoVersion(PathBuf),
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where the cache is.
    #[error("no cache folder: set XDG_CACHE_HOME or HOME")]
    NoCache,
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// What was accessed.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// The program for a test: its path, or `None` after a `SKIPPED:` line. See the crate's page for when it is skipped.
/// Blocks for minutes when it has to be built.
///
/// # Errors
/// When it is missing though `HOLDFAST_E2E=required`, or cannot be built.
pub fn for_tests() -> Result<Option<PathBuf>, ProgramError> {
    or_skip(build)
}

/// The real helm for a test, of the version in `hack/helm/go.mod`; `None` after a `SKIPPED:` line.
///
/// # Errors
/// As for the control plane: when it is missing though `HOLDFAST_E2E=required`, or cannot be built.
pub fn helm() -> Result<Option<PathBuf>, ProgramError> {
    or_skip(|| {
        let sources = sources("helm")?;
        cached(&sources, "helm", |output| go_build(&sources, "-s -w", "helm.sh/helm/v3/cmd/helm", output))
    })
}

fn or_skip(build: impl Fn() -> Result<PathBuf, ProgramError>) -> Result<Option<PathBuf>, ProgramError> {
    let tier = Tier::from_environment();
    if tier == Tier::Off {
        skipped("needs a real control plane; HOLDFAST_E2E=1 runs such tests");
        return Ok(None);
    }
    match build() {
        Ok(path) => Ok(Some(path)),
        Err(error @ ProgramError::NoGo(_)) if tier == Tier::On => {
            skipped(&error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The path of the program, built first if the cache has none of these sources. Processes that ask at the same time
/// wait for one build. `HOLDFAST_TESTCLUSTER` names a program to use instead.
///
/// # Errors
/// See [`ProgramError`].
pub fn build() -> Result<PathBuf, ProgramError> {
    if let Some(path) = std::env::var_os("HOLDFAST_TESTCLUSTER") {
        return Ok(path.into());
    }
    let sources = sources("testcluster")?;
    cached(&sources, "testcluster", |output| go_build(&sources, &linker_flags(&sources)?, ".", output))
}

/// The program of a folder from the cache, built into it first where it is missing.
fn cached(
    sources: &Path,
    name: &str,
    build: impl Fn(&Path) -> Result<(), ProgramError>,
) -> Result<PathBuf, ProgramError> {
    let folder = cache()?.join(hash(sources)?);
    let program = folder.join(name);
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let lock = folder.join("lock");
    let lock = File::create(&lock).map_err(at(&lock))?;
    lock.lock().map_err(at(&folder))?; // released when the file is closed
    if program.is_file() {
        return Ok(program);
    }
    // Under another name until it is whole: a build that is interrupted leaves no broken program behind.
    let unfinished = folder.join("unfinished");
    build(&unfinished)?;
    fs::rename(&unfinished, &program).map_err(at(&program))?;
    Ok(program)
}

fn go_build(sources: &Path, flags: &str, package: &str, output: &Path) -> Result<(), ProgramError> {
    say(&format!("building {} (minutes, the first time)", sources.display()));
    let status = Command::new("go")
        .current_dir(sources)
        .args(["build", "-trimpath", "-ldflags", flags, "-o"])
        .arg(output)
        .arg(package)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(ProgramError::Build(sources.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ProgramError::NoGo(sources.to_owned())),
        Err(error) => Err(at(Path::new("go"))(error)),
    }
}

/// No debug information, and the version that the parts report: without it they call themselves
/// `v0.0.0-master+$Format`, which clients refuse.
fn linker_flags(sources: &Path) -> Result<String, ProgramError> {
    let manifest = sources.join("go.mod");
    let text = fs::read_to_string(&manifest).map_err(at(&manifest))?;
    let version = kubernetes_version(&text).ok_or(ProgramError::NoVersion(manifest))?;
    let mut flags = "-s -w".to_owned();
    for (name, value) in ["gitVersion", "gitMajor", "gitMinor"].into_iter().zip(version) {
        // Writing to a String cannot fail.
        let _ = write!(flags, " -X k8s.io/component-base/version.{name}={value}");
    }
    Ok(flags)
}

/// Version, major and minor of `k8s.io/kubernetes` in a `go.mod`.
fn kubernetes_version(manifest: &str) -> Option<[&str; 3]> {
    let version = manifest.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))?.trim();
    let mut numbers = version.strip_prefix('v')?.splitn(3, '.');
    Some([version, numbers.next()?, numbers.next()?])
}

fn sources(module: &str) -> Result<PathBuf, ProgramError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hack").join(module);
    path.canonicalize().map_err(at(&path))
}

fn cache() -> Result<PathBuf, ProgramError> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("holdfast/testcluster"))
        .ok_or(ProgramError::NoCache)
}

/// A hash over the names and contents of the module's files.
fn hash(sources: &Path) -> Result<String, ProgramError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(sources).map_err(at(sources))? {
        let path = entry.map_err(at(sources))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "go" || extension == "mod" || extension == "sum")
        {
            files.push(path);
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for path in files {
        let content = fs::read(&path).map_err(at(&path))?;
        hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update([0]);
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    Ok(hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // cannot fail
        text
    }))
}

fn at(path: &Path) -> impl Fn(io::Error) -> ProgramError + use<> {
    let path = path.to_owned();
    move |source| ProgramError::File { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::kubernetes_version;

    #[test]
    fn reads_the_version_of_kubernetes() {
        let manifest = "require (\n\tk8s.io/kubectl v0.0.0\n\tk8s.io/kubernetes v1.36.3\n)\n";
        assert_eq!(kubernetes_version(manifest), Some(["v1.36.3", "1", "36"]));
        assert_eq!(kubernetes_version("module x\n"), None);
    }
}

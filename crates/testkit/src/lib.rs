//! What the tests of all crates share. Development only: nothing that ships depends on it.

use std::path::{Path, PathBuf};

/// The folder of conformance cases named `set`, or `None` (with a line on standard error, so that the skip is
/// seen) where the cases are not on this machine. They lie beside the checkout, in `../shared/conformance`, or
/// where `HOLDFAST_CONFORMANCE` says.
#[allow(clippy::print_stderr)]
pub fn conformance(set: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HOLDFAST_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
        PathBuf::from,
    );
    let folder = root.join(set);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no conformance cases at {}", folder.display());
    None
}

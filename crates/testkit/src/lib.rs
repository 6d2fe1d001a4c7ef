//! What the tests of all crates share. Development only: nothing that ships depends on it.

pub mod speed;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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

/// The rounds of a generative test: `short` of them, or with `HOLDFAST_FUZZ_SECONDS` as many as fit into that time.
/// What a round tries must follow from its number, so that a failure can be seen again.
pub fn rounds(short: u64) -> impl Iterator<Item = u64> {
    let seconds = std::env::var("HOLDFAST_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    (0..).take_while(move |round| match end {
        Some(end) => Instant::now() < end,
        None => *round < short,
    })
}

//! The simulation's own tests: stories told on purpose, and the proof that a seed decides everything.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod faults;
mod kills;
#[cfg(feature = "planted")]
mod planted;
mod replay;

//! What a real API server answered, replayed: see `recorded/`.

#![allow(clippy::unwrap_used)]

mod recorded;
mod verdicts;

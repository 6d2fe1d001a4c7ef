//! Both front-ends over a folder on disk, against a sandbox: what `up` does, without a terminal.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod bed;
mod folder;
mod hostile;

//! Whole commands, each against a sandbox of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod environment;

mod build_diff_why;
mod check;
mod events;
mod get;
mod helm;
mod history;
mod kustomize;
mod local;
mod suspend;
mod sync;
mod takeover;
mod tree;
mod wait;

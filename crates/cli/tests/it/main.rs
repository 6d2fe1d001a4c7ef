//! Whole commands, each against a sandbox of its own.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot be set up fails")]

mod environment;

mod build;
mod check;
mod completion;
mod connection;
mod diff;
mod events;
mod get;
mod helm;
mod history;
mod kustomize;
mod run;
mod sandbox;
mod suspend;
mod sync;
mod takeover;
mod tree;
mod up;
mod version;
mod wait;
mod why;

//! Whole commands, each against a sandbox of its own.

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
mod tree;
mod wait;

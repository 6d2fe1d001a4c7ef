//! What the crate promises, tried out: see the crate's page for when the slow tier runs.

mod cluster;
mod git;
mod registry;

type Outcome = Result<(), Box<dyn std::error::Error>>;

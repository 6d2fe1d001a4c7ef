//! Flux' kinds end to end: a sandbox, the engine and a repository in memory, all in one process.

mod bed;
mod kustomizations;

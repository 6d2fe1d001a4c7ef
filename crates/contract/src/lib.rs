//! One contract, two clusters: what a Kubernetes API server answers, recorded from a real one and held against the
//! sandbox.
//!
//! `cases/*.yaml` are tables of requests; `recorded/*.jsonl` are the answers of a real 1.36 control plane, normalised
//! ([`normal`]): uids, resource versions, times, generated names and addresses become placeholders that keep what is
//! equal equal. Tests replay the cases in process against the sandbox; in the slow tier they also run against the real
//! one again, which proves that the recording is current.
//!
//! Beside the tables: random sequences of writes compared step by step ([`random`]), a transcript of a real `kubectl`
//! ([`transcript`]), and requests per second of both side by side ([`speed`]).
//!
//! It knows no rule of the API itself: a difference is a difference. Those that stay are marked in the case with their
//! reason (`differs:`), and a marked case that does not differ any more fails.

mod case;
mod compare;
mod describe;
pub mod normal;
pub mod random;
mod recording;
mod run;
mod server;
pub mod speed;
pub mod transcript;
mod transcripts;

pub use case::{Body, Case, Step, Suite, suites};
pub use compare::differences;
pub use describe::description;
pub use recording::Recording;
pub use run::{Outcome, create_namespace, establish, run_case, run_suite};
pub use server::{Answer, Request, Server, plain_control_plane, sandbox_options};
pub use transcripts::transcripts;

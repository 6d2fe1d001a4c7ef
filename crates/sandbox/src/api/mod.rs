//! The API over HTTP: a `tower` service, and a listener that serves it on a socket.

mod answer;
mod discovery;
mod dispatch;
mod json;
mod openapi;
mod openapi_types;
mod protobuf;
mod request;
mod serve;
mod write;

pub use answer::ResponseBody;
pub use serve::{Listening, SandboxService};
pub(crate) use serve::{kubeconfig, listen};
pub(crate) use write::Writer;

/// The version that the server says it is.
pub(crate) const VERSION: (&str, &str, &str) = ("1", "36", "v1.36.3");
/// The largest body that is read, in bytes.
pub(crate) const BODY_MAX: usize = 3 * 1024 * 1024;
/// The bearer token in the kubeconfig that the sandbox writes.
pub(crate) const ADMIN_TOKEN: &str = "sandbox-admin";

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinError, spawn_blocking};

/// Does work that takes long, such as a large render, where it holds up nobody.
///
/// As in `holdfast-controller`, which this crate does not know: a runtime of one thread has nobody else to hold up it
/// could spare, and a second thread would make two runs of a simulation differ, so there the work is done in place.
///
/// # Errors
/// [`JoinError`] when the work panicked on another thread.
pub(crate) async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => Ok(work()),
        _ => spawn_blocking(work).await,
    }
}

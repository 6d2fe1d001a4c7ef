//! Stopping work on a blocking thread.

use crate::SourceError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Given to work on a blocking thread: tells when nobody waits for it any more.
#[derive(Clone, Default)]
pub(crate) struct Cancel {
    token: CancellationToken,
    interrupt: Arc<AtomicBool>,
    hooks: Arc<Mutex<Vec<Hook>>>,
}

type Hook = Box<dyn FnOnce() + Send>;

/// Cancels on drop. Held by whoever waits.
pub(crate) struct CancelOnDrop(pub(crate) Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.interrupt.store(true, Ordering::Relaxed);
        self.0.token.cancel();
        let hooks = std::mem::take(&mut *self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner));
        hooks.into_iter().for_each(|hook| hook());
    }
}

impl Cancel {
    /// Runs something at once when the work is cancelled: what ends a read that knows no cancellation, by closing the
    /// socket or killing the program at its other end. It does not rely on a runtime, which may be shutting down.
    pub(crate) fn on_cancel(&self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
        if self.token.is_cancelled() {
            drop(CancelOnDrop(self.clone()));
        }
    }

    /// Forgets the hooks: the work is done.
    pub(crate) fn done(&self) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// For programs that look at a flag now and then.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.interrupt
    }

    /// Waits for something, unless the work is cancelled first.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, SourceError> {
        tokio::select! {
            () = self.token.cancelled() => Err(SourceError::Cancelled),
            done = work => Ok(done),
        }
    }
}

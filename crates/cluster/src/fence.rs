use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The right to write, for a while: see [`Fence`]. Whoever holds it keeps extending it.
#[derive(Debug)]
pub struct FenceKeeper {
    until: watch::Sender<Option<Instant>>,
}

/// Keeps a process that has lost its lease from writing: it need not hear that it lost it, for the right to write ends
/// by itself unless it is extended. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fence {
    until: watch::Receiver<Option<Instant>>,
}

impl FenceKeeper {
    /// A fence that is closed, and what opens it.
    pub fn new() -> (Self, Fence) {
        let (sender, receiver) = watch::channel(None);
        (Self { until: sender }, Fence { until: receiver })
    }

    /// Allows writes until then; `None` ends the right at once.
    pub fn extend(&self, until: Option<Instant>) {
        self.until.send_replace(until);
    }
}

impl Fence {
    /// Whether writes are allowed now.
    pub fn is_open(&self) -> bool {
        self.until.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Ends once writes are not allowed any more.
    pub(crate) async fn closed(&self) {
        let mut receiver = self.until.clone();
        loop {
            let until = *receiver.borrow_and_update();
            let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            // Extended, or over: looked at again either way.
            let _ = tokio::time::timeout(left, receiver.changed()).await;
        }
    }
}

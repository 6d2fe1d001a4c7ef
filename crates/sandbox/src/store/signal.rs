//! Something that many wait for. Tokio's own watch channel wakes its receivers in random order; here they wake in the
//! order in which they began to wait, so that a seed decides everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// The sending half. Dropping it wakes nobody: whoever waits then waits for good.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    count: AtomicU64,
    wake: Notify,
}

impl Sender {
    /// Wakes everyone.
    pub(crate) fn send(&self) {
        self.shared.count.fetch_add(1, Ordering::AcqRel);
        self.shared.wake.notify_waiters();
    }

    /// A receiver that has seen everything so far.
    pub(crate) fn subscribe(&self) -> Receiver {
        let shared = self.shared.clone();
        Receiver { seen: Some(shared.count.load(Ordering::Acquire)), shared }
    }
}

/// The receiving half.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    /// `None`: as if it had changed.
    seen: Option<u64>,
}

impl Receiver {
    /// Whether there is something that was not seen.
    pub(crate) fn has_changed(&self) -> bool {
        self.seen != Some(self.shared.count.load(Ordering::Acquire))
    }

    /// Takes what is there as seen.
    pub(crate) fn mark_unchanged(&mut self) {
        self.seen = Some(self.shared.count.load(Ordering::Acquire));
    }

    /// Lets the next wait end at once.
    pub(crate) fn mark_changed(&mut self) {
        self.seen = None;
    }

    /// Waits until there is something that was not seen.
    pub(crate) async fn changed(&mut self) {
        loop {
            // Made before the count is read: a change in between wakes it.
            let woken = self.shared.wake.notified();
            let now = self.shared.count.load(Ordering::Acquire);
            if self.seen != Some(now) {
                self.seen = Some(now);
                return;
            }
            woken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[tokio::test(start_paused = true)]
    async fn receivers_wake_in_the_order_in_which_they_began_to_wait() {
        let sender = Sender::default();
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = (0..20)
            .map(|number| {
                let (mut receiver, order) = (sender.subscribe(), order.clone());
                tokio::spawn(async move {
                    receiver.changed().await;
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        sender.send();
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), Vec::from_iter(0..20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_between_two_waits_is_not_lost() {
        let sender = Sender::default();
        let mut receiver = sender.subscribe();
        sender.send();
        receiver.changed().await;
        let again = tokio::time::timeout(std::time::Duration::from_secs(1), receiver.changed()).await;
        assert!(again.is_err(), "seen already");
        receiver.mark_changed();
        receiver.changed().await;
    }
}

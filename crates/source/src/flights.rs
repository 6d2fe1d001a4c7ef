//! One piece of work for everyone who asks for it at the same time.

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Work in progress and recent results, by key.
///
/// Whoever asks names the moment from which a result is fresh enough: work that began earlier is not joined, since it
/// may have looked at the world before the change the caller was told about. When all who wait have gone, the work is
/// dropped.
pub(crate) struct Flights<K, V: Clone> {
    entries: Mutex<HashMap<K, Entry<V>>>,
    /// Whether a result is an answer for those who ask later; failures are not.
    is_answer: fn(&V) -> bool,
}

struct Entry<V: Clone> {
    began: Instant,
    state: State<V>,
}

enum State<V: Clone> {
    Running(WeakShared<BoxFuture<'static, V>>),
    Done(V),
}

/// Results that are kept; beyond, the oldest half goes.
const MAX_ENTRIES: usize = 4096;

impl<K: Eq + Hash + Clone, V: Clone> Flights<K, V> {
    pub(crate) fn new(is_answer: fn(&V) -> bool) -> Self {
        Self { entries: Mutex::new(HashMap::new()), is_answer }
    }

    /// The result of work in progress, whenever it began, or of `start`; nothing is kept.
    pub(crate) async fn share(&self, key: K, start: impl Fn() -> BoxFuture<'static, V>) -> V {
        let entered = self.enter(&key, None, &start);
        match entered {
            Entered::Known(result) => result,
            Entered::Running(work, began) => {
                let result = work.await;
                self.entries
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .retain(|k, e| *k != key || e.began != began);
                result
            }
        }
    }

    /// The result of work that began at `fresh_from` or later: a kept one, that of work in progress, or of `start`.
    pub(crate) async fn join(
        &self,
        key: K,
        fresh_from: Instant,
        start: impl Fn() -> BoxFuture<'static, V>,
    ) -> V {
        loop {
            let (work, began) = match self.enter(&key, Some(fresh_from), &start) {
                Entered::Known(result) => return result,
                Entered::Running(work, began) => (work, began),
            };
            let result = work.await;
            self.keep(&key, began, &result);
            if began >= fresh_from {
                return result;
            }
        }
    }

    fn enter(
        &self,
        key: &K,
        fresh_from: Option<Instant>,
        start: &impl Fn() -> BoxFuture<'static, V>,
    ) -> Entered<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(key) {
            match &entry.state {
                State::Done(result) if fresh_from.is_some_and(|from| entry.began >= from) => {
                    return Entered::Known(result.clone());
                }
                State::Done(_) => {}
                State::Running(work) => {
                    if let Some(work) = work.upgrade() {
                        return Entered::Running(work, entry.began);
                    }
                }
            }
        }
        if entries.len() >= MAX_ENTRIES {
            let mut ages: Vec<Instant> = entries.values().map(|e| e.began).collect();
            ages.sort_unstable();
            let middle = ages[ages.len() / 2];
            entries.retain(|_, e| matches!(e.state, State::Running(_)) || e.began > middle);
        }
        let began = Instant::now();
        let work = start().shared();
        if let Some(weak) = work.downgrade() {
            entries.insert(key.clone(), Entry { began, state: State::Running(weak) });
        }
        Entered::Running(work, began)
    }

    fn keep(&self, key: &K, began: Instant, result: &V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.get_mut(key) else { return };
        if entry.began != began || !matches!(entry.state, State::Running(_)) {
            return;
        }
        if (self.is_answer)(result) {
            entry.state = State::Done(result.clone());
        } else {
            entries.remove(key);
        }
    }
}

enum Entered<V: Clone> {
    Known(V),
    Running(Shared<BoxFuture<'static, V>>, Instant),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    struct Counter {
        flights: Flights<&'static str, usize>,
        started: Arc<AtomicUsize>,
    }

    impl Counter {
        fn new() -> Self {
            Self { flights: Flights::new(|number| *number != 3), started: Arc::default() }
        }

        /// The number of the piece of work whose result was used; each takes a second.
        async fn ask(&self, max_age: Duration) -> usize {
            let fresh_from = Instant::now() - max_age;
            let started = self.started.clone();
            let start = move || {
                let number = started.fetch_add(1, Ordering::SeqCst) + 1;
                async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    number
                }
                .boxed()
            };
            self.flights.join("key", fresh_from, start).await
        }
    }

    const NOW: Duration = Duration::ZERO;

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_together_share_one_piece_of_work() {
        let counter = Counter::new();
        let answers = futures::future::join_all((0..100).map(|_| counter.ask(NOW))).await;
        assert_eq!(answers, [1; 100]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_later_waits_for_the_next_one() {
        let counter = Counter::new();
        let late = |after| {
            let counter = &counter;
            async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                counter.ask(NOW).await
            }
        };
        // The first began before the others asked: they share a second one.
        let answers = tokio::join!(counter.ask(NOW), late(300), late(600), late(900));
        assert_eq!(answers, (1, 2, 2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_result_serves_until_it_is_too_old() {
        let counter = Counter::new();
        assert_eq!(counter.ask(NOW).await, 1);
        assert_eq!(counter.ask(Duration::from_secs(5)).await, 1);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(counter.ask(Duration::from_secs(5)).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_no_answer_for_later() {
        let counter = Counter::new();
        let minute = Duration::from_secs(60);
        assert_eq!((counter.ask(NOW).await, counter.ask(NOW).await), (1, 2));
        // The third fails, for those who wait together.
        assert_eq!(tokio::join!(counter.ask(NOW), counter.ask(NOW)), (3, 3));
        assert_eq!((counter.ask(minute).await, counter.ask(minute).await), (4, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn work_nobody_waits_for_is_dropped() {
        let counter = Counter::new();
        let gone = tokio::time::timeout(Duration::from_millis(10), counter.ask(NOW)).await;
        assert!(gone.is_err());
        assert_eq!(counter.ask(Duration::from_secs(60)).await, 2);
    }
}

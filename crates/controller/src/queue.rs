use holdfast_sync::{Bug, planted};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

/// A queue of keys, each at most once waiting and at most once under way.
///
/// What is triggered while it is under way is handed out again when it is finished, so nothing is lost between
/// reading and waiting; the reasons merge meanwhile.
///
/// There are two lines: what [gave way](Queue::give_way) is handed out when nothing else waits, and now and then also
/// when something does, so that it comes up in the end.
pub struct Queue<K, R> {
    state: Mutex<State<K, R>>,
    wake: Notify,
}

/// A key that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work<K, R> {
    /// The key.
    pub key: K,
    /// Why, in the order the reasons came, each once.
    pub reasons: Vec<R>,
    /// When the first of the reasons came.
    pub since: Instant,
}

struct State<K, R> {
    items: HashMap<K, Item<R>>,
    ready: VecDeque<K>,
    /// Keys that gave way. One that was triggered since stands in `ready`, too, and counts there.
    later: VecDeque<K>,
    /// Keys handed out so far.
    taken: u64,
    /// Keys that come up by themselves, by time; the number keeps equal times apart.
    timers: BTreeMap<(Instant, u64), (K, R)>,
    count: u64,
}

struct Item<R> {
    reasons: Vec<R>,
    since: Instant,
    running: bool,
    /// Stands in `later`.
    gave_way: bool,
    timer: Option<(Instant, u64)>,
}

/// One in so many keys is of those that gave way, while others wait.
const SHARE_OF_LATER: u64 = 4;

impl<K: Hash + Eq + Clone, R: PartialEq> Default for Queue<K, R> {
    fn default() -> Self {
        let state = State {
            items: HashMap::new(),
            ready: VecDeque::new(),
            later: VecDeque::new(),
            taken: 0,
            timers: BTreeMap::new(),
            count: 0,
        };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }
}

impl<K: Hash + Eq + Clone, R: PartialEq> Queue<K, R> {
    fn lock(&self) -> MutexGuard<'_, State<K, R>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Puts a key into the queue, or adds a reason to one that waits.
    pub fn trigger(&self, key: K, reason: R) {
        self.lock().trigger(key, reason);
        self.wake.notify_one();
    }

    /// The next key, once there is one.
    pub async fn next(&self) -> Work<K, R> {
        loop {
            let wake = self.wake.notified();
            let timer = {
                let mut state = self.lock();
                state.move_due(Instant::now());
                if let Some(work) = state.take() {
                    if !state.ready.is_empty() || !state.later.is_empty() {
                        self.wake.notify_one();
                    }
                    return work;
                }
                state.timers.keys().next().map(|(at, _)| *at)
            };
            match timer {
                Some(at) => {
                    tokio::select! { biased; () = wake => {}, () = tokio::time::sleep_until(at) => {} }
                }
                None => wake.await,
            }
        }
    }

    /// Gives back a key that was handed out. With a time it comes up again by then with that reason, unless it is
    /// triggered before; an earlier timer of the key is forgotten.
    pub fn finish(&self, key: &K, again: Option<(Instant, R)>) {
        let mut state = self.lock();
        state.count += 1;
        let number = state.count;
        let Some(item) = state.items.get_mut(key) else { return };
        item.running = false;
        let is_dirty = !item.reasons.is_empty();
        let old = item.timer.take();
        match again {
            Some((at, reason)) if !is_dirty => {
                item.timer = Some((at, number));
                state.timers.insert((at, number), (key.clone(), reason));
            }
            None if !is_dirty => {
                state.items.remove(key);
            }
            _ => {}
        }
        if let Some(old) = old {
            state.timers.remove(&old);
        }
        if is_dirty {
            state.ready.push_back(key.clone());
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Gives back a key that was handed out, to be handed out again, with that reason, once others had their turn. If
    /// it is triggered before, it is one of the others.
    pub fn give_way(&self, key: &K, reason: R) {
        let mut state = self.lock();
        let Some(item) = state.items.get_mut(key) else { return };
        item.running = false;
        let (is_dirty, timer) = (!item.reasons.is_empty(), item.timer.take());
        if !is_dirty {
            item.since = Instant::now();
            item.gave_way = true;
        }
        if !item.reasons.contains(&reason) {
            item.reasons.push(reason);
        }
        match is_dirty {
            true => state.ready.push_back(key.clone()),
            false => state.later.push_back(key.clone()),
        }
        if let Some(timer) = timer {
            state.timers.remove(&timer);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Keys that wait for a worker, and keys that wait for their time.
    pub fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        (state.ready.len() + state.later.len(), state.timers.len())
    }
}

impl<K: Hash + Eq + Clone, R: PartialEq> State<K, R> {
    fn trigger(&mut self, key: K, reason: R) {
        let now = Instant::now();
        let item = self.items.entry(key.clone()).or_insert_with(|| Item {
            reasons: Vec::new(),
            since: now,
            running: false,
            gave_way: false,
            timer: None,
        });
        if item.running && planted(Bug::LostWakeUp) {
            return;
        }
        if item.reasons.is_empty() {
            item.since = now;
            if !item.running {
                self.ready.push_back(key);
            }
        } else if item.gave_way {
            item.gave_way = false;
            self.ready.push_back(key);
        }
        if !item.reasons.contains(&reason) {
            item.reasons.push(reason);
        }
        if let Some(timer) = item.timer.take() {
            self.timers.remove(&timer);
        }
    }

    fn move_due(&mut self, now: Instant) {
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let (key, reason) = entry.remove();
            if let Some(item) = self.items.get_mut(&key) {
                item.timer = None;
            }
            self.trigger(key, reason);
        }
    }

    fn take(&mut self) -> Option<Work<K, R>> {
        let key = self.take_key()?;
        let item = self.items.get_mut(&key)?;
        item.running = !planted(Bug::TwoAtOnce);
        item.gave_way = false;
        Some(Work { key, reasons: std::mem::take(&mut item.reasons), since: item.since })
    }

    fn take_key(&mut self) -> Option<K> {
        let Self { items, ready, later, taken, .. } = self;
        // What was triggered since it gave way stands in the other line.
        while later.front().is_some_and(|key| !items.get(key).is_some_and(|item| item.gave_way)) {
            later.pop_front();
        }
        *taken += 1;
        match taken.is_multiple_of(SHARE_OF_LATER) {
            true => later.pop_front().or_else(|| ready.pop_front()),
            false => ready.pop_front().or_else(|| later.pop_front()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn reasons_merge_while_a_key_waits() {
        let queue = Queue::default();
        queue.trigger("a", 1);
        queue.trigger("b", 1);
        queue.trigger("a", 2);
        queue.trigger("a", 1);
        let first = queue.next().await;
        assert_eq!((first.key, first.reasons), ("a", vec![1, 2]));
        assert_eq!(queue.next().await.key, "b");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_under_way_is_not_handed_out_twice_and_not_forgotten() {
        let queue = Queue::default();
        queue.trigger("a", 1);
        let work = queue.next().await;
        queue.trigger("a", 2);
        let second = tokio::time::timeout(Duration::from_secs(1), queue.next()).await;
        assert!(second.is_err(), "handed out while under way");
        queue.finish(&work.key, None);
        assert_eq!(queue.next().await.reasons, [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_comes_up_by_itself_unless_triggered_before() {
        let queue = Queue::default();
        queue.trigger("a", 1);
        let work = queue.next().await;
        queue.finish(&work.key, Some((Instant::now() + Duration::from_secs(60), 9)));
        let began = Instant::now();
        assert_eq!(queue.next().await.reasons, [9]);
        assert_eq!(began.elapsed(), Duration::from_secs(60));

        queue.finish(&"a", Some((Instant::now() + Duration::from_secs(60), 9)));
        queue.trigger("a", 3);
        assert_eq!(queue.next().await.reasons, [3]);
        queue.finish(&"a", None);
        assert_eq!(queue.depth(), (0, 0), "the old timer is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn what_gives_way_comes_after_others_and_yet_comes() {
        let queue = Queue::default();
        let numbers = async |count: usize| {
            let mut keys = Vec::new();
            for _ in 0..count {
                keys.push(queue.next().await.key);
            }
            keys
        };
        for key in [1, 2, 3] {
            queue.trigger(key, "news");
        }
        for key in numbers(3).await {
            queue.give_way(&key, "late");
        }
        assert_eq!(queue.depth(), (3, 0));
        // One of them has news of its own; its place among the late is void.
        for key in [10, 11, 12, 13, 2] {
            queue.trigger(key, "news");
        }
        assert_eq!(numbers(7).await, [1, 10, 11, 12, 3, 13, 2], "the fourth of each four is a late one");
        assert_eq!(queue.depth(), (0, 0));

        queue.trigger(1, "more");
        queue.give_way(&1, "late");
        let work = queue.next().await;
        assert_eq!(
            (work.key, work.reasons),
            (1, vec!["more", "late"]),
            "nothing is lost while it is under way"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn several_workers_are_all_woken() {
        let queue = std::sync::Arc::new(Queue::default());
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.next().await.key })
            })
            .collect();
        tokio::task::yield_now().await;
        for key in 0..3 {
            queue.trigger(key, ());
        }
        let mut keys = Vec::new();
        for worker in workers {
            keys.push(worker.await.unwrap());
        }
        keys.sort();
        assert_eq!(keys, [0, 1, 2]);
    }
}

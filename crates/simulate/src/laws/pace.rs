use super::Laws;
use crate::wire::Asked;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(60);
/// Most writes of ours to one managed object in a minute, those included that never arrive.
const TO_OBJECTS: usize = 20;
/// The same for one custom resource, whose status follows everything that happens: some 40 changes of a rival, each of
/// which is told twice when a rollout follows from it, and tried again when the weather refuses it.
const TO_CUSTOM_RESOURCES: usize = 120;

/// When we wrote to what.
#[derive(Default)]
pub(super) struct Pace {
    written: HashMap<String, VecDeque<Instant>>,
    /// Paths that were too fast, each told once.
    told: Vec<String>,
}

impl Laws {
    /// Nothing is written again and again.
    pub(crate) fn keeps_pace(&mut self, now: Instant, asked: &Asked) {
        let limit = if asked.item().is_some() { TO_OBJECTS } else { TO_CUSTOM_RESOURCES };
        let path = format!("{}/{}/{}", asked.bucket, asked.namespace, asked.name);
        let times = self.pace.written.entry(path.clone()).or_default();
        times.push_back(now);
        while times.front().is_some_and(|at| now.saturating_duration_since(*at) > WINDOW) {
            times.pop_front();
        }
        if times.len() > limit && !self.pace.told.contains(&path) {
            let text = format!("{} writes to {path} within a minute", times.len());
            self.pace.told.push(path);
            self.violate("no storm", text);
        }
    }
}

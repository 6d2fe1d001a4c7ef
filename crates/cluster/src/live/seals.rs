//! What was found in force, so that it need not be compared again.

use super::LiveState;
use super::store::Entry;
use holdfast_object::{Object, ObjectRef, Packer};
use holdfast_sync::{Bug, Question, QuestionId, Seal, planted};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// An object that was found in force as to a question.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    question: QuestionId,
    /// The resourceVersion at which it is known to hold.
    version: Box<str>,
    /// What must stay the same for it to hold at other versions; `None` holds at that version only.
    seal: Option<Seal>,
    /// How often admission had changed by then.
    admission: u64,
}

/// A write of ours whose event is on its way.
pub(super) struct Expected {
    pub(super) version: u64,
    /// Which write it was, counted.
    pub(super) writes: u64,
    answers: Option<Question>,
}

/// How often seals spared a comparison, and how often they did not.
#[derive(Debug, Default)]
pub(super) struct Counters {
    equal: AtomicU64,
    unequal: AtomicU64,
    taken: AtomicU64,
    /// How often admission has changed.
    admission: AtomicU64,
    budget: Mutex<Budget>,
}

/// How many verifications may begin in one second: they are dry runs, and after a change of admission every object is
/// due for one.
const VERIFICATIONS_PER_SECOND: u32 = 10;

/// What is left of the verifications of a second.
#[derive(Debug, Default)]
struct Budget {
    since: Option<Instant>,
    spent: u32,
}

impl Budget {
    fn take(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
            *self = Self { since: Some(now), spent: 0 };
        }
        self.spent += 1;
        self.spent <= VERIFICATIONS_PER_SECOND
    }
}

/// How often seals spared a comparison, and how often they did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealCounts {
    /// The object had changed and its seal had not.
    pub equal: u64,
    /// The seal had changed, too: the object was compared.
    pub unequal: u64,
    /// Seals taken.
    pub taken: u64,
}

impl LiveState {
    /// How often seals spared a comparison so far.
    pub fn seal_counts(&self) -> SealCounts {
        let counters = &self.shared.seals;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SealCounts {
            equal: read(&counters.equal),
            unequal: read(&counters.unequal),
            taken: read(&counters.taken),
        }
    }

    /// Notes that what the server makes of an apply may have changed: a mutating webhook or policy came, changed or
    /// went. What is in force is verified anew, a few objects at a time, as their apps' intervals come.
    pub fn admission_changed(&self) {
        self.shared.seals.admission.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_due_for_verification(&self, object: &ObjectRef, question: &Question) -> bool {
        let now = self.shared.seals.admission.load(Ordering::Relaxed);
        let state = self.read();
        let entry = state.store(object).and_then(|store| store.entry(object));
        let sealed = entry.and_then(|entry| entry.sealed.as_ref()).filter(|s| s.question == question.id);
        sealed.is_some_and(|sealed| sealed.admission < now)
            && self.shared.seals.budget.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }

    /// Notes that we wrote an object, and that the server gave it this resourceVersion: what is held from before is not
    /// believed, and [`LiveView::get`] answers that it is unknown until the watch has brought the write.
    ///
    /// With the question that the write answers, as a server-side apply does by definition, the object is sealed then.
    /// (Never from the server's answer, which may show the object at another API version.)
    pub fn wrote(&self, object: &ObjectRef, resource_version: &str, answers: Option<Question>) {
        let Ok(version) = resource_version.parse::<u64>() else { return };
        let mut state = self.write();
        // What nobody watches is never brought.
        let Some(store) = state.store(object).filter(|store| store.is_watched(&object.key.namespace)) else {
            return;
        };
        let seen = store.entry(object).and_then(Entry::version);
        let writes = Self::count_write(&mut state, object);
        if seen.is_none_or(|seen| seen < version) {
            state.expected.insert(object.key.clone(), Expected { version, writes, answers });
            return;
        }
        state.expected.remove(&object.key);
        if let Some(question) = answers.filter(|_| seen == Some(version) || planted(Bug::SealOfAnswer))
            && let Some(entry) = state.entry_mut(object)
        {
            self.shared.seals.seal(&self.shared.packer, entry, &question);
        }
    }

    /// Takes note of what the watch has just brought, which may be what we wrote.
    pub(super) fn meet_expectation(&self, state: &mut super::State, object: &ObjectRef) {
        let Some(expected) = state.expected.get(&object.key) else { return };
        let wanted = expected.version;
        let seen = state.entry_mut(object).and_then(|entry| entry.version());
        if seen.is_some_and(|seen| seen < wanted) {
            return;
        }
        if let Some(Expected { answers: Some(question), .. }) = state.expected.remove(&object.key)
            && seen == Some(wanted)
            && let Some(entry) = state.entry_mut(object)
        {
            self.shared.seals.seal(&self.shared.packer, entry, &question);
        }
    }

    pub(super) fn still_in_force(&self, object: &ObjectRef, question: &Question) -> bool {
        let (body, seal, version) = {
            let state = self.read();
            if let Some(expected) = state.expected.get(&object.key) {
                // What we wrote ourselves holds until the watch says otherwise.
                return expected.answers.as_ref().is_some_and(|answered| answered.id == question.id);
            }
            let Some(entry) = state.store(object).and_then(|store| store.entry(object)) else { return false };
            let Some(sealed) = entry.sealed.as_ref().filter(|s| s.question == question.id) else {
                return false;
            };
            if sealed.version == entry.resource_version {
                return true;
            }
            (entry.body.clone(), sealed.seal, entry.resource_version.clone())
        };
        let now = question.seal(&self.shared.packer.unpack(&body));
        if seal.is_none() || now != seal {
            self.shared.seals.unequal.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.shared.seals.equal.fetch_add(1, Ordering::Relaxed);
        let mut state = self.write();
        if let Some(entry) = state.entry_mut(object).filter(|entry| entry.resource_version == version)
            && let Some(sealed) = entry.sealed.as_mut().filter(|s| s.question == question.id)
        {
            sealed.version = version;
        }
        true
    }

    pub(super) fn seal_found(
        &self,
        object: &ObjectRef,
        question: &Question,
        found: &Object,
        seal: Option<Seal>,
    ) {
        let mut state = self.write();
        if let Some(entry) = state.entry_mut(object)
            && *entry.resource_version == *found.resource_version()
        {
            let version = entry.resource_version.clone();
            let admission = self.shared.seals.admission.load(Ordering::Relaxed);
            entry.sealed = Some(Box::new(Sealed { question: question.id, version, seal, admission }));
            self.shared.seals.taken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Counters {
    fn seal(&self, packer: &Packer, entry: &mut Entry, question: &Question) {
        if entry.body.is_empty() {
            return;
        }
        let live = packer.unpack(&entry.body);
        let (version, seal) = (entry.resource_version.clone(), question.seal(&live));
        let admission = self.admission.load(Ordering::Relaxed);
        entry.sealed = Some(Box::new(Sealed { question: question.id, version, seal, admission }));
        self.taken.fetch_add(1, Ordering::Relaxed);
    }
}

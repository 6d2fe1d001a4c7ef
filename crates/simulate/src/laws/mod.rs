//! What must hold whatever happens. The laws judge by the requests that reach the server and by what it then holds,
//! never by what our process says of itself.

mod claims;
mod deletes;
mod inventory;
mod marks;
mod pace;
mod settled;
mod turns;
mod writes;

pub(crate) use marks::marks;
pub(crate) use settled::problems;
pub(crate) use turns::Turn;

use crate::fleet::{App, History, Item};
use crate::wire::{Asked, Role};
use crate::world::World;
use holdfast_object::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// How long after a change by others, or after bad weather, our process may still act on what it knew before.
const GRACE: Duration = Duration::from_secs(90);
/// Violations that are kept; the first are the interesting ones.
const KEPT: usize = 20;

/// Something that was against a law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which law.
    pub law: &'static str,
    /// What happened.
    pub what: String,
    /// The second of the simulation.
    pub second: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} s: {}: {}", self.second, self.law, self.what)
    }
}

/// What the laws look at beside the request itself.
pub(crate) struct Look<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: Instant,
}

impl Look<'_> {
    fn history<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        self.world.repository().with(look)
    }
}

/// The laws, with what they remember.
pub(crate) struct Laws {
    began: Instant,
    /// The state of the branch that an object of an app is at least at.
    floors: BTreeMap<(App, Item), usize>,
    /// The newest state that an app's status has said to be in force.
    claimed: BTreeMap<App, usize>,
    /// When others last changed an object.
    touched: BTreeMap<Item, Instant>,
    /// When the cluster was last put back.
    restored: Option<Instant>,
    /// Since when an app is suspended.
    suspended: BTreeMap<App, Instant>,
    /// The last time that what our process knows became doubtful.
    disturbed: Instant,
    /// Nothing at all should be written.
    still: bool,
    /// The apps whose custom resource is being written, each by a life of our process.
    turns: BTreeSet<(u32, App)>,
    pace: pace::Pace,
    violations: Vec<Violation>,
}

/// Whether an object says the same as before. That an Application was compared again at its interval is no news.
fn is_same(before: Option<&Value>, after: Option<&Value>) -> bool {
    let said = |object: Option<&Value>| {
        let mut object = object.cloned()?;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| !matches!(key.as_str(), "resourceVersion" | "managedFields"));
        }
        if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
            status.shift_remove("reconciledAt");
        }
        Some(object)
    };
    said(before) == said(after)
}

impl Laws {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            floors: BTreeMap::new(),
            claimed: BTreeMap::new(),
            touched: BTreeMap::new(),
            restored: None,
            suspended: BTreeMap::new(),
            disturbed: now,
            still: false,
            turns: BTreeSet::new(),
            pace: pace::Pace::default(),
            violations: Vec::new(),
        }
    }

    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(crate) fn violate(&mut self, law: &'static str, what: String) {
        if self.violations.len() < KEPT {
            self.violations.push(Violation { law, what, second: self.began.elapsed().as_secs() });
        }
    }

    /// The weather changed: what our process knows may be old for a while.
    pub(crate) fn disturbed(&mut self) {
        self.disturbed = Instant::now();
    }

    /// The cluster went back in time: nothing is as anybody left it.
    pub(crate) fn restored(&mut self) {
        let now = Instant::now();
        self.disturbed = now;
        self.restored = Some(now);
        self.suspended.values_mut().for_each(|since| *since = now);
    }

    /// An app was suspended (or is not any more).
    pub(crate) fn set_suspended(&mut self, app: App, is_suspended: bool) {
        if is_suspended {
            self.suspended.entry(app).or_insert_with(Instant::now);
        } else {
            self.suspended.remove(&app);
        }
    }

    /// From now on nothing is to be written, as nothing changes.
    pub(crate) fn set_still(&mut self, still: bool) {
        self.still = still;
    }

    /// Judges a write that the server has answered.
    pub(crate) fn saw(
        &mut self,
        look: &Look<'_>,
        role: Role,
        asked: &Asked,
        (before, after): (Option<&Value>, Option<&Value>),
        status: u16,
    ) {
        let done = (200..300).contains(&status);
        let Role::Ours(_) = role else {
            if let (Some(item), true) = (asked.item(), done) {
                self.touched.insert(item, look.now);
            }
            return;
        };
        if asked.is_event() {
            return;
        }
        if self.still && done && !is_same(before, after) {
            self.violate("rest", format!("a write though nothing changed: {}", asked.line()));
        }
        match asked.item() {
            Some(item) if asked.is_delete() => self.deletes_rightly(look, asked, &item, before, done),
            Some(item) if done => self.writes_rightly(look, &item, before, after),
            Some(_) => {}
            None => {
                if let (Some(app), true) = (asked.app(), done) {
                    self.claims_truly(look, app, before, after);
                    self.keeps_listing(look, app, before, after);
                }
            }
        }
    }

    fn is_known_suspended(&self, app: App, now: Instant) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        self.suspended.get(&app).is_some_and(|at| since(*at) > GRACE) && since(self.disturbed) > GRACE
    }

    /// Whether others changed an object, or everything, a moment ago.
    fn is_fresh(&self, item: &Item, now: Instant) -> bool {
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) <= GRACE;
        self.touched.get(item).is_some_and(is_recent) || self.restored.as_ref().is_some_and(is_recent)
    }
}

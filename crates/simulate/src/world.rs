//! What all parts of one simulation share: the cluster, the repository, the weather, the laws and the trace.

use crate::dice::Dice;
use crate::fleet::{App, Item, Kind};
use crate::git::Repository;
use crate::laws::{Laws, Look, Violation};
use crate::trace::Trace;
use crate::wire::{Asked, Mishap, Role, Sort, WatchMishap, Weather};
use holdfast_controller::Clock;
use holdfast_object::Value;
use holdfast_sandbox::{Name, Sandbox};
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Requests of ours after which a run is given up: far more than any needs.
const MOST_REQUESTS: u64 = 60_000;

/// When our process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// Count writes only; otherwise every request.
    pub writes_only: bool,
    /// With the request of this number from now, counted from zero.
    pub at: u64,
    /// Once it has been carried out; otherwise before it is sent.
    pub after: bool,
}

/// The world of one simulation. Clones are one.
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    sandbox: Sandbox,
    repository: Repository,
    state: Mutex<State>,
    cut: Notify,
    began: Instant,
    /// By how many seconds our clock is ahead of the server's.
    jump: AtomicI64,
}

struct State {
    trace: Trace,
    weather: Weather,
    dice: Dice,
    laws: Laws,
    kill: Option<Kill>,
    requests: u64,
    writes: u64,
}

impl World {
    pub(crate) fn new(sandbox: Sandbox, repository: Repository, dice: Dice) -> Self {
        let state = State {
            trace: Trace::new(),
            weather: Weather::default(),
            dice,
            laws: Laws::new(),
            kill: None,
            requests: 0,
            writes: 0,
        };
        let inner = Inner {
            sandbox,
            repository,
            state: Mutex::new(state),
            cut: Notify::new(),
            began: Instant::now(),
            jump: AtomicI64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster.
    pub fn sandbox(&self) -> &Sandbox {
        &self.inner.sandbox
    }

    /// The repository.
    pub(crate) fn repository(&self) -> &Repository {
        &self.inner.repository
    }

    /// The time of day as our process sees it.
    pub(crate) fn clock(&self) -> Clock {
        let world = self.clone();
        Clock::new(move || {
            let passed = SignedDuration::try_from(world.inner.began.elapsed()).unwrap_or_default();
            let jump = SignedDuration::from_secs(world.inner.jump.load(Ordering::Relaxed));
            Timestamp::from_second(crate::FIRST_SECOND).unwrap_or_default() + passed + jump
        })
    }

    /// Moves our clock by so many seconds.
    pub fn jump_clock(&self, seconds: i64) {
        self.inner.jump.fetch_add(seconds, Ordering::Relaxed);
        self.note(format_args!("our clock jumps by {seconds} s"));
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, text: impl std::fmt::Display) {
        self.lock().trace.line(text);
    }

    /// Lets the weather be this from now on.
    pub(crate) fn set_weather(&self, weather: Weather) {
        let mut state = self.lock();
        state.trace.line(format_args!("weather: {weather:?}"));
        state.laws.disturbed();
        let is_outage = weather.outage;
        state.weather = weather;
        drop(state);
        if is_outage {
            self.inner.cut.notify_waiters();
        }
    }

    /// Ends our process with a request to come, or takes that back.
    pub(crate) fn set_kill(&self, kill: Option<Kill>) {
        self.lock().kill = kill;
    }

    /// Tells the laws something that they could not see.
    pub(crate) fn laws<T>(&self, with: impl FnOnce(&mut Laws) -> T) -> T {
        with(&mut self.lock().laws)
    }

    /// Waits until every watch breaks off.
    pub(crate) async fn cut(&self) {
        self.inner.cut.notified().await;
    }

    /// Requests and writes of ours so far.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.lock();
        (state.requests, state.writes)
    }

    /// What was found to be against the laws.
    pub fn violations(&self) -> Vec<Violation> {
        self.lock().laws.violations().to_vec()
    }

    /// Looks at the trace.
    pub fn with_trace<T>(&self, look: impl FnOnce(&Trace) -> T) -> T {
        look(&self.lock().trace)
    }

    /// An app's custom resource.
    pub fn custom(&self, app: App) -> Option<Value> {
        let found = self.inner.sandbox.store().get(app.bucket(), &Name::new(app.namespace(), app.name()))?;
        Some(found.bare())
    }

    /// An object of the fleet.
    pub fn item(&self, item: &Item) -> Option<Value> {
        let name = Name::new(crate::fleet::NAMESPACE, &item.name);
        Some(self.inner.sandbox.store().get(item.kind.bucket(), &name)?.bare())
    }

    /// Every object there is that may be the fleet's.
    pub(crate) fn items(&self) -> Vec<Item> {
        let store = self.inner.sandbox.store();
        let of_kind = |kind: Kind| {
            let all = store.list(kind.bucket(), crate::fleet::NAMESPACE);
            all.into_iter().filter_map(move |stored| Item::of(kind.bucket(), &stored.name().name))
        };
        Kind::ALL.into_iter().flat_map(of_kind).collect()
    }

    /// The object of a write, as it is now.
    pub(crate) fn object(&self, asked: &Asked) -> Option<Value> {
        if !asked.is_write() {
            return None;
        }
        match (asked.item(), asked.app()) {
            (Some(item), _) => self.item(&item),
            (None, Some(app)) => self.custom(app),
            (None, None) => None,
        }
    }

    /// What happens to a request.
    pub(crate) fn mishap(&self, role: Role, asked: &Asked) -> Mishap {
        let Role::Ours(_) = role else { return Mishap::None };
        let mut state = self.lock();
        state.requests += 1;
        if asked.is_write() && !asked.is_event() {
            state.writes += 1;
            state.laws.keeps_pace(Instant::now(), asked);
        }
        if state.requests > MOST_REQUESTS {
            if state.requests == MOST_REQUESTS + 1 {
                state.laws.violate("no storm", format!("more than {MOST_REQUESTS} requests"));
            }
            return Mishap::Hangs;
        }
        let counts = |kill: &Kill| !kill.writes_only || (asked.is_write() && !asked.is_event());
        if let Some(kill) = state.kill.filter(counts) {
            if kill.at == 0 {
                state.kill = None;
                let when = if kill.after { "after" } else { "before" };
                state.trace.line(format_args!("{role} dies {when} {}", asked.line()));
                return if kill.after { Mishap::DiesAfter } else { Mishap::DiesBefore };
            }
            state.kill = Some(Kill { at: kill.at - 1, ..kill });
        }
        let State { weather, dice, trace, .. } = &mut *state;
        let sort = match asked.item() {
            _ if !asked.is_write() => Sort::Read,
            Some(_) => Sort::WriteOfObject,
            None => Sort::OtherWrite,
        };
        let mishap = weather.request(dice, sort);
        if mishap != Mishap::None {
            trace.line(format_args!("{role} {} meets {mishap:?}", asked.line()));
        }
        mishap
    }

    /// What happens to a watch event.
    pub(crate) fn watch_mishap(&self, role: Role, line: &[u8]) -> WatchMishap {
        let Role::Ours(_) = role else { return WatchMishap::None };
        let mut state = self.lock();
        let State { weather, dice, trace, .. } = &mut *state;
        trace.absorb(line);
        let mishap = weather.event(dice);
        if mishap != WatchMishap::None {
            trace.line(format_args!("{role} an event meets {mishap:?}"));
        }
        mishap
    }

    /// A request was carried out.
    pub(crate) fn answered(
        &self,
        role: Role,
        asked: &Asked,
        (before, after): (Option<Value>, Option<Value>),
        status: u16,
        answer: &[u8],
    ) {
        let mut state = self.lock();
        state.trace.line(format_args!("{role} {} -> {status}", asked.line()));
        state.trace.absorb(&asked.body);
        state.trace.absorb(answer);
        if asked.is_write() {
            let look = Look { world: self, now: Instant::now() };
            state.laws.saw(&look, role, asked, (before.as_ref(), after.as_ref()), status);
        }
    }
}

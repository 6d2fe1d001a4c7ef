use crate::dice::Dice;
use std::time::Duration;

/// How often something happens to a request or a watch event, in parts of 1,000. All zero is fair weather.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weather {
    /// The server does not answer at all: every request fails, every watch ends.
    pub outage: bool,
    /// Every write to an object of the fleet is answered with 500, as when a webhook that must be asked is away.
    pub refuses_objects: bool,
    /// 500, and nothing was done.
    pub failures: u16,
    /// 429 with `Retry-After`.
    pub too_many: u16,
    /// 409 on a write, as if somebody had been faster.
    pub conflicts: u16,
    /// The connection breaks before the request arrives.
    pub broken: u16,
    /// The request is carried out, and the answer is lost.
    pub lost: u16,
    /// The request takes up to [`Weather::late_by`] longer to arrive.
    pub late: u16,
    /// The request is carried out, and its answer takes up to [`Weather::late_by`] longer.
    pub late_answer: u16,
    /// No answer ever comes.
    pub hangs: u16,
    /// 410 to a list or a new watch.
    pub expired: u16,
    /// A watch event comes up to [`Weather::late_by`] later, and all after it.
    pub event_late: u16,
    /// A watch event comes twice.
    pub event_twice: u16,
    /// A watch breaks off in the middle of an event.
    pub event_cut: u16,
    /// A watch ends with 410, and its event is lost.
    pub event_expired: u16,
    /// The longest delay.
    pub late_by: Duration,
}

impl Weather {
    /// The server is gone.
    pub fn outage() -> Self {
        Self { outage: true, ..Self::default() }
    }

    /// Some of everything; more with a higher `force` (1 to 3).
    pub(crate) fn random(dice: &mut Dice, force: usize) -> Self {
        let mut some = |most: usize| if dice.below(3) == 0 { 0 } else { small(dice.below(most * force)) };
        Self {
            outage: false,
            refuses_objects: false,
            failures: some(60),
            too_many: some(40),
            conflicts: some(80),
            broken: some(40),
            lost: some(40),
            late: some(150),
            late_answer: some(100),
            hangs: some(6),
            expired: some(20),
            event_late: some(200),
            event_twice: some(100),
            event_cut: some(40),
            event_expired: some(25),
            late_by: Duration::from_millis(200 + 1600 * u64::from(some(10))),
        }
    }
}

fn small(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// What a request is, as far as the weather depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Read,
    /// A write to an object of an app.
    WriteOfObject,
    /// A write to anything else.
    OtherWrite,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    None,
    Answers(u16, Option<u64>),
    Broken,
    LostAnswer,
    Late(Duration),
    LateAnswer(Duration),
    Hangs,
    /// Our process ends before the request is sent.
    DiesBefore,
    /// Our process ends once the request has been carried out.
    DiesAfter,
}

/// What happens to a watch event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WatchMishap {
    None,
    Late(Duration),
    Twice,
    Cut,
    Expired,
}

impl Weather {
    /// What happens to a request. Each kind of mishap is thrown for, so that switching one off changes no other.
    pub(crate) fn request(&self, dice: &mut Dice, asked: Sort) -> Mishap {
        if self.outage {
            return Mishap::Broken;
        }
        let (is_write, is_list) = (asked != Sort::Read, asked == Sort::Read);
        if self.refuses_objects && asked == Sort::WriteOfObject {
            return Mishap::Answers(500, None);
        }
        let mut found = Mishap::None;
        let mut may = |parts: u16, mishap: Mishap, dice: &mut Dice| {
            if dice.per_mille(parts) && found == Mishap::None {
                found = mishap;
            }
        };
        may(self.failures, Mishap::Answers(500, None), dice);
        let seconds = 1 + dice.roll() % 5;
        may(self.too_many, Mishap::Answers(429, Some(seconds)), dice);
        may(if is_write { self.conflicts } else { 0 }, Mishap::Answers(409, None), dice);
        may(self.broken, Mishap::Broken, dice);
        may(self.lost, Mishap::LostAnswer, dice);
        may(self.hangs, Mishap::Hangs, dice);
        may(if is_list { self.expired } else { 0 }, Mishap::Answers(410, None), dice);
        let time = dice.between(Duration::ZERO, self.late_by);
        may(self.late, Mishap::Late(time), dice);
        may(self.late_answer, Mishap::LateAnswer(time), dice);
        found
    }

    /// What happens to a watch event.
    pub(crate) fn event(&self, dice: &mut Dice) -> WatchMishap {
        if self.outage {
            return WatchMishap::Cut;
        }
        let mut found = WatchMishap::None;
        let mut may = |parts: u16, mishap: WatchMishap, dice: &mut Dice| {
            if dice.per_mille(parts) && found == WatchMishap::None {
                found = mishap;
            }
        };
        may(self.event_cut, WatchMishap::Cut, dice);
        may(self.event_expired, WatchMishap::Expired, dice);
        may(self.event_twice, WatchMishap::Twice, dice);
        let time = dice.between(Duration::ZERO, self.late_by);
        may(self.event_late, WatchMishap::Late(time), dice);
        found
    }
}

use crate::planted::{Bug, planted};
use crate::policy::Backoff;
use crate::step::{Op, Reason};
use holdfast_merge::drift::Difference;
use holdfast_object::ObjectKey;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// What an app put right lately, and against whom: so that two writers who disagree do not shake an object.
///
/// The first heal of a field is at once. After each, the same field is left alone against the same writer, for longer
/// and longer while it goes on, and like new once it was quiet for the longest pause. Losing this costs a few writes.
#[derive(Debug, Clone, Default)]
pub struct Heals {
    fights: HashMap<Side, Fight>,
}

/// One field of one object, and who sets it otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Side {
    object: ObjectKey,
    path: String,
    manager: String,
}

#[derive(Debug, Clone, Copy)]
struct Fight {
    heals: u32,
    last: Timestamp,
    until: Timestamp,
}

impl Fight {
    /// Whether the field is left alone. Not when the last heal is yet to come: the clock went back, and nobody is to
    /// wait until it has caught up.
    fn holds(&self, now: Timestamp) -> bool {
        (self.last..self.until).contains(&now)
    }
}

/// A field that another writer sets again and again, and that is left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contest {
    /// The object.
    pub object: ObjectKey,
    /// The field; empty when the object itself is deleted again and again.
    pub path: String,
    /// Who sets it; empty when no manager is recorded, as for what admission changes or what was removed.
    pub manager: String,
    /// How often we have put it right.
    pub heals: u32,
    /// Until when it is left alone.
    pub until: Timestamp,
}

impl fmt::Display for Contest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, path, manager, heals, until } = self;
        let times = if *heals == 1 { "once".to_owned() } else { format!("{heals} times") };
        match (path.as_str(), manager.as_str()) {
            ("", _) => write!(f, "{object} was deleted and made again {times}")?,
            (path, "") => write!(
                f,
                "{object}: {path} was put right {times}, and changed again by admission or an unknown writer"
            )?,
            (path, manager) => {
                write!(f, "{object}: {path} was put right {times}, and set again by \"{manager}\"")?
            }
        }
        write!(f, "; left alone until {}", until.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// The sides that a write is against; none for one that is not about what others did.
fn sides(object: &ObjectKey, why: &Reason) -> Vec<Side> {
    let side = |path: String, manager: String| Side { object: object.clone(), path, manager };
    let of = |difference: &Difference| {
        let manager = difference.taken_by.as_ref().map(|taker| taker.manager.clone());
        side(difference.path.to_string(), manager.unwrap_or_default())
    };
    match why {
        Reason::Differs(differences) => differences.iter().map(of).collect(),
        Reason::Missing => vec![side(String::new(), String::new())],
        _ => Vec::new(),
    }
}

impl Heals {
    /// The contests that keep a write from being made now: all of its sides are left alone. Empty when it may be made,
    /// because one of them is not.
    pub fn hold(&self, object: &ObjectKey, why: &Reason, now: Timestamp) -> Vec<Contest> {
        if planted(Bug::Undamped) {
            return Vec::new();
        }
        let sides = sides(object, why);
        let held: Vec<Contest> = sides
            .iter()
            .filter_map(|side| {
                let fight = self.fights.get(side).filter(|fight| fight.holds(now))?;
                Some(Contest {
                    object: side.object.clone(),
                    path: side.path.clone(),
                    manager: side.manager.clone(),
                    heals: fight.heals,
                    until: fight.until,
                })
            })
            .collect();
        if held.len() == sides.len() { held } else { Vec::new() }
    }

    /// Notes that a write was made.
    pub fn healed(&mut self, op: &Op, backoff: &Backoff, now: Timestamp) {
        let quiet = |fight: &Fight| now.duration_since(fight.last) > signed(backoff.max);
        self.fights.retain(|_, fight| !quiet(fight));
        for side in sides(&op.object.key, &op.why) {
            let fight = self.fights.entry(side).or_insert(Fight { heals: 0, last: now, until: now });
            fight.heals = fight.heals.saturating_add(1);
            fight.last = now;
            fight.until = now.checked_add(signed(backoff.pause(fight.heals))).unwrap_or(Timestamp::MAX);
        }
    }

    /// Whether anything of an object is left alone now.
    pub(crate) fn concerns(&self, object: &ObjectKey, now: Timestamp) -> bool {
        self.fights.iter().any(|(side, fight)| side.object == *object && fight.holds(now))
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.fights.is_empty()
    }
}

impl Backoff {
    /// The pause after so many heals.
    pub fn pause(&self, heals: u32) -> Duration {
        let exponent = i32::try_from(heals.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.factor.powi(exponent);
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max).min(self.max)
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Verb;
    use holdfast_merge::drift::{DifferenceKind, Taker};
    use holdfast_merge::fields::{FieldPath, PathElement};
    use holdfast_merge::managers::Operation;
    use holdfast_object::{GroupVersionKind, ObjectRef};

    const BACKOFF: Backoff =
        Backoff { first: Duration::from_secs(1), factor: 2.0, max: Duration::from_secs(600) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn object() -> ObjectRef {
        ObjectRef::new(&GroupVersionKind::new("apps", "v1", "Deployment"), "n", "web")
    }

    fn differs(fields: &[(&str, &str)]) -> Reason {
        let difference = |(field, manager): &(&str, &str)| Difference {
            path: FieldPath(vec![PathElement::field(field)]),
            kind: DifferenceKind::Changed,
            desired: None,
            live: None,
            taken_by: (!manager.is_empty()).then(|| Taker {
                manager: (*manager).to_owned(),
                operation: Operation::Update,
                subresource: String::new(),
                time: None,
            }),
        };
        Reason::Differs(fields.iter().map(difference).collect())
    }

    fn op(why: Reason) -> Op {
        let verb = Verb::Delete { propagation: crate::Propagation::Background };
        Op { object: object(), verb, why, origin: None, precondition: None }
    }

    /// Heals whenever it may while another writer undoes it every `period` seconds; gives when.
    fn fight(why: &Reason, period: i64, seconds: i64) -> Vec<i64> {
        let mut heals = Heals::default();
        let mut writes = Vec::new();
        for second in (0..seconds).filter(|second| second % period == 0) {
            if heals.hold(&object().key, why, at(second)).is_empty() {
                heals.healed(&op(why.clone()), &BACKOFF, at(second));
                writes.push(second);
            }
        }
        writes
    }

    #[test]
    fn the_first_heal_is_at_once_and_further_ones_come_slower_and_slower() {
        let why = differs(&[("replicas", "hpa")]);
        assert_eq!(fight(&why, 1, 60), [0, 1, 3, 7, 15, 31]);
        assert_eq!(fight(&why, 3, 60), [0, 3, 6, 12, 21, 39]);
        assert_eq!(fight(&Reason::Missing, 1, 60), [0, 1, 3, 7, 15, 31]);
        let hour = fight(&why, 1, 3600);
        assert_eq!(hour.last().unwrap() - hour[hour.len() - 2], 600, "no pause is longer than the longest");
    }

    #[test]
    fn what_was_quiet_is_healed_at_once_again() {
        let why = differs(&[("replicas", "hpa")]);
        let mut heals = Heals::default();
        (0..5).for_each(|_| heals.healed(&op(why.clone()), &BACKOFF, at(0)));
        assert!(!heals.hold(&object().key, &why, at(15)).is_empty());
        heals.healed(&op(why.clone()), &BACKOFF, at(700));
        assert!(heals.hold(&object().key, &why, at(701)).is_empty(), "the pause is the first one again");
    }

    #[test]
    fn a_clock_that_goes_back_holds_up_nothing() {
        let why = differs(&[("replicas", "hpa")]);
        let mut heals = Heals::default();
        heals.healed(&op(why.clone()), &BACKOFF, at(3600));
        assert!(!heals.hold(&object().key, &why, at(3600)).is_empty());
        assert!(heals.hold(&object().key, &why, at(0)).is_empty());
        heals.healed(&op(why.clone()), &BACKOFF, at(0));
        assert!(!heals.hold(&object().key, &why, at(1)).is_empty(), "and then it is as before");
    }

    #[test]
    fn another_field_another_writer_or_another_object_is_healed_at_once() {
        let mut heals = Heals::default();
        heals.healed(&op(differs(&[("replicas", "hpa")])), &BACKOFF, at(0));
        let held =
            |key: &ObjectKey, fields: &[(&str, &str)]| !heals.hold(key, &differs(fields), at(0)).is_empty();
        assert!(held(&object().key, &[("replicas", "hpa")]));
        assert!(!held(&object().key, &[("image", "hpa")]));
        assert!(!held(&object().key, &[("replicas", "someone")]));
        assert!(!held(&object().key, &[("replicas", "hpa"), ("image", "hpa")]), "one of both is new");
        let other = ObjectKey { name: "other".into(), ..object().key };
        assert!(!held(&other, &[("replicas", "hpa")]));
    }

    #[test]
    fn a_contest_names_both_sides() {
        let mut heals = Heals::default();
        for _ in 0..3 {
            heals.healed(&op(differs(&[("replicas", "hpa")])), &BACKOFF, at(0));
        }
        let contest = &heals.hold(&object().key, &differs(&[("replicas", "hpa")]), at(1))[0];
        assert_eq!(
            contest.to_string(),
            "Deployment/n/web: .replicas was put right 3 times, and set again by \"hpa\"; left alone until \
             2023-11-14T22:13:24Z"
        );
    }
}

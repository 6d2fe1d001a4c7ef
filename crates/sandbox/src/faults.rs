//! Faults to switch on: refused, failing and slow requests, and cut watches.

use crate::status::ApiError;
use crate::store::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which requests a fault meets. Empty fields match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Verbs as RBAC names them: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verbs: Vec<String>,
    /// Plural resources, with their subresource where meant: `deployments`, `deployments/status`.
    pub resources: Vec<String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// Names.
    pub names: Vec<String>,
}

/// What a fault does to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers 429 with `Retry-After` in seconds.
    TooManyRequests(u64),
    /// Answers 500 with a message; the request is not carried out.
    Failure(String),
    /// Carries the request out, then answers 500: the client cannot know.
    LostAnswer,
    /// Answers 409 as if another writer had been faster.
    Conflict,
    /// Waits before the request is carried out.
    Delay(Duration),
    /// Never answers.
    Hang,
}

/// A switched-on fault.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    id: u64,
    matching: Matching,
    fault: Fault,
    /// How many more requests it meets; `None` for all.
    left: Option<u32>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    rules: Vec<Rule>,
    met: u64,
}

/// A handle to switch faults on and off while the sandbox runs. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    cut: Arc<Sender>,
}

/// What a request is, as far as faults look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) verb: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl Matching {
    fn matches(&self, facts: Facts<'_>) -> bool {
        let among = |list: &[String], value: &str| list.is_empty() || list.iter().any(|v| v == value);
        among(&self.verbs, facts.verb)
            && among(&self.resources, facts.resource)
            && among(&self.namespaces, facts.namespace)
            && among(&self.names, facts.name)
    }
}

impl Faults {
    /// Switches a fault on for the next `times` matching requests (`None`: until it is removed). Returns its id.
    pub fn add(&self, matching: Matching, fault: Fault, times: Option<u32>) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.next += 1;
        let id = state.next;
        state.rules.push(Rule { id, matching, fault, left: times });
        id
    }

    /// Switches a fault off.
    pub fn remove(&self, id: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rules.retain(|rule| rule.id != id);
    }

    /// Switches all faults off.
    pub fn clear(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rules.clear();
    }

    /// The number of requests that met a fault.
    pub fn met(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).met
    }

    /// Ends every open watch, as a restarting load balancer does.
    pub fn cut_watches(&self) {
        self.cut.send();
    }

    pub(crate) fn cuts(&self) -> Receiver {
        self.cut.subscribe()
    }

    /// The first fault that meets a request.
    pub(crate) fn meet(&self, facts: Facts<'_>) -> Option<Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at = state.rules.iter().position(|rule| rule.left != Some(0) && rule.matching.matches(facts))?;
        let rule = &mut state.rules[at];
        let fault = rule.fault.clone();
        if let Some(left) = &mut rule.left {
            *left -= 1;
            if *left == 0 {
                state.rules.remove(at);
            }
        }
        state.met += 1;
        Some(fault)
    }
}

impl Fault {
    /// The failure that this fault answers instead of carrying the request out.
    pub(crate) fn refusal(&self, facts: Facts<'_>) -> Option<ApiError> {
        match self {
            Self::TooManyRequests(seconds) => Some(ApiError::too_many_requests(*seconds)),
            Self::Failure(message) => Some(ApiError::internal(message)),
            Self::Conflict => {
                let named = crate::status::Named { group: "", what: facts.resource };
                Some(ApiError::modified(named, facts.name))
            }
            Self::LostAnswer | Self::Delay(_) | Self::Hang => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_meets_what_it_matches_as_often_as_asked() {
        let faults = Faults::default();
        let matching = Matching { verbs: vec!["patch".into()], ..Matching::default() };
        faults.add(matching, Fault::TooManyRequests(3), Some(2));
        let facts = |verb| Facts { verb, resource: "pods", namespace: "a", name: "b" };
        assert_eq!(faults.meet(facts("get")), None);
        assert_eq!(faults.meet(facts("patch")), Some(Fault::TooManyRequests(3)));
        assert!(faults.meet(facts("patch")).is_some());
        assert_eq!(faults.meet(facts("patch")), None);
        assert_eq!(faults.met(), 2);
    }
}

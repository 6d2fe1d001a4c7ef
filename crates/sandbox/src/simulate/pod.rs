//! Nodes: a pod is placed, its containers start, become ready, fail or end as the image table says.

use super::hands::{Hands, NODE, PODS};
use super::images::ImageBehaviour;
use crate::random::stable_hash;
use crate::store::Name;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// The node on which everything runs.
pub(super) const NODE_NAME: &str = "sandbox-node";
pub(super) const NODE_ADDRESS: &str = "192.0.2.1";
/// How long containers take to stop, at most.
const STOP: Duration = Duration::from_secs(1);
/// How long a container that crashes runs.
const CRASH_AFTER: Duration = Duration::from_secs(1);
/// The first wait before a crashed container is started again; it doubles up to the longest.
const BACK_OFF: Duration = Duration::from_secs(10);
const BACK_OFF_MAX: Duration = Duration::from_secs(300);

/// What is known of the pods beyond their objects.
#[derive(Debug, Default)]
pub(super) struct Nursery {
    pods: HashMap<String, Life>,
}

#[derive(Debug, Clone)]
struct Life {
    started: Instant,
    /// When the end of its containers was first seen.
    ending: Option<Instant>,
}

/// What all containers together make of a pod at a moment.
struct Seen {
    phase: &'static str,
    statuses: Vec<Value>,
    ready: bool,
    next: Option<Instant>,
}

impl Nursery {
    /// Brings a pod to where it should be. Answers when to look again.
    pub(super) fn sync(&mut self, hands: &Hands<'_>, name: &Name) -> Option<Instant> {
        let pod = hands.get_any(PODS, name)?;
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let now = Instant::now();
        let life = self.pods.entry(uid.clone()).or_insert(Life { started: now, ending: None });
        if pod["metadata"].get("deletionTimestamp").is_some() {
            let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or_default();
            let ending = *life.ending.get_or_insert(now);
            let over = ending + STOP.min(Duration::from_secs(grace));
            if now < over {
                return Some(over);
            }
            self.pods.remove(&uid);
            hands.delete(PODS, &pod, Some(0));
            return None;
        }
        let life = life.clone();
        if pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
            place(hands, name);
            return None;
        }
        if matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
            return None;
        }
        let seen = see(hands, &pod, &life);
        let status = status(hands, &pod, &seen);
        hands.update_status(PODS, &pod, status, NODE);
        seen.next
    }
}

/// Binds a pod to the node.
fn place(hands: &Hands<'_>, name: &Name) {
    let at = hands.timestamp();
    crate::verbs::change_raw(hands.core, &"pods".into(), name, |pod| {
        pod["spec"]["nodeName"] = NODE_NAME.into();
        set_condition(&mut pod["status"], "PodScheduled", true, None, &at);
        Some(())
    });
}

fn see(hands: &Hands<'_>, pod: &Value, life: &Life) -> Seen {
    let ends = pod["spec"]["restartPolicy"] != "Always";
    let age = Instant::now() - life.started;
    let mut seen = Seen { phase: "Pending", statuses: Vec::new(), ready: true, next: None };
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let (mut running, mut done, mut failed, mut count) = (0, 0, 0, 0);
    for container in containers {
        count += 1;
        let image = container["image"].as_str().unwrap_or_default();
        let behaviour = hands.core.options.images.behaviour(image);
        let state =
            container_state(behaviour, age, pod["spec"]["restartPolicy"].as_str().unwrap_or("Always"));
        running += i32::from(state.phase == Phase::Running);
        done += i32::from(state.phase == Phase::Done);
        failed += i32::from(state.phase == Phase::Failed);
        seen.ready &= state.ready;
        if let Some(next) = state.next {
            let at = life.started + next;
            seen.next = Some(seen.next.map_or(at, |other| other.min(at)));
        }
        seen.statuses.push(container_status(hands, container, &state, life));
    }
    seen.phase = match () {
        () if ends && failed > 0 && running == 0 => "Failed",
        () if ends && done == count => "Succeeded",
        () if running + done + failed > 0 => "Running",
        () => "Pending",
    };
    seen
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Done,
    Failed,
}

/// What a container is at an age of its pod, and the age at which that changes.
struct State {
    phase: Phase,
    ready: bool,
    restarts: u64,
    reason: &'static str,
    message: String,
    /// The age at which the present run began or the last one ended.
    since: Duration,
    next: Option<Duration>,
}

fn container_state(behaviour: &ImageBehaviour, age: Duration, restart: &str) -> State {
    let state = |phase, ready, reason| State {
        phase,
        ready,
        restarts: 0,
        reason,
        message: String::new(),
        since: Duration::ZERO,
        next: None,
    };
    match behaviour {
        ImageBehaviour::Ready { after } if restart == "Always" => match age < *after {
            true => State { next: Some(*after), ..state(Phase::Waiting, false, "ContainerCreating") },
            false => State { since: *after, ..state(Phase::Running, true, "") },
        },
        // What is not restarted is a task: it runs for a while, and is done.
        ImageBehaviour::Ready { after } => match age < *after {
            true => State { next: Some(*after), ..state(Phase::Running, true, "") },
            false => State { since: *after, ..state(Phase::Done, false, "Completed") },
        },
        ImageBehaviour::NeverReady => state(Phase::Running, false, ""),
        ImageBehaviour::PullError => State {
            message: "simulated: the image cannot be pulled".into(),
            ..state(Phase::Waiting, false, if age < BACK_OFF { "ErrImagePull" } else { "ImagePullBackOff" })
        }
        .until(BACK_OFF, age),
        ImageBehaviour::Crash if restart == "Never" => match age < CRASH_AFTER {
            true => State { next: Some(CRASH_AFTER), ..state(Phase::Running, false, "") },
            false => State { since: CRASH_AFTER, ..state(Phase::Failed, false, "Error") },
        },
        ImageBehaviour::Crash => crash_loop(age),
    }
}

impl State {
    fn until(mut self, at: Duration, age: Duration) -> Self {
        if age < at {
            self.next = Some(at);
        }
        self
    }
}

/// Runs, ends, waits twice as long, runs again.
fn crash_loop(age: Duration) -> State {
    let (mut start, mut wait, mut restarts) = (Duration::ZERO, BACK_OFF, 0);
    loop {
        let end = start + CRASH_AFTER;
        let running = age < end;
        let again = end + wait;
        if running || age < again {
            return State {
                phase: if running { Phase::Running } else { Phase::Waiting },
                ready: false,
                restarts,
                reason: "CrashLoopBackOff",
                message: format!("back-off {}s restarting failed container (simulated)", wait.as_secs()),
                since: if running { start } else { end },
                next: Some(if running { end } else { again }),
            };
        }
        restarts += 1;
        start = again;
        wait = (wait * 2).min(BACK_OFF_MAX);
    }
}

fn container_status(hands: &Hands<'_>, container: &Value, state: &State, life: &Life) -> Value {
    let moment = |age: Duration| {
        let at = hands.now() - (Instant::now() - life.started) + age;
        crate::clock::format_time(at)
    };
    let terminated = |code: i64, reason: &str, from: Duration, to: Duration| json!({"exitCode": code, "reason": reason, "startedAt": moment(from), "finishedAt": moment(to)});
    let (shown, last) = match state.phase {
        Phase::Waiting => {
            let mut waiting = json!({"reason": state.reason});
            if !state.message.is_empty() {
                waiting["message"] = state.message.as_str().into();
            }
            let last = if state.reason == "CrashLoopBackOff" {
                let begun = state.since.saturating_sub(CRASH_AFTER);
                json!({"terminated": terminated(1, "Error", begun, state.since)})
            } else {
                json!({})
            };
            (json!({"waiting": waiting}), last)
        }
        Phase::Running => (json!({"running": {"startedAt": moment(state.since)}}), json!({})),
        Phase::Done => {
            (json!({"terminated": terminated(0, "Completed", Duration::ZERO, state.since)}), json!({}))
        }
        Phase::Failed => {
            (json!({"terminated": terminated(1, "Error", Duration::ZERO, state.since)}), json!({}))
        }
    };
    json!({
        "name": container["name"], "image": container["image"], "imageID": "", "ready": state.ready,
        "started": state.phase == Phase::Running, "restartCount": state.restarts, "state": shown, "lastState": last,
    })
}

fn status(hands: &Hands<'_>, pod: &Value, seen: &Seen) -> Value {
    let at = hands.timestamp();
    let mut status = pod["status"].clone();
    status["phase"] = seen.phase.into();
    status["observedGeneration"] = pod["metadata"]["generation"].clone();
    if status.get("startTime").is_none() {
        status["startTime"] = at.as_str().into();
    }
    status["hostIP"] = NODE_ADDRESS.into();
    status["hostIPs"] = json!([{"ip": NODE_ADDRESS}]);
    let ip = address(pod["metadata"]["uid"].as_str().unwrap_or_default());
    status["podIP"] = ip.as_str().into();
    status["podIPs"] = json!([{"ip": ip}]);
    let over = match seen.phase {
        "Succeeded" => Some(("PodCompleted", String::new())),
        "Failed" => Some(("PodFailed", String::new())),
        _ => {
            let unready: Vec<&str> = seen
                .statuses
                .iter()
                .filter(|s| s["ready"] != true)
                .filter_map(|s| s["name"].as_str())
                .collect();
            Some(("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" "))))
        }
    };
    let initialised = (seen.phase == "Succeeded").then(|| ("PodCompleted", String::new()));
    set_condition(&mut status, "PodReadyToStartContainers", true, None, &at);
    set_condition(&mut status, "Initialized", true, initialised, &at);
    let why = if seen.ready { None } else { over };
    set_condition(&mut status, "Ready", seen.ready, why.clone(), &at);
    set_condition(&mut status, "ContainersReady", seen.ready, why, &at);
    status["containerStatuses"] = seen.statuses.clone().into();
    status
}

/// A pod's address, from its uid.
fn address(uid: &str) -> String {
    let hash = stable_hash(uid.as_bytes());
    format!("10.244.{}.{}", hash % 250, (hash >> 8) % 250 + 2)
}

fn set_condition(status: &mut Value, kind: &str, is: bool, why: Option<(&str, String)>, at: &str) {
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    let text = if is { "True" } else { "False" };
    let found = conditions.iter().position(|c| c["type"] == kind);
    let since = found
        .filter(|i| conditions[*i]["status"] == text)
        .map_or(Value::from(at), |i| conditions[i]["lastTransitionTime"].clone());
    let mut condition =
        json!({"type": kind, "status": text, "lastProbeTime": null, "lastTransitionTime": since});
    if let Some((reason, message)) = why {
        condition["reason"] = reason.into();
        if !message.is_empty() {
            condition["message"] = message.into();
        }
    }
    match found {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crashing_container_waits_longer_each_time() {
        let at = |seconds| {
            let state = crash_loop(Duration::from_secs(seconds));
            (state.restarts, state.phase == Phase::Running, state.next.map(|n| n.as_secs()))
        };
        assert_eq!(at(0), (0, true, Some(1)));
        assert_eq!(at(5), (0, false, Some(11)));
        assert_eq!(at(11), (1, true, Some(12)));
        assert_eq!(at(20), (1, false, Some(32)));
    }

    #[test]
    fn a_task_ends() {
        let behaviour = ImageBehaviour::Ready { after: Duration::from_secs(2) };
        let phase = |seconds| container_state(&behaviour, Duration::from_secs(seconds), "Never").phase;
        assert!(phase(1) == Phase::Running && phase(2) == Phase::Done);
    }
}

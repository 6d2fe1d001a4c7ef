//! One task that follows every change, decides which simulators have work, and runs them in a fixed order.

use super::garbage::Graph;
use super::hands::Hands;
use super::{daemon_set, deployment, job, network, pod, replica_set, stateful_set, volume};
use crate::core::Core;
use crate::store::{Bucket, Change, ChangeKind, Cursor, Name, Poll};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// After how many pieces of work the runtime may run something else.
const BREATH: usize = 32;

/// Who has work to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Garbage(Bucket, Name),
    Deployment(Name),
    ReplicaSet(Name),
    StatefulSet(Name),
    DaemonSet(Name),
    Job(Name),
    Pod(Name),
    Claim(Name),
    Volume(Name),
    Service(Name),
    Ingress(Name),
    Budget(Name),
}

struct Driver {
    core: Arc<Core>,
    graph: Graph,
    pods: pod::Nursery,
    cursors: BTreeMap<Bucket, Cursor>,
    queue: BTreeSet<Work>,
    timers: BTreeMap<Instant, BTreeSet<Work>>,
}

/// Runs the simulators for as long as the sandbox lives.
pub(super) async fn run(core: Arc<Core>) {
    let mut any = core.store.any_change();
    let mut driver = Driver {
        core,
        graph: Graph::default(),
        pods: pod::Nursery::default(),
        cursors: BTreeMap::new(),
        queue: BTreeSet::new(),
        timers: BTreeMap::new(),
    };
    loop {
        any.mark_unchanged();
        driver.observe();
        if let Some(work) = driver.queue.pop_first() {
            driver.run_some(work);
            tokio::task::yield_now().await;
            continue;
        }
        let wake = driver.timers.keys().next().copied();
        tokio::select! {
            biased;
            () = any.changed() => {}
            () = sleep_until(wake) => driver.ring(),
        }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Driver {
    /// Reads all changes since the last time, in the order of the resources' names.
    fn observe(&mut self) {
        let Self { core, graph, cursors, queue, .. } = self;
        if core.store.bucket_count() != cursors.len() {
            for bucket in core.store.buckets() {
                cursors.entry(bucket.clone()).or_insert_with(|| core.store.follow_from(&bucket, 0));
            }
        }
        for (bucket, cursor) in cursors {
            // Asked after every piece of work: most resources have nothing new.
            while cursor.has_changed() {
                match core.store.poll(cursor) {
                    Poll::Changes(changes) => {
                        for change in &changes {
                            observe_one(core, graph, queue, bucket, change);
                        }
                    }
                    Poll::Lost(_) => {
                        // Deletions in the gap are found by their dependents' next change.
                        let snapshot = core.store.snapshot(bucket, "");
                        for object in snapshot.objects {
                            let change = Change {
                                revision: object.revision(),
                                kind: ChangeKind::Added,
                                object,
                                previous: None,
                            };
                            observe_one(core, graph, queue, bucket, &change);
                        }
                        *cursor = core.store.follow_from(bucket, snapshot.revision);
                    }
                }
            }
        }
    }

    fn run_some(&mut self, first: Work) {
        let mut next = Some(first);
        for _ in 0..BREATH {
            let Some(work) = next else { return };
            self.run(work);
            self.observe();
            next = self.queue.pop_first();
        }
        self.queue.extend(next);
    }

    fn run(&mut self, work: Work) {
        let hands = Hands { core: &self.core, graph: &self.graph };
        let again = match &work {
            Work::Garbage(bucket, name) => {
                self.graph.sync(&self.core, bucket, name);
                None
            }
            Work::Deployment(name) => deployment::sync(&hands, name),
            Work::ReplicaSet(name) => replica_set::sync(&hands, name),
            Work::StatefulSet(name) => stateful_set::sync(&hands, name),
            Work::DaemonSet(name) => daemon_set::sync(&hands, name),
            Work::Job(name) => job::sync(&hands, name),
            Work::Pod(name) => self.pods.sync(&hands, name),
            Work::Claim(name) => volume::sync(&hands, name),
            Work::Volume(name) => volume::sync_volume(&hands, name),
            Work::Service(name) => network::sync_service(&hands, name),
            Work::Ingress(name) => network::sync_ingress(&hands, name),
            Work::Budget(name) => network::sync_budget(&hands, name),
        };
        if let Some(at) = again {
            self.timers.entry(at).or_default().insert(work);
        }
    }

    fn ring(&mut self) {
        let now = Instant::now();
        while let Some(entry) = self.timers.first_entry().filter(|e| *e.key() <= now) {
            self.queue.extend(entry.remove());
        }
    }
}

fn observe_one(core: &Core, graph: &mut Graph, queue: &mut BTreeSet<Work>, bucket: &Bucket, change: &Change) {
    for (bucket, name) in graph.observe(bucket, change) {
        queue.insert(Work::Garbage(bucket, name));
    }
    if !core.options.simulate_workloads {
        return;
    }
    let name = change.object.name();
    let work = match &**bucket {
        "deployments.apps" => Work::Deployment(name.clone()),
        "replicasets.apps" => Work::ReplicaSet(name.clone()),
        "statefulsets.apps" => Work::StatefulSet(name.clone()),
        "daemonsets.apps" => Work::DaemonSet(name.clone()),
        "jobs.batch" => Work::Job(name.clone()),
        "pods" => {
            for service in core.store.list("services", &name.namespace) {
                queue.insert(Work::Service(service.name().clone()));
            }
            for budget in core.store.list("poddisruptionbudgets.policy", &name.namespace) {
                queue.insert(Work::Budget(budget.name().clone()));
            }
            Work::Pod(name.clone())
        }
        "persistentvolumeclaims" => Work::Claim(name.clone()),
        "persistentvolumes" => Work::Volume(name.clone()),
        "services" => Work::Service(name.clone()),
        "ingresses.networking.k8s.io" => Work::Ingress(name.clone()),
        "poddisruptionbudgets.policy" => Work::Budget(name.clone()),
        _ => return,
    };
    queue.insert(work);
    if let Some(owner) = change.object.controller() {
        let owner_name = Name::new(&name.namespace, &owner.name);
        let work = match &*owner.kind {
            "Deployment" => Work::Deployment(owner_name),
            "ReplicaSet" => Work::ReplicaSet(owner_name),
            "StatefulSet" => Work::StatefulSet(owner_name),
            "DaemonSet" => Work::DaemonSet(owner_name),
            "Job" => Work::Job(owner_name),
            _ => return,
        };
        queue.insert(work);
    }
}

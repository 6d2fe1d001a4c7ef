//! Carries out the operations of a step against a cluster.
//!
//! [`Applier::run`] sends the operations of one stage concurrently and gives a result for each, in order. It decides
//! nothing: what is written, and on which precondition, is in the [`Op`]; what comes of it is recorded by the caller.

mod delete;
mod explain;
mod server_side;
mod three_way;

use futures::{FutureExt, StreamExt, stream};
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, ApiResource, Cluster};
use holdfast_object::{Object, Value};
use holdfast_sync::{Bug, Change, Op, OpResult, Verb, WriteMode, planted};
use std::sync::Arc;

/// How many operations are under way at once, unless the caller says otherwise. The API server's own limit for one
/// client is far above; more only makes its queue longer.
pub const DEFAULT_CONCURRENCY: usize = 32;

/// How often a write on what was read is tried while others write the same object (kubectl: `maxPatchRetry`).
const MOST_TRIES: u32 = 5;

/// Writes to one cluster under one identity. Cheap to clone.
#[derive(Clone)]
pub struct Applier {
    cluster: Cluster,
    concurrency: usize,
    dry_run: bool,
}

/// What a write came to.
struct Written {
    change: Change,
    resource_version: String,
}

impl Applier {
    /// An applier with [`DEFAULT_CONCURRENCY`].
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster, concurrency: DEFAULT_CONCURRENCY, dry_run: false }
    }

    /// The same, asking the server to check every write without keeping it.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Carries out operations, several at once, begun in order. One result for each, in order.
    pub async fn run(&self, ops: &[Op]) -> Vec<OpResult> {
        let under_way: Vec<_> = ops.iter().map(|op| self.carry_out(op).boxed()).collect();
        stream::iter(under_way).buffered(self.concurrency).collect().await
    }

    async fn carry_out(&self, op: &Op) -> OpResult {
        let mut result = self.try_out(op).await;
        for _ in 0..if planted(Bug::NoBackOff) { 40 } else { 0 } {
            if matches!(result, OpResult::Failed { .. }) {
                result = self.try_out(op).await;
            }
        }
        result
    }

    async fn try_out(&self, op: &Op) -> OpResult {
        let result = match &op.verb {
            Verb::Delete { propagation } => self.delete(op, *propagation).await,
            Verb::Apply { desired, mode, recreate_immutable, verify } => {
                match self.verify_or_write(op, desired, mode, verify.as_deref()).await {
                    Err(error) if error.kind == ApiErrorKind::Immutable && *recreate_immutable => {
                        return self.begin_recreation(op).await;
                    }
                    other => other.map(Some),
                }
            }
        };
        match result {
            Ok(Some(written)) => {
                OpResult::Done { change: written.change, resource_version: written.resource_version }
            }
            Ok(None) => OpResult::Stale,
            Err(error) => explain::failure(op, error),
        }
    }

    /// Writes; where a live object is to be verified first, only when the server says that the write would change it.
    async fn verify_or_write(
        &self,
        op: &Op,
        desired: &Arc<Object>,
        mode: &WriteMode,
        verify: Option<&Object>,
    ) -> Result<Written, ApiError> {
        if let (Some(live), WriteMode::ServerSide { manager, force, .. }) = (verify, mode)
            && self.would_be_unchanged(op, desired, live, manager, *force).await?
        {
            let resource_version = live.resource_version().to_owned();
            return Ok(Written { change: Change::Unchanged, resource_version });
        }
        self.write(op, desired, mode).await
    }

    async fn write(&self, op: &Op, desired: &Arc<Object>, mode: &WriteMode) -> Result<Written, ApiError> {
        let resource = self.cluster.resource(&op.object.gvk()).await?;
        match mode {
            WriteMode::ServerSide { manager, force, fold } => {
                self.apply_server_side(&resource, op, desired, manager, *force, fold).await
            }
            WriteMode::ThreeWay { manager } => {
                let modified = three_way::with_last_applied(desired);
                self.write_on_live(&resource, op, &modified, Way::ThreeWay, manager).await
            }
            WriteMode::Replace { manager } => {
                self.write_on_live(&resource, op, desired, Way::Replace, manager).await
            }
        }
    }

    /// Reads the object and writes on what was read. A write that was refused because the object has changed
    /// meanwhile is made anew on what it is then, a few times.
    async fn write_on_live(
        &self,
        resource: &ApiResource,
        op: &Op,
        desired: &Object,
        way: Way,
        manager: &str,
    ) -> Result<Written, ApiError> {
        let key = &op.object.key;
        let mut tries = 1;
        loop {
            let request = ApiRequest::get_object(resource, &key.namespace, &key.name);
            let live = match self.cluster.request(request).await {
                Ok(answer) => Some(parse(&answer.body)?),
                Err(error) if error.kind == ApiErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            let result = match (&live, way) {
                (None, _) => self.create(resource, op, desired, manager).await,
                (Some(live), Way::ThreeWay) => {
                    self.patch_three_way(resource, op, live, desired, manager).await
                }
                (Some(live), Way::Replace) => self.replace(resource, op, live, desired, manager).await,
            };
            match result {
                Err(error) if tries < MOST_TRIES && is_outdated(&error, live.is_some()) => tries += 1,
                result => return result,
            }
        }
    }

    /// `kubectl replace`.
    async fn replace(
        &self,
        resource: &ApiResource,
        op: &Op,
        live: &Value,
        desired: &Object,
        manager: &str,
    ) -> Result<Written, ApiError> {
        let key = &op.object.key;
        let version = text_at(live, "/metadata/resourceVersion");
        let mut body = desired.clone();
        body.metadata_mut().insert("resourceVersion".into(), version.clone().into());
        let body = body.into_value().to_string();
        let request =
            ApiRequest::replace(resource, &key.namespace, &key.name, body).query("fieldManager", manager);
        let answer = self.cluster.request(self.maybe_dry(request)).await?;
        written(&answer.body, Some(&version), answer.status)
    }

    async fn create(
        &self,
        resource: &ApiResource,
        op: &Op,
        desired: &Object,
        manager: &str,
    ) -> Result<Written, ApiError> {
        let body = desired.to_value().to_string();
        let request =
            ApiRequest::create(resource, &op.object.key.namespace, body).query("fieldManager", manager);
        let answer = self.cluster.request(self.maybe_dry(request)).await?;
        written(&answer.body, None, 201)
    }

    fn maybe_dry(&self, request: ApiRequest) -> ApiRequest {
        if self.dry_run { request.query("dryRun", "All") } else { request }
    }
}

/// How an object that is there is written from what was read of it.
#[derive(Clone, Copy)]
enum Way {
    ThreeWay,
    Replace,
}

/// Whether a write came too late: the object is not any more as it was read.
fn is_outdated(error: &ApiError, was_there: bool) -> bool {
    match error.kind {
        ApiErrorKind::Conflict => true,
        ApiErrorKind::AlreadyExists => !was_there,
        ApiErrorKind::NotFound => was_there,
        _ => false,
    }
}

/// What an answer to a write says: a creation by its status, no change by a resourceVersion that did not move.
fn written(body: &[u8], before: Option<&str>, status: u16) -> Result<Written, ApiError> {
    let answer: Value = parse(body)?;
    let resource_version = text_at(&answer, "/metadata/resourceVersion");
    let change = match before {
        _ if status == 201 => Change::Created,
        Some(before) if before == resource_version => Change::Unchanged,
        _ => Change::Configured,
    };
    Ok(Written { change, resource_version })
}

fn parse(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|e| ApiError::unreadable(&e))
}

fn text_at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

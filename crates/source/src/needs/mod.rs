//! The fetches a render asks for: remote bases, files behind URLs, charts.
//!
//! A renderer is pure: what lies elsewhere it answers as a [`Need`]. [`Sources::provide`] runs it, fetches what it
//! asks for and runs it again, until it has all it wants. What it may fetch, with whose credentials and how old an
//! answer may be is a [`FetchPolicy`].

mod files;
mod grants;
mod submodules;

pub(crate) use files::HttpFiles;
pub use grants::Grants;

use crate::offload::offload;
use crate::{Artifact, GitRef, GitUrl, Scheme, SourceError, Sources};
use futures::StreamExt;
use holdfast_render::{Answer, Content, Need, Provided};
use holdfast_semver::Constraint;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What may be fetched for a render, and how.
#[derive(Debug, Clone)]
pub struct FetchPolicy {
    /// Whose credentials go where.
    pub grants: Grants,
    /// How old the answer to a moving reference, a version range or a URL may be. A commit and an exact version are
    /// never asked for again.
    pub max_age: Duration,
    /// Whether anything is fetched at all (the opposite of Flux' `--no-remote-bases`).
    pub remote: bool,
    /// Whether repositories on this machine are read: for a person's own commands, never for a controller.
    pub local: bool,
    /// Bounds on one render.
    pub limits: NeedLimits,
}

impl FetchPolicy {
    /// Fetches from anywhere but this machine, with nobody's credentials.
    pub fn anonymous(max_age: Duration) -> Self {
        Self { grants: Grants::default(), max_age, remote: true, local: false, limits: NeedLimits::default() }
    }
}

/// How much one render may ask for. Every error about a limit names its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedLimits {
    /// How often a render is run again with more answers: bases of bases of bases.
    pub rounds: usize,
    /// How many repositories, files and charts.
    pub needs: usize,
    /// Files and charts together, in bytes. Repositories are bounded by the limits of their cache.
    pub bytes: u64,
    /// How many are fetched at once.
    pub concurrent: usize,
    /// The time for all of it.
    pub time: Duration,
}

impl Default for NeedLimits {
    /// 256 parts in 32 rounds, 256 MiB, five minutes.
    fn default() -> Self {
        Self { rounds: 32, needs: 256, bytes: 256 << 20, concurrent: 8, time: Duration::from_secs(300) }
    }
}

/// Why a render that asks for remote parts did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvideError<E> {
    /// The render failed.
    #[error("{0}")]
    Render(E),
    /// The render failed after parts of it could not be fetched; it names them and the reasons.
    #[error("{error}")]
    Unanswered {
        /// What the render says.
        error: E,
        /// Whether trying again may succeed.
        transient: bool,
    },
    /// It asks for more than it may.
    #[error("the source asks for more than {limit} {what} (limit {name} of remote parts)")]
    TooMuch {
        /// What was counted.
        what: &'static str,
        /// The limit's name in [`NeedLimits`].
        name: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Fetching took too long.
    #[error("remote parts were not there after {} s (limit time of remote parts): {waiting}", .after.as_secs())]
    TimedOut {
        /// The time limit.
        after: Duration,
        /// What was waited for.
        waiting: String,
    },
    /// The render asks again for what it was given, or panicked: a fault of ours.
    #[error("the render broke off: {0}")]
    BrokeOff(String),
}

impl<E> ProvideError<E> {
    /// Whether trying again without any change may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unanswered { transient: true, .. } | Self::TimedOut { .. })
    }
}

/// A step of a render: its end, or what it needs to go on.
pub type Step<T> = Result<T, Vec<Need>>;

impl Sources {
    /// Runs a render until it has what it asks for. `run` is called on a thread that may block, with more answers each
    /// time; a need that cannot be met is answered with the reason, so that the render says where it was asked for.
    ///
    /// # Errors
    /// [`ProvideError`].
    pub async fn provide<T, E>(
        &self,
        policy: &FetchPolicy,
        run: impl Fn(&Provided) -> Result<Step<T>, E> + Send + Sync + 'static,
    ) -> Result<T, ProvideError<E>>
    where
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let run = Arc::new(run);
        let mut collected = Collected::default();
        let deadline = tokio::time::Instant::now() + policy.limits.time;
        for _ in 0..policy.limits.rounds {
            let (run, provided) = (run.clone(), collected.provided);
            let done = offload(move || (run(&provided), provided)).await;
            let (result, provided) = done.map_err(|e| ProvideError::BrokeOff(e.to_string()))?;
            collected.provided = provided;
            let needs = match result {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(needs)) => needs,
                Err(error) if !collected.failed => return Err(ProvideError::Render(error)),
                Err(error) => {
                    return Err(ProvideError::Unanswered { error, transient: collected.transient });
                }
            };
            collected.check(&needs, policy)?;
            let waiting = needs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let after = policy.limits.time;
            let fetched = tokio::time::timeout_at(deadline, self.answer(needs, policy));
            let fetched = fetched.await.map_err(|_| ProvideError::TimedOut { after, waiting })?;
            for (need, answer) in fetched {
                collected.add(need, answer, policy)?;
            }
        }
        let limit = policy.limits.rounds as u64;
        Err(ProvideError::TooMuch { what: "remote parts below one another", name: "rounds", limit })
    }

    /// Fetches needs, several at a time, in their order.
    async fn answer(
        &self,
        needs: Vec<Need>,
        policy: &FetchPolicy,
    ) -> Vec<(Need, Result<Answer, SourceError>)> {
        let fetches = needs.into_iter().map(|need| async move {
            let answer = self.fetch_need(&need, policy).await;
            if let Err(error) = &answer {
                tracing::debug!(%need, %error, "a remote part cannot be fetched");
            }
            (need, answer)
        });
        futures::stream::iter(fetches).buffered(policy.limits.concurrent.max(1)).collect().await
    }

    async fn fetch_need(&self, need: &Need, policy: &FetchPolicy) -> Result<Answer, SourceError> {
        match need {
            // Not even a stand-in: whoever switched remote bases off wants none.
            _ if !policy.remote => Err(SourceError::InvalidUrl {
                url: need.to_string(),
                reason: "remote parts of a source are switched off".into(),
            }),
            Need::Git { url, reference, submodules } => {
                let wanted = match reference.as_str() {
                    "" => GitRef::Head,
                    reference => GitRef::Revision(reference.to_owned()),
                };
                let Artifact { tree, digest, .. } = self.git_at(url, &wanted, policy).await?;
                // The digest tells of them too: their commits and addresses are part of the tree.
                let tree = if *submodules { self.with_submodules(url, tree, policy).await? } else { tree };
                Ok(Answer { content: Content::Tree(tree), digest })
            }
            Need::Http { url } => {
                let access = policy.grants.access(url).access;
                let downloads = self.registries().downloads();
                let body = self.http_files().get(downloads, url, &access, policy.max_age).await?;
                Ok(file_answer(body))
            }
            Need::Chart { repository, name, version } => {
                self.chart_need((repository, name, version), policy).await
            }
        }
    }

    /// A repository that a render names, or one that it brings along.
    async fn git_at(
        &self,
        url: &str,
        wanted: &GitRef,
        policy: &FetchPolicy,
    ) -> Result<Artifact, SourceError> {
        let parsed = GitUrl::parse(url)?;
        if parsed.scheme() == Scheme::File && !policy.local && !self.is_stood_in_for(&parsed) {
            return Err(SourceError::InvalidUrl {
                url: parsed.to_string(),
                reason: "repositories on this machine are not read".into(),
            });
        }
        let access = policy.grants.access(url).access;
        self.git(url, wanted, &access, policy.max_age).await
    }

    async fn chart_need(
        &self,
        (repository, name, version): (&str, &str, &str),
        policy: &FetchPolicy,
    ) -> Result<Answer, SourceError> {
        if !["https://", "http://", "oci://"].iter().any(|scheme| repository.starts_with(scheme)) {
            return Err(SourceError::InvalidUrl {
                url: repository.to_owned(),
                reason: "a chart repository is named by an https:// or oci:// address".into(),
            });
        }
        let access = policy.grants.access(repository);
        let exact = Constraint::parse(version).is_ok_and(|range| range.exact().is_some());
        let charts = self.charts();
        if exact {
            // A published version stays what it is: any index that lists it will do.
            match charts.chart(repository, name, version, &access, FOR_EVER).await {
                Err(SourceError::RefNotFound { .. }) => {}
                found => return found.map(chart_answer),
            }
        }
        charts.chart(repository, name, version, &access, policy.max_age).await.map(chart_answer)
    }
}

/// Older than anything that is kept in memory.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

fn file_answer(body: bytes::Bytes) -> Answer {
    use sha2::{Digest, Sha256};
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
    Answer { content: Content::Bytes(body), digest }
}

fn chart_answer(chart: crate::Chart) -> Answer {
    Answer { content: Content::Bytes(chart.archive), digest: chart.digest }
}

/// What a render was given so far.
#[derive(Default)]
struct Collected {
    provided: Provided,
    needs: usize,
    bytes: u64,
    failed: bool,
    /// Something failed that may succeed another time.
    transient: bool,
}

impl Collected {
    fn check<E>(&mut self, needs: &[Need], policy: &FetchPolicy) -> Result<(), ProvideError<E>> {
        if needs.is_empty() || needs.iter().any(|need| self.provided.get(need).is_some()) {
            let asked = needs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(ProvideError::BrokeOff(format!("it asks again for what it was given: {asked}")));
        }
        self.needs += needs.len();
        let limit = policy.limits.needs;
        if self.needs > limit {
            return Err(ProvideError::TooMuch { what: "remote parts", name: "needs", limit: limit as u64 });
        }
        Ok(())
    }

    fn add<E>(
        &mut self,
        need: Need,
        answer: Result<Answer, SourceError>,
        policy: &FetchPolicy,
    ) -> Result<(), ProvideError<E>> {
        match answer {
            Ok(answer) => {
                self.bytes += answer.bytes();
                let limit = policy.limits.bytes;
                if self.bytes > limit {
                    return Err(ProvideError::TooMuch { what: "bytes", name: "bytes", limit });
                }
                self.provided.answer(need, answer);
            }
            Err(error) => {
                self.failed = true;
                self.transient |= error.is_transient();
                self.provided.failed(need, format!("{error} ({})", error.hint()));
            }
        }
        Ok(())
    }
}

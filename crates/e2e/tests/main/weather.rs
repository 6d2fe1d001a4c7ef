//! What happens on the way to a real API server: answers that are late, lost or refused, watches that break off, repeat
//! themselves or lag, and a clock that jumps. The whole product runs in this process behind a wire that does it.

use crate::bed::{ARGOCD, Bed, config_map, connect, value};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use holdfast_cluster::Cluster;
use holdfast_controller::Clock;
use holdfast_object::json;
use holdfast_platform::{Platform, PlatformOptions};
use holdfast_testcluster::cluster::ADMIN;
use holdfast_testcluster::git::Change;
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::client::Body;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tower::BoxError;

/// What the wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Three of four requests: 429 with `Retry-After`.
    TooMany,
    /// Every other write: 409.
    Conflicts,
    /// Every other write: 500, not carried out.
    Failures,
    /// Every other write: carried out, then 500.
    LostAnswers,
    /// Every answer is late.
    Slow,
    /// Watches break off in the middle of an event.
    CutWatches,
    LateEvents,
    TwiceEvents,
}

use Weather::{Conflicts, CutWatches, Failures, Fair, LateEvents, LostAnswers, Slow, TooMany, TwiceEvents};

const LATE: Duration = Duration::from_secs(2);
/// More requests than this in one spell of weather are a storm of our own.
const MOST_REQUESTS: u64 = 1_500;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Wire {
    weather: Mutex<Option<Weather>>,
    requests: AtomicU64,
    met: watch::Sender<u64>,
}

type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

impl Wire {
    fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = Some(weather);
    }

    fn weather(&self) -> Weather {
        self.weather.lock().unwrap().unwrap_or(Fair)
    }

    fn meet(&self) {
        self.met.send_modify(|met| *met += 1);
    }

    /// Waits until the weather was felt this often.
    async fn until_met(&self, times: u64) {
        let before = *self.met.borrow();
        let mut met = self.met.subscribe();
        let felt = met.wait_for(|met| *met >= before + times);
        let felt = tokio::time::timeout(PATIENCE, felt).await;
        drop(felt.unwrap_or_else(|_| panic!("{:?} was not felt", self.weather())).unwrap());
    }

    async fn send(
        self: Arc<Self>,
        cluster: kube::Client,
        request: Request<Body>,
    ) -> Result<Answer, BoxError> {
        let number = self.requests.fetch_add(1, Relaxed);
        let is_watch = request.uri().query().unwrap_or_default().contains("watch=true");
        let is_write = request.method() != Method::GET;
        let weather = self.weather();
        let strikes = match weather {
            TooMany => !is_watch && !number.is_multiple_of(4),
            Conflicts | Failures | LostAnswers => is_write && number.is_multiple_of(2),
            Slow => !is_watch,
            Fair | CutWatches | LateEvents | TwiceEvents => false,
        };
        if strikes {
            self.meet();
        }
        match weather {
            TooMany if strikes => return Ok(refusal(429, "TooManyRequests")),
            Conflicts if strikes => return Ok(refusal(409, "Conflict")),
            Failures if strikes => return Ok(refusal(500, "InternalError")),
            Slow if strikes => tokio::time::sleep(LATE).await,
            _ => {}
        }
        let answer = cluster.send(request).await?;
        if weather == LostAnswers && strikes {
            return Ok(refusal(500, "InternalError"));
        }
        Ok(if is_watch {
            self.watched(answer)
        } else {
            answer.map(|body| body.map_err(Into::into).boxed_unsync())
        })
    }

    /// The answer to a watch, whose events meet with the weather as they come.
    fn watched(self: Arc<Self>, answer: Response<Body>) -> Answer {
        let (parts, body) = answer.into_parts();
        let state = (self, body.into_data_stream(), BytesMut::new(), false);
        let events = futures::stream::unfold(state, |(wire, mut chunks, mut partial, is_over)| async move {
            if is_over {
                return None;
            }
            while !partial.contains(&b'\n') {
                partial.extend_from_slice(&chunks.next().await?.ok()?);
            }
            let end = partial.iter().position(|byte| *byte == b'\n')?;
            let line = partial.split_to(end + 1).freeze();
            let weather = wire.weather();
            if [CutWatches, LateEvents, TwiceEvents].contains(&weather) {
                wire.meet();
            }
            let line = match weather {
                CutWatches => line.slice(..line.len() / 2),
                TwiceEvents => [&line[..], &line[..]].concat().into(),
                LateEvents => {
                    tokio::time::sleep(LATE).await;
                    line
                }
                _ => line,
            };
            Some((Ok::<_, BoxError>(Frame::data(line)), (wire, chunks, partial, weather == CutWatches)))
        });
        Response::from_parts(parts, StreamBody::new(events).boxed_unsync())
    }
}

fn refusal(code: u16, reason: &str) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": "it is the weather"});
    let body = Full::new(Bytes::from(status.to_string())).map_err(|never| match never {}).boxed_unsync();
    let answer = Response::builder().status(code).header("content-type", "application/json");
    let answer = if code == 429 { answer.header("retry-after", "1") } else { answer };
    answer.body(body).unwrap()
}

fn in_app(name: &str, value: &str) -> Change {
    let text =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value}}}\n");
    Change::write(format!("app/{name}.yaml"), text)
}

/// Commits, edits what both apps hold, and expects both to end as Git says once the weather is fair again.
async fn round(
    bed: &mut Bed<holdfast_testcluster::cluster::Cluster>,
    wire: &Wire,
    number: usize,
    weather: Weather,
) {
    let wanted = format!("v{number}");
    let before = wire.requests.load(Relaxed);
    wire.set(weather);
    let edit = r#"{"data": {"key": "edited"}}"#;
    for name in ["a", "of-app"] {
        bed.kubectl(&["patch", "configmap", name, "--type=merge", "-p", edit]).await;
    }
    let commit =
        bed.push(&[config_map("a", &wanted), config_map("b", &wanted), in_app("of-app", &wanted)]).await;
    bed.patch_application(json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}))
        .await;
    if weather != Fair {
        wire.until_met(3).await;
        tokio::time::sleep(LATE).await;
    }
    let spent = wire.requests.load(Relaxed) - before;
    assert!(spent < MOST_REQUESTS, "{spent} requests in {weather:?}");
    wire.set(Fair);
    bed.until_applied(&commit).await;
    for name in ["a", "b", "of-app"] {
        let object = bed.config_map(name);
        bed.until_present(&object, |a| value(a) == Some(&wanted)).await;
    }
    bed.until_application(|s| s["sync"]["status"] == "Synced" && s["sync"]["revision"] == commit.as_str())
        .await;
}

#[tokio::test]
async fn bad_weather_on_the_wire_only_makes_it_slower() {
    let Some(mut bed) = Bed::own("weather").await else { return };
    let wire = Arc::new(Wire::default());
    let real = connect(bed.plane(), ADMIN).await.client().clone();
    let on_the_wire = wire.clone();
    let service = tower::service_fn(move |request| on_the_wire.clone().send(real.clone(), request));
    let cache = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(0));
    let jumps = clock.clone();
    let options = PlatformOptions {
        clock: Clock::new(move || {
            jiff::Timestamp::now() + jiff::SignedDuration::from_secs(jumps.load(Relaxed))
        }),
        ..PlatformOptions::new(cache.path())
    };
    let cluster = Cluster::new(kube::Client::new(service, "default"));
    let _platform = Platform::start(cluster, Platform::sources(&options), &options);

    // `app/` is the Application's; the Kustomization takes the rest.
    let first = bed.commit(&[
        config_map("a", "v"),
        config_map("b", "v"),
        config_map("quiet", "v"),
        in_app("of-app", "v"),
        Change::write("kustomization.yaml", "resources: [a.yaml, b.yaml, quiet.yaml]\n"),
    ]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    let retry = json!({"limit": 20, "backoff": {"duration": "1s", "factor": 1}});
    let policy = json!({"automated": {"selfHeal": true, "prune": true}, "retry": retry});
    bed.application(json!({"namespace": ARGOCD}), json!({"syncPolicy": policy})).await;
    bed.until_applied(&first).await;
    bed.until_application(|status| status["sync"]["status"] == "Synced").await;
    let quiet = bed.get(&bed.config_map("quiet")).await.unwrap();

    let spells = [TooMany, Conflicts, Failures, LostAnswers, Slow, CutWatches, LateEvents, TwiceEvents];
    for (number, weather) in spells.into_iter().enumerate() {
        round(&mut bed, &wire, number, weather).await;
    }
    for (number, jump) in [-86_400, 7_200, 0].into_iter().enumerate() {
        clock.store(jump, Relaxed);
        round(&mut bed, &wire, spells.len() + number, Fair).await;
    }
    let still = bed.get(&quiet.reference()).await.unwrap();
    assert_eq!(still.resource_version(), quiet.resource_version(), "what nobody changed was left alone");
}

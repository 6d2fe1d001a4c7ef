use crate::{Acting, Shared};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verb {
    verb: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    answer: &'static str,
}

/// Everything that is counted, in the OpenMetrics text format.
pub(crate) async fn answer(State(shared): State<Shared>) -> Response {
    let mut registry = Registry::default();
    let own = registry.sub_registry_with_prefix("holdfast");
    let requests: Family<Verb, Counter> = Family::default();
    for (verb, count) in shared.state.cluster.counts().by_verb() {
        requests.get_or_create(&Verb { verb }).inc_by(count);
    }
    own.register(
        "api_requests",
        "Requests to the API server, by verb; failed counts those of any verb",
        requests,
    );
    let git = shared.sources.cache().statistics();
    own.register(
        "git_listings",
        "Times a Git server was asked for its references",
        ConstCounter::new(git.listings),
    );
    own.register("git_fetches", "Times commits were downloaded", ConstCounter::new(git.fetches));
    let acting_now = shared.state.acting();
    let acting: Gauge = Gauge::default();
    acting.set(i64::from(acting_now.is_some()));
    own.register("acting", "1 while this process holds the leases and acts", acting);
    if let Some(Acting { engine, renders }) = acting_now {
        let (counts, family) = (renders.stats(), Family::<Answer, Counter>::default());
        for (answer, count) in [("rendered", counts.renders), ("remembered", counts.hits)] {
            family.get_or_create(&Answer { answer }).inc_by(count);
        }
        own.register("renders", "Renders that were asked for, by where the answer came from", family);
        let gauges = [
            ("queue_waiting", "Custom resources that wait for a worker", engine.queue_depth().0),
            ("queue_timed", "Custom resources that wait for their time", engine.queue_depth().1),
            ("live_objects", "Objects that are watched", engine.live().size().0),
            ("live_bytes", "Bytes that they take", engine.live().size().1),
        ];
        let seals = engine.live().seal_counts();
        let counters = [
            (
                "seals_equal",
                "Changed objects that need not be compared, because their seal is the same",
                seals.equal,
            ),
            (
                "seals_unequal",
                "Changed objects that were compared, because their seal is another",
                seals.unequal,
            ),
            ("seals_taken", "Seals taken", seals.taken),
        ];
        for (name, help, value) in counters {
            own.register(name, help, ConstCounter::new(value));
        }
        for (name, help, value) in gauges {
            let gauge: Gauge = Gauge::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            own.register(name, help, gauge);
        }
        engine.metrics().register(&mut registry);
    }
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

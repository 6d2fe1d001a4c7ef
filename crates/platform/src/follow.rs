use holdfast_controller::{Engine, Reason, Trigger};
use holdfast_object::{Object, Value};
use holdfast_source::oci::OciUrl;
use holdfast_source::{GitUrl, Sources};
use holdfast_types::{argocd, flux};
use tokio::sync::broadcast::error::RecvError;

/// Brings up every custom resource whose repository has news, as webhooks and watched folders tell.
pub(crate) async fn follow(engine: Engine, sources: Sources) {
    let mut news = sources.subscribe();
    loop {
        match news.recv().await {
            Ok(repository) => wake(&engine, |key| key == repository),
            // Some news were missed: everyone looks.
            Err(RecvError::Lagged(_)) => wake(&engine, |_| true),
            Err(RecvError::Closed) => return,
        }
    }
}

fn wake(engine: &Engine, is_meant: impl Fn(&str) -> bool) {
    for gvk in [flux::git_repository(), flux::oci_repository(), argocd::application()] {
        for object in engine.live().all(&gvk) {
            if urls(&object).iter().filter_map(|url| key(url)).any(|key| is_meant(&key)) {
                engine.trigger(Trigger { key: object.key(), reason: Reason::SourceChanged });
            }
        }
    }
}

/// By what news name a repository.
fn key(url: &str) -> Option<String> {
    match url.starts_with("oci://") {
        true => OciUrl::parse(url).ok().map(|url| url.to_string()),
        false => GitUrl::parse(url).ok().map(|url| url.key()),
    }
}

/// The repositories that a custom resource names.
pub(crate) fn urls(object: &Object) -> Vec<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let mut urls: Vec<String> = [&["spec", "url"][..], &["spec", "source", "repoURL"]]
        .iter()
        .filter_map(|path| text(object.get(path)))
        .collect();
    let several = object.get(&["spec", "sources"]).and_then(Value::as_array);
    urls.extend(several.into_iter().flatten().filter_map(|source| text(source.get("repoURL"))));
    urls
}

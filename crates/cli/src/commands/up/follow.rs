//! What `up` was called for is followed: new resources come to the cluster, and sources learn of news at once.

use super::Origin;
use holdfast_cluster::Cluster;
use holdfast_platform::{Seed, discover};
use holdfast_source::{Access, Artifact, GitRef, GitUrl, Sources};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a repository elsewhere is asked for news, unless someone says that it has some.
const ASKED_EVERY: Duration = Duration::from_secs(60);

/// Follows the folder or repository for ever. A new commit (or file) wakes its sources, and brings its resources to the
/// cluster.
pub(super) async fn follow(origin: Origin, sources: Sources, folder: String, seed: Seed, cluster: Cluster) {
    let (changes, mut changed) = tokio::sync::mpsc::channel::<Artifact>(1);
    let apply = async move {
        let mut known = names(&seed);
        while let Some(artifact) = changed.recv().await {
            let seed = Seed::of(&discover(&*artifact.tree, &folder));
            // A folder that is applied as one app names no resource, and its app stays.
            if seed.is_empty() {
                continue;
            }
            for failure in seed.apply(&cluster).await {
                tracing::warn!(what = failure.what, error = %failure.error, "refused");
            }
            let now = names(&seed);
            for gone in known.difference(&now) {
                tracing::warn!(resource = gone, "no longer in the source; it stays until you delete it");
            }
            known = now;
        }
    };
    let watch = async {
        match &origin {
            Origin::Folder(workspace) => {
                let watch = workspace.follow(&sources, |artifact| {
                    // A change while another is applied is seen with the next one, which holds both.
                    let _ = changes.try_send(artifact);
                });
                if let Err(error) = watch.await {
                    tracing::warn!(%error, "the folder is not followed");
                }
            }
            Origin::Repository(url) => ask(url, &sources, &changes).await,
        }
    };
    tokio::select! {
        () = watch => {}
        () = apply => {}
    }
}

fn names(seed: &Seed) -> BTreeSet<String> {
    seed.resources().map(|object| object.key().to_string()).collect()
}

/// Asks a repository for its newest commit, again and again.
async fn ask(url: &GitUrl, sources: &Sources, changes: &tokio::sync::mpsc::Sender<Artifact>) {
    let mut last = String::new();
    loop {
        let artifact = sources.git(&url.to_string(), &GitRef::Head, &Access::default(), Duration::ZERO).await;
        match artifact {
            Ok(artifact) if artifact.digest != last => {
                let is_first = last.is_empty();
                last.clone_from(&artifact.digest);
                // What it began with is applied already.
                if !is_first {
                    sources.changed(url);
                    let _ = changes.send(artifact).await;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(url = %url.without_credentials(), %error, "cannot be read just now"),
        }
        tokio::time::sleep(ASKED_EVERY).await;
    }
}

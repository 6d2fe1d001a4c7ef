//! A push that the Git server tells of: sources look at once, whatever their interval.

use crate::bed::{Bed, config_map};
use crate::process::Holdfast;
use holdfast_object::json;
use holdfast_testcluster::cluster::ADMIN;

#[tokio::test]
async fn a_signed_push_wakes_the_sources_of_its_repository() {
    let Some(mut bed) = Bed::own("push").await else { return };
    let first = bed.commit(&[config_map("a", "one")]);
    bed.source_every("10h").await;
    bed.kustomization(json!({"interval": "10h"})).await;
    let kubeconfig = bed.plane().kubeconfig_path(ADMIN).unwrap().to_owned();
    let mut holdfast = Holdfast::controllers_with(&kubeconfig, &["--webhook-secret", "hunter2"]).await;
    bed.until_applied(&first).await;

    let second = bed.commit(&[config_map("a", "two")]);
    let push = |url: String| {
        let project = json!({"git_http_url": url});
        json!({"object_kind": "push", "ref": "refs/heads/main", "before": first, "after": second,
            "project": project, "commits": []})
        .to_string()
    };
    let event = ("x-gitlab-event", "Push Hook");
    let asked = holdfast.metric("holdfast_git_listings_total").await;
    let unsigned = holdfast.post("/webhook", &[event, ("x-gitlab-token", "guess")], push(bed.url())).await;
    assert_eq!(unsigned, 401);
    let signed = [event, ("x-gitlab-token", "hunter2")];
    let elsewhere = push("https://git.example.com/other".to_owned());
    assert_eq!(holdfast.post("/webhook", &signed, elsewhere).await, 202);
    assert_eq!(holdfast.metric("holdfast_git_listings_total").await, asked, "neither wakes the source");
    assert_eq!(holdfast.post("/webhook", &signed, push(bed.url())).await, 202);
    bed.until_applied(&second).await;
    assert!(holdfast.metric("holdfast_git_listings_total").await > asked);
    assert!(holdfast.stop().await.success());
}

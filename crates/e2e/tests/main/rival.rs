//! Another writer that sets again what is put right: nobody shakes the object, both sides are named, and in the end it
//! is as Git says.

use crate::bed::{Bed, condition, config_map, is_later, value};
use holdfast_object::{Object, json};
use holdfast_testcluster::git::Change;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the two are at odds.
const FIGHT: Duration = Duration::from_secs(60);
/// At most so many of our writes to one object in the first minute.
const MOST_HEALS: usize = 10;

async fn set(bed: &Bed, name: &str) {
    let patch = r#"{"data": {"key": "theirs"}}"#;
    let manager = "--field-manager=rival";
    bed.kubectl(&["patch", "configmap", name, "--type=merge", manager, "-p", patch]).await;
}

/// Sets a value as soon as it was put right, for a minute; how often it was put right.
async fn fight(bed: &mut Bed, name: &str) -> usize {
    let ends = Instant::now() + FIGHT;
    let object = bed.config_map(name);
    let (mut rounds, mut version) = (0, "0".to_owned());
    loop {
        // The watch may bring what was put right and not what it was before.
        let is_ours = |a: &Object| value(a) == Some("ours") && is_later(a.resource_version(), &version);
        let Ok(ours) = timeout_at(ends, bed.until_present(&object, is_ours)).await else { break };
        ours.resource_version().clone_into(&mut version);
        set(bed, name).await;
        rounds += 1;
    }
    // The first round met what was applied, not what was put right.
    rounds - 1
}

fn check(heals: usize) {
    assert!((2..=MOST_HEALS).contains(&heals), "{heals} heals in {FIGHT:?}");
}

#[tokio::test]
async fn a_kustomization_answers_a_rival_ever_more_slowly_and_names_it() {
    let Some(mut bed) = Bed::shared("rival").await else { return };
    let commit = bed.commit(&[config_map("a", "ours"), config_map("b", "ours")]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    bed.until_applied(&commit).await;
    check(fight(&mut bed, "a").await);
    let app = bed.app();
    let app = bed.until_present(&app, |app| condition(app, "Contested").is_some()).await;
    let (_, _, message) = condition(&app, "Contested").unwrap();
    assert!(message.contains("/a: .data.key was put right") && message.contains("\"rival\""), "{message}");
    // Another object is not held up by it.
    set(&bed, "b").await;
    let b = bed.config_map("b");
    bed.until_present(&b, |b| value(b) == Some("ours")).await;
    let commit = bed.push(&[config_map("a", "newer")]).await;
    bed.until_applied(&commit).await;
    let a = bed.get(&bed.config_map("a")).await.unwrap();
    assert_eq!(value(&a), Some("newer"), "a new commit is never held up");
}

#[tokio::test]
async fn an_application_answers_a_rival_ever_more_slowly_and_names_it() {
    let Some(mut bed) = Bed::shared("argo-rival").await else { return };
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: ours}\n";
    bed.commit(&[Change::write("app/a.yaml", text)]);
    bed.application(json!({}), json!({"syncPolicy": {"automated": {"selfHeal": true}}})).await;
    bed.until_application(|status| status["sync"]["status"] == "Synced").await;
    check(fight(&mut bed, "a").await);
    let contested = |status: &holdfast_object::Value| {
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions.into_iter().find(|c| c["type"] == "ContestedWarning")?;
        Some(found["message"].as_str().unwrap().to_owned())
    };
    let status = bed.until_application(|status| contested(status).is_some()).await;
    let message = contested(&status).unwrap();
    assert!(
        message.contains("/a (app/a.yaml:1): .data.key is \"theirs\"") && message.contains("rival"),
        "{message}"
    );
}

//! Our process ends before and after every single write of a sync, and the next one finishes it.

use anyhow::Result;
use holdfast_simulate::{App, Content, Head, Item, Kill, Kind, Stage, on_stopped_clock};
use std::sync::Arc;

/// One commit that makes, changes, removes and moves an object, in every app what it can.
fn everything_changes(mut head: Head) -> Head {
    let mut number = 900;
    let mut moved: Option<(Item, Content)> = None;
    for app in App::ALL {
        let mut folder = (*head.folders[&app]).clone();
        let mut items = folder.items().clone();
        let names: Vec<Item> = items.keys().cloned().collect();
        if let Some(first) = names.first() {
            items.insert(first.clone(), Content(number));
        }
        if let Some(second) = names.get(1) {
            items.remove(second);
            if app == App::Base {
                moved = Some((second.clone(), Content(number + 50)));
            }
        }
        items.insert(Item { kind: Kind::ConfigMap, name: format!("item-{app}-new") }, Content(number + 1));
        if app == App::Docs {
            items.extend(moved.take());
        }
        number += 10;
        folder = match folder {
            holdfast_simulate::Folder::Good(_) | holdfast_simulate::Folder::Broken(_) => {
                holdfast_simulate::Folder::Good(items)
            }
        };
        head.folders.insert(app, Arc::new(folder));
    }
    head
}

async fn settled(seed: u64) -> Result<Stage> {
    let mut stage = Stage::new(seed).await?;
    stage.begin().await?;
    stage.pass(std::time::Duration::from_secs(30)).await?;
    stage.user.sync(App::Batch).await?;
    stage.settle().await?;
    Ok(stage)
}

async fn change(stage: &mut Stage) -> Result<()> {
    let head = everything_changes(stage.head());
    stage.push(head, "changes everything", true);
    stage.pass(std::time::Duration::from_secs(60)).await?;
    stage.user.sync(App::Batch).await?;
    stage.settle().await?;
    stage.rest().await
}

fn violations(stage: &Stage) -> Vec<String> {
    stage.world.violations().iter().map(ToString::to_string).collect()
}

#[test]
fn a_process_that_ends_at_any_write_leaves_nothing_behind() {
    const SEED: u64 = 3;
    let writes = on_stopped_clock(async {
        let mut stage = settled(SEED).await?;
        let (_, before) = stage.world.counts();
        change(&mut stage).await?;
        assert_eq!(violations(&stage), Vec::<String>::new());
        Ok(stage.world.counts().1 - before)
    })
    .unwrap();
    assert!(writes > 20, "{writes} writes are too few to be the sync of five apps");
    for at in 0..writes {
        for after in [false, true] {
            let played = on_stopped_clock(async {
                let mut stage = settled(SEED).await?;
                stage.kill_with(Kill { writes_only: true, at, after });
                let changed = change(&mut stage).await;
                let mut problems = violations(&stage);
                problems.extend(changed.err().map(|error| format!("{error:#}")));
                if !problems.is_empty() {
                    stage.world.with_trace(|trace| trace.lines().iter().for_each(|line| println!("{line}")));
                }
                Ok(problems)
            });
            let problems = played.unwrap();
            let when = if after { "after" } else { "before" };
            assert!(problems.is_empty(), "ended {when} write {at} of {writes}:\n{}", problems.join("\n"));
        }
    }
}

//! A seed's own story: people, commits, faults and ends of our process in random order, and then peace.

use crate::finale;
use crate::fleet::{App, Item};
use crate::git::Reach;
use crate::stage::Stage;
use crate::wire::Weather;
use crate::world::Kill;
use anyhow::Result;
use holdfast_object::json;
use holdfast_sandbox::Checkpoint;
use std::collections::BTreeSet;
use std::time::Duration;

/// The fewest and most things that happen.
const HAPPENINGS: (usize, usize) = (12, 28);
/// The shortest and longest time between two.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(40));

/// What the story remembers.
#[derive(Default)]
struct Plot {
    suspended: BTreeSet<App>,
    removed: BTreeSet<App>,
    backup: Option<Checkpoint>,
    number: u64,
}

/// Plays a seed's story to its end.
pub(crate) async fn play(stage: &mut Stage) -> Result<()> {
    stage.begin().await?;
    let mut plot = Plot::default();
    if stage.dice.below(2) == 0 {
        stage.pass(Duration::from_secs(20)).await?;
    }
    let (fewest, most) = HAPPENINGS;
    for _ in 0..fewest + stage.dice.below(most - fewest) {
        let pause = if stage.dice.below(3) == 0 {
            stage.dice.between(Duration::ZERO, Duration::from_secs(2))
        } else {
            stage.dice.between(PAUSE.0, PAUSE.1)
        };
        stage.pass(pause).await?;
        happen(stage, &mut plot).await?;
    }
    make_peace(stage, &mut plot).await?;
    stage.settle().await?;
    stage.rest().await?;
    finale::play(stage).await
}

async fn happen(stage: &mut Stage, plot: &mut Plot) -> Result<()> {
    plot.number += 1;
    match stage.dice.below(100) {
        0..25 => stage.commit(),
        25..39 => meddle(stage, plot).await?,
        39..44 => suspend(stage, plot).await?,
        44..48 => remove(stage, plot).await?,
        48..54 => stage.user.sync(App::Batch).await?,
        54..57 => {
            let app = *stage.dice.pick(&App::ALL).unwrap_or(&App::Base);
            stage.user.request(app, plot.number).await?;
        }
        57..71 => {
            let force = stage.dice.below(4);
            let weather =
                if force == 0 { Weather::default() } else { Weather::random(&mut stage.dice, force) };
            stage.weather(weather);
        }
        71..74 => outage(stage).await?,
        74..83 => {
            let most = if stage.dice.below(2) == 0 { 6 } else { 40 };
            let kill = kill(stage, most);
            stage.kill_with(kill);
        }
        83..87 => {
            let kill = kill(stage, 4);
            let pause = stage.dice.between(Duration::ZERO, Duration::from_secs(1));
            stage.commit_and_take_back(kill, pause).await?;
        }
        87..89 => forget(stage, plot).await?,
        89..91 => {
            let seconds = [-3600, -90, 45, 7200];
            let seconds = *stage.dice.pick(&seconds).unwrap_or(&0);
            stage.world.jump_clock(seconds);
        }
        91..93 => plot.backup = Some(stage.backup()),
        93..95 => {
            if let Some(backup) = plot.backup.take() {
                stage.restore(&backup);
                read_back(stage, plot);
            }
        }
        _ => {
            let reach = [Reach::Up, Reach::Down, Reach::Down, Reach::DiskFull];
            let reach = *stage.dice.pick(&reach).unwrap_or(&Reach::Up);
            stage.reach(reach);
        }
    }
    Ok(())
}

/// The end of our process with one of the next `most` requests.
fn kill(stage: &mut Stage, most: u64) -> Kill {
    let (at, after) = (stage.dice.roll() % most, stage.dice.below(2) == 0);
    Kill { writes_only: stage.dice.below(2) == 0, at, after }
}

/// The server forgets its history over a change by hand: watches end with 410, and what they were about to tell is
/// lost.
async fn forget(stage: &mut Stage, plot: &Plot) -> Result<()> {
    stage.weather(Weather { event_expired: 600, ..Weather::default() });
    let items: Vec<Item> = stage.items();
    if let Some(item) = stage.dice.pick(&items).cloned() {
        match stage.dice.below(2) {
            0 => stage.user.delete(&item).await?,
            _ => stage.user.edit(&item, plot.number).await?,
        }
    }
    stage.pass(Duration::from_secs(2)).await?;
    stage.weather(Weather::default());
    Ok(())
}

/// People change the cluster by hand.
async fn meddle(stage: &mut Stage, plot: &Plot) -> Result<()> {
    let items: Vec<Item> = stage.items();
    let Some(item) = stage.dice.pick(&items).cloned() else { return Ok(()) };
    match stage.dice.below(10) {
        0..4 => stage.user.edit(&item, plot.number).await,
        4..7 => stage.user.delete(&item).await,
        7 => stage.user.label(&item, plot.number).await,
        8 => {
            // Somebody takes an object over for good: it goes from Git at the same time.
            stage.user.take_over(&item).await?;
            let mut head = stage.head();
            for folder in head.folders.values_mut() {
                if folder.items().len() > 1 {
                    std::sync::Arc::make_mut(folder).items_mut().remove(&item);
                }
            }
            stage.push(head, "gives an object away", true);
            Ok(())
        }
        _ => {
            let (least, most) = (Duration::from_millis(100), Duration::from_secs(2));
            let every = stage.dice.between(least, most);
            for round in 0..6 + u64::from(stage.dice.below(2) == 0) * 24 {
                stage.rival.edit(&item, 50 + round).await?;
                stage.pass(every).await?;
            }
            Ok(())
        }
    }
}

async fn suspend(stage: &mut Stage, plot: &mut Plot) -> Result<()> {
    let flux = [App::Base, App::Shop, App::Docs];
    let app = *stage.dice.pick(&flux).unwrap_or(&App::Base);
    if plot.removed.contains(&app) {
        return Ok(());
    }
    let is_suspended = plot.suspended.insert(app);
    if !is_suspended {
        plot.suspended.remove(&app);
    }
    stage.user.suspend(app, is_suspended).await
}

async fn remove(stage: &mut Stage, plot: &mut Plot) -> Result<()> {
    let app = *stage.dice.pick(&App::ALL).unwrap_or(&App::Base);
    if plot.suspended.contains(&app) {
        return Ok(());
    }
    if plot.removed.insert(app) {
        return stage.user.remove(app).await;
    }
    // It can only be made again once it is gone.
    if stage.world.custom(app).is_none() {
        plot.removed.remove(&app);
        stage.user.create(app).await?;
    }
    Ok(())
}

/// The server goes away for a while, and may come back with older data.
async fn outage(stage: &mut Stage) -> Result<()> {
    stage.weather(Weather::outage());
    let time = stage.dice.between(Duration::from_secs(1), Duration::from_secs(200));
    stage.pass(time).await?;
    stage.weather(Weather::default());
    Ok(())
}

/// After a restore the custom resources are as they were: the story follows them.
fn read_back(stage: &Stage, plot: &mut Plot) {
    plot.suspended.clear();
    plot.removed.clear();
    for app in App::ALL {
        let custom = stage.world.custom(app);
        let is_suspended = custom.as_ref().is_some_and(|c| c.pointer("/spec/suspend") == Some(&true.into()));
        if is_suspended {
            plot.suspended.insert(app);
        }
        stage.world.laws(|laws| laws.set_suspended(app, is_suspended));
        if custom.is_none_or(|custom| custom.pointer("/metadata/deletionTimestamp").is_some()) {
            plot.removed.insert(app);
        }
    }
}

/// Nothing disturbs any more: what should be there is, and the last commit changes every app.
async fn make_peace(stage: &mut Stage, plot: &mut Plot) -> Result<()> {
    stage.world.note("peace");
    stage.world.set_kill(None);
    stage.weather(Weather::default());
    stage.reach(Reach::Up);
    if !stage.is_running() {
        stage.kill_process();
        stage.start_process()?;
    }
    for app in std::mem::take(&mut plot.suspended) {
        stage.user.suspend(app, false).await?;
    }
    for app in [App::Base, App::Shop, App::Docs] {
        // What nobody suspended is not suspended, whatever a restore brought back.
        stage.user.change(app, json!({"spec": {"suspend": false}})).await?;
    }
    for app in std::mem::take(&mut plot.removed) {
        let is_gone = |stage: &Stage| stage.world.custom(app).is_none();
        for _ in 0..60 {
            if is_gone(stage) {
                break;
            }
            stage.pass(Duration::from_secs(5)).await?;
        }
        if is_gone(stage) && (app == App::Base || stage.dice.below(2) == 0) {
            stage.user.create(app).await?;
        }
    }
    stage.commit_last();
    if stage.dice.below(2) == 0 {
        stage.pass(Duration::from_secs(20)).await?;
        stage.user.sync(App::Batch).await?;
    }
    Ok(())
}

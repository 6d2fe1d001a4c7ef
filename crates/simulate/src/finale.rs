//! The end of every seed's story: on a fleet that is settled and at rest, what others change is put right, and news
//! is taken up, by wake-ups alone. No interval is short enough to do it instead.

use crate::acts::Act;
use crate::fleet::{App, Item};
use crate::stage::Stage;
use crate::wire::Weather;
use anyhow::{Result, bail};
use std::time::Duration;

/// How long a change by hand may stay.
const HEALS_WITHIN: Duration = Duration::from_secs(30);
/// How long everything may take to be as the last of several quick commits says.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(90);
/// How many commits come while the first is still being applied.
const NEWS: usize = 3;

pub(crate) async fn play(stage: &mut Stage) -> Result<()> {
    meddle(stage).await?;
    if let Err(unsettled) = stage.settle_within(HEALS_WITHIN).await {
        bail!("what others change is put right: {unsettled}");
    }
    news(stage).await?;
    if let Err(unsettled) = stage.settle_within(FOLLOWS_WITHIN).await {
        bail!("news is taken up at once: {unsettled}");
    }
    for act in Act::of_seed(stage.seed) {
        act.play(stage).await?;
    }
    Ok(())
}

/// Somebody changes or deletes an object of every app that heals by itself, one a moment after the other.
async fn meddle(stage: &mut Stage) -> Result<()> {
    for app in App::ALL.into_iter().filter(|app| !app.is_manual()) {
        if stage.world.custom(app).is_none() {
            continue;
        }
        let items: Vec<Item> = stage.head().folder(app).items().keys().cloned().collect();
        let Some(item) = stage.dice.pick(&items).cloned() else { continue };
        match stage.dice.below(2) {
            0 => stage.user.delete(&item).await?,
            _ => stage.user.edit(&item, 9).await?,
        }
        let pause = stage.dice.between(Duration::ZERO, Duration::from_millis(200));
        stage.pass(pause).await?;
    }
    Ok(())
}

/// Commits come faster than a slow server lets them be applied.
async fn news(stage: &mut Stage) -> Result<()> {
    let late_by = stage.dice.between(Duration::from_millis(100), Duration::from_secs(2));
    stage.weather(Weather { late: 500, late_answer: 500, event_late: 300, late_by, ..Weather::default() });
    for _ in 0..NEWS {
        stage.commit_last();
        let pause = stage.dice.between(Duration::ZERO, 2 * late_by);
        stage.pass(pause).await?;
    }
    stage.weather(Weather::default());
    Ok(())
}

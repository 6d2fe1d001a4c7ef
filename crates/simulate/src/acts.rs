//! Situations that chance alone seldom brings together, told on purpose at the end of every seed's story: each on a
//! fleet that is settled, and each put right by wake-ups alone.

use crate::commits;
use crate::fleet::{App, Item};
use crate::stage::Stage;
use crate::wire::Weather;
use anyhow::{Context, Result};
use std::time::Duration;

/// How long everything may take to be as Git says, once an act is over: what failed is tried again within the retry
/// interval of half a minute, and what depends on it after that.
const SETTLES_WITHIN: Duration = Duration::from_secs(120);

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// The server forgets its history while somebody changes and deletes objects: no watch ever tells of it.
    Forgets,
    /// An object goes from one owner to another while the first one is suspended.
    HandsOver,
    /// A commit comes while what it wants cannot be written.
    Refuses,
    /// Somebody changes what we have just written, before its answer has reached us.
    Overtakes,
    /// A commit comes while the one before it is still rolling out.
    RollsOn,
}

impl Act {
    const ALL: [Self; 5] = [Self::Forgets, Self::HandsOver, Self::Refuses, Self::Overtakes, Self::RollsOn];

    /// The two acts of a seed's story. They take turns, so that each is played by two seeds of five.
    pub(crate) fn of_seed(seed: u64) -> [Self; 2] {
        let at = |number: u64| {
            let number = usize::try_from(number % Self::ALL.len() as u64).unwrap_or_default();
            Self::ALL[number]
        };
        [at(seed), at(seed.wrapping_add(2))]
    }

    /// Plays it to its end, when everything is as it should be again.
    pub(crate) async fn play(self, stage: &mut Stage) -> Result<()> {
        stage.world.note(format_args!("act: {self:?}"));
        match self {
            Self::Forgets => forgets(stage).await,
            Self::HandsOver => hands_over(stage).await,
            Self::Refuses => refuses(stage).await,
            Self::Overtakes => overtakes(stage).await,
            Self::RollsOn => rolls_on(stage).await,
        }?;
        stage.weather(Weather::default());
        stage.settle_within(SETTLES_WITHIN).await.with_context(|| format!("after an act ({self:?})"))
    }
}

/// The objects that the newest state wants of an app that is there.
fn items(stage: &Stage, app: App) -> Vec<Item> {
    if stage.world.custom(app).is_none() {
        return Vec::new();
    }
    stage.head().folder(app).items().keys().cloned().collect()
}

async fn forgets(stage: &mut Stage) -> Result<()> {
    stage.weather(Weather { event_expired: 700, ..Weather::default() });
    for app in App::ALL.into_iter().filter(|app| !app.is_manual()) {
        let items = items(stage, app);
        let Some(item) = stage.dice.pick(&items).cloned() else { continue };
        match stage.dice.below(3) {
            0 => stage.user.edit(&item, 7).await?,
            _ => stage.user.delete(&item).await?,
        }
        let pause = stage.dice.between(Duration::ZERO, Duration::from_millis(500));
        stage.pass(pause).await?;
    }
    stage.pass(Duration::from_secs(2)).await
}

/// Who may give an object to whom while it is suspended: nobody who waits for the one that gives.
const HEIRS: [(App, App); 5] = [
    (App::Base, App::Docs),
    (App::Shop, App::Base),
    (App::Shop, App::Docs),
    (App::Docs, App::Base),
    (App::Docs, App::Shop),
];

async fn hands_over(stage: &mut Stage) -> Result<()> {
    let can = |(from, to): &(App, App)| items(stage, *from).len() > 1 && stage.world.custom(*to).is_some();
    let pairs: Vec<(App, App)> = HEIRS.into_iter().filter(can).collect();
    let Some((from, to)) = stage.dice.pick(&pairs).copied() else { return Ok(()) };
    stage.user.suspend(from, true).await?;
    stage.pass(Duration::from_secs(2)).await?;
    let items = items(stage, from);
    let Some(item) = stage.dice.pick(&items).cloned() else { return Ok(()) };
    let mut head = stage.head();
    let content = commits::items(&mut head, from).remove(&item);
    if stage.dice.below(2) == 0 {
        commits::items(&mut head, to).extend(content.map(|content| (item, content)));
        stage.push(head, "moves an object of a suspended app", true);
    } else {
        stage.user.take_over(&item).await?;
        stage.push(head, "gives away an object of a suspended app", true);
    }
    stage.pass(Duration::from_secs(20)).await?;
    stage.user.suspend(from, false).await
}

async fn refuses(stage: &mut Stage) -> Result<()> {
    // Where everything fails, the commit is heard of only once that is over; so one fails alone more often.
    let objects = Weather { refuses_objects: true, ..Weather::default() };
    let weathers = [
        objects.clone(),
        objects.clone(),
        objects,
        Weather::outage(),
        Weather { too_many: 1000, ..Weather::default() },
        Weather { conflicts: 1000, ..Weather::default() },
    ];
    let weather = stage.dice.pick(&weathers).cloned().unwrap_or_default();
    stage.weather(weather);
    stage.commit_last();
    let time = stage.dice.between(Duration::from_secs(10), Duration::from_secs(90));
    stage.pass(time).await
}

async fn overtakes(stage: &mut Stage) -> Result<()> {
    let late_by = stage.dice.between(Duration::from_secs(1), Duration::from_secs(4));
    stage.weather(Weather { late_answer: 1000, late_by, ..Weather::default() });
    stage.commit_last();
    let mut touched = Vec::new();
    for _ in 0..3 {
        for app in App::ALL.into_iter().filter(|app| !app.is_manual()) {
            let all = items(stage, app);
            // Once each: who changes the same again and again is answered more and more slowly.
            let fresh: Vec<Item> = all.into_iter().filter(|item| !touched.contains(item)).collect();
            if let Some(item) = stage.dice.pick(&fresh).cloned() {
                stage.user.edit(&item, 8).await?;
                touched.push(item);
            }
            let pause = stage.dice.between(Duration::ZERO, late_by / 2);
            stage.pass(pause).await?;
        }
    }
    Ok(())
}

async fn rolls_on(stage: &mut Stage) -> Result<()> {
    for _ in 0..2 {
        stage.commit_rollout();
        let pause = stage.dice.between(Duration::from_millis(300), Duration::from_secs(3));
        stage.pass(pause).await?;
    }
    stage.commit_last();
    let pause = stage.dice.between(Duration::ZERO, Duration::from_secs(1));
    stage.pass(pause).await?;
    stage.commit_last();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seeds_play_every_act_twice() {
        for first in [0, 1, 99] {
            let played: Vec<Act> = (first..first + 5).flat_map(Act::of_seed).collect();
            for act in Act::ALL {
                assert_eq!(played.iter().filter(|played| **played == act).count(), 2, "{act:?}");
            }
        }
        assert!((0..5).map(Act::of_seed).all(|[first, second]| first != second));
    }
}

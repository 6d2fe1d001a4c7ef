//! Faults one by one: what a cluster, a network, a disk or a clock does to us, each with what must come of it.

use anyhow::Result;
use holdfast_object::json;
use holdfast_simulate::{App, Content, Folder, Item, Kill, Kind, Reach, Stage, Weather, on_stopped_clock};
use std::sync::Arc;
use std::time::Duration;

const SEED: u64 = 11;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Plays a story on a fleet that is settled, and then sees to it that everything settles again, rests, and was
/// lawful.
fn story(tell: impl AsyncFnOnce(&mut Stage) -> Result<()>) {
    on_stopped_clock(async {
        let mut stage = Stage::new(SEED).await?;
        stage.begin().await?;
        stage.pass(seconds(30)).await?;
        stage.user.sync(App::Batch).await?;
        stage.settle().await?;
        tell(&mut stage).await?;
        let settled = stage.settle().await;
        let rested = if settled.is_ok() { stage.rest().await } else { Ok(()) };
        let violations: Vec<String> = stage.world.violations().iter().map(ToString::to_string).collect();
        if settled.is_err() || rested.is_err() || !violations.is_empty() {
            stage.world.with_trace(|trace| trace.lines().iter().for_each(|line| println!("{line}")));
        }
        settled?;
        rested?;
        assert_eq!(violations, Vec::<String>::new());
        Ok(())
    })
    .unwrap();
}

/// An object of an app that syncs by itself.
fn item(stage: &Stage, app: App) -> Item {
    stage.head().folder(app).items().keys().next().cloned().unwrap()
}

#[test]
fn an_outage_of_minutes_costs_nothing() {
    story(async |stage| {
        let (_, before) = stage.world.counts();
        stage.weather(Weather::outage());
        stage.pass(seconds(300)).await?;
        stage.weather(Weather::default());
        stage.pass(seconds(60)).await?;
        stage.settle().await?;
        stage.rest().await?;
        let (_, after) = stage.world.counts();
        // Statuses may say that the server could not be reached; nobody may have tried to write all the time.
        assert!(after - before < 60, "{} writes because of an outage", after - before);
        Ok(())
    });
}

#[test]
fn a_server_that_comes_back_with_other_data_is_put_right() {
    story(async |stage| {
        stage.weather(Weather::outage());
        stage.pass(seconds(5)).await?;
        for app in [App::Base, App::Docs, App::Web] {
            let one = item(stage, app);
            stage.user.edit(&one, 1).await?;
        }
        let gone = item(stage, App::Shop);
        stage.user.delete(&gone).await?;
        stage.commit_last();
        stage.pass(seconds(180)).await?;
        stage.weather(Weather::default());
        stage.pass(seconds(90)).await?;
        stage.user.sync(App::Batch).await
    });
}

#[test]
fn a_server_that_comes_back_with_older_data_is_put_right() {
    story(async |stage| {
        let backup = stage.backup();
        stage.commit_last();
        stage.pass(seconds(60)).await?;
        stage.user.sync(App::Batch).await?;
        stage.settle().await?;
        stage.weather(Weather::outage());
        stage.pass(seconds(120)).await?;
        stage.restore(&backup);
        stage.weather(Weather::default());
        stage.pass(seconds(120)).await?;
        stage.user.sync(App::Batch).await
    });
}

#[test]
fn slow_answers_only_make_it_slower() {
    story(async |stage| {
        stage.weather(Weather { late: 1000, late_by: seconds(10), ..Weather::default() });
        stage.commit_last();
        stage.pass(seconds(300)).await?;
        stage.weather(Weather::default());
        stage.user.sync(App::Batch).await
    });
}

#[test]
fn too_many_requests_are_answered_with_patience() {
    story(async |stage| {
        let (before, _) = stage.world.counts();
        stage.weather(Weather { too_many: 900, ..Weather::default() });
        stage.commit_last();
        stage.pass(seconds(120)).await?;
        let (after, _) = stage.world.counts();
        assert!(after - before < 2_000, "{} requests in two minutes of 429", after - before);
        stage.weather(Weather::default());
        stage.pass(seconds(60)).await?;
        stage.user.sync(App::Batch).await
    });
}

/// News that comes while an app's own writes are not seen yet is taken up once they are.
#[test]
fn commits_that_come_faster_than_events_are_all_taken_up() {
    for pause in [100, 400, 900, 1_500] {
        story(async |stage| {
            stage.weather(Weather { event_late: 1000, late_by: seconds(2), ..Weather::default() });
            for _ in 0..3 {
                stage.commit_last();
                stage.pass(Duration::from_millis(pause)).await?;
            }
            stage.weather(Weather::default());
            stage.settle_within(seconds(60)).await
        });
    }
}

/// A run that waits for health has compared everything already: what changes then is looked at by the next one.
#[test]
fn what_changes_while_an_app_waits_for_health_is_put_right() {
    for pause in [0, 300, 900] {
        story(async |stage| {
            let mut head = stage.head();
            let one = Item { kind: Kind::Deployment, name: "item-docs".into() };
            let mut items = head.folder(App::Docs).items().clone();
            items.insert(one.clone(), Content(900));
            head.folders.insert(App::Docs, Arc::new(Folder::Good(items)));
            stage.push(head, "rolls something out", true);
            stage.pass(Duration::from_millis(pause)).await?;
            stage.user.edit(&one, 1).await?;
            stage.settle_within(seconds(30)).await
        });
    }
}

#[test]
fn a_storm_of_conflicts_passes() {
    story(async |stage| {
        stage.weather(Weather { conflicts: 700, ..Weather::default() });
        stage.commit_last();
        stage.pass(seconds(180)).await?;
        stage.weather(Weather::default());
        stage.pass(seconds(60)).await?;
        stage.user.sync(App::Batch).await
    });
}

#[test]
fn failures_in_the_middle_of_a_stage_are_made_up_for() {
    story(async |stage| {
        stage.weather(Weather { failures: 300, lost: 200, ..Weather::default() });
        for _ in 0..4 {
            stage.commit();
            stage.pass(seconds(60)).await?;
        }
        stage.weather(Weather::default());
        stage.commit_last();
        stage.pass(seconds(60)).await?;
        stage.user.sync(App::Batch).await
    });
}

#[test]
fn watches_may_break_off_be_late_repeat_themselves_and_expire() {
    for weather in [
        Weather { event_cut: 500, ..Weather::default() },
        Weather { event_late: 1000, late_by: seconds(20), ..Weather::default() },
        Weather { event_twice: 1000, ..Weather::default() },
        Weather { event_expired: 300, expired: 200, ..Weather::default() },
    ] {
        story(async |stage| {
            stage.weather(weather);
            for app in [App::Base, App::Shop, App::Web] {
                let one = item(stage, app);
                stage.user.delete(&one).await?;
                stage.pass(seconds(15)).await?;
            }
            stage.commit_last();
            stage.pass(seconds(120)).await?;
            stage.weather(Weather::default());
            stage.user.sync(App::Batch).await
        });
    }
}

#[test]
fn a_repository_that_comes_and_goes_takes_nothing_away() {
    story(async |stage| {
        for round in 0..8 {
            stage.reach(if round % 2 == 0 { Reach::Down } else { Reach::Up });
            if round == 4 {
                stage.commit_last();
            }
            stage.pass(seconds(40)).await?;
        }
        stage.pass(seconds(60)).await?;
        stage.user.sync(App::Batch).await
    });
}

#[test]
fn a_full_disk_takes_nothing_away() {
    story(async |stage| {
        stage.reach(Reach::DiskFull);
        stage.commit_last();
        stage.pass(seconds(240)).await?;
        let ready = stage.world.custom(App::Base).unwrap();
        assert!(ready["status"]["inventory"]["entries"].as_array().is_some_and(|all| !all.is_empty()));
        stage.reach(Reach::Up);
        stage.tell();
        stage.pass(seconds(90)).await?;
        stage.user.sync(App::Batch).await
    });
}

#[test]
fn a_process_that_starts_without_its_repository_waits_for_it() {
    story(async |stage| {
        stage.kill_process();
        stage.reach(Reach::Down);
        stage.start_process()?;
        stage.pass(seconds(200)).await?;
        stage.reach(Reach::Up);
        stage.pass(seconds(120)).await
    });
}

/// What was applied is never taken back by a process that starts where another ended, and cannot fetch.
#[test]
fn a_process_that_ends_over_news_leaves_no_way_back() {
    for at in 0..8 {
        story(async |stage| {
            stage.weather(Weather { late: 600, late_by: seconds(4), ..Weather::default() });
            stage.kill_with(Kill { writes_only: true, at, after: true });
            stage.commit_last();
            stage.pass(seconds(3)).await?;
            stage.weather(Weather::default());
            stage.reach(Reach::Down);
            stage.pass(seconds(60)).await?;
            stage.reach(Reach::Up);
            stage.pass(seconds(90)).await?;
            stage.user.sync(App::Batch).await
        });
    }
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    for jump in [-86_400, -60, 30, 7_200] {
        story(async |stage| {
            stage.world.jump_clock(jump);
            stage.commit_last();
            stage.pass(seconds(5)).await?;
            stage.world.jump_clock(-2 * jump);
            stage.pass(seconds(60)).await?;
            stage.user.sync(App::Batch).await
        });
    }
}

/// A value that a rival sets again and again is put right slower and slower, and in the end it is as Git says.
#[test]
fn a_rival_is_answered_ever_more_slowly_and_nothing_else_suffers() {
    story(async |stage| {
        for app in [App::Base, App::Web] {
            let one = item(stage, app);
            let before = writes_to(stage, &one);
            for round in 0..60 {
                stage.rival.edit(&one, round).await?;
                stage.pass(seconds(1)).await?;
            }
            let answers = writes_to(stage, &one) - before;
            assert!((2..=10).contains(&answers), "{answers} writes to {one} in the first minute");
        }
        Ok(())
    });
}

/// How often our process has written an object so far.
fn writes_to(stage: &Stage, item: &Item) -> usize {
    let write = format!("PATCH {} ->", item.path());
    stage.world.with_trace(|trace| {
        let is_ours = |line: &&String| line.contains(" we.") && line.contains(&write);
        trace.lines().iter().filter(is_ours).count()
    })
}

#[test]
fn a_busy_cluster_of_strangers_is_none_of_our_business() {
    story(async |stage| {
        const STRANGERS: u64 = 1_000;
        let path = "/api/v1/namespaces/default/configmaps";
        for number in 0..STRANGERS {
            let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": format!("stranger-{number}")}, "data": {"value": "0"}});
            stage.user.post(path, body).await?;
        }
        stage.pass(seconds(10)).await?;
        let (_, before) = stage.world.counts();
        // 200 changes a second for ten seconds, and one of ours among them.
        for round in 0..200_u64 {
            for number in 0..10 {
                let name = format!("{path}/stranger-{}", (round * 10 + number) % STRANGERS);
                stage.user.patch(&name, json!({"data": {"value": round.to_string()}})).await?;
            }
            stage.pass(Duration::from_millis(50)).await?;
        }
        let (_, after) = stage.world.counts();
        assert_eq!(after, before, "strangers changed, and we wrote");
        let ours = item(stage, App::Base);
        stage.user.edit(&ours, 1).await
    });
}

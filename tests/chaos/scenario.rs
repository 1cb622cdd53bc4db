//! One row of the table: a system under test, faults, and what was left of it.

use crate::census::Verdict;
use crate::durable::Durable;
use crate::report::Row;
use crate::stage::{Form, PARTITIONS, Stage};
use crate::subject::{Plan, Rest, Subject};
use crate::watch::{BREACHES, EXPIRED};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use std::panic::AssertUnwindSafe;
use tokio::time::Instant;

/// A fault, how often it is done, and what it is done to.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// By which it is chosen.
    pub(crate) name: &'static str,
    /// As it stands in the table.
    pub(crate) fault: &'static str,
    pub(crate) processors: usize,
    /// How often in the short form; 0 where it is not part of it.
    pub(crate) times_short: u32,
    pub(crate) times_long: u32,
    pub(crate) play: Play,
}

/// Does the fault as often as it is told, and returns how often it was done.
pub(crate) type Play = for<'a> fn(&'a mut Scene) -> LocalBoxFuture<'a, anyhow::Result<()>>;

impl Scenario {
    pub(crate) fn times(&self, form: Form) -> u32 {
        match form {
            Form::Short => self.times_short,
            Form::Long => self.times_long,
        }
    }
}

/// Where a fault happens.
pub(crate) struct Scene {
    pub(crate) subject: Subject,
    pub(crate) redis: Durable,
    pub(crate) random: fastrand::Rng,
    /// How often the fault shall be done.
    pub(crate) times: u32,
    /// How often it was.
    pub(crate) done: u32,
}

/// Plays one scenario. What goes wrong in it, panics of the harness included, is in the row.
pub(crate) async fn play(stage: &mut Stage, scenario: &Scenario, seed: u64, times: u32) -> Row {
    let begin = Instant::now();
    let mut row = Row::new(scenario.name, scenario.fault);
    let seed = seed.wrapping_add(digest(scenario.name));
    let playing = AssertUnwindSafe(play_into(&mut row, stage, scenario, seed, times));
    match Box::pin(playing.catch_unwind()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => row.problems.push(format!("{error:#}")),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            row.problems.push(text.unwrap_or("a panic").to_owned());
        }
    }
    row.played = begin.elapsed();
    row
}

async fn play_into(
    row: &mut Row,
    stage: &mut Stage,
    scenario: &Scenario,
    seed: u64,
    times: u32,
) -> anyhow::Result<()> {
    let name = scenario.name;
    let redis_folder = stage.folder.join(format!("{name}-redis"));
    std::fs::create_dir_all(&redis_folder)?;
    let redis = Durable::start(&redis_folder, &[]).await;
    let plan = Plan {
        processors: scenario.processors,
        redis_urls: vec![redis.url()],
        is_cluster: false,
        brokers: stage.kafka.brokers(),
        is_throttled: true,
    };
    let brokers = stage.kafka.brokers();
    let subject = Subject::start(
        name,
        &plan,
        &stage.topics,
        &brokers,
        &stage.folder,
        PARTITIONS,
    );
    let mut scene = Scene {
        subject: subject.await?,
        redis,
        random: fastrand::Rng::with_seed(seed),
        times,
        done: 0,
    };
    let live = stage.send_live(name, seed);
    let played = (scenario.play)(&mut scene).await;
    let since = Instant::now();
    stage.sent_until(live.await??);
    row.times = scene.done;
    played?;
    let rest = scene.subject.rest(stage.last_ms(), since).await;
    let right = stage.right().await?;
    let found = scene.subject.census().await?;
    row.judge(&found.against(&right), &rest);
    row.watched(&scene.subject);
    Ok(())
}

impl Row {
    fn judge(&mut self, verdict: &Verdict, rest: &Rest) {
        self.verdict = Some(verdict.clone());
        self.took = Some(rest.took);
        self.problems.extend(rest.trouble.clone());
    }

    fn watched(&mut self, subject: &Subject) {
        let findings = subject.watch.findings();
        self.untrue = findings.untrue;
        self.commits_ahead = findings.commits_ahead.max(0);
        self.breaches = subject.watch.total(BREACHES) as u64;
        self.expired = subject.watch.total(EXPIRED) as u64;
        self.problems.extend(findings.untrue_first);
    }
}

/// So that the scenarios of one seed differ.
fn digest(name: &str) -> u64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

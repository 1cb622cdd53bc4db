//! One row of the table: a system under test, faults, and what was left of it.

use crate::census::Verdict;
use crate::disk::Disk;
use crate::load::Spoken;
use crate::own::Own;
use crate::proxy::Proxy;
use crate::report::Row;
use crate::sight::Sight;
use crate::stage::{Form, PARTITIONS, Stage};
use crate::state::{Place, State};
use crate::subject::{Plan, Rest, Subject};
use crate::watch::{BREACHES, EXPIRED};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use harness::clock::now_ms;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;

/// A fault, how often it is done, and what it is done to.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// By which it is chosen.
    pub(crate) name: &'static str,
    /// As it stands in the table.
    pub(crate) fault: &'static str,
    /// How often in the short form; 0 where it is not part of it.
    pub(crate) times_short: u32,
    pub(crate) times_long: u32,
    pub(crate) play: Play,
}

#[derive(Clone, Copy)]
pub(crate) enum Play {
    /// On the load of the stage, by processors over a state kept at such a place. Does the fault as often as it is told.
    Shared(usize, Place, Act),
    /// On topics of its own, which the fault changes.
    Own(OwnAct),
}

pub(crate) type Act = for<'a> fn(&'a mut Scene) -> LocalBoxFuture<'a, anyhow::Result<()>>;
pub(crate) type OwnAct =
    for<'a> fn(&'a mut Own<'_>, &'a mut Row) -> LocalBoxFuture<'a, anyhow::Result<()>>;

impl Scenario {
    /// Whether it belongs to the form without being asked for.
    pub(crate) fn is_part_of(&self, form: Form) -> bool {
        form == Form::Long || self.times_short > 0
    }

    pub(crate) fn times(&self, form: Form) -> u32 {
        match form {
            Form::Short if self.times_short > 0 => self.times_short,
            _ => self.times_long,
        }
    }

    /// Why this machine or user cannot play it.
    pub(crate) fn obstacle(&self) -> Option<&'static str> {
        match self.play {
            Play::Shared(_, Place::SmallDisk, _) if !Disk::is_possible() => {
                Some("only root can mount a small disk")
            }
            _ => None,
        }
    }
}

/// Where a fault on the shared load happens.
pub(crate) struct Scene {
    pub(crate) subject: Subject,
    pub(crate) place: Place,
    pub(crate) state: State,
    /// Between the processors and Kafka.
    pub(crate) kafka_proxy: Arc<Proxy>,
    pub(crate) random: fastrand::Rng,
    /// How often the fault shall be done.
    pub(crate) times: u32,
    /// How often it was.
    pub(crate) done: u32,
    /// How often there was something left to read then.
    pub(crate) under_lag: u32,
    /// The conversations that are sent meanwhile.
    pub(crate) live: Vec<Spoken>,
    /// What was found wrong beside what is compared.
    pub(crate) problems: Vec<String>,
    /// The record time of the last record that will have been sent.
    pub(crate) last_ms: i64,
}

impl Scene {
    /// Counts a fault.
    pub(crate) async fn strike(&mut self) {
        self.done += 1;
        // Where Kafka cannot say it, nobody has read everything.
        if self.subject.group.behind().await.unwrap_or(1) > 0 {
            self.under_lag += 1;
        }
    }
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
    let verdict = row.verdict.as_ref().filter(|verdict| !verdict.is_right());
    let folder = stage.folder.join(format!("{}-differences", scenario.name));
    if let Some(Err(error)) = verdict.map(|verdict| verdict.write(&folder)) {
        row.problems
            .push(format!("what differs cannot be written: {error:#}"));
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
    match scenario.play {
        Play::Shared(processors, place, act) => {
            let mut scene = enter(stage, scenario.name, processors, place, seed, times).await?;
            play_shared(row, stage, &mut scene, act, (scenario.name, seed)).await
        }
        Play::Own(act) => {
            let mut own = Own::new(stage, scenario.name, seed, times)?;
            act(&mut own, row).await
        }
    }
}

/// Starts what the faults will be done to.
async fn enter(
    stage: &Stage,
    name: &str,
    processors: usize,
    place: Place,
    seed: u64,
    times: u32,
) -> anyhow::Result<Scene> {
    let folder = stage.folder.join(format!("{name}-redis"));
    std::fs::create_dir_all(&folder)?;
    let state = State::start(place, &folder).await?;
    let plan = Plan {
        processors,
        redis_urls: state.urls(),
        is_cluster: place == Place::Cluster,
        brokers: stage.kafka.brokers_by_proxy(),
        is_throttled: true,
    };
    let (inputs, brokers) = (&stage.topics, stage.kafka.brokers());
    let subject = Subject::start(name, &plan, inputs, &brokers, &stage.folder, PARTITIONS).await?;
    Ok(Scene {
        subject,
        place,
        state,
        kafka_proxy: Arc::clone(&stage.kafka_proxy),
        random: fastrand::Rng::with_seed(seed),
        times,
        done: 0,
        under_lag: 0,
        live: Vec::new(),
        problems: Vec::new(),
        last_ms: stage.last_ms(),
    })
}

async fn play_shared(
    row: &mut Row,
    stage: &mut Stage,
    scene: &mut Scene,
    act: Act,
    (name, seed): (&str, u64),
) -> anyhow::Result<()> {
    let live = stage.live(name, seed);
    scene.live = live.conversations.clone();
    scene.last_ms = live.last_ms();
    let sight = Sight::begin(scene.subject.client.clone());
    let producer = stage.producer.clone();
    let sending = tokio::spawn(async move { live.send_live(&producer).await });
    let played = act(scene).await;
    let (since, since_ms) = (Instant::now(), now_ms());
    stage.sent_until(sending.await??);
    row.times = scene.done;
    row.under_lag = scene.under_lag;
    row.problems.append(&mut scene.problems);
    row.watched(&scene.subject);
    played?;
    let rest = scene.subject.rest(stage.last_ms(), since).await;
    let within = stage.form.listed_within(scene.place);
    row.problems
        .extend(sight.problems(&scene.live, since_ms, within));
    drop(sight);
    let right = stage.right().await?;
    let found = scene.subject.census().await?;
    row.judge(&found.against(&right), &rest);
    row.watched(&scene.subject);
    Ok(())
}

impl Row {
    pub(crate) fn judge(&mut self, verdict: &Verdict, rest: &Rest) {
        self.verdict = Some(verdict.clone());
        self.took = Some(rest.took);
        self.problems.extend(rest.trouble.clone());
    }

    pub(crate) fn watched(&mut self, subject: &Subject) {
        let findings = subject.watch.findings();
        self.untrue = findings.untrue;
        self.commits_ahead = findings.commits_ahead.max(0);
        self.breaches = subject.watch.total(BREACHES) as u64;
        self.expired = subject.watch.total(EXPIRED) as u64;
        self.untrue_first = findings.untrue_first;
    }
}

/// So that the scenarios of one seed differ, and their parts.
pub(crate) fn digest(name: &str) -> u64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

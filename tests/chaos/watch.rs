//! A look at every process each second: is it ready, what do its counters say, and may it say so.
//!
//! Two things are checked from outside throughout. A process is not ready while it cannot be; and the group has never
//! committed more records than its members have read.

use crate::group::Group;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

const TICK: Duration = Duration::from_secs(1);
/// Probes are answered at once or not at all.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(900);
/// A process has so long to find out that it cannot be ready.
const FINDING_OUT: Duration = Duration::from_secs(12);
/// Reads of a killed process that no look has seen: at most what it reads between two of them.
const UNSEEN_READS_MAX: i64 = 1_000;
/// What a process may read after it was told to stop, and before it stops.
const STOPPING_READS_MAX: i64 = 50;

pub(crate) const READ: &str = "processor_records_read_total";
pub(crate) const PUBLISHED: &str = "processor_conversations_published_total";
pub(crate) const BREACHES: &str = "processor_commit_breaches_total";
pub(crate) const EXPIRED: &str = "processor_records_expired_total";
/// 1 for each partition that is paused because it cannot be read.
const PAUSED: &str = "processor_partition_paused";
pub(crate) const REWINDS: &str = "processor_rewinds_total";

/// Counters that are kept over all lives of a process.
/// Offsets without a record, which are committed and never read.
const SKIPPED: &str = "processor_offsets_skipped_total";
const COUNTERS: [&str; 6] = [READ, PUBLISHED, BREACHES, EXPIRED, SKIPPED, REWINDS];

#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    posts: BTreeMap<u16, Post>,
    /// Since when, and why, nobody can be ready.
    cannot_be_ready: Option<(Instant, &'static str)>,
    findings: Findings,
    unseen_reads_max: i64,
    /// How much more was committed than read at the last look.
    ahead: i64,
    read_at: Option<Instant>,
    closed_at: Option<Instant>,
    /// Whether a partition was seen paused because it could not be read.
    has_paused: bool,
}

/// One process.
#[derive(Debug, Default)]
struct Post {
    is_up: bool,
    is_ready: bool,
    /// By counter: what ended lives had counted, and what this one has.
    counters: BTreeMap<&'static str, (f64, f64)>,
}

/// What was found wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// Looks at which a process was ready that could not be, and the first such reason.
    pub(crate) untrue: u32,
    pub(crate) untrue_first: Option<String>,
    /// How many records more were committed than had been read, at most.
    pub(crate) commits_ahead: i64,
}

/// Ends the looking when dropped.
#[derive(Debug)]
pub(crate) struct Looking(JoinHandle<()>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }

    /// Looks from now on, until the returned value is dropped.
    pub(crate) fn begin(&self, group: Group) -> Looking {
        let watch = self.clone();
        Looking(tokio::spawn(async move {
            let http = reqwest::Client::builder()
                .timeout(ANSWER_TIMEOUT)
                .build()
                .expect("an HTTP client");
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // Before the reads: those can only be more by then.
                let committed = tokio::time::timeout(ANSWER_TIMEOUT, group.committed()).await;
                let has_seen_all = watch.look(&http).await;
                if let (true, Ok(Ok(committed))) = (has_seen_all, committed) {
                    watch.compare(committed);
                }
            }
        }))
    }

    /// A process is there now, or again.
    pub(crate) fn up(&self, port: u16) {
        self.state().posts.entry(port).or_default().is_up = true;
    }

    /// A process is about to be killed or asked to stop. `has_just_been_seen` says whether what it has read is known.
    pub(crate) fn down(&self, port: u16, has_just_been_seen: bool) {
        let mut state = self.state();
        state.unseen_reads_max += match has_just_been_seen {
            true => STOPPING_READS_MAX,
            false => UNSEEN_READS_MAX,
        };
        let post = state.posts.entry(port).or_default();
        (post.is_up, post.is_ready) = (false, false);
    }

    /// Whether a process should be there.
    pub(crate) fn is_up(&self, port: u16) -> bool {
        let state = self.state();
        state.posts.get(&port).is_some_and(|post| post.is_up)
    }

    /// From now on, nobody can be ready.
    pub(crate) fn nobody_can_be_ready(&self, reason: &'static str) {
        self.state().cannot_be_ready = Some((Instant::now(), reason));
    }

    pub(crate) fn anybody_can_be_ready(&self) {
        self.state().cannot_be_ready = None;
    }

    /// One look now, beside those of each second. Returns whether every process answered: who did not may have read more than
    /// is known.
    pub(crate) async fn look(&self, http: &reqwest::Client) -> bool {
        let ports: Vec<u16> = {
            let state = self.state();
            let up = state.posts.iter().filter(|(_, post)| post.is_up);
            up.map(|(port, _)| *port).collect()
        };
        let mut has_seen_all = true;
        for port in ports {
            let began = Instant::now();
            let ready = ask(http, port, "ready").await;
            let metrics = ask(http, port, "metrics").await;
            has_seen_all &= metrics.as_ref().is_some_and(|answer| answer.is_success);
            self.note(port, began, ready, metrics);
        }
        has_seen_all
    }

    fn note(&self, port: u16, began: Instant, ready: Option<Answer>, metrics: Option<Answer>) {
        let mut state = self.state();
        let cannot = state
            .cannot_be_ready
            .filter(|(since, _)| began > *since + FINDING_OUT);
        let Some(post) = state.posts.get_mut(&port).filter(|post| post.is_up) else {
            return;
        };
        post.is_ready = ready.is_some_and(|answer| answer.is_success);
        let is_untrue = post.is_ready && cannot.is_some();
        let (mut has_read, mut has_published, mut has_paused) = (false, false, false);
        if let Some(metrics) = metrics.filter(|answer| answer.is_success) {
            has_paused = sum_of(&metrics.body, PAUSED) > 0.0;
            for name in COUNTERS {
                let now = sum_of(&metrics.body, name);
                let (ended, current) = post.counters.entry(name).or_default();
                if now < *current {
                    *ended += *current;
                }
                has_read |= now != *current && name == READ;
                has_published |= now != *current && name == PUBLISHED;
                *current = now;
            }
        }
        state.has_paused |= has_paused;
        if has_read {
            state.read_at = Some(began);
        }
        if has_published {
            state.closed_at = Some(began);
        }
        if let (true, Some((_, reason))) = (is_untrue, cannot) {
            state.findings.untrue += 1;
            let first = || format!("ready although {reason}");
            state.findings.untrue_first.get_or_insert_with(first);
        }
    }

    fn compare(&self, committed: i64) {
        let mut state = self.state();
        let passed = [READ, EXPIRED, SKIPPED].map(|counter| state.total(counter) as i64);
        let ahead = committed - passed.iter().sum::<i64>() - state.unseen_reads_max;
        // What is passed over is counted a moment after it may be committed: it takes two looks.
        let lasting = ahead.min(state.ahead);
        state.ahead = ahead;
        state.findings.commits_ahead = state.findings.commits_ahead.max(lasting);
    }

    /// What all processes have counted, over all their lives.
    pub(crate) fn total(&self, counter: &str) -> f64 {
        self.state().total(counter)
    }

    /// For how long nothing has been read and nothing closed.
    pub(crate) fn silence(&self) -> Duration {
        let state = self.state();
        let last = state.read_at.max(state.closed_at);
        last.map_or(Duration::MAX, |last| last.elapsed())
    }

    /// When something was last read.
    pub(crate) fn read_at(&self) -> Option<Instant> {
        self.state().read_at
    }

    pub(crate) fn has_paused(&self) -> bool {
        self.state().has_paused
    }

    pub(crate) fn all_ready(&self) -> bool {
        let state = self.state();
        state
            .posts
            .values()
            .all(|post| !post.is_up || post.is_ready)
    }

    pub(crate) fn findings(&self) -> Findings {
        self.state().findings.clone()
    }
}

impl State {
    fn total(&self, counter: &str) -> f64 {
        let of = |post: &Post| post.counters.get(counter).map(|(ended, now)| ended + now);
        self.posts.values().filter_map(of).sum()
    }
}

struct Answer {
    is_success: bool,
    body: String,
}

async fn ask(http: &reqwest::Client, port: u16, path: &str) -> Option<Answer> {
    let url = format!("http://127.0.0.1:{port}/{path}");
    let response = http.get(url).send().await.ok()?;
    let is_success = response.status().is_success();
    let body = response.text().await.ok()?;
    Some(Answer { is_success, body })
}

/// The sum of a counter over all its labels; 0 when it was never raised.
fn sum_of(metrics: &str, name: &str) -> f64 {
    let lines = metrics.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(read: u32) -> Option<Answer> {
        let body =
            format!("{READ}{{topic=\"a\"}} {read}\n{READ}{{topic=\"b\"}} 1\n{READ}_else 7\n");
        let is_success = true;
        Some(Answer { is_success, body })
    }

    fn ready() -> Option<Answer> {
        let (is_success, body) = (true, String::new());
        Some(Answer { is_success, body })
    }

    #[test]
    fn counters_go_on_over_the_lives_of_a_process() {
        let watch = Watch::default();
        watch.up(1);
        watch.note(1, Instant::now(), ready(), metrics(10));
        watch.note(1, Instant::now(), ready(), metrics(3));
        assert_eq!(watch.total(READ), 11.0 + 4.0);
    }

    #[test]
    fn more_committed_than_read_is_found_whoever_was_stopped() {
        let watch = Watch::default();
        watch.up(1);
        watch.note(1, Instant::now(), ready(), metrics(99));
        watch.compare(100);
        assert_eq!(watch.findings().commits_ahead, 0);
        watch.down(1, true);
        watch.compare(100 + STOPPING_READS_MAX);
        assert_eq!(watch.findings().commits_ahead, 0);
        watch.compare(107 + STOPPING_READS_MAX);
        assert_eq!(
            watch.findings().commits_ahead,
            0,
            "it may be counted in a moment"
        );
        watch.compare(107 + STOPPING_READS_MAX);
        assert_eq!(watch.findings().commits_ahead, 7);
    }

    #[test]
    fn who_is_ready_long_after_it_could_not_be_is_found() {
        let watch = Watch::default();
        watch.up(1);
        watch.nobody_can_be_ready("Redis is away");
        watch.note(1, Instant::now(), ready(), metrics(1));
        assert_eq!(watch.findings().untrue, 0);
        let later = Instant::now() + FINDING_OUT * 2;
        watch.note(1, later, ready(), metrics(1));
        assert_eq!(watch.findings().untrue, 1);
        watch.anybody_can_be_ready();
        watch.note(1, later, ready(), metrics(1));
        assert_eq!(watch.findings().untrue, 1);
    }
}

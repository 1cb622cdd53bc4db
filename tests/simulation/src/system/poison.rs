//! Records that cannot be read: some here and there, and in some partitions more than the breakers let pass. What must hold
//! meanwhile for everybody else.

use super::plan::{BEGIN_MS, GAP_MS, Plan, Planned};
use super::world::World;
use crate::tape::Tape;
use domain::ids::TraceKey;
use processor::out::dead_letters::DeadLetterLimits;
use processor::source::TopicPartition;
use serde_json::Value;
use std::collections::BTreeMap;

/// When nobody may be paused for bad records: never.
const NEVER: f64 = 1.0;
const SPOILED_PERCENT: usize = 45;
const STREAK_MIN: usize = 3;
const STREAK_MAX: usize = 10;
const STRAY_MAX: usize = 4;
/// Bad records come between so long before and after the beginning.
const PAST_MS: usize = 50_000;
const FUTURE_MS: usize = 30_000;
/// A paused partition holds time back for as long as anybody plays.
const FOR_EVER_MS: u64 = 86_400_000;
/// Of a trial: it is begun, read, and its outcome is acted upon.
const TRIAL_MS: i64 = 10_000;
/// How far behind time may be when nothing holds it back: until ends are told, saved and looked at.
const BEHIND_MS: i64 = 8_000;
/// What may be read is read within so long.
const READ_MS: i64 = 30_000;
/// When nothing goes wrong any more, whoever stood still hears of his group, and all have caught up within so long.
const CAUGHT_UP_MS: i64 = 60_000;

/// What of a play cannot be read.
#[derive(Clone, Debug)]
pub struct Poison {
    pub limits: DeadLetterLimits,
    /// Bad records; without any, nothing is judged.
    pub count: usize,
}

impl Poison {
    /// Spoils a plan, or leaves it as it is.
    pub fn draw(tape: &mut Tape, plan: &mut Plan) -> Self {
        let pause_ms = 1_000 * (1 + tape.below(12)) as u64;
        let mut poison = Self {
            limits: DeadLetterLimits {
                window_records: 4 + tape.below(4),
                records_min: 1 + tape.below(3),
                // A trial lets one bad record pass, or the records after it would never be read.
                invalid_ratio_max: 0.5,
                pause_ms,
                pause_max_ms: pause_ms.max(*tape.pick(&[8_000, 16_000])),
                trial_records: 2 + tape.below(3),
                watermark_hold_ms: *tape.pick(&[FOR_EVER_MS, 4_000, 12_000]),
            },
            count: 0,
        };
        if tape.chance(SPOILED_PERCENT) {
            for _ in 0..1 + tape.below(2) {
                poison.spoil(tape, plan);
            }
            for _ in 0..tape.below(STRAY_MAX) {
                let partition = tape.pick(&plan.partitions).clone();
                let at_ms = at_ms(tape);
                poison.add(plan, partition, at_ms);
            }
        }
        poison
    }

    /// A streak of bad records in one partition.
    fn spoil(&mut self, tape: &mut Tape, plan: &mut Plan) {
        let partition = tape.pick(&plan.partitions).clone();
        let mut at_ms = at_ms(tape);
        for _ in 0..STREAK_MIN + tape.below(STREAK_MAX - STREAK_MIN) {
            self.add(plan, partition.clone(), at_ms);
            at_ms += tape.below(3) as i64 * 500;
        }
    }

    fn add(&mut self, plan: &mut Plan, partition: TopicPartition, at_ms: i64) {
        let mut later = plan.records.iter();
        let place = later.position(|planned| planned.at_ms > at_ms);
        let bad = Planned {
            at_ms,
            partition,
            facts: Vec::new(),
            hole: 0,
            bad: Some(self.count),
        };
        self.count += 1;
        plan.records
            .insert(place.unwrap_or(plan.records.len()), bad);
    }

    /// The same without pauses.
    pub fn unpaused(&self) -> Self {
        let limits = DeadLetterLimits {
            invalid_ratio_max: NEVER,
            ..self.limits
        };
        Self { limits, ..*self }
    }

    pub fn is_there(&self) -> bool {
        self.count > 0
    }

    /// How much longer everything takes: each trial lets a bad record pass at least.
    pub fn takes_ms(&self) -> i64 {
        self.count as i64 * (self.limits.pause_max_ms as i64 + TRIAL_MS)
    }
}

fn at_ms(tape: &mut Tape) -> i64 {
    BEGIN_MS - PAST_MS as i64 + tape.below(PAST_MS + FUTURE_MS) as i64
}

/// Since when nothing excuses that others wait.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    /// When nothing went wrong any more.
    pub calm_ms: i64,
    /// When each partition was paused or tried last, and when it was paused last.
    paused_ms: BTreeMap<TopicPartition, i64>,
    open_ms: BTreeMap<TopicPartition, i64>,
    /// When some partition held time back last.
    held_ms: i64,
    /// Conversations with a window that is over: which, and since when that is seen.
    over: BTreeMap<usize, (i64, i64)>,
}

impl World<'_> {
    /// Whether time went on without a partition: then what it held is late, and makes revisions of its own.
    pub(super) fn is_passed_by(&self) -> bool {
        self.played.passed_by > 0
    }

    /// Below what is saved, bad records are dead letters.
    pub(super) fn check_letter(&self, bad: Option<usize>) -> Result<(), String> {
        match bad.filter(|number| !self.broker.letters.contains(number)) {
            Some(number) => Err(format!("bad record {number} is no dead letter")),
            None => Ok(()),
        }
    }

    /// While partitions are paused, and nothing else goes wrong, the others are read, and time waits for these no longer
    /// than it is to.
    pub(super) fn check_others(&mut self) -> Result<(), String> {
        if !self.poison.is_there() || !self.is_calm {
            return Ok(());
        }
        self.note_patience();
        let now_ms = self.now_ms;
        let calm_ms = self.patience.calm_ms + CAUGHT_UP_MS;
        for (partition, log) in &self.broker.logs {
            let paused_ms = self.patience.paused_ms.get(partition).copied();
            let from_ms = calm_ms.max(paused_ms.unwrap_or_default() + READ_MS);
            let committed = self.broker.group.committed.get(partition);
            let committed = committed.map_or(0, |(offset, _)| *offset);
            let left = log.records.range(committed..).next();
            if let Some((offset, record)) = left
                && now_ms >= from_ms.max(record.timestamp_ms + READ_MS)
            {
                return Err(format!(
                    "{partition} is not paused, and record {offset} is not done"
                ));
            }
        }
        if now_ms < calm_ms.max(self.patience.held_ms + BEHIND_MS) {
            return Ok(());
        }
        self.check_time()
    }

    /// The conversations that are to be the same as those of an undisturbed processor: all. But what comes so late that time
    /// has passed it by may find spans without ids placed, and let go, that it would have placed otherwise.
    pub(super) fn comparable(&self) -> Vec<usize> {
        let all = 0..self.plan.conversations.len();
        all.filter(|number| !self.is_passed_by() || !self.is_by_traces(*number))
            .collect()
    }

    /// Whether spans without ids stand in a conversation, or may.
    fn is_by_traces(&self, number: usize) -> bool {
        let (plan, key) = (&self.plan, &self.plan.conversations[number]);
        let without_id = plan
            .told
            .iter()
            .filter(|told| told.report.conversation.is_none());
        let mut traces = without_id.map(|told| told.trace);
        traces.any(|trace| {
            let of_trace = plan.told.iter().filter(|told| told.trace == trace);
            let mut named = of_trace.filter_map(|told| told.report.conversation.as_ref());
            let TraceKey { project, trace } = &plan.traces[trace];
            *project == key.project
                && (trace.to_string() == key.id || named.any(|id| *id == key.id))
        })
    }

    /// Windows that closed without what was paused are others than those of an undisturbed processor, but what was late
    /// made further revisions: the last ones hold the same.
    pub(super) fn compare_last(&self, undisturbed: &World<'_>) -> Result<(), String> {
        let numbers = self.comparable();
        let last = |world: &World<'_>| {
            let mut last = world.last_revisions();
            last.retain(|number, _| numbers.contains(number));
            last
        };
        let (ours, theirs) = (last(self), last(undisturbed));
        match ours
            .iter()
            .find(|(number, content)| theirs.get(*number) != Some(*content))
        {
            Some((number, content)) => Err(format!(
                "c{number} was published last as\n{content}\nundisturbed\n{:?}",
                theirs.get(number)
            )),
            None if ours.len() < theirs.len() => Err("a conversation was not published".to_owned()),
            None => Ok(()),
        }
    }

    fn last_revisions(&self) -> BTreeMap<usize, Value> {
        let mut last = BTreeMap::new();
        for finalised in &self.broker.finalised {
            let (number, revision) = (finalised.conversation, finalised.revision);
            let (known, content) = last.entry(number).or_insert((revision, &finalised.content));
            if *known <= revision {
                (*known, *content) = (revision, &finalised.content);
            }
        }
        let read = |(number, (_, content)): (usize, (u32, &String))| {
            let mut content: Value = serde_json::from_str(content).expect("it was written as JSON");
            for of_the_window in ["revision", "finalizedAt"] {
                content[of_the_window] = Value::Null;
            }
            (number, content)
        };
        last.into_iter().map(read).collect()
    }

    /// Nothing holds time back: windows that are over are closed.
    fn check_time(&mut self) -> Result<(), String> {
        self.played.looked_at += 1;
        let dues = self.members.values();
        let dues = dues.filter_map(|member| Some(member.due.as_ref()?.watermark_ms));
        let due_ms = dues.max().unwrap_or_default();
        let behind_ms = self.now_ms - due_ms;
        if behind_ms > BEHIND_MS {
            return Err(format!(
                "nothing holds time back, and it is {behind_ms} ms behind"
            ));
        }
        self.check_windows()
    }

    /// Windows that have been over for a while are closed.
    fn check_windows(&mut self) -> Result<(), String> {
        let (now_ms, over_ms) = (self.now_ms, self.now_ms - GAP_MS - BEHIND_MS);
        for number in 0..self.plan.conversations.len() {
            let stored = self.nodes.stored(number);
            let due_ms = stored.and_then(|stored| stored.summary.due_at_ms(0));
            let over_ms = due_ms.filter(|due_ms| *due_ms < over_ms);
            // What a trace has decided now may be of a window that is long over.
            let known = self.patience.over.get(&number);
            let since_ms = match (over_ms, known) {
                (None, _) => {
                    self.patience.over.remove(&number);
                    continue;
                }
                (Some(over_ms), Some((known_ms, since_ms))) if over_ms == *known_ms => *since_ms,
                (Some(over_ms), _) => {
                    self.patience.over.insert(number, (over_ms, now_ms));
                    continue;
                }
            };
            if now_ms >= since_ms.max(self.patience.held_ms + BEHIND_MS) + BEHIND_MS {
                return Err(format!(
                    "c{number} is over, nothing holds time back, and it is not closed"
                ));
            }
        }
        Ok(())
    }

    /// Notes what is paused, and whether that, or what is left to read, holds time back.
    fn note_patience(&mut self) {
        let now_ms = self.now_ms;
        let hold_ms = i64::try_from(self.poison.limits.watermark_hold_ms).unwrap_or(i64::MAX);
        let mut passed = Vec::new();
        for member in self.members.values() {
            let breakers = &member.stages.breakers;
            for (partition, pause) in breakers.pauses() {
                self.patience.paused_ms.insert(partition.clone(), now_ms);
                if breakers.is_open(partition) {
                    self.patience.open_ms.insert(partition.clone(), now_ms);
                    passed.extend((now_ms - pause.since_ms >= hold_ms).then(|| partition.clone()));
                }
            }
        }
        let committed = &self.broker.group.committed;
        let is_held = self.broker.logs.iter().any(|(partition, log)| {
            let committed = committed.get(partition).map_or(0, |(offset, _)| *offset);
            let open_ms = self.patience.open_ms.get(partition);
            // Of one that is tried it is not known at once where it ends.
            let is_tried = open_ms.is_some_and(|open_ms| now_ms - open_ms < TRIAL_MS);
            (committed < log.end || is_tried) && !passed.contains(partition)
        });
        if is_held {
            self.patience.held_ms = now_ms;
        }
    }
}

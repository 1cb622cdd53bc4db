//! What is sent: made-up conversations, the same for the same seed, with record times that advance.
//!
//! Every span of these names its conversation. Turns of a conversation lie close together or well more than a gap apart, so
//! that a window's end is never a matter of milliseconds. A share of the records comes twice, later and often in another
//! partition. In each topic, record times only grow: what is late for a window would depend on the reader otherwise.
//!
//! Beside them come spans without an id ([`crate::strays`]) and records that cannot be read ([`crate::poison`]).

use crate::poison::poison;
use crate::sentry::{SENTRY_PROJECT, sentry_record};
use crate::strays::strays;
use harness::dialogue::Dialogue;
use harness::otlp::{attribute, export, trace_records};
use harness::record::{Producer, Record};
use harness::topics::Topics;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const PROJECTS: [&str; 3] = ["shop", "travel", "clinic"];
const TOOLS: [&str; 4] = ["search", "lookup_order", "get_weather", "create_ticket"];
const WORDS: &str = "order parcel invoice refund ticket flight hotel train seat account card limit transfer \
    appointment doctor form today tomorrow early late please thanks change cancel confirm number street window";

/// Within a window: less than the gap, with the spread of a turn's records.
const NEAR_MS: std::ops::Range<u64> = 2_000..12_000;
/// Between two windows: more than the gap, with the same.
const FAR_MS: std::ops::Range<u64> = 27_000..60_000;
/// The records of a turn lie within so much.
const SPREAD_MS: u64 = 2_000;
/// A repeated record comes so much later at most: after its window has closed, too.
const REPEAT_MS: u64 = 60_000;
const REPEATED_PERCENT: u8 = 30;
const FAR_PERCENT: u8 = 20;
/// Of conversations, how many have another in one of their traces.
const SHARED_PERCENT: u8 = 8;
pub(crate) const CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// Handed to the client at once.
const BATCH_RECORDS: usize = 500;

/// How much is made, and over how much record time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) conversations: usize,
    /// Turns of one conversation, chosen evenly from 1 to twice this.
    pub(crate) turns: usize,
    pub(crate) duration_ms: u64,
    /// Traces of which no span names a conversation, all at once.
    pub(crate) bare: usize,
    /// Traces of which some spans do, late or otherwise than it seemed.
    pub(crate) strays: usize,
    /// Records that cannot be read, whole or in places.
    pub(crate) bad: usize,
    /// Records of one partition, one after the other, of which nothing can be read.
    pub(crate) garbage: usize,
}

impl Shape {
    /// Only conversations.
    pub(crate) fn without_strays(self) -> Self {
        Self {
            bare: 0,
            strays: 0,
            bad: 0,
            garbage: 0,
            ..self
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    /// In the order of sending, with record times.
    pub(crate) records: Vec<Record>,
    /// Of those whose spans name them.
    pub(crate) conversations: Vec<Spoken>,
    /// What there is in the end, of spans without an id and beside what cannot be read, too: distinct spans that stand in a
    /// conversation, and conversations.
    pub(crate) expected_spans: usize,
    pub(crate) expected_conversations: usize,
    /// Records that become dead letters.
    pub(crate) letters: usize,
}

/// A conversation whose spans name it.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pub(crate) project: String,
    pub(crate) id: String,
    /// The record time of its first record.
    pub(crate) first_ms: i64,
}

/// A record, and when it is due after the beginning.
pub(crate) type Timed = (u64, Record);

impl Load {
    /// `name` makes conversations distinct from those of other loads; record times begin at `begin_ms`.
    pub(crate) fn new(topics: &Topics, name: &str, seed: u64, shape: Shape, begin_ms: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut load = Self::default();
        let mut timed = Vec::new();
        for number in 0..shape.conversations {
            let is_sentry = number % 4 == 0;
            let project = match is_sentry {
                true => SENTRY_PROJECT,
                false => PROJECTS[number % PROJECTS.len()],
            };
            let id = format!("{name}-{number:05}");
            let mut writer = Writer {
                random: fastrand::Rng::with_seed(random.u64(..)),
                topics,
                begin_ms,
                project,
                is_sentry,
                timed: Vec::new(),
                beside: Vec::new(),
            };
            load.expected_spans += writer.conversation(&id, shape);
            // One that would begin too late to end in time has none.
            if let Some(first_ms) = writer.timed.iter().map(|(due_ms, _)| *due_ms).min() {
                let spoken = |id| Spoken {
                    project: project.to_owned(),
                    id,
                    first_ms: (begin_ms + first_ms) as i64,
                };
                let ids = writer.beside.iter().cloned().chain([id]);
                load.conversations.extend(ids.map(spoken));
            }
            timed.append(&mut writer.timed);
        }
        load.expected_conversations = load.conversations.len();
        load.take(timed, begin_ms);
        load.and(strays(topics, name, random.u64(..), shape, begin_ms))
            .and(poison(topics, name, random.u64(..), shape, begin_ms))
    }

    /// Takes records that are due so long after the beginning.
    pub(crate) fn take(&mut self, mut timed: Vec<Timed>, begin_ms: u64) {
        timed.sort_by_key(|(due_ms, _)| *due_ms);
        let stamped = |(due_ms, record): Timed| record.at_ms((begin_ms + due_ms) as i64);
        self.records.extend(timed.into_iter().map(stamped));
    }

    /// The record time of the last record; 0 without any.
    pub(crate) fn last_ms(&self) -> i64 {
        let last = self.records.last();
        last.and_then(|record| record.timestamp_ms).unwrap_or(0)
    }

    /// Both, in the order of record times.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.records.extend(other.records);
        self.records.sort_by_key(|record| record.timestamp_ms);
        self.conversations.extend(other.conversations);
        self.expected_spans += other.expected_spans;
        self.expected_conversations += other.expected_conversations;
        self.letters += other.letters;
        self
    }

    /// As fast as Kafka takes it.
    pub(crate) async fn send(&self, producer: &Producer) -> anyhow::Result<()> {
        for batch in self.records.chunks(BATCH_RECORDS) {
            producer.send(batch.to_vec()).await?;
        }
        Ok(())
    }

    /// Each record when its time has come; the load must begin now. Returns the record time of the last.
    pub(crate) async fn send_live(mut self, producer: &Producer) -> anyhow::Result<i64> {
        let begin = Instant::now();
        let first_ms = self.records.first().and_then(|record| record.timestamp_ms);
        let first_ms = first_ms.unwrap_or_default();
        let mut last_ms = 0;
        for record in &mut self.records {
            let due_ms = record.timestamp_ms.unwrap_or_default() - first_ms;
            tokio::time::sleep_until(begin + Duration::from_millis(due_ms as u64)).await;
            // Never the past: readers who have come to the end count it as gone.
            let now_ms = harness::clock::now_ms();
            last_ms = now_ms;
            producer
                .send([std::mem::take(record).at_ms(now_ms)])
                .await?;
        }
        Ok(last_ms)
    }
}

/// One conversation's way into records.
struct Writer<'a> {
    random: fastrand::Rng,
    topics: &'a Topics,
    begin_ms: u64,
    project: &'static str,
    is_sentry: bool,
    timed: Vec<Timed>,
    /// The ids of conversations that share a trace with this one.
    beside: Vec<String>,
}

impl Writer<'_> {
    /// Writes its turns and returns how many spans they have.
    fn conversation(&mut self, id: &str, shape: Shape) -> usize {
        let mut at_ms = self.random.u64(..shape.duration_ms * 9 / 10);
        let seed = self.random.u64(..);
        let mut dialogue =
            Dialogue::new(self.project, id, seed, (self.begin_ms + at_ms) * 1_000_000)
                .agent("helper", "You are a helpful assistant. Answer briefly.");
        let mut spans = 0;
        for turn in 0..self.random.usize(1..=2 * shape.turns) {
            let pause_ms = match self.random.u8(..100) {
                0..FAR_PERCENT => self.random.u64(FAR_MS),
                _ => self.random.u64(NEAR_MS),
            };
            if turn > 0 {
                at_ms += pause_ms;
            }
            if at_ms + SPREAD_MS >= shape.duration_ms {
                break;
            }
            dialogue.now_ns = (self.begin_ms + at_ms) * 1_000_000;
            self.turn(&mut dialogue);
            let mut ended = self.with_plain_spans(dialogue.take());
            for span in &mut ended {
                name_conversation(span, id);
            }
            if turn == 0 && self.random.u8(..100) < SHARED_PERCENT {
                ended.extend(self.beside(&ended, id));
            }
            spans += ended.len();
            self.records(ended, at_ms, shape.duration_ms);
        }
        spans
    }

    fn turn(&mut self, dialogue: &mut Dialogue) {
        let (question, answer) = (self.sentence(5..20), self.sentence(10..50));
        let tool = TOOLS[self.random.usize(..TOOLS.len())];
        let number = self.random.u32(..);
        dialogue.ask(&question);
        match self.random.u8(..100) {
            0..45 => dialogue.answer(&answer, 400),
            45..90 => {
                let found = Ok(json!({"found": number % 7, "note": question}));
                dialogue
                    .use_tool(tool, json!({"query": number}), found, 120)
                    .answer(&answer, 500)
            }
            90..96 => dialogue
                .use_tool(tool, json!({"query": number}), Err("timed out"), 900)
                .answer(&answer, 300),
            _ => dialogue.fail("429", "rate limit exceeded", 150),
        };
    }

    /// Puts spans that know nothing of models between some of these and their parents.
    fn with_plain_spans(&mut self, spans: Vec<Span>) -> Vec<Span> {
        let mut all = Vec::with_capacity(spans.len() + 1);
        for mut span in spans {
            if !span.parent_span_id.is_empty() && self.random.u8(..5) == 0 {
                let mut span_id = vec![1; 8];
                span_id[1..].fill_with(|| self.random.u8(..));
                let plain = Span {
                    span_id: span_id.clone(),
                    name: "POST /v1/chat/completions".to_owned(),
                    attributes: vec![attribute("http.request.method", "POST")],
                    events: Vec::new(),
                    status: None,
                    ..span.clone()
                };
                span.parent_span_id = span_id;
                all.push(plain);
            }
            all.push(span);
        }
        all
    }

    /// A call of another conversation in the same trace: each is shown with the other.
    fn beside(&mut self, spans: &[Span], id: &str) -> Option<Span> {
        let is_call = |span: &&Span| span.name.starts_with("chat ");
        let mut call = spans.iter().find(is_call)?.clone();
        call.span_id[1..].fill_with(|| self.random.u8(..));
        call.attributes.retain(|known| known.key != CONVERSATION_ID);
        let id = format!("{id}-beside");
        name_conversation(&mut call, &id);
        self.beside.push(id);
        Some(call)
    }

    /// Cuts a turn's spans into records, some of them repeated.
    fn records(&mut self, mut spans: Vec<Span>, at_ms: u64, end_ms: u64) {
        self.random.shuffle(&mut spans);
        while !spans.is_empty() {
            let count = if self.is_sentry {
                1
            } else {
                self.random.usize(1..=2)
            };
            let part = spans.split_off(spans.len().saturating_sub(count));
            let due_ms = at_ms + self.random.u64(..SPREAD_MS);
            for record in self.encode(part) {
                if self.random.u8(..100) < REPEATED_PERCENT {
                    let mut again = record.clone();
                    if self.random.bool() {
                        again.key = Some(self.random.u64(..).to_be_bytes().to_vec());
                    }
                    let again_ms = due_ms + self.random.u64(..REPEAT_MS);
                    self.timed.push((again_ms.min(end_ms), again));
                }
                self.timed.push((due_ms, record));
            }
        }
    }

    fn encode(&self, spans: Vec<Span>) -> Vec<Record> {
        if self.is_sentry {
            return spans
                .iter()
                .map(|span| sentry_record(self.topics, span))
                .collect();
        }
        trace_records(&self.topics.spans, &export(self.project, spans))
    }

    fn sentence(&mut self, length: std::ops::Range<usize>) -> String {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let length = self.random.usize(length);
        let said: Vec<&str> = (0..length)
            .map(|_| words[self.random.usize(..words.len())])
            .collect();
        said.join(" ")
    }
}

fn name_conversation(span: &mut Span, id: &str) {
    if span
        .attributes
        .iter()
        .all(|known| known.key != CONVERSATION_ID)
    {
        span.attributes.push(attribute(CONVERSATION_ID, id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        conversations: 40,
        turns: 4,
        duration_ms: 300_000,
        bare: 40,
        strays: 12,
        bad: 19,
        garbage: 0,
    };

    fn load(seed: u64) -> Load {
        Load::new(&Topics::default(), "test", seed, SHAPE, 1_767_600_000_000)
    }

    #[test]
    fn a_seed_gives_the_same_records_and_another_seed_others() {
        assert_eq!(load(1).records, load(1).records);
        assert_ne!(load(1).records, load(2).records);
    }

    #[test]
    fn record_times_grow_and_about_a_third_of_the_records_come_again() {
        let load = load(3);
        assert!(load.records.is_sorted_by_key(|record| record.timestamp_ms));
        let mut payloads: Vec<_> = load.records.iter().map(|record| &record.payload).collect();
        payloads.sort_unstable();
        payloads.dedup();
        let repeated = load.records.len() - payloads.len();
        let share = repeated as f64 / payloads.len() as f64;
        assert!((0.2..0.4).contains(&share), "{share}");
    }
}

//! What is sent: made-up conversations, the same for the same seed, with record times that advance.
//!
//! Every span names its conversation. Turns of a conversation lie close together or well more than a gap apart, so that a
//! window's end is never a matter of milliseconds. A share of the records comes twice, later and often in another
//! partition. In each topic, record times only grow: what is late for a window would depend on the reader otherwise.

use harness::dialogue::Dialogue;
use harness::otlp::{attribute, export, hex, trace_records};
use harness::record::{Producer, Record};
use harness::topics::Topics;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const PROJECTS: [&str; 3] = ["shop", "travel", "clinic"];
const SENTRY_PROJECT: &str = "4711";
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
const CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// Handed to the client at once.
const BATCH_RECORDS: usize = 500;

/// How much is made, and over how much record time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) conversations: usize,
    /// Turns of one conversation, chosen evenly from 1 to twice this.
    pub(crate) turns: usize,
    pub(crate) duration_ms: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// In the order of sending, with record times.
    pub(crate) records: Vec<Record>,
    /// Distinct ones.
    pub(crate) spans: usize,
    /// Project and id of each.
    pub(crate) conversations: Vec<(String, String)>,
}

/// A record, and when it is due after the beginning.
type Timed = (u64, Record);

impl Load {
    /// `name` makes conversations distinct from those of other loads; record times begin at `begin_ms`.
    pub(crate) fn new(topics: &Topics, name: &str, seed: u64, shape: Shape, begin_ms: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut timed = Vec::new();
        let (mut spans, mut conversations) = (0, Vec::new());
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
            spans += writer.conversation(&id, shape);
            timed.append(&mut writer.timed);
            conversations.append(&mut writer.beside);
            conversations.push((project.to_owned(), id));
        }
        timed.sort_by_key(|(due_ms, _)| *due_ms);
        let stamped = |(due_ms, record): Timed| record.at_ms((begin_ms + due_ms) as i64);
        Self {
            records: timed.into_iter().map(stamped).collect(),
            spans,
            conversations,
        }
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
        self.spans += other.spans;
        self.conversations.extend(other.conversations);
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
    /// Conversations that share a trace with this one.
    beside: Vec<(String, String)>,
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
        self.beside.push((self.project.to_owned(), id));
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

/// A span as Relay writes it to `ingest-spans`.
fn sentry_record(topics: &Topics, span: &Span) -> Record {
    const NS_PER_SECOND: f64 = 1e9;
    let is_error = span.status.as_ref().is_some_and(|status| status.code == 2);
    let attributes: serde_json::Map<String, Value> = span
        .attributes
        .iter()
        .filter_map(|attribute| {
            let value = typed(attribute.value.as_ref()?.value.as_ref()?)?;
            Some((attribute.key.clone(), value))
        })
        .collect();
    let body = json!({
        "trace_id": hex(&span.trace_id),
        "span_id": hex(&span.span_id),
        "parent_span_id": (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        "name": span.name,
        "start_timestamp": span.start_time_unix_nano as f64 / NS_PER_SECOND,
        "end_timestamp": span.end_time_unix_nano as f64 / NS_PER_SECOND,
        "status": if is_error { "error" } else { "ok" },
        "attributes": attributes,
    });
    let mut record = Record::new(&topics.sentry, hex(&span.trace_id), body.to_string());
    record
        .headers
        .insert("project_id".to_owned(), SENTRY_PROJECT.into());
    record
}

fn typed(value: &Any) -> Option<Value> {
    let (kind, value) = match value {
        Any::StringValue(text) => ("string", json!(text)),
        Any::BoolValue(value) => ("boolean", json!(value)),
        Any::IntValue(number) => ("integer", json!(number)),
        Any::DoubleValue(number) => ("double", json!(number)),
        Any::ArrayValue(array) => {
            let texts = array.values.iter().filter_map(|item| match &item.value {
                Some(Any::StringValue(text)) => Some(text.as_str()),
                _ => None,
            });
            ("array", json!(texts.collect::<Vec<_>>()))
        }
        _ => return None,
    };
    Some(json!({"type": kind, "value": value}))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        conversations: 40,
        turns: 4,
        duration_ms: 300_000,
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

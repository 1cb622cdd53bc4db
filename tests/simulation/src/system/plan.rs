//! What is written into the topics: spans of a few conversations over several windows, many of them more than once.

use crate::tape::Tape;
use domain::ids::{ConversationKey, SpanId, SpanKey, TraceId};
use domain::message::{Message, Role};
use domain::prepare::{self, Fact, Prepared};
use domain::span::{Content, Operation, Span};
use domain::usage::{NoPrices, Usage};
use processor::source::TopicPartition;

/// When the simulation begins, Unix milliseconds.
pub const BEGIN_MS: i64 = 1_795_000_000_000;
/// Silence after which a conversation is finalised.
pub const GAP_MS: i64 = 5_000;
pub const TOPICS: [&str; 2] = ["spans", "others"];

const CONVERSATIONS_MAX: usize = 6;
const WINDOWS_MAX: usize = 3;
const SPANS_MAX: usize = 3;
const COPIES_PERCENT: usize = 30;
const REPORTS_PERCENT: usize = 25;
/// How long a timeline may be. What happens before [`BEGIN_MS`] is backlog.
const PAST_MS: i64 = 60_000;

/// One report of one span.
#[derive(Clone, Debug)]
pub struct Told {
    pub conversation: usize,
    pub prepared: Prepared,
}

impl Told {
    /// The fact as a record of this time tells it.
    pub fn recorded(&self, record_ms: i64) -> Prepared {
        let mut prepared = self.prepared.clone();
        if let Fact::Span(span) = &mut prepared.fact {
            span.record_ms = record_ms;
        }
        prepared
    }

    /// The span, and the end that this report of it names.
    pub fn report(&self) -> (SpanKey, i64) {
        match &self.prepared.fact {
            Fact::Span(span) => (span.key, span.end_ns),
            Fact::Log(log) => (log.key, i64::MIN),
        }
    }
}

/// A record that is yet to be written.
#[derive(Clone, Debug)]
pub struct Planned {
    pub at_ms: i64,
    pub partition: TopicPartition,
    /// Positions in [`Plan::told`].
    pub facts: Vec<usize>,
    /// Offsets before it that hold no record: marks of transactions, or what compaction removed.
    pub hole: i64,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub conversations: Vec<ConversationKey>,
    pub told: Vec<Told>,
    pub partitions: Vec<TopicPartition>,
    /// In the order of writing. Those before [`BEGIN_MS`] are there at the beginning.
    pub records: Vec<Planned>,
}

impl Plan {
    pub fn invent(tape: &mut Tape) -> Self {
        let mut partitions = Vec::new();
        for topic in TOPICS {
            let count = 1 + tape.below(3) as i32;
            partitions.extend((0..count).map(|number| TopicPartition::new(topic, number)));
        }
        let mut plan = Self {
            conversations: Vec::new(),
            told: Vec::new(),
            partitions,
            records: Vec::new(),
        };
        let mut deliveries = Vec::new();
        for number in 0..2 + tape.below(CONVERSATIONS_MAX - 1) {
            plan.conversation(number, tape, &mut deliveries);
        }
        deliveries.sort_by_key(|(at_ms, fact)| (*at_ms, *fact));
        plan.write(&deliveries, tape);
        plan
    }

    fn conversation(&mut self, number: usize, tape: &mut Tape, deliveries: &mut Vec<(i64, usize)>) {
        self.conversations.push(ConversationKey {
            project: "shop".to_owned(),
            id: format!("c{number}"),
        });
        let mut at_ms = BEGIN_MS - PAST_MS + tape.below(40) as i64 * 1_000;
        let mut spans = 0;
        for _ in 0..1 + tape.below(WINDOWS_MAX) {
            for _ in 0..1 + tape.below(SPANS_MAX) {
                spans += 1;
                if tape.chance(REPORTS_PERCENT) {
                    self.deliver(span(number, spans, false), number, at_ms, tape, deliveries);
                    at_ms += tape.below(9) as i64 * 1_000;
                }
                self.deliver(span(number, spans, true), number, at_ms, tape, deliveries);
                at_ms += tape.below(6) as i64 * 1_000;
            }
            at_ms += GAP_MS + tape.below(20) as i64 * 1_000;
        }
    }

    fn deliver(
        &mut self,
        span: Span,
        conversation: usize,
        at_ms: i64,
        tape: &mut Tape,
        deliveries: &mut Vec<(i64, usize)>,
    ) {
        let fact = self.told.len();
        self.told.push(Told {
            conversation,
            prepared: prepare::span(span, 0, &NoPrices),
        });
        deliveries.push((at_ms, fact));
        while tape.chance(COPIES_PERCENT) && deliveries.len() < DELIVERIES_MAX {
            deliveries.push((at_ms + tape.below(20) as i64 * 1_000, fact));
        }
    }

    fn write(&mut self, deliveries: &[(i64, usize)], tape: &mut Tape) {
        for (at_ms, fact) in deliveries {
            let last = self.records.last_mut();
            if let Some(last) = last.filter(|last| last.facts.len() < 3)
                && tape.chance(30)
            {
                last.facts.push(*fact);
                continue;
            }
            // Clocks of producers differ: within a partition times need not grow.
            let early_ms = if tape.chance(10) { 2_000 } else { 0 };
            let is_past = *at_ms < BEGIN_MS;
            self.records.push(Planned {
                at_ms: if is_past { at_ms - early_ms } else { *at_ms },
                partition: tape.pick(&self.partitions).clone(),
                facts: vec![*fact],
                hole: if tape.chance(10) {
                    1 + tape.below(2) as i64
                } else {
                    0
                },
            });
        }
    }
}

/// Copies of spans are drawn as long as there are fewer deliveries.
const DELIVERIES_MAX: usize = 80;

/// A call of a model: as reported when it began, or when it was over.
fn span(conversation: usize, number: usize, is_over: bool) -> Span {
    let start_ns = (BEGIN_MS - PAST_MS + number as i64 * 1_000) * 1_000_000;
    let said = |role, what: &str| Message::text_of(role, format!("{what} {number}"));
    let output = if is_over {
        vec![said(Role::Assistant, "answer")]
    } else {
        Vec::new()
    };
    let usage = Usage {
        input_tokens: number as u64,
        output_tokens: 1,
        ..Usage::default()
    };
    Span {
        key: SpanKey {
            trace: TraceId([conversation as u8 + 1; 16]),
            span: SpanId((number as u64).to_be_bytes()),
        },
        project: "shop".to_owned(),
        conversation_id: Some(format!("c{conversation}")),
        is_genai: true,
        name: format!("chat {number}"),
        operation: Operation::Chat,
        start_ns,
        end_ns: start_ns + if is_over { 500_000_000 } else { 0 },
        request_model: Some("m".to_owned()),
        usage: is_over.then_some(usage),
        content: Content {
            system: Vec::new(),
            input: vec![said(Role::User, "question")],
            output,
        },
        instrumentation: "test".to_owned(),
        ..Span::default()
    }
}

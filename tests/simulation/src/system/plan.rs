//! What is written into the topics: spans of a few traces over several windows, many of them more than once, and not all with
//! the id of their conversation.

use crate::tape::Tape;
use domain::ids::{ConversationKey, SpanId, SpanKey, TraceId, TraceKey};
use domain::message::{Message, Role};
use domain::prepare::{self, Fact, Prepared};
use domain::span::{Content, Operation, Span};
use domain::trace::{Kind, Report, Times, WithoutId};
use domain::usage::{NoPrices, Usage};
use processor::source::TopicPartition;
use std::collections::BTreeSet;

/// When the simulation begins, Unix milliseconds.
pub const BEGIN_MS: i64 = 1_795_000_000_000;
/// Silence after which a conversation is finalised.
pub const GAP_MS: i64 = 5_000;
pub const TOPICS: [&str; 2] = ["spans", "others"];

/// How long a span may stand nowhere before it is decided what becomes of it.
pub const TIMES: Times = Times {
    settle_ms: 3_000,
    wait_ms: 60_000,
    hold_ms: 30_000,
};
const SHOP: &str = "shop";
const MALL: &str = "mall";

const TRACES_MAX: usize = 6;
const FOREIGN_PERCENT: usize = 20;
const SECOND_PERCENT: usize = 20;
const WINDOWS_MAX: usize = 3;
const SPANS_MAX: usize = 3;
const COPIES_PERCENT: usize = 30;
const REPORTS_PERCENT: usize = 25;
const UNWRITABLE_PLANS_PERCENT: usize = 25;
const UNWRITABLE_PERCENT: usize = 20;
/// How long a timeline may be. What happens before [`BEGIN_MS`] is backlog.
const PAST_MS: i64 = 60_000;

/// One report of one span.
#[derive(Clone, Debug)]
pub struct Told {
    /// Position in [`Plan::traces`].
    pub trace: usize,
    pub prepared: Prepared,
    pub report: Report,
    /// The store refuses every entry with it.
    pub is_unwritable: bool,
}

impl Told {
    /// The fact as a record of this time tells it.
    pub fn recorded(&self, record_ms: i64) -> (Prepared, Report) {
        let (mut prepared, mut report) = (self.prepared.clone(), self.report.clone());
        if let Fact::Span(span) = &mut prepared.fact {
            span.record_ms = record_ms;
        }
        report.record_ms = record_ms;
        (prepared, report)
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
    /// The number of a record that cannot be read.
    pub bad: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Plan {
    /// All that there can be: those that spans name, and one for each trace, which it becomes where `without_id` says so.
    pub conversations: Vec<ConversationKey>,
    pub traces: Vec<TraceKey>,
    pub without_id: WithoutId,
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
            traces: Vec::new(),
            without_id: *tape.pick(&[WithoutId::Drop, WithoutId::Trace]),
            told: Vec::new(),
            partitions,
            records: Vec::new(),
        };
        let mut deliveries = Vec::new();
        for number in 0..2 + tape.below(TRACES_MAX - 1) {
            plan.trace(number, tape, &mut deliveries);
        }
        plan.name_conversations();
        plan.make_unwritable(tape);
        deliveries.sort_by_key(|(at_ms, fact)| (*at_ms, *fact));
        plan.write(&deliveries, tape);
        plan
    }

    pub fn conversation(&self, project: &str, id: &str) -> Option<usize> {
        let is_it = |key: &ConversationKey| key.project == project && key.id == id;
        self.conversations.iter().position(is_it)
    }

    /// Conversations and traces are numbered together: these come after those.
    pub fn number_of_trace(&self, trace: usize) -> usize {
        self.conversations.len() + trace
    }

    /// Position in [`Plan::traces`]; `None` for the number of a conversation.
    pub fn as_trace(&self, number: usize) -> Option<usize> {
        number.checked_sub(self.conversations.len())
    }

    /// For stories.
    pub fn name(&self, number: usize) -> String {
        match self.as_trace(number) {
            Some(trace) => format!("t{trace}"),
            None => {
                let ConversationKey { project, id } = &self.conversations[number];
                format!("{project}/{id}")
            }
        }
    }

    /// In some plans, some spans that go straight to their conversation cannot be written there.
    fn make_unwritable(&mut self, tape: &mut Tape) {
        if !tape.chance(UNWRITABLE_PLANS_PERCENT) {
            return;
        }
        let named = self.told.iter();
        let named = named.filter(|told| told.report.conversation.is_some());
        let mut unwritable: BTreeSet<_> = named.map(|told| (told.trace, told.report().0)).collect();
        unwritable.retain(|_| tape.chance(UNWRITABLE_PERCENT));
        for told in &mut self.told {
            told.is_unwritable = unwritable.contains(&(told.trace, told.report().0));
        }
    }

    /// Project and key of each span that cannot be written.
    pub fn unwritable(&self) -> BTreeSet<(String, SpanKey)> {
        let unwritable = self.told.iter().filter(|told| told.is_unwritable);
        let named =
            unwritable.map(|told| (self.traces[told.trace].project.clone(), told.report().0));
        named.collect()
    }

    fn name_conversations(&mut self) {
        let named = self.told.iter().filter_map(|told| {
            let project = self.traces[told.trace].project.clone();
            let id = told.report.conversation.clone()?;
            Some(ConversationKey { project, id })
        });
        let of_traces = self.traces.iter().map(|key| ConversationKey {
            project: key.project.clone(),
            id: key.trace.to_string(),
        });
        let mut all: Vec<ConversationKey> = named.chain(of_traces).collect();
        all.sort();
        all.dedup();
        self.conversations = all;
    }

    /// Spans over some windows. In some traces few carry the id, one that comes late, or none; in some there are two.
    fn trace(&mut self, number: usize, tape: &mut Tape, deliveries: &mut Vec<(i64, usize)>) {
        // Now and then the trace id of another project.
        let is_foreign = number > 0 && tape.chance(FOREIGN_PERCENT);
        let (project, id) = match self.traces.last() {
            Some(last) if is_foreign && last.project == SHOP => (MALL, last.trace),
            _ => (SHOP, TraceId([number as u8 + 1; 16])),
        };
        self.traces.push(TraceKey {
            project: project.to_owned(),
            trace: id,
        });
        let naming = *tape.pick(&[
            Naming::All,
            Naming::All,
            Naming::Some,
            Naming::Root,
            Naming::Nobody,
        ]);
        let second = tape.chance(SECOND_PERCENT);
        let mut at_ms = BEGIN_MS - PAST_MS + tape.below(40) as i64 * 1_000;
        let mut spans = 0;
        for _ in 0..1 + tape.below(WINDOWS_MAX) {
            for _ in 0..1 + tape.below(SPANS_MAX) {
                spans += 1;
                let is_named = match naming {
                    Naming::All => true,
                    Naming::Some => tape.chance(50),
                    Naming::Root | Naming::Nobody => false,
                };
                let is_others = second && tape.chance(50);
                let conversation =
                    is_named.then(|| format!("c{}", number + usize::from(is_others)));
                // The root is span 0, which may never come.
                let parent = tape.below(spans);
                let told = |is_over| (spans, parent, conversation.clone(), is_over);
                if tape.chance(REPORTS_PERCENT) {
                    self.deliver(told(false), at_ms, tape, deliveries);
                    at_ms += tape.below(9) as i64 * 1_000;
                }
                self.deliver(told(true), at_ms, tape, deliveries);
                at_ms += tape.below(6) as i64 * 1_000;
            }
            at_ms += GAP_MS + tape.below(20) as i64 * 1_000;
        }
        if naming == Naming::Root {
            let late_ms = tape.below(40) as i64 * 1_000;
            let root = (0, 0, Some(format!("c{number}")), true);
            self.deliver(root, at_ms + late_ms, tape, deliveries);
        }
    }

    fn deliver(
        &mut self,
        (number, parent, conversation, is_over): (usize, usize, Option<String>, bool),
        at_ms: i64,
        tape: &mut Tape,
        deliveries: &mut Vec<(i64, usize)>,
    ) {
        let fact = self.told.len();
        let trace = self.traces.len() - 1;
        let mut span = span(&self.traces[trace], number, is_over);
        span.parent = (number > 0).then(|| span_id(parent));
        span.conversation_id.clone_from(&conversation);
        let report = Report {
            span: span.key.span,
            kind: Kind::GenAiSpan,
            parent: span.parent,
            conversation,
            hint: None,
            record_ms: 0,
        };
        self.told.push(Told {
            trace,
            prepared: prepare::span(span, 0, &NoPrices),
            report,
            is_unwritable: false,
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
                bad: None,
            });
        }
    }
}

/// Copies of spans are drawn as long as there are fewer deliveries.
const DELIVERIES_MAX: usize = 80;

/// Which spans of a trace carry the id of its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    All,
    Some,
    /// The root alone, which comes last.
    Root,
    Nobody,
}

fn span_id(number: usize) -> SpanId {
    SpanId((number as u64 + 1).to_be_bytes())
}

/// A call of a model: as reported when it began, or when it was over.
fn span(trace: &TraceKey, number: usize, is_over: bool) -> Span {
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
            trace: trace.trace,
            span: span_id(number),
        },
        project: trace.project.clone(),
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

//! Delivering spans: in order, and as badly as it may happen.

use crate::dialects::Told;
use crate::tape::Tape;
use domain::conversation::Conversation;
use domain::facts::{Entry, Link};
use domain::ids::{ConversationKey, SpanKey, TraceId};
use domain::limits::Limits;
use domain::normalise::{self, Rules};
use domain::prepare::{self, Prepared};
use domain::resolve::{Decision, Kind, Offer, Outcome, Resolver, Settings, SpanLink, WithoutId};
use domain::usage::NoPrices;
use domain::view::View;
use std::collections::BTreeMap;
use std::sync::Arc;

const RECORD_MS: i64 = 1_795_000_000_000;
const PARTITIONS: usize = 3;
const PROCESSORS: usize = 2;

/// A span or log on its way.
#[derive(Clone, Debug)]
pub struct Item {
    prepared: Prepared,
    key: SpanKey,
    parent: Option<domain::ids::SpanId>,
    conversation_id: Option<String>,
    kind: Kind,
}

/// Reads what was told, as a processor's readers do.
pub fn items(told: &Told) -> Vec<Item> {
    let rules = Rules::default();
    let spans = told.spans.iter().map(|raw| {
        let mut span = normalise::span(raw.clone(), RECORD_MS, &rules);
        Item {
            key: span.key,
            parent: span.parent,
            conversation_id: span.conversation_id.take(),
            kind: if span.is_genai {
                Kind::GenAiSpan
            } else {
                Kind::OtherSpan
            },
            prepared: prepare::span(span, RECORD_MS, &NoPrices),
        }
    });
    let logs = told.logs.iter().filter_map(|raw| {
        let mut log = normalise::log(raw.clone(), RECORD_MS, &rules)?;
        Some(Item {
            key: log.key,
            parent: None,
            conversation_id: log.conversation_id.take(),
            kind: Kind::Log,
            prepared: prepare::log(log, RECORD_MS),
        })
    });
    spans.chain(logs).collect()
}

/// Everything in the order in which it happened, through one processor.
pub fn in_order(items: &[Item]) -> View {
    assembled(items).view()
}

/// The same as the conversation that it makes.
pub fn assembled(items: &[Item]) -> Conversation {
    let mut stored = Stored::default();
    let mut processor = Processor::new();
    for item in items {
        processor.take(item, RECORD_MS, &mut stored);
    }
    processor.wait_out(&mut stored);
    processor.commit(&mut stored);
    stored.conversation()
}

/// What Redis holds.
#[derive(Default)]
struct Stored {
    entries: Vec<Entry>,
    links: BTreeMap<TraceId, Vec<SpanLink>>,
}

impl Stored {
    fn conversation(&self) -> Conversation {
        let mut conversation = Conversation::default();
        for entry in &self.entries {
            // As it comes back from where it was stored.
            let text = serde_json::to_string(entry).expect("entries serialise");
            conversation.apply(serde_json::from_str(&text).expect("entries deserialise"));
        }
        conversation
    }
}

/// One process: a resolver, a cached conversation, and what was assigned and not yet committed.
struct Processor {
    resolver: Resolver<Prepared>,
    cached: Conversation,
    known: usize,
    facts: Vec<Prepared>,
    links: Vec<Link>,
    /// Records read in this life: those that are not done are read again after a crash.
    read: Vec<Item>,
}

impl Processor {
    fn new() -> Self {
        Self {
            resolver: Resolver::new(Settings::default()),
            cached: Conversation::default(),
            known: 0,
            facts: Vec::new(),
            links: Vec::new(),
            read: Vec::new(),
        }
    }

    fn take(&mut self, item: &Item, now_ms: i64, stored: &mut Stored) {
        self.read.push(item.clone());
        if !self.resolver.knows(&item.key.trace) {
            let links = stored
                .links
                .get(&item.key.trace)
                .cloned()
                .unwrap_or_default();
            let outcome = self.resolver.restore(item.key.trace, links, now_ms);
            self.note(outcome);
        }
        let offer = Offer {
            item: item.prepared.clone(),
            project: Arc::from("shop"),
            key: item.key,
            parent: item.parent,
            conversation_id: item.conversation_id.clone(),
            kind: item.kind,
            is_call: true,
            without_id: WithoutId::Drop,
            bytes: item.prepared.bytes(),
            record_ms: now_ms,
        };
        let outcome = self.resolver.offer(offer, now_ms);
        self.note(outcome);
        for (trace, link) in self.resolver.take_unsaved() {
            stored.links.entry(trace).or_default().push(link);
        }
    }

    /// The waits of all that waits are over.
    fn wait_out(&mut self, stored: &mut Stored) {
        let now_ms = RECORD_MS + 10 * Settings::default().wait_ms;
        for trace in self.resolver.waiting_traces(now_ms) {
            let links = stored.links.get(&trace).cloned().unwrap_or_default();
            let outcome = self.resolver.restore(trace, links, RECORD_MS);
            self.note(outcome);
        }
        let outcome = self.resolver.tick(now_ms);
        self.note(outcome);
    }

    fn note(&mut self, outcome: Outcome<Prepared>) {
        self.links
            .extend(outcome.links.into_iter().map(|(_, link)| link));
        for decision in outcome.decisions {
            match decision {
                Decision::Assigned {
                    item,
                    conversation: ConversationKey { id, .. },
                    links,
                    ..
                } => {
                    assert_eq!(
                        id,
                        crate::dialects::CONVERSATION,
                        "there is one conversation only"
                    );
                    self.facts.push(item);
                    self.links.extend(links);
                }
                homeless => panic!("found no conversation: {homeless:?}"),
            }
        }
    }

    /// Writes what is new, after reading what others wrote meanwhile.
    fn commit(&mut self, stored: &mut Stored) {
        for entry in &stored.entries[self.known..] {
            self.cached.apply(entry.clone());
        }
        let facts = std::mem::take(&mut self.facts);
        let links = std::mem::take(&mut self.links);
        let entry = self.cached.entry_for(&facts, &links, &Limits::default());
        if !entry.is_empty() {
            self.cached.apply(entry.clone());
            stored.entries.push(entry);
        }
        self.known = stored.entries.len();
    }
}

/// Shuffled, some twice, in records of any size on several partitions, read by processors that conflict, die, and hand
/// their partitions to each other.
pub fn badly(items: &[Item], tape: &mut Tape) -> View {
    let mut deliveries: Vec<Item> = items.to_vec();
    deliveries.extend(items.iter().filter(|_| tape.chance(20)).cloned());
    tape.shuffle(&mut deliveries);
    let mut stored = Stored::default();
    let mut processors: Vec<Processor> = (0..PROCESSORS).map(|_| Processor::new()).collect();
    let mut owner = [0; PARTITIONS];
    let mut now_ms = RECORD_MS;
    let mut rest = deliveries.as_slice();
    while !rest.is_empty() {
        let (record, after) = rest.split_at(1 + tape.below(rest.len().min(6)));
        rest = after;
        now_ms += tape.below(200) as i64;
        if tape.chance(5) {
            let partition = tape.below(PARTITIONS);
            owner[partition] = (owner[partition] + 1) % PROCESSORS;
        }
        for item in record {
            // Some topics are keyed by trace; on others a trace is everywhere.
            let partition =
                (item.key.trace.0[0] as usize + item.key.span.0[7] as usize % 2) % PARTITIONS;
            processors[owner[partition]].take(item, now_ms, &mut stored);
        }
        let processor = &mut processors[tape.below(PROCESSORS)];
        if tape.chance(10) {
            // It died, and another takes its place and reads again what was not done.
            let read = std::mem::take(&mut processor.read);
            *processor = Processor::new();
            for item in &read {
                processor.take(item, now_ms, &mut stored);
            }
        }
        if tape.chance(70) {
            processor.commit(&mut stored);
        }
    }
    for processor in &mut processors {
        processor.wait_out(&mut stored);
        processor.commit(&mut stored);
    }
    stored.conversation().view()
}

//! Delivering spans: in order, and as badly as it may happen.

use crate::dialects::{CONVERSATION, Told};
use crate::tape::Tape;
use domain::assembly::{Assembler, Reading};
use domain::conversation::Conversation;
use domain::facts::{Entry, Link, Move};
use domain::ids::{Digest, TraceKey};
use domain::limits::Limits;
use domain::normalise::Rules;
use domain::prepare::Prepared;
use domain::trace::{Times, WithoutId};
use domain::usage::NoPrices;
use domain::view::View;
use processor::placing::job::{self, Job, Kept, Outcome, Step};
use processor::shards::job::Close;
use std::collections::BTreeMap;
use store::{Commit, Epoch, StoredTrace};

const RECORD_MS: i64 = 1_795_000_000_000;
const PARTITIONS: usize = 3;
const PROCESSORS: usize = 2;

/// A span or log on its way.
#[derive(Clone, Debug)]
pub struct Item {
    reading: Reading,
    /// Where the trace and the span lead a producer that keys by them.
    hash: (usize, usize),
}

/// Reads what was told, as a processor's readers do.
pub fn items(told: &Told) -> Vec<Item> {
    let rules = Rules::default();
    let assembler = Assembler {
        rules: &rules,
        prices: &NoPrices,
    };
    let item = |reading: Reading| {
        let (key, batch) = reading.traces.first_key_value()?;
        let span = batch.reports.first()?.span;
        let hash = (key.trace.0[0] as usize, span.0[7] as usize);
        Some(Item { reading, hash })
    };
    let spans = told.spans.iter().map(|raw| {
        let mut reading = Reading::default();
        assembler.span(raw.clone(), RECORD_MS, &mut reading);
        reading
    });
    let logs = told.logs.iter().map(|raw| {
        let mut reading = Reading::default();
        assembler.log(raw.clone(), RECORD_MS, &mut reading);
        reading
    });
    spans.chain(logs).filter_map(item).collect()
}

/// Everything in the order in which it happened, through one processor.
pub fn in_order(items: &[Item]) -> View {
    assembled(items).view()
}

/// The same as the conversation that it makes.
pub fn assembled(items: &[Item]) -> Conversation {
    let mut stored = Stored::default();
    let mut processor = Processor::default();
    for item in items {
        processor.take(item, &mut stored);
    }
    stored.settle(&mut processor);
    processor.commit(&mut stored);
    stored.conversation()
}

/// What Redis holds: entries by conversation, for until an id is known a trace may be a conversation of its own.
#[derive(Default)]
struct Stored {
    entries: BTreeMap<String, Vec<Entry>>,
    traces: BTreeMap<Digest, StoredTrace>,
}

impl Stored {
    /// The one conversation that there is in the end: what was placed elsewhere has moved.
    fn conversation(&self) -> Conversation {
        let read = |entries: &Vec<Entry>| {
            let mut conversation = Conversation::default();
            for entry in entries {
                conversation.apply(as_stored(entry));
            }
            conversation
        };
        for (id, entries) in self.entries.iter().filter(|(id, _)| *id != CONVERSATION) {
            let messages = read(entries).view().transcript.messages;
            assert!(messages.is_empty(), "{messages:?} stayed behind in {id}");
        }
        self.entries
            .get(CONVERSATION)
            .map_or_else(Conversation::default, read)
    }

    /// The store's part of a step.
    fn carry_out(&mut self, digest: Digest, step: &Step) -> Outcome {
        match step {
            Step::Load => Outcome::Loaded(self.traces.get(&digest).cloned().map(Box::new)),
            Step::Verify(_) => Outcome::Verified(true),
            Step::Commit {
                head,
                entry,
                is_anew,
            } => {
                let stored = self.traces.get(&digest);
                let (version, token) =
                    stored.map_or((0, 0), |stored| (stored.head.version, stored.head.token));
                if (head.version, head.token) != (version, token) {
                    return Outcome::Committed(Commit::Conflict { version });
                }
                let mut entries = stored
                    .filter(|_| !is_anew)
                    .map(|stored| stored.entries.clone());
                let entries = entries.get_or_insert_default();
                entries.push(as_stored(&**entry));
                let mut head = (**head).clone();
                head.version += 1;
                head.token = head.version;
                head.entries = entries.len() as u64;
                let entries = std::mem::take(entries);
                self.traces.insert(digest, StoredTrace { head, entries });
                Outcome::Committed(Commit::Done { token: version + 1 })
            }
            Step::Reset | Step::Done => panic!("a trace that cannot be read: {step:?}"),
        }
    }

    /// Time has come to everything of which something is due.
    fn settle(&mut self, processor: &mut Processor) {
        let times = Times::default();
        let mut now_ms = RECORD_MS;
        for _ in 0..4 {
            now_ms += times.kept_ms();
            let keys: Vec<TraceKey> = self
                .traces
                .values()
                .map(|stored| stored.head.key.clone())
                .collect();
            for key in keys {
                let visit = Some(Close {
                    watermark_ms: now_ms,
                    epoch: Epoch::named("simulated"),
                });
                let work = job::Work {
                    visit,
                    ..job::Work::default()
                };
                processor.place(key, work, self);
            }
        }
    }
}

/// As it comes back from where it was stored.
fn as_stored<T: serde::Serialize + serde::de::DeserializeOwned>(entry: &T) -> T {
    let text = serde_json::to_string(entry).expect("entries serialise");
    serde_json::from_str(&text).expect("entries deserialise")
}

/// A cached conversation, and what was told of it and is not committed yet.
#[derive(Default)]
struct Held {
    cached: Conversation,
    known: usize,
    facts: Vec<Prepared>,
    links: Vec<Link>,
    moves: Vec<Move>,
}

/// One process: cached traces and conversations.
#[derive(Default)]
struct Processor {
    traces: BTreeMap<TraceKey, Kept>,
    conversations: BTreeMap<String, Held>,
    /// Records read in this life: those that are not done are read again after a crash.
    read: Vec<Item>,
}

impl Processor {
    fn take(&mut self, item: &Item, stored: &mut Stored) {
        self.read.push(item.clone());
        for (key, batch) in item.reading.traces.clone() {
            let work = job::Work {
                batch,
                ..job::Work::default()
            };
            self.place(key, work, stored);
        }
        for (key, prepared) in item.reading.named.clone() {
            self.held(key.id).facts.push(prepared);
        }
    }

    /// Works on a trace as the processor's tasks do.
    fn place(&mut self, key: TraceKey, work: job::Work, stored: &mut Stored) {
        let rules = job::Rules {
            limits: Limits::default(),
            times: Times::default(),
            without_id: WithoutId::Drop,
            retry_ms: 0,
        };
        let cached = self.traces.remove(&key);
        let mut job = Job::new(key.clone(), work, cached, rules);
        let mut outcome = None;
        loop {
            let step = job.next(outcome);
            if let Step::Done = step {
                break;
            }
            outcome = Some(stored.carry_out(key.digest(), &step));
        }
        let (kept, told) = job.into_parts();
        self.traces.extend(kept.map(|kept| (key, kept)));
        assert!(
            told.lost.is_empty(),
            "found no conversation: {:?}",
            told.lost
        );
        for (id, _, prepared) in told.facts {
            self.held(id).facts.push(prepared);
        }
        for (id, link) in told.links {
            self.held(id).links.push(link);
        }
        for (id, moved) in told.moves {
            self.held(id).moves.push(moved);
        }
    }

    fn held(&mut self, id: String) -> &mut Held {
        self.conversations.entry(id).or_default()
    }

    /// Writes what is new, after reading what others wrote meanwhile.
    fn commit(&mut self, stored: &mut Stored) {
        for (id, held) in &mut self.conversations {
            held.commit(stored.entries.entry(id.clone()).or_default());
        }
    }
}

impl Held {
    fn commit(&mut self, entries: &mut Vec<Entry>) {
        for entry in &entries[self.known..] {
            self.cached.apply(entry.clone());
        }
        let facts = std::mem::take(&mut self.facts);
        let links = std::mem::take(&mut self.links);
        let moves = std::mem::take(&mut self.moves);
        let limits = Limits::default();
        let mut entry = self.cached.entry_for(&facts, &links, &limits);
        entry.moves = self.cached.moves_that_are_news(&moves, &entry, &limits);
        if !entry.is_empty() {
            self.cached.apply(entry.clone());
            entries.push(entry);
        }
        self.known = entries.len();
    }
}

/// Shuffled, some twice, in records of any size on several partitions, read by processors that conflict, die, and hand
/// their partitions to each other.
pub fn badly(items: &[Item], tape: &mut Tape) -> View {
    let mut deliveries: Vec<Item> = items.to_vec();
    deliveries.extend(items.iter().filter(|_| tape.chance(20)).cloned());
    tape.shuffle(&mut deliveries);
    let mut stored = Stored::default();
    let mut processors: Vec<Processor> = (0..PROCESSORS).map(|_| Processor::default()).collect();
    let mut owner = [0; PARTITIONS];
    let mut rest = deliveries.as_slice();
    while !rest.is_empty() {
        let (record, after) = rest.split_at(1 + tape.below(rest.len().min(6)));
        rest = after;
        if tape.chance(5) {
            let partition = tape.below(PARTITIONS);
            owner[partition] = (owner[partition] + 1) % PROCESSORS;
        }
        for item in record {
            // Some topics are keyed by trace; on others a trace is everywhere.
            let (trace, span) = item.hash;
            let partition = (trace + span % 2) % PARTITIONS;
            processors[owner[partition]].take(item, &mut stored);
        }
        let processor = &mut processors[tape.below(PROCESSORS)];
        if tape.chance(10) {
            // It died, and another takes its place and reads again what was not done.
            let read = std::mem::take(&mut processor.read);
            *processor = Processor::default();
            for item in &read {
                processor.take(item, &mut stored);
            }
        }
        if tape.chance(70) {
            processor.commit(&mut stored);
        }
    }
    for processor in &mut processors {
        stored.settle(processor);
        processor.commit(&mut stored);
    }
    stored.conversation().view()
}

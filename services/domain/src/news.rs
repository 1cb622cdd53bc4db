//! What a batch adds to a conversation, and what is left of that once late records count as of the last closing.

use crate::conversation::{Conversation, FACT_BYTES, LogOrder, log_order};
use crate::facts::{Body, Earlier, Entry, Link, LogFact, Move, Node, SpanFact};
use crate::ids::{Digest, SpanKey};
use crate::limits::Limits;
use crate::prepare::{Fact, Prepared};
use crate::staircase::{Report, Staircase, Step, identity_of, rank};
use rustc_hash::FxHashSet;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

impl Conversation {
    /// The entry that adds what is new in `batch` and `links`; empty when everything is known. Nothing is applied.
    pub fn entry_for(&self, batch: &[Prepared], links: &[Link], limits: &Limits) -> Entry {
        let mut told = Told::of(self);
        for (place, prepared) in batch.iter().enumerate() {
            match &prepared.fact {
                Fact::Span(span) => told.span(span, place),
                Fact::Log(log) => told.log(log, place),
            }
        }
        let mut entry = Entry::default();
        let omitted = self.add_facts(batch, &told, limits, &mut entry);
        let room = limits
            .conversation_facts_max
            .saturating_sub(self.omitted.len());
        for (name, record_ms) in omitted.into_iter().take(room) {
            entry.omitted.push(name);
            entry.omitted_ms.push(record_ms);
        }
        entry.times = told.earlier();
        entry
            .times
            .truncate(limits.conversation_facts_max.saturating_sub(self.times));
        entry.links = self.links_that_are_news(links);
        entry.links.truncate(
            limits
                .conversation_facts_max
                .saturating_sub(self.link_count()),
        );
        entry
    }

    /// Adds the facts that are new with their bodies, as far as the limits allow; returns the names of the others, and
    /// when they were recorded, but for those that were named before.
    fn add_facts(
        &self,
        batch: &[Prepared],
        told: &Told<'_>,
        limits: &Limits,
        entry: &mut Entry,
    ) -> BTreeMap<Digest, i64> {
        let mut adding = Adding {
            known: self,
            bodies: FxHashSet::default(),
            nodes: FxHashSet::default(),
            bytes: 0,
        };
        let mut omitted = BTreeMap::new();
        for (place, record_ms) in told.news() {
            let prepared = &batch[place];
            let facts = self.facts + entry.spans.len() + entry.logs.len();
            if facts >= limits.conversation_facts_max
                || self.content_bytes() + adding.bytes >= limits.conversation_bytes_max
            {
                let name = name_of(&prepared.fact);
                if !self.omitted.contains_key(&name) {
                    let earliest_ms = omitted.entry(name).or_insert(record_ms);
                    *earliest_ms = record_ms.min(*earliest_ms);
                }
                continue;
            }
            adding.bodies_and_nodes(prepared, entry);
            match &prepared.fact {
                Fact::Span(span) => entry.spans.push(SpanFact {
                    record_ms,
                    ..(**span).clone()
                }),
                Fact::Log(log) => entry.logs.push(LogFact {
                    record_ms,
                    ..(**log).clone()
                }),
            }
        }
        omitted
    }

    /// Those that change what is known of their spans, now or at some time.
    fn links_that_are_news(&self, links: &[Link]) -> Vec<Link> {
        let mut news: Vec<Link> = links
            .iter()
            .filter(|link| self.is_news(link))
            .copied()
            .collect();
        // The greatest parent first, of equal ones the earliest: the ones before a link make it superfluous.
        news.sort_unstable_by_key(|link| (Reverse((link.key, link.parent)), link.record_ms));
        let mut above: Option<Link> = None;
        news.retain(|link| {
            let is_overtaken = above
                .is_some_and(|above| above.key == link.key && above.record_ms <= link.record_ms);
            if !is_overtaken {
                above = Some(*link);
            }
            !is_overtaken
        });
        news
    }

    /// Those of the moves that say more than what is known, when this entry is added with them.
    pub fn moves_that_are_news(&self, moves: &[Move], entry: &Entry, limits: &Limits) -> Vec<Move> {
        let mut news: BTreeMap<SpanKey, &Move> = BTreeMap::new();
        let comes = |key: &SpanKey| {
            let spans = entry.spans.iter().map(|span| span.key);
            let logs = entry.logs.iter().map(|log| log.key);
            spans.chain(logs).any(|known| known == *key)
        };
        // One of which nothing was told here need not be told to be elsewhere.
        let concerns = |moved: &&Move| {
            let is_known = self.moves.contains_key(&moved.key);
            !moved.is_precaution
                || is_known
                || moved.during.is_empty() && (self.has_any(&moved.key) || comes(&moved.key))
        };
        for moved in moves
            .iter()
            .filter(|moved| self.is_later(moved))
            .filter(concerns)
        {
            let latest = news.entry(moved.key).or_insert(moved);
            if latest.rank < moved.rank {
                *latest = moved;
            }
        }
        let room = limits
            .conversation_facts_max
            .saturating_sub(self.moves.len());
        let is_known = |key: &SpanKey| self.moves.contains_key(key);
        let (known, unknown): (Vec<_>, Vec<_>) =
            news.into_iter().partition(|(key, _)| is_known(key));
        let moves = known.into_iter().chain(unknown.into_iter().take(room));
        moves.map(|(_, moved)| moved.clone()).collect()
    }

    fn has_any(&self, key: &SpanKey) -> bool {
        self.spans.contains_key(key) || self.logs.contains_key(key)
    }

    fn is_news(&self, link: &Link) -> bool {
        !self
            .link_steps(&link.key)
            .any(|known| known.report >= link.parent && known.record_ms <= link.record_ms)
    }

    /// Takes out of an entry what its record times make superfluous: they were raised since the entry was made. Returns
    /// the record times of the facts that it is about, without it and with it.
    pub(crate) fn settle(&self, entry: &mut Entry) -> Settled {
        let spans = std::mem::take(&mut entry.spans);
        let logs = std::mem::take(&mut entry.logs);
        let mut told = Told::of(self);
        for (place, span) in spans.iter().enumerate() {
            told.span(span, place);
        }
        for (place, log) in logs.iter().enumerate() {
            told.log(log, spans.len() + place);
        }
        for earlier in &entry.times {
            told.recorded_earlier(earlier);
        }
        let times = told.earlier();
        let mut stands = vec![false; spans.len() + logs.len()];
        told.news().for_each(|(place, _)| stands[place] = true);
        let (before, after) = told.record_times(&entry.moves);
        let mut stands = stands.into_iter();
        entry.times = times;
        entry.spans = spans;
        entry.logs = logs;
        entry.spans.retain(|_| stands.next().unwrap_or_default());
        entry.logs.retain(|_| stands.next().unwrap_or_default());
        entry.links.retain(|link| self.is_news(link));
        Settled { before, after }
    }
}

/// The record times of the facts that an entry is about, by what they are about.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) before: Vec<i64>,
    pub(crate) after: Vec<i64>,
}

/// What a batch or an entry tells, beside what is known of the same spans and logs.
struct Told<'a> {
    known: &'a Conversation,
    spans: BTreeMap<SpanKey, Staircase<Version<'a>>>,
    logs: BTreeMap<(SpanKey, LogOrder), Logged>,
}

/// A report of a span, and where it stands in what tells of it; `None` when it was known before.
#[derive(Clone, Copy)]
struct Version<'a> {
    span: &'a SpanFact,
    place: Option<usize>,
}

impl Report for Version<'_> {
    fn rank(&self, other: &Self) -> Ordering {
        rank(self.span, other.span)
    }
}

struct Logged {
    lacks_id: bool,
    known_ms: Option<i64>,
    record_ms: i64,
    place: Option<usize>,
}

impl<'a> Told<'a> {
    fn of(known: &'a Conversation) -> Self {
        Self {
            known,
            spans: BTreeMap::new(),
            logs: BTreeMap::new(),
        }
    }

    fn versions(&mut self, key: SpanKey) -> &mut Staircase<Version<'a>> {
        let known = self.known;
        self.spans.entry(key).or_insert_with(|| {
            Staircase::of(known.versions(&key).map(|span| Step {
                report: Version { span, place: None },
                record_ms: span.record_ms,
            }))
        })
    }

    fn span(&mut self, span: &'a SpanFact, place: usize) {
        let version = Version {
            span,
            place: Some(place),
        };
        self.versions(span.key).place(version, span.record_ms);
    }

    fn log(&mut self, log: &LogFact, place: usize) {
        self.logged(log, log.record_ms, Some(place));
    }

    fn logged(&mut self, log: &LogFact, record_ms: i64, place: Option<usize>) {
        let (key, order) = (log.key, log_order(log));
        let known_ms = self.known.log(&key, &order).map(|log| log.record_ms);
        let logged = self.logs.entry((key, order)).or_insert(Logged {
            lacks_id: log.lacks_id,
            known_ms,
            record_ms: known_ms.unwrap_or(record_ms),
            place: place.filter(|_| known_ms.is_none()),
        });
        logged.record_ms = logged.record_ms.min(record_ms);
    }

    fn recorded_earlier(&mut self, earlier: &Earlier) {
        let known = self.known;
        let order = known.log_named(&earlier.key, &earlier.name);
        if let Some(log) = order.and_then(|order| known.log(&earlier.key, &order)) {
            return self.logged(log, earlier.record_ms, None);
        }
        let mut known = self.known.versions(&earlier.key);
        if let Some(span) = known.find(|span| identity_of(span) == earlier.name) {
            let version = Version { span, place: None };
            self.versions(earlier.key).place(version, earlier.record_ms);
        }
    }

    /// Where the new facts stand that count, spans first and in the order of their keys, and when they were recorded.
    fn news(&self) -> impl Iterator<Item = (usize, i64)> {
        let spans = self.spans.values().flat_map(Staircase::steps);
        let spans = spans.map(|step| (step.report.place, step.record_ms));
        let logs = self.logs.values().map(|log| (log.place, log.record_ms));
        spans
            .chain(logs)
            .filter_map(|(place, record_ms)| Some((place?, record_ms)))
    }

    /// The known facts that were recorded earlier than was known.
    fn earlier(&self) -> Vec<Earlier> {
        let spans = self.spans.values().flat_map(Staircase::steps);
        let spans = spans.filter(|step| {
            step.report.place.is_none() && step.record_ms < step.report.span.record_ms
        });
        let spans = spans.map(|step| Earlier {
            key: step.report.span.key,
            name: identity_of(step.report.span),
            record_ms: step.record_ms,
        });
        let logs = self.logs.iter().filter(|(_, log)| {
            log.known_ms
                .is_some_and(|known_ms| log.record_ms < known_ms)
        });
        let logs = logs.map(|((key, order), log)| Earlier {
            key: *key,
            name: order.2,
            record_ms: log.record_ms,
        });
        spans.chain(logs).collect()
    }

    /// The times that count of the spans which this and the moves are about: without what is told, and with it.
    fn record_times(mut self, moves: &[Move]) -> (Vec<i64>, Vec<i64>) {
        let known = self.known;
        for moved in moves {
            self.versions(moved.key);
            for log in known
                .logs
                .get(&moved.key)
                .into_iter()
                .flat_map(BTreeMap::values)
            {
                self.logged(log, log.record_ms, None);
            }
        }
        let before_move = |key: &SpanKey| known.moves.get(key);
        let moves: BTreeMap<SpanKey, &Move> =
            moves.iter().map(|moved| (moved.key, moved)).collect();
        let after_move = |key: &SpanKey| moves.get(key).copied().or_else(|| before_move(key));
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (key, versions) in &self.spans {
            let known = known
                .versions(key)
                .map(|span| (span.lacks_id, span.record_ms));
            before.extend(counted(before_move(key), known));
            let steps = versions
                .steps()
                .iter()
                .map(|step| (step.report.span.lacks_id, step.record_ms));
            after.extend(counted(after_move(key), steps));
        }
        for ((key, _), log) in &self.logs {
            let known = log.known_ms.map(|known_ms| (log.lacks_id, known_ms));
            before.extend(counted(before_move(key), known));
            after.extend(counted(after_move(key), [(log.lacks_id, log.record_ms)]));
        }
        for key in moves.keys() {
            before.extend(before_move(key).into_iter().flat_map(Move::ends_ms));
            after.extend(after_move(key).into_iter().flat_map(Move::ends_ms));
        }
        (before, after)
    }
}

/// As of when facts of one span count, given whether they lack an id and when they were recorded.
pub(crate) fn counted(
    moved: Option<&Move>,
    facts: impl IntoIterator<Item = (bool, i64)>,
) -> impl Iterator<Item = i64> {
    facts.into_iter().filter_map(
        move |(lacks_id, record_ms)| match moved.filter(|_| lacks_id) {
            None => Some(record_ms),
            Some(moved) => moved.counted_ms(record_ms),
        },
    )
}

/// What names a fact among those that were not kept.
fn name_of(fact: &Fact) -> Digest {
    match fact {
        Fact::Span(span) => Digest::of(&[&span.key.trace.0, &span.key.span.0]),
        Fact::Log(log) => log_order(log).2,
    }
}

/// Collects the bodies and nodes of new facts that the conversation does not hold yet.
struct Adding<'a> {
    known: &'a Conversation,
    bodies: FxHashSet<(bool, Digest)>,
    nodes: FxHashSet<Digest>,
    bytes: usize,
}

impl Adding<'_> {
    fn bodies_and_nodes(&mut self, prepared: &Prepared, entry: &mut Entry) {
        for (digest, body) in &prepared.bodies {
            // A value that looks like a message has the digest of that message.
            let is_message = matches!(body, Body::Message(_));
            let is_known = if is_message {
                self.known.messages.contains_key(digest)
            } else {
                self.known.values.contains_key(digest)
            };
            if !is_known && self.bodies.insert((is_message, *digest)) {
                self.bytes += body.bytes();
                entry.bodies.push((*digest, body.clone()));
            }
        }
        for (id, node) in &prepared.nodes {
            if !self.known.nodes.contains_key(id) && self.nodes.insert(*id) {
                self.bytes += Node::BYTES;
                entry.nodes.push(*node);
            }
        }
        self.bytes += FACT_BYTES;
    }
}

//! What must hold of any spans and log records, however mangled: nothing panics, every bound is kept, and the conversation
//! is a function of the set of its facts.

use domain::conversation::Conversation;
use domain::facts::{Entry, Link};
use domain::ids::{Digest, SpanId};
use domain::limits::Limits;
use domain::message::{Message, Part};
use domain::normalise::{self, Rules};
use domain::prepare::{self, Prepared};
use domain::raw::{Attributes, RawLog, RawSpan};
use domain::span::Content;
use domain::usage::NoPrices;
use domain::view::{Change, Transcript, Utterance, View, changes};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Shortly after the recordings were made.
pub const RECORD_MS: i64 = 1_795_500_000_000;

/// Spans and log records looked at of one input; more would only be slower.
const ITEMS_MAX: usize = 300;

/// A span or log record as decoded.
#[derive(Clone, Debug)]
pub enum Raw {
    Span(Box<RawSpan>),
    Log(Box<RawLog>),
}

impl Raw {
    pub fn span(span: RawSpan) -> Self {
        Self::Span(Box::new(span))
    }

    pub fn log(log: RawLog) -> Self {
        Self::Log(Box::new(log))
    }

    pub fn span_id(&mut self) -> &mut SpanId {
        match self {
            Self::Span(span) => &mut span.span_id,
            Self::Log(log) => &mut log.span_id,
        }
    }

    /// Its attributes, and those of its events or its body.
    pub fn maps(&mut self) -> Vec<&mut Attributes> {
        match self {
            Self::Span(span) => std::iter::once(&mut span.attributes)
                .chain(span.events.iter_mut().map(|event| &mut event.attributes))
                .collect(),
            Self::Log(log) => std::iter::once(&mut log.attributes)
                .chain(log.body.as_object_mut())
                .collect(),
        }
    }
}

/// What one item becomes.
#[derive(Clone)]
enum Item {
    Fact(Box<Prepared>),
    /// Spans that are not GenAI only stand between others.
    Link(Link),
}

/// Panics when something does not hold.
pub fn check(raws: Vec<(Raw, i64)>) {
    let raws: Vec<_> = raws.into_iter().take(ITEMS_MAX).collect();
    check_bounds(&raws);
    let items: Vec<Item> = raws
        .into_iter()
        .filter_map(|(raw, record_ms)| item(raw, record_ms))
        .collect();
    if items.is_empty() {
        return;
    }
    let (conversation, entries, halfway) = one_by_one(&items);
    let view = conversation.view();
    let json = as_json(&view);
    let backwards = at_once_backwards_and_again(&items);
    assert_eq!(
        json,
        as_json(&backwards.view()),
        "the order of arrival shows"
    );
    assert_eq!(
        json,
        as_json(&rebuilt(&entries).view()),
        "the stored entries give another view"
    );
    check_ids(&view.transcript);
    check_changes(&halfway.transcript, &view.transcript);
}

fn item(raw: Raw, record_ms: i64) -> Option<Item> {
    let rules = Rules::default();
    match raw {
        Raw::Span(raw) => {
            let span = normalise::span(*raw, record_ms, &rules);
            assert!(span.start_ns > 0 && span.end_ns >= span.start_ns, "times");
            Some(if span.is_genai {
                Item::Fact(Box::new(prepare::span(span, record_ms, &NoPrices)))
            } else {
                Item::Link(Link {
                    key: span.key,
                    parent: span.parent,
                    record_ms,
                })
            })
        }
        Raw::Log(raw) => {
            let log = normalise::log(*raw, record_ms, &rules)?;
            Some(Item::Fact(Box::new(prepare::log(log, record_ms))))
        }
    }
}

/// The conversation after every item, its entries, and the view after half of them.
fn one_by_one(items: &[Item]) -> (Conversation, Vec<Entry>, View) {
    let mut conversation = Conversation::default();
    let mut entries = Vec::new();
    let mut halfway = View::default();
    for (index, item) in items.iter().enumerate() {
        if index == items.len() / 2 {
            halfway = conversation.view();
        }
        let entry = entry_for(&conversation, std::slice::from_ref(item));
        conversation.apply(entry.clone());
        entries.push(entry);
    }
    (conversation, entries, halfway)
}

fn at_once_backwards_and_again(items: &[Item]) -> Conversation {
    let mut conversation = Conversation::default();
    let backwards: Vec<Item> = items.iter().rev().cloned().collect();
    let entry = entry_for(&conversation, &backwards);
    conversation.apply(entry.clone());
    // A batch that is delivered again is no news.
    let again = entry_for(&conversation, &backwards);
    assert!(again.is_empty(), "a redelivery is taken for news");
    conversation.apply(entry);
    conversation
}

fn entry_for(conversation: &Conversation, items: &[Item]) -> Entry {
    let mut facts = Vec::new();
    let mut links = Vec::new();
    for item in items {
        match item {
            Item::Fact(prepared) => facts.push((**prepared).clone()),
            Item::Link(link) => links.push(*link),
        }
    }
    conversation.entry_for(&facts, &links, &Limits::default())
}

/// The conversation as a reader finds it in the store.
fn rebuilt(entries: &[Entry]) -> Conversation {
    let mut conversation = Conversation::default();
    for entry in entries {
        let stored = serde_json::to_vec(entry).expect("an entry serialises");
        let read: Entry = serde_json::from_slice(&stored).expect("an entry can be read again");
        assert_eq!(*entry, read, "an entry is not what was stored");
        conversation.apply(read);
    }
    conversation
}

fn as_json(view: &View) -> String {
    let transcript = serde_json::to_string(&view.transcript).expect("a transcript serialises");
    let totals = serde_json::to_string(&view.totals).expect("totals serialise");
    transcript + "\n" + &totals
}

/// Clients know messages by their ids.
fn check_ids(transcript: &Transcript) {
    let by_id = by_id(transcript.messages.iter().cloned());
    assert_eq!(
        by_id.len(),
        transcript.messages.len(),
        "an id names two messages"
    );
}

/// Who applies the changes to what they knew, knows what there is.
fn check_changes(old: &Transcript, new: &Transcript) {
    let mut known = by_id(old.messages.iter().cloned());
    for change in changes(old, new) {
        let before = match change {
            Change::Added(message) => known.insert(message.id, message).is_none(),
            Change::Updated(message) => known.insert(message.id, message).is_some(),
            Change::Removed(message) => known.remove(&message.id).is_some(),
        };
        assert!(before, "a change does not fit what was known");
    }
    assert_eq!(
        known,
        by_id(new.messages.iter().cloned()),
        "the changes lead elsewhere"
    );
}

fn by_id(messages: impl Iterator<Item = Arc<Utterance>>) -> BTreeMap<Digest, Arc<Utterance>> {
    messages.map(|message| (message.id, message)).collect()
}

/// Reads everything under limits so tight that every one is reached.
fn check_bounds(raws: &[(Raw, i64)]) {
    let limits = Limits {
        part_bytes_max: 64,
        attribute_bytes_max: 32,
        attributes_max: 8,
        history_messages_max: 3,
        name_bytes_max: 16,
        ..Limits::default()
    };
    let rules = Rules {
        limits,
        ..Rules::default()
    };
    for (raw, record_ms) in raws.iter().cloned() {
        match raw {
            Raw::Span(raw) => {
                let span = normalise::span(*raw, record_ms, &rules);
                bounded(&span.content, &limits);
                // The count of what was dropped comes on top.
                assert!(
                    span.attributes.len() <= limits.attributes_max + 1,
                    "attributes"
                );
                assert!(span.name.len() <= limits.name_bytes_max, "a name");
            }
            Raw::Log(raw) => {
                if let Some(log) = normalise::log(*raw, record_ms, &rules) {
                    bounded(&log.content, &limits);
                }
            }
        }
    }
}

/// The mark of a cut comes on top of what is kept.
const MARK_BYTES_MAX: usize = 64;

fn bounded(content: &Content, limits: &Limits) {
    assert!(
        content.input.len() <= limits.history_messages_max,
        "a history"
    );
    assert!(
        content.output.len() <= limits.history_messages_max,
        "an output"
    );
    for message in content.input.iter().chain(&content.output) {
        for part in &message.parts {
            let bytes = longest(part);
            let bytes_max = limits.part_bytes_max + MARK_BYTES_MAX;
            assert!(bytes <= bytes_max, "a part of {bytes} bytes: {part:?}");
        }
        let Message { parts, .. } = message;
        assert!(!parts.is_empty(), "a message without parts");
    }
}

fn longest(part: &Part) -> usize {
    match part {
        Part::Text { text } | Part::Reasoning { text } => text.len(),
        Part::ToolCall { arguments, .. } => arguments.as_str().map_or(0, str::len),
        Part::ToolResult { result, .. } => result.as_str().map_or(0, str::len),
        Part::Media { .. } => 0,
        Part::Other { json } => json.as_str().map_or(0, str::len),
    }
}

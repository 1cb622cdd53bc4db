//! What the windows of a set of records are by their definition, counted out from the set itself.

use crate::records::{GAP_MS, Record, Told, batch};
use domain::conversation::Conversation;
use domain::limits::Limits;
use domain::window::Window;
use std::collections::BTreeMap;

/// A revision as it is given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub window: Window,
    pub closed_at_ms: i64,
    pub content: String,
}

/// When each thing was first told.
fn first_told(records: &[Record]) -> BTreeMap<Told, i64> {
    let mut first = BTreeMap::new();
    for record in records {
        let at_ms = first.entry(record.told).or_insert(record.record_ms);
        *at_ms = record.record_ms.min(*at_ms);
    }
    first
}

/// Whether it tells what something better told no later.
fn is_overtaken(told: Told, at_ms: i64, first: &BTreeMap<Told, i64>) -> bool {
    let Told::Span { number, version } = told else {
        return false;
    };
    first.iter().any(|(other, other_ms)| {
        matches!(other, Told::Span { number: of, version: better } if *of == number && *better > version)
            && *other_ms <= at_ms
    })
}

/// Times sorted and split where a gap is between them.
pub fn windows(records: &[Record]) -> Vec<Window> {
    let first = first_told(records);
    let mut times: Vec<i64> = first
        .iter()
        .filter(|(told, at_ms)| {
            !matches!(told, Told::Link { .. }) && !is_overtaken(**told, **at_ms, &first)
        })
        .map(|(_, at_ms)| *at_ms)
        .collect();
    times.sort_unstable();
    let runs = times.chunk_by(|one, next| next - one < GAP_MS);
    runs.map(|run| Window {
        first_ms: run[0],
        last_ms: run[run.len() - 1],
    })
    .collect()
}

/// All revisions, the first first.
pub fn revisions(records: &[Record]) -> Vec<Revision> {
    let windows = windows(records).into_iter();
    windows
        .map(|window| Revision {
            window,
            closed_at_ms: window.last_ms + GAP_MS,
            content: content(records, window.last_ms),
        })
        .collect()
}

/// Only what was believed at that time is told to a conversation that knows nothing else.
fn content(records: &[Record], last_ms: i64) -> String {
    let told = first_told(records).into_iter().filter(|(told, at_ms)| {
        let until_ms = match told {
            Told::Link { .. } => last_ms + GAP_MS - 1,
            Told::Span { .. } | Told::Log { .. } => last_ms,
        };
        *at_ms <= until_ms
    });
    // Of a span the greatest version stays, and of a link the greatest parent: they come last.
    let mut believed = BTreeMap::new();
    for (told, at_ms) in told {
        let about = match told {
            Told::Span { number, .. } => (0, number, 0),
            Told::Log { number, index } => (1, number, index),
            Told::Link { number, .. } => (2, number, 0),
        };
        believed.insert(about, (told, at_ms));
    }
    let believed: Vec<Record> = believed
        .into_values()
        .map(|(told, record_ms)| Record { told, record_ms })
        .collect();
    let (facts, links) = batch(&believed);
    let mut conversation = Conversation::default();
    let entry = conversation.entry_for(&facts, &links, &Limits::default());
    conversation.apply(entry);
    shown(&conversation)
}

pub fn shown(conversation: &Conversation) -> String {
    let view = conversation.view();
    let transcript = serde_json::to_string_pretty(&view.transcript).expect("transcripts serialise");
    transcript + &serde_json::to_string_pretty(&view.totals).expect("totals serialise")
}

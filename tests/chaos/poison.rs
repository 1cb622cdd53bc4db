//! Records that cannot be read, whole or in places, and a stretch of one partition of which nothing can be.

use crate::load::{CONVERSATION_ID, Load, Shape, Timed};
use harness::otlp::{attribute, export};
use harness::poison::{broken_heads, unreadable};
use harness::record::Record;
use harness::topics::Topics;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

const PROJECT: &str = "clinic";
/// The stretch comes within so much.
const STRETCH_MS: u64 = 500;
const GARBAGE_BYTES: usize = 40;

/// All of a shape.
pub(crate) fn poison(topics: &Topics, name: &str, seed: u64, shape: Shape, begin_ms: u64) -> Load {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut load = Load {
        letters: shape.bad + shape.garbage,
        ..Load::default()
    };
    let mut timed: Vec<Timed> = Vec::new();
    for number in 0..shape.bad {
        let at_ms = random.u64(..shape.duration_ms);
        let id = format!("{name}-neighbour-{number:04}");
        let good = neighbour(&mut random, &id, begin_ms + at_ms);
        let key = random.u64(..).to_string();
        let (record, has_neighbour) = bad_record(topics, &key, &good, number);
        if has_neighbour {
            load.expected_conversations += 1;
            load.expected_spans += 1;
        }
        timed.push((at_ms, record));
    }
    let stretch_ms = random.u64(..shape.duration_ms / 2);
    for _ in 0..shape.garbage {
        // No message begins with it.
        let mut payload = vec![0xff];
        payload.resize_with(GARBAGE_BYTES, || random.u8(..));
        let record = Record::new(&topics.spans, format!("{name}-stretch"), payload);
        timed.push((stretch_ms + random.u64(..STRETCH_MS), record));
    }
    load.take(timed, begin_ms);
    load
}

/// One of every kind in turn, and whether something of it can be read.
fn bad_record(topics: &Topics, key: &str, good: &Span, number: usize) -> (Record, bool) {
    let well = export(PROJECT, vec![good.clone()]).encode_to_vec();
    let mut whole = unreadable(topics, key, &well);
    let mut heads = broken_heads(PROJECT, std::slice::from_ref(good));
    // Once more, each with a resource that is well; then a span that is none beside one that is.
    let kinds = whole.len() + 2 * heads.len() + 1;
    let kind = number % kinds;
    if kind < whole.len() {
        return (whole.swap_remove(kind).1, false);
    }
    let kind = kind - whole.len();
    let count = heads.len();
    let (payload, has_neighbour) = if kind < count {
        (heads.swap_remove(kind).1, false)
    } else if kind < 2 * count {
        // Requests one after the other are a request of all their resources.
        ([heads.swap_remove(kind - count).1, well].concat(), true)
    } else {
        let short = Span {
            span_id: vec![1, 2, 3],
            ..good.clone()
        };
        let request = export(PROJECT, vec![short, good.clone()]);
        (request.encode_to_vec(), true)
    };
    (Record::new(&topics.spans, key, payload), has_neighbour)
}

/// A span that is well, and names its conversation.
fn neighbour(random: &mut fastrand::Rng, id: &str, at_ms: u64) -> Span {
    let mut span = Span {
        trace_id: vec![3; 16],
        span_id: vec![3; 8],
        name: "chat gpt-4o-mini".to_owned(),
        start_time_unix_nano: at_ms * 1_000_000,
        end_time_unix_nano: at_ms * 1_000_000 + 1_000_000,
        attributes: vec![
            attribute("gen_ai.operation.name", "chat"),
            attribute("gen_ai.request.model", "gpt-4o-mini"),
            attribute(CONVERSATION_ID, id),
        ],
        ..Span::default()
    };
    span.trace_id[1..].fill_with(|| random.u8(..));
    span.span_id[1..].fill_with(|| random.u8(..));
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_and_those_that_hold_something_good_say_so() {
        let topics = Topics::default();
        let good = neighbour(&mut fastrand::Rng::with_seed(1), "a", 1_767_600_000_000);
        let kinds: Vec<(Record, bool)> = (0..19)
            .map(|number| bad_record(&topics, "key", &good, number))
            .collect();
        let mut payloads: Vec<&[u8]> = kinds.iter().map(|(record, _)| &*record.payload).collect();
        payloads.sort_unstable();
        payloads.dedup();
        assert_eq!(payloads.len(), kinds.len());
        let count = |good: bool| kinds.iter().filter(|(_, has)| *has == good).count();
        assert_eq!((count(false), count(true)), (13, 6));
        assert_eq!(bad_record(&topics, "key", &good, 19), kinds[0]);
    }
}

//! What conversations say they take in memory, against what the allocator says.

use super::reading::{Raw, files, read, recordings};
use domain::conversation::Conversation;
use domain::limits::Limits;
use domain::normalise::{self, Rules};
use domain::prepare::{self, Prepared};
use domain::usage::NoPrices;
use std::path::Path;
use tikv_jemalloc_ctl::thread;

/// Caches are bounded by what conversations say they take.
#[test]
fn a_conversation_knows_what_it_takes_in_memory() {
    let mut sums = (0, 0);
    for folder in recordings() {
        let facts = prepared(&folder);
        let entry = Conversation::default().entry_for(&facts, &[], &Limits::default());
        let stored = serde_json::to_vec(&entry).expect("an entry is JSON");
        drop((facts, entry));
        let before_bytes = held_by_this_thread_bytes();
        let mut conversation = Conversation::default();
        conversation.apply(serde_json::from_slice(&stored).expect("as written"));
        let takes_bytes = held_by_this_thread_bytes() - before_bytes;
        sums.0 += conversation.memory_bytes() as i64;
        sums.1 += takes_bytes;
        println!(
            "{} {} of {takes_bytes}",
            folder.display(),
            conversation.memory_bytes()
        );
    }
    let (says_bytes, takes_bytes) = sums;
    let share = says_bytes as f64 / takes_bytes as f64;
    assert!(
        (0.8..1.25).contains(&share),
        "they take {takes_bytes} bytes and say {says_bytes}"
    );
}

fn held_by_this_thread_bytes() -> i64 {
    let allocated = thread::allocatedp::read().expect("jemalloc counts").get();
    let deallocated = thread::deallocatedp::read().expect("jemalloc counts").get();
    allocated as i64 - deallocated as i64
}

/// All facts of a folder of exports.
fn prepared(folder: &Path) -> Vec<Prepared> {
    let rules = Rules::default();
    let raws = files(folder).into_iter().flat_map(|file| read(&file));
    let prepared = raws.filter_map(|(raw, record_ms)| match raw {
        Raw::Span(raw) => {
            let span = normalise::span(raw, record_ms, &rules);
            Some(prepare::span(span, record_ms, &NoPrices))
        }
        Raw::Log(raw) => {
            normalise::log(raw, record_ms, &rules).map(|log| prepare::log(log, record_ms))
        }
    });
    prepared.collect()
}

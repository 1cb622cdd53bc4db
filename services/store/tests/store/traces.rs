//! Traces: written like conversations, due like them, and bounded by what their project holds.

use crate::support::{connect, on_single_and_cluster};
use domain::ids::{SpanId, TraceId, TraceKey};
use domain::trace::{Kind, Report, TraceEntry};
use store::{Commit, Held, Store, StoreConfig, TraceCommit, TraceHead};

const TTL_MS: u64 = 60_000;

on_single_and_cluster!(
    a_trace_comes_back_as_it_was_written,
    two_projects_never_share_a_trace,
    whoever_builds_on_something_else_is_refused,
    what_takes_the_place_of_the_log_is_all_that_is_left,
    a_trace_is_due_when_its_head_says_so,
    what_a_project_holds_is_bounded_and_the_oldest_goes_first,
    noting_the_same_again_changes_nothing,
);

fn key(project: &str, trace: u8) -> TraceKey {
    TraceKey {
        project: project.to_owned(),
        trace: TraceId([trace; 16]),
    }
}

fn entry(span: u8, conversation: &str) -> TraceEntry {
    TraceEntry {
        reports: vec![Report {
            span: SpanId([span; 8]),
            kind: Kind::GenAiSpan,
            parent: Some(SpanId([9; 8])),
            conversation: Some(conversation.to_owned()),
            hint: None,
            record_ms: 1_767_600_000_000,
        }],
        ..TraceEntry::default()
    }
}

/// Writes an entry and returns the head as it then stands.
async fn write(store: &Store, head: &TraceHead, entry: &TraceEntry) -> TraceHead {
    write_anew(store, head, entry, false).await
}

async fn write_anew(
    store: &Store,
    head: &TraceHead,
    entry: &TraceEntry,
    is_anew: bool,
) -> TraceHead {
    let commit = TraceCommit {
        head,
        entry,
        is_anew,
    };
    let Commit::Done { token } = store.commit_trace(commit, TTL_MS).await.unwrap() else {
        panic!("something else is stored");
    };
    TraceHead {
        version: head.version + 1,
        entries: if is_anew { 1 } else { head.entries + 1 },
        token,
        ..head.clone()
    }
}

async fn a_trace_comes_back_as_it_was_written(config: StoreConfig) {
    let store = connect(&config).await;
    let head = TraceHead {
        due_ms: Some(5),
        visited_ms: 4,
        ..TraceHead::new(key("shop", 1))
    };
    let head = write(&store, &head, &entry(1, "c-1|ä")).await;
    let head = write(&store, &head, &entry(2, "c-1|ä")).await;
    let digests = [key("shop", 2), key("shop", 1)].map(|key| key.digest());
    let mut loaded = store.load_traces(&digests).await.unwrap();
    let stored = loaded.pop().flatten().unwrap();
    assert_eq!(loaded, [None]);
    assert_eq!(stored.head, head);
    assert_eq!(stored.entries, [entry(1, "c-1|ä"), entry(2, "c-1|ä")]);
}

async fn two_projects_never_share_a_trace(config: StoreConfig) {
    let store = connect(&config).await;
    write(&store, &TraceHead::new(key("shop", 1)), &entry(1, "c")).await;
    let loaded = store.load_traces(&[key("bank", 1).digest()]).await.unwrap();
    assert_eq!(loaded, [None]);
}

async fn whoever_builds_on_something_else_is_refused(config: StoreConfig) {
    let store = connect(&config).await;
    let nothing = TraceHead::new(key("shop", 1));
    let first = write(&store, &nothing, &entry(1, "c")).await;
    for stale in [&nothing, &TraceHead { token: 7, ..first }] {
        let commit = TraceCommit {
            head: stale,
            entry: &entry(2, "c"),
            is_anew: false,
        };
        let answer = store.commit_trace(commit, TTL_MS).await.unwrap();
        assert_eq!(answer, Commit::Conflict { version: 1 });
    }
}

async fn what_takes_the_place_of_the_log_is_all_that_is_left(config: StoreConfig) {
    let store = connect(&config).await;
    let head = write(&store, &TraceHead::new(key("shop", 1)), &entry(1, "c")).await;
    let head = write(&store, &head, &entry(2, "c")).await;
    let head = write_anew(&store, &head, &entry(3, "c"), true).await;
    let head = write(&store, &head, &entry(4, "c")).await;
    let digest = [key("shop", 1).digest()];
    let stored = store.load_traces(&digest).await.unwrap().remove(0).unwrap();
    assert_eq!(stored.head, head);
    assert_eq!(stored.entries, [entry(3, "c"), entry(4, "c")]);
}

async fn a_trace_is_due_when_its_head_says_so(config: StoreConfig) {
    let store = connect(&config).await;
    let due = async |watermark_ms| {
        let due = store.due_traces(watermark_ms, 10).await.unwrap();
        due.into_iter()
            .map(|key| key.trace.0[0])
            .collect::<Vec<_>>()
    };
    let at = |trace, due_ms| TraceHead {
        due_ms,
        ..TraceHead::new(key("shop", trace))
    };
    let first = write(&store, &at(1, Some(1_000)), &entry(1, "c")).await;
    let second = write(&store, &at(2, Some(500)), &entry(1, "c")).await;
    store.index_traces(&[first.clone(), second]).await.unwrap();
    assert_eq!(due(499).await, [0_u8; 0]);
    assert_eq!(due(500).await, [2]);
    assert_eq!(due(1_000).await, [2, 1]);
    let later = TraceHead {
        due_ms: Some(2_000),
        ..first
    };
    write(&store, &later, &entry(2, "c")).await;
    assert_eq!(
        due(1_999).await,
        [2],
        "the entry was early and is put right"
    );
    assert_eq!(due(2_000).await, [2, 1]);
}

fn held(project: &str, trace: u8, bytes: u64) -> Held {
    Held {
        project: project.to_owned(),
        trace: key(project, trace).digest(),
        bytes,
        first_ms: i64::from(trace),
    }
}

async fn what_a_project_holds_is_bounded_and_the_oldest_goes_first(config: StoreConfig) {
    let store = connect(&config).await;
    let hold = async |held: &[Held]| store.hold(held, 100, TTL_MS).await.unwrap();
    assert_eq!(hold(&[held("shop", 2, 60), held("bank", 1, 90)]).await, []);
    assert_eq!(hold(&[held("shop", 1, 40)]).await, []);
    assert_eq!(
        hold(&[held("shop", 3, 50)]).await,
        [held("shop", 1, 40), held("shop", 2, 60)]
    );
    assert_eq!(hold(&[held("shop", 1, 0)]).await, [held("shop", 2, 60)]);
    assert_eq!(hold(&[held("shop", 2, 0)]).await, []);
}

async fn noting_the_same_again_changes_nothing(config: StoreConfig) {
    let store = connect(&config).await;
    let hold = async |held: &[Held]| store.hold(held, 100, TTL_MS).await.unwrap();
    for _ in 0..5 {
        assert_eq!(hold(&[held("shop", 1, 60)]).await, []);
        assert_eq!(hold(&[held("shop", 2, 0)]).await, []);
    }
}

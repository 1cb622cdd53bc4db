//! Points of dialogues, counts of spans without a conversation, tidying.

use crate::support::{connect, key, next, on_single_and_cluster, put, summary};
use domain::chain::Joint;
use domain::ids::{Digest, SpanId, TraceId};
use futures::StreamExt as _;
use serde_json::json;
use store::{StoreConfig, StoredJoint, Tallied, Tally, Wakeup};

on_single_and_cluster!(
    a_joint_is_written_only_by_who_read_it_last,
    unassigned_spans_are_counted_by_project_and_instrumentation,
    the_number_of_instrumentations_is_bounded,
    wiping_leaves_other_prefixes_alone,
    what_stands_still_is_kept_by_group_until_it_is_removed,
);

fn trace(n: u8) -> TraceId {
    TraceId::from_bytes(&[n; 16]).unwrap()
}

async fn a_joint_is_written_only_by_who_read_it_last(config: StoreConfig) {
    const TTL_MS: u64 = 60_000;
    let store = connect(&config).await;
    let points = [1, 2].map(|number| Digest::of(&[&[number]]));
    let joint = |span: u8| {
        let mark = json!({
            "k": {"t": trace(1), "s": SpanId([span; 8])}, "c": "c-1", "a": 1, "r": 2,
        });
        serde_json::from_value::<Joint>(json!({ "e": [mark] })).unwrap()
    };
    let read = store.load_joints(&points).await.unwrap();
    assert_eq!(read, [StoredJoint::default(), StoredJoint::default()]);
    let changed = StoredJoint {
        joint: joint(1),
        version: 0,
    };
    let saved = store.save_joints(&[(points[0], &changed)], TTL_MS).await;
    assert_eq!(saved.unwrap(), [true]);
    let late = StoredJoint {
        joint: joint(2),
        version: 0,
    };
    let both = [(points[0], &late), (points[1], &late)];
    let saved = store.save_joints(&both, TTL_MS).await;
    assert_eq!(saved.unwrap(), [false, true]);
    let read = store.load_joints(&points).await.unwrap();
    let stored = |joint| StoredJoint { joint, version: 1 };
    assert_eq!(read, [stored(joint(1)), stored(joint(2))]);
}

async fn what_stands_still_is_kept_by_group_until_it_is_removed(config: StoreConfig) {
    let store = connect(&config).await;
    for (group, topic, text) in [
        ("one", "spans", "first"),
        ("one", "spans", "again"),
        ("one", "a/b", "slash"),
        ("two", "spans", "other"),
    ] {
        store.set_pause(group, topic, 3, text).await.unwrap();
    }
    let of = |topic: &str, text: &str| ((topic.to_owned(), 3), text.to_owned());
    let kept = store.pauses("one").await.unwrap();
    assert_eq!(kept, [of("a/b", "slash"), of("spans", "again")].into());
    assert!(store.remove_pause("one", "spans", 3).await.unwrap());
    assert!(!store.remove_pause("one", "spans", 3).await.unwrap());
    let kept = store.pauses("one").await.unwrap();
    assert_eq!(kept, [of("a/b", "slash")].into());
    assert_eq!(store.pauses("two").await.unwrap().len(), 1);
    store.wipe().await.unwrap();
    assert_eq!(store.pauses("two").await.unwrap(), [].into());
}

fn unassigned(project: &str, instrumentation: &str, spans: i64, seen_ms: i64) -> Tallied {
    Tallied {
        project: project.to_owned(),
        instrumentation: instrumentation.to_owned(),
        spans,
        llm_calls: spans / 2,
        last_seen_ms: seen_ms,
        example_trace: Some(trace(u8::try_from(seen_ms).unwrap())),
    }
}

async fn unassigned_spans_are_counted_by_project_and_instrumentation(config: StoreConfig) {
    let store = connect(&config).await;
    store
        .tally(
            Tally::Unassigned,
            &[
                unassigned("shop", "otel/a:b", 4, 5),
                unassigned("shop", "langchain", 2, 6),
                unassigned("bank", "otel/a:b", 8, 7),
            ],
        )
        .await
        .unwrap();
    store
        .tally(Tally::Unassigned, &[unassigned("shop", "otel/a:b", 2, 3)])
        .await
        .unwrap();
    let shop = store
        .tallied(
            Tally::Unassigned,
            &["shop".to_owned(), "unknown".to_owned()],
        )
        .await
        .unwrap();
    assert_eq!(
        shop,
        [
            unassigned("shop", "otel/a:b", 6, 5),
            unassigned("shop", "langchain", 2, 6)
        ]
    );
    let named = ["bank".to_owned(), "shop".to_owned()];
    assert_eq!(sorted(store.projects().await.unwrap()), named);
    store.sweep(7).await.unwrap();
    assert_eq!(
        sorted(store.projects().await.unwrap()),
        named,
        "they have no conversations, but counts"
    );
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

async fn the_number_of_instrumentations_is_bounded(config: StoreConfig) {
    let store = connect(&config).await;
    let counts: Vec<Tallied> = (0..130)
        .map(|n| unassigned("shop", &format!("scope-{n}"), 2, 5))
        .collect();
    store.tally(Tally::Unassigned, &counts).await.unwrap();
    let counted = store
        .tallied(Tally::Unassigned, &["shop".to_owned()])
        .await
        .unwrap();
    assert_eq!(counted.len(), 101);
    assert_eq!(
        counted[0],
        Tallied {
            llm_calls: 30,
            ..unassigned("shop", "other", 60, 5)
        }
    );
}

async fn wiping_leaves_other_prefixes_alone(config: StoreConfig) {
    let store = connect(&config).await;
    let other = connect(&StoreConfig {
        key_prefix: format!("{}x", config.key_prefix),
        ..config.clone()
    })
    .await;
    for n in 0..50 {
        let first = summary("shop", &format!("c-{n}"), 0..=10);
        put(&store, &first).await;
        put(&store, &next(&first)).await;
        put(&other, &first).await;
    }
    let mut wakeups = store.wakeups().await.unwrap();
    assert_eq!(wakeups.next().await, Some(Wakeup::Resync));
    assert!(store.wipe().await.unwrap() >= 100);
    // Nodes of a cluster pass messages on in their own time, so changes from before may still come.
    while wakeups.next().await.unwrap() != Wakeup::Resync {}
    assert_eq!(store.wipe().await.unwrap(), 0);
    assert_eq!(store.load(&key("shop", "c-1"), 0).await.unwrap(), None);
    assert_eq!(store.projects().await.unwrap(), [""; 0]);
    assert!(other.load(&key("shop", "c-1"), 0).await.unwrap().is_some());
}

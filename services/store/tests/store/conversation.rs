//! Writing is optimistic, reading is of one moment.

use crate::support::{
    connect, digest, entry, eventually, key, next, on_single_and_cluster, on_stored, put, raw,
    summary, written,
};
use domain::ids::TraceId;
use store::{Commit, Error, IndexUpdate, StoreConfig, Summary};

on_single_and_cluster!(
    a_log_comes_back_as_it_was_written,
    only_the_next_version_is_written,
    a_version_is_built_on_what_has_its_token_only,
    what_was_written_without_a_token_is_gone_on_from,
    of_many_writers_exactly_one_wins_each_version,
    a_conversation_expires_as_a_whole,
    a_log_that_lost_entries_is_corrupt_and_can_be_removed,
    summaries_come_in_the_order_asked_for,
    related_conversations_share_a_trace_and_the_project,
    scripts_are_loaded_again_after_the_server_forgot_them,
);

async fn a_log_comes_back_as_it_was_written(config: StoreConfig) {
    let store = connect(&config).await;
    let first = summary("shop", "c-1", 0..=10);
    assert_eq!(store.load(&first.key, 0).await.unwrap(), None);
    let mut second = next(&first);
    second.token = written(store.commit(&first, Some(&entry("hello"))).await);
    let mut third = next(&second);
    third.token = written(store.commit(&second, Some(&entry("again"))).await);
    third.entries = 2;
    third.published_revision = 1;
    let token = written(store.commit(&third, None).await);

    let all = store.load(&first.key, 0).await.unwrap().unwrap();
    assert_eq!(all.summary, Summary { token, ..third });
    assert_eq!(all.entries, [entry("hello"), entry("again")]);
    let rest = store
        .load_digest(&digest(&first), 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rest.entries, [entry("again")]);
    for beyond in [2, 3, 1_000] {
        assert_eq!(
            store
                .load(&first.key, beyond)
                .await
                .unwrap()
                .unwrap()
                .entries,
            [],
            "{beyond}"
        );
    }
    assert_eq!(
        store.load(&key("other", "c-1"), 0).await.unwrap(),
        None,
        "the same id in another project"
    );
}

async fn only_the_next_version_is_written(config: StoreConfig) {
    let store = connect(&config).await;
    let first = summary("shop", "c-1", 0..=10);
    assert_eq!(
        store
            .commit(&next(&first), Some(&entry("x")))
            .await
            .unwrap(),
        Commit::Conflict { version: 0 }
    );
    written(store.commit(&first, Some(&entry("x"))).await);
    assert_eq!(
        store.commit(&first, Some(&entry("x"))).await.unwrap(),
        Commit::Conflict { version: 1 },
        "a repetition"
    );
    assert_eq!(
        store
            .load(&first.key, 0)
            .await
            .unwrap()
            .unwrap()
            .entries
            .len(),
        1
    );
}

async fn a_version_is_built_on_what_has_its_token_only(config: StoreConfig) {
    let store = connect(&config).await;
    let first = summary("shop", "c-1", 0..=10);
    let token = written(store.commit(&first, Some(&entry("x"))).await);
    assert_ne!(token, 0);
    for wrong in [0, token ^ 1, token.wrapping_add(1), u64::MAX] {
        let second = Summary {
            token: wrong,
            ..next(&first)
        };
        assert_eq!(
            store.commit(&second, Some(&entry("y"))).await.unwrap(),
            Commit::Conflict { version: 1 },
            "{wrong}"
        );
    }
    let second = Summary {
        token,
        ..next(&first)
    };
    let lying = Summary {
        entries: 7,
        ..second.clone()
    };
    let refused = store.commit(&lying, Some(&entry("y"))).await;
    assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
    let lying = Summary { token: 1, ..lying };
    assert_eq!(
        store.commit(&lying, Some(&entry("y"))).await.unwrap(),
        Commit::Conflict { version: 1 },
        "the length of something else tells nothing"
    );
    assert_ne!(
        written(store.commit(&second, Some(&entry("y"))).await),
        token
    );
}

async fn what_was_written_without_a_token_is_gone_on_from(config: StoreConfig) {
    let store = connect(&config).await;
    let first = summary("shop", "c-1", 0..=10);
    put(&store, &first).await;
    let sum = format!("{}:c:{{{}}}:sum", config.key_prefix, digest(&first));
    raw::<redis::Value>(&config, redis::cmd("HDEL").arg(sum).arg("t")).await;
    let snapshot = store.load(&first.key, 0).await.unwrap().unwrap();
    assert_eq!(snapshot.summary.token, 0);
    assert_ne!(
        written(store.commit(&next(&first), Some(&entry("x"))).await),
        0
    );
}

async fn of_many_writers_exactly_one_wins_each_version(config: StoreConfig) {
    const WRITERS: u64 = 8;
    let store = connect(&config).await;
    let first = summary("shop", "c-1", 0..=10);
    let writer = |store: store::Store, number: u64| {
        let first = first.clone();
        async move {
            let mine = entry(&format!("by writer {number}"));
            let mut version = 0;
            loop {
                let attempt = Summary {
                    version: version + 1,
                    entries: version + 1,
                    ..on_stored(&store, &first).await
                };
                match store.commit(&attempt, Some(&mine)).await.unwrap() {
                    Commit::Done { .. } => return,
                    Commit::Conflict { version: stored } => version = stored,
                }
            }
        }
    };
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| tokio::spawn(writer(store.clone(), number)))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let snapshot = store.load(&first.key, 0).await.unwrap().unwrap();
    assert_eq!(
        (snapshot.summary.version, snapshot.summary.entries),
        (WRITERS, WRITERS)
    );
    for number in 0..WRITERS {
        assert!(
            snapshot
                .entries
                .contains(&entry(&format!("by writer {number}"))),
            "{number}"
        );
    }
}

async fn a_conversation_expires_as_a_whole(config: StoreConfig) {
    let store = connect(&StoreConfig {
        retention_ms: 300,
        ..config
    })
    .await;
    let first = summary("shop", "c-1", 0..=10);
    put(&store, &first).await;
    eventually("the conversation expires", || async {
        store.load(&first.key, 0).await.unwrap().is_none()
    })
    .await;
    // It begins anew.
    written(store.commit(&first, Some(&entry("x"))).await);
}

async fn a_log_that_lost_entries_is_corrupt_and_can_be_removed(config: StoreConfig) {
    let store = connect(&config).await;
    let first = summary("shop", "c-1", 0..=10);
    // The summary counts entries that the log does not have, as after an eviction of the log.
    let lying = Summary {
        entries: 2,
        ..first.clone()
    };
    assert!(matches!(
        store.commit(&lying, Some(&entry("x"))).await,
        Err(Error::Corrupt { .. })
    ));
    written(store.commit(&first, Some(&entry("x"))).await);
    store.remove(&first.key).await.unwrap();
    assert_eq!(store.load(&first.key, 0).await.unwrap(), None);
}

async fn summaries_come_in_the_order_asked_for(config: StoreConfig) {
    let store = connect(&config).await;
    let mut all: Vec<_> = (0..300)
        .map(|n| summary("shop", &format!("c-{n}"), 0..=n))
        .collect();
    for summary in &mut all {
        summary.token = written(store.commit(summary, Some(&entry("x"))).await);
    }
    let mut digests: Vec<_> = all.iter().rev().map(digest).collect();
    digests.insert(1, key("shop", "unknown").digest());
    let read = store.summaries(&digests).await.unwrap();
    assert_eq!(read[0].as_ref(), Some(&all[299]));
    assert_eq!(read[1], None);
    assert_eq!(read[300].as_ref(), Some(&all[0]));
}

async fn related_conversations_share_a_trace_and_the_project(config: StoreConfig) {
    let store = connect(&config).await;
    let trace = |n: u8| TraceId::from_bytes(&[n; 16]).unwrap();
    let update = |project: &str, id: &str, traces: &[u8]| IndexUpdate {
        summary: std::sync::Arc::new(summary(project, id, 0..=1)),
        trace_ids_added: traces.iter().copied().map(trace).collect(),
    };
    store
        .index(&[
            update("shop", "a", &[1, 2]),
            update("shop", "b", &[2]),
            update("shop", "c", &[3]),
            update("bank", "d", &[2]),
        ])
        .await
        .unwrap();
    let mut expected = vec![key("shop", "a").digest(), key("shop", "b").digest()];
    expected.sort_unstable();
    assert_eq!(
        store.related("shop", &[trace(1), trace(2)]).await.unwrap(),
        expected
    );
    assert_eq!(store.related("shop", &[trace(9)]).await.unwrap(), []);
}

async fn scripts_are_loaded_again_after_the_server_forgot_them(config: StoreConfig) {
    let store = connect(&config).await;
    for round in 0..2 {
        put(&store, &summary("shop", &format!("c-{round}"), 0..=10)).await;
        for url in &config.urls {
            let client = redis::Client::open(url.as_str()).unwrap();
            let mut connection = client.get_multiplexed_async_connection().await.unwrap();
            let _: () = redis::cmd("SCRIPT")
                .arg("FLUSH")
                .query_async(&mut connection)
                .await
                .unwrap();
        }
    }
}

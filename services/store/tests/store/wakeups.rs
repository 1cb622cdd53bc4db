//! Changes are announced, and a reader learns when it may have missed some.

use crate::support::{connect, digest, next, on_single_and_cluster, put, summary, update};
use futures::{Stream, StreamExt as _};
use std::time::Duration;
use store::testing::RedisServer;
use store::{StoreConfig, Wakeup};

on_single_and_cluster!(
    every_commit_is_announced,
    a_reader_that_does_not_keep_up_is_told_to_look_at_everything
);

async fn next_of(wakeups: &mut (impl Stream<Item = Wakeup> + Unpin)) -> Wakeup {
    tokio::time::timeout(Duration::from_secs(20), wakeups.next())
        .await
        .expect("in time")
        .expect("goes on")
}

async fn every_commit_is_announced(config: StoreConfig) {
    let store = connect(&config).await;
    let mut wakeups = store.wakeups().await.unwrap();
    assert_eq!(
        next_of(&mut wakeups).await,
        Wakeup::Resync,
        "what was before is not announced"
    );
    let first = summary("shop", "c-1", 0..=10);
    put(&store, &first).await;
    assert_eq!(
        next_of(&mut wakeups).await,
        Wakeup::Changed {
            digest: digest(&first),
            version: 1
        }
    );
    store
        .index(&[update(&first), update(&next(&first))])
        .await
        .unwrap();
    assert_eq!(
        next_of(&mut wakeups).await,
        Wakeup::Changed {
            digest: digest(&first),
            version: 2
        },
        "the newest of a batch"
    );
}

async fn a_reader_that_does_not_keep_up_is_told_to_look_at_everything(config: StoreConfig) {
    let store = connect(&config).await;
    let mut wakeups = store.wakeups().await.unwrap();
    let updates: Vec<_> = (0..1_000)
        .map(|n| update(&summary("shop", &format!("c-{n}"), 0..=10)))
        .collect();
    for _ in 0..12 {
        store.index(&updates).await.unwrap();
    }
    let last = summary("shop", "last", 0..=10);
    let mut resyncs = 0;
    // What is waiting is read off, then a resync comes, then new changes.
    while resyncs < 2 {
        if next_of(&mut wakeups).await == Wakeup::Resync {
            resyncs += 1;
        }
    }
    put(&store, &last).await;
    while next_of(&mut wakeups).await
        != (Wakeup::Changed {
            digest: digest(&last),
            version: 1,
        })
    {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_goes_on_after_the_server_was_away() {
    let server = RedisServer::start().await.unwrap();
    let config = server.config();
    let store = connect(&config).await;
    let mut wakeups = store.wakeups().await.unwrap();
    assert_eq!(next_of(&mut wakeups).await, Wakeup::Resync);
    let port = server.port();
    drop(server);
    let _server = RedisServer::start_on(port, &[]).await.unwrap();
    assert_eq!(next_of(&mut wakeups).await, Wakeup::Resync);
    let first = summary("shop", "c-1", 0..=10);
    crate::support::eventually("the store answers again", || async {
        store.ping().await.is_ok()
    })
    .await;
    put(&store, &first).await;
    assert_eq!(
        next_of(&mut wakeups).await,
        Wakeup::Changed {
            digest: digest(&first),
            version: 1
        }
    );
}

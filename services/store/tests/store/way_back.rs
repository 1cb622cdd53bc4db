//! Whatever becomes of the servers: as soon as one answers at the address, or the others have agreed on one, the store is
//! there within seconds, with everyone who shares it, and without being opened again.

use crate::proxy::Proxy;
use crate::support::{connect, digest, entry, eventually, next, put, summary};
use futures::{Stream, StreamExt as _};
use std::time::Duration;
use store::testing::{RedisCluster, RedisSentinel, RedisServer};
use store::{Error, Store, StoreConfig, Summary, Wakeup};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// A store behind an address that leads to the server.
async fn behind(proxy: &Proxy, server: &RedisServer) -> Store {
    connect(&StoreConfig {
        urls: vec![proxy.url()],
        response_timeout_ms: 1_000,
        connect_timeout_ms: 500,
        ..server.config()
    })
    .await
}

async fn can_write(store: &Store) -> bool {
    let mut probe = summary("shop", "probe", 0..=1);
    let Ok(stored) = store.summaries(&[digest(&probe)]).await else {
        return false;
    };
    if let Some(stored) = &stored[0] {
        probe = next(stored);
        probe.entries = stored.entries;
        return store.commit(&probe, None).await.is_ok();
    }
    probe.entries = 0;
    store.commit(&probe, None).await.is_ok()
}

async fn comes_back(store: &Store) {
    let began = Instant::now();
    eventually("the store can be written again", || can_write(store)).await;
    let taken = began.elapsed();
    assert!(taken < Duration::from_secs(15), "{taken:?}");
    let shared = store.clone();
    assert!(can_write(&shared).await, "all clones share the new client");
}

/// A change is announced until it is heard, as in life.
async fn is_heard(store: &Store, wakeups: &mut (impl Stream<Item = Wakeup> + Unpin)) {
    let mut announced = summary("shop", "announced", 0..=1);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        assert!(Instant::now() < deadline, "wake-ups never come again");
        put(store, &announced).await;
        let wanted = digest(&announced);
        let heard = async {
            while !matches!(wakeups.next().await, Some(Wakeup::Changed { digest, .. }) if digest == wanted)
            {
            }
        };
        if timeout(Duration::from_millis(200), heard).await.is_ok() {
            return;
        }
        announced = next(&announced);
    }
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_left_for_the_promoted_one() {
    let (old, new) = (
        RedisServer::start().await.unwrap(),
        RedisServer::start().await.unwrap(),
    );
    let proxy = Proxy::to(old.port()).await;
    let store = behind(&proxy, &old).await;
    let mut wakeups = store.wakeups().await.unwrap();
    put(&store, &summary("shop", "c-1", 0..=1)).await;
    new.replicate(&old).await.unwrap();
    new.promote().await.unwrap();
    old.replicate(&new).await.unwrap();
    let refused = store
        .commit(&summary("shop", "c-2", 0..=1), Some(&entry("x")))
        .await;
    assert!(
        matches!(refused, Err(Error::ReadOnly(_))),
        "the connection is kept: {refused:?}"
    );
    // Nobody tells what the old one is told from now on.
    old.command::<()>(redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1))
        .await
        .unwrap();
    proxy.lead_to(new.port());
    comes_back(&store).await;
    is_heard(&store, &mut wakeups).await;
}

#[tokio::test]
async fn a_replica_without_a_master_is_left_although_nobody_asks_for_anything() {
    let (old, new) = (
        RedisServer::start_with(&["--replica-serve-stale-data", "no"])
            .await
            .unwrap(),
        RedisServer::start().await.unwrap(),
    );
    let proxy = Proxy::to(old.port()).await;
    let store = behind(&proxy, &old).await;
    old.command::<()>(redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1))
        .await
        .unwrap();
    let refused = store.load(&summary("shop", "c-1", 0..=1).key, 0).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    proxy.lead_to(new.port());
    eventually("the new one has been found", || async {
        let clients: String = new.command(redis::cmd("CLIENT").arg("LIST")).await.unwrap();
        clients.lines().count() > 1
    })
    .await;
    comes_back(&store).await;
}

#[tokio::test]
async fn a_connection_that_is_halted_in_the_middle_is_given_up() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::to(server.port()).await;
    let store = behind(&proxy, &server).await;
    let mut wakeups = store.wakeups().await.unwrap();
    assert!(can_write(&store).await);
    proxy.halt();
    assert!(matches!(store.ping().await, Err(Error::Unavailable(_))));
    comes_back(&store).await;
    is_heard(&store, &mut wakeups).await;
}

#[tokio::test]
async fn a_frozen_server_is_left_for_another_at_its_address() {
    let (mut old, new) = (
        RedisServer::start().await.unwrap(),
        RedisServer::start().await.unwrap(),
    );
    let proxy = Proxy::to(old.port()).await;
    let store = behind(&proxy, &old).await;
    let mut wakeups = store.wakeups().await.unwrap();
    old.freeze().unwrap();
    assert!(!can_write(&store).await);
    proxy.lead_to(new.port());
    comes_back(&store).await;
    is_heard(&store, &mut wakeups).await;
}

#[tokio::test]
async fn a_server_that_was_frozen_for_long_is_there_again_when_it_thaws() {
    let mut server = RedisServer::start().await.unwrap();
    let proxy = Proxy::to(server.port()).await;
    let store = behind(&proxy, &server).await;
    server.freeze().unwrap();
    let frozen_until = Instant::now() + Duration::from_secs(6);
    while Instant::now() < frozen_until {
        assert!(!can_write(&store).await);
    }
    server.thaw().unwrap();
    comes_back(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_whose_primary_dies_while_its_replica_is_frozen_is_followed() {
    let mut cluster = RedisCluster::start().await.unwrap();
    cluster.add_replicas().await.unwrap();
    // The timeouts that are usual: with shorter ones the client gets over it by itself. Only the address of the primary
    // that will die is configured; the others are learnt.
    let store = connect(&StoreConfig {
        urls: vec![cluster.nodes[0].url()],
        ..cluster.config()
    })
    .await;
    let mut wakeups = store.wakeups().await.unwrap();
    let conversations: Vec<Summary> = (0..12)
        .map(|n| summary("shop", &format!("c-{n}"), 0..=1))
        .collect();
    for conversation in &conversations {
        put(&store, conversation).await;
    }
    eventually("the replica has everything", || async {
        let size = redis::cmd("DBSIZE");
        let primary: u64 = cluster.nodes[0].command(&size).await.unwrap();
        let replica: u64 = cluster.nodes[3].command(&size).await.unwrap();
        primary == replica
    })
    .await;
    // As in life, much is asked for while it happens.
    let mut load = JoinSet::new();
    for conversation in conversations.iter().cycle().take(48) {
        let (store, key) = (store.clone(), conversation.key.clone());
        load.spawn(async move {
            loop {
                // Whether it succeeds is asked below.
                let _ = store.load(&key, 0).await;
                tokio::task::yield_now().await;
            }
        });
    }
    cluster.nodes[0].kill().unwrap();
    cluster.nodes[3].freeze().unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    cluster.nodes[3].thaw().unwrap();

    let began = Instant::now();
    eventually("every conversation can be read", || async {
        let mut are_read = true;
        for conversation in &conversations {
            are_read &= matches!(store.load(&conversation.key, 0).await, Ok(Some(_)));
        }
        are_read
    })
    .await;
    let taken = began.elapsed();
    assert!(taken < Duration::from_secs(15), "{taken:?}");
    drop(load);
    for conversation in &conversations {
        put(&store, &next(conversation)).await;
    }
    is_heard(&store, &mut wakeups).await;
}

#[tokio::test]
async fn the_primary_that_sentinels_choose_is_found() {
    let mut primary = RedisServer::start().await.unwrap();
    let replica = RedisServer::start().await.unwrap();
    replica.replicate(&primary).await.unwrap();
    let sentinel = RedisSentinel::watch(&primary, 1).await.unwrap();
    let config = StoreConfig {
        response_timeout_ms: 1_000,
        connect_timeout_ms: 500,
        ..sentinel.config()
    };
    let store = connect(&config).await;
    let mut wakeups = store.wakeups().await.unwrap();
    put(&store, &summary("shop", "c-1", 0..=1)).await;
    eventually("the replica has everything", || async {
        let size = redis::cmd("DBSIZE");
        let kept: u64 = primary.command(&size).await.unwrap();
        kept == replica.command::<u64>(&size).await.unwrap()
    })
    .await;
    primary.kill().unwrap();
    comes_back(&store).await;
    put(&store, &next(&summary("shop", "c-1", 0..=1))).await;
    is_heard(&store, &mut wakeups).await;
    let role: Vec<redis::Value> = replica.command(&redis::cmd("ROLE")).await.unwrap();
    assert_eq!(role[0], redis::Value::BulkString(b"master".to_vec()));
    connect(&config).await;
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_is_a_matter_of_configuration() {
    let primary = RedisServer::start().await.unwrap();
    let sentinel = RedisSentinel::watch(&primary, 0).await.unwrap();
    let refused = Store::connect(&StoreConfig {
        sentinel_master: Some("another".to_owned()),
        ..sentinel.config()
    })
    .await;
    assert!(matches!(refused, Err(Error::Config(_))), "{refused:?}");
}

//! The record of progress tells what the store surely has, and lets nobody build on what was lost.

use crate::support::{connect, eventually, on_single_and_cluster, raw};
use store::testing::{RedisCluster, RedisServer};
use store::{Claimed, Epoch, Error, Found, PartitionProgress, Point, Saved, Store, StoreConfig};

const GROUP: &str = "g";
const TOPIC: &str = "otlp:spans";

on_single_and_cluster!(
    what_was_saved_is_found_by_group,
    a_partition_is_saved_by_its_owner_only,
    what_was_done_before_the_store_was_emptied_is_not_in_it,
    the_lowest_of_all_copies_counts,
    of_two_that_begin_an_epoch_one_wins_each_copy,
    a_new_epoch_knows_only_what_it_was_given,
    a_record_of_the_first_version_is_not_intact,
);

fn at(partition: i32, next_offset: i64) -> PartitionProgress {
    let point = |back: i64| Point {
        at_ms: 1_000_000 - back,
        next_offset: next_offset - back,
        time_ms: (back == 0).then_some(next_offset * 10),
    };
    PartitionProgress {
        topic: TOPIC.to_owned(),
        partition,
        points: vec![point(0), point(1)],
        watermark_ms: Some(next_offset * 10),
    }
}

fn named(partitions: &[i32]) -> Vec<(String, i32)> {
    partitions
        .iter()
        .map(|partition| (TOPIC.to_owned(), *partition))
        .collect()
}

async fn look(store: &Store) -> Found {
    store.look(GROUP).await.unwrap()
}

async fn claim(store: &Store, epoch: &Epoch, owner: &str, partitions: &[i32]) -> Claimed {
    let partitions = named(partitions);
    store.claim(GROUP, epoch, owner, &partitions).await.unwrap()
}

async fn save(store: &Store, epoch: &Epoch, owner: &str, progress: &[PartitionProgress]) -> Saved {
    store.save(GROUP, epoch, owner, progress).await.unwrap()
}

async fn is_current(store: &Store, epoch: &Epoch) -> bool {
    store.is_current(GROUP, epoch).await.unwrap()
}

/// A store whose record says that partition 0 stands at 9, and its epoch.
async fn recorded(store: &Store) -> Epoch {
    let epoch = look(store).await.epoch;
    assert_eq!(claim(store, &epoch, "a", &[0]).await, Claimed::Yes);
    assert_eq!(save(store, &epoch, "a", &[at(0, 9)]).await, Saved::Yes);
    epoch
}

/// What holds as soon as a server may have lost something.
async fn is_fenced(store: &Store, epoch: &Epoch) {
    let found = look(store).await;
    assert!(!found.is_intact);
    assert_eq!(&found.epoch, epoch, "nobody has begun another one yet");
    assert!(!is_current(store, epoch).await);
    assert_eq!(claim(store, epoch, "a", &[0]).await, Claimed::EpochOver);
    assert_eq!(
        save(store, epoch, "a", &[at(0, 99)]).await,
        Saved::EpochOver
    );
    assert_eq!(look(store).await.partitions, found.partitions);

    let cut = [at(0, 5)];
    store.begin_epoch(GROUP, &found, &cut).await.unwrap();
    let begun = look(store).await;
    assert!(begun.is_intact);
    assert_ne!(&begun.epoch, epoch);
    assert_eq!(begun.partitions, cut);
    assert!(is_current(store, &begun.epoch).await);
    assert_eq!(
        save(store, epoch, "a", &[at(0, 99)]).await,
        Saved::EpochOver,
        "who knows only the old epoch"
    );
    assert_eq!(
        save(store, &begun.epoch, "a", &[at(0, 99)]).await,
        Saved::NotOwner(named(&[0])),
        "claims are over with their epoch"
    );
}

async fn what_was_saved_is_found_by_group(config: StoreConfig) {
    let store = connect(&config).await;
    let begun = look(&store).await;
    assert!(begun.is_intact);
    assert_eq!(begun.partitions, []);
    let epoch = begun.epoch;
    assert!(is_current(&store, &epoch).await);
    assert_eq!(claim(&store, &epoch, "a", &[0, 1]).await, Claimed::Yes);
    let saved = save(&store, &epoch, "a", &[at(0, 5), at(1, 7)]).await;
    assert_eq!(saved, Saved::Yes);
    assert_eq!(save(&store, &epoch, "a", &[at(1, 9)]).await, Saved::Yes);
    let other = store.look("other").await.unwrap();
    assert_eq!(other.partitions, []);
    assert_ne!(other.epoch, epoch);

    let found = look(&store).await;
    assert_eq!(found.epoch, epoch, "an epoch lasts");
    assert_eq!(found.partitions, [at(0, 5), at(1, 9)]);
    let rewound = PartitionProgress {
        watermark_ms: None,
        ..at(1, 2)
    };
    let saved = save(&store, &epoch, "a", std::slice::from_ref(&rewound)).await;
    assert_eq!(saved, Saved::Yes);
    assert_eq!(
        look(&store).await.partitions,
        [at(0, 5), rewound],
        "a rewind is recorded too"
    );
    let nothing = PartitionProgress {
        points: Vec::new(),
        ..at(0, 1)
    };
    assert_eq!(save(&store, &epoch, "a", &[nothing]).await, Saved::Yes);
    assert_eq!(look(&store).await.partitions[0], at(0, 5));
}

async fn a_partition_is_saved_by_its_owner_only(config: StoreConfig) {
    let store = connect(&config).await;
    let epoch = look(&store).await.epoch;
    assert_eq!(
        save(&store, &epoch, "a", &[at(0, 1)]).await,
        Saved::NotOwner(named(&[0])),
        "nobody owns it"
    );
    assert_eq!(claim(&store, &epoch, "a", &[0, 1]).await, Claimed::Yes);
    let saved = save(&store, &epoch, "a", &[at(0, 5), at(1, 5)]).await;
    assert_eq!(saved, Saved::Yes);
    assert_eq!(claim(&store, &epoch, "b", &[1]).await, Claimed::Yes);
    assert_eq!(
        look(&store).await.partitions,
        [at(0, 5), at(1, 5)],
        "a claim keeps what is recorded"
    );
    assert_eq!(
        save(&store, &epoch, "a", &[at(0, 8), at(1, 8)]).await,
        Saved::NotOwner(named(&[1]))
    );
    assert_eq!(look(&store).await.partitions, [at(0, 8), at(1, 5)]);
    assert_eq!(save(&store, &epoch, "b", &[at(1, 6)]).await, Saved::Yes);
    assert_eq!(look(&store).await.partitions, [at(0, 8), at(1, 6)]);
    let unknown = Epoch::named("another");
    assert_eq!(claim(&store, &unknown, "c", &[0]).await, Claimed::EpochOver);
    let saved = save(&store, &unknown, "a", &[at(0, 9)]).await;
    assert_eq!(saved, Saved::EpochOver);
    assert!(!is_current(&store, &unknown).await);
    assert_eq!(look(&store).await.partitions, [at(0, 8), at(1, 6)]);
    assert_eq!(save(&store, &epoch, "a", &[at(0, 9)]).await, Saved::Yes);
}

async fn what_was_done_before_the_store_was_emptied_is_not_in_it(config: StoreConfig) {
    let store = connect(&config).await;
    let epoch = recorded(&store).await;
    store.wipe().await.unwrap();
    assert!(!is_current(&store, &epoch).await);
    let saved = save(&store, &epoch, "a", &[at(0, 9)]).await;
    assert_eq!(saved, Saved::EpochOver);
    let emptied = look(&store).await;
    assert!(emptied.is_intact, "it is sure to have nothing");
    assert_ne!(emptied.epoch, epoch);
    assert_eq!(emptied.partitions, []);
    let saved = save(&store, &epoch, "a", &[at(0, 9)]).await;
    assert_eq!(saved, Saved::EpochOver);
    assert_eq!(look(&store).await, emptied);
}

async fn the_lowest_of_all_copies_counts(config: StoreConfig) {
    let store = connect(&config).await;
    let epoch = recorded(&store).await;
    let copy = copy_key(&config);
    let field = |name: &str| {
        let field = format!("p:{TOPIC}:0");
        redis::cmd(name).arg(&copy).arg(field).clone()
    };
    let lower = field("HSET").arg("50|5,999,-").clone();
    raw::<redis::Value>(&config, &lower).await;
    let found = look(&store).await;
    let offsets: Vec<_> = found.partitions.iter().map(|p| p.next_offset()).collect();
    assert_eq!(offsets, [Some(5)], "{copy}");
    raw::<redis::Value>(&config, field("HSET").arg("?")).await;
    assert_eq!(look(&store).await.partitions, [], "it cannot be read");
    raw::<redis::Value>(&config, &field("HDEL")).await;
    assert_eq!(look(&store).await.partitions, []);
    assert_eq!(look(&store).await.epoch, epoch);
    // One copy has lost everything.
    raw::<redis::Value>(&config, redis::cmd("DEL").arg(&copy)).await;
    let begun = look(&store).await;
    assert_ne!(begun.epoch, epoch);
    assert_eq!(begun.partitions, []);
    let saved = save(&store, &epoch, "a", &[at(0, 9)]).await;
    assert_eq!(saved, Saved::EpochOver);
    assert_eq!(look(&store).await.partitions, []);
}

async fn of_two_that_begin_an_epoch_one_wins_each_copy(config: StoreConfig) {
    let store = connect(&config).await;
    recorded(&store).await;
    let found = look(&store).await;
    let cuts = [at(0, 3), at(0, 4)];
    let begin = async |cut: &PartitionProgress| {
        let cut = std::slice::from_ref(cut);
        store.begin_epoch(GROUP, &found, cut).await.unwrap();
        look(&store).await
    };
    let (one, two) = tokio::join!(begin(&cuts[0]), begin(&cuts[1]));
    let agreed = look(&store).await;
    assert_ne!(agreed.epoch, found.epoch);
    assert!(agreed.is_intact);
    if config.cluster {
        let offset = agreed.partitions[0].next_offset().unwrap();
        assert!((3..=4).contains(&offset), "{offset}");
    } else {
        assert_eq!((&one, &two), (&agreed, &agreed));
        assert!(cuts.contains(&agreed.partitions[0]));
    }
    assert_eq!(begin(&at(0, 1)).await, agreed, "too late");
}

async fn a_new_epoch_knows_only_what_it_was_given(config: StoreConfig) {
    let store = connect(&config).await;
    let epoch = recorded(&store).await;
    assert_eq!(claim(&store, &epoch, "a", &[1]).await, Claimed::Yes);
    assert_eq!(save(&store, &epoch, "a", &[at(1, 7)]).await, Saved::Yes);
    let found = look(&store).await;
    let given = [at(1, 2), at(2, 3)];
    store.begin_epoch(GROUP, &found, &given).await.unwrap();
    let begun = look(&store).await;
    assert_eq!(begun.partitions, given);
    assert!(!is_current(&store, &epoch).await);
    assert!(is_current(&store, &begun.epoch).await);
}

async fn a_record_of_the_first_version_is_not_intact(config: StoreConfig) {
    let store = connect(&config).await;
    look(&store).await;
    let copy = copy_key(&config);
    raw::<redis::Value>(&config, redis::cmd("DEL").arg(&copy)).await;
    let mut old = redis::cmd("HSET");
    old.arg(&copy).arg("epoch").arg("0123456789abcdef");
    old.arg(format!("{TOPIC}:0")).arg("9|1|1|0123456789abcdef");
    raw::<redis::Value>(&config, &old).await;
    let found = look(&store).await;
    assert!(!found.is_intact);
    assert_eq!(found.partitions, []);
    is_fenced(&store, &found.epoch).await;
}

/// The copy of the record on one of the servers.
fn copy_key(config: &StoreConfig) -> String {
    let tag = if config.cluster { "3" } else { "0" };
    format!("{}:progress:{{{tag}}}:{GROUP}", config.key_prefix)
}

#[tokio::test]
async fn a_server_that_comes_back_without_its_last_writes_is_found_out() {
    let mut server = RedisServer::start().await.unwrap();
    let store = connect(&server.config()).await;
    let epoch = recorded(&store).await;
    server.save().await.unwrap();
    let saved = save(&store, &epoch, "a", &[at(0, 50)]).await;
    assert_eq!(saved, Saved::Yes);
    server.kill().unwrap();
    server.start_again().await.unwrap();
    eventually("the store answers again", async || {
        store.ping().await.is_ok()
    })
    .await;
    assert_eq!(look(&store).await.partitions, [at(0, 9)], "the older one");
    is_fenced(&store, &epoch).await;
}

#[tokio::test]
async fn a_replica_that_was_promoted_is_found_out() {
    let (primary, replica) = (
        RedisServer::start().await.unwrap(),
        RedisServer::start().await.unwrap(),
    );
    let config = primary.config();
    let store = connect(&config).await;
    let epoch = recorded(&store).await;
    replica.replicate(&primary).await.unwrap();
    replica.promote().await.unwrap();
    let store = connect(&StoreConfig {
        urls: replica.config().urls,
        ..config
    })
    .await;
    is_fenced(&store, &epoch).await;
}

#[tokio::test]
async fn a_server_that_was_overwritten_by_another_while_it_ran_is_found_out() {
    let (server, other) = (
        RedisServer::start().await.unwrap(),
        RedisServer::start().await.unwrap(),
    );
    let store = connect(&server.config()).await;
    let epoch = recorded(&store).await;
    // The other one has what this one had, and this one goes on meanwhile.
    other.replicate(&server).await.unwrap();
    other.promote().await.unwrap();
    let behind = look(&store).await.partitions;
    let saved = save(&store, &epoch, "a", &[at(0, 50)]).await;
    // A first replica may have given the server another replication id, which counts as a loss.
    assert!(matches!(saved, Saved::Yes | Saved::EpochOver));
    server.replicate(&other).await.unwrap();
    server.promote().await.unwrap();
    assert_eq!(look(&store).await.partitions, behind);
    is_fenced(&store, &epoch).await;
}

#[tokio::test]
async fn one_primary_of_a_cluster_that_was_restarted_is_found_out() {
    let mut cluster = RedisCluster::start().await.unwrap();
    let store = connect(&cluster.config()).await;
    let epoch = recorded(&store).await;
    cluster.nodes[1].save().await.unwrap();
    cluster.nodes[1].kill().unwrap();
    cluster.nodes[1].start_again().await.unwrap();
    eventually("the store answers again", async || {
        store.look(GROUP).await.is_ok()
    })
    .await;
    assert_eq!(look(&store).await.partitions, [at(0, 9)]);
    is_fenced(&store, &epoch).await;
}

#[tokio::test]
async fn a_server_that_does_not_say_who_it_is_still_serves() {
    let user = [
        "--user", "app", "on", ">right", "~*", "&*", "+@all", "-info",
    ];
    let server = RedisServer::start_with(&user).await.unwrap();
    let store = connect(&StoreConfig {
        username: Some("app".to_owned()),
        password: Some("right".to_owned().into()),
        ..server.config()
    })
    .await;
    let epoch = recorded(&store).await;
    let found = look(&store).await;
    assert!(found.is_intact);
    assert_eq!(found.partitions, [at(0, 9)]);
    assert!(is_current(&store, &epoch).await);
}

#[tokio::test]
async fn a_record_is_read_while_the_server_is_full() {
    let server = RedisServer::start().await.unwrap();
    let store = connect(&server.config()).await;
    let epoch = recorded(&store).await;
    let mut full = redis::cmd("CONFIG");
    full.arg("SET").arg("maxmemory").arg("1");
    let _: () = server.command(&full).await.unwrap();
    assert!(look(&store).await.is_intact);
    assert!(is_current(&store, &epoch).await);
    let refused = store.save(GROUP, &epoch, "a", &[at(0, 99)]).await;
    assert!(matches!(refused, Err(Error::OutOfMemory(_))), "{refused:?}");
}

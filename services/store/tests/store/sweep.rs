//! Sweeping goes through all lists, a part at a time, whoever sweeps.

use crate::support::{connect, eventually, on_single_and_cluster, put, raw, summary, update};
use std::collections::BTreeSet;
use store::{ListQuery, Store, StoreConfig, Summary, Swept};

on_single_and_cluster!(
    sweeping_takes_expired_conversations_and_their_project_off_the_lists,
    a_part_is_swept_by_one_of_all_who_sweep,
    a_sweep_looks_at_no_more_than_a_part_and_the_next_ones_at_the_rest,
    a_list_of_which_much_has_gone_is_swept_at_once,
);

const LISTS_MAX: usize = 1_024;
const NOW_MS: i64 = 1_900_000_000_000;

/// As if the last part had been given out long ago.
async fn let_time_pass(config: &StoreConfig) {
    let mut command = redis::cmd("HDEL");
    command
        .arg(format!("{}:sweep", config.key_prefix))
        .arg("at");
    raw::<redis::Value>(config, &command).await;
}

async fn sweep(store: &Store, config: &StoreConfig, now_ms: i64) -> Swept {
    let_time_pass(config).await;
    store.sweep(now_ms).await.unwrap()
}

async fn sweeping_takes_expired_conversations_and_their_project_off_the_lists(config: StoreConfig) {
    // So short that everything has expired when it is swept, with activity long before.
    let store = connect(&StoreConfig {
        retention_ms: 1,
        ..config.clone()
    })
    .await;
    let keeper = connect(&config).await;
    let now_ms = 1_900_000_000_000;
    for n in 0..40 {
        let gone = summary("shop", &format!("gone-{n}"), 0..=100_000);
        store.index(&[update(&gone)]).await.unwrap();
    }
    let kept = summary("bank", "kept", 0..=100_000);
    put(&keeper, &kept).await;
    // The lists of a project expire as a whole when nothing in it lives.
    eventually("the project is swept", || async {
        sweep(&store, &config, now_ms).await;
        store.projects().await.unwrap() == ["bank"]
    })
    .await;

    keeper
        .index(&[update(&summary("bank", "gone", 0..=200_000))])
        .await
        .unwrap();
    let swept = sweep(&store, &config, now_ms).await;
    // In the list of all, of the agent, and of its class of duration stand both.
    assert_eq!(
        swept,
        Swept {
            lists_checked: 7,
            entries_checked: 6,
            entries_removed: 3,
            lists_removed: 0
        }
    );
    assert_eq!(
        sweep(&store, &config, now_ms).await,
        Swept {
            lists_checked: 7,
            entries_checked: 3,
            entries_removed: 0,
            lists_removed: 0
        }
    );
    assert_eq!(
        sweep(&keeper, &config, 1_767_225_600_000)
            .await
            .entries_checked,
        0,
        "nothing is old enough yet"
    );
    let all = ListQuery {
        limit: 10,
        ..ListQuery::default()
    };
    assert_eq!(keeper.list(&all).await.unwrap().rows.len(), 1);
}

/// In a project, of an agent of its own; it does not exist.
fn gone(project: &str, number: usize) -> Summary {
    let mut summary = summary(project, &number.to_string(), 0..=number as i64 % 50);
    summary.totals.agents = vec![format!("agent-{number}")];
    summary
}

async fn write(store: &Store, gone: impl Iterator<Item = Summary>) {
    let updates: Vec<_> = gone.map(|summary| update(&summary)).collect();
    for updates in updates.chunks(500) {
        store.index(updates).await.unwrap();
    }
}

async fn a_part_is_swept_by_one_of_all_who_sweep(config: StoreConfig) {
    let stores = [connect(&config).await, connect(&config).await];
    put(&stores[0], &summary("shop", "alive", 0..=10)).await;
    let swept = futures::future::join_all(stores.iter().map(|store| store.sweep(NOW_MS))).await;
    let swept: Vec<Swept> = swept.into_iter().map(Result::unwrap).collect();
    let idle = swept.iter().filter(|swept| **swept == Swept::default());
    assert_eq!(idle.count(), 1, "{swept:?}");
    assert_eq!(stores[0].sweep(NOW_MS).await.unwrap(), Swept::default());
    assert_ne!(sweep(&stores[1], &config, NOW_MS).await, Swept::default());
}

async fn a_sweep_looks_at_no_more_than_a_part_and_the_next_ones_at_the_rest(config: StoreConfig) {
    let store = connect(&config).await;
    // One project with more agents than a part has lists, and many with few.
    let large = (0..2_500).map(|number| gone("large", number));
    let small = (0..150).map(|number| gone(&format!("small-{number:03}"), number));
    write(&store, large.chain(small)).await;
    put(&store, &summary("large", "alive", 0..=10)).await;
    let (mut lists, mut removed, mut sweeps) = (0, 0, 0);
    while removed < 2 * 2_650 {
        let swept = sweep(&store, &config, NOW_MS).await;
        assert!(swept.lists_checked <= LISTS_MAX, "{swept:?}");
        lists += swept.lists_checked;
        removed += swept.entries_removed;
        sweeps += 1;
        assert!(sweeps <= 6, "{lists} lists, {removed} entries");
    }
    assert!(lists >= 2_507 + 150 * 7, "{lists}");
    assert_eq!(store.projects().await.unwrap(), ["large"]);
}

async fn a_list_of_which_much_has_gone_is_swept_at_once(config: StoreConfig) {
    let store = connect(&config).await;
    let many = (0..5_000).map(|number| summary("shop", &number.to_string(), 0..=10));
    write(&store, many).await;
    let alive: BTreeSet<String> = ["10", "20"].map(str::to_owned).into();
    for id in &alive {
        put(&store, &summary("shop", id, 0..=10)).await;
    }
    for _ in 0..4 {
        sweep(&store, &config, NOW_MS).await;
    }
    let mut command = redis::cmd("ZCARD");
    let project = domain::ids::Digest::of(&[b"shop"]);
    command.arg(format!("{}:idx:{{{project}}}", config.key_prefix));
    let left: usize = raw(&config, &command).await;
    assert!((2..2_000).contains(&left), "{left}");
}

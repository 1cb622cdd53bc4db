//! Conversations that lose what stood in them: their places go back, or end.

use crate::support::{
    SECOND_NS, START_NS, connect, next, on_single_and_cluster, put, raw, summary, update,
};
use domain::view::Totals;
use store::{ListPage, ListQuery, Store, StoreConfig, Summary};

on_single_and_cluster!(
    one_whose_activity_went_back_stands_where_it_belongs,
    one_in_which_nothing_stands_is_not_listed_until_something_does,
    a_late_update_is_corrected_by_who_reads_the_list,
    a_late_update_of_one_that_was_emptied_does_not_bring_it_back,
    pages_stay_the_same_while_conversations_go_back,
    an_agent_that_takes_part_no_more_does_not_find_it,
    one_that_got_shorter_is_found_where_it_was_active,
);

fn all(limit: usize) -> ListQuery {
    ListQuery {
        limit,
        ..ListQuery::default()
    }
}

fn ids(page: &ListPage) -> Vec<&str> {
    let ids = page.rows.iter().map(|(_, summary)| &*summary.key.id);
    ids.collect()
}

async fn listed(store: &Store) -> String {
    ids(&store.list(&all(10)).await.unwrap()).join(" ")
}

/// The next version, active in other seconds.
fn active(summary: &Summary, seconds: std::ops::RangeInclusive<i64>) -> Summary {
    let mut next = next(summary);
    next.totals.started_ns = START_NS + seconds.start() * SECOND_NS;
    next.totals.last_activity_ns = START_NS + seconds.end() * SECOND_NS;
    next
}

fn emptied(summary: &Summary) -> Summary {
    Summary {
        totals: Totals {
            is_empty: true,
            ..Totals::default()
        },
        ..next(summary)
    }
}

/// How many conversations have a place in the list of the project.
async fn places(config: &StoreConfig, project: &str) -> usize {
    let mut command = redis::cmd("ZCARD");
    let project = domain::ids::Digest::of(&[project.as_bytes()]);
    command.arg(format!("{}:idx:{{{project}}}", config.key_prefix));
    raw(config, &command).await
}

async fn three(store: &Store) -> [Summary; 3] {
    let three = [("a", 10), ("b", 20), ("c", 30)];
    let three = three.map(|(id, end)| summary("shop", id, 0..=end));
    for summary in &three {
        put(store, summary).await;
    }
    three
}

async fn one_whose_activity_went_back_stands_where_it_belongs(config: StoreConfig) {
    let store = connect(&config).await;
    let [_, _, c] = three(&store).await;
    put(&store, &active(&c, 0..=15)).await;
    assert_eq!(listed(&store).await, "b c a");
    put(&store, &active(&active(&c, 0..=15), 0..=40)).await;
    assert_eq!(listed(&store).await, "c b a");
}

async fn one_in_which_nothing_stands_is_not_listed_until_something_does(config: StoreConfig) {
    let store = connect(&config).await;
    let [_, b, _] = three(&store).await;
    put(&store, &emptied(&b)).await;
    assert_eq!(listed(&store).await, "c a");
    assert_eq!(places(&config, "shop").await, 2);
    put(&store, &active(&emptied(&b), 0..=5)).await;
    assert_eq!(listed(&store).await, "c a");
    let again = Summary {
        totals: b.totals.clone(),
        ..next(&emptied(&b))
    };
    let again = next(&again);
    put(&store, &again).await;
    assert_eq!(listed(&store).await, "c b a");
    let never = emptied(&summary("bank", "never", 0..=1));
    put(
        &store,
        &Summary {
            version: 1,
            entries: 1,
            ..never
        },
    )
    .await;
    assert_eq!(store.projects().await.unwrap(), ["shop"]);
}

async fn a_late_update_is_corrected_by_who_reads_the_list(config: StoreConfig) {
    let store = connect(&config).await;
    let [_, _, c] = three(&store).await;
    put(&store, &active(&c, 0..=15)).await;
    store.index(&[update(&c)]).await.unwrap();
    assert_eq!(
        listed(&store).await,
        "c b a",
        "where the late update put it"
    );
    assert_eq!(listed(&store).await, "b c a", "where it belongs");
}

async fn a_late_update_of_one_that_was_emptied_does_not_bring_it_back(config: StoreConfig) {
    let store = connect(&config).await;
    let [_, _, c] = three(&store).await;
    put(&store, &emptied(&c)).await;
    store.index(&[update(&c)]).await.unwrap();
    assert_eq!(places(&config, "shop").await, 3);
    assert_eq!(listed(&store).await, "b a");
    assert_eq!(places(&config, "shop").await, 2, "it has lost its place");
}

async fn pages_stay_the_same_while_conversations_go_back(config: StoreConfig) {
    let store = connect(&config).await;
    let mut written = Vec::new();
    for n in 0..12 {
        let summary = summary("shop", &format!("{n:02}"), 0..=1_000 - n);
        put(&store, &summary).await;
        written.push(summary);
    }
    let first = store.list(&all(4)).await.unwrap();
    assert_eq!(ids(&first), ["00", "01", "02", "03"]);
    // One that was listed comes after the page, one that is still to come goes to the end, one goes altogether.
    for (n, end) in [(1, 500), (5, 400)] {
        put(&store, &active(&written[n], 0..=end)).await;
    }
    put(&store, &emptied(&written[7])).await;
    let mut rest = Vec::new();
    let mut after = first.scanned_to;
    loop {
        let page = store.list(&ListQuery { after, ..all(4) }).await.unwrap();
        rest.extend(ids(&page).into_iter().map(str::to_owned));
        if !page.has_more {
            break;
        }
        after = page.scanned_to;
    }
    assert_eq!(rest, ["04", "05", "06", "08", "09", "10", "11"]);
}

async fn an_agent_that_takes_part_no_more_does_not_find_it(config: StoreConfig) {
    let store = connect(&config).await;
    let [_, b, _] = three(&store).await;
    let of_planner = ListQuery {
        agents: vec!["planner".to_owned()],
        ..all(10)
    };
    assert_eq!(
        ids(&store.list(&of_planner).await.unwrap()),
        ["c", "b", "a"]
    );
    let mut without = next(&b);
    without.totals.agents = vec!["writer".to_owned()];
    put(&store, &without).await;
    for _ in 0..2 {
        assert_eq!(ids(&store.list(&of_planner).await.unwrap()), ["c", "a"]);
    }
    put(
        &store,
        &Summary {
            totals: b.totals.clone(),
            ..next(&without)
        },
    )
    .await;
    assert_eq!(
        ids(&store.list(&of_planner).await.unwrap()),
        ["c", "b", "a"]
    );
}

async fn one_that_got_shorter_is_found_where_it_was_active(config: StoreConfig) {
    const DAY: i64 = 24 * 3_600;
    let store = connect(&config).await;
    let long = summary("shop", "long", 0..=DAY);
    put(&store, &long).await;
    put(&store, &active(&long, 0..=30)).await;
    let up_to = |seconds: i64| ListQuery {
        to_ns: Some(START_NS + seconds * SECOND_NS),
        ..all(10)
    };
    assert_eq!(ids(&store.list(&up_to(10)).await.unwrap()), ["long"]);
    put(&store, &active(&active(&long, 0..=30), 20..=2 * DAY)).await;
    assert_eq!(ids(&store.list(&up_to(10)).await.unwrap()), [""; 0]);
    assert_eq!(ids(&store.list(&up_to(25)).await.unwrap()), ["long"]);
}

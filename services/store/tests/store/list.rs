//! Lists are in order, filtered, and the same from the first page to the last.

use crate::support::{
    Random, SECOND_NS, START_NS, connect, damage, eventually, next, on_single_and_cluster, put,
    summary, update,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Error, ListPage, ListQuery, Store, StoreConfig, Summary};

on_single_and_cluster!(
    newest_activity_comes_first_across_projects,
    pages_follow_each_other,
    conversations_of_one_moment_are_all_listed,
    agents_narrow_the_list,
    a_time_range_finds_what_was_active_in_it,
    pages_stay_the_same_while_conversations_move,
    pages_stay_the_same_under_concurrent_traffic,
    an_old_cursor_goes_on_by_present_places,
    beyond_what_is_noted_present_places_are_given,
    expired_conversations_leave_the_lists_when_met,
    many_projects_are_merged,
    one_that_cannot_be_read_does_not_hide_the_others,
);

fn all(limit: usize) -> ListQuery {
    ListQuery {
        limit,
        ..ListQuery::default()
    }
}

fn ids(page: &ListPage) -> Vec<String> {
    page.rows
        .iter()
        .map(|(_, summary)| summary.key.id.clone())
        .collect()
}

/// Every page of the query, one after the other.
async fn pages(store: &Store, mut query: ListQuery) -> Vec<String> {
    let mut listed = Vec::new();
    loop {
        let page = store.list(&query).await.unwrap();
        listed.extend(ids(&page));
        if !page.has_more {
            return listed;
        }
        query.after = page.scanned_to;
    }
}

async fn newest_activity_comes_first_across_projects(config: StoreConfig) {
    let store = connect(&config).await;
    for (project, id, end) in [
        ("shop", "a", 10),
        ("bank", "b", 30),
        ("shop", "c", 20),
        ("bank", "d", 5),
    ] {
        put(&store, &summary(project, id, 0..=end)).await;
    }
    assert_eq!(
        ids(&store.list(&all(10)).await.unwrap()),
        ["b", "c", "a", "d"]
    );
    assert_eq!(store.projects().await.unwrap(), ["bank", "shop"]);
    let shop = ListQuery {
        projects: Some(vec!["shop".into()]),
        ..all(10)
    };
    assert_eq!(ids(&store.list(&shop).await.unwrap()), ["c", "a"]);
    put(
        &store,
        &Summary {
            totals: summary("shop", "a", 0..=60).totals,
            ..next(&summary("shop", "a", 0..=10))
        },
    )
    .await;
    assert_eq!(
        ids(&store.list(&all(10)).await.unwrap()),
        ["a", "b", "c", "d"]
    );
    let nowhere = ListQuery {
        projects: Some(vec![]),
        ..all(10)
    };
    assert_eq!(store.list(&nowhere).await.unwrap(), ListPage::default());
}

async fn pages_follow_each_other(config: StoreConfig) {
    let store = connect(&config).await;
    let mut expected = Vec::new();
    for n in 0..50 {
        let project = ["shop", "bank", "lab"][n % 3];
        let id = format!("c-{n:02}");
        put(&store, &summary(project, &id, 0..=1_000 - n as i64)).await;
        expected.push(id);
    }
    for limit in [1, 3, 7, 49, 50, 51, 1_000] {
        assert_eq!(
            pages(&store, all(limit)).await,
            expected,
            "pages of {limit}"
        );
    }
}

async fn conversations_of_one_moment_are_all_listed(config: StoreConfig) {
    let store = connect(&config).await;
    let all_at_once: Vec<Summary> = (0..700)
        .map(|n| summary("shop", &format!("c-{n}"), 0..=10))
        .collect();
    for summary in &all_at_once {
        put(&store, summary).await;
    }
    let expected: BTreeSet<String> = all_at_once
        .into_iter()
        .map(|summary| summary.key.id)
        .collect();
    let listed = pages(&store, all(99)).await;
    assert_eq!(listed.len(), expected.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

async fn agents_narrow_the_list(config: StoreConfig) {
    let store = connect(&config).await;
    for (id, end, agents) in [
        ("a", 10, vec!["x"]),
        ("b", 20, vec!["x", "y"]),
        ("c", 30, vec!["y"]),
        ("d", 40, vec![]),
    ] {
        let mut summary = summary("shop", id, 0..=end);
        summary.totals.agents = agents.into_iter().map(str::to_owned).collect();
        put(&store, &summary).await;
    }
    let with = |agents: &[&str]| ListQuery {
        agents: agents.iter().map(|agent| agent.to_string()).collect(),
        ..all(1)
    };
    assert_eq!(pages(&store, with(&["x"])).await, ["b", "a"]);
    assert_eq!(
        pages(&store, with(&["x", "y"])).await,
        ["c", "b", "a"],
        "any of them, each conversation once"
    );
    assert_eq!(pages(&store, with(&["z"])).await, [""; 0]);
}

async fn a_time_range_finds_what_was_active_in_it(config: StoreConfig) {
    const DAY: i64 = 24 * 3_600;
    let store = connect(&config).await;
    let mut random = Random::new(7);
    let mut written = Vec::new();
    for n in 0..150 {
        // From seconds to weeks, so that every class of duration is there.
        let duration = 1 << random.below(21);
        let start = random.below(20 * DAY as u64) as i64;
        let mut summary = summary(
            ["shop", "bank"][n % 2],
            &format!("c-{n}"),
            start..=start + duration,
        );
        summary.totals.agents = vec![["x", "y"][n % 3 % 2].to_owned()];
        put(&store, &summary).await;
        written.push(summary);
    }
    for _ in 0..40 {
        let from = random.below(22 * DAY as u64) as i64 - DAY;
        let to = from + random.below(3 * DAY as u64) as i64;
        let (from_ns, to_ns) = (START_NS + from * SECOND_NS, START_NS + to * SECOND_NS);
        for agents in [vec![], vec!["x".to_owned()]] {
            let query = ListQuery {
                from_ns: Some(from_ns),
                to_ns: Some(to_ns),
                agents: agents.clone(),
                ..all(5)
            };
            let expected: BTreeSet<String> = written
                .iter()
                .filter(|summary| {
                    summary.totals.started_ns < to_ns && summary.totals.last_activity_ns >= from_ns
                })
                .filter(|summary| agents.is_empty() || summary.totals.agents == agents)
                .map(|summary| summary.key.id.clone())
                .collect();
            let listed = pages(&store, query).await;
            assert_eq!(listed.len(), expected.len(), "{from}..{to}");
            assert_eq!(
                listed.into_iter().collect::<BTreeSet<_>>(),
                expected,
                "{from}..{to}"
            );
        }
    }
}

/// Conversations that change at random, and what they were when a listing began.
struct Traffic {
    random: Random,
    newest: i64,
    conversations: BTreeMap<String, Summary>,
}

impl Traffic {
    fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            newest: 1_000,
            conversations: BTreeMap::new(),
        }
    }

    async fn add(&mut self, store: &Store, end: i64) {
        let n = self.conversations.len();
        let mut summary = summary(
            ["shop", "bank", "lab"][n % 3],
            &format!("c-{n:03}"),
            0..=end,
        );
        summary.totals.agents = vec![["x", "y"][self.random.below(2) as usize].to_owned()];
        put(store, &summary).await;
        self.conversations.insert(summary.key.id.clone(), summary);
    }

    async fn step(&mut self, store: &Store) {
        let known = self.conversations.len() as u64;
        match self.random.below(10) {
            0 => {
                let end = self.random.below(1_000) as i64;
                self.add(store, end).await;
            }
            1 => {
                self.newest += 1;
                self.add(store, self.newest).await;
            }
            choice => {
                let id = format!("c-{:03}", self.random.below(known));
                let old = self.conversations[&id].clone();
                let mut new = next(&old);
                if choice < 8 {
                    self.newest += 1;
                    new.totals.last_activity_ns = START_NS + self.newest * SECOND_NS;
                } else if choice == 8 {
                    // What was active last has moved to another conversation.
                    let end = self.random.below(1_000) as i64;
                    new.totals.last_activity_ns = START_NS + end * SECOND_NS;
                }
                put(store, &new).await;
                if choice == 3 {
                    store.index(&[update(&old)]).await.unwrap();
                }
                self.conversations.insert(id, new);
            }
        }
    }
}

async fn pages_stay_the_same_while_conversations_move(config: StoreConfig) {
    let store = connect(&config).await;
    for seed in 0..6 {
        let mut traffic = Traffic::new(seed);
        let prefix = StoreConfig {
            key_prefix: format!("{}-{seed}", config.key_prefix),
            ..config.clone()
        };
        let store = if seed == 0 {
            store.clone()
        } else {
            connect(&prefix).await
        };
        for n in 0..60 {
            traffic.add(&store, n * 10).await;
        }
        for round in 0..3 {
            let agents = if round == 1 {
                vec!["x".to_owned()]
            } else {
                vec![]
            };
            let to_ns = (round == 2).then_some(START_NS + 1_000_000 * SECOND_NS);
            let expected: Vec<String> = pages(
                &store,
                ListQuery {
                    agents: agents.clone(),
                    ..all(1_000)
                },
            )
            .await;
            let mut query = ListQuery {
                agents,
                to_ns,
                ..all(7)
            };
            let mut listed = Vec::new();
            loop {
                let page = store.list(&query).await.unwrap();
                listed.extend(ids(&page));
                if !page.has_more {
                    break;
                }
                query.after = page.scanned_to;
                for _ in 0..8 {
                    traffic.step(&store).await;
                }
            }
            assert_eq!(listed, expected, "seed {seed}, round {round}");
        }
    }
}

async fn pages_stay_the_same_under_concurrent_traffic(config: StoreConfig) {
    let store = connect(&config).await;
    let mut traffic = Traffic::new(99);
    for n in 0..200 {
        traffic.add(&store, n * 10).await;
    }
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    IS_OVER.store(false, Ordering::Relaxed);
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            while !IS_OVER.load(Ordering::Relaxed) {
                traffic.step(&store).await;
            }
        }
    });
    let before: BTreeSet<String> = (0..200).map(|n| format!("c-{n:03}")).collect();
    for limit in [3, 10, 25] {
        let listed = pages(&store, all(limit)).await;
        let distinct: BTreeSet<String> = listed.iter().cloned().collect();
        assert_eq!(distinct.len(), listed.len(), "none twice");
        assert!(
            before.is_subset(&distinct),
            "missing: {:?}",
            before.difference(&distinct).collect::<Vec<_>>()
        );
    }
    IS_OVER.store(true, Ordering::Relaxed);
    writer.await.unwrap();
}

async fn an_old_cursor_goes_on_by_present_places(config: StoreConfig) {
    let store = connect(&StoreConfig {
        page_ttl_ms: 50,
        ..config
    })
    .await;
    for n in 0..6 {
        put(&store, &summary("shop", &format!("c-{n}"), 0..=100 - n)).await;
    }
    let first = store.list(&all(2)).await.unwrap();
    assert_eq!(ids(&first), ["c-0", "c-1"]);
    let moved = Summary {
        totals: summary("shop", "c-3", 0..=500).totals,
        ..next(&summary("shop", "c-3", 0..=97))
    };
    put(&store, &moved).await;
    let rest = ListQuery {
        after: first.scanned_to,
        ..all(2)
    };
    // The one that moved is missed once its former place is forgotten; none comes twice.
    eventually("present places are given", || async {
        pages(&store, rest.clone()).await == ["c-2", "c-4", "c-5"]
    })
    .await;
}

async fn beyond_what_is_noted_present_places_are_given(config: StoreConfig) {
    let store = connect(&StoreConfig {
        noted_places_max: 10,
        ..config
    })
    .await;
    let written: Vec<Summary> = (0..40)
        .map(|n| summary("shop", &format!("c-{n:02}"), 0..=100 - n))
        .collect();
    for summary in &written {
        put(&store, summary).await;
    }
    let first = store.list(&all(5)).await.unwrap();
    let mut moved = BTreeSet::new();
    for (n, old) in written.iter().enumerate().skip(10).take(20) {
        let new = Summary {
            totals: summary("shop", "", 0..=1_000 + n as i64).totals,
            ..next(old)
        };
        put(&store, &new).await;
        moved.insert(old.key.id.clone());
    }
    let rest = pages(
        &store,
        ListQuery {
            after: first.scanned_to,
            ..all(5)
        },
    )
    .await;
    let still_there: Vec<String> = written
        .iter()
        .skip(5)
        .map(|summary| summary.key.id.clone())
        .filter(|id| !moved.contains(id))
        .collect();
    assert_eq!(rest, still_there, "none comes twice");
    // A listing that begins now is consistent again.
    let expected = pages(&store, all(1_000)).await;
    let first = store.list(&all(5)).await.unwrap();
    let new = Summary {
        totals: summary("shop", "", 0..=2_000).totals,
        ..next(&written[39])
    };
    put(&store, &new).await;
    let rest = pages(
        &store,
        ListQuery {
            after: first.scanned_to,
            ..all(5)
        },
    )
    .await;
    assert_eq!([ids(&first), rest].concat(), expected);
}

async fn one_that_cannot_be_read_does_not_hide_the_others(config: StoreConfig) {
    let store = connect(&config).await;
    for n in 0..3 {
        put(&store, &summary("shop", &format!("c-{n}"), 0..=100 - n)).await;
    }
    let unreadable = summary("shop", "c-1", 0..=99);
    damage(&config, &unreadable).await;
    assert_eq!(pages(&store, all(1)).await, ["c-0", "c-2"]);
    assert_eq!(
        store.summaries(&[unreadable.key.digest()]).await.unwrap(),
        [None]
    );
    assert!(matches!(
        store.load(&unreadable.key, 0).await,
        Err(Error::Corrupt { .. })
    ));
    store.remove(&unreadable.key).await.unwrap();
    assert_eq!(store.load(&unreadable.key, 0).await.unwrap(), None);
}

async fn expired_conversations_leave_the_lists_when_met(config: StoreConfig) {
    let short = connect(&StoreConfig {
        retention_ms: 200,
        ..config.clone()
    })
    .await;
    let store = connect(&config).await;
    put(&short, &summary("shop", "short", 0..=50)).await;
    put(&store, &summary("shop", "long", 0..=10)).await;
    eventually("the conversation expires", || async {
        store.list(&all(10)).await.unwrap().rows.len() == 1
    })
    .await;
    let page = store.list(&all(1)).await.unwrap();
    assert_eq!(
        (ids(&page), page.has_more),
        (vec!["long".to_owned()], false)
    );
}

async fn many_projects_are_merged(config: StoreConfig) {
    let store = connect(&config).await;
    let mut expected = Vec::new();
    for n in 0..120 {
        let id = format!("c-{n:03}");
        put(
            &store,
            &summary(&format!("project-{}", n % 40), &id, 0..=1_000 - n),
        )
        .await;
        expected.push(id);
    }
    assert_eq!(pages(&store, all(9)).await, expected);
    assert_eq!(pages(&store, all(1_000)).await, expected);
}

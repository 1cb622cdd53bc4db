//! Lists are in order, filtered, and the same from the first page to the last.

use crate::support::{connect, next, on_single_and_cluster, put, summary};
use store::{ListPage, ListQuery, Store, StoreConfig, Summary};

on_single_and_cluster!(
    newest_activity_comes_first_across_projects,
    pages_follow_each_other
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

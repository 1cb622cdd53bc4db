//! What is due is found, whatever the order in which updates arrive.

use crate::support::{
    connect, entry, key, next, on_single_and_cluster, on_stored, open_window, overwrite, put, raw,
    summary, summary_key, update, written,
};
use domain::window::Windows;
use store::{Store, StoreConfig, Summary};

const GAP_MS: i64 = 100;

on_single_and_cluster!(
    a_window_is_due_a_gap_after_its_last_record,
    a_revision_is_due_until_it_is_published,
    revisions_that_wait_hide_no_window,
    a_revision_is_found_by_the_entry_of_its_window,
    a_late_repetition_of_an_older_update_changes_nothing,
    entries_of_conversations_that_are_gone_do_not_hide_others,
    at_most_the_limit_is_given_and_the_rest_later,
    one_that_cannot_be_read_does_not_hide_the_others,
    a_key_of_another_type_does_not_hide_the_others,
    what_a_newer_version_has_written_stays_due_for_it,
    one_that_falls_back_after_its_entry_was_corrected_is_found_again,
);

fn with_window(id: &str, last_ms: i64) -> Summary {
    Summary {
        windows: open_window(last_ms),
        ..summary("shop", id, 0..=1)
    }
}

/// The next version, in which the window has closed.
fn closed(open: &Summary) -> Summary {
    Summary {
        windows: Windows {
            revision: 1,
            closed_at_ms: Some(1_100),
            ..Windows::default()
        },
        ..next(open)
    }
}

async fn due_ids(store: &Store, watermark_ms: i64, limit: usize) -> Vec<String> {
    store
        .due(watermark_ms, GAP_MS, limit)
        .await
        .unwrap()
        .into_iter()
        .map(|key| key.id)
        .collect()
}

async fn unpublished_ids(store: &Store, limit: usize) -> Vec<String> {
    let unpublished = store.unpublished(limit).await.unwrap();
    unpublished.into_iter().map(|key| key.id).collect()
}

async fn a_window_is_due_a_gap_after_its_last_record(config: StoreConfig) {
    let store = connect(&config).await;
    let first = with_window("a", 1_000);
    put(&store, &first).await;
    put(&store, &with_window("b", 500)).await;
    assert_eq!(due_ids(&store, 599, 10).await, [""; 0]);
    assert_eq!(due_ids(&store, 1_099, 10).await, ["b"]);
    assert_eq!(due_ids(&store, 1_100, 10).await, ["b", "a"]);
    assert_eq!(
        due_ids(&store, 1_100, 10).await,
        ["b", "a"],
        "asking changes nothing"
    );

    let prolonged = Summary {
        windows: open_window(2_000),
        ..next(&first)
    };
    put(&store, &prolonged).await;
    assert_eq!(due_ids(&store, 1_100, 10).await, ["b"]);
    assert_eq!(due_ids(&store, 2_100, 10).await, ["b", "a"]);
}

async fn a_revision_is_due_until_it_is_published(config: StoreConfig) {
    let store = connect(&config).await;
    let open = with_window("a", 1_000);
    put(&store, &open).await;
    let closed = closed(&open);
    put(&store, &closed).await;
    assert_eq!(unpublished_ids(&store, 10).await, ["a"]);
    assert_eq!(store.unpublished_count().await.unwrap(), 1);
    assert_eq!(
        due_ids(&store, i64::MAX, 10).await,
        [""; 0],
        "its windows wait for it"
    );
    put(
        &store,
        &Summary {
            published_revision: 1,
            ..next(&closed)
        },
    )
    .await;
    assert_eq!(due_ids(&store, i64::MAX, 10).await, [""; 0]);
    assert_eq!(unpublished_ids(&store, 10).await, [""; 0]);
    assert_eq!(store.unpublished_count().await.unwrap(), 0);
}

/// A topic that takes nothing lets revisions pile up.
async fn revisions_that_wait_hide_no_window(config: StoreConfig) {
    let store = connect(&config).await;
    for n in 0..300 {
        let open = with_window(&format!("c-{n}"), 1_000);
        put(&store, &open).await;
        put(&store, &closed(&open)).await;
    }
    put(&store, &with_window("open", 2_000)).await;
    assert_eq!(due_ids(&store, 2_100, 1).await, ["open"]);
    assert_eq!(unpublished_ids(&store, 64).await.len(), 64);
}

/// The process that closed it died before it wrote the index.
async fn a_revision_is_found_by_the_entry_of_its_window(config: StoreConfig) {
    let store = connect(&config).await;
    let open = with_window("a", 1_000);
    put(&store, &open).await;
    let closed = Summary {
        entries: open.entries,
        ..closed(&open)
    };
    let closed = on_stored(&store, &closed).await;
    written(store.commit(&closed, None).await);
    assert_eq!(unpublished_ids(&store, 10).await, [""; 0], "not yet");
    assert_eq!(due_ids(&store, 5_000, 10).await, [""; 0]);
    assert_eq!(unpublished_ids(&store, 10).await, ["a"]);
}

async fn a_late_repetition_of_an_older_update_changes_nothing(config: StoreConfig) {
    let store = connect(&config).await;
    let old = Summary {
        windows: Windows {
            revision: 1,
            closed_at_ms: Some(50),
            ..Windows::default()
        },
        ..summary("shop", "a", 0..=1)
    };
    let old = Summary {
        published_revision: 1,
        ..old
    };
    put(&store, &old).await;
    let reopened = Summary {
        windows: open_window(1_000),
        ..next(&old)
    };
    put(&store, &reopened).await;
    store.index(&[update(&old)]).await.unwrap();
    assert_eq!(due_ids(&store, 1_100, 10).await, ["a"]);
    let earlier = Summary {
        windows: open_window(700),
        ..next(&reopened)
    };
    put(&store, &earlier).await;
    store.index(&[update(&reopened)]).await.unwrap();
    assert_eq!(due_ids(&store, 800, 10).await, ["a"]);
}

async fn entries_of_conversations_that_are_gone_do_not_hide_others(config: StoreConfig) {
    let store = connect(&config).await;
    for n in 0..600 {
        store
            .index(&[update(&with_window(&format!("gone-{n}"), 10))])
            .await
            .unwrap();
    }
    put(&store, &with_window("a", 1_000)).await;
    assert_eq!(due_ids(&store, 5_000, 10).await, ["a"]);
    store.remove(&key("shop", "a")).await.unwrap();
    assert_eq!(due_ids(&store, 5_000, 10).await, [""; 0]);
}

async fn at_most_the_limit_is_given_and_the_rest_later(config: StoreConfig) {
    let store = connect(&config).await;
    for n in 0..20 {
        put(&store, &with_window(&format!("c-{n:02}"), 100 + n)).await;
    }
    assert_eq!(due_ids(&store, 5_000, 3).await, ["c-00", "c-01", "c-02"]);
    assert_eq!(due_ids(&store, 5_000, 100).await.len(), 20);
}

async fn one_that_cannot_be_read_does_not_hide_the_others(config: StoreConfig) {
    let store = connect(&config).await;
    put(&store, &with_window("a", 1_000)).await;
    put(&store, &with_window("b", 1_001)).await;
    crate::support::damage(&config, &with_window("a", 1_000)).await;
    assert_eq!(due_ids(&store, 5_000, 1).await, ["b"]);
}

async fn a_key_of_another_type_does_not_hide_the_others(config: StoreConfig) {
    let store = connect(&config).await;
    let first = with_window("a", 1_000);
    put(&store, &first).await;
    put(&store, &with_window("b", 1_001)).await;
    let key = summary_key(&config, &first);
    raw::<redis::Value>(&config, redis::cmd("SET").arg(&key).arg("mine")).await;
    assert_eq!(due_ids(&store, 5_000, 1).await, ["b"]);
    let refused = store.commit(&next(&first), Some(&entry("hello"))).await;
    assert_eq!(refused.unwrap_err().remedy(), store::Remedy::SetApart);
}

async fn what_a_newer_version_has_written_stays_due_for_it(config: StoreConfig) {
    let store = connect(&config).await;
    let first = with_window("a", 1_000);
    put(&store, &first).await;
    put(&store, &with_window("b", 1_001)).await;
    let stored = overwrite(&config, &first, b"9 of the future").await;
    let refused = store.load(&first.key, 0).await.unwrap_err();
    assert_eq!(refused.remedy(), store::Remedy::Upgrade, "{refused}");
    assert_eq!(due_ids(&store, 5_000, 10).await, ["b"]);
    assert_eq!(due_ids(&store, 5_000, 10).await, ["b"]);
    overwrite(&config, &first, &stored).await;
    assert_eq!(due_ids(&store, 5_000, 10).await, ["a", "b"]);
}

async fn one_that_falls_back_after_its_entry_was_corrected_is_found_again(config: StoreConfig) {
    let store = connect(&config).await;
    let open = with_window("a", 1_000);
    put(&store, &open).await;
    let closed = Summary {
        published_revision: 1,
        ..closed(&open)
    };
    put(&store, &closed).await;
    assert_eq!(due_ids(&store, 5_000, 10).await, [""; 0]);

    // Its primary loses the closing; the index, on another one, keeps what was corrected for it.
    store.remove(&open.key).await.unwrap();
    let _ = store.commit(&open, Some(&entry("hello"))).await.unwrap();
    assert_eq!(due_ids(&store, 5_000, 10).await, [""; 0], "not yet");
    let prefix = &config.key_prefix;
    let mut command = redis::cmd("ZADD");
    command.arg(format!("{prefix}:settled:{{{prefix}:due}}"));
    // As if the correction had been made long ago.
    command.arg("XX").arg(1).arg(open.key.digest().to_string());
    raw::<redis::Value>(&config, &command).await;
    assert_eq!(due_ids(&store, 5_000, 10).await, ["a"]);
}

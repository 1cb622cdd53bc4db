//! Search in messages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::dialogue::{assistant, chat, system, tool, user};
use crate::support::gateway::{Gateway, World};

const SEARCH: &str = "query($first: Int, $after: String, $search: String) {
    conversations(first: $first, after: $after, filter: {search: $search}) {
        nodes { id }
        pageInfo { hasNextPage endCursor }
        lookedBackTo
    }
}";

/// Follows the pages to the end.
async fn search(gateway: &Gateway, words: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({"first": 2, "after": after, "search": words});
        let page = gateway.query(SEARCH, variables).await["conversations"].clone();
        for node in page["nodes"].as_array().expect("nodes") {
            assert!(found.insert(node["id"].as_str().expect("an id").to_owned()));
        }
        if page["pageInfo"]["hasNextPage"] == false {
            return found;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

async fn fill(world: &World) {
    let history = [system("You sell tents."), user("Where is my ORDER 4711?")];
    let first = chat(1, 1, &history, assistant("It is in Österreich."));
    world.writer("shop", "order").write([first]).await;
    let second = chat(2, 2, &[user("Do you sell tents?")], assistant("We do."));
    world.writer("shop", "tents").write([second]).await;
    let looked_up = tool(3, 3, "track", "k", json!({"parcel": "in Graz"}));
    world.writer("shop", "parcel").write([looked_up]).await;
}

#[tokio::test]
async fn all_words_have_to_occur_in_the_messages_in_any_case_and_order() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    fill(&world).await;
    for (words, expected) in [
        ("order", vec!["order"]),
        ("österreich 4711", vec!["order"]),
        ("ÖSTERREICH Order", vec!["order"]),
        ("sell tents", vec!["tents"]),
        ("graz", vec!["parcel"]),
        ("order tents", vec![]),
        ("", vec!["order", "tents", "parcel"]),
    ] {
        let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(search(&gateway, words).await, expected, "{words:?}");
    }
}

#[tokio::test]
async fn a_search_without_time_still_comes_to_the_end_page_by_page() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.limits.search_budget_ms = 0)
        .await;
    fill(&world).await;
    let variables = json!({"search": "where österreich"});
    let page = gateway.query(SEARCH, variables).await["conversations"].clone();
    assert_eq!(page["nodes"], json!([]), "the match is the oldest");
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    assert!(page["pageInfo"]["endCursor"].is_string());
    let parcel = "{ conversation(project: \"shop\", id: \"parcel\") { lastActivityAt } }";
    let parcel = gateway.query(parcel, json!({})).await;
    assert_eq!(
        page["lookedBackTo"], parcel["conversation"]["lastActivityAt"],
        "only the newest was looked at"
    );
    assert_eq!(search(&gateway, "where österreich").await.len(), 1);
}

//! The list: its order, its pages while traffic arrives, its filters, its facets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::dialogue::{assistant, chat, failed, tool, turns, user};
use crate::support::gateway::{Gateway, World};
use domain::span::{Span, User};

const PAGE: &str = "query($first: Int, $after: String, $filter: ConversationFilter) {
    conversations(first: $first, after: $after, filter: $filter) {
        edges { cursor node { id } }
        nodes { id project }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

async fn page(gateway: &Gateway, variables: Value) -> Value {
    gateway.query(PAGE, variables).await["conversations"].clone()
}

fn ids(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().expect("nodes");
    nodes
        .iter()
        .map(|node| node["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn filtered(gateway: &Gateway, filter: Value) -> BTreeSet<String> {
    let page = page(gateway, json!({"filter": filter})).await;
    ids(&page).into_iter().collect()
}

/// One call at that second of the story.
fn at(second: u64) -> Span {
    chat(second as u8 + 1, second, &[user("hello")], assistant("hi"))
}

#[tokio::test]
async fn the_newest_activity_comes_first_and_an_empty_list_is_empty() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let empty = page(&gateway, json!({})).await;
    assert_eq!(empty["nodes"], json!([]));
    assert_eq!(
        empty["pageInfo"],
        json!({"hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null})
    );
    for second in [3, 1, 2] {
        let id = format!("c{second}");
        world.writer("shop", &id).write([at(second)]).await;
    }
    let all = page(&gateway, json!({})).await;
    assert_eq!(ids(&all), ["c3", "c2", "c1"]);
    assert_eq!(all["edges"][0]["cursor"], all["pageInfo"]["startCursor"]);
    assert_eq!(all["edges"][2]["cursor"], all["pageInfo"]["endCursor"]);
    assert_eq!(all["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn no_row_repeats_or_vanishes_while_traffic_arrives() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut writers = Vec::new();
    for second in 0..25u64 {
        let mut writer = world.writer("shop", &format!("c{second}"));
        writer.write([at(second)]).await;
        writers.push(writer);
    }
    let mut seen = Vec::new();
    let mut after = Value::Null;
    for round in 0u64.. {
        let page = page(&gateway, json!({"first": 4, "after": after})).await;
        seen.extend(ids(&page));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
        // A new conversation, and an old one that moves to the top, before the next page is asked for.
        let now = 1_000 + round;
        let new = chat(200, now, &[user("new")], assistant("yes"));
        world
            .writer("shop", &format!("new{round}"))
            .write([new])
            .await;
        let moved = chat(201, now, &[user("more")], assistant("yes"));
        let position = (round as usize * 7) % writers.len();
        writers[position].write([moved]).await;
    }
    let mut expected: Vec<String> = (0..25).map(|second| format!("c{second}")).collect();
    let mut found: Vec<String> = seen
        .iter()
        .filter(|id| !id.starts_with("new"))
        .cloned()
        .collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(
        found, expected,
        "every row of the beginning, once: {seen:?}"
    );
}

/// Four conversations that differ in everything.
async fn varied(world: &World) {
    let plain = turns(1, 2);
    world.writer("shop", "plain").write(plain).await;
    let mut rich = chat(2, 100, &[user("hello")], assistant("hi"));
    rich.agent = Some("router".to_owned());
    rich.request_model = Some("claude-test".to_owned());
    rich.environment = Some("prod".to_owned());
    rich.user = User {
        email: Some("ada@example.com".to_owned()),
        ..User::default()
    };
    rich.reported_cost.as_mut().expect("a cost").total = 3_000_000_000;
    let mut writer = world.writer("shop", "rich");
    writer.write([rich]).await;
    writer.finalise().await;
    let broken = failed(tool(3, 200, "lookup", "k1", json!(null)));
    world.writer("bank", "broken").write([broken]).await;
    world.writer("bank", "late").write([at(5_000)]).await;
}

#[tokio::test]
async fn every_filter_finds_what_it_names() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    varied(&world).await;
    for (filter, expected) in [
        (json!({}), vec!["plain", "rich", "broken", "late"]),
        (json!({"projects": ["bank"]}), vec!["broken", "late"]),
        (json!({"projects": []}), vec![]),
        (json!({"projects": ["nobody's"]}), vec![]),
        (json!({"agents": ["router", "other"]}), vec!["rich"]),
        (json!({"models": ["claude-test"]}), vec!["rich"]),
        (json!({"tools": ["lookup"]}), vec!["broken"]),
        (json!({"users": ["ada@example.com"]}), vec!["rich"]),
        (json!({"environments": ["prod"]}), vec!["rich"]),
        (json!({"status": "FINALIZED"}), vec!["rich"]),
        (json!({"status": "OPEN"}), vec!["plain", "broken", "late"]),
        (json!({"hasErrors": true}), vec!["broken"]),
        (json!({"hasErrors": false}), vec!["plain", "rich", "late"]),
        (json!({"minCost": 2.5}), vec!["rich"]),
        (
            json!({"minCost": 0.02, "projects": ["shop"]}),
            vec!["plain", "rich"],
        ),
        (json!({"from": "2026-11-23T07:00:00Z"}), vec!["late"]),
        (json!({"to": "2026-11-23T06:00:30Z"}), vec!["plain"]),
        (
            json!({"from": "2026-11-23T06:01:00Z", "to": "2026-11-23T06:02:00Z"}),
            vec!["rich"],
        ),
        (json!({"agents": ["router"], "hasErrors": true}), vec![]),
    ] {
        let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(
            filtered(&gateway, filter.clone()).await,
            expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn pages_of_a_filter_that_no_index_answers_are_complete_too() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    for second in 0..30u64 {
        let call = at(second);
        let call = if second % 3 == 0 { failed(call) } else { call };
        world
            .writer("shop", &format!("c{second}"))
            .write([call])
            .await;
    }
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({"first": 3, "after": after, "filter": {"hasErrors": true}});
        let page = page(&gateway, variables).await;
        seen.extend(ids(&page));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    let expected: Vec<String> = (0..10)
        .rev()
        .map(|third| format!("c{}", third * 3))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused_with_a_reason() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.writer("shop", "a").write([at(1)]).await;
    world.writer("shop", "b").write([at(2)]).await;
    let first = page(&gateway, json!({"first": 1})).await;
    let cursor = first["pageInfo"]["endCursor"].clone();
    for (variables, code) in [
        (json!({"first": 0}), "BAD_USER_INPUT"),
        (json!({"first": 201}), "BAD_USER_INPUT"),
        (json!({"first": -1}), "BAD_USER_INPUT"),
        (json!({"after": "nonsense"}), "CURSOR_INVALID"),
        (json!({"after": ""}), "CURSOR_INVALID"),
        (
            json!({"after": cursor, "filter": {"hasErrors": false}}),
            "CURSOR_INVALID",
        ),
        (json!({"filter": {"from": "yesterday"}}), "BAD_USER_INPUT"),
        (
            json!({"filter": {"from": "2026-11-23T07:00:00Z", "to": "2026-11-23T06:00:00Z"}}),
            "BAD_USER_INPUT",
        ),
    ] {
        assert_eq!(
            gateway.error(PAGE, variables.clone()).await,
            code,
            "{variables}"
        );
    }
}

#[tokio::test]
async fn facets_count_what_the_filter_lets_through() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    varied(&world).await;
    let query = "query($filter: ConversationFilter) { facets(filter: $filter) {
        projects { value conversations } agents { value } models { value conversations }
        tools { value } users { value } environments { value } counted complete
    } }";
    let all = gateway.query(query, json!({})).await["facets"].clone();
    assert_eq!(
        all["projects"],
        json!([{"value": "bank", "conversations": 2}, {"value": "shop", "conversations": 2}])
    );
    assert_eq!(
        all["models"],
        json!([{"value": "gpt-test", "conversations": 2}, {"value": "claude-test", "conversations": 1}])
    );
    assert_eq!(all["users"], json!([{"value": "ada@example.com"}]));
    assert_eq!(all["tools"], json!([{"value": "lookup"}]));
    assert_eq!(
        (&all["counted"], &all["complete"]),
        (&json!(4), &json!(true))
    );
    let bank = gateway
        .query(query, json!({"filter": {"projects": ["bank"]}}))
        .await;
    assert_eq!(bank["facets"]["agents"], json!([]));
    assert_eq!(bank["facets"]["counted"], 2);
}

#[tokio::test]
async fn facets_say_when_they_could_not_count_everything() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.limits.facets_rows_max = 3)
        .await;
    for second in 0..5 {
        world
            .writer("shop", &format!("c{second}"))
            .write([at(second)])
            .await;
    }
    let data = gateway
        .query("{ facets { counted complete } }", json!({}))
        .await;
    assert_eq!(data["facets"], json!({"counted": 3, "complete": false}));
}

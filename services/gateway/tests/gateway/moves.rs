//! Spans that move to another conversation: what readers see of both.

use serde_json::{Value, json};

use crate::support::dialogue::{assistant, chat, turns, user};
use crate::support::gateway::{Gateway, World};
use crate::support::socket::Socket;
use crate::support::transcript::{Known, next, subscribe};

const ROWS: &str = "subscription($filter: ConversationFilter) {
    conversations(filter: $filter) { kind conversation { id spanCount } }
}";

async fn watch(gateway: &Gateway, filter: Value) -> Socket {
    let mut socket = gateway.socket().await;
    socket.subscribe(ROWS, json!({"filter": filter})).await;
    socket.settled().await;
    socket
}

async fn row(socket: &mut Socket) -> Value {
    let event = socket.next().await["conversations"].clone();
    json!([
        event["kind"],
        event["conversation"]["id"],
        event["conversation"]["spanCount"]
    ])
}

async fn told(socket: &mut Socket) -> Value {
    let event = next(socket).await;
    json!([
        event["kind"],
        event["message"]["text"],
        event["conversation"]["llmCalls"]
    ])
}

/// The ids in the list within a filter, and how many the facets count.
async fn listed(gateway: &Gateway, filter: Value) -> (Vec<String>, Value) {
    let query = "query($filter: ConversationFilter) {
        conversations(filter: $filter) { nodes { id } }
        facets(filter: $filter) { counted }
    }";
    let data = gateway.query(query, json!({"filter": filter})).await;
    let nodes = data["conversations"]["nodes"].as_array().expect("nodes");
    let ids = nodes
        .iter()
        .map(|node| node["id"].as_str().expect("an id").to_owned());
    (ids.collect(), data["facets"]["counted"].clone())
}

async fn conversation(gateway: &Gateway, id: &str, fields: &str) -> Value {
    let query = format!("{{ conversation(project: \"shop\", id: \"{id}\") {{ {fields} }} }}");
    gateway.query(&query, json!({})).await["conversation"].clone()
}

#[tokio::test]
async fn messages_are_removed_where_they_stood_and_added_where_they_belong() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let (mut likely, mut right) = (
        world.writer("shop", "likely"),
        world.writer("shop", "right"),
    );
    let call = chat(1, 5, &[user("whose am I?")], assistant("not yours"));
    likely.write(turns(2, 1)).await;
    likely.write([call.clone()]).await;
    right.write(turns(3, 1)).await;
    let mut sockets = [gateway.socket().await, gateway.socket().await];
    for (socket, (id, messages)) in sockets.iter_mut().zip([("likely", 4), ("right", 2)]) {
        subscribe(socket, "shop", id, None).await;
        for _ in 0..messages {
            assert_eq!(next(socket).await["kind"], "ADDED");
        }
    }
    likely.moves(std::slice::from_ref(&call), false).await;
    right.write([call.clone()]).await;
    let [here, there] = &mut sockets;
    for text in ["whose am I?", "not yours"] {
        assert_eq!(told(here).await, json!(["REMOVED", text, 1]));
        assert_eq!(told(there).await, json!(["ADDED", text, 2]));
    }
    likely.moves(&[call], true).await;
    assert_eq!(told(here).await, json!(["ADDED", "whose am I?", 2]));
}

#[tokio::test]
async fn a_cursor_from_before_a_move_resumes_exactly() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut writer = world.writer("shop", "c");
    let spans = turns(1, 3);
    writer.write(spans.clone()).await;
    let mut known = Known::read(&gateway, "shop", "c").await;
    let cursor = conversation(&gateway, "c", "messages { liveCursor }").await;
    let cursor = cursor["messages"]["liveCursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    writer.moves(&spans[2..], false).await;
    let expected = Known::read(&gateway, "shop", "c").await;
    assert_eq!(expected.len(), 4);
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "c", Some(&cursor)).await;
    while known != expected {
        known.apply(&next(&mut socket).await);
    }
}

#[tokio::test]
async fn a_conversation_that_was_emptied_is_nowhere_until_something_stands_in_it_again() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let spans = turns(1, 2);
    let mut writer = world.writer("shop", "emptied");
    writer.write(spans.clone()).await;
    world.writer("shop", "other").write(turns(2, 1)).await;
    let filters = [
        json!({}),
        json!({"projects": ["shop"]}),
        json!({"search": "question"}),
        json!({"status": "OPEN"}),
        json!({"models": ["gpt-test"]}),
    ];
    // Some watch from before the feed knows the rows, one when it does.
    let mut early = Vec::new();
    for filter in &filters {
        early.push(watch(&gateway, filter.clone()).await);
    }
    let both = (vec!["emptied".to_owned(), "other".to_owned()], json!(2));
    let one = (vec!["other".to_owned()], json!(1));
    for (is_here, kind, count, expected) in [
        (false, "REMOVED", 0, &one),
        (true, "ADDED", 2, &both),
        (false, "REMOVED", 0, &one),
    ] {
        writer.moves(&spans, is_here).await;
        for (socket, filter) in early.iter_mut().zip(&filters) {
            // What was written before anyone watched may still be told of.
            let expected_row = json!([kind, "emptied", count]);
            while row(socket).await != expected_row {}
            assert_eq!(
                &listed(&gateway, filter.clone()).await,
                expected,
                "{filter}"
            );
        }
        let shown = conversation(&gateway, "emptied", "id").await;
        assert_eq!(shown.is_null(), !is_here);
    }
}

#[tokio::test]
async fn an_emptied_conversation_is_not_told_of_as_finalised() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let spans = turns(1, 1);
    let mut writer = world.writer("shop", "emptied");
    let mut socket = watch(&gateway, json!({})).await;
    writer.write(spans.clone()).await;
    assert_eq!(row(&mut socket).await, json!(["ADDED", "emptied", 1]));
    writer.moves(&spans, false).await;
    assert_eq!(row(&mut socket).await, json!(["REMOVED", "emptied", 0]));
    writer.finalise().await;
    world.writer("shop", "next").write(turns(2, 1)).await;
    assert_eq!(row(&mut socket).await, json!(["ADDED", "next", 1]));
}

#[tokio::test]
async fn what_is_shown_of_a_conversation_is_what_stands_in_it() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut writer = world.writer("shop", "c");
    let spans = turns(1, 2);
    let guest = chat(9, 50, &[user("lost")], assistant("found elsewhere"));
    writer.write(spans.clone()).await;
    let fields = "lastActivityAt traceIds llmCalls spanCount messageCount usage { totalTokens }
        spans { nodes { id } pageInfo { hasNextPage } } span(id: \"0000000000000032\") { id } related { id }";
    let before = conversation(&gateway, "c", fields).await;
    writer.write([guest.clone()]).await;
    let mut other = world.writer("shop", "other");
    other.write([guest.clone()]).await;
    let between = conversation(&gateway, "c", fields).await;
    assert_eq!(between["related"], json!([{"id": "other"}]));
    assert_eq!(between["span"]["id"], "0000000000000032");
    writer.moves(&[guest], false).await;
    assert_eq!(conversation(&gateway, "c", fields).await, before);
    let related = conversation(&gateway, "other", "related { id }").await;
    assert_eq!(
        related["related"],
        json!([]),
        "it has no span of that trace any more"
    );
    let search = json!({"search": "elsewhere"});
    assert_eq!(listed(&gateway, search).await.0, ["other"]);
}

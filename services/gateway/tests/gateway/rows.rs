//! Rows of the list as they appear and change.

use serde_json::{Value, json};

use crate::support::dialogue::{assistant, chat, failed, turns, user};
use crate::support::gateway::{Gateway, World};
use crate::support::socket::{Event, Socket};

const ROWS: &str = "subscription($filter: ConversationFilter) {
    conversations(filter: $filter) { kind conversation { id status llmCalls errors } }
}";

async fn watch(gateway: &Gateway, filter: Value) -> Socket {
    let mut socket = gateway.socket().await;
    socket.subscribe(ROWS, json!({"filter": filter})).await;
    socket.settled().await;
    socket
}

/// The kind of the next event and the id of its row.
async fn row(socket: &mut Socket) -> (String, String) {
    let event = socket.next().await["conversations"].clone();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&event["kind"]), text(&event["conversation"]["id"]))
}

/// Waits for an event, whatever comes before it.
async fn comes(socket: &mut Socket, kind: &str, id: &str) {
    while row(socket).await != of(kind, id) {}
}

fn of(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

#[tokio::test]
async fn a_row_appears_changes_and_is_finalised() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut socket = watch(&gateway, json!({})).await;
    let spans = turns(1, 2);
    let mut writer = world.writer("shop", "c");
    writer.write(spans[..1].to_vec()).await;
    assert_eq!(row(&mut socket).await, of("ADDED", "c"));
    writer.write(spans[1..].to_vec()).await;
    assert_eq!(row(&mut socket).await, of("UPDATED", "c"));
    writer.finalise().await;
    assert_eq!(row(&mut socket).await, of("FINALIZED", "c"));
    writer
        .write([chat(2, 500, &[user("again")], assistant("yes"))])
        .await;
    assert_eq!(row(&mut socket).await, of("UPDATED", "c"));
}

#[tokio::test]
async fn only_rows_that_match_the_filter_are_told_of() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut socket = watch(
        &gateway,
        json!({"projects": ["bank"], "models": ["gpt-test"]}),
    )
    .await;
    world
        .writer("shop", "other-project")
        .write(turns(1, 1))
        .await;
    let mut other = turns(1, 1);
    other[0].request_model = Some("claude-test".to_owned());
    world.writer("bank", "other-model").write(other).await;
    world.writer("bank", "this").write(turns(1, 1)).await;
    assert_eq!(row(&mut socket).await, of("ADDED", "this"));
}

#[tokio::test]
async fn a_row_that_begins_to_match_is_added_and_one_that_ceases_to_is_removed() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    // Both were there, and told of, before anyone watched.
    let mut early = watch(&gateway, json!({})).await;
    let mut healthy = world.writer("shop", "healthy");
    healthy.write(turns(1, 1)).await;
    comes(&mut early, "ADDED", "healthy").await;
    let mut closing = world.writer("shop", "closing");
    closing.write(turns(2, 1)).await;
    comes(&mut early, "ADDED", "closing").await;
    drop(early);
    let mut failing = watch(&gateway, json!({"hasErrors": true})).await;
    let mut open = watch(&gateway, json!({"status": "OPEN"})).await;
    let mut searching = watch(&gateway, json!({"search": "broken"})).await;
    let question = chat(1, 50, &[user("is it BROKEN?")], assistant("it is"));
    healthy.write([failed(question)]).await;
    comes(&mut failing, "ADDED", "healthy").await;
    comes(&mut searching, "ADDED", "healthy").await;
    comes(&mut open, "UPDATED", "healthy").await;
    closing.finalise().await;
    comes(&mut open, "REMOVED", "closing").await;
    healthy.write(turns(3, 2)).await;
    comes(&mut failing, "UPDATED", "healthy").await;
    comes(&mut searching, "UPDATED", "healthy").await;
}

#[tokio::test]
async fn changes_of_one_row_within_a_short_time_come_as_one() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.live.row_step_ms = 300)
        .await;
    let mut socket = watch(&gateway, json!({})).await;
    let mut writer = world.writer("shop", "c");
    for span in turns(1, 20) {
        writer.write([span]).await;
    }
    let mut events = 0;
    loop {
        events += 1;
        let event = socket.next().await["conversations"].clone();
        if event["conversation"]["llmCalls"] == 20 {
            break;
        }
    }
    assert!(events < 20, "{events} events for 20 commits");
}

#[tokio::test]
async fn a_row_that_expires_is_removed() {
    let world = World::with(|redis| redis.retention_ms = 1_500).await;
    let gateway = world.gateway().await;
    let mut socket = watch(&gateway, json!({})).await;
    world.writer("shop", "short-lived").write(turns(1, 1)).await;
    assert_eq!(row(&mut socket).await, of("ADDED", "short-lived"));
    assert_eq!(row(&mut socket).await, of("REMOVED", "short-lived"));
}

#[tokio::test]
async fn two_gateways_tell_of_the_same_rows() {
    let world = World::new().await;
    let gateways = [world.gateway().await, world.gateway().await];
    let mut sockets = [
        watch(&gateways[0], json!({})).await,
        watch(&gateways[1], json!({})).await,
    ];
    for id in ["a", "b", "c"] {
        world.writer("shop", id).write(turns(1, 1)).await;
        for socket in &mut sockets {
            assert_eq!(row(socket).await, of("ADDED", id));
        }
    }
}

#[tokio::test]
async fn a_watcher_that_does_not_keep_up_is_told_to_read_the_list_again() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| {
            config.gateway.live.buffer_steps = 1;
            config.gateway.live.row_step_ms = 1;
        })
        .await;
    let mut socket = gateway.socket().await;
    // A preview of 2 KB in each of many fields makes each event large.
    let fields: String = (0..40)
        .map(|number| format!("t{number}: firstInput "))
        .collect();
    let query =
        format!("subscription {{ conversations {{ kind conversation {{ id {fields} }} }} }}");
    socket.subscribe(&query, json!({})).await;
    socket.settled().await;
    let text = "x".repeat(2_000);
    for number in 0..400u64 {
        let call = chat(1, number, &[user(&text)], assistant("ok"));
        world
            .writer("shop", &format!("c{number}"))
            .write([call])
            .await;
    }
    let code = loop {
        match socket.event().await {
            Event::Next(_) => {}
            Event::Error(code) => break code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, "RECONNECT");
}

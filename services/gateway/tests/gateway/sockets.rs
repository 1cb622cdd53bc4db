//! What the protocol `graphql-transport-ws` and WebSockets themselves demand of a server.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::gateway::World;
use crate::support::socket::{Event, Socket};

const ROWS: &str = "subscription { conversations { kind } }";

#[tokio::test]
async fn what_is_wrong_before_it_begins_is_an_error_and_nothing_follows() {
    let gateway = World::new().await.gateway().await;
    let mut socket = gateway.socket().await;
    for query in [
        "{ noSuchField }",
        "{ conversations( }",
        "",
        "subscription { noSuchField }",
        "subscription { messages(project: \"shop\") { kind } }",
    ] {
        socket.subscribe(query, json!({})).await;
        let event = socket.event().await;
        assert!(matches!(event, Event::Refused(_)), "{query}: {event:?}");
    }
    // What came after would have come before this.
    socket.subscribe("{ __typename }", json!({})).await;
    assert_eq!(socket.next().await["__typename"], "Query");
}

#[tokio::test]
async fn an_id_in_use_closes_the_socket_and_one_that_was_completed_does_not() {
    let gateway = World::new().await.gateway().await;
    let mut socket = gateway.socket().await;
    let subscribe = |id: &str| json!({"type": "subscribe", "id": id, "payload": {"query": ROWS}});
    socket.send(subscribe("a")).await;
    socket.send(json!({"type": "complete", "id": "a"})).await;
    socket.send(subscribe("a")).await;
    socket.send(subscribe("b")).await;
    socket.send(subscribe("a")).await;
    assert_eq!(socket.closed().await, Some(4409));
}

#[tokio::test]
async fn a_client_that_closes_is_answered_with_its_own_code() {
    let gateway = World::new().await.gateway().await;
    let mut stranger = Socket::open(gateway.address).await;
    assert_eq!(stranger.leave(1000).await, Some(1000));
    let mut socket = gateway.socket().await;
    socket.subscribe(ROWS, json!({})).await;
    socket.settled().await;
    assert_eq!(socket.leave(1000).await, Some(1000));
}

#[tokio::test]
async fn what_cannot_be_read_is_told_why() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.limits.request_bytes_max = 1_000)
        .await;
    let text = |length| Message::text("x".repeat(length));
    let frame = |data, payload: &'static [u8]| {
        Message::Frame(Frame::message(payload, OpCode::Data(data), true))
    };
    for (message, code) in [
        (text(1_001), 1009),
        (frame(Data::Text, b"\xff\xfe"), 1007),
        (frame(Data::Reserved(3), b""), 1002),
    ] {
        let mut socket = gateway.socket().await;
        socket.send_raw(message).await;
        assert_eq!(socket.closed().await, Some(code));
    }
}

#[tokio::test]
async fn sockets_that_say_nothing_keep_nobody_out() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| {
            config.gateway.live.sockets_max = 4;
            config.gateway.live.strangers_max = 2;
        })
        .await;
    let mut known = gateway.socket().await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(Socket::open(gateway.address).await);
    }
    let mut late = gateway.socket().await;
    for socket in [&mut known, &mut late] {
        socket.subscribe("{ __typename }", json!({})).await;
        assert_eq!(socket.next().await["__typename"], "Query");
    }
    assert_eq!(silent.swap_remove(0).closed().await, Some(4408));
}

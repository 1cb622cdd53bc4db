//! What happens when the store or the gateway itself goes away.

use std::time::Duration;

use serde_json::json;
use store::StoreConfig;
use store::testing::RedisServer;

use crate::support::dialogue::turns;
use crate::support::eventually;
use crate::support::gateway::World;
use crate::support::socket::Event;
use crate::support::transcript::{next, subscribe};

const LIST: &str = "{ conversations { nodes { id } } }";

/// Waits briefly, so that tests of outages are short.
fn impatient(server: &RedisServer) -> StoreConfig {
    StoreConfig {
        connect_timeout_ms: 300,
        response_timeout_ms: 300,
        ..server.config()
    }
}

#[tokio::test]
async fn an_outage_of_the_store_is_an_error_that_passes() {
    let server = RedisServer::start().await.expect("redis-server starts");
    let world = World::on(impatient(&server)).await;
    let gateway = world.gateway().await;
    world.writer("shop", "c").write(turns(1, 1)).await;
    let mut messages = gateway.socket().await;
    subscribe(&mut messages, "shop", "c", None).await;
    next(&mut messages).await;
    let cursor = next(&mut messages).await["cursor"].clone();
    let mut rows = gateway.socket().await;
    rows.subscribe(
        "subscription { conversations { conversation { id } } }",
        json!({}),
    )
    .await;
    rows.settled().await;
    let port = server.port();
    drop(server);
    assert_eq!(gateway.error(LIST, json!({})).await, "UNAVAILABLE");
    let server = RedisServer::start_on(port, &[])
        .await
        .expect("starts again");
    eventually("the gateway has found the store again", || async {
        let answer = gateway.answer(LIST, json!({})).await;
        answer.get("errors").is_none().then_some(())
    })
    .await;
    // The store came back empty, so the conversation is gone; it is then filled again.
    assert_eq!(messages.error().await, "CONVERSATION_GONE");
    let again = World::on(impatient(&server)).await;
    let store = StoreConfig {
        key_prefix: world.redis.key_prefix.clone(),
        ..again.redis
    };
    let again = World::on(store).await;
    again.writer("shop", "c").write(turns(1, 2)).await;
    let row = rows.next().await;
    assert_eq!(row["conversations"]["conversation"]["id"], "c");
    let mut messages = gateway.socket().await;
    subscribe(&mut messages, "shop", "c", cursor.as_str()).await;
    assert_eq!(messages.error().await, "CURSOR_INVALID");
    assert!(matches!(messages.event().await, Event::Complete));
    subscribe(&mut messages, "shop", "c", None).await;
    assert_eq!(next(&mut messages).await["message"]["text"], "question 1");
}

#[tokio::test]
async fn a_store_that_hangs_ends_queries_in_time() {
    let server = RedisServer::start().await.expect("redis-server starts");
    let world = World::on(server.config()).await;
    let gateway = world
        .gateway_with(|config| config.gateway.limits.query_timeout_ms = 200)
        .await;
    server
        .pause(Duration::from_secs(60))
        .await
        .expect("is paused");
    assert_eq!(gateway.error(LIST, json!({})).await, "TIMEOUT");
}

#[tokio::test]
async fn a_gateway_that_stops_closes_its_sockets_in_order() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "c", None).await;
    gateway.stop();
    assert_eq!(socket.closed().await, Some(1001));
    eventually("nobody answers any more", || async {
        reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()
            .expect("a client")
            .get(gateway.url("/"))
            .send()
            .await
            .is_err()
            .then_some(())
    })
    .await;
}

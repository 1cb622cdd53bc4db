//! Messages as they come: nothing missed, nothing twice, across reconnects and gateways.

use domain::ids::ConversationKey;
use domain::span::Span;
use serde_json::{Value, json};

use crate::support::dialogue::{assistant, chat, tool, tool_call, tool_result, turns, user};
use crate::support::eventually;
use crate::support::gateway::World;
use crate::support::socket::Event;
use crate::support::transcript::{Known, next, subscribe};

/// A conversation with tools, a regenerated answer and a second trace, in the order in which it happened.
fn story() -> Vec<Span> {
    let mut spans = turns(1, 3);
    let mut history: Vec<_> = [user("question 1"), assistant("answer 1")].into();
    history.extend([
        user("question 2"),
        assistant("answer 2"),
        user("question 3"),
    ]);
    // The third answer was regenerated, and the second one is what went on.
    spans.push(chat(1, 10, &history, assistant("a better answer 3")));
    history.extend([assistant("a better answer 3"), user("and my order?")]);
    let call = tool_call("k1", "lookup", json!({"order": 1}));
    spans.push(chat(2, 11, &history, call.clone()));
    spans.push(tool(2, 12, "lookup", "k1", json!("sent")));
    history.extend([call, tool_result("k1", json!("sent"))]);
    spans.push(chat(2, 13, &history, assistant("It was sent.")));
    spans
}

/// The same spans in an order that a number determines.
fn shuffled(mut spans: Vec<Span>, seed: u64) -> Vec<Span> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for position in (1..spans.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        spans.swap(position, (state % (position as u64 + 1)) as usize);
    }
    spans
}

#[tokio::test]
async fn a_subscriber_gets_the_transcript_and_then_what_comes() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut writer = world.writer("shop", "c");
    let spans = turns(1, 3);
    writer.write(spans[..1].to_vec()).await;
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "c", None).await;
    for text in ["question 1", "answer 1"] {
        let event = next(&mut socket).await;
        assert_eq!(
            (&event["kind"], &event["message"]["text"]),
            (&json!("ADDED"), &json!(text))
        );
        assert_eq!(event["conversation"], json!({"id": "c", "llmCalls": 1}));
    }
    writer.write(spans[1..].to_vec()).await;
    for text in ["question 2", "answer 2", "question 3", "answer 3"] {
        let event = next(&mut socket).await;
        assert_eq!(
            (&event["kind"], &event["message"]["text"]),
            (&json!("ADDED"), &json!(text))
        );
        assert_eq!(event["conversation"]["llmCalls"], 3);
    }
}

#[tokio::test]
async fn a_conversation_that_does_not_exist_yet_is_waited_for() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "soon", None).await;
    world.writer("shop", "soon").write(turns(1, 1)).await;
    assert_eq!(next(&mut socket).await["message"]["text"], "question 1");
}

#[tokio::test]
async fn what_was_read_and_what_comes_after_the_live_cursor_fit_together() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut writer = world.writer("shop", "c");
    let mut spans = shuffled(story(), 7).into_iter();
    writer.write(spans.by_ref().take(3)).await;
    let query = "{ conversation(project: \"shop\", id: \"c\") { messages { liveCursor } } }";
    let mut known = Known::read(&gateway, "shop", "c").await;
    let data = gateway.query(query, json!({})).await;
    let cursor = data["conversation"]["messages"]["liveCursor"]
        .as_str()
        .expect("a cursor");
    for span in spans {
        writer.write([span]).await;
    }
    let expected = Known::read(&gateway, "shop", "c").await;
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "c", Some(cursor)).await;
    while known != expected {
        known.apply(&next(&mut socket).await);
    }
}

#[tokio::test]
async fn a_subscription_resumes_at_every_position_on_any_gateway() {
    let world = World::new().await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let mut kinds = Vec::new();
    for seed in 1..=4 {
        let id = format!("c{seed}");
        let mut writer = world.writer("shop", &id);
        let mut socket = one.socket().await;
        subscribe(&mut socket, "shop", &id, None).await;
        // Each span is a commit of its own, and each commit a step or part of one.
        for span in shuffled(story(), seed) {
            writer.write([span]).await;
        }
        let expected = Known::read(&one, "shop", &id).await;
        assert!(expected.len() >= 9, "the story has its messages");
        let mut known = Known::default();
        let mut positions: Vec<(Known, String)> = Vec::new();
        while known != expected {
            let event = next(&mut socket).await;
            known.apply(&event);
            kinds.push(event["kind"].clone());
            let cursor = event["cursor"].as_str().expect("a cursor").to_owned();
            positions.push((known.clone(), cursor));
        }
        for (mut known, cursor) in positions {
            let mut socket = other.socket().await;
            subscribe(&mut socket, "shop", &id, Some(&cursor)).await;
            while known != expected {
                known.apply(&next(&mut socket).await);
            }
        }
    }
    for kind in ["ADDED", "UPDATED", "REMOVED"] {
        assert!(
            kinds.contains(&json!(kind)),
            "{kind} is among what was tested"
        );
    }
}

#[tokio::test]
async fn a_client_that_is_cut_off_after_every_event_misses_nothing_while_traffic_goes_on() {
    let world = World::new().await;
    let gateways = [world.gateway().await, world.gateway().await];
    let mut writer = world.writer("shop", "c");
    let writing = tokio::spawn(async move {
        for span in shuffled(turns(1, 20), 3) {
            writer.write([span]).await;
            tokio::task::yield_now().await;
        }
    });
    let mut known = Known::default();
    let mut cursor: Option<String> = None;
    let mut round = 0;
    loop {
        let gateway = &gateways[round % 2];
        round += 1;
        if writing.is_finished() && known == Known::read(gateway, "shop", "c").await {
            break;
        }
        let mut socket = gateway.socket().await;
        subscribe(&mut socket, "shop", "c", cursor.as_deref()).await;
        let event = next(&mut socket).await;
        known.apply(&event);
        cursor = event["cursor"].as_str().map(str::to_owned);
    }
    writing.await.expect("was written");
    assert_eq!(known.len(), 40);
}

#[tokio::test]
async fn many_listeners_of_one_conversation_see_the_same() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut writer = world.writer("shop", "c");
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let mut socket = gateway.socket().await;
        subscribe(&mut socket, "shop", "c", None).await;
        sockets.push((socket, Known::default()));
    }
    for span in shuffled(story(), 5) {
        writer.write([span]).await;
    }
    let expected = Known::read(&gateway, "shop", "c").await;
    for (socket, known) in &mut sockets {
        while *known != expected {
            known.apply(&next(socket).await);
        }
    }
}

/// Calls whose answers are too large for what a network buffers.
fn large(count: u64) -> impl Iterator<Item = Span> {
    const ANSWER_BYTES: usize = 1_000_000;
    (1..=count).map(|number| {
        let history = [user(&format!("question {number}"))];
        let answer = assistant(&format!("{number} {}", "x".repeat(ANSWER_BYTES)));
        chat(number as u8, number, &history, answer)
    })
}

#[tokio::test]
async fn a_subscriber_that_does_not_keep_up_is_cut_off_and_goes_on_from_its_cursor() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.live.buffer_steps = 1)
        .await;
    let mut writer = world.writer("shop", "c");
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "c", None).await;
    // Someone else keeps up meanwhile, and the slow one does not read until all is written.
    let mut quick = gateway.socket().await;
    subscribe(&mut quick, "shop", "c", None).await;
    let mut known_to_quick = Known::default();
    for span in large(30) {
        writer.write([span]).await;
        known_to_quick.apply(&next(&mut quick).await);
        known_to_quick.apply(&next(&mut quick).await);
    }
    let mut known = Known::default();
    let mut cursor = String::new();
    let code = loop {
        match socket.event().await {
            Event::Next(data) => {
                known.apply(&data["messages"]);
                cursor = data["messages"]["cursor"]
                    .as_str()
                    .expect("a cursor")
                    .to_owned();
            }
            Event::Error(code) => break code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, "RECONNECT_WITH_CURSOR");
    assert!(known.len() < known_to_quick.len());
    subscribe(&mut socket, "shop", "c", Some(&cursor)).await;
    while known != known_to_quick {
        if let Event::Next(data) = socket.event().await {
            known.apply(&data["messages"]);
        }
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_loses_its_socket_and_its_slot() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| {
            config.gateway.live.write_timeout_ms = 200;
            config.gateway.live.subscriptions_max = 1;
        })
        .await;
    world.writer("shop", "c").write(large(30)).await;
    let mut stuck = gateway.socket().await;
    subscribe(&mut stuck, "shop", "c", None).await;
    eventually("the slot is free again", || async {
        let mut socket = gateway.socket().await;
        subscribe(&mut socket, "shop", "c", None).await;
        match socket.event().await {
            Event::Next(_) => Some(()),
            Event::Error(code) => {
                assert_eq!(code, "BUSY");
                None
            }
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_socket_that_is_closed_frees_its_subscriptions_although_nothing_happens() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.live.subscriptions_max = 1)
        .await;
    world.writer("shop", "c").write(turns(1, 1)).await;
    let mut first = gateway.socket().await;
    subscribe(&mut first, "shop", "c", None).await;
    next(&mut first).await;
    let mut second = gateway.socket().await;
    subscribe(&mut second, "shop", "c", None).await;
    assert_eq!(second.error().await, "BUSY");
    drop(first);
    eventually("the slot is free again", || async {
        let mut socket = gateway.socket().await;
        subscribe(&mut socket, "shop", "c", None).await;
        matches!(socket.event().await, Event::Next(_)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_conversation_that_is_deleted_ends_its_subscriptions() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.live.recheck_ms = 50)
        .await;
    world.writer("shop", "c").write(turns(1, 1)).await;
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "c", None).await;
    next(&mut socket).await;
    let cursor = next(&mut socket).await["cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let key = ConversationKey {
        project: "shop".to_owned(),
        id: "c".to_owned(),
    };
    world.store.remove(&key).await.expect("is removed");
    assert_eq!(socket.error().await, "CONVERSATION_GONE");
    assert!(matches!(socket.event().await, Event::Complete));
    subscribe(&mut socket, "shop", "c", Some(&cursor)).await;
    assert_eq!(socket.error().await, "CONVERSATION_GONE");
}

#[tokio::test]
async fn a_cursor_into_a_log_that_was_rebuilt_otherwise_is_refused() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let spans = turns(1, 4);
    let mut writer = world.writer("shop", "c");
    for span in spans.clone() {
        writer.write([span]).await;
    }
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "c", None).await;
    let cursor = next(&mut socket).await["cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    world.store.wipe().await.expect("is wiped");
    // The same spans, in other commits.
    let mut writer = world.writer("shop", "c");
    writer.write(spans[..3].to_vec()).await;
    writer.write(spans[3..].to_vec()).await;
    for gateway in [gateway, world.gateway().await] {
        let mut socket = gateway.socket().await;
        subscribe(&mut socket, "shop", "c", Some(&cursor)).await;
        assert_eq!(socket.error().await, "CURSOR_INVALID");
    }
}

#[tokio::test]
async fn cursors_of_others_are_refused_before_anything_is_read() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    for id in ["a", "b"] {
        world.writer("shop", id).write(turns(1, 1)).await;
    }
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "shop", "a", None).await;
    let cursor = next(&mut socket).await["cursor"].clone();
    next(&mut socket).await;
    for after in [cursor.as_str().expect("a cursor"), "nonsense"] {
        subscribe(&mut socket, "shop", "b", Some(after)).await;
        assert_eq!(socket.error().await, "CURSOR_INVALID");
        assert!(matches!(socket.event().await, Event::Complete));
    }
    assert_ne!(cursor, Value::Null);
}

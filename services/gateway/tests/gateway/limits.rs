//! What a request may ask for, and what the gateway allows at once.

use serde_json::{Value, json};

use crate::support::dialogue::turns;
use crate::support::gateway::{World, code_of};
use crate::support::socket::{Event, Socket};

#[tokio::test]
async fn queries_that_ask_for_too_much_are_refused_before_they_run() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let deep = |levels: usize| {
        let nested = "related { ".repeat(levels);
        format!(
            "{{ conversations(first: 1) {{ nodes {{ {nested} id {} }} }} }}",
            "}".repeat(levels)
        )
    };
    let aliases: String = (0..60)
        .map(|number| format!("a{number}: __typename "))
        .collect();
    let directives: String = (0..60)
        .map(|number| format!("... @skip(if: true) {{ b{number}: __typename }} "))
        .collect();
    let wide =
        "{ conversations(first: 200) { nodes { messages(first: 500) { nodes { id text } } } } }";
    for (query, code) in [
        (deep(30), "QUERY_TOO_COMPLEX"),
        (deep(8), "QUERY_TOO_COMPLEX"),
        (format!("{{ {aliases} }}"), "QUERY_TOO_COMPLEX"),
        (
            format!("{{ {directives} __typename }}"),
            "QUERY_TOO_COMPLEX",
        ),
        (wide.to_owned(), "QUERY_TOO_COMPLEX"),
        ("{ nonsense }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ conversations(first: \"x\") { nodes { id } } }".to_owned(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{".to_owned(), "GRAPHQL_PARSE_FAILED"),
        (
            "subscription { conversations { kind } }".to_owned(),
            "BAD_USER_INPUT",
        ),
        (
            "fragment A on Query { ...A } { ...A }".to_owned(),
            "GRAPHQL_PARSE_FAILED",
        ),
    ] {
        assert_eq!(gateway.error(&query, json!({})).await, code, "{query}");
    }
}

#[tokio::test]
async fn the_usual_queries_are_within_the_limits() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.writer("shop", "c").write(turns(1, 2)).await;
    let row = "id project status revision startedAt lastActivityAt durationMs generationMs firstInput lastOutput
        llmCalls toolCalls errors toolErrors usage { totalTokens } cost { total } agents models tools
        user { id email name } environment traceIds inferred";
    let page = format!(
        "{{ conversations(first: 200) {{ edges {{ cursor node {{ {row} }} }} pageInfo {{ endCursor }} }} }}"
    );
    gateway.query(&page, json!({})).await;
    let detail = format!(
        "{{ conversation(project: \"shop\", id: \"c\") {{ {row} related {{ {row} }} systemPrompts {{ text }}
            messages(first: 200) {{ nodes {{ id role text reasoning parts {{ type text json }} timestamp agent model
                usage {{ totalTokens }} cost {{ total }} toolCalls {{ id name arguments result status span {{ id }} }}
                thread threadParent superseded spans {{ id traceId operation }} }} liveCursor }}
            spans(first: 500) {{ nodes {{ id parent name operation startedAt endedAt attributes input output }} }} }} }}"
    );
    gateway.query(&detail, json!({})).await;
}

#[tokio::test]
async fn tools_can_ask_for_the_schema_unless_they_may_not() {
    let world = World::new().await;
    let introspection = "{ __schema { types { name fields(includeDeprecated: true) { name args { name type { ...T } } type { ...T } } } } }
        fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } }";
    let open = world.gateway().await;
    let data = open.query(introspection, json!({})).await;
    assert!(data["__schema"]["types"].as_array().map(Vec::len) > Some(30));
    let closed = world
        .gateway_with(|config| config.gateway.introspection = false)
        .await;
    let answer = closed.answer(introspection, json!({})).await;
    assert!(answer["data"]["__schema"].is_null(), "{answer}");
}

#[tokio::test]
async fn one_query_of_bounded_size_is_read_from_a_request() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.limits.request_bytes_max = 1_000)
        .await;
    let long = json!({"query": format!("{{ __typename }} # {}", "x".repeat(2_000))}).to_string();
    for (body, status, code) in [
        (long.as_str(), 413, "PAYLOAD_TOO_LARGE"),
        (
            "[{\"query\": \"{ __typename }\"}]",
            400,
            "BATCH_NOT_SUPPORTED",
        ),
        ("not json", 400, "BAD_REQUEST"),
    ] {
        let response = gateway
            .post()
            .body(body.to_owned())
            .send()
            .await
            .expect("answers");
        assert_eq!(response.status().as_u16(), status);
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(code_of(&answer), code);
    }
}

#[tokio::test]
async fn an_answer_has_a_largest_size() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.limits.response_bytes_max = 500)
        .await;
    world.writer("shop", "c").write(turns(1, 10)).await;
    let of = |part: &str| format!("{{ conversation(project: \"shop\", id: \"c\") {{ {part} }} }}");
    for part in [
        "messages { nodes { text parts { text } } }",
        "spans { nodes { input } }",
    ] {
        assert_eq!(
            gateway.error(&of(part), json!({})).await,
            "RESPONSE_TOO_LARGE",
            "{part}"
        );
    }
    gateway
        .query(&of("messages(first: 3) { nodes { text } }"), json!({}))
        .await;
}

#[tokio::test]
async fn what_is_beyond_the_bounds_is_refused_and_not_kept_waiting() {
    let world = World::new().await;
    let no_queries = world
        .gateway_with(|config| config.gateway.limits.queries_max = 0)
        .await;
    assert_eq!(no_queries.error("{ __typename }", json!({})).await, "BUSY");
    let one_socket = world
        .gateway_with(|config| config.gateway.live.sockets_max = 1)
        .await;
    let first = one_socket.socket().await;
    let refused = reqwest::Client::new()
        .get(one_socket.url("/graphql"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "graphql-transport-ws")
        .send()
        .await
        .expect("answers");
    assert_eq!(refused.status(), 503);
    drop(first);
}

#[tokio::test]
async fn operations_of_one_socket_are_bounded_and_a_flood_closes_it() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.live.operations_per_socket_max = 2)
        .await;
    let mut socket = gateway.socket().await;
    let rows = "subscription { conversations { kind } }";
    for _ in 0..2 {
        socket.subscribe(rows, json!({})).await;
    }
    socket.subscribe(rows, json!({})).await;
    assert!(matches!(socket.event().await, Event::Refused(code) if code == "BUSY"));
    for _ in 0..2 {
        socket.subscribe(rows, json!({})).await;
    }
    assert_eq!(socket.closed().await, Some(4429));
}

#[tokio::test]
async fn a_socket_that_is_not_heard_of_is_closed_and_a_quiet_one_is_not() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| config.gateway.live.keepalive_ms = 200)
        .await;
    // A client that only reads answers the pings by that.
    let mut quiet = gateway.socket().await;
    quiet
        .subscribe("subscription { conversations { kind } }", json!({}))
        .await;
    quiet.settled().await;
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(800), quiet.event());
    assert!(waiting.await.is_err(), "nothing came, not even a close");
    // A client that does not even do that is gone.
    let mut dead = gateway.socket().await;
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    assert!(matches!(
        dead.event().await,
        Event::Closed(Some(3008) | None)
    ));
}

#[tokio::test]
async fn another_subprotocol_and_nonsense_are_refused() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let refused = reqwest::Client::new()
        .get(gateway.url("/graphql"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "graphql-ws")
        .send()
        .await
        .expect("answers");
    assert_eq!(refused.status(), 400);
    let mut socket = Socket::open(gateway.address).await;
    socket.send(json!("nonsense")).await;
    assert_eq!(socket.closed().await, Some(4400));
}

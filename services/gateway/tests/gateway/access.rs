//! Who may read what, on both transports.

use serde_json::{Value, json};

use crate::support::dialogue::{assistant, chat, turns, user};
use crate::support::gateway::{Gateway, World, code_of, token_config};
use crate::support::socket::Socket;
use crate::support::transcript::subscribe;

async fn guarded(world: &World) -> Gateway {
    world
        .gateway_with(|config| {
            config.gateway.tokens = vec![
                token_config("of-ops", &["*"]),
                token_config("of-shop", &["shop"]),
            ];
        })
        .await
}

async fn fill(world: &World) {
    for project in ["shop", "bank"] {
        // One trace in both projects.
        let call = chat(1, 1, &[user("hi")], assistant(project));
        world.writer(project, "c").write([call]).await;
        world.writer(project, "d").write(turns(1, 1)).await;
        let counted = store::Tallied {
            project: project.to_owned(),
            instrumentation: "x".to_owned(),
            spans: 1,
            llm_calls: 0,
            last_seen_ms: 0,
            example_trace: None,
        };
        world
            .store
            .tally(store::Tally::Unassigned, &[counted])
            .await
            .expect("counts");
    }
}

#[tokio::test]
async fn a_request_without_a_known_token_is_refused() {
    let world = World::new().await;
    let gateway = guarded(&world).await;
    let body = json!({"query": "{ __typename }"}).to_string();
    for token in [None, Some("wrong"), Some("")] {
        let request = gateway.post().body(body.clone());
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.expect("answers");
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(code_of(&answer), "UNAUTHENTICATED");
    }
    let request = gateway.post().body(body).bearer_auth("of-shop");
    assert_eq!(request.send().await.expect("answers").status(), 200);
}

#[tokio::test]
async fn a_token_shows_its_projects_and_nothing_of_others_anywhere() {
    let world = World::new().await;
    let gateway = guarded(&world).await.with_token("of-shop");
    fill(&world).await;
    let query = "query($p: [ID!]) {
        all: conversations { nodes { project related { project } } }
        asked: conversations(filter: {projects: $p}) { nodes { project } }
        facets { projects { value } counted }
        unassignedSpans { project }
        unreadSpans { project }
        asked_unassigned: unassignedSpans(projects: $p) { project }
        own: conversation(project: \"shop\", id: \"c\") { related { project id } }
        other: conversation(project: \"bank\", id: \"c\") { id }
    }";
    let data = gateway.query(query, json!({"p": ["bank", "shop"]})).await;
    assert!(!data.to_string().contains("bank"), "{data}");
    assert_eq!(data["all"]["nodes"].as_array().map(Vec::len), Some(2));
    assert_eq!(data["asked"]["nodes"].as_array().map(Vec::len), Some(2));
    assert_eq!(data["facets"]["counted"], 2);
    assert_eq!(
        data["own"]["related"],
        json!([{"project": "shop", "id": "d"}])
    );
    assert_eq!(data["other"], Value::Null);
    let everything = guarded(&world).await.with_token("of-ops");
    let data = everything
        .query(query, json!({"p": ["bank", "shop"]}))
        .await;
    assert_eq!(data["facets"]["counted"], 4);
    assert_eq!(data["other"], json!({"id": "c"}));
}

#[tokio::test]
async fn subscriptions_keep_to_the_projects_too() {
    let world = World::new().await;
    let gateway = guarded(&world).await.with_token("of-shop");
    let mut socket = gateway.socket().await;
    subscribe(&mut socket, "bank", "c", None).await;
    assert_eq!(socket.error().await, "FORBIDDEN");
    let mut rows = gateway.socket().await;
    let query = "subscription { conversations { conversation { project } } }";
    rows.subscribe(query, json!({})).await;
    rows.settled().await;
    world.writer("bank", "c").write(turns(1, 1)).await;
    world.writer("shop", "c").write(turns(1, 1)).await;
    let event = rows.next().await;
    assert_eq!(event["conversations"]["conversation"]["project"], "shop");
}

#[tokio::test]
async fn a_socket_says_who_it_is_before_anything_else() {
    let world = World::new().await;
    let gateway = guarded(&world).await;
    for payload in [json!({}), json!({"token": "wrong"})] {
        let mut socket = Socket::open(gateway.address).await;
        socket
            .send(json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(socket.closed().await, Some(4403));
    }
    let mut hasty = Socket::open(gateway.address).await;
    hasty.subscribe("{ __typename }", json!({})).await;
    assert_eq!(hasty.closed().await, Some(4401));
    for payload in [
        json!({"token": "of-shop"}),
        json!({"Authorization": "Bearer of-shop"}),
    ] {
        let mut socket = Socket::open(gateway.address).await;
        socket.init(payload).await;
    }
    let silent = world
        .gateway_with(|config| config.gateway.live.init_timeout_ms = 50)
        .await;
    let mut socket = Socket::open(silent.address).await;
    assert_eq!(socket.closed().await, Some(4408));
}

#[tokio::test]
async fn pages_of_other_origins_and_foreign_host_names_are_kept_out() {
    let world = World::new().await;
    let gateway = world
        .gateway_with(|config| {
            config.gateway.allowed_origins = vec!["https://app.example".to_owned()];
        })
        .await;
    let body = json!({"query": "{ __typename }"}).to_string();
    let status = async |header: &str, value: &str| {
        let request = gateway.post().header(header, value).body(body.clone());
        request.send().await.expect("answers").status().as_u16()
    };
    let own = format!("http://{}", gateway.address);
    assert_eq!(status("origin", &own).await, 200);
    assert_eq!(status("origin", "https://app.example").await, 200);
    assert_eq!(status("origin", "https://evil.example").await, 403);
    assert_eq!(status("origin", "null").await, 403);
    assert_eq!(status("host", "evil.example").await, 403);
    let form = gateway
        .post()
        .header("content-type", "text/plain")
        .body(body);
    let statuses = form.send().await.expect("answers").status();
    // Two content types make one that is not JSON, or the first one wins; neither is a plain form.
    assert!(statuses == 415 || statuses == 200, "{statuses}");
}

//! GraphQL over HTTP: what clients send by default, and what they are told where it is not taken.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::support::dialogue::turns;
use crate::support::gateway::{World, code_of, token_config};

const COUNT: &str = "query Q($n: Int) { conversations(first: $n) { nodes { id } } }";

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("answers");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_query_may_be_sent_by_get_with_a_token_as_by_post() {
    let world = World::new().await;
    world.writer("shop", "c").write(turns(1, 1)).await;
    let gateway = world
        .gateway_with(|config| config.gateway.tokens = vec![token_config("secret", &["shop"])])
        .await;
    let get = |query: &str, more: &[(&str, &str)]| {
        let request = Client::new().get(gateway.url("/graphql"));
        request.query(&[("query", query)]).query(more)
    };
    let variables = [("variables", r#"{"n": 1}"#), ("operationName", "Q")];
    let (status, _) = answer(get(COUNT, &variables)).await;
    assert_eq!(status, 401);
    let (status, found) = answer(get(COUNT, &variables).bearer_auth("secret")).await;
    assert_eq!(
        (status, &found["data"]["conversations"]["nodes"]),
        (200, &json!([{"id": "c"}]))
    );
    for (query, more, expected) in [
        (COUNT, [("variables", "{")], 400),
        ("", [("variables", "{}")], 400),
        (
            "subscription { conversations { kind } }",
            [("variables", "{}")],
            405,
        ),
    ] {
        let response = get(query, &more)
            .bearer_auth("secret")
            .send()
            .await
            .expect("answers");
        assert_eq!(response.status().as_u16(), expected, "{query}");
        let allow = response
            .headers()
            .get("allow")
            .map(|value| value.as_bytes());
        assert_eq!(
            allow,
            (expected == 405).then_some(&b"GET, POST"[..]),
            "{query}"
        );
    }
    let embedded = get(COUNT, &[])
        .bearer_auth("secret")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(answer(embedded).await.0, 403);
    let bare = Client::new()
        .get(gateway.url("/graphql"))
        .bearer_auth("secret");
    assert_eq!(answer(bare).await.0, 405);
}

#[tokio::test]
async fn what_holds_no_query_is_told_what_is_missing() {
    let gateway = World::new().await.gateway().await;
    for (body, status, code) in [
        (json!({"variables": {}}), 400, "BAD_REQUEST"),
        (json!({"query": ""}), 400, "BAD_REQUEST"),
        (
            json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}),
            200,
            "PERSISTED_QUERY_NOT_SUPPORTED",
        ),
    ] {
        let (found, told) = answer(gateway.post().body(body.to_string())).await;
        assert_eq!((found, code_of(&told).as_str()), (status, code), "{body}");
        assert!(told.get("data").is_none(), "nothing was executed: {told}");
    }
    let failed = gateway
        .post()
        .body(json!({"query": "{ nothing }"}).to_string());
    let (status, told) = answer(failed).await;
    assert_eq!(status, 200);
    assert!(told.get("data").is_none(), "{told}");
}

//! The page: its files, how they may be kept, and what it is told about its surroundings.

use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, World, token_config};

async fn surroundings(gateway: &Gateway) -> Value {
    let answer = reqwest::get(gateway.url("/config.json"))
        .await
        .expect("answers");
    assert_eq!(answer.headers()[CACHE_CONTROL], "no-cache");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn the_page_learns_its_surroundings_without_a_token() {
    let world = World::new().await;
    let open = world.gateway().await;
    assert_eq!(
        surroundings(&open).await,
        json!({"traceUrlTemplate": null, "errorUrlTemplate": null, "authRequired": false, "graphiqlUrl": "/graphiql"})
    );
    let template = "https://traces.example.com/{traceId}";
    let errors = "https://errors.example.com/?query={eventId}";
    let closed = world
        .gateway_with(|config| {
            config.gateway.tokens = vec![token_config("secret", &["shop"])];
            config.gateway.trace_url_template = Some(template.to_owned());
            config.gateway.error_url_template = Some(errors.to_owned());
            config.gateway.graphiql = false;
        })
        .await;
    assert_eq!(
        surroundings(&closed).await,
        json!({"traceUrlTemplate": template, "errorUrlTemplate": errors, "authRequired": true, "graphiqlUrl": null})
    );
}

#[tokio::test]
async fn what_is_no_page_is_not_found_and_only_reading_is_allowed() {
    let gateway = World::new().await.gateway().await;
    for path in ["/favicon.ico", "/assets/gone.js", "/assets/../Cargo.toml"] {
        let answer = reqwest::get(gateway.url(path)).await.expect("answers");
        assert_eq!(answer.status(), 404, "{path}");
    }
    let posted = reqwest::Client::new().post(gateway.url("/")).send().await;
    assert_eq!(posted.expect("answers").status(), 405);
}

#[cfg(not(page_is_built))]
#[tokio::test]
async fn a_gateway_without_the_page_says_how_to_get_it() {
    let gateway = World::new().await.gateway().await;
    let answer = reqwest::get(gateway.url("/")).await.expect("answers");
    assert_eq!(answer.status(), 404);
    assert!(
        answer
            .text()
            .await
            .expect("text")
            .contains("scripts/page.sh")
    );
}

#[cfg(page_is_built)]
#[tokio::test]
async fn every_address_of_the_page_gives_the_page_under_a_strict_policy() {
    let gateway = World::new().await.gateway().await;
    for path in [
        "/",
        "/?agent=x",
        "/conversations/shop/order.v2",
        "/elsewhere",
        "/index.html",
    ] {
        let answer = reqwest::get(gateway.url(path)).await.expect("answers");
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers();
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(headers[CACHE_CONTROL], "no-cache");
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert!(
            answer
                .text()
                .await
                .expect("text")
                .contains("<div id=\"root\">")
        );
    }
}

#[cfg(page_is_built)]
#[tokio::test]
async fn assets_are_kept_for_ever_and_sent_compressed_to_who_can_read_that() {
    let gateway = World::new().await.gateway().await;
    let page = reqwest::get(gateway.url("/")).await.expect("answers");
    let page = page.text().await.expect("text");
    let script = page
        .split('"')
        .find(|text| text.starts_with("/assets/") && text.ends_with(".js"))
        .expect("a script");
    let ask = async |accept: &'static str| {
        let request = reqwest::Client::new().get(gateway.url(script));
        let request = request.header(ACCEPT_ENCODING, accept);
        request.send().await.expect("answers")
    };
    let mut sizes = Vec::new();
    let mut etags = Vec::new();
    for (accept, encoding) in [("", None), ("gzip", Some("gzip")), ("gzip, br", Some("br"))] {
        let answer = ask(accept).await;
        let headers = answer.headers().clone();
        assert_eq!(headers[CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(
            headers[CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert!(
            headers[VARY]
                .to_str()
                .expect("text")
                .contains("accept-encoding")
        );
        let found = headers
            .get(CONTENT_ENCODING)
            .map(|value| value.to_str().expect("text"));
        assert_eq!(found, encoding);
        etags.push(headers[ETAG].clone());
        sizes.push(answer.bytes().await.expect("bytes").len());
    }
    assert!(sizes[0] > 2 * sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
    assert!(etags[0] != etags[1] && etags[1] != etags[2], "{etags:?}");
}

#[cfg(page_is_built)]
#[tokio::test]
async fn what_a_browser_has_already_is_not_sent_again() {
    let gateway = World::new().await.gateway().await;
    let client = reqwest::Client::new();
    let first = client.get(gateway.url("/")).send().await.expect("answers");
    let etag = first.headers()[ETAG].clone();
    let head = client.head(gateway.url("/")).send().await.expect("answers");
    assert_eq!(head.headers()[ETAG], etag);
    assert_eq!(
        head.headers()[CONTENT_LENGTH],
        first.headers()[CONTENT_LENGTH]
    );
    assert!(head.bytes().await.expect("bytes").is_empty());
    for (known, status) in [(etag.to_str().expect("text"), 304), ("\"older\"", 200)] {
        let request = client.get(gateway.url("/")).header(IF_NONE_MATCH, known);
        let answer = request.send().await.expect("answers");
        assert_eq!(answer.status(), status, "{known}");
    }
}

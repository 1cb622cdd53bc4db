//! A token sees the conversations of its projects and no others, however it asks.

use harness::dialogue::Dialogue;
use harness::otlp::{export, trace_records};
use harness::services::Settings;
use harness::stack::Stack;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

const START_NS: u64 = 1_767_600_000_000_000_000;
const SHOP_TOKEN: &str = "shop-token-with-enough-random-letters";
const EVERYTHING_TOKEN: &str = "admin-token-with-enough-random-letters";

fn token(name: &str, token: &str, projects: &str) -> String {
    let sha256 = harness::otlp::hex(&Sha256::digest(token));
    format!("{{name=\"{name}\", sha256=\"{sha256}\", projects=[\"{projects}\"]}}")
}

async fn stack_with_tokens(name: &str) -> Stack {
    let tokens = [
        token("shop", SHOP_TOKEN, "shop"),
        token("admin", EVERYTHING_TOKEN, "*"),
    ];
    let settings = Settings::default().set("gateway.tokens", format!("[{}]", tokens.join(", ")));
    let stack = Stack::start_with(name, settings).await;
    for (seed, project) in (0..).zip(["shop", "bank"]) {
        let mut chat = Dialogue::new(project, &format!("chat-{project}"), seed, START_NS);
        chat.ask("Who may read this?")
            .answer("Whoever holds the token.", 300);
        stack
            .send(trace_records(
                &stack.topics.spans,
                &export(project, chat.take()),
            ))
            .await;
    }
    stack.settle().await;
    stack
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reads_its_projects_only() {
    let stack = stack_with_tokens("auth").await;
    let ids = |rows: Vec<Value>| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();

    let shop = stack.client.with_token(SHOP_TOKEN);
    assert_eq!(
        ids(shop.list(Value::Null).await.expect("a list")),
        ["chat-shop"]
    );
    assert_eq!(
        ids(shop
            .list(json!({"projects": ["bank"]}))
            .await
            .unwrap_or_default()),
        Vec::<Value>::new()
    );
    assert_eq!(
        shop.conversation("bank", "chat-bank")
            .await
            .expect("an answer"),
        None
    );

    let admin = stack.client.with_token(EVERYTHING_TOKEN);
    assert_eq!(admin.list(Value::Null).await.expect("a list").len(), 2);
    assert!(
        admin
            .conversation("bank", "chat-bank")
            .await
            .expect("an answer")
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_answered() {
    let stack = stack_with_tokens("auth-none").await;
    for client in [stack.client.clone(), stack.client.with_token("guessed")] {
        let (status, answer) = client
            .answer("{ conversations { nodes { id } } }", Value::Null)
            .await
            .expect("an answer");
        assert_eq!(status.as_u16(), 401, "{answer}");
        assert_eq!(answer["data"], Value::Null, "{answer}");
        let subscription = client.follow("shop", "chat-shop", None).await;
        let event = match subscription {
            Ok(mut subscription) => subscription.next(Duration::from_secs(10)).await,
            Err(refusal) => Err(refusal),
        };
        assert!(event.is_err(), "{event:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_tells_nothing_of_other_projects() {
    let stack = stack_with_tokens("auth-live").await;
    let shop = stack.client.with_token(SHOP_TOKEN);
    let query = "subscription { conversations { conversation { id project } } }";
    let mut rows = shop
        .subscribe(query, Value::Null)
        .await
        .expect("a subscription");
    // The bank's news comes first: if it were told, it would be told before the shop's.
    for project in ["bank", "shop"] {
        let mut chat = Dialogue::new(project, &format!("news-{project}"), 9, START_NS);
        chat.ask("News?").answer("None.", 300);
        stack
            .send(trace_records(
                &stack.topics.spans,
                &export(project, chat.take()),
            ))
            .await;
        stack.settle().await;
    }
    let event = rows.next(Duration::from_secs(20)).await.expect("an event");
    assert_eq!(event["conversations"]["conversation"]["project"], "shop");
}

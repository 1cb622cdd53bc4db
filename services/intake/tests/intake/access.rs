//! A client writes into its own project, whatever it says.

use intake::keys::NewKey;
use prost::Message as _;
use serde_json::Value;

use crate::support::{Intake, SENTRY, SPANS, request, span};

const ENVELOPE: &str = concat!(
    "{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}\n",
    "{\"type\":\"span\",\"item_count\":1}\n",
    "{\"items\":[{\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":\"b7ad6b7169203331\",",
    "\"name\":\"chat\",\"start_timestamp\":1.5,\"end_timestamp\":2.5,\"status\":\"ok\",\"project_id\":1,",
    "\"attributes\":{\"project_id\":{\"type\":\"integer\",\"value\":1}}}]}\n",
);

fn key(name: &str, project: &str, project_id: u64) -> NewKey {
    NewKey::generate(name.to_owned(), project.to_owned(), project_id).expect("random")
}

async fn start(keys: &[&NewKey]) -> Intake {
    let keys = keys.iter().map(|key| key.config.clone()).collect();
    Intake::with(|config| config.intake.keys = keys).await
}

#[tokio::test]
async fn a_token_decides_the_project_of_otlp() {
    let (shop, bank) = (key("a", "shop", 1), key("b", "bank", 2));
    let intake = start(&[&shop, &bank]).await;
    let body = request(vec![span(1, 1, 5)]).encode_to_vec();
    let send = |name: &str, value: &str| intake.export(body.clone()).header(name, value).send();
    let bearer = format!("Bearer {}", bank.token.expose());
    for (name, value, status) in [
        ("authorization", bearer.as_str(), 200),
        ("x-api-key", shop.token.expose(), 200),
        ("authorization", "Bearer wrong", 401),
        ("authorization", shop.token.expose(), 401),
        ("x-other", "none", 401),
    ] {
        let answer = send(name, value).await.expect("an answer");
        assert_eq!(answer.status(), status, "{name}: {value}");
        assert_eq!(
            answer.headers().contains_key("www-authenticate"),
            status == 401
        );
    }
    let records = intake.records(SPANS).await;
    let mut projects: Vec<&str> = records
        .iter()
        .map(|record| record.headers["project_id"].as_str())
        .collect();
    projects.sort_unstable();
    assert_eq!(projects, ["bank", "shop"]);
}

#[tokio::test]
async fn a_dsn_decides_the_project_of_sentry() {
    let (shop, bank) = (key("a", "shop", 1), key("b", "bank", 2));
    let intake = start(&[&shop, &bank]).await;
    let public_key = bank.config.public_key.clone().expect("has one");
    let send = |path: String| intake.post(&path).body(ENVELOPE).send();
    for (path, status) in [
        (format!("/api/2/envelope/?sentry_key={public_key}"), 200),
        (format!("/api/1/envelope/?sentry_key={public_key}"), 403),
        ("/api/2/envelope/?sentry_key=unknown".to_owned(), 403),
        // A token is no public key.
        (
            format!("/api/2/envelope/?sentry_key={}", bank.token.expose()),
            403,
        ),
        ("/api/2/envelope/".to_owned(), 403),
    ] {
        let answer = send(path.clone()).await.expect("an answer");
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(
            answer.headers().contains_key("x-sentry-error"),
            status == 403
        );
    }
    let records = intake.records(SENTRY).await;
    let [record] = records.as_slice() else {
        panic!("one record, not {}", records.len())
    };
    assert_eq!(record.headers["project_id"], "bank");
    let body: Value = serde_json::from_slice(&record.payload).expect("JSON");
    assert_eq!(body["project_id"], 2);
}

#[tokio::test]
async fn a_dsn_in_the_envelope_is_looked_at_too() {
    let shop = key("a", "shop", 1);
    let intake = start(&[&shop]).await;
    let public_key = shop.config.public_key.clone().expect("has one");
    let with_dsn =
        |key: &str| ENVELOPE.replacen('{', &format!("{{\"dsn\":\"http://{key}@localhost/1\","), 1);
    for (key, status) in [(public_key.as_str(), 200), ("unknown", 403)] {
        let sent = intake.post("/api/1/envelope/").body(with_dsn(key)).send();
        assert_eq!(sent.await.expect("an answer").status(), status, "{key}");
    }
    assert_eq!(intake.records(SENTRY).await.len(), 1);
}

//! OTLP at the addresses that Sentry's SDKs derive from a DSN.

use intake::keys::NewKey;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use serde_json::json;

use crate::support::{Intake, LOGS, SPANS, request, span};

/// As the SDK for PHP writes it, and as exporters are told to.
const AUTHS: [&str; 2] = [
    "Sentry sentry_version=7, sentry_key=abc, sentry_client=sentry.php/4.22.0",
    "sentry sentry_key=abc",
];

fn addresses(signal: &str) -> Vec<String> {
    let bases = ["integration/otlp", "otlp"];
    bases
        .iter()
        .flat_map(|base| ["", "/"].map(|end| format!("/api/42/{base}/v1/{signal}{end}")))
        .collect()
}

#[tokio::test]
async fn a_dsn_is_address_and_authentication() {
    let intake = Intake::start().await;
    let body = request(vec![span(1, 1, 5)]).encode_to_vec();
    for address in addresses("traces") {
        for auth in AUTHS {
            let sent = intake
                .post(&address)
                .header("X-Sentry-Auth", auth)
                .header("Content-Type", "application/x-protobuf")
                .body(body.clone());
            let answer = sent.send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "{address} {auth}");
            let answer = answer.bytes().await.expect("a body");
            let answer = ExportTraceServiceResponse::decode(answer).expect("protobuf");
            assert_eq!(answer.partial_success, None);
        }
        let by_query = intake
            .post(&format!("{address}?sentry_key=abc"))
            .header("Content-Type", "application/x-protobuf")
            .body(body.clone());
        assert_eq!(by_query.send().await.expect("an answer").status(), 200);
    }
    let records = intake.records(SPANS).await;
    assert_eq!(records.len(), 12);
    assert!(
        records
            .iter()
            .all(|record| record.headers["project_id"] == "42")
    );
}

#[tokio::test]
async fn logs_are_taken_likewise_and_json_is_answered_in_json() {
    let intake = Intake::start().await;
    let log = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
        "timeUnixNano": "1", "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
        "eventName": "gen_ai.user.message", "body": {"stringValue": "hello"}
    }]}]}]});
    for address in addresses("logs") {
        let sent = intake
            .post(&address)
            .header("X-Sentry-Auth", AUTHS[0])
            .header("Content-Type", "application/json")
            .body(log.to_string());
        let answer = sent.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{address}");
        assert_eq!(answer.text().await.expect("text"), "{}");
    }
    let records = intake.records(LOGS).await;
    assert_eq!(records.len(), 4);
    assert_eq!(records[0].headers["project_id"], "42");
}

#[tokio::test]
async fn who_shows_no_key_or_anothers_is_refused() {
    let key = NewKey::generate("a".to_owned(), "shop".to_owned(), 42).expect("random");
    let public_key = key.config.public_key.clone().expect("has one");
    let token = key.token.expose().to_owned();
    let intake = Intake::with(|config| config.intake.keys = vec![key.config]).await;
    let auth = |key: &str| format!("Sentry sentry_version=7, sentry_key={key}");
    let bearer = format!("Bearer {token}");
    for (path, name, value, status) in [
        (42, "x-sentry-auth", auth(&public_key), 200),
        (41, "x-sentry-auth", auth(&public_key), 403),
        (42, "x-sentry-auth", auth("unknown"), 403),
        (42, "x-other", "none".to_owned(), 403),
        // A token opens the doors of OTLP, a public key those of a DSN.
        (42, "authorization", bearer, 403),
    ] {
        let sent = intake
            .post(&format!("/api/{path}/integration/otlp/v1/traces/"))
            .header(name, &value)
            .header("Content-Type", "application/x-protobuf")
            .body(request(vec![span(1, 1, 5)]).encode_to_vec());
        let answer = sent.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{path} {name}: {value}");
    }
    let records = intake.records(SPANS).await;
    let [record] = records.as_slice() else {
        panic!("one record, not {}", records.len())
    };
    assert_eq!(record.headers["project_id"], "shop");
    let shop = intake
        .post("/api/shop/integration/otlp/v1/traces?sentry_key=a")
        .header("Content-Type", "application/json")
        .body("{}");
    assert_eq!(shop.send().await.expect("an answer").status(), 400);
}

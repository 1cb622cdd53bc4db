//! Sentry envelopes, answered as Sentry answers.

use intake::keys::NewKey;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use serde_json::Value;

use crate::support::{Intake, LOGS, SENTRY};

const HEADER: &str =
    "{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\",\"sent_at\":\"2026-11-23T05:59:27Z\"}\n";
const SPAN: &str = concat!(
    "{\"type\":\"span\",\"item_count\":1,\"content_type\":\"application/vnd.sentry.items.span.v2+json\"}\n",
    "{\"items\":[{\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":\"b7ad6b7169203331\",",
    "\"name\":\"chat\",\"start_timestamp\":1.5,\"end_timestamp\":2.5,\"status\":\"ok\"}]}\n",
);

fn envelope() -> String {
    format!("{HEADER}{{\"type\":\"client_report\"}}\n{{}}\n{SPAN}")
}

#[tokio::test]
async fn an_envelope_is_taken_as_each_sdk_sends_it() {
    let intake = Intake::start().await;
    // As the SDK for Python does.
    let gzip = {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(envelope().as_bytes()).expect("compresses");
        gzip.finish().expect("compresses")
    };
    let python = intake
        .post("/api/42/envelope/")
        .header(
            "X-Sentry-Auth",
            "Sentry sentry_key=abc, sentry_version=7, sentry_client=sentry.python/2.75.0",
        )
        .header("Content-Type", "application/x-sentry-envelope")
        .header("Content-Encoding", "gzip")
        .body(gzip);
    // As the SDK for Node does: no content type, chunked, the key in the query.
    let chunks = envelope()
        .into_bytes()
        .chunks(50)
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>();
    let stream = futures::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
    let node = intake
        .post("/api/42/envelope/?sentry_version=7&sentry_key=abc&sentry_client=sentry.javascript.node%2F11.12.0")
        .body(reqwest::Body::wrap_stream(stream));
    // As a tunnel passes it on: no trailing slash, the DSN within.
    let tunnel = envelope().replacen('{', "{\"dsn\":\"https://abc@example.com/42\",", 1);
    let tunnel = intake
        .post("/api/42/envelope")
        .header("Content-Type", "text/plain")
        .body(tunnel);
    for sent in [python, node, tunnel] {
        let answer = sent.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["id"], "9ec79c33ec9942ab8353589fcb2e04dc");
    }
    let records = intake.records(SENTRY).await;
    assert_eq!(records.len(), 3);
    for record in records {
        assert_eq!(record.key, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(record.headers["project_id"], "42");
        let body: Value = serde_json::from_slice(&record.payload).expect("JSON");
        assert_eq!(
            (&body["project_id"], &body["name"]),
            (&42.into(), &"chat".into())
        );
    }
}

#[tokio::test]
async fn an_envelope_without_spans_or_id_is_fine() {
    let intake = Intake::start().await;
    for body in [
        "{}\n",
        "{}\n{\"type\":\"session\"}\n{\"status\":\"ok\"}\n",
        HEADER,
    ] {
        let answer = intake
            .post("/api/1/envelope/?sentry_key=a")
            .body(body)
            .send()
            .await;
        assert_eq!(answer.expect("an answer").status(), 200, "{body}");
    }
    assert!(intake.records(SENTRY).await.is_empty());
}

#[tokio::test]
async fn an_error_event_goes_to_the_logs_of_the_span_that_it_names() {
    let intake = Intake::start().await;
    let event = concat!(
        "{\"type\":\"event\"}\n{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\",\"timestamp\":1.5,\"level\":\"error\",",
        "\"exception\":{\"values\":[{\"type\":\"KeyError\",\"value\":\"'city'\",\"mechanism\":{\"handled\":false}}]},",
        "\"contexts\":{\"trace\":{\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":\"b7ad6b7169203331\"}}}\n",
    );
    let without_trace = "{\"type\":\"event\"}\n{\"message\":\"broke\"}\n";
    let sent = intake
        .post("/api/42/envelope/?sentry_key=abc")
        .body(format!("{HEADER}{event}{without_trace}{SPAN}"));
    assert_eq!(sent.send().await.expect("an answer").status(), 200);
    let logs = intake.records(LOGS).await;
    let [log] = logs.as_slice() else {
        panic!("one record, not {}", logs.len())
    };
    assert_eq!(log.key, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(log.headers["project_id"], "42");
    let request = ExportLogsServiceRequest::decode(log.payload.as_slice()).expect("protobuf");
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.event_name, domain::normalise::REPORTED_ERROR);
    assert_eq!(
        (
            record.trace_id.len(),
            record.span_id.len(),
            record.time_unix_nano
        ),
        (16, 8, 1_500_000_000)
    );
    assert_eq!(intake.records(SENTRY).await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_said_as_sentry_says_it() {
    let intake = Intake::start().await;
    for (path, body, status, complaint) in [
        ("/api/1/envelope/", HEADER, 403, "missing authorization"),
        (
            "/api/shop/envelope/?sentry_key=a",
            HEADER,
            400,
            "not a number",
        ),
        ("/api/1/envelope/?sentry_key=a", "", 400, "empty"),
        (
            "/api/1/envelope/?sentry_key=a",
            "no json\n",
            400,
            "header line",
        ),
        (
            "/api/1/envelope/?sentry_key=a",
            "{}\n{\"type\":\"span\",\"length\":99}\n{}",
            400,
            "promises 99 bytes",
        ),
    ] {
        let answer = intake
            .post(path)
            .body(body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), status, "{path} {body}");
        let header = answer.headers()["x-sentry-error"]
            .to_str()
            .expect("text")
            .to_owned();
        let body: Value = answer.json().await.expect("JSON");
        assert!(header.contains(complaint), "{header}");
        assert_eq!(body["detail"], header);
    }
    let both = intake
        .post("/api/1/envelope/?sentry_key=a")
        .header("X-Sentry-Auth", "Sentry sentry_key=b");
    assert_eq!(
        both.body(HEADER).send().await.expect("an answer").status(),
        403
    );
}

#[tokio::test]
async fn browsers_may_ask_first_and_send_from_anywhere() {
    let key = NewKey::generate("a".to_owned(), "shop".to_owned(), 1).expect("random");
    let public_key = key.config.public_key.clone().expect("has one");
    let keys = vec![key.config];
    let intake = Intake::with(|config| config.intake.keys = keys).await;
    let url = format!(
        "http://{}/api/1/envelope/?sentry_key={public_key}",
        intake.http
    );
    let preflight = intake
        .client
        .request(reqwest::Method::OPTIONS, &url)
        .header("Origin", "https://app.example.com")
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "content-type,x-sentry-auth",
        )
        .send()
        .await
        .expect("an answer");
    assert_eq!(preflight.status(), 200);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    let allowed = preflight.headers()["access-control-allow-headers"]
        .to_str()
        .expect("text");
    assert!(allowed.contains("x-sentry-auth"), "{allowed}");
    let sent = intake
        .client
        .post(&url)
        .header("Origin", "https://app.example.com")
        .body(envelope());
    let answer = sent.send().await.expect("an answer");
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let exposed = answer.headers()["access-control-expose-headers"]
        .to_str()
        .expect("text");
    assert!(exposed.contains("x-sentry-rate-limits"), "{exposed}");
    let otlp = intake
        .export("")
        .header("Origin", "https://app.example.com")
        .send()
        .await;
    assert!(
        !otlp
            .expect("an answer")
            .headers()
            .contains_key("access-control-allow-origin")
    );
}

#[tokio::test]
async fn without_keys_only_pages_of_this_machine_may_send() {
    let intake = Intake::start().await;
    let url = format!("http://{}/api/1/envelope/?sentry_key=a", intake.http);
    for (header, value, status) in [
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 403),
        ("origin", "http://localhost:3000", 200),
    ] {
        let sent = intake.client.post(&url).header(header, value);
        let answer = sent.body(envelope()).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{header}: {value}");
    }
    let otlp = intake.export("").header("origin", "https://evil.example");
    assert_eq!(otlp.send().await.expect("an answer").status(), 403);
}

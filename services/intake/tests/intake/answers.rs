//! OTLP/HTTP answers what its specification says, and the records are in Kafka by then.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::{Value, json};
use std::io::Write as _;

use crate::support::{Intake, LOGS, SPANS, request, span};

#[tokio::test]
async fn an_acknowledged_export_is_in_kafka_by_trace() {
    let intake = Intake::start().await;
    let sent = request(vec![span(1, 1, 5), span(2, 1, 5), span(1, 2, 5)]);
    let answer = intake
        .export(sent.encode_to_vec())
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-protobuf");
    assert!(answer.bytes().await.expect("a body").is_empty());
    let records = intake.records(SPANS).await;
    let keys: Vec<&str> = records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys, ["01".repeat(16), "02".repeat(16)]);
    let first = ExportTraceServiceRequest::decode(&*records[0].payload).expect("a request");
    assert_eq!(first, request(vec![span(1, 1, 5), span(1, 2, 5)]));
    assert!(records[0].headers.is_empty());
}

#[tokio::test]
async fn every_content_coding_is_taken() {
    let intake = Intake::start().await;
    let plain = request(vec![span(1, 1, 100)]).encode_to_vec();
    let level = flate2::Compression::default();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
    gzip.write_all(&plain).expect("compresses");
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
    zlib.write_all(&plain).expect("compresses");
    let codings = [
        ("identity", plain.clone()),
        ("gzip", gzip.finish().expect("compresses")),
        ("deflate", zlib.finish().expect("compresses")),
        ("zstd", zstd::encode_all(&*plain, 3).expect("compresses")),
    ];
    let count = codings.len();
    for (coding, body) in codings {
        let sent = intake
            .export(body)
            .header("Content-Encoding", coding)
            .send();
        assert_eq!(sent.await.expect("an answer").status(), 200, "{coding}");
    }
    let records = intake.records(SPANS).await;
    assert_eq!(records.len(), count);
    assert!(records.iter().all(|record| record.payload == plain));
}

#[tokio::test]
async fn json_is_taken_and_answered_in_json() {
    let intake = Intake::start().await;
    let send = async |spans: Value| {
        let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
        let answer = intake
            .post("/v1/traces")
            .header("Content-Type", "application/json; charset=utf-8")
            .body(body.to_string())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        answer.json::<Value>().await.expect("JSON")
    };
    let good = json!({"traceId": "01".repeat(16), "spanId": "02".repeat(8), "name": "chat"});
    assert_eq!(send(json!([good])).await, json!({}));
    let bad = json!({"traceId": "zz", "spanId": "02".repeat(8), "name": "broken"});
    let answer = send(json!([good, bad])).await;
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    let message = answer["partialSuccess"]["errorMessage"]
        .as_str()
        .expect("a text");
    assert!(
        message.contains("\"broken\"") && message.contains("trace id"),
        "{message}"
    );
    let records = intake.records(SPANS).await;
    assert_eq!(records.len(), 2);
    let stored = ExportTraceServiceRequest::decode(&*records[1].payload).expect("a request");
    assert_eq!(
        stored.resource_spans[0].scope_spans[0].spans[0].name,
        "chat"
    );
}

#[tokio::test]
async fn what_is_broken_around_spans_is_told_for_proto_and_json_and_logs() {
    let intake = Intake::start().await;
    let ids = json!({"traceId": "01".repeat(16), "spanId": "02".repeat(8)});
    let good = request(vec![span(1, 1, 5)]).encode_to_vec();
    // A resource whose attribute is no message, around nothing.
    let broken = [&good[..], &[0x0A, 6, 0x0A, 4, 0x0A, 2, 0xFF, 0xFF]].concat();
    let answer = intake.export(broken).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let body = answer.bytes().await.expect("a body");
    let answer = ExportTraceServiceResponse::decode(body).expect("a response");
    let partial = answer.partial_success.expect("is partial");
    assert_eq!(partial.rejected_spans, 1);
    assert!(
        partial
            .error_message
            .starts_with("resource 1: resource: attributes"),
        "{}",
        partial.error_message
    );
    for (path, kind, scopes, items) in [
        ("/v1/traces", "resourceSpans", "scopeSpans", "spans"),
        ("/v1/logs", "resourceLogs", "scopeLogs", "logRecords"),
    ] {
        let scope = json!([{ items: [ids, ids] }]);
        let body =
            json!({ kind: [{"resource": {"attributes": [7]}, scopes: scope}, {scopes: scope}] });
        let sent = intake
            .post(path)
            .header("Content-Type", "application/json")
            .body(body.to_string());
        let answer = sent.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        let answer = answer.json::<Value>().await.expect("JSON");
        let partial = answer["partialSuccess"].to_string();
        assert!(
            partial.contains("\"2\"") && partial.contains("resource 0 with the 2 items in it"),
            "{partial}"
        );
    }
    assert_eq!(intake.records(SPANS).await.len(), 2);
    assert_eq!(intake.records(LOGS).await.len(), 1);
}

#[tokio::test]
async fn rejected_spans_are_told_in_the_partial_success() {
    let intake = Intake::with(|config| config.intake.limits.item_bytes_max = 1_000_000).await;
    let mut nameless = span(1, 2, 5);
    nameless.trace_id.clear();
    let sent = request(vec![span(1, 1, 5), nameless, span(1, 3, 1_100_000)]);
    let answer = intake
        .export(sent.encode_to_vec())
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let body = answer.bytes().await.expect("a body");
    let partial = ExportTraceServiceResponse::decode(body)
        .expect("a response")
        .partial_success;
    let partial = partial.expect("is partial");
    assert_eq!(partial.rejected_spans, 2);
    assert!(
        partial.error_message.contains("span 1/3"),
        "{}",
        partial.error_message
    );
    assert_eq!(intake.records(SPANS).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_encoding_of_the_request() {
    let intake = Intake::start().await;
    let proto = "application/x-protobuf";
    let cases = [
        (proto, "", "no protobuf at all", 400),
        ("application/json", "", "{\"resourceSpans\": 5}", 400),
        (proto, "gzip", "no gzip at all", 400),
        (proto, "lzma", "", 415),
        (proto, "gzip, gzip", "", 415),
        ("text/plain", "", "hello", 415),
        ("", "", "hello", 415),
    ];
    for (kind, coding, body, status) in cases {
        let mut sent = intake.post("/v1/traces").body(body);
        for (name, value) in [("Content-Type", kind), ("Content-Encoding", coding)] {
            if !value.is_empty() {
                sent = sent.header(name, value);
            }
        }
        let answer = sent.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{kind} {coding} {body}");
        let written = answer.headers()["content-type"].clone();
        assert_eq!(
            written,
            if kind == proto {
                proto
            } else {
                "application/json"
            },
            "{kind}"
        );
        let body = answer.bytes().await.expect("a body");
        assert!(body.len() > 10, "a status with a message");
    }
    assert_eq!(
        intake
            .post("/v1/trace")
            .send()
            .await
            .expect("an answer")
            .status(),
        404
    );
    let get = intake
        .client
        .get(format!("http://{}/v1/traces", intake.http));
    assert_eq!(get.send().await.expect("an answer").status(), 405);
    assert!(intake.records(SPANS).await.is_empty());
}

#[tokio::test]
async fn nothing_metrics_and_logs_of_no_span_are_accepted_and_not_stored() {
    let intake = Intake::start().await;
    for (path, kind, body) in [
        ("/v1/traces", "application/x-protobuf", ""),
        ("/v1/traces", "application/json", "{}"),
        ("/v1/metrics", "application/x-protobuf", "anything at all"),
        (
            "/v1/metrics",
            "application/json",
            "{\"resourceMetrics\": []}",
        ),
        (
            "/v1/logs",
            "application/json",
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#,
        ),
    ] {
        let sent = intake
            .post(path)
            .header("Content-Type", kind)
            .body(body)
            .send();
        assert_eq!(
            sent.await.expect("an answer").status(),
            200,
            "{path} {kind}"
        );
    }
    assert!(intake.records(SPANS).await.is_empty());
    assert!(intake.records(LOGS).await.is_empty());
}

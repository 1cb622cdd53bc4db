//! What SDKs send to the intake arrives as if it had been written to Kafka, and all of it that was acknowledged.

use harness::captured;
use harness::intake::{Intake, PUBLIC_KEY, export};
use harness::load::Load;
use harness::record::{Record, read_all};
use harness::services::Settings;
use harness::stack::Stack;
use harness::topics::Topics;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;

const LOAD_SPANS: u64 = 30_000;
const CONVERSATIONS: usize = 200;
const SEED: u64 = 20_261_127;
/// Records of one export: some 120 spans.
const EXPORT_RECORDS: usize = 50;
const EXPORTERS: usize = 6;
const KILLS: u32 = 5;
/// Between an intake's being ready and its end: long enough to acknowledge something.
const LIFE: Duration = Duration::from_millis(700);
/// Between two exports of one exporter, so that there is something to send until the last kill.
const PAUSE: Duration = Duration::from_millis(200);

type SpanIds = BTreeSet<Vec<u8>>;

fn span_ids<'a>(records: impl IntoIterator<Item = &'a Record>) -> SpanIds {
    let requests = records
        .into_iter()
        .map(|record| ExportTraceServiceRequest::decode(&*record.payload).expect("a request"));
    requests
        .flat_map(|request| request.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .map(|span| [span.trace_id, span.span_id].concat())
        .collect()
}

async fn stored(topics: &Topics) -> SpanIds {
    let brokers = harness::kafka::Kafka::shared().await.brokers();
    span_ids(&read_all(&brokers, &topics.spans).await.expect("readable"))
}

/// The exports of a load, and all spans in them.
fn exports(topic: &str) -> (Vec<Vec<Record>>, SpanIds) {
    let mut load = Load::new(topic, CONVERSATIONS, SEED);
    let mut exports = Vec::new();
    while load.spans() < LOAD_SPANS {
        exports.push(load.by_ref().take(EXPORT_RECORDS).collect::<Vec<_>>());
    }
    let ids = span_ids(exports.iter().flatten());
    (exports, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_requests_give_the_conversations_that_their_records_give() {
    let direct = Stack::start("intake-direct").await;
    let posted = Stack::start_with("intake-posted", Settings::default()).await;
    let intake = posted.intake().await;
    for capture in captured::all().expect("readable") {
        direct.send(capture.records(&direct.topics)).await;
        for request in capture.requests() {
            let path = request.path;
            let answer = intake.send(request).await.expect("an answer");
            let status = answer.status();
            let body = answer.text().await.expect("a body");
            assert_eq!(status, 200, "{} to {path}: {body}", capture.label);
            assert!(
                !body.contains("rejected"),
                "{} to {path}: {body}",
                capture.label
            );
        }
    }
    direct.settle().await;
    posted.settle().await;

    let expected = direct.client.dump().await.expect("a dump");
    let found = posted.client.dump().await.expect("a dump");
    assert!(expected.len() > 15, "{} conversations", expected.len());
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (key, conversation) in &expected {
        assert_eq!(&found[key], conversation, "{key:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_taken_whole_and_none_of_it_is_refused() {
    let (intake, topics, _directory) = Intake::alone("intake-load").await;
    let (exports, sent) = exports(&topics.spans);
    let (client, endpoint) = (reqwest::Client::new(), intake.otlp_http());
    let mut under_way = JoinSet::new();
    for records in exports {
        if under_way.len() == EXPORTERS {
            under_way
                .join_next()
                .await
                .expect("some")
                .expect("is taken");
        }
        let (client, endpoint) = (client.clone(), endpoint.clone());
        under_way.spawn(async move {
            let outcome = export(&client, &endpoint, &records).await;
            outcome.expect("an answer").expect("is taken whole");
        });
    }
    under_way.join_all().await;
    assert_eq!(stored(&topics).await, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intake_that_is_killed_has_lost_nothing_that_it_acknowledged() {
    let (mut intake, topics, _directory) = Intake::alone("intake-killed").await;
    let (mut exports, sent) = exports(&topics.spans);
    let mut exporters = JoinSet::new();
    let share = exports.len().div_ceil(EXPORTERS);
    while !exports.is_empty() {
        let mine = exports.split_off(exports.len().saturating_sub(share));
        exporters.spawn(export_until_acknowledged(intake.otlp_http(), mine));
    }
    let mut was_sending = 0;
    for _ in 0..KILLS {
        tokio::time::sleep(LIFE).await;
        was_sending += u32::from(!exporters.is_empty());
        intake.service.kill();
        intake.service.restart();
        intake.service.ready().await;
    }
    let failures: u32 = exporters.join_all().await.into_iter().sum();
    assert_eq!(
        was_sending, KILLS,
        "all was sent before the last kill: send more"
    );
    assert!(failures > 0, "no kill met an export");
    // Each of them was acknowledged once, and never sent again after that.
    assert_eq!(stored(&topics).await, sent);
}

/// Sends each export until it is acknowledged, as exporters do. Says how often it was not.
async fn export_until_acknowledged(endpoint: String, exports: Vec<Vec<Record>>) -> u32 {
    let client = reqwest::Client::new();
    let mut failures = 0;
    for records in exports {
        while !matches!(export(&client, &endpoint, &records).await, Ok(Ok(()))) {
            failures += 1;
            tokio::time::sleep(PAUSE).await;
        }
        // Short, or no export would meet an intake that is gone for a moment only.
        tokio::time::sleep(PAUSE / 2).await;
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_sends_belongs_to_the_project_of_the_key() {
    let stack = Stack::start("intake-keys").await;
    let token = "a token of the shop";
    let hash: String = Sha256::digest(token)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let keys = format!(
        "[{{name = \"shop\", project = \"shop\", sha256 = \"{hash}\", public_key = \"{PUBLIC_KEY}\"}}]"
    );
    let intake = stack
        .intake_with(Settings::default().set("intake.keys", keys))
        .await;
    for label in ["c_traceloop_sdk", "e_sentry_openai_tx"] {
        for request in captured::load(label).expect("readable").requests() {
            let path = request.path;
            let url = format!("{path}?sentry_key={PUBLIC_KEY}");
            let sent = match request.content_type {
                Some(kind) => intake
                    .post(path)
                    .header("Content-Type", kind)
                    .bearer_auth(token),
                None => intake.post(&url),
            };
            let answer = sent.body(request.body).send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "{label}");
        }
    }
    stack.settle().await;
    let rows = stack.client.list(Value::Null).await.expect("a list");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["project"] == "shop"), "{rows:?}");
}

//! Kafka that is away, slow, unwilling or small.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::Duration;

use crate::support::{Intake, PATIENCE, SPANS, request, span};

fn one() -> Vec<u8> {
    request(vec![span(1, 1, 5)]).encode_to_vec()
}

fn fail_produce(cluster: &MockCluster<'static, DefaultProducerContext>, errors: &[RDKafkaRespErr]) {
    cluster.request_errors(RDKafkaApiKey::Produce, errors);
}

#[tokio::test]
async fn without_kafka_clients_are_told_to_come_again_and_then_can() {
    let intake = Intake::with(|config| config.intake.delivery_timeout_ms = 1_000).await;
    intake.becomes(true).await;
    intake.cluster.broker_down(1).expect("goes down");
    for look in ["before it is noticed", "after"] {
        let answer = intake.export(one()).send().await.expect("an answer");
        assert_eq!(answer.status(), 503, "{look}");
        assert_eq!(answer.headers()["retry-after"], "5");
        intake.becomes(false).await;
    }
    let sentry = intake
        .post("/api/1/envelope/?sentry_key=a")
        .body("{}\n")
        .send();
    let sentry = sentry.await.expect("an answer");
    assert_eq!(
        (sentry.status().as_u16(), &sentry.headers()["retry-after"]),
        (503, &"5".parse().expect("a value"))
    );
    assert!(
        sentry.headers()["x-sentry-rate-limits"]
            .to_str()
            .expect("text")
            .contains("span")
    );

    intake.cluster.broker_up(1).expect("comes back");
    intake.becomes(true).await;
    let answer = intake.export(one()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(!intake.records(SPANS).await.is_empty());
}

#[tokio::test]
async fn errors_that_pass_are_not_the_clients_concern() {
    let intake = Intake::start().await;
    let moved = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    let busy = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    fail_produce(&intake.cluster, &[moved, busy]);
    let answer = intake.export(one()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(intake.records(SPANS).await.len(), 1);
}

#[tokio::test]
async fn what_the_brokers_find_too_large_is_cut_once_more() {
    let intake = Intake::start().await;
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    fail_produce(&intake.cluster, &[too_large]);
    let whole = request((1..=4).map(|id| span(1, id, 1_000)).collect());
    let answer = intake
        .export(whole.encode_to_vec())
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.expect("a body").is_empty());
    let records = intake.records(SPANS).await;
    assert!(records.len() > 1, "one record was not taken");
    let spans: usize = records
        .iter()
        .map(|record| ExportTraceServiceRequest::decode(&*record.payload).expect("a request"))
        .flat_map(|part| part.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .map(|scope| scope.spans.len())
        .sum();
    assert_eq!(spans, 4);
}

#[tokio::test]
async fn a_span_that_the_brokers_never_take_is_named() {
    let intake = Intake::start().await;
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    fail_produce(&intake.cluster, &[too_large]);
    let answer = intake.export(one()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let body = answer.bytes().await.expect("a body");
    let partial = ExportTraceServiceResponse::decode(body)
        .expect("a response")
        .partial_success;
    let partial = partial.expect("is partial");
    assert_eq!(partial.rejected_spans, 1);
    assert!(
        partial.error_message.contains("span 1/1"),
        "{}",
        partial.error_message
    );
}

#[tokio::test]
async fn a_refusal_of_the_broker_is_no_success() {
    let intake = Intake::start().await;
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    fail_produce(&intake.cluster, &[refused]);
    let answer = intake.export(one()).send().await.expect("an answer");
    assert_eq!(answer.status(), 503);
    // The client may need a moment, or another client, to get over it.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while intake
        .export(one())
        .send()
        .await
        .expect("an answer")
        .status()
        != 200
    {
        assert!(tokio::time::Instant::now() < deadline, "it stays refused");
    }
}

#[tokio::test]
async fn beyond_the_bounds_requests_are_shed_and_later_taken() {
    let intake = Intake::with(|config| {
        config.intake.limits.memory_bytes_max = 300_000;
        config.intake.limits.request_memory_bytes_max = 250_000;
    })
    .await;
    intake.becomes(true).await;
    // A slow broker: the first request holds its memory meanwhile.
    intake
        .cluster
        .broker_round_trip_time(1, Duration::from_secs(2))
        .expect("is slow");
    let large = request(vec![span(1, 1, 60_000)]).encode_to_vec();
    let first = tokio::spawn(intake.export(large.clone()).send());
    tokio::time::sleep(Duration::from_millis(700)).await;
    let shed = intake
        .export(large.clone())
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (shed.status().as_u16(), &shed.headers()["retry-after"]),
        (429, &"2".parse().expect("a value"))
    );
    assert_eq!(
        first.await.expect("no panic").expect("an answer").status(),
        200
    );
    let later = intake.export(large).send().await.expect("an answer");
    assert_eq!(later.status(), 200);
}

#[tokio::test]
async fn beyond_the_number_of_requests_they_are_shed() {
    let intake = Intake::with(|config| config.intake.limits.requests_max = 0).await;
    let answer = intake.export(one()).send().await.expect("an answer");
    assert_eq!(answer.status(), 429);
    let sentry = intake
        .post("/api/1/envelope/?sentry_key=a")
        .body("{}\n")
        .send();
    assert_eq!(sentry.await.expect("an answer").status(), 429);
}

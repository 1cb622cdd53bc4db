//! Our own traces: sent by OTLP, here to an intake of another installation, and connected from request to store.

use harness::dialogue::Dialogue;
use harness::eventually;
use harness::intake::Intake;
use harness::kafka::Kafka;
use harness::otlp::export;
use harness::record::read_all;
use harness::services::Settings;
use harness::stack::Stack;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;
use serde_json::Value;
use std::time::Duration;

const PROJECT: &str = "shop";
const START_NS: u64 = 1_767_600_000_000_000_000;
/// Spans are sent every five seconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// The spans and who made them.
fn told(export: ExportTraceServiceRequest) -> Vec<(String, Span)> {
    let of_service = |group: ResourceSpans| {
        let attributes = group.resource.map(|resource| resource.attributes);
        let name = attributes
            .into_iter()
            .flatten()
            .find(|attribute| attribute.key == "service.name");
        let service = match name.and_then(|name| name.value?.value) {
            Some(Any::StringValue(text)) => text,
            other => panic!("service.name is {other:?}"),
        };
        let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans
            .map(|span| (service.clone(), span))
            .collect::<Vec<_>>()
    };
    export
        .resource_spans
        .into_iter()
        .flat_map(of_service)
        .collect()
}

/// Whether the service made a span `child` within a span `parent`.
fn has(spans: &[(String, Span)], service: &str, parent: &str, child: &str) -> bool {
    spans.iter().any(|(of, inner)| {
        of == service
            && inner.name == child
            && spans.iter().any(|(_, outer)| {
                outer.span_id == inner.parent_span_id
                    && outer.trace_id == inner.trace_id
                    && outer.name == parent
            })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn own_traces_go_where_they_are_wanted() {
    let (collector, topics, _directory) = Intake::alone("traces").await;
    let settings = Settings::default()
        .set("traces.endpoint", collector.otlp_http())
        .set("traces.sample_ratio", 1.0);
    let stack = Stack::start_with("traced", settings).await;
    let intake = stack.intake().await;
    let mut chat = Dialogue::new(PROJECT, "traced", 1, START_NS);
    chat.ask("Who watches you?").answer("You do.", 300);
    let request = export(PROJECT, chat.take()).encode_to_vec();
    let sent = intake.post("/v1/traces");
    let sent = sent.header("Content-Type", "application/x-protobuf");
    let answer = sent.body(request).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    stack.settle().await;
    stack.client.list(Value::Null).await.expect("a list");

    let brokers = Kafka::shared().await.brokers();
    eventually("spans of all three services", DEADLINE, async || {
        let records = read_all(&brokers, &topics.spans)
            .await
            .map_err(|cause| cause.to_string())?;
        let spans: Vec<_> = records
            .iter()
            .map(|record| ExportTraceServiceRequest::decode(&*record.payload).expect("OTLP"))
            .flat_map(told)
            .collect();
        let wanted = [
            ("intake", "otlp_http", "deliver"),
            ("processor", "commit_until_done", "commit"),
            ("gateway", "graphql", "list"),
        ];
        let missing = wanted
            .iter()
            .find(|(service, parent, child)| !has(&spans, service, parent, child));
        missing.map_or(Ok(()), |missing| Err(format!("no {missing:?}")))
    })
    .await;
}

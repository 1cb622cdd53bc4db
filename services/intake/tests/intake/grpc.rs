//! OTLP/gRPC, spoken by the client that exporters are made of.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::support::{Intake, SPANS, request, span};

async fn client(intake: &Intake) -> TraceServiceClient<Channel> {
    let address = format!("http://{}", intake.grpc);
    TraceServiceClient::connect(address)
        .await
        .expect("connects")
}

#[tokio::test]
async fn exports_are_taken_in_every_compression() {
    let intake = Intake::start().await;
    let client = client(&intake).await;
    let sent = request(vec![span(1, 1, 100)]);
    for client in [
        client.clone(),
        client.clone().send_compressed(CompressionEncoding::Gzip),
        client.send_compressed(CompressionEncoding::Zstd),
    ] {
        let answer = client.clone().export(sent.clone()).await.expect("is taken");
        assert_eq!(answer.into_inner().partial_success, None);
    }
    let records = intake.records(SPANS).await;
    assert_eq!(records.len(), 3);
    assert!(
        records
            .iter()
            .all(|record| record.payload == sent.encode_to_vec())
    );
    let mut logs = LogsServiceClient::connect(format!("http://{}", intake.grpc))
        .await
        .expect("connects");
    logs.export(ExportLogsServiceRequest::default())
        .await
        .expect("is taken");
}

#[tokio::test]
async fn rejected_spans_are_told() {
    let intake = Intake::start().await;
    let mut nameless = span(1, 2, 5);
    nameless.span_id.clear();
    let sent = request(vec![span(1, 1, 5), nameless]);
    let answer = client(&intake).await.export(sent).await.expect("is taken");
    let partial = answer.into_inner().partial_success.expect("is partial");
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("span 1/2"));
}

#[tokio::test]
async fn refusals_have_their_codes_and_say_when_to_come_again() {
    let shed = Intake::with(|config| config.intake.limits.requests_max = 0).await;
    let status = client(&shed)
        .await
        .export(request(Vec::new()))
        .await
        .expect_err("is shed");
    assert_eq!(status.code(), Code::ResourceExhausted);
    let retry_info = b"type.googleapis.com/google.rpc.RetryInfo";
    let says_when = |status: &tonic::Status| {
        status
            .details()
            .windows(retry_info.len())
            .any(|at| at == retry_info)
    };
    assert!(says_when(&status));

    let small = Intake::with(|config| config.intake.limits.body_bytes_max = 1_000).await;
    let large = request(vec![span(1, 1, 2_000)]);
    let status = client(&small)
        .await
        .export(large)
        .await
        .expect_err("is too large");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(!says_when(&status), "sending it again would not help");

    let down = Intake::start().await;
    down.becomes(true).await;
    let mut client = client(&down).await;
    down.cluster.broker_down(1).expect("goes down");
    down.becomes(false).await;
    let status = client
        .export(request(Vec::new()))
        .await
        .expect_err("is down");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(says_when(&status));
}

#[tokio::test]
async fn a_token_decides_the_project() {
    let key = intake::keys::NewKey::generate("a".to_owned(), "shop".to_owned(), 1).expect("random");
    let keys = vec![key.config.clone()];
    let intake = Intake::with(|config| config.intake.keys = keys).await;
    let mut client = client(&intake).await;
    let sent = request(vec![span(1, 1, 5)]);
    let status = client.export(sent.clone()).await.expect_err("has no token");
    assert_eq!(status.code(), Code::Unauthenticated);
    let mut request = Request::new(sent);
    let bearer = format!("Bearer {}", key.token.expose())
        .parse()
        .expect("a value");
    request.metadata_mut().insert("authorization", bearer);
    client.export(request).await.expect("is taken");
    assert_eq!(intake.records(SPANS).await[0].headers["project_id"], "shop");
}

//! OTLP/gRPC, spoken by the client that exporters are made of.

use bytes::{Buf as _, BufMut as _};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::support::{Intake, SPANS, request, span};

/// Messages as bytes: no generated client writes what is broken.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; from.remaining()];
        from.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}

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
async fn what_is_broken_around_spans_is_told() {
    let intake = Intake::start().await;
    let good = request(vec![span(1, 1, 5)]).encode_to_vec();
    // The scope's name is a number.
    let message = [&good[..], &[0x0A, 6, 0x12, 4, 0x0A, 2, 0x08, 5]].concat();
    let channel = Channel::from_shared(format!("http://{}", intake.grpc)).expect("an address");
    let mut client = tonic::client::Grpc::new(channel.connect().await.expect("connects"));
    client.ready().await.expect("is ready");
    let method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let method = PathAndQuery::from_static(method);
    let answer = client.unary(Request::new(message), method, Raw).await;
    let body = answer.expect("is taken").into_inner();
    let answer = ExportTraceServiceResponse::decode(&*body).expect("a response");
    let partial = answer.partial_success.expect("is partial");
    assert_eq!(partial.rejected_spans, 1);
    assert!(
        partial
            .error_message
            .starts_with("resource 1, scope 0: scope: name"),
        "{}",
        partial.error_message
    );
    assert_eq!(intake.records(SPANS).await.len(), 1);
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

use super::*;
use crate::budget::Budget;
use crate::refusal::Reason;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

const LIMITS: Limits = Limits {
    items_max: 1_000,
    record_bytes_max: 100_000,
    item_bytes_max: 1_000_000,
};

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn span(trace: u8, id: u8, text_bytes: usize) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        name: format!("span {trace}/{id}"),
        attributes: vec![attribute("text", &"x".repeat(text_bytes))],
        ..Span::default()
    }
}

/// Each inner list is a scope of one resource, the resources are named by position.
fn request(resources: Vec<Vec<Vec<Span>>>) -> ExportTraceServiceRequest {
    let resource_spans = resources.into_iter().enumerate().map(|(number, scopes)| {
        let scope_spans = scopes
            .into_iter()
            .enumerate()
            .map(|(number, spans)| ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: format!("scope {number}"),
                    ..InstrumentationScope::default()
                }),
                spans,
                schema_url: "https://example.com/schema".to_owned(),
            });
        ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", &format!("service {number}"))],
                ..Resource::default()
            }),
            scope_spans: scope_spans.collect(),
            schema_url: "https://example.com/resource".to_owned(),
        }
    });
    ExportTraceServiceRequest {
        resource_spans: resource_spans.collect(),
    }
}

fn cut(request: &[u8], limits: Limits) -> Result<Split, Refusal> {
    let mut held = Budget::new(1 << 30, 1 << 30).reservation();
    split(Signal::Traces, request, limits, &mut held)
}

fn decoded(split: &Split) -> Vec<ExportTraceServiceRequest> {
    let parts = split.parts.iter();
    parts
        .map(|part| ExportTraceServiceRequest::decode(&*part.payload).expect("a request"))
        .collect()
}

#[test]
fn a_request_of_one_trace_stays_as_it_is() {
    let whole = request(vec![
        vec![vec![span(1, 1, 10), span(1, 2, 10)], vec![span(1, 3, 10)]],
        vec![vec![span(1, 4, 10)]],
    ]);
    let split = cut(&whole.encode_to_vec(), LIMITS).expect("readable");
    assert_eq!(decoded(&split), [whole]);
    assert_eq!(split.parts[0].items, 4);
    assert_eq!(split.parts[0].trace_id, TraceId([1; 16]));
}

#[test]
fn each_trace_becomes_a_request_with_its_own_spans_and_what_is_around_them() {
    let whole = request(vec![
        vec![
            vec![span(1, 1, 0), span(2, 1, 0), span(1, 2, 0)],
            vec![span(2, 2, 0)],
        ],
        vec![vec![span(2, 3, 0)]],
    ]);
    let split = cut(&whole.encode_to_vec(), LIMITS).expect("readable");
    let mut first = request(vec![vec![vec![span(1, 1, 0), span(1, 2, 0)]]]);
    let mut second = request(vec![
        vec![vec![span(2, 1, 0)], vec![span(2, 2, 0)]],
        vec![vec![span(2, 3, 0)]],
    ]);
    first.resource_spans.truncate(1);
    second.resource_spans.truncate(2);
    assert_eq!(decoded(&split), [first, second]);
}

#[test]
fn a_long_trace_is_spread_over_records_of_the_allowed_size() {
    let spans: Vec<Span> = (1..=50).map(|id| span(1, id, 10_000)).collect();
    let whole = request(vec![vec![spans.clone()]]);
    let split = cut(&whole.encode_to_vec(), LIMITS).expect("readable");
    assert_eq!(split.parts.len(), 6);
    assert!(split.parts.iter().all(|part| part.payload.len() <= 100_000));
    let seen: Vec<Span> = decoded(&split)
        .into_iter()
        .flat_map(|part| part.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect();
    assert_eq!(seen, spans);
}

#[test]
fn a_span_beyond_the_limit_is_named_and_its_neighbours_live() {
    let limits = Limits {
        item_bytes_max: 150_000,
        ..LIMITS
    };
    // The second is larger than a record should be, and smaller than an item may be.
    let spans = vec![
        span(1, 1, 10),
        span(1, 2, 120_000),
        span(1, 3, 200_000),
        span(1, 4, 10),
    ];
    let whole = request(vec![vec![spans]]);
    let split = cut(&whole.encode_to_vec(), limits).expect("readable");
    let counts: Vec<usize> = split.parts.iter().map(|part| part.items).collect();
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!(split.rejections.total, 1);
    let message = split.rejections.message();
    assert!(
        message.contains("\"span 1/3\"") && message.contains("150000"),
        "{message}"
    );
}

#[test]
fn spans_without_ids_and_broken_ones_are_left_out() {
    let mut nameless = span(1, 1, 0);
    nameless.trace_id.clear();
    let mut zero = span(1, 2, 0);
    zero.span_id = vec![0; 8];
    let mut bytes = request(vec![vec![vec![nameless, zero, span(1, 3, 0)]]]).encode_to_vec();
    // A span whose attribute ends too early.
    let broken = [
        &[0x0A, 16][..],
        &[1; 16],
        &[0x12, 8],
        &[1; 8],
        &[0x4A, 2, 0x0A, 9],
    ]
    .concat();
    let (mut scope, mut resource) = (Vec::new(), Vec::new());
    put(&mut scope, 2, &broken);
    put(&mut resource, 2, &scope);
    put(&mut bytes, 1, &resource);
    let split = cut(&bytes, LIMITS).expect("readable");
    assert_eq!((split.parts.len(), split.parts[0].items), (1, 1));
    assert_eq!(split.rejections.total, 3);
    let message = split.rejections.message();
    for complaint in [
        "trace id is missing",
        "resource 0, scope 0, span 1 \"span 1/2\": its span id is all zero",
        "resource 1, scope 0, span 0 \"\": attributes \"\": no protobuf message from byte 0 on: let the exporter write",
    ] {
        assert!(message.contains(complaint), "{message}");
    }
}

#[test]
fn what_we_do_not_know_is_passed_on() {
    let mut bytes = span(1, 1, 0).encode_to_vec();
    put(&mut bytes, 999, b"of a later version");
    let (mut scope, mut resource, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    put(&mut scope, 2, &bytes);
    put(&mut scope, 998, b"more");
    // As producers older than OTLP 0.19 did.
    put(&mut resource, 1000, &scope);
    put(&mut whole, 1, &resource);
    let split = cut(&whole, LIMITS).expect("readable");
    let payload = &split.parts[0].payload;
    for unknown in [&b"of a later version"[..], b"more"] {
        assert!(
            payload
                .windows(unknown.len())
                .any(|window| window == unknown)
        );
    }
    assert_eq!(
        cut(payload, LIMITS).expect("readable").parts[0].payload,
        *payload
    );
}

#[test]
fn requests_beyond_the_bounds_are_refused_as_a_whole() {
    let many = request(vec![vec![(0..=250).map(|id| span(1, id, 0)).collect()]]);
    let limits = Limits {
        items_max: 250,
        ..LIMITS
    };
    let refused = cut(&many.encode_to_vec(), limits).expect_err("too many");
    assert_eq!(refused.reason, Reason::TooLarge);
    let empty_resources = [0x0A, 0x00].repeat(251);
    let refused = cut(&empty_resources, limits).expect_err("too many");
    assert_eq!(refused.reason, Reason::TooLarge);
    for nonsense in [&b"\x0A\x05abc"[..], b"no protobuf at all"] {
        let refused = cut(nonsense, LIMITS).expect_err("is nonsense");
        assert_eq!(refused.reason, Reason::Malformed);
    }
    // A request it is, though there is nothing in it that can be read.
    let split = cut(&[0x0A, 3, 0x12, 9, 9], LIMITS).expect("a request");
    assert_eq!((split.parts.len(), split.rejections.total), (0, 1));
    assert!(
        cut(b"", LIMITS)
            .expect("is an empty request")
            .parts
            .is_empty()
    );
}

/// One large resource around spans of many traces would be written once for each of them.
#[test]
fn what_unfolds_beyond_the_memory_of_a_request_is_refused() {
    let mut whole = request(vec![vec![
        (1..=200).map(|trace| span(trace, 1, 0)).collect(),
    ]]);
    let resource = whole.resource_spans[0].resource.as_mut().expect("has one");
    resource
        .attributes
        .push(attribute("large", &"x".repeat(100_000)));
    let mut held = Budget::new(1 << 24, 1 << 23).reservation();
    let refused = split(Signal::Traces, &whole.encode_to_vec(), LIMITS, &mut held);
    assert_eq!(refused.expect_err("is too large").reason, Reason::TooLarge);
    assert!(held.bytes() <= 1 << 23);
}

#[test]
fn logs_go_with_their_span_and_others_are_left_out() {
    let log = |trace: u8, span: u8| LogRecord {
        trace_id: vec![trace; 16],
        span_id: vec![span; 8],
        event_name: "gen_ai.user.message".to_owned(),
        ..LogRecord::default()
    };
    let scope_logs = |log_records| ScopeLogs {
        log_records,
        ..ScopeLogs::default()
    };
    let logs = |log_records| ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![scope_logs(log_records)],
            ..ResourceLogs::default()
        }],
    };
    let whole = logs(vec![
        log(1, 1),
        LogRecord::default(),
        log(2, 1),
        log(1, 2),
        log(3, 0),
    ]);
    let mut held = Budget::new(1 << 20, 1 << 20).reservation();
    let split = split(Signal::Logs, &whole.encode_to_vec(), LIMITS, &mut held).expect("readable");
    assert_eq!(split.without_span, 2);
    let parts: Vec<_> = split
        .parts
        .iter()
        .map(|part| ExportLogsServiceRequest::decode(&*part.payload).expect("logs"))
        .collect();
    assert_eq!(
        parts,
        [logs(vec![log(1, 1), log(1, 2)]), logs(vec![log(2, 1)])]
    );
}

/// A resource and its only scope as they stand on the wire, around two spans of trace 1.
fn around(resource: &[u8], scope: &[u8]) -> Vec<u8> {
    let (mut inner, mut outer, mut whole) = (scope.to_vec(), resource.to_vec(), Vec::new());
    for id in [1, 2] {
        put(&mut inner, 2, &span(1, id, 0).encode_to_vec());
    }
    put(&mut outer, 2, &inner);
    put(&mut whole, 1, &outer);
    whole
}

fn wrapped(number: u32, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, number, data);
    out
}

#[test]
fn what_is_broken_around_spans_costs_them_and_their_sender_is_told() {
    let pair = |value: &[u8]| wrapped(1, &[wrapped(1, b"key"), wrapped(2, value)].concat());
    let neighbour = request(vec![vec![vec![span(2, 9, 0)]]]);
    for (resource, scope, items, complaint) in [
        (
            wrapped(1, &wrapped(1, &[0xFF; 3])),
            vec![],
            2,
            "resource: attributes \"\": no protobuf message from byte 0 on",
        ),
        (
            wrapped(1, &pair(&[0x0A, 0x7F])),
            vec![],
            2,
            "resource: attributes \"key\": value: no protobuf message",
        ),
        (
            vec![0x08, 5],
            vec![],
            2,
            "resource: its wire type is Varint",
        ),
        (vec![0x10, 5], vec![], 2, "scopes: its wire type is Varint"),
        (vec![], wrapped(1, &[0xFF]), 2, "scope: no protobuf message"),
        (
            vec![],
            wrapped(1, &[0x08, 5]),
            2,
            "scope: name: its wire type is Varint where a text or message belongs",
        ),
        (vec![], vec![0x10, 5], 2, "items: its wire type is Varint"),
        // What comes after it cannot even be counted.
        (vec![0x0B], vec![], 1, "no protobuf message from byte 0 on"),
    ] {
        let bad = around(&resource, &scope);
        for whole in [
            [&bad[..], &neighbour.encode_to_vec()].concat(),
            [&neighbour.encode_to_vec()[..], &bad].concat(),
        ] {
            let split = cut(&whole, LIMITS).expect("readable");
            assert_eq!(
                decoded(&split),
                std::slice::from_ref(&neighbour),
                "{complaint}"
            );
            assert_eq!(split.rejections.total, items, "{complaint}");
            let message = split.rejections.message();
            assert!(
                message.contains(complaint) && message.contains("let the exporter"),
                "{message}"
            );
        }
    }
    let number = [0x08, 5, 0x0A, 0];
    let split = cut(&number, LIMITS).expect("readable");
    assert_eq!(
        split.rejections.message(),
        "resource 0: its wire type is Varint where a message belongs: let the exporter write OTLP as it is defined"
    );
}

#[test]
fn a_broken_scope_leaves_the_others_alone_and_what_nobody_reads_may_be_anything() {
    let mut whole = Vec::new();
    let scope = |head: &[u8], id: u8| {
        let spans = wrapped(2, &span(1, id, 0).encode_to_vec());
        wrapped(2, &[head, &spans].concat())
    };
    // A scope's attributes are not read; invalid UTF-8 is.
    let unread = wrapped(1, &[wrapped(1, b"x\xff"), wrapped(3, &[0xFF])].concat());
    let scopes = [scope(&wrapped(1, &[0xFF]), 1), scope(&unread, 2)].concat();
    put(&mut whole, 1, &scopes);
    let split = cut(&whole, LIMITS).expect("readable");
    assert_eq!((split.parts.len(), split.parts[0].items), (1, 1));
    let message = split.rejections.message();
    assert!(
        message.starts_with("resource 0, scope 0 with the item in it: scope: "),
        "{message}"
    );
}

#[test]
fn a_broken_piece_of_any_size_is_counted_within_the_bounds() {
    let empty_spans = [0x12, 0x00].repeat(2_000);
    let whole = wrapped(1, &[&[0x08, 5][..], &wrapped(2, &empty_spans)].concat());
    let split = cut(&whole, LIMITS).expect("readable");
    assert_eq!(split.rejections.total, 2_000);
    let whole = wrapped(1, &wrapped(2, &empty_spans));
    let refused = cut(&whole, LIMITS).expect_err("too many");
    assert_eq!(refused.reason, Reason::TooLarge);
}

#[test]
fn a_record_holds_no_more_items_than_its_reader_takes() {
    let mut scope = Vec::new();
    let smallest = Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        ..Span::default()
    };
    for _ in 0..=RECORD_ITEMS_MAX {
        put(&mut scope, 2, &smallest.encode_to_vec());
    }
    let limits = Limits {
        items_max: usize::MAX,
        record_bytes_max: usize::MAX,
        item_bytes_max: 1_000_000,
    };
    let split = cut(&wrapped(1, &wrapped(2, &scope)), limits).expect("readable");
    let items: Vec<usize> = split.parts.iter().map(|part| part.items).collect();
    assert_eq!(items, [RECORD_ITEMS_MAX, 1]);
}

//! What is read from the exports of real SDKs in `schemas/examples/captured`.
//!
//! Each folder plays the script of its README; each has a snapshot to be read against it, and its conversation is
//! counted.

mod otlp;
mod picture;
mod script;
mod sentry;
mod told;

use domain::normalise::{self, Rules};
use domain::span::{Span, SpanLog};
use std::path::{Path, PathBuf};

/// Shortly after the exports were made.
const RECORD_MS: i64 = 1_795_415_100_000;

#[derive(Default)]
struct Export {
    spans: Vec<Span>,
    logs: Vec<SpanLog>,
}

fn folder(label: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../schemas/examples/captured")
        .join(label)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests read the recorded exports from files"
)]
fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}

fn read(label: &str) -> Export {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder(label))
        .expect("the folder of a capture")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "txt"))
        .collect();
    files.sort();
    let rules = Rules::default();
    let mut export = Export::default();
    for file in files {
        let body = bytes(&file);
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let spans = match name.split_once('.').expect("an extension").1 {
            "traces.pb" => otlp::spans(&body),
            "traces.json" => otlp::json_spans(&body),
            "envelope.raw" => {
                let logs = sentry::logs(&body).into_iter();
                export
                    .logs
                    .extend(logs.filter_map(|log| normalise::log(log, RECORD_MS, &rules)));
                sentry::spans(&body)
            }
            "logs.pb" => {
                let logs = otlp::logs(&body).into_iter();
                export
                    .logs
                    .extend(logs.filter_map(|log| normalise::log(log, RECORD_MS, &rules)));
                continue;
            }
            other => panic!("a capture of unknown kind: {other}"),
        };
        export.spans.extend(
            spans
                .into_iter()
                .map(|span| normalise::span(span, RECORD_MS, &rules)),
        );
    }
    export
}

fn picture(export: &Export) -> String {
    let spans = export.spans.iter().map(picture::span);
    let logs = export.logs.iter().map(picture::log);
    spans.chain(logs).collect::<Vec<_>>().join("\n")
}

macro_rules! snapshots {
    ($($label:ident),* $(,)?) => {$(
        #[test]
        fn $label() {
            insta::assert_snapshot!(stringify!($label), picture(&read(stringify!($label))));
        }
    )*};
}

snapshots! {
    a_otel_openai_v2_latest_event,
    a_otel_openai_v2_latest_span,
    a_otel_openai_v2_legacy,
    b_openinference_openai,
    c_traceloop_sdk,
    c_traceloop_sdk_v0475,
    d_agents_genai_chat,
    d_agents_oi_chat,
    d_agents_sentry_responses,
    e_sentry_openai_stream,
    e_sentry_openai_tx,
    f_sentry_node_static,
    f_sentry_node_stream,
    f_vercel_ai6_proto,
    f_vercel_ai7_json,
    g_pydantic_ai_v5,
    h_langchain_genai,
    h_langchain_langsmith,
    h_langchain_oi,
    j_strands_latest,
    k_adk,
}

//! Whether and why spans failed, in every spelling that SDKs have for it.

use super::{CHAT, normalised};
use crate::normalise::tests::samples::{event, raw};
use crate::raw::{RawEvent, RawSpan, RawStatus};
use serde_json::{Value, json};

/// Attributes, events, the message of the status, and the kind of error that they tell of.
fn failures() -> Vec<(Value, Vec<RawEvent>, &'static str, &'static str)> {
    let limited = "Error code: 429 - limit";
    vec![
        (
            json!({"error.type": "openai.RateLimitError"}),
            vec![],
            limited,
            "RateLimitError",
        ),
        (
            json!({"error.type": "a.b.OpenAIRateLimitError"}),
            vec![],
            limited,
            "OpenAIRateLimitError",
        ),
        (json!({"error.type": "429"}), vec![], limited, "429"),
        (
            json!({}),
            vec![event(
                "exception",
                json!({"exception.type": "openai.RateLimitError", "exception.message": limited}),
            )],
            "",
            "RateLimitError",
        ),
        (
            json!({}),
            vec![event(
                "exception",
                json!({"exception.type": "Exception", "exception.message": "OpenAIRateLimitError('x')Traceback (most recent call last):\n ..."}),
            )],
            "",
            "OpenAIRateLimitError",
        ),
        (
            json!({"error.type": "_OTHER"}),
            vec![],
            "RateLimitError: limit",
            "RateLimitError",
        ),
        (json!({}), vec![], "RateLimitError: limit", "RateLimitError"),
        (
            json!({}),
            vec![],
            "Error in agent run: {'error': 1}",
            "_OTHER",
        ),
        (
            json!({"http.response.status_code": 503}),
            vec![],
            "upstream",
            "503",
        ),
        (json!({}), vec![], "", "_OTHER"),
    ]
}

#[test]
fn errors_have_one_spelling() {
    for (attributes, events, status, kind) in failures() {
        let raw = RawSpan {
            status: RawStatus {
                is_error: true,
                message: status.into(),
            },
            events,
            ..raw(CHAT, "x", attributes.clone())
        };
        let error = normalised(raw).error.expect("an error");
        assert_eq!(error.kind.as_deref(), Some(kind), "{attributes} {status}");
        let message = error.message.unwrap_or_default();
        assert!(!message.contains("Traceback"), "{message}");
    }
}

#[test]
fn an_exception_alone_is_no_failure() {
    let recovered = RawSpan {
        events: vec![event("exception", json!({"exception.type": "Timeout"}))],
        ..raw(CHAT, "x", json!({}))
    };
    assert_eq!(normalised(recovered).error, None);
}

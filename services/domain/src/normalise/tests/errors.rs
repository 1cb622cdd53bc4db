//! Whether and why spans failed, in every spelling that SDKs have for it.

use super::{CHAT, normalised};
use crate::normalise::tests::samples::{event, raw};
use crate::raw::{RawEvent, RawSpan, RawStatus};
use crate::span::Outcome;
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
        (
            json!({"error.type": "<class 'semantic_kernel.exceptions.service_exceptions.ServiceResponseException'>"}),
            vec![],
            "",
            "ServiceResponseException",
        ),
        (
            json!({"error.type": "Acme\\Llm\\RateLimitError"}),
            vec![],
            "",
            "RateLimitError",
        ),
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

/// Attributes, events and status messages by which frameworks report that they steer.
fn steering() -> Vec<(Value, Vec<RawEvent>, &'static str, Outcome)> {
    let pause = "GraphInterrupt((Interrupt(value={'order': 7}, id='i1'),))";
    let exception = |kind: &str, message: &str| {
        vec![event(
            "exception",
            json!({"exception.type": kind, "exception.message": message}),
        )]
    };
    vec![
        (json!({}), vec![], pause, Outcome::Paused),
        (
            json!({"error.type": "langgraph.errors.GraphInterrupt"}),
            vec![],
            "",
            Outcome::Paused,
        ),
        (
            json!({}),
            exception("langgraph.errors.GraphInterrupt", "(Interrupt(value=1),)"),
            "(Interrupt(value=1),)",
            Outcome::Paused,
        ),
        (
            json!({"error.type": "_OTHER"}),
            exception("Exception", pause),
            "",
            Outcome::Paused,
        ),
        (
            json!({}),
            exception("langgraph.errors.ParentCommand", "Command(goto='b')"),
            "error",
            Outcome::Done,
        ),
        (
            json!({}),
            vec![],
            "Traceback (most recent call last):\n  File \"x\"\n\nlanggraph.errors.NodeInterrupt: city?",
            Outcome::Paused,
        ),
        (
            json!({"sentry.status": "internal_error"}),
            exception("pydantic_ai.exceptions.CallDeferred", ""),
            "internal_error",
            Outcome::Paused,
        ),
        (
            json!({"langfuse.observation.level": "ERROR", "langfuse.observation.status_message": pause}),
            vec![],
            "",
            Outcome::Paused,
        ),
    ]
}

#[test]
fn frameworks_that_steer_by_exceptions_do_not_fail() {
    for (attributes, events, status, outcome) in steering() {
        for operation in ["execute_tool", "chat", "invoke_agent"] {
            let mut attributes = attributes.clone();
            attributes["gen_ai.operation.name"] = operation.into();
            let raw = RawSpan {
                status: RawStatus {
                    is_error: true,
                    message: status.into(),
                },
                events: events.clone(),
                ..raw(CHAT, "x", attributes.clone())
            };
            let span = normalised(raw);
            assert_eq!(span.error, None, "{attributes} {status}");
            if let Some(tool) = span.tool {
                assert_eq!(tool.outcome, outcome, "{attributes} {status}");
            }
        }
    }
}

#[test]
fn a_failure_with_a_name_of_its_own_is_one_whatever_was_caught_before() {
    let raw = RawSpan {
        status: RawStatus {
            is_error: true,
            message: "timed out".into(),
        },
        events: vec![event(
            "exception",
            json!({"exception.type": "GraphInterrupt"}),
        )],
        ..raw(CHAT, "x", json!({"error.type": "TimeoutError"}))
    };
    assert!(normalised(raw).error.is_some());
}

//! Whether and why a span failed, in one spelling.

use super::Draft;
use super::control_flow::{self, ControlFlow};
use super::events;
use crate::limits::Limits;
use crate::raw::RawStatus;
use crate::span::{Outcome, SpanError};
use crate::text::cut_with_mark;

/// Longest error message kept; what is longer is a stack trace or a response body.
pub(super) const MESSAGE_BYTES_MAX: usize = 4_096;

/// What stands at the beginning of a stack trace that an SDK put into a message.
pub(super) const TRACEBACK: &str = "Traceback (most recent call last)";

/// Reads the failure of a span; an exception among its events stays among the attributes.
pub(crate) fn read(draft: &mut Draft, status: &RawStatus, limits: &Limits) -> Option<SpanError> {
    let exception = events::take_exception(&mut draft.events);
    if let Some(exception) = exception {
        for (name, value) in exception.attributes {
            if matches!(
                name.as_str(),
                "exception.type" | "exception.message" | "exception.stacktrace"
            ) {
                draft.fields.put(&name, value);
            }
        }
    }
    let named = draft.fields.text(&["error.type"]);
    if let Some(meaning) = control_flow(draft, status, named.as_deref()) {
        if meaning == ControlFlow::Pause {
            draft.tool_outcome = Outcome::Paused;
        }
        return None;
    }
    let status_word = Some(status.message.trim().to_owned())
        .filter(|word| is_status_word(word))
        .or_else(|| draft.fields.text(&["sentry.status"]))
        .filter(|word| !is_success(word));
    let failed_otherwise = draft.fields.str("langfuse.observation.level") == Some("ERROR")
        || draft.fields.str("gen_ai.tool.status") == Some("error")
        || draft.fields.flag("mcp.tool.result.is_error");
    if !status.is_error && named.is_none() && status_word.is_none() && !failed_otherwise {
        return None;
    }
    let message = message(draft, status);
    let mut kind = named
        .filter(|kind| kind != "_OTHER")
        .or_else(|| exception_kind(draft))
        .or_else(|| message.as_deref().and_then(leading_name))
        .or_else(|| status_word.filter(|word| !matches!(word.as_str(), "error" | "unknown_error")))
        .or_else(|| http_status(draft))
        .map(|kind| last_segment(&kind).to_owned())
        .filter(|kind| !kind.is_empty())
        .unwrap_or_else(|| "_OTHER".to_owned());
    kind.truncate(crate::text::prefix(&kind, limits.name_bytes_max).len());
    Some(SpanError {
        kind: Some(kind),
        message,
        ..SpanError::default()
    })
}

/// Whether what looks like a failure is a framework's way to steer, wherever its name stands. A failure with a name of its own
/// is one, whatever was caught before.
fn control_flow(draft: &Draft, status: &RawStatus, named: Option<&str>) -> Option<ControlFlow> {
    /// What SDKs call everything.
    const GENERIC: [&str; 5] = ["_OTHER", "Exception", "Error", "error", "unknown_error"];
    let named = named.map(last_segment);
    if let Some(name) = named.filter(|name| !GENERIC.contains(name)) {
        return control_flow::of_name(name);
    }
    let exception = draft.fields.text(&["exception.type"]);
    let message = draft.fields.text(&["exception.message"]);
    let stacktrace = draft.fields.text(&["exception.stacktrace"]);
    let exception_says = match exception.as_deref().map(last_segment) {
        Some(name) if !GENERIC.contains(&name) => control_flow::of_name(name),
        _ => [message, stacktrace]
            .iter()
            .flatten()
            .find_map(|text| control_flow::of_message(text)),
    };
    let described = draft.fields.text(&[
        "error.message",
        "langfuse.observation.status_message",
        "sentry.status.message",
    ]);
    exception_says
        .or_else(|| control_flow::of_message(&status.message))
        .or_else(|| control_flow::of_message(&described?))
}

/// Sentry's words for spans that did not fail.
fn is_success(word: &str) -> bool {
    matches!(word, "ok" | "cancelled" | "unknown" | "unset")
}

fn message(draft: &Draft, status: &RawStatus) -> Option<String> {
    let exception = draft.fields.text(&["exception.message"]);
    let status_message = Some(status.message.trim())
        .filter(|message| !message.is_empty() && !is_status_word(message))
        .map(str::to_owned);
    let described = draft.fields.text(&[
        "error.message",
        "langfuse.observation.status_message",
        "sentry.status.message",
    ]);
    // A status message that holds a stack trace says less than the exception's own.
    let candidates = match &status_message {
        Some(message) if message.contains(TRACEBACK) => [exception, status_message, described],
        _ => [status_message, exception, described],
    };
    let mut message = candidates.into_iter().flatten().next()?;
    if let Some(at) = message.find(TRACEBACK).filter(|at| *at > 0) {
        message.truncate(at);
        message.truncate(message.trim_end().len());
    }
    cut_with_mark(&mut message, MESSAGE_BYTES_MAX);
    Some(message)
}

/// Sentry's status words may stand in the message of a status; they name a kind, they do not describe.
fn is_status_word(message: &str) -> bool {
    const WORDS: [&str; 20] = [
        "ok",
        "unset",
        "cancelled",
        "unknown",
        "error",
        "unknown_error",
        "internal_error",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "unavailable",
        "data_loss",
        "unauthenticated",
    ];
    WORDS.contains(&message)
}

/// The type of the exception. LangSmith reports every failure as `Exception`, with the real name in the message.
fn exception_kind(draft: &Draft) -> Option<String> {
    let kind = draft.fields.text(&["exception.type"])?;
    if matches!(kind.as_str(), "Exception" | "Error") {
        let message = draft.fields.text(&["exception.message"]);
        if let Some(real) = message.as_deref().and_then(leading_name) {
            return Some(real);
        }
    }
    Some(kind)
}

/// The name at the beginning of `RateLimitError: text` or `RateLimitError('text')`; `None` when there is none that
/// looks like one.
fn leading_name(message: &str) -> Option<String> {
    let end = message.find([':', '('])?;
    let name = &message[..end];
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
        && last_segment(name).starts_with(|c: char| c.is_ascii_uppercase());
    is_name.then(|| name.to_owned())
}

fn http_status(draft: &Draft) -> Option<String> {
    draft
        .fields
        .count(&["http.response.status_code", "http.status_code"])
        .filter(|code| (400..600).contains(code))
        .map(|code| code.to_string())
}

/// The same failure is `RateLimitError`, `openai.RateLimitError` or longer, depending on the SDK; Python prints the class
/// (`<class 'openai.RateLimitError'>`, Semantic Kernel), PHP's modules end in a backslash.
pub(super) fn last_segment(kind: &str) -> &str {
    let kind = kind.trim();
    let class = kind.strip_prefix("<class '");
    let kind = class
        .and_then(|class| class.strip_suffix("'>"))
        .unwrap_or(kind);
    kind.rsplit(['.', ':', '\\'])
        .find(|segment| !segment.trim().is_empty())
        .unwrap_or(kind)
        .trim()
}

//! The conversation id that a span carries.

use super::fields::{Fields, text_in};
use crate::ids::clean_conversation_id;
use crate::raw::Attributes;
use crate::trace::Hint;

/// Names that mean a conversation on whatever span they stand, best first.
const ON_ANY_SPAN: [&str; 7] = [
    "gen_ai.conversation.id",
    "langfuse.session.id",
    "traceloop.association.properties.conversation_id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "traceloop.association.properties.chat_id",
    "lmnr.association.properties.session_id",
];

/// All names in order of precedence. Those that are not in [`ON_ANY_SPAN`] count on GenAI spans only: `session.id` of
/// a browser span is a visit, not a conversation; it is a hint for GenAI spans below that nothing else places.
const IN_ORDER: [&str; 56] = [
    "gen_ai.conversation.id",
    "langfuse.session.id",
    "session.id",
    "traceloop.association.properties.conversation_id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "traceloop.association.properties.chat_id",
    "lmnr.association.properties.session_id",
    "ai.telemetry.metadata.conversationId",
    "ai.telemetry.metadata.conversation_id",
    "ai.telemetry.metadata.sessionId",
    "ai.telemetry.metadata.session_id",
    "ai.telemetry.metadata.threadId",
    "ai.telemetry.metadata.thread_id",
    "ai.telemetry.metadata.chatId",
    "ai.telemetry.metadata.chat_id",
    "ai.settings.context.conversationId",
    "ai.settings.context.conversation_id",
    "ai.settings.context.sessionId",
    "ai.settings.context.session_id",
    "ai.settings.context.threadId",
    "ai.settings.context.thread_id",
    "ai.settings.context.chatId",
    "ai.settings.context.chat_id",
    "gcp.vertex.agent.session_id",
    "gen_ai.thread.id",
    "thread_id",
    "langgraph.thread_id",
    "langsmith.metadata.thread_id",
    "langsmith.metadata.conversation_id",
    "langsmith.metadata.session_id",
    "voltagent.conversation_id",
    "mlflow.trace.session",
    "lk.session_id",
    "genkit:sessionId",
    "spring.ai.chat.client.conversation.id",
    "mastra.metadata.threadId",
    "mastra.metadata.sessionId",
    "metadata#thread_id",
    "metadata#conversation_id",
    "metadata#session_id",
    "metadata#sessionId",
    "langfuse.trace.metadata.langfuse_session_id",
    "langfuse.observation.metadata.langfuse_session_id",
    "gen_ai.session.id",
    "conversation.id",
    "conversation_id",
    "session_id",
    "ai.conversationId",
    "ai.conversation.id",
    "ai.sessionId",
    "ai.session.id",
    "ai.threadId",
    "conversationId",
    "sessionId",
    THREAD_ID,
];

/// OpenTelemetry's name for the operating system's thread, a number; others name a conversation so.
const THREAD_ID: &str = "thread.id";

/// What the attributes of a span tell of its conversation.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ids {
    pub(crate) conversation: Option<String>,
    pub(crate) hint: Option<Hint>,
    /// An id of a response that stood in place of a conversation's, and is not the span's own: that of the call before.
    pub(crate) previous_response: Option<String>,
}

/// The id on these attributes, cleaned; then the configured names, on the span and on its resource. `own` is the id of the
/// span's response, `previous` of the one that it goes on from: Sentry's AI SDK integration and others put either where a
/// conversation's belongs.
pub(crate) fn read(
    fields: &Fields,
    resource: &Attributes,
    is_genai: bool,
    configured: &[String],
    (own, previous): (Option<&str>, Option<&str>),
) -> Ids {
    let clean = |text: String| clean_conversation_id(&text);
    let named = |name: &&str| {
        let is_number = |text: &String| text.bytes().all(|byte| byte.is_ascii_digit());
        let text = fields.text(&[name]).and_then(clean);
        text.filter(|text| *name != THREAD_ID || !is_number(text))
    };
    let is_response =
        |id: &String| Some(&**id) == own || Some(&**id) == previous || has_prefix_of_response(id);
    let known: &[&str] = if is_genai { &IN_ORDER } else { &ON_ANY_SPAN };
    let mut response = None;
    let mut candidates = known.iter().filter_map(named);
    let conversation = candidates.find(|id| {
        let is_response = is_response(id);
        if is_response && response.is_none() {
            response = Some(id.clone());
        }
        !is_response
    });
    let conversation = conversation.or_else(|| {
        configured.iter().find_map(|name| {
            let on_span = fields.text(&[name]).and_then(clean);
            on_span.or_else(|| text_in(resource, &[name]).and_then(clean))
        })
    });
    if conversation.is_some() {
        return Ids {
            conversation,
            ..Ids::default()
        };
    }
    let session = || {
        IN_ORDER
            .iter()
            .filter_map(named)
            .find(|id| !is_response(id))
    };
    Ids {
        conversation: None,
        hint: match &response {
            Some(_) => Some(Hint::Response),
            None if is_genai => None,
            None => session().map(Hint::Session),
        },
        previous_response: response.filter(|id| Some(&**id) != own),
    }
}

/// Ids that providers give to responses: OpenAI's APIs, Anthropic's messages, what AI SDK makes up.
fn has_prefix_of_response(id: &str) -> bool {
    const PREFIXES: [&str; 5] = ["resp_", "chatcmpl-", "msg_", "aitxt-", "aiobj-"];
    let rest = PREFIXES.iter().find_map(|prefix| id.strip_prefix(prefix));
    // A word after it is somebody's own name for a conversation.
    rest.is_some_and(|rest| rest.len() >= 16 && rest.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ids(attributes: Value, is_genai: bool, responses: (Option<&str>, Option<&str>)) -> Ids {
        let Value::Object(attributes) = attributes else {
            panic!("an object");
        };
        let fields = Fields::new(attributes);
        read(&fields, &Attributes::default(), is_genai, &[], responses)
    }

    fn named(id: &str) -> Ids {
        Ids {
            conversation: Some(id.into()),
            ..Ids::default()
        }
    }

    #[test]
    fn the_id_of_a_response_names_no_conversation() {
        let resp = "resp_0123456789abcdef0123";
        let responded = |previous: Option<&str>| Ids {
            hint: Some(Hint::Response),
            previous_response: previous.map(str::to_owned),
            ..Ids::default()
        };
        let carrying = |id: &str| json!({"gen_ai.conversation.id": id});
        for (attributes, responses, right) in [
            (carrying("r1"), (Some("r1"), None), responded(None)),
            (carrying(resp), (Some(resp), None), responded(None)),
            (
                carrying("r1"),
                (Some("r2"), Some("r1")),
                responded(Some("r1")),
            ),
            (carrying(resp), (None, None), responded(Some(resp))),
            (
                carrying("chatcmpl-9f8e7d6c5b4a39281706"),
                (Some("x"), None),
                responded(Some("chatcmpl-9f8e7d6c5b4a39281706")),
            ),
            (carrying("r1"), (Some("r2"), None), named("r1")),
            (
                carrying("resp_frontdesk"),
                (None, None),
                named("resp_frontdesk"),
            ),
            (
                carrying("conv_0123456789abcdef0123"),
                (Some(resp), None),
                named("conv_0123456789abcdef0123"),
            ),
            (
                json!({"gen_ai.conversation.id": resp, "session.id": "s"}),
                (Some(resp), None),
                named("s"),
            ),
        ] {
            assert_eq!(
                ids(attributes.clone(), true, responses),
                right,
                "{attributes}"
            );
        }
    }

    #[test]
    fn a_plain_span_names_a_session_for_what_is_below_it() {
        for name in [
            "session.id",
            "conversation.id",
            "thread.id",
            "thread_id",
            "ai.sessionId",
            "sessionId",
            "lk.session_id",
        ] {
            let found = ids(json!({name: "s-1"}), false, (None, None));
            let session = Some(Hint::Session("s-1".into()));
            assert_eq!((found.conversation, found.hint), (None, session), "{name}");
            assert_eq!(ids(json!({name: "s-1"}), true, (None, None)), named("s-1"));
        }
        let by_itself = ids(
            json!({"gen_ai.conversation.id": "c", "session.id": "s"}),
            false,
            (None, None),
        );
        assert_eq!(by_itself, named("c"));
        for nothing in [
            json!({"thread.id": 4711}),
            json!({"thread.id": "4711"}),
            json!({"session.id": "null"}),
            json!({"mcp.session.id": "m"}),
            json!({"http.route": "/"}),
        ] {
            assert_eq!(ids(nothing, false, (None, None)), Ids::default());
        }
    }
}

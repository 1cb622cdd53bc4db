//! The conversation id that a span carries.

use super::fields::{Fields, text_in};
use crate::ids::clean_conversation_id;
use crate::raw::Attributes;

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
/// a browser span is a visit, not a conversation. `thread.id` is never one: it is the operating system's.
const IN_ORDER: [&str; 48] = [
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
];

/// The id on these attributes, cleaned; then the configured names, on the span and on its resource.
pub(crate) fn conversation(
    fields: &Fields,
    resource: &Attributes,
    is_genai: bool,
    configured: &[String],
) -> Option<String> {
    let known: &[&str] = if is_genai { &IN_ORDER } else { &ON_ANY_SPAN };
    let clean = |text: String| clean_conversation_id(&text);
    known
        .iter()
        .find_map(|name| fields.text(&[name]).and_then(clean))
        .or_else(|| {
            configured.iter().find_map(|name| {
                let on_span = fields.text(&[name]).and_then(clean);
                on_span.or_else(|| text_in(resource, &[name]).and_then(clean))
            })
        })
}

//! Messages of the transcript.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, Error, ID, SimpleObject};
use domain::message::Part as DomainPart;
use domain::view::Utterance;
use serde_json::{Value, json};

use super::origin::Origin;
use super::page::{PageInfo, rows, weigh};
use super::paging::Paging;
use super::span::{Span, SpanError};
use super::tool_call::ToolCall;
use super::usage::{Cost, Usage};
use crate::graphql::budget::message_bytes;
use crate::graphql::context::ContextExt as _;
use crate::graphql::cursor::{LiveCursor, PageKind, short};
use crate::graphql::scalars::{DateTime, Json, ms};

pub const MESSAGES_DEFAULT: usize = 100;
pub const MESSAGES_MAX: usize = 500;
/// What the lists of one message hold on average, for what they cost.
const TOOL_CALLS_EXPECTED: usize = 3;
const SPANS_EXPECTED: usize = 2;

/// TOOL is only a tool result whose call is not known; otherwise results stand in toolCalls. System and developer messages stand in Conversation.systemPrompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Role {
    User,
    Assistant,
    Tool,
    /// A role that is not known; an `OTHER` part of the message tells its name. Nobody's words.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum PartType {
    Text,
    Reasoning,
    ToolCall,
    ToolResult,
    Media,
    Other,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct Part {
    r#type: PartType,
    text: Option<String>,
    mime_type: Option<String>,
    uri: Option<String>,
    json: Option<Json>,
}

impl Part {
    fn new(r#type: PartType) -> Self {
        Self {
            r#type,
            text: None,
            mime_type: None,
            uri: None,
            json: None,
        }
    }
}

/// `isError` stands only where the result says that its tool failed.
fn tool_result(
    id: &Option<String>,
    name: &Option<String>,
    result: &Value,
    is_error: bool,
) -> Value {
    let mut rendered = json!({"id": id, "name": name, "result": result});
    if let (true, Value::Object(fields)) = (is_error, &mut rendered) {
        fields.insert("isError".into(), true.into());
    }
    rendered
}

impl From<&DomainPart> for Part {
    fn from(part: &DomainPart) -> Self {
        match part {
            DomainPart::Text { text } => Self {
                text: Some(text.clone()),
                ..Self::new(PartType::Text)
            },
            DomainPart::Reasoning { text } => Self {
                text: Some(text.clone()),
                ..Self::new(PartType::Reasoning)
            },
            DomainPart::ToolCall {
                id,
                name,
                arguments,
            } => Self {
                json: Some(Json(
                    json!({"id": id, "name": name, "arguments": arguments}),
                )),
                ..Self::new(PartType::ToolCall)
            },
            DomainPart::ToolResult {
                id,
                name,
                result,
                is_error,
            } => Self {
                json: Some(Json(tool_result(id, name, result, *is_error))),
                ..Self::new(PartType::ToolResult)
            },
            DomainPart::Media {
                mime_type,
                uri,
                size_bytes,
            } => Self {
                mime_type: mime_type.clone(),
                uri: uri.clone(),
                json: size_bytes.map(|size_bytes| Json(json!({"sizeBytes": size_bytes}))),
                ..Self::new(PartType::Media)
            },
            DomainPart::Other { json } => Self {
                json: Some(Json(json.clone())),
                ..Self::new(PartType::Other)
            },
        }
    }
}

#[derive(Clone, Debug, SimpleObject)]
pub struct MessageConnection {
    edges: Vec<MessageEdge>,
    nodes: Vec<Message>,
    page_info: PageInfo,
    /// Give this to the messages subscription to go on from exactly this state.
    live_cursor: String,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct MessageEdge {
    cursor: String,
    node: Message,
}

impl MessageConnection {
    /// A page of the transcript; `liveCursor` goes on from the state that it is cut from.
    pub async fn page(
        ctx: &Context<'_>,
        origin: &Arc<Origin>,
        first: Option<i32>,
        after: Option<&str>,
    ) -> Result<Self, Error> {
        let count = rows(first, MESSAGES_DEFAULT, MESSAGES_MAX)?;
        let paging = Paging::begin(ctx, origin, PageKind::Messages, count, after).await?;
        let (page, page_info) = paging.cut(&paging.folded.view.transcript.messages);
        let edges: Vec<MessageEdge> = page
            .into_iter()
            .map(|(cursor, utterance)| MessageEdge {
                cursor,
                node: Message::of(utterance.clone(), paging.origin.clone()),
            })
            .collect();
        let conversation = short(origin.digest());
        Ok(Self {
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            edges,
            page_info,
            live_cursor: LiveCursor::at(conversation, paging.folded.point()).encode(),
        })
    }
}

/// One utterance of the transcript. The histories that every LLM call repeats are folded away: what was said once appears once, what was said twice appears twice.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Message {
    #[graphql(skip)]
    utterance: Arc<Utterance>,
    #[graphql(skip)]
    origin: Arc<Origin>,
    /// Stable: the same spans give the same ids, in any order of arrival.
    id: ID,
    role: Role,
}

impl Message {
    pub fn of(utterance: Arc<Utterance>, origin: Arc<Origin>) -> Self {
        Self {
            id: ID(utterance.id.to_string()),
            role: match utterance.role {
                domain::message::Role::Assistant => Role::Assistant,
                domain::message::Role::Tool => Role::Tool,
                domain::message::Role::Other => Role::Other,
                // The transcript has no system messages.
                domain::message::Role::User | domain::message::Role::System => Role::User,
            },
            utterance,
            origin,
        }
    }

    fn spoken(&self) -> Option<&domain::message::Message> {
        self.utterance.message.as_deref()
    }
}

#[ComplexObject]
impl Message {
    /// The text parts, joined by newlines. null when there is none (a pure tool turn, or content not captured).
    async fn text(&self, ctx: &Context<'_>) -> Result<Option<String>, Error> {
        let text = self.spoken().and_then(|message| message.text());
        ctx.take_bytes(text.as_ref().map_or(0, String::len))?;
        Ok(text)
    }

    async fn reasoning(&self, ctx: &Context<'_>) -> Result<Option<String>, Error> {
        let text = self.spoken().and_then(|message| message.reasoning());
        ctx.take_bytes(text.as_ref().map_or(0, String::len))?;
        Ok(text)
    }

    async fn parts(&self, ctx: &Context<'_>) -> Result<Vec<Part>, Error> {
        let Some(message) = self.spoken() else {
            return Ok(Vec::new());
        };
        ctx.take_bytes(message_bytes(message))?;
        Ok(message.parts.iter().map(Part::from).collect())
    }

    /// When it was said: the start of the first LLM call that carries a user message, the end of the call that made an assistant message.
    async fn timestamp(&self) -> DateTime {
        DateTime::from_ns(self.utterance.timestamp_ns)
    }

    async fn agent(&self) -> Option<&String> {
        self.utterance.agent.as_ref()
    }

    async fn model(&self) -> Option<&String> {
        self.utterance.model.as_ref()
    }

    async fn finish_reason(&self) -> Option<&String> {
        self.utterance.finish_reason.as_ref()
    }

    /// Of the LLM call that made it.
    async fn duration_ms(&self) -> Option<f64> {
        self.utterance.duration_ns.map(ms)
    }

    async fn usage(&self) -> Option<Usage> {
        self.utterance.usage.map(Usage::from)
    }

    async fn cost(&self) -> Option<Cost> {
        self.utterance.cost.map(Cost::from)
    }

    async fn error(&self) -> Option<SpanError> {
        self.utterance.error.as_ref().map(SpanError::from)
    }

    /// The tools this assistant message called, each with its result, in call order.
    #[graphql(complexity = "weigh(1, TOOL_CALLS_EXPECTED, child_complexity)")]
    async fn tool_calls(&self) -> Vec<ToolCall> {
        (0..self.utterance.tool_calls.len())
            .map(|position| ToolCall::of(self.utterance.clone(), position, self.origin.clone()))
            .collect()
    }

    /// 0 is the main thread. Sub-agents with a context of their own have their own thread.
    async fn thread(&self) -> u32 {
        self.utterance.thread
    }

    /// The tool call or agent span that opened this thread.
    async fn thread_parent(&self) -> Option<ID> {
        self.utterance.thread_parent.clone().map(ID)
    }

    /// True for an answer that the user regenerated or edited away: a branch that the conversation did not continue.
    async fn superseded(&self) -> bool {
        self.utterance.superseded
    }

    /// True for what stands in a history for earlier messages that the model no longer saw, such as a summary that the client made. Nobody said it.
    async fn summary(&self) -> bool {
        self.utterance.is_summary
    }

    /// Assistant: how many earlier messages of its thread the model was not given, because the context was compacted, its head was cut off, or it began anew. 0 where that is not known, as when the API keeps the history.
    async fn unseen_messages(&self) -> u32 {
        self.utterance.unseen
    }

    /// With `unseenMessages`: the first message that the model was given; after a beginning that was kept, the first after the gap.
    async fn context_start(&self) -> Option<ID> {
        self.utterance.context_start.map(|id| ID(id.to_string()))
    }

    /// False when the instrumentation did not capture the text.
    async fn content_captured(&self) -> bool {
        self.utterance.content_captured
    }

    /// The spans behind it: the LLM call that made it (assistant), or the first that carried it.
    #[graphql(complexity = "weigh(1, SPANS_EXPECTED, child_complexity)")]
    async fn spans(&self, ctx: &Context<'_>) -> Result<Vec<Span>, Error> {
        let folded = self.origin.folded(ctx).await?;
        let keys = self.utterance.spans.iter();
        Ok(keys.filter_map(|key| Span::find(folded, key)).collect())
    }
}

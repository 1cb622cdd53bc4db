//! Spans of a conversation.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, Error, ID, SimpleObject};
use domain::conversation::Conversation;
use domain::facts::{SpanFact, ToolFact};
use domain::ids::{Digest, SpanId, SpanKey};
use domain::prepare::BODY_REFERENCE;
use serde_json::{Map, Value};

use super::origin::Origin;
use super::page::{PageInfo, rows};
use super::paging::Paging;
use super::spoken;
use super::usage::{Cost, Usage};
use crate::conversations::Folded;
use crate::graphql::budget::{message_bytes, value_bytes};
use crate::graphql::context::ContextExt as _;
use crate::graphql::cursor::PageKind;
use crate::graphql::scalars::{DateTime, Json, ms};

pub const SPANS_DEFAULT: usize = 200;
pub const SPANS_MAX: usize = 1_000;
/// The calls of the whole conversation have to be told apart, once for all spans of one answer.
const COUNTED_COST: usize = 2;
/// The input of a call is everything that was said before it.
const WHOLE_HISTORY_COST: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::span::Operation")]
pub enum Operation {
    Chat,
    Completion,
    Embeddings,
    ExecuteTool,
    InvokeAgent,
    CreateAgent,
    Handoff,
    Rerank,
    Other,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct SpanError {
    r#type: Option<String>,
    message: Option<String>,
    /// Whether the program caught it, where an error event of Sentry's SDKs tells.
    handled: Option<bool>,
    /// Of the error event that tells more, in the tool that took it.
    event_id: Option<ID>,
}

impl From<&domain::span::SpanError> for SpanError {
    fn from(error: &domain::span::SpanError) -> Self {
        Self {
            r#type: error.kind.clone(),
            message: error.message.clone(),
            handled: error.handled,
            event_id: error.event_id.as_deref().map(ID::from),
        }
    }
}

#[derive(Clone, Debug, SimpleObject)]
pub struct SpanConnection {
    nodes: Vec<Span>,
    page_info: PageInfo,
}

impl SpanConnection {
    /// A page of the spans in start order.
    pub async fn page(
        ctx: &Context<'_>,
        origin: &Arc<Origin>,
        first: Option<i32>,
        after: Option<&str>,
    ) -> Result<Self, Error> {
        let count = rows(first, SPANS_DEFAULT, SPANS_MAX)?;
        let paging = Paging::begin(ctx, origin, PageKind::Spans, count, after).await?;
        let spans = paging.folded.conversation.spans_in_order();
        let (page, page_info) = paging.cut(&spans);
        let nodes = page
            .into_iter()
            .map(|(_, fact)| Span::of(Arc::clone(fact), paging.folded.clone()))
            .collect();
        Ok(Self { nodes, page_info })
    }
}

#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Span {
    #[graphql(skip)]
    fact: Arc<SpanFact>,
    #[graphql(skip)]
    folded: Folded,
    id: ID,
    trace_id: ID,
}

impl Span {
    pub fn of(fact: Arc<SpanFact>, folded: Folded) -> Self {
        Self {
            id: ID(fact.key.span.to_string()),
            trace_id: ID(fact.key.trace.to_string()),
            fact,
            folded,
        }
    }

    pub fn find(folded: &Folded, key: &SpanKey) -> Option<Self> {
        let fact = folded.conversation.span(key)?;
        Some(Self::of(fact.clone(), folded.clone()))
    }

    /// By the id that it is given out with. Should two traces have used the same id, the earlier span.
    pub fn with_id(folded: &Folded, id: &str) -> Option<Self> {
        let id = SpanId::parse_hex(id)?;
        let spans = folded.conversation.spans_in_order();
        let fact = spans.into_iter().find(|fact| fact.key.span == id)?;
        Some(Self::of(fact.clone(), folded.clone()))
    }

    fn stored(&self, ctx: &Context<'_>, digest: Option<Digest>) -> Result<Option<Json>, Error> {
        let Some(value) = digest.and_then(|digest| self.folded.conversation.value(&digest)) else {
            return Ok(None);
        };
        ctx.take_bytes(value_bytes(value))?;
        Ok(Some(Json(value.as_ref().clone())))
    }

    fn of_tool(
        &self,
        ctx: &Context<'_>,
        pick: impl Fn(&ToolFact) -> Option<Digest>,
    ) -> Result<Option<Json>, Error> {
        self.stored(ctx, self.fact.tool.as_ref().and_then(pick))
    }
}

#[ComplexObject]
impl Span {
    async fn parent_span_id(&self) -> Option<ID> {
        self.fact.parent.map(|parent| ID(parent.to_string()))
    }

    /// Nearest ancestor that is a span of this conversation, across HTTP and function spans in between.
    async fn parent(&self) -> Option<ID> {
        let parent = self.folded.conversation.parent_of(&self.fact)?;
        Some(ID(parent.key.span.to_string()))
    }

    async fn name(&self) -> &str {
        &self.fact.name
    }

    async fn operation(&self) -> Operation {
        self.fact.operation.into()
    }

    async fn started_at(&self) -> DateTime {
        DateTime::from_ns(self.fact.start_ns)
    }

    async fn ended_at(&self) -> DateTime {
        DateTime::from_ns(self.fact.end_ns)
    }

    async fn duration_ms(&self) -> f64 {
        ms(self.fact.end_ns.saturating_sub(self.fact.start_ns))
    }

    async fn error(&self) -> Option<SpanError> {
        self.fact.error.as_ref().map(SpanError::from)
    }

    async fn agent(&self) -> Option<&String> {
        self.fact.agent.as_ref()
    }

    async fn request_model(&self) -> Option<&String> {
        self.fact.request_model.as_ref()
    }

    async fn response_model(&self) -> Option<&String> {
        self.fact.response_model.as_ref()
    }

    async fn provider(&self) -> Option<&String> {
        self.fact.provider.as_ref()
    }

    async fn tool(&self) -> Option<&String> {
        self.fact.tool.as_ref().map(|tool| &tool.name)
    }

    async fn usage(&self) -> Option<Usage> {
        self.fact.usage.map(Usage::from)
    }

    async fn cost(&self) -> Option<Cost> {
        self.fact.cost.known().map(Cost::from)
    }

    /// Whether its tokens and cost are in the conversation's totals. False for a span that repeats what another reports, such as an agent or a wrapper around a call; null for a span that reports none.
    #[graphql(complexity = "COUNTED_COST")]
    async fn counted(&self) -> Option<bool> {
        self.fact.usage?;
        Some(self.folded.is_counted(&self.fact.key))
    }

    /// What it was given: messages in the parts form of the OpenTelemetry GenAI conventions, system prompts first; the arguments of a tool.
    #[graphql(complexity = "WHOLE_HISTORY_COST")]
    async fn input(&self, ctx: &Context<'_>) -> Result<Option<Json>, Error> {
        if let Some(arguments) = self.of_tool(ctx, |tool| tool.arguments)? {
            return Ok(Some(arguments));
        }
        let spoken = self.folded.conversation.spoken_by(&self.fact);
        for message in spoken.system.iter().chain(&spoken.input) {
            ctx.take_bytes(message_bytes(message))?;
        }
        Ok(spoken::input(&spoken).map(Json))
    }

    /// What it gave: the model's answers in the same form; the result of a tool.
    async fn output(&self, ctx: &Context<'_>) -> Result<Option<Json>, Error> {
        if let Some(result) = self.of_tool(ctx, |tool| tool.result)? {
            return Ok(Some(result));
        }
        let spoken = self.folded.conversation.spoken_by(&self.fact);
        for message in &spoken.output {
            ctx.take_bytes(message_bytes(message))?;
        }
        Ok(spoken::output(&spoken).map(Json))
    }

    /// The attributes of the span that did not become one of the other fields.
    async fn attributes(&self, ctx: &Context<'_>) -> Result<Json, Error> {
        let mut resolved = Map::new();
        for (key, value) in &self.fact.attributes {
            let value = resolve(&self.folded.conversation, value);
            ctx.take_bytes(key.len() + value_bytes(value))?;
            resolved.insert(key.clone(), value.clone());
        }
        Ok(Json(Value::Object(resolved)))
    }

    /// The attributes of the process that made the span.
    async fn resource(&self, ctx: &Context<'_>) -> Result<Option<Json>, Error> {
        self.stored(ctx, self.fact.resource)
    }

    /// What wrote the span: dialect and instrumentation library.
    async fn instrumentation(&self) -> &str {
        &self.fact.instrumentation
    }
}

/// A value that was stored apart is put back in its place.
fn resolve<'a>(conversation: &'a Conversation, value: &'a Value) -> &'a Value {
    let digest = match value {
        Value::Object(fields) if fields.len() == 1 => fields
            .get(BODY_REFERENCE)
            .and_then(Value::as_str)
            .and_then(Digest::parse_hex),
        _ => None,
    };
    digest
        .and_then(|digest| conversation.value(&digest))
        .map_or(value, |stored| stored.as_ref())
}

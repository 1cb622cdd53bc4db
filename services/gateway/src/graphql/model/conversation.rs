//! A conversation: its row in the list from the summary, its contents from the folded log.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, Error, ID, SimpleObject};
use domain::ids::TraceId;
use domain::window::Windows;
use rustc_hash::FxHashSet;
use store::Summary;

use super::message::{MESSAGES_DEFAULT, MESSAGES_MAX, MessageConnection};
use super::origin::Origin;
use super::page::{PageInfo, WHOLE_CONVERSATION_COST, cost, weigh};
use super::span::{SPANS_DEFAULT, SPANS_MAX, Span, SpanConnection, SpanError};
use super::turn::Turn;
use super::usage::{Cost, ModelUsage, Usage};
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::from_store;
use crate::graphql::scalars::{DateTime, ms};

/// Related conversations shown of one; a trace with more is a batch job, not a call tree.
const RELATED_MAX: usize = 50;
/// What reading the related conversations counts for, whatever their number.
const RELATED_COST: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, serde::Serialize)]
pub enum ConversationStatus {
    Open,
    Finalized,
}

impl ConversationStatus {
    pub fn of(windows: &Windows) -> Self {
        if windows.is_open() {
            Self::Open
        } else {
            Self::Finalized
        }
    }
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ConversationConnection {
    pub edges: Vec<ConversationEdge>,
    pub nodes: Vec<Conversation>,
    pub page_info: PageInfo,
    /// How far the page came: the last activity of the last conversation that was looked at, whether it matched or not.
    pub looked_back_to: Option<DateTime>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ConversationEdge {
    pub cursor: String,
    pub node: Conversation,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct User {
    id: Option<String>,
    email: Option<String>,
    name: Option<String>,
    ip_address: Option<String>,
}

/// One prompt that LLM calls were given beside the history.
#[derive(Clone, Debug, SimpleObject)]
pub struct SystemPrompt {
    text: String,
    agent: Option<String>,
    first_used_at: DateTime,
    calls: u32,
    /// How many texts were folded into this one.
    variants: u32,
}

/// All spans that share one conversation id within one project. Totals cover the whole conversation, whatever the filter.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Conversation {
    #[graphql(skip)]
    summary: Arc<Summary>,
    #[graphql(skip)]
    origin: Arc<Origin>,
    id: ID,
    project: ID,
}

impl Conversation {
    pub fn of(summary: Arc<Summary>) -> Self {
        let origin = Origin::latest(summary.key.digest());
        Self::with_origin(summary, Arc::new(origin))
    }

    pub fn with_origin(summary: Arc<Summary>, origin: Arc<Origin>) -> Self {
        Self {
            id: ID(summary.key.id.clone()),
            project: ID(summary.key.project.clone()),
            summary,
            origin,
        }
    }
}

#[ComplexObject]
impl Conversation {
    async fn status(&self) -> ConversationStatus {
        ConversationStatus::of(&self.summary.windows)
    }

    /// How often it was finalised: 0 while first open; a late span reopens it and the next finalisation adds 1.
    async fn revision(&self) -> u32 {
        self.summary.windows.revision
    }

    async fn started_at(&self) -> DateTime {
        DateTime::from_ns(self.summary.totals.started_ns)
    }

    async fn last_activity_at(&self) -> DateTime {
        DateTime::from_ns(self.summary.totals.last_activity_ns)
    }

    /// When it was last finalised; null while it is open.
    async fn finalized_at(&self) -> Option<DateTime> {
        let windows = &self.summary.windows;
        match ConversationStatus::of(windows) {
            ConversationStatus::Open => None,
            ConversationStatus::Finalized => windows.closed_at_ms.map(DateTime::from_ms),
        }
    }

    /// lastActivityAt - startedAt.
    async fn duration_ms(&self) -> f64 {
        let totals = &self.summary.totals;
        ms(totals.last_activity_ns.saturating_sub(totals.started_ns))
    }

    /// Time spent in LLM calls, summed.
    async fn generation_ms(&self) -> f64 {
        ms(self.summary.totals.generation_ns)
    }

    /// Text of the first user message; null when content was not captured.
    async fn first_input(&self) -> Option<&String> {
        self.summary.totals.first_input.as_ref()
    }

    /// Text of the latest assistant answer that has text.
    async fn last_output(&self) -> Option<&String> {
        self.summary.totals.last_output.as_ref()
    }

    /// Calls to a model that were not wrappers of another call; embeddings and reranking are not among them.
    async fn llm_calls(&self) -> u32 {
        self.summary.totals.llm_calls
    }

    /// Tool executions, known from a tool span, from a result in a message, or both (then once).
    async fn tool_calls(&self) -> u32 {
        self.summary.totals.tool_calls
    }

    /// Failures: spans that ended in an error. One error that only passed up through its parents counts once, where it began.
    async fn errors(&self) -> u32 {
        self.summary.totals.errors
    }

    /// Tool executions among them.
    async fn tool_errors(&self) -> u32 {
        self.summary.totals.tool_errors
    }

    async fn usage(&self) -> Usage {
        self.summary.totals.usage.into()
    }

    async fn cost(&self) -> Cost {
        self.summary.totals.cost.into()
    }

    async fn usage_by_model(&self) -> Vec<ModelUsage> {
        self.summary
            .totals
            .by_model
            .iter()
            .map(ModelUsage::from)
            .collect()
    }

    async fn agents(&self) -> &[String] {
        &self.summary.totals.agents
    }

    async fn models(&self) -> &[String] {
        &self.summary.totals.models
    }

    async fn tools(&self) -> &[String] {
        &self.summary.totals.tools
    }

    async fn user(&self) -> Option<User> {
        let user = &self.summary.totals.user;
        (!user.is_empty()).then(|| User {
            id: user.id.clone(),
            email: user.email.clone(),
            name: user.name.clone(),
            ip_address: user.ip_address.clone(),
        })
    }

    async fn environment(&self) -> Option<&String> {
        self.summary.totals.environment.as_ref()
    }

    async fn trace_ids(&self) -> Vec<ID> {
        self.summary
            .totals
            .trace_ids
            .iter()
            .cloned()
            .map(ID)
            .collect()
    }

    /// True when no span carried an id and the conversation was inferred (per trace or from histories).
    async fn inferred(&self) -> bool {
        self.summary.totals.inferred
    }

    /// How many spans it has.
    async fn span_count(&self) -> u32 {
        self.summary.totals.spans
    }

    /// How many messages its transcript has.
    async fn message_count(&self) -> u32 {
        self.summary.totals.messages
    }

    /// Spans that were not kept because the conversation had reached its size limit. They are in no total.
    async fn omitted_spans(&self) -> u32 {
        self.summary.totals.omitted
    }

    /// Spans that report tokens which are counted with another span already: agents, wrappers around calls, second reports of one call. They are in no total.
    #[graphql(complexity = "WHOLE_CONVERSATION_COST")]
    async fn repeated_reports(&self, ctx: &Context<'_>) -> Result<u32, Error> {
        let folded = self.origin.folded(ctx).await?;
        let repeated = folded
            .conversation
            .spans_in_order()
            .into_iter()
            .filter(|span| span.usage.is_some() && !folded.is_counted(&span.key));
        Ok(u32::try_from(repeated.count()).unwrap_or(u32::MAX))
    }

    /// Spans that others name as their parent and that have not come: still running, lost, or sent elsewhere. What is known is shown.
    async fn missing_parents(&self) -> u32 {
        self.summary.totals.missing_parents
    }

    /// One of its spans, by id; null when it has none with this id.
    #[graphql(complexity = "weigh(WHOLE_CONVERSATION_COST, 1, child_complexity)")]
    async fn span(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Span>, Error> {
        let folded = self.origin.folded(ctx).await?;
        Ok(Span::with_id(folded, &id))
    }

    /// Conversations that share a trace with this one: the sub-agent's, or the one that called it.
    #[graphql(complexity = "weigh(RELATED_COST, RELATED_COST, child_complexity)")]
    async fn related(&self, ctx: &Context<'_>) -> Result<Vec<Conversation>, Error> {
        let key = &self.summary.key;
        let traces: Vec<TraceId> = self
            .summary
            .totals
            .trace_ids
            .iter()
            .filter_map(|id| TraceId::parse_hex(id))
            .collect();
        if traces.is_empty() {
            return Ok(Vec::new());
        }
        let related = ctx
            .store()
            .related(&key.project, &traces)
            .await
            .map_err(from_store)?;
        let own_traces: FxHashSet<&String> = self.summary.totals.trace_ids.iter().collect();
        let is_of_them = |trace: &String| own_traces.contains(trace);
        let own = key.digest();
        let others = related
            .into_iter()
            .filter(|digest| *digest != own)
            .take(RELATED_MAX);
        let mut found = ctx.summaries().load_many(others).await?;
        let mut summaries: Vec<Arc<Summary>> = found
            .drain()
            .map(|(_, summary)| summary)
            // Spans of the trace may have moved elsewhere since it was linked.
            .filter(|summary| summary.totals.trace_ids.iter().any(is_of_them))
            // Links of the same project only, but the caller's right is checked where rows are given out.
            .filter(|summary| ctx.requester().may_see(&summary.key.project))
            .collect();
        summaries.sort_by(|a, b| (a.totals.started_ns, &a.key).cmp(&(b.totals.started_ns, &b.key)));
        Ok(summaries.into_iter().map(Conversation::of).collect())
    }

    /// The transcript in reading order: the main thread, each sub-agent thread after the message that opened it.
    #[graphql(
        complexity = "weigh(WHOLE_CONVERSATION_COST, 1, cost(first, MESSAGES_DEFAULT, MESSAGES_MAX, child_complexity))"
    )]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(100)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<MessageConnection, Error> {
        MessageConnection::page(ctx, &self.origin, first, after.as_deref()).await
    }

    /// The turns of the main thread, in order. What was said before a user's first message is of none.
    #[graphql(complexity = "weigh(WHOLE_CONVERSATION_COST, 1, child_complexity)")]
    async fn turns(&self, ctx: &Context<'_>) -> Result<Vec<Turn>, Error> {
        let folded = self.origin.folded(ctx).await?;
        let turns = &folded.view.transcript.turns;
        ctx.take_bytes(std::mem::size_of_val(turns.as_slice()))?;
        Ok(turns.iter().map(Turn::from).collect())
    }

    /// Distinct system prompts in order of first use; prompts that differ only in the parts that change at every call may be folded into one.
    #[graphql(complexity = "weigh(WHOLE_CONVERSATION_COST, 1, child_complexity)")]
    async fn system_prompts(&self, ctx: &Context<'_>) -> Result<Vec<SystemPrompt>, Error> {
        let folded = self.origin.folded(ctx).await?;
        let prompts = &folded.view.transcript.system_prompts;
        ctx.take_bytes(prompts.iter().map(|prompt| prompt.text.len()).sum())?;
        Ok(prompts
            .iter()
            .map(|prompt| SystemPrompt {
                text: prompt.text.clone(),
                agent: prompt.agent.clone(),
                first_used_at: DateTime::from_ns(prompt.first_used_ns),
                calls: prompt.calls,
                variants: prompt.variants,
            })
            .collect())
    }

    /// Errors that were reported of what called the conversation, such as the request to the server, and that no failed call or tool explains. Each counts once among errors.
    #[graphql(complexity = "weigh(WHOLE_CONVERSATION_COST, 1, child_complexity)")]
    async fn reported_errors(&self, ctx: &Context<'_>) -> Result<Vec<SpanError>, Error> {
        let folded = self.origin.folded(ctx).await?;
        let errors = &folded.view.transcript.reported_errors;
        Ok(errors.iter().map(SpanError::from).collect())
    }

    /// Every span of the conversation in start order.
    #[graphql(
        complexity = "weigh(WHOLE_CONVERSATION_COST, 1, cost(first, SPANS_DEFAULT, SPANS_MAX, child_complexity))"
    )]
    async fn spans(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(200)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<SpanConnection, Error> {
        SpanConnection::page(ctx, &self.origin, first, after.as_deref()).await
    }
}

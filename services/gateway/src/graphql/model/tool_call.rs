//! Tools that a message called.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, Error, ID, SimpleObject};
use domain::view::{ToolUse, Utterance};
use serde_json::Value;

use super::origin::Origin;
use super::span::{Span, SpanError};
use crate::graphql::budget::value_bytes;
use crate::graphql::context::ContextExt as _;
use crate::graphql::scalars::{DateTime, Json, ms};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ToolStatus {
    Pending,
    Ok,
    Error,
}

#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct ToolCall {
    /// Held instead of a copy of the call: arguments and results may be large.
    #[graphql(skip)]
    utterance: Arc<Utterance>,
    #[graphql(skip)]
    position: usize,
    #[graphql(skip)]
    origin: Arc<Origin>,
    /// Unique, also among conversations, and stable: the same spans give the same ids, in any order of arrival. Message.threadParent names it.
    id: ID,
    name: String,
}

impl ToolCall {
    /// The call at that position of the message, which must exist.
    pub fn of(utterance: Arc<Utterance>, position: usize, origin: Arc<Origin>) -> Self {
        let call = &utterance.tool_calls[position];
        Self {
            id: ID(call.id.clone()),
            name: call.name.clone(),
            utterance,
            position,
            origin,
        }
    }

    fn call(&self) -> &ToolUse {
        &self.utterance.tool_calls[self.position]
    }
}

fn shown(ctx: &Context<'_>, value: Option<&Value>) -> Result<Option<Json>, Error> {
    ctx.take_bytes(value.map_or(0, value_bytes))?;
    Ok(value.cloned().map(Json))
}

#[ComplexObject]
impl ToolCall {
    /// The id that the model or its API gave the call. It may come again in other answers: some count anew in each.
    async fn call_id(&self) -> Option<&String> {
        self.call().call_id.as_ref()
    }

    async fn arguments(&self, ctx: &Context<'_>) -> Result<Option<Json>, Error> {
        shown(ctx, self.call().arguments.as_ref())
    }

    async fn result(&self, ctx: &Context<'_>) -> Result<Option<Json>, Error> {
        shown(ctx, self.call().result.as_ref())
    }

    async fn status(&self) -> ToolStatus {
        match self.call().status {
            domain::view::ToolStatus::Pending => ToolStatus::Pending,
            domain::view::ToolStatus::Ok => ToolStatus::Ok,
            domain::view::ToolStatus::Error => ToolStatus::Error,
        }
    }

    /// Pending for ever: the conversation went on without its result.
    async fn abandoned(&self) -> bool {
        self.call().abandoned
    }

    async fn error(&self) -> Option<SpanError> {
        self.call().error.as_ref().map(SpanError::from)
    }

    async fn started_at(&self) -> Option<DateTime> {
        self.call().started_ns.map(DateTime::from_ns)
    }

    async fn duration_ms(&self) -> Option<f64> {
        self.call().duration_ns.map(ms)
    }

    async fn span(&self, ctx: &Context<'_>) -> Result<Option<Span>, Error> {
        match &self.call().span {
            Some(key) => Ok(Span::find(self.origin.folded(ctx).await?, key)),
            None => Ok(None),
        }
    }
}

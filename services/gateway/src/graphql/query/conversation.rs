//! One conversation by its id.

use std::sync::Arc;

use async_graphql::{Context, Error, ID, Object};
use domain::ids::{ConversationKey, clean_conversation_id};

use crate::graphql::context::ContextExt as _;
use crate::graphql::model::Conversation;

#[derive(Debug, Default)]
pub struct ConversationQuery;

/// The key under which a client's id is stored: ids are tidied as they arrive, and overlong ones cut.
pub fn key_of(project: &ID, id: &ID) -> ConversationKey {
    ConversationKey {
        project: project.0.clone(),
        id: clean_conversation_id(id).unwrap_or_else(|| id.0.clone()),
    }
}

#[Object]
impl ConversationQuery {
    /// null when unknown, or when the caller may not see that project.
    async fn conversation(
        &self,
        ctx: &Context<'_>,
        project: ID,
        id: ID,
    ) -> Result<Option<Conversation>, Error> {
        if !ctx.requester().may_see(&project) {
            return Ok(None);
        }
        let digest = key_of(&project, &id).digest();
        let summary: Option<Arc<_>> = ctx.summaries().load_one(digest).await?;
        let standing = summary.filter(|summary| !summary.is_empty());
        Ok(standing.map(Conversation::of))
    }
}

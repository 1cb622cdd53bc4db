//! The conversation that the parts of one answer belong to, read at most once for all of them.

use async_graphql::{Context, Error};
use domain::ids::Digest;
use tokio::sync::OnceCell;

use crate::conversations::{Folded, Point};
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Code, from_read};

#[derive(Debug)]
pub struct Origin {
    digest: Digest,
    /// Where the conversation stood; `None` for where it stands when it is first asked for.
    at: Option<Point>,
    folded: OnceCell<Folded>,
}

impl Origin {
    /// As it is when it is first asked for.
    pub fn latest(digest: Digest) -> Self {
        Self {
            digest,
            at: None,
            folded: OnceCell::new(),
        }
    }

    /// Already read.
    pub fn read(digest: Digest, folded: Folded) -> Self {
        Self {
            digest,
            at: Some(folded.point()),
            folded: OnceCell::new_with(Some(folded)),
        }
    }

    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    pub async fn folded(&self, ctx: &Context<'_>) -> Result<&Folded, Error> {
        self.folded
            .get_or_try_init(|| async {
                let reader = ctx.reader();
                let folded = match self.at {
                    Some(point) => reader.at(&self.digest, point).await,
                    None => reader.latest(&self.digest).await,
                };
                folded.map_err(from_read)?.ok_or_else(gone)
            })
            .await
    }
}

/// It was there when the answer began.
pub fn gone() -> Error {
    Code::ConversationGone.error("the conversation has expired")
}

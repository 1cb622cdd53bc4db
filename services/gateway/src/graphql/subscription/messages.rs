//! The messages of one conversation: what was committed since the cursor, then what comes.

use async_graphql::{Context, Error, ID, Result, Subscription};
use futures::stream::{self, Stream};
use tokio::sync::broadcast::error::RecvError;

use super::Watch;
use super::backlog::Backlog;
use super::delivery::Resume;
use crate::conversations::{Ended, Following, ReadError, Step};
use crate::graphql::context::ContextExt as _;
use crate::graphql::cursor::{LiveCursor, short};
use crate::graphql::error::{Code, forbidden, from_read};
use crate::graphql::model::events::MessageEvent;
use crate::graphql::model::origin::gone;
use crate::graphql::query::key_of;

#[derive(Debug, Default)]
pub struct MessagesSubscription;

#[Subscription]
impl MessagesSubscription {
    /// The messages of one conversation. With `after` (a MessageEvent cursor, or MessageConnection.liveCursor) it first
    /// delivers everything committed since that cursor, then goes on live: nothing is missed and nothing comes twice,
    /// across reconnects and across gateways. Without `after` it starts with the whole transcript.
    ///
    /// A conversation that does not exist yet is waited for. A subscriber that is too slow is cut off with the error
    /// code RECONNECT_WITH_CURSOR, and so is one whose event could not be computed in time: subscribe again with the last
    /// cursor. CURSOR_INVALID means that the conversation was
    /// rebuilt meanwhile: subscribe again without a cursor.
    async fn messages(
        &self,
        ctx: &Context<'_>,
        project: ID,
        conversation: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<MessageEvent>> + use<>> {
        if !ctx.requester().may_see(&project) {
            return Err(forbidden(&project));
        }
        let digest = key_of(&project, &conversation).digest();
        let after = match &after {
            Some(after) => Some(LiveCursor::decode(after, short(&digest))?),
            None => None,
        };
        let watch = Watch::begin(ctx, "messages")?;
        // Listening begins before the backlog is read, so nothing falls between the two.
        let following = ctx.state().hub.follow(digest).await.map_err(from_read)?;
        let mut backlog = Backlog::new(digest);
        backlog.since(after, &following, ctx.reader()).await?;
        watch.delivers(Resume::WithCursor);
        let listener = Listener {
            backlog,
            following,
            watch,
            has_ended: false,
        };
        Ok(stream::unfold(listener, Listener::next))
    }
}

struct Listener {
    backlog: Backlog,
    following: Following,
    watch: Watch,
    has_ended: bool,
}

impl Listener {
    async fn next(mut self) -> Option<(Result<MessageEvent>, Self)> {
        if self.has_ended {
            return None;
        }
        loop {
            if let Some(event) = self.backlog.next() {
                return Some((Ok(event), self));
            }
            match self.following.steps.recv().await {
                Ok(Step::Changes(step)) => {
                    let changes = step.changes.clone();
                    self.backlog
                        .push(step.from, step.to, changes, 0, &step.summary);
                }
                Ok(Step::Ended(Ended::Gone)) => return Some(self.end("gone", gone())),
                Ok(Step::Ended(Ended::Rebuilt)) => {
                    return Some(self.end("rebuilt", from_read(ReadError::Rebuilt)));
                }
                Err(RecvError::Lagged(_)) => return Some(self.end("slow", too_slow())),
                Err(RecvError::Closed) => return Some(self.end("closed", too_slow())),
            }
        }
    }

    fn end(mut self, reason: &'static str, error: Error) -> (Result<MessageEvent>, Self) {
        self.watch.ends_because(reason);
        self.has_ended = true;
        (Err(error), self)
    }
}

fn too_slow() -> Error {
    Code::ReconnectWithCursor.error(
        "more happened than this subscriber could take: subscribe again with the last cursor",
    )
}

//! What a subscriber has still to be told of one conversation, each change with its cursor.

use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::Error;
use domain::ids::Digest;
use domain::view::{Change, View};
use store::Summary;

use crate::conversations::{ConversationReader, Following, Point, ReadError};
use crate::graphql::cursor::{ALL, LiveCursor, short};
use crate::graphql::error::from_read;
use crate::graphql::model::conversation::Conversation;
use crate::graphql::model::events::{MessageEvent, MessageEventKind};
use crate::graphql::model::message::Message;
use crate::graphql::model::origin::{Origin, gone};

/// Changes that lead from one position to the next, as far as they are still to be delivered.
#[derive(Debug)]
pub(super) struct Backlog {
    digest: Digest,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    cursor: LiveCursor,
    change: Change,
    /// Shared by the events of one step, so that what they ask of the conversation is read once.
    origin: Arc<Origin>,
    summary: Arc<Summary>,
}

impl Backlog {
    pub(super) fn new(digest: Digest) -> Self {
        Self {
            digest,
            waiting: VecDeque::new(),
        }
    }

    /// Everything from the cursor, or from the beginning, up to where the following began.
    pub(super) async fn since(
        &mut self,
        after: Option<LiveCursor>,
        following: &Following,
        reader: &ConversationReader,
    ) -> Result<(), Error> {
        let (begin, seen) = match after {
            None => (Point::START, Arc::<View>::default()),
            Some(cursor) => {
                let summary = following.summary.clone();
                let seen = self.rest_of_step(cursor, summary, reader).await?;
                (cursor.to, seen)
            }
        };
        if begin.entries > following.at.entries {
            return Err(from_read(ReadError::Rebuilt));
        }
        let changes = reader
            .changes(seen, following.view.clone())
            .await
            .map_err(from_read)?;
        if let Some(summary) = &following.summary {
            self.push(begin, following.at, changes, 0, summary);
        }
        Ok(())
    }

    /// The changes of the cursor's own step that come after it; returns the transcript at the end of that step.
    async fn rest_of_step(
        &mut self,
        cursor: LiveCursor,
        summary: Option<Arc<Summary>>,
        reader: &ConversationReader,
    ) -> Result<Arc<View>, Error> {
        if cursor.to == Point::START {
            return Ok(Arc::default());
        }
        let summary = summary.ok_or_else(gone)?;
        let points = [cursor.from, cursor.to];
        let [old, new] = reader
            .views(&self.digest, points)
            .await
            .map_err(from_read)?
            .ok_or_else(gone)?;
        if cursor.index != ALL {
            let changes = reader.changes(old, new.clone()).await.map_err(from_read)?;
            let delivered = (cursor.index as usize).saturating_add(1);
            self.push(cursor.from, cursor.to, changes, delivered, &summary);
        }
        Ok(new)
    }

    /// Adds the changes of a step, less those that were delivered before.
    pub(super) fn push(
        &mut self,
        from: Point,
        to: Point,
        changes: Vec<Change>,
        delivered: usize,
        summary: &Arc<Summary>,
    ) {
        let origin = Arc::new(Origin::latest(self.digest));
        let conversation = short(&self.digest);
        let waiting = (0u32..)
            .zip(changes)
            .skip(delivered)
            .map(|(index, change)| Waiting {
                cursor: LiveCursor {
                    conversation,
                    from,
                    to,
                    index,
                },
                change,
                origin: origin.clone(),
                summary: summary.clone(),
            });
        self.waiting.extend(waiting);
    }

    pub(super) fn next(&mut self) -> Option<MessageEvent> {
        let Waiting {
            cursor,
            change,
            origin,
            summary,
        } = self.waiting.pop_front()?;
        let (kind, utterance) = match change {
            Change::Added(utterance) => (MessageEventKind::Added, utterance),
            Change::Updated(utterance) => (MessageEventKind::Updated, utterance),
            Change::Removed(utterance) => (MessageEventKind::Removed, utterance),
        };
        Some(MessageEvent {
            kind,
            cursor: cursor.encode(),
            message: Message::of(utterance, origin.clone()),
            conversation: Conversation::with_origin(summary, origin),
        })
    }
}

//! The rows of a filtered list, as they appear and change.

use std::collections::VecDeque;

use async_graphql::{Context, Error, Result, Subscription};
use domain::conversation::Conversation as Facts;
use domain::ids::Digest;
use domain::window::Windows;
use futures::stream::{self, Stream};
use rustc_hash::FxHashMap;
use store::{Store, Summary};
use tokio::sync::broadcast::error::RecvError;

use super::Watch;
use super::delivery::Resume;
use super::row_kind::{kind, was_finalised};
use crate::conversations::{Before, RowChange, RowEvents};
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Code, from_store};
use crate::graphql::filter::{ConversationFilter, Filter};
use crate::graphql::model::Conversation;
use crate::graphql::model::conversation::ConversationStatus;
use crate::graphql::model::events::ConversationEvent;
use crate::graphql::query::has_words;

/// Rows of which a subscriber remembers whether they matched. Beyond it the memory begins anew, at the price of
/// computing the former state of a row.
const REMEMBERED_ROWS_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub struct ConversationsSubscription;

#[Subscription]
impl ConversationsSubscription {
    /// Rows of the list as they appear or change, for every conversation that matches the filter.
    ///
    /// Changes of one row within a short time come as one event. A subscriber that is too slow, or that a change may not have
    /// reached, is cut off with the error code RECONNECT: read the list and subscribe again.
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        filter: Option<ConversationFilter>,
    ) -> Result<impl Stream<Item = Result<ConversationEvent>> + use<>> {
        let filter = Filter::new(filter, ctx.requester())?;
        let watch = Watch::begin(ctx, "conversations")?;
        watch.delivers(Resume::Anew);
        let watcher = Watcher {
            store: ctx.store().clone(),
            filter,
            rows: ctx.state().hub.rows(),
            waiting: VecDeque::new(),
            matched: FxHashMap::default(),
            watch,
            has_ended: false,
        };
        Ok(stream::unfold(watcher, Watcher::next))
    }
}

struct Watcher {
    store: Store,
    filter: Filter,
    rows: RowEvents,
    /// Changes of one batch that were not looked at yet.
    waiting: VecDeque<RowChange>,
    /// Whether a row matched when it was last seen.
    matched: FxHashMap<Digest, bool>,
    watch: Watch,
    has_ended: bool,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<ConversationEvent>, Self)> {
        if self.has_ended {
            return None;
        }
        loop {
            if let Some(change) = self.waiting.pop_front() {
                match self.look_at(change).await {
                    Ok(None) => continue,
                    Ok(Some(event)) => return Some((Ok(event), self)),
                    Err(error) => return Some(self.end("failed", error)),
                }
            }
            match self.rows.recv().await {
                Ok(batch) => self.waiting.extend(batch.iter().cloned()),
                Err(RecvError::Lagged(_)) => return Some(self.end("slow", too_slow())),
                Err(RecvError::Closed) => return Some(self.end("missed", missed())),
            }
        }
    }

    fn end(mut self, reason: &'static str, error: Error) -> (Result<ConversationEvent>, Self) {
        self.watch.ends_because(reason);
        self.has_ended = true;
        (Err(error), self)
    }

    async fn look_at(&mut self, change: RowChange) -> Result<Option<ConversationEvent>> {
        let RowChange {
            digest,
            before,
            now,
        } = change;
        let former = match &before {
            Before::Row(row) => Some(row.clone()),
            Before::New | Before::BeforeVersion(_) => None,
        };
        // Rows of projects that the subscriber does not see take no further work.
        let Some(shown) = now.clone().or(former.clone()) else {
            return Ok(None);
        };
        if !self.filter.matches_project(&shown.key.project) {
            return Ok(None);
        }
        let matches_now = match &now {
            Some(row) => self.matches(row).await?,
            None => false,
        };
        let matched_before = match self.matched.get(&digest) {
            Some(matched) => *matched,
            None => {
                self.matched_before(&before, now.as_deref(), matches_now)
                    .await?
            }
        };
        self.remember(digest, matches_now, now.is_some());
        let windows: Option<&Windows> = former.as_ref().map(|row| &row.windows);
        let finalised = now
            .as_ref()
            .is_some_and(|row| was_finalised(windows, &row.windows));
        Ok(
            kind(matched_before, matches_now, finalised).map(|kind| ConversationEvent {
                kind,
                conversation: Conversation::of(shown),
            }),
        )
    }

    async fn matches(&self, row: &Summary) -> Result<bool> {
        Ok(self.filter.matches(row) && has_words(&self.store, &self.filter, row).await?)
    }

    async fn matched_before(
        &self,
        before: &Before,
        now: Option<&Summary>,
        matches_now: bool,
    ) -> Result<bool> {
        match (before, now) {
            (Before::New, _) | (Before::BeforeVersion(_), None) => Ok(false),
            (Before::Row(row), Some(_)) if self.filter.is_fixed() => Ok(self.filter.matches(row)),
            // Whether it had been emptied before is not looked up for every row: the client may learn of a row by a change.
            (Before::BeforeVersion(_), Some(now)) if self.filter.is_fixed() && !now.is_empty() => {
                Ok(matches_now)
            }
            (Before::Row(row), _) if self.filter.words().is_empty() => Ok(self.filter.matches(row)),
            (Before::Row(row), None) => Ok(self.filter.matches(row)),
            (Before::Row(row), Some(now)) => {
                Ok(self.filter.matches(row) && self.matched_at(now, row.entries).await?)
            }
            (Before::BeforeVersion(version), Some(now)) => {
                let commits = now.version.saturating_sub(version.saturating_sub(1));
                // A commit adds one entry, or none when it only closes a window.
                let entries = now.entries.saturating_sub(commits);
                Ok(self.was_in_status(now) && self.matched_at(now, entries).await?)
            }
        }
    }

    /// A finalised conversation was open before it was finalised. One that is open after having been finalised may
    /// have been either: it counts as having been what the filter asks for, since a needless event does no harm.
    fn was_in_status(&self, now: &Summary) -> bool {
        let Some(wanted) = self.filter.status() else {
            return true;
        };
        let may_have_been_reopened = now.windows.is_open() && now.windows.revision > 0;
        wanted == ConversationStatus::Open || may_have_been_reopened
    }

    /// Whether everything but the status matched when the log had that many entries.
    async fn matched_at(&self, now: &Summary, entries: u64) -> Result<bool> {
        let snapshot = self.store.load(&now.key, 0).await.map_err(from_store)?;
        let Some(mut snapshot) = snapshot else {
            return Ok(false);
        };
        snapshot
            .entries
            .truncate(usize::try_from(entries).unwrap_or(usize::MAX));
        if snapshot.entries.is_empty() {
            return Ok(false);
        }
        let filter = self.filter.clone();
        let look = move || {
            let has_words = filter.words().occur_in(&snapshot.entries);
            let mut facts = Facts::default();
            snapshot
                .entries
                .into_iter()
                .for_each(|entry| facts.apply(entry));
            let totals = facts.view().totals;
            has_words && !totals.is_empty && filter.matches_totals(&totals)
        };
        Ok(tokio::task::spawn_blocking(look).await.unwrap_or(false))
    }

    fn remember(&mut self, digest: Digest, matches: bool, exists: bool) {
        if self.matched.len() >= REMEMBERED_ROWS_MAX {
            self.matched.clear();
        }
        if exists {
            self.matched.insert(digest, matches);
        } else {
            self.matched.remove(&digest);
        }
    }
}

fn too_slow() -> Error {
    Code::Reconnect
        .error("more happened than this subscriber could take: read the list and subscribe again")
}

fn missed() -> Error {
    Code::Reconnect.error("changes may have been missed: read the list and subscribe again")
}

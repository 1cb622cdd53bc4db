//! Writes conversations as the processor does: facts appended, the summary beside them, indexes and a wake-up after.

use std::sync::Arc;

use domain::conversation::Conversation;
use domain::facts::{Entry, Link, Move};
use domain::ids::{ConversationKey, TraceId};
use domain::limits::Limits;
use domain::prepare;
use domain::span::Span;
use domain::trace::Rank;
use domain::usage::NoPrices;
use domain::window::Windows;
use store::{Commit, IndexUpdate, Store, Summary};

/// Silence after which a conversation is finalised.
pub(crate) const GAP_MS: i64 = 60_000;

/// Writes one conversation.
pub(crate) struct Writer {
    store: Store,
    key: ConversationKey,
    conversation: Conversation,
    windows: Windows,
    version: u64,
    token: u64,
    entries: u64,
    traces: Vec<TraceId>,
    moves: u32,
}

impl Writer {
    pub(crate) fn new(store: &Store, project: &str, id: &str) -> Self {
        Self {
            store: store.clone(),
            key: ConversationKey {
                project: project.to_owned(),
                id: id.to_owned(),
            },
            conversation: Conversation::default(),
            windows: Windows::default(),
            version: 0,
            token: 0,
            entries: 0,
            traces: Vec::new(),
            moves: 0,
        }
    }

    /// Commits the spans as one entry.
    pub(crate) async fn write(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.write_linked(spans, &[]).await;
    }

    pub(crate) async fn write_linked(
        &mut self,
        spans: impl IntoIterator<Item = Span>,
        links: &[Link],
    ) {
        let mut prepared = Vec::new();
        let mut added = Vec::new();
        for span in spans {
            let record_ms = span.end_ns / 1_000_000;
            if !self.traces.contains(&span.key.trace) {
                self.traces.push(span.key.trace);
                added.push(span.key.trace);
            }
            prepared.push(prepare::span(span, record_ms, &NoPrices));
        }
        let entry = self
            .conversation
            .entry_for(&prepared, links, &Limits::default());
        self.add(entry, added).await;
    }

    /// Commits that the spans, which carry no id themselves, stand here no more, or do again.
    pub(crate) async fn moves(&mut self, spans: &[Span], is_here: bool) {
        self.moves += 1;
        let moved = |span: &Span| {
            let record_ms = span.end_ns / 1_000_000;
            let until_ms = (!is_here).then_some(record_ms + 1);
            Move {
                key: span.key,
                rank: Rank {
                    reports: self.moves,
                    earliness: 0,
                    given: 0,
                },
                is_precaution: false,
                during: vec![(record_ms, until_ms)],
            }
        };
        let moves = spans.iter().map(moved).collect();
        let entry = Entry {
            moves,
            ..Entry::default()
        };
        self.add(entry, Vec::new()).await;
    }

    async fn add(&mut self, mut entry: Entry, traces: Vec<TraceId>) {
        self.windows.take_in(&self.conversation, &mut entry, GAP_MS);
        self.conversation.apply(entry.clone());
        self.entries += 1;
        self.commit(Some(&entry), traces).await;
    }

    /// Closes the window, as the processor does when the watermark has passed it.
    pub(crate) async fn finalise(&mut self) {
        self.windows
            .close(&self.conversation, i64::MAX, GAP_MS)
            .expect("a window was open");
        self.commit(None, Vec::new()).await;
    }

    async fn commit(&mut self, entry: Option<&Entry>, trace_ids_added: Vec<TraceId>) {
        self.version += 1;
        let summary = Summary {
            key: self.key.clone(),
            version: self.version,
            token: self.token,
            entries: self.entries,
            windows: self.windows.clone(),
            totals: self.conversation.view().totals,
            published_revision: self.windows.revision,
        };
        let outcome = self.store.commit(&summary, entry).await.expect("commits");
        let Commit::Done { token } = outcome else {
            panic!("someone else has written: {outcome:?}");
        };
        self.token = token;
        let update = IndexUpdate {
            summary: Arc::new(summary),
            trace_ids_added,
        };
        self.store.index(&[update]).await.expect("indexes");
    }
}

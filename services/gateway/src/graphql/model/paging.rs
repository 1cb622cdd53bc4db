//! Pages of what a conversation holds, all as of when the first one was read: no row is missed or comes twice while more
//! arrive.

use std::sync::Arc;

use async_graphql::{Context, Error};

use super::origin::{Origin, gone};
use super::page::{PageInfo, slice};
use crate::conversations::Folded;
use crate::graphql::context::ContextExt as _;
use crate::graphql::cursor::{PageCursor, PageKind, short};
use crate::graphql::error::from_read;

/// The conversation that a page is cut from, and where.
pub(super) struct Paging {
    pub(super) origin: Arc<Origin>,
    pub(super) folded: Folded,
    kind: PageKind,
    start: usize,
    rows: usize,
}

impl Paging {
    /// Up to `rows` rows after the cursor, or from the first.
    pub(super) async fn begin(
        ctx: &Context<'_>,
        origin: &Arc<Origin>,
        kind: PageKind,
        rows: usize,
        after: Option<&str>,
    ) -> Result<Self, Error> {
        let Some(after) = after else {
            return Ok(Self {
                origin: origin.clone(),
                folded: origin.folded(ctx).await?.clone(),
                kind,
                start: 0,
                rows,
            });
        };
        let digest = *origin.digest();
        let cursor = PageCursor::decode(after, kind, short(&digest))?;
        let folded = ctx
            .reader()
            .at(&digest, cursor.at)
            .await
            .map_err(from_read)?
            .ok_or_else(gone)?;
        Ok(Self {
            origin: Arc::new(Origin::read(digest, folded.clone())),
            folded,
            kind,
            start: (cursor.index as usize).saturating_add(1),
            rows,
        })
    }

    /// The rows of the page out of all there are, each with its cursor.
    pub(super) fn cut<'a, T>(&self, all: &'a [T]) -> (Vec<(String, &'a T)>, PageInfo) {
        let (page, info) = slice(all, self.start, self.rows, |position| self.cursor(position));
        let cursors = (self.start..).map(|position| self.cursor(position));
        (cursors.zip(page).collect(), info)
    }

    fn cursor(&self, position: usize) -> String {
        let cursor = PageCursor {
            conversation: short(self.origin.digest()),
            at: self.folded.point(),
            index: u32::try_from(position).unwrap_or(u32::MAX),
        };
        cursor.encode(self.kind)
    }
}

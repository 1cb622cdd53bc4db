//! Walks a list newest first and keeps the rows that match, for as long as there is time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Error;
use futures::stream::{self, StreamExt as _};
use store::{ListCursor, Store, Summary};

use crate::graphql::error::from_store;
use crate::graphql::filter::Filter;

/// Rows read at once where not every row will match.
const CHUNK_ROWS: usize = 250;
/// Logs read at once while searching. Each may take a few megabytes for the moment.
const SEARCHED_AT_ONCE: usize = 8;

/// Where a scan stops.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub after: Option<ListCursor>,
    /// Matching rows wanted.
    pub rows: usize,
    pub budget: Duration,
}

#[derive(Debug, Default)]
pub struct Scanned {
    pub rows: Vec<(ListCursor, Arc<Summary>)>,
    /// How far the scan came; beyond the last row when what came after it did not match.
    pub end: Option<ListCursor>,
    pub has_more: bool,
}

/// At least one chunk is read, so that a scan always comes further.
pub async fn scan(store: &Store, filter: &Filter, bounds: Bounds) -> Result<Scanned, Error> {
    let mut scanned = Scanned {
        end: bounds.after,
        ..Scanned::default()
    };
    if filter.is_impossible() {
        return Ok(scanned);
    }
    let begun = Instant::now();
    let mut query = filter.list_query();
    loop {
        let wanted = bounds.rows - scanned.rows.len();
        query.after = scanned.end;
        query.limit = if filter.is_answered_by_store() {
            wanted
        } else {
            wanted.max(CHUNK_ROWS)
        };
        let page = store.list(&query).await.map_err(from_store)?;
        let read = page.rows.len();
        let mut matching = matching(store, filter, page.rows);
        let mut looked_at = 0;
        while let Some(row) = matching.next().await {
            let (cursor, row) = row?;
            looked_at += 1;
            scanned.end = Some(cursor);
            scanned.rows.extend(row.map(|row| (cursor, row)));
            let is_full = scanned.rows.len() == bounds.rows;
            if looked_at < read && (is_full || begun.elapsed() > bounds.budget) {
                scanned.has_more = true;
                return Ok(scanned);
            }
        }
        scanned.end = page.scanned_to.or(scanned.end);
        scanned.has_more = page.has_more;
        let is_full = scanned.rows.len() == bounds.rows;
        if is_full || !page.has_more || begun.elapsed() > bounds.budget {
            return Ok(scanned);
        }
    }
}

type Row = (ListCursor, Option<Arc<Summary>>);

/// Each row in its order, without its summary when it does not match.
fn matching<'a>(
    store: &'a Store,
    filter: &'a Filter,
    rows: Vec<(ListCursor, Arc<Summary>)>,
) -> impl stream::Stream<Item = Result<Row, Error>> + Unpin + 'a {
    let look = move |(cursor, row): (ListCursor, Arc<Summary>)| async move {
        let matches = filter.matches(&row) && has_words(store, filter, &row).await?;
        Ok((cursor, matches.then_some(row)))
    };
    Box::pin(stream::iter(rows).map(look).buffered(SEARCHED_AT_ONCE))
}

/// Whether the words that are searched for occur in the conversation.
pub async fn has_words(store: &Store, filter: &Filter, row: &Summary) -> Result<bool, Error> {
    if filter.words().is_empty() {
        return Ok(true);
    }
    let snapshot = match store.load(&row.key, 0).await {
        Ok(snapshot) => snapshot,
        // One conversation that cannot be read must not take the list with it.
        Err(cause) if !cause.is_transient() => {
            tracing::error!(error = %cause, conversation = %row.key, "cannot be searched");
            return Ok(false);
        }
        Err(cause) => return Err(from_store(cause)),
    };
    let Some(snapshot) = snapshot else {
        return Ok(false);
    };
    let words = filter.words().clone();
    let search = move || words.occur_in(&snapshot.entries);
    Ok(tokio::task::spawn_blocking(search).await.unwrap_or(false))
}

//! The list of conversations.

use std::time::Duration;

use async_graphql::{Context, Error, Object};

use super::scan::{Bounds, scan};
use crate::graphql::context::ContextExt as _;
use crate::graphql::cursor::RowCursor;
use crate::graphql::filter::{ConversationFilter, Filter};
use crate::graphql::model::page::{cost, rows};
use crate::graphql::model::{Conversation, ConversationConnection, ConversationEdge, PageInfo};
use crate::graphql::scalars::DateTime;

const ROWS_DEFAULT: usize = 50;
const ROWS_MAX: usize = 200;

#[derive(Debug, Default)]
pub struct ConversationsQuery;

#[Object]
impl ConversationsQuery {
    /// Newest activity first. Keyset pages: no row repeats or vanishes while traffic arrives. first: 1..200. A page of a search may have fewer rows, even none, and more after it: it ends where the time for one query did.
    #[graphql(complexity = "cost(first, ROWS_DEFAULT, ROWS_MAX, child_complexity)")]
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
        filter: Option<ConversationFilter>,
    ) -> Result<ConversationConnection, Error> {
        let count = rows(first, ROWS_DEFAULT, ROWS_MAX)?;
        let filter = Filter::new(filter, ctx.requester())?;
        let list = filter.fingerprint();
        let after = match &after {
            Some(after) => Some(RowCursor::decode(after, list)?),
            None => None,
        };
        let bounds = Bounds {
            after,
            rows: count,
            budget: Duration::from_millis(ctx.state().limits.search_budget_ms),
        };
        let scanned = scan(ctx.store(), &filter, bounds).await?;
        let encode = |place| RowCursor { place, list }.encode();
        let edges: Vec<ConversationEdge> = scanned
            .rows
            .into_iter()
            .map(|(place, summary)| ConversationEdge {
                cursor: encode(place),
                node: Conversation::of(summary),
            })
            .collect();
        // A page without a row still says how far it looked, or a search could not go on.
        let end = scanned
            .end
            .filter(|_| scanned.has_more || !edges.is_empty());
        Ok(ConversationConnection {
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            page_info: PageInfo {
                has_next_page: scanned.has_more,
                has_previous_page: after.is_some(),
                start_cursor: edges.first().map(|edge| edge.cursor.clone()),
                end_cursor: end.map(encode),
            },
            looked_back_to: end
                .map(|place| DateTime::from_ns(place.activity_us.saturating_mul(1_000))),
            edges,
        })
    }
}

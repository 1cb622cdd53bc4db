//! Distinct values within a filter.

use std::time::{Duration, Instant};

use async_graphql::{Context, Error, Object};

use super::scan::{Bounds, scan};
use crate::graphql::context::ContextExt as _;
use crate::graphql::filter::{ConversationFilter, Filter};
use crate::graphql::model::facets::{Count, Facets};
use crate::graphql::model::page::weigh;

/// Rows counted between two looks at the clock.
const CHUNK_ROWS: usize = 1_000;
/// Counting reads many rows, whatever is asked of the counts.
const FACETS_COST: usize = 500;

#[derive(Debug, Default)]
pub struct FacetsQuery;

#[Object]
impl FacetsQuery {
    /// What the filter bar offers: distinct values within the filter, most used first.
    #[graphql(complexity = "weigh(FACETS_COST, 1, child_complexity)")]
    async fn facets(
        &self,
        ctx: &Context<'_>,
        filter: Option<ConversationFilter>,
    ) -> Result<Facets, Error> {
        let filter = Filter::new(filter, ctx.requester())?;
        let limits = &ctx.state().limits;
        let budget = Duration::from_millis(limits.facets_budget_ms);
        let begun = Instant::now();
        let mut count = Count::default();
        let mut after = None;
        loop {
            let left = limits.facets_rows_max.saturating_sub(count.rows() as usize);
            let bounds = Bounds {
                after,
                rows: left.min(CHUNK_ROWS),
                budget: budget.saturating_sub(begun.elapsed()),
            };
            if bounds.rows == 0 {
                return Ok(count.finish(false));
            }
            let scanned = scan(ctx.store(), &filter, bounds).await?;
            scanned.rows.iter().for_each(|(_, row)| count.add(row));
            if !scanned.has_more {
                return Ok(count.finish(true));
            }
            if begun.elapsed() > budget {
                return Ok(count.finish(false));
            }
            after = scanned.end;
        }
    }
}

//! Which instrumentations do not say what conversation they belong to, and which say what no rule reads.

use async_graphql::{Context, Error, ID, Object};
use store::{Tallied, Tally};

use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{bad_input, from_store};
use crate::graphql::model::page::weigh;
use crate::graphql::model::tallies::{UnassignedSpans, UnreadSpans};

/// Projects asked of the store at once.
const PROJECTS_MAX: usize = 1_000;
/// One read for each project.
const TALLY_COST: usize = 50;

#[derive(Debug, Default)]
pub struct TalliesQuery;

#[Object]
impl TalliesQuery {
    /// Spans without a conversation, by project and instrumentation, most spans first. Without `projects`: of every project that has conversations and may be seen.
    #[graphql(complexity = "weigh(TALLY_COST, 1, child_complexity)")]
    async fn unassigned_spans(
        &self,
        ctx: &Context<'_>,
        projects: Option<Vec<ID>>,
    ) -> Result<Vec<UnassignedSpans>, Error> {
        let counted = tallied(ctx, Tally::Unassigned, projects).await?;
        Ok(counted.into_iter().map(UnassignedSpans::from).collect())
    }

    /// Spans that say something that no rule reads, by project and instrumentation, most spans first. Without `projects`: of every project that has conversations and may be seen.
    #[graphql(complexity = "weigh(TALLY_COST, 1, child_complexity)")]
    async fn unread_spans(
        &self,
        ctx: &Context<'_>,
        projects: Option<Vec<ID>>,
    ) -> Result<Vec<UnreadSpans>, Error> {
        let counted = tallied(ctx, Tally::Unread, projects).await?;
        Ok(counted.into_iter().map(UnreadSpans::from).collect())
    }
}

async fn tallied(
    ctx: &Context<'_>,
    tally: Tally,
    projects: Option<Vec<ID>>,
) -> Result<Vec<Tallied>, Error> {
    let asked: Option<Vec<String>> =
        projects.map(|projects| projects.into_iter().map(|id| id.0).collect());
    if asked
        .as_ref()
        .is_some_and(|asked| asked.len() > PROJECTS_MAX)
    {
        return Err(bad_input(format!(
            "`projects` has too many values: at most {PROJECTS_MAX} are supported"
        )));
    }
    let visible = match ctx.requester().visible(asked.as_deref()) {
        Some(visible) => visible,
        None => {
            let mut all = ctx.store().projects().await.map_err(from_store)?;
            all.truncate(PROJECTS_MAX);
            all
        }
    };
    ctx.store()
        .tallied(tally, &visible)
        .await
        .map_err(from_store)
}

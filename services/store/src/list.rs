//! Lists of conversations, newest activity first, page by page, consistent from the first page to the last.

mod merge;
mod request;

use crate::index::{PROJECTS_MAX, activity_us};
use crate::places::Misplaced;
use crate::script::Call;
use crate::summary::{Found, Summary};
use crate::{Error, Store};
use domain::ids::Digest;
use merge::{Merge, Source};
use request::{KeepEpoch, Request};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most conversations on one page.
pub const LIST_PAGE_MAX: usize = 1_000;
/// Most agents in one filter.
const AGENTS_MAX: usize = 64;
/// Places asked of one project at once; its script runs for about a millisecond then.
const PLACES_PER_CALL_MAX: usize = 256;
const PLACES_PER_CALL_MIN: usize = 16;
/// Conversations read for one page. Where fewer match, the page is short and says how far it has looked.
const LOOKED_AT_MAX: usize = 4_000;
/// Round trips for one page.
const ROUNDS_MAX: usize = 64;

/// Conversations of any of the projects in which any of the agents took part, active at some time in [`from_ns`, `to_ns`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListQuery {
    /// `None` for all.
    pub projects: Option<Vec<String>>,
    /// Empty for any.
    pub agents: Vec<String>,
    pub from_ns: Option<i64>,
    pub to_ns: Option<i64>,
    /// Where the page before ended; the rest of the query has to be the same.
    pub after: Option<ListCursor>,
    /// At most [`LIST_PAGE_MAX`].
    pub limit: usize,
}

/// A place in a listing: the moment the listing began, and a conversation's activity at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ListCursor {
    #[serde(rename = "m")]
    pub moment_us: i64,
    #[serde(rename = "a")]
    pub activity_us: i64,
    #[serde(rename = "d")]
    pub digest: Digest,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListPage {
    /// Each conversation as it is now, at the place it had when the listing began.
    pub rows: Vec<(ListCursor, Arc<Summary>)>,
    /// Where to go on; beyond the last row when what came after it did not match.
    pub scanned_to: Option<ListCursor>,
    /// Whether there may be more. A page may be short, even empty, and still have more after it.
    pub has_more: bool,
}

impl Store {
    /// One page. A conversation that existed when the first page was given is on exactly one page, wherever it has
    /// moved since, as long as the pages are asked for within `page_ttl_ms`; after that, it may be missed.
    #[tracing::instrument(skip_all, fields(otel.kind = "client", db.system.name = "redis"))]
    pub async fn list(&self, query: &ListQuery) -> Result<ListPage, Error> {
        check(query)?;
        if query.limit == 0 {
            return Ok(ListPage::default());
        }
        let projects = match &query.projects {
            Some(projects) => projects.clone(),
            None => self.projects().await?,
        };
        let moment_us = match &query.after {
            Some(cursor) => cursor.moment_us,
            None => self.server_time_us().await?,
        };
        let mut merge = Merge::new(
            &projects,
            query
                .after
                .map(|cursor| (cursor.activity_us, cursor.digest)),
        );
        let mut page = Page {
            moment_us,
            query,
            rows: Vec::new(),
            looked_at: 0,
            misplaced: Vec::new(),
        };
        for _ in 0..ROUNDS_MAX {
            self.refill(&mut merge, &page).await?;
            let wanted = (query.limit - page.rows.len()).min(LOOKED_AT_MAX - page.looked_at);
            let places = merge.take(wanted);
            self.look_at(&mut page, places).await?;
            if merge.is_done() || page.rows.len() == query.limit || page.looked_at == LOOKED_AT_MAX
            {
                break;
            }
        }
        // Not before the page is complete: within it, each conversation stands where it was met.
        if let Err(error) = self.correct(page.misplaced).await {
            // A reader does not fail because it may not tidy up.
            tracing::debug!(%error, "conversations stay where they are in the lists for now");
        }
        let scanned_to = merge.position().map(|(activity_us, digest)| ListCursor {
            moment_us,
            activity_us,
            digest,
        });
        Ok(ListPage {
            rows: page.rows,
            scanned_to,
            has_more: !merge.is_done(),
        })
    }

    async fn server_time_us(&self) -> Result<i64, Error> {
        let (seconds, micros): (i64, i64) = self.connection.query(&redis::cmd("TIME")).await?;
        Ok(seconds * 1_000_000 + micros)
    }

    /// Asks the projects of which nothing is left to merge for more places.
    async fn refill(&self, merge: &mut Merge, page: &Page<'_>) -> Result<(), Error> {
        let sources = merge.sources();
        let count = match sources {
            // With one project a page that has everything needs no second, which saves keeping its moment.
            1 => page.query.limit,
            _ => (2 * page.query.limit / sources.max(1)).max(PLACES_PER_CALL_MIN),
        };
        let empty: Vec<&mut Source> = merge.empty_sources().collect();
        let calls: Vec<Call> = empty
            .iter()
            .map(|source| {
                let request = Request {
                    query: page.query,
                    moment_us: page.moment_us,
                    keep_epoch: match (page.query.after, source.is_asked()) {
                        (None, false) if sources == 1 => KeepEpoch::Unfinished,
                        (None, false) => KeepEpoch::Always,
                        _ => KeepEpoch::Never,
                    },
                    after: source.position(),
                    count: count.min(PLACES_PER_CALL_MAX),
                    page_ttl_us: self.page_ttl_us(),
                };
                request.call(&self.keys.index(&source.project))
            })
            .collect();
        for (source, answer) in empty
            .into_iter()
            .zip(self.connection.call_each(&calls).await?)
        {
            source.fill(answer)?;
        }
        Ok(())
    }

    /// Reads the conversations and keeps those that match; those that are gone are taken out of the lists, and those that
    /// stand too high, or where they should not, are noted.
    async fn look_at(&self, page: &mut Page<'_>, places: Vec<merge::Place>) -> Result<(), Error> {
        let digests: Vec<Digest> = places.iter().map(|place| place.digest).collect();
        page.looked_at += places.len();
        let mut gone = Vec::new();
        for (place, found) in places.into_iter().zip(self.find(&digests).await?) {
            match found {
                Found::Known(summary) => {
                    page.misplaced
                        .extend(misplaced(page.query, &place, &summary));
                    if !matches(page.query, &summary) {
                        continue;
                    }
                    let cursor = ListCursor {
                        moment_us: page.moment_us,
                        activity_us: place.activity_us,
                        digest: place.digest,
                    };
                    page.rows.push((cursor, Arc::from(summary)));
                }
                Found::Unreadable => {}
                Found::Nothing => {
                    let keys = self.keys.index(&place.project);
                    let lists = std::iter::once(keys.all())
                        .chain(page.query.agents.iter().map(|agent| keys.agent(agent)));
                    gone.push((lists.collect(), place.digest, place.activity_us));
                }
            }
        }
        if let Err(error) = self.forget(gone).await {
            // A reader does not fail because it may not tidy up; sweeping will.
            tracing::debug!(%error, "expired conversations stay in the lists for now");
        }
        Ok(())
    }
}

/// What has come together of one page.
struct Page<'a> {
    moment_us: i64,
    query: &'a ListQuery,
    rows: Vec<(ListCursor, Arc<Summary>)>,
    looked_at: usize,
    misplaced: Vec<Misplaced>,
}

fn check(query: &ListQuery) -> Result<(), Error> {
    let too_large = |what, size, max| Err(Error::TooLarge { what, size, max });
    if query.limit > LIST_PAGE_MAX {
        return too_large("page of a list", query.limit, LIST_PAGE_MAX);
    }
    let projects = query.projects.as_ref().map_or(0, Vec::len);
    if projects > PROJECTS_MAX {
        return too_large("list of projects in a filter", projects, PROJECTS_MAX);
    }
    if query.agents.len() > AGENTS_MAX {
        return too_large("list of agents in a filter", query.agents.len(), AGENTS_MAX);
    }
    Ok(())
}

/// As it is now.
fn matches(query: &ListQuery, summary: &Summary) -> bool {
    let totals = &summary.totals;
    let is_in_time = query
        .from_ns
        .is_none_or(|from_ns| totals.last_activity_ns >= from_ns)
        && query.to_ns.is_none_or(|to_ns| totals.started_ns < to_ns);
    let took_part = |agent: &String| totals.agents.contains(agent);
    !summary.is_empty()
        && is_in_time
        && (query.agents.is_empty() || query.agents.iter().any(took_part))
}

/// What is to be corrected of the place at which it was met. One that stands too low is on its way up.
fn misplaced(query: &ListQuery, place: &merge::Place, summary: &Summary) -> Option<Misplaced> {
    let gone = |agent: &&String| !summary.totals.agents.contains(agent);
    let agents: Vec<String> = query.agents.iter().filter(gone).cloned().collect();
    let is_of_none = !query.agents.is_empty() && agents.len() == query.agents.len();
    let is_too_high = activity_us(summary) < place.activity_us;
    (is_of_none || is_too_high || summary.is_empty()).then(|| Misplaced {
        project: place.project.clone(),
        digest: place.digest,
        seen_us: place.activity_us,
        agents,
    })
}

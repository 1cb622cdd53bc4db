//! The filter of a list: what the store's indexes answer, and what is looked up in each row.

use async_graphql::{Error, ID, InputObject};
use domain::ids::Digest;
use domain::view::Totals;
use domain::window::Windows;
use serde::Serialize;
use store::{ListQuery, Summary};

use super::error::bad_input;
use super::model::conversation::ConversationStatus;
use super::model::usage::total_dollars;
use super::scalars::DateTime;
use super::search::Words;
use crate::auth::Requester;

/// Values in one list of a filter; the store reads one index for each agent.
const VALUES_MAX: usize = 64;

#[derive(Clone, Debug, Default, InputObject)]
pub struct ConversationFilter {
    projects: Option<Vec<ID>>,
    /// Conversations active at some time in [from, to).
    from: Option<DateTime>,
    to: Option<DateTime>,
    /// Any of these agents took part. The same reading holds for the lists below; different fields are ANDed.
    agents: Option<Vec<String>>,
    models: Option<Vec<String>>,
    tools: Option<Vec<String>>,
    /// Matches user id, e-mail or name.
    users: Option<Vec<String>>,
    environments: Option<Vec<String>>,
    status: Option<ConversationStatus>,
    has_errors: Option<bool>,
    min_cost: Option<f64>,
    /// All words occur in the conversation's messages (case-insensitive).
    search: Option<String>,
}

/// A filter within the projects that its sender may see.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Sorted; `None` for all there are.
    projects: Option<Vec<String>>,
    from_ns: Option<i64>,
    to_ns: Option<i64>,
    agents: Vec<String>,
    models: Vec<String>,
    tools: Vec<String>,
    users: Vec<String>,
    environments: Vec<String>,
    status: Option<ConversationStatus>,
    has_errors: Option<bool>,
    min_cost: Option<f64>,
    words: Words,
}

impl Filter {
    pub fn new(filter: Option<ConversationFilter>, requester: &Requester) -> Result<Self, Error> {
        let filter = filter.unwrap_or_default();
        let asked: Option<Vec<String>> = filter
            .projects
            .map(|projects| projects.into_iter().map(|id| id.0).collect());
        let (from, to) = (filter.from, filter.to);
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(bad_input("`from` must be before `to`"));
        }
        if filter.min_cost.is_some_and(|cost| !cost.is_finite()) {
            return Err(bad_input("`minCost` must be a finite number of US dollars"));
        }
        Ok(Self {
            projects: requester.visible(asked.as_deref()),
            from_ns: from.map(DateTime::unix_ns),
            to_ns: to.map(DateTime::unix_ns),
            agents: values("agents", filter.agents)?,
            models: values("models", filter.models)?,
            tools: values("tools", filter.tools)?,
            users: values("users", filter.users)?,
            environments: values("environments", filter.environments)?,
            status: filter.status,
            has_errors: filter.has_errors,
            min_cost: filter.min_cost,
            words: Words::parse(filter.search.as_deref().unwrap_or_default())?,
        })
    }

    /// True when nothing can match, because no project that was asked for may be seen.
    pub fn is_impossible(&self) -> bool {
        self.projects.as_ref().is_some_and(Vec::is_empty)
    }

    /// The part that the store answers.
    pub fn list_query(&self) -> ListQuery {
        ListQuery {
            projects: self.projects.clone(),
            agents: self.agents.clone(),
            from_ns: self.from_ns,
            to_ns: self.to_ns,
            after: None,
            limit: 0,
        }
    }

    /// Whether the store answers all of it.
    pub fn is_answered_by_store(&self) -> bool {
        self.words.is_empty() && self.is_fixed_otherwise() && self.status.is_none()
    }

    /// Whether a conversation that matches has always matched and always will, as long as anything stands in it.
    pub fn is_fixed(&self) -> bool {
        self.is_answered_by_store()
            && self.agents.is_empty()
            && self.from_ns.is_none()
            && self.to_ns.is_none()
    }

    fn is_fixed_otherwise(&self) -> bool {
        let lists = [&self.models, &self.tools, &self.users, &self.environments];
        lists.into_iter().all(Vec::is_empty) && self.has_errors.is_none() && self.min_cost.is_none()
    }

    pub fn status(&self) -> Option<ConversationStatus> {
        self.status
    }

    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Everything but the words.
    pub fn matches(&self, row: &Summary) -> bool {
        !row.is_empty()
            && self.matches_project(&row.key.project)
            && self.matches_status(&row.windows)
            && self.matches_totals(&row.totals)
    }

    pub fn matches_project(&self, project: &str) -> bool {
        self.projects.as_ref().is_none_or(|visible| {
            visible
                .binary_search_by(|name| name.as_str().cmp(project))
                .is_ok()
        })
    }

    pub fn matches_status(&self, windows: &Windows) -> bool {
        self.status
            .is_none_or(|status| status == ConversationStatus::of(windows))
    }

    /// Of a conversation in which something stands.
    pub fn matches_totals(&self, totals: &Totals) -> bool {
        let any = |wanted: &[String], names: &[String]| {
            wanted.is_empty() || wanted.iter().any(|name| names.contains(name))
        };
        let user = &totals.user;
        let is_user = |wanted: &String| {
            [&user.id, &user.email, &user.name]
                .into_iter()
                .flatten()
                .any(|known| known == wanted)
        };
        let environment = totals.environment.as_ref();
        self.from_ns
            .is_none_or(|from| totals.last_activity_ns >= from)
            && self.to_ns.is_none_or(|to| totals.started_ns < to)
            && any(&self.agents, &totals.agents)
            && any(&self.models, &totals.models)
            && any(&self.tools, &totals.tools)
            && (self.users.is_empty() || self.users.iter().any(is_user))
            && (self.environments.is_empty()
                || environment.is_some_and(|name| self.environments.contains(name)))
            && self.has_errors.is_none_or(|has| has == (totals.errors > 0))
            && self
                .min_cost
                .is_none_or(|min| total_dollars(&totals.cost) >= min)
    }

    /// Names the list that the filter makes, for its cursors.
    pub fn fingerprint(&self) -> u64 {
        // Serialising to JSON fails for maps with odd keys only, and there is none.
        let text = serde_json::to_vec(self).unwrap_or_default();
        super::cursor::short(&Digest::of(&[&text]))
    }
}

fn values(field: &str, list: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    let mut list = list.unwrap_or_default();
    if list.len() > VALUES_MAX {
        return Err(bad_input(format!(
            "`{field}` has {} values: at most {VALUES_MAX} are supported",
            list.len()
        )));
    }
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

#[cfg(test)]
mod tests;

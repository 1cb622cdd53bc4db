//! What the filter bar offers.

use std::cmp::Reverse;

use async_graphql::SimpleObject;
use rustc_hash::FxHashMap;
use store::Summary;

/// Values offered of one facet. Nobody picks from more.
const VALUES_MAX: usize = 200;

#[derive(Clone, Debug, Default, SimpleObject)]
pub struct Facets {
    projects: Vec<Facet>,
    agents: Vec<Facet>,
    models: Vec<Facet>,
    tools: Vec<Facet>,
    users: Vec<Facet>,
    environments: Vec<Facet>,
    /// Conversations that were counted, the newest ones.
    counted: u32,
    /// False when there are more than could be counted in the time for one query: the counts then are those of the newest.
    complete: bool,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct Facet {
    value: String,
    conversations: u32,
}

/// Counts values over rows.
#[derive(Debug, Default)]
pub struct Count {
    projects: Values,
    agents: Values,
    models: Values,
    tools: Values,
    users: Values,
    environments: Values,
    rows: u32,
}

#[derive(Debug, Default)]
struct Values(FxHashMap<String, u32>);

impl Values {
    fn add<'a>(&mut self, values: impl IntoIterator<Item = &'a String>) {
        for value in values {
            match self.0.get_mut(value) {
                Some(count) => *count += 1,
                None => {
                    self.0.insert(value.clone(), 1);
                }
            }
        }
    }

    /// Most used first, ties by name.
    fn finish(self) -> Vec<Facet> {
        let mut facets: Vec<Facet> = self
            .0
            .into_iter()
            .map(|(value, conversations)| Facet {
                value,
                conversations,
            })
            .collect();
        facets.sort_unstable_by(|a, b| {
            (Reverse(a.conversations), &a.value).cmp(&(Reverse(b.conversations), &b.value))
        });
        facets.truncate(VALUES_MAX);
        facets
    }
}

impl Count {
    pub fn add(&mut self, row: &Summary) {
        let totals = &row.totals;
        self.rows += 1;
        self.projects.add([&row.key.project]);
        self.agents.add(&totals.agents);
        self.models.add(&totals.models);
        self.tools.add(&totals.tools);
        let user = &totals.user;
        self.users.add(
            [&user.id, &user.email, &user.name]
                .into_iter()
                .flatten()
                .next(),
        );
        self.environments.add(&totals.environment);
    }

    pub fn rows(&self) -> u32 {
        self.rows
    }

    pub fn finish(self, complete: bool) -> Facets {
        Facets {
            projects: self.projects.finish(),
            agents: self.agents.finish(),
            models: self.models.finish(),
            tools: self.tools.finish(),
            users: self.users.finish(),
            environments: self.environments.finish(),
            counted: self.rows,
            complete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_used_values_come_first() {
        let mut values = Values::default();
        let names = ["b", "a", "c", "c"].map(str::to_owned);
        values.add(&names);
        let order: Vec<String> = values
            .finish()
            .into_iter()
            .map(|facet| facet.value)
            .collect();
        assert_eq!(order, ["c", "a", "b"]);
    }
}

//! Which lists one sweep looks at: they are gone through project by project, from where the last sweep ended.

use crate::keys::LONG_CLASSES_US;
use crate::script::CLAIM_SWEEP;
use crate::{Error, Store};
use redis::{Cmd, Value, from_redis_value};

/// Claims of all processors together are at least so far apart.
const INTERVAL_MS: u64 = 8_000;
/// Lists of one part.
pub(super) const LISTS_MAX: usize = 1_024;
/// Projects asked at once how many agents they have.
const PROJECTS_PER_ROUND: usize = 128;
/// Of every project: all conversations, and those of each class of duration.
const LISTS_WITHOUT_AGENT: usize = 1 + LONG_CLASSES_US.len();

/// A list by its project and its number there: first those of all conversations, then those of agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) project: String,
    pub(super) list: usize,
}

/// A list of a project, and the registry that names it when it is an agent's.
#[derive(Debug)]
pub(super) struct List {
    pub(super) position: Position,
    pub(super) key: String,
    pub(super) registry: Option<String>,
    /// Whether it is the last of its project.
    pub(super) is_last: bool,
}

/// Lists from `from` up to `to` of one project.
#[derive(Debug, PartialEq, Eq)]
struct Stretch {
    project: String,
    from: usize,
    to: usize,
    /// Whether the project has no more.
    is_whole: bool,
}

#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) lists: Vec<List>,
    /// Where the next part begins.
    pub(super) next: Position,
}

impl Store {
    /// The next part, which nobody else gets; `None` when the last one was given out a moment ago. Whoever gets it may fail:
    /// it comes again in the next round.
    pub(super) async fn claim_part(&self) -> Result<Option<Part>, Error> {
        let mut call = CLAIM_SWEEP.call();
        call.key(self.keys.sweep());
        call.arg(INTERVAL_MS);
        let claim: Vec<String> = self.connection.call(&call).await?;
        let [_, project, list] = claim.as_slice() else {
            return Ok(None);
        };
        let position = Position {
            project: project.clone(),
            list: list.parse().unwrap_or_default(),
        };
        let part = self.part_from(&position).await?;
        self.save_position(&part.next).await?;
        Ok(Some(part))
    }

    pub(super) async fn save_position(&self, next: &Position) -> Result<(), Error> {
        let mut command = redis::cmd("HSET");
        command
            .arg(self.keys.sweep())
            .arg("p")
            .arg(&next.project)
            .arg("l")
            .arg(next.list);
        self.connection.query::<Value>(&command).await?;
        Ok(())
    }

    async fn part_from(&self, position: &Position) -> Result<Part, Error> {
        let mut projects = self.projects().await?;
        projects.sort_unstable();
        let begin = projects.partition_point(|project| *project < position.project);
        projects.rotate_left(begin);
        let mut walk = Walk::from(position);
        for round in projects.chunks(PROJECTS_PER_ROUND) {
            let counts = round.iter().map(|project| {
                let mut command = redis::cmd("ZCARD");
                command.arg(self.keys.index(project).agents());
                command
            });
            let counts = self.connection.each(counts.collect()).await?;
            for (project, agents) in round.iter().zip(counts) {
                walk.pass(
                    project,
                    LISTS_WITHOUT_AGENT + from_redis_value::<usize>(agents)?,
                );
            }
            if walk.next.is_some() {
                break;
            }
        }
        Ok(Part {
            lists: self.lists_of(&walk.stretches).await?,
            next: walk.next.unwrap_or_default(),
        })
    }

    async fn lists_of(&self, stretches: &[Stretch]) -> Result<Vec<List>, Error> {
        let registries = stretches.iter().map(|stretch| {
            let mut command = redis::cmd("ZRANGE");
            let first = stretch.from.saturating_sub(LISTS_WITHOUT_AGENT);
            command.arg(self.keys.index(&stretch.project).agents());
            match stretch.to.checked_sub(LISTS_WITHOUT_AGENT + 1) {
                Some(last) => command.arg(first).arg(last),
                // None at all.
                None => command.arg(1).arg(0),
            };
            command
        });
        let registries: Vec<Cmd> = registries.collect();
        let mut lists = Vec::new();
        for (answer, stretch) in self
            .connection
            .each(registries)
            .await?
            .into_iter()
            .zip(stretches)
        {
            let keys = self.keys.index(&stretch.project);
            let general = (stretch.from..LISTS_WITHOUT_AGENT.min(stretch.to)).map(|number| {
                let key = match number {
                    0 => keys.all(),
                    class => keys.long(class),
                };
                (number, key, None)
            });
            let agents: Vec<String> = from_redis_value(answer)?;
            let agents = (stretch.from.max(LISTS_WITHOUT_AGENT)..).zip(agents);
            let agents = agents.map(|(number, key)| (number, key, Some(keys.agents())));
            lists.extend(general.chain(agents).map(|(list, key, registry)| List {
                position: Position {
                    project: stretch.project.clone(),
                    list,
                },
                key,
                registry,
                is_last: false,
            }));
            if let Some(last) = lists.last_mut().filter(|_| stretch.is_whole) {
                last.is_last = true;
            }
        }
        Ok(lists)
    }
}

/// Goes through projects until a part is full.
#[derive(Debug)]
struct Walk<'a> {
    from: &'a Position,
    stretches: Vec<Stretch>,
    lists: usize,
    /// Where the next part begins; `None` while there is room.
    next: Option<Position>,
}

impl<'a> Walk<'a> {
    fn from(from: &'a Position) -> Self {
        Self {
            from,
            stretches: Vec::new(),
            lists: 0,
            next: None,
        }
    }

    /// The next project, and how many lists it has.
    fn pass(&mut self, project: &str, lists: usize) {
        if self.next.is_some() {
            return;
        }
        let is_first = self.stretches.is_empty() && project == self.from.project;
        let from = if is_first {
            self.from.list.min(lists)
        } else {
            0
        };
        let to = lists.min(from + LISTS_MAX - self.lists);
        self.stretches.push(Stretch {
            project: project.to_owned(),
            from,
            to,
            is_whole: to == lists,
        });
        self.lists += to - from;
        if to < lists || self.lists == LISTS_MAX {
            self.next = Some(Position {
                project: project.to_owned(),
                list: to,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stretches of one part after the other, until all was gone through once.
    fn parts(projects: &[(&str, usize)]) -> Vec<Vec<(String, usize, usize)>> {
        let mut position = Position::default();
        let mut parts = Vec::new();
        loop {
            let mut walk = Walk::from(&position);
            let begin = projects.partition_point(|(project, _)| *project < &*position.project);
            for (project, lists) in &projects[begin..] {
                walk.pass(project, *lists);
            }
            let stretches = walk.stretches.into_iter();
            parts.push(
                stretches
                    .map(|part| (part.project, part.from, part.to))
                    .collect(),
            );
            match walk.next {
                Some(next) => position = next,
                None => return parts,
            }
        }
    }

    #[test]
    fn parts_follow_each_other_through_large_projects_and_small_ones() {
        let projects = [("a", 6), ("b", 3_000), ("c", 50), ("d", 6)];
        let of = |project: &str, from, to| (project.to_owned(), from, to);
        assert_eq!(
            parts(&projects),
            [
                vec![of("a", 0, 6), of("b", 0, 1_018)],
                vec![of("b", 1_018, 2_042)],
                vec![of("b", 2_042, 3_000), of("c", 0, 50), of("d", 0, 6)],
            ]
        );
    }

    #[test]
    fn a_part_that_ends_with_a_project_goes_on_after_it() {
        let projects = [("a", LISTS_MAX), ("b", 6)];
        let sizes = |part: &Vec<(String, usize, usize)>| -> usize {
            part.iter().map(|(_, from, to)| to - from).sum()
        };
        let sizes: Vec<usize> = parts(&projects).iter().map(sizes).collect();
        assert_eq!(sizes, [LISTS_MAX, 6]);
    }
}

//! Tidying: entries of lists whose conversations have expired.

use crate::index::digest_of;
use crate::keys::LONG_CLASSES_US;
use crate::script::{Call, FORGET_LIST};
use crate::{Error, Store};
use domain::ids::Digest;
use redis::{Cmd, Value, from_redis_value};

/// Lists looked at in one sweep, and entries of each.
const LISTS_MAX: usize = 4_096;
const ENTRIES_PER_LIST_MAX: usize = 256;
/// Entries looked at in one sweep.
const ENTRIES_MAX: usize = 8_192;
/// Agents of one project whose lists are known to sweeping; lists of others expire as a whole.
const AGENTS_MAX: isize = 1_000;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub entries_checked: usize,
    pub entries_removed: usize,
    pub lists_removed: usize,
}

/// A list of a project, and the registry that names it when it is an agent's.
struct List {
    key: String,
    registry: Option<String>,
}

impl Store {
    /// Takes expired conversations out of the lists, a bounded number of them. Which part is looked at depends on the
    /// time, so that repeated sweeps come to everything. Readers do the same with what they meet; this is for the rest.
    pub async fn sweep(&self, now_ms: i64) -> Result<Swept, Error> {
        let projects = self.projects().await?;
        let lists = self.lists_of(&projects).await?;
        let start = spread(now_ms, lists.len());
        let part: Vec<&List> = lists
            .iter()
            .cycle()
            .skip(start)
            .take(lists.len().min(LISTS_MAX))
            .collect();
        let mut swept = Swept::default();

        let entries = self.old_entries(&part, now_ms).await?;
        swept.entries_checked = entries.len();
        let exist: Vec<Cmd> = entries
            .iter()
            .map(|(_, digest, _)| {
                let mut command = redis::cmd("EXISTS");
                command.arg(self.keys.summary(digest));
                command
            })
            .collect();
        let mut gone = Vec::new();
        for (entry, answer) in entries.into_iter().zip(self.connection.each(exist).await?) {
            if from_redis_value::<u64>(answer)? == 0 {
                gone.push((vec![entry.0], entry.1, entry.2));
            }
        }
        swept.entries_removed = gone.len();
        self.forget(gone).await?;
        swept.lists_removed = self.forget_empty_lists(&part).await?;
        self.forget_empty_projects(&projects, now_ms).await?;
        Ok(swept)
    }

    async fn lists_of(&self, projects: &[String]) -> Result<Vec<List>, Error> {
        let registries = projects.iter().map(|project| {
            let mut command = redis::cmd("ZRANGE");
            command
                .arg(self.keys.index(project).agents())
                .arg(0)
                .arg(AGENTS_MAX - 1);
            command
        });
        let mut lists = Vec::new();
        for (answer, project) in self
            .connection
            .each(registries.collect())
            .await?
            .into_iter()
            .zip(projects)
        {
            let keys = self.keys.index(project);
            lists.push(List {
                key: keys.all(),
                registry: None,
            });
            lists.extend((1..=LONG_CLASSES_US.len()).map(|class| List {
                key: keys.long(class),
                registry: None,
            }));
            let agents: Vec<String> = from_redis_value(answer)?;
            lists.extend(agents.into_iter().map(|key| List {
                key,
                registry: Some(keys.agents()),
            }));
        }
        Ok(lists)
    }

    /// (list, conversation, activity) of entries old enough to have expired, a window of each list.
    async fn old_entries(
        &self,
        lists: &[&List],
        now_ms: i64,
    ) -> Result<Vec<(String, Digest, i64)>, Error> {
        let retention_ms = i64::try_from(self.config.retention_ms).unwrap_or(i64::MAX);
        let newest_us = now_ms.saturating_sub(retention_ms).saturating_mul(1_000);
        let range = |name: &str, key: &str| {
            let mut command = redis::cmd(name);
            command.arg(key).arg("-inf").arg(newest_us);
            command
        };
        let counts = self
            .connection
            .each(
                lists
                    .iter()
                    .map(|list| range("ZCOUNT", &list.key))
                    .collect(),
            )
            .await?;
        let mut windows = Vec::new();
        let mut wanted = Vec::new();
        for (answer, list) in counts.into_iter().zip(lists) {
            let count: usize = from_redis_value(answer)?;
            if count > 0 && windows.len() * ENTRIES_PER_LIST_MAX < ENTRIES_MAX {
                let offset = spread(now_ms, count.saturating_sub(ENTRIES_PER_LIST_MAX) + 1);
                let mut command = range("ZRANGEBYSCORE", &list.key);
                command
                    .arg("WITHSCORES")
                    .arg("LIMIT")
                    .arg(offset)
                    .arg(ENTRIES_PER_LIST_MAX);
                windows.push(command);
                wanted.push(list.key.clone());
            }
        }
        let mut entries = Vec::new();
        for (answer, list) in self.connection.each(windows).await?.into_iter().zip(wanted) {
            for (member, score) in from_redis_value::<Vec<(String, f64)>>(answer)? {
                let digest = digest_of(&member, &list)?;
                entries.push((list.clone(), digest, score as i64));
            }
        }
        Ok(entries)
    }

    async fn forget_empty_lists(&self, lists: &[&List]) -> Result<usize, Error> {
        let calls = lists.iter().filter_map(|list| {
            let mut call = FORGET_LIST.call();
            call.key(list.registry.clone()?);
            call.key(list.key.clone());
            Some(call)
        });
        let answers = self
            .connection
            .call_each(&calls.collect::<Vec<Call>>())
            .await?;
        answers.into_iter().try_fold(0, |removed, answer| {
            Ok(removed + from_redis_value::<usize>(answer)?)
        })
    }

    /// A list is always written before its project is named, so one that fills while its project is taken off shows on
    /// the second look.
    async fn forget_empty_projects(&self, projects: &[String], now_ms: i64) -> Result<(), Error> {
        let empty = self.empty_of(projects).await?;
        if empty.is_empty() {
            return Ok(());
        }
        let mut remove = redis::cmd("ZREM");
        remove.arg(self.keys.projects()).arg(&empty);
        self.connection.query::<Value>(&remove).await?;
        let still_empty = self.empty_of(&empty).await?;
        let mut restore = redis::cmd("ZADD");
        restore.arg(self.keys.projects()).arg("GT");
        for project in empty
            .iter()
            .filter(|project| !still_empty.contains(project))
        {
            restore.arg(now_ms.saturating_mul(1_000)).arg(project);
        }
        if still_empty.len() < empty.len() {
            self.connection.query::<Value>(&restore).await?;
        }
        Ok(())
    }

    /// Projects with neither conversations nor counts of spans that found none.
    async fn empty_of(&self, projects: &[String]) -> Result<Vec<String>, Error> {
        let keys = |project: &String| {
            [
                self.keys.index(project).all(),
                self.keys.unassigned(project),
            ]
        };
        let existing = projects.iter().flat_map(keys).map(|key| {
            let mut command = redis::cmd("EXISTS");
            command.arg(key);
            command
        });
        let answers = self.connection.each(existing.collect()).await?;
        let found: Vec<u64> = answers
            .into_iter()
            .map(from_redis_value)
            .collect::<Result<_, _>>()?;
        let pairs = found.chunks_exact(2).zip(projects);
        Ok(pairs
            .filter(|(found, _)| *found == [0, 0])
            .map(|(_, project)| project.clone())
            .collect())
    }
}

/// Some position below `count`, another one at another time.
fn spread(now_ms: i64, count: usize) -> usize {
    const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = now_ms.unsigned_abs().wrapping_mul(GOLDEN_RATIO) >> 16;
    usize::try_from(mixed)
        .unwrap_or_default()
        .checked_rem(count)
        .unwrap_or_default()
}

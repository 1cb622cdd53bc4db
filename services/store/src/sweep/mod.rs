//! Tidying: entries of lists whose conversations have expired.
//!
//! All lists are gone through in turn, a part at a time, and a part goes to one of all who sweep: what sweeping costs in a
//! minute depends neither on the number of projects and agents nor on that of processors.

mod part;

use crate::index::digest_of;
use crate::script::{Call, FORGET_LIST};
use crate::{Error, Store};
use domain::ids::Digest;
use part::{List, Position};
use redis::{Value, from_redis_value};

/// Lists looked at in one round.
const LISTS_PER_ROUND: usize = 32;
/// Entries of one round, divided among its lists.
const ENTRIES_PER_ROUND: usize = 8_192;
/// Entries of one list in one round: Redis takes about a millisecond to give the most.
const ENTRIES_PER_LIST_MIN: usize = ENTRIES_PER_ROUND / LISTS_PER_ROUND;
const ENTRIES_PER_LIST_MAX: usize = 2_048;
/// Entries looked at before a sweep ends; the next one goes on there.
const ENTRIES_MAX: usize = 16_384;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub lists_checked: usize,
    pub entries_checked: usize,
    pub entries_removed: usize,
    pub lists_removed: usize,
}

/// A stretch of a list.
struct Window<'a> {
    list: &'a List,
    /// Conversation and activity.
    entries: Vec<(Digest, i64)>,
    is_full: bool,
}

impl Store {
    /// Takes expired conversations out of the next part of the lists, unless that was done a moment ago. Readers do the same
    /// with what they meet; this is for the rest.
    pub async fn sweep(&self, now_ms: i64) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let Some(part) = self.claim_part().await? else {
            return Ok(swept);
        };
        let mut next = part.next;
        let mut looked_at = 0;
        for lists in part.lists.chunks(LISTS_PER_ROUND) {
            if swept.entries_checked >= ENTRIES_MAX {
                next = lists[0].position.clone();
                break;
            }
            self.sweep_lists(lists, now_ms, &mut swept).await?;
            looked_at += lists.len();
        }
        let lists = &part.lists[..looked_at];
        let removed = self.forget_empty_lists(lists).await?;
        // Those after them have other numbers now.
        let before_next = removed.iter().filter(|list| list.project == next.project);
        next.list = next.list.saturating_sub(before_next.count());
        self.save_position(&next).await?;
        swept.lists_checked = looked_at;
        swept.lists_removed = removed.len();
        let ended = lists.iter().filter(|list| list.is_last);
        let projects: Vec<String> = ended.map(|list| list.position.project.clone()).collect();
        self.forget_empty_projects(&projects, now_ms).await?;
        Ok(swept)
    }

    /// Looks at a window of each, and at more of those of which most has gone.
    async fn sweep_lists(
        &self,
        lists: &[List],
        now_ms: i64,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let mut rest: Vec<&List> = lists.iter().collect();
        while !rest.is_empty() && swept.entries_checked < ENTRIES_MAX {
            let windows = self.windows(&rest, now_ms).await?;
            let exist = windows.iter().flat_map(|window| &window.entries);
            let exist = exist.map(|(digest, _)| {
                let mut command = redis::cmd("EXISTS");
                command.arg(self.keys.summary(digest));
                command
            });
            let mut answers = self.connection.each(exist.collect()).await?.into_iter();
            let mut gone = Vec::new();
            rest.clear();
            for window in windows {
                let before = gone.len();
                for ((digest, activity_us), answer) in window.entries.iter().zip(answers.by_ref()) {
                    if from_redis_value::<u64>(answer)? == 0 {
                        gone.push((vec![window.list.key.clone()], *digest, *activity_us));
                    }
                }
                swept.entries_checked += window.entries.len();
                if window.is_full && 2 * (gone.len() - before) >= window.entries.len() {
                    rest.push(window.list);
                }
            }
            swept.entries_removed += gone.len();
            self.forget(gone).await?;
        }
        Ok(())
    }

    /// Entries old enough to have expired, a window of each list that has any. Which one depends on the time, so that none
    /// hides behind those that live.
    async fn windows<'a>(&self, lists: &[&'a List], now_ms: i64) -> Result<Vec<Window<'a>>, Error> {
        let retention_ms = i64::try_from(self.config.retention_ms).unwrap_or(i64::MAX);
        let newest_us = now_ms.saturating_sub(retention_ms).saturating_mul(1_000);
        let size = (ENTRIES_PER_ROUND / lists.len().max(1))
            .clamp(ENTRIES_PER_LIST_MIN, ENTRIES_PER_LIST_MAX);
        let range = |name: &str, list: &List| {
            let mut command = redis::cmd(name);
            command.arg(&list.key).arg("-inf").arg(newest_us);
            command
        };
        let counts = lists.iter().map(|list| range("ZCOUNT", list)).collect();
        let counts = self.connection.each(counts).await?;
        let mut commands = Vec::new();
        let mut wanted = Vec::new();
        for (answer, list) in counts.into_iter().zip(lists) {
            let count: usize = from_redis_value(answer)?;
            if count > 0 {
                let mut command = range("ZRANGEBYSCORE", list);
                command
                    .arg("WITHSCORES")
                    .arg("LIMIT")
                    .arg(spread(now_ms, count.saturating_sub(size) + 1))
                    .arg(size);
                commands.push(command);
                wanted.push((*list, count > size));
            }
        }
        let mut windows = Vec::new();
        for (answer, (list, is_full)) in self
            .connection
            .each(commands)
            .await?
            .into_iter()
            .zip(wanted)
        {
            let entries = from_redis_value::<Vec<(String, f64)>>(answer)?.into_iter();
            let entries = entries
                .map(|(member, score)| Ok((digest_of(&member, &list.key)?, score as i64)))
                .collect::<Result<_, Error>>()?;
            windows.push(Window {
                list,
                entries,
                is_full,
            });
        }
        Ok(windows)
    }

    /// Takes lists of agents off their registry that are empty, and returns them.
    async fn forget_empty_lists<'a>(&self, lists: &'a [List]) -> Result<Vec<&'a Position>, Error> {
        let of_agents = lists.iter().filter_map(|list| {
            let mut call = FORGET_LIST.call();
            call.key(list.registry.clone()?);
            call.key(list.key.clone());
            Some((&list.position, call))
        });
        let (positions, calls): (Vec<&Position>, Vec<Call>) = of_agents.unzip();
        let answers = self.connection.call_each(&calls).await?;
        let mut removed = Vec::new();
        for (position, answer) in positions.into_iter().zip(answers) {
            if from_redis_value::<u64>(answer)? > 0 {
                removed.push(position);
            }
        }
        Ok(removed)
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

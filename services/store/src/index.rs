//! What lies outside a conversation's slot: lists, what is due, which conversations share a trace, wake-ups.

use crate::keys::{LONG_CLASSES_US, project_tag};
use crate::places::Misplaced;
use crate::script::{Call, INDEX, PUT_BOUNDED};
use crate::summary::Summary;
use crate::{Error, Store};
use domain::ids::{Digest, TraceId};
use redis::{Cmd, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Conversations in one script call; more would keep Redis from other work for over a millisecond.
const UPDATES_PER_CALL_MAX: usize = 32;
/// Conversations remembered for one trace, in a form that Redis keeps compact up to this number. A trace with more is a
/// batch job, not a call tree.
const CONVERSATIONS_PER_TRACE_MAX: usize = 128;
/// Traces looked up for one conversation.
const RELATED_TRACES_MAX: usize = 256;

/// Projects of one installation, or of one listing: each is asked for every page.
pub(crate) const PROJECTS_MAX: usize = 10_000;

/// One committed conversation.
#[derive(Clone, Debug)]
pub struct IndexUpdate {
    pub summary: Arc<Summary>,
    /// Traces whose first span of this conversation came with this commit.
    pub trace_ids_added: Vec<TraceId>,
}

impl Store {
    /// Brings everything outside the conversations' slots up to date, then announces the changes. May be repeated, and
    /// may overtake an update of another version: the newest wins. After an error all of it has to be repeated.
    #[tracing::instrument(skip_all, fields(otel.kind = "client", db.system.name = "redis", conversations = updates.len()))]
    pub async fn index(&self, updates: &[IndexUpdate]) -> Result<(), Error> {
        if updates.is_empty() {
            return Ok(());
        }
        let mut lists =
            self.list_calls(updates.iter().map(|update| Placing::raise(&update.summary)));
        let projects: Vec<String> = lists.iter().map(|(project, _)| project.clone()).collect();
        let calls = lists.drain(..).map(|(_, call)| call);
        let calls: Vec<Call> = calls.chain(self.trace_calls(updates)).collect();
        let answers = self.connection.call_each(&calls).await?;
        // Sweeping relies on a project being named after its lists were written.
        let mut commands: Vec<Cmd> = self.projects_command(updates).into_iter().collect();
        commands.extend(self.due_command(updates));
        commands.extend(self.announcements(updates));
        self.connection.each(commands).await?;
        let mut misplaced = Vec::new();
        for (project, answer) in projects.into_iter().zip(answers) {
            misplaced.extend(Misplaced::from_answer(&project, answer)?);
        }
        self.correct(misplaced).await
    }

    /// Calls of `index.lua`, each with its project.
    pub(crate) fn list_calls<'a>(
        &self,
        placings: impl Iterator<Item = Placing<'a>>,
    ) -> Vec<(String, Call)> {
        let mut by_project: BTreeMap<&str, Vec<Placing<'_>>> = BTreeMap::new();
        for placing in placings {
            by_project.entry(placing.project).or_default().push(placing);
        }
        let mut calls = Vec::new();
        for (project, placings) in by_project {
            let chunks = placings.chunks(UPDATES_PER_CALL_MAX);
            calls.extend(chunks.map(|chunk| (project.to_owned(), self.list_call(project, chunk))));
        }
        calls
    }

    fn list_call(&self, project: &str, placings: &[Placing<'_>]) -> Call {
        let keys = self.keys.index(project);
        let mut call = INDEX.call();
        for key in [
            keys.all(),
            keys.epochs(),
            keys.since(),
            keys.past(),
            keys.past_ends(),
            keys.past_floor(),
            keys.agents(),
        ] {
            call.key(key);
        }
        for class in 1..=LONG_CLASSES_US.len() {
            call.key(keys.long(class));
        }
        call.arg(self.config.retention_ms)
            .arg(self.page_ttl_us())
            .arg(self.config.noted_places_max);
        let mut agent_positions: HashMap<&str, usize> = HashMap::new();
        for placing in placings {
            let totals = placing.summary.map(|summary| &summary.totals);
            let agents = totals.map_or(&[][..], |totals| &totals.agents);
            call.arg(placing.digest.to_string())
                .arg(text(placing.summary.map(activity_us)))
                .arg(placing.summary.map_or(0, duration_class))
                .arg(text(placing.seen_us))
                .arg(agents.len());
            for agent in agents {
                let position = *agent_positions
                    .entry(agent)
                    .or_insert_with(|| call.key(keys.agent(agent)));
                call.arg(position);
            }
        }
        call
    }

    fn projects_command(&self, updates: &[IndexUpdate]) -> Option<Cmd> {
        let mut command = redis::cmd("ZADD");
        command.arg(self.keys.projects()).arg("GT");
        let mut is_needed = false;
        for update in updates.iter().filter(|update| !update.summary.is_empty()) {
            command
                .arg(activity_us(&update.summary))
                .arg(&update.summary.key.project);
            is_needed = true;
        }
        is_needed.then_some(command)
    }

    fn trace_calls(&self, updates: &[IndexUpdate]) -> Vec<Call> {
        let mut calls = Vec::new();
        for update in updates {
            let key = &update.summary.key;
            for trace in &update.trace_ids_added {
                let mut call = PUT_BOUNDED.call();
                call.key(self.keys.trace(trace));
                call.arg(CONVERSATIONS_PER_TRACE_MAX)
                    .arg(self.config.retention_ms);
                call.arg(key.digest().0.as_slice())
                    .arg(project_tag(&key.project).as_slice());
                calls.push(call);
            }
        }
        calls
    }

    /// The project's conversations that have spans in any of the traces, each once.
    pub async fn related(
        &self,
        project: &str,
        trace_ids: &[TraceId],
    ) -> Result<Vec<Digest>, Error> {
        let commands = trace_ids.iter().take(RELATED_TRACES_MAX).map(|trace| {
            let mut command = redis::cmd("HGETALL");
            command.arg(self.keys.trace(trace));
            command
        });
        let tag = project_tag(project);
        let mut related = Vec::new();
        for answer in self.connection.each(commands.collect()).await? {
            let members: Vec<(Vec<u8>, Vec<u8>)> = redis::from_redis_value(answer)?;
            let of_project = members.iter().filter(|(_, project)| *project == tag);
            related.extend(of_project.filter_map(|(digest, _)| Digest::from_bytes(digest)));
        }
        related.sort_unstable();
        related.dedup();
        Ok(related)
    }

    /// Projects that have conversations, those with the newest activity first.
    pub async fn projects(&self) -> Result<Vec<String>, Error> {
        let mut command = redis::cmd("ZREVRANGE");
        command
            .arg(self.keys.projects())
            .arg(0)
            .arg(PROJECTS_MAX - 1);
        self.connection.query(&command).await
    }

    /// Takes conversations that no longer exist out of lists in which they were met.
    pub(crate) async fn forget(&self, gone: Vec<(Vec<String>, Digest, i64)>) -> Result<(), Error> {
        let calls: Vec<Call> = gone
            .into_iter()
            .map(|(lists, digest, activity_us)| {
                let mut call = crate::script::FORGET.call();
                for list in lists {
                    call.key(list);
                }
                call.arg(digest.to_string()).arg(activity_us);
                call
            })
            .collect();
        let _: Vec<Value> = self.connection.call_each(&calls).await?;
        Ok(())
    }

    pub(crate) fn page_ttl_us(&self) -> u64 {
        self.config.page_ttl_ms.saturating_mul(1_000)
    }
}

/// What `index.lua` is to do with one conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placing<'a> {
    pub(crate) project: &'a str,
    pub(crate) digest: Digest,
    /// `None` for one that is to stand in no list.
    pub(crate) summary: Option<&'a Summary>,
    /// The place that is to be corrected; `None` to raise it.
    pub(crate) seen_us: Option<i64>,
}

impl<'a> Placing<'a> {
    pub(crate) fn raise(summary: &'a Summary) -> Self {
        Self {
            project: &summary.key.project,
            digest: summary.key.digest(),
            summary: Some(summary).filter(|summary| !summary.is_empty()),
            seen_us: None,
        }
    }
}

/// As arguments of scripts have it: nothing is an empty text.
fn text(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// The conversation or trace that a list names by this member.
pub(crate) fn digest_of(member: &str, list: &str) -> Result<Digest, Error> {
    Digest::parse_hex(member).ok_or_else(|| {
        let what = format!("{member:?} is not the name of a conversation or trace");
        Error::corrupt(list, what)
    })
}

/// Largest whole number that a score holds exactly; as microseconds, the year 2255.
const SCORE_MAX: i64 = 1 << 53;

/// A conversation's place in the lists, exact as a score.
pub(crate) fn activity_us(summary: &Summary) -> i64 {
    ns_to_score(summary.totals.last_activity_ns)
}

pub(crate) fn ns_to_score(time_ns: i64) -> i64 {
    time_ns.div_euclid(1_000).clamp(0, SCORE_MAX)
}

/// How many thresholds of [`LONG_CLASSES_US`] the duration exceeds.
fn duration_class(summary: &Summary) -> usize {
    let duration_us = summary
        .totals
        .last_activity_ns
        .saturating_sub(summary.totals.started_ns)
        .div_euclid(1_000)
        + 1;
    LONG_CLASSES_US
        .iter()
        .filter(|threshold| duration_us > **threshold)
        .count()
}

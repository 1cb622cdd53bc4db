//! Counts of GenAI spans that want somebody's attention, by project and instrumentation.

use crate::script::{Call, TALLY};
use crate::{Error, Store};
use domain::ids::TraceId;
use domain::text::prefix;
use redis::{Value, from_redis_value};
use std::collections::BTreeMap;

/// Instrumentations told apart within one project. What comes after them is counted together.
const INSTRUMENTATIONS_MAX: usize = 100;
/// Name under which the rest is counted.
const OTHER: &str = "other";
/// Longest name of an instrumentation.
const NAME_BYTES_MAX: usize = 256;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Spans that belong to no conversation: their instrumentation lacks an id.
    Unassigned,
    /// Spans that say something that no rule reads: their instrumentation is not known well enough.
    Unread,
}

/// Spans of one project and instrumentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tallied {
    pub project: String,
    pub instrumentation: String,
    /// Of a count that is added, below 0 for spans that have found their conversation after all.
    pub spans: i64,
    /// Calls to a generating model among them.
    pub llm_calls: i64,
    pub last_seen_ms: i64,
    pub example_trace: Option<TraceId>,
}

impl Store {
    /// Adds to the counts. A repetition counts twice: these numbers show where to look, they are no totals.
    pub async fn tally(&self, tally: Tally, counts: &[Tallied]) -> Result<(), Error> {
        let mut by_project: BTreeMap<&str, Vec<&Tallied>> = BTreeMap::new();
        for count in counts {
            by_project.entry(&count.project).or_default().push(count);
        }
        let calls: Vec<Call> = by_project
            .into_iter()
            .map(|(project, counts)| {
                let mut call = TALLY.call();
                call.key(self.tally_key(tally, project));
                call.arg(INSTRUMENTATIONS_MAX)
                    .arg(OTHER)
                    .arg(self.config.retention_ms);
                for count in counts {
                    let trace = count
                        .example_trace
                        .map(|trace| trace.to_string())
                        .unwrap_or_default();
                    call.arg(prefix(&count.instrumentation, NAME_BYTES_MAX))
                        .arg(count.spans)
                        .arg(count.llm_calls);
                    call.arg(count.last_seen_ms).arg(trace);
                }
                call
            })
            .collect();
        self.connection.call_each(&calls).await?;
        // A project that only sends spans without ids has no conversation that would name it.
        let mut name = redis::cmd("ZADD");
        name.arg(self.keys.projects()).arg("GT");
        for count in counts {
            name.arg(count.last_seen_ms.saturating_mul(1_000))
                .arg(&count.project);
        }
        if !counts.is_empty() {
            self.connection.query::<Value>(&name).await?;
        }
        Ok(())
    }

    /// The counts of the projects, most spans first. Those that have come to nothing are left out.
    pub async fn tallied(&self, tally: Tally, projects: &[String]) -> Result<Vec<Tallied>, Error> {
        let commands = projects.iter().map(|project| {
            let mut command = redis::cmd("HGETALL");
            command.arg(self.tally_key(tally, project));
            command
        });
        let answers = self.connection.each(commands.collect()).await?;
        let mut all = Vec::new();
        for (answer, project) in answers.into_iter().zip(projects) {
            let fields: Vec<(String, String)> = from_redis_value(answer)?;
            all.extend(
                collect(project, fields)
                    .into_iter()
                    .filter(|count| count.spans > 0),
            );
        }
        all.sort_by(|a, b| {
            b.spans
                .cmp(&a.spans)
                .then_with(|| a.instrumentation.cmp(&b.instrumentation))
        });
        Ok(all)
    }

    fn tally_key(&self, tally: Tally, project: &str) -> String {
        match tally {
            Tally::Unassigned => self.keys.unassigned(project),
            Tally::Unread => self.keys.unread(project),
        }
    }
}

/// Fields are a letter for the number, a colon, and the instrumentation.
fn collect(project: &str, fields: Vec<(String, String)>) -> Vec<Tallied> {
    let mut by_name: BTreeMap<String, Tallied> = BTreeMap::new();
    for (field, value) in fields {
        let Some((number, name)) = field.split_once(':') else {
            continue;
        };
        let counted = by_name.entry(name.to_owned()).or_insert_with(|| Tallied {
            project: project.to_owned(),
            instrumentation: name.to_owned(),
            spans: 0,
            llm_calls: 0,
            last_seen_ms: 0,
            example_trace: None,
        });
        match number {
            "s" => counted.spans = value.parse().unwrap_or_default(),
            "l" => counted.llm_calls = value.parse().unwrap_or_default(),
            "t" => counted.last_seen_ms = value.parse().unwrap_or_default(),
            "x" => counted.example_trace = TraceId::parse_hex(&value),
            _ => {}
        }
    }
    by_name.into_values().collect()
}

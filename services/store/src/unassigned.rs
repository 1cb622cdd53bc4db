//! Counts of GenAI spans that belong to no conversation, so that someone can see which instrumentation lacks an id.

use crate::script::{COUNT_UNASSIGNED, Call};
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

/// Spans of one project and instrumentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unassigned {
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
    pub async fn count_unassigned(&self, counts: &[Unassigned]) -> Result<(), Error> {
        let mut by_project: BTreeMap<&str, Vec<&Unassigned>> = BTreeMap::new();
        for count in counts {
            by_project.entry(&count.project).or_default().push(count);
        }
        let calls: Vec<Call> = by_project
            .into_iter()
            .map(|(project, counts)| {
                let mut call = COUNT_UNASSIGNED.call();
                call.key(self.keys.unassigned(project));
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

    /// The counts of the projects, most spans first. Those that all have found their conversation are left out.
    pub async fn unassigned(&self, projects: &[String]) -> Result<Vec<Unassigned>, Error> {
        let commands = projects.iter().map(|project| {
            let mut command = redis::cmd("HGETALL");
            command.arg(self.keys.unassigned(project));
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
}

/// Fields are a letter for the number, a colon, and the instrumentation.
fn collect(project: &str, fields: Vec<(String, String)>) -> Vec<Unassigned> {
    let mut by_name: BTreeMap<String, Unassigned> = BTreeMap::new();
    for (field, value) in fields {
        let Some((number, name)) = field.split_once(':') else {
            continue;
        };
        let counted = by_name
            .entry(name.to_owned())
            .or_insert_with(|| Unassigned {
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

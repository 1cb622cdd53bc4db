//! What the stage can be told: who says what.

use harness::captured;
use harness::clock::now_ns;
use harness::dialogue::Dialogue;
use harness::otlp::{export, trace_records};
use harness::record::Record;
use harness::topics::Topics;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const MS: u64 = 1_000_000;

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Direction {
    /// A conversation begins or goes on.
    Say(Lines),
    /// The recorded exports of every SDK, each a conversation of its own that ends now.
    Captured,
    /// Wait until everything that was said is in the store.
    Settle,
    /// Without a word, as a machine that loses its power.
    KillGateway,
    StartGateway,
    KillGuardedGateway,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Lines {
    project: String,
    id: String,
    /// Where the first line stands in time, before the present.
    #[serde(default)]
    ago_ms: u64,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    User(String),
    Model(String),
    Agent {
        name: String,
        system: String,
    },
    Ask(String),
    /// Before the next call's output.
    Think(String),
    Answer {
        text: String,
        ms: u64,
    },
    Tool {
        name: String,
        arguments: Value,
        outcome: Outcome,
        ms: u64,
    },
    Delegate {
        tool: String,
        agent: String,
        question: String,
        steps: Vec<Step>,
    },
    Fail {
        kind: String,
        message: String,
        ms: u64,
    },
    Regenerate,
    Forget,
    /// From here on, nothing of what is said is in the spans.
    WithoutContent,
    Pause(u64),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Ok(Value),
    Error(String),
}

/// What every SDK sent, moved to the present.
pub(crate) fn captured(topics: &Topics) -> Vec<Record> {
    let now_ns = i64::try_from(now_ns()).expect("before the year 2262");
    let mut records = Vec::new();
    for mut capture in captured::all().expect("the recordings can be read") {
        capture.end_at(now_ns);
        records.extend(capture.records(topics));
    }
    records
}

/// Everyone who has spoken so far, with what they remember.
#[derive(Debug, Default)]
pub(crate) struct Cast(BTreeMap<(String, String), Dialogue>);

impl Cast {
    /// The records of what is said, and of what follows from it.
    pub(crate) fn say(&mut self, lines: Lines, topic: &str) -> Vec<Record> {
        let begin_ns = now_ns().saturating_sub(lines.ago_ms * MS);
        let seed = self.0.len() as u64;
        let dialogue = self
            .0
            .entry((lines.project.clone(), lines.id.clone()))
            .or_insert_with(|| Dialogue::new(&lines.project, &lines.id, seed, begin_ns));
        dialogue.now_ns = dialogue.now_ns.max(begin_ns);
        for step in lines.steps {
            take(dialogue, step);
        }
        trace_records(topic, &export(&lines.project, dialogue.take()))
    }
}

fn take(chat: &mut Dialogue, step: Step) {
    match step {
        Step::User(name) => chat.user = name,
        Step::Model(name) => chat.model = name,
        Step::Agent { name, system } => {
            chat.hand_over(&name, &system);
        }
        Step::Ask(question) => {
            chat.ask(&question);
        }
        Step::Answer { text, ms } => {
            chat.answer(&text, ms);
        }
        Step::Tool {
            name,
            arguments,
            outcome,
            ms,
        } => {
            let outcome = match &outcome {
                Outcome::Ok(value) => Ok(value.clone()),
                Outcome::Error(message) => Err(message.as_str()),
            };
            chat.use_tool(&name, arguments, outcome, ms);
        }
        Step::Delegate {
            tool,
            agent,
            question,
            steps,
        } => {
            chat.delegate(&tool, &agent, "", &question, |sub| {
                steps.into_iter().for_each(|step| take(sub, step));
            });
        }
        Step::Fail { kind, message, ms } => {
            chat.fail(&kind, &message, ms);
        }
        Step::Regenerate => {
            chat.regenerate();
        }
        Step::Forget => {
            chat.forget();
        }
        Step::Think(text) => chat.reasoning = Some(text),
        Step::WithoutContent => chat.captures_content = false,
        Step::Pause(ms) => {
            chat.pause(ms);
        }
    }
}

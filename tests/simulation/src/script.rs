//! A conversation as it truly was: what was said, and the model calls, tool runs and agents behind it.

use crate::dialects::Dialect;
use crate::malice::Shape;
use domain::message::{Message, Role};
use domain::view::ToolStatus;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// What makes conversations hard to read, for telling what a rule can and cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    RepeatedWords,
    Tools,
    ParallelTools,
    SubAgents,
    NestedAgents,
    Handoffs,
    Regenerated,
    Edited,
    Retries,
    Asides,
    Choices,
    AbandonedTools,
    CutHeads,
    KeptBeginnings,
    Compaction,
    OnlyNews,
    ByResponseId,
    NotCaptured,
    ToolSpansOnly,
    ToolMessagesOnly,
    ReportedTwice,
    LostRoots,
    IdOnRoots,
    Malice(Shape),
}

impl Feature {
    /// As the documentation calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::RepeatedWords => "the same words said again",
            Self::Tools => "tool loops",
            Self::ParallelTools => "parallel tools",
            Self::SubAgents => "sub-agents",
            Self::NestedAgents => "sub-agents of sub-agents",
            Self::Handoffs => "handoffs",
            Self::Regenerated => "regenerated answers",
            Self::Edited => "edited turns",
            Self::Retries => "retries after an error",
            Self::Asides => "calls on the side",
            Self::Choices => "several choices of one call",
            Self::AbandonedTools => "tools whose result never came",
            Self::CutHeads => "histories cut at the head",
            Self::KeptBeginnings => "histories cut in the middle",
            Self::Compaction => "compaction by a summary",
            Self::OnlyNews => "only what is new is sent",
            Self::ByResponseId => "continued by response id",
            Self::NotCaptured => "content not captured",
            Self::ToolSpansOnly => "tool results in spans only",
            Self::ToolMessagesOnly => "tool results in messages only",
            Self::ReportedTwice => "calls reported twice",
            Self::LostRoots => "root spans lost",
            Self::IdOnRoots => "the id on root spans only",
            Self::Malice(shape) => shape.title(),
        }
    }
}

/// How the calls of one conversation are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    pub memory: Memory,
    pub dialect: Dialect,
    /// A second system that tells of the same calls.
    pub also: Option<Second>,
    pub tools: ToolsTold,
    pub is_captured: bool,
    /// Whether only the agents around the calls carry the conversation id.
    pub id_on_roots: bool,
    pub roots_are_lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second {
    pub dialect: Dialect,
    /// In a trace of its own, with tools and agents; else only its model calls, beside those of the first.
    pub own_trace: bool,
    pub has_response_ids: bool,
}

/// How much of its history each call tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    Whole,
    /// Only the newest so many messages, once there are more.
    Newest(usize),
    /// The first message and the newest so many, once there are more.
    Kept(usize),
    /// Sometimes the client puts a summary in the place of older messages.
    Compacted,
    /// What was not sent before: the API keeps the rest.
    News,
    /// The same, and each call names the response that it continues.
    ByResponseId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolsTold {
    Both,
    /// Histories leave tool messages out.
    SpansOnly,
    /// Tools make no spans.
    MessagesOnly,
}

/// One message of the true transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub role: Role,
    pub text: Option<String>,
    pub failed: bool,
    pub superseded: bool,
    pub is_summary: bool,
    /// Earlier messages of the thread that the call was not given.
    pub unseen: u32,
    /// Not of the main thread.
    pub is_aside: bool,
    pub opened_by: Option<String>,
    pub tools: Vec<ToolLine>,
}

impl Line {
    pub fn of(role: Role, text: Option<String>) -> Self {
        Self {
            role,
            text,
            failed: false,
            superseded: false,
            is_summary: false,
            unseen: 0,
            is_aside: false,
            opened_by: None,
            tools: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ToolLine {
    pub name: String,
    pub arguments: Option<Value>,
    pub result: Option<Value>,
    pub status: ToolStatus,
    pub abandoned: bool,
}

/// A model call as it happened. Times are ticks; everything starts at one of its own.
#[derive(Clone, Debug)]
pub struct ModelCall {
    pub id: u64,
    pub at: u64,
    pub ends_at: u64,
    /// The span around it: an agent, or the tool that runs the sub-agent.
    pub parent: u64,
    /// What it was given, as an exact client would tell it.
    pub history: Vec<Message>,
    /// Its choices; none when it failed.
    pub answers: Vec<Message>,
    pub usage: (u64, u64),
    pub is_compacted: bool,
    /// Of the call whose stored response it continues.
    pub continues: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct ToolRun {
    pub id: u64,
    pub at: u64,
    pub ends_at: u64,
    pub parent: u64,
    pub call_id: String,
    pub name: String,
    pub arguments: Value,
    pub result: Value,
    pub failed: bool,
}

#[derive(Clone, Debug)]
pub struct Agent {
    pub id: u64,
    pub at: u64,
    /// 0 for the root of a turn.
    pub parent: u64,
    pub name: &'static str,
}

#[derive(Clone, Debug)]
pub struct Script {
    pub manner: Manner,
    pub shapes: BTreeSet<Shape>,
    pub features: BTreeSet<Feature>,
    pub lines: Vec<Line>,
    pub calls: Vec<ModelCall>,
    pub runs: Vec<ToolRun>,
    pub agents: Vec<Agent>,
}

/// The numbers of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub calls: u32,
    pub tools: u32,
    /// Failed spans, those of tools among them.
    pub errors: u32,
    /// Tools that failed, whether a span or a result says so.
    pub tool_errors: u32,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

impl Script {
    pub fn has(&self, shape: Shape) -> bool {
        self.shapes.contains(&shape)
    }

    /// Whether the conversation has ways that it did not go on.
    pub fn has_branches(&self) -> bool {
        const BRANCHES: &[Feature] = &[Feature::Regenerated, Feature::Edited, Feature::Choices];
        BRANCHES.iter().any(|branch| self.features.contains(branch))
    }

    pub fn counts(&self) -> Counts {
        let failed_calls = self.calls.iter().filter(|call| call.answers.is_empty());
        let failed_runs = self.runs.iter().filter(|run| run.failed);
        let tool_errors = failed_runs.count();
        let failed_spans = if self.has(Shape::ErrorsInResults) {
            0
        } else {
            tool_errors
        };
        let errors = failed_calls.count() + failed_spans;
        Counts {
            calls: self.calls.len() as u32,
            tools: self.runs.len() as u32,
            errors: errors as u32,
            tool_errors: tool_errors as u32,
            input_tokens: self.calls.iter().map(|call| call.usage.0).sum(),
            output_tokens: self.calls.iter().map(|call| call.usage.1).sum(),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aside = if self.is_aside { "    " } else { "" };
        let mark = if self.superseded { "~" } else { "" };
        let opened_by = self.opened_by.as_ref().map(|id| format!("[{id}] "));
        let failed = if self.failed { " FAILED" } else { "" };
        let summary = if self.is_summary { " (summary)" } else { "" };
        let role = format!("{:?}", self.role).to_lowercase();
        let unseen = match self.unseen {
            0 => String::new(),
            unseen => format!("   (without {unseen} before)"),
        };
        write!(
            f,
            "{aside}{mark}{}{role}{summary}{failed}: {}{unseen}",
            opened_by.unwrap_or_default(),
            self.text.as_deref().unwrap_or("-")
        )?;
        self.tools.iter().try_for_each(|tool| {
            let result = tool
                .result
                .as_ref()
                .map_or("-".to_owned(), Value::to_string);
            let abandoned = if tool.abandoned { " abandoned" } else { "" };
            let status = format!("{:?}", tool.status).to_lowercase();
            let arguments = tool.arguments.as_ref().map(Value::to_string);
            write!(
                f,
                "\n{aside}    {}({}) {status}{abandoned} -> {result}",
                tool.name,
                arguments.unwrap_or_default()
            )
        })
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} {:?}", self.manner, self.shapes)?;
        self.calls.iter().try_for_each(|call| {
            let words = |message: &Message| match message.text() {
                Some(text) => text,
                None => format!(
                    "{:?}{:?}",
                    message.tool_calls().collect::<Vec<_>>(),
                    message.tool_results().collect::<Vec<_>>()
                ),
            };
            let history: Vec<String> = call.history.iter().map(words).collect();
            let answers: Vec<String> = call.answers.iter().map(words).collect();
            writeln!(
                f,
                "  call {} at {}..{} in {}: {history:?} -> {answers:?}",
                call.id, call.at, call.ends_at, call.parent,
            )
        })?;
        self.runs.iter().try_for_each(|run| {
            writeln!(
                f,
                "  run {} at {}..{} in {}: {} {}",
                run.id, run.at, run.ends_at, run.parent, run.name, run.call_id
            )
        })
    }
}

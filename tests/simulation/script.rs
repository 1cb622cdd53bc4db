//! Inventing a conversation: what was truly said, and the model calls and tool runs behind it.

use crate::rng::Rng;
use domain::message::{Message, Part, Role};
use serde_json::{Value, json};
use std::fmt;

/// One message of the true transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub role: Role,
    pub text: Option<String>,
    pub failed: bool,
    pub superseded: bool,
    /// Not of the main thread.
    pub is_aside: bool,
    pub opened_by: Option<String>,
    pub tools: Vec<ToolLine>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ToolLine {
    pub name: String,
    pub result: Option<Value>,
    pub failed: bool,
}

/// A model call as it happened.
#[derive(Clone, Debug)]
pub struct ModelCall {
    /// Position in time; everything has one of its own.
    pub at: u64,
    /// The span around it: an agent, or the tool that runs the sub-agent.
    pub parent: u64,
    /// What it was given, as an exact client would tell it.
    pub history: Vec<Message>,
    /// `None` when it failed.
    pub answer: Option<Message>,
}

#[derive(Clone, Debug)]
pub struct ToolRun {
    pub at: u64,
    pub parent: u64,
    pub id: String,
    pub name: String,
    pub arguments: Value,
    pub result: Value,
    pub failed: bool,
}

/// How much of its history each call tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    Whole,
    /// Only the newest so many messages, once there are more.
    Newest(usize),
    /// What was not sent before: the API keeps the rest.
    News,
}

#[derive(Clone, Debug)]
pub struct Script {
    pub memory: Memory,
    pub lines: Vec<Line>,
    pub calls: Vec<ModelCall>,
    pub runs: Vec<ToolRun>,
    /// Agents around the calls, by number; 0 is the root of the turns.
    pub agents: Vec<(u64, &'static str)>,
}

/// Few words, so that they repeat.
const WORDS: &[&str] = &[
    "yes", "no", "Done.", "ok", "again", "why?", "Thanks!", "go on",
];

struct Inventor<'a> {
    rng: &'a mut Rng,
    script: Script,
    clock: u64,
    /// The branch that the conversation took.
    history: Vec<Message>,
    agent: u64,
    ids: u64,
}

impl Script {
    pub fn invent(rng: &mut Rng) -> Self {
        let memory = match rng.below(10) {
            0..=5 => Memory::Whole,
            6..=7 => Memory::Newest(4 + rng.below(4)),
            _ => Memory::News,
        };
        let script = Self {
            memory,
            lines: Vec::new(),
            calls: Vec::new(),
            runs: Vec::new(),
            agents: Vec::new(),
        };
        let mut inventor = Inventor {
            rng,
            script,
            clock: 1,
            history: Vec::new(),
            agent: 0,
            ids: 0,
        };
        inventor.new_agent();
        let turns = 1 + inventor.rng.below(6);
        for turn in 0..turns {
            inventor.turn(turn + 1 == turns);
        }
        inventor.script
    }

    /// Model calls, tool runs, failures.
    pub fn counts(&self) -> (u32, u32, u32) {
        let failures = self
            .calls
            .iter()
            .filter(|call| call.answer.is_none())
            .count()
            + self.runs.iter().filter(|run| run.failed).count();
        (
            self.calls.len() as u32,
            self.runs.len() as u32,
            failures as u32,
        )
    }
}

impl Inventor<'_> {
    fn tick(&mut self) -> u64 {
        self.clock += 10;
        self.clock
    }

    fn new_agent(&mut self) {
        let name = *self.rng.pick(&["planner", "writer", "helper"]);
        self.agent = self.tick();
        self.script.agents.push((self.agent, name));
    }

    fn new_id(&mut self) -> String {
        self.ids += 1;
        format!("call_{}", self.ids)
    }

    /// An answer that differs from all before: where the same words could be two answers or one, nobody can tell.
    fn words(&mut self) -> String {
        self.ids += 1;
        if self.rng.chance(30) {
            format!("{} ({})", self.rng.pick(WORDS), self.ids)
        } else {
            (*self.rng.pick(WORDS)).to_owned()
        }
    }

    fn turn(&mut self, is_last: bool) {
        // A handoff: another agent goes on with the same history.
        if self.rng.chance(25) {
            self.new_agent();
        }
        let before = (self.history.len(), self.script.lines.len());
        self.user_says();
        if self.rng.chance(15) {
            self.failed_call();
        }
        self.answer();
        // What is regenerated or edited can only be told from whole histories.
        if self.script.memory == Memory::Whole
            && self
                .history
                .iter()
                .any(|message| message.role == Role::Assistant)
        {
            match self.rng.below(10) {
                0 if !is_last => self.regenerate(),
                1 if before.0 > 0 && !is_last => self.edit(before),
                _ => {}
            }
        }
        if self.script.memory == Memory::Whole && !is_last && before.0 > 0 && self.rng.chance(10) {
            self.aside();
        }
    }

    fn user_says(&mut self) {
        let text = self.words();
        self.history.push(Message::text_of(Role::User, &text));
        self.line(Role::User, Some(text));
    }

    fn line(&mut self, role: Role, text: Option<String>) {
        self.script.lines.push(Line {
            role,
            text,
            failed: false,
            superseded: false,
            is_aside: false,
            opened_by: None,
            tools: Vec::new(),
        });
    }

    /// The service refuses, and the client tries again.
    fn failed_call(&mut self) {
        self.call(None);
        self.line(Role::Assistant, None);
        if let Some(line) = self.script.lines.last_mut() {
            line.failed = true;
            line.superseded = true;
        }
    }

    fn call(&mut self, answer: Option<Message>) {
        let at = self.tick();
        let history = self.history.clone();
        self.script.calls.push(ModelCall {
            at,
            parent: self.agent,
            history,
            answer,
        });
    }

    /// Perhaps some rounds of tools, then words.
    fn answer(&mut self) {
        while self.rng.chance(30) {
            self.tool_round();
        }
        let text = self.words();
        let answer = Message::text_of(Role::Assistant, &text);
        self.call(Some(answer.clone()));
        self.history.push(answer);
        self.line(Role::Assistant, Some(text));
    }

    fn tool_round(&mut self) {
        let count = 1 + self.rng.below(3);
        let asked: Vec<(String, &str, Value)> = (0..count)
            .map(|_| {
                let name = *self.rng.pick(&["weather", "search", "research"]);
                (
                    self.new_id(),
                    name,
                    json!({ "city": self.rng.pick(&["Paris", "Lyon"]) }),
                )
            })
            .collect();
        let parts = asked.iter().map(|(id, name, arguments)| Part::ToolCall {
            id: Some(id.clone()),
            name: (*name).to_owned(),
            arguments: arguments.clone(),
        });
        let answer = Message {
            role: Role::Assistant,
            parts: parts.collect(),
        };
        self.call(Some(answer.clone()));
        self.history.push(answer);
        self.line(Role::Assistant, None);
        let line = self.script.lines.len() - 1;
        for (id, name, arguments) in asked {
            let at = self.tick();
            let result = if name == "research" {
                self.sub_agent(at, &id)
            } else {
                json!(self.words())
            };
            let failed = name == "search" && self.rng.chance(10);
            let tool = ToolLine {
                name: name.to_owned(),
                result: Some(result.clone()),
                failed,
            };
            self.script.lines[line].tools.push(tool);
            let part = Part::ToolResult {
                id: Some(id.clone()),
                name: None,
                result: result.clone(),
            };
            self.history.push(Message {
                role: Role::Tool,
                parts: vec![part],
            });
            let name = name.to_owned();
            self.script.runs.push(ToolRun {
                at,
                parent: self.agent,
                id,
                name,
                arguments,
                result,
                failed,
            });
        }
    }

    /// A context of its own below the tool's span, often with the very words of another.
    fn sub_agent(&mut self, tool: u64, id: &str) -> Value {
        let task = "Find it";
        let found = self.words();
        let at = self.tick();
        let answer = Message::text_of(Role::Assistant, &found);
        let history = vec![Message::text_of(Role::User, task)];
        self.script.calls.push(ModelCall {
            at,
            parent: tool,
            history,
            answer: Some(answer),
        });
        for (role, text) in [(Role::User, task), (Role::Assistant, found.as_str())] {
            self.line(role, Some(text.to_owned()));
            if let Some(line) = self.script.lines.last_mut() {
                line.is_aside = true;
                line.opened_by = Some(id.to_owned());
            }
        }
        json!(found)
    }

    /// The same question once more: the answer before it is left.
    fn regenerate(&mut self) {
        self.history.pop();
        if let Some(line) = self.script.lines.last_mut() {
            line.superseded = true;
        }
        self.ids += 1;
        let text = format!("better {}", self.ids);
        let answer = Message::text_of(Role::Assistant, &text);
        self.call(Some(answer.clone()));
        self.history.push(answer);
        self.line(Role::Assistant, Some(text));
    }

    /// The user takes the last turn back and asks otherwise.
    fn edit(&mut self, before: (usize, usize)) {
        self.history.truncate(before.0);
        for line in &mut self.script.lines[before.1..] {
            line.superseded |= !line.is_aside;
        }
        self.ids += 1;
        let text = format!("edited {}", self.ids);
        self.history.push(Message::text_of(Role::User, &text));
        self.line(Role::User, Some(text));
        self.answer();
    }

    /// A call beside the conversation, such as one that makes up a title.
    fn aside(&mut self) {
        self.ids += 1;
        let (asked, told) = (
            format!("Title for {}?", self.ids),
            format!("Title {}", self.ids),
        );
        let at = self.tick();
        let history = vec![Message::text_of(Role::User, &asked)];
        let answer = Some(Message::text_of(Role::Assistant, &told));
        self.script.calls.push(ModelCall {
            at,
            parent: self.agent,
            history,
            answer,
        });
        for (role, text) in [(Role::User, asked), (Role::Assistant, told)] {
            self.line(role, Some(text));
            if let Some(line) = self.script.lines.last_mut() {
                line.is_aside = true;
            }
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aside = if self.is_aside { "    " } else { "" };
        let mark = if self.superseded { "~" } else { "" };
        let opened_by = self
            .opened_by
            .as_ref()
            .map(|id| format!("[{id}] "))
            .unwrap_or_default();
        let failed = if self.failed { " FAILED" } else { "" };
        let role = format!("{:?}", self.role).to_lowercase();
        write!(
            f,
            "{aside}{mark}{opened_by}{role}{failed}: {}",
            self.text.as_deref().unwrap_or("-")
        )?;
        self.tools.iter().try_for_each(|tool| {
            let result = tool
                .result
                .as_ref()
                .map_or("-".to_owned(), Value::to_string);
            write!(
                f,
                "\n{aside}    {}{} -> {result}",
                tool.name,
                if tool.failed { " FAILED" } else { "" }
            )
        })
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "memory {:?}", self.memory)?;
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
            writeln!(
                f,
                "  call at {} in {}: {history:?} -> {:?}",
                call.at,
                call.parent,
                call.answer.as_ref().map(words)
            )
        })
    }
}

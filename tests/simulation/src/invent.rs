//! Inventing a conversation: turns, tool loops, sub-agents, and everything that makes histories hard to read.

mod agents;
mod branches;
mod strand;

use crate::dialects::Dialect;
use crate::malice::{self, Shape};
use crate::script::{Agent, Feature, Line, Manner, Memory, ModelCall, Script, Second, ToolsTold};
use crate::tape::Tape;
use domain::message::{Message, Part, Role};
use domain::view::ToolStatus;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use strand::{Step, Strand};

/// Few words, so that they repeat.
const WORDS: &[&str] = &[
    "yes", "no", "Done.", "ok", "again", "why?", "Thanks!", "go on",
];
const TURNS_MAX: usize = 6;
/// An argument that is written as NaN; transcripts show it as this text.
pub(crate) const NOT_A_NUMBER: &str = "NaN";

pub(crate) struct Inventor<'a> {
    tape: &'a mut Tape,
    script: Script,
    /// What the client keeps of the branch that the conversation took.
    context: Vec<Message>,
    /// Utterances on that branch, whether the client keeps them or not.
    said: u32,
    /// Messages of the context that the API was sent and keeps.
    sent: usize,
    /// The agent that the main thread's calls run for.
    agent: u64,
    /// The call whose answer the branch ends with.
    answered: Option<u64>,
    is_compacted: bool,
    /// The latest summary reads like something that was said: nothing was kept beside it, and no call marks it.
    summary_is_said: bool,
    strand: Strand,
    names: u64,
    spans: u64,
}

impl Script {
    /// Invents a conversation from the choices on the tape.
    pub fn invent(tape: &mut Tape) -> Self {
        let manner = Manner::invent(tape);
        let script = Self {
            shapes: malice::drawn(&manner, tape),
            manner,
            features: BTreeSet::new(),
            lines: Vec::new(),
            calls: Vec::new(),
            runs: Vec::new(),
            agents: Vec::new(),
        };
        let mut inventor = Inventor {
            tape,
            script,
            context: Vec::new(),
            said: 0,
            sent: 0,
            agent: 0,
            answered: None,
            is_compacted: false,
            summary_is_said: false,
            strand: Vec::new(),
            names: 0,
            spans: 0,
        };
        inventor.new_agent();
        let turns = 1 + inventor.tape.below(TURNS_MAX);
        for turn in 0..turns {
            inventor.turn(turn + 1 == turns);
        }
        inventor.finished()
    }
}

impl Manner {
    fn invent(tape: &mut Tape) -> Self {
        let memory = match tape.below(20) {
            0..=8 => Memory::Whole,
            9..=11 => Memory::Newest(4 + tape.below(4)),
            12 | 13 => Memory::Kept(4 + tape.below(4)),
            14..=16 => Memory::Compacted,
            17 | 18 => Memory::News,
            _ => Memory::ByResponseId,
        };
        let dialect = *tape.pick(Dialect::ALL);
        let also = tape.chance(20).then(|| Second {
            dialect: *tape.pick(dialect.others()),
            own_trace: tape.chance(50),
            has_response_ids: tape.chance(50),
        });
        let tools = match tape.below(10) {
            // Two answers with nothing between them are told as one, which says too little of a part.
            8 if !matches!(
                memory,
                Memory::Newest(_) | Memory::Kept(_) | Memory::Compacted
            ) =>
            {
                ToolsTold::SpansOnly
            }
            9 => ToolsTold::MessagesOnly,
            _ => ToolsTold::Both,
        };
        let is_captured = !tape.chance(8);
        let id_on_roots = tape.chance(25);
        Self {
            memory: if is_captured { memory } else { Memory::Whole },
            dialect,
            also: also.filter(|_| is_captured),
            tools: if is_captured { tools } else { ToolsTold::Both },
            is_captured,
            id_on_roots,
            roots_are_lost: !id_on_roots && tape.chance(10),
        }
    }
}

impl Inventor<'_> {
    fn feature(&mut self, feature: Feature) {
        self.script.features.insert(feature);
    }

    fn has(&self, shape: Shape) -> bool {
        self.script.shapes.contains(&shape)
    }

    fn manner(&self) -> Manner {
        self.script.manner
    }

    fn new_span(&mut self) -> u64 {
        self.spans += 1;
        self.spans
    }

    /// A text that was not said before.
    fn new_text(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what} {}", self.names)
    }

    fn words(&mut self) -> String {
        if self.has(Shape::StructuredAnswers) && self.tape.chance(40) {
            let word = *self.tape.pick(WORDS);
            let name = self.new_text("item");
            return json!({"output": word, "items": [{"role": "user", "content": name}], "score": 1}).to_string();
        }
        if self.tape.chance(30) {
            let word = *self.tape.pick(WORDS);
            self.new_text(word)
        } else {
            self.feature(Feature::RepeatedWords);
            (*self.tape.pick(WORDS)).to_owned()
        }
    }

    /// Whether calls tell a few messages only, or with gaps: where these could be the same ones twice, nobody can tell which
    /// they are.
    fn is_windowed(&self) -> bool {
        matches!(self.manner().memory, Memory::Newest(_) | Memory::Kept(_))
            || self.has(Shape::MissingCalls)
            || self.has(Shape::EmptyCalls)
    }

    fn new_agent(&mut self) {
        let name = *self.tape.pick(&["planner", "writer", "helper"]);
        self.agent = self.new_span();
        self.strand.push(Step::Agent(Agent {
            id: self.agent,
            at: 0,
            parent: 0,
            name,
        }));
    }

    fn turn(&mut self, is_last: bool) {
        if self.manner().memory == Memory::Compacted && self.tape.chance(40) {
            self.compact();
        }
        // A handoff: another agent goes on with the same history.
        if self.tape.chance(25) {
            self.feature(Feature::Handoffs);
            self.new_agent();
        }
        let is_first = self.context.is_empty();
        let before = (self.context.len(), self.script.lines.len(), self.said);
        let text = if self.is_windowed() {
            self.new_text("and")
        } else {
            self.words()
        };
        self.user_says(text);
        if self.tape.chance(15) {
            self.failed_call();
        }
        if self.tape.chance(7) && !is_first {
            return self.unanswered_tools(is_last);
        }
        let has_choices = self.answer(is_last);
        // What is regenerated or edited can only be told from whole histories.
        let may_branch = self.manner().is_captured
            && !has_choices
            && !is_last
            && matches!(self.manner().memory, Memory::Whole | Memory::Compacted);
        match self.tape.below(10) {
            8 if may_branch => self.regenerate(),
            9 if may_branch && !is_first => self.edit(before),
            _ => {}
        }
        let may_look_aside = self.manner().memory == Memory::Whole && self.manner().is_captured;
        if may_look_aside && !is_last && !is_first && self.tape.chance(10) {
            self.aside();
        }
    }

    fn user_says(&mut self, text: String) {
        self.context.push(Message::text_of(Role::User, &text));
        self.script.lines.push(Line::of(Role::User, Some(text)));
        self.said += 1;
    }

    /// The service refuses, and the client tries again.
    fn failed_call(&mut self) {
        self.feature(Feature::Retries);
        let unseen = self.call(Vec::new());
        self.script.lines.push(Line {
            failed: true,
            superseded: true,
            unseen,
            ..Line::of(Role::Assistant, None)
        });
    }

    /// A call of the main thread. Returns how many messages it was not given.
    fn call(&mut self, answers: Vec<Message>) -> u32 {
        let (history, told) = self.told();
        let memory = self.manner().memory;
        let continues = self.answered.filter(|_| memory == Memory::ByResponseId);
        let call = ModelCall {
            parent: self.agent,
            history,
            is_compacted: std::mem::take(&mut self.is_compacted),
            continues,
            ..self.new_call(answers)
        };
        let keeps_state = matches!(memory, Memory::News | Memory::ByResponseId);
        if !call.answers.is_empty() {
            self.answered = Some(call.id);
            self.sent = self.context.len() + 1;
        }
        self.strand.push(Step::CallEnd(call.id));
        let end = self.strand.len() - 1;
        self.strand.insert(end, Step::Call(call));
        if keeps_state || !self.manner().is_captured {
            0
        } else {
            self.said - told
        }
    }

    fn new_call(&mut self, answers: Vec<Message>) -> ModelCall {
        let usage = (1 + self.tape.below(3) as u64, 1 + self.tape.below(2) as u64);
        ModelCall {
            id: self.new_span(),
            at: 0,
            ends_at: 0,
            parent: 0,
            history: Vec::new(),
            usage: if answers.is_empty() { (0, 0) } else { usage },
            answers,
            is_compacted: false,
            continues: None,
        }
    }

    /// What the client tells of its context, and how many utterances of the branch that is.
    fn told(&mut self) -> (Vec<Message>, u32) {
        let context = &self.context;
        let count = context.len();
        let (history, feature) = match self.manner().memory {
            Memory::Newest(newest) if count > newest => {
                (context[count - newest..].to_vec(), Some(Feature::CutHeads))
            }
            Memory::Kept(newest) if count > newest + 1 => {
                let kept = [&context[..1], &context[count - newest..]].concat();
                (kept, Some(Feature::KeptBeginnings))
            }
            Memory::News | Memory::ByResponseId => (context[self.sent..].to_vec(), None),
            _ => (context.clone(), None),
        };
        self.script.features.extend(feature);
        let told = history.iter().filter(|message| {
            let is_summary = message.role == Role::User
                && message
                    .text()
                    .is_some_and(|text| text.starts_with("Summary"));
            message.role != Role::Tool && (!is_summary || self.summary_is_said)
        });
        let told = told.count() as u32;
        let keeps_tools = self.manner().tools != ToolsTold::SpansOnly;
        let history = history
            .into_iter()
            .filter(|message| keeps_tools || message.role != Role::Tool);
        (history.collect(), told)
    }

    /// Perhaps some rounds of tools, then words. True when there were several choices.
    fn answer(&mut self, is_last: bool) -> bool {
        while self.tape.chance(30) {
            self.tool_round();
            // Below a root that is lost, nothing tells a delegate from another root.
            if !self.manner().roots_are_lost && self.tape.chance(8) {
                self.delegate();
            }
        }
        let may_choose = self.manner().dialect.has_choices()
            && self.manner().memory == Memory::Whole
            && self.manner().also.is_none()
            && self.manner().is_captured;
        if may_choose && self.tape.chance(10) {
            self.choices(is_last);
            return true;
        }
        let text = self.words();
        self.says(text);
        false
    }

    fn says(&mut self, text: String) {
        let answer = Message::text_of(Role::Assistant, &text);
        let unseen = self.call(vec![answer.clone()]);
        self.context.push(answer);
        self.said += 1;
        self.script.lines.push(Line {
            unseen,
            ..Line::of(Role::Assistant, Some(text))
        });
    }

    fn finished(mut self) -> Script {
        let strand = std::mem::take(&mut self.strand);
        strand::play(strand, self.tape, &mut self.script);
        let manner = self.script.manner;
        let features = [
            (Feature::NotCaptured, !manner.is_captured),
            (Feature::IdOnRoots, manner.id_on_roots),
            (Feature::LostRoots, manner.roots_are_lost),
            (Feature::ReportedTwice, manner.also.is_some()),
            (Feature::OnlyNews, manner.memory == Memory::News),
            (Feature::ByResponseId, manner.memory == Memory::ByResponseId),
            (Feature::ToolSpansOnly, manner.tools == ToolsTold::SpansOnly),
            (
                Feature::ToolMessagesOnly,
                manner.tools == ToolsTold::MessagesOnly,
            ),
        ];
        let present = features.into_iter().filter(|(_, holds)| *holds);
        self.script
            .features
            .extend(present.map(|(feature, _)| feature));
        let shapes = self.script.shapes.iter().copied();
        self.script.features.extend(shapes.map(Feature::Malice));
        if !manner.is_captured {
            forget_content(&mut self.script.lines);
            if !manner.dialect.tells_call_ids() {
                self.name_threads_by_span();
            }
        }
        self.script
    }
}

impl Inventor<'_> {
    /// A tool run whose call id nobody tells is named by its span.
    fn name_threads_by_span(&mut self) {
        let runs = &self.script.runs;
        for opened_by in self
            .script
            .lines
            .iter_mut()
            .filter_map(|line| line.opened_by.as_mut())
        {
            if let Some(run) = runs.iter().find(|run| run.call_id == *opened_by) {
                *opened_by = format!("{:016x}", run.id);
            }
        }
    }
}

/// A call of a tool that an answer asks for.
struct Asked {
    call_id: String,
    name: &'static str,
    arguments: Value,
}

impl Inventor<'_> {
    fn asked(&mut self) -> Vec<Asked> {
        let count = 1 + self.tape.below(3);
        let names: &[&'static str] = match self.manner().tools {
            ToolsTold::MessagesOnly => &["weather", "search"],
            _ => &["weather", "search", "research"],
        };
        (0..count)
            .map(|_| {
                let city = *self.tape.pick(&["Paris", "Lyon"]);
                let city = if self.is_windowed() {
                    self.new_text(city)
                } else {
                    city.to_owned()
                };
                let mut arguments = json!({ "city": city });
                if self.has(Shape::NotANumber) && self.tape.chance(50) {
                    arguments["score"] = json!(NOT_A_NUMBER);
                }
                Asked {
                    call_id: self.new_text("call").replace(' ', "_"),
                    name: self.tape.pick::<&'static str>(names),
                    arguments,
                }
            })
            .collect()
    }
}

fn asking(asked: &[Asked]) -> Message {
    let parts = asked.iter().map(|asked| Part::ToolCall {
        id: Some(asked.call_id.clone()),
        name: asked.name.to_owned(),
        arguments: asked.arguments.clone(),
    });
    Message {
        role: Role::Assistant,
        parts: parts.collect(),
    }
}

/// What is left of the lines when no text was captured: that the model was called, and which tools ran.
fn forget_content(lines: &mut Vec<Line>) {
    lines.retain(|line| line.role == Role::Assistant);
    for line in lines {
        line.text = None;
        // Nobody can tell a second try from going on.
        line.superseded = false;
        line.tools.retain(|tool| tool.status != ToolStatus::Pending);
        line.tools
            .iter_mut()
            .for_each(|tool| (tool.arguments, tool.result) = (None, None));
    }
}

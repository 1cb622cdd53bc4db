//! Tools and the agents below them.

use super::strand::{Step, Strand};
use super::{Asked, Inventor, asking};
use crate::script::{Agent, Feature, Line, ModelCall, ToolLine, ToolRun, ToolsTold};
use domain::message::{Message, Part, Role};
use domain::view::ToolStatus;
use serde_json::{Value, json};

/// Sub-agents may call sub-agents, this deep.
const DEPTH_MAX: usize = 2;

/// Who makes the calls of a sub-agent.
#[derive(Clone, Copy)]
struct SubAgent<'a> {
    /// The span right above its calls.
    parent: u64,
    /// The tool call or the span that opened its thread.
    opened_by: &'a str,
    depth: usize,
}

impl Inventor<'_> {
    /// The main thread asks for tools, and they run.
    pub(super) fn tool_round(&mut self) {
        self.feature(Feature::Tools);
        let asked = self.asked();
        let answer = asking(&asked);
        let unseen = self.call(vec![answer.clone()]);
        self.context.push(answer);
        self.said += 1;
        let line = Line {
            unseen,
            ..Line::of(Role::Assistant, None)
        };
        let mut strand = std::mem::take(&mut self.strand);
        let mut lines = std::mem::take(&mut self.script.lines);
        let mut context = std::mem::take(&mut self.context);
        self.run_tools(
            &asked,
            self.agent,
            0,
            line,
            &mut context,
            &mut lines,
            &mut strand,
        );
        (self.strand, self.script.lines, self.context) = (strand, lines, context);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the three last are one place to write to, in either thread"
    )]
    fn run_tools(
        &mut self,
        asked: &[Asked],
        parent: u64,
        depth: usize,
        mut line: Line,
        context: &mut Vec<Message>,
        lines: &mut Vec<Line>,
        strand: &mut Strand,
    ) {
        if asked.len() > 1 {
            self.feature(Feature::ParallelTools);
        }
        let mut forks = Vec::new();
        let mut below = Vec::new();
        for asked in asked {
            let id = self.new_span();
            let mut inner = Vec::new();
            let result = if asked.name == "research" && depth < self.depth_max() {
                self.sub_agent(id, asked, depth + 1, &mut below, &mut inner)
            } else {
                json!(self.words())
            };
            let tells_failures = self.manner().tools != ToolsTold::MessagesOnly;
            let failed = tells_failures && asked.name == "search" && self.tape.chance(10);
            line.tools.push(ToolLine {
                name: asked.name.to_owned(),
                arguments: Some(asked.arguments.clone()),
                result: Some(opened(&result)),
                status: if failed {
                    ToolStatus::Error
                } else {
                    ToolStatus::Ok
                },
                abandoned: false,
            });
            context.push(result_message(asked, &result));
            let run = ToolRun {
                id,
                at: 0,
                ends_at: 0,
                parent,
                call_id: asked.call_id.clone(),
                name: asked.name.to_owned(),
                arguments: asked.arguments.clone(),
                result,
                failed,
            };
            let mut fork = vec![Step::Run(run)];
            fork.extend(inner);
            fork.push(Step::RunEnd(id));
            forks.push(fork);
        }
        strand.push(Step::Fork(forks));
        lines.push(line);
        lines.extend(below);
    }

    /// Without captured text only time tells where a thread was opened: one level deep that is enough.
    fn depth_max(&self) -> usize {
        if self.manner().is_captured {
            DEPTH_MAX
        } else {
            1
        }
    }

    /// A context of its own below the tool's span, often with the very words of another. Returns its last answer.
    fn sub_agent(
        &mut self,
        tool: u64,
        asked: &Asked,
        depth: usize,
        lines: &mut Vec<Line>,
        strand: &mut Strand,
    ) -> Value {
        self.feature(Feature::SubAgents);
        if depth > 1 {
            self.feature(Feature::NestedAgents);
        }
        let mut parent = tool;
        if self.tape.chance(40) {
            parent = self.new_span();
            strand.push(Step::Agent(Agent {
                id: parent,
                at: 0,
                parent: tool,
                name: "researcher",
            }));
        }
        let who = SubAgent {
            parent,
            opened_by: &asked.call_id,
            depth,
        };
        json!(self.works(who, lines, strand))
    }

    /// An agent below the current one that is given a task, without a tool.
    pub(super) fn delegate(&mut self) {
        self.feature(Feature::SubAgents);
        let id = self.new_span();
        let mut inner = vec![Step::Agent(Agent {
            id,
            at: 0,
            parent: self.agent,
            name: "delegate",
        })];
        let mut lines = Vec::new();
        let opened_by = format!("{id:016x}");
        let who = SubAgent {
            parent: id,
            opened_by: &opened_by,
            depth: self.depth_max(),
        };
        self.works(who, &mut lines, &mut inner);
        self.strand.extend(inner);
        self.script.lines.extend(lines);
    }

    /// The loop of a sub-agent: perhaps tools, then its answer.
    fn works(&mut self, who: SubAgent<'_>, lines: &mut Vec<Line>, strand: &mut Strand) -> String {
        let task = if self.tape.chance(30) {
            self.new_text("Find")
        } else {
            "Find it".to_owned()
        };
        let mut context = vec![Message::text_of(Role::User, &task)];
        let mut own = vec![Line::of(Role::User, Some(task))];
        let mut below: Vec<(usize, Vec<Line>)> = Vec::new();
        while self.tape.chance(25) {
            let asked = self.asked();
            let answer = asking(&asked);
            self.sub_call(who, &context, answer.clone(), strand);
            context.push(answer);
            let line = Line::of(Role::Assistant, None);
            let mut opened = Vec::new();
            self.run_tools(
                &asked,
                who.parent,
                who.depth,
                line,
                &mut context,
                &mut opened,
                strand,
            );
            own.push(opened.remove(0));
            below.push((own.len(), opened));
        }
        let found = self.words();
        let answer = Message::text_of(Role::Assistant, &found);
        self.sub_call(who, &context, answer, strand);
        own.push(Line::of(Role::Assistant, Some(found.clone())));
        for line in &mut own {
            line.is_aside = true;
            line.opened_by = Some(who.opened_by.to_owned());
        }
        // Threads of its own tools are read after the line that called them.
        for (position, opened) in below.into_iter().rev() {
            own.splice(position..position, opened);
        }
        lines.extend(own);
        found
    }

    fn sub_call(
        &mut self,
        who: SubAgent<'_>,
        context: &[Message],
        answer: Message,
        strand: &mut Strand,
    ) {
        let keeps_tools = self.manner().tools != ToolsTold::SpansOnly;
        let history = context
            .iter()
            .filter(|message| keeps_tools || message.role != Role::Tool);
        let call = ModelCall {
            parent: who.parent,
            history: history.cloned().collect(),
            ..self.new_call(vec![answer])
        };
        let id = call.id;
        strand.extend([Step::Call(call), Step::CallEnd(id)]);
    }
}

/// What a tool gives is shown as the structure that it is the text of.
fn opened(result: &Value) -> Value {
    let structure = result
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    structure
        .filter(Value::is_object)
        .unwrap_or_else(|| result.clone())
}

fn result_message(asked: &Asked, result: &Value) -> Message {
    Message {
        role: Role::Tool,
        parts: vec![Part::ToolResult {
            id: Some(asked.call_id.clone()),
            name: None,
            result: result.clone(),
            is_error: false,
        }],
    }
}

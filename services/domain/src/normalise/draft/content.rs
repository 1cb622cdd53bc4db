//! The content of a span: of all attributes and events that may hold it, what is understood best.

use super::names::{self, Answer, List, Names};
use super::reading::{Rank, Reading, is_told};
use super::{Draft, events, reading, unread};
use crate::message::{Message, Part, Role};
use crate::normalise::content::messages::{self, Turn};
use crate::normalise::content::tool_value;
use crate::normalise::values::flat;
use crate::span::Operation;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value};

/// Moves everything that was said out of attributes and events into the draft's content or tool.
pub(crate) fn read(draft: &mut Draft) {
    if draft.operation == Operation::ExecuteTool {
        return super::tool::read(draft);
    }
    for name in draft.list(|names| names.system) {
        if let Some(value) = take(draft, name) {
            match name.ends_with("_ref") {
                true => draft.push_input(Reading::of_reference(value, Role::System).turns),
                false => draft.add_system(value),
            }
        }
    }
    let mut input = Best::new(draft, Role::User);
    let mut output = Best::new(draft, Role::Assistant);
    read_talks(draft, &mut input, &mut output);
    read_side(draft, |names| names.input, Role::User, &mut input);
    read_side(draft, |names| names.output, Role::Assistant, &mut output);
    read_answers(draft, &mut output);
    events::read(draft, &mut input, &mut output);
    finish(draft, input, output);
}

fn finish(draft: &mut Draft, mut input: Best, mut output: Best) {
    if draft.operation == Operation::InvokeAgent && output.is_empty() {
        // Question and answer in one attribute: what an agent was given does not end with its own words.
        if let Some(reading) = input.reading.take() {
            let (asked, answered) = reading.split();
            input.offer(asked);
            output.offer(answered);
        }
    }
    if let Some(reading) = input.reading {
        draft.original_input_messages = draft.original_input_messages.or(reading.original_length);
        draft.push_input(reading::inner_histories(draft.operation, reading.turns));
    }
    if let Some(reading) = output.reading {
        draft.push_output(reading.turns);
    }
    draft
        .fields
        .remove_all(&["input.mime_type", "output.mime_type"]);
    settle(draft);
    unread::look(draft);
}

/// The best reading so far of one side.
pub(super) struct Best {
    reading: Option<Reading>,
    role: Role,
    /// Attributes were thrown away, so that the longer of two readings is the whole one.
    is_torn: bool,
    /// Messages among the flattened ones have a role and nothing else, so that the raw values may say more.
    has_holes: bool,
    /// Spans around the calls carry data of any kind: only what is plainly messages is taken.
    strictly: bool,
}

impl Best {
    fn new(draft: &Draft, role: Role) -> Self {
        Self {
            reading: None,
            role,
            is_torn: draft.dropped_attributes > 0,
            has_holes: false,
            strictly: is_strict(draft.operation),
        }
    }

    pub(super) fn offer(&mut self, mut reading: Reading) {
        let answers = |turn: &Turn| turn.message.role == Role::Assistant;
        if self.role == Role::Assistant && !reading.turns.iter().any(answers) {
            // An echo of what was asked is no answer, however well it is understood.
            reading.rank = Rank::Reference;
        }
        if reading.turns.is_empty() || (self.strictly && reading.rank == Rank::Json) {
            return;
        }
        let is_better = self.reading.as_ref().is_none_or(|best| {
            reading.rank > best.rank
                || ((self.is_torn || self.has_holes)
                    && reading.rank == best.rank
                    && reading.told() > best.told())
        });
        if is_better {
            self.reading = Some(reading);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reading.is_none()
    }

    /// Whether nothing better can come.
    fn is_sure(&self) -> bool {
        !self.is_torn
            && !self.has_holes
            && self
                .reading
                .as_ref()
                .is_some_and(|reading| reading.rank == Rank::Messages)
    }
}

fn is_strict(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Other | Operation::Embeddings | Operation::Rerank
    )
}

/// Takes an attribute; one that holds nothing is not there.
fn take(draft: &mut Draft, name: &str) -> Option<Value> {
    let value = draft.fields.take(name)?;
    if is_told(&value) {
        return Some(value);
    }
    if is_strict(draft.operation) {
        draft.fields.put(name, value);
    }
    None
}

/// Question and answer in one attribute: the messages of a run, or the list of its events.
fn read_talks(draft: &mut Draft, input: &mut Best, output: &mut Best) {
    for name in draft.list(|names| names.talk) {
        let Some(value) = take(draft, name) else {
            continue;
        };
        let value = match events::of_list(value) {
            Ok(spoken) => {
                spoken
                    .system
                    .into_iter()
                    .for_each(|value| draft.add_system(value));
                let mut asked = Reading::of_events(spoken.input, Role::User);
                if spoken.output.is_empty() && draft.operation == Operation::InvokeAgent {
                    // A run's events have no choice.
                    let (before, answer) = asked.split();
                    asked = before;
                    output.offer(answer);
                }
                input.offer(asked);
                output.offer(Reading::of_events(spoken.output, Role::Assistant));
                continue;
            }
            Err(value) => value,
        };
        match Reading::of(value, Role::User, true) {
            Ok(reading) => {
                let (asked, answered) = reading.split();
                input.offer(asked);
                output.offer(answered);
            }
            Err(value) => draft.fields.put(name, value),
        }
    }
}

/// Offers what the named attributes hold. What repeats the best is removed.
fn read_side(draft: &mut Draft, pick: fn(&Names) -> List, role: Role, best: &mut Best) {
    let is_tree = |name: &&str| name.ends_with(".N");
    let mut rows = draft.list(pick);
    if !draft.operation.is_llm() {
        // Agents and chains: the flattened messages hold the first one at best, the raw values are whole.
        rows.sort_by_key(is_tree);
    }
    for name in rows {
        if best.is_sure() {
            remove(draft, name);
            continue;
        }
        if let Some((attribute, _)) = name.split_once('#') {
            if let Some(value) = draft.fields.first(&[name], |value| Some(value.clone()))
                && is_told(&value)
                && let Ok(reading) = Reading::of(value, role, best.strictly)
            {
                best.offer(reading);
                draft.taken.push(attribute);
            }
        } else if let Some(prefix) = name.strip_suffix(".N") {
            if let Some(tree) = flat::take(draft.fields.map_mut(), prefix) {
                best.has_holes |= reading::has_holes(&tree.items);
                best.offer(Reading::of_tree(tree, role));
            }
        } else if let Some(value) = take(draft, name) {
            let value = match Reading::of_text(value, role) {
                Ok(reading) => {
                    best.offer(reading);
                    continue;
                }
                Err(value) => value,
            };
            if name.ends_with("_ref") {
                best.offer(Reading::of_reference(value, role));
                continue;
            }
            // A transcript is words wherever it stands.
            let strictly = best.strictly && !name.ends_with("transcript");
            match Reading::of(value, role, strictly) {
                Ok(reading) => best.offer(reading),
                Err(value) => draft.fields.put(name, value),
            }
        }
    }
    for attribute in std::mem::take(&mut draft.taken) {
        draft.fields.take(attribute);
    }
}

fn remove(draft: &mut Draft, name: &str) {
    if let Some(prefix) = name.strip_suffix(".N") {
        flat::take(draft.fields.map_mut(), prefix);
    } else {
        draft.fields.take(names::attribute(name));
    }
}

/// Answers of which each piece has an attribute of its own.
fn read_answers(draft: &mut Draft, best: &mut Best) {
    for answer in draft.answers() {
        if best.is_sure() || best.strictly {
            // Spans around the calls repeat what these say.
            answer.names().for_each(|name| remove(draft, name));
            continue;
        }
        best.offer(answer_of(draft, answer));
    }
}

fn answer_of(draft: &mut Draft, answer: &Answer) -> Reading {
    let mut first = |names: List| names.iter().filter_map(|name| take(draft, name)).next();
    let said = first(answer.messages);
    let text = first(answer.text);
    let object = first(answer.object).map(|object| match object {
        Value::String(text) => text,
        other => other.to_string(),
    });
    let reasoning = first(answer.reasoning);
    let calls = first(answer.calls);
    answer.names().for_each(|name| remove(draft, name));
    let mut is_message = calls.is_some() || reasoning.is_some();
    let mut turns = match said.map(|said| Reading::of(said, Role::Assistant, false)) {
        Some(Ok(reading)) => {
            is_message |= reading.rank == Rank::Messages;
            reading.turns
        }
        _ => Vec::new(),
    };
    let mut message = Map::from_iter([("role".to_owned(), Value::from("assistant"))]);
    if turns.is_empty()
        && let Some(words) = text.or(object.map(Value::String))
    {
        message.insert("content".into(), words);
    }
    for (key, value) in [
        ("reasoning_content", reasoning),
        ("tool_calls", calls.map(tool_value::arguments)),
    ] {
        if let Some(value) = value {
            message.insert(key.into(), value);
        }
    }
    let rest = match message.len() {
        1 => Vec::new(),
        _ => messages::read(Value::Object(message), Role::Assistant),
    };
    append(&mut turns, rest);
    Reading::of_pieces(turns, is_message)
}

/// Adds thoughts and calls to the last message, but not the calls that it has.
fn append(turns: &mut Vec<Turn>, rest: Vec<Turn>) {
    let Some(last) = turns.last() else {
        turns.extend(rest);
        return;
    };
    let name = |part: &Part| match part {
        Part::ToolCall {
            id,
            name,
            arguments,
        } => Some(format!("{id:?} {name} {arguments}")),
        _ => None,
    };
    let known: FxHashSet<String> = last.message.parts.iter().filter_map(name).collect();
    let new = rest
        .into_iter()
        .flat_map(|turn| turn.message.parts)
        .filter(|part| name(part).is_none_or(|name| !known.contains(&name)));
    let new: Vec<Part> = new.collect();
    if let Some(last) = turns.last_mut() {
        last.message.parts.extend(new);
    }
}

/// Leaves as output only what the span answered with.
fn settle(draft: &mut Draft) {
    let output = &mut draft.content.output;
    if draft.operation.is_llm() {
        if output.iter().any(|message| message.role == Role::Assistant) {
            keep_results(output);
            output.retain(|message| message.role == Role::Assistant);
        } else {
            // Results alone are no answer: they are what the next call is given.
            let results = output.extract_if(.., |message| message.tool_results().next().is_some());
            draft.content.input.extend(results);
        }
        // What others said does not become the answer. Without one, what is nobody's is what there is to show.
        draft
            .content
            .output
            .retain(|message| message.role != Role::User);
        return;
    }
    // An agent or chain gives back the whole history; its answer is the last message of the assistant.
    let answer = output
        .iter()
        .rposition(|message| message.role == Role::Assistant);
    *output = answer
        .map(|at| vec![output.swap_remove(at)])
        .unwrap_or_default();
    output.iter_mut().for_each(forget_answered_calls);
    output.retain(|message| !message.parts.is_empty());
}

/// What came back within an answer (Google GenAI's automatic calls, tools that the provider ran) stays with the message that
/// called.
fn keep_results(output: &mut [Message]) {
    let mut calls: Option<usize> = None;
    for index in 0..output.len() {
        if output[index].role == Role::Assistant {
            let is_calling = output[index].tool_calls().next().is_some();
            calls = if is_calling { Some(index) } else { calls };
        } else if let Some(calls) = calls.filter(|_| output[index].role == Role::Tool) {
            let parts = std::mem::take(&mut output[index].parts);
            let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
            output[calls]
                .parts
                .extend(parts.into_iter().filter(is_result));
        }
    }
}

/// The calls that were answered within one message are the agent's inner steps, not its answer.
fn forget_answered_calls(message: &mut Message) {
    let answered: FxHashSet<Option<String>> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolResult { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    if answered.is_empty() {
        return;
    }
    message.parts.retain(|part| match part {
        Part::ToolResult { .. } => false,
        Part::ToolCall { id, .. } => !answered.contains(id),
        _ => true,
    });
}

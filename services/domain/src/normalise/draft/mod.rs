//! A span while it is being read: what is left of its attributes, and what became of the rest.

pub(super) mod content;
pub(super) mod control_flow;
pub(super) mod errors;
pub(super) mod events;
pub(super) mod names;
pub(super) mod operation;
pub(super) mod people;
pub(super) mod reading;
pub(super) mod reported;
mod tool;
mod unread;
pub(super) mod usage;

use crate::message::{Message, Role};
use crate::normalise::content::messages::{self, Turn};
use crate::normalise::content::{tool_value, turns};
use crate::normalise::values::fields::Fields;
use crate::raw::RawEvent;
use crate::span::{Content, Operation, Outcome};
use crate::usage::{CallCost, Usage};
use names::{Answer, List, Names};
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Draft {
    /// The dialect's label.
    pub(crate) dialect: &'static str,
    /// Those of the dialects that the span speaks, of the convention, then of all others of which an attribute is there.
    names: Vec<&'static Names>,
    /// How many of them are the span's own and the convention's.
    own_names: usize,
    pub(crate) fields: Fields,
    pub(crate) events: Vec<RawEvent>,
    pub(crate) operation: Operation,
    /// Attributes that the SDK threw away.
    pub(crate) dropped_attributes: u32,
    pub(crate) content: Content,
    /// As the messages tell it; an attribute comes first.
    pub(crate) finish_reason: Option<String>,
    pub(crate) response_id: Option<String>,
    pub(crate) response_model: Option<String>,
    pub(crate) previous_response_id: Option<String>,
    pub(crate) original_input_messages: Option<u32>,
    pub(crate) usage: Option<Usage>,
    pub(crate) reported_cost: Option<CallCost>,
    pub(crate) tool_arguments: Option<Value>,
    pub(crate) tool_result: Option<Value>,
    /// Something that was said is still among the attributes or events.
    pub(crate) is_unread: bool,
    /// Attributes of which a part was read.
    taken: Vec<&'static str>,
    /// How the tool ended, where its result or an exception tells.
    pub(crate) tool_outcome: Outcome,
}

impl Draft {
    pub(crate) fn new(
        dialect: &'static str,
        (names, own_names): (Vec<&'static Names>, usize),
        fields: Fields,
        operation: Operation,
    ) -> Self {
        Self {
            dialect,
            names,
            own_names,
            fields,
            events: Vec::new(),
            operation,
            dropped_attributes: 0,
            content: Content::default(),
            finish_reason: None,
            response_id: None,
            response_model: None,
            previous_response_id: None,
            original_input_messages: None,
            usage: None,
            reported_cost: None,
            tool_arguments: None,
            tool_result: None,
            is_unread: false,
            taken: Vec::new(),
            tool_outcome: Outcome::default(),
        }
    }

    /// The names of one meaning, in the order in which they are read: as [`Names`] has it.
    pub(crate) fn names(&self, pick: fn(&Names) -> List) -> impl Iterator<Item = &'static str> {
        let own = self.names[..self.own_names].iter();
        let own = own.flat_map(move |names| pick(names).iter().copied());
        let others = self.names[self.own_names..].iter();
        let others = others.flat_map(move |names| pick(names).iter().copied());
        own.chain(others.filter(|name| names::is_namespaced(name)))
    }

    /// All names under which content of one kind may stand, each once.
    pub(crate) fn list(&self, pick: fn(&Names) -> List) -> Vec<&'static str> {
        let mut list: Vec<&'static str> = Vec::new();
        for name in self.names.iter().flat_map(|names| pick(names)) {
            if !list.contains(name) {
                list.push(name);
            }
        }
        list
    }

    pub(crate) fn answers(&self) -> Vec<&'static Answer> {
        let names = self.names.iter();
        names.flat_map(|names| names.answers).collect()
    }

    /// Whether anything of what was said stands among the attributes.
    pub(crate) fn holds_content(&self) -> bool {
        let names = self.names.iter().flat_map(|names| names.of_content());
        names.into_iter().any(|name| match name.strip_suffix(".N") {
            Some(prefix) => self.fields.keys().any(|key| {
                key.strip_prefix(prefix)
                    .and_then(|rest| rest.strip_prefix('.'))
                    .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
            }),
            None => self
                .fields
                .get(names::attribute(name))
                .is_some_and(reading::is_told),
        })
    }

    pub(crate) fn text(&self, pick: fn(&Names) -> List) -> Option<String> {
        self.names(pick).find_map(|name| self.fields.text(&[name]))
    }

    pub(crate) fn response_id(&self) -> Option<String> {
        self.text(|names| names.response_id)
            .or_else(|| self.response_id.clone())
    }

    pub(crate) fn response_model(&self) -> Option<String> {
        self.text(|names| names.response_model)
            .or_else(|| self.response_model.clone())
    }

    pub(crate) fn previous_response_id(&self) -> Option<String> {
        self.text(|names| names.previous_response_id)
            .or_else(|| self.previous_response_id.clone())
    }

    /// Takes what a tool gave back, unless an earlier place told it.
    pub(crate) fn add_tool_result(&mut self, value: Value) {
        let told = tool_value::told(value);
        self.tool_outcome = self.tool_outcome.max(told.outcome);
        if self.tool_result.as_ref().is_none_or(Value::is_null) {
            self.tool_result = Some(told.value).filter(|value| !value.is_null());
        }
    }

    /// Adds system messages, but not the same twice: some SDKs tell them in two places.
    pub(crate) fn add_system(&mut self, value: Value) {
        for turn in messages::read(value, Role::System) {
            self.push_system(Message {
                role: Role::System,
                parts: turn.message.parts,
            });
        }
    }

    fn push_system(&mut self, message: Message) {
        /// System messages of one call. Real ones have one or two; beyond it a history is all system messages.
        const SYSTEM_MAX: usize = 64;
        if self.content.system.len() < SYSTEM_MAX && !self.content.system.contains(&message) {
            self.content.system.push(message);
        }
    }

    pub(crate) fn push_input(&mut self, turns: Vec<Turn>) {
        for turn in turns {
            match turn.message.role {
                Role::System => self.push_system(turn.message),
                _ => self.content.input.push(turn.message),
            }
        }
    }

    pub(crate) fn push_output(&mut self, turns: Vec<Turn>) {
        let turns = match self.operation.is_llm() {
            true => turns::whole_answer(turns),
            false => turns,
        };
        for turn in turns {
            self.finish_reason = self.finish_reason.take().or(turn.finish_reason);
            if self.operation.is_llm() {
                self.response_id = self.response_id.take().or(turn.response.id);
                self.response_model = self.response_model.take().or(turn.response.model);
            }
            match turn.message.role {
                // A prompt has no place in an answer; it is the input's, or an echo of it.
                Role::System => {}
                _ => self.content.output.push(turn.message),
            }
        }
    }
}

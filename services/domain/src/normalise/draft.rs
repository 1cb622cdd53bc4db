//! A span while it is being read: what is left of its attributes, and what became of the rest.

use super::dialect::{Dialect, List, Names};
use super::fields::Fields;
use super::messages::{self, Turn};
use super::otel_genai;
use crate::message::{Message, Role};
use crate::raw::RawEvent;
use crate::span::{Content, Operation};
use crate::usage::Usage;
use serde_json::Value;

#[derive(Debug)]
pub(super) struct Draft {
    pub(super) dialect: &'static Dialect,
    pub(super) fields: Fields,
    pub(super) events: Vec<RawEvent>,
    pub(super) operation: Operation,
    /// Attributes that the SDK threw away.
    pub(super) dropped_attributes: u32,
    pub(super) content: Content,
    /// As the messages tell it; an attribute comes first.
    pub(super) finish_reason: Option<String>,
    pub(super) response_id: Option<String>,
    pub(super) response_model: Option<String>,
    pub(super) previous_response_id: Option<String>,
    pub(super) original_input_messages: Option<u32>,
    pub(super) usage: Option<Usage>,
    pub(super) tool_arguments: Option<Value>,
    pub(super) tool_result: Option<Value>,
}

impl Draft {
    pub(super) fn new(dialect: &'static Dialect, fields: Fields, operation: Operation) -> Self {
        Self {
            dialect,
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
            tool_arguments: None,
            tool_result: None,
        }
    }

    /// The dialect's names, then those of the convention.
    pub(super) fn names(&self, pick: fn(&Names) -> List) -> [List; 2] {
        let own = pick(self.dialect.names);
        let common = pick(&otel_genai::NAMES);
        if std::ptr::eq(own, common) {
            [own, &[]]
        } else {
            [own, common]
        }
    }

    pub(super) fn text(&self, pick: fn(&Names) -> List) -> Option<String> {
        self.names(pick)
            .into_iter()
            .find_map(|names| self.fields.text(names))
    }

    pub(super) fn count(&self, pick: fn(&Names) -> List) -> Option<u64> {
        self.names(pick)
            .into_iter()
            .find_map(|names| self.fields.count(names))
    }

    pub(super) fn number(&self, pick: fn(&Names) -> List) -> Option<f64> {
        self.names(pick)
            .into_iter()
            .find_map(|names| self.fields.number(names))
    }

    pub(super) fn response_id(&self) -> Option<String> {
        self.text(|names| names.response_id)
            .or_else(|| self.response_id.clone())
    }

    pub(super) fn response_model(&self) -> Option<String> {
        self.text(|names| names.response_model)
            .or_else(|| self.response_model.clone())
    }

    pub(super) fn previous_response_id(&self) -> Option<String> {
        self.text(|names| names.previous_response_id)
            .or_else(|| self.previous_response_id.clone())
    }

    /// Adds system messages, but not the same twice: some SDKs tell them in two places.
    pub(super) fn add_system(&mut self, value: Value) {
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

    pub(super) fn add_input(&mut self, value: Value) {
        let turns = messages::read(value, Role::User);
        self.push_input(turns);
    }

    pub(super) fn push_input(&mut self, turns: Vec<Turn>) {
        for turn in turns {
            match turn.message.role {
                Role::System => self.push_system(turn.message),
                _ => self.content.input.push(turn.message),
            }
        }
    }

    pub(super) fn add_output(&mut self, value: Value) {
        let turns = messages::read(value, Role::Assistant);
        self.push_output(turns);
    }

    pub(super) fn push_output(&mut self, turns: Vec<Turn>) {
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

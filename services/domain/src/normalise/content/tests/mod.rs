//! Families of shapes, each as a table: the SDK's own form, and what is said in it.

mod answers;
mod histories;
mod parts;
mod questions;

use super::messages;
use super::turns::whole_answer;
use crate::message::{Message, Role};
use crate::normalise::tests::samples::lines;
use serde_json::Value;

fn lines_of(turns: Vec<messages::Turn>) -> Vec<String> {
    let messages: Vec<Message> = turns.into_iter().map(|turn| turn.message).collect();
    lines(&messages)
}

/// What a call was asked.
fn asked(value: &Value) -> Vec<String> {
    lines_of(messages::read(value.clone(), Role::User))
}

/// What a call answered.
fn answered(value: &Value) -> Vec<String> {
    lines_of(whole_answer(messages::read(value.clone(), Role::Assistant)))
}

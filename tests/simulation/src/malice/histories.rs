//! Shapes that a history or an answer has before any SDK writes it.

use super::Shape;
use crate::tape::Tape;
use domain::message::{Message, Part, Role};
use std::collections::BTreeSet;

/// A history as careless clients keep it. Every message that it loses was told by an earlier call.
pub fn retold(history: Vec<Message>, shapes: &BTreeSet<Shape>, tape: &mut Tape) -> Vec<Message> {
    let mut history = history;
    if shapes.contains(&Shape::ResultsFirst) && tape.chance(50) {
        results_first(&mut history);
    }
    if shapes.contains(&Shape::MissingCalls) {
        let left_out = calling_alone(&history);
        let mut at = 0..;
        history.retain(|_| at.next().is_none_or(|at| !left_out.contains(&at)));
    }
    if shapes.contains(&Shape::EmptyCalls) {
        for at in calling_alone(&history) {
            history[at].parts.clear();
        }
    }
    history
}

fn is_calling(message: &Message) -> bool {
    message.role == Role::Assistant && message.tool_calls().next().is_some()
}

/// Messages that call tools, each the only one of its turn. Of several in a row that a history leaves out, the transcript
/// takes all but the first for superseded.
fn calling_alone(history: &[Message]) -> Vec<usize> {
    let mut alone = Vec::new();
    let mut of_turn = Vec::new();
    for (at, message) in history.iter().enumerate() {
        if message.role == Role::User {
            if let [only] = of_turn[..] {
                alone.push(only);
            }
            of_turn.clear();
        }
        let has_result = |next: &Message| next.role == Role::Tool;
        if is_calling(message) && history.get(at + 1).is_some_and(has_result) {
            of_turn.push(at);
        }
    }
    if of_turn.len() == 1 {
        alone.extend(of_turn);
    }
    alone
}

/// Each message that calls tools changes places with the first result behind it.
fn results_first(history: &mut [Message]) {
    for at in 1..history.len() {
        if history[at].role == Role::Tool && is_calling(&history[at - 1]) {
            history.swap(at - 1, at);
        }
    }
}

/// One answer as a message for each of its parts.
pub fn pieces(answers: Vec<Message>) -> Vec<Message> {
    let [answer] = answers.as_slice() else {
        return answers;
    };
    let piece = |part: &Part| Message {
        role: answer.role,
        parts: vec![part.clone()],
    };
    answer.parts.iter().map(piece).collect()
}

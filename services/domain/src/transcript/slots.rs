//! Which tools the answers called, each call a slot for its run and its result.

use super::calls::{Call, Scope};
use super::forest::Forest;
use super::tools::Place;
use crate::conversation::Conversation;
use crate::facts::SpanFact;
use crate::message::{Message, Part};
use crate::normalise::CUT_MARK;
use rustc_hash::FxHashSet;
use serde_json::Value;

/// A tool call within an answer, waiting for its span and its result.
pub(super) struct Slot<'a> {
    pub(super) place: Place,
    pub(super) scope: Scope,
    pub(super) position: usize,
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) arguments: &'a Value,
    pub(super) asked: &'a SpanFact,
    /// Of an answer made again: it shows when a span ran it, for else nothing tells it from the first.
    pub(super) is_again: bool,
    /// Which of the runs it had.
    pub(super) run: Option<usize>,
    /// Runs under the same call id before that one: the last decides.
    pub(super) earlier: Vec<usize>,
    pub(super) result: Option<GivenResult>,
}

/// What a message says that a tool gave back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GivenResult {
    pub(super) value: Value,
    pub(super) is_error: bool,
}

impl GivenResult {
    /// Histories of SDKs that keep only texts have an empty message where a result was.
    pub(super) fn says_nothing(&self) -> bool {
        match &self.value {
            Value::Null => !self.is_error,
            Value::String(text) => {
                !self.is_error && matches!(text.trim(), "" | "None" | "null" | "undefined")
            }
            _ => false,
        }
    }

    /// A length limit cut it off: wherever else it is told, it is told better.
    pub(super) fn is_cut(&self) -> bool {
        let text = self.value.as_str();
        text.is_some_and(|text| text.ends_with(CUT_MARK))
    }
}

/// The results of a message, each with the id of its call and the name of its tool as far as it tells them.
pub(super) fn results_of(
    message: &Message,
) -> impl Iterator<Item = (Option<&str>, Option<&str>, GivenResult)> {
    message.parts.iter().filter_map(|part| match part {
        Part::ToolResult {
            id,
            name,
            result,
            is_error,
        } => Some((
            id.as_deref(),
            name.as_deref(),
            GivenResult {
                value: result.clone(),
                is_error: *is_error,
            },
        )),
        _ => None,
    })
}

/// The tool calls of every answer, in the order of forests and nodes.
pub(super) fn slots<'a>(
    conversation: &'a Conversation,
    calls: &'a [Call],
    forests: &'a [(Scope, Forest<'_>)],
) -> Vec<Slot<'a>> {
    let mut slots = Vec::new();
    for (forest_index, (scope, forest)) in forests.iter().enumerate() {
        for (node_index, node) in forest.nodes.iter().enumerate() {
            let Some(message) = node
                .message
                .and_then(|digest| conversation.message(&digest))
            else {
                continue;
            };
            let call = node
                .made_by
                .first()
                .map_or(node.first_call, |(call, _)| *call);
            let place = (forest_index, node_index);
            let first = slots.len();
            slots.extend(slots_of(message, place, *scope, &calls[call].span));
            let again = node.made_by.iter().skip(1).flat_map(|(call, choice)| {
                let call = &calls[*call];
                let digest = call.content.output.get(*choice);
                let message = digest.and_then(|digest| conversation.message(digest));
                let message = message.into_iter();
                message.flat_map(|message| slots_of(message, place, *scope, &call.span))
            });
            add_again(&mut slots, first, again);
        }
    }
    slots
}

fn slots_of<'a>(
    message: &'a Message,
    place: Place,
    scope: Scope,
    asked: &'a SpanFact,
) -> impl Iterator<Item = Slot<'a>> {
    let calls = message.tool_calls().enumerate();
    calls.map(move |(position, (id, name, arguments))| Slot {
        place,
        scope,
        position,
        id,
        name,
        arguments,
        asked,
        is_again: false,
        run: None,
        earlier: Vec::new(),
        // Tools that the API runs itself answer within the message that calls them.
        result: id.and_then(|id| {
            let mut results = results_of(message);
            let own = results.find(|(of, ..)| *of == Some(id));
            own.map(|(_, _, result)| result)
        }),
    })
}

/// Adds the calls of the same answer, made again, to those of the first, which begin at `first`. Under an id that is
/// known already, it is the same call.
fn add_again<'a>(slots: &mut Vec<Slot<'a>>, first: usize, again: impl Iterator<Item = Slot<'a>>) {
    let mut known: FxHashSet<&str> = slots[first..].iter().filter_map(|slot| slot.id).collect();
    for slot in again.filter(|slot| slot.id.is_none_or(|id| known.insert(id))) {
        let position = slots.len() - first;
        slots.push(Slot {
            position,
            is_again: true,
            ..slot
        });
    }
}

//! The turns of the main thread: what was said and done from one message of a user to the next.

use super::calls::Call;
use crate::facts::CostFact;
use crate::ids::SpanKey;
use crate::message::Role;
use crate::view::{ToolStatus, Turn, Utterance};
use rustc_hash::FxHashMap;

/// Expects the messages in reading order: whatever a message opened stands behind it.
pub(super) fn turns(messages: &[Utterance], calls: &[Call]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut made_in: FxHashMap<SpanKey, usize> = FxHashMap::default();
    let mut is_asking = false;
    for message in messages {
        let is_main = message.thread == 0 && !message.superseded && !message.is_summary;
        let is_asked = is_main && message.role == Role::User;
        if is_asked && !is_asking {
            turns.push(Turn {
                number: turns.len() as u32 + 1,
                first_message: message.id,
                started_ns: message.timestamp_ns,
                ..Turn::default()
            });
        }
        if is_main {
            is_asking = is_asked;
        }
        let Some(turn) = turns.last_mut() else {
            continue;
        };
        add(turn, message);
        if message.role == Role::Assistant {
            let made = message.spans.iter().map(|span| (*span, turns.len() - 1));
            made_in.extend(made);
        }
    }
    for call in calls {
        if let Some(turn) = made_in.get(&call.span.key) {
            let (turn, counted) = (&mut turns[*turn], call.counted());
            turn.llm_calls += 1;
            turn.usage += counted.usage.unwrap_or_default();
            if counted.cost != CostFact::None {
                turn.cost.add_call(counted.cost.known());
            }
        }
    }
    turns
}

fn add(turn: &mut Turn, message: &Utterance) {
    let is_answer = message.role == Role::Assistant;
    turn.errors += u32::from(is_answer && message.error.is_some());
    let mut until_ns = (message.role != Role::User).then_some(message.timestamp_ns);
    for tool_use in &message.tool_calls {
        turn.tool_calls += u32::from(tool_use.status != ToolStatus::Pending);
        turn.errors += u32::from(tool_use.status == ToolStatus::Error);
        let ended = tool_use.started_ns.zip(tool_use.duration_ns);
        until_ns = until_ns.max(ended.map(|(started_ns, lasted_ns)| started_ns + lasted_ns));
    }
    let lasted_ns = until_ns.map(|until_ns| until_ns.saturating_sub(turn.started_ns).max(0));
    turn.duration_ns = turn.duration_ns.max(lasted_ns);
}

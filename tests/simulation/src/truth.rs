//! A view beside the truth.

use crate::deliver;
use crate::dialects;
use crate::malice::Shape;
use crate::script::{Counts, Line, Script, ToolLine};
use crate::tape::Tape;
use domain::message::Role;
use domain::view::View;

/// Plays the conversation of a tape; an error shows the truth beside what was told.
pub fn play(tape: &mut Tape) -> Result<Script, String> {
    let script = Script::invent(tape);
    let told = dialects::tell(&script, tape);
    let items = deliver::items(&told);
    let in_order = deliver::in_order(&items);
    compare(&script, &in_order)?;
    // The same view, down to the ids, however the spans come.
    let badly = deliver::badly(&items, tape);
    if badly != in_order {
        let (one, other) = (written(&lines(&in_order)), written(&lines(&badly)));
        return Err(format!(
            "{script}\nthe order of arrival shows\n-- in order --\n{one}\n-- badly --\n{other}"
        ));
    }
    Ok(script)
}

fn compare(script: &Script, view: &View) -> Result<(), String> {
    let (mut told, mut truth) = (lines(view), script.lines.clone());
    if script.has(Shape::MissingCalls) || script.has(Shape::EmptyCalls) {
        // What the histories leave out the model did not see, or only its client did not tell: either may be said.
        told.iter_mut()
            .chain(&mut truth)
            .for_each(|line| line.unseen = 0);
    }
    if script.has(Shape::CutHistories) {
        // Of a cut message that says nothing any more its speaker may be left, who is never the user.
        let is_left =
            |line: &Line| line.role == Role::Tool && line.text.is_none() && line.tools.is_empty();
        told.retain(|line| !is_left(line));
    }
    if told != truth {
        let (truth, told) = (written(&truth), written(&told));
        return Err(format!(
            "{script}\n-- truth --\n{truth}\n-- told --\n{told}"
        ));
    }
    let totals = &view.totals;
    let counted = Counts {
        calls: totals.llm_calls,
        tools: totals.tool_calls,
        errors: totals.errors,
        tool_errors: totals.tool_errors,
        input_tokens: totals.usage.input_tokens,
        output_tokens: totals.usage.output_tokens,
    };
    let truly = script.counts();
    if counted != truly {
        return Err(format!("{script}\ncounted {counted:?}, truly {truly:?}"));
    }
    let has_children = |id: u64| {
        let agents = script.agents.iter().map(|agent| agent.parent);
        let calls = script.calls.iter().map(|call| call.parent);
        calls.chain(agents).any(|parent| parent == id)
    };
    let roots = script
        .agents
        .iter()
        .filter(|agent| agent.parent == 0 && has_children(agent.id));
    let lost = if script.manner.roots_are_lost {
        roots.count() as u32
    } else {
        0
    };
    let has_own_trace = script.manner.also.is_some_and(|second| second.own_trace);
    if !has_own_trace && totals.missing_parents != lost {
        let missing = totals.missing_parents;
        return Err(format!(
            "{script}\n{missing} parents are missing, truly {lost}"
        ));
    }
    Ok(())
}

fn written(lines: &[Line]) -> String {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What opened a thread as a script names it: a tool by the id that its call was given, else by its span.
fn opener(view: &View, id: &str) -> String {
    let messages = view.transcript.messages.iter();
    let mut uses = messages.flat_map(|message| &message.tool_calls);
    let named = uses.find(|tool| tool.id == id).and_then(|tool| {
        let span = tool.span.map(|key| key.span.to_string());
        tool.call_id.clone().or(span)
    });
    named.unwrap_or_else(|| id.to_owned())
}

/// The transcript as lines of a script.
pub fn lines(view: &View) -> Vec<Line> {
    let messages = view.transcript.messages.iter();
    messages
        .map(|message| Line {
            role: message.role,
            text: message
                .message
                .as_ref()
                .and_then(|message| message.text())
                .map(|text| text.trim().to_owned()),
            failed: message.error.is_some(),
            superseded: message.superseded,
            is_summary: message.is_summary,
            unseen: message.unseen,
            is_aside: message.thread > 0,
            opened_by: message.thread_parent.as_deref().map(|id| opener(view, id)),
            tools: message
                .tool_calls
                .iter()
                .map(|tool| ToolLine {
                    name: tool.name.clone(),
                    arguments: tool.arguments.clone(),
                    result: tool.result.clone(),
                    status: tool.status,
                    abandoned: tool.abandoned,
                })
                .collect(),
        })
        .collect()
}

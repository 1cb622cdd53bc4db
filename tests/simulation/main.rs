//! A seeded simulator over the pure core: invents conversations whose transcript is known, tells them as spans of several
//! dialects, delivers those as badly as networks and producers do, and demands the true transcript.
//!
//! A failing seed is printed; `SIMULATION_SEED=<seed>` plays that one conversation alone. `SIMULATION_CONVERSATIONS` sets
//! how many are played.

mod deliver;
mod dialects;
mod rng;
mod script;

use domain::view::{ToolStatus, View};
use rng::Rng;
use script::{Line, Script, ToolLine};

const CONVERSATIONS: u64 = 10_000;

#[test]
fn every_invented_conversation_is_told_as_it_was() {
    if let Some(seed) = number("SIMULATION_SEED") {
        return play(seed).unwrap_or_else(|difference| panic!("{difference}"));
    }
    let conversations = number("SIMULATION_CONVERSATIONS").unwrap_or(CONVERSATIONS);
    let failed: Vec<(u64, String)> = (1..=conversations)
        .filter_map(|seed| play(seed).err().map(|difference| (seed, difference)))
        .collect();
    // The shortest story tells most.
    let shortest = failed.iter().min_by_key(|(_, difference)| difference.len());
    if let Some((seed, difference)) = shortest {
        let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).take(20).collect();
        panic!(
            "{} of {conversations} conversations were told otherwise, seeds {seeds:?} first; SIMULATION_SEED={seed}:\n{difference}",
            failed.len()
        );
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number"))
    })
}

/// Plays the conversation of one seed; an error shows the truth beside what was told.
fn play(seed: u64) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let script = Script::invent(&mut rng);
    let spans = dialects::tell(&script, &mut rng);
    let in_order = deliver::in_order(&spans);
    let truth: Vec<String> = script.lines.iter().map(ToString::to_string).collect();
    let told: Vec<String> = lines(&in_order).iter().map(ToString::to_string).collect();
    if truth != told {
        return Err(format!(
            "{script}\n-- truth --\n{}\n-- told --\n{}",
            truth.join("\n"),
            told.join("\n")
        ));
    }
    let totals = &in_order.totals;
    if (totals.llm_calls, totals.tool_calls, totals.errors) != script.counts() {
        let told = (totals.llm_calls, totals.tool_calls, totals.errors);
        return Err(format!(
            "{script}\ncounted {told:?}, truly {:?} (calls, tools, errors)",
            script.counts()
        ));
    }
    // The same view, down to the ids, however the spans come.
    let badly = deliver::badly(&spans, &mut rng);
    if badly != in_order {
        return Err(format!(
            "{script}\nthe order of arrival shows:\n{in_order:#?}\n{badly:#?}"
        ));
    }
    Ok(())
}

fn lines(view: &View) -> Vec<Line> {
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
            is_aside: message.thread > 0,
            opened_by: message.thread_parent.clone(),
            tools: message
                .tool_calls
                .iter()
                .map(|tool| ToolLine {
                    name: tool.name.clone(),
                    result: tool.result.clone(),
                    failed: tool.status == ToolStatus::Error,
                })
                .collect(),
        })
        .collect()
}

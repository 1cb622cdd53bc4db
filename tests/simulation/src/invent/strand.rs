//! What happens one after the other, and what happens side by side; and the times that follow from it.

use crate::script::{Agent, ModelCall, Script, ToolRun};
use crate::tape::Tape;
use std::collections::BTreeMap;

pub(super) type Strand = Vec<Step>;

pub(super) enum Step {
    Agent(Agent),
    Call(ModelCall),
    CallEnd(u64),
    Run(ToolRun),
    RunEnd(u64),
    /// Strands that run at the same time. They begin in order.
    Fork(Vec<Strand>),
}

/// Gives everything its times and puts it into the script.
pub(super) fn play(strand: Strand, tape: &mut Tape, script: &mut Script) {
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    let mut now = 0;
    for step in flattened(strand, tape) {
        now += 10;
        match step {
            Step::Agent(agent) => script.agents.push(Agent { at: now, ..agent }),
            Step::Call(call) => script.calls.push(ModelCall { at: now, ..call }),
            Step::Run(run) => script.runs.push(ToolRun { at: now, ..run }),
            Step::CallEnd(id) | Step::RunEnd(id) => {
                ends.insert(id, now);
            }
            Step::Fork(_) => {}
        }
    }
    let end_of = |id: u64| ends.get(&id).copied().unwrap_or(now);
    for call in &mut script.calls {
        call.ends_at = end_of(call.id);
    }
    for run in &mut script.runs {
        run.ends_at = end_of(run.id);
    }
}

fn flattened(strand: Strand, tape: &mut Tape) -> Vec<Step> {
    let mut flat = Vec::new();
    for step in strand {
        match step {
            Step::Fork(strands) => {
                let strands = strands.into_iter().map(|strand| flattened(strand, tape));
                let strands: Vec<Vec<Step>> = strands.collect();
                interleave(strands, tape, &mut flat);
            }
            step => flat.push(step),
        }
    }
    flat
}

/// How many steps of each strand come before any strand goes further: a tool's run, and the first call below it. The order
/// of first calls is the order in which sub-agents are read.
const FIRST_STEPS: usize = 2;

fn interleave(strands: Vec<Vec<Step>>, tape: &mut Tape, flat: &mut Vec<Step>) {
    let mut strands: Vec<_> = strands
        .into_iter()
        .map(|strand| strand.into_iter().peekable())
        .collect();
    let is_parallel = tape.chance(50);
    if is_parallel {
        for strand in &mut strands {
            let begins = |step: &Step| !matches!(step, Step::CallEnd(_) | Step::RunEnd(_));
            for _ in 0..FIRST_STEPS {
                flat.extend(strand.next_if(begins));
            }
            // An agent within the tool has its first call after it.
            if matches!(flat.last(), Some(Step::Agent(_))) {
                flat.extend(strand.next());
            }
        }
    }
    loop {
        strands.retain_mut(|strand| strand.peek().is_some());
        if strands.is_empty() {
            return;
        }
        let next = if is_parallel {
            tape.below(strands.len())
        } else {
            0
        };
        flat.extend(strands[next].next());
    }
}

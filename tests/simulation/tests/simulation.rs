//! Ten thousand invented conversations are told as they were, whatever SDK tells them and however their spans arrive.
//!
//! A failing seed is cut down to the shortest conversation that still fails, and both are printed;
//! `SIMULATION_SEED=<seed>` plays that one alone. `SIMULATION_CONVERSATIONS` sets how many are played.

use simulation::seeds::{number, play_seeds};
use simulation::shrink::shrink;
use simulation::tape::Tape;
use simulation::truth::play;

const CONVERSATIONS: u64 = 4_000;

#[test]
fn every_invented_conversation_is_told_as_it_was() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let difference = play(&mut Tape::of_seed(seed)).err();
        return difference.map_or((), |difference| panic!("{}", explained(seed, &difference)));
    }
    let conversations = number("SIMULATION_CONVERSATIONS").unwrap_or(CONVERSATIONS);
    let failed = told_otherwise(conversations);
    let shortest = failed.iter().min_by_key(|(_, difference)| difference.len());
    if let Some((seed, difference)) = shortest {
        let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).take(20).collect();
        panic!(
            "{} of {conversations} conversations were told otherwise, seeds {seeds:?} first\n{}",
            failed.len(),
            explained(*seed, difference)
        );
    }
}

/// The seeds up to this one that fail, in order, with the difference.
fn told_otherwise(conversations: u64) -> Vec<(u64, String)> {
    play_seeds(conversations, |seed| play(&mut Tape::of_seed(seed)).err())
        .into_iter()
        .filter_map(|(seed, difference)| Some((seed, difference?)))
        .collect()
}

fn explained(seed: u64, difference: &str) -> String {
    let mut tape = Tape::of_seed(seed);
    let _ = play(&mut tape);
    let fails = |tape: &[u32]| play(&mut Tape::recorded(tape.to_vec())).is_err();
    let shortest = shrink(tape.into_drawn(), fails);
    let shown = play(&mut Tape::recorded(shortest)).err();
    format!(
        "SIMULATION_SEED={seed}, cut down to:\n{}",
        shown.as_deref().unwrap_or(difference)
    )
}

//! A thousand plays of the whole processor: whatever goes wrong, nothing is lost, and what comes of it is what an
//! undisturbed processor makes of the same topics.
//!
//! A failing play is cut down and told step by step; `SIMULATION_SEED=<seed>` plays one alone and tells it whole, and
//! `SIMULATION_SEEDS` sets how many are played. Each mistake that was made once is put back, and must be found.

use simulation::seeds::{number, play_seeds};
use simulation::shrink::shrink_within;
use simulation::system::{Flaw, Played, play, tell};
use simulation::tape::Tape;

const SEEDS: u64 = 1_000;
/// Tries of cutting down a failing play, which take some milliseconds each.
const SHRINK_TRIES_MAX: usize = 1_500;
/// Steps of a story that are shown: those before the failure.
const SHOWN_MAX: usize = 400;

#[test]
fn whatever_goes_wrong_comes_to_what_an_undisturbed_processor_makes_of_the_topics() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let (outcome, story) = tell(&mut Tape::of_seed(seed), Flaw::None);
        println!("{}", story.join("\n"));
        return outcome.map_or_else(|what| panic!("seed {seed}: {what}"), |_| ());
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let failed: Vec<(u64, String)> = play_seeds(seeds, play_rightly)
        .into_iter()
        .filter_map(|(seed, outcome)| Some((seed, outcome.err()?)))
        .collect();
    if let Some((seed, what)) = failed.first() {
        let others: Vec<u64> = failed.iter().map(|(seed, _)| *seed).take(20).collect();
        panic!(
            "{} of {seeds} plays failed, seeds {others:?} first; SIMULATION_SEED={seed}: {what}\n{}",
            failed.len(),
            explained(*seed)
        );
    }
}

#[test]
fn a_play_is_the_same_every_time() {
    for seed in 1..=5 {
        let once = play(&mut Tape::of_seed(seed), Flaw::None);
        let (again, story) = tell(&mut Tape::of_seed(seed), Flaw::None);
        assert_eq!(once, again, "seed {seed}");
        assert!(!story.is_empty());
    }
}

#[test]
fn a_failing_play_is_cut_down() {
    let (shortest, length) = cut_down(1, Flaw::UnnoticedLosses, 300);
    let simple = shortest.iter().filter(|drawn| **drawn > 0).count();
    assert!(simple < length / 2, "{simple} choices are left of {length}");
    let outcome = play(&mut Tape::recorded(shortest), Flaw::UnnoticedLosses);
    assert!(outcome.is_err());
}

/// What nobody plays, nothing can be found in.
#[test]
fn everything_that_may_go_wrong_does_in_some_plays() {
    let mut sum = Played::default();
    for (_, outcome) in play_seeds(200, play_rightly) {
        sum.add(&outcome.expect("it went well"));
    }
    println!("{sum:?}");
    assert!(sum.published > 150, "{sum:?}");
    for happened in [
        sum.losses,
        sum.epochs,
        sum.conflicts,
        sum.refused_commits,
        sum.lost_partitions,
        sum.refused_saves,
        sum.left_alone,
        sum.pauses,
        sum.shrunk,
        sum.begun_anew,
        sum.lost,
        sum.found,
        sum.moved,
        sum.dead_letters,
        sum.letters,
        sum.abandoned,
        sum.paused,
        sum.trials_failed,
        sum.read_again,
        sum.gone_on,
        sum.let_go_on,
        sum.passed_by,
        sum.looked_at,
    ] {
        assert!(happened >= 10, "{sum:?}");
    }
}

#[test]
fn statistics_that_are_believed_lose_records() {
    is_found(Flaw::BelievedEnds, "is not in the store");
}

#[test]
fn statistics_of_the_reading_before_tell_of_ends_that_are_none() {
    is_found(Flaw::StaleStatistics, "was told to end");
}

#[test]
fn statistics_of_before_a_pause_tell_of_ends_that_are_none() {
    // Beyond such an end is a record that was there before, and looks as if its log had begun anew.
    is_found(Flaw::UncountedResumptions, "was taken for made anew");
}

#[test]
fn partitions_that_stay_paused_are_never_read_again() {
    is_found(Flaw::LastingPauses, "it waits for ever");
}

#[test]
fn statistics_older_than_the_last_record_take_a_topic_for_made_anew() {
    is_found(Flaw::ShrunkByBeginning, "is not in the store");
}

#[test]
fn a_loss_that_nobody_notices_is_found() {
    is_found(Flaw::UnnoticedLosses, "is not in the store");
}

#[test]
fn record_times_of_whichever_copy_came_first_give_other_windows() {
    is_found(Flaw::FirstCopyTimes, "undisturbed");
}

#[test]
fn partitions_that_hold_nothing_back_give_other_revisions() {
    is_found(Flaw::SilentPartitions, "undisturbed");
}

#[test]
fn a_revision_that_counts_as_published_before_it_is_written_is_missing() {
    is_found(Flaw::UnheardRefusals, "undisturbed");
}

#[test]
fn giving_up_all_that_was_to_be_written_together_costs_more_than_its_sender() {
    is_found(Flaw::RefusedTogether, "all of it can be written");
}

#[test]
fn a_record_that_is_left_undone_and_counts_as_done_is_lost() {
    is_found(Flaw::AbandonedIsDone, "saved");
}

#[test]
fn a_partition_that_holds_time_back_for_as_long_as_it_is_paused_keeps_other_windows_open() {
    is_found(Flaw::EndlessHolds, "nothing holds time back");
}

/// Seeds within which a mistake that is put back must be found.
const FOUND_WITHIN: u64 = 1_000;

#[expect(clippy::print_stdout, reason = "for whoever reads the test's output")]
fn is_found(flaw: Flaw, by: &str) {
    let found = (1..=FOUND_WITHIN).find_map(|seed| {
        let what = play(&mut Tape::of_seed(seed), flaw).err()?;
        what.contains(by).then_some((seed, what))
    });
    let (seed, what) =
        found.unwrap_or_else(|| panic!("{flaw:?} is not found within {FOUND_WITHIN} seeds"));
    let shown: String = what.chars().take(300).collect();
    println!("{flaw:?} is found by seed {seed}: {shown}");
}

/// With no mistake put back.
fn play_rightly(seed: u64) -> Result<Played, String> {
    play(&mut Tape::of_seed(seed), Flaw::None)
}

fn explained(seed: u64) -> String {
    let (shortest, _) = cut_down(seed, Flaw::None, SHRINK_TRIES_MAX);
    let (outcome, story) = tell(&mut Tape::recorded(shortest), Flaw::None);
    let shown = &story[story.len().saturating_sub(SHOWN_MAX)..];
    let what = outcome.err().unwrap_or_default();
    format!("cut down to:\n{}\n{what}", shown.join("\n"))
}

/// The tape of a failing play cut down, and how long it was.
fn cut_down(seed: u64, flaw: Flaw, tries_max: usize) -> (Vec<u32>, usize) {
    let mut tape = Tape::of_seed(seed);
    let _ = play(&mut tape, flaw);
    let drawn = tape.into_drawn();
    let length = drawn.len();
    let fails = |tape: &[u32]| play(&mut Tape::recorded(tape.to_vec()), flaw).is_err();
    (shrink_within(tries_max, drawn, fails), length)
}

//! The rules, one at a time.

use crate::world::{Record, World, error, genai, log, other};
use domain::trace::{Hint, Times, WithoutId};

/// Which spans stand where, as text: `a: 1 2; b: 3`. Logs follow a dot.
fn told(world: &World) -> String {
    text(&world.now())
}

fn text(standing: &crate::world::Standing) -> String {
    let spans = |spans: &std::collections::BTreeMap<u8, (bool, usize)>| {
        let spans = spans.iter().map(|(number, (is_span, logs))| {
            let span = if *is_span {
                number.to_string()
            } else {
                String::new()
            };
            span + &format!(".{number}").repeat(*logs)
        });
        spans.collect::<Vec<_>>().join(" ")
    };
    let all = standing
        .iter()
        .map(|(id, stands)| format!("{id}: {}", spans(stands)));
    all.collect::<Vec<_>>().join("; ")
}

#[test]
fn a_span_without_an_id_takes_that_of_its_nearest_ancestor() {
    let mut world = World::default();
    world.read(&[genai(3, 2, "", 1)]);
    assert_eq!(told(&world), "", "nothing names it");
    world.read(&[other(2, 1, 2)]);
    world.read(&[genai(1, 9, "root", 3), genai(9, 0, "far", 3)]);
    assert_eq!(told(&world), "far: 9; root: 1 3");
    assert_eq!(world.links("root"), 1, "what lies between is known");
}

#[test]
fn what_is_likely_is_so_at_once_and_moves_when_another_name_comes() {
    let mut world = World::default();
    world.read(&[genai(1, 0, "a", 1)]);
    world.read(&[genai(2, 7, "", 2)]);
    assert_eq!(told(&world), "a: 1 2", "it is the only one");
    world.read(&[genai(3, 0, "b", 3)]);
    assert_eq!(told(&world), "a: 1; b: 3", "it could be either's");
    world.read(&[genai(7, 0, "b", 4)]);
    assert_eq!(told(&world), "a: 1; b: 2 3 7");
    assert_eq!(text(&world.at(2)), "a: 1 2");
    assert_eq!(text(&world.at(3)), "a: 1; b: 3");
    assert_eq!(text(&world.at(4)), "a: 1; b: 2 3 7");
}

#[test]
fn a_span_can_come_back() {
    let mut world = World::default();
    world.read(&[genai(1, 0, "a", 1), genai(2, 7, "", 2)]);
    world.read(&[genai(3, 0, "b", 3)]);
    world.read(&[genai(7, 0, "a", 9)]);
    assert_eq!(told(&world), "a: 1 2 7; b: 3");
    assert_eq!(text(&world.at(5)), "a: 1; b: 3");
}

#[test]
fn a_root_that_comes_hours_later_names_all_below_it() {
    const HOUR_MS: i64 = 3_600_000;
    let mut world = World::default();
    world.read(&[genai(3, 2, "", 1), log(3, 1)]);
    world.read(&[genai(2, 1, "", 2)]);
    world.settle(HOUR_MS, WithoutId::Drop);
    assert_eq!(told(&world), "");
    world.read(&[genai(1, 0, "a", 5 * HOUR_MS)]);
    assert_eq!(told(&world), "a: 1 2 3.3");
    assert_eq!(text(&world.at(HOUR_MS)), "", "nobody knew");
}

#[test]
fn spans_that_lose_their_place_count_as_those_do_that_never_had_one() {
    let named = |at_ms| [genai(1, 0, "a", at_ms), genai(2, 0, "b", at_ms + 1)];
    let without_id = |at_ms| [3, 4, 5].map(|number| genai(number, 0, "", at_ms));
    let settle_ms = Times::default().settle_ms;
    let mut never = World::default();
    never.read(&named(1));
    never.read(&without_id(3));
    let mut lost = World::default();
    lost.read(&named(1)[..1]);
    lost.read(&without_id(2));
    lost.settle(2 * settle_ms, WithoutId::Drop);
    assert!(lost.counted().is_empty(), "they stand somewhere");
    let lost_ms = 3 * settle_ms;
    lost.read(&[genai(2, 0, "b", lost_ms)]);
    assert_eq!(lost.due_ms(2 * settle_ms), Some(lost_ms + settle_ms));
    lost.settle(lost_ms + settle_ms - 1, WithoutId::Drop);
    assert!(lost.counted().is_empty());
    for world in [&mut never, &mut lost] {
        world.settle(lost_ms + settle_ms, WithoutId::Drop);
        assert_eq!(told(world), "a: 1; b: 2");
        assert_eq!(
            world.counted().iter().copied().collect::<Vec<_>>(),
            [3, 4, 5]
        );
    }
}

#[test]
fn a_span_that_finds_a_place_and_loses_it_again_is_counted_again() {
    let settle_ms = Times::default().settle_ms;
    let mut world = World::default();
    world.read(&[genai(3, 0, "", 0)]);
    world.settle(settle_ms, WithoutId::Drop);
    assert_eq!(world.counted().len(), 1);
    world.read(&[genai(1, 0, "a", settle_ms + 1)]);
    assert_eq!(world.counted().len(), 0);
    world.read(&[genai(2, 0, "b", settle_ms + 2)]);
    world.settle(3 * settle_ms, WithoutId::Drop);
    assert_eq!(world.counted().len(), 1);
}

#[test]
fn spans_that_lose_their_place_are_kept_as_long_as_those_that_never_had_one() {
    let Times {
        wait_ms, hold_ms, ..
    } = Times::default();
    assert!(hold_ms < wait_ms);
    let mut world = World::default();
    world.read(&[genai(1, 0, "a", 0), genai(3, 7, "", 0)]);
    world.read(&[genai(2, 0, "b", 1)]);
    assert!(!world.trace().is_over(wait_ms));
    assert!(world.trace().is_over(wait_ms + 1));
    world.read(&[genai(7, 0, "b", wait_ms)]);
    assert_eq!(told(&world), "a: 1; b: 2 3 7");
}

#[test]
fn what_was_said_is_to_tell_of_spans_that_lose_their_place_too() {
    let settle_ms = Times::default().settle_ms;
    let mut world = World::default();
    world.read(&[genai(1, 0, "a", 0), genai(3, 7, "", 0)]);
    world.read(&[genai(2, 0, "b", settle_ms)]);
    let project = "shop".into();
    let pieces = |now_ms| world.trace().pieces(&project, now_ms).len();
    assert_eq!([pieces(2 * settle_ms - 1), pieces(2 * settle_ms)], [0, 1]);
}

#[test]
fn logs_follow_their_span_or_the_ids_they_carry() {
    let mut world = World::default();
    world.read(&[log(2, 1)]);
    world.read(&[genai(2, 1, "", 2), genai(1, 0, "a", 3)]);
    assert_eq!(told(&world), "a: 1 2.2");
}

#[test]
fn a_trace_becomes_a_conversation_only_where_that_is_configured_and_until_a_name_comes() {
    let times = Times::default();
    let trace = crate::world::TRACE.to_string();
    let mut world = World::default();
    world.read(&[genai(2, 1, "", 0)]);
    world.settle(times.settle_ms - 1, WithoutId::Trace);
    assert_eq!(told(&world), "");
    world.settle(times.settle_ms, WithoutId::Trace);
    assert_eq!(told(&world), format!("{trace}: 2"));
    world.read(&[genai(1, 0, "a", times.settle_ms + 5)]);
    assert_eq!(told(&world), "a: 1 2");
}

#[test]
fn an_error_makes_no_conversation_of_a_trace_and_goes_where_the_rest_of_it_goes() {
    let settle_ms = Times::default().settle_ms;
    let trace = crate::world::TRACE.to_string();
    let mut alone = World::default();
    alone.read(&[other(2, 0, 0), error(2, 0)]);
    alone.settle(2 * settle_ms, WithoutId::Trace);
    assert_eq!(told(&alone), "");
    for due in [0, settle_ms, 3 * settle_ms] {
        // Long before its span ends, or with it.
        let mut world = World::default();
        world.read(&[error(2, 0)]);
        world.settle(due, WithoutId::Trace);
        world.read(&[genai(2, 1, "", due)]);
        world.settle(due + settle_ms, WithoutId::Trace);
        assert_eq!(told(&world), format!("{trace}: 2.2"), "{due}");
        // Of a request below a call.
        let mut world = World::default();
        world.read(&[error(3, 0), other(3, 2, 1)]);
        world.settle(due, WithoutId::Trace);
        world.read(&[genai(2, 1, "", due)]);
        world.settle(due + settle_ms, WithoutId::Trace);
        assert_eq!(told(&world), format!("{trace}: 2 .3"), "{due}");
    }
    let mut named = World::default();
    named.read(&[error(3, 0), other(3, 2, 1), genai(2, 0, "a", 2)]);
    assert_eq!((told(&named), named.links("a")), ("a: 2 .3".to_owned(), 1));
}

#[test]
fn a_span_that_comes_after_the_visit_that_would_have_decided_is_decided_by_the_next() {
    let settle_ms = Times::default().settle_ms;
    let trace = crate::world::TRACE.to_string();
    let mut world = World::default();
    world.read(&[genai(2, 1, "", 0)]);
    let visited_ms = settle_ms + 1_000;
    world.settle(visited_ms, WithoutId::Trace);
    world.read(&[genai(3, 1, "", 500)]);
    assert_eq!(world.due_ms(visited_ms), Some(visited_ms + 1));
    world.settle(visited_ms + 1, WithoutId::Trace);
    assert_eq!(told(&world), format!("{trace}: 2 3"));
}

#[test]
fn cycles_and_self_parents_end() {
    let mut world = World::default();
    world.read(&[genai(1, 2, "", 0), genai(2, 1, "", 0), genai(3, 3, "", 0)]);
    assert_eq!(told(&world), "");
    world.read(&[genai(4, 0, "a", 1)]);
    assert_eq!(told(&world), "a: 1 2 3 4");
}

#[test]
fn links_reach_those_below_them_however_late() {
    let mut world = World::default();
    world.read(&[genai(4, 3, "a", 1)]);
    assert_eq!(world.links("a"), 0);
    world.read(&[other(2, 1, 2)]);
    assert_eq!(world.links("a"), 0, "it is not known to lie above");
    world.read(&[other(3, 2, 3)]);
    assert_eq!(world.links("a"), 2);
    world.read(&[genai(1, 0, "a", 4)]);
    assert_eq!(
        world.links("a"),
        2,
        "a GenAI span is of the conversation itself"
    );
}

fn hinting(record: Record, hint: Hint) -> Record {
    Record {
        hint: Some(hint),
        ..record
    }
}

fn session(number: u8, parent: u8, at_ms: i64) -> Record {
    hinting(other(number, parent, at_ms), Hint::Session("s".into()))
}

#[test]
fn a_request_names_the_session_of_the_calls_below_it_unless_a_call_names_a_conversation() {
    let mut world = World::default();
    world.read(&[session(1, 0, 1)]);
    assert_eq!(told(&world), "", "requests alone are no conversation");
    world.read(&[other(2, 1, 2), genai(3, 2, "", 3), genai(4, 9, "", 4)]);
    assert_eq!(told(&world), "s: 3", "what is not below it stays");
    world.read(&[genai(5, 1, "a", 5)]);
    assert_eq!(told(&world), "a: 3 4 5");
    world.read(&[genai(6, 1, "b", 6)]);
    assert_eq!(told(&world), "a: 5; b: 6; s: 3");
}

#[test]
fn steps_that_carry_ids_of_responses_are_one_conversation_with_all_of_their_trace() {
    let trace = crate::world::TRACE.to_string();
    let step = |number, at_ms| hinting(genai(number, 9, "", at_ms), Hint::Response);
    let mut world = World::default();
    world.read(&[genai(1, 9, "", 1), step(2, 2), step(3, 3)]);
    assert_eq!(told(&world), format!("{trace}: 1 2 3"));
    world.read(&[session(9, 0, 4)]);
    assert_eq!(told(&world), "s: 1 2 3");
    world.read(&[genai(4, 0, "a", 5)]);
    assert_eq!(told(&world), "a: 1 2 3 4");
}

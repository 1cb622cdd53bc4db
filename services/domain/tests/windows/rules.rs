//! Single cases of windows, with their times written out.

use crate::records::{GAP_MS, link, log, span};
use crate::reference::shown;
use domain::conversation::Conversation;
use domain::facts::{Entry, Link};
use domain::limits::Limits;
use domain::prepare::Prepared;
use domain::window::{Closed, Window, Windows};

#[derive(Default)]
struct World {
    conversation: Conversation,
    windows: Windows,
}

impl World {
    /// Of one fact at each of these times.
    fn of(times_ms: &[i64]) -> Self {
        let mut world = Self::default();
        for (number, at_ms) in (1..).zip(times_ms) {
            world.add(&[span(number, 0, *at_ms)]);
        }
        world
    }

    fn add(&mut self, facts: &[Prepared]) -> Entry {
        self.add_linked(facts, &[])
    }

    fn add_linked(&mut self, facts: &[Prepared], links: &[Link]) -> Entry {
        let limits = Limits::default();
        let mut entry = self.conversation.entry_for(facts, links, &limits);
        self.windows.take_in(&self.conversation, &mut entry, GAP_MS);
        self.conversation.apply(entry.clone());
        entry
    }

    fn close(&mut self, watermark_ms: i64) -> Option<Closed> {
        self.windows.close(&self.conversation, watermark_ms, GAP_MS)
    }

    fn open(&self) -> Vec<(i64, i64)> {
        let open = self.windows.open.iter();
        open.map(|window| (window.first_ms, window.last_ms))
            .collect()
    }
}

#[test]
fn a_silence_closes_and_a_late_record_reopens_as_the_next_revision() {
    let mut world = World::of(&[0, 50, 149]);
    assert_eq!(world.windows.due_at_ms(GAP_MS), Some(249));
    assert_eq!(world.close(248), None);
    let first = Closed {
        revision: 1,
        last_ms: 149,
        closed_at_ms: 249,
    };
    assert_eq!(world.close(249), Some(first));
    assert!(!world.windows.is_open());
    let entry = world.add(&[span(9, 0, 10)]);
    assert_eq!(
        entry.spans[0].record_ms, 249,
        "a late record counts as of the closing"
    );
    assert_eq!(world.close(349).map(|closed| closed.revision), Some(2));
}

#[test]
fn records_a_gap_apart_are_two_windows_even_if_both_come_before_the_watermark() {
    let mut world = World::of(&[500, 0]);
    let closed = |revision, last_ms| Closed {
        revision,
        last_ms,
        closed_at_ms: last_ms + GAP_MS,
    };
    assert_eq!(world.close(10_000), Some(closed(1, 0)));
    assert_eq!(world.close(10_000), Some(closed(2, 500)));
    assert_eq!(world.close(10_000), None);
}

#[test]
fn an_earlier_copy_moves_its_fact_into_an_earlier_window() {
    let mut world = World::of(&[0, 70, 230]);
    assert_eq!(world.open(), [(0, 70), (230, 230)]);
    let entry = world.add(&[span(2, 0, 160), span(2, 0, 60)]);
    assert!(entry.spans.is_empty(), "it is known");
    assert_eq!(entry.times.len(), 1);
    assert_eq!(world.open(), [(0, 60), (230, 230)]);
    let again = world.add(&[span(2, 0, 60), span(2, 0, 70), span(2, 0, 90)]);
    assert!(again.is_empty(), "later copies are no news");
}

#[test]
fn an_earlier_copy_of_a_log_counts_likewise() {
    let mut world = World::default();
    world.add(&[log(1, 0, 500), log(1, 1, 20)]);
    let entry = world.add(&[log(1, 0, 30)]);
    assert!(entry.logs.is_empty() && entry.times.len() == 1);
    assert_eq!(world.open(), [(20, 30)]);
}

#[test]
fn a_report_that_a_better_one_overtook_is_no_activity() {
    let mut world = World::of(&[0]);
    world.add(&[span(1, 1, 400)]);
    assert_eq!(world.open(), [(0, 0), (400, 400)]);
    world.add(&[span(1, 2, 90)]);
    assert_eq!(world.open(), [(0, 90)]);
    let overtaken = world.add(&[span(1, 1, 300)]);
    assert!(overtaken.is_empty());
}

#[test]
fn a_revision_shows_the_report_that_was_believed_when_its_window_ended() {
    let mut world = World::of(&[0, 10]);
    world.add(&[span(2, 1, 500)]);
    let first = world.close(1_000).expect("the first window is due");
    let content = shown(&world.conversation.closed_over(&first));
    assert!(content.contains("answer 2.0") && !content.contains("answer 2.1"));
    let second = world.close(1_000).expect("the second window is due");
    let content = shown(&world.conversation.closed_over(&second));
    assert!(!content.contains("answer 2.0") && content.contains("answer 2.1"));
    assert_eq!(content, shown(&world.conversation), "nothing came later");
}

#[test]
fn what_comes_late_changes_no_revision_and_is_news_only_once() {
    let mut world = World::of(&[0, 50]);
    let closed = world.close(200).expect("it is due");
    let content = shown(&world.conversation.closed_over(&closed));
    // A copy of what is closed, a worse report of it, a better one, and a link.
    assert!(world.add(&[span(2, 0, 20)]).is_empty());
    let late = [span(1, 1, 5), log(1, 0, 6)];
    let links = [link(1, 2, 7)];
    assert!(!world.add_linked(&late, &links).is_empty());
    assert!(world.add_linked(&late, &links).is_empty());
    assert_eq!(world.open(), [(150, 150)]);
    assert_eq!(content, shown(&world.conversation.closed_over(&closed)));
    let next = world.close(250).expect("it is due");
    assert_ne!(content, shown(&world.conversation.closed_over(&next)));
    assert!(world.add_linked(&late, &links).is_empty());
    assert!(world.add(&[span(1, 0, 1)]).is_empty());
    assert!(!world.windows.is_open());
}

#[test]
fn a_link_opens_no_window_and_counts_until_the_closing() {
    let mut world = World::of(&[0, 50]);
    world.add_linked(&[], &[link(2, 1, 149), link(1, 0, 150)]);
    assert_eq!(world.open(), [(0, 50)]);
    let closed = world.close(150).expect("it is due");
    let totals = world.conversation.closed_over(&closed).view().totals;
    assert_eq!(totals.missing_parents, 1, "that of span 1 came too late");
    assert_eq!(world.conversation.view().totals.missing_parents, 0);
}

#[test]
fn a_gap_that_was_configured_otherwise_meanwhile_is_the_one_that_counts() {
    let mut world = World::of(&[0, 50, 200]);
    assert_eq!(world.open(), [(0, 50), (200, 200)]);
    let closed = world.windows.close(&world.conversation, 1_000, 300);
    assert_eq!(closed.map(|closed| closed.last_ms), Some(200));
    world.add(&[span(9, 0, 600)]);
    let latest = world.windows.latest(20).expect("one has closed");
    assert_eq!(latest.last_ms, 200, "whatever the gap is by then");
}

#[test]
fn windows_and_entries_of_before_there_were_these_fields_can_be_read() {
    let stored = r#"{"revision":1,"closed_at_ms":150,"open":[{"f":300,"l":320}]}"#;
    let mut windows: Windows = serde_json::from_str(stored).expect("windows deserialise");
    assert_eq!(
        windows.latest(GAP_MS).map(|closed| closed.last_ms),
        Some(50)
    );
    let window = Window {
        first_ms: 300,
        last_ms: 320,
    };
    assert_eq!(windows.open, [window]);
    // What a closed window holds is told apart from what is open by the closing.
    let world = World::of(&[0, 50, 300, 320]);
    let closed = windows.close(&world.conversation, 420, GAP_MS);
    assert_eq!(closed.map(|closed| closed.last_ms), Some(320));
    assert!(!windows.is_open());

    let stored = r#"{"k":[{"k":{"t":"01010101010101010101010101010101","s":"0200000000000001"}}],"x":["01010101010101010101010101010101"]}"#;
    let entry: Entry = serde_json::from_str(stored).expect("entries deserialise");
    let mut conversation = Conversation::default();
    conversation.apply(entry);
    let closed = windows.latest(GAP_MS).expect("one has closed");
    let totals = conversation.closed_over(&closed).view().totals;
    assert_eq!(totals.omitted, 1, "without a time it counts as old");
}

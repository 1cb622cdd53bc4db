//! A store that refuses some spans, or all of a conversation.

use super::super::shares::Piece;
use super::*;
use domain::facts::SpanFact;
use domain::ids::{SpanId, SpanKey};
use domain::limits::Limits;
use domain::prepare::{Fact, Prepared};
use std::collections::BTreeSet;
use store::{Commit, Epoch, Snapshot};

fn span(number: u8) -> Piece {
    let span = SpanFact {
        key: SpanKey {
            span: SpanId([number; 8]),
            ..SpanKey::default()
        },
        is_genai: true,
        record_ms: 1_000,
        ..SpanFact::default()
    };
    Piece::Fact(Prepared {
        fact: Fact::Span(Box::new(span)),
        bodies: Vec::new(),
        nodes: Vec::new(),
    })
}

fn spans(numbers: std::ops::Range<u8>) -> Shares<u8> {
    let mut shares = Shares::default();
    numbers.for_each(|number| shares.push(span(number), number));
    shares
}

fn trouble(remedy: Remedy) -> Trouble {
    Trouble {
        remedy,
        cause: "it is so".to_owned(),
    }
}

#[derive(Default)]
struct Model {
    stored: Option<Snapshot>,
    refused: BTreeSet<u8>,
    unreadable: Option<Remedy>,
    /// What was asked, a letter for each step.
    asked: String,
}

impl Model {
    fn answer(&mut self, step: &Step) -> Result<Outcome, Trouble> {
        self.asked.push(match step {
            Step::Load { .. } => 'l',
            Step::Commit { .. } => 'c',
            _ => '-',
        });
        if let Some(remedy) = self.unreadable {
            return Err(trouble(remedy));
        }
        match step {
            Step::Load { from_entry } => {
                let mut loaded = self.stored.clone();
                if let Some(loaded) = &mut loaded {
                    loaded.entries.drain(..*from_entry as usize);
                }
                Ok(Outcome::Loaded(loaded.map(Box::new)))
            }
            Step::Commit { summary, entry } => {
                let mut keys = entry.iter().flat_map(|entry| &entry.spans);
                if keys.any(|span| self.refused.contains(&span.key.span.0[0])) {
                    return Err(trouble(Remedy::SetApart));
                }
                let before = self.stored.take();
                let mut entries = before.map_or_else(Vec::new, |before| before.entries);
                entries.extend(entry.as_deref().cloned());
                let mut summary = (**summary).clone();
                summary.token = summary.version;
                let token = summary.token;
                self.stored = Some(Snapshot { summary, entries });
                Ok(Outcome::Committed(Commit::Done { token }))
            }
            Step::Verify(_) => Ok(Outcome::Verified(true)),
            Step::HandOn(_) => Ok(Outcome::HandedOn),
            Step::Reset | Step::Done => panic!("nobody asks for that"),
        }
    }

    fn play(
        &mut self,
        shares: Shares<u8>,
        cached: Option<Held>,
        close: Option<Close>,
    ) -> Sifted<u8> {
        let key = ConversationKey {
            project: "shop".to_owned(),
            id: "c".to_owned(),
        };
        let rules = Rules {
            limits: Limits::default(),
            inactivity_gap_ms: 100,
        };
        let mut sifting = Sifting::new(key, shares, None, close, cached, rules);
        let mut outcome = None;
        loop {
            match sifting.next(outcome) {
                Step::Done => return sifting.into_sifted(),
                step => outcome = Some(self.answer(&step)),
            }
        }
    }

    fn spans(&self) -> Vec<u8> {
        let entries = self.stored.iter().flat_map(|stored| &stored.entries);
        let mut spans: Vec<u8> = entries
            .flat_map(|entry| &entry.spans)
            .map(|span| span.key.span.0[0])
            .collect();
        spans.sort_unstable();
        spans
    }
}

fn sorted(mut owners: Vec<u8>) -> Vec<u8> {
    owners.sort_unstable();
    owners
}

#[test]
fn only_what_is_refused_is_given_up_and_all_else_is_written() {
    let mut model = Model {
        refused: [3, 7].into(),
        ..Model::default()
    };
    let sifted = model.play(spans(0..16), None, None);
    let refused = sifted.refused.iter().map(|(owner, _)| *owner).collect();
    assert_eq!(sorted(refused), [3, 7]);
    assert_eq!(sifted.refused[0].1, "it is so");
    let others = [0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    assert_eq!(sorted(sifted.done), others);
    assert_eq!(model.spans(), others);
    assert!(sifted.trouble.is_none());
    let update = sifted.update.expect("it is to be listed");
    assert_eq!(update.summary.totals.spans, 14);
    // By halves, not one by one.
    assert!(model.asked.len() < 30, "{}", model.asked);
}

#[test]
fn a_conversation_that_cannot_be_read_is_left_with_all_that_was_to_be_added() {
    for remedy in [Remedy::SetApart, Remedy::Upgrade] {
        let mut model = Model {
            unreadable: Some(remedy),
            ..Model::default()
        };
        let sifted = model.play(spans(0..9), None, None);
        let (why, left) = sifted.trouble.expect("it is told");
        assert_eq!((why, left.len()), (trouble(remedy), 9));
        assert!(sifted.done.is_empty() && sifted.refused.is_empty());
        assert_eq!(model.asked, "l", "it is asked once");
    }
}

#[test]
fn one_that_is_cached_is_looked_at_before_what_comes_for_it_is_blamed() {
    let mut model = Model::default();
    let cached = model.play(spans(0..2), None, None).held;
    // Something else stands there since.
    model.unreadable = Some(Remedy::SetApart);
    model.asked.clear();
    let sifted = model.play(spans(2..9), cached.clone(), None);
    let (_, left) = sifted.trouble.expect("it is told");
    assert_eq!((left.len(), model.asked.as_str()), (7, "cl"));
    assert!(sifted.refused.is_empty() && sifted.held.is_none());

    model.asked.clear();
    let sifted = model.play(spans(2..3), cached.clone(), None);
    assert!(sifted.trouble.is_some() && sifted.refused.is_empty());
    assert_eq!(model.asked, "cl");

    // It can be read, so what comes for it is to blame.
    (model.unreadable, model.refused) = (None, [2].into());
    model.asked.clear();
    let sifted = model.play(spans(2..3), cached, None);
    assert_eq!(sifted.refused.len(), 1);
    assert!(sifted.trouble.is_none());
    assert_eq!(model.asked, "clc");
}

#[test]
fn what_is_to_be_closed_is_closed_though_something_is_refused() {
    let close = Close {
        watermark_ms: i64::MAX,
        epoch: Epoch::named("of no store"),
    };
    let mut model = Model {
        refused: [2].into(),
        ..Model::default()
    };
    let sifted = model.play(spans(0..3), None, Some(close));
    assert_eq!(sorted(sifted.done), [0, 1]);
    let update = sifted.update.expect("it is to be listed");
    assert_eq!(update.summary.windows.revision, 1);
}

#[test]
fn one_that_cannot_be_closed_has_what_was_added_before() {
    let mut model = Model::default();
    let close = Close {
        watermark_ms: i64::MAX,
        epoch: Epoch::named("of no store"),
    };
    let key = ConversationKey {
        project: "shop".to_owned(),
        id: "c".to_owned(),
    };
    let rules = Rules {
        limits: Limits::default(),
        inactivity_gap_ms: 100,
    };
    let mut sifting = Sifting::new(key, spans(0..3), None, Some(close), None, rules);
    let mut outcome = None;
    let mut commits = 0;
    loop {
        let step = sifting.next(outcome);
        if let Step::Done = step {
            break;
        }
        commits += u32::from(matches!(step, Step::Commit { .. }));
        outcome = Some(match commits {
            2 => Err(trouble(Remedy::SetApart)),
            _ => model.answer(&step),
        });
    }
    let sifted = sifting.into_sifted();
    assert_eq!(
        (sorted(sifted.done), model.spans()),
        (vec![0, 1, 2], vec![0, 1, 2])
    );
    let (_, left) = sifted.trouble.expect("it is told");
    assert!(left.is_empty() && sifted.update.is_some());
}

#[test]
fn halves_keep_pieces_and_owners_together() {
    let mut shares = Shares::default();
    for number in 0..5 {
        shares.push(span(number), number);
        let moved = domain::facts::Move {
            key: SpanKey {
                span: SpanId([number; 8]),
                ..SpanKey::default()
            },
            rank: domain::trace::Rank {
                reports: 1,
                earliness: 0,
                given: 0,
            },
            is_precaution: false,
            during: Vec::new(),
        };
        shares.push(Piece::Move(moved), 100 + number);
    }
    let (first, second) = shares.halves();
    for (half, owners, moved) in [
        (first, vec![0, 100, 1, 101, 2], vec![0, 1]),
        (second, vec![102, 3, 103, 4, 104], vec![2, 3, 4]),
    ] {
        let (news, its) = half.into_parts();
        assert_eq!(its.into_vec(), owners);
        let keys = news.moves.iter().map(|moved| moved.key.span.0[0]);
        assert_eq!(keys.collect::<Vec<_>>(), moved);
    }
}

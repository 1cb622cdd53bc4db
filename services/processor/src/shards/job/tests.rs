//! What is given out of conversations whose spans prove to belong elsewhere.

use super::*;
use domain::facts::SpanFact;
use domain::ids::{SpanId, SpanKey};
use domain::prepare::Fact;
use domain::trace::Rank;

const GAP_MS: i64 = 100;

/// A span without an id of its own.
fn guest() -> Prepared {
    let span = SpanFact {
        key: SpanKey {
            span: SpanId([7; 8]),
            ..SpanKey::default()
        },
        is_genai: true,
        lacks_id: true,
        record_ms: 1_000,
        ..SpanFact::default()
    };
    Prepared {
        fact: Fact::Span(Box::new(span)),
        bodies: Vec::new(),
        nodes: Vec::new(),
    }
}

fn gone_at(until_ms: i64) -> Move {
    Move {
        key: guest().fact.key(),
        rank: Rank {
            reports: 2,
            earliness: 0,
            given: 0,
        },
        is_precaution: false,
        during: vec![(1_000, Some(until_ms))],
    }
}

/// Does the work, after which all windows close, and returns the revisions that are published: number, and spans.
fn published(held: &mut Option<Held>, news: News) -> Vec<(u32, u32)> {
    let mut published: Vec<(u32, u32)> = Vec::new();
    let mut news = Some(news);
    loop {
        let confirmed = published.last().map(|(revision, _)| *revision);
        match handed_on(held, news.take().unwrap_or_default(), confirmed) {
            Some(revision) => published.push(revision),
            None => return published,
        }
    }
}

/// One job; the revision that it hands on.
fn handed_on(held: &mut Option<Held>, news: News, confirmed: Option<u32>) -> Option<(u32, u32)> {
    let key = ConversationKey {
        project: "shop".to_owned(),
        id: "c".to_owned(),
    };
    let close = Close {
        watermark_ms: i64::MAX,
        epoch: Epoch::named("of no store"),
    };
    let rules = Rules {
        limits: Limits::default(),
        inactivity_gap_ms: GAP_MS,
    };
    let mut job = Job::new(key, news, confirmed, Some(close), held.clone(), rules);
    let mut handed_on = None;
    let mut outcome = None;
    loop {
        outcome = Some(match job.next(outcome) {
            // What a job before has committed.
            Step::Load => Outcome::Loaded(held.take().map(|held| Box::new(stored(held)))),
            Step::Verify(_) => Outcome::Verified(true),
            Step::Commit { summary, .. } => Outcome::Committed(Commit::Done {
                token: summary.version,
            }),
            Step::HandOn(closed) => {
                let view = job.view_of(&closed).expect("it is loaded");
                handed_on = Some((closed.revision, view.totals.spans));
                Outcome::HandedOn
            }
            Step::Reset => panic!("all can be read"),
            Step::Done => break,
        });
    }
    *held = job.into_parts().0;
    handed_on
}

/// As it comes from the store: all facts in one entry.
fn stored(held: Held) -> Snapshot {
    let facts: Vec<Prepared> = vec![guest()];
    let mut entry = Conversation::default().entry_for(&facts, &[], &Limits::default());
    entry.moves = vec![gone_at(5_000)]
        .into_iter()
        .filter(|_| held.conversation.present().is_empty())
        .collect();
    Snapshot {
        summary: Summary {
            entries: 1,
            ..held.summary
        },
        entries: vec![entry],
    }
}

#[test]
fn one_that_was_emptied_before_it_closed_is_not_published() {
    let mut held = None;
    let news = News {
        facts: vec![guest()],
        moves: vec![gone_at(1_050)],
        ..News::default()
    };
    assert_eq!(published(&mut held, news), []);
    let held = held.expect("it is stored");
    assert!(held.summary.totals.is_empty && !held.summary.windows.is_open());
    assert_eq!(
        held.summary.due_at_ms(GAP_MS),
        None,
        "nothing is to be done"
    );
}

#[test]
fn one_that_was_published_before_it_was_emptied_is_published_as_empty() {
    let mut held = None;
    let news = News {
        facts: vec![guest()],
        ..News::default()
    };
    assert_eq!(published(&mut held, news), [(1, 1)]);
    let news = News {
        moves: vec![gone_at(5_000)],
        ..News::default()
    };
    assert_eq!(published(&mut held, news), [(2, 0)]);
}

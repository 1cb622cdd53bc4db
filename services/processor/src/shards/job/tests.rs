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
        },
        during: vec![(1_000, Some(until_ms))],
    }
}

/// Does the work, after which all windows close, and returns the revisions that are published: number, and spans.
fn published(held: &mut Option<Held>, news: News) -> Vec<(u32, u32)> {
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
    let mut job = Job::new(key, news, Some(close), held.take(), rules);
    let mut published = Vec::new();
    let mut outcome = None;
    loop {
        outcome = Some(match job.next(outcome) {
            Step::Load => Outcome::Loaded(None),
            Step::Verify(_) => Outcome::Verified(true),
            Step::Commit { summary, .. } => Outcome::Committed(Commit::Done {
                token: summary.version,
            }),
            Step::Publish { closed, view } => {
                published.push((closed.revision, view.totals.spans));
                Outcome::Published(true)
            }
            Step::Reset => panic!("all can be read"),
            Step::Done => break,
        });
    }
    *held = job.into_parts().0;
    published
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

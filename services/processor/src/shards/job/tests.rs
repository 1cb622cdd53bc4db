//! What is given out of conversations whose spans prove to belong elsewhere.

use super::*;
use domain::conversation::Conversation;
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

fn key() -> ConversationKey {
    ConversationKey {
        project: "shop".to_owned(),
        id: "c".to_owned(),
    }
}

fn rules() -> Rules {
    Rules {
        limits: Limits::default(),
        inactivity_gap_ms: GAP_MS,
    }
}

/// What is stored, by jobs that keep nothing in memory.
#[derive(Default)]
struct Stored {
    summary: Option<Summary>,
    entries: Vec<Entry>,
}

impl Stored {
    /// Does the work, after which all windows close, and returns the revisions that are published: number, and spans.
    fn published(&mut self, news: News) -> Vec<(u32, u32)> {
        let mut published: Vec<(u32, u32)> = Vec::new();
        let mut news = Some(news);
        loop {
            let confirmed = published.last().map(|(revision, _)| *revision);
            match self.handed_on(news.take().unwrap_or_default(), confirmed) {
                Some(revision) => published.push(revision),
                None => return published,
            }
        }
    }

    /// One job; the revision that it hands on.
    fn handed_on(&mut self, news: News, confirmed: Option<u32>) -> Option<(u32, u32)> {
        let close = Close {
            watermark_ms: i64::MAX,
            epoch: Epoch::named("of no store"),
        };
        let mut job = Job::new(key(), news, confirmed, Some(close), None, rules());
        let mut handed_on = None;
        let mut outcome = None;
        loop {
            outcome = Some(match job.next(outcome) {
                Step::Load { .. } => Outcome::Loaded(self.summary.clone().map(|summary| {
                    let entries = self.entries.clone();
                    Box::new(Snapshot { summary, entries })
                })),
                Step::Verify(_) => Outcome::Verified(true),
                Step::Commit { summary, entry } => {
                    let token = summary.version;
                    self.summary = Some(Summary { token, ..*summary });
                    self.entries.extend(entry.map(|entry| *entry));
                    Outcome::Committed(Commit::Done { token })
                }
                Step::HandOn(closed) => {
                    let view = job.view_of(&closed).expect("it is loaded");
                    handed_on = Some((closed.revision, view.totals.spans));
                    Outcome::HandedOn
                }
                Step::Reset => panic!("all can be read"),
                Step::Done => return handed_on,
            });
        }
    }
}

#[test]
fn one_that_was_emptied_before_it_closed_is_not_published() {
    let mut stored = Stored::default();
    let news = News {
        facts: vec![guest()],
        moves: vec![gone_at(1_050)],
        ..News::default()
    };
    assert_eq!(stored.published(news), []);
    let summary = stored.summary.expect("it is stored");
    assert!(summary.totals.is_empty && !summary.windows.is_open());
    assert_eq!(summary.due_at_ms(GAP_MS), None, "nothing is to be done");
}

#[test]
fn one_that_was_published_before_it_was_emptied_is_published_as_empty() {
    let mut stored = Stored::default();
    let news = News {
        facts: vec![guest()],
        ..News::default()
    };
    assert_eq!(stored.published(news), [(1, 1)]);
    let news = News {
        moves: vec![gone_at(5_000)],
        ..News::default()
    };
    assert_eq!(stored.published(news), [(2, 0)]);
}

/// Another writer's commits, one span each, on a conversation of one span; what the job asks to be loaded, and how many
/// spans it has in the end.
fn contested(
    held: &mut Option<Held>,
    log: &mut Vec<Entry>,
    stored_version: Option<u64>,
) -> Vec<u64> {
    let mut known = held.clone().expect("it is cached");
    let news = |number| News {
        facts: vec![numbered(number)],
        ..News::default()
    };
    let news_of_job = news(log.len() as u8 + 100);
    let mut job = Job::new(key(), news_of_job, None, None, held.take(), rules());
    let mut loads = Vec::new();
    let mut has_conflict = false;
    let mut outcome = None;
    loop {
        outcome = Some(match job.next(outcome) {
            Step::Load { from_entry } => {
                loads.push(from_entry);
                Outcome::Loaded(Some(Box::new(Snapshot {
                    summary: known.summary.clone(),
                    entries: log[from_entry as usize..].to_vec(),
                })))
            }
            Step::Commit { entry, .. } if has_conflict => {
                log.extend(entry.map(|entry| *entry));
                Outcome::Committed(Commit::Done { token: 1 })
            }
            Step::Commit { .. } => {
                has_conflict = true;
                log.push(Conversation::default().entry_for(
                    &news(log.len() as u8).facts,
                    &[],
                    &Limits::default(),
                ));
                known.summary.version += 1;
                known.summary.entries += 1;
                let version = stored_version.unwrap_or(known.summary.version);
                Outcome::Committed(Commit::Conflict { version })
            }
            Step::Done => break,
            step => panic!("nobody asks for {step:?}"),
        });
    }
    *held = job.into_parts().0;
    loads
}

fn numbered(number: u8) -> Prepared {
    let mut prepared = guest();
    if let Fact::Span(span) = &mut prepared.fact {
        span.key.span = SpanId([number; 8]);
        span.lacks_id = false;
    }
    prepared
}

#[test]
fn of_a_conversation_that_others_write_only_what_is_new_is_loaded() {
    let (mut held, mut log) = (Some(Held::nothing(&key())), Vec::new());
    assert_eq!(
        contested(&mut held, &mut log, None),
        [0],
        "nobody expects it"
    );
    assert_eq!(contested(&mut held, &mut log, None), [2]);
    assert_eq!(contested(&mut held, &mut log, None), [4]);
    let held = held.expect("it is stored");
    let spans = held.conversation.spans_in_order().len();
    assert_eq!((spans, log.len()), (6, 6), "all of both writers");
    assert_eq!(held.summary.entries, 6);
}

#[test]
fn when_the_store_has_lost_what_was_known_all_of_it_is_loaded() {
    let (mut held, mut log) = (Some(Held::nothing(&key())), Vec::new());
    contested(&mut held, &mut log, None);
    // What is stored is of no higher version than what was known.
    assert_eq!(contested(&mut held, &mut log, Some(1)), [0]);
    // It was when the conflict was told, and is not any more.
    let mut known = held.expect("it is stored");
    known.summary.version += 10;
    let mut held = Some(known.clone());
    let mut job_held = known;
    job_held.summary.version -= 10;
    let higher = held.as_ref().map(|held| held.summary.version + 1);
    let loads = falls_back(&mut held, &log, &job_held, higher);
    assert_eq!(loads, [4, 0]);
}

/// A conflict with a version that is gone when it is loaded.
fn falls_back(
    held: &mut Option<Held>,
    log: &[Entry],
    stored: &Held,
    told: Option<u64>,
) -> Vec<u64> {
    let news = News {
        facts: vec![numbered(200)],
        ..News::default()
    };
    let key = stored.summary.key.clone();
    let mut job = Job::new(key, news, None, None, held.take(), rules());
    let mut loads = Vec::new();
    let mut version = told;
    let mut outcome = None;
    loop {
        outcome = Some(match job.next(outcome) {
            Step::Load { from_entry } => {
                loads.push(from_entry);
                Outcome::Loaded(Some(Box::new(Snapshot {
                    summary: stored.summary.clone(),
                    entries: log[from_entry as usize..].to_vec(),
                })))
            }
            Step::Commit { .. } => Outcome::Committed(match version.take() {
                Some(version) => Commit::Conflict { version },
                None => Commit::Done { token: 1 },
            }),
            Step::Done => return loads,
            step => panic!("nobody asks for {step:?}"),
        });
    }
}

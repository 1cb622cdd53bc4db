//! What holds in every order of arrival.

use crate::chats::{Told as _, assistant, call, user};
use crate::world::{at_once, one_by_one};
use domain::ids::SpanKey;
use domain::span::Span;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A chat of which every turn is said by nobody else.
fn distinct_chat(chat: u64, turns: u64) -> Vec<Span> {
    let mut history = Vec::new();
    let mut spans = Vec::new();
    for turn in 0..turns {
        history.push(user(&format!("question {turn} of {chat}")));
        let answer = assistant(&format!("answer {turn}"));
        let number = 100 * chat + turn + 1;
        spans.push(call(
            number,
            20 * number as i64,
            &history,
            Some(answer.clone()),
        ));
        history.push(answer);
    }
    spans
}

fn partition(conversations: &BTreeMap<SpanKey, String>) -> BTreeSet<BTreeSet<SpanKey>> {
    let mut by_conversation: BTreeMap<&str, BTreeSet<SpanKey>> = BTreeMap::new();
    for (key, id) in conversations {
        by_conversation.entry(id).or_default().insert(*key);
    }
    by_conversation.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Where the words tell everything, all orders give the same conversations, with the same ids.
    #[test]
    fn order_does_not_matter_where_words_tell(
        turns in prop::collection::vec(1u64..6, 1..5),
        order in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let chats = turns.iter().zip(1..).map(|(turns, chat)| distinct_chat(chat, *turns));
        let spans: Vec<Span> = chats.flatten().collect();
        let truth: BTreeSet<BTreeSet<SpanKey>> = turns
            .iter()
            .zip(1..)
            .map(|(turns, chat)| distinct_chat(chat, *turns).iter().map(|span| span.key).collect())
            .collect();
        let mut shuffled = spans.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        shuffled.rotate_left(order.index(spans.len()));
        let told = at_once(&shuffled);
        prop_assert_eq!(&partition(&told), &truth);
        prop_assert_eq!(told, at_once(&spans));
        // However late: pieces of one chat may then stay apart, and never meet another's.
        for part in partition(&one_by_one(&shuffled)) {
            prop_assert!(truth.iter().any(|chat| part.is_subset(chat)));
        }
    }

    /// Users of few words: whatever comes when, one conversation is of one user, and each of its histories is his.
    #[test]
    fn users_of_few_words_never_meet(
        words in prop::collection::vec((0u8..3, prop::collection::vec(0u8..2, 1..4)), 1..6),
        seed in any::<u64>(),
        is_late in any::<bool>(),
    ) {
        let mut spans = Vec::new();
        let mut said: BTreeMap<SpanKey, u8> = BTreeMap::new();
        for (chat, (who, questions)) in words.iter().enumerate() {
            let mut history = Vec::new();
            for (turn, question) in questions.iter().enumerate() {
                history.push(user(["yes", "no"][usize::from(*question)]));
                let number = 10 * chat as u64 + turn as u64 + 1;
                let span = call(number, 7 * number as i64, &history, Some(assistant("ok")));
                said.insert(span.key, *who);
                spans.push(span.by(&format!("user {who}")));
                history.push(assistant("ok"));
            }
        }
        fastrand::Rng::with_seed(seed).shuffle(&mut spans);
        let told = if is_late { one_by_one(&spans) } else { at_once(&spans) };
        prop_assert_eq!(told.len(), spans.len());
        for part in partition(&told) {
            let users: BTreeSet<u8> = part.iter().map(|key| said[key]).collect();
            prop_assert_eq!(users.len(), 1);
        }
    }
}

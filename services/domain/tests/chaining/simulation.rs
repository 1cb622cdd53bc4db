//! Many people at once, several processors, spans out of order: nobody's words come into somebody else's conversation, and
//! whoever can be told from the others is told exactly.
//!
//! `CHAINING_SEED=<seed>` plays one gathering alone.

use crate::people::{Attributes, Chat, Gathering};
use crate::world::{CHAIN_WAIT_MS, Processor, Record, SETTLE_MS, Store};
use domain::ids::SpanKey;
use domain::message::Message;
use domain::span::Span;
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const GATHERINGS: u64 = 600;
const PROCESSORS: usize = 3;
/// How far a processor may be behind, and an exporter late: together less than a wait.
const LAG_MS: i64 = 20_000;
const EXPORT_MS: i64 = 5_000;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told which gathering to play"
)]
fn nobody_meets_somebody_elses_words() {
    if let Ok(seed) = std::env::var("CHAINING_SEED") {
        let seed = seed.parse().expect("CHAINING_SEED must be a number");
        return play(seed).unwrap_or_else(|difference| panic!("{difference}"));
    }
    let failed: Vec<(u64, String)> = (1..=GATHERINGS)
        .filter_map(|seed| play(seed).err().map(|difference| (seed, difference)))
        .collect();
    if let Some((seed, difference)) = failed.iter().min_by_key(|(_, difference)| difference.len()) {
        panic!(
            "{} of {GATHERINGS} gatherings went wrong; CHAINING_SEED={seed}:\n{difference}",
            failed.len()
        );
    }
}

fn play(seed: u64) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let gathering = Gathering::invent(&mut rng);
    let conversations = deliver(&gathering, &mut rng).conversations();
    check(&gathering, &conversations)
        .map_err(|difference| format!("{difference}\n{}", told(&gathering, &conversations)))
}

/// Reads everything by several processors, each behind by its own lag, some of them restarted, their rounds interleaved.
fn deliver(gathering: &Gathering, rng: &mut Rng) -> Store {
    let mut topics: Vec<Vec<Record>> = vec![Vec::new(); PROCESSORS];
    for span in gathering.chats.iter().flat_map(|chat| &chat.spans) {
        let [.., last] = span.key.trace.0;
        let record = Record {
            at_ms: span.end_ns / 1_000_000 + rng.i64(0..EXPORT_MS),
            span: span.clone(),
        };
        topics[usize::from(last) % PROCESSORS].push(record);
    }
    let mut topics: Vec<VecDeque<Record>> = topics
        .into_iter()
        .map(|mut records| {
            records.sort_by_key(|record| record.at_ms);
            records.into()
        })
        .collect();
    let lags_ms: Vec<i64> = (0..PROCESSORS).map(|_| rng.i64(0..LAG_MS)).collect();
    let mut processors: Vec<Processor> = (0..PROCESSORS).map(|_| Processor::new()).collect();
    let mut store = Store::default();
    let start_s = crate::chats::START_S;
    let end_s = gathering.end_s + 2 * (SETTLE_MS + 2 * CHAIN_WAIT_MS + LAG_MS) / 1_000;
    for now_s in (0..end_s).step_by(2) {
        for (processor, (records, lag_ms)) in
            processors.iter_mut().zip(topics.iter_mut().zip(&lags_ms))
        {
            let now_ms = (start_s + now_s) * 1_000 - lag_ms;
            while records.front().is_some_and(|record| record.at_ms <= now_ms) {
                let record = records.pop_front().expect("one is there");
                processor.read(record, &mut store);
            }
            if rng.u8(..100) == 0 {
                processor.restart(&mut store);
            }
            processor.pass(now_ms, &store);
        }
        decide(&mut processors, &mut store, rng);
    }
    store
}

/// Until nobody has anything left to decide. One may read before another writes.
fn decide(processors: &mut [Processor], store: &mut Store, rng: &mut Rng) {
    loop {
        let mut rounds: Vec<_> = processors
            .iter_mut()
            .map(|processor| processor.begin_round(store))
            .collect();
        if rounds.iter().all(Option::is_none) {
            return;
        }
        let mut order: Vec<usize> = (0..processors.len()).collect();
        rng.shuffle(&mut order);
        for index in order {
            if let Some(round) = rounds[index].take() {
                processors[index].end_round(round, store);
            }
        }
    }
}

/// What a call says, by which one person's calls are told from another's if at all.
type Words = (Vec<[u8; 16]>, Vec<[u8; 16]>, String);

fn words(span: &Span, attributes: Attributes) -> Words {
    let identities = |messages: &[Message]| {
        messages
            .iter()
            .map(|message| message.identity().0)
            .collect()
    };
    let who = match attributes {
        Attributes::Nothing | Attributes::AnyInstance => String::new(),
        Attributes::User => span.user.id.clone().unwrap_or_default(),
        Attributes::OwnInstance => span.resource["service.instance.id"].to_string(),
    };
    (
        identities(&span.content.input),
        identities(&span.content.output),
        who,
    )
}

fn check(gathering: &Gathering, conversations: &BTreeMap<SpanKey, String>) -> Result<(), String> {
    let mut members: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in gathering.chats.iter().flat_map(|chat| &chat.spans) {
        let Some(id) = conversations.get(&span.key) else {
            return Err(format!("{} came to no conversation", span.key));
        };
        members.entry(id).or_default().push(span);
    }
    for (id, spans) in &members {
        if !gathering
            .chats
            .iter()
            .any(|chat| is_part(spans, chat, gathering.attributes))
        {
            return Err(format!("{id} holds what no single person said"));
        }
    }
    for (number, chat) in gathering
        .chats
        .iter()
        .enumerate()
        .filter(|(_, chat)| chat.is_determinable)
    {
        let keys: BTreeSet<SpanKey> = chat.spans.iter().map(|span| span.key).collect();
        let ids: BTreeSet<&String> = keys.iter().map(|key| &conversations[key]).collect();
        let all: BTreeSet<SpanKey> = ids
            .iter()
            .flat_map(|id| members[id.as_str()].iter().map(|span| span.key))
            .collect();
        if ids.len() != 1 || all != keys {
            return Err(format!(
                "chat {} is told as {} conversations or with others",
                number + 1,
                ids.len()
            ));
        }
    }
    Ok(())
}

/// Whether one person said all of it, as far as anybody could tell.
fn is_part(spans: &[&Span], chat: &Chat, attributes: Attributes) -> bool {
    let mut said: Vec<Words> = chat
        .spans
        .iter()
        .map(|span| words(span, attributes))
        .collect();
    spans.iter().all(|span| {
        let wanted = words(span, attributes);
        let found = said.iter().position(|words| *words == wanted);
        found.map(|index| said.swap_remove(index)).is_some()
    })
}

fn told(gathering: &Gathering, conversations: &BTreeMap<SpanKey, String>) -> String {
    let mut lines = vec![format!("{:?}", gathering.attributes)];
    for (number, chat) in gathering.chats.iter().enumerate() {
        lines.push(format!(
            "-- chat {} (determinable: {}) --",
            number + 1,
            chat.is_determinable
        ));
        for span in &chat.spans {
            let id = conversations.get(&span.key).map_or("-", String::as_str);
            let texts: Vec<String> = span
                .content
                .input
                .iter()
                .chain(&span.content.output)
                .map(|message| {
                    message.text().map_or("..".to_owned(), |text| {
                        text.trim().chars().take(24).collect()
                    })
                })
                .collect();
            let at_s = span.start_ns / crate::chats::SECOND_NS - crate::chats::START_S;
            let id: String = id
                .chars()
                .rev()
                .take(8)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            lines.push(format!(
                "{at_s:>4}s {id} {:?} {}",
                span.operation,
                texts.join(" | ")
            ));
        }
    }
    lines.join("\n")
}

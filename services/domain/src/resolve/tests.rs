use super::*;
use proptest::prelude::*;

const TRACE: TraceId = TraceId([1; 16]);
const WAIT_MS: i64 = 1_000;

fn id(number: u8) -> SpanId {
    SpanId([number; 8])
}

fn resolver() -> Resolver<u8> {
    Resolver::new(Settings {
        wait_ms: WAIT_MS,
        ..Settings::default()
    })
}

fn span(number: u8, parent: u8, conversation: &str, kind: Kind) -> Offer<u8> {
    Offer {
        item: number,
        project: "shop".into(),
        key: SpanKey {
            trace: TRACE,
            span: id(number),
        },
        parent: (parent != 0).then(|| id(parent)),
        conversation_id: (!conversation.is_empty()).then(|| conversation.to_owned()),
        kind,
        is_call: true,
        without_id: WithoutId::Drop,
        bytes: 1,
        record_ms: 0,
    }
}

fn genai(number: u8, parent: u8, conversation: &str) -> Offer<u8> {
    span(number, parent, conversation, Kind::GenAiSpan)
}

/// Which conversation each item went to; unassigned ones under "".
fn decided(outcomes: impl IntoIterator<Item = Outcome<u8>>) -> Vec<(u8, String)> {
    let decisions = outcomes.into_iter().flat_map(|outcome| outcome.decisions);
    let mut decided: Vec<_> = decisions
        .map(|decision| match decision {
            Decision::Assigned {
                item, conversation, ..
            } => (item, conversation.id),
            Decision::Unassigned { item } => (item, String::new()),
            Decision::Chain(piece) => (piece.item, "(by history)".to_owned()),
        })
        .collect();
    decided.sort();
    decided
}

fn pair(item: u8, conversation: &str) -> (u8, String) {
    (item, conversation.to_owned())
}

#[test]
fn a_child_waits_for_its_parent_and_takes_the_nearest_id() {
    let mut resolver = resolver();
    assert_eq!(decided([resolver.offer(genai(3, 2, ""), 0)]), []);
    assert_eq!(
        decided([resolver.offer(span(2, 1, "", Kind::OtherSpan), 0)]),
        [pair(2, "")]
    );
    assert_eq!(
        decided([resolver.offer(genai(1, 0, "chat"), 0)]),
        [pair(1, "chat"), pair(3, "chat")]
    );
    assert_eq!(resolver.waiting_count(), 0);
    assert_eq!(resolver.waiting_bytes(), 0);
}

#[test]
fn without_a_named_ancestor_the_only_conversation_of_the_trace_counts_when_the_wait_is_over() {
    let mut resolver = resolver();
    resolver.offer(genai(2, 9, ""), 0);
    resolver.offer(genai(3, 0, "chat"), 0);
    assert_eq!(decided([resolver.tick(WAIT_MS - 1)]), []);
    assert_eq!(decided([resolver.tick(WAIT_MS)]), [pair(2, "chat")]);
    resolver.offer(genai(4, 9, ""), WAIT_MS);
    resolver.offer(genai(5, 0, "other"), WAIT_MS);
    assert_eq!(
        decided([resolver.tick(2 * WAIT_MS)]),
        [pair(4, "")],
        "two conversations: it could be either's"
    );
}

#[test]
fn log_records_follow_their_span() {
    let mut resolver = resolver();
    assert_eq!(decided([resolver.offer(span(2, 0, "", Kind::Log), 0)]), []);
    resolver.offer(genai(2, 1, ""), 0);
    assert_eq!(decided([resolver.offer(genai(1, 0, "chat"), 0)]).len(), 3);
}

#[test]
fn a_trace_becomes_a_conversation_only_where_that_is_configured() {
    let mut resolver = resolver();
    let offer = Offer {
        without_id: WithoutId::Trace,
        ..genai(1, 0, "")
    };
    resolver.offer(offer, 0);
    assert_eq!(decided([resolver.tick(WAIT_MS)]), [(1, TRACE.to_string())]);
}

#[test]
fn cycles_and_self_parents_end() {
    let mut resolver = resolver();
    resolver.offer(genai(1, 2, ""), 0);
    resolver.offer(genai(2, 1, ""), 0);
    resolver.offer(genai(3, 3, ""), 0);
    assert_eq!(
        decided([resolver.tick(WAIT_MS)]),
        [pair(1, ""), pair(2, ""), pair(3, "")]
    );
}

#[test]
fn conversations_learn_the_links_between_their_spans() {
    let mut resolver = resolver();
    let links = |outcome: Outcome<u8>| -> Vec<SpanId> {
        let late = outcome.links.iter().map(|(_, link)| link.key.span);
        late.collect()
    };
    assert_eq!(links(resolver.offer(genai(4, 3, "chat"), 0)), []);
    assert_eq!(
        links(resolver.offer(span(2, 1, "", Kind::OtherSpan), 0)),
        [],
        "nobody asked for it yet"
    );
    assert_eq!(
        links(resolver.offer(span(3, 2, "", Kind::OtherSpan), 0)),
        [id(3), id(2)]
    );
    assert_eq!(
        links(resolver.offer(genai(1, 0, "chat"), 0)),
        [],
        "a GenAI span is of the conversation itself"
    );
}

#[test]
fn a_restarted_process_still_tells_conversations_of_links_that_come_late() {
    let mut first = resolver();
    first.offer(genai(3, 2, "chat"), 0);
    let saved: Vec<SpanLink> = first
        .take_unsaved()
        .into_iter()
        .map(|(_, link)| link)
        .collect();
    let mut second = resolver();
    assert!(!second.knows(&TRACE));
    second.restore(TRACE, saved, 0);
    let late = second.offer(span(2, 1, "", Kind::OtherSpan), 0).links;
    assert_eq!(
        late.iter()
            .map(|(_, link)| link.key.span)
            .collect::<Vec<_>>(),
        [id(2)]
    );
}

#[test]
fn what_another_process_knew_releases_what_waits_here() {
    let mut first = resolver();
    first.offer(genai(1, 0, "chat"), 0);
    let saved: Vec<SpanLink> = first
        .take_unsaved()
        .into_iter()
        .map(|(_, link)| link)
        .collect();
    let mut second = resolver();
    second.offer(genai(2, 1, ""), 0);
    assert_eq!(second.waiting_traces(WAIT_MS), [TRACE]);
    assert_eq!(
        decided([second.restore(TRACE, saved, 0)]),
        [pair(2, "chat")]
    );
}

#[test]
fn bounds_decide_early_and_lose_nothing() {
    let settings = Settings {
        waiting_bytes_max: 2,
        traces_max: 1,
        wait_ms: WAIT_MS,
        ..Settings::default()
    };
    let mut resolver = Resolver::new(settings);
    let mut outcomes: Vec<_> = (2..=4)
        .map(|number| resolver.offer(genai(number, 1, ""), 0))
        .collect();
    assert_eq!(resolver.waiting_count(), 2);
    let other = SpanKey {
        trace: TraceId([2; 16]),
        span: id(9),
    };
    outcomes.push(resolver.offer(
        Offer {
            key: other,
            ..genai(9, 1, "")
        },
        1,
    ));
    assert_eq!(resolver.trace_count(), 1);
    outcomes.push(resolver.tick(10 * WAIT_MS));
    assert_eq!(
        decided(outcomes),
        [pair(2, ""), pair(3, ""), pair(4, ""), pair(9, "")]
    );
    assert_eq!(resolver.waiting_bytes(), 0);
}

proptest! {
    #[test]
    fn every_item_is_decided_once_and_alike_in_any_order(
        parents in prop::collection::vec(0u8..12, 1..12),
        named in prop::collection::vec(0u8..4, 12),
        order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let offers = |order: &[usize]| {
            let mut resolver = resolver();
            let mut outcomes = Vec::new();
            for index in order.iter().filter(|index| **index < parents.len()) {
                let conversation = ["", "", "a", "b"][named[*index] as usize];
                outcomes.push(resolver.offer(genai(*index as u8 + 1, parents[*index], conversation), 0));
            }
            outcomes.push(resolver.tick(WAIT_MS));
            assert_eq!(resolver.waiting_count(), 0);
            decided(outcomes)
        };
        let sorted: Vec<usize> = (0..12).collect();
        let one = offers(&sorted);
        prop_assert_eq!(one.len(), parents.len());
        prop_assert_eq!(one, offers(&order));
    }
}

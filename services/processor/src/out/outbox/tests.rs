use super::*;

fn key(id: &str) -> ConversationKey {
    ConversationKey {
        project: "shop".to_owned(),
        id: id.to_owned(),
    }
}

fn put(outbox: &mut Outbox<()>, id: &str, now_ms: i64) -> bool {
    outbox.put(key(id), 1, (), now_ms)
}

fn sent(outbox: &mut Outbox<()>) -> Vec<String> {
    std::iter::from_fn(|| outbox.send_next())
        .map(|(key, ())| key.id)
        .collect()
}

fn fails(outbox: &mut Outbox<()>, id: &str, now_ms: i64) {
    outbox.failed(&key(id), "refused".to_owned(), now_ms);
}

#[test]
fn revisions_are_sent_in_order_and_stay_until_the_store_knows() {
    let mut outbox = Outbox::default();
    assert!(put(&mut outbox, "a", 0) && put(&mut outbox, "b", 0));
    assert_eq!(sent(&mut outbox), ["a", "b"]);
    outbox.delivered(&key("a"));
    assert!(
        !put(&mut outbox, "a", 1),
        "found due before the store knew of it"
    );
    outbox.settled(&key("a"), 1);
    assert!(!outbox.holds(&key("a")) && outbox.holds(&key("b")));
}

#[test]
fn the_next_revision_follows_one_that_was_delivered_and_no_other() {
    let mut outbox = Outbox::default();
    assert!(put(&mut outbox, "a", 0));
    assert!(!outbox.put(key("a"), 2, (), 0), "the first one waits");
    assert_eq!(sent(&mut outbox), ["a"]);
    assert!(!outbox.put(key("a"), 2, (), 0), "the first one is sent");
    outbox.delivered(&key("a"));
    assert!(outbox.put(key("a"), 2, (), 0));
    outbox.settled(&key("a"), 1);
    assert!(outbox.holds(&key("a")), "the first, not the second");
    assert_eq!(sent(&mut outbox), ["a"]);
}

#[test]
fn a_topic_that_does_not_answer_holds_no_more_than_its_share() {
    let mut outbox = Outbox::default();
    let taken = (0..1_000).filter(|n| put(&mut outbox, &n.to_string(), 5));
    assert_eq!(taken.count(), REVISIONS_MAX);
    assert_eq!(sent(&mut outbox).len(), SENT_MAX);
    assert_eq!(outbox.room(1_000_000), 0);
    assert_eq!(outbox.status(5), Status::Well);
    let for_ms = SLOW_MS;
    assert_eq!(outbox.status(5 + SLOW_MS), Status::Slow { for_ms });
    outbox.delivered(&key("0"));
    assert_eq!(sent(&mut outbox).len(), 1, "each answer makes room");
}

#[test]
fn a_topic_that_refuses_is_asked_by_one_at_a_time_and_less_and_less_often() {
    let mut outbox = Outbox::default();
    for id in ["a", "b", "c"] {
        assert!(put(&mut outbox, id, 0));
    }
    assert!(outbox.send_next().is_some());
    fails(&mut outbox, "a", 0);
    assert!(outbox.is_empty(), "what waited is due in the store");
    let mut asked = Vec::new();
    for now_ms in (0..200_000).step_by(500) {
        if put(&mut outbox, "a", now_ms) {
            assert!(!put(&mut outbox, "b", now_ms));
            assert_eq!(sent(&mut outbox), ["a"]);
            fails(&mut outbox, "a", now_ms);
            asked.push(now_ms);
        }
    }
    let waits: Vec<_> = asked.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(
        waits[..6],
        [2_000, 4_000, 8_000, 16_000, 30_000, 30_000],
        "{asked:?}"
    );
}

#[test]
fn failures_of_what_was_sent_together_count_once() {
    let mut outbox = Outbox::default();
    for id in ["a", "b", "c"] {
        assert!(put(&mut outbox, id, 0));
    }
    assert_eq!(sent(&mut outbox).len(), 3);
    for id in ["a", "b", "c"] {
        fails(&mut outbox, id, 30_000);
    }
    assert_eq!(outbox.room(30_999), 0);
    assert_eq!(outbox.room(31_000), 1);
}

#[test]
fn one_success_ends_the_trouble() {
    let mut outbox = Outbox::default();
    assert!(put(&mut outbox, "a", 0));
    assert_eq!(sent(&mut outbox), ["a"]);
    fails(&mut outbox, "a", 7);
    let Status::Failing(trouble) = outbox.status(8) else {
        panic!("it fails");
    };
    assert_eq!((trouble.since_ms, &*trouble.cause), (7, "refused"));
    assert!(put(&mut outbox, "a", 10_000));
    assert_eq!(sent(&mut outbox), ["a"]);
    outbox.delivered(&key("a"));
    assert_eq!(outbox.status(10_000), Status::Well);
    assert_eq!(outbox.room(10_000), REVISIONS_MAX - 1);
}

#[test]
fn one_that_is_too_large_says_nothing_about_the_topic() {
    let mut outbox = Outbox::default();
    assert!(put(&mut outbox, "a", 0) && put(&mut outbox, "b", 0));
    assert_eq!(sent(&mut outbox), ["a", "b"]);
    outbox.too_large(&key("a"));
    assert_eq!(outbox.status(0), Status::Well);
    fails(&mut outbox, "b", 0);
    assert!(put(&mut outbox, "c", 10_000) || outbox.holds(&key("a")));
    outbox.settled(&key("a"), 1);
    assert!(!outbox.holds(&key("a")));
}

//! Several processors, stopping processors, and a Redis that forgets.

use harness::dialogue::Dialogue;
use harness::eventually;
use harness::load::Load;
use harness::otlp::{export, trace_records};
use harness::record::Record;
use harness::services::Service;
use harness::stack::Stack;
use redis::cmd;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const SPANS: u64 = 6_000;
const CONVERSATIONS: usize = 150;
const START_NS: u64 = 1_767_600_000_000_000_000;
const REBUILD_DEADLINE: Duration = Duration::from_secs(90);

fn load(stack: &Stack, seed: u64) -> Vec<Record> {
    let mut load = Load::new(&stack.topics.spans, CONVERSATIONS, seed);
    let mut records = Vec::new();
    while load.spans() < SPANS {
        records.extend(load.next());
    }
    records
}

/// What one processor that nobody disturbs makes of the load.
async fn undisturbed(name: &str, seed: u64) -> BTreeMap<(String, String), Value> {
    let stack = Stack::start(name).await;
    stack.send(load(&stack, seed)).await;
    stack.settle().await;
    stack.client.dump().await.expect("a dump")
}

/// A processor that takes over finds in the store all that was committed.
async fn assert_nothing_lacked(processor: &Service) {
    let rewinds = processor.counter("processor_rewinds_total").await;
    assert_eq!(rewinds.expect("metrics"), 0.0, "{}", processor.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processors_share_the_work_and_one_goes_on_alone() {
    let expected = undisturbed("rebalance-expected", 5).await;
    let mut stack = Stack::start("rebalance").await;
    let records = load(&stack, 5);
    let (first, rest) = records.split_at(records.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);

    stack.send(first.to_vec()).await;
    let another = stack.another_processor().await;
    stack.send(second.to_vec()).await;
    let status = stack.processor.stop();
    assert!(
        status.success(),
        "a stop that was asked for is a success: {status}"
    );
    stack.send(third.to_vec()).await;
    stack.settle().await;

    assert_eq!(stack.client.dump().await.expect("a dump"), expected);
    assert_nothing_lacked(&another).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_redis_is_filled_again_from_kafka() {
    let mut stack = Stack::start("wiped").await;
    stack.send(load(&stack, 6)).await;
    stack.settle().await;
    let before = stack.client.dump().await.expect("a dump");

    stack.redis.replace_by_an_empty_one().await;
    becomes(&stack, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_beside_a_busy_processor_gives_the_same() {
    let stack = Stack::start("rebuild").await;
    let records = load(&stack, 8);
    let (first, rest) = records.split_at(records.len() / 2);
    stack.send(first.to_vec()).await;
    stack.settle().await;
    // Some of it is being written while everything is removed.
    stack.send(rest.to_vec()).await;
    rebuild(&stack).await;
    becomes(&stack, &undisturbed("rebuild-expected", 8).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_in_the_first_moment_of_a_processor_gives_the_same() {
    let stack = Stack::start("early").await;
    stack.send(load(&stack, 8)).await;
    eventually("the first is written", REBUILD_DEADLINE, async || {
        let rows = stack.client.list(Value::Null).await;
        let rows = rows.map_err(|error| error.to_string())?;
        (!rows.is_empty())
            .then_some(())
            .ok_or("nothing yet".to_owned())
    })
    .await;
    rebuild(&stack).await;
    becomes(&stack, &undisturbed("early-expected", 8).await).await;
}

async fn rebuild(stack: &Stack) {
    let mut rebuild = stack.processor.command(&["rebuild", "--yes"]);
    let rebuilt = tokio::task::spawn_blocking(move || rebuild.output()).await;
    let rebuilt = rebuilt.expect("the thread lives").expect("it runs");
    assert!(rebuilt.status.success(), "{rebuilt:?}");
}

async fn becomes(stack: &Stack, expected: &BTreeMap<(String, String), Value>) {
    eventually("everything is there again", REBUILD_DEADLINE, async || {
        let dump = stack.client.dump().await;
        let dump = dump.map_err(|error| error.to_string())?;
        let equal = dump
            .iter()
            .filter(|(key, is)| expected.get(key) == Some(is));
        let (equal, all) = (equal.count(), expected.len());
        (dump.len() == all && equal == all)
            .then_some(())
            .ok_or_else(|| format!("{equal} of {all} conversations"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_of_which_half_is_gone_begins_anew() {
    let stack = Stack::start("half-gone").await;
    let mut chat = Dialogue::new("shop", "half", 9, START_NS);
    chat.ask("One?").answer("One.", 100);
    let send = async |spans| {
        let export = export("shop", spans);
        stack
            .send(trace_records(&stack.topics.spans, &export))
            .await;
        stack.settle().await;
    };
    send(chat.take()).await;
    let keys: Vec<String> = stack.redis.run(cmd("KEYS").arg("*:sum"));
    assert_eq!(keys.len(), 1);
    stack.redis.run::<u64>(cmd("DEL").arg(&keys));
    chat.ask("Two?").answer("Two.", 100);
    send(chat.take()).await;

    let rows = stack.client.list(Value::Null).await.expect("a list");
    assert_eq!(rows.len(), 1, "{rows:?}");
    let resets = stack
        .processor
        .counter("processor_conversations_reset_total");
    assert_eq!(resets.await.expect("metrics"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_was_begun() {
    let mut stack = Stack::start("graceful").await;
    stack.send(load(&stack, 7)).await;
    let status = stack.processor.stop();
    assert!(status.success(), "{status}");
    // Whatever was read is either done and committed or left for the next: nothing is half there.
    stack.processor.restart();
    stack.processor.ready().await;
    stack.settle().await;
    assert_nothing_lacked(&stack.processor).await;
    assert_eq!(
        stack.client.dump().await.expect("a dump"),
        undisturbed("graceful-expected", 7).await
    );
    let status = stack.gateway.stop();
    assert!(status.success(), "{status}");
}

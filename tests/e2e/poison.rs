//! Bad input reaches the dead letters as it came; its neighbours do not notice.

use harness::dialogue::Dialogue;
use harness::eventually;
use harness::otlp::{export, trace_records};
use harness::poison::{broken_heads, unreadable};
use harness::record::Record;
use harness::services::Settings;
use harness::stack::Stack;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const PROJECT: &str = "shop";
const START_NS: u64 = 1_767_600_000_000_000_000;
/// From records in Kafka to an answer, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Longer than the processor takes to notice what is written down of a pause.
const NOTICED: Duration = Duration::from_secs(3);

fn chat(id: &str, seed: u64) -> Vec<Span> {
    let mut chat = Dialogue::new(PROJECT, id, seed, START_NS);
    chat.ask("Still there?").answer("Still here.", 300);
    chat.take()
}

/// A conversation in one record, in this partition.
async fn say(stack: &Stack, id: &str, seed: u64, partition: i32) {
    let said = export(PROJECT, chat(id, seed)).encode_to_vec();
    let record = Record::new(&stack.topics.spans, id, said);
    stack.send([record.to_partition(partition)]).await;
}

async fn is_there(stack: &Stack, id: &str) -> anyhow::Result<bool> {
    Ok(stack.client.conversation(PROJECT, id).await?.is_some())
}

async fn comes(stack: &Stack, id: &str) {
    eventually(&format!("{id} is there"), SOON, async || {
        anyhow::ensure!(is_there(stack, id).await?, "it is not");
        Ok(())
    })
    .await;
}

/// Where the records stood of which there are dead letters; whoever reads one again writes its letter again.
async fn dead_offsets(stack: &Stack) -> BTreeSet<Option<String>> {
    let letters = stack.dead_letters().await;
    let offset = |letter: &Record| letter.header("colloquy.dlq.offset");
    letters.iter().map(offset).collect()
}

/// What the program of the processor prints for a command.
fn told_by(stack: &Stack, arguments: &[&str]) -> String {
    let output = stack.processor.command(arguments).output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_records_become_dead_letters_and_neighbours_live() {
    let stack = Stack::start("poison").await;
    let good = export(PROJECT, chat("cut-off", 100)).encode_to_vec();
    let poison = unreadable(&stack.topics, "key", &good);
    for (number, (_, bad)) in (0u64..).zip(&poison) {
        let good = export(PROJECT, chat(&format!("neighbour-{number}"), number));
        let good = trace_records(&stack.topics.spans, &good);
        stack.send(good.into_iter().chain([bad.clone()])).await;
    }
    stack.settle().await;

    let rows = stack.client.list(Value::Null).await.expect("a list");
    assert_eq!(
        rows.len(),
        poison.len(),
        "every neighbour is listed, and nothing else"
    );
    let letters = stack.dead_letters().await;
    assert_eq!(letters.len(), poison.len());
    for (name, bad) in &poison {
        let letter = letters.iter().find(|letter| letter.payload == bad.payload);
        let letter = letter.unwrap_or_else(|| panic!("{name} is not among the dead letters"));
        assert_eq!(letter.key, bad.key, "{name}");
        assert!(!letter.headers.is_empty(), "{name} says why and whence");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_and_an_empty_export_are_nothing() {
    let stack = Stack::start("poison-empty").await;
    let empty = export(PROJECT, Vec::new()).encode_to_vec();
    stack
        .send([
            Record::new(&stack.topics.spans, "key", ""),
            Record::new(&stack.topics.spans, "key", empty),
        ])
        .await;
    stack
        .send(trace_records(
            &stack.topics.spans,
            &export(PROJECT, chat("after", 1)),
        ))
        .await;
    stack.settle().await;
    assert_eq!(
        stack.client.list(Value::Null).await.expect("a list").len(),
        1
    );
    assert_eq!(stack.dead_letters().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_span_does_not_take_its_batch_along() {
    let stack = Stack::start("poison-span").await;
    let mut spans = chat("survivor", 2);
    let mut without_trace = spans[0].clone();
    without_trace.trace_id = vec![0; 16];
    let mut short_id = spans[0].clone();
    short_id.span_id = vec![1, 2, 3];
    spans.splice(1..1, [without_trace, short_id]);
    let batch = export(PROJECT, spans).encode_to_vec();
    stack
        .send([Record::new(&stack.topics.spans, "key", batch.clone())])
        .await;
    stack.settle().await;

    let survivor = stack
        .client
        .conversation(PROJECT, "survivor")
        .await
        .expect("an answer")
        .expect("listed");
    assert_eq!(survivor["llmCalls"], 1);
    let letters = stack.dead_letters().await;
    assert!(
        letters.iter().any(|letter| letter.payload == batch),
        "a copy of the record says what was left out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_intake_refuses_spans_below_a_broken_head_and_takes_what_stands_beside_them() {
    let stack = Stack::start("poison-intake").await;
    let intake = stack.intake().await;
    let post = async |body: Vec<u8>| {
        let request = intake.post("/v1/traces");
        let request = request.header("Content-Type", "application/x-protobuf");
        let answer = request.body(body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let answer = answer.bytes().await.expect("a body");
        let answer = ExportTraceServiceResponse::decode(answer).expect("a response");
        answer.partial_success.unwrap_or_default()
    };
    let spans = chat("refused", 3);
    let heads = broken_heads(PROJECT, &spans);
    let count = heads.len();
    for (number, (what, broken)) in (0u64..).zip(heads) {
        let refused = post(broken.clone()).await;
        assert_eq!(refused.rejected_spans, spans.len() as i64, "{what}");
        assert!(!refused.error_message.is_empty(), "{what}");
        let well = export(PROJECT, chat(&format!("beside-{number}"), 10 + number));
        // Requests one after the other are a request of all their resources.
        let refused = post([broken, well.encode_to_vec()].concat()).await;
        assert_eq!(refused.rejected_spans, spans.len() as i64, "{what}");
    }
    stack.settle().await;

    let rows = stack.client.list(Value::Null).await.expect("a list");
    assert_eq!(rows.len(), count, "those beside, and nothing else");
    assert_eq!(stack.dead_letters().await, [], "nothing broken is in Kafka");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_below_a_broken_head_are_dead_letters_and_stop_nobody_after_a_restart_either() {
    /// Of each kind and partition.
    const TIMES: usize = 12;
    let mut stack = Stack::start("poison-heads").await;
    let heads = broken_heads(PROJECT, &chat("lost", 4));
    let mut sent: Vec<&[u8]> = Vec::new();
    for (_, payload) in &heads {
        for number in 0..3 * TIMES as i32 {
            let record = Record::new(&stack.topics.spans, "key", payload.clone());
            stack.send([record.to_partition(number % 3)]).await;
            sent.push(payload);
        }
    }
    for partition in 0..3 {
        say(&stack, &format!("before-{partition}"), 20, partition).await;
        comes(&stack, &format!("before-{partition}")).await;
    }
    stack.settle().await;

    let letters = stack.dead_letters().await;
    let mut found: Vec<&[u8]> = letters.iter().map(|letter| &*letter.payload).collect();
    found.sort_unstable();
    sent.sort_unstable();
    assert!(found == sent, "each record is a dead letter once");

    assert!(stack.processor.stop().success(), "it stops in order");
    stack.processor.restart();
    stack.processor.ready().await;
    for partition in 0..3 {
        say(&stack, &format!("after-{partition}"), 30, partition).await;
        comes(&stack, &format!("after-{partition}")).await;
    }
    stack.settle().await;
    let letters = stack.dead_letters().await;
    assert_eq!(letters.len(), sent.len(), "none is read again");
    assert!(!is_there(&stack, "lost").await.expect("an answer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_of_which_nothing_can_be_read_is_paused_alone_and_goes_on_by_command() {
    /// With the few good records before it, enough to be judged; without them, as after a restart, it is not.
    const GARBAGE: usize = 15;
    const GOOD: usize = 6;
    const JUDGED: usize = 20;
    let settings = Settings::default()
        .set("kafka.dead_letters.records_min", JUDGED)
        .set("kafka.dead_letters.window_records", JUDGED)
        .set("kafka.dead_letters.pause_ms", 3_600_000);
    let mut stack = Stack::start_with("poison-paused", settings).await;
    for number in 0..GOOD {
        say(&stack, &format!("good-{number}"), 50 + number as u64, 1).await;
    }
    stack.settle().await;
    let garbage = Record::new(&stack.topics.spans, "key", [0xff; 40]).to_partition(1);
    stack.send(vec![garbage; GARBAGE]).await;
    let name = format!("{}/1", stack.topics.spans);
    let is_paused = async |stack: &Stack| {
        let paused = stack
            .processor
            .counter("processor_partition_paused")
            .await?;
        anyhow::ensure!(paused == 1.0, "{paused} partitions are paused");
        let (status, body) = stack.processor.probe().await?;
        let told = &serde_json::from_str::<Value>(&body)?["checks"]["paused_partitions"];
        let told = told.as_str().unwrap_or_default();
        anyhow::ensure!(status == 200 && told.contains(&name), "{status}: {body}");
        Ok(())
    };
    eventually("it is paused", SOON, async || is_paused(&stack).await).await;

    say(&stack, "waits-long", 40, 1).await;
    for partition in [0, 2] {
        say(&stack, &format!("goes-on-{partition}"), 41, partition).await;
        comes(&stack, &format!("goes-on-{partition}")).await;
    }
    tokio::time::sleep(NOTICED).await;
    assert!(!is_there(&stack, "waits-long").await.expect("an answer"));
    assert!(stack.processor.stop().success(), "it stops in order");
    stack.processor.restart();
    stack.processor.ready().await;
    eventually("it is paused still", SOON, async || is_paused(&stack).await).await;
    say(&stack, "waits", 43, 1).await;
    for partition in [0, 2] {
        say(&stack, &format!("restarted-{partition}"), 42, partition).await;
        comes(&stack, &format!("restarted-{partition}")).await;
    }
    tokio::time::sleep(NOTICED).await;
    assert!(!is_there(&stack, "waits").await.expect("an answer"));
    let letters = dead_offsets(&stack).await.len();
    assert!(
        letters < GARBAGE,
        "{letters} dead letters, though it is paused"
    );
    let listed = told_by(&stack, &["resume"]);
    assert!(listed.contains(&format!("{name} is paused")), "{listed}");

    told_by(&stack, &["resume", &name]);
    comes(&stack, "waits").await;
    comes(&stack, "waits-long").await;
    stack.settle().await;
    assert_eq!(dead_offsets(&stack).await.len(), GARBAGE);
    let paused = stack.processor.counter("processor_partition_paused").await;
    assert_eq!(paused.expect("metrics"), 0.0);
    assert_eq!(
        told_by(&stack, &["resume"]).trim(),
        "no partition is paused"
    );
}

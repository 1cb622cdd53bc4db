//! An OpenTelemetry Collector in front: what it makes of the recorded exports gives the conversations that the exports
//! themselves give.
//!
//! Building a collector takes minutes, so what the real one wrote is kept in `tests/collector/recorded` and tested
//! here; `tests/collector/record.sh` builds it, tries it with every configuration, and records again.

use harness::captured::{self, Capture, GROWTH};
use harness::process::{Process, workspace};
use harness::record::{Record, read_all};
use harness::stack::Stack;
use harness::{eventually, topics::Topics};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use store::testing::free_port;

/// Those of `docs/collector` that write to Kafka.
const INTO_KAFKA: [&str; 2] = ["kafka", "kafka_defaults"];
const INTO_INTAKE: &str = "intake";
const START_DEADLINE: Duration = Duration::from_secs(30);

type Dump = BTreeMap<(String, String), Value>;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_wrote_gives_the_same_conversations() {
    let expected = direct("recorded").await;
    for configuration in INTO_KAFKA {
        let folder = recording(configuration);
        let kept = fs::read_to_string(folder.join("configuration.sha256")).unwrap_or_default();
        assert_eq!(
            kept,
            fingerprint(configuration),
            "docs/collector/{configuration}.yaml has changed since: run tests/collector/record.sh"
        );
        let stack = Stack::start(&format!("collector-{configuration}")).await;
        let records = load(configuration, &stack.topics);
        let keyed = records.iter().filter(|record| record.key.is_some()).count();
        match configuration {
            "kafka" => assert_eq!(keyed, records.len(), "each record has its trace as key"),
            _ => assert_eq!(keyed, 0, "the defaults write no keys"),
        }
        stack.send(records).await;
        stack.settle().await;
        same(&expected, &stack.client.dump().await.expect("a dump"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real collector: tests/collector/record.sh builds it and runs this"]
async fn a_real_collector_gives_the_same_conversations() {
    let expected = direct("live").await;
    for configuration in INTO_KAFKA {
        let stack = Stack::start(&format!("collector-live-{configuration}")).await;
        let settings = [
            format!("exporters::kafka::brokers: [\"{}\"]", stack.kafka.brokers()),
            format!("exporters::kafka::traces::topic: {}", stack.topics.spans),
            format!("exporters::kafka::logs::topic: {}", stack.topics.logs),
        ];
        through_a_collector(configuration, &settings).await;
        stack.settle().await;
        same(&expected, &stack.client.dump().await.expect("a dump"));
        save(configuration, &stack).await;
    }
    let stack = Stack::start("collector-live-intake").await;
    let intake = stack.intake().await;
    let endpoint = format!("exporters::otlp_http::endpoint: {}", intake.otlp_http());
    through_a_collector(INTO_INTAKE, &[endpoint]).await;
    stack.settle().await;
    same(&expected, &stack.client.dump().await.expect("a dump"));
}

/// The recordings that are OTLP. The chat of 40 turns is left out: a megabyte that shows nothing more here.
fn captures() -> Vec<Capture> {
    let mut captures = captured::all().expect("readable");
    captures.retain(|capture| {
        let is_otlp = |path: &str| path.starts_with("/v1/");
        capture.label != GROWTH && capture.requests().iter().all(|sent| is_otlp(sent.path))
    });
    assert!(captures.len() > 10, "{} recordings", captures.len());
    captures
}

/// What is told without a collector.
async fn direct(name: &str) -> Dump {
    let stack = Stack::start(&format!("collector-direct-{name}")).await;
    for capture in captures() {
        stack.send(capture.records(&stack.topics)).await;
    }
    stack.settle().await;
    stack.client.dump().await.expect("a dump")
}

fn same(expected: &Dump, found: &Dump) {
    assert!(expected.len() > 10, "{} conversations", expected.len());
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (key, conversation) in expected {
        assert_eq!(&found[key], conversation, "{key:?}");
    }
}

/// Sends all recordings to a collector of its own, which has passed them on when this returns. `settings` stand over the
/// configuration.
async fn through_a_collector(configuration: &str, settings: &[String]) {
    let program = std::env::var("COLLECTOR").expect("COLLECTOR is the path of a collector");
    let directory = tempfile::tempdir().expect("a temporary folder");
    let http_port = free_port();
    let receiver = "receivers::otlp::protocols";
    let listeners = [
        format!("{receiver}::http::endpoint: 127.0.0.1:{http_port}"),
        format!("{receiver}::grpc::endpoint: 127.0.0.1:{}", free_port()),
    ];
    let mut arguments = vec![format!("--config={}", yaml(configuration).display())];
    let over = listeners.iter().chain(settings);
    arguments.extend(over.map(|setting| format!("--config=yaml:{setting}")));
    let mut collector = Process::start(
        "collector",
        directory.path(),
        &PathBuf::from(program),
        &arguments,
        &[],
    );
    let listening = async || tokio::net::TcpStream::connect(("127.0.0.1", http_port)).await;
    eventually("the collector listens", START_DEADLINE, listening).await;
    let client = reqwest::Client::new();
    for request in captures().iter().flat_map(Capture::requests) {
        let url = format!("http://127.0.0.1:{http_port}{}", request.path);
        let kind = request.content_type.expect("OTLP says what it is");
        let post = client.post(url).header("Content-Type", kind);
        let answer = post.body(request.body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{}", collector.log_end());
    }
    // It ends once its queues are empty.
    let status = collector.stop(START_DEADLINE);
    assert!(status.success(), "{}", collector.log_end());
}

fn yaml(configuration: &str) -> PathBuf {
    workspace().join(format!("docs/collector/{configuration}.yaml"))
}

fn fingerprint(configuration: &str) -> String {
    let content = fs::read(yaml(configuration)).expect("readable");
    let hash = Sha256::digest(content);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn recording(configuration: &str) -> PathBuf {
    workspace().join(format!("tests/collector/recorded/{configuration}"))
}

/// One file a record, named by its place, signal and key.
async fn save(configuration: &str, stack: &Stack) {
    let folder = recording(configuration);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("writable");
    let signals = [("spans", &stack.topics.spans), ("logs", &stack.topics.logs)];
    for (signal, topic) in signals {
        let records = read_all(&stack.kafka.brokers(), topic).await.expect("read");
        for (place, record) in records.iter().enumerate() {
            let key = record.key.as_deref().map(String::from_utf8_lossy);
            let key = key.unwrap_or_else(|| "no-key".into());
            let file = folder.join(format!("{signal}.{place:03}.{key}.pb"));
            fs::write(file, &record.payload).expect("writable");
        }
    }
    let file = folder.join("configuration.sha256");
    fs::write(file, fingerprint(configuration)).expect("writable");
}

fn load(configuration: &str, topics: &Topics) -> Vec<Record> {
    let folder = fs::read_dir(recording(configuration)).expect("the recording is there");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pb"));
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let name = file.file_stem().expect("a name").to_string_lossy();
            let parts: Vec<&str> = name.split('.').collect();
            let topic = match parts[0] {
                "spans" => &topics.spans,
                _ => &topics.logs,
            };
            let key = Some(parts[2]).filter(|key| *key != "no-key");
            Record {
                topic: topic.clone(),
                key: key.map(|key| key.as_bytes().to_vec()),
                payload: fs::read(&file).expect("readable"),
                ..Record::default()
            }
        })
        .collect()
}

//! Requests made to harm: each gets its error, and together they cost no more memory than is set.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use prost::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{LOGS, PATIENCE, SENTRY, SPANS, request, span};

const MIB: usize = 1024 * 1024;
/// What requests may hold, as set below.
const MEMORY_MIB: usize = 96;
/// The program itself, its threads, the client of Kafka, buffers of connections, and what allocators keep for later. The
/// attacks would take some gigabytes.
const ELSE_MIB: usize = 160;
/// For heads and bodies: short for those who are slow on purpose, long for those who only share a busy machine.
const SHORT_MS: u64 = 2_000;
const LONG_MS: u64 = 60_000;

/// The program with little memory to give, as a process of its own so that its size can be told.
struct Program {
    child: Child,
    http: SocketAddr,
    _cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Program {
    async fn start(patience_ms: u64) -> Self {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        for topic in [SPANS, LOGS, SENTRY] {
            cluster.create_topic(topic, 1, 1).expect("a topic");
        }
        let [http, grpc, probes] = [free(), free(), free()];
        let child = Command::new(env!("CARGO_BIN_EXE_intake"))
            .arg("run")
            .env("COLLOQUY_KAFKA__BROKERS", cluster.bootstrap_servers())
            .env("COLLOQUY_INTAKE__HTTP_BIND", http.to_string())
            .env("COLLOQUY_INTAKE__GRPC_BIND", grpc.to_string())
            .env("COLLOQUY_INTAKE__PROBES_BIND", probes.to_string())
            .env(
                "COLLOQUY_INTAKE__LIMITS__MEMORY_BYTES_MAX",
                (MEMORY_MIB * MIB).to_string(),
            )
            .env(
                "COLLOQUY_INTAKE__LIMITS__REQUEST_MEMORY_BYTES_MAX",
                (48 * MIB).to_string(),
            )
            .env(
                "COLLOQUY_INTAKE__LIMITS__DECOMPRESSED_BYTES_MAX",
                (24 * MIB).to_string(),
            )
            .env(
                "COLLOQUY_INTAKE__LIMITS__BODY_BYTES_MAX",
                (8 * MIB).to_string(),
            )
            .env(
                "COLLOQUY_INTAKE__LIMITS__ITEM_BYTES_MAX",
                (8 * MIB).to_string(),
            )
            .env(
                "COLLOQUY_INTAKE__LIMITS__BODY_TIMEOUT_MS",
                patience_ms.to_string(),
            )
            .env(
                "COLLOQUY_INTAKE__LIMITS__HEADER_TIMEOUT_MS",
                patience_ms.to_string(),
            )
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let deadline = Instant::now() + PATIENCE;
        let is_ready = async || {
            let answer = reqwest::get(format!("http://{probes}/ready")).await;
            answer.is_ok_and(|answer| answer.status() == 200)
        };
        while !is_ready().await {
            assert!(Instant::now() < deadline, "the program is not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self {
            child,
            http,
            _cluster: cluster,
        }
    }

    /// The most memory that it ever had.
    fn peak_mib(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the program runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
        kib.expect("a size") / 1024
    }

    /// The status of the answer; `None` when the connection was closed upon what was still being sent.
    async fn send(&self, attack: &Attack) -> Option<u16> {
        let mut sent = reqwest::Client::new()
            .post(format!("http://{}{}", self.http, attack.path))
            .header("Content-Type", attack.kind)
            .body(attack.body.clone());
        if !attack.coding.is_empty() {
            sent = sent.header("Content-Encoding", attack.coding);
        }
        Some(sent.send().await.ok()?.status().as_u16())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}

#[derive(Clone)]
struct Attack {
    name: &'static str,
    path: &'static str,
    kind: &'static str,
    coding: &'static str,
    body: Vec<u8>,
    status: u16,
}

const TRACES: &str = "/v1/traces";
const ENVELOPE: &str = "/api/1/envelope/?sentry_key=a";
const PROTO: &str = "application/x-protobuf";
const JSON: &str = "application/json";

fn attacks() -> Vec<Attack> {
    let attack = |name, path, kind, coding, body: Vec<u8>, status| Attack {
        name,
        path,
        kind,
        coding,
        body,
        status,
    };
    let zeros = vec![0; 400 * MIB];
    let gzip = gzipped(&zeros);
    let many_spans = request(
        (0..100_000u32)
            .map(|id| span((id % 250) as u8 + 1, (id % 200) as u8 + 1, 0))
            .collect(),
    );
    let many_items = format!("{{}}\n{}", "{\"type\":\"session\"}\n{}\n".repeat(100_000));
    let swarm = format!(
        "{{\"resourceSpans\":[{}{{}}]}}",
        "{\"a\":{}},".repeat(700_000)
    );
    let values = format!("{{\"items\":[{}0]}}", "{\"\":0},".repeat(900_000));
    let one_span = format!("{{}}\n{{\"type\":\"span\"}}\n{values}\n");
    let brackets = "[".repeat(7 * MIB).into_bytes();
    let mut wide = request((1..=200).map(|trace| span(trace, 1, 0)).collect());
    let around = span(1, 1, 7 * MIB).attributes;
    wide.resource_spans[0].resource = Some(opentelemetry_proto::tonic::resource::v1::Resource {
        attributes: around,
        ..Default::default()
    });
    vec![
        attack("a gzip bomb", TRACES, PROTO, "gzip", gzip.clone(), 413),
        attack(
            "a zstd bomb",
            TRACES,
            JSON,
            "zstd",
            zstd::encode_all(&*zeros, 1).expect("compresses"),
            413,
        ),
        attack(
            "a bomb in an envelope",
            ENVELOPE,
            "text/plain",
            "gzip",
            gzip,
            413,
        ),
        attack(
            "a body beyond the limit",
            TRACES,
            PROTO,
            "",
            vec![0x0A; 9 * MIB],
            413,
        ),
        attack(
            "100,000 spans",
            TRACES,
            PROTO,
            "gzip",
            gzipped(&many_spans.encode_to_vec()),
            413,
        ),
        attack(
            "100,000 items",
            ENVELOPE,
            "text/plain",
            "",
            many_items.into_bytes(),
            413,
        ),
        attack(
            "a swarm of objects",
            TRACES,
            JSON,
            "",
            swarm.into_bytes(),
            413,
        ),
        attack(
            "a swarm in an envelope",
            ENVELOPE,
            "text/plain",
            "",
            one_span.into_bytes(),
            413,
        ),
        attack(
            "a large resource for each trace",
            TRACES,
            PROTO,
            "",
            wide.encode_to_vec(),
            413,
        ),
        attack(
            "brackets without end",
            TRACES,
            JSON,
            "",
            brackets.clone(),
            413,
        ),
        attack(
            "brackets in few",
            TRACES,
            JSON,
            "",
            brackets[..100_000].to_vec(),
            400,
        ),
        attack(
            "random bytes",
            TRACES,
            PROTO,
            "",
            (0..MIB).map(|at| ((at * 7919) >> 3) as u8).collect(),
            400,
        ),
    ]
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("compresses");
    gzip.finish().expect("compresses")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_gets_its_error_and_all_at_once_cost_no_more_than_is_set() {
    let program = Program::start(LONG_MS).await;
    let attacks = attacks();
    for attack in &attacks {
        assert_eq!(
            program.send(attack).await,
            Some(attack.status),
            "{}",
            attack.name
        );
    }
    let all = attacks
        .iter()
        .cycle()
        .take(attacks.len() * 4)
        .map(|attack| program.send(attack));
    for status in futures::future::join_all(all).await.into_iter().flatten() {
        assert!((400..=429).contains(&status), "{status}");
    }
    let peak = program.peak_mib();
    assert!(peak <= MEMORY_MIB + ELSE_MIB, "{peak} MiB");
    let good = Attack {
        name: "a good request",
        path: TRACES,
        kind: PROTO,
        coding: "",
        body: request(vec![span(1, 1, 10)]).encode_to_vec(),
        status: 200,
    };
    assert_eq!(program.send(&good).await, Some(200), "it still works");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_never_end_are_ended() {
    let program = Program::start(SHORT_MS).await;
    let head = |rest: &str| {
        format!("POST {TRACES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {PROTO}\r\n{rest}")
    };
    let chunk = format!("10000\r\n{}\r\n", "\n".repeat(0x10000));
    // Chunks for as long as somebody reads them.
    let endless = async {
        let mut stream = TcpStream::connect(program.http).await.expect("connects");
        let head = head("Transfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("is sent");
        let (mut from, mut to) = stream.into_split();
        let sending =
            tokio::spawn(async move { while to.write_all(chunk.as_bytes()).await.is_ok() {} });
        let mut answer = vec![0; 64];
        let read = from.read(&mut answer).await.expect("an answer");
        sending.abort();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    let answer = tokio::time::timeout(PATIENCE, endless)
        .await
        .expect("is ended");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    // A byte now and then, of the body and of the head.
    for (begin, expected) in [
        (head("Content-Length: 1000\r\n\r\n"), "HTTP/1.1 408"),
        (head(""), ""),
    ] {
        let slow = async {
            let mut stream = TcpStream::connect(program.http).await.expect("connects");
            stream.write_all(begin.as_bytes()).await.expect("is sent");
            let (mut from, mut to) = stream.into_split();
            let dripping = tokio::spawn(async move {
                while to.write_all(b"a").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
            let mut answer = Vec::new();
            let _ = from.read_to_end(&mut answer).await;
            dripping.abort();
            String::from_utf8_lossy(&answer).into_owned()
        };
        let answer = tokio::time::timeout(PATIENCE, slow)
            .await
            .expect("is ended");
        assert!(answer.starts_with(expected), "{answer}");
    }
    let peak = program.peak_mib();
    assert!(peak <= MEMORY_MIB + ELSE_MIB, "{peak} MiB");
}

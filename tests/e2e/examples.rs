//! The examples of docs/graphql.md, run as they stand against a real system.

use harness::dialogue::Dialogue;
use harness::otlp::{export, hex, trace_records};
use harness::process::workspace;
use harness::services::Settings;
use harness::stack::Stack;
use sha2::{Digest as _, Sha256};
use std::process::Command;

const START_NS: u64 = 1_767_600_000_000_000_000;
const PROJECT: &str = "shop";
const TOKEN: &str = "a-token-for-those-who-read-documents";

#[tokio::test(flavor = "multi_thread")]
async fn every_example_does_what_it_promises() {
    let token = format!(
        "[{{name=\"reader\", sha256=\"{}\", projects=[\"{PROJECT}\"]}}]",
        hex(&Sha256::digest(TOKEN))
    );
    let stack =
        Stack::start_with("examples", Settings::default().set("gateway.tokens", token)).await;
    let mut chat = Dialogue::new(PROJECT, "example", 1, START_NS);
    chat.ask("Is the shop open?")
        .answer("Yes, since noon.", 400);
    stack
        .send(trace_records(
            &stack.topics.spans,
            &export(PROJECT, chat.take()),
        ))
        .await;
    stack.settle().await;

    let mut examples = Command::new("bash");
    examples
        .args([
            "-c",
            "scripts/examples.sh && exec python3 tests/examples/run.py",
        ])
        .current_dir(workspace())
        .env("COLLOQUY", format!("127.0.0.1:{}", stack.client.port()))
        .env("TOKEN", TOKEN)
        .env("PROJECT", PROJECT);
    let ran = tokio::task::spawn_blocking(move || examples.output())
        .await
        .expect("the thread lives")
        .expect("bash is there");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(ran.status.success(), "{told}");
}

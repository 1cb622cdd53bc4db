//! The reports of `schemas/examples/reports` through the doors: what the pure core reads of them, users are shown.

use harness::eventually;
use harness::intake::PUBLIC_KEY;
use harness::process::workspace;
use harness::reading::text;
use harness::stack::Stack;
use harness::told::told;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    entries
}

/// A request as its sender would send it; `None` for a file that is none.
fn request(client: &Client, address: &str, file: &Path) -> Option<RequestBuilder> {
    let name = file.file_name()?.to_str()?;
    let (_, kind) = name.split_once('.')?;
    let (path, content_type) = match kind {
        "traces.json" => ("/v1/traces".to_owned(), "application/json"),
        "logs.json" => ("/v1/logs".to_owned(), "application/json"),
        "envelope.raw" => (
            format!("/api/1/envelope/?sentry_key={PUBLIC_KEY}"),
            "application/x-sentry-envelope",
        ),
        _ => return None,
    };
    let body = fs::read(file).expect("a readable file");
    let request = client.post(format!("{address}{path}"));
    Some(request.header("content-type", content_type).body(body))
}

/// The conversations of a golden, each with the line that names it.
fn sections(golden: &str) -> Vec<(String, String)> {
    let sections = golden.split("\n== ").skip(1);
    sections
        .map(|section| {
            let (id, _) = section.split_once(": ").expect("an id and its numbers");
            (id.to_owned(), format!("== {}\n", section.trim_end()))
        })
        .collect()
}

/// How goldens name what has no name but its trace's.
const OF_TRACE: &str = "(one per trace)";

fn is_named(row: &Value, id: &str) -> bool {
    row["id"] == id || (id == OF_TRACE && row["inferred"] == true)
}

async fn shown_of(stack: &Stack, row: &Value, name: &str) -> String {
    let (project, id) = (text(&row["project"]), text(&row["id"]));
    let conversation = stack.client.conversation(&project, &id).await;
    let mut conversation = conversation.expect("an answer").expect("it is listed");
    conversation["id"] = name.into();
    told(&conversation)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_reads_through_the_doors_as_the_core_reads_it() {
    let stack = Stack::start("reports").await;
    let intake = stack.intake().await;
    let client = Client::new();
    let folders = entries(&workspace().join("schemas/examples/reports"));
    let folders: Vec<PathBuf> = folders.into_iter().filter(|path| path.is_dir()).collect();
    for folder in &folders {
        for file in entries(folder) {
            let Some(request) = request(&client, &intake.otlp_http(), &file) else {
                continue;
            };
            let answer = request.send().await.expect("an answer");
            let (status, body) = (answer.status(), answer.text().await.expect("a body"));
            assert!(
                status == 200 && !body.contains("rejected"),
                "{}: {body}",
                file.display()
            );
        }
    }
    stack.settle().await;
    let rows = stack.client.list(Value::Null).await.expect("a list");
    let mut different = Vec::new();
    for folder in &folders {
        let golden = fs::read_to_string(folder.join("expected.txt")).expect("a golden");
        for (id, expected) in sections(&golden) {
            let mut shown = Vec::new();
            for row in rows.iter().filter(|row| is_named(row, &id)) {
                shown.push(shown_of(&stack, row, &id).await);
            }
            if !shown
                .iter()
                .any(|shown| shown.trim_end() == expected.trim_end())
            {
                let shown = shown.join("\n");
                different.push(format!("{id}: expected\n{expected}shown\n{shown}"));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    only_what_no_rule_reads_counts_as_unread(&stack, &client, &intake.otlp_http()).await;
}

/// An SDK that nobody knows shows in the numbers before its users miss what it said.
async fn only_what_no_rule_reads_counts_as_unread(stack: &Stack, client: &Client, address: &str) {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let export = json!({"resourceSpans": [{
        "resource": {"attributes": [attribute("service.name", "unread")]},
        "scopeSpans": [{"scope": {"name": "acme"}, "spans": [{
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "chat",
            "startTimeUnixNano": "1795499900000000000", "endTimeUnixNano": "1795499901000000000",
            "attributes": [
                attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", "m"),
                attribute("gen_ai.conversation.id", "unread"), attribute("acme.reply", "Words that nobody reads."),
            ],
        }]}],
    }]});
    let sent = client.post(format!("{address}/v1/traces")).json(&export);
    assert_eq!(sent.send().await.expect("an answer").status(), 200);
    let query = "{ unreadSpans { project instrumentation spans llmCalls exampleTraceId } }";
    let counted = eventually("it is counted", Duration::from_secs(30), async || {
        let answer = stack.client.query(query, Value::Null).await?;
        let counted = answer["unreadSpans"].clone();
        anyhow::ensure!(counted[0]["project"] == "unread", "{counted}");
        Ok(counted)
    })
    .await;
    let only = json!([{
        "project": "unread", "instrumentation": "otel/acme", "spans": 1, "llmCalls": 1,
        "exampleTraceId": "5b8efff798038103d269b633813fc60c",
    }]);
    assert_eq!(counted, only, "of the reports every word is read");
}

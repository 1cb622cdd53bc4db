//! The layers of ARCHITECTURE.md, as the dependency graph has them.

use harness::process::workspace;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The names of everything that each package of the workspace is built from, by package.
fn reached() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo answers in JSON");
    let names: BTreeMap<&str, &str> = list(&metadata["packages"])
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let edges: BTreeMap<&str, Vec<&str>> = list(&metadata["resolve"]["nodes"])
        .map(|node| (text(&node["id"]), built_from(node)))
        .collect();
    let members = list(&metadata["workspace_members"]).map(text);
    members
        .map(|member| {
            let reached = closure(member, &edges);
            (
                names[member].to_owned(),
                reached.into_iter().map(|id| names[id].to_owned()).collect(),
            )
        })
        .collect()
}

/// What a package needs to be built and run; what only its tests need does not count.
fn built_from(node: &Value) -> Vec<&str> {
    list(&node["deps"])
        .filter(|dependency| list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
        .map(|dependency| text(&dependency["pkg"]))
        .collect()
}

fn closure<'a>(member: &'a str, edges: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![member];
    while let Some(id) = open.pop() {
        for dependency in &edges[id] {
            if reached.insert(*dependency) {
                open.push(dependency);
            }
        }
    }
    reached
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn no_crate_reaches_what_it_must_not_know() {
    let reached = reached();
    for (package, forbidden) in [
        (
            "domain",
            &[
                "tokio",
                "redis",
                "rdkafka",
                "axum",
                "async-graphql",
                "store",
                "runtime",
            ][..],
        ),
        (
            "runtime",
            &["domain", "store", "redis", "rdkafka", "async-graphql"],
        ),
        ("store", &["rdkafka", "axum", "async-graphql", "runtime"]),
        ("gateway", &["rdkafka", "processor"]),
        ("processor", &["async-graphql", "gateway", "intake"]),
        (
            "intake",
            &["redis", "store", "async-graphql", "gateway", "processor"],
        ),
    ] {
        for name in forbidden {
            assert!(
                !reached[package].contains(*name),
                "{package} must not reach {name}"
            );
        }
    }
}

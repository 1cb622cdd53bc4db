//! The binary: its commands, its start and its end.

use std::process::{Command, Output, Stdio};

use serde_json::json;
use store::testing::{RedisServer, free_port};

use crate::support::dialogue::turns;
use crate::support::eventually;
use crate::support::gateway::World;

fn gateway(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.args(arguments).env_clear();
    command.envs(variables.iter().copied());
    command
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Output, String) {
    let output = gateway(arguments, variables).output().expect("runs");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output, text)
}

fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

#[test]
fn the_schema_is_printed_without_a_configuration() {
    let (output, text) = run(&["schema"], &[]);
    assert!(output.status.success());
    assert_eq!(text, gateway::graphql::sdl());
}

#[test]
fn a_wrong_configuration_is_explained_and_has_its_own_exit_code() {
    let wrong = [
        ("COLLOQUY_GATEWAY__BNID", "x"),
        ("COLLOQUY_GATEWAY__PROBES_BIND", "nowhere"),
    ];
    for arguments in [&["config", "check"][..], &["run"]] {
        let (output, text) = run(arguments, &wrong);
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(text.contains("did you mean `bind`?"), "{text}");
        assert!(text.contains("COLLOQUY_GATEWAY__PROBES_BIND"), "{text}");
    }
    let (_, text) = run(
        &["config", "check"],
        &[("COLLOQUY_GATEWAY__BIND", "0.0.0.0:8080")],
    );
    assert!(text.contains("add a token"), "{text}");
    let (output, text) = run(&["config", "check"], &[]);
    assert!(output.status.success(), "{text}");
}

#[test]
fn the_printed_configuration_has_sources_and_no_secrets() {
    let variables = [("COLLOQUY_REDIS__PASSWORD", "hunter2")];
    let (output, text) = run(&["config", "print"], &variables);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(
        text.contains("gateway.bind = \"127.0.0.1:8080\"  # default"),
        "{text}"
    );
    assert!(
        text.contains("# environment variable COLLOQUY_REDIS__PASSWORD"),
        "{text}"
    );
}

#[test]
fn a_new_token_comes_with_the_entry_that_lets_it_in() {
    let (output, text) = run(&["token", "new", "--name", "ui", "--project", "shop"], &[]);
    assert!(output.status.success(), "{text}");
    let entry = text
        .lines()
        .find_map(|line| line.strip_prefix("Entry for gateway.tokens: "));
    let tokens = format!("[{}]", entry.expect("an entry"));
    let variables = [
        ("COLLOQUY_GATEWAY__TOKENS", tokens.as_str()),
        ("COLLOQUY_GATEWAY__BIND", "0.0.0.0:1"),
    ];
    let (output, text) = run(&["config", "check"], &variables);
    assert!(output.status.success(), "{text}");
}

/// The probes, the page's surroundings and the API.
async fn answers(bind: &str, probes: &str) {
    let metrics = reqwest::get(format!("http://{probes}/metrics"))
        .await
        .expect("answers");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("build_info"), "{metrics}");
    let page = reqwest::get(format!("http://{bind}/config.json"))
        .await
        .expect("answers");
    assert!(page.text().await.expect("text").contains("/graphiql"));
    let answer: serde_json::Value = reqwest::Client::new()
        .post(format!("http://{bind}/graphql"))
        .header("content-type", "application/json")
        .body(json!({"query": "{ conversations { nodes { id } } }"}).to_string())
        .send()
        .await
        .expect("answers")
        .json()
        .await
        .expect("JSON");
    assert_eq!(
        answer["data"]["conversations"]["nodes"],
        json!([{"id": "c"}])
    );
}

#[tokio::test]
async fn it_starts_says_that_it_is_ready_answers_and_stops_when_asked() {
    let server = RedisServer::start().await.expect("redis-server starts");
    let world = World::on(server.config()).await;
    world.writer("shop", "c").write(turns(1, 1)).await;
    let (bind, probes) = (free_address(), free_address());
    let urls = world.redis.urls[0].clone();
    let variables = [
        ("COLLOQUY_GATEWAY__BIND", bind.as_str()),
        ("COLLOQUY_GATEWAY__PROBES_BIND", probes.as_str()),
        ("COLLOQUY_REDIS__URLS", urls.as_str()),
        (
            "COLLOQUY_REDIS__KEY_PREFIX",
            world.redis.key_prefix.as_str(),
        ),
    ];
    let (output, _) = run(&["healthcheck"], &variables);
    assert_eq!(output.status.code(), Some(1), "nothing runs yet");
    let mut process = gateway(&["run"], &variables)
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    eventually("it is ready", || async {
        let (output, _) = run(&["healthcheck"], &variables);
        output.status.success().then_some(())
    })
    .await;
    answers(&bind, &probes).await;
    let port = server.port();
    drop(server);
    eventually("it says that it is not ready", || async {
        let (output, text) = run(&["healthcheck"], &variables);
        (!output.status.success() && text.contains("redis")).then_some(())
    })
    .await;
    let _server = RedisServer::start_on(port, &[])
        .await
        .expect("starts again");
    eventually("it is ready again", || async {
        let (output, _) = run(&["healthcheck"], &variables);
        output.status.success().then_some(())
    })
    .await;
    let terminated = Command::new("kill").arg(process.id().to_string()).status();
    assert!(terminated.expect("kill runs").success());
    let status = tokio::task::spawn_blocking(move || process.wait())
        .await
        .expect("no panic")
        .expect("ends");
    assert_eq!(status.code(), Some(0));
}

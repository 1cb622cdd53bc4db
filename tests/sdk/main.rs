//! Real SDKs play one scripted conversation into the intake; what the gateway then says of it is compared with the script.
//!
//! The programs lie in `python/` and `node/`, a stub of the models' APIs in `stub/`; `install.sh` installs the SDKs at
//! their locked versions. The README's snippets are cut from these programs, and `docs/sdks.md` is written from
//! [`setups::ALL`], so that neither can say what was not seen here.

mod collector;
mod documents;
mod programs;
mod script;
mod setups;
mod transcript;

use futures::{StreamExt, stream};
use harness::services::Settings;
use harness::stack::Stack;
use programs::{Doors, Stub};
use serde_json::Value;
use setups::Setup;

/// A program spends most of its time starting.
const PROGRAMS_AT_ONCE: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn every_sdk_tells_the_same_conversation() {
    programs::install();
    let stub = Stub::start().await;
    let stack = Stack::start("sdk").await;
    let settings = Settings::default().set("intake.keys", Doors::keys());
    let intake = stack.intake_with(settings).await;
    let doors = Doors::of(&intake, &stub);

    let runs = stream::iter(setups::ALL).map(|setup| programs::play(setup, &doors));
    let outcomes: Vec<_> = runs.buffer_unordered(PROGRAMS_AT_ONCE).collect().await;
    let mut complaints: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    stack.settle().await;

    let rows = stack.client.list(Value::Null).await.expect("a list");
    for setup in setups::ALL {
        if let Err(complaint) = check(&stack, setup, &rows).await {
            complaints.push(complaint);
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n\n"));
    assert_eq!(
        rows.len(),
        setups::ALL.len(),
        "one conversation for each set-up"
    );
}

/// Reads one set-up's conversation and holds it against the script, as both would be told.
async fn check(stack: &Stack, setup: &Setup, rows: &[Value]) -> Result<(), String> {
    let (name, id) = (setup.name, setup.conversation_id());
    if !rows.iter().any(|row| row["id"] == id.as_str()) {
        return Err(format!("{name}: no conversation {id}"));
    }
    let conversation = stack.client.conversation(programs::PROJECT, &id).await;
    let conversation = conversation
        .map_err(|error| format!("{name}: {error:#}"))?
        .ok_or_else(|| format!("{name}: {id} is not in project {}", programs::PROJECT))?;
    let expected = setup.expected();
    let told = transcript::of(&conversation);
    if told == expected {
        return Ok(());
    }
    Err(format!(
        "{name} tells another conversation. Lines with - are missing, lines with + are new:\n{}",
        transcript::difference(&expected, &told)
    ))
}

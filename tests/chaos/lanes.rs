//! Several runs at once, each of a share of the scenarios with servers of its own: most of a scenario is waiting.

use crate::report;
use crate::scenario::Scenario;
use anyhow::Context;
use futures::future::try_join_all;
use std::process::Stdio;
use tokio::process::Command;

/// What the runs printed together.
#[derive(Debug)]
pub(crate) struct Played {
    /// Rows in the order of the scenarios.
    pub(crate) table: String,
    /// What was wrong, a line each.
    pub(crate) complaints: Vec<String>,
    pub(crate) is_right: bool,
}

/// Plays the scenarios in so many runs of this program, with these further arguments.
///
/// # Errors
/// When the program cannot be run again.
pub(crate) async fn play(
    lanes: usize,
    scenarios: &[Scenario],
    arguments: &[String],
) -> anyhow::Result<Played> {
    let this = std::env::current_exe().context("a running program has a path")?;
    let runs = (0..lanes.min(scenarios.len())).map(|lane| {
        let share = scenarios.iter().skip(lane).step_by(lanes);
        let names: Vec<&str> = share.map(|scenario| scenario.name).collect();
        let mut run = Command::new(&this);
        run.args(arguments).args(["--only", &names.join(",")]);
        run.stdout(Stdio::piped()).kill_on_drop(true);
        async move {
            let running = run.spawn().context("starting a run")?;
            anyhow::Ok(running.wait_with_output().await?)
        }
    });
    let outputs = try_join_all(runs).await?;
    let printed: Vec<String> = outputs
        .iter()
        .flat_map(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    Ok(Played {
        table: report::joined(scenarios.iter().map(|scenario| scenario.fault), &printed),
        complaints: printed
            .into_iter()
            .filter(|line| !line.is_empty() && !line.starts_with('|'))
            .collect(),
        is_right: outputs.iter().all(|output| output.status.success()),
    })
}

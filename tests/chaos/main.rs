//! `make chaos`: faults by seed against the real system, beside an oracle that nobody disturbs.
//!
//! | file | what it has |
//! |---|---|
//! | `stage.rs` | Kafka, the load, the oracle |
//! | `scenario.rs`, `own.rs` | one row: a system under test, its faults, the comparison; on shared topics or own ones |
//! | `faults/` | what is done |
//! | `subject.rs`, `follower.rs` | processors and gateways, and subscribers |
//! | `state.rs`: `durable.rs`, `pair.rs`, `cluster.rs`, `disk.rs` | kinds of Redis |
//! | `proxy.rs` | what networks do |
//! | `watch.rs`, `group.rs` | what is checked each second |
//! | `load.rs`, `sentry.rs`, `strays.rs`, `poison.rs` | what is sent: conversations, spans that name none, records that cannot be read |
//! | `sight.rs` | how soon conversations are listed |
//! | `census.rs`, `letters.rs` | what a system says, compared |
//! | `report.rs` | the table |
//! | `lanes.rs` | several runs at once |
//! | `clock.rs` | what time it is |

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that tells whoever started it"
)]

mod census;
mod cluster;
mod disk;
mod durable;
mod faults;
mod follower;
mod group;
mod lanes;
mod letters;
mod load;
mod own;
mod pair;
mod poison;
mod proxy;
mod report;
mod scenario;
mod sentry;
mod sight;
mod stage;
mod state;
mod strays;
mod subject;
mod watch;

use anyhow::{Context, ensure};
use clap::Parser;
use harness::process::workspace;
use report::Row;
use scenario::Scenario;
use stage::{Form, Stage};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Name the scenarios and end
    #[arg(long)]
    list: bool,
    /// Only these, by name
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// What is sent, and which faults come when
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, value_enum, default_value = "long")]
    form: Form,
    /// Multiplies how often each fault is done
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// So many runs at once, each of a share of the scenarios
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// A document in which the table takes the place of the one before
    #[arg(long)]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let scenarios = chosen(&arguments)?;
    if arguments.list {
        for scenario in &scenarios {
            println!("{:<20} {}", scenario.name, scenario.fault);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let begin = Instant::now();
    if arguments.at_once > 1 {
        return at_once(&arguments, &scenarios, begin).await;
    }
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let rows = tokio::select! {
        rows = play(&arguments, &scenarios, folder.path()) => rows?,
        // All that was started ends with what holds it.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    };
    let table = report::table(&rows);
    println!("{table}");
    if let Some(document) = &arguments.write {
        report::write(document, &origin(&arguments, begin), &table)?;
    }
    if rows.iter().all(Row::is_right) {
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows.iter().filter(|row| !row.is_right()) {
        for complaint in row.complaints() {
            println!("{}: {complaint}", row.name);
        }
    }
    println!("what the services said: {}", folder.keep().display());
    Ok(ExitCode::FAILURE)
}

async fn at_once(
    arguments: &Arguments,
    scenarios: &[Scenario],
    begin: Instant,
) -> anyhow::Result<ExitCode> {
    let form = match arguments.form {
        Form::Short => "short",
        Form::Long => "long",
    };
    let (seed, times) = (arguments.seed.to_string(), arguments.times.to_string());
    let further = ["--form", form, "--seed", &seed, "--times", &times].map(str::to_owned);
    let played = tokio::select! {
        played = lanes::play(arguments.at_once, scenarios, &further) => played?,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    };
    println!("{}", played.table);
    for complaint in &played.complaints {
        println!("{complaint}");
    }
    if let Some(document) = &arguments.write {
        report::write(document, &origin(arguments, begin), &played.table)?;
    }
    Ok(if played.is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn play(
    arguments: &Arguments,
    scenarios: &[Scenario],
    folder: &Path,
) -> anyhow::Result<Vec<Row>> {
    let mut stage = Stage::build(arguments.form, arguments.seed, folder).await?;
    let mut rows = Vec::new();
    for scenario in scenarios {
        let times = scenario.times(arguments.form) * arguments.times;
        eprintln!("{}: {}", scenario.name, scenario.fault);
        let row = match scenario.obstacle() {
            Some(why) => Row::skipped(scenario.name, scenario.fault, why),
            None => scenario::play(&mut stage, scenario, arguments.seed, times).await,
        };
        let word = if row.is_right() { "right" } else { "WRONG" };
        eprintln!("{}: {word}, after {:.0?}", scenario.name, row.played);
        eprint!("  {}", row.line());
        for complaint in row.complaints() {
            eprintln!("  {complaint}");
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Those of the form, or those asked for.
fn chosen(arguments: &Arguments) -> anyhow::Result<Vec<Scenario>> {
    let mut scenarios = faults::all();
    for name in &arguments.only {
        let is_known = scenarios.iter().any(|scenario| scenario.name == name);
        ensure!(is_known, "no scenario is called {name}; --list names all");
    }
    scenarios.retain(|scenario| match arguments.only.is_empty() {
        true => scenario.is_part_of(arguments.form),
        false => arguments.only.iter().any(|name| name == scenario.name),
    });
    Ok(scenarios)
}

/// Where the table comes from: the command, the state of the code, and when.
fn origin(arguments: &Arguments, begin: Instant) -> String {
    let said = |program: &str, words: &[&str]| {
        let output = Command::new(program)
            .args(words)
            .current_dir(workspace())
            .output();
        let output = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        output.unwrap_or_default()
    };
    let minutes = begin.elapsed().as_secs() / 60;
    let is_whole = arguments.only.is_empty() && arguments.times == 1;
    let command = match arguments.form {
        Form::Long if is_whole => format!("make chaos seed={}", arguments.seed),
        _ => std::env::args().collect::<Vec<_>>().join(" "),
    };
    format!(
        "`{command}` on {}, at commit {}, in {minutes} minutes:",
        said("date", &["-u", "+%Y-%m-%d"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
    )
}

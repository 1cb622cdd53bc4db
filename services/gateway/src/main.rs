//! The gateway's binary: see [`gateway::cli`].

fn main() -> std::process::ExitCode {
    runtime::cli::main::<gateway::cli::Gateway>()
}

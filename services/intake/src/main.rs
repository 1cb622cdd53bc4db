//! The intake's binary: see [`intake::cli`].

fn main() -> std::process::ExitCode {
    runtime::cli::main::<intake::cli::Intake>()
}

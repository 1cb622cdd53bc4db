//! The processor's binary: see [`processor::cli`].

fn main() -> std::process::ExitCode {
    runtime::cli::main::<processor::cli::Processor>()
}

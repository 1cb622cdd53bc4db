//! The intake's binary: see [`intake::cli`].

fn main() -> std::process::ExitCode {
    intake::cli::main()
}

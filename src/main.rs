//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    reshoot::cli::commands::main().into()
}

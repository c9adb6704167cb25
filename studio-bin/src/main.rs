//! The command `studio`: reads its arguments, hands over, exits.

fn main() -> std::process::ExitCode {
    studio_bin::main()
}

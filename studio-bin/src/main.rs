//! The command `studio`.

fn main() -> std::process::ExitCode {
    studio_bin::main()
}

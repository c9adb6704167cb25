//! The command `studio`: reads the command line, wires the parts, prints, exits. It decides nothing about the work.

/// Prints like its namesake of the standard library, which panics when its reader has gone away
/// (`studio log RUN | head`): that must not end a run in the middle of its work.
macro_rules! print {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($words)*);
    }};
}

/// As `print!`, and ends the line, which no terminal obeys: what it would is escaped as JSON does.
macro_rules! println {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{}", studio_core::text::escaped(&format!($($words)*)));
    }};
}

mod anchored;
mod card;
mod claims;
mod cli;
mod commands;
pub mod exit;
mod give_up;
mod live;
mod older;
mod operator;
mod registry;
mod rules;
pub mod sample;
mod scripts;
mod site;
mod story;
mod tail;
mod traces;
mod trust;
mod wiring;
mod work;

use clap::Parser;
use cli::{Cli, Command, MemoryCommand, PlaceArgs, PolicyCommand};
use commands::judge::What;
use exit::{Exit, Failure};
use serde_json::json;
use site::Site;
use std::io::Write;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    // A shim is one thread that inherits next to nothing: nothing else may have begun.
    if std::env::args_os().skip(1).eq([claims::SHIM]) {
        return studio_host::claim::shim();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { Exit::Done as u8 });
        }
    };
    let filter = EnvFilter::try_from_env("STUDIO_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
    let json = cli.place.json;
    let exit = match dispatch(cli) {
        Ok(exit) => exit,
        Err(Failure { exit, why }) => {
            if json {
                println!("{}", json!({ "v": 1, "type": "error", "exit": exit as u8, "why": why }));
            } else {
                eprintln!("studio: {}", studio_core::text::visible(&why));
            }
            exit
        }
    };
    let _ = std::io::stdout().flush();
    ExitCode::from(exit as u8)
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let Cli { command, place } = cli;
    if let Command::Demo { dir } = command {
        return commands::demo::demo(dir, place.json);
    }
    if let Command::Judge { what, .. } = command
        && what != What::Diff
    {
        return commands::judge::judge(what);
    }
    if let Command::Policy { what: PolicyCommand::Explain { target, argv } } = command {
        return commands::policy::explain(target.as_deref(), &argv, place.json);
    }
    in_place(command, &place)
}

/// Does what needs a repository.
fn in_place(command: Command, place: &PlaceArgs) -> Result<Exit, Failure> {
    let (site, json) = (Site::find(place)?, place.json);
    match command {
        Command::Demo { .. } | Command::Policy { .. } => Ok(Exit::Done),
        Command::Judge { stage, .. } => commands::judge::diff(&site, stage),
        Command::Init { undo: true, .. } => commands::init::undo(&site, json),
        Command::Init { name, undo: false } => commands::init::init(&site, name, json),
        Command::Trust { yes } => commands::trust::trust(&site, yes, json),
        Command::Doctor => commands::doctor::doctor(&site, json),
        Command::Audit => commands::audit::audit(&site, json),
        Command::Tickets { accept: Some(run), .. } => commands::curate::accept(&site, &run, json),
        Command::Tickets { proposed: true, .. } => commands::curate::proposed(&site, json),
        Command::Tickets { all, .. } => commands::tickets::tickets(&site, all, json),
        Command::Add { text, signal } => commands::add::add(&site, text, signal, json),
        Command::Run(args) => commands::run::run(&site, args, json),
        Command::Resume { run, model, scenario } => commands::resume::resume(&site, &run, model.as_deref(), scenario.as_deref(), json),
        Command::Status { run } => commands::status::status(&site, run.as_deref(), json),
        Command::Log { run, follow } => commands::log::log(&site, &run, follow, json),
        Command::Report { run } => commands::report::report(&site, &run, json),
        Command::Diff { run } => commands::diff::diff(&site, &run, json),
        Command::Trace { run } => commands::trace::trace(&site, &run, json),
        Command::Gc { days, keep_mib, yes } => commands::gc::gc(&site, days, keep_mib, yes, json),
        Command::Memory { what: MemoryCommand::Search { words, most } } => commands::memory::search(&site, &words, most, json),
        Command::Executor => live::executor(&site),
        Command::Approvals => commands::answer::approvals(&site, json),
        Command::Approve(args) => commands::answer::approve(&site, &args, json),
        Command::Deny(args) => commands::answer::deny(&site, &args, json),
        Command::Settle { run, step, what, reason } => commands::answer::settle(&site, &run, step, what, &reason, json),
        Command::Cancel { run, reason } => commands::cancel::cancel(&site, &run, reason.as_deref(), json),
        Command::Stop { run, .. } => commands::stop::stop(&site, run.as_deref(), json),
        Command::Freeze { reason, lift } => commands::freeze::freeze(&site, reason.as_deref(), lift, json),
        Command::Adopt { yes } => commands::adopt::adopt(&site, yes, json),
        Command::Verify { run } => commands::verify::verify(&site, &run, json),
        Command::Script { what } => commands::script::script(&site, what, json),
        Command::Replay { run } => commands::replay::replay(&site, &run, json),
    }
}

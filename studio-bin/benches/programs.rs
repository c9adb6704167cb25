//! Programs that a figure starts: the release binary, and git as a user types it.

use crate::estate::Estate;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a program took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Took {
    /// By the clock on the wall.
    pub(crate) wall: Duration,
    /// Processor time of it and of the children it waited for; in steps of a kernel's tick, mostly 10 ms.
    pub(crate) cpu: Duration,
}

/// Runs a program to its end; returns what it wrote and what it took.
///
/// # Errors
/// It does not start, or fails.
#[expect(clippy::disallowed_types, reason = "what is measured is a process")]
pub(crate) fn run(program: &str, args: &[&str], dir: &Path, vars: &[(&str, &str)]) -> Result<(String, Took)> {
    let (before, begun) = (children()?, Instant::now());
    let mut command = std::process::Command::new(program);
    let output =
        quiet(&mut command).args(args).current_dir(dir).envs(vars.iter().copied()).output().with_context(|| format!("failed to start {program}"))?;
    let took = Took { wall: begun.elapsed(), cpu: children()?.saturating_sub(before) };
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {args:?} ended with {}: {said}", output.status);
    Ok((String::from_utf8(output.stdout)?, took))
}

/// Runs git in `dir`, as its user would.
///
/// # Errors
/// As [`run`].
pub(crate) fn git(dir: &Path, args: &[&str]) -> Result<String> {
    Ok(run("git", args, dir, &[])?.0.trim_end().to_string())
}

/// Runs studio over a repository.
///
/// # Errors
/// As [`run`].
pub(crate) fn studio(estate: &Estate, args: &[&str]) -> Result<(String, Took)> {
    run(env!("CARGO_BIN_EXE_studio"), &placed(estate, args), &estate.root, &[])
}

/// Runs studio and returns each line it writes with the time at which it came, and what it took.
///
/// # Errors
/// As [`run`].
#[expect(clippy::disallowed_types, reason = "what is measured is a process")]
pub(crate) fn lines(estate: &Estate, args: &[&str]) -> Result<(Vec<(Duration, String)>, Took)> {
    let (before, begun) = (children()?, Instant::now());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_studio"));
    let mut child = quiet(&mut command).args(placed(estate, args)).stdout(std::process::Stdio::piped()).spawn()?;
    let out = child.stdout.take().context("no standard output")?;
    let lines = BufReader::new(out).lines().map(|line| Ok((begun.elapsed(), line?))).collect::<Result<Vec<_>>>()?;
    let status = child.wait()?;
    ensure!(status.success(), "studio {args:?} ended with {status}: {lines:?}");
    Ok((lines, Took { wall: begun.elapsed(), cpu: children()?.saturating_sub(before) }))
}

fn placed<'a>(estate: &'a Estate, args: &[&'a str]) -> Vec<&'a str> {
    let places = ["--repo", estate.root.to_str().unwrap_or_default(), "--operator", estate.operator.to_str().unwrap_or_default()];
    args.iter().copied().chain(places).collect()
}

/// Keeps the settings of whoever measures out of what is measured.
#[expect(clippy::disallowed_types, reason = "what is measured is a process")]
fn quiet(command: &mut std::process::Command) -> &mut std::process::Command {
    for (name, value) in [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_AUTHOR_DATE", "1767225600 +0000")] {
        command.env(name, value);
    }
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "A Bench").env(format!("GIT_{role}_EMAIL"), "bench@localhost");
    }
    command
}

/// Returns the processor time of all children that were waited for.
fn children() -> Result<Duration> {
    const TICKS_A_SECOND: u64 = 100;
    let text = fs::read_to_string("/proc/self/stat")?;
    let rest = text.rsplit_once(')').context("a strange /proc/self/stat")?.1;
    let ticks = rest.split_whitespace().skip(13).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_A_SECOND))
}

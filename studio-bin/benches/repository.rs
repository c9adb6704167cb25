//! What a repository costs: `tickets`, `audit`, `doctor`, a ticket with worktree, commit and commands, git alone,
//! and what makes one step durable.
//!
//! `cargo bench --bench repository` prints the table; without `--bench` everything is done once and small, to see
//! that it works. With `--make DIR` the repositories are made there and left, for a profiler. Nothing is asserted
//! about time.

#[expect(dead_code, reason = "the loop's figures count syncs too")]
mod bare;
mod durable;
mod estate;
#[expect(dead_code, reason = "the loop's figures ask for its memory too")]
mod machine;
mod plumbing;
mod programs;
mod stages;
mod table;

use anyhow::{Result, ensure};
use bare::Groups;
use estate::Estate;
use programs::{Took, run, studio};
use stages::{Share, shares};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use studio_core::tree::{MemoryTree, Tree};
use studio_files::intake::Queue;
use studio_host::git::GitRepo;
use table::{median, ms, ratio, row};

/// How much is measured.
struct Size {
    files: usize,
    tickets: usize,
    starts: usize,
    labs: [Lab; 2],
    worked: usize,
    steps: u32,
}

/// A repository whose tickets are worked.
#[derive(Clone, Copy)]
struct Lab {
    files: usize,
    rounds: usize,
    plumbed: usize,
}

const FULL: Size = Size {
    files: 2000,
    tickets: 500,
    starts: 20,
    labs: [Lab { files: 100, rounds: 3, plumbed: 15 }, Lab { files: 2000, rounds: 1, plumbed: 5 }],
    worked: 21,
    steps: 101,
};
const ONCE: Size = Size {
    files: 60,
    tickets: 20,
    starts: 1,
    labs: [Lab { files: 8, rounds: 1, plumbed: 1 }, Lab { files: 16, rounds: 1, plumbed: 1 }],
    worked: 2,
    steps: 2,
};

/// Appends of which one is told.
const SYNCS: usize = 101;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1).map(Path::new);
    if let Some(dir) = given("--make") {
        Estate::queue(&dir.join("queue"), FULL.files, FULL.tickets)?;
        return FULL.labs.iter().try_for_each(|lab| Estate::work(&dir.join(format!("work-{}", lab.files)), lab.files, FULL.worked + 1).map(drop));
    }
    let size = if args.iter().any(|arg| arg == "--bench") { FULL } else { ONCE };
    let dir = tempfile::tempdir_in(given("--in").unwrap_or(Path::new(env!("CARGO_TARGET_TMPDIR"))))?;
    let cores = std::thread::available_parallelism()?;
    println!("\non {cores} cores, {} at {}; medians\n", machine::file_system(dir.path())?, dir.path().display());
    row("", "figure", "beside it", "ratio", "wanted");
    durable(dir.path(), size.steps)?;
    queue(&dir.path().join("queue"), &size)?;
    for lab in size.labs {
        row(&format!("-- {} files", lab.files), "", "", "", "");
        let dir = dir.path().join(format!("work-{}", lab.files));
        for mode in ["live", "simulate"] {
            work(&dir.join(mode), mode, lab, size.worked)?;
        }
        plumbing(&dir.join("git"), lab)?;
    }
    Ok(())
}

/// What is only read: the queue, the audit, the doctor; each a process.
fn queue(dir: &Path, size: &Size) -> Result<()> {
    let estate = Estate::queue(dir, size.files, size.tickets)?;
    let start = times(size.starts, || Ok(run(env!("CARGO_BIN_EXE_studio"), &["--version"], &estate.root, &[])?.1))?;
    let idle = times(size.starts, || Ok(run("true", &[], &estate.root, &[])?.1))?;
    let files = run("git", &["ls-files"], &estate.root, &[])?.0.lines().count();
    row(&format!("-- {files} files, {} tickets", size.tickets), "", "", "", "");
    row("a process of studio", &ms(start.wall), &format!("true {}", ms(idle.wall)), &ratio(start.wall, idle.wall), "");
    for (what, args, wanted) in [("tickets", &["tickets", "--all"][..], "100 ms"), ("audit", &["audit"], ""), ("doctor", &["doctor"], "")] {
        let took = times(size.starts, || {
            let (said, took) = studio(&estate, args)?;
            ensure!(what != "tickets" || said.contains("TICKET_006") && said.contains("TICKET_019"), "it said {said:?}");
            Ok(took)
        })?;
        row(&format!("studio {what}"), &ms(took.wall), &format!("processor {}", ms(took.cpu)), "", wanted);
    }
    let (mut git, mut base, mut parsed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.starts {
        let begun = Instant::now();
        let tree = GitRepo::discover(&estate.root)?.base(None)?;
        git.push(begun.elapsed());
        let entries = Queue::read(&estate.root, &tree)?.entries().len();
        base.push(begun.elapsed());
        ensure!(entries == size.tickets, "{entries} tickets were read");
        let mut copy = BTreeMap::new();
        for path in tree.list(usize::MAX)?.into_iter().filter(|path| path.as_str().starts_with("ai/")) {
            copy.insert(path.clone(), tree.read(&path)?.unwrap_or_default());
        }
        let (copy, begun) = (MemoryTree(copy), Instant::now());
        Queue::read(&estate.root, &copy)?;
        parsed.push(begun.elapsed());
    }
    let [git, base, parsed] = [git, base, parsed].map(median);
    row("  of tickets: opening the repository", &ms(git), "", "", "");
    row("  of tickets: reading files and parsing", &ms(parsed), "", "", "");
    row("  of tickets: comparing with the base", &ms((base - git).saturating_sub(parsed)), "", "", "");
    Ok(())
}

/// Tickets that are really worked, or rehearsed: one alone, then many in one process.
fn work(dir: &Path, mode: &str, lab: Lab, worked: usize) -> Result<()> {
    let (mut alone, mut each, mut cpus, mut bare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut parts: BTreeMap<Share, Vec<Duration>> = BTreeMap::new();
    let mut journal = (0, 0);
    for round in 0..lab.rounds {
        let estate = Estate::work(&dir.join(format!("{round}")), lab.files, worked + 1)?;
        let model = format!("scripted:{}", estate.answers().display());
        let args = |what| [&["run", what][..], &["--mode", mode, "--model", &model, "--crew", "small", "--json"]].concat();
        let first = estate::ticket(0);
        let (_, Took { wall, .. }) = programs::lines(&estate, &args(&first))?;
        alone.push(wall);
        let (lines, Took { wall: all, cpu }) = programs::lines(&estate, &args("--all"))?;
        let (done, stages) = shares(&lines)?;
        // A rehearsal ticks nothing, so the first one is ready still.
        ensure!(done.len() == worked + usize::from(mode == "simulate"), "{} tickets were worked", done.len());
        each.push(all.saturating_sub(wall) / u32::try_from(done.len() - 1)?);
        cpus.push(cpu / u32::try_from(done.len())?);
        for (share, time) in stages {
            parts.entry(share).or_default().push(time);
        }
        let runs = estate.root.join("ai/state").join(if mode == "live" { "runs" } else { "simulated" });
        for run in &done {
            let text = std::fs::read_to_string(runs.join(run).join("journal.jsonl"))?;
            journal = (text.len(), text.lines().count());
            let groups = Groups::of(text.lines().map(|line| line.len() + 1).collect());
            let begun = Instant::now();
            groups.append_as_run(&runs, &format!("bare-{run}"))?;
            bare.push(begun.elapsed());
        }
    }
    let (alone, each, bare) = (median(alone), median(each), median(bare));
    let wanted = if mode == "live" { "25 ms" } else { "" };
    row(&format!("studio run TICKET --mode {mode}"), &ms(alone), "", "", "");
    row("  each further ticket", &ms(each), &format!("bare appends {}", ms(bare)), &ratio(each, bare), wanted);
    row("  its processor time", &ms(median(cpus)), &format!("{} bytes, {} events", journal.0, journal.1), "", "");
    for (share, times) in parts {
        let wanted = if (share, mode) == (Share::Command, "live") { "5.00 ms" } else { "" };
        row(&format!("  of it: {}", share.words()), &ms(median(times)), "", "", wanted);
    }
    Ok(())
}

/// The part of a step that makes it durable, beside the sync of one line.
fn durable(dir: &Path, count: u32) -> Result<()> {
    let (steps, sync) = (durable::steps(dir, count)?, synced(dir)?);
    let of = |part: fn(&durable::Parts) -> Duration| median(steps.iter().map(part).collect());
    let idle = times(count as usize, || Ok(run("true", &[], dir, &[])?.1))?.wall;
    let whole = of(|parts| parts.whole);
    let cost = whole.saturating_sub(idle);
    row("-- one step", "", "", "", "");
    row("intent, claim, exit, outcome", &ms(cost), &format!("an fdatasync {}", ms(sync)), &ratio(cost, sync), "5.00 ms");
    row("  with the program", &ms(whole), &format!("true {}", ms(idle)), &ratio(whole, idle), "");
    row("  of that: intent and outcome", &ms(of(|parts| parts.lines)), "", "", "");
    row("  of that: anchor, order and claim", &ms(of(|parts| parts.claim)), "", "", "");
    row("  of that: the program and its exit", &ms(of(|parts| parts.exit)), "", "", "");
    row("  after it: the shim is gone", &ms(of(|parts| parts.gone)), "", "", "");
    Ok(())
}

/// Returns what it takes to append a line and bring it to disk.
fn synced(dir: &Path) -> Result<Duration> {
    let mut file = std::fs::File::create(dir.join("synced"))?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[b'x'; 512])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(median(times))
}

/// Git's part alone, by us and by git's own command line.
fn plumbing(dir: &Path, lab: Lab) -> Result<()> {
    let estate = Estate::work(dir, lab.files, 1)?;
    let (mut ours, mut theirs, mut synced, mut greeted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for no in 0..lab.plumbed {
        ours.push(plumbing::ours(&estate, no)?);
        theirs.push(plumbing::theirs(&estate, no, &[])?);
        synced.push(plumbing::theirs(&estate, no, &["-c", "core.fsync=all"])?);
        greeted.push(plumbing::executor(&estate)?);
    }
    row("  the Executor's start", &ms(median(greeted)), "", "", "");
    for (what, part) in [
        ("commit on a branch, synced", (|parts| parts.commit) as fn(&plumbing::Parts) -> Duration),
        ("checkout", |parts| parts.checkout),
        ("its removal", |parts| parts.discard),
        ("all of git", |parts| parts.commit + parts.checkout),
    ] {
        let [ours, theirs, synced] = [&ours, &theirs, &synced].map(|parts| median(parts.iter().map(part).collect()));
        row(&format!("  git: {what}"), &ms(ours), &format!("command line {}", ms(theirs)), &ratio(ours, theirs), "");
        if what.ends_with("synced") {
            row("", "", &format!("that syncs {}", ms(synced)), &ratio(ours, synced), "");
        }
    }
    Ok(())
}

/// Does something several times; returns the median wall and the mean processor time.
fn times(count: usize, mut once: impl FnMut() -> Result<Took>) -> Result<Took> {
    let took: Vec<Took> = (0..count).map(|_| once()).collect::<Result<_>>()?;
    let cpu = took.iter().map(|took| took.cpu).sum::<Duration>() / u32::try_from(count)?;
    Ok(Took { wall: median(took.iter().map(|took| took.wall).collect()), cpu })
}

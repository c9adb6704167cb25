//! What the loop costs, in figures and ratios of one run on this machine. Nothing is asserted about time.
//!
//! `cargo bench` prints the table; without `--bench` everything is done once, to see that it works.
//! Let some minutes pass between two runs: ext4 passes over inodes that were freed a moment ago, which
//! makes new files dear, and every run ends with the removal of thousands.

mod bare;
mod flight;
mod machine;
mod memory;
mod office;
mod table;

use anyhow::{Context, Result, ensure};
use bare::{Counted, Groups};
use memory::Long;
use office::{Kind, Office};
use std::path::Path;
use std::time::{Duration, Instant};
use studio_core::store::OsDisk;
use table::{median, ms, ratio, row};

/// How much is measured.
struct Size {
    tickets: usize,
    rounds: usize,
    batch: usize,
    flights: usize,
    in_flight: usize,
    starts: usize,
    events: usize,
}

const FULL: Size = Size { tickets: 301, rounds: 5, batch: 40, flights: 3, in_flight: 1000, starts: 41, events: 10_000 };
const ONCE: Size = Size { tickets: 1, rounds: 1, batch: 1, flights: 1, in_flight: 10, starts: 1, events: 100 };

/// How `studio` ends where a human is asked.
const NEEDS_HUMAN: i32 = 4;

/// About as many bytes as a run's first line has.
const LINE_BYTES: usize = 1300;

/// Steps of the runbook, and whether the crew is the one that is shipped.
const KINDS: [(usize, bool); 3] = [(0, false), (1, false), (1, true)];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [what, flight @ ..] = &args[..]
        && what == flight::ARGUMENT
    {
        return flight::fly(flight);
    }
    let size = if args.iter().any(|arg| arg == "--bench") { FULL } else { ONCE };
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let cores = std::thread::available_parallelism()?;
    println!("\non {cores} cores, {} at {}; medians\n", machine::file_system(dir.path())?, dir.path().display());
    row("", "figure", "beside it", "ratio", "wanted");
    for (no, (steps, shipped)) in KINDS.into_iter().enumerate() {
        let kind = Kind { steps, shipped, thinks: Duration::ZERO };
        actix::System::new().block_on(one_by_one(&dir.path().join(format!("office-{no}")), kind, &size))?;
    }
    for (no, (steps, shipped)) in KINDS.into_iter().enumerate() {
        flights(&dir.path().join(format!("flight-{no}")), steps, shipped, &size)?;
    }
    cold_start(dir.path(), &size)?;
    actix::System::new().block_on(in_memory(&size))
}

/// Tickets one after the other, each beside its bare appends.
async fn one_by_one(dir: &Path, kind: Kind, size: &Size) -> Result<()> {
    std::fs::create_dir(dir)?;
    let office = Office::open(kind, kind.crew())?;
    office.file(OsDisk, dir, 0).await?; // the folders are there and the threads run
    let counted = Counted::default();
    office.file(counted.clone(), dir, 1).await?;
    let groups = counted.groups();
    let bytes = std::fs::metadata(office::journal(dir, 1)?)?.len();
    ensure!(groups.bytes.iter().sum::<usize>() as u64 == bytes, "the bytes of the journal were not all counted");
    let (mut walls, mut cpus) = ([const { Vec::new() }; WAYS], [const { Vec::new() }; WAYS]);
    for turn in 0..WAYS * size.tickets {
        let begun = Instant::now();
        once(&office, &groups, dir, turn % WAYS, 2 + turn).await?;
        walls[turn % WAYS].push(begun.elapsed());
    }
    for round in 0..WAYS * size.rounds {
        let before = machine::cpu()?;
        for no in 0..size.batch {
            once(&office, &groups, dir, round % WAYS, 2 + WAYS * size.tickets + round * size.batch + no).await?;
        }
        cpus[round % WAYS].push((machine::cpu()? - before) / u32::try_from(size.batch)?);
    }
    let ([wall, bare, as_run], [cpu, bare_cpu, _]) = (walls.map(median), cpus.map(median));
    row(
        &format!("one ticket, {}", name(kind.steps, kind.shipped)),
        &ms(wall),
        &format!("bare appends {}", ms(bare)),
        &ratio(wall, bare),
        "1.30, goal 1.05",
    );
    row("", "", &format!("in a synced folder {}", ms(as_run)), &ratio(wall, as_run), "");
    row("  its processor time", &ms(cpu), &format!("bare appends {}", ms(bare_cpu)), &ratio(cpu, bare_cpu), "1.50 ms");
    row("  its journal", &format!("{bytes} bytes"), &format!("{} syncs, {} of folders", groups.bytes.len(), groups.folders), "", "");
    Ok(())
}

/// The ways to write a ticket's journal: by its loop; bare; bare, but in a folder of its own.
const WAYS: usize = 3;

async fn once(office: &Office, groups: &Groups, dir: &Path, way: usize, no: usize) -> Result<()> {
    match way {
        0 => office.file(OsDisk, dir, no).await,
        1 => groups.append(&dir.join(format!("bare-{no}")), &[]),
        _ => groups.append_as_run(dir, &format!("run-{no}")),
    }
}

/// Many tickets at once, each time in a process of its own, so that its memory is theirs.
fn flights(dir: &Path, steps: usize, shipped: bool, size: &Size) -> Result<()> {
    let (mut walls, mut cpus, mut memory, mut bare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for no in 0..size.flights {
        let dir = format!("{}-{no}", dir.display());
        let args = [flight::ARGUMENT, &dir, &size.in_flight.to_string(), &steps.to_string(), &shipped.to_string()];
        let said = start(&std::env::current_exe()?, &args)?;
        let figures: Vec<u64> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [wall, cpu, bytes] = figures[..] else { anyhow::bail!("a flight said {said:?}") };
        walls.push(Duration::from_micros(wall));
        cpus.push(Duration::from_micros(cpu));
        memory.push(bytes);
        bare.push(bare::open_runs(Path::new(&format!("{dir}-bare")), size.in_flight, LINE_BYTES)?);
    }
    let (wall, thinks, bare) = (median(walls), flight::THINKS * flight::CALLS, median(bare));
    row(
        &format!("{} at once, {}", size.in_flight, name(steps, shipped)),
        &ms(wall),
        &format!("the model's time {}", ms(thinks)),
        &ratio(wall, thinks),
        "1.10",
    );
    row("", "", &format!("and bare new files {}", ms(thinks + bare)), &ratio(wall, thinks + bare), "");
    row("  each one's memory", &format!("{:.1} KiB", median(memory) as f64 / 1024.0), "", "", "35 KiB");
    row("  each one's processor time", &ms(median(cpus)), "", "", "");
    Ok(())
}

/// `studio status` on the demo's repository, beside a process that does nothing.
fn cold_start(dir: &Path, size: &Size) -> Result<()> {
    let (studio, nothing) = (Path::new(env!("CARGO_BIN_EXE_studio")), Path::new("true"));
    let demo = dir.join("demo").display().to_string();
    start(studio, &["demo", "--dir", &demo])?;
    let (repo, operator) = (format!("{demo}/homelab"), format!("{demo}/operator"));
    let (mut status, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..size.starts {
        let begun = Instant::now();
        start(nothing, &[])?;
        idle.push(begun.elapsed());
        let begun = Instant::now();
        let said = start(studio, &["status", "--repo", &repo, "--operator", &operator])?;
        status.push(begun.elapsed());
        ensure!(said.contains("pin-web-image"), "status said {said:?}");
    }
    let (status, idle) = (median(status), median(idle));
    row("studio status, cold", &ms(status), &format!("true {}", ms(idle)), &ratio(status, idle), "20.00 ms");
    let parked = memory::lengthen(&Path::new(&repo).join("ai/state/simulated"), size.events)?;
    let mut resumed = Vec::new();
    for _ in 0..size.starts {
        let begun = Instant::now();
        let said = wait_for(studio, &["resume", &parked.run, "--repo", &repo, "--operator", &operator], NEEDS_HUMAN)?;
        resumed.push(begun.elapsed());
        ensure!(said.contains("approve"), "resume said {said:?}");
    }
    let resumed = median(resumed);
    row(&format!("studio resume of {} events", parked.events), &ms(resumed), &format!("true {}", ms(idle)), &ratio(resumed, idle), "200.00 ms");
    Ok(())
}

async fn in_memory(size: &Size) -> Result<()> {
    let (mut asked, mut took) = (0, Vec::new());
    for _ in 0..size.flights {
        let (messages, time) = memory::advise().await?;
        asked = messages;
        took.push(time);
    }
    let took = median(took);
    row(&format!("{asked} messages to advisers"), &ms(took), &format!("{:.0} a second", asked as f64 / took.as_secs_f64()), "", "");
    let long = Long::write(size.events).await?;
    let times: Vec<(Duration, Duration)> = (0..size.flights).map(|_| long.read()).collect::<Result<_>>()?;
    let both = median(times.iter().map(|(read, fold)| *read + *fold).collect());
    let (read, fold): (Vec<Duration>, Vec<Duration>) = times.into_iter().unzip();
    row(&format!("a journal of {} events, read", long.events), &ms(median(read)), &format!("{} bytes", long.bytes.len()), "", "");
    row("  and folded", &ms(median(fold)), "", "", "");
    row("  both, as a resume does", &ms(both), "", "", "200.00 ms");
    Ok(())
}

fn start(program: &Path, args: &[&str]) -> Result<String> {
    wait_for(program, args, 0)
}

/// Runs a program that must end with that status; returns what it wrote.
#[expect(clippy::disallowed_types, reason = "a cold start is one of a process, and a flight's memory is a process's")]
fn wait_for(program: &Path, args: &[&str], status: i32) -> Result<String> {
    let output = std::process::Command::new(program).args(args).output().with_context(|| format!("failed to start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(status), "{} {args:?} ended with {}: {said}", program.display(), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

fn name(steps: usize, shipped: bool) -> String {
    format!("{steps} steps, {}", if shipped { "shipped crew" } else { "plain crew" })
}

//! What the loop costs, in figures and ratios of one run on this machine. Nothing is asserted about time.
//!
//! `cargo bench` prints the table; without `--bench` everything is done once, to see that it works.

mod bare;
mod machine;
mod memory;
mod office;

use anyhow::{Context, Result, ensure};
use bare::Counted;
use memory::Long;
use office::{Kind, Office};
use std::path::Path;
use std::time::{Duration, Instant};
use studio_core::store::OsDisk;

/// How long the slow model takes, and how often each ticket asks it.
const THINKS: Duration = Duration::from_millis(500);
const CALLS: u32 = 3;

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

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [what, dir, in_flight, steps, shipped] = &args[..]
        && what == "--flight"
    {
        let kind = Kind { steps: steps.parse()?, shipped: shipped.parse()?, thinks: THINKS };
        return flight(Path::new(dir), in_flight.parse()?, kind);
    }
    let size = if args.iter().any(|arg| arg == "--bench") { FULL } else { ONCE };
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let cores = std::thread::available_parallelism()?;
    println!("\non {cores} cores, {} at {}; medians\n", machine::file_system(dir.path())?, dir.path().display());
    row("", "figure", "beside it", "ratio", "wanted");
    for (no, (steps, shipped)) in [(0, false), (1, false), (1, true)].into_iter().enumerate() {
        let kind = Kind { steps, shipped, thinks: Duration::ZERO };
        actix::System::new().block_on(one_by_one(&dir.path().join(format!("office-{no}")), kind, &size))?;
    }
    for (no, (steps, shipped)) in [(0, false), (1, false), (1, true)].into_iter().enumerate() {
        flights(&dir.path().join(format!("flight-{no}")), Kind { steps, shipped, thinks: THINKS }, &size)?;
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
    let (mut no, mut walls, mut cpus) = (1, [Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for turn in 0..2 * size.tickets {
        no += 1;
        let begun = Instant::now();
        match turn % 2 {
            0 => office.file(OsDisk, dir, no).await?,
            _ => groups.append(&dir.join(format!("bare-{no}")))?,
        }
        walls[turn % 2].push(begun.elapsed());
    }
    for turn in 0..2 * size.rounds {
        let before = machine::cpu()?;
        for _ in 0..size.batch {
            no += 1;
            match turn % 2 {
                0 => office.file(OsDisk, dir, no).await?,
                _ => groups.append(&dir.join(format!("bare-{no}")))?,
            }
        }
        cpus[turn % 2].push((machine::cpu()? - before) / u32::try_from(size.batch)?);
    }
    let ([wall, bare], [cpu, bare_cpu]) = (walls.map(median), cpus.map(median));
    row(&format!("one ticket, {}", name(kind)), &ms(wall), &format!("bare appends {}", ms(bare)), &ratio(wall, bare), "1.30, goal 1.05");
    row("  its processor time", &ms(cpu), &format!("bare appends {}", ms(bare_cpu)), &ratio(cpu, bare_cpu), "1.50 ms");
    row("  its journal", &format!("{bytes} bytes"), &format!("{} syncs, {} of folders", groups.bytes.len(), groups.folders), "", "");
    Ok(())
}

/// Many tickets at once, each time in a process of its own, so that its memory is theirs.
fn flights(dir: &Path, kind: Kind, size: &Size) -> Result<()> {
    let (mut walls, mut cpus, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for no in 0..size.flights {
        let dir = format!("{}-{no}", dir.display());
        let args = ["--flight", &dir, &size.in_flight.to_string(), &kind.steps.to_string(), &kind.shipped.to_string()];
        let said = start(&std::env::current_exe()?, &args)?;
        let figures: Vec<u64> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [wall, cpu, bytes] = figures[..] else { anyhow::bail!("a flight said {said:?}") };
        walls.push(Duration::from_micros(wall));
        cpus.push(Duration::from_micros(cpu));
        memory.push(bytes);
    }
    let (wall, thinks) = (median(walls), THINKS * CALLS);
    row(&format!("{} at once, {}", size.in_flight, name(kind)), &ms(wall), &format!("the model's time {}", ms(thinks)), &ratio(wall, thinks), "1.10");
    row("  each one's memory", &format!("{:.1} KiB", median(memory) as f64 / 1024.0), "", "", "35 KiB");
    row("  each one's processor time", &ms(median(cpus)), "", "", "");
    Ok(())
}

/// One flight: prints its time and one ticket's processor time in microseconds, and one ticket's memory in bytes.
fn flight(dir: &Path, in_flight: usize, kind: Kind) -> Result<()> {
    std::fs::create_dir(dir)?;
    let figures = actix::System::new().block_on(async {
        let office = std::rc::Rc::new(Office::open(Kind { thinks: Duration::ZERO, ..kind }, kind.crew())?);
        office.file(OsDisk, dir, 0).await?;
        let ((before, _), cpu, begun) = (machine::memory()?, machine::cpu()?, Instant::now());
        let cores = std::thread::available_parallelism()?.get();
        let (done, mut carried) = tokio::sync::mpsc::channel(cores);
        let arbiters: Vec<actix::Arbiter> = (0..cores).map(|_| actix::Arbiter::new()).collect();
        for (core, arbiter) in arbiters.iter().enumerate() {
            let (done, dir) = (done.clone(), dir.to_path_buf());
            arbiter.spawn_fn(move || {
                actix::spawn(async move { done.send(carry(&dir, (core + 1..=in_flight).step_by(cores), kind).await).await });
            });
        }
        drop(done);
        while let Some(result) = carried.recv().await {
            result?;
        }
        let each = u32::try_from(in_flight)?;
        let (wall, cpu, (_, most)) = (begun.elapsed(), (machine::cpu()? - cpu) / each, machine::memory()?);
        anyhow::Ok(format!("{} {} {}", wall.as_micros(), cpu.as_micros(), (most - before) * 1024 / u64::from(each)))
    })?;
    println!("{figures}");
    Ok(())
}

/// Carries the tickets of one thread, all at once.
async fn carry(dir: &Path, tickets: impl Iterator<Item = usize>, kind: Kind) -> Result<()> {
    let office = std::rc::Rc::new(Office::open(kind, kind.crew())?);
    let begin = |no| {
        let (office, dir) = (std::rc::Rc::clone(&office), dir.to_path_buf());
        actix::spawn(async move { office.file(OsDisk, &dir, no).await })
    };
    let begun: Vec<_> = tickets.map(begin).collect();
    for ticket in begun {
        ticket.await??;
    }
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
    let (read, fold): (Vec<Duration>, Vec<Duration>) = times.into_iter().unzip();
    row(&format!("a journal of {} events, read", long.events), &ms(median(read)), &format!("{} bytes", long.bytes.len()), "", "");
    row("  and folded", &ms(median(fold)), "", "", "");
    Ok(())
}

#[expect(clippy::disallowed_types, reason = "a cold start is one of a process, and a flight's memory is a process's")]
fn start(program: &Path, args: &[&str]) -> Result<String> {
    let output = std::process::Command::new(program).args(args).output().with_context(|| format!("failed to start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {args:?} ended with {}: {said}", program.display(), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

fn name(kind: Kind) -> String {
    format!("{} steps, {}", kind.steps, if kind.shipped { "shipped crew" } else { "plain crew" })
}

fn median<T: Ord + Copy + Default>(mut figures: Vec<T>) -> T {
    figures.sort();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

fn ratio(one: Duration, other: Duration) -> String {
    format!("{:.2}", one.as_secs_f64() / other.as_secs_f64())
}

fn row(what: &str, figure: &str, beside: &str, ratio: &str, wanted: &str) {
    println!("{what:<36} {figure:>12}  {beside:<28} {ratio:>6}  {wanted}");
}

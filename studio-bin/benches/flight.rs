//! Many tickets at once in one process, with a model that takes its time.

use crate::machine;
use crate::office::{Kind, Office};
use anyhow::{Result, bail};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};
use studio_core::store::OsDisk;

/// The argument that makes this program a flight: a folder, how many tickets, steps, shipped crew or not.
pub(crate) const ARGUMENT: &str = "--flight";

/// How long the slow model takes.
pub(crate) const THINKS: Duration = Duration::from_millis(500);

/// How often each ticket asks it.
pub(crate) const CALLS: u32 = 3;

/// Flies once and prints the time and one ticket's processor time in microseconds, and one ticket's
/// memory in bytes.
pub(crate) fn fly(args: &[String]) -> Result<()> {
    let [dir, in_flight, steps, shipped] = args else { bail!("a flight takes four arguments") };
    let (dir, in_flight) = (Path::new(dir), in_flight.parse()?);
    let kind = Kind { steps: steps.parse()?, shipped: shipped.parse()?, thinks: THINKS };
    std::fs::create_dir(dir)?;
    actix::System::new().block_on(async {
        let first = Kind { thinks: Duration::ZERO, ..kind };
        Office::open(first, first.crew())?.file(OsDisk, dir, 0).await?; // the folders are there and the threads run
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
        println!("{} {} {}", wall.as_micros(), cpu.as_micros(), (most - before) * 1024 / u64::from(each));
        Ok(())
    })
}

/// Carries the tickets of one thread, all at once. They are begun one by one, so that the first ones
/// are at work while the last ones are begun: otherwise they would wait for each other at every turn.
async fn carry(dir: &Path, tickets: impl Iterator<Item = usize>, kind: Kind) -> Result<()> {
    let (office, mut begun) = (Rc::new(Office::open(kind, kind.crew())?), Vec::new());
    for no in tickets {
        let (office, dir) = (Rc::clone(&office), dir.to_path_buf());
        begun.push(actix::spawn(async move { office.file(OsDisk, &dir, no).await }));
        tokio::task::yield_now().await;
    }
    for ticket in begun {
        ticket.await??;
    }
    Ok(())
}

//! What it costs that a command can neither run twice nor be lost: its intent, claim, exit and outcome on disk.
//!
//! Nothing is judged here and no files are checked out; that is what the loop does around it. The program does
//! nothing, so what is left is the shim, its second stage, the records and their syncs.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use studio_core::name::{Digest, RunId};
use studio_core::step::{Op, StepNo};
use studio_host::claim::shim::ORDER_VERSION;
use studio_host::claim::{Answer, ClaimStore, Entry, Look, Ready, ShimOrder, Task};

/// Bytes of a granted intent in a journal, and of an outcome.
const INTENT: usize = 700;
const OUTCOME: usize = 900;
/// What a shim has to get ready in.
const MEANWHILE: Duration = Duration::from_millis(30);
/// Longer than the program takes.
const LONG: Duration = Duration::from_secs(60);

/// What each part took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts {
    /// From before the intent until after the outcome. A shim waits already, as it does in a run.
    pub(crate) whole: Duration,
    /// Of it: the intent and the outcome, appended and synced.
    pub(crate) lines: Duration,
    /// Of it: the order to the shim and its claim.
    pub(crate) claim: Duration,
    /// Of it: from the claim to the exit record that was seen, and the program itself.
    pub(crate) exit: Duration,
    /// After it: until the shim is gone. In a run that is after the outcome is told.
    pub(crate) gone: Duration,
}

/// Takes `count` steps through the store of claims below `dir`.
pub(crate) fn steps(dir: &Path, count: u32) -> Result<Vec<Parts>> {
    let place = dir.join("durable");
    std::fs::create_dir_all(&place)?;
    let entry = Entry { program: env!("CARGO_BIN_EXE_studio").into(), args: vec!["shim".into()] };
    let store = ClaimStore::open(&place.join("claims"), &entry)?;
    let (run, mut journal) = (RunId::try_from("20260115-100000-durable-0001".to_string())?, File::create(place.join("journal"))?);
    store.raise(&run, 1)?;
    let program = std::env::var_os("PATH").context("no PATH")?;
    let program = std::env::split_paths(&program).map(|folder| folder.join("true")).find(|file| file.is_file()).context("no `true`")?;
    let (mut parts, runtime) = (Vec::new(), tokio::runtime::Builder::new_current_thread().enable_time().build()?);
    for no in 1..=count {
        let op = Op { run: run.clone(), step: StepNo(no), attempt: 1 };
        let task = Task { program: program.clone(), args: Vec::new(), folder: place.clone(), env: BTreeMap::new() };
        let order = ShimOrder { v: ORDER_VERSION, op, epoch: 1, effect: Digest::blake3(b"nothing"), expires: None, task };
        let ready = store.ready(&entry)?;
        // It has the time that a step takes to be answered, planned and judged.
        runtime.block_on(tokio::time::sleep(MEANWHILE));
        parts.push(step(&store, ready, &order, &mut journal)?);
    }
    Ok(parts)
}

fn step(store: &ClaimStore, ready: Ready, order: &ShimOrder, journal: &mut File) -> Result<Parts> {
    let (op, head, mut took) = (&order.op, Digest::blake3(b"head"), Parts::default());
    let begun = Instant::now();
    append(journal, INTENT)?;
    took.lines = begun.elapsed();
    store.raise(&op.run, order.epoch)?;
    store.anchor(&op.run, op.step.0.into(), &head)?;
    let mut shim = ready.claim(order)?;
    let answer = shim.answer()?;
    ensure!(answer == Answer::Claimed, "{answer:?}");
    took.claim = begun.elapsed() - took.lines;
    let look = store.wait(op, store.id(), LONG)?;
    let Look::Ended(finished) = look else { anyhow::bail!("{look:?}") };
    ensure!(finished.ended.exit == Some(0), "it failed");
    let seen = begun.elapsed();
    took.exit = seen - took.lines - took.claim;
    store.seal_outcome(op, op.step.0.into(), &head, finished.ended.exit)?;
    append(journal, OUTCOME)?;
    took.whole = begun.elapsed();
    took.lines += took.whole - seen;
    shim.end()?;
    took.gone = begun.elapsed() - took.whole;
    Ok(took)
}

fn append(journal: &mut File, bytes: usize) -> Result<()> {
    journal.write_all(&vec![b'x'; bytes])?;
    Ok(journal.sync_data()?)
}

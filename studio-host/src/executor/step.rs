//! One step, from a warrant that holds to what was seen of it.

use super::Place;
use super::artifacts::collect;
use super::cluster::{Clues, cluster};
use super::launch::{Flight, Launch, Stream, launch};
use super::log::{StepLog, out_folder};
use super::program::Programs;
use super::side::Kill;
use super::values::values;
use super::verify::{Judged, Refusal, verify, word};
use super::wire::Report;
use crate::git::Workshop;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use studio_core::gate::Class;
use studio_core::limits::OUTPUT_BYTES_MAX;
use studio_core::redact::{Redactor, Secret};
use studio_core::warrant::Warrant;
use studio_gate::sha256;
use tempfile::TempDir;

/// What was seen of a step.
pub(super) enum Done {
    /// It ended.
    Ended(Report),
    /// It began, and nobody saw how it ended.
    Lost(String),
}

/// Everything a step is handed.
struct Setting {
    program: PathBuf,
    folder: PathBuf,
    env: BTreeMap<String, OsString>,
    home: TempDir,
    out: PathBuf,
    values: Vec<Secret>,
    /// Whether places of the checkout were bound into the folder.
    bound: bool,
}

/// Runs the step of a warrant, if the warrant holds and its op was not begun before.
///
/// # Errors
/// Nothing ran.
pub(super) fn run(site: &Place, workshop: &Workshop, warrant: &Warrant) -> Result<Done, Refusal> {
    let judged = verify(site, warrant)?;
    let log = StepLog::begin(site.repo.root(), &warrant.op)?;
    let flown = setting(site, workshop, warrant, &judged).and_then(|setting| Ok((fly(site, warrant, &judged, &setting, &log)?, setting)));
    match flown {
        Err(refusal) => {
            unbind(workshop, warrant);
            keep(log, &format!("studio: {refusal}\n"));
            Err(refusal)
        }
        Ok((Flight::Left(why), setting)) => {
            let _home = setting.home.keep(); // it is in use, and so is what was bound in
            keep(log, &format!("studio: {why}\n"));
            Ok(Done::Lost(why))
        }
        Ok((Flight::Landed { exit, notes, remains, stdout, stderr }, setting)) => {
            if setting.bound {
                unbind(workshop, warrant);
            }
            let redactor = Redactor::new(setting.values);
            let (artifacts, misses) = collect(&setting.out, &judged.side.artifact, &redactor);
            let mut report = report(&redactor, exit, notes.into_iter().chain(misses), [stdout, stderr]);
            report.artifacts = artifacts;
            if remains {
                let _home = setting.home.keep();
            }
            if let Err(error) = log.write(&report.stdout, &report.stderr) {
                fail(&mut report, &format!("its log could not be kept: {error}"));
            }
            Ok(Done::Ended(report))
        }
    }
}

/// Makes the step's folder, programs, values and places ready.
fn setting(site: &Place, workshop: &Workshop, warrant: &Warrant, judged: &Judged) -> Result<Setting, Refusal> {
    let (root, op) = (site.repo.root(), &warrant.op);
    let programs = Programs::of(&site.bin_dirs, &[root, site.repo.common_dir()]);
    let program = programs.find(warrant.step.argv.program())?;
    let bytes = judged.script.as_ref().map(|script| script.bytes.as_slice());
    let clues = Clues { step: &warrant.step, script: bytes, side: judged.side.cluster.as_ref(), ticket: warrant.cluster.as_ref() };
    let (cluster, values) = (cluster(root, clues)?, values(root, &judged.side.env)?);
    let places = judged.side.places(root)?;
    let checkout = workshop.checkout(&op.run, &judged.commit)?;
    for path in places.iter().chain(cluster.as_ref().map(|cluster| &cluster.folder)) {
        workshop.bind(&checkout, path, &root.join(path.as_str()))?;
    }
    let folder = checkout.root().to_path_buf();
    if let Some(script) = &judged.script {
        same_script(&folder.join(script.path.as_str()), &script.bytes)
            .ok_or_else(|| Refusal::OtherFile(script.path.clone(), judged.commit.clone()))?;
    }
    let home = tempfile::Builder::new().prefix("studio-").tempdir().map_err(|error| Refusal::Disk("make", std::env::temp_dir(), error))?;
    let out = out_folder(root, op)?;
    let mut env = BTreeMap::from([
        ("PATH".into(), programs.path()),
        ("HOME".into(), home.path().into()),
        ("TMPDIR".into(), home.path().into()),
        ("LANG".into(), "C.UTF-8".into()),
        ("STUDIO_OUT".into(), out.clone().into()),
        ("STUDIO_RUN".into(), op.run.as_str().into()),
        ("STUDIO_STEP".into(), op.step.to_string().into()),
    ]);
    env.extend(cluster.iter().flat_map(|cluster| &cluster.env).map(|(name, file)| (name.to_string(), folder.join(file).into())));
    env.extend(values.iter().map(|(name, value)| (name.to_string(), value.expose().into())));
    let bound = !places.is_empty() || cluster.is_some();
    Ok(Setting { program, folder, env, home, out, values: values.into_values().collect(), bound })
}

/// Starts the step and waits for it.
fn fly(site: &Place, warrant: &Warrant, judged: &Judged, setting: &Setting, log: &StepLog) -> Result<Flight, Refusal> {
    // A word may have run out while everything was made ready.
    word(site, warrant, &judged.judgement)?;
    let killable = match judged.judgement.class {
        Class::Observe | Class::LocalWrite => true,
        Class::Mutate | Class::Destroy | Class::Opaque | Class::Forbidden => judged.side.kill == Some(Kill::Safe),
    };
    let order = Launch {
        program: &setting.program,
        args: warrant.step.argv.args().collect(),
        folder: &setting.folder,
        env: &setting.env,
        seconds: warrant.step.timeout_seconds.get(),
        killable,
        begun: &|group| log.runs(group),
        bytes_max: OUTPUT_BYTES_MAX + 1,
    };
    launch(&order).map_err(|error| Refusal::Start(setting.program.clone(), error))
}

/// Says what came of it, without the values it was handed.
fn report(redactor: &Redactor, exit: Option<i32>, notes: impl Iterator<Item = String>, streams: [Stream; 2]) -> Report {
    let shown = streams.each_ref().map(|stream| {
        let text = String::from_utf8_lossy(&stream.bytes);
        let mut text = match stream.whole > stream.bytes.len() as u64 {
            // A value may have been cut in two, and so may one of its characters.
            true => redactor.head(text.trim_end_matches(char::REPLACEMENT_CHARACTER)),
            false => redactor.text(&text),
        };
        text.truncate(text.floor_char_boundary(OUTPUT_BYTES_MAX));
        text
    });
    let long = ["output", "error output"].iter().zip(&streams).filter(|(_, stream)| stream.whole > OUTPUT_BYTES_MAX as u64);
    let long = long.map(|(name, stream)| format!("its {name} has {} bytes; only the first {OUTPUT_BYTES_MAX} are kept", stream.whole));
    let [stdout, stderr] = shown;
    let mut report = Report { exit, stdout, stderr, artifacts: Vec::new() };
    notes.chain(long).for_each(|note| fail(&mut report, &redactor.text(&note)));
    report
}

/// Adds a line of ours to the report. A step that has one did not succeed.
pub(super) fn fail(report: &mut Report, why: &str) {
    let line_feed = if report.stderr.is_empty() || report.stderr.ends_with('\n') { "" } else { "\n" };
    report.stderr.push_str(&format!("{line_feed}studio: {why}\n"));
    report.exit = report.exit.filter(|exit| *exit != 0);
}

fn same_script(file: &Path, bytes: &[u8]) -> Option<()> {
    let regular = fs::symlink_metadata(file).is_ok_and(|seen| seen.is_file());
    let seen = fs::read(file).ok().filter(|_| regular)?;
    (sha256(&seen) == sha256(bytes)).then_some(())
}

/// Removes the checkout, so that what was bound in for this step is not there for the next one.
fn unbind(workshop: &Workshop, warrant: &Warrant) {
    if let Err(error) = workshop.discard(&warrant.op.run) {
        tracing::warn!(op = %warrant.op, %error, "the checkout of a step stays, with what was bound into it");
    }
}

fn keep(log: StepLog, stderr: &str) {
    if let Err(error) = log.write("", stderr) {
        tracing::warn!(%error, "the log of a step is not kept");
    }
}

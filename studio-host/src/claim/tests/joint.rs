//! One disk under a journal and a store of claims: the power is cut before every write of either, and before every
//! write of the life after that.

use super::super::disk::Disk as _;
use super::super::ledger::{Names, close, put, put_soon, settle, stand};
use super::super::look::{Evidence, Finding, Stream, judge};
use super::super::process::Process;
use super::super::record::{Begun, Claim, Ended, Exit, Output, decode, encode};
use super::lab::{RUN, op};
use super::model::Model;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use studio_core::clock::FixedClock;
use studio_core::event::Event;
use studio_core::journal::{Journal, Log};
use studio_core::name::Digest;
use studio_core::redact::Redactor;
use studio_core::run::{Run, StepState};
use studio_core::store::{Disk, FileStore};

/// It stands still, so that what is the same twice is looked at once.
const NOON: FixedClock = FixedClock(jiff::Timestamp::UNIX_EPOCH);

/// The disk that both write to.
#[derive(Clone)]
struct Shared(Arc<Mutex<Model>>);

/// What stands on a disk, and what happened.
type Left = BTreeSet<(BTreeMap<PathBuf, Vec<u8>>, Truth)>;

/// What somebody would know who saw everything.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Truth {
    lives: u32,
    began: u32,
    ended: u32,
}

/// How a life ends.
#[derive(Debug, PartialEq, Eq)]
enum Rest {
    Done,
    Human,
}

fn names() -> Names {
    Names::of(Path::new("/claims"), &op(1))
}

fn run_dir() -> PathBuf {
    Path::new("/runs").join(RUN)
}

fn event(kind: &str, body: Value) -> Event {
    serde_json::from_value(json!({ "kind": kind, "body": body })).unwrap()
}

/// A run whose only step is judged, and may be granted now.
fn prelude() -> Vec<Event> {
    let step = json!({ "argv": ["kubectl", "cordon", "w-1"], "expect": { "exit": 0 }, "name": "cordon", "target": "main", "timeout_seconds": 60, "why": "It is next." });
    let judgement =
        json!({ "class": "observe", "digest": Digest::zero(), "effect": "one-shot", "rule": "a test", "verdict": "auto", "why": "a test" });
    let plan =
        json!({ "goal": "A node is drained.", "criteria": [{ "check": { "kind": "step", "step": "cordon" }, "name": "done", "text": "It is." }] });
    let opened = json!({
        "ticket": { "id": "t-1", "title": "Cordon w-1", "stage": 1, "stage_from": "declared", "source": { "path": "ai/backlog.yaml", "line": 1 }, "content": Digest::zero() },
        "mode": "live", "approvals": "ask", "planned": "crew", "model": "none", "crew": { "narrator": false, "reviewer": false },
        "limits": studio_core::limits::RunLimits::default(), "install": "i", "machine": "m", "base": "9a3ca9d7b5e4112546979d1665adf697ad51a45d",
        "policy": Digest::zero(), "version": "0.1.0",
    });
    vec![
        event("run-opened", opened),
        event("brief-written", json!({ "by": "planner", "brief": "A node is drained." })),
        event("plan-proposed", json!({ "by": "planner", "plan": plan })),
        event("plan-agreed", json!({ "by": "engineer" })),
        event(
            "edits-proposed",
            json!({ "by": "engineer", "change": { "summary": "It cordons w-1.", "edits": [], "runbook": [step] }, "judged": [] }),
        ),
        event("step-judged", json!({ "step": 1, "judgement": judgement })),
    ]
}

/// A disk with a run that was just judged, and an empty store; all of it synced.
fn ready() -> Model {
    let disk = Shared(Arc::new(Mutex::new(Model::default())));
    block(async {
        let store = FileStore::create(disk.clone(), Path::new("/"), Path::new("runs"), &op(1).run).await.unwrap();
        let mut journal = Journal::begin(store, op(1).run, Redactor::default(), Arc::new(NOON));
        journal.record(&mut Run::default(), prelude()).await.unwrap();
        journal.barrier().await.unwrap();
    });
    let model = disk.model();
    for folder in ["/claims", "/epochs", "/anchors"] {
        model.make(Path::new(folder)).unwrap();
    }
    Model::with(model.now())
}

/// A runtime and an Executor, from the start to the end of the step or to the cut.
async fn live(disk: &Shared, truth: &mut Truth) -> Result<Rest, String> {
    let said = |error: &dyn std::error::Error| error.to_string();
    let (store, log) = FileStore::open(disk.clone(), &run_dir()).await.map_err(|error| said(&error))?;
    let mut run = log.fold().map_err(|error| said(&error))?;
    let mut journal = Journal::resume(store, &log, Redactor::default(), Arc::new(NOON));
    let resumed = event("run-resumed", json!({ "install": "i", "machine": "m" }));
    journal.record(&mut run, vec![resumed]).await.map_err(|error| said(&error))?;
    let state = &run.steps()[0].state;
    if matches!(state, StepState::Ended(_)) {
        return Ok(Rest::Done);
    }
    if matches!(state, StepState::Judged) {
        let granted = event("step-granted", json!({ "op": op(1), "basis": "auto", "store": "a015220006902d9fda053e74f6d76084" }));
        journal.record_synced(&mut run, granted).await.map_err(|error| said(&error))?;
    }
    if matches!(find(&disk.model().now()), Finding::NeverBegan) {
        claim(&disk.model(), truth).map_err(|error| said(&error))?;
    }
    match find(&disk.model().now()) {
        Finding::Ended(_) => {}
        Finding::NeverBegan | Finding::Unknown(_) => return Ok(Rest::Human),
        Finding::Held(_) | Finding::Tombstone(_) => unreachable!("nobody holds it, and nobody gave it up"),
    }
    let outcome = json!({ "exit": 0, "stdout": "", "stderr": "", "assumed": false, "misses": [] });
    let ended = event("step-ended", json!({ "op": op(1), "outcome": outcome }));
    journal.record_synced(&mut run, ended).await.map_err(|error| said(&error))?;
    Ok(Rest::Done)
}

/// What an Executor and a shim do to the disk for one op.
fn claim(disk: &Model, truth: &mut Truth) -> io::Result<()> {
    let life = truth.lives; // no two drafts have one name
    let (names, draft) = (names(), Path::new("/claims").join(format!("{life}.tmp")));
    put(disk, Path::new("/epochs"), RUN, &format!("e{life}"), "1")?;
    put_soon(disk, Path::new("/anchors"), RUN, &format!("a{life}"), "7")?;
    let file = disk.create(&draft)?;
    let process = Process { pid: 1, start: 1 };
    let begun = Begun { op: op(1), epoch: 1, effect: Digest::zero(), expires: None, shim: process, second: process, boot: "b".into(), session: 1 };
    assert!(stand(disk, &names, &draft, &file, &encode(&Claim::Begun(begun)).unwrap())?, "somebody else claimed it");
    settle(disk, &names, &draft)?;
    truth.began += 1;
    truth.ended += 1;
    let none = Output { bytes: 0, sha256: Digest::zero() };
    let ended = Ended { op: op(1), exit: Some(0), signal: None, at: jiff::Timestamp::UNIX_EPOCH, out: none.clone(), err: none };
    close(disk, &names, &format!("c{life}"), &encode(&Exit::Ended(ended)).unwrap())
}

/// What the store says, when all locks are gone.
fn find(files: &BTreeMap<PathBuf, Vec<u8>>) -> Finding {
    let names = names();
    judge(Evidence {
        claim: files.get(&names.claim()).map(|bytes| decode(bytes, names.op()).map_err(|error| error.to_string())),
        held: false,
        exit: files.get(&names.exit()).map(|bytes| decode(bytes, names.op()).map_err(|error| error.to_string())),
        output: Stream::ALL.iter().any(|stream| files.contains_key(&names.stream(*stream))),
        store: Ok(()),
    })
}

/// Checks what a cut left: the intent was on disk first, and nothing is said that was not seen.
fn look(files: &BTreeMap<PathBuf, Vec<u8>>, truth: Truth) {
    let state = Log::read(&files[&run_dir().join("journal.jsonl")]).and_then(|log| Ok(log.fold()?)).unwrap().steps()[0].state.clone();
    let finding = find(files);
    assert!(truth.began <= 1, "it ran {} times", truth.began);
    let (never, ended) = (matches!(finding, Finding::NeverBegan), matches!(finding, Finding::Ended(_)));
    let granted = matches!(state, StepState::Granted(_) | StepState::Ended(_));
    assert!(granted || never && truth.began == 0, "it was claimed, and no grant is on disk");
    assert!(truth.began == 0 || !never, "it ran, and is said not to have begun");
    assert!(!matches!(state, StepState::Ended(_)) || truth.ended == 1 && ended, "its end was made up");
}

fn lives(model: Model, truth: &mut Truth) -> (Shared, Result<Rest, String>) {
    let disk = Shared(Arc::new(Mutex::new(model)));
    truth.lives += 1;
    let rest = block(live(&disk, truth));
    (disk, rest)
}

/// Everything that a power cut may leave of a life that began on `files`, wherever it falls.
fn cuts(files: &BTreeMap<PathBuf, Vec<u8>>, truth: Truth) -> Left {
    let (disk, rest) = lives(Model::with(files.clone()), &mut truth.clone());
    rest.unwrap();
    let (ops, mut left) = (disk.model().ops(), Left::new());
    for at in 1..=ops + 1 {
        let mut seen = truth;
        let (disk, _) = lives(Model::with(files.clone()).cut_at(at), &mut seen);
        let model = disk.model();
        left.extend(model.cuts().map(|kept| (model.after(kept), seen)));
    }
    left
}

#[test]
fn a_power_cut_anywhere_in_two_lives_repeats_loses_and_invents_nothing() {
    let (mut cases, mut humans) = (BTreeSet::new(), 0);
    for (first, truth) in cuts(&ready().now(), Truth::default()) {
        look(&first, truth);
        cases.extend(cuts(&first, truth));
    }
    for (second, mut truth) in cases.clone() {
        look(&second, truth);
        let (disk, rest) = lives(Model::with(second), &mut truth);
        look(&disk.model().now(), truth);
        let human = rest.unwrap() == Rest::Human;
        assert!(human || truth.ended == 1, "it is done, and never ran");
        humans += usize::from(human);
    }
    assert!(cases.len() > 300 && humans > 0 && humans < cases.len() / 2, "{} cases, {humans} of them for a human", cases.len());
}

#[test]
fn a_disk_that_fails_anywhere_repeats_loses_and_invents_nothing() {
    let (start, none) = (ready().now(), Truth::default());
    let ops = lives(Model::with(start.clone()), &mut none.clone()).0.model().ops();
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        for at in 1..=ops {
            let mut truth = none;
            let (disk, _) = lives(Model::with(start.clone()).fail_at(at, kind), &mut truth);
            let model = disk.model();
            for left in model.cuts().map(|kept| model.after(kept)) {
                let mut truth = truth;
                let (disk, rest) = lives(Model::with(left), &mut truth);
                look(&disk.model().now(), truth);
                assert!(rest.unwrap() == Rest::Human || truth.ended == 1, "{kind} at {at}");
            }
        }
    }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

impl Shared {
    fn model(&self) -> std::sync::MutexGuard<'_, Model> {
        self.0.lock().unwrap()
    }
}

impl Disk for Shared {
    type File = usize;

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        match self.model().make(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            made => made.map(|()| true),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let names = self.model().now().into_keys().filter(|name| name.parent() == Some(path)).collect::<Vec<_>>();
        Ok(names.iter().filter_map(|name| name.file_name()?.to_str().map(Into::into)).collect())
    }

    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        self.model().now().remove(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, path: &Path) -> io::Result<usize> {
        self.model().create(path)
    }

    fn open(&self, path: &Path) -> io::Result<usize> {
        self.model().open(path)
    }

    fn lock(&self, _: &usize) -> io::Result<bool> {
        Ok(true) // one runtime at a time is another test's
    }

    fn write(&self, file: &usize, bytes: &[u8]) -> io::Result<()> {
        self.model().write(file, bytes)
    }

    fn truncate(&self, file: &usize, bytes: u64) -> io::Result<()> {
        self.model().truncate(*file, usize::try_from(bytes).unwrap())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.model().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.model().remove(path)
    }

    fn sync(&self, file: &Arc<usize>, folders: Vec<PathBuf>) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>> {
        let model = self.model();
        let synced = model.sync(file).and_then(|()| folders.iter().try_for_each(|folder| model.sync_folder(folder)));
        Box::pin(std::future::ready(synced))
    }
}

//! A repository, an approver and a runtime's end, for tests.

use crate::claim::tests::lab::entry;
use crate::claim::{ClaimStore, Entry, Moment};
use crate::executor::program::Programs;
use crate::executor::server::serve;
use crate::executor::wire::{self, Answer, Hello, Report, Request};
use crate::executor::{Place, Sums};
use crate::git::GitRepo;
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use studio_core::approval::{Approvers, NotApproved, Signed, Statement, Word};
use studio_core::clock::{FixedClock, SystemClock};
use studio_core::event::{Basis, Mode};
use studio_core::gate::{Case, Class, ClosedGate, EditJudgement, Effect, Gate, Judgement, Verdict};
use studio_core::name::{Approver, CommitId, Digest, RelPath};
use studio_core::plan::Edit;
use studio_core::step::{Op, StepNo};
use studio_core::ticket::Stage;
use studio_core::tree::{Tree, after};
use studio_core::warrant::{Head, Warrant};
use studio_gate::{Hours, Registration, ShortGate, sha256};
use tempfile::TempDir;

pub(super) const RUN: &str = "20261122-101112-add-node-0a1f";

/// A checkout with one commit and the folder of one run.
pub(super) struct Lab {
    pub(super) dir: TempDir,
    pub(super) state: TempDir,
    pub(super) gate: Arc<dyn Gate>,
    pub(super) bin_dirs: Vec<PathBuf>,
    /// What is registered now.
    pub(super) registered: Vec<Registration>,
    /// How a shim is started.
    pub(super) shims: Entry,
}

/// An Executor that serves.
pub(super) struct Server {
    socket: UnixStream,
    thread: JoinHandle<Result<(), crate::executor::ExecutorError>>,
}

/// Signs with a name and the hash of the text.
pub(super) struct Names(pub(super) &'static [&'static str]);

/// Lets everything run unasked, as a step of one class and effect.
pub(super) struct Everything(pub(super) Class, pub(super) Effect);

/// Asks about scripts that destroy nothing as if they changed things: what they do when they run is what is tested.
struct Lenient;

impl Gate for Lenient {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        let judged = ShortGate::new().judge(case);
        let opaque = judged.class == Class::Opaque && judged.rule == "unregistered script";
        let milder = case.script.is_some() && judged.class < Class::Mutate;
        if opaque || milder { Judgement { verdict: Verdict::Ask, class: Class::Mutate, ..judged } } else { judged }
    }

    fn judge_edit(&self, edit: &Edit, moved: Option<&[u8]>, stage: Stage) -> EditJudgement {
        ShortGate::new().judge_edit(edit, moved, stage)
    }

    fn policy(&self) -> Digest {
        ShortGate::new().policy()
    }
}

impl Approvers for Names {
    fn verify(&self, text: &str, signature: &str) -> Result<Approver, NotApproved> {
        let (name, hash) = signature.split_once(' ').unwrap_or_default();
        let good = self.0.contains(&name) && hash == sha256(text.as_bytes()).as_str();
        if good { Ok(Approver::try_from(name).unwrap()) } else { Err(NotApproved("no listed approver signed it".into())) }
    }
}

impl Gate for Everything {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        Judgement { verdict: Verdict::Auto, class: self.0, effect: self.1, ..ClosedGate.judge(case) }
    }

    fn judge_edit(&self, edit: &Edit, moved: Option<&[u8]>, stage: Stage) -> EditJudgement {
        ClosedGate.judge_edit(edit, moved, stage)
    }

    fn policy(&self) -> Digest {
        Digest::zero()
    }
}

impl Lab {
    pub(super) fn with(files: &[(&str, &str)]) -> Lab {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<_> = files.iter().map(|(path, text)| (rel(path), *text)).collect();
        GitRepo::sample(dir.path(), &files, "sample").unwrap();
        fs::create_dir_all(dir.path().join("ai/state/runs").join(RUN)).unwrap();
        Lab { dir, state: tempfile::tempdir().unwrap(), gate: Arc::new(Lenient), bin_dirs: Vec::new(), registered: Vec::new(), shims: entry() }
    }

    /// A repository with one script, `infrastructure/run.sh`.
    pub(super) fn script(text: &str) -> Lab {
        Lab::with(&[("infrastructure/run.sh", text), ("README.md", "hello\n")])
    }

    /// The same with a side file.
    pub(super) fn side(text: &str, side: &str) -> Lab {
        Lab::with(&[("infrastructure/run.sh", text), ("infrastructure/run.sh.studio.toml", side)])
    }

    pub(super) fn judging(mut self, gate: impl Gate + 'static) -> Lab {
        self.gate = Arc::new(gate);
        self
    }

    pub(super) fn repo(&self) -> GitRepo {
        GitRepo::discover(self.dir.path()).unwrap()
    }

    pub(super) fn put(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What a file of the run's folder holds.
    pub(super) fn run_file(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.dir.path().join("ai/state/runs").join(RUN).join(path)).ok()
    }

    pub(super) fn there(&self, path: &str) -> bool {
        Path::exists(&self.dir.path().join(path))
    }

    /// A warrant as a runtime writes it, approved by ada where the rules ask.
    pub(super) fn warrant(&self, argv: &[&str], edits: &[Edit], commit: Option<CommitId>) -> Warrant {
        let step = serde_json::json!({ "name": "s", "argv": argv, "target": "local", "why": "w", "timeout_seconds": 20 });
        let step: studio_core::step::Step = serde_json::from_value(step).unwrap();
        let base = self.repo().base(None).unwrap();
        let op = Op { run: RUN.try_into().unwrap(), step: StepNo(1), attempt: 1 };
        let mut warrant = Warrant {
            op,
            epoch: 1,
            journal: Head { n: 1, sum: Digest::zero() },
            store: Some(self.claims().id().clone()),
            ticket: "add-node".try_into().unwrap(),
            step,
            stage: Stage::Infra,
            cluster: None,
            base: base.commit(),
            commit,
            edits: edits.to_vec(),
            policy: self.gate.policy(),
            effect: Digest::zero(),
            programs: Vec::new(),
            basis: Basis::Auto,
            before: Vec::new(),
            approval: None,
        };
        self.sign(&mut warrant);
        warrant
    }

    /// The warrant that runs the script.
    pub(super) fn runs(&self) -> Warrant {
        self.warrant(&["bash", "--noprofile", "--norc", "infrastructure/run.sh"], &[], None)
    }

    /// Asks something about the case of a warrant's step.
    pub(super) fn of_case<T>(&self, warrant: &Warrant, ask: impl FnOnce(&Case<'_>) -> T) -> T {
        let base = self.repo().base(None).unwrap();
        let script = warrant.step.argv.script().and_then(|path| after(&base, &warrant.edits, &path).unwrap());
        let closure = studio_core::closure::closure(&base, &warrant.edits, &warrant.step.argv).unwrap();
        ask(&Case {
            step: &warrant.step,
            mode: Mode::Live,
            stage: warrant.stage,
            cluster: warrant.cluster.as_ref(),
            base: warrant.base.as_ref(),
            edits: &warrant.edits,
            script: script.as_deref(),
            closure: &closure,
            programs: &warrant.programs,
        })
    }

    /// Judges the warrant's step, and has ada sign it if a human is asked.
    pub(super) fn sign(&self, warrant: &mut Warrant) {
        let programs = Programs::of(&self.bin_dirs, &[self.dir.path()]);
        warrant.programs = programs.all(&self.of_case(warrant, |case| self.gate.programs(case)), &Sums::default()).0;
        let judgement = self.of_case(warrant, |case| self.gate.judge(case));
        warrant.effect = judgement.digest;
        if judgement.verdict == Verdict::Ask {
            let statement = statement(warrant, Word::Approve, "ada");
            warrant.basis = Basis::Approved(statement.by.clone());
            warrant.approval = Some(Box::new(signed(statement, "ada")));
        }
    }

    /// The store of claims, outside the repository.
    pub(super) fn claims(&self) -> ClaimStore {
        ClaimStore::open_anywhere(&self.state.path().join("claims"), &entry()).unwrap()
    }

    pub(super) fn place(&self) -> Place {
        Place {
            repo: self.repo(),
            gate: Arc::clone(&self.gate),
            approvers: Box::new(|| Ok(Box::new(Names(&["ada", "bob"])))),
            registrations: Box::new({
                let registered = self.registered.clone();
                move || Ok(registered.clone())
            }),
            claims: self.claims(),
            entry: self.shims.clone(),
            since: Moment::now(&SystemClock).unwrap(),
            hours: Hours::default(),
            clock: Arc::new(FixedClock(noon())),
            bin_dirs: self.bin_dirs.clone(),
            sums: Sums::default(),
            branch: "engineer/<slug>-YYYYMMDD".into(),
        }
    }

    pub(super) fn serve(&self) -> Server {
        let (socket, theirs) = UnixStream::pair().unwrap();
        let place = self.place();
        let thread = std::thread::spawn(move || serve(theirs, place));
        let mut server = Server { socket, thread };
        assert!(matches!(server.ask(&Request::Hello(Hello::ours())), Answer::Hello(_)));
        server
    }

    /// Runs a warrant in an Executor of its own.
    pub(super) fn run(&self, warrant: Warrant) -> Answer {
        let mut server = self.serve();
        let answer = server.ask(&Request::Run(Box::new(warrant)));
        server.end();
        answer
    }

    pub(super) fn ended(&self, warrant: Warrant) -> Report {
        let answer = self.run(warrant);
        if let Answer::Ended(report) = answer { report } else { panic!("{answer:?}") }
    }

    /// Runs a warrant that must be refused, and says why it was.
    pub(super) fn refused(&self, warrant: Warrant) -> String {
        let answer = self.run(warrant);
        if let Answer::Refused(why) = answer { why } else { panic!("{answer:?}") }
    }
}

impl Server {
    pub(super) fn ask(&mut self, request: &Request) -> Answer {
        wire::write(&mut self.socket, request).unwrap();
        wire::read(&mut self.socket).unwrap().unwrap()
    }

    /// Lets it go; it ends by itself.
    pub(super) fn end(self) {
        drop(self.socket);
        self.thread.join().unwrap().unwrap();
    }
}

pub(super) fn rel(path: &str) -> RelPath {
    RelPath::try_from(path).unwrap()
}

pub(super) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(super) fn statement(warrant: &Warrant, word: Word, by: &str) -> Statement {
    let expires = noon().saturating_add(SignedDuration::from_hours(1)).unwrap();
    Statement { word, op: warrant.op.clone(), effect: warrant.effect.clone(), by: by.try_into().unwrap(), at: noon(), expires, reason: None }
}

pub(super) fn signed(statement: Statement, by: &str) -> Signed {
    let signature = format!("{by} {}", sha256(statement.text().as_bytes()));
    Signed { v: 1, statement, signature }
}

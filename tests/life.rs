//! One life of the Studio after another over the same disk and the same host, until the run rests.

use crate::chores::LedgerChores;
use crate::disk::ModelDisk;
use crate::host::LedgerHost;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use studio_core::approval::{Approvers, NotApproved, Signed, Statement};
use studio_core::clock::FixedClock;
use studio_core::crew::Crew;
use studio_core::event::{Event, Mode, Opened, Planned};
use studio_core::gate::Gate;
use studio_core::host::Executor;
use studio_core::journal::{Journal, JournalError, Log, Receipt};
use studio_core::model::Model;
use studio_core::name::{Approver, RunId};
use studio_core::permit::{Authority, Cuts, Permit, Pretend, PretendAuthority};
use studio_core::redact::Redactor;
use studio_core::replay::{Stage, replay};
use studio_core::run::Run;
use studio_core::store::{Disk, FileStore, StoreError, blob_path, list_runs, read_log, send_notice};
use studio_core::supervisor::{Here, Parts, Rest, RunError, Supervisor};
use studio_core::text::Kept;
use studio_core::ticket::Ticket;
use studio_core::tree::Tree;
use tokio_util::sync::CancellationToken;

/// Where the runs of a box lie.
pub const RUNS: &str = "/ai/state/simulated";

/// The hour it is in every box.
pub const NOW: &str = "2026-01-15T10:00:00Z";

/// A studio with everything it needs to carry one ticket, on a disk and a host that outlive it.
#[derive(Clone)]
pub struct World {
    /// The disk.
    pub disk: ModelDisk,
    /// The host.
    pub host: LedgerHost,
    /// Who commits and ticks.
    pub chores: LedgerChores,
    /// The rules.
    pub gate: Arc<dyn Gate>,
    /// The files.
    pub tree: Arc<dyn Tree>,
    /// Who thinks.
    pub crew: Crew,
    /// What with.
    pub model: Option<Arc<dyn Model>>,
    /// The first event of its run.
    pub opened: Opened,
    /// The hour it is.
    pub now: Timestamp,
}

/// An authority for runs that are live in all but their hosts, which are pretended.
struct AsIfLive(PretendAuthority);

impl Authority for AsIfLive {
    type Mode = Pretend;
    const LIVE: bool = true;
}

impl<S> Cuts<S> for AsIfLive {
    fn cut(&self, receipt: Receipt<S>) -> Option<Permit<Pretend>> {
        self.0.cut(receipt)
    }
}

/// Approvers that believe whoever signs with the word `ops`; what a real signature proves is
/// tested where signatures are made and verified.
pub struct Word;

impl Approvers for Word {
    fn verify(&self, _: &str, signature: &str) -> Result<Approver, NotApproved> {
        if signature == "ops" {
            Approver::try_from("ops").map_err(|error| NotApproved(error.to_string()))
        } else {
            Err(NotApproved("not signed by ops".into()))
        }
    }
}

/// Returns the first event of a simulated run of `ticket`.
pub fn opened(ticket: Ticket, planned: Planned, approvals: studio_core::event::Approvals, crew: &Crew, gate: &dyn Gate) -> Opened {
    let (install, machine) = ("box".into(), "box".into());
    Opened { approvals, planned, install, machine, ..Opened::rehearsal(ticket, crew, gate) }
}

impl World {
    /// Lives once: goes on with the run on the disk, or opens one if there is none.
    pub async fn live(&self) -> Result<Rest, RunError> {
        self.live_until(CancellationToken::new()).await
    }

    /// Lives once, on that machine.
    pub async fn live_on(&self, machine: &str) -> Result<Rest, RunError> {
        self.work(PretendAuthority::new(), CancellationToken::new(), machine).await
    }

    /// Lives once, or until it is told to stop.
    pub async fn live_until(&self, stop: CancellationToken) -> Result<Rest, RunError> {
        match self.opened.mode {
            Mode::Live => self.work(AsIfLive(PretendAuthority::new()), stop, "box").await,
            Mode::Observe | Mode::Suggest | Mode::Simulate => self.work(PretendAuthority::new(), stop, "box").await,
        }
    }

    async fn work<A>(&self, authority: A, stop: CancellationToken, machine: &str) -> Result<Rest, RunError>
    where
        A: Authority<Mode = Pretend> + Cuts<FileStore<ModelDisk>>,
    {
        let clock = Arc::new(FixedClock(self.now));
        let parts = Parts {
            gate: Arc::clone(&self.gate),
            approvers: Arc::new(Word),
            tree: Arc::clone(&self.tree),
            authority: Arc::new(authority),
            executor: Executor::before(self.host.clone()),
            chores: Arc::new(self.chores.clone()),
            crew: self.crew.clone(),
            model: self.model.clone(),
            stop,
        };
        let mut supervisor = match self.begun()? {
            Some(dir) => {
                let (store, log) = FileStore::open(self.disk.clone(), &dir).await?;
                let journal = Journal::resume(store, &log, Redactor::default(), clock);
                Supervisor::resume(journal, &log, parts, Here { install: "box".into(), machine: machine.into(), vouched: 0 }).await?
            }
            None => {
                let run = self.fresh();
                let store = FileStore::create(self.disk.clone(), Path::new("/"), Path::new(&RUNS[1..]), &run).await.map_err(JournalError::from)?;
                let journal = Journal::begin(store, run, Redactor::default(), clock);
                Supervisor::open(journal, parts, self.opened.clone()).await?
            }
        };
        supervisor.work().await
    }

    /// Returns the folder of the run that began, if one did.
    pub fn begun(&self) -> Result<Option<PathBuf>, JournalError> {
        for run in list_runs(&self.disk, Path::new(RUNS))? {
            let dir = Path::new(RUNS).join(run.as_str());
            match read_log(&self.disk, &dir) {
                Ok(_) => return Ok(Some(dir)),
                Err(JournalError::Empty | JournalError::Store(_)) => {} // it never began
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Returns the journal on the disk.
    pub fn log(&self) -> Log {
        let dir = self.begun().unwrap().expect("no run began");
        read_log(&self.disk, &dir).unwrap()
    }

    /// Returns the run, folded from the disk.
    pub fn run(&self) -> Run {
        self.log().fold().unwrap()
    }

    /// Says yes, or something else, to the op that waits.
    pub async fn say(&self, word: studio_core::approval::Word) -> Result<(), StoreError> {
        let log = self.log();
        let waits = log.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::ApprovalAsked { op, .. } | Event::StepUnknown { op, .. } => Some(op.clone()),
            _ => None,
        });
        let op = waits.expect("nothing waits");
        let run = log.fold().unwrap();
        let effect = run.step(op.step).unwrap().judgement.as_ref().unwrap().digest.clone();
        let by = Approver::try_from("ops").unwrap();
        let statement = Statement { word, op, effect, by, at: self.now, expires: self.now + jiff::SignedDuration::from_hours(1), reason: None };
        send_notice(&self.disk, &self.begun().unwrap().unwrap(), &Signed { v: 1, statement, signature: "ops".into() }).await.map(drop)
    }

    /// Gives the whole run up.
    pub async fn cancel(&self) -> Result<(), StoreError> {
        let run = self.log().run;
        let by = Approver::try_from("ops").unwrap();
        let statement = Statement::cancel(run, by, self.now, self.now + jiff::SignedDuration::from_hours(1), None);
        send_notice(&self.disk, &self.begun().unwrap().unwrap(), &Signed { v: 1, statement, signature: "ops".into() }).await.map(drop)
    }

    /// Returns the kinds of the events on the disk, one a line, with what matters of each.
    pub fn transcript(&self) -> String {
        self.log().entries.iter().map(|entry| line(&entry.event)).collect()
    }

    /// Takes every decision on the disk again, and holds it against the journal.
    pub async fn replayed(&self) {
        let (log, dir) = (self.log(), self.begun().unwrap().unwrap());
        let stage = Stage { crew: self.crew.clone(), gate: Arc::clone(&self.gate), tree: Arc::clone(&self.tree) };
        let text = |kept: &Kept| match kept {
            Kept::Inline(text) => Ok(text.clone()),
            Kept::Blob { blob, .. } => Ok(String::from_utf8(self.disk.read(&blob_path(&dir, blob), u64::MAX).unwrap()).unwrap()),
        };
        if let Err(error) = replay(&log, stage, &text).await {
            panic!("{error}\n{}", self.transcript());
        }
        assert_eq!(log.fold().unwrap().hash(), self.run().hash());
    }

    /// Returns an op of another run of the ticket.
    pub fn op_of_another(&self) -> studio_core::step::Op {
        let run = RunId::try_from(format!("20260101-000000-{}-0000", self.opened.ticket.id.slug())).unwrap();
        studio_core::step::Op { run, step: studio_core::step::StepNo(1), attempt: 1 }
    }

    fn fresh(&self) -> RunId {
        let tries = list_runs(&self.disk, Path::new(RUNS)).unwrap_or_default().len();
        RunId::try_from(format!("20260115-100000-{}-{tries:04x}", self.opened.ticket.id.slug())).unwrap()
    }
}

/// Returns the hour it is in every box.
pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn line(event: &Event) -> String {
    let kind = event.kind();
    let rest = match event {
        Event::StepJudged { step, judgement, .. } => format!(" {step} {} {}", judgement.verdict, judgement.class),
        Event::StepGranted { op, basis, .. } => format!(" {}.{} {basis:?}", op.step, op.attempt),
        Event::StepEnded { op, outcome, .. } => format!(" {}.{} {}", op.step, op.attempt, outcome.words()),
        Event::StepUnknown { op, .. } | Event::ApprovalAsked { op, .. } | Event::StepOverdue { op, .. } | Event::ProbeGranted { op, .. } => {
            format!(" {}.{}", op.step, op.attempt)
        }
        Event::CriterionChecked { criterion, finding } => format!(" {criterion} {}", if finding.met { "met" } else { "unmet" }),
        Event::ReviewGiven { decision, .. } => format!(" {decision:?}"),
        Event::AdviceGiven { by, checkpoint, advice, .. } => format!(" {by} {checkpoint:?} {advice:?}"),
        Event::ModelAsked { persona, turn, .. } => format!(" {persona} {turn}"),
        Event::LimitReached { limit, why } => format!(" {limit:?}: {why}"),
        Event::RunClosed { state, .. } => format!(" {}", state.name()),
        _ => String::new(),
    };
    format!("{kind}{rest}\n")
}

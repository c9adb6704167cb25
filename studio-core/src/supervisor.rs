//! The only loop and the only router: ask the run what is next, do it, record it, repeat.

mod act;
mod ask;
mod files;
mod look;
mod over;
mod same;

use crate::approval::{Approvers, NotApproved};
use crate::chores::{ChoreError, Chores};
use crate::crew::{Chairs, Crew};
use crate::dossier::{Advise, ConsiderPlan, Dossier, Narrate, PrepareChange, ReviewPoint, ReviewWork, WritePlan};
use crate::event::{Closing, Event, Limit, Mode, Opened, Parked};
use crate::gate::{EditJudgement, EditVerdict, Gate, judge_edits};
use crate::host::Executor;
use crate::journal::{Journal, JournalError, Log};
use crate::limits::FILES_LISTED_MAX;
use crate::model::Model;
use crate::name::{Digest, PersonaName, RelPath};
use crate::permit::{Authority, Cuts};
use crate::plan::{BadPlan, Edit};
use crate::run::{IllegalEvent, Next, Run};
use crate::step::{Op, StepNo};
use crate::store::Store;
use crate::text::Prose;
use crate::tree::{Tree, TreeError};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use ask::Stuck;

pub use act::judgement;
pub use over::{adopt, give_up};
pub use same::Here;

/// What a supervisor works with. The same parts serve any number of runs.
pub struct Parts<A: Authority> {
    /// The rules.
    pub gate: Arc<dyn Gate>,
    /// Whose word counts.
    pub approvers: Arc<dyn Approvers>,
    /// The repository at the commit the run works on.
    pub tree: Arc<dyn Tree>,
    /// The right to cut permits. It never leaves the supervisor.
    pub authority: Arc<A>,
    /// Who runs steps.
    pub executor: Executor<A::Mode>,
    /// Who commits and ticks.
    pub chores: Arc<dyn Chores>,
    /// Who thinks.
    pub crew: Crew,
    /// What they think with; none where only rules plan.
    pub model: Option<Arc<dyn Model>>,
    /// Cancelled to stop: nothing new is granted or asked, and [`Supervisor::work`] returns.
    pub stop: CancellationToken,
}

/// Moves one run from the last event of its journal to rest.
pub struct Supervisor<S: Store, A: Authority> {
    journal: Journal<S>,
    run: Run,
    parts: Parts<A>,
    chairs: Option<Chairs>,
    pending: Vec<Event>,
    /// The names of files that every dossier shows: the tree is one commit's, so they are asked for once.
    listed: Option<Vec<RelPath>>,
    /// Whether this life looked for a word that cancels the run.
    heard: bool,
}

/// Why a supervisor rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The run is over.
    Over(Closing),
    /// It waits for somebody outside; resume goes on.
    Parked(Parked, String),
    /// It was told to stop; resume goes on.
    Stopped,
}

impl<A: Authority> Clone for Parts<A> {
    fn clone(&self) -> Self {
        Parts {
            gate: Arc::clone(&self.gate),
            approvers: Arc::clone(&self.approvers),
            tree: Arc::clone(&self.tree),
            authority: Arc::clone(&self.authority),
            executor: self.executor.clone(),
            chores: Arc::clone(&self.chores),
            crew: self.crew.clone(),
            model: self.model.clone(),
            stop: self.stop.clone(),
        }
    }
}

impl<S: Store, A: Cuts<S>> Supervisor<S, A> {
    /// Opens a run: its first event is recorded.
    ///
    /// # Errors
    /// The journal failed.
    pub async fn open(journal: Journal<S>, parts: Parts<A>, opened: Opened) -> Result<Self, RunError> {
        possible::<A>(opened.mode)?;
        Self::begin(journal, parts, opened).await
    }

    /// Opens a run of any mode: a replay has no hosts, so it may.
    pub(crate) async fn begin(mut journal: Journal<S>, parts: Parts<A>, opened: Opened) -> Result<Self, RunError> {
        let mut run = Run::default();
        journal.record(&mut run, vec![Event::RunOpened(Box::new(opened))]).await?;
        Ok(Supervisor { journal, run, parts, chairs: None, pending: Vec::new(), listed: None, heard: false })
    }

    /// Goes on with a run that an earlier life began.
    ///
    /// # Errors
    /// The journal makes no sense; it was begun elsewhere or under other rules.
    pub async fn resume(journal: Journal<S>, log: &Log, parts: Parts<A>, here: Here) -> Result<Self, RunError> {
        let mut supervisor = Supervisor { journal, run: log.fold()?, parts, chairs: None, pending: Vec::new(), listed: None, heard: false };
        supervisor.same_place(&here)?;
        let policy = supervisor.other_rules()?;
        supervisor.same_words(log, here.vouched, policy.is_some())?;
        if supervisor.run.closed().is_none() {
            supervisor.decide(vec![Event::RunResumed { install: here.install, machine: here.machine, policy }]).await?;
        }
        Ok(supervisor)
    }

    /// Returns the run as it stands.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Returns the journal, to be read.
    pub fn journal(&self) -> &Journal<S> {
        &self.journal
    }

    /// Records what an earlier life recorded from outside: for a replay, which has no outside.
    pub(crate) async fn record(&mut self, event: Event) -> Result<(), RunError> {
        self.decide(vec![event]).await
    }

    /// Works until the run is over, or only somebody outside can go on. Everything recorded is on
    /// disk when this returns.
    ///
    /// # Errors
    /// The journal or the repository failed. The journal is whole; start again to resume.
    pub async fn work(&mut self) -> Result<Rest, RunError> {
        loop {
            if let Some(rest) = self.step().await? {
                self.journal.barrier().await?;
                return Ok(rest);
            }
        }
    }

    /// Does one thing, if there is one to do; says why it rests if there is none.
    ///
    /// # Errors
    /// As [`Supervisor::work`].
    pub(crate) async fn step(&mut self) -> Result<Option<Rest>, RunError> {
        if !self.heard && !self.run.may_run() {
            self.heard = true; // whoever cancels a run that is at work stops it too
            self.take_cancel().await?;
        }
        let next = self.run.next();
        if let Next::Over(state) = next {
            return Ok(Some(Rest::Over(state)));
        }
        if self.parts.stop.is_cancelled() {
            return Ok(Some(Rest::Stopped));
        }
        match self.act(next).await {
            Ok(rest) => return Ok(rest),
            // What may be running keeps its grant: no event says otherwise, and the next life asks again.
            Err(Stuck::Limit(_, why)) if self.run.may_run() => {
                self.flush().await?;
                return Ok(Some(Rest::Parked(Parked::NeedsHuman, why)));
            }
            Err(Stuck::Limit(limit, why)) => self.decide(vec![Event::LimitReached { limit, why }]).await?,
            Err(Stuck::Stopped) => self.flush().await?,
            Err(Stuck::Held(why)) => {
                self.flush().await?;
                return Ok(Some(Rest::Parked(Parked::NeedsHuman, why)));
            }
            Err(Stuck::Failed(error)) => return Err(error),
        }
        Ok(None)
    }

    async fn act(&mut self, next: Next) -> Result<Option<Rest>, Stuck> {
        match next {
            Next::PlanByRule => self.plan_by_rule().await?,
            Next::Plan | Next::Consider | Next::Prepare | Next::Advise { .. } | Next::Review(_) | Next::Narrate(_) => self.consult(next).await?,
            Next::Commit => self.commit().await?,
            Next::Tick => self.tick().await?,
            Next::Judge(no) => self.judge(no).await?,
            Next::AskHuman { op, why } => self.ask_human(op, why).await?,
            Next::Await { op, expires } => {
                if !self.take_notices().await? {
                    return self.lapse(op, expires).await.map_err(Stuck::Failed);
                }
            }
            Next::Grant { op, basis } => self.grant(op, basis).await?,
            Next::Recall(op) => self.recall(op).await?,
            Next::Probe(op) => self.probe(op).await?,
            Next::Check(criterion) => self.check(&criterion).await?,
            Next::Limit(limit, why) => self.decide(vec![Event::LimitReached { limit, why }]).await?,
            Next::Close(state, why) => self.decide(vec![Event::RunClosed { state, why, signed: None }]).await?,
            Next::Park(state, why) => {
                if !self.take_notices().await? {
                    return Ok(Some(Rest::Parked(state, why)));
                }
            }
            Next::Over(state) => return Ok(Some(Rest::Over(state))),
        }
        Ok(None)
    }

    /// Asks whoever is next and records what they decide.
    async fn consult(&mut self, next: Next) -> Result<(), Stuck> {
        let (dossier, chairs) = (self.dossier()?, self.chairs.get_or_insert_with(|| self.parts.crew.seat()));
        let events = match next {
            Next::Plan => {
                let chair = chairs.planner.clone();
                let draft = self.ask(&chair, WritePlan(dossier)).await?;
                draft.plan.check().map_err(|error| unfit(chair.name(), &error))?;
                let by = chair.name().clone();
                let curated = (!draft.backlog.is_empty()).then(|| Event::BacklogProposed { by: by.clone(), proposals: draft.backlog });
                let brief = Event::BriefWritten { by: by.clone(), brief: draft.brief };
                std::iter::once(brief).chain(curated).chain([Event::PlanProposed { by, plan: draft.plan }]).collect()
            }
            Next::Consider => {
                let chair = chairs.consider.clone();
                let opinion = self.ask(&chair, ConsiderPlan(dossier)).await?;
                let by = chair.name().clone();
                if opinion.objections.is_empty() {
                    vec![Event::PlanAgreed { by }]
                } else {
                    vec![Event::PlanObjected { by, objections: opinion.objections }]
                }
            }
            Next::Prepare => {
                let (chair, stage, scope) = (chairs.prepare.clone(), dossier.ticket.stage, dossier.ticket.scope.clone());
                let change = self.ask(&chair, PrepareChange(dossier)).await?;
                change.check().map_err(|error| unfit(chair.name(), &error))?;
                let ruled = judge_edits(self.parts.gate.as_ref(), self.parts.tree.as_ref(), &change.edits, stage).map_err(RunError::from)?;
                let judged = change.edits.iter().zip(ruled).map(|(edit, ruled)| outside(edit, &scope).unwrap_or(ruled)).collect();
                vec![Event::EditsProposed { by: chair.name().clone(), change, judged }]
            }
            Next::Advise { by, at, step } => {
                let chair = chairs.advisers.iter().find(|(name, _)| *name == by).map(|(_, chair)| chair.clone()).ok_or_else(|| vacant(&by))?;
                let advice = self.ask(&chair, Advise { checkpoint: at, step, dossier }).await?;
                vec![Event::AdviceGiven { by, checkpoint: at, step, advice }]
            }
            Next::Review(point) => {
                let chair = chairs.reviewer.clone().ok_or_else(|| vacant(&crate::crew::post("reviewer")))?;
                vec![self.review(&chair, point, dossier).await?]
            }
            Next::Narrate(state) => {
                let chair = chairs.narrator.clone().ok_or_else(|| vacant(&crate::crew::post("narrator")))?;
                let brief = match self.ask(&chair, Narrate { ending: state.name().into(), dossier }).await {
                    Err(Stuck::Limit(_, why)) => Prose::tamed(&format!("No story was told: {why}")), // it takes nothing away
                    told => told?,
                };
                vec![Event::BriefWritten { by: chair.name().clone(), brief }]
            }
            Next::PlanByRule
            | Next::Commit
            | Next::Tick
            | Next::Judge(_)
            | Next::AskHuman { .. }
            | Next::Await { .. }
            | Next::Grant { .. }
            | Next::Recall(_)
            | Next::Probe(_)
            | Next::Check(_)
            | Next::Limit(..)
            | Next::Close(..)
            | Next::Park(..)
            | Next::Over(_) => Vec::new(),
        };
        Ok(self.decide(events).await?)
    }

    async fn review(&mut self, chair: &crate::persona::Chair<ReviewWork>, point: ReviewPoint, dossier: Dossier) -> Result<Event, Stuck> {
        let review = self.ask(chair, ReviewWork { point, dossier }).await?;
        Ok(Event::ReviewGiven { by: chair.name().clone(), point, decision: review.decision, notes: review.notes })
    }

    fn dossier(&mut self) -> Result<Dossier, Stuck> {
        let (tree, mut dossier) = (self.parts.tree.as_ref(), self.run.dossier().ok_or(Stuck::Failed(RunError::NotOpen))?);
        let listed = match &self.listed {
            Some(listed) => listed,
            None => self.listed.insert(tree.list(FILES_LISTED_MAX).map_err(RunError::from)?),
        };
        files::show(tree, listed.clone(), &mut dossier).map_err(RunError::from)?;
        Ok(dossier)
    }

    /// Records events, with the answers they were decided from, in one piece.
    async fn decide(&mut self, events: Vec<Event>) -> Result<(), RunError> {
        let batch = self.pending.drain(..).chain(events).collect();
        Ok(self.journal.record(&mut self.run, batch).await?)
    }

    /// Records answers that were bought, where no decision came of them.
    async fn flush(&mut self) -> Result<(), RunError> {
        if self.pending.is_empty() { Ok(()) } else { self.decide(Vec::new()).await }
    }
}

/// Says whether runs of that mode can be worked with permits of `A`.
fn possible<A: Authority>(mode: Mode) -> Result<(), RunError> {
    match mode {
        Mode::Simulate if !A::LIVE => Ok(()),
        Mode::Live if A::LIVE => Ok(()),
        Mode::Simulate | Mode::Live | Mode::Observe | Mode::Suggest => Err(RunError::Mode(mode)),
    }
}

/// Says that an edit leaves the paths its ticket names, if it does.
fn outside(edit: &Edit, scope: &[RelPath]) -> Option<EditJudgement> {
    let inside = |path: &RelPath| scope.iter().any(|scope| path.starts_with(scope));
    let path = edit.paths().find(|path| !scope.is_empty() && !inside(path))?;
    let scope = scope.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let why = format!("{path} lies outside what the ticket may touch: {scope}");
    Some(EditJudgement { verdict: EditVerdict::Block, rule: "ticket-scope".into(), why })
}

/// What a persona handed over is no value that the journal could be read back with.
fn unfit(name: &PersonaName, error: &BadPlan) -> Stuck {
    Stuck::Limit(Limit::Repairs, format!("{name}: {error}; mend it, then resume"))
}

fn vacant(name: &PersonaName) -> Stuck {
    Stuck::Limit(Limit::Setting, format!("the run was opened with {name}, who is not in this crew: resume it with the crew it began with"))
}

/// Why the work stopped before rest. The journal is whole; start again to resume.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal makes no sense.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    /// The repository failed.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Whoever does chores is gone.
    #[error(transparent)]
    Chore(#[from] ChoreError),
    /// Whoever runs steps is out of reach. What was begun goes on where it runs, and is asked for by the next life.
    #[error("the Executor is out of reach: {0}; resume the run: it finds out what became of what was begun")]
    Executor(String),
    /// No ticket was opened.
    #[error("the run is not open")]
    NotOpen,
    /// The grant that was recorded is not the one the run is at. Nothing ran.
    #[error("no permit can be cut for {0}: the run is not at its grant")]
    NoPermit(Op),
    /// The mode does not fit the hosts, or is not there yet.
    #[error(
        "a run in mode {0:?} cannot be worked here: rehearsals reach pretended hosts only, live runs real ones, and other modes are not there yet"
    )]
    Mode(Mode),
    /// A word in the journal that something came of, and that nobody who is listed signed.
    #[error("event {n} holds a human's word that does not count: {error}; list whose it was again, or give the run up: `studio cancel`")]
    Unsigned {
        /// The event.
        n: u64,
        /// Why it does not count.
        error: NotApproved,
    },
    /// A judgement in the journal that the rules do not come to.
    #[error("the journal says otherwise about step {0} than the rules do: nothing was changed; begin a new run")]
    JudgedOtherwise(StepNo),
    /// Other files.
    #[error("the files are not those the run began with: resume it over the same commit")]
    OtherBase,
    /// Another machine began it.
    #[error("the run was begun by another install or machine ({machine}): resume it there, since only that machine knows what ran")]
    Elsewhere {
        /// That machine.
        machine: String,
    },
    /// The rules changed since it began.
    #[error("the rules changed since the run began (then {then}, now {now}), and would not let its edits pass: begin a new run")]
    OtherRules {
        /// The digest it began under.
        then: Digest,
        /// The digest of the rules now.
        now: Digest,
    },
}

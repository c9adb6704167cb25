//! Replay: the same loop, with model, host and humans answering out of a journal. Nothing runs, nothing is bought.

mod beyond;
mod decisions;

use crate::approval::{Approvers, NotApproved, Signed};
use crate::chores::{ChoreError, Chores, CommitOrder};
use crate::clock::FixedClock;
use crate::crew::Crew;
use crate::event::{Answered, Event, Outcome};
use crate::gate::{Effect, Gate};
use crate::host::{Assumed, Ended, Executor, Host, REFUSED, Recalled, Seen};
use crate::journal::{Entry, Journal, JournalError, Log, Observer};
use crate::model::{Model, ModelError, Reply, Request, Usage};
use crate::name::{Approver, CommitId, Digest, PersonaName, RunId, StoreId};
use crate::permit::{Permit, Pretend, PretendAuthority};
use crate::program::Program;
use crate::redact::Redactor;
use crate::step::Op;
use crate::store::MemoryStore;
use crate::supervisor::{Parts, RunError, Supervisor};
use crate::text::Kept;
use crate::ticket::Ticket;
use crate::tree::Tree;
use crate::warrant::Warrant;
use async_trait::async_trait;
use decisions::{alike, decisions, found_later, from_outside};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Where kept texts are read.
pub type Texts<'a> = dyn Fn(&Kept) -> Result<String, JournalError> + 'a;

/// What a replay needs besides the journal.
pub struct Stage {
    /// The crew, as it was.
    pub crew: Crew,
    /// The rules, as they were.
    pub gate: Arc<dyn Gate>,
    /// The files the run worked on.
    pub tree: Arc<dyn Tree>,
}

/// A replay that came to the same end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many decisions it took again, interruptions not counted.
    pub decisions: usize,
    /// How many answers of the model it was given.
    pub answers: usize,
    /// Every prompt that was built again, with the answer the journal holds.
    pub prompts: Vec<(Request, Option<String>)>,
}

/// Takes every decision of `log` again and compares.
///
/// # Errors
/// The first decision or prompt that differs, or a journal that makes no sense, or that nobody can replay.
pub async fn replay(log: &Log, stage: Stage, texts: &Texts<'_>) -> Result<Replayed, ReplayError> {
    let replayed = again(log, stage, texts).await;
    match (replayed, beyond::reason(&log.entries)) {
        (Err(ReplayError::Differs { .. } | ReplayError::Short { .. } | ReplayError::Run(_)), Some(why)) => Err(ReplayError::Beyond(why)),
        (replayed, _) => replayed,
    }
}

async fn again(log: &Log, stage: Stage, texts: &Texts<'_>) -> Result<Replayed, ReplayError> {
    let wanted = decisions(log.entries.iter().map(|entry| &entry.event));
    let Some((Event::RunOpened(opened), first)) = log.entries.first().map(|entry| (&entry.event, entry.at)) else {
        return Err(JournalError::Empty.into());
    };
    let recording = Arc::new(Recording::of(&wanted, texts)?);
    let thinks = wanted.iter().any(|event| matches!(event, Event::ModelAsked { .. }));
    let model = Arc::new(Recorded::new(&recording));
    let parts = Parts {
        gate: stage.gate,
        approvers: Arc::new(Heard(wanted.iter().filter_map(|event| event.signed().cloned()).collect())),
        tree: stage.tree,
        authority: Arc::new(PretendAuthority::new()),
        executor: Executor::before(Recorded::new(&recording)),
        chores: Arc::new(Recorded::new(&recording)),
        crew: stage.crew,
        model: thinks.then(|| Arc::clone(&model) as Arc<dyn Model>),
        stop: CancellationToken::new(),
    };
    let seen = Arc::new(Seeing::default());
    let journal = Journal::begin(MemoryStore::default(), log.run.clone(), Redactor::default(), Arc::new(FixedClock(first)));
    let mut supervisor = Supervisor::begin(journal.observed(Arc::clone(&seen) as _), parts, (**opened).clone()).await?;
    loop {
        let events = seen.events();
        let ours = decisions(&events);
        if let Some(at) = ours.iter().zip(&wanted).position(|(ours, wanted)| !alike(ours, wanted)) {
            return Err(ReplayError::Differs { at: at + 1, then: wanted[at].kind(), now: ours[at].kind() });
        }
        let Some(next) = wanted.get(ours.len()) else {
            let prompts = std::mem::take(&mut *model.asked.lock().unwrap_or_else(PoisonError::into_inner));
            return Ok(Replayed { decisions: wanted.len(), answers: recording.answers.len(), prompts });
        };
        if from_outside(next) || found_later(next, &ours) {
            supervisor.record((*next).clone()).await?;
            continue;
        }
        match (supervisor.step().await, seen.events().len() == events.len()) {
            // What became of a grant was found out by a later life.
            (Ok(_) | Err(RunError::Executor(_)), false) | (Ok(None), true) => {}
            (Ok(Some(_)) | Err(RunError::Executor(_)), true) => return Err(ReplayError::Short { at: ours.len() + 1, then: next.kind() }),
            (Err(error), _) => return Err(error.into()),
        }
    }
}

/// Everything that came from outside, as the journal holds it.
struct Recording {
    answers: Vec<((PersonaName, u32), Result<String, String>)>,
    ends: BTreeMap<Op, Seen>,
    before: Vec<Vec<Op>>,
    programs: Vec<Vec<Program>>,
    commits: Vec<CommitId>,
    ticked: Option<String>,
}

/// A model, a host and a doer of chores that answer out of a recording.
struct Recorded {
    recording: Arc<Recording>,
    given: Mutex<usize>,
    found: Mutex<usize>,
    asked: Mutex<Vec<(Request, Option<String>)>>,
}

/// Believes the words the journal holds, and no others: whether they were signed is `verify`'s to say.
struct Heard(Vec<Signed>);

impl Approvers for Heard {
    fn verify(&self, text: &str, signature: &str) -> Result<Approver, NotApproved> {
        let same = |signed: &&Signed| signed.signature == signature && signed.statement.text() == text;
        self.0.iter().find(same).map(|signed| signed.statement.by.clone()).ok_or_else(|| NotApproved("the journal does not hold it".into()))
    }
}

/// Remembers every event.
#[derive(Default)]
struct Seeing(Mutex<Vec<Event>>);

impl Recording {
    fn of(events: &[&Event], texts: &Texts<'_>) -> Result<Recording, JournalError> {
        let mut recording =
            Recording { answers: Vec::new(), ends: BTreeMap::new(), before: Vec::new(), programs: Vec::new(), commits: Vec::new(), ticked: None };
        for event in events {
            if let Event::ModelAnswered { persona, turn, answer, .. } = event {
                let answer = match answer {
                    Answered::Text(kept) => Ok(texts(kept)?),
                    Answered::Failed(why) => Err(why.clone()),
                };
                recording.answers.push(((persona.clone(), *turn), answer));
            } else if let Event::StepJudged { judgement, before, .. } = event {
                recording.before.extend((judgement.effect != Effect::Read).then(|| before.clone()));
                recording.programs.push(judgement.programs.clone());
            } else if let Event::ProbeGranted { judgement, .. } = event {
                recording.programs.push(judgement.programs.clone());
            } else if let Event::StepOverdue { op, why } = event {
                recording.ends.entry(op.clone()).or_insert(Seen::Overdue(why.clone()));
            } else if let Event::StepEnded { op, outcome, .. } = event {
                let refused = outcome.misses.first().and_then(|miss| miss.strip_prefix(REFUSED)).filter(|_| outcome.exit.is_none());
                let seen = refused.map_or_else(|| Ok(Seen::Ended(ended(outcome, texts)?)), |why| Ok::<_, JournalError>(Seen::Refused(why.into())));
                recording.ends.entry(op.clone()).or_insert(seen?);
            } else if let Event::StepUnknown { op, why } = event {
                recording.ends.entry(op.clone()).or_insert(Seen::Lost(why.clone()));
            } else if let Event::ChangeCommitted { commit, .. } = event {
                recording.commits.push(commit.clone());
            } else if let Event::TicketTicked { place } = event {
                recording.ticked = Some(place.clone());
            }
        }
        Ok(recording)
    }
}

fn ended(outcome: &Outcome, texts: &Texts<'_>) -> Result<Ended, JournalError> {
    let assumed = match (outcome.assumed, outcome.misses.is_empty()) {
        (false, _) => Assumed::No,
        (true, true) => Assumed::All,
        (true, false) => Assumed::Output,
    };
    let notes = if outcome.assumed { Vec::new() } else { outcome.misses.clone() };
    Ok(Ended {
        exit: outcome.exit,
        notes,
        stdout: texts(&outcome.stdout)?,
        stderr: texts(&outcome.stderr)?,
        assumed,
        artifacts: outcome.artifacts.clone(),
        sealed: None,
    })
}

impl Recorded {
    fn new(recording: &Arc<Recording>) -> Recorded {
        Recorded { recording: Arc::clone(recording), given: Mutex::new(0), found: Mutex::new(0), asked: Mutex::new(Vec::new()) }
    }
}

#[async_trait]
impl Model for Recorded {
    async fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = self.recording.answers.get(*given).filter(|((persona, turn), _)| *persona == request.persona && *turn == request.turn);
        *given += 1;
        let told = answer.and_then(|(_, told)| told.clone().ok());
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push((request.clone(), told));
        match answer {
            Some((_, Ok(text))) => Ok(Reply { text: text.clone(), usage: Usage::default() }),
            Some((_, Err(why))) => Err(ModelError::Recorded(why.clone())),
            None => Err(ModelError::Unscripted { persona: request.persona.clone(), turn: request.turn }),
        }
    }

    fn name(&self) -> String {
        "recorded".into()
    }
}

#[async_trait]
impl Host for Recorded {
    type Mode = Pretend;

    async fn execute(&self, permit: Permit<Pretend>) -> Seen {
        self.recording.ends.get(permit.op()).cloned().unwrap_or_else(|| Seen::Gone("the journal holds no end of it".into()))
    }

    async fn recall(&self, warrant: &Warrant) -> Recalled {
        Recalled::Unknown(format!("the journal does not say what became of {}", warrant.op))
    }

    async fn close(&self, warrant: &Warrant, _: &str) -> Recalled {
        self.recall(warrant).await
    }

    async fn done(&self, _: &Digest) -> Result<Vec<Op>, String> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        *given += 1;
        self.recording.before.get(*given - 1).cloned().ok_or_else(|| "the journal holds no such judgement".into())
    }

    async fn programs(&self, _: &BTreeSet<String>) -> Result<Vec<Program>, String> {
        let mut given = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *given += 1;
        self.recording.programs.get(*given - 1).cloned().ok_or_else(|| "the journal holds no such judgement".into())
    }

    fn store(&self) -> Option<StoreId> {
        None
    }
}

#[async_trait]
impl Chores for Recorded {
    async fn stands(&self, _: &RunId, _: &Ticket) -> Result<(), ChoreError> {
        Ok(())
    }

    async fn commit(&self, _: CommitOrder) -> Result<CommitId, ChoreError> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        *given += 1;
        self.recording.commits.get(*given - 1).cloned().ok_or_else(|| ChoreError::Refused("the journal holds no commit".into()))
    }

    async fn tick(&self, _: &RunId, _: &Ticket, _: Option<&CommitOrder>) -> Result<String, ChoreError> {
        self.recording.ticked.clone().ok_or_else(|| ChoreError::Refused("the journal holds no tick".into()))
    }
}

impl Seeing {
    fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Seeing {
    fn saw(&self, _: &RunId, entry: &Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry.event.clone());
    }
}

/// A replay that came to something else.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Another decision, or another prompt.
    #[error("decision {at} differs: the journal has {then}, this version comes to {now}{}", if then == now { " with other contents" } else { "" })]
    Differs {
        /// Which, from 1, interruptions not counted.
        at: usize,
        /// What the journal has.
        then: &'static str,
        /// What the replay came to.
        now: &'static str,
    },
    /// The replay rests where the journal goes on.
    #[error("the replay rests before decision {at}, which is {then} in the journal")]
    Short {
        /// Which, from 1.
        at: usize,
        /// What the journal has.
        then: &'static str,
    },
    /// Something that no journal holds decided what came next.
    #[error("the run cannot be replayed: {0}; its journal is whole all the same: see `studio verify` and `studio log`")]
    Beyond(&'static str),
    /// The journal makes no sense.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The loop failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

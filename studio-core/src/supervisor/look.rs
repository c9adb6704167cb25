//! What a permit comes to: spent now, or asked for after a crash; and the read that tells what nobody saw.

use super::act::judged;
use super::{RunError, Stuck, Supervisor};
use crate::event::{Basis, Event, Outcome};
use crate::failure::{Failed, Failure};
use crate::gate::{Class, Verdict};
use crate::host::{Assumed, Ended, REFUSED, Recalled, Seen};
use crate::journal::Receipt;
use crate::limits::OUTPUT_BYTES_MAX;
use crate::permit::Cuts;
use crate::run::StepState;
use crate::step::Op;
use crate::store::Store;
use crate::text::Kept;
use crate::warrant::Warrant;
use std::time::Duration;

/// What is added to a step's own limit before its host counts as out of reach.
const GRACE: Duration = Duration::from_secs(60);

impl<S: Store, A: Cuts<S>> Supervisor<S, A> {
    /// Cuts the permit that a receipt paid for, spends it, and records what was seen. Told to stop, it leaves
    /// what really runs alone: another life asks for it.
    pub(super) async fn spend(&mut self, op: Op, receipt: Receipt<S>) -> Result<(), Stuck> {
        let permit = self.parts.authority.cut(receipt).ok_or_else(|| RunError::NoPermit(op.clone()))?;
        let (limit, stop) = (self.limit(&op), self.parts.stop.clone());
        let seen = tokio::select! {
            biased;
            seen = tokio::time::timeout(limit, self.parts.executor.execute(permit)) => seen,
            () = stop.cancelled(), if A::LIVE => return Err(Stuck::Stopped),
        };
        let event = match seen.unwrap_or_else(|_| Seen::Gone(silent(limit))) {
            Seen::Ended(ended) => self.ended(op, ended).await?,
            Seen::Refused(why) => self.refused(op, why),
            Seen::Held(why) => return Err(Stuck::Held(why)),
            Seen::Overdue(why) => self.overdue(op, why),
            Seen::Lost(why) => Event::StepUnknown { op, why },
            Seen::Gone(why) => return Err(Stuck::Failed(RunError::Executor(why))),
        };
        Ok(self.decide(vec![event]).await?)
    }

    /// A grant of an earlier life without an end: only the host can say what became of it.
    pub(super) async fn recall(&mut self, op: Op) -> Result<(), Stuck> {
        let (warrant, limit, stop) = (self.warrant(&op).await?, self.limit(&op), self.parts.stop.clone());
        let recalled = tokio::select! {
            biased;
            recalled = tokio::time::timeout(limit, self.parts.executor.recall(warrant)) => recalled,
            () = stop.cancelled(), if A::LIVE => return Err(Stuck::Stopped),
        };
        let event = match recalled.unwrap_or_else(|_| Recalled::Gone(silent(limit))) {
            Recalled::NeverBegan => return self.again(op).await,
            Recalled::Refused(why) if self.probing(&op) => Event::StepUnknown { op, why },
            Recalled::Refused(_) => Event::ApprovalExpired { op, again: true },
            Recalled::Ended(ended) => self.ended(op, ended).await?,
            Recalled::Overdue(why) => self.overdue(op, why),
            Recalled::Unknown(why) => Event::StepUnknown { op, why },
            Recalled::Gone(why) => return Err(Stuck::Failed(RunError::Executor(why))),
        };
        Ok(self.decide(vec![event]).await?)
    }

    /// An op that was granted and never began: begun now, if everything still stands; else closed, and judged again.
    async fn again(&mut self, op: Op) -> Result<(), Stuck> {
        if self.probing(&op) {
            return self.probe(op).await;
        }
        let stands = self.stands().await;
        let (judgement, basis) = self.run.step(op.step).map(|record| (record.judgement.clone(), record.basis.clone())).unwrap_or_default();
        let same = judgement.is_some_and(|judgement| self.judgement(op.step).is_ok_and(|now| now == judgement));
        let approved = !matches!(basis, Some(Basis::Approved(_))) || self.still_approved(&op).is_ok();
        if let (Ok(()), true, true, false, Some(basis)) = (&stands, same, approved, self.is_cancelled()?, basis) {
            return self.grant(op, basis).await;
        }
        let warrant = self.warrant(&op).await?;
        let event = match self.parts.executor.close(warrant, "what it was granted on does not hold any more").await {
            Recalled::NeverBegan | Recalled::Refused(_) => Event::ApprovalExpired { op, again: true },
            Recalled::Ended(ended) => self.ended(op, ended).await?,
            Recalled::Overdue(why) => self.overdue(op, why),
            Recalled::Unknown(why) => Event::StepUnknown { op, why },
            Recalled::Gone(why) => return Err(Stuck::Failed(RunError::Executor(why))),
        };
        self.decide(vec![event]).await?;
        stands
    }

    /// Sees to it that an op which a human refused never begins, whatever becomes of this journal.
    pub(super) async fn bury(&mut self, op: &Op, why: &str) -> Result<(), RunError> {
        if !A::LIVE || self.run.step(op.step).is_none_or(|record| record.attempt != op.attempt || record.judgement.is_none()) {
            return Ok(());
        }
        let mut warrant = self.warrant(op).await?;
        warrant.store = warrant.store.or_else(|| self.parts.executor.store());
        match self.parts.executor.close(warrant, why).await {
            Recalled::Gone(why) => Err(RunError::Executor(why)),
            Recalled::NeverBegan | Recalled::Refused(_) | Recalled::Ended(_) | Recalled::Overdue(_) | Recalled::Unknown(_) => Ok(()),
        }
    }

    /// Has a read look whether a step happened whose end nobody saw.
    pub(super) async fn probe(&mut self, op: Op) -> Result<(), Stuck> {
        let record = self.run.step(op.step).ok_or(RunError::NotOpen)?;
        let (read, _) = record.prober().ok_or(RunError::NotOpen)?;
        let judgement = judged(self.parts.gate.as_ref(), self.parts.tree.as_ref(), &self.run, &read)?;
        if judgement.class != Class::Observe || judgement.verdict != Verdict::Auto {
            let why = format!("{} is {} ({}) here: {}", read.argv, judgement.verdict, judgement.class, judgement.why);
            let op = Op { attempt: record.attempt, ..op };
            return Ok(self.decide(vec![Event::StepUnknown { op, why }]).await?);
        }
        let judgement = self.judge_here(&read).await?;
        self.flush().await?;
        let granted = Event::ProbeGranted { op: op.clone(), judgement, store: self.parts.executor.store() };
        let receipt = self.journal.record_synced(&mut self.run, granted).await.map_err(RunError::from)?;
        self.spend(op, receipt).await
    }

    /// Closes an op that a human would settle, and says what its host knows better, if it does.
    pub(super) async fn overruled(&mut self, op: &Op) -> Result<Option<Event>, RunError> {
        let unknown = self.run.step(op.step).is_some_and(|record| matches!(record.state, StepState::Unknown(_)) && record.attempt == op.attempt);
        if !unknown {
            return Ok(None);
        }
        let warrant = self.warrant(op).await?;
        match self.parts.executor.close(warrant, "a human settles it").await {
            Recalled::Ended(ended) => self.ended(op.clone(), ended).await.map(Some),
            Recalled::Overdue(why) => Ok(Some(self.overdue(op.clone(), why))),
            Recalled::NeverBegan | Recalled::Refused(_) | Recalled::Unknown(_) => Ok(None),
            Recalled::Gone(why) => Err(RunError::Executor(why)),
        }
    }

    /// Returns what was granted as that op. What it says of the journal is on disk.
    async fn warrant(&mut self, op: &Op) -> Result<Warrant, RunError> {
        self.journal.barrier().await?;
        self.run.warrant(op, self.journal.epoch(), self.journal.head()).ok_or_else(|| RunError::NoPermit(op.clone()))
    }

    fn limit(&self, op: &Op) -> Duration {
        let seconds = self.run.step(op.step).map_or(0, |record| record.running().timeout_seconds.get());
        Duration::from_secs(seconds.into()) + GRACE
    }

    fn probing(&self, op: &Op) -> bool {
        self.run.step(op.step).is_some_and(|record| matches!(record.state, StepState::Probing(_)))
    }

    fn refused(&self, op: Op, why: String) -> Event {
        if self.probing(&op) {
            return Event::StepUnknown { op, why };
        }
        let (stdout, stderr) = (Kept::Inline(String::new()), Kept::Inline(String::new()));
        let misses = vec![format!("{REFUSED}{why}")];
        let outcome = Outcome { exit: None, stdout, stderr, assumed: false, misses, artifacts: Vec::new(), failure: None };
        let outcome = Outcome { failure: self.failure(&op, &outcome, ("", "")), ..outcome };
        Event::StepEnded { op, outcome, sealed: None }
    }

    /// A step that nobody may end is overdue; a read that takes so long tells nothing.
    fn overdue(&self, op: Op, why: String) -> Event {
        if self.probing(&op) { Event::StepUnknown { op, why } } else { Event::StepOverdue { op, why } }
    }

    async fn ended(&mut self, op: Op, ended: Ended) -> Result<Event, RunError> {
        let Ended { exit, mut stdout, mut stderr, assumed, artifacts, notes, sealed } = ended;
        let expect = self.run.step(op.step).map(|record| record.running().expect).unwrap_or_default();
        let mut misses = if assumed == Assumed::All { Vec::new() } else { expect.misses(exit, &stdout) };
        for (name, text) in [("output", &mut stdout), ("error output", &mut stderr)] {
            if text.len() > OUTPUT_BYTES_MAX {
                misses.push(format!("its {name} has {} bytes; only the first {OUTPUT_BYTES_MAX} are kept", text.len()));
                text.truncate(text.floor_char_boundary(OUTPUT_BYTES_MAX));
            }
        }
        notes.into_iter().for_each(|note| {
            if !misses.contains(&note) {
                misses.push(note)
            }
        });
        let (kept_out, kept_err) = (self.journal.keep(&stdout).await?, self.journal.keep(&stderr).await?);
        let outcome = Outcome { exit, stdout: kept_out, stderr: kept_err, assumed: assumed != Assumed::No, misses, artifacts, failure: None };
        let failure = self.failure(&op, &outcome, (&stdout, &stderr));
        Ok(Event::StepEnded { op, outcome: Outcome { failure, ..outcome }, sealed })
    }

    /// Returns what is known of a step that did not end as it should. A read that looks whether another one happened has no failure.
    fn failure(&self, op: &Op, outcome: &Outcome, (stdout, stderr): (&str, &str)) -> Option<Box<Failure>> {
        let record = self.run.step(op.step).filter(|_| !outcome.misses.is_empty() && !self.probing(op))?;
        let (step, safe) = (&record.step, |text: &str| self.journal.redact(text));
        let misses: Vec<String> = outcome.misses.iter().map(|miss| safe(miss)).collect();
        let (stdout, stderr) = (safe(stdout), safe(stderr));
        let failed = Failed { argv: &step.argv, expected: step.expect.exit, exit: outcome.exit, misses: &misses, stdout: &stdout, stderr: &stderr };
        Some(Box::new(Failure::of(&failed)))
    }
}

fn silent(limit: Duration) -> String {
    format!("it said nothing within {} seconds", limit.as_secs())
}

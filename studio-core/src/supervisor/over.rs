//! Runs that are taken over as they are, or given up: neither needs their files, their rules or a host.

use super::RunError;
use super::act::cancelled;
use crate::approval::{Approvers, Signed, Word};
use crate::event::{Closing, Event};
use crate::journal::{Journal, JournalError, Log};
use crate::run::Run;
use crate::step::Op;
use crate::store::{NoticeId, Store};

/// Takes a run over, to be worked by that install on that machine with another store of claims: what may
/// have run elsewhere is unknown from here on, for that reason. Returns those ops; nothing of a run that is over.
///
/// # Errors
/// The journal makes no sense, or failed.
pub async fn adopt<S: Store>(mut journal: Journal<S>, log: &Log, install: String, machine: String, why: &str) -> Result<Vec<Op>, RunError> {
    let mut run = log.fold()?;
    if run.closed().is_some() {
        return Ok(Vec::new());
    }
    let open = run.open_ops();
    let unknown = open.iter().map(|op| Event::StepUnknown { op: op.clone(), why: why.into() });
    let events = std::iter::once(Event::RunResumed { install, machine, policy: None }).chain(unknown).collect();
    journal.record(&mut run, events).await?;
    journal.barrier().await?;
    Ok(open)
}

/// Closes a run on a word in its inbox that gives it up, whatever else keeps it from going on. `seen` says what is
/// known of an op that has no end: nobody runs it any more, and it never begins. Returns the run as it is then;
/// nothing if no listed approver gives it up.
///
/// # Errors
/// The journal makes no sense, or failed.
pub async fn give_up<S: Store>(
    mut journal: Journal<S>,
    log: &Log,
    approvers: &dyn Approvers,
    seen: impl Fn(&Op) -> String,
) -> Result<Option<Run>, RunError> {
    let mut run = log.fold()?;
    let Some((install, machine)) = run.home().map(|(install, machine)| (install.into(), machine.into())) else { return Ok(None) };
    let words = words(&mut journal, approvers)?;
    if run.closed().is_some() || words.is_empty() {
        return Ok(None);
    }
    let unknown = run.open_ops().into_iter().map(|op| Event::StepUnknown { why: seen(&op), op });
    let mut events: Vec<Event> = std::iter::once(Event::RunResumed { install, machine, policy: None }).chain(unknown).collect();
    let before = events.iter().try_fold(run.clone(), Run::then)?;
    let Some((notice, last)) = words.into_iter().find_map(|(notice, signed)| Some((notice, ending(&before, signed)?))) else { return Ok(None) };
    events.extend(last);
    journal.record(&mut run, events).await?;
    journal.barrier().await?;
    let _left = journal.store().discard(&notice); // the run is over, and reads none again
    Ok(Some(run))
}

/// Returns the words in the inbox that give a run up, of those who are listed now.
fn words<S: Store>(journal: &mut Journal<S>, approvers: &dyn Approvers) -> Result<Vec<(NoticeId, Signed)>, RunError> {
    let now = journal.now();
    let notices = journal.store().notices().map_err(JournalError::from)?.into_iter();
    let signed = notices.filter_map(|notice| Some((notice.id, notice.signed.ok()?)));
    let gives_up = |signed: &Signed| matches!(signed.statement.word, Word::Cancel | Word::Abort);
    Ok(signed.filter(|(_, signed)| gives_up(signed) && signed.clone().believe(approvers, now).is_ok()).collect())
}

/// Returns the events with which that word ends the run, if it is about this run as it stands.
fn ending(run: &Run, signed: Signed) -> Option<Vec<Event>> {
    let events = if signed.statement.word == Word::Cancel {
        vec![cancelled(signed)]
    } else {
        let why = format!("{} gave the run up at step {}", signed.statement.by, signed.statement.op.step);
        vec![Event::StepSettled { signed }, Event::RunClosed { state: Closing::Failed, why, signed: None }]
    };
    events.iter().try_fold(run.clone(), Run::then).is_ok().then_some(events)
}

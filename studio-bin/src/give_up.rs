//! Giving a run up on a signed word where it cannot go on: its files, its rules, its approvers or its journal's end may be gone.

use crate::claims;
use crate::exit::{Exit, Failure};
use crate::site::{Found, Site};
use crate::traces;
use crate::work::{self, Rested};
use std::sync::Arc;
use studio_core::approval::{Approvers, Signed, Word};
use studio_core::event::Mode;
use studio_core::host::Scenario;
use studio_core::journal::Journal;
use studio_core::redact::Redactor;
use studio_core::run::Run;
use studio_core::step::Op;
use studio_core::store::{FileStore, OsDisk, read_notices};
use studio_core::supervisor::{self, Rest};
use studio_host::claim::{ClaimError, ClaimStore, Look};
use studio_host::git::Workshop;
use tokio_util::sync::CancellationToken;

/// Goes on with a run and works it to rest; one that cannot go on is closed, if a word in its inbox gives it up.
///
/// # Errors
/// As [`work::resume`].
pub(crate) async fn resume(
    site: &Site,
    found: &Found,
    model: Option<&str>,
    scenario: Option<Scenario>,
    json: bool,
    stop: CancellationToken,
) -> Result<Rested, Failure> {
    match work::resume(site, found, model, scenario, json, stop).await {
        Err(failure) => instead(site, found, failure).await,
        rested => rested,
    }
}

/// Closes a run that does not go on for the reason `failure`, if a word in its inbox gives it up; whatever it held is free
/// again. Nothing of it may be at work.
///
/// # Errors
/// That reason where no such word counts; a step of it runs; the disk.
async fn instead(site: &Site, found: &Found, failure: Failure) -> Result<Rested, Failure> {
    if failure.exit == Exit::Held {
        return Err(failure); // somebody else works on it
    }
    let approvers = site.operator.approvers()?;
    let gives_up = |signed: &Signed| matches!(signed.statement.word, Word::Cancel | Word::Abort) && counts(signed, approvers.as_ref(), site);
    if !read_notices(&OsDisk, &found.dir)?.iter().any(|notice| notice.signed.as_ref().is_ok_and(gives_up)) {
        return Err(failure);
    }
    let Ok((disk, log)) = FileStore::open(OsDisk, &found.dir).await else { return Err(failure) };
    let Ok(run) = log.fold() else { return Err(failure) };
    if run.home() != Some((&site.operator.install()?, &site.machine())) {
        return Err(failure); // it may be at work there
    }
    let live = run.opened().is_some_and(|opened| opened.mode == Mode::Live);
    let store = if live { ClaimStore::find(&claims::dir(site)?).map_err(claims::odd)? } else { None };
    if let Some(store) = &store {
        idle(site, &run, store)?;
    }
    let journal = Journal::resume(disk, &log, Redactor::default(), Arc::clone(&site.clock));
    let given_up = supervisor::give_up(journal, &log, approvers.as_ref(), |op| seen(store.as_ref(), op)).await?;
    let Some(run) = given_up else { return Err(failure) };
    eprintln!("note: {} is closed as it stands: {}", found.id, failure.why);
    if let Some(store) = &store {
        free(site, found, store)?;
    }
    let report = traces::tell(site, found, &found.log()?, &run, true)?;
    let closed = run.closed().map(|(closing, _)| closing).ok_or(failure)?;
    Ok(Rested { id: found.id.clone(), rest: Rest::Over(closed), run, report, lost: None })
}

/// Makes sure that nothing of a run is at work, and that what was granted and did not begin never will.
fn idle(site: &Site, run: &Run, store: &ClaimStore) -> Result<(), Failure> {
    for op in run.open_ops().iter().filter(|op| store.look(op, store.id()) == Look::NeverBegan) {
        match store.bury(op, "its run is given up", site.clock.now()) {
            Ok(()) | Err(ClaimError::Taken(_)) => {}
            Err(error) => return Err(claims::odd(error)),
        }
    }
    let Some(id) = run.id() else { return Ok(()) };
    let working = store.at_work(id).map_err(claims::odd)?;
    let Some((op, pid)) = working.first() else { return Ok(()) };
    let whose = pid.map_or("and nobody waits for it".into(), |pid| format!("below process {pid}"));
    let again = work::command(site, &["resume", id.as_str()]);
    Err(Failure::new(Exit::NeedsHuman, format!("step {} of {} runs still, {whose}: once it ended, `{again}` closes the run", op.step, op.run)))
}

fn counts(signed: &Signed, approvers: &dyn Approvers, site: &Site) -> bool {
    signed.clone().believe(approvers, site.clock.now()).is_ok()
}

/// Says what is known of an op whose end the journal does not hold.
fn seen(store: Option<&ClaimStore>, op: &Op) -> String {
    let given_up = "and the run was given up";
    match store.map(|store| store.look(op, store.id())) {
        None => format!("the store of claims that would know is not here, {given_up}"),
        Some(Look::NeverBegan | Look::Tombstone(_)) => format!("it had not begun, {given_up}: it never will"),
        Some(Look::Ended(finished)) => {
            let exit = finished.ended.exit.map_or_else(|| "by a signal".into(), |exit| format!("with exit {exit}"));
            format!("it ended {exit}, {given_up} before that was recorded")
        }
        Some(Look::Unknown(why)) => format!("{why}, {given_up}"),
        Some(Look::Running { .. } | Look::Orphan) => format!("it runs, {given_up}"),
    }
}

/// Lets go of all that a run held.
fn free(site: &Site, found: &Found, store: &ClaimStore) -> Result<(), Failure> {
    store.mark_cancel(&found.id).and_then(|()| store.release(&found.id)).map_err(claims::odd)?;
    store.forget_output(&found.id)?;
    let away = Workshop::open(&site.repo).and_then(|workshop| workshop.discard(&found.id).and_then(|()| workshop.let_go(&found.id)));
    away.unwrap_or_else(|error| tracing::warn!(run = %found.id, %error, "the run's worktree stays"));
    Ok(())
}

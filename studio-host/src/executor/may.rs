//! Whether a step may begin now: nothing is frozen or stopped, it is a time for changes, and it was not done before.

use super::Place;
use super::verify::Refusal;
use crate::claim::holds::Hold;
use crate::claim::{ClaimError, ClaimStore, Look};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use studio_core::event::Basis;
use studio_core::gate::{Effect, Judgement};
use studio_core::name::{Digest, RelPath, RunId, Target};
use studio_core::step::Op;
use studio_core::store::{OsDisk, read_log};
use studio_core::warrant::Warrant;

/// Says why nothing of this kind may begin now, if it may not. Plain reads may, while changes are frozen.
pub(super) fn held(site: &Place, warrant: &Warrant, effect: Effect) -> Option<String> {
    let stopped = site.claims.stopped(&warrant.op.run, &site.since);
    match stopped {
        Ok(false) => {}
        Ok(true) => return Some("it was told to stop (`studio stop`); nothing of it was begun since".into()),
        Err(error) => return Some(format!("whether it was told to stop cannot be read: {error}")),
    }
    if effect == Effect::Read {
        return None;
    }
    match site.claims.frozen() {
        Ok(None) => {}
        Ok(Some(freeze)) => {
            return Some(format!("changes are frozen since {} by {}: {}; `studio freeze --lift` ends that", freeze.at, freeze.by, freeze.why));
        }
        Err(error) => return Some(format!("whether changes are frozen cannot be read, so they are: {error}")),
    }
    let now = site.clock.now().to_zoned(TimeZone::system()).datetime();
    if !site.hours.is_open(now) {
        return Some(format!("it is {now:.0} here, and changes are made {} only", site.hours));
    }
    hold(site, &warrant.op.run, Some(&warrant.step.target), BTreeSet::new()).err().map(|error| error.to_string())
}

/// Notes that a step is about to have its effect, unless it had that before and nobody was asked about it.
pub(super) fn first(site: &Place, warrant: &Warrant, judgement: &Judgement) -> Result<(), Refusal> {
    if judgement.effect == Effect::Read {
        return Ok(());
    }
    let key = warrant.effect_key(judgement.script.as_ref());
    site.claims.note_effect(&key, &warrant.op)?;
    let own = |op: &Op| op.run == warrant.op.run && op.step == warrant.op.step;
    let told = |op: &Op| warrant.basis != Basis::Auto && (op.run == warrant.op.run || warrant.before.contains(op));
    match had(&site.claims, &key)?.into_iter().find(|op| !own(op) && !told(op)) {
        Some(op) => Err(Refusal::Before(op)),
        None => Ok(()),
    }
}

/// Takes what a run works on for itself, until it is over: targets once it changes them, paths once it commits.
///
/// # Errors
/// Another run that is not over has it, or what is held cannot be read.
pub(super) fn hold(site: &Place, run: &RunId, target: Option<&Target>, paths: BTreeSet<RelPath>) -> Result<(), ClaimError> {
    // Steps of this machine alone run in copies of their own.
    let targets: BTreeSet<Target> = target.filter(|target| target.as_str() != "local").cloned().into_iter().collect();
    if targets.is_empty() && paths.is_empty() {
        return Ok(());
    }
    let place = Some(site.repo.root().into());
    site.claims.hold(&Hold { run: run.clone(), targets, paths, place }, &|other| is_over(site, other))
}

/// Says whether a run ended for good, as its journal here says. One that is not here may go on elsewhere.
fn is_over(site: &Place, run: &RunId) -> bool {
    let dir = site.repo.root().join("ai/state/runs").join(run.as_str());
    read_log(&OsDisk, &dir).ok().and_then(|log| log.fold().ok()).is_some_and(|run| run.closed().is_some())
}

/// Returns the ops that had an effect, or may have had it.
pub(super) fn had(claims: &ClaimStore, key: &Digest) -> Result<Vec<Op>, ClaimError> {
    let mut ops = claims.effects(key)?;
    ops.retain(|op| match claims.look(op, claims.id()) {
        Look::NeverBegan | Look::Tombstone(_) => false,
        Look::Unknown(_) | Look::Running { .. } | Look::Orphan | Look::Ended(_) => true,
    });
    Ok(ops)
}

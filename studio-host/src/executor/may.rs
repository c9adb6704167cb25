//! Whether a step may begin now: nothing is frozen or stopped, it is a time for changes, and it was not done before.

use super::Place;
use super::verify::Refusal;
use crate::claim::{ClaimError, ClaimStore, Look};
use jiff::tz::TimeZone;
use studio_core::event::Basis;
use studio_core::gate::{Effect, Judgement};
use studio_core::name::Digest;
use studio_core::step::Op;
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
    (!site.hours.is_open(now)).then(|| format!("it is {now:.0} here, and changes are made {} only", site.hours))
}

/// Notes that a step is about to have its effect, unless it had that before and nobody was asked about it.
pub(super) fn first(site: &Place, warrant: &Warrant, judgement: &Judgement) -> Result<(), Refusal> {
    if judgement.effect == Effect::Read {
        return Ok(());
    }
    let key = warrant.effect_key(judgement.script.as_ref());
    site.claims.note_effect(&key, &warrant.op)?;
    let own = |op: &Op| op.run == warrant.op.run && op.step == warrant.op.step;
    match had(&site.claims, &key)?.into_iter().find(|op| !own(op)) {
        Some(op) if warrant.basis == Basis::Auto => Err(Refusal::Before(op)),
        Some(_) | None => Ok(()),
    }
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

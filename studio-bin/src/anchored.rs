//! How far the store of claims, outside the repository, vouches for a journal: by its anchor and by the seals on outcomes.

use crate::claims;
use crate::exit::{Exit, Failure};
use crate::site::Site;
use studio_core::event::{Event, Mode, Outcome, Sealed};
use studio_core::host::REFUSED;
use studio_core::journal::Log;
use studio_core::step::Op;
use studio_host::claim::ClaimStore;

/// How far the store of claims vouches for a journal.
pub(crate) struct Anchored {
    /// The last line that it saw.
    pub(crate) to: u64,
    /// How many outcomes it sealed.
    pub(crate) seals: usize,
    /// Why not every outcome is as it was, as far as it knows.
    pub(crate) doubt: Option<String>,
}

/// Holds a journal against what the Executor saw of it.
///
/// # Errors
/// It was rewritten or set back. Inside: why nothing vouches for it.
pub(crate) fn anchored(site: &Site, log: &Log) -> Result<Result<Anchored, String>, Failure> {
    if !matches!(log.entries.first().map(|entry| &entry.event), Some(Event::RunOpened(opened)) if opened.mode == Mode::Live) {
        return Ok(Err("nothing of it was real, so the Executor never saw it".into()));
    }
    let Some(store) = ClaimStore::find(&claims::dir(site)?).map_err(claims::odd)? else {
        return Ok(Err("the store of claims that sealed it is not here".into()));
    };
    let rewritten = |n: u64, why: &str, mend: &str| {
        let what = format!("the journal of {} was set back or rewritten: {why} {n} of it", log.run);
        Failure::new(Exit::Refused, format!("{what}; restore it, {mend}"))
    };
    let seen = store.anchored(&log.run).map_err(claims::odd)?;
    if let Some(seen) = seen.as_ref().filter(|seen| log.sum_of(seen.n) != Some(&seen.head)) {
        return Err(rewritten(seen.n, "the Executor saw another line", "or look what ran, then `studio adopt`"));
    }
    let ends: Vec<_> = log.entries.iter().filter_map(|entry| Some((entry.place.n, ended(&entry.event)?))).collect();
    let mut doubt = None;
    for (n, (op, outcome, sealed)) in &ends {
        let holds = match sealed {
            None => Err(format!("nothing vouches for event {n}: how step {} ended is not sealed", op.step)),
            Some(Sealed { n: before, head, seal }) => {
                let same = before < n && log.sum_of(*before) == Some(head);
                let known = same && store.seal_outcome(op, *before, head, outcome.exit).map_err(claims::odd)? == *seal;
                if known { Ok(()) } else { Err(format!("event {n} was sealed by another store of claims, or says otherwise how its step ended")) }
            }
        };
        if holds.is_err() && sealed.is_some() && is_of(log, op, &store) {
            return Err(rewritten(*n, "the outcome was sealed otherwise in line", "or give the run up: `studio cancel`"));
        }
        doubt = doubt.or(holds.err());
    }
    let gone = || "the store of claims remembers nothing of it: it was adopted, or the record is gone".into();
    Ok(seen.ok_or_else(gone).map(|seen| Anchored { to: seen.n, seals: ends.len(), doubt }))
}

/// Returns the end of a step that the Executor saw; one that it refused to begin had none.
fn ended(event: &Event) -> Option<(&Op, &Outcome, Option<&Sealed>)> {
    let Event::StepEnded { op, outcome, sealed } = event else { return None };
    let refused = sealed.is_none() && outcome.exit.is_none() && outcome.misses.iter().any(|miss| miss.starts_with(REFUSED));
    (!refused).then_some((op, outcome, sealed.as_ref()))
}

/// Says whether an op was granted for that store, and never for another.
fn is_of(log: &Log, op: &Op, store: &ClaimStore) -> bool {
    log.entries.iter().all(|entry| {
        let (Event::StepGranted { op: other, store: granted, .. } | Event::ProbeGranted { op: other, store: granted, .. }) = &entry.event else {
            return true;
        };
        other != op || granted.as_ref() == Some(store.id())
    })
}

//! `studio cancel`: gives a run up for good.

use super::run::{block_on, show, stop_on_signals};
use crate::claims;
use crate::exit::{Exit, Failure};
use crate::give_up;
use crate::site::Site;

use jiff::SignedDuration;
use std::time::{Duration, Instant};
use studio_core::approval::Statement;
use studio_core::event::{Closing, Mode};
use studio_core::limits::{APPROVAL_HOURS, CLOSE_SECONDS_MAX, STOP_LOOK_MS};
use studio_core::store::{OsDisk, is_held, send_notice};
use studio_core::supervisor::Rest;
use studio_core::text::Prose;
use studio_host::claim::Moment;

pub(crate) fn cancel(site: &Site, run: &str, reason: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let state = found.log()?.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    if let Some((closed, why)) = state.closed() {
        return Err(Failure::new(Exit::Usage, format!("run {} is over already: {}: {why}", found.id, closed.name())));
    }
    let reason = reason
        .map(|reason| Prose::try_from(reason.to_string()))
        .transpose()
        .map_err(|error| Failure::new(Exit::Usage, format!("--reason: {error}")))?;
    let now = site.clock.now();
    let expires = now.saturating_add(SignedDuration::from_hours(APPROVAL_HOURS)).unwrap_or(now);
    let id = found.id.clone();
    let signed = site.operator.sign(|by| Statement::cancel(id, by, now, expires, reason))?;
    block_on(send_notice(&OsDisk, &found.dir, &signed))?;
    let live = state.opened().is_some_and(|opened| opened.mode == Mode::Live);
    let store = live.then(|| claims::open_any(site)).transpose()?;
    if let Some(store) = &store {
        store.mark_stop(Some(&found.id), &Moment::now(site.clock.as_ref())?).map_err(claims::odd)?;
    }
    free(&found.dir)?;
    // Only now, or whoever worked on it would take what is killed for the work's own failure.
    store.map_or(Ok(()), |store| store.mark_cancel(&found.id)).map_err(claims::odd)?;
    let rested = block_on(async { give_up::resume(site, &found, None, None, json, stop_on_signals()).await })?;
    show(site, &rested, json);
    Ok(if rested.rest == Rest::Over(Closing::Cancelled) { Exit::Done } else { rested.exit() })
}

/// Waits until whoever works on the run has heard that it is to stop.
fn free(dir: &std::path::Path) -> Result<(), Failure> {
    let until = Instant::now() + Duration::from_secs(CLOSE_SECONDS_MAX);
    while is_held(&OsDisk, dir)? {
        if Instant::now() >= until {
            return Err(Failure::new(
                Exit::Held,
                "another studio holds the run and does not let go; its word is in the inbox: `studio resume` takes it",
            ));
        }
        std::thread::park_timeout(Duration::from_millis(STOP_LOOK_MS));
    }
    Ok(())
}

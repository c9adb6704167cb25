//! `studio resume`: goes on where a run rests.

use super::run::{block_on, show, stop_on_signals};
use crate::exit::{Exit, Failure};
use crate::site::Site;
use crate::{give_up, wiring};
use std::path::Path;

pub(crate) fn resume(site: &Site, run: &str, model: Option<&str>, scenario: Option<&Path>, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let scenario = scenario.map(wiring::rehearsal).transpose()?.map(|rehearsal| rehearsal.scenario);
    let rested = block_on(async { give_up::resume(site, &found, model, scenario, json, stop_on_signals()).await })?;
    show(site, &rested, json);
    Ok(rested.exit())
}

//! A store of claims that is older than a journal: it was restored, so what it does not hold proves nothing.

use crate::claims;
use crate::exit::{Exit, Failure};
use crate::site::{Found, Site};
use std::sync::Arc;
use studio_core::event::Mode;
use studio_core::journal::{Journal, Log};
use studio_core::redact::Redactor;
use studio_core::store::{FileStore, OsDisk};
use studio_core::supervisor;
use studio_host::claim::ClaimStore;

/// Why nobody knows what became of what was granted.
const OLDER: &str =
    "the store of claims is older than the life of the run that granted it: it was restored from a copy, so it may hold no record of what ran";

/// Makes every op of a live run unknown that was granted in a life which the store of claims does not know of: each life
/// is known to it before anything is granted in it.
///
/// # Errors
/// The store or the journal cannot be read, or the journal failed.
pub(crate) async fn doubted(site: &Site, found: &Found, disk: FileStore<OsDisk>, log: Log) -> Result<(FileStore<OsDisk>, Log), Failure> {
    let run = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    let (install, machine) = (site.operator.install()?, site.machine());
    let ours = run.opened().is_some_and(|opened| opened.mode == Mode::Live) && run.home() == Some((&install, &machine));
    if !ours || run.open_life() == 0 {
        return Ok((disk, log));
    }
    let Some(store) = ClaimStore::find(&claims::dir(site)?).map_err(claims::odd)? else { return Ok((disk, log)) };
    if store.life(&found.id).map_err(claims::odd)? >= run.open_life() {
        return Ok((disk, log));
    }
    let journal = Journal::resume(disk, &log, Redactor::default(), Arc::clone(&site.clock));
    supervisor::adopt(journal, &log, install, machine, OLDER).await?;
    Ok(FileStore::open(OsDisk, &found.dir).await?)
}

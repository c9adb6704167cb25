//! Where this machine keeps what ran for a repository: its store of claims, and which one that must be.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use studio_core::journal::Log;
use studio_core::limits::STOP_LOOK_MS;
use studio_core::name::{RunId, StoreId};
use studio_host::claim::{ClaimError, ClaimStore, Entry, Moment};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The hidden word that makes our own binary a shim.
pub(crate) const SHIM: &str = "shim";
/// The file that the operator keeps about a repository's stores: the last line counts.
const STORES: &str = "claims";

/// A store that the repository's runs were granted for.
#[derive(Serialize, Deserialize)]
struct Known {
    v: u8,
    store: StoreId,
    machine: String,
}

/// How our own binary becomes a shim.
pub(crate) fn entry() -> Entry {
    Entry::own(&[SHIM])
}

/// Opens the store of this repository, and makes it where there never was one.
///
/// # Errors
/// It is not the one that earlier runs were granted for, or cannot hold claims here.
pub(crate) fn open(site: &Site) -> Result<ClaimStore, Failure> {
    let store = open_any(site)?;
    let id = repo_id(site)?;
    match known(site, &id)? {
        Some(known) if known.store == *store.id() && known.machine == site.machine() => Ok(store),
        Some(known) => Err(Failure::new(
            Exit::Refused,
            format!(
                "live is refused: earlier runs of this repository were granted for the store of claims {}, and {:?} holds {}: it was removed, \
                 replaced or restored, or this is another machine, so nobody can say here what ran; restore it, or go on without it: `studio adopt`",
                known.store,
                store.dir(),
                store.id()
            ),
        )),
        None => {
            remember(site, &id, &store)?;
            Ok(store)
        }
    }
}

/// Says whether a store is the one that counts for this repository.
pub(crate) fn is_known(site: &Site, id: &str, store: &ClaimStore) -> Result<bool, Failure> {
    Ok(known(site, id)?.is_some_and(|known| known.store == *store.id() && known.machine == site.machine()))
}

/// Says whether more of a run's journal was seen here than there is, or something else.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn is_set_back(log: &Log, store: &ClaimStore) -> Result<bool, Failure> {
    let seen = store.anchored(&log.run).map_err(odd)?;
    Ok(seen.is_some_and(|seen| log.sum_of(seen.n) != Some(&seen.head)))
}

/// Opens whatever store is there, or makes one.
pub(crate) fn open_any(site: &Site) -> Result<ClaimStore, Failure> {
    ClaimStore::open(&dir(site)?, &entry()).map_err(odd)
}

/// Lets the store that is there count from here on.
pub(crate) fn remember(site: &Site, id: &str, store: &ClaimStore) -> Result<(), Failure> {
    let known = Known { v: 1, store: store.id().clone(), machine: site.machine() };
    let line = serde_json::to_string(&known).map_err(|error| Failure::new(Exit::Error, error))?;
    site.operator.add_repo_line(id, STORES, &line)
}

/// Returns where the store of this repository lies.
pub(crate) fn dir(site: &Site) -> Result<PathBuf, Failure> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home).filter(|path| path.is_absolute());
    let state = state.ok_or_else(|| Failure::new(Exit::NeedsSetting, "neither XDG_STATE_HOME nor HOME names a folder for what ran here"))?;
    Ok(state.join("studio/claims").join(repo_id(site)?))
}

/// Returns the repository's identity, without which nothing of it is live.
pub(crate) fn repo_id(site: &Site) -> Result<String, Failure> {
    site.repo_id()?.ok_or_else(|| Failure::new(Exit::Refused, "the repository has no identity: commit something, or complete a shallow clone"))
}

/// Watches for `studio stop` while this lives, and cancels `stop` when it comes. Needs an actix system.
///
/// # Errors
/// The machine has no `/proc`.
pub(crate) fn watch(site: &Site, run: RunId, stop: &CancellationToken) -> Result<DropGuard, Failure> {
    let (since, watched) = (Moment::now(site.clock.as_ref())?, CancellationToken::new());
    let Ok(dir) = dir(site) else { return Ok(watched.drop_guard()) }; // without a store nobody can leave a mark
    let (stop, over) = (stop.clone(), watched.clone());
    actix::spawn(async move {
        while tokio::time::timeout(Duration::from_millis(STOP_LOOK_MS), over.cancelled()).await.is_err() {
            // A mark that cannot be read is a mark.
            if ClaimStore::find(&dir).is_ok_and(|store| store.is_some_and(|store| store.stopped(&run, &since).unwrap_or(true))) {
                eprintln!("studio: told to stop: nothing new is begun, and a step that runs is left to end");
                return stop.cancel();
            }
        }
    });
    Ok(watched.drop_guard())
}

/// Says what a store refuses, in our exit codes.
pub(crate) fn odd(error: ClaimError) -> Failure {
    let refused = matches!(
        error,
        ClaimError::Foreign(..) | ClaimError::Open(_) | ClaimError::Ground(..) | ClaimError::Mechanics(..) | ClaimError::Replaced(..)
    );
    Failure::new(if refused { Exit::Refused } else { Exit::Error }, error)
}

fn known(site: &Site, id: &str) -> Result<Option<Known>, Failure> {
    let Some(last) = site.operator.repo_lines(id, STORES)?.pop() else { return Ok(None) };
    let wrong = |error| Failure::new(Exit::BadInput, format!("repos/{id}/{STORES} of the operator: its last line names no store: {error}"));
    serde_json::from_str(&last).map(Some).map_err(wrong)
}

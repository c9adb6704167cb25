//! One process of the Studio over the box: it goes on with the run that it finds, until it rests.

use super::drive::Play;
use super::watch::WatchedDisk;
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::sync::Arc;
use studio_core::clock::Clock;
use studio_core::event::Mode;
use studio_core::host::Executor;
use studio_core::journal::{Journal, JournalError, Receipt};
use studio_core::model::Model;
use studio_core::name::{Digest, RunId};
use studio_core::permit::{Authority, Cuts, Permit, Pretend, PretendAuthority};
use studio_core::redact::Redactor;
use studio_core::store::{FileStore, list_runs};
use studio_core::supervisor::{Here, Parts, Rest, RunError, Supervisor};
use studio_tests::life::{RUNS, Word, now};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The hour in the box: it stands still while the Studio works, and passes while it waits.
struct PausedClock(Instant);

/// An authority for runs that are live in all but their hosts.
struct AsIfLive(PretendAuthority);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        hour(self.0)
    }
}

impl Authority for AsIfLive {
    type Mode = Pretend;
    const LIVE: bool = true;
}

impl<S> Cuts<S> for AsIfLive {
    fn cut(&self, receipt: Receipt<S>) -> Option<Permit<Pretend>> {
        self.0.cut(receipt)
    }
}

impl Play {
    /// Works until the run rests; says how, and in which state.
    pub(super) async fn work(
        &self,
        model: Option<Arc<dyn Model>>,
        executor: Executor<Pretend>,
        stop: CancellationToken,
    ) -> Result<(Rest, Digest), RunError> {
        let authority = PretendAuthority::new();
        match self.script.mode {
            Mode::Live => self.work_with(AsIfLive(authority), model, executor, stop).await,
            Mode::Simulate | Mode::Observe | Mode::Suggest => self.work_with(authority, model, executor, stop).await,
        }
    }

    async fn work_with<A>(
        &self,
        authority: A,
        model: Option<Arc<dyn Model>>,
        executor: Executor<Pretend>,
        stop: CancellationToken,
    ) -> Result<(Rest, Digest), RunError>
    where
        A: Authority<Mode = Pretend> + Cuts<FileStore<WatchedDisk>>,
    {
        let (world, clock) = (&self.world, Arc::new(PausedClock(self.began)));
        let (gate, tree, chores) = (Arc::clone(&world.gate), Arc::clone(&world.tree), Arc::new(world.chores.clone()));
        let (approvers, authority, crew) = (Arc::new(Word), Arc::new(authority), world.crew.clone());
        let parts = Parts { gate, approvers, tree, authority, executor, chores, crew, model, stop };
        let disk = WatchedDisk(world.disk.clone(), self.watch.clone());
        let mut supervisor = match &self.left {
            Some((dir, _)) => {
                let (store, log) = FileStore::open(disk, dir).await?;
                let journal = Journal::resume(store, &log, Redactor::default(), clock).observed(Arc::new(self.watch.clone()));
                Supervisor::resume(journal, &log, parts, Here { install: "box".into(), machine: "box".into(), vouched: 0 }).await?
            }
            None => {
                let tries = list_runs(&world.disk, Path::new(RUNS)).unwrap_or_default().len();
                let run = RunId::try_from(format!("20260115-100000-sim-{tries:04x}")).unwrap();
                let store = FileStore::create(disk, Path::new("/"), Path::new(&RUNS[1..]), &run).await.map_err(JournalError::from)?;
                let journal = Journal::begin(store, run, Redactor::default(), clock).observed(Arc::new(self.watch.clone()));
                Supervisor::open(journal, parts, world.opened.clone()).await?
            }
        };
        let rest = supervisor.work().await?;
        Ok((rest, supervisor.run().hash()))
    }
}

/// Returns the hour in a box that began then.
pub(super) fn hour(began: Instant) -> Timestamp {
    now() + SignedDuration::try_from(began.elapsed()).unwrap()
}

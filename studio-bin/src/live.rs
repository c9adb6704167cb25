//! Live: the one authority of this process, the Executor in its own, and what must hold before either exists.

use crate::claims;
use crate::exit::{Exit, Failure};
use crate::operator::Operator;
use crate::registry;
use crate::rules;
use crate::site::{RUNS, Site};
use crate::trust::{self, Trust};
use async_trait::async_trait;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Arc;
use studio_core::chores::{ChoreError, Chores, CommitOrder};
use studio_core::clock::Clock;
use studio_core::name::{CommitId, Digest, RelPath, RunId, TicketId};
use studio_core::permit::HostAuthority;
use studio_core::run::{StepRecord, StepState};
use studio_core::ticket::Ticket;
use studio_core::tree::Tree;
use studio_files::intake::Readiness;
use studio_files::tick;
use studio_host::claim::Moment;
use studio_host::executor::{Link, Place, Sums, own_log, serve};
use studio_host::git::{GitError, GitRepo};

/// The right to cut live permits, and the way to the process that takes them.
#[derive(Clone)]
pub(crate) struct Live {
    /// The authority of this process.
    pub(crate) authority: Arc<HostAuthority>,
    /// The Executor.
    pub(crate) link: Link,
    /// The commit that counts as the truth.
    base: String,
}

/// What a live run leaves beside its journal: commits by the Executor, ticks in the checkout.
pub(crate) struct LiveChores {
    link: Link,
    repo: GitRepo,
    operator: Operator,
    base: String,
    /// What the command line says is the base; whatever counts by itself if nothing.
    at: Option<String>,
    clock: Arc<dyn Clock>,
}

impl Live {
    /// Claims the authority of this process and starts the Executor for runs over `tree`.
    ///
    /// # Errors
    /// Something stands against live here, or the Executor does not start.
    pub(crate) fn start(site: &Site, tree: &dyn Tree) -> Result<Live, Failure> {
        let commit = possible(site, tree)?;
        #[expect(clippy::disallowed_methods, reason = "the one place that claims it")]
        let authority = HostAuthority::claim().map_err(|error| Failure::new(Exit::Error, error))?;
        let program = std::env::current_exe()?;
        let words: [OsString; 7] = [
            "executor".into(),
            "--repo".into(),
            site.root().into(),
            "--operator".into(),
            site.operator.dir().into(),
            "--base".into(),
            commit.as_str().into(),
        ];
        let link = Link::start(&program, &words).map_err(|error| Failure::new(Exit::Lost, format!("the Executor does not start: {error}")))?;
        Ok(Live { authority: Arc::new(authority), link, base: commit.as_str().into() })
    }

    /// Returns who commits and ticks.
    pub(crate) fn chores(&self, site: &Site) -> Arc<dyn Chores> {
        let (repo, operator, base) = (site.repo.clone(), site.operator.clone(), self.base.clone());
        let at = site.named_base();
        Arc::new(LiveChores { link: self.link.clone(), repo, operator, base, at, clock: Arc::clone(&site.clock) })
    }
}

/// Says what stands against live in this repository; the commit to work on if nothing does.
///
/// # Errors
/// That.
pub(crate) fn possible(site: &Site, tree: &dyn Tree) -> Result<CommitId, Failure> {
    let refuse = |why: String| Err(Failure::new(Exit::Refused, format!("live is refused: {why}")));
    let Some(commit) = tree.commit() else { return refuse("the repository has no commit, so nothing says what a run works on".into()) };
    if let Some(state) = site.repo.state() {
        return refuse(format!("{state} in the checkout; finish or abort it first"));
    }
    match trust::of(site, tree)? {
        Trust::Given { .. } => Ok(commit),
        Trust::None => refuse("what the repository would choose is not trusted yet; look at it with `studio trust`".into()),
        Trust::Changed { .. } => refuse("what the repository would choose changed since it was trusted; look at it with `studio trust`".into()),
        Trust::NoIdentity => refuse("the clone is shallow, so the repository has no identity; `git fetch --unshallow` completes it".into()),
    }
}

/// The right to work a ticket live in this checkout. Nobody else has it while this lives.
pub(crate) struct Alone {
    _lock: File,
}

/// Takes a ticket for one live run, the new one or `own`. Another run of it that is not done with stands
/// against that: what it waits for may still happen, so it would be done twice.
///
/// # Errors
/// Somebody else has it; there is such a run; or one that cannot be read.
pub(crate) fn alone(site: &Site, ticket: &TicketId, own: Option<&RunId>) -> Result<Alone, Failure> {
    // In the store of claims, so that work trees and clones of one repository know of each other.
    let locks = claims::dir(site)?.join("tickets");
    DirBuilder::new().recursive(true).mode(0o700).create(&locks)?;
    let name = Digest::blake3(ticket.as_str().to_ascii_lowercase().as_bytes());
    let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(locks.join(format!("{}.lock", &name.as_str()[..16])))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Failure::new(Exit::Held, format!("another studio works on {ticket} live"))),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let slug = format!("-{}-", ticket.slug());
    let others = site.runs_in(RUNS[0])?.into_iter().filter(|found| found.id.as_str().contains(&slug) && own != Some(&found.id));
    for found in others.filter(|found| !found.never_began()) {
        let read = found.log().and_then(|log| log.fold().map_err(|error| Failure::new(Exit::BadInput, error)));
        let run = read.map_err(|failure| {
            Failure::new(
                failure.exit,
                format!("run {} may be of {ticket}, and cannot be read: {}; move it away once you know what it did", found.id, failure.why),
            )
        })?;
        // A run that goes on may pass one that only asks: whoever is second finds the ticket done.
        let open = |record: &StepRecord| match record.state {
            StepState::Granted(_) | StepState::Overdue(..) | StepState::Unknown(_) | StepState::Probing(_) => true,
            StepState::Asked(_) | StepState::Approved(_) => own.is_none(),
            StepState::Waiting
            | StepState::Judged
            | StepState::Skipped(_)
            | StepState::Ended(_)
            | StepState::Confirmed(_)
            | StepState::Settled(_) => false,
        };
        let same = run.opened().is_some_and(|opened| opened.ticket.id == *ticket) && run.closed().is_none();
        if same && run.steps().iter().any(open) {
            let (state, why) = studio_files::report::outcome(&run);
            let here = run.home().is_some_and(|(home, _)| site.operator.install().is_ok_and(|install| install == home));
            let mend = match here {
                true => format!("answer it (`studio approvals`), then `studio resume {}`", found.id),
                false => "it belongs to another install: finish it there, or take it over with `studio adopt`".into(),
            };
            return Err(Failure::new(Exit::NeedsHuman, format!("run {} of {ticket} is not done with ({state}: {why}); {mend}", found.id)));
        }
    }
    Ok(Alone { _lock: lock })
}

impl LiveChores {
    /// Says whether the files that a change touches are at the base now what they were when it was made.
    fn fits(&self, order: &CommitOrder) -> Result<(), ChoreError> {
        let refused = |error: GitError| ChoreError::Refused(format!("the base cannot be looked at: {error}"));
        let then = self.repo.base(Some(order.base.as_str())).map_err(refused)?;
        let site = Site::of(self.repo.clone(), self.operator.clone(), self.at.clone());
        let now = site.at_base().map_err(|failure| ChoreError::Refused(failure.why))?;
        if then.commit() == now.commit() {
            return Ok(());
        }
        let read = |tree: &dyn Tree, path: &RelPath| tree.read(path).map_err(|error| ChoreError::Refused(error.to_string()));
        for path in order.edits.iter().flat_map(|edit| edit.paths()) {
            if read(&then, path)? != read(&now, path)? {
                return Err(ChoreError::Refused(format!(
                    "{path} changed at the base since run {} began ({} there now): its edit is made on what is gone; begin a new run",
                    order.run,
                    now.commit().as_ref().map_or("no commit", |commit| &commit.as_str()[..12])
                )));
            }
        }
        Ok(())
    }
}

/// Serves as the Executor on standard input until the runtime is gone.
///
/// # Errors
/// Standard input is no socket of a runtime, or something stands against live here.
pub(crate) fn executor(site: &Site) -> Result<Exit, Failure> {
    use std::os::{fd::AsFd, unix::net::UnixStream};
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    if socket.peer_addr().is_err() {
        let why = "standard input is no socket of a runtime: `studio run --mode live` starts the Executor by itself";
        return Err(Failure::new(Exit::Usage, why));
    }
    let tree = site.tree()?;
    possible(site, tree.as_ref())?;
    let (operator, registrar, repo) = (site.operator.clone(), site.operator.clone(), site.repo_id()?);
    let rules = rules::of(site, tree.as_ref())?;
    let (store, settings) = (claims::open(site)?, site.operator.settings()?);
    let place = Place {
        repo: site.repo.clone(),
        gate: rules.gate,
        approvers: Box::new(move || operator.approvers().map_err(|failure| failure.why)),
        registrations: Box::new(move || registry::read(&registrar, repo.as_deref()).map(|found| found.all()).map_err(|failure| failure.why)),
        claims: store,
        entry: claims::entry(),
        since: Moment::now(site.clock.as_ref())?,
        hours: settings.changes,
        clock: Arc::clone(&site.clock),
        bin_dirs: settings.bin_dirs,
        sums: Sums::default(),
        branch: rules.branch,
    };
    own_log(place.claims.dir()).map_err(|error| Failure::new(Exit::Error, error))?; // whoever reads what the runtime says must not wait for what goes on behind it
    serve(socket, place).map_err(|error| Failure::new(Exit::Error, error))?;
    Ok(Exit::Done)
}

#[async_trait]
impl Chores for LiveChores {
    async fn stands(&self, run: &RunId, ticket: &Ticket) -> Result<(), ChoreError> {
        let refused = |why: String| ChoreError::Refused(format!("{} ({}) is not to be done any more: {why}", ticket.id, ticket.source));
        let site = Site::of(self.repo.clone(), self.operator.clone(), Some(self.base.clone()));
        let queue = site.tree().and_then(|tree| site.queue(tree.as_ref())).map_err(|failure| ChoreError::Refused(failure.why))?;
        let Ok(entry) = queue.find(ticket.id.as_str()) else { return Err(refused("it is gone from the queue".into())) };
        if entry.ticket.content != ticket.content {
            return Err(refused(format!("its words changed since run {run} began")));
        }
        match &entry.readiness {
            Readiness::Ready if !entry.at_base => Err(refused("it does not stand like this at the base: commit it".into())),
            Readiness::Ready => Ok(()),
            Readiness::Waiting { .. } | Readiness::Finished | Readiness::Held(_) | Readiness::Example => Err(refused(entry.reason())),
        }
    }

    async fn commit(&self, order: CommitOrder) -> Result<CommitId, ChoreError> {
        self.fits(&order)?;
        self.link.commit(order).await
    }

    async fn tick(&self, run: &RunId, ticket: &Ticket, change: Option<&CommitOrder>) -> Result<String, ChoreError> {
        change.map_or(Ok(()), |order| self.fits(order))?;
        let ticked = tick::tick(self.repo.root(), ticket, run, self.clock.now()).map_err(|error| ChoreError::Refused(error.to_string()))?;
        Ok(format!("{}:{}", ticked.path, ticked.line))
    }
}

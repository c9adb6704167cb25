//! Live: the one authority of this process, the Executor in its own, and what must hold before either exists.

use crate::exit::{Exit, Failure};
use crate::rules;
use crate::site::{RUNS, Site};
use crate::trust::{self, Trust};
use async_trait::async_trait;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use studio_core::chores::{ChoreError, Chores, CommitOrder};
use studio_core::clock::Clock;
use studio_core::name::{CommitId, RunId, TicketId};
use studio_core::permit::HostAuthority;
use studio_core::run::{StepRecord, StepState};
use studio_core::store::{OsDisk, is_held};
use studio_core::ticket::Ticket;
use studio_core::tree::Tree;
use studio_files::tick;
use studio_host::executor::{Link, Place, serve};

/// The right to cut live permits, and the way to the process that takes them.
#[derive(Clone)]
pub(crate) struct Live {
    /// The authority of this process.
    pub(crate) authority: Arc<HostAuthority>,
    /// The Executor.
    pub(crate) link: Link,
}

/// What a live run leaves beside its journal: commits by the Executor, ticks in the checkout.
pub(crate) struct LiveChores {
    link: Link,
    root: PathBuf,
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
        Ok(Live { authority: Arc::new(authority), link })
    }

    /// Returns who commits and ticks.
    pub(crate) fn chores(&self, site: &Site) -> Arc<dyn Chores> {
        Arc::new(LiveChores { link: self.link.clone(), root: site.root().to_path_buf(), clock: Arc::clone(&site.clock) })
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

/// Says which live run of the ticket is not done with, if there is one: what it waits for may still
/// happen, so a second run would do it twice.
///
/// # Errors
/// There is one, or the runs cannot be listed.
pub(crate) fn alone(site: &Site, ticket: &TicketId) -> Result<(), Failure> {
    let slug = format!("-{}-", ticket.slug());
    for found in site.runs_in(RUNS[0])?.into_iter().filter(|found| found.id.as_str().contains(&slug)) {
        let Ok(run) = found.log().and_then(|log| log.fold().map_err(|error| Failure::new(Exit::BadInput, error))) else { continue };
        let open = |record: &StepRecord| {
            matches!(record.state, StepState::Asked(_) | StepState::Approved(_) | StepState::Granted(_) | StepState::Unknown(_))
        };
        let same = run.opened().is_some_and(|opened| opened.ticket.id == *ticket) && run.closed().is_none();
        if same && is_held(&OsDisk, &found.dir)? {
            return Err(Failure::new(Exit::Held, format!("another studio works on {ticket} in run {}", found.id)));
        }
        if same && run.steps().iter().any(open) {
            let (state, why) = studio_files::report::outcome(&run);
            let mend = format!("answer it (`studio approvals`), then `studio resume {}`", found.id);
            return Err(Failure::new(Exit::NeedsHuman, format!("run {} of {ticket} is not done with ({state}: {why}); {mend}", found.id)));
        }
    }
    Ok(())
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
    let operator = site.operator.clone();
    let place = Place {
        repo: site.repo.clone(),
        gate: rules::of(site, tree.as_ref())?.gate,
        approvers: Box::new(move || operator.approvers().map_err(|failure| failure.why)),
        clock: Arc::clone(&site.clock),
        bin_dirs: site.operator.settings()?.bin_dirs,
    };
    serve(socket, place).map_err(|error| Failure::new(Exit::Error, error))?;
    Ok(Exit::Done)
}

#[async_trait]
impl Chores for LiveChores {
    async fn commit(&self, order: CommitOrder) -> Result<CommitId, ChoreError> {
        self.link.commit(order).await
    }

    async fn tick(&self, run: &RunId, ticket: &Ticket) -> Result<String, ChoreError> {
        let ticked = tick::tick(&self.root, ticket, run, self.clock.now()).map_err(|error| ChoreError::Refused(error.to_string()))?;
        Ok(format!("{}:{}", ticked.path, ticked.line))
    }
}

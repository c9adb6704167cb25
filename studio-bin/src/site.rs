//! Where a command works: the repository, its base, its runs, the operator, this machine.

use crate::cli::PlaceArgs;
use crate::exit::{Exit, Failure};
use crate::operator::Operator;
use crate::rules;
use crate::trust::{self, Trust};
use jiff::tz::TimeZone;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use studio_core::clock::{Clock, SystemClock};
use studio_core::journal::{JournalError, Log};
use studio_core::name::{Digest, RunId, TicketId};
use studio_core::store::{OsDisk, blob_path, list_runs, read_log};
use studio_core::text::Kept;
use studio_core::tree::Tree;
use studio_files::curation;
use studio_files::intake::Queue;
use studio_files::stage::Gates;
use studio_host::git::{Base, GitError, GitRepo};

/// Where runs lie: live ones, then simulated ones.
pub(crate) const RUNS: [&str; 2] = ["ai/state/runs", "ai/state/simulated"];

/// A repository and its operator.
pub(crate) struct Site {
    /// The repository.
    pub(crate) repo: GitRepo,
    /// The operator's folder.
    pub(crate) operator: Operator,
    /// The base the command line names.
    pub(crate) base: Option<String>,
    /// The clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The repository's identity, once it was asked for.
    pub(crate) id: OnceCell<Option<String>>,
}

/// A run on disk.
pub(crate) struct Found {
    /// Its id.
    pub(crate) id: RunId,
    /// Its folder.
    pub(crate) dir: PathBuf,
}

impl Site {
    /// Finds the repository and the operator.
    ///
    /// # Errors
    /// There is no repository, or no home.
    pub(crate) fn find(args: &PlaceArgs) -> Result<Site, Failure> {
        let dir = args.repo.clone().map_or_else(std::env::current_dir, Ok)?;
        let repo = GitRepo::discover(&dir).map_err(bad_repo)?;
        Ok(Site::of(repo, Operator::at(args.operator.as_deref())?, args.base.clone()))
    }

    /// A repository and its operator, at a base.
    pub(crate) fn of(repo: GitRepo, operator: Operator, base: Option<String>) -> Site {
        Site { repo, operator, base, clock: Arc::new(SystemClock), id: OnceCell::new() }
    }

    /// Returns the identity of the repository, the same in all its clones; none before the first commit
    /// and in a shallow clone.
    ///
    /// # Errors
    /// The history cannot be read.
    pub(crate) fn repo_id(&self) -> Result<Option<String>, Failure> {
        if let Some(id) = self.id.get() {
            return Ok(id.clone());
        }
        let id = match self.repo.base(self.base.as_deref()) {
            // Whoever looks at an Engineer's branch has it checked out; the repository is still known by its recorded base.
            Err(error @ GitError::Engineers(_)) if self.base.is_none() => Some(self.recorded_id()?.ok_or_else(|| bad_repo(error))?),
            base => base.and_then(|base| base.repo_id()).map_err(bad_repo)?,
        };
        Ok(self.id.get_or_init(|| id).clone())
    }

    /// Returns the id under which the operator recorded a base that this repository has.
    fn recorded_id(&self) -> Result<Option<String>, Failure> {
        let ours = |base: &str| self.repo.base(Some(base)).and_then(|base| base.repo_id()).ok().flatten();
        let mut repos = self.operator.settings()?.repos.into_iter();
        Ok(repos.find(|(id, settings)| settings.base.as_deref().and_then(ours).as_ref() == Some(id)).map(|(id, _)| id))
    }

    /// Returns what the command line says is the base.
    pub(crate) fn named_base(&self) -> Option<String> {
        self.base.clone()
    }

    /// Returns the root of the checkout.
    pub(crate) fn root(&self) -> &Path {
        self.repo.root()
    }

    /// Returns the files that count as the truth: at the base the command line names, else the
    /// operator's settings, else the default.
    ///
    /// # Errors
    /// There is no such commit.
    pub(crate) fn tree(&self) -> Result<Arc<dyn Tree>, Failure> {
        Ok(Arc::new(self.at_base()?))
    }

    /// As [`Site::tree`], with what is known of the commit.
    ///
    /// # Errors
    /// As [`Site::tree`].
    pub(crate) fn at_base(&self) -> Result<Base, Failure> {
        let mut settled = None;
        if self.base.is_none() {
            let mut repos = self.operator.settings()?.repos;
            if !repos.is_empty() {
                settled = self.repo_id()?.and_then(|id| repos.remove(&id)).and_then(|settings| settings.base);
            }
        }
        let base = self.repo.base(self.base.as_deref().or(settled.as_deref())).map_err(bad_repo)?;
        // The policy may call the Engineer's branches otherwise than git's part knows; none of them is a base. It says so
        // only once it is trusted: else a repository would shut its operator out.
        let own = rules::policy(&base).ok().flatten().is_some_and(|policy| names(&policy.branch, base.name()));
        if own && matches!(trust::of(self, &base)?, Trust::Given { .. }) {
            return Err(bad_repo(GitError::Engineers(base.name().into())));
        }
        Ok(base)
    }

    /// Returns the files at the commit a run began with.
    ///
    /// # Errors
    /// The commit is gone.
    pub(crate) fn tree_of(&self, log: &Log) -> Result<Arc<dyn Tree>, Failure> {
        let run = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
        match run.opened().and_then(|opened| opened.base.as_ref()) {
            Some(commit) => {
                let gone = |error| {
                    let mend = format!("fetch it back, or give the run up: `studio cancel {}`", log.run);
                    Failure::new(
                        Exit::BadInput,
                        format!("run {} works on {commit}, which is not in this repository any more ({error}); {mend}", log.run),
                    )
                };
                Ok(Arc::new(self.repo.base(Some(commit.as_str())).map_err(gone)?))
            }
            None => Ok(Arc::new(studio_core::tree::EmptyTree)),
        }
    }

    /// Returns the tickets of the checkout.
    ///
    /// # Errors
    /// Everything that is wrong with the queue files.
    pub(crate) fn queue(&self, tree: &dyn Tree) -> Result<Queue, Failure> {
        let closed = Gates::read(self.root()).map_err(|error| Failure::new(Exit::Error, error))?.closed();
        let accepted = curation::read(self.root()).map_err(|error| Failure::new(Exit::BadInput, error))?;
        Queue::read_gated(self.root(), tree, &closed)
            .map(|queue| queue.curated(&accepted))
            .map_err(|errors| Failure::new(Exit::BadInput, format!("the queue is not used until this is mended:\n{errors}")))
    }

    /// Returns every run, oldest first.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn runs(&self) -> Result<Vec<Found>, Failure> {
        let mut found = Vec::new();
        for runs in RUNS {
            found.extend(self.runs_in(runs)?);
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }

    /// Returns every run of one of [`RUNS`], oldest first.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn runs_in(&self, runs: &str) -> Result<Vec<Found>, Failure> {
        let runs = self.root().join(runs);
        Ok(list_runs(&OsDisk, &runs)?.into_iter().map(|id| Found { dir: runs.join(id.as_str()), id }).collect())
    }

    /// Returns the one run whose id is `name` or begins with it.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(crate) fn run(&self, name: &str) -> Result<Found, Failure> {
        let mut begun: Vec<Found> = self.runs()?.into_iter().filter(|found| found.id.as_str().starts_with(name)).collect();
        // A whole name means that run and, of two with it, the live one.
        if begun.iter().any(|found| found.id.as_str() == name) {
            begun.retain(|found| found.id.as_str() == name);
            begun.truncate(1);
        }
        match (begun.pop(), begun.len()) {
            (Some(found), 0) => Ok(found),
            (Some(last), more) => {
                Err(Failure::new(Exit::Usage, format!("{} runs begin with {name:?}, {} among them: say more of it", more + 1, last.id)))
            }
            (None, _) => Err(Failure::new(Exit::Usage, format!("there is no run {name:?} below {}: see `studio status`", self.root().display()))),
        }
    }

    /// Returns a new run's id: local date and time, the ticket, four random digits.
    pub(crate) fn new_run(&self, ticket: &TicketId) -> Result<RunId, Failure> {
        use ssh_key::rand_core::{OsRng, RngCore};
        let now = self.clock.now().to_zoned(TimeZone::system());
        let slug = Some(ticket.slug()).filter(|slug| !slug.is_empty()).unwrap_or_else(|| "ticket".into());
        let id = format!("{}-{slug}-{:04x}", now.strftime("%Y%m%d-%H%M%S"), OsRng.next_u32() & 0xffff);
        RunId::try_from(id).map_err(|error| Failure::new(Exit::Error, error))
    }

    /// Returns a name for this machine that tells it from others and nothing else about it.
    pub(crate) fn machine(&self) -> String {
        let read = |path: &str| std::fs::read_to_string(path).ok().map(|id| id.trim().to_string()).filter(|id| !id.is_empty());
        let id = read("/etc/machine-id").or_else(|| read("/var/lib/dbus/machine-id")).or_else(|| read("/etc/hostname"));
        Digest::blake3(id.unwrap_or_else(|| "unknown".into()).as_bytes()).as_str()[..16].to_string()
    }
}

impl Found {
    /// Reads its journal, whole or not at all.
    ///
    /// # Errors
    /// It is damaged, newer, empty, or another run's.
    pub(crate) fn log(&self) -> Result<Log, Failure> {
        read_log(&OsDisk, &self.dir).map_err(|error| {
            if self.is_bare() {
                return Failure::new(Exit::BadInput, format!("{}: the folder is empty: the run never began; delete it", self.dir.display()));
            }
            let failure = Failure::from(error);
            Failure::new(failure.exit, format!("{}: {}", self.dir.join("journal.jsonl").display(), failure.why))
        })
    }

    /// Says whether its first event never came to disk, so that nothing ever came of it.
    pub(crate) fn never_began(&self) -> bool {
        matches!(read_log(&OsDisk, &self.dir), Err(JournalError::Empty)) || self.is_bare()
    }

    fn is_bare(&self) -> bool {
        std::fs::read_dir(&self.dir).is_ok_and(|mut entries| entries.next().is_none())
    }

    /// Reads a kept text.
    ///
    /// # Errors
    /// The blob is missing or damaged.
    pub(crate) fn text(&self, kept: &Kept) -> Result<String, JournalError> {
        match kept {
            Kept::Inline(text) => Ok(text.clone()),
            Kept::Blob { blob, .. } => {
                let bytes = std::fs::read(blob_path(&self.dir, blob)).unwrap_or_default();
                let whole = Digest::blake3(&bytes) == *blob;
                String::from_utf8(bytes).ok().filter(|_| whole).ok_or_else(|| JournalError::Blob(blob.clone()))
            }
        }
    }
}

/// Says whether the branch template of a policy may give the name of a base, here or at a remote.
pub(crate) fn names(template: &str, base: &str) -> bool {
    let fixed = template.split_once("<slug>").map_or("", |(fixed, _)| fixed);
    !fixed.is_empty() && base.rsplit_once("origin/").map_or(base, |(_, name)| name).starts_with(fixed)
}

fn bad_repo(error: GitError) -> Failure {
    Failure::new(Exit::BadInput, error)
}

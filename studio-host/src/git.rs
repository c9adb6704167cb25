//! The user's git repository, read in process: nothing of it is run, and its settings are not obeyed.

mod base;
#[cfg(test)]
mod fixture;
mod revision;

pub use base::Base;

use gix::{ObjectId, ThreadSafeRepository};
use gix::discover::upwards;
use gix::objs::Kind;
use gix::sec::Trust;
use std::fmt;
use std::path::{Path, PathBuf};
use studio_core::text::one_line;

/// Largest commit, tag or folder that is read; files have their own, smaller limit.
const OBJECT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A repository with a work tree, opened to be read and nothing else.
///
/// Whoever owns it, it is opened with reduced trust: system, user and environment settings are not read,
/// and of its own only the format (SHA-1, bare, worktree) counts. So a planted `core.fsmonitor`, filter,
/// hook, include, alias or `core.worktree` does nothing, and a repository of another user may be read
/// without `safe.directory`: [`Base::notes`] says so. Replacement refs are off, and every object is hashed
/// again when read, so a commit id means its files.
#[derive(Clone, Debug)]
pub struct GitRepo {
    repo: ThreadSafeRepository,
    root: PathBuf,
    common: PathBuf,
}

/// What the user has begun in the work tree and not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkState {
    /// A merge.
    Merge,
    /// A rebase.
    Rebase,
    /// A cherry-pick.
    CherryPick,
    /// A revert.
    Revert,
    /// A bisection.
    Bisect,
    /// Patches of a mailbox.
    Mailbox,
}

impl GitRepo {
    /// Finds and opens the repository whose work tree holds `dir`.
    ///
    /// # Errors
    /// `dir` is in no work tree, or the repository is damaged or of a kind that cannot be read.
    pub fn discover(dir: &Path) -> Result<GitRepo, GitError> {
        let folder = |at: &Path| at.canonicalize().map_err(|error| GitError::Folder(at.into(), error));
        let dir = folder(dir)?;
        let repo = open(&dir)?;
        let root = folder(repo.work_dir().ok_or_else(|| GitError::Bare(dir.clone()))?)?;
        if !dir.starts_with(&root) {
            return Err(GitError::Elsewhere(dir, root));
        }
        if let Some(link) = dead_link(dir.ancestors().take_while(|above| **above != root)) {
            return Err(GitError::DeadLink(link));
        }
        let common = folder(repo.to_thread_local().common_dir())?;
        Ok(GitRepo { repo, root, common })
    }

    /// Returns the root of the work tree, without symlinks.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder that all work trees of the repository share, without symlinks.
    pub fn common_dir(&self) -> &Path {
        &self.common
    }

    /// Returns the files to start from: those at `choice` (a branch, a tag or a commit id, also with `~N` or
    /// `^`), else at origin/HEAD if that exists, else at HEAD.
    ///
    /// # Errors
    /// There is no such commit, it is on a branch of the Engineer's own, or the repository is damaged.
    pub fn base(&self, choice: Option<&str>) -> Result<Base, GitError> {
        let chosen = revision::choose(&self.repo.to_thread_local(), choice)?;
        let base = Base::at(self.repo.clone(), chosen)?;
        match Trust::from_path_ownership(self.repo.git_dir()) {
            Ok(Trust::Full) => Ok(base),
            Ok(Trust::Reduced) | Err(_) => Ok(base.with_note("the repository belongs to another user; it is only read, and its settings are not obeyed")),
        }
    }

    /// Returns what the user has begun in this work tree and not finished. Looks at no file but git's own.
    pub fn state(&self) -> Option<WorkState> {
        use gix::state::InProgress;
        Some(match self.repo.to_thread_local().state()? {
            InProgress::Merge => WorkState::Merge,
            InProgress::Rebase | InProgress::RebaseInteractive => WorkState::Rebase,
            InProgress::CherryPick | InProgress::CherryPickSequence => WorkState::CherryPick,
            InProgress::Revert | InProgress::RevertSequence => WorkState::Revert,
            InProgress::Bisect => WorkState::Bisect,
            InProgress::ApplyMailbox | InProgress::ApplyMailboxRebase => WorkState::Mailbox,
        })
    }
}

impl fmt::Display for WorkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WorkState::Merge => "a merge is in progress",
            WorkState::Rebase => "a rebase is in progress",
            WorkState::CherryPick => "a cherry-pick is in progress",
            WorkState::Revert => "a revert is in progress",
            WorkState::Bisect => "a bisection is in progress",
            WorkState::Mailbox => "patches of a mailbox are being applied",
        })
    }
}

fn open(dir: &Path) -> Result<ThreadSafeRepository, GitError> {
    // A folder inside the work tree may be made up to look like a bare repository, so only `.git` counts.
    let found = |dot_git_only| upwards::Options { trust: upwards::TrustPolicy::Assume(Trust::Reduced), dot_git_only, ..Default::default() };
    let limit = format!("gitoxide.objects.allocLimit={OBJECT_BYTES_MAX}");
    let reduced = gix::open::Options::isolated().config_overrides(["core.useReplaceRefs=false", limit.as_str()]);
    let options = gix::sec::trust::Mapping { full: reduced.clone(), reduced };
    match ThreadSafeRepository::discover_opts(dir, found(true), options) {
        Ok(mut repo) => {
            // A setting could hide all refs behind a namespace.
            repo.refs.namespace = None;
            Ok(repo)
        }
        Err(error) if error.downcast_any_ref::<upwards::Error>().is_none() => match error.is_unsupported() {
            true => Err(GitError::Format(dir.into(), why(&error))),
            false => Err(GitError::Open(dir.into(), why(&error))),
        },
        Err(_) if gix::discover::upwards_opts(dir, found(false)).is_ok() => Err(GitError::Bare(dir.into())),
        Err(_) => Err(dead_link(dir.ancestors()).map_or_else(|| GitError::None(dir.into()), GitError::DeadLink)),
    }
}

/// Returns the first `.git` file in `folders`. Found where no repository begins, it is the link of a work
/// tree or submodule whose repository is gone; the one further up is not what the user means.
fn dead_link<'a>(mut folders: impl Iterator<Item = &'a Path>) -> Option<PathBuf> {
    folders.find_map(|folder| Some(folder.join(".git")).filter(|link| link.is_file()))
}

/// Reads an object and hashes it again.
fn object(repo: &gix::Repository, id: ObjectId) -> Result<(Kind, Vec<u8>), GitError> {
    let object = repo.find_object(id).map_err(|error| damaged(id, &error))?;
    let seen = gix::objs::compute_hash(repo.object_hash(), object.kind, &object.data).map_err(|error| damaged(id, &error))?;
    match seen == id {
        true => Ok((object.kind, object.detach().data)),
        false => Err(GitError::Damaged(id.to_string(), format!("its bytes hash to {seen}"))),
    }
}

fn damaged(what: impl fmt::Display, error: &gix::Error) -> GitError {
    GitError::Damaged(one_line(&what.to_string(), 200), why(error))
}

/// Returns what `error` and its causes say, on one line.
fn why(error: &gix::Error) -> String {
    let mut words: Vec<String> = error.iter_errors().map(ToString::to_string).filter(|text| !text.is_empty()).collect();
    words.dedup();
    one_line(&words.join(": "), 400)
}

/// The repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No such folder.
    #[error("failed to look at {0:?}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// No repository.
    #[error("{0:?} is in no git repository; run `git init` there, or name one with --repo DIR")]
    None(PathBuf),
    /// A repository without files.
    #[error("{0:?} is in a bare repository, which has no files to work on; name a clone or a work tree of it with --repo DIR")]
    Bare(PathBuf),
    /// A link into nothing.
    #[error("{0:?} points to no repository: the work tree or its repository was moved or removed; run `git worktree repair` \
             (or `git submodule update --init`) in the main work tree, or name another with --repo DIR")]
    DeadLink(PathBuf),
    /// A folder of git's own.
    #[error("{0:?} is not in its repository's work tree {1:?}; name a folder inside that with --repo DIR")]
    Elsewhere(PathBuf, PathBuf),
    /// Not SHA-1, or newer than what is understood.
    #[error("the repository of {0:?} has a format that is not understood ({1}); name one made with `git init --object-format=sha1`")]
    Format(PathBuf, String),
    /// It does not open.
    #[error("failed to open the repository of {0:?}: {1}; `git status` there says more")]
    Open(PathBuf, String),
    /// No such commit.
    #[error("{0:?} names no commit to start from: {1}; give --base a branch, a tag or a commit id, also with ~N")]
    Unknown(String, String),
    /// A branch of the Engineer's own.
    #[error("{0} is a branch of the Engineer's own and no base; name another with --base REV")]
    Engineers(String),
    /// An object or ref that cannot be read.
    #[error("failed to read {0} of the repository: {1}; `git fsck` says more")]
    Damaged(String, String),
    /// Over the limit.
    #[error("the history has more than {0} commits, so the repository gets no identity and live mode stays closed to it")]
    Long(usize),
}

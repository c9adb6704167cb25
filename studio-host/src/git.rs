//! The user's git repository, read in process: nothing of it is run, and its settings are not obeyed.

mod base;
mod branch;
mod checkout;
mod dirty;
mod edits;
#[cfg(test)]
mod fixture;
mod hand_on;
mod keep;
mod listing;
mod objects;
mod open;
mod order;
pub(crate) mod regular;
mod revision;
mod sample;
mod seal;
#[cfg(test)]
mod traps;
mod workshop;

pub use base::Base;
pub use checkout::Checkout;
pub use workshop::Workshop;

use gix::objs::Kind;
use gix::sec::Trust;
use gix::{ObjectId, ThreadSafeRepository};
use std::fmt;
use std::path::{Path, PathBuf};
use studio_core::text::one_line;

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
        let repo = open::above(&dir)?;
        let root = folder(repo.work_dir().ok_or_else(|| GitError::Bare(dir.clone()))?)?;
        if !dir.starts_with(&root) {
            return Err(GitError::Elsewhere(dir, root));
        }
        if let Some(link) = open::dead_link(dir.ancestors().take_while(|above| **above != root)) {
            return Err(GitError::DeadLink(link));
        }
        let common = folder(repo.to_thread_local().common_dir())?;
        Ok(GitRepo { repo, root, common })
    }

    /// Returns the root of the work tree, without symlinks.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns its objects.
    pub(crate) fn objects(&self) -> gix::Repository {
        self.repo.to_thread_local()
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
        Ok(match self.is_ours() {
            true => base,
            false => base.with_note("the repository belongs to another user; it is only read, and its settings are not obeyed"),
        })
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

impl GitRepo {
    /// Says whether it belongs to the user of this process.
    fn is_ours(&self) -> bool {
        [&self.root, &self.common].iter().all(|path| matches!(Trust::from_path_ownership(path), Ok(Trust::Full)))
    }
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
    match error.is_unsupported() {
        true => GitError::Format(why(error)),
        false => GitError::Damaged(one_line(&what.to_string(), 200), why(error)),
    }
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
    NoRepository(PathBuf),
    /// A repository without files.
    #[error("{0:?} is in a bare repository, which has no files to work on; name a clone or a work tree of it with --repo DIR")]
    Bare(PathBuf),
    /// A link into nothing.
    #[error(
        "{0:?} points to no repository: the work tree or its repository was moved or removed; run `git worktree repair` \
             (or `git submodule update --init`) in the main work tree, or name another with --repo DIR"
    )]
    DeadLink(PathBuf),
    /// A folder of git's own.
    #[error("{0:?} is not in its repository's work tree {1:?}; name a folder inside that with --repo DIR")]
    Elsewhere(PathBuf, PathBuf),
    /// Not SHA-1, or newer than what is understood.
    #[error("the repository has a format that is not read ({0}), only SHA-1 with refs in files is; name a clone of that kind with --repo DIR")]
    Format(String),
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
    /// Somebody else's.
    #[error("{0:?} belongs to another user, so nothing is written to it; work on a clone of your own, named with --repo DIR")]
    Foreign(PathBuf),
    /// Something is in the way of Studio's own folders.
    #[error("{0:?} is no folder, and Studio keeps its clone there; move it away")]
    InTheWay(PathBuf),
    /// Another process is at it.
    #[error("{0:?} is held by another process for more than {1} s; wait for that run, or end it")]
    Locked(PathBuf, u64),
    /// The disk.
    #[error("failed to write {0:?}: {1}; nothing is lost by doing it again")]
    Write(PathBuf, std::io::Error),
    /// An edit that does not fit the files.
    #[error("the edits do not fit the base: {0}; hand over others")]
    Edits(String),
    /// A branch that is not ours to move.
    #[error("the branch {0} is left as it is: {1}; `git branch -v` shows them")]
    Branch(String, String),
    /// A run's files.
    #[error("the checkout of {0} cannot be made so: {1}")]
    Checkout(String, String),
}

#[cfg(test)]
mod tests {
    use super::fixture::{Fixture, put, text};
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use studio_core::tree::Tree;

    #[test]
    fn unfinished_work_is_seen() {
        for (file, state) in [
            ("MERGE_HEAD", WorkState::Merge),
            ("rebase-merge/done", WorkState::Rebase),
            ("rebase-apply/rebasing", WorkState::Rebase),
            ("rebase-apply/applying", WorkState::Mailbox),
            ("CHERRY_PICK_HEAD", WorkState::CherryPick),
            ("REVERT_HEAD", WorkState::Revert),
            ("BISECT_LOG", WorkState::Bisect),
        ] {
            let fixture = Fixture::new();
            assert_eq!(fixture.open().state(), None);
            fixture.git(file, "");
            assert_eq!(fixture.open().state(), Some(state), "{file}");
        }
    }

    #[test]
    fn planted_settings_do_nothing() {
        let fixture =
            Fixture::with(&[("a", "true"), (".gitattributes", "* filter=evil diff=evil"), (".gitmodules", "[submodule]\nupdate = !touch PWNED")]);
        let root = fixture.root();
        let (commit, clean) = (fixture.base().commit().unwrap(), fixture.base().repo_id().unwrap());
        // Whoever follows the include stumbles.
        put(&root.join("more"), "[core\nbare = true\n");
        put(&root.join("hooks/post-checkout"), "#!/bin/sh\ntouch PWNED\n");
        let settings = "fsmonitor = touch PWNED\nhooksPath = hooks\nsshCommand = touch PWNED\ngitProxy = touch PWNED\npager = touch PWNED\n\
            worktree = /\nuseReplaceRefs = true\nalternateRefsCommand = touch PWNED\nattributesFile = ~/x\n";
        fixture.git(
            "config",
            format!(
                "[core]\nbare = false\n{settings}[include]\npath = ../more\n[includeIf \"gitdir:/\"]\npath = ../more\n\
            [alias]\nst = !touch PWNED\n[filter \"evil\"]\nsmudge = touch PWNED\nprocess = touch PWNED\nrequired = true\n\
            [gitoxide \"core\"]\nrefsNamespace = evil\nshallowFile = config\n[gitoxide \"objects\"]\nnoReplace = false\n[safe]\ndirectory = *\n\
            [extensions]\npartialClone = origin\n[remote \"origin\"]\npromisor = true\nuploadpack = touch PWNED\nurl = ext::touch PWNED\n"
            ),
        );
        let repo = fixture.open();
        let base = repo.base(None).unwrap();
        assert_eq!((repo.root(), base.commit().unwrap()), (root.as_path(), commit));
        assert_eq!((text(&base, "a").unwrap().as_deref(), base.repo_id().unwrap()), (Some("true"), clean));
        assert_eq!((repo.state(), base.notes()), (None, [].as_slice()));
        assert!(!root.join("PWNED").exists() && !root.join(".git/PWNED").exists() && !Path::new("PWNED").exists());
    }

    #[test]
    fn a_replaced_object_is_read_as_it_was() {
        let fixture = Fixture::with(&[("a", "true")]);
        fixture.git(format!("refs/replace/{}", fixture.blob(b"true")), fixture.blob(b"false").to_string());
        assert_eq!(text(&fixture.base(), "a").unwrap().as_deref(), Some("true"));
    }

    #[test]
    fn garbage_in_any_file_of_git_is_no_panic() {
        let read = |fixture: &Fixture| {
            let repo = GitRepo::discover(fixture.dir.path())?;
            let base = repo.base(None)?;
            let _file = (text(&base, "d/a").map_err(|error| error.to_string()), base.repo_id().map_err(|error| error.to_string()), repo.state());
            Ok::<_, GitError>(())
        };
        let made = || {
            let fixture = Fixture::new();
            let first = fixture.grow("refs/heads/main", &[("d/a", "1")], &[]);
            fixture.grow("refs/heads/main", &[("d/a", "2")], &[first]);
            fixture.git("packed-refs", format!("{first} refs/heads/old\n"));
            fixture.git("objects/info/alternates", "");
            let (one, two) = (fixture.blob(b"one"), fixture.blob(b"one two"));
            fixture.pack(&[one, two]);
            fixture
        };
        let fixture = made();
        read(&fixture).unwrap();
        let files = files_below(&fixture.root().join(".git"));
        assert!(files.len() > 10, "{files:?}");
        for file in &files {
            let whole = fs::read(file).unwrap();
            let torn = whole.get(..whole.len() / 2).unwrap_or_default().to_vec();
            let flipped: Vec<u8> = whole.iter().enumerate().map(|(at, byte)| if at % 7 == 3 { !byte } else { *byte }).collect();
            for garbage in [vec![], torn, flipped, vec![0; 64], vec![0xff; 5000], b"ref: \xff\xfe\n[[[\"".to_vec()] {
                put(file, &garbage);
                let _refused = read(&fixture);
            }
            put(file, &whole);
        }
        read(&fixture).unwrap();
    }

    fn files_below(dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| !path.ends_with("hooks")).flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn another_users_repository_is_read_with_a_note() {
        let fixture = Fixture::with(&[("a", "1")]);
        let folder = fixture.root().join(".git");
        let other = fs::metadata(&folder).unwrap().uid() + 1;
        // Only root may give a folder away; for others there is nothing to see here.
        if std::os::unix::fs::chown(&folder, Some(other), None).is_ok() {
            let base = fixture.base();
            assert_eq!(text(&base, "a").unwrap().as_deref(), Some("1"));
            assert!(base.notes()[0].contains("another user"), "{:?}", base.notes());
        }
    }
}

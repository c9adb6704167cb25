//! Studio's own clone and work trees, inside the user's git folder, and what is done with them.

use super::base::At;
use super::checkout::Checkout;
use super::edits::Object;
use super::{GitError, GitRepo, branch, checkout, damaged, object, objects, open, order, regular};
use gix::ThreadSafeRepository;
use gix::sec::Trust;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use studio_core::chores::CommitOrder;
use studio_core::limits::LOCK_SECONDS_MAX;
use studio_core::name::{BranchName, CommitId, RelPath, RunId};

/// What git is told when somebody uses it on the clone. Studio itself reads none of it.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\thooksPath = /dev/null\n\tfsmonitor = false\n\
    \tlogAllRefUpdates = false\n[commit]\n\tgpgSign = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
/// Relative, so that a repository that was moved still finds its objects.
const ALTERNATES: &str = "../../../objects\n";

/// The place in the user's git folder where Studio works: a bare clone that borrows the user's objects, and one
/// sealed work tree a run. Nothing of git's is run or obeyed. Whatever changes something holds one lock.
#[derive(Clone, Debug)]
pub struct Workshop {
    pub(super) user: ThreadSafeRepository,
    clone: ThreadSafeRepository,
    common: PathBuf,
    dir: PathBuf,
}

impl Workshop {
    /// Opens the workshop of a repository; makes it, or what of it is missing or was changed.
    ///
    /// # Errors
    /// The repository belongs to another user, something else stands in its place, or the disk.
    pub fn open(repo: &GitRepo) -> Result<Workshop, GitError> {
        if !repo.is_ours() {
            return Err(GitError::Foreign(repo.root.clone()));
        }
        let dir = repo.common.join("studio");
        own(&dir)?;
        let _lock = lock(&dir, Duration::from_secs(LOCK_SECONDS_MAX))?;
        let bare = dir.join("clone.git");
        for made in ["worktrees", "clone.git", "clone.git/objects", "clone.git/objects/info", "clone.git/refs", "clone.git/refs/heads"] {
            folder(&dir.join(made))?;
        }
        for (name, text) in [("objects/info/alternates", ALTERNATES), ("config", CONFIG), ("HEAD", "ref: refs/heads/studio\n")] {
            let path = bare.join(name);
            keep(&path, text).map_err(|error| GitError::Write(path, error))?;
        }
        let mut clone = ThreadSafeRepository::open_opts(&bare, open::quiet()).map_err(|error| damaged("Studio's clone", &error))?;
        clone.refs.namespace = None;
        Ok(Workshop { user: repo.repo.clone(), clone, common: repo.common.clone(), dir })
    }

    /// Returns the wanted branch, or the first of its numbered names, that does not exist in the user's
    /// repository and does not collide with one that does.
    ///
    /// # Errors
    /// They are all taken, or the repository is damaged.
    pub fn free_branch(&self, wanted: &BranchName) -> Result<BranchName, GitError> {
        branch::free(&self.user.to_thread_local(), wanted)
    }

    /// Commits a change: puts the order's branch of the user's repository at a commit with the order's edits
    /// and one parent, the base. It adds objects and moves this one ref; nothing else of the user's changes.
    /// Asked again with the same order, it finishes what was interrupted, and returns the same commit.
    ///
    /// # Errors
    /// The base is unknown, an edit does not fit it, the branch is not this run's to move, or the disk.
    pub fn commit(&self, order: &CommitOrder) -> Result<CommitId, GitError> {
        let _lock = self.lock()?;
        let user = self.user.to_thread_local();
        let (id, new) = order::compose(&user, order)?;
        if let Some(step) = branch::may_move(&user, &self.common, order, id)? {
            self.store(&new)?;
            branch::make(&user, &order.branch, &step)?;
        }
        let clone = self.clone.to_thread_local();
        branch::follow(&clone, &order.branch, id)?;
        branch::settle([&user, &clone], &order.branch)?;
        Ok(At::read(&user, id)?.commit)
    }

    /// Returns the run's work tree with the files of `commit`, and nothing else: sealed, as raw bytes. It is used
    /// again if it still is as it was made; any other is removed first.
    ///
    /// # Errors
    /// There is no such commit, it is over a limit, or the disk.
    pub fn checkout(&self, run: &RunId, commit: &CommitId) -> Result<Checkout, GitError> {
        let _lock = self.lock()?;
        checkout::make(&self.clone.to_thread_local(), &self.worktrees(), run, commit)
    }

    /// Puts a symlink to `to`, a place outside, into a checkout.
    ///
    /// # Errors
    /// A file or folder of the commit stands there, the checkout is not as it was made, or the disk.
    pub fn bind(&self, checkout: &Checkout, path: &RelPath, to: &Path) -> Result<(), GitError> {
        let _lock = self.lock()?;
        checkout.bind(path, to)
    }

    /// Removes a run's work tree, if it has one.
    ///
    /// # Errors
    /// The disk.
    pub fn discard(&self, run: &RunId) -> Result<(), GitError> {
        let _lock = self.lock()?;
        checkout::discard(&self.worktrees(), run.as_str())
    }

    pub(super) fn worktrees(&self) -> PathBuf {
        self.dir.join("worktrees")
    }

    /// Takes the lock; what stands in Studio's own folders may have been moved since they were opened.
    pub(super) fn lock(&self) -> Result<File, GitError> {
        own(&self.dir)?;
        folder(&self.worktrees())?;
        lock(&self.dir, Duration::from_secs(LOCK_SECONDS_MAX))
    }

    /// Writes objects to the clone and to the user's repository, and reads them back.
    fn store(&self, new: &[Object]) -> Result<(), GitError> {
        let stores = [self.dir.join("clone.git/objects"), self.common.join("objects")];
        objects::write(&self.dir.join("incoming"), &stores, new).map_err(|error| GitError::Write(self.common.join("objects"), error))?;
        let user = self.user.to_thread_local();
        new.iter().try_for_each(|made| object(&user, made.id).map(drop))
    }
}

/// Makes Studio's own folder if it is missing. Nobody else may own it.
fn own(dir: &Path) -> Result<(), GitError> {
    folder(dir)?;
    match Trust::from_path_ownership(dir) {
        Ok(Trust::Full) => Ok(()),
        Ok(Trust::Reduced) | Err(_) => Err(GitError::Foreign(dir.into())),
    }
}

/// Makes a folder if it is missing. A symlink is none: it could lead anywhere.
fn folder(path: &Path) -> Result<(), GitError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::symlink_metadata(path) {
            Ok(seen) if seen.is_dir() => Ok(()),
            Ok(_) => Err(GitError::InTheWay(path.into())),
            Err(error) => Err(GitError::Write(path.into(), error)),
        },
        Err(error) => Err(GitError::Write(path.into(), error)),
    }
}

/// Makes sure that a file holds this text, all of it or what it held before.
fn keep(path: &Path, text: &str) -> io::Result<()> {
    if regular::read(path, text.len() as u64 + 1).is_ok_and(|seen| seen == text.as_bytes()) {
        return Ok(());
    }
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Takes the one lock of a workshop; it is let go when the file is dropped.
fn lock(dir: &Path, wait: Duration) -> Result<File, GitError> {
    let path = dir.join("lock");
    let failed = |error| GitError::Write(path.clone(), error);
    let file = regular::open(&path, File::options().create(true).append(true)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // Waiting in the kernel has no limit, so a thread does it. Should it get the lock when nobody waits any
    // more, the file finds no taker and is dropped.
    let (give, take) = sync_channel(0);
    let waits = move || {
        if file.lock().is_ok() {
            let _late = give.send(file);
        }
    };
    std::thread::Builder::new().name("studio-lock".into()).spawn(waits).map_err(failed)?;
    take.recv_timeout(wait).map_err(|_| GitError::Locked(path.clone(), wait.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, put, run, written};
    use super::*;

    const BRANCH: &str = "engineer/add-node-20261122";
    #[test]
    fn what_was_interrupted_is_finished() {
        let fixture = Fixture::with(&[("a", "1")]);
        let order = fixture.order(&[written("a", "2")]);
        let whole = { Fixture::with(&[("a", "1")]).workshop().commit(&order).unwrap() };
        // Killed while the clone was made.
        for file in [None, Some("HEAD"), Some("config"), Some("objects/info/alternates")] {
            if let Some(file) = file {
                fs::write(fixture.root().join(".git/studio/clone.git").join(file), "half").unwrap();
            }
            assert!(fixture.workshop().clone.to_thread_local().has_object(fixture.blob(b"1")), "{file:?}");
        }
        // Killed with all objects written, then with the user's ref set and the clone's not.
        for refs in [false, true] {
            let workshop = fixture.workshop();
            let user = workshop.user.to_thread_local();
            let (id, new) = order::compose(&user, &order).unwrap();
            let step = branch::may_move(&user, &workshop.common, &order, id).unwrap().unwrap();
            workshop.store(&new).unwrap();
            if refs {
                branch::make(&user, &order.branch, &step).unwrap();
            }
            let ours = fixture.root().join(".git/studio/clone.git/refs/heads").join(BRANCH);
            let _absent = fs::remove_file(&ours);
            assert_eq!((fixture.workshop().commit(&order).unwrap(), fixture.head(BRANCH)), (whole.clone(), Some(whole.to_string())));
            assert_eq!(fs::read_to_string(&ours).unwrap().trim(), whole.as_str());
            fs::remove_file(fixture.root().join(".git/refs/heads").join(BRANCH)).unwrap();
        }
        // Killed in the middle of the objects.
        put(&fixture.root().join(".git/studio/incoming/ab/left"), "half");
        assert_eq!(fixture.workshop().commit(&order).unwrap(), whole);
        assert!(!fixture.root().join(".git/studio/incoming").exists());
    }

    #[test]
    fn what_is_planted_in_its_place_is_neither_followed_nor_waited_for() {
        let fixture = Fixture::with(&[("a", "1")]);
        let (studio, outside) = (fixture.root().join(".git/studio"), tempfile::tempdir().unwrap());
        let opened = || Workshop::open(&fixture.open()).map(drop).map_err(|error| error.to_string());
        std::os::unix::fs::symlink(outside.path(), &studio).unwrap();
        assert!(opened().unwrap_err().contains("no folder"));
        fs::remove_file(&studio).unwrap();
        let workshop = fixture.workshop();
        // What Studio writes itself is put back.
        for name in ["config", "HEAD", "objects/info/alternates"] {
            let file = studio.join("clone.git").join(name);
            fs::remove_file(&file).unwrap();
            pipe(&file);
            opened().unwrap();
            assert!(fs::symlink_metadata(&file).unwrap().is_file(), "{name}");
        }
        let lock = studio.join("lock");
        fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink(outside.path().join("made"), &lock).unwrap();
        assert!(opened().unwrap_err().contains("lock") && !outside.path().join("made").exists());
        fs::remove_file(&lock).unwrap();
        pipe(&lock);
        assert!(opened().unwrap_err().contains("no regular file"));
        assert!(workshop.discard(&run()).unwrap_err().to_string().contains("no regular file"));
        fs::remove_file(&lock).unwrap();
        // Swapped behind its back.
        fs::rename(studio.join("worktrees"), studio.join("other")).unwrap();
        std::os::unix::fs::symlink(outside.path(), studio.join("worktrees")).unwrap();
        let commit = fixture.order(&[]).base;
        assert!(matches!(workshop.checkout(&run(), &commit), Err(GitError::InTheWay(_))));
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        // Only root may give a folder away; for others there is nothing to see here.
        if std::os::unix::fs::chown(&studio, Some(4242), None).is_ok() {
            assert!(opened().unwrap_err().contains("another user"));
            assert!(matches!(workshop.discard(&run()), Err(GitError::Foreign(_))));
        }
    }

    fn pipe(path: &Path) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    #[test]
    fn the_clone_keeps_what_the_user_throws_away() {
        let fixture = Fixture::with(&[("a", "1")]);
        let order = fixture.order(&[written("a", "2")]);
        let workshop = fixture.workshop();
        let commit = workshop.commit(&order).unwrap();
        for hex in [commit.as_str(), &fixture.blob(b"2").to_string()] {
            fs::remove_file(fixture.loose(gix::ObjectId::from_hex(hex.as_bytes()).unwrap())).unwrap();
        }
        let checkout = fixture.workshop().checkout(&run(), &commit).unwrap();
        assert_eq!(fs::read(checkout.root().join("a")).unwrap(), b"2");
    }

    #[test]
    fn one_of_two_wins_and_the_same_twice_is_one() {
        let fixture = Fixture::with(&[("a", "1")]);
        let (one, other) = (fixture.order(&[written("a", "2")]), fixture.order(&[written("a", "3")]));
        let repo = fixture.open();
        let race = |orders: [&CommitOrder; 4]| {
            std::thread::scope(|threads| {
                let runs = orders.map(|order| (order, threads.spawn(|| Workshop::open(&repo)?.commit(order))));
                runs.map(|(order, run)| (order.edits.clone(), run.join().unwrap()))
            })
        };
        let same = race([&one; 4]).map(|(_, made)| made.unwrap());
        assert!(same.iter().all(|commit| *commit == same[0]));
        fs::remove_file(fixture.root().join(".git/refs/heads").join(BRANCH)).unwrap();
        let made = race([&one, &other, &one, &other]);
        let head = fixture.head(BRANCH).unwrap();
        let winner = made.iter().find_map(|(edits, made)| made.as_ref().ok().map(|_| edits.clone())).unwrap();
        for (edits, made) in made {
            match made {
                Ok(commit) => assert_eq!((edits, commit.to_string()), (winner.clone(), head.clone())),
                Err(error) => assert!(edits != winner && error.to_string().contains(&head), "{error}"),
            }
        }
    }

    #[test]
    fn a_lock_that_is_held_too_long_is_named() {
        let fixture = Fixture::with(&[("a", "1")]);
        let workshop = fixture.workshop();
        let held = workshop.lock().unwrap();
        let error = lock(&workshop.dir, Duration::from_millis(10)).unwrap_err();
        assert!(matches!(&error, GitError::Locked(path, _) if path.ends_with(".git/studio/lock")), "{error}");
        let order = fixture.order(&[written("a", "2")]);
        std::thread::scope(|threads| {
            let waits = threads.spawn(|| workshop.commit(&order));
            drop(held);
            waits.join().unwrap().unwrap();
        });
        // The thread that waited in vain above keeps nothing.
        drop(workshop.lock().unwrap());
    }

    #[test]
    fn only_a_real_folder_is_worked_in() {
        let (fixture, elsewhere) = (Fixture::with(&[("a", "1")]), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path(), fixture.root().join(".git/studio")).unwrap();
        assert!(matches!(Workshop::open(&fixture.open()), Err(GitError::InTheWay(_))));
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        let fixture = Fixture::with(&[("a", "1")]);
        put(&fixture.root().join(".git/studio/worktrees"), "");
        assert!(matches!(Workshop::open(&fixture.open()), Err(GitError::InTheWay(_))));
    }

    #[test]
    fn another_users_repository_is_not_written_to() {
        let fixture = Fixture::with(&[("a", "1")]);
        let folder = fixture.root().join(".git");
        let other = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&folder).unwrap()) + 1;
        // Only root may give a folder away.
        if std::os::unix::fs::chown(&folder, Some(other), None).is_ok() {
            assert!(matches!(Workshop::open(&fixture.open()), Err(GitError::Foreign(_))));
            assert!(!folder.join("studio").exists());
        }
    }

    #[test]
    fn a_linked_work_tree_a_detached_head_and_a_shallow_clone_are_worked_on() {
        let fixture = Fixture::with(&[("a", "1")]);
        let order = fixture.order(&[written("a", "2")]);
        fixture.git("HEAD", format!("{}\n", order.base));
        fixture.git("shallow", format!("{}\n", order.base));
        let outer = tempfile::tempdir().unwrap();
        let tree = outer.path().canonicalize().unwrap().join("tree");
        for (name, text) in
            [("HEAD", "ref: refs/heads/side\n".to_string()), ("commondir", "../..\n".into()), ("gitdir", format!("{}/.git\n", tree.display()))]
        {
            fixture.git(format!("worktrees/tree/{name}"), text);
        }
        put(&tree.join(".git"), format!("gitdir: {}\n", fixture.root().join(".git/worktrees/tree").display()));
        let linked = Workshop::open(&GitRepo::discover(&tree).unwrap()).unwrap();
        assert_eq!(linked.dir, fixture.workshop().dir);
        let commit = linked.commit(&order).unwrap();
        assert_eq!(fixture.head(BRANCH), Some(commit.to_string()));
        assert_eq!(fs::read(linked.checkout(&run(), &commit).unwrap().root().join("a")).unwrap(), b"2");
        fixture.git("worktrees/tree/HEAD", format!("ref: refs/heads/{BRANCH}\n"));
        let next = CommitOrder { edits: vec![], replaces: Some(commit), ..order };
        assert!(fixture.workshop().commit(&next).unwrap_err().to_string().contains("checked out"));
    }

    #[test]
    fn before_the_first_commit_nothing_is_committed() {
        let (empty, other) = (Fixture::new(), Fixture::with(&[("a", "1")]));
        let error = empty.workshop().commit(&other.order(&[])).unwrap_err().to_string();
        assert!(error.contains("there is no such commit here"), "{error}");
        assert_eq!(empty.head(BRANCH), None);
    }

    #[test]
    fn a_repository_that_was_moved_is_worked_on_where_it_is() {
        let fixture = Fixture::with(&[("a", "1")]);
        let order = fixture.order(&[written("a", "2")]);
        fixture.workshop();
        let elsewhere = tempfile::tempdir().unwrap();
        let moved = elsewhere.path().join("moved");
        fs::create_dir(&moved).unwrap();
        fs::rename(fixture.root().join(".git"), moved.join(".git")).unwrap();
        let workshop = Workshop::open(&GitRepo::discover(&moved).unwrap()).unwrap();
        let commit = workshop.commit(&order).unwrap();
        let checkout = workshop.checkout(&run(), &commit).unwrap();
        assert!(checkout.root().starts_with(moved.canonicalize().unwrap()));
        workshop.discard(&run()).unwrap();
    }
}

//! A run's work tree: exactly the files of a commit, sealed, so that scripts can be run in it.

use super::base::expect;
use super::listing::{Item, Listing};
use super::{GitError, hand_on, order, regular, seal};
use gix::Repository;
use gix::objs::Kind;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use studio_core::limits::{CHECKOUT_BYTES_MAX, FILE_BYTES_MAX};
use studio_core::name::{CommitId, RelPath, RunId};

/// The files of a commit in a folder of their own. Nobody writes to them: files have the mode 0444, programs
/// and folders 0555.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    pub(super) root: PathBuf,
    pub(super) marker: PathBuf,
    pub(super) run: RunId,
    pub(super) commit: CommitId,
    notes: Vec<String>,
}

/// What stands behind the machine's start in the marker of a tree into which places outside were bound.
const BOUND: &str = " bound";

impl Checkout {
    /// Returns the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the commit.
    pub fn commit(&self) -> &CommitId {
        &self.commit
    }

    /// Returns what of the commit is not there, and why.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn bind(&self, path: &RelPath, to: &Path) -> Result<(), GitError> {
        let refused = |why: String| Err(GitError::Checkout(self.run.to_string(), why));
        if !to.is_absolute() {
            return refused(format!("{to:?} is no absolute path to bind to {path}"));
        }
        if self.stands() != Some(self.notes.clone()) {
            return refused("it was changed or removed since it was made; check it out again".into());
        }
        let above = path.as_str().match_indices('/').filter_map(|(end, _)| path.as_str().get(..end));
        let folders: Vec<_> = std::iter::once(self.root.clone()).chain(above.map(|folder| self.root.join(folder))).collect();
        for folder in &folders {
            match fs::symlink_metadata(folder) {
                Ok(seen) if seen.is_dir() => {}
                Ok(_) => return refused(format!("{folder:?} is a file or symlink of the commit, so nothing can be bound to {path} in it")),
                Err(_) => break, // nothing is there, nor below
            }
        }
        let link = self.root.join(path.as_str());
        match fs::symlink_metadata(&link) {
            Ok(_) if fs::read_link(&link).is_ok_and(|seen| seen == to) => return Ok(()),
            Ok(_) => return refused(format!("{path} is there already, in the commit or bound elsewhere, so nothing can be bound to it")),
            Err(_) => {}
        }
        for folder in &folders {
            if !folder.exists() {
                fs::create_dir(folder).map_err(failed(folder))?;
            }
            seal::set(folder, seal::OPEN).map_err(failed(folder))?;
        }
        symlink(to, &link).map_err(failed(&link))?;
        folders.iter().try_for_each(|folder| seal::set(folder, seal::SEALED_X).map_err(failed(folder)))?;
        self.mark(BOUND).map_err(failed(&self.marker))
    }

    /// Returns the checkout that a marker tells of, whether it still is as it was made or not.
    pub(super) fn found(root: PathBuf, marker: PathBuf, run: &RunId) -> Option<Checkout> {
        let text = String::from_utf8(regular::read(&marker, FILE_BYTES_MAX).ok()?).ok()?;
        let commit = CommitId::try_from(text.lines().nth(1)?).ok()?;
        Some(Checkout { root, marker, run: run.clone(), commit, notes: Vec::new() })
    }

    /// Says whether places outside were bound into it.
    pub(super) fn bound(&self) -> bool {
        let marker = regular::read(&self.marker, FILE_BYTES_MAX).unwrap_or_default();
        String::from_utf8_lossy(&marker).lines().next().is_none_or(|first| first.ends_with(BOUND))
    }

    /// Returns the notes of the checkout that stands, if it is of this commit and as it was made.
    pub(super) fn stands(&self) -> Option<Vec<String>> {
        let marker = String::from_utf8(regular::read(&self.marker, FILE_BYTES_MAX).ok()?).ok()?;
        let (head, fingerprint) = marker.trim_end_matches('\n').rsplit_once('\n')?;
        let mut head = head.lines();
        let known = head.next()?.trim_end_matches(BOUND) == boot()? && head.next()? == self.commit.as_str();
        (known && fingerprint == seal::fingerprint(&self.root).ok()?.as_str()).then(|| head.map(String::from).collect())
    }

    /// Writes down that the checkout is complete. What was written before a power cut may have got lost, so this
    /// holds until the machine is started again, and nothing needs to be synced.
    fn mark(&self, bound: &str) -> io::Result<()> {
        let Some(boot) = boot() else { return Ok(()) };
        let mut lines = vec![format!("{boot}{bound}"), self.commit.to_string()];
        lines.extend(self.notes.iter().cloned());
        lines.push(seal::fingerprint(&self.root)?.to_string());
        // Written anew, so that nothing planted there is written to.
        remove(&self.marker)?;
        File::create_new(&self.marker)?.write_all((lines.join("\n") + "\n").as_bytes())
    }

    /// Writes the files, then seals the folders, those inside first.
    fn fill(&self, repo: &Repository, listing: &Listing) -> Result<(), GitError> {
        let mut bytes = 0;
        fs::create_dir(&self.root).map_err(failed(&self.root))?;
        for (path, item) in &listing.items {
            let at = self.root.join(path);
            match item {
                Item::Folder => fs::create_dir(&at).map_err(failed(&at))?,
                Item::Link(target) => symlink(target, &at).map_err(failed(&at))?,
                Item::File { id, executable } => {
                    let data = expect(repo, *id, Kind::Blob)?;
                    bytes += data.len() as u64;
                    if bytes > CHECKOUT_BYTES_MAX {
                        let why = format!("the files of the commit have more than {CHECKOUT_BYTES_MAX} bytes");
                        return Err(GitError::Checkout(self.run.to_string(), why));
                    }
                    let mode = if *executable { seal::SEALED_X } else { seal::SEALED };
                    write(&at, &data, mode).map_err(failed(&at))?;
                }
            }
        }
        for (path, item) in listing.items.iter().rev() {
            if *item == Item::Folder {
                let at = self.root.join(path);
                seal::set(&at, seal::SEALED_X).map_err(failed(&at))?;
            }
        }
        seal::set(&self.root, seal::SEALED_X).map_err(failed(&self.root))
    }
}

/// Returns the run's work tree, below the folder `above`, with the files of `commit`.
pub(super) fn make(repo: &Repository, above: &Path, run: &RunId, commit: &CommitId) -> Result<Checkout, GitError> {
    let (root, marker) = places(above, run.as_str());
    let mut checkout = Checkout { root, marker, run: run.clone(), commit: commit.clone(), notes: Vec::new() };
    if let Some(notes) = checkout.stands() {
        checkout.notes = notes;
        return Ok(checkout);
    }
    discard(above, run.as_str())?;
    let listing = Listing::of(repo, order::find(repo, commit)?.tree)?;
    let handed = hand_on::take(repo, above, &checkout, &listing).unwrap_or(false);
    if !handed {
        discard(above, run.as_str())?; // what was begun and not finished
        if let Err(error) = checkout.fill(repo, &listing) {
            discard(above, run.as_str())?;
            return Err(error);
        }
    }
    checkout.notes = listing.notes;
    checkout.mark("").map_err(failed(&checkout.marker))?;
    Ok(checkout)
}

/// Removes the work tree called `name` below the folder `above`.
pub(super) fn discard(above: &Path, name: &str) -> Result<(), GitError> {
    let (root, marker) = places(above, name);
    // First: half a work tree has no marker.
    remove(&marker).map_err(failed(&marker))?;
    seal::remove(&root).map_err(|error| GitError::Write(root, error))
}

/// Returns where a work tree is, and its marker. A run's name has no dot, so no run is called like a marker.
pub(super) fn places(above: &Path, name: &str) -> (PathBuf, PathBuf) {
    (above.join(name), above.join(format!("{name}.commit")))
}

/// Removes a file if it is there.
pub(super) fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(super) fn failed(at: &Path) -> impl FnOnce(io::Error) -> GitError + '_ {
    |error| GitError::Write(at.into(), error)
}

pub(super) fn write(path: &Path, data: &[u8], mode: u32) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(data)?;
    file.set_permissions(Permissions::from_mode(mode))
}

/// Returns what is different after each start of the machine, where the system says so.
fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_string()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, path, run, written};
    use super::*;
    use gix::objs::tree::EntryKind;
    use std::os::unix::fs::MetadataExt;
    use studio_core::chores::CommitOrder;

    /// A repository with files of each kind on `main`, and that commit.
    fn fixture() -> (Fixture, CommitId) {
        let fixture = Fixture::new();
        let file = fixture.blob(b"a\r\nb\n");
        let entries = [
            ("README.md", EntryKind::Blob, file),
            ("a/b/run.sh", EntryKind::BlobExecutable, file),
            ("a/link", EntryKind::Link, fixture.blob(b"b/run.sh")),
            ("out", EntryKind::Link, fixture.blob(b"/etc")),
            ("module", EntryKind::Commit, file),
        ];
        let commit = fixture.commit(fixture.tree(&entries), &[], "m");
        fixture.git("refs/heads/main", commit.to_string());
        (fixture, CommitId::try_from(commit.to_string()).unwrap())
    }

    /// What stands below a folder, with modes.
    fn shape(root: &Path) -> Vec<String> {
        let mut seen = Vec::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                let meta = entry.metadata().unwrap();
                let mode = if meta.is_symlink() { "link".into() } else { format!("{:o}", meta.mode() & 0o7777) };
                seen.push(format!("{} {mode}", entry.path().strip_prefix(root).unwrap().display()));
                folders.extend(Some(entry.path()).filter(|_| meta.is_dir()));
            }
        }
        seen.sort();
        seen
    }

    const SHAPE: [&str; 5] = ["README.md 444", "a 555", "a/b 555", "a/b/run.sh 555", "a/link link"];

    #[test]
    fn a_checkout_is_the_commit_sealed() {
        let (fixture, commit) = fixture();
        let checkout = fixture.workshop().checkout(&run(), &commit).unwrap();
        assert_eq!(checkout.root(), fixture.root().join(".git/studio/worktrees").join(run().as_str()));
        assert_eq!(shape(checkout.root()), SHAPE);
        assert_eq!(fs::metadata(checkout.root()).unwrap().mode() & 0o7777, 0o555);
        assert_eq!(fs::read(checkout.root().join("a/link")).unwrap(), b"a\r\nb\n");
        let notes = checkout.notes().join("\n");
        assert!(checkout.notes().len() == 2 && notes.contains("module is left out") && notes.contains("out is left out"), "{notes}");
    }

    #[test]
    fn a_checkout_that_stands_is_used_again_and_any_other_is_made_anew() {
        let (fixture, commit) = fixture();
        let workshop = fixture.workshop();
        let first = workshop.checkout(&run(), &commit).unwrap();
        let made = |checkout: &Checkout| fs::metadata(checkout.root()).unwrap().ino();
        let before = made(&first);
        let again = fixture.workshop().checkout(&run(), &commit).unwrap();
        assert_eq!((&again, made(&again)), (&first, before));
        let (readme, marker) = (first.root().join("README.md"), first.marker.clone());
        let changes: [&dyn Fn(); 6] = [
            &|| {
                fs::set_permissions(&readme, Permissions::from_mode(0o644)).unwrap();
                fs::write(&readme, "x\r\nb\n").unwrap();
                fs::set_permissions(&readme, Permissions::from_mode(0o444)).unwrap();
            },
            &|| fs::remove_file(&marker).unwrap(),
            &|| fs::write(&marker, "half").unwrap(),
            &|| seal::set(first.root(), 0o755).unwrap(),
            &|| seal::remove(first.root()).unwrap(),
            &|| {
                let text = fs::read_to_string(&marker).unwrap();
                fs::write(&marker, format!("another start{}", text.get(13..).unwrap())).unwrap();
            },
        ];
        for change in changes {
            change();
            let mended = workshop.checkout(&run(), &commit).unwrap();
            assert_eq!((shape(mended.root()), fs::read(&readme).unwrap()), (SHAPE.map(String::from).to_vec(), b"a\r\nb\n".to_vec()));
        }
    }

    #[test]
    fn nothing_of_an_earlier_round_stays() {
        let (fixture, commit) = fixture();
        let workshop = fixture.workshop();
        let first = workshop.checkout(&run(), &commit).unwrap();
        workshop.bind(&first, &path(".talos/home"), Path::new("/etc")).unwrap();
        let remove = |at: &str| studio_core::plan::Edit::Remove { path: path(at) };
        let order = CommitOrder { edits: vec![remove("README.md"), written("new", "n")], ..fixture.order(&[]) };
        let next = workshop.commit(&order).unwrap();
        let second = workshop.checkout(&run(), &next).unwrap();
        assert_eq!(shape(second.root()), ["a 555", "a/b 555", "a/b/run.sh 555", "a/link link", "new 444"]);
        // The first is no more, and is not touched as if it were.
        assert!(workshop.bind(&first, &path(".talos/home"), Path::new("/etc")).is_err());
        workshop.discard(&run()).unwrap();
        workshop.discard(&run()).unwrap();
        assert_eq!(fs::read_dir(fixture.root().join(".git/studio/worktrees")).unwrap().count(), 0);
        assert!(Path::new("/etc/passwd").exists());
    }

    #[test]
    fn places_outside_are_bound_where_the_commit_has_nothing() {
        let (fixture, commit) = fixture();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("talosconfig"), "secret").unwrap();
        let workshop = fixture.workshop();
        let checkout = workshop.checkout(&run(), &commit).unwrap();
        for at in [".talos/home", "a/b/env", ".talos/home"] {
            workshop.bind(&checkout, &path(at), outside.path()).unwrap();
        }
        assert_eq!(fs::read(checkout.root().join(".talos/home/talosconfig")).unwrap(), b"secret");
        for at in ["README.md", "a", "a/link", "README.md/x", "a/link/x", ".talos/home/x", ".talos", "a/b/run.sh"] {
            let error = workshop.bind(&checkout, &path(at), outside.path()).unwrap_err();
            assert!(matches!(error, GitError::Checkout(..)), "{at}: {error}");
        }
        assert!(workshop.bind(&checkout, &path("x"), Path::new("../x")).is_err());
        assert!(workshop.bind(&checkout, &path("a/b/env"), Path::new("/elsewhere")).is_err());
        let mut bound: Vec<_> = SHAPE.iter().copied().chain([".talos 555", ".talos/home link", "a/b/env link"]).collect();
        bound.sort_unstable();
        assert_eq!(shape(checkout.root()), bound);
        // It stands, with what is bound.
        assert_eq!(workshop.checkout(&run(), &commit).unwrap(), checkout);
        assert_eq!(shape(checkout.root()), bound);
        workshop.discard(&run()).unwrap();
        assert_eq!(fs::read(outside.path().join("talosconfig")).unwrap(), b"secret");
    }

    #[test]
    fn what_cannot_be_made_leaves_nothing() {
        let (fixture, commit) = fixture();
        let workshop = fixture.workshop();
        fs::remove_file(fixture.loose(fixture.blob(b"a\r\nb\n"))).unwrap();
        assert!(workshop.checkout(&run(), &commit).is_err());
        assert!(workshop.checkout(&run(), &CommitId::try_from("1".repeat(40)).unwrap()).is_err());
        assert_eq!(fs::read_dir(fixture.root().join(".git/studio/worktrees")).unwrap().count(), 0);
    }
}

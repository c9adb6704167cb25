//! Handing a work tree on: what one run leaves becomes the next run's, changed only where their commits differ.

use super::base::expect;
use super::checkout::{Checkout, discard, failed, places, remove, write};
use super::listing::{Item, Listing};
use super::{GitError, Workshop, order, seal};
use gix::Repository;
use gix::objs::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use studio_core::name::RunId;

/// What the one tree that waits for a run is called; no run is called so.
const SPARE: &str = "spare";

impl Workshop {
    /// Keeps a run's work tree for the next run, which changes in it what its commit changes; one into which something
    /// was bound, or that is not as it was made, is removed. Not for trees in which a script ran.
    ///
    /// # Errors
    /// The disk.
    pub fn park(&self, run: &RunId) -> Result<(), GitError> {
        let _lock = self.lock()?;
        park(&self.worktrees(), run)
    }
}

/// Keeps a run's work tree for the next run, if it is as it was made and nothing was bound into it; any other is
/// removed.
///
/// # Errors
/// The disk.
fn park(above: &Path, run: &RunId) -> Result<(), GitError> {
    let (root, marker) = places(above, run.as_str());
    if !Checkout::found(root.clone(), marker.clone(), run).is_some_and(|checkout| checkout.stands().is_some() && !checkout.bound()) {
        return discard(above, run.as_str());
    }
    discard(above, SPARE)?;
    let (spare, spare_marker) = places(above, SPARE);
    fs::rename(&root, &spare).map_err(failed(&spare))?;
    // Last: a tree without a marker is nothing.
    fs::rename(&marker, &spare_marker).map_err(failed(&spare_marker))
}

/// Makes the tree that waits, if there is one, into that of `next`, whose commit has the files of `wanted`.
/// Returns false if there is none that could be used.
///
/// # Errors
/// It was begun, and is not finished: whoever asked removes it.
pub(super) fn take(repo: &Repository, above: &Path, next: &Checkout, wanted: &Listing) -> Result<bool, GitError> {
    let (spare, marker) = places(above, SPARE);
    let Some(parked) = Checkout::found(spare.clone(), marker.clone(), &next.run) else { return Ok(false) };
    let before = order::find(repo, &parked.commit).and_then(|at| Listing::of(repo, at.tree));
    let (Some(_), Ok(before)) = (parked.stands(), before) else {
        discard(above, SPARE)?;
        return Ok(false);
    };
    remove(&marker).map_err(failed(&marker))?;
    fs::rename(&spare, &next.root).map_err(failed(&next.root))?;
    change(repo, &next.root, &before.items, &wanted.items)?;
    Ok(true)
}

/// Brings a sealed tree from one listing to another.
fn change(repo: &Repository, root: &Path, from: &BTreeMap<String, Item>, to: &BTreeMap<String, Item>) -> Result<(), GitError> {
    let gone: Vec<&String> = from.iter().filter(|(path, item)| to.get(*path) != Some(*item)).map(|(path, _)| path).collect();
    let new: Vec<(&String, &Item)> = to.iter().filter(|(path, item)| from.get(*path) != Some(*item)).collect();
    let above = |path: &String| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_string());
    let touched: BTreeSet<String> = gone.iter().map(|path| above(path)).chain(new.iter().map(|(path, _)| above(path))).collect();
    let at = |path: &str| if path.is_empty() { root.to_path_buf() } else { root.join(path) };
    for folder in touched.iter().filter(|folder| folder.is_empty() || from.get(*folder) == Some(&Item::Folder)) {
        seal::set(&at(folder), seal::OPEN).map_err(failed(&at(folder)))?;
    }
    // What lies inside a folder comes after it, and goes before it.
    for path in gone.iter().rev() {
        let place: PathBuf = at(path);
        let removed = if from.get(*path) == Some(&Item::Folder) { fs::remove_dir(&place) } else { fs::remove_file(&place) };
        removed.map_err(failed(&place))?;
    }
    for (path, item) in &new {
        let place = at(path);
        match item {
            Item::Folder => fs::create_dir(&place).map_err(failed(&place))?,
            Item::Link(target) => symlink(target, &place).map_err(failed(&place))?,
            Item::File { id, executable } => {
                let mode = if *executable { seal::SEALED_X } else { seal::SEALED };
                write(&place, &expect(repo, *id, Kind::Blob)?, mode).map_err(failed(&place))?;
            }
        }
    }
    let made = new.iter().filter(|(_, item)| **item == Item::Folder).map(|(path, _)| (*path).clone());
    let open: BTreeSet<String> =
        touched.into_iter().chain(made).filter(|folder| folder.is_empty() || to.get(folder) == Some(&Item::Folder)).collect();
    open.iter().rev().try_for_each(|folder| seal::set(&at(folder), seal::SEALED_X).map_err(failed(&at(folder))))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, path, written};
    use super::*;
    use std::os::unix::fs::MetadataExt;
    use studio_core::chores::CommitOrder;
    use studio_core::name::BranchName;
    use studio_core::plan::Edit;
    use studio_core::tree::Tree;

    fn run(no: usize) -> RunId {
        RunId::try_from(format!("20261122-101112-hand-{no:04x}")).unwrap()
    }

    /// Everything below a folder: modes, contents, links.
    fn shape(root: &Path) -> Vec<String> {
        let (mut seen, mut folders) = (Vec::new(), vec![root.to_path_buf()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                let meta = entry.metadata().unwrap();
                let what = match (meta.is_symlink(), meta.is_dir()) {
                    (true, _) => format!("-> {:?}", fs::read_link(entry.path()).unwrap()),
                    (false, true) => "folder".into(),
                    (false, false) => String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned(),
                };
                seen.push(format!("{} {:o} {what}", entry.path().strip_prefix(root).unwrap().display(), meta.mode() & 0o7777));
                folders.extend(Some(entry.path()).filter(|_| meta.is_dir()));
            }
        }
        seen.sort();
        seen
    }

    /// Lists of edits that add, change, remove and rename, make folders of files and files of folders.
    fn changes(seed: u64) -> Vec<Edit> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |most: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % most
        };
        let names = ["a", "b/c", "b/d.sh", "e/f/g", "e/h", "top.sh", "z/y/x/w"];
        (0..1 + next(4)).map(|no| written(names[usize::try_from(next(7)).unwrap()], &format!("{seed} {no} {}", next(9)))).collect()
    }

    #[test]
    fn a_tree_that_is_handed_on_is_as_one_that_is_made() {
        let fixture = Fixture::with(&[("a", "1"), ("b/c", "2"), ("e/f/g", "3"), ("e/h", "4"), ("old/gone", "5"), ("other", "6")]);
        let workshop = fixture.workshop();
        let base = fixture.open().base(None).unwrap().commit().unwrap();
        for seed in 0..30 {
            let mut edits = changes(seed as u64 + 1);
            match seed % 4 {
                1 => edits.push(Edit::Remove { path: path("old/gone") }),
                2 => edits.push(Edit::Rename { path: path("other"), to: path("new/place/other.sh") }),
                3 => edits.extend([Edit::Remove { path: path("old/gone") }, written("old", "a file now")]),
                _ => {}
            }
            let branch = BranchName::try_from(format!("engineer/hand-{seed}-20261122")).unwrap();
            let commit = workshop.commit(&CommitOrder { branch, run: run(seed), edits, ..fixture.order(&[]) }).unwrap();
            for commit in [&commit, &base] {
                let handed = workshop.checkout(&run(seed), commit).unwrap();
                let fresh = workshop.checkout(&run(1000 + seed), commit).unwrap();
                assert_eq!(shape(handed.root()), shape(fresh.root()), "{seed}");
                assert_eq!(fs::metadata(handed.root()).unwrap().mode() & 0o7777, 0o555);
                workshop.discard(&run(1000 + seed)).unwrap();
                workshop.park(&run(seed)).unwrap();
            }
        }
    }

    #[test]
    fn only_a_tree_that_nobody_touched_is_handed_on() {
        let fixture = Fixture::with(&[("a", "1"), ("b/c", "2")]);
        let (workshop, commit) = (fixture.workshop(), fixture.open().base(None).unwrap().commit().unwrap());
        let above = fixture.root().join(".git/studio/worktrees");
        let made = |no| fs::metadata(workshop.checkout(&run(no), &commit).unwrap().root()).unwrap().ino();
        let first = made(1);
        workshop.park(&run(1)).unwrap();
        assert_eq!(made(2), first);
        // Somebody wrote into it.
        seal::set(&above.join(run(2).as_str()), 0o755).unwrap();
        fs::write(above.join(run(2).as_str()).join("planted"), "x").unwrap();
        workshop.park(&run(2)).unwrap();
        assert_eq!(fs::read_dir(&above).unwrap().count(), 0);
        // Somebody wrote into it while it waited.
        made(3);
        workshop.park(&run(3)).unwrap();
        let waiting = above.join(SPARE);
        seal::set(&waiting.join("b"), 0o755).unwrap();
        fs::write(waiting.join("b/planted"), "x").unwrap();
        let next = workshop.checkout(&run(4), &commit).unwrap();
        assert_eq!(shape(next.root()), ["a 444 1", "b 555 folder", "b/c 444 2"]);
        // Something was bound into it.
        workshop.bind(&next, &path(".talos/main"), Path::new("/etc")).unwrap();
        workshop.park(&run(4)).unwrap();
        assert_eq!(fs::read_dir(&above).unwrap().count(), 0);
        workshop.park(&run(5)).unwrap();
    }
}

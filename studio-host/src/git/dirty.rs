//! What the user has changed and not committed: a notice for people. It only reads, and refreshes no index.

use super::listing::each;
use super::{GitError, GitRepo, damaged};
use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Flags, Mode, Stage, Stat, stat};
use gix::objs::Kind;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};
use studio_core::limits::{CHECKOUT_FILES_MAX, DIRTY_MAX, OBJECT_BYTES_MAX};
use studio_core::name::RelPath;
use studio_core::text::one_line;

impl GitRepo {
    /// Returns tracked files that differ from HEAD in this work tree or are staged, the first few, each on one line
    /// for people. No filter, attribute or file system monitor is asked, so a file that only a filter would
    /// make equal may be named when its time has changed.
    ///
    /// # Errors
    /// The repository or its index is damaged.
    pub fn dirty(&self) -> Result<Vec<String>, GitError> {
        let repo = self.repo.to_thread_local();
        let bad = |error: gix::Error| damaged("the index", &error);
        let head = repo.head_tree_id_or_empty().map_err(|error| damaged("HEAD", &error))?.detach();
        let index = repo.index_or_load_from_head_or_empty().map_err(bad)?;
        let mut committed = BTreeMap::new();
        each(&repo, head, &BString::default(), 0, &mut |path, mode, id| {
            if !mode.is_tree() && committed.len() < CHECKOUT_FILES_MAX {
                committed.insert(path.clone(), (u32::from(mode.value()), id));
            }
            Ok(true)
        })?;
        let modes = has_modes(self.common_dir());
        let mut names = Vec::new();
        for entry in index.entries().iter().take(CHECKOUT_FILES_MAX) {
            let path = entry.path(&index);
            if entry.mode == Mode::DIR {
                committed.retain(|name, _| !name.starts_with(path));
                continue;
            }
            let staged = committed.remove(path) != Some((entry.mode.bits(), entry.id)) || entry.stage() != Stage::Unconflicted;
            let ignored = entry.flags.intersects(Flags::SKIP_WORKTREE | Flags::ASSUME_VALID);
            let racy = entry.stat.is_racy(index.timestamp(), stat::Options::default());
            if staged || !ignored && differs(&self.root, path, entry.mode, entry.id, Some(&entry.stat).filter(|_| !racy), modes) {
                names.push(one_line(&path.to_str_lossy(), 200));
            }
            if names.len() >= DIRTY_MAX {
                break;
            }
        }
        names.extend(committed.keys().map(|path| one_line(&path.to_str_lossy(), 200)));
        // In a merge a path has several entries.
        names.dedup();
        names.truncate(DIRTY_MAX);
        Ok(names)
    }
}

impl GitRepo {
    /// Says whether git knows the file: in the commit that is checked out, or staged.
    ///
    /// # Errors
    /// The repository or its index is damaged.
    pub fn knows(&self, path: &RelPath) -> Result<bool, GitError> {
        let repo = self.repo.to_thread_local();
        let index = repo.index_or_load_from_head_or_empty().map_err(|error| damaged("the index", &error))?;
        if index.entry_by_path(path.as_str().into()).is_some() {
            return Ok(true);
        }
        let (head, mut known) = (repo.head_tree_id_or_empty().map_err(|error| damaged("HEAD", &error))?.detach(), false);
        each(&repo, head, &BString::default(), 0, &mut |seen, mode, _| {
            known |= !mode.is_tree() && *seen == path.as_str();
            Ok(!known)
        })?;
        Ok(known)
    }
}

/// Says whether the file system keeps modes: one that does not gives every file the same, git's own too.
fn has_modes(common: &Path) -> bool {
    fs::metadata(common.join("config")).is_ok_and(|seen| seen.permissions().mode() & 0o111 == 0)
}

/// Says whether the file differs from what the index has. `known` is what the index remembers of it.
fn differs(root: &Path, path: &BStr, mode: Mode, id: ObjectId, known: Option<&Stat>, modes: bool) -> bool {
    let relative = std::path::PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return true; // a made-up index, which does not get us out of the work tree
    }
    let at = root.join(relative);
    let Ok(seen) = gix::index::fs::Metadata::from_path_no_follow(&at) else { return true };
    if mode == Mode::COMMIT {
        return !seen.is_dir();
    }
    let fits = match mode {
        Mode::SYMLINK => seen.is_symlink(),
        Mode::FILE_EXECUTABLE => seen.is_file() && (seen.is_executable() || !modes),
        _ => seen.is_file() && !(seen.is_executable() && modes),
    };
    if !fits {
        return true;
    }
    let options = stat::Options { trust_ctime: false, use_nsec: true, ..Default::default() };
    let same = |known: &Stat| Stat::from_fs(&seen).is_ok_and(|now| known.matches(&now, options));
    known.is_none_or(|known| !same(known)) && (seen.len() > OBJECT_BYTES_MAX as u64 || hash(&at, mode) != Some(id))
}

fn hash(path: &Path, mode: Mode) -> Option<ObjectId> {
    let bytes = match mode == Mode::SYMLINK {
        true => fs::read_link(path).ok()?.into_os_string().into_vec(),
        false => fs::read(path).ok()?,
    };
    gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Blob, &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, put};
    use super::*;

    /// A repository with these files checked out, and an index that knows them.
    fn checked_out(files: &[(&str, &str)]) -> Fixture {
        let fixture = Fixture::with(files);
        files.iter().for_each(|(path, text)| put(&fixture.root().join(path), text));
        stage(&fixture);
        fixture
    }

    /// Writes an index that has the files of HEAD as they stand.
    fn stage(fixture: &Fixture) {
        let mut index = fixture.repo.index_from_tree(&fixture.repo.head_tree_id().unwrap()).unwrap();
        let root = fixture.root();
        for (entry, path) in index.entries_mut_with_paths() {
            let seen = gix::index::fs::Metadata::from_path_no_follow(&root.join(path.to_str().unwrap())).unwrap();
            entry.stat = Stat::from_fs(&seen).unwrap();
        }
        index.write(gix::index::write::Options::default()).unwrap();
    }

    fn dirty(fixture: &Fixture) -> Vec<String> {
        let before = fixture.state(None);
        let names = fixture.open().dirty().unwrap();
        assert_eq!(fixture.state(None), before);
        names
    }

    #[test]
    fn changes_of_each_kind_are_named() {
        let fixture = checked_out(&[("a", "1"), ("b/c", "2"), ("d", "3"), ("e", "4"), ("run.sh", "5")]);
        assert_eq!(dirty(&fixture), Vec::<String>::new());
        put(&fixture.root().join("a"), "changed");
        put(&fixture.root().join("d"), "4");
        put(&fixture.root().join("untracked"), "");
        fs::remove_file(fixture.root().join("b/c")).unwrap();
        fs::remove_file(fixture.root().join("e")).unwrap();
        std::os::unix::fs::symlink("a", fixture.root().join("e")).unwrap();
        fs::set_permissions(fixture.root().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(dirty(&fixture), ["a", "b/c", "d", "e", "run.sh"]);
    }

    #[test]
    fn a_file_is_known_once_it_is_committed_or_staged() {
        let fixture = checked_out(&[("a", "1"), ("b/c", "2")]);
        put(&fixture.root().join("new"), "");
        let knows = |path: &str| fixture.open().knows(&RelPath::try_from(path).unwrap()).unwrap();
        assert_eq!([knows("a"), knows("b/c"), knows("b"), knows("new")], [true, true, false, false]);
        fixture.grow("refs/heads/main", &[("new", "")], &[]);
        assert_eq!([knows("a"), knows("new")], [true, true]); // staged only, and committed only
        fs::remove_file(fixture.root().join(".git/index")).unwrap();
        assert_eq!([knows("a"), knows("new")], [false, true]);
    }

    #[test]
    fn a_file_that_was_only_touched_is_clean() {
        let fixture = checked_out(&[("a", "1")]);
        let file = fs::File::options().write(true).open(fixture.root().join("a")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
        assert_eq!(dirty(&fixture), Vec::<String>::new());
        // Without an index files are compared with HEAD.
        fs::remove_file(fixture.root().join(".git/index")).unwrap();
        assert_eq!(dirty(&fixture), Vec::<String>::new());
        put(&fixture.root().join("a"), "2");
        assert_eq!(dirty(&fixture), ["a"]);
    }

    #[test]
    fn what_is_staged_is_named() {
        let fixture = checked_out(&[("a", "1"), ("b", "2")]);
        fixture.grow("refs/heads/main", &[("a", "0"), ("c", "3")], &[]);
        assert_eq!(dirty(&fixture), ["a", "b", "c"]);
        fixture.git("HEAD", "ref: refs/heads/unborn");
        assert_eq!(dirty(&fixture), ["a", "b"]);
    }

    #[test]
    fn only_the_first_are_named_each_on_one_line() {
        let names: Vec<_> = (0..DIRTY_MAX + 5).map(|at| format!("{at:02}\nx")).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let fixture = checked_out(&files);
        names.iter().for_each(|name| put(&fixture.root().join(name), "22"));
        let seen = dirty(&fixture);
        assert!(seen.len() == DIRTY_MAX && seen.iter().all(|name| !name.contains('\n')), "{seen:?}");
    }

    #[test]
    fn a_made_up_index_is_an_error_or_harmless() {
        let fixture = checked_out(&[("a", "1"), ("b", "2")]);
        let whole = fs::read(fixture.root().join(".git/index")).unwrap();
        for at in 0..whole.len() {
            for flip in [0xff, 0x80, 0x01] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                // An index without a checksum is a legal one.
                let end = bytes.len() - 20;
                bytes[end..].fill(0);
                fixture.git("index", &bytes);
                let _said = fixture.open().dirty();
            }
            fixture.git("index", &whole[..at]);
            let _said = fixture.open().dirty();
        }
        assert!(differs(&fixture.root(), "../x".into(), Mode::FILE, ObjectId::null(gix::hash::Kind::Sha1), None, true));
    }
}

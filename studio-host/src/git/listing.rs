//! The files of a commit as a checkout has them: a value; what must not get onto the disk is left out.

use super::GitError;
use super::base::expect;
use super::damaged;
use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::{EntryKind, EntryMode};
use gix::objs::{Kind, TreeRef};
use gix::{ObjectId, Repository};
use std::collections::BTreeMap;
use studio_core::limits::{CHECKOUT_FILES_MAX, FOLDER_DEPTH_MAX, LINKS_MAX, LIST_MAX, OBJECT_BYTES_MAX, PATH_BYTES_MAX};
use studio_core::name::RelPath;
use studio_core::text::one_line;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Folder,
    File {
        id: ObjectId,
        executable: bool,
    },
    /// A symlink and where it leads, which is inside.
    Link(String),
}

/// The files of a commit. A folder comes before what is in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    pub(super) items: BTreeMap<String, Item>,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

impl Listing {
    pub(super) fn of(repo: &Repository, tree: ObjectId) -> Result<Listing, GitError> {
        let mut listing = Listing::default();
        each(repo, tree, &BString::default(), 0, &mut |path, mode, id| listing.add(repo, path, mode, id))?;
        let links = listing.items.iter().filter_map(|(path, item)| match item {
            Item::Link(target) => Some((path, target)),
            Item::Folder | Item::File { .. } => None,
        });
        let astray: Vec<_> =
            links.filter(|(path, target)| !stays_inside(&listing.items, path, target)).map(|(path, target)| (path.clone(), target.clone())).collect();
        for (path, target) in astray {
            listing.items.remove(&path);
            listing.leave_out(&path, &format!("it is a symlink that leads outside or in a circle, to {:?}", one_line(&target, 100)));
        }
        if listing.notes.len() > LIST_MAX {
            let more = listing.notes.split_off(LIST_MAX).len();
            listing.notes.push(format!("and {more} more"));
        }
        Ok(listing)
    }

    /// Adds an entry, and says whether to look into it.
    fn add(&mut self, repo: &Repository, path: &BString, mode: EntryMode, id: ObjectId) -> Result<bool, GitError> {
        let shown = path.to_string();
        let Ok(name) = path.to_str().map_err(drop).and_then(|path| RelPath::try_from(path).map_err(drop)) else {
            self.leave_out(&shown, "its name is not clean");
            return Ok(false);
        };
        let item = match mode.kind() {
            EntryKind::Tree if name.as_str().split('/').count() >= FOLDER_DEPTH_MAX => return self.skip(&shown, "it lies too deep"),
            EntryKind::Tree => Item::Folder,
            EntryKind::Commit => return self.skip(&shown, "it is a submodule"),
            EntryKind::Link => {
                let size = repo.find_header(id).map_err(|error| damaged(id, &error))?.size();
                let target = if size <= PATH_BYTES_MAX as u64 { String::from_utf8(expect(repo, id, Kind::Blob)?).ok() } else { None };
                match target {
                    Some(target) => Item::Link(target),
                    None => return self.skip(&shown, "it is a symlink to no clean path"),
                }
            }
            EntryKind::Blob | EntryKind::BlobExecutable => {
                let size = repo.find_header(id).map_err(|error| damaged(id, &error))?.size();
                if size > OBJECT_BYTES_MAX as u64 {
                    return self.skip(&shown, &format!("it has {size} bytes; at most {OBJECT_BYTES_MAX} are read"));
                }
                Item::File { id, executable: mode.is_executable() }
            }
        };
        let enter = item == Item::Folder;
        self.items.insert(name.into(), item);
        if self.items.len() > CHECKOUT_FILES_MAX {
            return Err(GitError::Checkout("the commit".into(), format!("it has more than {CHECKOUT_FILES_MAX} files and folders")));
        }
        Ok(enter)
    }

    fn skip(&mut self, path: &str, why: &str) -> Result<bool, GitError> {
        self.leave_out(path, why);
        Ok(false)
    }

    fn leave_out(&mut self, path: &str, why: &str) {
        self.notes.push(format!("{} is left out: {why}", one_line(path, 200)));
    }
}

/// What is told of an entry: its path, mode and object; and says whether to look into the folder it is.
type Visit<'a> = &'a mut dyn FnMut(&BString, EntryMode, ObjectId) -> Result<bool, GitError>;

/// Visits the entries of the folder `tree`, whose path is `above`, and of those inside.
pub(super) fn each(repo: &Repository, tree: ObjectId, above: &BString, depth: usize, visit: Visit<'_>) -> Result<(), GitError> {
    let data = expect(repo, tree, Kind::Tree)?;
    let folder = TreeRef::from_bytes(&data, repo.object_hash()).map_err(|error| damaged(tree, &error))?;
    let mut names = std::collections::BTreeSet::new();
    for entry in &folder.entries {
        if !names.insert(entry.filename) {
            return Err(GitError::Damaged(tree.to_string(), format!("it has two entries {:?}", entry.filename)));
        }
        let mut path = above.clone();
        path.extend_from_slice(if above.is_empty() { b"" } else { b"/" });
        path.extend_from_slice(entry.filename);
        let id = entry.oid.to_owned();
        if visit(&path, entry.mode, id)? && entry.mode.is_tree() && depth < FOLDER_DEPTH_MAX {
            each(repo, id, &path, depth + 1, visit)?;
        }
    }
    Ok(())
}

/// Follows the symlink at `path` as the system would, and says whether it never leaves the tree. It may end where
/// nothing is, but must not turn back there: what is put there later could lead out.
fn stays_inside(items: &BTreeMap<String, Item>, path: &str, target: &str) -> bool {
    let mut place: Vec<&str> = path.split('/').collect();
    place.pop();
    let mut ahead: Vec<&str> = target.split('/').rev().collect();
    let (mut links, mut nowhere) = (0, false);
    if target.is_empty() || target.starts_with('/') || target.contains('\0') {
        return false;
    }
    while let Some(part) = ahead.pop() {
        match part {
            "" | "." => continue,
            ".." if nowhere || place.pop().is_none() => return false,
            ".." => continue,
            _ => place.push(part),
        }
        match items.get(&place.join("/")) {
            _ if nowhere => {}
            Some(Item::Folder | Item::File { .. }) => {}
            Some(Item::Link(next)) if next.starts_with('/') || links == LINKS_MAX => return false,
            Some(Item::Link(next)) => {
                links += 1;
                place.pop();
                ahead.extend(next.split('/').rev());
            }
            None => nowhere = true,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;
    use gix::objs::tree::Entry;

    #[test]
    fn links_that_lead_out_are_left_out() {
        let fixture = Fixture::new();
        let file = fixture.blob(b"text");
        let links = [
            ("in", "a/b/file", true),
            ("a/up", "../a/b/file", true),
            ("a/b/folder", "..", true),
            ("dangling", "a/none/there", true),
            ("through", "a/b/folder/b/file", true),
            ("dots", "./a/./b//file", true),
            ("root", ".", true),
            ("absolute", "/etc/passwd", false),
            ("out", "..", false),
            ("a/out", "../../x", false),
            ("a/b/sneaky", "folder/../..", false),
            ("through-out", "out/etc", false),
            ("turns-back", "none/../x", false),
            ("circle", "circle", false),
            ("a/one", "two", false),
            ("a/two", "one", false),
            ("nul", "a\0b", false),
            ("back/and", "../../../x", false),
        ];
        let mut entries = vec![("a/b/file", EntryKind::Blob, file)];
        entries.extend(links.iter().map(|(path, target, _)| (*path, EntryKind::Link, fixture.blob(target.as_bytes()))));
        let listing = Listing::of(&fixture.repo, fixture.tree(&entries)).unwrap();
        for (path, target, stays) in links {
            let item = listing.items.get(path);
            assert_eq!(item, stays.then(|| Item::Link(target.into())).as_ref(), "{path}");
            assert_eq!(listing.notes.iter().any(|note| note.starts_with(&format!("{path} is left out"))), !stays, "{path}");
        }
    }

    #[test]
    fn names_that_are_not_clean_are_left_out_with_what_is_in_them() {
        let fixture = Fixture::new();
        let inner = fixture.tree(&[("config", EntryKind::Blob, fixture.blob(b"x"))]);
        let names: [&[u8]; 8] = [b"-rf", b".GIT", b"..", b"a\nb", b"aux\xff", b"c:d", b"git~1", b"good"];
        let mut entries: Vec<_> = names.iter().map(|name| Entry { mode: EntryKind::Tree.into(), filename: (*name).into(), oid: inner }).collect();
        entries.push(Entry { mode: EntryKind::Commit.into(), filename: "module".into(), oid: inner });
        entries.sort();
        let tree = fixture.repo.write_object(gix::objs::Tree { entries }).unwrap().detach();
        let listing = Listing::of(&fixture.repo, tree).unwrap();
        assert_eq!(listing.items.keys().collect::<Vec<_>>(), ["good", "good/config"]);
        assert_eq!(listing.notes.len(), 8, "{:?}", listing.notes);
        assert!(listing.notes.iter().all(|note| !note.contains('\n')), "{:?}", listing.notes);
    }

    #[test]
    fn a_folder_in_a_folder_ends_somewhere_and_notes_too() {
        let fixture = Fixture::new();
        let deep = format!("{}file", "d/".repeat(FOLDER_DEPTH_MAX + 5));
        let many: Vec<_> = (0..LIST_MAX + 3).map(|at| format!("-{at}")).collect();
        let mut entries = vec![(deep.as_str(), EntryKind::Blob, fixture.blob(b""))];
        entries.extend(many.iter().map(|name| (name.as_str(), EntryKind::Blob, fixture.blob(b""))));
        let listing = Listing::of(&fixture.repo, fixture.tree(&entries)).unwrap();
        assert_eq!(listing.items.len(), FOLDER_DEPTH_MAX - 1);
        assert_eq!((listing.notes.len(), listing.notes.last().unwrap().as_str()), (LIST_MAX + 1, "and 4 more"));
    }
}

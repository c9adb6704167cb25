//! What edits make of a commit's tree: new objects as values. Nothing is written here.

use super::base::expect;
use super::{GitError, damaged};
use gix::bstr::BString;
use gix::objs::tree::{Entry, EntryKind, EntryMode, name_order};
use gix::objs::{Kind, TreeRef, WriteTo};
use gix::{ObjectId, Repository};
use std::collections::BTreeMap;
use studio_core::limits::{EDIT_BYTES_MAX, EDITS_MAX};
use studio_core::name::RelPath;
use studio_core::plan::Edit;

/// An object that a change adds.
pub(super) struct Object {
    /// What it is called: the hash of the rest.
    pub(super) id: ObjectId,
    pub(super) kind: Kind,
    pub(super) data: Vec<u8>,
}

impl Object {
    pub(super) fn new(kind: Kind, data: Vec<u8>) -> Result<Object, GitError> {
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, &data).map_err(|error| damaged("a new object", &error))?;
        Ok(Object { id, kind, data })
    }

    /// The object that `value` is when it is written.
    pub(super) fn of(value: &dyn WriteTo) -> Result<Object, GitError> {
        let mut data = Vec::new();
        value.write_to(&mut data).map_err(|error| GitError::Damaged("a new object".into(), error.to_string()))?;
        Object::new(value.kind(), data)
    }
}

/// Returns the tree that `edits` make of `tree`, one after the other, and the objects it needs.
pub(super) fn apply(repo: &Repository, tree: ObjectId, edits: &[Edit]) -> Result<(ObjectId, Vec<Object>), GitError> {
    if edits.len() > EDITS_MAX {
        return Err(GitError::Edits(format!("there are {} of them; at most {EDITS_MAX} are accepted", edits.len())));
    }
    let (mut root, mut objects) = (look(repo, tree)?, Vec::new());
    for edit in edits {
        match edit {
            Edit::Write { path, text } if text.len() > EDIT_BYTES_MAX => {
                return Err(refused(path, &format!("its text has {} bytes; at most {EDIT_BYTES_MAX} are accepted", text.len())));
            }
            Edit::Write { path, text } => {
                let blob = Object::new(Kind::Blob, text.clone().into_bytes())?;
                let (folder, name) = parent(repo, &mut root, path, true)?;
                let mode = match standing(folder, &name) {
                    Some(node) => node.file().map_err(|what| refused(path, &format!("there is {what} of that name")))?.0,
                    None if path.file_name().ends_with(".sh") => EntryKind::BlobExecutable.into(),
                    None => EntryKind::Blob.into(),
                };
                folder.insert(name, Node::Stored(mode, blob.id));
                objects.push(blob);
            }
            Edit::Remove { path } => drop(take(repo, &mut root, path)?),
            Edit::Rename { path, to } if path == to => return Err(refused(path, "its new name is its old one")),
            Edit::Rename { path, to } => {
                let file = take(repo, &mut root, path)?;
                let (folder, name) = parent(repo, &mut root, to, true)?;
                standing(folder, &name).map_or(Ok(file), Node::file).map_err(|what| refused(to, &format!("there is {what} of that name")))?;
                folder.insert(name, Node::Stored(file.0, file.1));
            }
        }
    }
    let root = match fold(root, &mut objects)? {
        Some(tree) => tree,
        None => keep(Object::new(Kind::Tree, Vec::new())?, &mut objects),
    };
    Ok((root, objects))
}

type Folder = BTreeMap<BString, Node>;

/// What stands behind a name of a folder.
enum Node {
    /// What the repository holds.
    Stored(EntryMode, ObjectId),
    /// A folder that was looked into.
    Seen(Folder),
}

impl Node {
    /// Says whether it is a folder that everything was taken out of: in git there is no such folder.
    fn is_gone(&self) -> bool {
        match self {
            Node::Seen(folder) => folder.values().all(Node::is_gone),
            Node::Stored(..) => false,
        }
    }

    /// Returns the regular file that it is, or says what it is instead.
    fn file(&self) -> Result<(EntryMode, ObjectId), &'static str> {
        match self {
            Node::Seen(_) => Err("a folder"),
            Node::Stored(mode, id) => match mode.kind() {
                EntryKind::Blob | EntryKind::BlobExecutable => Ok((*mode, *id)),
                EntryKind::Tree => Err("a folder"),
                EntryKind::Link => Err("a symlink"),
                EntryKind::Commit => Err("a submodule"),
            },
        }
    }
}

fn look(repo: &Repository, tree: ObjectId) -> Result<Folder, GitError> {
    let data = expect(repo, tree, Kind::Tree)?;
    let stored = TreeRef::from_bytes(&data, repo.object_hash()).map_err(|error| damaged(tree, &error))?;
    let mut folder = Folder::new();
    for entry in &stored.entries {
        if folder.insert(entry.filename.to_owned(), Node::Stored(entry.mode, entry.oid.to_owned())).is_some() {
            return Err(GitError::Damaged(tree.to_string(), format!("it has two entries {:?}", entry.filename)));
        }
    }
    Ok(folder)
}

/// Returns the folder that `path` lies in, and its last part. Missing folders are made or an error.
fn parent<'a>(repo: &Repository, root: &'a mut Folder, path: &RelPath, make: bool) -> Result<(&'a mut Folder, BString), GitError> {
    let (above, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
    let mut folder = root;
    for part in above.split('/').filter(|part| !part.is_empty()) {
        if !make && !folder.contains_key(&BString::from(part)) {
            return Err(refused(path, "there is no such file"));
        }
        let node = folder.entry(part.into()).or_insert_with(|| Node::Seen(Folder::new()));
        if let Node::Stored(mode, id) = node
            && mode.is_tree()
        {
            *node = Node::Seen(look(repo, *id)?);
        }
        folder = match node {
            Node::Seen(folder) => folder,
            Node::Stored(..) => return Err(refused(path, &format!("{part:?} above it is no folder"))),
        };
    }
    Ok((folder, name.into()))
}

fn standing<'a>(folder: &'a Folder, name: &BString) -> Option<&'a Node> {
    folder.get(name).filter(|node| !node.is_gone())
}

/// Takes a regular file out of its folder.
fn take(repo: &Repository, root: &mut Folder, path: &RelPath) -> Result<(EntryMode, ObjectId), GitError> {
    let (folder, name) = parent(repo, root, path, false)?;
    let node = standing(folder, &name).ok_or_else(|| refused(path, "there is no such file"))?;
    let file = node.file().map_err(|what| refused(path, &format!("it is {what}")))?;
    folder.remove(&name);
    Ok(file)
}

/// Turns a folder into objects, those inside first; nothing becomes of an empty one, as in git.
fn fold(folder: Folder, objects: &mut Vec<Object>) -> Result<Option<ObjectId>, GitError> {
    let mut entries = Vec::new();
    for (filename, node) in folder {
        match node {
            Node::Stored(mode, oid) => entries.push(Entry { mode, filename, oid }),
            Node::Seen(folder) => {
                entries.extend(fold(folder, objects)?.map(|oid| Entry { mode: EntryKind::Tree.into(), filename, oid }));
            }
        }
    }
    entries.sort_by(|a, b| name_order(&a.filename, a.mode.is_tree(), &b.filename, b.mode.is_tree()));
    if entries.is_empty() { Ok(None) } else { Ok(Some(keep(Object::of(&gix::objs::Tree { entries })?, objects))) }
}

fn keep(object: Object, objects: &mut Vec<Object>) -> ObjectId {
    let id = object.id;
    objects.push(object);
    id
}

fn refused(path: &RelPath, why: &str) -> GitError {
    GitError::Edits(format!("{path} cannot be edited so: {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, path, run, written};
    use super::super::{objects, order};
    use super::*;
    use studio_core::name::CommitId;

    fn removed(at: &str) -> Edit {
        Edit::Remove { path: path(at) }
    }

    fn renamed(at: &str, to: &str) -> Edit {
        Edit::Rename { path: path(at), to: path(to) }
    }

    fn fixture() -> Fixture {
        let fixture = Fixture::new();
        let file = fixture.blob(b"text");
        let entries = [
            ("README.md", EntryKind::Blob, file),
            ("a/b/run.sh", EntryKind::BlobExecutable, file),
            ("a/b/plain.sh", EntryKind::Blob, file),
            ("only/one", EntryKind::Blob, file),
            ("link", EntryKind::Link, fixture.blob(b"README.md")),
            ("folder-link", EntryKind::Link, fixture.blob(b"a")),
            ("module", EntryKind::Commit, file),
        ];
        let commit = fixture.commit(fixture.tree(&entries), &[], "m");
        fixture.git("refs/heads/main", commit.to_string());
        fixture
    }

    /// The files after the edits, with modes; those that stay as they are left out.
    fn after(edits: &[Edit]) -> Result<String, String> {
        let fixture = fixture();
        let order = fixture.order(edits);
        let (id, new) = order::compose(&fixture.repo, &order).map_err(|error| error.to_string())?;
        let incoming = fixture.dir.path().join("incoming");
        objects::write(&incoming, &[fixture.repo.git_dir().join("objects")], &new).unwrap();
        let (old, new) = (order.base, CommitId::try_from(id.to_string()).unwrap());
        let (old, new) = (super::super::fixture::files(&fixture.repo, &old), super::super::fixture::files(&fixture.repo, &new));
        let gone = old.keys().filter(|path| !new.contains_key(*path)).map(|path| format!("-{path}"));
        let there = new.iter().filter(|(path, file)| old.get(*path) != Some(file)).map(|(path, (mode, text))| format!("{path} {mode:o} {text}"));
        assert!(order::is_of(&fixture.repo, id, &run()).unwrap());
        Ok(gone.chain(there).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn edits_change_their_files_and_no_others() {
        for (edits, seen) in [
            (vec![written("README.md", "new")], "README.md 100644 new"),
            (vec![written("a/b/run.sh", "new"), written("a/b/plain.sh", "new")], "a/b/plain.sh 100644 new, a/b/run.sh 100755 new"),
            (vec![written("a/new.sh", "x"), written("x/y/z", "x")], "a/new.sh 100755 x, x/y/z 100644 x"),
            (vec![removed("only/one")], "-only/one"),
            (vec![removed("only/one"), written("only", "a file now")], "-only/one, only 100644 a file now"),
            (vec![removed("README.md"), written("README.md/x", "x")], "-README.md, README.md/x 100644 x"),
            (vec![renamed("a/b/run.sh", "c/run.txt")], "-a/b/run.sh, c/run.txt 100755 text"),
            (vec![renamed("README.md", "README.md/x")], "-README.md, README.md/x 100644 text"),
            (vec![renamed("README.md", "a/b/run.sh")], "-README.md, a/b/run.sh 100644 text"),
            (vec![written("README.md", "1"), renamed("README.md", "R"), written("R", "2")], "-README.md, R 100644 2"),
            (vec![written("a-b", "1"), written("a.b", "1"), written("a0", "1")], "a-b 100644 1, a.b 100644 1, a0 100644 1"),
            (vec![], ""),
        ] {
            assert_eq!(after(&edits).unwrap(), seen, "{edits:?}");
        }
    }

    #[test]
    fn edits_that_do_not_fit_are_refused_with_the_path() {
        for (edit, why) in [
            (written("README.md/x", "x"), "README.md/x cannot be edited so: \"README.md\" above it is no folder"),
            (written("folder-link/x", "x"), "\"folder-link\" above it is no folder"),
            (written("module/x", "x"), "\"module\" above it is no folder"),
            (written("link", "x"), "link cannot be edited so: there is a symlink of that name"),
            (written("module", "x"), "there is a submodule of that name"),
            (written("a/b", "x"), "there is a folder of that name"),
            (removed("none"), "none cannot be edited so: there is no such file"),
            (removed("none/none"), "there is no such file"),
            (removed("a"), "a cannot be edited so: it is a folder"),
            (removed("link"), "it is a symlink"),
            (removed("readme.md"), "there is no such file"),
            (renamed("none", "x"), "there is no such file"),
            (renamed("module", "x"), "it is a submodule"),
            (renamed("README.md", "a"), "a cannot be edited so: there is a folder of that name"),
            (renamed("README.md", "link"), "there is a symlink of that name"),
            (renamed("README.md", "README.md"), "its new name is its old one"),
            (written("x", &"x".repeat(EDIT_BYTES_MAX + 1)), "at most 131072"),
        ] {
            let error = after(std::slice::from_ref(&edit)).unwrap_err();
            assert!(error.contains(why), "{edit:?}: {error}");
        }
        assert!(after(&vec![written("x", "x"); EDITS_MAX + 1]).unwrap_err().contains("51 of them"));
    }
}

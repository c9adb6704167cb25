//! Whether a commit differs from its base where edits say so, and nowhere else.

use crate::git::GitRepo;
use gix::objs::tree::EntryMode;
use gix::{ObjectId, Repository};
use std::collections::BTreeMap;
use studio_core::limits::FOLDER_DEPTH_MAX;
use studio_core::name::CommitId;
use studio_core::plan::Edit;
use studio_core::text::one_line;

/// Returns the first path that is another in `commit` than in `base` though no edit touches it.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn other_file(repo: &GitRepo, base: &CommitId, commit: &CommitId, edits: &[Edit]) -> Result<Option<String>, String> {
    let repo = repo.objects();
    let tree = |id: &CommitId| {
        let id = ObjectId::from_hex(id.as_str().as_bytes()).map_err(|error| shown(&error))?;
        let commit = repo.find_commit(id).map_err(|error| shown(&error))?;
        commit.tree_id().map(|tree| tree.detach()).map_err(|error| shown(&error))
    };
    let edited: Vec<&str> = edits.iter().flat_map(Edit::paths).map(|path| path.as_str()).collect();
    differs(&repo, [Some(tree(base)?), Some(tree(commit)?)], "", &edited, FOLDER_DEPTH_MAX)
}

/// Looks for a difference below the folders `sides`, of which one may be missing.
fn differs(repo: &Repository, sides: [Option<ObjectId>; 2], above: &str, edited: &[&str], depth: usize) -> Result<Option<String>, String> {
    let [ours, theirs] = sides;
    let (mut ours, theirs) = (entries(repo, ours)?, entries(repo, theirs)?);
    let mut pairs: Vec<(Vec<u8>, Option<Node>, Option<Node>)> = Vec::new();
    for (name, node) in theirs {
        let old = ours.remove(&name);
        pairs.push((name, old, Some(node)));
    }
    pairs.extend(ours.into_iter().map(|(name, node)| (name, Some(node), None)));
    for (name, old, new) in pairs {
        let path = format!("{above}{}", String::from_utf8_lossy(&name));
        // What an edit leaves is compared by whoever knows the edits; a link is nothing that one leaves.
        let edited_here = edited.contains(&path.as_str());
        let old = old.filter(|(mode, _)| !edited_here || mode.is_tree());
        let new = new.filter(|(mode, _)| !edited_here || !mode.is_blob());
        if old == new {
            continue;
        }
        let folder = |node: Option<Node>| node.filter(|(mode, _)| mode.is_tree()).map(|(_, id)| id);
        let below = [folder(old), folder(new)];
        let both = old.is_none_or(|(mode, _)| mode.is_tree()) && new.is_none_or(|(mode, _)| mode.is_tree());
        // A folder comes and goes with the files that edits put into it or take away.
        if !both || depth == 0 {
            return Ok(Some(one_line(&path, 200)));
        }
        if let Some(found) = differs(repo, below, &format!("{path}/"), edited, depth - 1)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

type Node = (EntryMode, ObjectId);

fn entries(repo: &Repository, tree: Option<ObjectId>) -> Result<BTreeMap<Vec<u8>, Node>, String> {
    let Some(id) = tree else { return Ok(BTreeMap::new()) };
    let tree = repo.find_tree(id).map_err(|error| shown(&error))?;
    let folder = tree.decode().map_err(|error| shown(&error))?;
    Ok(folder.entries.iter().map(|entry| (entry.filename.to_vec(), (entry.mode, entry.oid.to_owned()))).collect())
}

fn shown(error: &impl std::fmt::Display) -> String {
    one_line(&error.to_string(), 300)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gix::objs::tree::EntryKind;
    use studio_core::name::RelPath;

    #[test]
    fn a_commit_differs_where_edits_say_so_and_nowhere_else() {
        let rel = |path: &str| RelPath::try_from(path).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let repo = GitRepo::sample(dir.path(), &[(rel("a/x"), "1"), (rel("a/y"), "2"), (rel("b"), "3")], "m").unwrap();
        let git = gix::open_opts(dir.path(), gix::open::Options::isolated()).unwrap();
        let base = git.head_id().unwrap().detach();
        let commit = |change: &dyn Fn(&mut gix::object::tree::Editor<'_>)| {
            let mut tree = git.find_commit(base).unwrap().tree().unwrap().edit().unwrap();
            change(&mut tree);
            let mut commit = git.find_commit(base).unwrap().decode().unwrap().into_owned().unwrap();
            commit.tree = tree.write().unwrap().detach();
            CommitId::try_from(git.write_object(commit).unwrap().to_string()).unwrap()
        };
        let blob = git.write_blob("new").unwrap().detach();
        let edits = [Edit::Write { path: rel("a/x"), text: "new".into() }, Edit::Rename { path: rel("b"), to: rel("c/d/e") }];
        let base = CommitId::try_from(base.to_string()).unwrap();
        let other = |change: &dyn Fn(&mut gix::object::tree::Editor<'_>)| other_file(&repo, &base, &commit(change), &edits).unwrap();
        let good = |tree: &mut gix::object::tree::Editor<'_>| {
            tree.upsert("a/x", EntryKind::BlobExecutable, blob).unwrap();
            tree.remove("b").unwrap().upsert("c/d/e", EntryKind::Blob, blob).unwrap();
        };
        assert_eq!(other(&good), None);
        assert_eq!(other(&|_| {}), None); // whoever knows the edits finds that they are not there
        for (path, kind) in [
            ("a/y", EntryKind::Blob),
            ("a/y", EntryKind::Link),
            ("a/z", EntryKind::Blob),
            ("c/d/f", EntryKind::Blob),
            ("n/m", EntryKind::Blob),
            ("b", EntryKind::Link),
            ("a/x", EntryKind::Commit),
            ("a/x/deep", EntryKind::Blob),
            ("c", EntryKind::Link),
        ] {
            let found = other(&|tree| {
                good(tree);
                tree.upsert(path, kind, blob).unwrap();
            });
            assert_eq!(found.as_deref(), Some(path), "{kind:?}");
        }
        let mode = other(&|tree| {
            tree.upsert("a/y", EntryKind::BlobExecutable, git.write_blob("2").unwrap()).unwrap();
        });
        assert_eq!(mode.as_deref(), Some("a/y"));
        let gone = other(&|tree| {
            tree.remove("a").unwrap();
        });
        assert_eq!(gone.as_deref(), Some("a/y"));
    }
}

//! Which files, folders and links a tree has after edits, and where a path ends that leads through them.

use crate::limits::{CHECKOUT_FILES_MAX, LINKS_MAX};
use crate::plan::Edit;
use crate::tree::{Tree, TreeError};
use std::collections::{BTreeMap, BTreeSet};

/// The names of a tree.
pub(crate) struct Layout {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
    links: BTreeMap<String, String>,
}

impl Layout {
    /// Returns the names of `tree` after `edits`; nothing if there are more than a step's copy may have.
    pub(crate) fn of(tree: &dyn Tree, edits: &[Edit]) -> Result<Option<Layout>, TreeError> {
        let (files, links) = (tree.list(CHECKOUT_FILES_MAX + 1)?, tree.links(CHECKOUT_FILES_MAX + 1)?);
        if files.len().max(links.len()) > CHECKOUT_FILES_MAX {
            return Ok(None);
        }
        let mut files: BTreeSet<String> = files.into_iter().map(String::from).collect();
        let mut links: BTreeMap<String, String> = links.into_iter().map(|(path, target)| (path.into(), target)).collect();
        for edit in edits {
            for path in edit.paths() {
                files.remove(path.as_str());
                links.remove(path.as_str());
            }
            match edit {
                Edit::Write { path, .. } | Edit::Rename { to: path, .. } => files.insert(path.as_str().into()),
                Edit::Remove { .. } => false,
            };
        }
        let ends = |path: &String| path.match_indices('/').map(|(at, _)| at).collect::<Vec<_>>();
        let above = |path: &String| ends(path).into_iter().filter_map(|end| path.get(..end)).map(String::from).collect::<Vec<_>>();
        let folders = files.iter().chain(links.keys()).flat_map(above).chain([String::new()]).collect();
        Ok(Some(Layout { files, folders, links }))
    }

    /// Says whether a regular file stands there.
    pub(crate) fn file(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// Says whether a folder stands there; the root is one, with an empty name.
    pub(crate) fn folder(&self, path: &str) -> bool {
        self.folders.contains(path)
    }

    /// Returns where `tail` leads from `folder`, as a system would follow it, whether something stands there or
    /// not; nothing if it leads out of the tree.
    pub(crate) fn lead(&self, folder: &str, tail: &str) -> Option<String> {
        let mut place: Vec<String> = folder.split('/').filter(|part| !part.is_empty()).map(String::from).collect();
        let mut ahead: Vec<String> = tail.split('/').rev().map(String::from).collect();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." if !self.folder(&place.join("/")) => return None,
                ".." => {
                    place.pop()?;
                    continue;
                }
                _ => place.push(part),
            }
            if let Some(target) = self.links.get(&place.join("/")) {
                links += 1;
                if links > LINKS_MAX || target.starts_with('/') {
                    return None;
                }
                place.pop();
                ahead.extend(target.split('/').rev().map(String::from));
            }
        }
        Some(place.join("/"))
    }

    /// Returns the regular files of one folder whose names are like `pattern`, in which `*` stands for anything.
    pub(crate) fn like(&self, folder: &str, pattern: &str) -> Vec<String> {
        let above = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let names = self.files.range(above.clone()..).take_while(|path| path.starts_with(&above));
        names.filter(|path| path.get(above.len()..).is_some_and(|name| !name.contains('/') && crate::place::like(pattern, name))).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::RelPath;
    use crate::tree::{LinkedTree, MemoryTree};

    #[test]
    fn a_path_is_followed_as_a_system_would() {
        let path = |text: &str| RelPath::try_from(text).unwrap();
        let files = ["a/b/x.sh", "a/y.sh", "z.sh", "gone"].map(|name| (path(name), Vec::new()));
        let links =
            [("l", "a/b"), ("a/up", "../z.sh"), ("a/b/way", "../up"), ("out", "../x"), ("abs", "/etc"), ("o", "o"), ("s", ".talos/k"), ("w", "l")];
        let tree = LinkedTree(MemoryTree(files.into()), links.map(|(name, target)| (path(name), target.to_string())).into());
        let edits = [Edit::Rename { path: path("gone"), to: path("n/m") }, Edit::Write { path: path("w"), text: String::new() }];
        let layout = Layout::of(&tree, &edits).unwrap().unwrap();
        for (folder, tail, end) in [
            ("", "l/x.sh", Some("a/b/x.sh")),
            ("a", "up", Some("z.sh")),
            ("a/b", "way", Some("z.sh")),
            ("", "l/../y.sh", Some("a/y.sh")),
            ("a/b", "./..//y.sh", Some("a/y.sh")),
            ("", "out", None),
            ("", "abs/passwd", None),
            ("", "o", None),
            ("", "none/../z.sh", None),
            ("a", "../..", None),
            ("a", "..", Some("")),
            ("", "s", Some(".talos/k")),
            ("", "w", Some("w")),
        ] {
            assert_eq!(layout.lead(folder, tail).as_deref(), end, "{folder} {tail}");
        }
        assert!(layout.file("n/m") && layout.folder("n") && layout.file("w") && !layout.file("gone") && !layout.file("l"));
        assert_eq!(
            (layout.like("a/b", "*.sh"), layout.like("", "z*"), layout.like("a", "*x*")),
            (vec!["a/b/x.sh".into()], vec!["z.sh".into()], vec![])
        );
    }
}

//! Where queue files stand in a checkout.

use super::{Problem, Problems};
use crate::disk::{self, DiskError};
use std::fs;
use std::path::Path;
use studio_core::limits::FILES_MAX;
use studio_core::name::RelPath;
use studio_core::text::one_line;

/// The backlog.
const BACKLOG: &str = "ai/backlog.yaml";
/// The backlog in Markdown.
const BOXES: &str = "ai/backlog.md";
/// The folder of task files.
const TASKS: &str = "ai/tasks";
/// The backlog of the studio itself: ideas, and signals from outside.
const STUDIO: &str = "ai/studio/backlog.md";

/// How a queue file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A list of maps.
    Backlog,
    /// Items with boxes.
    Boxes,
    /// Items with boxes, all of the second stage.
    Studio,
    /// One map.
    Task,
    /// One page.
    Page,
}

impl Dialect {
    /// Returns how the queue file at `path` is written, if it is one.
    pub(super) fn of(path: &RelPath) -> Option<Dialect> {
        let whole = path.as_str();
        let name = path.file_name();
        match whole {
            BACKLOG => return Some(Dialect::Backlog),
            BOXES => return Some(Dialect::Boxes),
            STUDIO => return Some(Dialect::Studio),
            _ => {}
        }
        if !whole.strip_prefix(TASKS).is_some_and(|rest| rest.starts_with('/') && !rest.contains("/.")) {
            None
        } else if name.ends_with(".yaml") || name.ends_with(".yml") {
            Some(Dialect::Task)
        } else {
            (name.ends_with(".md") && !name.eq_ignore_ascii_case("readme.md")).then_some(Dialect::Page)
        }
    }

    /// Says whether the file is one ticket, written by hand.
    pub(super) fn one_ticket(self) -> bool {
        matches!(self, Dialect::Task | Dialect::Page)
    }
}

/// Returns the queue files: the backlogs, the task files by path, the studio's backlog. Hidden files
/// and readmes are passed over.
pub(super) fn files(root: &Path, found: &mut Vec<Problem>) -> Vec<RelPath> {
    let mut files = Vec::new();
    let mut folders: Vec<RelPath> = Vec::new();
    let mut last: Vec<RelPath> = Vec::new();
    for (name, into) in [(BACKLOG, None), (BOXES, None), (TASKS, Some(&mut folders)), (STUDIO, Some(&mut last))] {
        let Ok(path) = RelPath::try_from(name) else { continue };
        match disk::look(root, &path) {
            Ok(Some(seen)) if name == TASKS && !seen.is_dir() => problem(name, DiskError::NoFolder(name.into()), found),
            Ok(Some(_)) => into.unwrap_or(&mut files).push(path),
            Ok(None) => {}
            Err(error) => problem(name, error, found),
        }
    }
    let backlog = files.len();
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        let listed = fs::read_dir(root.join(folder.as_str())).and_then(|entries| entries.take(FILES_MAX + 1).collect::<Result<Vec<_>, _>>());
        let entries = match listed {
            Ok(entries) => entries,
            Err(error) => {
                problem(folder.as_str(), DiskError::Io("list", folder.to_string(), error), found);
                continue;
            }
        };
        looked += entries.len();
        if looked > FILES_MAX {
            found.push(Problem::at(folder.as_str(), 1, format!("{TASKS} holds more than {FILES_MAX} files"), "move some away"));
            break;
        }
        for entry in entries {
            let name = entry.file_name();
            let place = format!("{folder}/{}", name.to_string_lossy());
            let named = name.to_string_lossy();
            let wanted = [".yaml", ".yml", ".md"].iter().any(|end| named.ends_with(end)) && !named.eq_ignore_ascii_case("readme.md");
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(error) => {
                    problem(&place, DiskError::Io("look at", place.clone(), error), found);
                    continue;
                }
            };
            if named.starts_with('.') || !(wanted || kind.is_dir() || kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|seen| seen.is_dir()))
            {
                continue;
            }
            let shown = one_line(&place, 200);
            match RelPath::try_from(place).ok().filter(|_| name.to_str().is_some()) {
                None => found.push(Problem::at(&shown, 1, "the name is no clean path", "rename it to plain letters, digits and . _ -")),
                Some(path) if kind.is_symlink() => problem(&shown, DiskError::Symlink(path.to_string()), found),
                Some(path) if kind.is_dir() => folders.push(path),
                Some(path) => files.push(path),
            }
        }
    }
    if let Some(tasks) = files.get_mut(backlog..) {
        tasks.sort();
    }
    files.append(&mut last);
    files
}

/// Returns the bytes of a queue file.
pub(super) fn read(root: &Path, path: &RelPath, problems: &mut Problems) -> Option<Vec<u8>> {
    match disk::read(root, path) {
        Ok(bytes) => bytes,
        Err(error) => {
            problem(path.as_str(), error, &mut problems.found);
            None
        }
    }
}

fn problem(file: &str, error: DiskError, found: &mut Vec<Problem>) {
    let text = error.to_string();
    let (what, mend) = text.split_once("; ").unwrap_or((&text, "look at its permissions"));
    found.push(Problem::at(file, 1, what, mend));
}

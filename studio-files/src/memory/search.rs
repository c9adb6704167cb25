//! Searching what earlier runs left: memory and reports, by words.

use super::MemoryError;
use crate::disk::{self, DiskError};
use std::cmp::Reverse;
use std::fs;
use std::path::Path;
use studio_core::limits::{FILES_MAX, LIST_MAX, SEARCH_BYTES_MAX};
use studio_core::name::RelPath;
use studio_core::text::one_line;

const FOLDERS: [&str; 2] = ["ai/studio/memory", "ai/studio/reports"];
const ENDINGS: [&str; 3] = [".md", ".json", ".diff"];
/// Characters of a line that is shown.
const LINE_CHARS_MAX: usize = 200;
/// What a word in a title or in front matter is worth, against one anywhere else.
const TITLE_WORTH: u32 = 100;

/// A file that holds every word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The file.
    pub path: RelPath,
    /// The line with the most of the words, from 1.
    pub line: u32,
    /// That line.
    pub text: String,
    /// How often the words occur; in title and front matter they count more.
    pub score: u32,
}

/// Finds files below `ai/studio/memory` and `ai/studio/reports` that hold every one of `words`, in
/// upper or lower case, at most `most`: the best first, of equals the newest by name. Symlinks, and
/// files that cannot be read, are passed over; of very much text only the newest is read.
///
/// # Errors
/// No words, or too many; or a folder cannot be listed.
pub fn search(root: &Path, words: &str, most: usize) -> Result<Vec<Hit>, MemoryError> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() || words.len() > LIST_MAX {
        return Err(MemoryError::Words(words.len()));
    }
    let mut files = files(root)?;
    files.sort_by_cached_key(|path| Reverse((day(path), path.clone())));
    let (mut hits, mut bytes) = (Vec::new(), 0);
    for path in files {
        let Ok(Some(text)) = disk::read(root, &path) else { continue };
        bytes += text.len() as u64;
        if bytes > SEARCH_BYTES_MAX {
            break;
        }
        hits.extend(hit(path, &String::from_utf8_lossy(&text), &words));
    }
    hits.sort_by_key(|hit| Reverse(hit.score)); // stable: of equals the newest stays first
    hits.truncate(most);
    Ok(hits)
}

fn hit(path: RelPath, text: &str, words: &[String]) -> Option<Hit> {
    let mut missing: Vec<&String> = words.iter().collect();
    let (mut score, mut best): (u32, (usize, u32, &str)) = (0, (0, 1, ""));
    let mut matter = false;
    for (at, line) in text.lines().enumerate() {
        matter = if at == 0 { line == "---" } else { matter && line != "---" };
        let low = line.to_lowercase();
        let held = words.iter().filter(|word| low.contains(word.as_str())).count();
        if held == 0 {
            continue;
        }
        missing.retain(|word| !low.contains(word.as_str()));
        let count: usize = words.iter().map(|word| low.matches(word.as_str()).count()).sum();
        let worth = if matter || line.starts_with("# ") { TITLE_WORTH } else { 1 };
        score = score.saturating_add(u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(worth));
        if held > best.0 {
            best = (held, u32::try_from(at + 1).unwrap_or(u32::MAX), line);
        }
    }
    let (_, line, shown) = best;
    missing.is_empty().then(|| Hit { path, line, text: one_line(shown, LINE_CHARS_MAX), score })
}

fn files(root: &Path) -> Result<Vec<RelPath>, MemoryError> {
    let (mut files, mut folders, mut looked) = (Vec::new(), Vec::new(), 0);
    for name in FOLDERS {
        folders.push(RelPath::try_from(name)?);
    }
    while let Some(folder) = folders.pop() {
        if !matches!(disk::look(root, &folder), Ok(Some(seen)) if seen.is_dir()) {
            continue;
        }
        let failed = |error| DiskError::Io("list", folder.to_string(), error);
        for entry in fs::read_dir(root.join(folder.as_str())).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            looked += 1;
            if looked > FILES_MAX {
                return Ok(files);
            }
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            let Ok(path) = RelPath::try_from(format!("{folder}/{name}")) else { continue };
            if name.starts_with('.') {
                continue;
            } else if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Returns the first eight digits in a path: the day it is named after, `2026-11-22` or `20261122`.
fn day(path: &RelPath) -> String {
    path.as_str().chars().filter(char::is_ascii_digit).take(8).collect()
}

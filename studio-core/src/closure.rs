//! What the files of a tree add to a command: the scripts that its script names, and those that they name in turn,
//! and where its words end that lead through links. By their words, never by running anything.
//!
//! It finds what people write (`. "$(dirname "$0")/../lib/x.sh"`, `cd lib; . ./x`), from the root, from the folders
//! of the scripts and from the folders they enter; not what a script makes up as it goes. So it can only show more
//! of a script, never prove that there is no more, and says what it could not follow.

mod words;

use crate::layout::Layout;
use crate::limits::{CHECKOUT_FILES_MAX, CLOSURE_FILES_MAX, CLOSURE_FOLDERS_MAX, CLOSURE_LOOKS_MAX, LIST_MAX, SCRIPT_BYTES_MAX};
use crate::name::RelPath;
use crate::place::{fold, listed};
use crate::plan::Edit;
use crate::step::Argv;
use crate::text::one_line;
use crate::tree::{Tree, TreeError, after};
use std::collections::{BTreeMap, BTreeSet};
use words::Words;

/// Ends of names of files that are run or sourced.
pub const RUNS: &str = "*.sh *.bash *.zsh *.ksh *.dash *.fish *.py *.pl *.rb *.js *.mjs *.lua *.awk *.sed *.tcl *.php *.ps1";

/// A script and its bytes.
pub type Used = (RelPath, Vec<u8>);

/// What the files of a tree add to a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure {
    /// The side file of its script, as it stands after the edits.
    pub side: Option<Vec<u8>>,
    /// The scripts that its script names, over any number of others, as they stand after the edits.
    pub used: Vec<Used>,
    /// What a script sources and nobody can find, a sentence each.
    pub unfound: Vec<String>,
    /// Why it cannot be told what the script uses; then `used` is not all that was found.
    pub over: Option<String>,
    /// The command's words that lead through links of the tree, and where they end.
    pub links: Vec<(String, RelPath)>,
}

/// A search for the scripts that a script names.
struct Search<'a> {
    tree: &'a dyn Tree,
    edits: &'a [Edit],
    layout: &'a Layout,
    /// The paths to look for, and whether a command runs what stands there.
    wanted: BTreeMap<String, bool>,
    folders: BTreeSet<String>,
    /// Paths of folders that a script enters.
    entered: BTreeSet<String>,
    sourced: Vec<(RelPath, usize, String, Option<String>)>,
    seen: BTreeSet<RelPath>,
    looks: usize,
    found: Closure,
}

/// Returns what the files of `tree` add to a command after `edits`.
///
/// # Errors
/// The repository cannot be read.
pub fn closure(tree: &dyn Tree, edits: &[Edit], argv: &Argv) -> Result<Closure, TreeError> {
    let Some(layout) = Layout::of(tree, edits)? else {
        let over = Some(format!("the tree has more than {CHECKOUT_FILES_MAX} files"));
        return Ok(Closure { over, ..Closure::default() });
    };
    let mut found = Closure { links: links(&layout, argv), ..Closure::default() };
    let Some(path) = argv.script() else { return Ok(found) };
    let Some(bytes) = after(tree, edits, &path)? else { return Ok(found) };
    found.side = path.beside().map_or(Ok(None), |side| after(tree, edits, &side))?;
    let (wanted, folders, seen) = (BTreeMap::new(), BTreeSet::from([String::new()]), BTreeSet::from([path.clone()]));
    let mut search = Search { tree, edits, layout: &layout, wanted, folders, entered: BTreeSet::new(), sourced: Vec::new(), seen, looks: 0, found };
    search.read(&path, &bytes);
    search.spread()?;
    search.miss();
    Ok(search.found)
}

/// Returns the words of a command that lead through links, and where they end.
fn links(layout: &Layout, argv: &Argv) -> Vec<(String, RelPath)> {
    let end = |word: &str| {
        let plain = word.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
        let end = layout.lead("", word).filter(|end| *end != plain)?;
        Some((word.to_string(), RelPath::try_from(end).ok()?))
    };
    argv.args().filter(|word| !word.starts_with('/')).filter_map(end).collect()
}

impl Search<'_> {
    /// Takes a script's words.
    fn read(&mut self, path: &RelPath, bytes: &[u8]) {
        if bytes.len() > SCRIPT_BYTES_MAX {
            self.over(format!("{path} has {} bytes; at most {SCRIPT_BYTES_MAX} are judged", bytes.len()));
            return;
        }
        let words = Words::of(&String::from_utf8_lossy(bytes));
        self.sourced.extend(words.sourced.into_iter().map(|(line, word, tail)| (path.clone(), line, word, tail)));
        let runs = words.run.into_iter().map(|tail| (tail, true));
        for (tail, runs) in words.named.into_iter().map(|tail| (tail, false)).chain(runs) {
            *self.wanted.entry(tail).or_default() |= runs;
        }
        let mut above = path.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            self.folders.insert(folder.into());
            above = folder;
        }
        self.entered.extend(words.entered);
    }

    /// Looks for every path from every folder, until nothing new is found.
    fn spread(&mut self) -> Result<(), TreeError> {
        let mut done = (0, 0, 0, 0);
        while self.found.over.is_none() && done != self.state() {
            done = self.state();
            let entered = self.folders.iter().flat_map(|folder| self.entered.iter().filter_map(|tail| self.layout.lead(folder, tail)));
            let entered: Vec<String> = entered.filter(|folder| self.layout.folder(folder)).take(CLOSURE_LOOKS_MAX).collect();
            self.folders.extend(entered);
            for (tail, runs) in self.wanted.clone() {
                for folder in self.folders.clone() {
                    for end in self.ends(&folder, &tail) {
                        self.take(&end, runs)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Grows whenever there is more to look for.
    fn state(&self) -> (usize, usize, usize, usize) {
        (self.wanted.len(), self.wanted.values().filter(|runs| **runs).count(), self.folders.len(), self.entered.len())
    }

    /// Returns the files that `tail` may mean from `folder`.
    fn ends(&mut self, folder: &str, tail: &str) -> Vec<String> {
        self.looks += 1;
        if self.looks > CLOSURE_LOOKS_MAX || self.folders.len() > CLOSURE_FOLDERS_MAX {
            self.over("it names too many paths and folders to try them all".into());
            return Vec::new();
        }
        match tail.rsplit_once('/') {
            Some((above, pattern)) if pattern.contains('*') && !pattern.trim_matches('*').is_empty() => {
                self.layout.lead(folder, above).map(|folder| self.layout.like(&folder, pattern)).unwrap_or_default()
            }
            Some(_) | None => self.layout.lead(folder, tail).filter(|end| self.layout.file(end)).into_iter().collect(),
        }
    }

    /// Takes the file at `path`, if it is a script or a command runs it.
    fn take(&mut self, path: &str, runs: bool) -> Result<(), TreeError> {
        let Ok(path) = RelPath::try_from(path) else { return Ok(()) };
        if self.found.over.is_some() || self.seen.contains(&path) {
            return Ok(());
        }
        let runs = runs || listed(RUNS, &fold(path.file_name())) || !path.file_name().contains('.');
        let bytes = match after(self.tree, self.edits, &path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(()),
            Err(TreeError::Large(path, bytes)) => {
                if runs {
                    self.over(format!("{path} has {bytes} bytes; at most {SCRIPT_BYTES_MAX} are judged"));
                }
                return Ok(());
            }
            Err(error @ TreeError::Read(..)) => return Err(error),
        };
        if !runs && !bytes.starts_with(b"#!") {
            return Ok(());
        }
        if self.found.used.len() >= CLOSURE_FILES_MAX {
            self.over(format!("it names more than {CLOSURE_FILES_MAX} scripts, over any number of others"));
            return Ok(());
        }
        self.seen.insert(path.clone());
        self.read(&path, &bytes);
        self.found.used.push((path, bytes));
        Ok(())
    }

    /// Says what is sourced and was not found.
    fn miss(&mut self) {
        let mut lines = BTreeSet::new();
        for (path, line, word, tail) in std::mem::take(&mut self.sourced) {
            let folders = self.folders.clone();
            if !tail.is_some_and(|tail| folders.iter().any(|folder| !self.ends(folder, &tail).is_empty())) {
                lines.insert((path, line, one_line(&word, 80)));
            }
        }
        let sentence =
            |(path, line, word): (RelPath, usize, String)| format!("{path}:{line} sources {word}, which cannot be found in the repository");
        let more = lines.len().saturating_sub(LIST_MAX);
        self.found.unfound = lines.into_iter().take(LIST_MAX).map(sentence).collect();
        if more > 0 {
            self.found.unfound.push(format!("and {more} more that cannot be found"));
        }
    }

    fn over(&mut self, why: String) {
        self.found.over.get_or_insert(why);
    }
}

#[cfg(test)]
mod tests;

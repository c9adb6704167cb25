//! Plaintext secrets in a file: what its structure says, what is a token by its shape, and what only a name gives away.

mod blob;
mod command;
mod file;
mod key;
mod line;
mod manifest;
mod pair;
mod place;
mod sops;
mod tree;
mod value;
mod view;

use crate::edit::Finding;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::gate::EditVerdict;
use studio_core::limits::LIST_MAX;
use studio_core::redact::{Bare, REDACTED};
use studio_core::token;

/// A secret that stands in a file. It never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretFinding {
    /// The line, from 1.
    pub line: u32,
    /// The rule that found it.
    pub rule: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What would make it pass.
    pub mend: &'static str,
}

/// Returns the plaintext secrets of a file, at most [`LIST_MAX`], in order and one a line.
pub fn secrets(name: &str, text: &str) -> Vec<SecretFinding> {
    all(name, text).into_values().take(LIST_MAX).collect()
}

/// Returns what blocks a file that is written: plaintext secrets in lines that were not there before, and what the
/// Studio took out of the answer of a model, of which nobody knows what would stand there.
pub(crate) fn plaintext(name: &str, before: Option<&str>, text: &str) -> Vec<Finding> {
    let (old, lines): (BTreeSet<&str>, Vec<&str>) = (before.unwrap_or_default().lines().collect(), text.lines().collect());
    let fresh = |line: u32| lines.get((line as usize).saturating_sub(1)).is_none_or(|line| !old.contains(line));
    let block = |line: usize, rule, what: &str| Finding::of(EditVerdict::Block, rule, name, line, what.into());
    let found = all(name, text).into_values().filter(|found| fresh(found.line)).take(LIST_MAX);
    let mut all: Vec<Finding> = found.map(|found| block(found.line as usize, found.rule, found.what).mend(found.mend)).collect();
    let taken = text.lines().position(|line| line.contains(REDACTED) && !old.contains(line)).filter(|_| !name.to_ascii_lowercase().ends_with(".md"));
    all.extend(taken.map(|at| block(at + 1, "secret-taken-out", "a secret was written here and was taken out").mend(ENCRYPT)));
    all
}

/// Texts inside texts: a file in a manifest, base64 in that file, and once more.
const DEPTH_MAX: u32 = 3;
/// What to do about a secret of a cluster.
const ENCRYPT: &str = "encrypt it with SOPS, or use a SealedSecret or an ExternalSecret; if it was ever pushed, change it first";
/// What to do about any other.
const KEEP_OUT: &str = "keep it outside the repository and refer to it, or encrypt the file with SOPS; if it was ever pushed, change it first";

/// What was found so far.
struct Found {
    /// By line; what comes first counts.
    lines: BTreeMap<u32, SecretFinding>,
    /// The line in the file of the first line that is looked at.
    from: u32,
    /// Whether all that is looked at stands in that one line.
    still: bool,
}

impl Found {
    fn add(&mut self, line: u32, rule: &'static str, what: &'static str, mend: &'static str) {
        let line = if self.still { self.from } else { self.from.saturating_add(line).saturating_sub(1) };
        self.lines.entry(line).or_insert(SecretFinding { line, rule, what, mend });
    }

    /// Looks at a text that begins at `line`, or that all stands there.
    fn within(&mut self, line: u32, still: bool, look: impl FnOnce(&mut Found)) {
        let outer = (self.from, self.still);
        self.from = if self.still { self.from } else { self.from.saturating_add(line).saturating_sub(1) };
        self.still |= still;
        look(self);
        (self.from, self.still) = outer;
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// Returns the line of a byte, from 1.
    fn at(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= byte)).unwrap_or(u32::MAX)
    }
}

/// Returns everything that is found in a file, by line.
fn all(name: &str, text: &str) -> BTreeMap<u32, SecretFinding> {
    let mut found = Found { lines: BTreeMap::new(), from: 1, still: false };
    look(name, text, 0, &mut found);
    found.lines
}

/// Looks at a text in every way: as it stands, and as what it spells.
fn look(name: &str, text: &str, depth: u32, found: &mut Found) {
    let text = plain(text);
    let (kind, lines) = (file::Kind::of(name, &text), Lines::of(&text));
    let documents = if kind.structured() { tree::documents(&text) } else { Vec::new() };
    for document in &documents {
        manifest::look(name, document, depth, found);
    }
    for token in token::tokens(&text) {
        found.add(lines.at(token.bytes.start), "token", token.what, KEEP_OUT);
    }
    file::look(name, &text, found);
    if !kind.listed() {
        line::look(&text, kind, &tree::unread(&text, &documents), found);
    }
    if kind == file::Kind::Prose {
        line::tables(&text, found);
    }
    view::look(&text, &lines, kind, found);
    if depth < DEPTH_MAX && !kind.listed() {
        blob::look(&text, &lines, depth, found);
    }
}

/// Returns what a reader sees of a text.
fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().any(studio_core::text::hostile) { Cow::Owned(Bare::of(text).text().to_string()) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests;

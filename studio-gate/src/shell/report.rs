//! What was found in a script: the most that it could do, and why.

use serde::Serialize;
use std::collections::BTreeSet;
use studio_core::gate::Class;
use studio_core::limits::{LIST_MAX, PROGRAMS_MAX};
use studio_core::text::one_line;

/// What was found in a script and in everything that it uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The most that it could do.
    pub class: Class,
    /// Whether some part is known to destroy, whatever else could not be understood.
    pub destroys: bool,
    /// Why, the strictest first; not everything, if there is much.
    pub notes: Vec<Note>,
    /// Places because of which it cannot fail, though something in it did.
    pub masks: Vec<Note>,
    /// The programs that it names, whatever the target; at most [`PROGRAMS_MAX`].
    #[serde(skip)]
    pub programs: BTreeSet<String>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What it makes of the script.
    pub class: Class,
    /// The rule that found it.
    pub rule: String,
    /// Why, for a human.
    pub why: String,
    /// What would be better.
    pub better: Option<String>,
}

impl Report {
    /// Nothing was found yet.
    pub(super) fn new() -> Self {
        Report { class: Class::Observe, destroys: false, notes: Vec::new(), masks: Vec::new(), programs: BTreeSet::new() }
    }

    /// Takes a finding in.
    pub(super) fn add(&mut self, note: Note) {
        self.destroys |= note.class == Class::Destroy;
        self.class = self.class.max(note.class);
        if note.class > Class::Observe {
            let at = self.notes.partition_point(|other| other.class >= note.class);
            self.notes.insert(at, note);
            self.notes.truncate(LIST_MAX);
        }
    }

    /// Takes in the name of a program; false if there are too many.
    pub(super) fn name(&mut self, program: &str) -> bool {
        let room = self.programs.len() < PROGRAMS_MAX || self.programs.contains(program);
        if room {
            self.programs.insert(program.to_string());
        }
        room
    }

    /// Takes a place in because of which the script cannot fail.
    pub(super) fn mask(&mut self, note: Note) {
        if self.masks.len() < LIST_MAX {
            self.masks.push(note);
        }
    }

    /// Returns the note that says most: why it is what it is.
    pub fn first(&self) -> Option<&Note> {
        self.notes.iter().find(|note| !self.destroys || note.class == Class::Destroy)
    }

    /// Returns the sentence that says most.
    pub fn why(&self) -> Option<String> {
        let first = self.first()?;
        Some(format!("{}:{} {}", first.path, first.line, one_line(&first.why, 300)))
    }
}

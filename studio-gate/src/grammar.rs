//! The grammars: for each program, the forms of it that are known, and what each of them could do.
//!
//! They are data, one file a program in `grammars/`; its README says how to write one. A form that no
//! row lists is opaque, so a forgotten option is never harmless.

mod files;
mod form;
mod kind;
mod machine;
mod option;
mod row;
mod sheet;
mod shelf;
mod snippet;
mod spot;

pub(crate) use form::Reading;
pub(crate) use row::{Fit, Row};
pub(crate) use shelf::{digest, find};

use option::{Joined, Spec};
use studio_core::gate::Class;

/// One program, or a family of programs that share their forms.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// Its file, without the ending.
    pub file: &'static str,
    /// Programs it is about; `*` is anything.
    pub programs: Vec<String>,
    /// What every command of the program is that no row lists: the program is never started by name otherwise.
    pub whole: Option<Whole>,
    /// Options that choose the target.
    pub target: Target,
    /// Options before the verb.
    before: Vec<Spec>,
    /// How it reads short options that stand in one word.
    joined: Joined,
    /// Why a verb that is not listed is refused: the program looks for another program of that name.
    pub plugins: Option<String>,
    /// Its forms, in the order in which they are tried.
    pub rows: Vec<Row>,
}

/// What every other command of a program is.
#[derive(Debug)]
pub(crate) struct Whole {
    /// How much it could do: opaque or forbidden.
    pub class: Class,
    /// Why, for a human.
    pub why: String,
    /// What would be better.
    pub better: String,
}

/// The options of a program that choose what it works on. Names may hold a `*`.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// Their value must be the step's target.
    #[serde(default)]
    pub bind: Vec<String>,
    /// They choose a target or a credential behind the target's back.
    #[serde(default)]
    pub never: Vec<String>,
}

impl Grammar {
    /// Returns the verbs that it lists, for whoever wrote another one.
    pub(crate) fn verbs(&self) -> String {
        let mut verbs: Vec<&str> = self.rows.iter().flat_map(|row| &row.paths).filter_map(|path| path.first()).map(String::as_str).collect();
        verbs.dedup();
        let mut seen = std::collections::BTreeSet::new();
        verbs.retain(|verb| seen.insert(*verb));
        verbs.join(" ")
    }
}

#[cfg(test)]
mod tests;

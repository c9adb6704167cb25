//! What a crew agrees to do: a plan with criteria, then a change with edits and a runbook.
//!
//! Every list is bounded and every name unique, or the value is not accepted: from JSON when it is
//! read, from a persona by its `check`.

use crate::limits::{CRITERIA_MAX, EDIT_BYTES_MAX, EDITS_MAX, EXPECTATIONS_MAX, LIST_MAX, STEPS_MAX};
use crate::name::{Label, RelPath};
use crate::place::secret;
use crate::step::{Pattern, Step};
use crate::text::Prose;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;

/// What will be reached, within which limits, and how a machine will know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "LoosePlan")]
pub struct Plan {
    /// The state the world should be in.
    pub goal: Prose,
    /// What must not happen; a plan only narrows what is allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Prose>,
    /// When it is done. At least one.
    pub criteria: Vec<Criterion>,
}

/// One condition of being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Its name, unique in its plan.
    pub name: Label,
    /// The condition, in words.
    pub text: Prose,
    /// The check a machine makes; without one only a human can say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// A check that a machine makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// A step of the runbook ended as it should.
    Step {
        /// The step's name.
        step: Label,
    },
    /// A read made after the runbook shows it, independent of the step that did it.
    ReadBack {
        /// The read; it must be of class observe.
        read: Box<Step>,
    },
    /// A file of the changed tree is there, and matches.
    File {
        /// The file.
        path: RelPath,
        /// A pattern its text matches.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        matches: Option<Pattern>,
    },
}

/// What the Engineer hands over: edits for a branch, commands for the Executor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "LooseChange")]
pub struct Change {
    /// What it does, in the Engineer's words.
    pub summary: Prose,
    /// The edits, in order.
    pub edits: Vec<Edit>,
    /// The commands, first to last; one that does not end as expected stops the round.
    pub runbook: Vec<Step>,
}

/// One edit of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// The file gets this text, whether it was there or not.
    Write {
        /// The file.
        #[serde(deserialize_with = "plainly")]
        path: RelPath,
        /// Its new text.
        text: String,
    },
    /// The file goes away.
    Remove {
        /// The file.
        #[serde(deserialize_with = "plainly")]
        path: RelPath,
    },
    /// The file gets another name.
    Rename {
        /// The file.
        #[serde(deserialize_with = "plainly")]
        path: RelPath,
        /// Its new name.
        #[serde(deserialize_with = "plainly")]
        to: RelPath,
    },
}

/// A path as whoever proposes an edit may write it.
fn plainly<'de, D: Deserializer<'de>>(text: D) -> Result<RelPath, D::Error> {
    RelPath::plainly(&String::deserialize(text)?).map_err(D::Error::custom)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoosePlan {
    goal: Prose,
    #[serde(default)]
    constraints: Vec<Prose>,
    criteria: Vec<Criterion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LooseChange {
    summary: Prose,
    #[serde(default)]
    edits: Vec<Edit>,
    #[serde(default)]
    runbook: Vec<Step>,
}

impl Plan {
    /// Says whether the plan is within its limits; reading one checks it.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn check(&self) -> Result<(), BadPlan> {
        if self.criteria.is_empty() {
            return Err(BadPlan::NoCriteria);
        }
        bounded("criteria", self.criteria.len(), CRITERIA_MAX)?;
        bounded("constraints", self.constraints.len(), LIST_MAX)?;
        for criterion in &self.criteria {
            match &criterion.check {
                Some(Check::ReadBack { read }) => expected(read)?,
                // Whether a pattern matches tells what stands there, a little at a time.
                Some(Check::File { path, matches: Some(_) }) if secret(path.as_str()) => return Err(BadPlan::Secret(path.clone())),
                Some(Check::File { .. } | Check::Step { .. }) | None => {}
            }
        }
        unique("criterion", self.criteria.iter().map(|criterion| &criterion.name))
    }
}

impl Change {
    /// Says whether the change is within its limits; reading one checks it.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn check(&self) -> Result<(), BadPlan> {
        bounded("edits", self.edits.len(), EDITS_MAX)?;
        bounded("steps", self.runbook.len(), STEPS_MAX)?;
        unique("step", self.runbook.iter().map(|step| &step.name))?;
        self.runbook.iter().try_for_each(expected)?;
        let long = |edit: &Edit| match edit {
            Edit::Write { path, text } if text.len() > EDIT_BYTES_MAX => Err(BadPlan::Long(path.clone(), text.len())),
            Edit::Write { path, text } if text.contains('\0') => Err(BadPlan::Binary(path.clone())),
            Edit::Write { .. } | Edit::Remove { .. } | Edit::Rename { .. } => Ok(()),
        };
        self.edits.iter().try_for_each(long)
    }
}

impl Edit {
    /// Returns the paths the edit touches, both sides of a rename.
    pub fn paths(&self) -> impl Iterator<Item = &RelPath> {
        let (path, to) = match self {
            Edit::Write { path, .. } | Edit::Remove { path } => (path, None),
            Edit::Rename { path, to } => (path, Some(to)),
        };
        std::iter::once(path).chain(to)
    }
}

impl TryFrom<LoosePlan> for Plan {
    type Error = BadPlan;

    fn try_from(LoosePlan { goal, constraints, criteria }: LoosePlan) -> Result<Self, BadPlan> {
        let plan = Plan { goal, constraints, criteria };
        plan.check()?;
        Ok(plan)
    }
}

impl TryFrom<LooseChange> for Change {
    type Error = BadPlan;

    fn try_from(LooseChange { summary, edits, runbook }: LooseChange) -> Result<Self, BadPlan> {
        let change = Change { summary, edits, runbook };
        change.check()?;
        Ok(change)
    }
}

fn expected(step: &Step) -> Result<(), BadPlan> {
    let expect = &step.expect;
    bounded("expectations of a step", expect.stdout_matches.len() + expect.stdout_lacks.len() + expect.json.len(), EXPECTATIONS_MAX)
}

fn bounded(what: &'static str, count: usize, most: usize) -> Result<(), BadPlan> {
    if count > most { Err(BadPlan::Many { what, count, most }) } else { Ok(()) }
}

fn unique<'a>(what: &'static str, names: impl Iterator<Item = &'a Label>) -> Result<(), BadPlan> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.as_str().to_ascii_lowercase()) {
            return Err(BadPlan::Twice { what, name: name.clone() });
        }
    }
    Ok(())
}

/// A plan or change that cannot be accepted as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPlan {
    /// Nothing would show that it is done.
    #[error("a plan needs at least one criterion")]
    NoCriteria,
    /// Over a limit.
    #[error("there are {count} {what}; at most {most} are accepted")]
    Many {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        most: usize,
    },
    /// A name stands twice.
    #[error("two entries have the {what} name {name}")]
    Twice {
        /// Of what.
        what: &'static str,
        /// The name.
        name: Label,
    },
    /// A pattern for a secret.
    #[error("{0} lies in a secret place, so no pattern is matched with it; check that the file is there, or check something else")]
    Secret(RelPath),
    /// A file over the limit.
    #[error("the text for {0} has {1} bytes; at most {EDIT_BYTES_MAX} are accepted")]
    Long(RelPath, usize),
    /// A file that is no text.
    #[error("the text for {0} holds a NUL byte")]
    Binary(RelPath),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pattern_asks_what_a_secret_is() {
        let plan = |check: &str| {
            let text = format!(r#"{{ "goal": "g", "criteria": [{{ "name": "c", "text": "t", "check": {{ "kind": "file", {check} }} }}] }}"#);
            serde_json::from_str::<Plan>(&text).map_err(|error| error.to_string())
        };
        for path in ["talos/id_ed25519", "Config/Env/prod.env", ".talos/main/talosconfig", "a/.env"] {
            let why = plan(&format!(r#""path": "{path}", "matches": "^a""#)).unwrap_err();
            assert!(why.contains(path) && why.contains("secret place"), "{why}");
            assert!(plan(&format!(r#""path": "{path}""#)).is_ok());
        }
        assert!(plan(r#""path": "docs/a.md", "matches": "^a""#).is_ok());
    }
}

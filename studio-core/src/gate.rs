//! Judging: what the rules say about a step or an edit. Pure; the same case gets the same judgement.

use crate::closure::{Closure, closure};
use crate::event::Mode;
use crate::name::{CommitId, Digest, Target};
use crate::plan::Edit;
use crate::program::Program;
use crate::step::{Argv, Probe, Step};
use crate::ticket::Stage;
use crate::tree::{Tree, TreeError, after};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The rules. They see the case and nothing else: no clock, no disk, no network.
pub trait Gate: Send + Sync {
    /// Judges a step.
    fn judge(&self, case: &Case<'_>) -> Judgement;

    /// Returns the names of the programs that a step may start, before anybody knows which files they are. Whoever
    /// judges looks them up; what was found is [`Case::programs`].
    fn programs(&self, case: &Case<'_>) -> BTreeSet<String> {
        BTreeSet::from([case.step.argv.program().to_string()])
    }

    /// Judges an edit of a ticket in `stage`. `before` is what stands at its path.
    fn judge_edit(&self, edit: &Edit, before: Option<&[u8]>, stage: Stage) -> EditJudgement;

    /// Returns the digest of the rules, as the first event of a run records it.
    fn policy(&self) -> Digest;
}

/// Everything a judgement of a step depends on, besides the rules.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The step.
    pub step: &'a Step,
    /// Whether it would really happen.
    pub mode: Mode,
    /// The stage of its ticket.
    pub stage: Stage,
    /// The cluster its ticket names.
    pub cluster: Option<&'a Target>,
    /// The commit the run works on.
    pub base: Option<&'a CommitId>,
    /// The edits of its change: a script may use any file of the tree they leave.
    pub edits: &'a [Edit],
    /// The bytes of the script it runs, as they stand in the changed tree.
    pub script: Option<&'a [u8]>,
    /// What the files of the changed tree add to it: see [`crate::closure`].
    pub closure: &'a Closure,
    /// The files of its programs, as far as its host starts any and they are there.
    pub programs: &'a [Program],
}

/// What the files of a tree make of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The bytes of the script it runs.
    pub script: Option<Vec<u8>>,
    /// What else they add.
    pub closure: Closure,
}

impl Files {
    /// Reads what `argv` uses of `tree` after `edits`.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn of(tree: &dyn Tree, edits: &[Edit], argv: &Argv) -> Result<Files, TreeError> {
        let script = argv.script().map_or(Ok(None), |path| after(tree, edits, &path))?;
        Ok(Files { script, closure: closure(tree, edits, argv)? })
    }
}

/// What may happen to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It runs unasked.
    Auto,
    /// A human must agree.
    Ask,
    /// It may only be done inside a named, approved script.
    ScriptOnly,
    /// Never.
    Refuse,
}

/// How much a step could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It looks.
    Observe,
    /// It writes in its own folder.
    LocalWrite,
    /// It changes a host or a cluster.
    Mutate,
    /// It takes away what cannot be had back.
    Destroy,
    /// Nobody understood it.
    Opaque,
    /// It is never allowed.
    Forbidden,
}

/// What a second run would mean, and so what an unknown outcome may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It changes nothing: again is harmless.
    Read,
    /// Again leads to the same state.
    Idempotent,
    /// The policy knows a probe that tells.
    Probed,
    /// Once.
    OneShot,
}

/// What the rules say about a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// What may happen to it.
    pub verdict: Verdict,
    /// How much it could do.
    pub class: Class,
    /// What a second run would mean.
    pub effect: Effect,
    /// Which rule decided.
    pub rule: String,
    /// Why, for a human.
    pub why: String,
    /// What would be better, for whoever proposed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<String>,
    /// The policy's own probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// The digest of everything that decides the effect: what an approval is bound to.
    pub digest: Digest,
    /// The SHA-256 of the script it runs, as `sha256sum` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Digest>,
    /// The files of its programs, as they were found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Program>,
}

/// What may happen to an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EditVerdict {
    /// Harmless even when merged.
    Pass,
    /// Committed unasked; the merge asks.
    Gate,
    /// The edit itself waits for a human.
    Ask,
    /// Never.
    Block,
}

/// What the rules say about an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditJudgement {
    /// What may happen to it.
    pub verdict: EditVerdict,
    /// Which rule decided.
    pub rule: String,
    /// Why, and what would make it pass.
    pub why: String,
}

/// The closed default: with no rules, nothing runs and nothing is edited.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClosedGate;

impl Gate for ClosedGate {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        Judgement {
            verdict: Verdict::Refuse,
            class: Class::Forbidden,
            effect: Effect::OneShot,
            rule: "closed".into(),
            why: "no rules are loaded, so nothing may run".into(),
            better: None,
            probe: None,
            digest: Digest::blake3(case.step.argv.to_string().as_bytes()),
            script: None,
            programs: case.programs.to_vec(),
        }
    }

    fn judge_edit(&self, _: &Edit, _: Option<&[u8]>, _: Stage) -> EditJudgement {
        EditJudgement { verdict: EditVerdict::Block, rule: "closed".into(), why: "no rules are loaded, so nothing may be edited".into() }
    }

    fn policy(&self) -> Digest {
        Digest::zero()
    }
}

/// Judges the edits of a change one by one, over the files that those before it leave.
///
/// # Errors
/// The repository cannot be read.
pub fn judge_edits(gate: &dyn Gate, tree: &dyn Tree, edits: &[Edit], stage: Stage) -> Result<Vec<EditJudgement>, TreeError> {
    let judge = |(at, edit): (usize, &Edit)| {
        let (Edit::Rename { path, .. } | Edit::Write { path, .. } | Edit::Remove { path }) = edit;
        let before = after(tree, edits.get(..at).unwrap_or_default(), path)?;
        Ok(gate.judge_edit(edit, before.as_deref(), stage))
    };
    edits.iter().enumerate().map(judge).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Auto => "auto",
            Verdict::Ask => "ask",
            Verdict::ScriptOnly => "script-only",
            Verdict::Refuse => "refuse",
        })
    }
}

impl Effect {
    /// Says it in words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Effect::Read => "it may be read again at any time",
            Effect::Idempotent => "again leads to the same state",
            Effect::Probed => "a read tells whether it happened",
            Effect::OneShot => "it happens once; whether it did, a human says",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Observe => "observe",
            Class::LocalWrite => "local-write",
            Class::Mutate => "mutate",
            Class::Destroy => "destroy",
            Class::Opaque => "opaque",
            Class::Forbidden => "forbidden",
        })
    }
}

impl fmt::Display for EditVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EditVerdict::Pass => "pass",
            EditVerdict::Gate => "gate",
            EditVerdict::Ask => "ask",
            EditVerdict::Block => "block",
        })
    }
}

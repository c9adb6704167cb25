//! Whether a warrant holds: everything it says is found out again, here.

use super::Place;
use super::cluster::ClusterError;
use super::folder::FolderError;
use super::program::ProgramError;
use super::same;
use super::side::{Side, SideError};
use super::values::ValueError;
use crate::claim::ClaimError;
use crate::git::GitError;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use studio_core::approval::{NotApproved, Word};
use studio_core::event::{Basis, Mode};
use studio_core::gate::{Case, Class, Files, Judgement, Verdict};
use studio_core::name::{CommitId, Digest, RelPath, RunId, StoreId, Target};
use studio_core::program::changed;
use studio_core::step::Op;
use studio_core::tree::{Tree, TreeError, after};
use studio_core::warrant::Warrant;
use studio_gate::{NotRegistered, registered};

/// A warrant that holds, and what was found out on the way.
pub(super) struct Judged {
    /// What the rules say.
    pub(super) judgement: Judgement,
    /// The names of the programs that it may start.
    pub(super) names: BTreeSet<String>,
    /// The script it runs, if it runs one.
    pub(super) script: Option<Script>,
    /// What the script's side file says.
    pub(super) side: Side,
    /// The commit with the judged files.
    pub(super) commit: CommitId,
}

/// A script, as it was judged.
pub(super) struct Script {
    /// Where it stands.
    pub(super) path: RelPath,
    /// What stands there.
    pub(super) bytes: Vec<u8>,
}

/// Judges the step again, and says whether the warrant holds.
///
/// # Errors
/// It does not; nothing was touched.
pub(super) fn verify(site: &Place, warrant: &Warrant) -> Result<Judged, Refusal> {
    let judged = judge(site, warrant)?;
    let (now, bad) = site.programs().all(&judged.names, &site.sums);
    if let Some(bad) = bad.into_iter().next() {
        return Err(bad.into());
    }
    if let Some(why) = changed(&warrant.programs, &now) {
        return Err(Refusal::OtherProgram(why));
    }
    word(site, warrant, &judged.judgement)?;
    Ok(judged)
}

/// Judges the step again, with the programs that it was judged with, and says whether it is what was judged before.
///
/// # Errors
/// It is not.
pub(super) fn judge(site: &Place, warrant: &Warrant) -> Result<Judged, Refusal> {
    let policy = site.gate.policy();
    if policy != warrant.policy {
        return Err(Refusal::Policy(warrant.policy.clone(), policy));
    }
    let base = warrant.base.as_ref().ok_or(Refusal::NoBase)?;
    let tree = tree(site, base)?;
    let read = |path: &RelPath| after(&tree, &warrant.edits, path);
    let path = warrant.step.argv.script();
    let files = Files::of(&tree, &warrant.edits, &warrant.step.argv)?;
    let case = Case {
        step: &warrant.step,
        mode: Mode::Live,
        stage: warrant.stage,
        cluster: warrant.cluster.as_ref(),
        base: Some(base),
        edits: &warrant.edits,
        script: files.script.as_deref(),
        closure: &files.closure,
        programs: &warrant.programs,
    };
    let judgement = site.gate.judge(&case);
    if judgement.digest != warrant.effect {
        return Err(Refusal::Effect);
    }
    if path.is_some() && judgement.class >= Class::Destroy && judgement.verdict == Verdict::Ask {
        // The rules know what was registered when they were read, and whose arguments are whose; this is about now.
        let now = (site.registrations)().map_err(Refusal::Registrations)?;
        registered(&case, &now, &|_| true)?;
    }
    let names = site.gate.programs(&case);
    let script = path.zip(files.script).map(|(path, bytes)| Script { path, bytes });
    let side = match &script {
        Some(script) => side(&script.path, &warrant.step.target, read)?,
        None => Side::default(),
    };
    let commit = match (&warrant.commit, warrant.edits.is_empty()) {
        (_, true) => base.clone(),
        (Some(commit), false) => same_files(site, &tree, warrant, commit)?,
        (None, false) => return Err(Refusal::NoCommit),
    };
    Ok(Judged { judgement, names, script, side, commit })
}

/// Says whether the one whose word it is granted on says so now.
pub(super) fn word(site: &Place, warrant: &Warrant, judgement: &Judgement) -> Result<(), Refusal> {
    let asks = match judgement.verdict {
        Verdict::Auto => false,
        Verdict::Ask => true,
        Verdict::ScriptOnly | Verdict::Refuse => return Err(Refusal::Verdict(judgement.verdict, judgement.why.clone())),
    };
    let by = match &warrant.basis {
        Basis::Auto if asks => return Err(Refusal::Unasked(judgement.why.clone())),
        Basis::Auto => return Ok(()),
        Basis::Assumed => return Err(Refusal::Assumed),
        Basis::Approved(by) => by,
    };
    let unsigned = |why: &str| Refusal::Word(NotApproved(why.into()));
    let signed = warrant.approval.as_deref().ok_or_else(|| unsigned("nobody's word came with it"))?;
    let approvers = (site.approvers)().map_err(Refusal::Approvers)?;
    let statement = signed.clone().believe_now(approvers.as_ref(), site.clock.now())?;
    let about = statement.word == Word::Approve && statement.op == warrant.op && statement.effect == warrant.effect && statement.by == *by;
    if about { Ok(()) } else { Err(unsigned("what was signed is about something else, or by somebody else")) }
}

/// Returns the files at a commit.
fn tree(site: &Place, commit: &CommitId) -> Result<impl Tree + use<>, Refusal> {
    let tree = site.repo.base(Some(commit.as_str()))?;
    if tree.commit().as_ref() == Some(commit) { Ok(tree) } else { Err(Refusal::OtherCommit(commit.clone())) }
}

/// Says whether `commit` holds the files that were judged.
fn same_files(site: &Place, base: &impl Tree, warrant: &Warrant, commit: &CommitId) -> Result<CommitId, Refusal> {
    let committed = tree(site, commit)?;
    for path in warrant.edits.iter().flat_map(|edit| edit.paths()) {
        if committed.read(path)? != after(base, &warrant.edits, path)? {
            return Err(Refusal::OtherFile(path.clone(), commit.clone()));
        }
    }
    match same::other_file(&site.repo, base.commit().as_ref().unwrap_or(commit), commit, &warrant.edits).map_err(Refusal::Compare)? {
        Some(path) => Err(Refusal::OtherName(path, commit.clone())),
        None => Ok(commit.clone()),
    }
}

/// Reads the side file of a script, and says whether the script may run on `target`.
pub(super) fn side(script: &RelPath, target: &Target, read: impl Fn(&RelPath) -> Result<Option<Vec<u8>>, TreeError>) -> Result<Side, Refusal> {
    let Some(path) = script.beside() else { return Ok(Side::default()) };
    let Some(bytes) = read(&path)? else { return Ok(Side::default()) };
    let side = Side::parse(&path, &bytes)?;
    side.allows(script, target)?;
    Ok(side)
}

/// Why a step is not started. Nothing ran.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Other rules.
    #[error("it was judged by the rules {0}, and the Executor has {1}: begin a new run")]
    Policy(Digest, Digest),
    /// Another effect.
    #[error("the step, its script or its files are not what was judged: begin a new run")]
    Effect,
    /// No files.
    #[error("the run has no commit to work on: commit something first, then begin a new run")]
    NoBase,
    /// No such commit.
    #[error("{0} is no commit of this repository")]
    OtherCommit(CommitId),
    /// Edits that nobody committed.
    #[error("its edits are not committed, so there are no files to run it in")]
    NoCommit,
    /// A commit of something else.
    #[error("{0} is not in {1} what it was when it was judged: begin a new run")]
    OtherFile(RelPath, CommitId),
    /// A commit of something more.
    #[error("{0} differs in {1}, and no edit says so: begin a new run")]
    OtherName(String, CommitId),
    /// Commits that cannot be compared.
    #[error("the commit cannot be compared with its base: {0}")]
    Compare(String),
    /// The rules do not let it run.
    #[error("the rules say {0}: {1}")]
    Verdict(Verdict, String),
    /// A human was not asked.
    #[error("the rules ask a human, and nobody was asked: {0}")]
    Unasked(String),
    /// A rehearsal's word.
    #[error("nobody agreed to it: a rehearsal assumed that somebody would")]
    Assumed,
    /// A human's word that does not count.
    #[error(transparent)]
    Word(#[from] NotApproved),
    /// A script that nobody registered, or not any more.
    #[error(transparent)]
    Script(#[from] NotRegistered),
    /// What is registered.
    #[error("what is registered cannot be read: {0}")]
    Registrations(String),
    /// Nobody's word counts.
    #[error("the list of approvers cannot be read: {0}")]
    Approvers(String),
    /// A run that is not here.
    #[error("there is no run {0} here: {1} is missing")]
    NoRun(RunId, RelPath),
    /// Closed before.
    #[error("{0} was closed before it began: {1}")]
    Closed(Op, String),
    /// Given up.
    #[error("run {0} is cancelled")]
    Cancelled(RunId),
    /// Another store.
    #[error("it was granted for the store of claims {0}, and this Executor has {1}: resume the run")]
    OtherStore(String, StoreId),
    /// Its effect was had before.
    #[error("the same command has run for this ticket already, as {0}, or may have, and nobody was asked about that")]
    Before(Op),
    /// The record of what ran.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A name that makes no path.
    #[error("{0}")]
    Name(String),
    /// What the disk said.
    #[error("failed to {0} {1:?}: {2}")]
    Disk(&'static str, PathBuf, io::Error),
    /// A place that cannot be bound.
    #[error("{0} is in the commit, so nothing of the checkout can be put there: name another place in the script's side file")]
    Committed(RelPath),
    /// Its side file.
    #[error(transparent)]
    Side(#[from] SideError),
    /// Its cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Its values.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Other programs.
    #[error("{0}: begin a new run, which asks again where the rules ask")]
    OtherProgram(String),
    /// Its program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A place of the checkout.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The repository.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file of the repository.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

//! A first look at a repository: which folders belong to which stage, from the files at the base.
//!
//! Nothing is decided here. What [`look`] finds is a proposal for `ai/studio/policy.toml`, each line
//! with its reason; it counts once a human kept the file and trusted it.

mod folders;
mod policy;
mod settings;

pub use policy::{BRANCH, Policy, PolicyError, policy, read_policy};
pub(crate) use settings::{broken, fields};

use std::collections::BTreeMap;
use studio_core::limits::{CLUSTERS_MAX, FILES_MAX, POLICY_PATHS_MAX};
use studio_core::name::RelPath;
use studio_core::ticket::Stage;
use studio_core::tree::{Tree, TreeError};

/// What `studio init` would propose for a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// The files and folders each stage may write, sorted; every stage has an entry.
    pub stages: BTreeMap<Stage, Vec<Found>>,
    /// The clusters that the repository describes, at most [`CLUSTERS_MAX`].
    pub clusters: Vec<Cluster>,
    /// What no persona may edit, in any stage.
    pub protected: Vec<Found>,
    /// What a human should know before keeping the proposal.
    pub notes: Vec<String>,
}

/// A file or folder, and why it is proposed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The path; a folder stands for all that lies below it.
    pub path: RelPath,
    /// Why, for a human.
    pub why: String,
}

/// A cluster that the repository describes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cluster {
    /// Its name, as the path says it.
    pub name: String,
    /// The file or folder that describes it.
    pub path: RelPath,
}

/// What the base holds, and what is proposed so far.
struct Look<'t> {
    tree: &'t dyn Tree,
    files: Vec<RelPath>,
    proposal: Proposal,
}

/// Looks at the files of `tree`, mostly at their names, and proposes what each stage may write.
/// The same tree gets the same proposal.
///
/// # Errors
/// The repository cannot be read.
pub fn look(tree: &dyn Tree) -> Result<Proposal, TreeError> {
    let mut files = tree.list(FILES_MAX + 1)?;
    let mut proposal =
        Proposal { stages: [Stage::Infra, Stage::Studio, Stage::Tenants].map(|stage| (stage, Vec::new())).into(), ..Proposal::default() };
    if files.len() > FILES_MAX {
        files.truncate(FILES_MAX);
        let last = files.last().map(RelPath::as_str).unwrap_or_default();
        proposal.notes.push(format!("only the first {FILES_MAX} files were looked at, up to {last}; add the folders that come after it by hand"));
    }
    let mut look = Look { tree, files, proposal };
    folders::propose(&mut look);
    settings::propose(&mut look)?;
    let Look { mut proposal, .. } = look;
    for list in proposal.stages.values_mut().chain([&mut proposal.protected]) {
        list.sort();
        list.dedup_by(|later, first| later.path == first.path);
        list.truncate(POLICY_PATHS_MAX);
    }
    proposal.clusters.sort();
    proposal.clusters.dedup_by(|later, first| later.name == first.name);
    proposal.clusters.truncate(CLUSTERS_MAX);
    Ok(proposal)
}

impl Look<'_> {
    /// Says whether `path` is a file of the base or a folder with files in it.
    fn exists(&self, path: &RelPath) -> bool {
        let at = self.files.partition_point(|file| file < path);
        self.files.get(at) == Some(path) || self.files.iter().any(|file| file.starts_with(path))
    }

    /// Proposes `path` for `stage`.
    fn add(&mut self, stage: Stage, path: RelPath, why: String) {
        self.proposal.stages.entry(stage).or_default().push(Found { path, why });
    }
}

#[cfg(test)]
mod tests;

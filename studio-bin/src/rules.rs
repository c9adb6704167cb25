//! Which rules count for a repository: the built-in ones, with the folders of a trusted policy or of this repository's
//! shape, and the scripts that humans registered.

use crate::exit::{Exit, Failure};
use crate::registry::{self, Registry};
use crate::site::Site;
use crate::trust::{self, Trust};
use std::collections::BTreeMap;
use std::sync::Arc;
use studio_core::name::RelPath;
use studio_core::ticket::Stage;
use studio_core::tree::{Tree, TreeError};
use studio_files::inventory;
use studio_files::scout::{self, BRANCH, Policy};
use studio_gate::ShortGate;

/// Where a repository keeps its policy.
pub(crate) const POLICY: &str = "ai/studio/policy.toml";

/// The rules, and where they come from.
#[derive(Clone)]
pub(crate) struct Rules {
    /// The rules.
    pub(crate) gate: Arc<ShortGate>,
    /// What humans registered.
    pub(crate) registry: Registry,
    /// Where the stages' folders come from, in a sentence.
    pub(crate) from: String,
    /// How the Engineer's branch is called.
    pub(crate) branch: String,
}

/// Returns the rules for the files of `tree`.
///
/// # Errors
/// The repository or its policy cannot be read.
pub(crate) fn of(site: &Site, tree: &dyn Tree) -> Result<Rules, Failure> {
    let (gate, from, branch) = match policy(tree)? {
        Some(policy) if matches!(trust::of(site, tree)?, Trust::Given { .. }) => {
            let gate = ShortGate::with_policy(policy.stages, policy.protected);
            (gate, format!("{POLICY} at the base, which is trusted"), policy.branch)
        }
        Some(_) => (ShortGate::new(), format!("the built-in rules: {POLICY} is not trusted (see `studio trust`)"), BRANCH.into()),
        None => {
            let stages = shape(tree)?;
            let from = "the shape of the repository, as `studio init` proposes".into();
            (ShortGate::with_policy(stages, Vec::new()), from, BRANCH.into())
        }
    };
    let registry = registry::read(&site.operator, site.repo_id()?.as_deref())?;
    let nodes = inventory::nodes(tree).map_err(|error| Failure::new(Exit::Error, error))?;
    Ok(Rules { gate: Arc::new(gate.with_registrations(registry.all(), nodes)), registry, from, branch })
}

/// Returns the folders of each stage as the shape of the repository gives them.
///
/// # Errors
/// The repository cannot be read.
pub(crate) fn shape(tree: &dyn Tree) -> Result<BTreeMap<Stage, Vec<RelPath>>, Failure> {
    let found = scout::look(tree).map_err(|error: TreeError| Failure::new(Exit::Error, error))?.stages;
    Ok(found.into_iter().map(|(stage, found)| (stage, found.into_iter().map(|found| found.path).collect())).collect())
}

/// Says whether a policy stands in `tree`, broken or not.
///
/// # Errors
/// The repository cannot be read.
pub(crate) fn has_policy(tree: &dyn Tree) -> Result<bool, Failure> {
    let path = RelPath::try_from(POLICY).map_err(|error| Failure::new(Exit::Error, error))?;
    tree.read(&path).map(|found| found.is_some()).map_err(|error| Failure::new(Exit::Error, error))
}

/// Returns the policy that stands in `tree`, trusted or not.
///
/// # Errors
/// It is broken, with its line.
pub(crate) fn policy(tree: &dyn Tree) -> Result<Option<Policy>, Failure> {
    let path = RelPath::try_from(POLICY).map_err(|error| Failure::new(Exit::Error, error))?;
    let Some(bytes) = tree.read(&path).map_err(|error| Failure::new(Exit::Error, error))? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(Exit::BadInput, format!("{POLICY}:1: it is no UTF-8 text")))?;
    scout::read_policy(POLICY, &text).map(Some).map_err(|error| Failure::new(Exit::BadInput, error))
}

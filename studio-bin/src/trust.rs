//! What a repository would choose for its operator (rules, settings, prompts, personas), and whether they accepted it.

use crate::exit::{Exit, Failure};
use crate::rules;
use crate::site::Site;
use serde::{Deserialize, Serialize};
use studio_core::clock::stamp;
use studio_core::limits::CHOSEN_MAX;
use studio_core::name::{Approver, Digest, RelPath};
use studio_core::ticket::Stage;
use studio_core::tree::Tree;
use studio_gate::sha256;

/// What a repository may choose, once it is trusted.
const CHOSEN: [&str; 4] = ["ai/studio/policy.toml", "ai/studio/studio.toml", "ai/studio/prompts", "ai/studio/personas"];

/// The operator's file of one repository that says what is trusted: a signed line each time.
const FILE: &str = "trust";

/// What a repository would choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The files, with the SHA-256 of each.
    pub(crate) files: Vec<(RelPath, Digest)>,
    /// The folders of each stage, where no policy names them: they follow the shape of the repository, which is
    /// accepted like a file.
    pub(crate) stages: Vec<(Stage, RelPath)>,
    /// The SHA-256 of the lists.
    pub(crate) digest: Digest,
}

/// Whether the operator accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Somebody whose word counts accepted exactly this.
    Given {
        /// Who.
        by: Approver,
    },
    /// Nobody did.
    None,
    /// Somebody accepted something else.
    Changed {
        /// The files that were accepted last.
        then: Vec<(RelPath, Digest)>,
        /// The folders that were.
        stages: Vec<(Stage, RelPath)>,
    },
    /// The repository has no identity to be trusted by: no commit, or a shallow clone.
    NoIdentity,
}

/// A line of the operator's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u8,
    at: String,
    repo: String,
    files: Vec<(RelPath, Digest)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stages: Vec<(Stage, RelPath)>,
    signature: String,
}

impl Line {
    /// The words that are signed; no approval begins so.
    fn text(&self) -> String {
        format!("studio trust v1\nrepo {}\nat {}\n{}", self.repo, self.at, list(&self.files, &self.stages))
    }
}

fn list(files: &[(RelPath, Digest)], stages: &[(Stage, RelPath)]) -> String {
    let files = files.iter().map(|(path, sha)| format!("{sha}  {path}\n"));
    files.chain(stages.iter().map(|(stage, path)| format!("stage {stage}  {path}\n"))).collect()
}

/// Returns what the files of `tree` would choose.
///
/// # Errors
/// The repository cannot be read, or has too many files to tell.
pub(crate) fn chosen(tree: &dyn Tree) -> Result<Chosen, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::Error, error);
    let mut files = Vec::new();
    for place in CHOSEN {
        let place = RelPath::try_from(place).map_err(|error| bad(&error))?;
        for path in tree.list_below(&place, CHOSEN_MAX + 1).map_err(|error| bad(&error))? {
            let sha = sha256(&tree.read(&path).map_err(|error| bad(&error))?.unwrap_or_default());
            files.push((path, sha));
        }
    }
    if files.len() > CHOSEN_MAX {
        return Err(Failure::new(
            Exit::BadInput,
            format!("the repository would choose more than {CHOSEN_MAX} files: that is not trusted as a whole"),
        ));
    }
    let stages = match rules::has_policy(tree)? {
        true => Vec::new(),
        false => rules::shape(tree)?.into_iter().flat_map(|(stage, paths)| paths.into_iter().map(move |path| (stage, path))).collect(),
    };
    Ok(Chosen { digest: sha256(list(&files, &stages).as_bytes()), files, stages })
}

/// Says whether what `tree` would choose is trusted.
///
/// # Errors
/// The repository or the operator's file cannot be read.
pub(crate) fn of(site: &Site, tree: &dyn Tree) -> Result<Trust, Failure> {
    let Some(repo) = site.repo_id()? else { return Ok(Trust::NoIdentity) };
    let approvers = site.operator.approvers()?;
    let lines = site.operator.repo_lines(&repo, FILE)?;
    // The last line counts. One that is broken, or that nobody who counts signed, is no trust.
    let Some(line) = lines.last() else { return Ok(Trust::None) };
    let Ok(line) = serde_json::from_str::<Line>(line) else { return Ok(Trust::None) };
    let Ok(by) = approvers.verify(&line.text(), &line.signature) else { return Ok(Trust::None) };
    let now = chosen(tree)?;
    let same = line.v == 1 && line.repo == repo && line.files == now.files && line.stages == now.stages;
    Ok(if same { Trust::Given { by } } else { Trust::Changed { then: line.files, stages: line.stages } })
}

/// Signs that what `tree` would choose is trusted.
///
/// # Errors
/// The repository has no identity, there is no key, or the disk.
pub(crate) fn accept(site: &Site, chosen: &Chosen) -> Result<Approver, Failure> {
    let none = || Failure::new(Exit::Refused, "the repository has no commit, or is a shallow clone, so nothing can be trusted yet");
    let repo = site.repo_id()?.ok_or_else(none)?;
    let (at, files, stages) = (stamp(site.clock.now()), chosen.files.clone(), chosen.stages.clone());
    let mut line = Line { v: 1, at, repo: repo.clone(), files, stages, signature: String::new() };
    let (by, signature) = site.operator.sign_text(&line.text())?;
    line.signature = signature;
    let text = serde_json::to_string(&line).map_err(|error| Failure::new(Exit::Error, error))?;
    site.operator.add_repo_line(&repo, FILE, &text)?;
    Ok(by)
}

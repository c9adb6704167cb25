//! `studio init`: a policy and ignore files in the repository, key and settings in the operator's folder; and back.

use crate::exit::{Exit, Failure};
use crate::rules::POLICY;
use crate::site::Site;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use studio_core::name::{Digest, RelPath};
use studio_core::ticket::Stage;
use studio_core::tree::Tree;
use studio_files::scout::{self, Proposal};
use studio_files::{create, ignore, remove};
use studio_gate::sha256;

/// The operator's file of one repository that says what init made: a line each time.
const MADE: &str = "init";

/// What init made, so that it can be taken back.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    root: PathBuf,
    files: Vec<(RelPath, Digest)>,
    /// The repository whose base was recorded.
    #[serde(default)]
    base: Option<String>,
    /// All that stands above this line was taken back.
    #[serde(default)]
    taken_back: bool,
}

pub(crate) fn init(site: &Site, name: Option<String>, json: bool) -> Result<Exit, Failure> {
    let made = site.operator.make_approver(&approver_name(name))?;
    site.operator.install()?;
    let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::Error, error);
    let base = site.at_base()?;
    let proposal = scout::look(&base).map_err(|error| bad(&error))?;
    let policy = RelPath::try_from(POLICY).map_err(|error| bad(&error))?;
    let text = scout::policy(&proposal);
    let mut written = ignore::ensure(site.root()).map_err(|error| bad(&error))?;
    if create(site.root(), &policy, text.as_bytes()).map_err(|error| bad(&error))? {
        written.push(policy);
    }
    let digest = |path: &RelPath| fs::read(site.root().join(path.as_str())).map(|bytes| (path.clone(), sha256(&bytes)));
    let files = written.iter().map(digest).collect::<Result<Vec<_>, _>>()?;
    let based = match site.repo_id()? {
        Some(id) if base.name() != "HEAD" => site.operator.settle_base(&id, base.name())?.then_some(id),
        Some(_) | None => None,
    };
    if !files.is_empty() || based.is_some() {
        let made = Made { root: site.root().into(), files, base: based.clone(), taken_back: false };
        let line = serde_json::to_string(&made).map_err(|error| bad(&error))?;
        site.operator.add_repo_line(&place(site), MADE, &line)?;
    }
    let based = based.is_some();
    if json {
        println!(
            "{}",
            json!({
                "v": 1, "type": "init", "repo": site.root(), "operator": site.operator.dir(), "written": written, "made": made,
                "base": base.name(), "base_recorded": based, "stages": proposal.stages.iter().map(|(stage, found)| json!({
                    "stage": stage, "folders": found.iter().map(|found| json!({ "path": found.path, "why": found.why })).collect::<Vec<_>>(),
                })).collect::<Vec<_>>(), "notes": proposal.notes,
            })
        );
        return Ok(Exit::Done);
    }
    show(site, &proposal, base.name());
    written.iter().for_each(|path| println!("made        {path}"));
    made.iter().for_each(|path| println!("made        {}", path.display()));
    if based {
        println!("made        the base {} in the operator's studio.toml", base.name());
    }
    if written.is_empty() && made.is_empty() && !based {
        println!("nothing to do: everything is there");
    }
    println!("next        studio audit     what could go wrong here");
    println!("next        studio tickets   what is to be done");
    Ok(Exit::Done)
}

fn show(site: &Site, proposal: &Proposal, base: &str) {
    println!("repository  {} at {base}", site.root().display());
    println!("operator    {}", site.operator.dir().display());
    for (stage, found) in &proposal.stages {
        let name = match stage {
            Stage::Infra => "infra",
            Stage::Studio => "studio",
            Stage::Tenants => "tenants",
        };
        for found in found {
            println!("stage {stage}     {name:<8} {}: {}", found.path, found.why);
        }
    }
    for cluster in &proposal.clusters {
        println!("cluster     {} ({})", cluster.name, cluster.path);
    }
    proposal.notes.iter().for_each(|note| println!("note        {note}"));
}

/// Takes back what init made in this checkout, as far as nobody changed it since. Keys, and what others
/// rely on, stay.
///
/// # Errors
/// The disk.
pub(crate) fn undo(site: &Site, json: bool) -> Result<Exit, Failure> {
    let lines = site.operator.repo_lines(&place(site), MADE)?;
    let mut made: Vec<Made> =
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).filter(|made: &Made| made.root == site.root()).collect();
    made.drain(..made.iter().rposition(|made| made.taken_back).map_or(0, |at| at + 1));
    let (mut gone, base) = (0, site.at_base()?);
    for (path, digest) in made.iter().flat_map(|made| made.files.clone()) {
        let known =
            base.read(&path).is_ok_and(|file| file.is_some()) || site.repo.knows(&path).map_err(|error| Failure::new(Exit::BadInput, error))?;
        let word = match remove(site.root(), &path, |bytes| !known && sha256(bytes) == digest) {
            Ok(None) => continue,
            Ok(Some(true)) => "removed".into(),
            Ok(Some(false)) if known => "kept, since git has it".into(),
            Ok(Some(false)) => "kept, since it was changed".into(),
            Err(error) => format!("kept, since {error}:"),
        };
        gone += usize::from(word == "removed");
        if json {
            println!("{}", json!({ "v": 1, "type": "undone", "path": path, "removed": word == "removed" }));
        } else {
            println!("{word:<11} {path}");
        }
    }
    for id in made.iter().filter_map(|made| made.base.as_ref()) {
        if site.operator.settings()?.repos.contains_key(id) {
            site.operator.forget_base(id)?;
            gone += 1;
        }
    }
    if gone > 0 {
        let line = Made { root: site.root().into(), files: Vec::new(), base: None, taken_back: true };
        let line = serde_json::to_string(&line).map_err(|error| Failure::new(Exit::Error, error))?;
        site.operator.add_repo_line(&place(site), MADE, &line)?;
    }
    if gone == 0 && !json {
        println!("nothing to take back");
    }
    Ok(Exit::Done)
}

/// Returns the name under which the operator keeps what was made in this checkout: its place, since it may
/// have no commit yet.
fn place(site: &Site) -> String {
    format!("checkout-{}", &Digest::blake3(site.root().as_os_str().as_encoded_bytes()).as_str()[..16])
}

/// Returns the name to sign with: the one given, else the login name, else `operator`.
pub(crate) fn approver_name(name: Option<String>) -> String {
    let login = || ["USER", "LOGNAME"].iter().find_map(|var| std::env::var(var).ok()).filter(|name| !name.is_empty());
    name.or_else(login).unwrap_or_else(|| "operator".into())
}

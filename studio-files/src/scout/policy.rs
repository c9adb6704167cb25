//! The file `ai/studio/policy.toml`: written with a reason beside each line, read with exact errors.

use super::settings::plain;
use super::{Found, Proposal};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use studio_core::limits::{FILE_BYTES_MAX, POLICY_PATHS_MAX};
use studio_core::name::RelPath;
use studio_core::text::one_line;
use studio_core::ticket::Stage;
use toml_edit::{Document, Item, Key, TableLike};

/// How the Engineer's branch is called where nothing else is said.
pub const BRANCH: &str = "engineer/<slug>-YYYYMMDD";

/// What the opening lines of the file say.
const HEAD: &str = "# Which stage may write where. `studio init` proposed this from the files at the base; change what\n\
    # is wrong, commit it, and run `studio trust`. Paths are files or folders, without patterns; a later\n\
    # stage may write what the earlier ones may.\n";

/// What the policy file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The files and folders each stage may write, in the order of the file.
    pub stages: BTreeMap<Stage, Vec<RelPath>>,
    /// What no persona may edit, in any stage.
    pub protected: Vec<RelPath>,
    /// How the Engineer's branch is called, with `<slug>` and `YYYYMMDD` in it.
    pub branch: String,
}

/// Returns the text of `ai/studio/policy.toml` for a proposal.
pub fn policy(proposal: &Proposal) -> String {
    let mut text = HEAD.to_string();
    for note in &proposal.notes {
        line(&mut text, format_args!("# note: {}", one_line(note, 300)));
    }
    for cluster in &proposal.clusters {
        line(&mut text, format_args!("# cluster {}: {}", one_line(&cluster.name, 60), cluster.path));
    }
    text.push_str("\n# No persona may edit these, in any stage.\n");
    list(&mut text, "protected", &proposal.protected);
    line(&mut text, format_args!("\n[engineer]\n# <slug> is the ticket's, YYYYMMDD the day of the run.\nbranch = \"{BRANCH}\""));
    for (stage, found) in &proposal.stages {
        let what = match stage {
            Stage::Infra => "machines, clusters, GitOps",
            Stage::Studio => "the studio itself",
            Stage::Tenants => "business tenants",
        };
        line(&mut text, format_args!("\n[stage.{stage}]\n# {what}"));
        list(&mut text, "paths", found);
    }
    text
}

/// Reads a policy from the text of the file called `name`.
///
/// # Errors
/// The text is no policy, with name and line; what stands there is never quoted.
pub fn read_policy(name: &str, text: &str) -> Result<Policy, PolicyError> {
    let reading = Reading { name, text };
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(reading.fail(None, format!("the file has {} bytes; at most {FILE_BYTES_MAX} are read", text.len())));
    }
    let document = Document::parse(text).map_err(|error| reading.fail(error.span(), "no TOML from here on; mend the line".into()))?;
    let mut policy = Policy { stages: BTreeMap::new(), protected: Vec::new(), branch: BRANCH.into() };
    for (key, item) in reading.entries(document.as_table()) {
        match key.get() {
            "protected" => policy.protected = reading.paths(item)?,
            "engineer" => {
                for (key, item) in reading.entries(reading.table(item)?) {
                    match key.get() {
                        "branch" => policy.branch = reading.branch(item)?,
                        _ => return Err(reading.unknown(key, "`branch`")),
                    }
                }
            }
            "stage" => {
                for (key, item) in reading.entries(reading.table(item)?) {
                    let stage = key.get().parse::<u8>().ok().and_then(|number| Stage::try_from(number).ok());
                    let stage = stage.ok_or_else(|| reading.unknown(key, "the stages 1, 2 and 3"))?;
                    let mut paths = Vec::new();
                    for (key, item) in reading.entries(reading.table(item)?) {
                        match key.get() {
                            "paths" => paths = reading.paths(item)?,
                            _ => return Err(reading.unknown(key, "`paths`")),
                        }
                    }
                    policy.stages.insert(stage, paths);
                }
            }
            _ => return Err(reading.unknown(key, "`protected`, `[engineer]` and `[stage.N]`")),
        }
    }
    Ok(policy)
}

fn list(text: &mut String, key: &str, found: &[Found]) {
    line(text, format_args!("{key} = ["));
    for Found { path, why } in found {
        line(text, format_args!("    \"{path}\", # {}", one_line(why, 200)));
    }
    text.push_str("]\n");
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{what}"); // writing to a string cannot fail
}

/// A policy file that is being read.
struct Reading<'t> {
    name: &'t str,
    text: &'t str,
}

impl Reading<'_> {
    fn entries<'i>(&self, table: &'i dyn TableLike) -> Vec<(&'i Key, &'i Item)> {
        table.iter().filter_map(|(key, _)| table.get_key_value(key)).collect()
    }

    fn table<'i>(&self, item: &'i Item) -> Result<&'i dyn TableLike, PolicyError> {
        item.as_table_like().ok_or_else(|| self.fail(item.span(), "a table should stand here".into()))
    }

    fn paths(&self, item: &Item) -> Result<Vec<RelPath>, PolicyError> {
        let values = item.as_array().ok_or_else(|| self.fail(item.span(), "a list of paths should stand here".into()))?;
        if values.len() > POLICY_PATHS_MAX {
            return Err(self.fail(item.span(), format!("the list has {} paths; at most {POLICY_PATHS_MAX} are read", values.len())));
        }
        let path = |value: &toml_edit::Value| {
            let clean = value.as_str().filter(|text| !text.contains('*')).and_then(plain);
            clean.ok_or_else(|| self.fail(value.span(), "no clean path below the root; write it without patterns, `..` and a leading `/`".into()))
        };
        values.iter().map(path).collect()
    }

    fn branch(&self, item: &Item) -> Result<String, PolicyError> {
        let shape = |text: &&str| {
            let filled = text.replacen("<slug>", "x", 1).replacen("YYYYMMDD", "20000101", 1);
            text.contains("<slug>") && text.contains("YYYYMMDD") && studio_core::name::BranchName::try_from(filled).is_ok()
        };
        let what = format!("no template of a branch; write one like {BRANCH}");
        item.as_str().filter(shape).map(ToString::to_string).ok_or_else(|| self.fail(item.span(), what))
    }

    fn unknown(&self, key: &Key, known: &str) -> PolicyError {
        self.fail(key.span(), format!("a key that is not known here; known are {known}"))
    }

    fn fail(&self, span: Option<Range<usize>>, what: String) -> PolicyError {
        let start = span.map_or(0, |span| span.start);
        let lines = self.text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        PolicyError { name: one_line(self.name, 300), line: u32::try_from(lines).unwrap_or(u32::MAX), what }
    }
}

/// A policy file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: {what}")]
pub struct PolicyError {
    /// The file, as it was named.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, and what to do.
    pub what: String,
}

//! Files that say who may do what: whether they can be read, and whether flags and queue agree.

use super::{Finding, Rules, Section, Severity};
use crate::scout::{broken, read_policy};
use studio_core::limits::LIST_MAX;
use studio_core::name::RelPath;
use studio_core::tree::{Tree, TreeError};

/// Settings in YAML.
const YAML: [&str; 7] = [
    "ai/context_map.yaml",
    "ai/orchestrator/config.yaml",
    "ai/orchestrator/models.yaml",
    "ai/config/config.yaml",
    "ai/config/models.yaml",
    "ai/config/stage_contracts.yaml",
    "ai/studio/config.yaml",
];

/// The repository's policy.
const POLICY: &str = "ai/studio/policy.toml";

/// Adds broken settings, and what the caller knows about queue and flags, to `found`.
pub(super) fn scan(tree: &dyn Tree, rules: &Rules<'_>, found: &mut Vec<Finding>) -> Result<(), TreeError> {
    for name in YAML {
        if let Some(bytes) = read(tree, name)?
            && let Some(line) = broken(&bytes)
        {
            let what = "no readable YAML from here on, or a key that stands twice: nothing in this file counts";
            found.push(finding(Severity::Medium, name, line, "broken-settings", what, "mend the line, or remove the file"));
        }
    }
    if let Some(bytes) = read(tree, POLICY)?
        && let Err(error) = read_policy(POLICY, &String::from_utf8_lossy(&bytes))
    {
        found.push(finding(
            Severity::High,
            POLICY,
            error.line,
            "broken-policy",
            &error.what,
            "mend the line: a policy that cannot be read refuses everything",
        ));
    }
    for (place, what) in rules.queue.iter().take(LIST_MAX) {
        let (path, line) = place.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?))).unwrap_or((place, 1));
        found.push(finding(Severity::Medium, path, line, "broken-queue", what, "mend the entry; until then nothing of the queue is taken"));
    }
    for what in rules.flags.iter().take(LIST_MAX) {
        let mend = "make them agree by hand; until then the stage stays closed";
        found.push(finding(Severity::Medium, "ai/state", 1, "flags-disagree", what, mend));
    }
    Ok(())
}

fn read(tree: &dyn Tree, name: &str) -> Result<Option<Vec<u8>>, TreeError> {
    let Ok(path) = RelPath::try_from(name) else { return Ok(None) };
    match tree.read(&path) {
        Err(TreeError::Large(..)) => Ok(None),
        read => read,
    }
}

fn finding(severity: Severity, path: &str, line: u32, rule: &'static str, what: &str, mend: &str) -> Finding {
    Finding::new(Section::Settings, severity, path, line, rule, what, mend)
}

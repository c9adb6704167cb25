//! What files of an earlier crew say about paths. They are proposals like any other: each keeps its
//! file and line, and one that cannot be read is a note.

use super::{Found, Look};
use crate::intake::Problems;
use crate::yaml::{self, Field, Node, Value};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use studio_core::limits::{LIST_MAX, POLICY_PATHS_MAX};
use studio_core::name::RelPath;
use studio_core::text::one_line;
use studio_core::ticket::Stage;
use studio_core::tree::TreeError;

/// Files that may say something about paths.
const FILES: [&str; 3] = ["ai/context_map.yaml", "ai/orchestrator/config.yaml", "ai/config/config.yaml"];

/// Folders that are never proposed, whoever names them.
const NEVER: &str = ".github .git .talos config/env ai/state";

/// Reads the settings that exist and adds what they say to the proposal.
pub(super) fn propose(look: &mut Look<'_>) -> Result<(), TreeError> {
    for file in FILES {
        let Ok(path) = RelPath::try_from(file) else { continue };
        let bytes = match look.tree.read(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(error @ TreeError::Large(..)) => {
                look.proposal.notes.push(format!("{error}; it says nothing here"));
                continue;
            }
            Err(error @ TreeError::Read(..)) => return Err(error),
        };
        match read(file, &bytes) {
            Ok(root) => take(look, file, &root),
            Err(line) => {
                let what = "no readable YAML from here on, so nothing is taken from it; mend the line";
                look.proposal.notes.push(format!("{file}:{line}: {what}"));
            }
        }
    }
    Ok(())
}

/// Returns the first line at which `bytes` are no YAML, or hold a key twice. The words of the
/// parser are not returned: they may quote the line.
pub(crate) fn broken(bytes: &[u8]) -> Option<u32> {
    let line_at = |end: usize| u32::try_from(bytes.iter().take(end).filter(|byte| **byte == b'\n').count() + 1).unwrap_or(u32::MAX);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Some(line_at(error.valid_up_to())),
    };
    let error = serde_saphyr::from_str::<Option<BTreeMap<String, Any>>>(text).err()?;
    Some(error.location().and_then(|place| u32::try_from(place.line()).ok()).unwrap_or(1).max(1))
}

/// Any value; maps in it have no key twice.
struct Any;

impl<'de> serde::Deserialize<'de> for Any {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Any)
    }
}

fn read(file: &str, bytes: &[u8]) -> Result<Node, u32> {
    if let Some(line) = broken(bytes) {
        return Err(line);
    }
    let mut problems = Problems::of(file);
    yaml::text(bytes, &mut problems).and_then(|text| yaml::parse(text, &mut problems)).ok_or(1)
}

fn take(look: &mut Look<'_>, file: &str, root: &Node) {
    let mut wanted: Vec<(String, &Field)> = Vec::new();
    for field in fields(root) {
        match field.key.as_str() {
            "protected_files" | "allowed_paths" | "forbidden_paths" => wanted.push((field.key.clone(), field)),
            "personas" => {
                let engineers = fields(&field.value).iter().filter(|persona| persona.key.to_lowercase().contains("engineer"));
                for persona in engineers {
                    let lists = fields(&persona.value).iter().filter(|list| matches!(list.key.as_str(), "allowed_paths" | "forbidden_paths"));
                    wanted.extend(lists.map(|list| (format!("{} of {}", list.key, one_line(&persona.key, 40)), list)));
                }
            }
            _ => {}
        }
    }
    for (name, field) in wanted {
        let Value::List(items) = &field.value.value else {
            look.proposal.notes.push(format!("{file}:{}: {name} is no list, so nothing is taken from it", field.line));
            continue;
        };
        for item in items.iter().take(POLICY_PATHS_MAX) {
            let place = format!("{file}:{}", item.line);
            let Value::Text(text) = &item.value else { continue };
            let Some(path) = plain(text) else {
                note(look, format!("{place}: an entry of {name} is a pattern or no clean path, and is passed over"));
                continue;
            };
            let why = format!("{name}, {place}");
            if field.key != "allowed_paths" {
                look.proposal.protected.push(Found { path, why });
            } else if NEVER.split_whitespace().any(|never| within(&path, never)) {
                note(look, format!("{place}: {name} names {path}, which is proposed for no stage"));
            } else if look.exists(&path) {
                look.add(stage_of(&path), path, why);
            } else {
                note(look, format!("{place}: {name} names {path}, and there is no such file or folder"));
            }
        }
    }
}

fn note(look: &mut Look<'_>, note: String) {
    if look.proposal.notes.len() < LIST_MAX {
        look.proposal.notes.push(note);
    }
}

/// Returns the entries of a map; none of anything else.
pub(crate) fn fields(node: &Node) -> &[Field] {
    match &node.value {
        Value::Map(fields) => fields,
        Value::Empty | Value::Text(_) | Value::List(_) => &[],
    }
}

/// Returns the path that `text` means: `docs/`, `docs/**` and `./docs` are `docs`.
pub(super) fn plain(text: &str) -> Option<RelPath> {
    let bare = text.trim().trim_start_matches("./").trim_end_matches('*').trim_end_matches('/');
    RelPath::try_from(bare).ok()
}

fn within(path: &RelPath, folder: &str) -> bool {
    RelPath::try_from(folder).map_or(path.as_str().starts_with(folder), |folder| path.starts_with(&folder))
}

fn stage_of(path: &RelPath) -> Stage {
    if ["ai", "ui", "logs"].iter().any(|folder| within(path, folder)) {
        return Stage::Studio;
    }
    let tenant = path.as_str().split('/').any(|part| part.starts_with("biz") || part == "tenants");
    if tenant { Stage::Tenants } else { Stage::Infra }
}

//! The files that speak about stages, each read into places.

use super::Place;
use crate::disk;
use crate::projection::object::Object;
use pulldown_cmark::{Event, Options, Parser, TagEnd};
use serde_json::Value;
use std::path::Path;
use studio_core::name::RelPath;
use studio_core::text::one_line;
use studio_core::ticket::Stage;

/// The flag that stage 2 may begin.
pub(super) const STAGE_2_READY: &str = "ai/state/stage2_ready.json";
/// The flag that stage 3 may begin.
pub(super) const STAGE_3_READY: &str = "ai/state/stage3_ready.json";

const FLAGS: [(&str, Stage); 3] = [("ai/state/stage1_complete.json", Stage::Infra), (STAGE_2_READY, Stage::Studio), (STAGE_3_READY, Stage::Tenants)];
const MISSION: &str = "ai/mission.md";
const STATUS: &str = "ai/state/status.json";
const FIELDS: [(&str, Stage); 3] = [("stage_1_complete", Stage::Infra), ("stage_2_unlocked", Stage::Studio), ("stage_3_unlocked", Stage::Tenants)];

/// Reads every place of the checkout at `root`.
pub(super) fn read(root: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    for (name, stage) in FLAGS {
        file(root, name, stage, &mut places, |path, bytes| {
            let object = Object::parse(bytes).map_err(|error| (error.line, error.why))?;
            Ok(vec![field(path, &object, "complete", stage).ok_or((1, "nothing: the key \"complete\" is missing".to_string()))?])
        });
    }
    // A file about all stages that cannot be read says no to the first that can be closed, and so to all.
    file(root, MISSION, Stage::Studio, &mut places, |path, bytes| {
        Ok(boxes(path, std::str::from_utf8(bytes).map_err(|_| (1, "nothing: it is no UTF-8 text".to_string()))?))
    });
    file(root, STATUS, Stage::Studio, &mut places, |path, bytes| {
        let object = Object::parse(bytes).map_err(|error| (error.line, error.why))?;
        Ok(FIELDS.iter().filter_map(|(key, stage)| field(path, &object, key, *stage)).collect())
    });
    places
}

fn file(root: &Path, name: &str, stage: Stage, places: &mut Vec<Place>, parse: impl Fn(&RelPath, &[u8]) -> Result<Vec<Place>, (usize, String)>) {
    let Ok(path) = RelPath::try_from(name) else { return };
    let found = match disk::read(root, &path) {
        Ok(None) => return,
        Ok(Some(bytes)) => parse(&path, &bytes),
        Err(error) => Err((1, format!("nothing: {error}"))),
    };
    match found {
        Ok(found) => places.extend(found),
        Err((line, says)) => places.push(place(&path, line, stage, false, says)),
    }
}

fn place(path: &RelPath, line: usize, stage: Stage, open: bool, says: String) -> Place {
    Place { path: path.clone(), line: u32::try_from(line).unwrap_or(u32::MAX), stage, open, says: one_line(&says, 300) }
}

/// Returns what a field says; only `true` is a yes.
fn field(path: &RelPath, object: &Object, key: &str, stage: Stage) -> Option<Place> {
    let (value, line) = object.field(key)?;
    let odd = if value.is_boolean() { "" } else { ", which is neither true nor false" };
    Some(place(path, line, stage, value == Value::Bool(true), format!("{key:?}: {value}{odd}")))
}

/// Returns the boxes of a Markdown text that speak about a stage.
fn boxes(path: &RelPath, text: &str) -> Vec<Place> {
    let mut found = Vec::new();
    let mut open: Option<(usize, bool, String)> = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TASKLISTS | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS).into_offset_iter() {
        if let Event::TaskListMarker(checked) = event {
            open = Some((1 + text.bytes().take(range.start).filter(|byte| *byte == b'\n').count(), checked, String::new()));
        } else if let (Event::Text(words) | Event::Code(words), Some((_, _, said))) = (&event, &mut open) {
            said.push_str(words);
        } else if matches!(event, Event::SoftBreak | Event::HardBreak | Event::Start(_) | Event::End(TagEnd::Item | TagEnd::Paragraph))
            && open.as_ref().is_some_and(|(_, _, said)| !said.is_empty())
            && let Some((line, checked, said)) = open.take()
            && let Some(stage) = meant(&said)
        {
            let mark = if checked { "x" } else { " " };
            found.push(place(path, line, stage, checked, format!("`[{mark}] {}`", one_line(&said, 80))));
        }
    }
    found
}

/// Returns the stage that a box is about: "Stage 1 complete", "Stage 2 unlocked", "Stage 3 ready".
fn meant(said: &str) -> Option<Stage> {
    let said = said.to_ascii_lowercase();
    let mut words = said.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let (Some("stage"), Some(number), Some(state)) = (words.next(), words.next(), words.next()) else { return None };
    match (number, state) {
        ("1", "complete" | "completed" | "done") => Some(Stage::Infra),
        ("2", "unlocked" | "ready" | "open") => Some(Stage::Studio),
        ("3", "unlocked" | "ready" | "open") => Some(Stage::Tenants),
        _ => None,
    }
}

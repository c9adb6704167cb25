//! The files that speak about stages, each read into places.

use super::Place;
use crate::disk;
use crate::projection::object::Object;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
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
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut found, mut aside, mut open): (Vec<Place>, usize, Option<Marked>) = (Vec::new(), 0, None);
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TASKLISTS | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS).into_offset_iter() {
        if matches!(event, Event::Start(Tag::BlockQuote(_) | Tag::List(Some(_)))) {
            aside += 1;
        } else if matches!(event, Event::End(TagEnd::BlockQuote(_) | TagEnd::List(true))) {
            aside = aside.saturating_sub(1);
        }
        if let Event::TaskListMarker(ticked) = event {
            let line = 1 + text.bytes().take(range.start).filter(|byte| *byte == b'\n').count();
            open = Some(Marked { line, ticked, aside: aside > 0, said: String::new() });
        } else if let Some(marked) = &mut open
            && let Some(more) = inline(&event, marked.said.is_empty())
        {
            marked.said.push_str(more);
        } else if let Some(marked) = open.take() {
            found.extend(marked.place(path));
        }
    }
    found
}

/// A box, and the words of its paragraph.
struct Marked {
    line: usize,
    ticked: bool,
    /// Whether it stands in a quote or a numbered list, where boxes tell of something.
    aside: bool,
    said: String,
}

impl Marked {
    /// Returns what it says about a stage. A tick is a yes only to the bare words: people also tick
    /// what they have done *about* a stage.
    fn place(&self, path: &RelPath) -> Option<Place> {
        let (stage, number, state) = begins(&self.said)?;
        let plain = plain(&self.said).eq_ignore_ascii_case(&format!("stage {number} {state}"));
        let mark = if self.ticked { "x" } else { " " };
        let but = match (self.ticked, plain) {
            // That a later stage is not complete does not say that it may not begin.
            (false, _) if stage != Stage::Infra && state == "complete" => return None,
            (false, _) => String::new(),
            (true, true) if !self.aside => String::new(),
            (true, true) => ", which stands in a quote or a numbered list".into(),
            (true, false) => format!(", which is no plain `Stage {number} {state}`"),
        };
        Some(place(path, self.line, stage, self.ticked && but.is_empty(), format!("`[{mark}] {}`{but}", one_line(&self.said, 80))))
    }
}

/// Returns what an event adds to the words of a box, or nothing if it ends them. Links and HTML leave
/// a mark, since they can strike out what they stand around.
fn inline<'a>(event: &'a Event, first: bool) -> Option<&'a str> {
    if let Event::Text(words) | Event::Code(words) = event {
        Some(words)
    } else if matches!(event, Event::SoftBreak | Event::HardBreak) {
        Some(" ")
    } else if matches!(event, Event::InlineHtml(_) | Event::Start(Tag::Link { .. } | Tag::Image { .. })) {
        Some("<")
    } else if matches!(
        event,
        Event::Start(Tag::Emphasis | Tag::Strong) | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link | TagEnd::Image)
    ) || first && matches!(event, Event::Start(Tag::Paragraph))
    {
        Some("")
    } else {
        None
    }
}

/// Returns the stage that a box begins to speak about, its number and its word: "Stage 1 complete",
/// "Stage 2 unlocked", "Stage 3 ready".
fn begins(said: &str) -> Option<(Stage, String, String)> {
    let said = said.to_ascii_lowercase();
    let mut words = said.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let (Some("stage"), Some(number), Some(state)) = (words.next(), words.next(), words.next()) else { return None };
    let stage = match (number, state) {
        ("1", "complete" | "completed" | "done") => Stage::Infra,
        ("2", "unlocked" | "ready" | "open" | "complete") => Stage::Studio,
        ("3", "unlocked" | "ready" | "open" | "complete") => Stage::Tenants,
        _ => return None,
    };
    Some((stage, number.into(), state.into()))
}

/// Returns the words on one line, without a remark in parentheses and a mark at their end.
fn plain(said: &str) -> String {
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = unmarked(&said);
    let remark = bare.strip_suffix(')').and_then(|rest| rest.split_once(" (")).filter(|(_, remark)| !remark.contains(['(', ')']));
    unmarked(remark.map_or(bare, |(words, _)| words)).to_string()
}

fn unmarked(words: &str) -> &str {
    words.strip_suffix(['.', ':', '…']).unwrap_or(words).trim_end()
}

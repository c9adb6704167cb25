//! The backlog page as Markdown: its boxes, and where a new one belongs.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// One box.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// Where it begins.
    pub(super) at: usize,
    pub(super) checked: bool,
    task: bool,
    prose: String,
    code: String,
}

/// Where a new box goes, and what is written around it.
pub(super) struct Gap {
    pub(super) at: usize,
    pub(super) above: String,
    pub(super) below: &'static str,
    pub(super) newline: &'static str,
}

/// A block of the page that stands in no other.
struct Block {
    range: Range<usize>,
    /// The level and words of a heading.
    heading: Option<(HeadingLevel, String)>,
    /// Whether it is a list with dashes.
    list: bool,
}

impl Item {
    /// Returns the words of the first line.
    pub(super) fn title(&self) -> String {
        let first = self.prose.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        first.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Says whether the box has this title and body, and no other words of its own.
    pub(super) fn says(&self, title: &str, body: &str) -> bool {
        let lines = self.prose.lines().filter(|line| !line.trim().is_empty()).count();
        lines == 1 && self.title() == title && self.code.replace("\r\n", "\n").trim_end_matches('\n') == body
    }
}

/// Returns the boxes of a page, nested ones too.
pub(super) fn items(page: &str) -> Vec<Item> {
    let (mut open, mut items, mut code): (Vec<Item>, Vec<Item>, bool) = (Vec::new(), Vec::new(), false);
    for (event, range) in parser(page).into_offset_iter() {
        if let Event::Start(Tag::Item) = event {
            open.push(Item { at: range.start, ..Item::default() });
        } else if let Event::End(TagEnd::Item) = event {
            items.extend(open.pop().filter(|item| item.task));
        } else if let Event::Start(Tag::CodeBlock(_)) | Event::End(TagEnd::CodeBlock) = event {
            code = !code;
            open.iter_mut().for_each(|item| item.prose.push('\n'));
        } else if let Some(item) = open.last_mut() {
            if let Event::TaskListMarker(checked) = event {
                (item.task, item.checked) = (true, checked);
            } else if let Event::Text(words) | Event::Code(words) | Event::Html(words) | Event::InlineHtml(words) = event {
                if code { &mut item.code } else { &mut item.prose }.push_str(&words);
            } else if matches!(event, Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::Paragraph | TagEnd::List(_))) {
                item.prose.push('\n');
            }
        }
    }
    items
}

/// Returns the end of the section under `heading`; if there is none, it is opened at the end.
pub(super) fn gap(page: &str, heading: &str) -> Gap {
    let newline = if page.contains("\r\n") { "\r\n" } else { "\n" };
    let blocks = blocks(page);
    let own = |block: &Block| matches!(&block.heading, Some((HeadingLevel::H2, words)) if words.trim().eq_ignore_ascii_case(heading));
    let found = blocks.iter().position(own);
    let below = blocks.get(found.map_or(blocks.len(), |at| at + 1)..).unwrap_or_default();
    let next = below.iter().find(|block| matches!(block.heading, Some((HeadingLevel::H1 | HeadingLevel::H2, _))));
    let end = if found.is_some() { next.map_or(page.len(), |block| block.range.start) } else { page.len() };
    let section = page.get(..end).unwrap_or(page);
    let full = section.trim_end_matches([' ', '\t', '\r', '\n']).len();
    let at = page.get(full..end).and_then(|rest| rest.find('\n')).map_or(end, |feed| full + feed + 1);
    let mut above = String::new();
    if at > 0 && !page.get(..at).is_some_and(|text| text.ends_with('\n')) {
        above.push_str(newline);
    }
    let listed = found.is_some() && blocks.iter().rev().find(|block| block.range.start < at).is_some_and(|block| block.list);
    if at > 0 && !listed {
        above.push_str(newline);
    }
    if found.is_none() {
        above.push_str(&format!("## {heading}{newline}{newline}"));
    }
    let rest = page.get(at..).unwrap_or_default();
    let apart = rest.lines().next().is_none_or(|line| line.trim().is_empty());
    Gap { at, above, below: if apart { "" } else { newline }, newline }
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut depth): (Vec<Block>, usize) = (Vec::new(), 0);
    for (event, range) in parser(page).into_offset_iter() {
        if let Event::Start(tag) = event {
            if depth == 0 {
                let heading = if let Tag::Heading { level, .. } = tag { Some((level, String::new())) } else { None };
                let list = matches!(tag, Tag::List(None)) && page.get(range.clone()).is_some_and(|text| text.trim_start().starts_with('-'));
                blocks.push(Block { range, heading, list });
            }
            depth += 1;
        } else if let Event::End(_) = event {
            depth = depth.saturating_sub(1);
        } else if depth == 0 {
            blocks.push(Block { range, heading: None, list: false });
        } else if let (Event::Text(words) | Event::Code(words), Some(Block { heading: Some((_, title)), .. })) = (event, blocks.last_mut()) {
            title.push_str(&words);
        }
    }
    blocks
}

fn parser(page: &str) -> Parser<'_> {
    Parser::new_ext(page, Options::ENABLE_TASKLISTS | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS)
}

//! Markdown as blocks: headings, lists with their boxes, and words; the rest only has bounds.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// Blocks inside blocks that are told apart; what lies deeper belongs to the block around it.
const DEPTH_MAX: usize = 32;

/// A block and where it stands.
#[derive(Debug)]
pub(super) struct Block {
    /// What it is.
    pub(super) form: Form,
    /// Its bytes in the text.
    pub(super) bytes: Range<usize>,
    /// The blocks inside it.
    pub(super) below: Vec<Block>,
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A heading of this level; its words are below it.
    Heading(HeadingLevel),
    /// A paragraph, or the words of a heading or of an item.
    Words,
    /// A list; its items are below it.
    List,
    /// An item of a list.
    Item,
    /// An item with a box. The byte between the brackets, and whether it is ticked.
    Box(usize, bool),
    /// Code, HTML, quotes: nothing in there is read.
    Other,
}

/// Returns the blocks of `text`. Boxes in code, comments and quotes are none.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let skip = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut open = vec![Block { form: Form::Other, bytes: 0..text.len(), below: Vec::new() }];
    let mut deeper = 0_usize;
    let events = Parser::new_ext(text.get(skip..).unwrap_or_default(), Options::ENABLE_TASKLISTS);
    for (event, span) in events.into_offset_iter() {
        let bytes = span.start + skip..span.end + skip;
        if let Event::Start(tag) = &event
            && let Some(form) = form(tag)
        {
            if deeper > 0 || open.len() > DEPTH_MAX {
                deeper += 1;
            } else {
                open.push(Block { form, bytes, below: Vec::new() });
            }
        } else if let Event::End(tag) = &event {
            if inline(tag) {
                continue;
            } else if deeper > 0 {
                deeper -= 1;
            } else if open.len() > 1
                && let Some(done) = open.pop()
                && let Some(around) = open.last_mut()
            {
                around.below.push(done);
            }
        } else if let (Event::TaskListMarker(ticked), 0) = (&event, deeper) {
            mark(&mut open, bytes.end.saturating_sub(2), *ticked);
        } else if deeper == 0 {
            words(&mut open, bytes);
        }
    }
    open.into_iter().next().map(|root| root.below).unwrap_or_default()
}

impl Block {
    /// Returns the bytes of the words it begins with.
    pub(super) fn words(&self) -> Option<Range<usize>> {
        self.below.first().filter(|block| block.form == Form::Words).map(|block| block.bytes.clone())
    }

    /// Returns its bytes without the space before it.
    pub(super) fn bare(&self, text: &str) -> Range<usize> {
        let space = text.get(self.bytes.clone()).map_or(0, |own| own.len() - own.trim_start().len());
        self.bytes.start + space..self.bytes.end
    }

    /// Returns the place of each box in it, its own first.
    pub(super) fn marks(&self) -> Vec<Range<usize>> {
        let own = if let Form::Box(at, _) = self.form { Some(at..at + 1) } else { None };
        own.into_iter().chain(self.below.iter().flat_map(Block::marks)).collect()
    }
}

/// Gives the item that is being read a box. In a loose list a paragraph is open within the item.
fn mark(open: &mut [Block], at: usize, ticked: bool) {
    if let Some(item) = open.iter_mut().rev().find(|block| block.form == Form::Item) {
        item.form = Form::Box(at, ticked);
    }
}

/// Adds inline text to the words of an item or heading; a paragraph has its bounds already.
fn words(open: &mut [Block], bytes: Range<usize>) {
    let Some(block) = open.last_mut().filter(|block| matches!(block.form, Form::Heading(_) | Form::Item | Form::Box(..))) else { return };
    match block.below.last_mut().filter(|last| last.form == Form::Words) {
        Some(words) => words.bytes.end = words.bytes.end.max(bytes.end),
        None => block.below.push(Block { form: Form::Words, bytes, below: Vec::new() }),
    }
}

fn form(tag: &Tag) -> Option<Form> {
    if let Tag::Heading { level, .. } = tag {
        Some(Form::Heading(*level))
    } else if matches!(tag, Tag::Paragraph) {
        Some(Form::Words)
    } else if matches!(tag, Tag::List(_)) {
        Some(Form::List)
    } else if matches!(tag, Tag::Item) {
        Some(Form::Item)
    } else {
        (!inline(&tag.to_end())).then_some(Form::Other)
    }
}

fn inline(tag: &TagEnd) -> bool {
    matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Superscript | TagEnd::Subscript | TagEnd::Link | TagEnd::Image)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(blocks: &[Block], text: &str) -> String {
        let one = |block: &Block| {
            let name = match block.form {
                Form::Heading(_) => "h",
                Form::Words => return format!("{:?}", &text[block.bytes.clone()]),
                Form::List => "list",
                Form::Item => "item",
                Form::Box(at, ticked) => return format!("box{ticked}@{:?}({})", &text[at..at + 1], shape(&block.below, text)),
                Form::Other => "other",
            };
            format!("{name}({})", shape(&block.below, text))
        };
        blocks.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn boxes_and_words_are_found_where_they_stand() {
        for (text, says) in [
            ("# A *b*\n\nx\ny\n", r#"h("A *b*") "x\ny\n""#),
            ("\u{feff}- [ ] a `b` **c**\n", r#"list(boxfalse@" "("a `b` **c**"))"#),
            ("- [x] a\n  more\n  - b\n", r#"list(boxtrue@"x"("a\n  more" list(item("b"))))"#),
            (" *   [X] a\r\n\r\n     b\r\n", r#"list(boxtrue@"X"("a\r\n" "b\r\n"))"#),
            ("- a\n- [\t] b\n", r#"list(item("a") boxfalse@"\t"("b"))"#),
            ("```\n- [ ] a\n```\n<!-- x\n- [ ] b\n-->\n> - [ ] c\n", "other() other() other(list(boxfalse@\" \"(\"c\")))"),
            ("-[ ] a\n- [] b\n- [ ]c\n", r#""-[ ] a\n" list(item("[] b") item("[ ]c"))"#),
        ] {
            let blocks = blocks(text);
            assert_eq!(shape(&blocks, text), says, "{text}");
        }
    }

    #[test]
    fn deep_and_hostile_text_is_read_in_bounds() {
        for text in ["> ".repeat(50_000), "- ".repeat(50_000), "[".repeat(50_000), "*a_".repeat(50_000), "<!--".repeat(50_000), "`".repeat(50_000)] {
            let depth = |blocks: &[Block]| {
                let (mut depth, mut below) = (0, blocks.iter().collect::<Vec<_>>());
                while !below.is_empty() {
                    (depth, below) = (depth + 1, below.into_iter().flat_map(|block| &block.below).collect());
                }
                depth
            };
            assert!(depth(&blocks(&text)) <= DEPTH_MAX + 1);
        }
    }
}

//! Lists of prose in task files: people write them as they speak, and YAML trips over a second colon.

use super::Problems;
use crate::yaml::{self, Node, Value};

/// The lists whose items are prose, whatever YAML makes of them.
const PROSE: [&str; 2] = ["persona_flow:", "acceptance_criteria:"];

/// Returns an item as the text its author meant: text, or a one-key map (`- Planner: confirm it`).
pub(super) fn prose(item: &Node) -> Option<String> {
    match &item.value {
        Value::Text(text) => Some(text.clone()),
        Value::Map(fields) => match &fields[..] {
            [field] => match &field.value.value {
                Value::Text(text) => Some(format!("{}: {text}", field.key)),
                Value::Empty => Some(format!("{}:", field.key)),
                Value::List(_) | Value::Map(_) => None,
            },
            [..] => None,
        },
        Value::Empty | Value::List(_) => None,
    }
}

/// Returns the text of a task file with each item of its prose lists that YAML refuses put into
/// quotes, word for word. Every line keeps its number.
pub(super) fn quoted(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut mended = String::with_capacity(text.len());
    let mut inside = false;
    let mut rest = &lines[..];
    while let Some((line, below)) = rest.split_first() {
        let margin = indent(line);
        let dash = line.trim_start().starts_with("- ");
        if !blank(line) && !dash && margin == 0 {
            inside = PROSE.iter().any(|key| line.strip_prefix(*key).is_some_and(blank));
        }
        let more = if inside && dash { below.iter().take_while(|next| next.trim().is_empty() || indent(next) > margin).count() } else { 0 };
        let (item, after) = rest.split_at(more + 1);
        rest = after;
        if inside && dash && !reads(item, margin) {
            let words = item.concat().split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
            mended.push_str(&format!("{}- '{}'", " ".repeat(margin), words.replace('\'', "''")));
            mended.extend(item.iter().filter(|line| line.ends_with('\n')).map(|_| '\n'));
        } else {
            mended.extend(item.iter().copied());
        }
    }
    mended
}

/// Says whether YAML reads the lines of an item as prose.
fn reads(item: &[&str], indent: usize) -> bool {
    let mut alone = item.concat();
    if alone.get(indent..=indent) == Some("-") {
        alone.replace_range(indent..=indent, " ");
    }
    let mut problems = Problems::of("");
    let node = yaml::parse(&alone, &mut problems);
    problems.found.is_empty() && node.is_none_or(|node| matches!(node.value, Value::Empty) || prose(&node).is_some())
}

fn blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_yaml_refuses_is_quoted() {
        let text = "id: a\npersona_flow:\n  - Planner: confirm: it's there\n  - Engineer: write it\n  - plain words\n\
            description: x\nother:\n  - a: b: c\n";
        assert_eq!(quoted(text), text.replace("- Planner: confirm: it's there", "- 'Planner: confirm: it''s there'"));
    }

    #[test]
    fn every_line_keeps_its_number() {
        let text =
            "persona_flow: # hints\n- Planner: a: b\n  and more: of it\n\n- \"quoted\" and not\n- Executor: *all* of it\n- `x` first\n# c\nid: a";
        let mended = quoted(text);
        let lines: Vec<&str> = mended.lines().collect();
        assert_eq!(lines.len(), text.lines().count());
        assert_eq!(lines[1], "- 'Planner: a: b and more: of it'");
        assert_eq!((lines[2], lines[3]), ("", ""));
        assert_eq!(lines[4], "- '\"quoted\" and not'");
        assert_eq!(lines[5], "- 'Executor: *all* of it'");
        assert_eq!(lines[6], "- '`x` first'");
        assert_eq!(lines[8], "id: a");
        let mut problems = Problems::of("");
        assert!(yaml::parse(&mended, &mut problems).is_some() && problems.found.is_empty());
    }

    #[test]
    fn an_unfinished_last_line_stays_unfinished() {
        assert_eq!(quoted("persona_flow:\n- a: b: c"), "persona_flow:\n- 'a: b: c'");
        assert_eq!(quoted("persona_flow:\r\n- a: b: c\r\nid: x\r\n"), "persona_flow:\r\n- 'a: b: c'\nid: x\r\n");
    }
}

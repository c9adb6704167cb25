//! A text as others read it: continued lines and pieces put together, percent signs resolved, the pieces of a stream joined.

use super::file::Kind;
use super::{Found, KEEP_OUT, Lines, line, pair};
use studio_core::encoding::unpercent;
use studio_core::token::tokens;

/// Bytes between two pieces of one value at most.
const GAP_BYTES_MAX: usize = 80;

/// Looks at a text in each of these ways, where it makes a difference.
pub(super) fn look(text: &str, lines: &Lines, kind: Kind, found: &mut Found) {
    if let Some(plain) = text.contains('%').then(|| unpercent(text)).flatten() {
        let own = Lines::of(&plain);
        for (number, line) in (1_u32..).zip(plain.lines()).filter(|(_, line)| line.contains("://")) {
            found.within(number, true, |found| line::login(line, found));
        }
        tokens(&plain).iter().for_each(|token| found.add(own.at(token.bytes.start), "hidden-token", token.what, KEEP_OUT));
    }
    let joined = joined(text);
    if joined.text.len() < text.len() {
        for token in tokens(&joined.text) {
            found.add(lines.at(joined.origin(token.bytes.start)), "hidden-token", token.what, KEEP_OUT);
        }
        let mut at = 0;
        for line in joined.text.split_inclusive('\n') {
            let whole = joined.cuts.iter().any(|(cut, _)| (at..at + line.len()).contains(cut));
            if whole && pair::secret(line.trim_end(), kind) {
                found.add(lines.at(joined.origin(at)), "named-value", "a value that its name calls a secret", KEEP_OUT);
            }
            at += line.len();
        }
    }
    stream(text, found);
}

/// A text without what stood between its pieces.
struct Joined {
    text: String,
    /// Where something was left out, and where that ended in the original.
    cuts: Vec<(usize, usize)>,
}

impl Joined {
    /// Returns where a byte stood.
    fn origin(&self, at: usize) -> usize {
        let cut = self.cuts.partition_point(|(cut, _)| *cut <= at).checked_sub(1).and_then(|last| self.cuts.get(last));
        cut.map_or(at, |(cut, end)| end + (at - cut))
    }
}

/// Puts continued lines together, and literals between which nothing but a sign stands.
fn joined(text: &str) -> Joined {
    let mut joined = Joined { text: String::with_capacity(text.len()), cuts: Vec::new() };
    let mut kept = 0;
    for (at, sign) in text.match_indices(['\\', '"', '\'']).filter(|(_, sign)| *sign == "\\" || text.contains('"') || text.contains('\'')) {
        if at < kept {
            continue;
        }
        let rest = text.get(at + 1..).unwrap_or_default();
        let rest = rest.get(..rest.floor_char_boundary(GAP_BYTES_MAX)).unwrap_or_default();
        let length = match sign {
            "\\" => rest.starts_with('\n').then(|| 1 + rest.len() - rest.trim_start().len()),
            _ => rest
                .find(sign)
                .filter(|gap| {
                    let between = rest.get(..*gap).unwrap_or_default();
                    let signs = between.chars().filter(|c| matches!(c, '+' | '.' | '~' | '&')).count();
                    let apart = between.contains('\n') || signs > 0 || !between.is_empty();
                    apart && signs <= 2 && between.chars().all(|c| c.is_whitespace() || matches!(c, '+' | '.' | '~' | '&' | '\\'))
                })
                .map(|gap| gap + 2),
        };
        if let Some(length) = length {
            joined.text.push_str(text.get(kept..at).unwrap_or_default());
            kept = at + length;
            joined.cuts.push((joined.text.len(), kept));
        }
    }
    joined.text.push_str(text.get(kept..).unwrap_or_default());
    joined
}

/// Looks at the pieces that the lines of a stream of events carry, put together.
fn stream(text: &str, found: &mut Found) {
    let (mut whole, mut starts) = (String::new(), Vec::new());
    for (number, line) in (1_u32..).zip(text.lines()) {
        let Some(data) = line.strip_prefix("data:").map(str::trim).filter(|data| !data.is_empty()) else { continue };
        starts.push((whole.len(), number));
        match serde_json::from_str::<serde_json::Value>(data) {
            Ok(value) => last_text(&value).into_iter().for_each(|text| whole.push_str(text)),
            Err(_) => whole.push_str(data),
        }
    }
    if starts.len() < 2 {
        return;
    }
    for token in tokens(&whole) {
        let line = starts.get(starts.partition_point(|(at, _)| *at <= token.bytes.start).saturating_sub(1)).map_or(1, |(_, line)| *line);
        found.add(line, "hidden-token", token.what, KEEP_OUT);
    }
}

/// Returns the last text in a value: what a piece carries stands in its innermost field.
fn last_text(value: &serde_json::Value) -> Option<&str> {
    use serde_json::Value;
    match value {
        Value::String(text) => Some(text),
        Value::Array(items) => items.iter().rev().find_map(last_text),
        Value::Object(fields) => {
            let known = ["delta", "content", "text"].iter().find_map(|name| last_text(fields.get(*name)?));
            known.or_else(|| fields.values().rev().find_map(last_text))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

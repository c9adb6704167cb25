//! What is refused before any shell text is parsed: bytes that are no text, characters that hide, and nesting so deep
//! that a parser would not come back.

use super::Why;
use brush_parser::Token;
use studio_core::limits::{SHELL_DEPTH_MAX, SHELL_LOOSE_MAX};
use studio_core::text::hostile;

/// Longest number before a redirection that is read.
const STREAM_DIGITS_MAX: usize = 4;

/// Returns the text of `bytes`, if there is nothing hidden in it.
pub(crate) fn readable(bytes: &[u8]) -> Result<&str, Why> {
    let text = std::str::from_utf8(bytes).map_err(|_| Why::NoText)?;
    let odd = |c: &char| hostile(*c) || *c == '\0' || (c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n'));
    match text.chars().find(odd) {
        Some(c) => Err(Why::Hidden(c as u32)),
        None => Ok(text),
    }
}

/// Refuses nesting that could exhaust a parser: counts what is open at once.
///
/// An end is believed only if nothing stands before it that one reading of quotes would see and another would not;
/// of others, few may stand in a script.
pub(super) fn shallow(text: &str) -> Result<(), Why> {
    let (mut open, mut loose): (Vec<Open>, usize) = (Vec::new(), 0);
    let mut before = ' ';
    for c in text.chars() {
        let closer = match (before, c) {
            (_, '(') => Some(')'),
            ('$', '{') => Some('}'),
            ('$', '[') => Some(']'),
            _ => None,
        };
        let comments = c == '#' && (before.is_whitespace() || matches!(before, '(' | ';' | '|' | '&'));
        let feeds = c == '<' && before == '<';
        before = c;
        if let Some(top) = open.last_mut().filter(|_| comments || feeds) {
            top.clean = false;
        }
        if let Some(closer) = closer {
            open.push(Open { closer, quote: None, clean: true });
        } else if let Some(top) = open.last_mut() {
            match (c, top.quote) {
                (c, None) if c == top.closer => {
                    let clean = top.clean;
                    open.pop();
                    loose += usize::from(!clean);
                    if let Some(top) = open.last_mut().filter(|_| !clean) {
                        top.clean = false;
                    }
                }
                ('"' | '\'', None) => top.quote = Some(c),
                ('"' | '\'', Some(quote)) if quote == c => top.quote = None,
                ('"' | '\'' | '\\' | '`', _) => top.clean = false,
                _ => {}
            }
        }
        if open.len() > SHELL_DEPTH_MAX || loose > SHELL_LOOSE_MAX {
            return Err(Why::Deep);
        }
    }
    Ok(())
}

/// Something that is open, and what would close it.
struct Open {
    closer: char,
    quote: Option<char>,
    clean: bool,
}

/// Refuses tokens that are nested too deep, or that the parser does not come back from.
pub(super) fn flat(tokens: &[Token]) -> Result<(), Why> {
    let (mut blocks, mut parens, mut begins) = (0_usize, 0_usize, true);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Operator(sign, _) => {
                parens = match sign.as_str() {
                    "(" => parens + 1,
                    ")" => parens.saturating_sub(1),
                    _ => parens,
                };
                begins = true;
            }
            Token::Word(word, place) => {
                let redirects = matches!(tokens.get(at + 1), Some(Token::Operator(sign, _)) if sign.starts_with(['<', '>']));
                if redirects && word.len() > STREAM_DIGITS_MAX && word.chars().all(|c| c.is_ascii_digit()) {
                    return Err(Why::Unread(place.start.line, format!("{word} is no number of a stream")));
                }
                blocks = match word.as_str() {
                    "if" | "while" | "until" | "for" | "case" | "{" | "function" | "coproc" if begins => blocks + 1,
                    "fi" | "done" | "esac" | "}" if begins => blocks.saturating_sub(1),
                    _ => blocks,
                };
                begins =
                    begins && matches!(word.as_str(), "if" | "while" | "until" | "then" | "do" | "else" | "elif" | "{" | "!" | "time" | "coproc");
            }
        }
        if blocks.max(parens) > SHELL_DEPTH_MAX {
            return Err(Why::Deep);
        }
    }
    Ok(())
}

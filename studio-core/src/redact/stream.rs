//! Redacting a text that comes in pieces: what may be the beginning of a secret waits for the next one.

use super::{Bare, Redactor, bare, cut};
use crate::limits::STREAM_HELD_BYTES_MAX;
use std::ops::Range;

/// A text on its way. What it gives out, put together, is what [`Redactor::text`] makes of the whole.
#[derive(Debug)]
pub struct Stream<'a> {
    redactor: &'a Redactor,
    /// What came and was not given out.
    held: String,
    /// Bytes that wait at most.
    most: usize,
}

impl<'a> Stream<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Stream<'a> {
        Stream { redactor, held: String::new(), most: STREAM_HELD_BYTES_MAX.max(redactor.longest() * 2) }
    }

    /// Takes the next piece and returns what can be shown by now.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut ranges = self.redactor.found(&self.held);
        ranges.sort_by_key(|range| range.start);
        let end = if self.held.len() > self.most { self.held.len() } else { self.end(&ranges) };
        ranges.retain(|range| range.start < end);
        let later = self.held.split_off(end);
        cut(&std::mem::replace(&mut self.held, later), ranges)
    }

    /// Returns the rest.
    pub fn finish(self) -> String {
        self.redactor.text(&self.held)
    }

    /// Returns up to where nothing can change any more.
    fn end(&self, ranges: &[Range<usize>]) -> usize {
        let mut end = self.redactor.open(&self.held);
        if bare::disguised(&self.held) {
            let seen = Bare::of(&self.held);
            let open = self.redactor.open(seen.text());
            end = end.min(if open == seen.text().len() { self.held.len() } else { seen.origin(open..open).start });
            // A terminal code may be cut in two as well.
            end = end.min(self.held.rfind('\u{1b}').filter(|at| self.held.len() - at < 64).unwrap_or(end));
        }
        for range in ranges.iter().rev() {
            if range.start < end && end < range.end {
                end = range.start;
            }
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    #[test]
    fn pieces_come_out_like_the_whole_wherever_they_are_cut() {
        let body = "q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2T";
        let redactor = Redactor::new([Secret::new("hunter2hunter2"), Secret::new("r2hunter3 and more")]);
        for text in [
            "a hunter2hunter2 b hunter2hunter2hunter3 and more c".to_string(),
            format!("token: gh{}_{body}{body}\nnext gl{}-{body}.", "p", "pat"),
            format!("x -----BEGIN {kind} KEY-----\n{body}{body}\n-----END {kind} KEY-----\ny", kind = "PRIVATE"),
            format!("gh{}_q7Rt2Zx9\u{1b}[31mLm4Wv8Kb3Nc6Yd1Hs5Jf\u{200b}0Gp2Tabcd \u{1b}[0m z hun\u{200b}ter2hunter2", "p"),
            "nothing to see here, sk- gh k a".to_string(),
        ] {
            let whole = redactor.text(&text);
            for first in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                for second in (first..=text.len()).filter(|at| text.is_char_boundary(*at)).step_by(7) {
                    let mut stream = redactor.stream();
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    let shown: String = pieces.iter().map(|piece| stream.push(piece)).collect();
                    assert_eq!(shown + &stream.finish(), whole, "{first} {second} {text:?}");
                }
            }
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let redactor = Redactor::default();
        let mut stream = redactor.stream();
        let start = format!("gh{}_{}", "p", "q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2T");
        assert_eq!(stream.push(&start), "");
        for _ in 0..10 {
            stream.push(&"a1".repeat(STREAM_HELD_BYTES_MAX / 2));
            assert!(stream.held.len() <= STREAM_HELD_BYTES_MAX);
        }
    }
}

//! Failures: what is kept of a step that did not end as it should, and what makes two of them the same.

mod cause;
mod plain;

use crate::host::REFUSED;
use crate::limits::{FAILURE_BYTES_MAX, FAILURE_LINES_MAX, FAILURE_TAIL_BYTES_MAX};
use crate::name::Digest;
use crate::step::Argv;
use crate::text::{Prose, one_line};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

pub use cause::{Cause, Confidence};

/// How much of the line that matters is kept, in characters.
const LINE_CHARS: usize = 300;
/// Words of lines that tell of a failure.
const FATAL: &[&str] = &[
    "error",
    "fatal",
    "fail",
    "panic",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "unable",
    "denied",
    "refused",
    "forbidden",
    "unauthorized",
    "invalid",
    "not found",
    "no such",
    "not known",
    "timed out",
    "timeout",
    "deadline exceeded",
    "exception",
    "unreachable",
    "no route",
    "no space",
    "abort",
    "already exists",
    "conflict",
    "exceeded",
    "not permitted",
    "does not exist",
    "doesn't have",
    "no matches for",
    "busy",
    "toomanyrequests",
];
/// Words that only look like it.
const FINE: &[&str] =
    &["0 errors", "no error", "without error", "errors: 0", "errors=0", "error=nil", "0 failed", "failed=0", "failed: 0", "unreachable=0"];
/// How lines begin that only tell.
const TOLD: &[&str] = &["warn", "info", "debug", "note:", "hint:", "level=info", "level=warn", "level=debug"];

/// What is known of a step that did not end as it should. Its words are a machine's, and data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The same for the same failure, whatever times, numbers and random names its output holds.
    pub identity: Digest,
    /// What it is.
    pub class: Cause,
    /// How sure that is.
    pub confidence: Confidence,
    /// Whether it lies outside of what the step did.
    pub external: bool,
    /// The first line that tells of it.
    pub line: Prose,
    /// The end of what was written.
    pub tail: Prose,
}

/// A step that did not end as it should. Known secrets are out of its texts.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    /// The command.
    pub argv: &'a Argv,
    /// The exit status that its step expects.
    pub expected: u8,
    /// The one it had.
    pub exit: Option<i32>,
    /// What its expectation misses.
    pub misses: &'a [String],
    /// What it wrote to standard output.
    pub stdout: &'a str,
    /// What it wrote to standard error.
    pub stderr: &'a str,
}

impl Failure {
    /// Returns what is known of it. Pure: the same words make the same failure.
    pub fn of(failed: &Failed<'_>) -> Failure {
        let (out, err) = (end(failed.stdout, FAILURE_BYTES_MAX), end(failed.stderr, FAILURE_BYTES_MAX));
        let written: Vec<Vec<String>> = [err, out].map(plain::lines).into_iter().filter(|lines| !lines.is_empty()).collect();
        let own = failed.own_words();
        let telling = written.iter().find(|lines| lines.iter().any(|line| is_fatal(line))).or(written.first());
        let (line, class, confidence) = match (own, telling) {
            (Some((miss, class)), _) => (miss.to_string(), class, Confidence::High),
            (None, Some(lines)) => {
                let line = lines.iter().find(|line| is_fatal(line)).or(lines.last()).cloned().unwrap_or_default();
                let beside =
                    || written.iter().flatten().filter(|line| is_fatal(line)).find_map(|line| Some((cause::cause(line)?.0, Confidence::Low)));
                let (class, confidence) = cause::cause(&line).or_else(beside).unwrap_or((Cause::Unknown, Confidence::Low));
                (line, class, confidence)
            }
            (None, None) => (failed.misses.first().cloned().unwrap_or_default(), Cause::Unknown, Confidence::Low),
        };
        let words: Vec<String> = match (own, telling) {
            (Some(_), _) | (None, None) => failed.misses.to_vec(),
            (None, Some(lines)) => lines.iter().filter(|other| is_fatal(other) || **other == line).cloned().collect(),
        };
        Failure {
            identity: identity(&failed.subject(), words.iter().map(String::as_str)),
            class,
            confidence,
            external: class.is_external(),
            line: Prose::tamed(&one_line(&line, LINE_CHARS)),
            tail: Prose::tamed(end(&written.iter().rev().flatten().cloned().collect::<Vec<_>>().join("\n"), FAILURE_TAIL_BYTES_MAX)),
        }
    }

    /// Says whether somebody may act on its class. Words that were not sure enough are none.
    pub fn is_understood(&self) -> bool {
        self.class != Cause::Unknown && self.confidence > Confidence::Low
    }
}

impl<'a> Failed<'a> {
    /// Returns what the Studio itself says of the end, and what that means.
    fn own_words(&self) -> Option<(&'a str, Cause)> {
        let own = |miss: &&'a String, begins: &str| miss.starts_with(begins);
        let begins = |begins: &str| self.misses.iter().find(|miss| own(miss, begins)).map(String::as_str);
        let refused = begins(REFUSED).filter(|_| self.exit.is_none()).map(|miss| (miss, Cause::Refused));
        let late = || begins("it was killed after").map(|miss| (miss, Cause::Timeout));
        let missed = || self.misses.first().filter(|_| self.exit == Some(self.expected.into())).map(|miss| (miss.as_str(), Cause::Expectation));
        refused.or_else(late).or_else(missed)
    }

    /// Returns what was tried: the program with its verb, or the script, and how it ended.
    fn subject(&self) -> String {
        let program = self.argv.program().rsplit('/').next().unwrap_or_default();
        let script = self.argv.script().map(|path| path.to_string());
        let verb = script.as_deref().or_else(|| self.argv.args().find(|word| !word.starts_with('-'))).unwrap_or_default();
        format!("{program} {verb} {:?}", self.exit)
    }
}

/// Returns the identity of a failure of `subject` that says `lines`: in any order, each as often as it likes.
pub fn identity<'a>(subject: &str, lines: impl IntoIterator<Item = &'a str>) -> Digest {
    let mut plain = BTreeSet::new();
    for line in lines {
        if plain.len() < FAILURE_LINES_MAX {
            plain.insert(plain::plain(line));
        }
    }
    let lines: Vec<String> = plain.into_iter().collect();
    Digest::blake3(format!("{subject}\n{}", lines.join("\n")).as_bytes())
}

fn is_fatal(line: &str) -> bool {
    let line = FINE.iter().fold(line.to_lowercase(), |line, fine| line.replace(fine, ""));
    let tells = TOLD.iter().any(|told| line.trim_start_matches(['[', '<', ' ']).starts_with(told));
    !tells && FATAL.iter().any(|word| line.contains(word))
}

fn end(text: &str, bytes_max: usize) -> &str {
    text.get(text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..).unwrap_or_default()
}

/// In one line, for people.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let external = if self.external { ", external" } else { "" };
        write!(f, "{} ({} confidence{external}): {}", self.class, self.confidence.name(), self.line)
    }
}

#[cfg(test)]
mod tests;

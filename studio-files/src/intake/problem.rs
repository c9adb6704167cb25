//! What is wrong with queue files, by file and line.

use std::fmt;
use studio_core::limits::TICKETS_MAX;
use studio_core::text::one_line;

/// A line of a queue file that has to be mended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, below the root.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub mend: String,
}

/// Where the problems of one file are gathered; at most [`TICKETS_MAX`] of them.
pub(crate) struct Problems<'f> {
    file: &'f str,
    pub(super) found: Vec<Problem>,
}

impl Problem {
    /// A problem in one line, whatever the words in it hold.
    pub(crate) fn at(file: &str, line: u32, what: impl AsRef<str>, mend: &str) -> Problem {
        Problem { file: one_line(file, 300), line: line.max(1), what: one_line(what.as_ref(), 300), mend: mend.into() }
    }
}

impl<'f> Problems<'f> {
    pub(crate) fn of(file: &'f str) -> Problems<'f> {
        Problems { file, found: Vec::new() }
    }

    /// Fails if there are any.
    pub(crate) fn none(self) -> Result<(), QueueError> {
        if self.found.is_empty() { Ok(()) } else { Err(QueueError { problems: self.found }) }
    }

    pub(crate) fn add(&mut self, line: u32, what: impl AsRef<str>, mend: &str) {
        if self.found.len() < TICKETS_MAX {
            self.found.push(Problem::at(self.file, line, what, mend));
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.what, self.mend)
    }
}

/// Everything that has to be mended before the queue can be used, one problem a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct QueueError {
    /// The problems, by file and line.
    pub problems: Vec<Problem>,
}

//! Shell text: a line as the plain commands it consists of, and a script as the most that it could do.
//!
//! A line ([`list`]) is read by a grammar of our own, so small that it can be checked by eye: what bash would expand,
//! redirect or decide is no plain word, and the reason says so. A script ([`script`]) is parsed by a parser of the
//! whole language; each kind of node has a rule, or the script is opaque.

mod arithmetic;
mod bounds;
mod builtin;
mod carried;
mod condition;
mod expand;
mod list;
mod names;
mod recipe;
mod redirect;
mod remote;
mod report;
mod simple;
mod walk;
mod word;
mod wrapper;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub use list::{Command, Line, list};
pub use report::{Note, Report};
pub use word::Word;

pub(crate) use bounds::readable;
pub(crate) use list::judge;
pub(crate) use walk::{Setting, script};

use studio_core::limits::{SHELL_DEPTH_MAX, SHELL_LINE_BYTES_MAX, SHELL_LINE_COMMANDS_MAX};

/// Why text is no list of plain commands, or cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Over a limit.
    #[error("the line has {0} bytes; at most {SHELL_LINE_BYTES_MAX} are judged")]
    Bytes(usize),
    /// Over a limit.
    #[error("the line has more than {SHELL_LINE_COMMANDS_MAX} commands; write fewer")]
    Many,
    /// Over a limit.
    #[error("parentheses, braces and substitutions stand in each other more than {SHELL_DEPTH_MAX} deep; write it flatter")]
    Deep,
    /// A character that hides something.
    #[error("it holds the character U+{0:04X}, which hides what is meant; take it out")]
    Hidden(u32),
    /// No UTF-8.
    #[error("it is no UTF-8 text")]
    NoText,
    /// A quote without its end.
    #[error("a quote is not closed")]
    Unclosed,
    /// A backslash at the end of a line, or of everything.
    #[error("a backslash stands at the end of a line; write the command on one line")]
    Escape,
    /// A sign outside quotes.
    #[error("{0:?} means something to a shell; quote it, or leave it out")]
    Sign(char),
    /// `$'…'`.
    #[error("$'…' hides its characters; write them plainly")]
    AnsiQuote,
    /// `$x`, `${x}`.
    #[error("a variable stands for words that nobody sees; write the words")]
    Expansion,
    /// `$(…)`, backticks, `<(…)`.
    #[error("a command inside a word gives words that nobody sees; run it by itself")]
    Substitution,
    /// `{a,b}`.
    #[error("braces stand for several words; write each of them")]
    Brace,
    /// `~`.
    #[error("~ stands for a folder that nobody sees; write its path")]
    Tilde,
    /// `!x`, `!!`.
    #[error("! may stand for an earlier command; quote it in '…'")]
    History,
    /// `*`, `?`, `[…]`.
    #[error("a pattern of file names may become any word; name the files, or a folder before the pattern")]
    Glob,
    /// A pattern that a secret could be like.
    #[error("the pattern could name {0}, which holds a secret; name the files")]
    SecretGlob(&'static str),
    /// `x=1 command`.
    #[error("it sets a variable, which can change what a command does; leave it out")]
    Assignment,
    /// `>`, `<`, but for `/dev/null`.
    #[error("it redirects to or from a file; a step's output is kept by itself")]
    Redirect,
    /// `<<`, `<<<`.
    #[error("it feeds text to a command; put that into a script")]
    Heredoc,
    /// `if`, `(`, `{`, functions.
    #[error("{0:?} decides what runs; write plain commands, or a script")]
    Control(String),
    /// `&`.
    #[error("& leaves a command running by itself; leave it out")]
    Background,
    /// Something is missing.
    #[error("a command is missing before or after {0:?}")]
    Missing(String),
    /// Bash would read it in another way than the parser, or the parser not at all.
    #[error("{1}")]
    Unread(usize, String),
}

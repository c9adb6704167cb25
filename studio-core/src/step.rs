//! A step: one command as a list of words, with what it should show, how to look back and how to undo it.

use crate::limits::{ARGV_BYTES_MAX, ARGV_WORDS_MAX, STEP_SECONDS_DEFAULT, STEP_SECONDS_MAX};
use crate::name::{Label, RelPath, RunId, Target};
use crate::text::{Prose, hostile};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use crate::expect::{Expect, Pattern};

/// One command and everything that is said about it before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name, unique in its runbook.
    pub name: Label,
    /// The command, never a shell line.
    pub argv: Argv,
    /// What it works on.
    pub target: Target,
    /// Why it is needed.
    pub why: Prose,
    /// What shows that it worked.
    #[serde(default)]
    pub expect: Expect,
    /// A read that can confirm it happened; never a reason to run it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// The command that takes it back, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Argv>,
    /// How long it may take.
    #[serde(default)]
    pub timeout_seconds: Seconds,
}

/// A read and what it shows if the step has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The command.
    pub argv: Argv,
    /// What it shows.
    #[serde(default)]
    pub expect: Expect,
}

/// A program and its arguments. There is no shell, so there is nothing to quote or to inject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Argv(Box<[Box<str>]>);

/// A step's time limit: 1 to [`STEP_SECONDS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Seconds(u32);

/// A step's place in its run, from 1, over all rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepNo(pub u32);

/// One try of one step of one run: what a grant, a claim and an approval are bound to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Op {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepNo,
    /// The try, from 1.
    pub attempt: u32,
}

impl Step {
    /// Returns the step that runs the script at `path`, expects nothing but that it exits with 0, and has the usual time.
    pub fn of_script(name: Label, path: &RelPath, target: Target, why: Prose) -> Step {
        let (argv, timeout_seconds) = (Argv::of_script(path), Seconds::default());
        Step { name, argv, target, why, expect: Expect::default(), probe: None, undo: None, timeout_seconds }
    }
}

impl Argv {
    /// Returns the program to start.
    pub fn program(&self) -> &str {
        &self.0[0]
    }

    /// Returns the arguments, without the program.
    pub fn args(&self) -> impl Iterator<Item = &str> {
        self.0[1..].iter().map(AsRef::as_ref)
    }

    /// Returns all words, the program first.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Returns the command that runs the script at `path` as it stands in the repository.
    pub fn of_script(path: &RelPath) -> Argv {
        Argv(["bash", "--noprofile", "--norc", path.as_str()].into_iter().map(Into::into).collect())
    }

    /// Returns the script this command runs, if it is exactly [`Argv::of_script`], with arguments or not.
    pub fn script(&self) -> Option<RelPath> {
        let words: Vec<&str> = self.words().take(4).collect();
        let [program, "--noprofile", "--norc", path] = words[..] else { return None };
        (matches!(program, "bash" | "/bin/bash" | "/usr/bin/bash") && path.ends_with(".sh")).then(|| RelPath::try_from(path).ok()).flatten()
    }
}

impl TryFrom<Vec<String>> for Argv {
    type Error = BadArgv;

    fn try_from(words: Vec<String>) -> Result<Self, BadArgv> {
        let Some(program) = words.first() else { return Err(BadArgv::Empty) };
        if words.len() > ARGV_WORDS_MAX {
            return Err(BadArgv::Words(words.len()));
        }
        let bytes = words.iter().map(String::len).sum::<usize>();
        if bytes > ARGV_BYTES_MAX {
            return Err(BadArgv::Bytes(bytes));
        }
        if program.is_empty()
            || !program.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+'))
            || program.starts_with('-')
        {
            return Err(BadArgv::Program(program.escape_default().to_string()));
        }
        let odd = |c: &char| hostile(*c) || matches!(c, '\n' | '\t') || (c.is_whitespace() && *c != ' ');
        if let Some(c) = words.iter().flat_map(|word| word.chars()).find(odd) {
            return Err(BadArgv::Control(c as u32));
        }
        Ok(Argv(words.into_iter().map(Into::into).collect()))
    }
}

impl From<Argv> for Vec<String> {
    fn from(argv: Argv) -> Vec<String> {
        argv.0.into_iter().map(Into::into).collect()
    }
}

/// Writes the words so that a shell would read them back unchanged; for people to read and copy.
impl fmt::Display for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.words().enumerate() {
            let space = if at == 0 { "" } else { " " };
            let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c));
            if plain {
                write!(f, "{space}{word}")?;
            } else {
                write!(f, "{space}'{}'", word.replace('\'', r"'\''"))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.words()).finish()
    }
}

impl Seconds {
    /// Returns the number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for Seconds {
    fn default() -> Self {
        Seconds(STEP_SECONDS_DEFAULT)
    }
}

impl TryFrom<u32> for Seconds {
    type Error = BadSeconds;

    fn try_from(seconds: u32) -> Result<Self, BadSeconds> {
        if (1..=STEP_SECONDS_MAX).contains(&seconds) { Ok(Seconds(seconds)) } else { Err(BadSeconds(seconds)) }
    }
}

impl From<Seconds> for u32 {
    fn from(seconds: Seconds) -> u32 {
        seconds.0
    }
}

impl fmt::Display for StepNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.run, self.step, self.attempt)
    }
}

/// A list of words that is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadArgv {
    /// No words.
    #[error("a command needs at least a program")]
    Empty,
    /// Over the limit of words.
    #[error("a command has at most {ARGV_WORDS_MAX} words, this one has {0}")]
    Words(usize),
    /// Over the limit of bytes.
    #[error("a command has at most {ARGV_BYTES_MAX} bytes, this one has {0}")]
    Bytes(usize),
    /// A program's name that is no plain ASCII path.
    #[error("{0:?} is no program's name: letters, digits and / . _ - + only")]
    Program(String),
    /// A control, format or odd space character.
    #[error("a word of the command holds the character U+{0:04X}, which a reader cannot see")]
    Control(u32),
}

/// A time limit outside its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a step may take 1 to {STEP_SECONDS_MAX} seconds, not {0}")]
pub struct BadSeconds(u32);

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Result<Argv, BadArgv> {
        Argv::try_from(words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_command_is_words_and_nothing_hidden() {
        for bad in [
            &[][..],
            &[""],
            &["-rf"],
            &["kubectl\u{a0}delete"],
            &["ls", "a\nb"],
            &["ls", "a\u{202e}b"],
            &["rm -rf /"],
            &["ls", "\u{0}"],
            &["кubectl", "get"],
        ] {
            assert!(argv(bad).is_err(), "{bad:?}");
        }
        assert!(argv(&["x"; ARGV_WORDS_MAX + 1]).is_err());
        assert!(argv(&["x", &"y".repeat(ARGV_BYTES_MAX)]).is_err());
    }

    #[test]
    fn shown_as_a_shell_would_read_it() {
        assert_eq!(argv(&["echo", "$HOME; rm -rf x", "it's", ""]).unwrap().to_string(), r"echo '$HOME; rm -rf x' 'it'\''s' ''");
    }

    #[test]
    fn a_script_is_run_in_one_form_only() {
        let path = RelPath::try_from("infrastructure/check.sh").unwrap();
        assert_eq!(Argv::of_script(&path).script(), Some(path));
        for other in [
            &["bash", "infrastructure/check.sh"][..],
            &["bash", "--noprofile", "--norc", "/tmp/x.sh"],
            &["bash", "--noprofile", "--norc", "-c"],
            &["sh", "--noprofile", "--norc", "a.sh"],
            &["bash", "--noprofile", "--norc", "../x.sh"],
        ] {
            assert_eq!(argv(other).unwrap().script(), None, "{other:?}");
        }
    }
}

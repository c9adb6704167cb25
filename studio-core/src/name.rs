//! The names of things: each is parsed once, and then cannot be a path, an option or a surprise.

use crate::limits::PATH_BYTES_MAX;
use crate::text::hostile;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Declares a name: a string that passed `$good`.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $form:literal, $good:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                let good: fn(&str) -> bool = $good;
                if good(&text) {
                    Ok($name(text.into()))
                } else {
                    Err(BadName { what: stringify!($name), form: $form, text: crate::text::one_line(&text, 100) })
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = BadName;

            fn try_from(text: &str) -> Result<Self, BadName> {
                $name::try_from(text.to_string())
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                $name::try_from(text.to_string())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The identity of a ticket: 1 to 80 of `A-Z a-z 0-9 . _ -`, first a letter or digit.
    /// Tickets of one repository differ without regard to case.
    TicketId, "1 to 80 of A-Z a-z 0-9 . _ -, first a letter or digit", |t| tame(t, 80)
);
name!(
    /// The identity of a run: `YYYYMMDD-HHMMSS-<slug>-<4 hex>`.
    RunId, "YYYYMMDD-HHMMSS-<slug>-<4 hex>", |t| {
        let date = |d: &str| d.chars().all(|c| c.is_ascii_digit());
        let mut parts = t.splitn(3, '-');
        let (day, time, rest) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let Some((slug, hex)) = rest.rsplit_once('-') else { return false };
        day.len() == 8 && time.len() == 6 && date(day) && date(time) && hex.len() == 4 && hexadecimal(hex)
            && !slug.is_empty() && slug.len() <= 40 && slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    }
);
name!(
    /// The name of a step or a criterion, unique in its list: 1 to 60 of `A-Z a-z 0-9 . _ -`.
    Label, "1 to 60 of A-Z a-z 0-9 . _ -, first a letter or digit", |t| tame(t, 60)
);
name!(
    /// What a step works on: `local`, or a host or cluster of the inventory.
    Target, "1 to 60 of A-Z a-z 0-9 . _ -, first a letter or digit", |t| tame(t, 60)
);
name!(
    /// Who speaks: `planner`, `engineer`, `reviewer`, `narrator`, `rule`, or an embedder's own.
    PersonaName, "1 to 40 of a-z 0-9 -, first a letter", |t| {
        (1..=40).contains(&t.len()) && t.starts_with(|c: char| c.is_ascii_lowercase())
            && t.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    }
);
name!(
    /// The name of an approver, as the operator's list spells it.
    Approver, "1 to 80 printable characters without spaces", |t| {
        (1..=80).contains(&t.len()) && t.chars().all(|c| c.is_ascii_graphic())
    }
);
name!(
    /// A hash in 64 lower-case hexadecimal digits: BLAKE3 for journal and blobs, SHA-256 for
    /// scripts, commands and approvals.
    Digest, "64 of 0-9 a-f", |t| t.len() == 64 && hexadecimal(t)
);
name!(
    /// The identity of a store of claims, made once with it.
    StoreId, "32 of 0-9 a-f", |t| t.len() == 32 && hexadecimal(t)
);
name!(
    /// A commit of the user's repository, in 40 or 64 hexadecimal digits.
    CommitId, "40 or 64 of 0-9 a-f", |t| (t.len() == 40 || t.len() == 64) && hexadecimal(t)
);
name!(
    /// A branch: parts of `A-Z a-z 0-9 . _ -` with `/` between them, at most 120 bytes, as git
    /// accepts it on every system.
    BranchName, "at most 120 of A-Z a-z 0-9 . _ - in parts between /, first a letter or digit", |t| {
        let good = |part: &str| tame(part, 100) && !part.contains("..") && !part.ends_with(".lock") && !part.ends_with('.');
        t.len() <= 120 && t != "HEAD" && t.split('/').all(good)
    }
);
name!(
    /// A clean path below the repository's root: no `..`, no leading `/`, no `.git` in any
    /// disguise, no control characters, at most 512 bytes.
    RelPath, "a clean path below the repository's root, outside .git", clean_path
);

impl TicketId {
    /// Returns the ticket's part of branch, run and report names: lower case, other runs of
    /// characters to `-`, at most 40.
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        for c in self.0.chars() {
            match c.to_ascii_lowercase() {
                c if c.is_ascii_lowercase() || c.is_ascii_digit() => slug.push(c),
                _ if !slug.ends_with('-') && !slug.is_empty() => slug.push('-'),
                _ => {}
            }
        }
        slug.truncate(40);
        slug.trim_end_matches('-').to_string()
    }
}

impl BranchName {
    /// Returns the Engineer's branch for a ticket on a day: `template` with the ticket's slug in the
    /// place of `<slug>` and the day in that of `YYYYMMDD`.
    ///
    /// # Errors
    /// That is no branch.
    pub fn of_engineer(template: &str, ticket: &TicketId, run: &RunId) -> Result<BranchName, BadName> {
        let slug = Some(ticket.slug()).filter(|slug| !slug.is_empty()).unwrap_or_else(|| "ticket".into());
        BranchName::try_from(template.replace("<slug>", &slug).replace("YYYYMMDD", run.day()))
    }

    /// Returns the same name with a number, for when it is taken.
    pub fn numbered(&self, number: u32) -> BranchName {
        BranchName(format!("{}-{number}", self.0).into())
    }
}

impl RunId {
    /// Returns the local day it began, as `YYYYMMDD`.
    pub fn day(&self) -> &str {
        &self.0[..8]
    }
}

impl Digest {
    /// Returns the BLAKE3 hash of `bytes`.
    pub fn blake3(bytes: &[u8]) -> Digest {
        Digest(blake3::hash(bytes).to_hex().as_str().into())
    }

    /// Returns the BLAKE3 hash of `bytes` that only whoever knows `key` can make.
    pub fn keyed(key: &[u8; 32], bytes: &[u8]) -> Digest {
        Digest(blake3::keyed_hash(key, bytes).to_hex().as_str().into())
    }

    /// Returns the hash before the first line of a journal.
    pub fn zero() -> Digest {
        Digest("0".repeat(64).into())
    }
}

impl RelPath {
    /// Says whether this is `folder` or lies below it, component by component.
    pub fn starts_with(&self, folder: &RelPath) -> bool {
        self.0.strip_prefix(&*folder.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the path that `text` means where no component is a link: without `.` and empty components, and with
    /// `..` taken for the folder above.
    ///
    /// # Errors
    /// It leaves the repository, or is no clean path then.
    pub fn plainly(text: &str) -> Result<RelPath, BadName> {
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            let leaves = part == ".." && parts.pop().is_none();
            if leaves || text.starts_with('/') {
                return RelPath::try_from(text);
            }
            if !matches!(part, "" | "." | "..") {
                parts.push(part);
            }
        }
        RelPath::try_from(parts.join("/"))
    }

    /// Returns the last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns where the side file of the script at this path stands, if the path is not too long for one.
    pub fn beside(&self) -> Option<RelPath> {
        RelPath::try_from(format!("{self}.studio.toml")).ok()
    }
}

fn tame(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn hexadecimal(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

fn clean_path(path: &str) -> bool {
    let odd =
        |c: char| hostile(c) || matches!(c, '\n' | '\t' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\0') || (c.is_whitespace() && c != ' ');
    let good = |part: &str| {
        // Some file systems leave dots out at the end of a name.
        let bare = part.to_ascii_lowercase();
        let bare = bare.trim_end_matches('.');
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.len() <= 255
            && !part.ends_with(' ')
            && !part.starts_with([' ', '~', '-'])
            && bare != ".git"
            && !bare.starts_with("git~")
    };
    (1..=PATH_BYTES_MAX).contains(&path.len()) && !path.chars().any(odd) && path.split('/').all(good)
}

/// Text that is not the name it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: it should be {form}")]
pub struct BadName {
    what: &'static str,
    form: &'static str,
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_or_hide_are_refused() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "./a",
            ".git/hooks/x",
            "a/.GIT/config",
            "git~1/x",
            "a\\b",
            "a\nb",
            "C:/x",
            "a/b ",
            ".git.",
            "a/.Git../config",
            "git~1./x",
            ".g\u{200c}it/x",
            "~/x",
            "-rf",
            "a\u{a0}b",
        ] {
            assert!(RelPath::try_from(bad).is_err(), "{bad:?}");
        }
        for good in ["README.md", "ai/tasks/add node.yaml", "cluster/apps/web/ks.yaml", ".gitignore", "a/..b", "a/b..", "a/.../b"] {
            assert!(RelPath::try_from(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_path_means_what_is_left_of_it() {
        for (text, path) in [("a//b", "a/b"), ("./a/./b/", "a/b"), ("a/../b", "b"), ("a/b/../../c", "c"), ("a/.../b", "a/.../b")] {
            assert_eq!(RelPath::plainly(text).map(String::from), Ok(path.into()));
        }
        for bad in ["", ".", "a/..", "..", "a/../../b", "/a", "//a", "a/../.git/x", "a/./.GIT", "a\\..\\b"] {
            assert!(RelPath::plainly(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn slugs_are_tame_and_short() {
        let slug = |id: &str| TicketId::try_from(id).unwrap().slug();
        assert_eq!(slug("Add_Node.2"), "add-node-2");
        assert_eq!(slug("a--..b-"), "a-b");
        assert!(slug(&"x".repeat(80)).len() <= 40);
    }

    #[test]
    fn branches_are_what_git_accepts_everywhere() {
        let run = RunId::try_from("20261122-101112-add-node-0a1f").unwrap();
        let branch = BranchName::of_engineer("engineer/<slug>-YYYYMMDD", &TicketId::try_from("Add_Node.2").unwrap(), &run).unwrap();
        assert_eq!((branch.as_str(), branch.numbered(2).as_str()), ("engineer/add-node-2-20261122", "engineer/add-node-2-20261122-2"));
        assert_eq!(BranchName::try_from(branch.numbered(2).as_str()), Ok(branch.numbered(2)));
        for bad in ["", "a//b", "/a", "a/", "-x", "a..b", "a.lock", "a/b.lock", "HEAD", "a b", "a~1", "a@{1}", "a.", "refs/../x", "a:b"] {
            assert!(BranchName::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_keyed_hash_depends_on_key_and_bytes() {
        let sealed = Digest::keyed(&[1; 32], b"x");
        assert_eq!(sealed, Digest::keyed(&[1; 32], b"x"));
        assert!(sealed != Digest::keyed(&[2; 32], b"x") && sealed != Digest::keyed(&[1; 32], b"y") && sealed != Digest::blake3(b"x"));
        assert!(Digest::try_from(sealed.as_str()).is_ok());
    }

    #[test]
    fn run_ids_have_one_form() {
        assert!(RunId::try_from("20261122-101112-add-node-0a1f").is_ok());
        for bad in ["20261122-101112-0a1f", "20261122-101112--0a1f", "2026-1-x-0a1f", "20261122-101112-a/b-0a1f", "20261122-101112-x-0A1F"] {
            assert!(RunId::try_from(bad).is_err(), "{bad}");
        }
    }
}

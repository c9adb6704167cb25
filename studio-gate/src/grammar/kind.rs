//! Kinds of words: what an option's value or a word may look like.
//!
//! Every kind keeps out words of destruction and secret places, but for data: a text to look for or to print.

use crate::danger;
use crate::place::{like, secret};
use std::collections::BTreeMap;
use studio_core::name::RelPath;

/// What a word may be.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// One of the kinds in capitals, by its name.
    Built(Fits),
    /// One of these.
    OneOf(Vec<Kind>),
    /// This word, whatever it says.
    Exactly(String),
    /// A pattern, in which `*` is anything.
    Like(String),
}

/// Says whether a word is of a kind.
type Fits = fn(&str) -> bool;

/// The kinds in capitals, as README.md explains them.
const BUILT: &[(&str, Fits)] = &[
    ("NAME", |word| plain(word, "._:/@,-") && !word.contains("//")),
    ("WORD", |word| word.starts_with(|c: char| c.is_ascii_alphabetic()) && plain(word, "._-")),
    ("HOST", |word| plain(word, ".-:")),
    ("NUMBER", |word| number(word)),
    ("SIZE", |word| number(word.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G', 'T', 'B']).unwrap_or(word))),
    ("TIME", time),
    ("SELECTOR", |word| plain(word.strip_prefix('!').unwrap_or(word), "._:/@,-=!() ")),
    ("FIELDS", |word| word.strip_prefix(['+', '-']).unwrap_or(word).split(',').all(|field| plain(field, "._:%-"))),
    ("PATH", path),
    ("FOLDER", |word| path(word) && !remote(word)),
    ("ATPATH", |word| word.strip_prefix('@').is_some_and(path)),
    ("LINES", |word| word.split(':').all(|part| part.is_empty() || plain(part, ",+-_/. ") && !secret(part))),
    ("TREE", |word| path(word) && !holds_secrets(word)),
    ("PLACE", |word| spot(word) && !secret(word) && !danger::word(word)),
    ("SPOT", spot),
    ("DEVICE", |word| word.strip_prefix("/dev/").is_some_and(|name| plain(name, "._:/@+-") && !name.contains(".."))),
    ("REV", revision),
    ("FORMAT", |word| word.starts_with('+')),
    ("TEXT", |word| !word.starts_with('-')),
    ("PLAIN", |word| !word.starts_with('-') && !word.contains(['$', '`', '|', ';', '&', '<', '>'])),
];

/// Longest number, in digits.
const DIGITS_MAX: usize = 12;
/// Longest time, in characters.
const TIME_MAX: usize = 12;
/// Files of the machine that hold no secrets and that anyone may read.
const PUBLIC: &str = "/etc/os-release /etc/hosts /etc/hostname /etc/resolv.conf /etc/timezone /etc/debian_version /etc/pve/version /etc/fstab \
    /etc/lsb-release /proc/cpuinfo /proc/meminfo /proc/loadavg /proc/uptime /proc/version /proc/mdstat /proc/mounts /proc/partitions \
    /proc/net/dev /proc/net/route /proc/net/bonding/* /proc/swaps /proc/stat /proc/diskstats /proc/interrupts /proc/modules /sys/class/* \
    /sys/block/* /sys/devices/* /usr/share/doc/*";

impl Kind {
    /// Reads a kind: names in capitals and patterns, parted by `|`; what stands in `'…'` is itself.
    pub(super) fn parse(text: &str, own: &BTreeMap<String, String>) -> Result<Kind, String> {
        let mut parts = text.split('|').map(|part| Kind::part(part, own)).collect::<Result<Vec<Kind>, String>>()?;
        match parts.pop() {
            Some(only) if parts.is_empty() => Ok(only),
            Some(last) => Ok(Kind::OneOf(parts.into_iter().chain([last]).collect())),
            None => Err("a kind is empty".into()),
        }
    }

    fn part(part: &str, own: &BTreeMap<String, String>) -> Result<Kind, String> {
        if part.is_empty() {
            return Err("a kind is empty".into());
        }
        if let Some(bare) = part.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Ok(Kind::Exactly(bare.into()));
        }
        if let Some((_, built)) = BUILT.iter().find(|(name, _)| *name == part) {
            return Ok(Kind::Built(*built));
        }
        if !part.chars().all(|c| c.is_ascii_uppercase()) {
            return Ok(Kind::Like(part.into()));
        }
        // Without the name itself, so that no kind is made of itself.
        let others = own.iter().filter(|(name, _)| *name != part).map(|(name, kind)| (name.clone(), kind.clone())).collect();
        own.get(part)
            .map_or_else(|| Err(format!("nobody knows the kind {part}; a word in capitals is written '{part}'")), |kind| Kind::parse(kind, &others))
    }

    /// Says whether it names `word` itself.
    #[cfg(test)]
    pub(super) fn names(&self, word: &str) -> bool {
        match self {
            Kind::Exactly(own) => own == word,
            Kind::OneOf(kinds) => kinds.iter().any(|kind| kind.names(word)),
            Kind::Built(_) | Kind::Like(_) => false,
        }
    }

    /// Says whether `word` is of the kind.
    pub(super) fn fits(&self, word: &str) -> bool {
        match self {
            Kind::Built(built) => built(word),
            Kind::OneOf(kinds) => kinds.iter().any(|kind| kind.fits(word)),
            Kind::Exactly(own) => own == word,
            Kind::Like(pattern) => like(pattern, word) && !danger::word(word),
        }
    }
}

/// Says whether the word is a path of the repository, or a public file of the machine, that anyone may read.
fn path(word: &str) -> bool {
    if word.starts_with('/') {
        return spot(word) && PUBLIC.split_whitespace().any(|public| like(public, word)) && !secret(word) && !danger::word(word);
    }
    // A star that nobody expands names no file; where a shell would expand it, no secret file is among them.
    let one = word
        .rsplit('/')
        .next()
        .filter(|last| last.starts_with("*."))
        .and_then(|last| Some(format!("{}a{}", word.strip_suffix(last)?, &last.get(1..)?)));
    let bare = one.as_deref().unwrap_or(word);
    let bare = bare.strip_prefix("./").unwrap_or(bare);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    !bare.contains('*') && (bare == "." || RelPath::try_from(bare).is_ok()) && !secret(bare) && !danger::word(bare)
}

/// Says whether a program that fetches what others wrote could take `word` for an address.
fn remote(word: &str) -> bool {
    let first = word.split('/').next().unwrap_or_default();
    word.contains(':') || (first.contains('.') && !matches!(first, "." | ".."))
}

/// Says whether a secret place with a fixed path lies below `word`.
fn holds_secrets(word: &str) -> bool {
    let bare = word.trim_start_matches("./").trim_end_matches('/');
    matches!(bare, "" | "." | "config") || bare.eq_ignore_ascii_case("config")
}

/// Says whether the word could be the path of anything, without steps up.
fn spot(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_'))
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/@+:, ".contains(c))
        && !word.split('/').any(|part| part == ".." || part == ".git")
}

fn plain(word: &str, more: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        && !danger::word(word)
}

fn number(word: &str) -> bool {
    !word.is_empty() && word.len() <= DIGITS_MAX && word.chars().all(|c| c.is_ascii_digit())
}

fn time(word: &str) -> bool {
    word.len() <= TIME_MAX
        && word.starts_with(|c: char| c.is_ascii_digit())
        && word.ends_with(['h', 'm', 's', 'd', 'w'])
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, 'h' | 'm' | 's' | 'd' | 'w' | '.'))
}

/// Says whether the word is a revision, a path, or a revision's path, inside the repository and not secret.
fn revision(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@' | '^' | '~' | '{' | '}' | ':');
    let inside = |part: &str| !part.starts_with(['/', '-']) && !part.split('/').any(|part| part == ".." || part == ".git") && !secret(part);
    word.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '_'))
        && word.chars().all(plain)
        && word.split(':').all(inside)
        && !danger::word(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(kind: &str, word: &str) -> bool {
        let own = BTreeMap::from([("COLOR".to_string(), "red|blue".to_string())]);
        Kind::parse(kind, &own).unwrap().fits(word)
    }

    #[test]
    fn a_kind_takes_what_it_says() {
        for (kind, yes, no) in [
            ("NAME", &["web-0", "deploy/web", "ghcr.io/x/y:1.2"][..], &["", "-x", "rm", "a b", "a=b", "$x", "https://x"][..]),
            ("WORD", &["tank", "web-1"], &["5", "a/b", "rm", "a:b"]),
            ("NUMBER", &["0", "200"], &["-1", "1k", "", "9999999999999"]),
            ("SIZE", &["10", "10M"], &["10MB", "M"]),
            ("TIME", &["60s", "1h30m", "7d"], &["60", "now", "-1s"]),
            ("SELECTOR", &["app=web", "app!=web", "!app", "app in (a, b)"], &["app=$x", "-l"]),
            ("FIELDS", &["NAME,SIZE", "+UUID"], &["a b", "", "a,,b"]),
            (
                "PATH",
                &["a/b.yaml", "./docs/", ".", "/etc/os-release", "docs/*.md", "*.yaml"],
                &[
                    "/etc/shadow",
                    "a/*/b.yaml",
                    "a/*.env*",
                    "*.key",
                    "config/env/*.md",
                    "a/*",
                    "../x",
                    ".env",
                    "config/env/x",
                    "~",
                    "rm",
                    "/etc/hosts/../shadow",
                ],
            ),
            ("FOLDER", &[".", "./a.b/c", "kubernetes/apps"], &["github.com/a/b", "gh:a/b", "https://x", "../x"]),
            ("ATPATH", &["@talos/x.yaml"], &["@.env", "talos/x.yaml", "@../x"]),
            ("LINES", &["1,20", "1,+5:docs/a.md", ":main:src/main.rs"], &["1,5:.env", "1,5:config/env/x", ";x"]),
            ("TREE", &["docs", "kubernetes/"], &[".", "./", "config", "config/env", "Config"]),
            ("PLACE", &["/", "/var/lib", "docs"], &["/root/.ssh", ".env", "a/../b", "~x"]),
            ("SPOT", &["/root/.ssh", ".talos/main/kubeconfig"], &["a/../b", "a[$(id)]", "-x"]),
            ("DEVICE", &["/dev/sda", "/dev/disk/by-id/ata-X"], &["/dev/", "/dev/../etc", "sda"]),
            ("REV", &["HEAD~2", "main..HEAD", "HEAD:README.md"], &["HEAD:.env", "../x", "-p", "/etc"]),
            ("FORMAT", &["+%F"], &["%F"]),
            ("TEXT", &["anything; goes"], &["-x"]),
            ("PLAIN", &["rm -rf"], &["$x", "a|b", "-n"]),
            ("COLOR", &["red"], &["COLOR", "green"]),
            ("'GET'|head*", &["GET", "header"], &["get", "'GET'"]),
            ("'delete'|x", &["delete", "x"], &["destroy"]),
            ("NUMBER|all", &["all", "3"], &["none"]),
            ("a|rm", &["a"], &["rm"]),
        ] {
            yes.iter().for_each(|word| assert!(fits(kind, word), "{kind} {word}"));
            no.iter().for_each(|word| assert!(!fits(kind, word), "{kind} {word}"));
        }
    }

    #[test]
    fn an_unknown_kind_is_an_error() {
        let none = BTreeMap::new();
        let itself = BTreeMap::from([("LOOP".to_string(), "a|LOOP".to_string())]);
        assert!(Kind::parse("FROB", &none).unwrap_err().contains("FROB"));
        assert!(Kind::parse("a||b", &none).is_err());
        assert!(Kind::parse("LOOP", &itself).is_err());
    }
}

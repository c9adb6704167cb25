//! Kinds of words: what an option's value or a word may look like.
//!
//! Every kind keeps out words of destruction and secret places, but for data: a text to look for or to print.

use super::machine::{near, registry, resolver, sockets};
use super::snippet;
use super::spot::{glob, holds_secrets, inventory, names_file, path, place, remote, spot};
use crate::danger;
use crate::place::{like, listed, secret, told};
use std::collections::BTreeMap;

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
    ("NEAR", near),
    ("NEARS", |word| word.split(',').all(near)),
    ("RESOLVER", |word| word.strip_prefix('@').is_some_and(resolver)),
    ("REGISTRY", |word| word.strip_prefix("oci://").is_some_and(registry)),
    ("SOCKETS", sockets),
    ("GLOB", glob),
    ("SOCKET", |word| word.rsplit_once(':').is_some_and(|(host, port)| resolver(host) && number(port))),
    ("NUMBER", |word| number(word)),
    ("SIZE", |word| number(word.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G', 'T', 'B']).unwrap_or(word))),
    ("TIME", time),
    ("SELECTOR", |word| plain(word.strip_prefix('!').unwrap_or(word), "._:/@,-=!() ")),
    ("FIELDS", fields),
    ("PATH", path),
    ("FOLDER", |word| path(word) && !remote(word)),
    ("ATPATH", |word| word.strip_prefix('@').is_some_and(path)),
    ("LINES", |word| word.split(':').all(|part| part.is_empty() || plain(part, ",+-_/. ") && !secret(part))),
    ("TREE", |word| path(word) && !holds_secrets(word)),
    ("PLACE", |word| place(word.strip_suffix('/').filter(|rest| rest.contains('*')).unwrap_or(word))),
    ("SPOT", spot),
    ("DEVICE", |word| word.strip_prefix("/dev/").is_some_and(|name| plain(name, "._:/@+-") && !name.contains(".."))),
    ("REV", revision),
    ("INVENTORY", inventory),
    ("VIEW", snippet::view),
    ("FORMAT", |word| word.starts_with('+')),
    ("TEXT", |word| !word.starts_with('-')),
    ("SAID", |word| !word.starts_with(['-', '>', '<']) && !word.contains(['$', '`']) && !listed("| || & && ;", word)),
    ("SED", snippet::sed),
    ("AWK", snippet::awk),
    ("FILTER", snippet::filter),
    ("EXPRESSION", |word| snippet::filter(word) && !names_file(word)),
    ("PRETTY", snippet::pretty),
    ("PLAIN", |word| !word.starts_with('-') && !word.contains(['$', '`', '|', ';', '&', '<', '>']) && !word.contains("://")),
];

/// Longest number, in digits.
const DIGITS_MAX: usize = 12;
/// Longest time, in characters.
const TIME_MAX: usize = 12;

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

fn fields(word: &str) -> bool {
    let field = |field: &str| plain(field.strip_prefix('%').unwrap_or(field), "._:%-");
    word.strip_prefix(['+', '-']).unwrap_or(word).split(',').all(field)
}

pub(super) fn plain(word: &str, more: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        && !(word.contains('/') && word.split(',').any(secret))
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
    let inside =
        |part: &str| !part.starts_with(['/', '-']) && !part.split('/').any(|part| part == ".." || part == ".git") && !secret(part) && !told(part);
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
            (
                "PLACE",
                &["*", "/var/*", "*/", "docs/a?", "/*"],
                &["config/env/*", ".*", "conf*/x", ".ssh/*", "a/$x*", "../*", ".talos/*", "/root/.kube/*"],
            ),
            (
                "PATH",
                &["docs/*.md", "*.yaml", "./a/web-?.json", "a/secret.sops.yaml", "docs/secret-store.yaml"],
                &[
                    "*",
                    "*.env",
                    "*.pem",
                    "conf*/x.yaml",
                    ".*",
                    "kube*.yaml",
                    "config/env/*.yaml",
                    ".talos/*.yaml",
                    "../*.md",
                    "[k]*.yaml",
                    "$x*.yaml",
                    "key?.txt",
                    "/root/.ssh/*.txt",
                    "*.y*ml",
                ],
            ),
            (
                "NEAR",
                &["10.0.0.1", "fd00::1", "worker-1", "pve.example.lan", "google.com"],
                &["x.attacker.example", "a.google.com", "-x", "a b.lan", "x;y.lan", ""],
            ),
            (
                "RESOLVER",
                &["@10.0.0.1", "@fd00::1", "@1.1.1.1", "@ns.home.lan"],
                &["@10.x.example", "@203.0.113.9", "10.0.0.1", "@", "@192.168.x.example"],
            ),
            (
                "REGISTRY",
                &["oci://ghcr.io/a/b", "oci://registry.lan:5000/c"],
                &["oci://x.example/c", "oci://ghcr.io.x.example/c", "ghcr.io/a", "oci:///c"],
            ),
            (
                "SOCKETS",
                &["dst", "10.0.0.0/8", "sport = :443", "( dport = :22 or dst [fd00::1]:80 )", "fd00::1", "state", "*:22"],
                &["dst x.attacker.example", "x.attacker.example:80", "-K", "a|b"],
            ),
            (
                "GLOB",
                &["*.yaml", "**/*.tf", "!config/**", "docs/**/*.md", "*.{yaml,yml}", "web.yaml"],
                &["*", ".env*", "env", "config/env/*.yaml", "**", "*.env", "{*,x.md}", "*.{yaml,env}", "!", "conf*/x.md"],
            ),
            ("EXPRESSION", &[".kind", "..", ".a.b", ".. | .image"], &[".env", "/etc/x", "./.talos/x", "../x", "kubeconfig", "env"]),
            ("NAME", &["a.key"], &["a,config/env/x", "x/.ssh/id", "config/env/x"]),
            (
                "PATH",
                &["a/externalsecret.yaml", "docs/env.md", "/var/log/nginx/error.log", "/etc/pve/lxc/200.conf"],
                &["a/Secrets.yaml", "db-secret.yml", "x.tfvars", "prod.auto.tfvars.json", "app.env", "credentials.json", "s*.yaml", "/var/log/wtmp"],
            ),
            ("EXPRESSION", &[".spec.env", ".a"], &["secrets.yaml", "./secrets.yaml", ".env"]),
            ("PATH", &["a.yaml,b.yaml"], &["a.yaml,config/env/x", "a,/etc/shadow", "+1f"]),
            ("PLAIN", &["a/b"], &["https://x"]),
            ("SOCKET", &["10.0.0.1:443", "pve1.lan:8006"], &["10.0.0.1", "x.attacker.example:443", "203.0.113.9:443", "pve1.lan:x"]),
            ("SELECTOR", &["app=web", "app!=web", "!app", "app in (a, b)"], &["app=$x", "-l"]),
            ("FIELDS", &["NAME,SIZE", "+UUID", "-%cpu"], &["a b", "", "a,,b"]),
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
                    "@list",
                ],
            ),
            ("FOLDER", &[".", "./a.b/c", "kubernetes/apps"], &["github.com/a/b", "gh:a/b", "https://x", "../x"]),
            ("ATPATH", &["@talos/x.yaml"], &["@.env", "talos/x.yaml", "@../x"]),
            ("LINES", &["1,20", "1,+5:docs/a.md", ":main:src/main.rs"], &["1,5:.env", "1,5:config/env/x", ";x"]),
            ("TREE", &["docs", "kubernetes/"], &[".", "./", "config", "config/env", "Config"]),
            ("PLACE", &["/", "/var/lib", "docs"], &["/root/.ssh", ".env", "a/../b", "~x"]),
            ("SPOT", &["/root/.ssh", ".talos/main/kubeconfig"], &["a/../b", "a[$(id)]", "-x"]),
            ("DEVICE", &["/dev/sda", "/dev/disk/by-id/ata-X"], &["/dev/", "/dev/../etc", "sda"]),
            (
                "PATH",
                &["secret.sops.yaml", "secrets.sops.yaml", "a/variables.tf"],
                &["secrets.yaml", "a/Secrets.yml", "lab.tfvars", "*.tfvars", "sec*.yaml"],
            ),
            ("REV", &["HEAD~2", "main..HEAD", "HEAD:README.md"], &["HEAD:secrets.yaml", "HEAD:.env", "../x", "-p", "/etc"]),
            ("FORMAT", &["+%F"], &["%F"]),
            (
                "INVENTORY",
                &["inventory/hosts.ini", "hosts", "./inventory"],
                &["a.py", "x.yml", "inventory/lab", "../hosts", "/etc/ansible/hosts", "a.ini,b.sh", "*.ini", ".ssh/x.ini", ".ini/"],
            ),
            ("TEXT", &["anything; goes"], &["-x"]),
            ("SAID", &["rm; ls | x", ""], &["$x", "`id`", "|", "&&", ">x", "-n"]),
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

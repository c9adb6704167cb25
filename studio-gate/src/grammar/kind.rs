//! Kinds of words: what an option's value or a word may look like.
//!
//! Every kind keeps out words of destruction and secret places, but for data: a text to look for or to print.

use super::machine::{near, registry, resolver, sockets};
use super::snippet;
use crate::danger;
use crate::place::{like, listed, secret, told};
use std::borrow::Cow;
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
/// Endings of files that patterns may stand for.
const ENDINGS: &str =
    "yaml yml json md txt toml tf hcl sh bash py rs go js ts html css crt csr csv tsv log conf cfg ini j2 xml tpl service timer rules sql proto lock";
/// Files of the machine that hold no secrets and that anyone may read.
const PUBLIC: &str = "/etc/issue /etc/network/interfaces /etc/apt/sources.list /etc/nsswitch.conf /etc/services /etc/shells /etc/locale.gen \
    /proc/sys/* /proc/filesystems /proc/cgroups /var/log/syslog /var/log/messages /var/log/kern.log /var/log/dmesg /var/log/boot.log \
    /var/log/dpkg.log /var/log/apt/history.log /etc/os-release /etc/hosts /etc/hostname /etc/resolv.conf /etc/timezone /etc/debian_version /etc/pve/version /etc/fstab \
    /etc/lsb-release /proc/cpuinfo /proc/meminfo /proc/loadavg /proc/uptime /proc/version /proc/mdstat /proc/mounts /proc/partitions \
    /proc/net/dev /proc/net/route /proc/net/bonding/* /proc/swaps /proc/stat /proc/diskstats /proc/interrupts /proc/modules /sys/class/* \
    /sys/block/* /sys/devices/* /usr/share/doc/* /usr/bin/* /usr/sbin/* /usr/lib/* /usr/include/* /bin/* /sbin/* /lib/* /etc/crontab \
    /etc/exports /etc/modules /etc/sysctl.conf /etc/sysctl.d/* /etc/ssh/sshd_config /etc/apt/sources.list.d/* /etc/pve/storage.cfg \
    /etc/pve/corosync.conf /etc/pve/datacenter.cfg /etc/corosync/corosync.conf /proc/cmdline /proc/self/status /proc/1/status /proc/1/cgroup /proc/self/cgroup /proc/self/mountinfo /proc/net/tcp \
    /proc/net/udp /etc/redhat-release /proc/spl/kstat/zfs/* /proc/vmstat /proc/buddyinfo /proc/slabinfo /proc/softirqs /proc/devices \
    /proc/pressure/* /sys/module/* /etc/chrony/chrony.conf /etc/chrony.conf /etc/default/grub /etc/modprobe.d/* /etc/modules-load.d/* \
    /etc/pve/.members /etc/pve/ha/resources.cfg /etc/pve/jobs.cfg /etc/pve/lxc/* /etc/motd /etc/logrotate.conf /etc/logrotate.d/* /etc/cron.d/* \
    /etc/nginx/nginx.conf /etc/samba/smb.conf /etc/multipath.conf /etc/mdadm/mdadm.conf /etc/lvm/lvm.conf /etc/systemd/system/* \
    /etc/systemd/journald.conf /etc/systemd/resolved.conf /etc/systemd/timesyncd.conf /run/reboot-required* /var/run/reboot-required* \
    /var/log/daemon.log /var/log/syslog.* /var/log/messages.* /var/log/kern.log.* /var/log/nginx/* /var/log/pveproxy/* \
    /var/log/pve-firewall.log /var/log/apt/term.log /var/log/cron /var/log/cron.log";

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
///
/// Some programs part a list of files at its commas, so each part is such a path.
fn path(word: &str) -> bool {
    word.split(',').all(one_path)
}

fn one_path(word: &str) -> bool {
    let Some(word) = &one_of(word) else { return false };
    if word.starts_with('/') {
        return spot(word) && PUBLIC.split_whitespace().any(|public| like(public, word)) && !secret(word) && !danger::word(word);
    }
    let bare = word.strip_prefix("./").unwrap_or(word);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    // Many a program reads its words out of what stands behind an `@`; some take `+1f` for an option.
    !word.starts_with(['@', '+']) && (bare == "." || RelPath::try_from(bare).is_ok()) && !secret(bare) && !told(bare) && !danger::word(bare)
}

/// Returns `word`, or for a pattern of a shell a file that it stands for: the pattern is a name's start and
/// leaves a usual ending, and it does not pick what is secret.
fn one_of(word: &str) -> Option<Cow<'_, str>> {
    if !word.contains(['*', '?']) {
        return Some(Cow::Borrowed(word));
    }
    let (folder, name) = word.rsplit_once('/').map_or(("", word), |(folder, name)| (folder, name));
    let (start, ending) = name.rsplit_once('.')?;
    let picks = |secret: &str| start != "*" && like(&name.replace('?', "*"), secret);
    let usual = ENDINGS.split_whitespace().any(|usual| usual == ending) && !start.starts_with('.');
    let plain = start.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '?' | '.' | '_' | '-'));
    let tame = !folder.contains(['*', '?'])
        && usual
        && plain
        && !["talsecret", "kubeconfig", "talosconfig", "keys", "secret", "secrets", "credentials"]
            .iter()
            .any(|name| picks(&format!("{name}.{ending}")));
    tame.then(|| Cow::Owned(if word.contains('/') { format!("{folder}/x.{ending}") } else { format!("x.{ending}") }))
}

/// Says whether what `word` names may be shown by name and size. A pattern stands for names that do not start with a dot.
fn place(word: &str) -> bool {
    let (folder, name) = word.rsplit_once('/').map_or((".", word), |(folder, name)| (folder, name));
    let known = |word: &str| spot(word) && !secret(word) && !danger::word(word);
    if !name.contains(['*', '?']) {
        return known(word);
    }
    let tame = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '?' | '.' | '_' | '-')) && !name.starts_with(['.', '-']);
    tame && (folder.is_empty() || known(folder)) && !secret(word) && !secret(&format!("{folder}/x"))
}

/// Says whether `word` is a pattern of files that a search may be bound to: some search what they would pass over
/// otherwise if a pattern names it.
fn glob(word: &str) -> bool {
    if let Some(less) = word.strip_prefix('!') {
        return !less.is_empty();
    }
    let bare = word.strip_prefix("**/").unwrap_or(word).replace("/**/", "/");
    let (start, endings) = bare.strip_suffix('}').and_then(|rest| rest.split_once('{')).unwrap_or((&bare, ""));
    let usual = |name: &str| name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.split_whitespace().any(|usual| usual == ending));
    endings.split(',').map(|ending| format!("{start}{ending}")).all(|name| usual(&name) && path(&name))
}

/// Says whether `word` could be the name of a file that is not to be read: where it is one, yq reads it.
fn names_file(word: &str) -> bool {
    let bare = word.trim_start_matches("./");
    word.starts_with(['/', '~']) || word.contains("../") || secret(bare) || (!bare.starts_with('.') && told(bare))
}

/// Says whether `word` is an inventory of ansible in plain lines: others are programs, or have a plugin run one.
fn inventory(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    one_path(word) && !word.contains(['*', '?', ',']) && (name.ends_with(".ini") || matches!(name, "hosts" | "inventory"))
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

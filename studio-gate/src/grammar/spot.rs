//! Words that are places: which a program may show, list, or search in, and which no pattern may stand for.

use crate::danger;
use crate::place::{like, secret, told};
use std::borrow::Cow;
use studio_core::name::RelPath;

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

/// Says whether the word is a path of the repository, or a public file of the machine, that anyone may read.
///
/// Some programs part a list of files at its commas, so each part is such a path.
pub(super) fn path(word: &str) -> bool {
    word.split(',').all(one_path)
}

pub(super) fn one_path(word: &str) -> bool {
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
pub(super) fn one_of(word: &str) -> Option<Cow<'_, str>> {
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
pub(super) fn place(word: &str) -> bool {
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
pub(super) fn glob(word: &str) -> bool {
    if let Some(less) = word.strip_prefix('!') {
        return !less.is_empty();
    }
    let bare = word.strip_prefix("**/").unwrap_or(word).replace("/**/", "/");
    let (start, endings) = bare.strip_suffix('}').and_then(|rest| rest.split_once('{')).unwrap_or((&bare, ""));
    let usual = |name: &str| name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.split_whitespace().any(|usual| usual == ending));
    endings.split(',').map(|ending| format!("{start}{ending}")).all(|name| usual(&name) && path(&name))
}

/// Says whether `word` could be the name of a file that is not to be read: where it is one, yq reads it.
pub(super) fn names_file(word: &str) -> bool {
    let bare = word.trim_start_matches("./");
    word.starts_with(['/', '~']) || word.contains("../") || secret(bare) || (!bare.starts_with('.') && told(bare))
}

/// Says whether `word` is an inventory of ansible in plain lines: others are programs, or have a plugin run one.
pub(super) fn inventory(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    one_path(word) && !word.contains(['*', '?', ',']) && (name.ends_with(".ini") || matches!(name, "hosts" | "inventory"))
}

/// Says whether a program that fetches what others wrote could take `word` for an address.
pub(super) fn remote(word: &str) -> bool {
    let first = word.split('/').next().unwrap_or_default();
    word.contains(':') || (first.contains('.') && !matches!(first, "." | ".."))
}

/// Says whether a secret place with a fixed path lies below `word`.
pub(super) fn holds_secrets(word: &str) -> bool {
    let bare = word.trim_start_matches("./").trim_end_matches('/');
    matches!(bare, "" | "." | "config") || bare.eq_ignore_ascii_case("config")
}

/// Says whether the word could be the path of anything, without steps up.
pub(super) fn spot(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_'))
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/@+:, ".contains(c))
        && !word.split('/').any(|part| part == ".." || part == ".git")
}

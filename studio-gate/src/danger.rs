//! Words that show destruction. A list of words stops nobody who hides; it only raises what was judged otherwise.

use crate::place::{fold, listed};
use serde::Serialize;

/// Programs, verbs and resources' ends that destroy, whatever program they stand in.
const WORDS: &str = "delete del destroy wipe wipefs reset format purge uninstall drain remove rm rmdir unlink erase shred discard blkdiscard prune truncate \
    dd mkfs* mke2fs mkswap sgdisk sfdisk gdisk cfdisk fdisk parted luksformat lukserase labelclear lvremove vgremove pvremove badblocks \
    reboot shutdown poweroff halt delsnapshot delnode remove-member force-unlock rmi lvreduce vgreduce undefine sanitize sysrq-trigger";

/// Options that destroy, or that switch a safeguard off.
const OPTIONS: &str = "--force* --prune* --purge* --del --delete* -delete --destroy* -destroy --wipe* --security-erase* --sanitize* --rmi* --*-to-wipe --hard --zap* --erase* --mirror --zero-superblock \
    --no-preserve-root --skiplock --all-volumes --reset-values";

/// Words that destroy in one program and are harmless in others.
const OF_PROGRAM: &[(&str, &str)] = &[
    ("talosctl", "upgrade* rollback bootstrap leave"),
    ("kubectl", "--all --grace-period* --replicas=0 finalizers*"),
    ("flux", "--all"),
    ("helm", "--post-renderer*"),
    ("git", "clean +* :* -f -fd* -ff* -D filter-branch filter-repo update-ref expire gc"),
    ("qm", "rollback --purge -force"),
    ("pct", "rollback restore -force"),
    ("pvesm", "free"),
    ("pvecm", "expected"),
    ("zfs", "rollback recv receive"),
    ("zpool", "create export offline detach split"),
    ("terraform", "-auto-approve rm -replace*"),
    ("tofu", "-auto-approve rm -replace*"),
    ("systemctl", "isolate mask kexec rescue emergency"),
    ("etcdctl", "restore defrag"),
    ("iptables", "-F --flush -X"),
    ("ip6tables", "-F --flush -X"),
    ("nft", "flush"),
];

/// Words that destroy where another one stands right before them; case does not count.
const PAIRS: &[(&str, &str)] = &[
    ("drop", "table tables database schema index view user role tablespace keyspace collection constraint column owned"),
    ("--replicas", "0"),
    ("init", "0 6"),
    ("telinit", "0 6"),
    ("cp", "null"),
    ("cat", "null"),
];

/// Places below `/dev` that take anything and lose nothing.
const SINKS: &str = "null stdin stdout stderr tty fd/* shm/* tcp/* udp/*";

/// Parts of a script's file name that say it destroys.
const NAMES: &str = "danger wipe reset destroy format purge";

/// Returns the tables, for the digest of the rules.
pub(crate) fn tables() -> impl Serialize {
    (WORDS, OPTIONS, OF_PROGRAM, PAIRS, SINKS, NAMES)
}

/// Says whether `word` shows destruction whatever program it stands in.
pub(crate) fn word(word: &str) -> bool {
    let folded = fold(word);
    let bare = folded.split('=').next().unwrap_or(&folded);
    let list = if folded.starts_with('-') { OPTIONS } else { WORDS };
    listed(list, bare)
}

/// Returns the first of `words` that shows destruction.
pub(crate) fn shown<'a>(words: &[&'a str]) -> Option<&'a str> {
    let of_program: Vec<&str> = OF_PROGRAM.iter().filter(|(program, _)| words.contains(program)).map(|(_, list)| *list).collect();
    let one = words.iter().copied().find(|shown| word(shown) || of_program.iter().any(|list| listed(list, shown)));
    let pair = |pair: &[&'a str]| {
        let [first, second] = pair else { return None };
        PAIRS.iter().any(|(before, list)| fold(first) == *before && listed(list, &fold(second))).then_some(*second)
    };
    one.or_else(|| words.windows(2).find_map(pair))
}

/// Returns the first word of a script that shows destruction. A plain scan: comments and quoted
/// text count too, so that nothing can hide behind them.
pub(crate) fn shown_in(script: &str) -> Option<String> {
    let plain: String = script.replace("\\\n", "").chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
    overwritten(&plain).or_else(|| shown_word(&plain))
}

/// Returns the device, or the file of the system, that a redirection of `text` empties.
fn overwritten(text: &str) -> Option<String> {
    text.match_indices('>').find_map(|(at, _)| {
        let file = text.get(at + 1..)?.trim_start_matches(['|', '>']).trim_start_matches([' ', '\t']);
        let file = file.split(|c: char| c.is_whitespace() || matches!(c, ';' | '|' | '&' | ')')).next().unwrap_or_default();
        let empties = text.get(..at).is_some_and(|before| matches!(before.rsplit(['\n', ';', '|', '&']).next().map(str::trim), Some(":" | "true")));
        let device = file.strip_prefix("/dev/").map(|device| !listed(SINKS, device));
        device.unwrap_or(empties && file.starts_with('/') && !file.starts_with("/tmp/")).then(|| format!("> {file}"))
    })
}

/// Returns the first word of the commands of `plain` that shows destruction.
fn shown_word(plain: &str) -> Option<String> {
    let apart = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '{' | '}' | '<' | '>' | '`' | '$' | ',');
    plain.split(['\n', ';', '|', '&']).find_map(|command| {
        let parts = command.split(apart).flat_map(|word| std::iter::once(word).chain(word.split_once('=').map(|(_, value)| value)));
        let words: Vec<&str> = parts.filter(|word| !word.is_empty()).map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
        shown(&words).map(ToString::to_string)
    })
}

/// Says whether the file name of a script holds a word of danger.
pub(crate) fn in_name(file_name: &str) -> bool {
    let folded = fold(file_name);
    NAMES.split_whitespace().any(|name| folded.contains(name))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Words that no listed reader may take.
    pub(crate) fn all_words() -> impl Iterator<Item = String> {
        WORDS.split_whitespace().chain(OPTIONS.split_whitespace()).map(|pattern| pattern.replace('*', ""))
    }

    #[test]
    fn destruction_is_seen_in_a_command() {
        for line in [
            "rm x",
            "mkfs.ext4 /dev/sdb1",
            "kubectl DELETE ns x",
            "kubectl apply --prune -f x",
            "kubectl apply --prune=true",
            "talosctl upgrade --image x",
            "talosctl reset --system-labels-to-wipe STATE",
            "git push --force",
            "git push -f",
            "git push origin +main",
            "git push origin :main",
            "git reset --hard",
            "git clean -fdx",
            "kubectl scale deploy --all",
            "terraform apply -destroy",
            "kubectl drain x --delete-emptydir-data",
            "helm uninstall x",
            "zpool create tank sdb",
            "reboot",
        ] {
            assert!(shown(&line.split(' ').collect::<Vec<_>>()).is_some(), "{line}");
        }
        for line in [
            "kubectl apply -f x.yaml",
            "helm upgrade x ./c",
            "git add --all",
            "kubectl rollout restart deploy/reset-api",
            "tar -f x",
            "docker ps --format x",
        ] {
            assert_eq!(shown(&line.split(' ').collect::<Vec<_>>()), None, "{line}");
        }
    }

    #[test]
    fn destruction_is_seen_in_a_script() {
        for text in [
            "r''m -rf /srv",
            "\"rm\" x",
            "r\\m x",
            "echo a;rm x",
            "if true; then rm x; fi",
            "x=$(/sbin/wipefs -a /dev/sdb)",
            "git push \\\n --force",
            "# rm x",
            "talosctl upgrade",
            "X=rm",
            "find /srv -delete",
            "psql -c 'DROP TABLE users'",
            "docker rmi -f x",
            "crictl rmi --all",
            "cat /dev/zero > /dev/sda",
            "echo x >/dev/nvme0n1",
            ": > /etc/fstab",
            "cp /dev/null /etc/fstab",
            "hdparm --security-erase x /dev/sda",
            "rsync --del a b",
            "init 0",
            "virsh undefine vm",
            "lvreduce -L1 x",
            "kubectl scale --replicas 0 deploy/x",
            "kubectl patch x -p '{\"metadata\":{\"finalizers\":null}}'",
            "iptables -F",
            "echo b > /proc/sysrq-trigger",
        ] {
            assert!(shown_in(text).is_some(), "{text}");
        }
        for text in [
            "set -Eeuo pipefail\nkubectl get nodes\necho \"warm alarm\"\n",
            "[ -f x ] && date +%F",
            "printf '%s\\n' --format json",
            "x >/dev/null 2>&1",
            "echo a >&2",
            "kubectl scale --replicas 3 x",
            "iptables -A INPUT -j DROP",
            "lsblk /dev/sda",
            ": > $LOG",
        ] {
            assert_eq!(shown_in(text), None, "{text}");
        }
    }
}

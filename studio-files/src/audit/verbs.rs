//! Commands that matter: those that change something, and those that cannot be taken back.

/// Programs whose failure must not be lost, with the words that make them so; no word means always.
const CHANGES: &[(&str, &str)] = &[
    ("kubectl", "apply patch replace scale rollout drain cordon uncordon wait"),
    ("talosctl", "apply-config apply bootstrap upgrade upgrade-k8s reset patch health"),
    ("flux", "reconcile bootstrap install check"),
    ("helm", "upgrade install rollback"),
    ("helmfile", "apply sync"),
    ("terraform", "apply init plan destroy"),
    ("tofu", "apply init plan destroy"),
    ("terragrunt", "apply plan destroy"),
    ("ansible-playbook", ""),
    ("qm", "create start clone set destroy importdisk migrate"),
    ("pct", "create start clone set destroy migrate"),
    ("zfs", "create destroy send receive rollback"),
    ("zpool", "create destroy"),
    ("docker", "up push build"),
    ("docker-compose", "up push build"),
    ("podman", "push build"),
    ("git", "push"),
    ("rsync", ""),
    ("scp", ""),
    ("dd", ""),
    ("make", ""),
    ("just", ""),
    ("task", ""),
    ("restic", "backup check forget prune"),
    ("borg", "create check prune"),
    ("kopia", "snapshot"),
    ("velero", "create"),
    ("vzdump", ""),
    ("pg_dump", ""),
    ("pg_dumpall", ""),
    ("mysqldump", ""),
    ("kubeconform", ""),
    ("kubeval", ""),
    ("sops", ""),
];

/// Programs that destroy, with the words that make them so; no word means always.
const DESTROYS: &[(&str, &str)] = &[
    ("wipefs", "-a --all -af -fa"),
    ("sgdisk", "--zap-all --zap -Z -z"),
    ("mkfs*", ""),
    ("mke2fs", ""),
    ("blkdiscard", ""),
    ("shred", ""),
    ("dd", "of=/dev/*"),
    ("parted", "mklabel"),
    ("lvremove", ""),
    ("vgremove", ""),
    ("pvremove", ""),
    ("cryptsetup", "luksFormat erase"),
    ("nvme", "format sanitize"),
    ("talosctl", "reset wipe"),
    ("qm", "destroy"),
    ("pct", "destroy"),
    ("virsh", "undefine"),
    ("zpool", "destroy labelclear"),
    ("zfs", "destroy"),
    ("terraform", "destroy -destroy"),
    ("tofu", "destroy -destroy"),
    ("terragrunt", "destroy run-all-destroy"),
    ("flux", "uninstall"),
    ("kubeadm", "reset"),
    ("k3s-uninstall.sh", ""),
    ("k3s-agent-uninstall.sh", ""),
    ("etcdctl", "del"),
];

/// What `kubectl delete` must name to be counted here: the rest comes back by GitOps.
const DELETED: &str =
    "ns namespace namespaces pvc pvcs persistentvolumeclaim persistentvolumeclaims pv pvs persistentvolume node nodes crd crds --all";

/// Words before the program.
const BEFORE: &str = "sudo doas time nohup env command exec if then do else ! { -E -n nice ionice";

/// Programs that only say something.
const SAYS: &str = "echo printf log log_info log_warn log_error info warn error die fail usage note notice msg say";

/// Returns the command in `code` whose failure must not be lost, as the table calls it.
pub(super) fn change(code: &str) -> Option<String> {
    let words = words(code);
    let mut rest = words.iter().copied().skip_while(|word| BEFORE.split_whitespace().any(|before| before == *word) || assigns(word));
    let mut program = rest.next()?;
    if program == "timeout" {
        program = rest.find(|word| !word.starts_with('-') && !word.starts_with(|c: char| c.is_ascii_digit()))?;
    }
    let rest: Vec<&str> = rest.collect();
    listed(CHANGES, program.rsplit('/').next().unwrap_or(program), &rest)
}

/// Returns the command in `text` that destroys, as the table calls it. Quotes are looked through,
/// since what stands in them often runs elsewhere.
pub(super) fn destroyer(text: &str) -> Option<String> {
    let plain: String = text.chars().map(|c| if matches!(c, '\'' | '"' | '`' | '(' | ')' | '[' | ']' | ',') { ' ' } else { c }).collect();
    plain.split([';', '|', '&']).find_map(|command| {
        let words = words(command);
        let first = words.first()?.trim_start_matches(['@', '-']);
        if SAYS.split_whitespace().any(|says| says == first) {
            return None;
        }
        words.iter().enumerate().find_map(|(at, word)| {
            let program = word.trim_start_matches('@').rsplit('/').next().unwrap_or(word);
            let rest = words.get(at + 1..).unwrap_or_default();
            if rest.iter().any(|word| matches!(*word, "--help" | "-h" | "--dry-run" | "--dry-run=client" | "--dry-run=server")) {
                return None;
            }
            listed(DESTROYS, program, rest).or_else(|| deletes(program, rest))
        })
    })
}

/// Says whether the program of `code` only says something.
pub(super) fn says(code: &str) -> bool {
    words(code).first().is_some_and(|first| SAYS.split_whitespace().any(|says| says == *first))
}

fn deletes(program: &str, rest: &[&str]) -> Option<String> {
    let kind = |word: &&&str| DELETED.split_whitespace().any(|deleted| **word == deleted || word.split('/').next() == Some(deleted));
    if program == "kubectl" && rest.contains(&"delete") {
        return rest.iter().find(kind).map(|kind| format!("kubectl delete {}", kind.split('/').next().unwrap_or_default()));
    }
    let flag = |short: char, long: &str| {
        rest.iter().any(|word| *word == long || word.starts_with('-') && !word.starts_with("--") && word.to_lowercase().contains(short))
    };
    let far = |word: &&str| word.starts_with('/') && !["/tmp/", "/var/tmp/", "/dev/shm/", "/run/"].iter().any(|near| word.starts_with(near));
    (program == "rm" && flag('r', "--recursive") && flag('f', "--force") && rest.iter().any(far)).then(|| "rm -rf of an absolute path".to_string())
}

fn listed(table: &[(&str, &str)], program: &str, rest: &[&str]) -> Option<String> {
    let like = |pattern: &str, word: &str| pattern.strip_suffix('*').map_or(pattern == word, |start| word.starts_with(start));
    table.iter().filter(|(name, _)| like(name, program)).find_map(|(name, verbs)| {
        if verbs.is_empty() {
            return Some(name.trim_end_matches('*').to_string());
        }
        let verb = verbs.split_whitespace().find(|verb| rest.iter().any(|word| like(verb, word)))?;
        Some(format!("{name} {}", verb.trim_end_matches('*')))
    })
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn assigns(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_known_behind_wrappers() {
        for (code, known) in [
            ("sudo -E kubectl -n x apply -f y", Some("kubectl apply")),
            ("KUBECONFIG=x timeout 60 talosctl health", Some("talosctl health")),
            ("if ! /usr/bin/rsync -a x y", Some("rsync")),
            ("kubectl get nodes", None),
            ("echo kubectl apply", None),
        ] {
            assert_eq!(change(code).as_deref(), known, "{code}");
        }
    }

    #[test]
    fn destroyers_are_known_wherever_they_stand() {
        for (text, known) in [
            ("ssh pve \"wipefs -a /dev/sda\"", Some("wipefs -a")),
            ("  @talosctl -n x reset", Some("talosctl reset")),
            ("run: mkfs.ext4 /dev/sdb", Some("mkfs")),
            ("dd if=x of=/dev/sda", Some("dd of=/dev/")),
            ("kubectl delete pvc/data", Some("kubectl delete pvc")),
            ("kubectl delete pod x", None),
            ("rm -rf /srv/data", Some("rm -rf of an absolute path")),
            ("rm -rf \"$tmp\" /tmp/x", None),
            ("echo \"next: talosctl reset\"", None),
            ("talosctl reset --help", None),
            ("dd if=x of=image.raw", None),
        ] {
            assert_eq!(destroyer(text).as_deref(), known, "{text}");
        }
    }
}

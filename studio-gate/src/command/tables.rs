//! The programs the rules know, and how they know them. Lists are words parted by spaces; `*` is anything.

use serde::Serialize;

/// Programs that are never started by name, with the reason and the better way.
#[derive(Serialize)]
pub(super) struct Refused {
    pub rule: &'static str,
    pub why: &'static str,
    pub better: &'static str,
    pub programs: &'static str,
}

/// Verbs of one program, and words behind any of its verbs, that hand the rest of the command to somebody else.
#[derive(Serialize)]
pub(super) struct Opaque {
    pub program: &'static str,
    pub verbs: &'static str,
    pub words: &'static str,
}

/// A program that changes things, and the verbs we know of it; none listed means it has none.
#[derive(Serialize)]
pub(super) struct Changer {
    pub program: &'static str,
    pub verbs: &'static str,
}

pub(super) const IN_A_SCRIPT: &str = "put it into a script below infrastructure/ and run it with: bash --noprofile --norc PATH";
pub(super) const IN_A_DANGEROUS_SCRIPT: &str = "put it into a script whose name says so (danger, wipe, reset, destroy, format or purge), below infrastructure/, \
    and run it with: bash --noprofile --norc PATH";

pub(super) const REFUSED: &[Refused] = &[
    Refused {
        rule: "interpreter",
        why: "it runs text that nobody can judge word by word",
        better: IN_A_SCRIPT,
        programs: "bash sh dash zsh ksh fish ash busybox toybox python* perl* ruby* node nodejs deno bun php* lua* awk gawk mawk nawk sed tclsh \
            expect osascript pwsh vi vim nvim nano emacs ed ex less more man gdb bc",
    },
    Refused {
        rule: "wrapper",
        why: "it starts another command, here or on another machine",
        better: "name the command itself as the program, or put it into a script below infrastructure/",
        programs: "sudo su doas env xargs timeout nohup setsid nice ionice chroot unshare nsenter stdbuf watch time strace ltrace script parallel \
            exec eval command builtin source . find fd fdfind tee ssh scp sftp rsync mosh telnet nc ncat socat systemd-run at batch \
            crontab flock runuser pkexec tmux screen ansible entr ld.so",
    },
    Refused {
        rule: "recipe",
        why: "it runs what a file of the repository says",
        better: IN_A_SCRIPT,
        programs: "make gmake just task npm npx yarn pnpm cargo go pip* pre-commit nix* bazel gradle mvn mise direnv",
    },
    Refused {
        rule: "secrets",
        why: "it handles keys and secrets, which only a human does",
        better: "ask a human to do it; a step gets the credentials it needs by itself",
        programs: "sops age age-keygen rage gpg gpg2 op vault bao bw pass ssh-keygen ssh-add openssl kubeseal printenv",
    },
];

pub(super) const OPAQUE: &[Opaque] = &[
    Opaque {
        program: "kubectl",
        verbs: "exec attach debug cp edit proxy port-forward run krew plugin",
        words: "--raw* http://* https://* --helm-command* --enable-helm*",
    },
    Opaque { program: "flux", verbs: "bootstrap install", words: "" },
    Opaque { program: "helm", verbs: "plugin", words: "--post-renderer*" },
    Opaque { program: "talosctl", verbs: "edit read cp copy kubeconfig gen config pcap support inject cluster debug", words: "" },
    Opaque {
        program: "git",
        verbs: "config submodule bisect filter-branch rebase clone daemon difftool mergetool",
        words: "--exec* --upload* --receive* --output* --open* -O* --ext-diff --textconv --no-index ext::*",
    },
    Opaque { program: "docker", verbs: "run exec build buildx cp attach plugin", words: "" },
    Opaque { program: "qm", verbs: "monitor guest terminal agent", words: "--args* -args* --hookscript* -hookscript*" },
    Opaque { program: "pct", verbs: "exec enter console push pull", words: "--hookscript* -hookscript*" },
    Opaque { program: "pvesh", verbs: "", words: "*/execute */exec */agent/*" },
    Opaque { program: "systemctl", verbs: "edit", words: "-H* --host* -M* --machine*" },
    Opaque { program: "terraform", verbs: "console", words: "" },
    Opaque { program: "tofu", verbs: "console", words: "" },
];

pub(super) const CHANGERS: &[Changer] = &[
    Changer {
        program: "kubectl",
        verbs: "apply create replace scale autoscale rollout label annotate cordon uncordon taint set patch expose config certificate auth \
            kustomize diff cluster-info top",
    },
    Changer { program: "flux", verbs: "reconcile suspend resume create export diff build pull push tag tree migrate" },
    Changer { program: "helm", verbs: "upgrade install rollback repo get show template lint dependency pull push package search test" },
    Changer {
        program: "talosctl",
        verbs: "apply-config apply patch service services image etcd restart rotate-ca validate machineconfig list usage netstat meta",
    },
    Changer {
        program: "git",
        verbs: "add commit push fetch pull switch checkout restore merge branch tag stash mv cherry-pick revert remote worktree init blame \
            ls-remote grep",
    },
    Changer { program: "terraform", verbs: "apply plan init validate fmt show output state import refresh workspace providers version" },
    Changer { program: "tofu", verbs: "apply plan init validate fmt show output state import refresh workspace providers version" },
    Changer {
        program: "docker",
        verbs: "compose start stop restart pull push tag ps logs inspect images network volume image container login system",
    },
    Changer {
        program: "qm",
        verbs: "start stop resume suspend snapshot listsnapshot set resize migrate clone create config template move-disk importdisk cloudinit \
            unlock",
    },
    Changer { program: "pct", verbs: "start stop resume suspend snapshot listsnapshot set resize migrate clone create config template unlock" },
    Changer { program: "pvesh", verbs: "get set create ls usage" },
    Changer { program: "pvesm", verbs: "add set alloc path scan export import" },
    Changer { program: "pvecm", verbs: "add create addnode mtunnel qdevice updatecerts" },
    Changer {
        program: "systemctl",
        verbs: "restart start stop reload try-restart enable disable unmask daemon-reload status show cat list-units list-timers",
    },
    Changer { program: "zfs", verbs: "snapshot set create clone hold release rename send mount unmount promote inherit bookmark" },
    Changer { program: "zpool", verbs: "scrub import add attach replace online clear set get upgrade trim resilver history events iostat" },
    Changer { program: "etcdctl", verbs: "endpoint member alarm snapshot put defrag version" },
    Changer { program: "velero", verbs: "backup restore schedule get describe version snapshot-location backup-location" },
    Changer { program: "cilium", verbs: "status upgrade install connectivity hubble version config" },
    Changer { program: "ansible-playbook", verbs: "" },
    Changer { program: "hostnamectl", verbs: "" },
    Changer { program: "apt-get", verbs: "install update upgrade dist-upgrade autoclean" },
];

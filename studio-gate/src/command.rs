//! Judging commands: the order in which the rules are asked, strictest first where they could disagree.

use crate::danger;
use crate::place::{like, secret};
use crate::reader::{self, Reading};
use crate::{binding, script};
use serde::Serialize;
use studio_core::gate::{Case, Class, Verdict};

/// What the rules found, before it is bound to a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What may happen to the step.
    pub verdict: Verdict,
    /// How much it could do.
    pub class: Class,
    /// Which rule decided.
    pub rule: String,
    /// Why, for a human.
    pub why: String,
    /// What would be better, for whoever proposed it.
    pub better: Option<String>,
}

/// Programs that are never started by name, with the reason and the better way.
#[derive(Serialize)]
struct Refused {
    rule: &'static str,
    why: &'static str,
    better: &'static str,
    programs: &'static [&'static str],
}

/// Words of one program that hand the rest of the command to somebody else.
#[derive(Serialize)]
struct Opaque {
    program: &'static str,
    words: &'static [&'static str],
}

/// A program that changes things, and the verbs we know of it; none listed means it has none.
#[derive(Serialize)]
struct Changer {
    program: &'static str,
    verbs: &'static [&'static str],
}

const IN_A_SCRIPT: &str = "put it into a script below infrastructure/ and run it with: bash --noprofile --norc PATH";
const IN_A_DANGEROUS_SCRIPT: &str = "put it into a script whose name says so (danger, wipe, reset, destroy, format or purge), below infrastructure/, \
    and run it with: bash --noprofile --norc PATH";

const REFUSED: &[Refused] = &[
    Refused {
        rule: "interpreter",
        why: "it runs text that nobody can judge word by word",
        better: IN_A_SCRIPT,
        programs: &[
            "bash",
            "sh",
            "dash",
            "zsh",
            "ksh",
            "fish",
            "ash",
            "busybox",
            "toybox",
            "python*",
            "perl*",
            "ruby*",
            "node",
            "nodejs",
            "deno",
            "bun",
            "php*",
            "lua*",
            "awk",
            "gawk",
            "mawk",
            "nawk",
            "sed",
            "tclsh",
            "expect",
            "osascript",
            "pwsh",
            "vi",
            "vim",
            "nvim",
            "nano",
            "emacs",
            "ed",
            "ex",
            "less",
            "more",
            "man",
            "gdb",
            "bc",
        ],
    },
    Refused {
        rule: "wrapper",
        why: "it starts another command, here or on another machine",
        better: "name the command itself as the program, or put it into a script below infrastructure/",
        programs: &[
            "sudo",
            "su",
            "doas",
            "env",
            "xargs",
            "timeout",
            "nohup",
            "setsid",
            "nice",
            "ionice",
            "chroot",
            "unshare",
            "nsenter",
            "stdbuf",
            "watch",
            "time",
            "strace",
            "ltrace",
            "script",
            "parallel",
            "exec",
            "eval",
            "command",
            "builtin",
            "source",
            ".",
            "find",
            "fd",
            "fdfind",
            "tee",
            "ssh",
            "scp",
            "sftp",
            "rsync",
            "mosh",
            "telnet",
            "nc",
            "ncat",
            "socat",
            "systemd-run",
            "at",
            "batch",
            "crontab",
            "flock",
            "runuser",
            "pkexec",
            "tmux",
            "screen",
            "ansible",
            "entr",
            "ld.so",
        ],
    },
    Refused {
        rule: "recipe",
        why: "it runs what a file of the repository says",
        better: IN_A_SCRIPT,
        programs: &[
            "make",
            "gmake",
            "just",
            "task",
            "npm",
            "npx",
            "yarn",
            "pnpm",
            "cargo",
            "go",
            "pip*",
            "pre-commit",
            "nix*",
            "bazel",
            "gradle",
            "mvn",
            "mise",
            "direnv",
        ],
    },
    Refused {
        rule: "secrets",
        why: "it handles keys and secrets, which only a human does",
        better: "ask a human to do it; a step gets the credentials it needs by itself",
        programs: &[
            "sops",
            "age",
            "age-keygen",
            "rage",
            "gpg",
            "gpg2",
            "op",
            "vault",
            "bao",
            "bw",
            "pass",
            "ssh-keygen",
            "ssh-add",
            "openssl",
            "kubeseal",
            "printenv",
        ],
    },
];

const OPAQUE: &[Opaque] = &[
    Opaque {
        program: "kubectl",
        words: &[
            "exec",
            "attach",
            "debug",
            "cp",
            "edit",
            "proxy",
            "port-forward",
            "run",
            "krew",
            "plugin",
            "--raw*",
            "http://*",
            "https://*",
            "--helm-command*",
            "--enable-helm*",
        ],
    },
    Opaque { program: "flux", words: &["bootstrap", "install"] },
    Opaque { program: "helm", words: &["plugin", "--post-renderer*"] },
    Opaque {
        program: "talosctl",
        words: &["edit", "read", "cp", "copy", "kubeconfig", "gen", "config", "cgroups", "pcap", "support", "inject", "cluster", "debug"],
    },
    Opaque {
        program: "git",
        words: &[
            "-c",
            "-C",
            "-c?*",
            "-C?*",
            "--config*",
            "--exec*",
            "--git-dir*",
            "--work-tree*",
            "--namespace*",
            "--upload*",
            "--receive*",
            "--output*",
            "--open*",
            "-O*",
            "--ext-diff",
            "--textconv",
            "--no-index",
            "-x",
            "config",
            "submodule",
            "bisect",
            "filter-branch",
            "rebase",
            "clone",
            "ext::*",
            "daemon",
            "difftool",
            "mergetool",
        ],
    },
    Opaque { program: "docker", words: &["run", "exec", "build", "buildx", "cp", "attach", "plugin"] },
    Opaque { program: "qm", words: &["monitor", "guest", "terminal", "agent", "--args*", "-args*", "--hookscript*", "-hookscript*"] },
    Opaque { program: "pct", words: &["exec", "enter", "console", "push", "pull", "--hookscript*", "-hookscript*"] },
    Opaque { program: "pvesh", words: &["*/execute", "*/exec", "*/agent/*"] },
    Opaque { program: "systemctl", words: &["edit", "-H*", "--host*", "-M*", "--machine*"] },
    Opaque { program: "terraform", words: &["console", "-chdir*", "-plugin-dir*"] },
    Opaque { program: "tofu", words: &["console", "-chdir*", "-plugin-dir*"] },
];

const CHANGERS: &[Changer] = &[
    Changer {
        program: "kubectl",
        verbs: &[
            "apply",
            "create",
            "replace",
            "scale",
            "autoscale",
            "rollout",
            "label",
            "annotate",
            "cordon",
            "uncordon",
            "taint",
            "set",
            "patch",
            "expose",
            "config",
            "certificate",
            "auth",
            "kustomize",
            "diff",
            "cluster-info",
            "top",
        ],
    },
    Changer {
        program: "flux",
        verbs: &["reconcile", "suspend", "resume", "create", "export", "diff", "build", "pull", "push", "tag", "tree", "migrate"],
    },
    Changer {
        program: "helm",
        verbs: &[
            "upgrade",
            "install",
            "rollback",
            "repo",
            "get",
            "show",
            "template",
            "lint",
            "dependency",
            "pull",
            "push",
            "package",
            "search",
            "test",
        ],
    },
    Changer {
        program: "talosctl",
        verbs: &[
            "apply-config",
            "apply",
            "patch",
            "service",
            "services",
            "image",
            "etcd",
            "restart",
            "rotate-ca",
            "validate",
            "machineconfig",
            "list",
            "usage",
            "netstat",
            "meta",
        ],
    },
    Changer {
        program: "git",
        verbs: &[
            "add",
            "commit",
            "push",
            "fetch",
            "pull",
            "switch",
            "checkout",
            "restore",
            "merge",
            "branch",
            "tag",
            "stash",
            "mv",
            "cherry-pick",
            "revert",
            "remote",
            "worktree",
            "init",
            "blame",
            "ls-remote",
            "grep",
        ],
    },
    Changer {
        program: "terraform",
        verbs: &["apply", "plan", "init", "validate", "fmt", "show", "output", "state", "import", "refresh", "workspace", "providers", "version"],
    },
    Changer {
        program: "tofu",
        verbs: &["apply", "plan", "init", "validate", "fmt", "show", "output", "state", "import", "refresh", "workspace", "providers", "version"],
    },
    Changer {
        program: "docker",
        verbs: &[
            "compose",
            "start",
            "stop",
            "restart",
            "pull",
            "push",
            "tag",
            "ps",
            "logs",
            "inspect",
            "images",
            "network",
            "volume",
            "image",
            "container",
            "login",
            "system",
        ],
    },
    Changer {
        program: "qm",
        verbs: &[
            "start",
            "stop",
            "resume",
            "suspend",
            "snapshot",
            "listsnapshot",
            "set",
            "resize",
            "migrate",
            "clone",
            "create",
            "config",
            "template",
            "move-disk",
            "importdisk",
            "cloudinit",
            "unlock",
        ],
    },
    Changer {
        program: "pct",
        verbs: &[
            "start",
            "stop",
            "resume",
            "suspend",
            "snapshot",
            "listsnapshot",
            "set",
            "resize",
            "migrate",
            "clone",
            "create",
            "config",
            "template",
            "unlock",
        ],
    },
    Changer { program: "pvesh", verbs: &["get", "set", "create", "ls", "usage"] },
    Changer { program: "pvesm", verbs: &["add", "set", "alloc", "path", "scan", "export", "import"] },
    Changer { program: "pvecm", verbs: &["add", "create", "addnode", "mtunnel", "qdevice", "updatecerts"] },
    Changer {
        program: "systemctl",
        verbs: &[
            "restart",
            "start",
            "stop",
            "reload",
            "try-restart",
            "enable",
            "disable",
            "unmask",
            "daemon-reload",
            "status",
            "show",
            "cat",
            "list-units",
            "list-timers",
        ],
    },
    Changer {
        program: "zfs",
        verbs: &["snapshot", "set", "create", "clone", "hold", "release", "rename", "send", "mount", "unmount", "promote", "inherit", "bookmark"],
    },
    Changer {
        program: "zpool",
        verbs: &[
            "scrub", "import", "add", "attach", "replace", "online", "clear", "set", "get", "upgrade", "trim", "resilver", "history", "events",
            "iostat",
        ],
    },
    Changer { program: "etcdctl", verbs: &["endpoint", "member", "alarm", "snapshot", "put", "defrag", "version"] },
    Changer { program: "velero", verbs: &["backup", "restore", "schedule", "get", "describe", "version", "snapshot-location", "backup-location"] },
    Changer { program: "cilium", verbs: &["status", "upgrade", "install", "connectivity", "hubble", "version", "config"] },
    Changer { program: "ansible-playbook", verbs: &[] },
    Changer { program: "hostnamectl", verbs: &[] },
    Changer { program: "apt-get", verbs: &["install", "update", "upgrade", "dist-upgrade", "autoclean"] },
];

/// Returns the tables, for the digest of the rules.
pub(crate) fn tables() -> impl Serialize {
    (REFUSED, OPAQUE, CHANGERS)
}

/// Judges a step.
pub(crate) fn judge(case: &Case<'_>) -> Finding {
    let argv = &case.step.argv;
    if let Some(path) = argv.script() {
        return script::judge(argv, &path, case.script);
    }
    let words: Vec<&str> = argv.words().collect();
    if let Some(finding) = refused(argv.program()).or_else(|| binding::judge(&words, &case.step.target)) {
        return finding;
    }
    let reading = reader::read(&words);
    if let Reading::Listed(row) = reading {
        let why = format!("{} only reads, and this form of it is listed", row.name());
        return Finding { verdict: Verdict::Auto, class: Class::Observe, rule: format!("reader {}", row.name()), why, better: None };
    }
    secret_place(&words).or_else(|| opaque(&words)).unwrap_or_else(|| changes(&words, &reading))
}

/// Refuses programs that are never started by name.
fn refused(program: &str) -> Option<Finding> {
    let finding =
        |class, rule: &str, why, better: &str| Finding { verdict: Verdict::Refuse, class, rule: rule.into(), why, better: Some(better.into()) };
    if program.contains('/') {
        return Some(finding(
            Class::Forbidden,
            "program-path",
            format!("{program} names a file; programs are looked up by name in fixed folders"),
            "name the program alone, without its folder",
        ));
    }
    let row = REFUSED.iter().find(|row| row.programs.iter().any(|pattern| like(pattern, program)))?;
    let class = if row.rule == "secrets" { Class::Forbidden } else { Class::Opaque };
    Some(finding(class, row.rule, format!("{program}: {}", row.why), row.better))
}

/// Refuses a command that names a secret place.
fn secret_place(words: &[&str]) -> Option<Finding> {
    let parts = |word: &&&str| word.split(['=', ':', '@', ',']).any(secret);
    let word = words.iter().skip(1).find(parts)?;
    let why = format!("{word} names a place that holds secrets");
    let better = Some("leave it out; a step gets the credentials it needs by itself".into());
    Some(Finding { verdict: Verdict::Refuse, class: Class::Forbidden, rule: "secret-place".into(), why, better })
}

/// Refuses a command that hands its words on to another program or another parser.
fn opaque(words: &[&str]) -> Option<Finding> {
    let row = words.first().and_then(|program| OPAQUE.iter().find(|row| row.program == *program))?;
    let word = words.iter().skip(1).find(|word| row.words.iter().any(|pattern| like(pattern, word)))?;
    let why = format!("{} {word} hands the rest to something that no rule sees", row.program);
    Some(Finding { verdict: Verdict::Refuse, class: Class::Opaque, rule: "opaque".into(), why, better: Some(IN_A_SCRIPT.into()) })
}

/// What is left: known programs ask, or need a script if they destroy; the rest is refused.
fn changes(words: &[&str], reading: &Reading) -> Finding {
    let program = words.first().copied().unwrap_or_default();
    let row = CHANGERS.iter().find(|row| row.program == program);
    let verb = reader::at_verb(words).and_then(|(_, rest)| rest.first().copied()).unwrap_or_default();
    let changes = row.is_some_and(|row| row.verbs.is_empty() || row.verbs.contains(&verb));
    let near = match reading {
        Reading::Near(row, why) => Some((row, why)),
        Reading::Listed(_) | Reading::Other => None,
    };
    if (row.is_some() || near.is_some() || danger::word(program))
        && let Some(word) = danger::shown(words)
    {
        let why = format!("{word} shows that it destroys");
        return Finding {
            verdict: Verdict::ScriptOnly,
            class: Class::Destroy,
            rule: "danger-word".into(),
            why,
            better: Some(IN_A_DANGEROUS_SCRIPT.into()),
        };
    }
    let (verdict, class, rule, why, better) = match (near, row) {
        (Some((row, why)), _) => (
            Verdict::Ask,
            Class::Mutate,
            format!("not-listed {}", row.name()),
            format!("{} in a form that is not listed: {why}", row.name()),
            Some(row.usage()),
        ),
        (None, Some(_)) if changes => {
            (Verdict::Ask, Class::Mutate, format!("changer {program}"), format!("{program} {verb} changes things").replace("  ", " "), None)
        }
        (None, Some(_)) => {
            let why = format!(
                "no rule knows {program} with {:?} as its verb",
                if verb.is_empty() { words.get(1).copied().unwrap_or_default() } else { verb }
            );
            (
                Verdict::Refuse,
                Class::Opaque,
                "unknown-verb".into(),
                why,
                Some(format!("write the verb right after {program}, and its options behind it")),
            )
        }
        (None, None) => {
            let better = "use a program the rules know, change files with edits, or put it into a script below infrastructure/".to_string();
            (Verdict::Refuse, Class::Opaque, "unknown-program".into(), format!("no rule knows {program}"), Some(better))
        }
    };
    Finding { verdict, class, rule, why, better }
}

#[cfg(test)]
pub(crate) mod tests;

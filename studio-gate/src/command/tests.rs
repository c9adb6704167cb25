//! Commands and what they must get.

use super::*;
use studio_core::closure::Closure;
use studio_core::event::Mode;
use studio_core::step::{Argv, Step};
use studio_core::ticket::Stage;

/// Returns a step for the target `main` that runs the words of `line`.
pub(crate) fn step(line: &str) -> Step {
    let words: Vec<String> = line.split(' ').map(ToString::to_string).collect();
    Step {
        name: "step".try_into().unwrap(),
        argv: Argv::try_from(words).unwrap(),
        target: "main".try_into().unwrap(),
        why: "to see".to_string().try_into().unwrap(),
        expect: Default::default(),
        probe: None,
        undo: None,
        timeout_seconds: Default::default(),
    }
}

static NOTHING: Closure = Closure { side: None, used: Vec::new(), unfound: Vec::new(), over: None, links: Vec::new() };

/// Returns the case of a step without a base or a script.
pub(crate) fn case(step: &Step) -> Case<'_> {
    Case { mode: Mode::Simulate, step, stage: Stage::Infra, cluster: None, base: None, edits: &[], script: None, closure: &NOTHING, programs: &[] }
}

fn all(verdict: Verdict, class: Class, rule: &str, lines: &[&str]) {
    for line in lines {
        let found = judge(&case(&step(line)));
        assert_eq!((found.verdict, found.class), (verdict, class), "{line}: {found:?}");
        assert!(found.rule.starts_with(rule), "{line}: {found:?}");
    }
}

#[test]
fn reads_run_unasked() {
    all(
        Verdict::Auto,
        Class::Observe,
        "",
        &[
            "kubectl get nodes -o wide",
            "kubectl --context main get nodes",
            "talosctl -n main version",
            "helm list -A",
            "git status",
            "ls",
            "echo delete",
            "pvesh get /cluster/resources",
            "wipefs --no-act /dev/sdb",
            "sops --version",
        ],
    );
}

#[test]
fn a_form_that_is_not_listed_needs_a_script_and_says_why() {
    all(
        Verdict::ScriptOnly,
        Class::Opaque,
        "",
        &[
            "kubectl get pods --watch",
            "kubectl get pods --frob",
            "kubectl logs -f web-0",
            "git log --onel",
            "cat /etc/shadow",
            "kubectl get pods -o go-template-file=x",
            "kubectl -v=9 get pods",
            "talosctl frob",
        ],
    );
    let found = judge(&case(&step("kubectl describe pods --frob")));
    assert!(found.rule == "kubectl.toml, not listed: kubectl describe" && found.why.contains("--frob is not listed"), "{found:?}");
    assert!(found.better.unwrap().contains("--field-selector SELECTOR"));
    let found = judge(&case(&step("kubectl get pods --watch")));
    assert!(found.rule == "kubectl.toml: kubectl get" && found.why.contains("it never ends"), "{found:?}");
}

#[test]
fn changes_ask() {
    all(
        Verdict::Ask,
        Class::Mutate,
        "",
        &[
            "kubectl apply -f x.yaml",
            "kubectl scale deploy/web --replicas=3",
            "kubectl -n web rollout restart deploy/web",
            "kubectl cordon worker-1",
            "flux reconcile kustomization apps",
            "flux suspend ks apps",
            "talosctl -n main apply-config -f x.yaml",
            "helm upgrade web ./charts/web",
            "helm get values web",
            "git commit -m x",
            "git push origin engineer/x",
            "terraform plan",
            "ansible-playbook site.yml",
            "qm start 101",
            "pvesm set local --content iso",
            "systemctl restart nginx",
            "docker compose restart web",
            "zfs snapshot tank@a",
            "curl https://example.test",
            "cp docs/a docs/b",
            "sed -i s/a/b/ docs/a",
        ],
    );
}

#[test]
fn destruction_needs_a_script() {
    all(
        Verdict::ScriptOnly,
        Class::Destroy,
        "",
        &[
            "rm -rf /srv",
            "rmdir x",
            "mkfs.ext4 /dev/sdb1",
            "dd if=x of=y",
            "shred x",
            "wipefs -a /dev/sdb",
            "sgdisk -Z /dev/sdb",
            "blkdiscard /dev/sdb",
            "reboot",
            "shutdown -h now",
            "kubectl delete ns prod",
            "kubectl drain worker-1",
            "kubectl apply --prune -f x",
            "kubectl replace --force -f x.yaml",
            "kubectl scale deploy --all --replicas=1",
            "talosctl -n main reset",
            "talosctl upgrade --image x",
            "talosctl wipe disk sdb",
            "helm uninstall cilium",
            "terraform destroy",
            "terraform apply -destroy",
            "qm destroy 101",
            "zpool destroy tank",
            "git push --force",
            "git reset --hard",
            "git clean -fdx",
            "kubectl get pods delete",
            "git branch --list -D x",
            "git --no-pager push -f",
        ],
    );
}

#[test]
fn what_nobody_can_judge_is_refused() {
    all(Verdict::Refuse, Class::Opaque, "interpreters.toml", &["vim -c x", "zsh x.sh"]);
    all(Verdict::Refuse, Class::Opaque, "shells.toml", &["bash -c x", "sh x.sh", "bash --noprofile --norc /tmp/x.sh", "bash x.sh", "bash -n -c x"]);
    all(
        Verdict::Refuse,
        Class::Opaque,
        "wrappers.toml",
        &["sudo kubectl get pods", "env ls", "xargs rm", "timeout 5 ls", "nohup ls", "ssh pve uptime", "eval ls"],
    );
    all(Verdict::Refuse, Class::Opaque, "recipes.toml", &["task deploy", "pnpm run build"]);
    all(Verdict::Refuse, Class::Opaque, "just.toml", &["just", "just x", "just -n x"]);
    all(
        Verdict::ScriptOnly,
        Class::Opaque,
        "",
        &[
            "kubectl exec web-0 -- sh",
            "kubectl apply -f https://example.test/x.yaml",
            "qm guest exec 101 ls",
            "talosctl foo",
            "docker run x",
            "docker compose up -d",
            "python3 -c x",
            "perl -e x",
            "node -e x",
            "awk x",
            "sed 1e README.md",
            "find . -exec ls",
            "jq -n env",
            "npm run build",
            "cp talos.raw /dev/sdb",
        ],
    );
    all(Verdict::Refuse, Class::Opaque, "kubectl.toml, unknown verb", &["kubectl foo", "kubectl foo get pods"]);
    all(Verdict::Refuse, Class::Opaque, "git.toml, unknown verb", &["git frob"]);
    all(Verdict::Refuse, Class::Opaque, "unknown-program", &["frobnicate", "frobnicate --force", "zellij x"]);
}

#[test]
fn what_reaches_past_the_target_or_into_secrets_is_forbidden() {
    all(
        Verdict::Refuse,
        Class::Forbidden,
        "target-binding",
        &["kubectl --context prod get pods", "kubectl --context prod delete ns x", "talosctl -n other version", "kubectl --kubeconfig x get pods"],
    );
    all(Verdict::Refuse, Class::Forbidden, "program-path", &["./kubectl get pods", "/tmp/kubectl get pods", "/bin/ls", "/bin/bash -c x"]);
    all(Verdict::Refuse, Class::Forbidden, "secrets.toml", &["age -d x", "op read x"]);
    all(Verdict::Refuse, Class::Forbidden, "", &["sops -d x", "vault kv get x"]);
    all(
        Verdict::Refuse,
        Class::Forbidden,
        "",
        &[
            "kubectl get secret -A",
            "kubectl get secret --watch",
            "talosctl get machineconfig",
            "cat config/env/prod.env",
            "cat .talos/main/talosconfig",
            "cat /root/.ssh/id_rsa",
            "git show HEAD:.env",
            "talosctl kubeconfig",
            "kubectl create secret generic x --from-env-file=.env",
        ],
    );
}

/// A known script is the one thing a shell may run.
#[test]
fn a_script_asks_for_its_bytes() {
    let step = step("bash --noprofile --norc infrastructure/check.sh");
    assert_eq!(judge(&case(&step)).verdict, Verdict::Refuse);
    assert_eq!(judge(&Case { script: Some(b"kubectl get nodes\n"), ..case(&step) }).verdict, Verdict::Ask);
}

#[test]
fn what_a_link_hides_is_seen() {
    let step = step("cat docs/how-to README.md");
    let leads = |end: &str| Closure { links: vec![("docs/how-to".into(), end.try_into().unwrap())], ..Closure::default() };
    for (end, verdict) in [(".talos/main/kubeconfig", Verdict::Refuse), ("config/env/prod.env", Verdict::Refuse), ("docs/other.md", Verdict::Auto)] {
        let found = judge(&Case { closure: &leads(end), ..case(&step) });
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(verdict == Verdict::Auto || (found.rule == "secret-place" && found.why.contains(end)), "{found:?}");
    }
}

//! A repository with one of everything, and its clean twin.

use super::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use studio_core::tree::MemoryTree;

/// What may stand in no output.
const CANARY: &str = "Zx9Qk3Lm7Tp2Wv8Rb4Nc6Yd1";

fn tree(files: &[(&str, String)]) -> MemoryTree {
    MemoryTree(files.iter().map(|(path, text)| (RelPath::try_from(*path).unwrap(), text.clone().into_bytes())).collect())
}

fn audited(root: &Path, tree: &MemoryTree, queue: Vec<(String, String)>, flags: Vec<String>) -> Audit {
    let danger = |path: &RelPath, text: &str| (path.file_name().ends_with(".sh") && text.contains("rm ")).then(|| "it holds rm".to_string());
    audit(root, tree, &Rules { danger: &danger, queue, flags }).unwrap()
}

fn found(audit: &Audit) -> Vec<(Severity, String, &'static str)> {
    audit.findings.iter().map(|finding| (finding.severity, format!("{}:{}", finding.path, finding.line), finding.rule)).collect()
}

/// One file of the base for each rule.
fn bad() -> Vec<(&'static str, String)> {
    let text = |text: &str| text.to_string();
    let key = format!("-----BEGIN {} KEY-----\n{CANARY}{CANARY}\n", "PRIVATE");
    vec![
        ("infrastructure/proxmox/wipe_proxmox.sh", text("#!/bin/bash\nset -e\nfor d in a b; do\n  wipefs -a \"/dev/$d\"\ndone\n")),
        ("infrastructure/talos/renew.sh", text("set -e\ntalosctl -n x reset --graceful=false\n")),
        ("infrastructure/tidy.sh", text("set -e\nrm -rf \"$TMP\"\n")),
        ("scripts/up.sh", text("set -e\n./infrastructure/talos/renew.sh\n")),
        ("justfile", text("# recipes\nnuke:\n    talosctl -n x reset\n")),
        (
            ".github/workflows/x.yml",
            text("jobs:\n  a:\n    steps:\n      - name: wipe_proxmox.sh is good\n      - run: bash infrastructure/proxmox/wipe_proxmox.sh\n"),
        ),
        ("scripts/check.sh", text("#!/bin/bash\nkubectl get nodes\necho fine\n")),
        ("scripts/apply.sh", text("set -e\nkubectl apply -f x || true\nflux check | tee log\nprobe\n")),
        ("keys/id", key),
        ("notes.txt", format!("x\nAGE-SECRET-KEY-1{}\n", CANARY.repeat(3).to_uppercase())),
        ("tokens.md", format!("gh{}_{CANARY}{CANARY}\n", "p")),
        ("kubernetes/kubeconfig", format!("users:\n- user:\n    client-key-data: {CANARY}{CANARY}\n")),
        ("kubernetes/secret.yaml", format!("kind: ConfigMap\n---\napiVersion: v1\nkind: Secret\nstringData:\n  password: {CANARY}\n")),
        ("docker/.env", format!("TZ=UTC\nDB_PASSWORD={CANARY}\n")),
        ("config/env/prod.env", CANARY.to_string()),
        (".talos/main/talosconfig", CANARY.to_string()),
        ("cluster.agekey", CANARY.to_string()),
        (".sops.yaml", text("creation_rules:\n  - path_regex: .*\\.sops\\.ya?ml$\n    encrypted_regex: ^(data|key)$\n")),
        ("talos/talsecret.sops.yaml", format!("cluster: x\nkey: {CANARY}\n")),
        ("ai/context_map.yaml", format!("stages: {{}}\nx: {CANARY}: y\n")),
        ("ai/studio/policy.toml", format!("protected = []\nkey = \"{CANARY}\"\n")),
        ("kubernetes/apps/web/ks.yaml", text("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  prune: true\n")),
    ]
}

#[test]
fn one_of_everything_is_found_on_its_line() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join(".talos/main")).unwrap();
    fs::write(root.path().join(".talos/main/talosconfig"), CANARY).unwrap();
    fs::set_permissions(root.path().join(".talos/main/talosconfig"), fs::Permissions::from_mode(0o644)).unwrap();
    let queue = vec![("ai/backlog.yaml:7".to_string(), "an unknown dependency".to_string())];
    let audit = audited(root.path(), &tree(&bad()), queue, vec!["stage 2 is open in one place and closed in another".into()]);
    let found = found(&audit);
    for (severity, place, rule) in [
        (Severity::High, "infrastructure/proxmox/wipe_proxmox.sh:4", "dangerous-script"),
        (Severity::Medium, "infrastructure/talos/renew.sh:2", "dangerous-script"),
        (Severity::Note, "infrastructure/tidy.sh:1", "dangerous-script"),
        (Severity::Medium, "justfile:3", "command-destroys"),
        (Severity::Medium, "scripts/check.sh:3", "ends-well"),
        (Severity::Medium, "scripts/apply.sh:2", "swallowed"),
        (Severity::Medium, "scripts/apply.sh:3", "lost-in-pipe"),
        (Severity::High, "keys/id:1", "private-key"),
        (Severity::High, "notes.txt:2", "token"),
        (Severity::High, "tokens.md:1", "token"),
        (Severity::High, "kubernetes/kubeconfig:3", "machine-secret"),
        (Severity::High, "kubernetes/secret.yaml:6", "plaintext-secret"),
        (Severity::High, "docker/.env:2", "env-file"),
        (Severity::High, "config/env/prod.env:1", "secret-file"),
        (Severity::High, ".talos/main/talosconfig:1", "secret-file"),
        (Severity::High, "cluster.agekey:1", "secret-file"),
        (Severity::High, "talos/talsecret.sops.yaml:2", "sops-plaintext"),
        (Severity::Medium, ".talos/main/talosconfig:1", "credential-mode"),
        (Severity::Medium, ".talos/main/talosconfig:1", "credential-not-ignored"),
        (Severity::Low, ".talos/main/talosconfig:1", "credential-present"),
        (Severity::Medium, "ai/context_map.yaml:2", "broken-settings"),
        (Severity::High, "ai/studio/policy.toml:2", "broken-policy"),
        (Severity::Medium, "ai/backlog.yaml:7", "broken-queue"),
        (Severity::Medium, "ai/state:1", "flags-disagree"),
        (Severity::Note, "kubernetes/apps/web/ks.yaml:4", "prune-unguarded"),
    ] {
        assert!(found.contains(&(severity, place.to_string(), rule)), "{place} {rule}: {found:#?}");
    }
    assert_eq!(found.len(), 25, "{found:#?}");
    let wiped = audit.findings.iter().find(|finding| finding.path.ends_with("wipe_proxmox.sh")).unwrap();
    assert!(wiped.what.contains("wipefs -a") && wiped.what.contains("pipeline .github/workflows/x.yml:5"), "{}", wiped.what);
    assert!(audit.findings.is_sorted(), "the worst comes first");
}

#[test]
fn no_value_of_a_secret_is_in_any_output() {
    let root = tempfile::tempdir().unwrap();
    let audit = audited(root.path(), &tree(&bad()), Vec::new(), Vec::new());
    let outputs = [audit.render(), audit.to_string(), format!("{audit:?}"), serde_json::to_string(&audit).unwrap()];
    for output in outputs {
        let output = output.to_lowercase();
        assert!(!(0..CANARY.len() - 8).any(|at| output.contains(&CANARY.to_lowercase()[at..at + 8])), "{output}");
    }
}

#[test]
fn the_clean_twin_has_nothing_to_mend() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join(".talos/main")).unwrap();
    fs::write(root.path().join(".talos/main/talosconfig"), CANARY).unwrap();
    fs::set_permissions(root.path().join(".talos/main/talosconfig"), fs::Permissions::from_mode(0o600)).unwrap();
    let text = |text: &str| text.to_string();
    let sealed = "ENC[AES256_GCM,data:abc,iv:def,tag:ghi,type:str]";
    let files = vec![
        (".gitignore", text(".talos/\nconfig/env/\n*.agekey\n")),
        ("infrastructure/proxmox/danger-wipe.sh", text("#!/bin/bash\nset -Eeuo pipefail\nwipefs -a \"$1\"\n")),
        ("infrastructure/tidy.sh", text("set -e\nrm -rf \"$TMP\"\n")),
        ("scripts/check.sh", text("#!/usr/bin/env bash\nset -euo pipefail\nkubectl get nodes | tee log\ngrep -c x log || true\necho fine\n")),
        ("justfile", text("# talosctl reset\nup:\n    kubectl apply -k .\n    @echo 'then: talosctl reset, by hand'\n")),
        (".github/workflows/x.yml", text("jobs:\n  a:\n    steps:\n      - name: danger-wipe.sh\n        run: ./scripts/check.sh\n")),
        ("README.md", format!("Put AGE-SECRET-KEY-1... there; -----BEGIN {} KEY-----; ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", "PRIVATE")),
        ("kubernetes/secret.sops.yaml", format!("apiVersion: v1\nkind: Secret\ndata:\n  password: {sealed}\nsops:\n  mac: {sealed}\n")),
        ("kubernetes/template.yaml", text("kind: Secret\nstringData:\n  a: op://vault/x\n  b: ${B}\n  c: \"{{ .c }}\"\n  d: <path:x#y>\n")),
        ("kubernetes/external.yaml", text("kind: ExternalSecret\nspec:\n  data:\n    - secretKey: x\n")),
        ("talos/talsecret.sops.yaml", format!("key: {sealed}\nsops:\n  mac: x\n")),
        (".sops.yaml", text("creation_rules:\n  - path_regex: .*\\.sops\\.ya?ml$\n")),
        ("docker/.env", text("TZ=UTC\nDB_PASSWORD=${DB_PASSWORD}\n")),
        ("docker/.env.example", text("DB_PASSWORD=hunter22222\n")),
        ("config/env/.gitkeep", text("")),
        ("ai/context_map.yaml", text("stages: {}\nprotected_files: []\n")),
        ("ai/studio/policy.toml", text("protected = []\n")),
        ("kubernetes/apps/ks.yaml", text("apiVersion: kustomize.toolkit.fluxcd.io/v1\nspec:\n  prune: true\n  wait: true\n")),
    ];
    let audit = audited(root.path(), &tree(&files), Vec::new(), Vec::new());
    assert_eq!((audit.count(Severity::High), audit.count(Severity::Medium)), (0, 0), "{audit}");
    let rules: Vec<&str> = audit.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["dangerous-script", "credential-present", "dangerous-script"], "{audit}");
}

#[test]
fn queues_units_and_jobs_run_by_themselves() {
    let root = tempfile::tempdir().unwrap();
    let script = "infra/talos/reset-node.sh";
    for (path, text, high) in [
        ("ai/backlog.yaml", "- task_id: a\n  type: run\n  target: infra/talos/reset-node.sh\n", true),
        ("ai/backlog.yaml", "- task_id: a\n  description: see infra/talos/reset-node.sh\n", false),
        ("ai/tasks/examples/a.yaml", "target: infra/talos/reset-node.sh\n", false),
        ("systemd/x.service", "[Service]\nExecStart=/opt/lab/infra/talos/reset-node.sh --now\n", true),
        ("etc/cron.d/x", "0 1 * * * root ${LAB}/talos/reset-node.sh\n", true),
        ("k/job.yaml", "kind: Job\nspec:\n  command: [\"sh\", \"/x/talos/reset-node.sh\"]\n", true),
        (".husky/pre-commit", "#!/bin/sh\ninfra/talos/reset-node.sh\n", true),
        ("docs/x.md", "run infra/talos/reset-node.sh\n", false),
        (".github/workflows/x.yml", "run: other/reset-node.sh\n", false),
    ] {
        let files = [(script, "set -e\ntalosctl reset\n".to_string()), (path, text.to_string())];
        let audit = audited(root.path(), &tree(&files), Vec::new(), Vec::new());
        assert_eq!(audit.findings.iter().any(|finding| finding.path == script && finding.severity == Severity::High), high, "{path}: {audit}");
    }
}

#[test]
fn recipes_and_queues_that_reach_what_destroys_are_named_by_their_line() {
    let root = tempfile::tempdir().unwrap();
    let text = |text: &str| text.to_string();
    let files = [
        ("infra/reset-node.sh", text("set -e\ntalosctl reset\n")),
        ("infra/up.sh", text("set -e\n./infra/again.sh\n")),
        ("infra/again.sh", text("set -e\nbash infra/reset-node.sh\n")),
        ("infra/fine.sh", text("set -e\nkubectl get nodes\n")),
        ("justfile", text("up:\n    ./infra/up.sh\nfine:\n    ./infra/fine.sh\nreset:\n    bash infra/reset-node.sh\n")),
        (
            "ai/backlog.yaml",
            text("- id: a\n  type: run\n  target: infra/reset-node.sh\n- id: b\n  target: infra/fine.sh\n- id: c\n  target: infra/up.sh\n"),
        ),
    ];
    let audit = audited(root.path(), &tree(&files), Vec::new(), Vec::new());
    let reached: Vec<(String, &str)> =
        found(&audit).into_iter().filter(|(.., rule)| rule.ends_with("s-danger")).map(|(_, place, rule)| (place, rule)).collect();
    let (recipe, queue) = ("recipe-reaches-danger", "queue-names-danger");
    assert_eq!(
        reached,
        [("ai/backlog.yaml:3".into(), queue), ("ai/backlog.yaml:7".into(), queue), ("justfile:2".into(), recipe), ("justfile:6".into(), recipe)]
    );
    let over = audit.findings.iter().find(|finding| finding.path == "justfile" && finding.line == 2).unwrap();
    assert_eq!(over.what, "a recipe reaches infra/reset-node.sh, a script that destroys over infra/up.sh");
    assert_eq!(audit.scripts.len(), 4);
}

#[test]
fn hostile_names_and_contents_are_never_printed_raw() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("config/env")).unwrap();
    fs::write(root.path().join("config/env/\u{1b}[2Jx\ny.env"), "x").unwrap();
    let files = [
        ("infrastructure/w\u{e9}-wipe.sh", "#!/bin/bash\nrm \u{1b}]52;c;x\u{7} \u{202e}\nkubectl apply -f \u{1b}[2J || true\n".to_string()),
        ("x.yaml", "kind: Secret\nstringData:\n  \"\u{1b}[2J\": \"a\u{202e}b\"\n".to_string()),
        ("ai/studio/policy.toml", "\"\u{1b}[2J\" = 1\n".to_string()),
    ];
    let danger = |_: &RelPath, _: &str| Some("because of \u{1b}[2J\n\u{202e}".to_string());
    let rules = Rules { danger: &danger, queue: vec![("a\u{1b}[2J:x".into(), "b\nc\u{1b}".into())], flags: vec!["d\u{7}\ne".into()] };
    let audit = audit(root.path(), &tree(&files), &rules).unwrap();
    assert!(audit.findings.len() >= 6, "{audit}");
    assert!(audit.render().chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{audit}");
    let json = serde_json::to_string(&audit).unwrap();
    assert!(!json.chars().any(studio_core::text::hostile), "{json}");
    for Finding { path, what, mend, .. } in &audit.findings {
        assert!(![path, what, mend].iter().any(|text| text.contains('\n') || text.chars().any(studio_core::text::hostile)), "{path} {what}");
    }
}

#[test]
fn ten_thousand_files_are_the_most_that_is_looked_at() {
    let root = tempfile::tempdir().unwrap();
    let script = "kubectl get x\necho ok\n".to_string();
    let files: BTreeMap<RelPath, Vec<u8>> =
        (0..FILES_MAX + 3).map(|n| (RelPath::try_from(format!("s/{n:06}.sh")).unwrap(), script.clone().into_bytes())).collect();
    let audit = audited(root.path(), &MemoryTree(files), Vec::new(), Vec::new());
    assert_eq!((audit.files, audit.findings.len()), (FILES_MAX, FINDINGS_MAX));
    assert_eq!(audit.left_out, FILES_MAX + 1 - FINDINGS_MAX);
    assert!(audit.render().contains("more findings are left out"));
}

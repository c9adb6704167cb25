//! A homelab called attic, generated: a backlog in both dialects, task files, scripts and manifests.

/// The deployment that the tests' model works on.
pub(crate) const DEPLOYMENT: &str = "cluster/apps/notes/deployment.yaml";

/// Returns the files of the repository.
pub(crate) fn files() -> Vec<(&'static str, String)> {
    let script = |what: &str| format!("#!/usr/bin/env bash\nset -Eeuo pipefail\n{what}\n");
    vec![
        ("README.md", "# attic\n\nTwo nodes, one cluster, too many notes.\n".into()),
        ("ai/backlog.yaml", backlog()),
        ("ai/tasks/describe-backup.yaml", task("describe-backup", "docs/")),
        ("ai/tasks/examples/add-node.yaml", task("add-node", "cluster/")),
        (DEPLOYMENT, deployment(1)),
        ("infrastructure/checks/facts.sh", script("uname -a")),
        ("infrastructure/checks/registry.sh", script("curl --fail http://192.0.2.20:5000/v2/")),
        ("infrastructure/danger-wipe-scratch.sh", script("echo 'wipe scratch'")),
    ]
}

/// Returns the manifest with that many replicas.
pub(crate) fn deployment(replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: notes\n  namespace: notes\nspec:\n  replicas: {replicas}\n  \
        selector:\n    matchLabels: {{app: notes}}\n  template:\n    metadata:\n      labels: {{app: notes}}\n    spec:\n      \
        containers:\n        - name: notes\n          image: registry.example.internal/notes:1.4.0\n"
    )
}

/// Returns the backlog: the older dialect first, then the newer.
pub(crate) fn backlog() -> String {
    let entries = [
        older("collect-facts", "run", "executor", "infrastructure/checks/facts.sh"),
        older("tidy-readme", "edit", "engineer", "README.md"),
        newer("registry-answers", "executor", "./infrastructure/checks/registry.sh", "pending", "[]"),
        newer("wipe-scratch", "executor", "infrastructure/danger-wipe-scratch.sh", "pending", "[]"),
        newer("raise-notes", "engineer", DEPLOYMENT, "pending", "[]"),
        newer("raise-alarm", "engineer", "cluster/apps/", "pending", "[raise-notes]"),
        newer("old-news", "engineer", "README.md", "completed", "[]"),
        newer("dns-at-the-shop", "engineer", "cluster/apps/", "blocked", "[]"),
    ];
    format!("# what is to be done in attic\n{}", entries.concat())
}

/// An entry of the older dialect.
fn older(id: &str, kind: &str, persona: &str, target: &str) -> String {
    format!(
        "- task_id: {id}\n  type: {kind}\n  persona: {persona}\n  target: {target}\n  description: Please {id}.\n  status: pending\n  \
        metadata:\n    stage: stage_1\n    cluster: attic\n    parent_task: null\n    next_retry_at: 1764354101.09\n"
    )
}

/// An entry of the newer dialect.
fn newer(id: &str, persona: &str, target: &str, status: &str, depends_on: &str) -> String {
    format!(
        "- id: {id}\n  stage: stage_1\n  persona: {persona}\n  summary: Please {id}\n  detail: Somebody wants it, see the notes.\n  \
        target: {target}\n  status: {status}\n  attempts: 0\n  max_attempts: 3\n  depends_on: {depends_on}\n  metadata:\n    cluster: attic\n"
    )
}

/// A task file, with a hint in it that YAML alone would trip over.
fn task(id: &str, path: &str) -> String {
    format!(
        "id: {id}\ndescription: Please {id}.\nacceptance_criteria:\n  - A page says how.\npersona_flow:\n  \
        - Planner: confirm: the backup is where the notes say\n  - Engineer writes it down\nrepo_paths:\n  - {path}\n"
    )
}

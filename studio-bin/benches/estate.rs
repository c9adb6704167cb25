//! Generated repositories of the shape that homelabs have, committed, with an operator who trusts them.

use crate::programs::{git, studio};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A repository and its operator's folder.
pub(crate) struct Estate {
    /// The repository.
    pub(crate) root: PathBuf,
    /// The operator's folder.
    pub(crate) operator: PathBuf,
}

/// The file that the Engineer edits.
const EDITED: &str = "cluster/apps/group-0/app-0/deployment.yaml";

/// Files of one app.
const APP_FILES: usize = 4;

impl Estate {
    /// Makes a repository of about `files` files below `dir` with `tickets` tickets in every dialect, most of
    /// them open, all committed.
    pub(crate) fn queue(dir: &Path, files: usize, tickets: usize) -> Result<Estate> {
        let estate = Estate::bare(dir)?;
        let mut written = 0;
        for (path, text) in queue_files(tickets) {
            estate.put(&path, &text)?;
            written += 1;
        }
        estate.fill(files.saturating_sub(written))?;
        estate.settle()?;
        Ok(estate)
    }

    /// Makes a repository of about `files` files below `dir` with `tickets` tickets that are ready, and with the
    /// answers that carry any one of them.
    pub(crate) fn work(dir: &Path, files: usize, tickets: usize) -> Result<Estate> {
        let estate = Estate::bare(dir)?;
        let mut backlog = String::new();
        for no in 0..tickets {
            writeln!(
                backlog,
                "- id: {}\n  stage: 1\n  persona: engineer\n  summary: Give app-0 three replicas, number {no}\n  status: pending\n",
                ticket(no)
            )?;
        }
        estate.put("ai/backlog.yaml", &backlog)?;
        estate.fill(files)?;
        fs::write(estate.answers(), ANSWERS.replace("MANIFEST", &edit().1))?;
        estate.settle()?;
        Ok(estate)
    }

    /// Returns the file with the answers.
    pub(crate) fn answers(&self) -> PathBuf {
        self.operator.join("answers.toml")
    }

    fn bare(dir: &Path) -> Result<Estate> {
        let estate = Estate { root: dir.join("lab"), operator: dir.join("operator") };
        fs::create_dir_all(&estate.root)?;
        fs::create_dir_all(&estate.operator)?;
        git(&estate.root, &["init", "--quiet", "--initial-branch=main"])?;
        Ok(estate)
    }

    fn put(&self, path: &str, text: &str) -> Result<()> {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        Ok(fs::write(path, text)?)
    }

    /// Writes about `count` manifests.
    fn fill(&self, count: usize) -> Result<()> {
        self.put("README.md", "# A lab\n\nIt is generated.\n")?;
        self.put("infrastructure/checks/disk-space.sh", "#!/bin/sh\ndf -h\n")?;
        for no in 0..count.div_ceil(APP_FILES).max(1) {
            let at = format!("cluster/apps/group-{}/app-{no}", no % 16);
            let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [deployment.yaml, service.yaml]\n";
            let names: String = (0..10).map(|line| format!("Line {line} of what app-{no} is for, and who looks after it.\n")).collect();
            self.put(&format!("{at}/deployment.yaml"), &deployment(no, 2))?;
            self.put(
                &format!("{at}/service.yaml"),
                &format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: app-{no} }}\nspec:\n  ports: [{{ port: 80 }}]\n"),
            )?;
            self.put(&format!("{at}/kustomization.yaml"), kustomization)?;
            self.put(&format!("{at}/README.md"), &format!("# app-{no}\n\n{names}"))?;
        }
        Ok(())
    }

    /// Lets `studio init` prepare it, commits everything, and trusts it.
    fn settle(&self) -> Result<()> {
        let commit = || {
            git(&self.root, &["add", "--all"])?;
            git(&self.root, &["commit", "--quiet", "--message=Everything"])
        };
        commit()?;
        studio(self, &["init", "--name", "bench"])?;
        commit()?;
        git(&self.root, &["repack", "-adq"])?; // as in a clone
        studio(self, &["trust", "--yes"])?;
        Ok(())
    }
}

/// Returns the id of ticket `no`.
pub(crate) fn ticket(no: usize) -> String {
    format!("scale-{no:03}")
}

/// Returns the file that the Engineer edits, and what it holds then.
pub(crate) fn edit() -> (&'static str, String) {
    (EDITED, deployment(0, 3))
}

fn deployment(no: usize, replicas: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{no}\n  namespace: apps\nspec:\n  replicas: {replicas}\n  selector:\n    \
         matchLabels: {{ app: app-{no} }}\n  template:\n    metadata:\n      labels: {{ app: app-{no} }}\n    spec:\n      containers:\n        \
         - name: app\n          image: registry.example.internal/lab/app-{no}:1.{no}.0\n"
    )
}

/// Returns the queue in every dialect: two fifths in `ai/backlog.yaml`, three tenths in `ai/backlog.md`, a tenth in
/// `ai/studio/backlog.md`, and the rest as files of their own.
fn queue_files(tickets: usize) -> Vec<(String, String)> {
    let (mut yaml, mut boxes, mut ideas) = (String::new(), String::from("# Backlog\n\n## Stage 1 - Bring-up\n"), String::from("# Ideas\n\n"));
    let mut files = Vec::new();
    for no in 0..tickets {
        let done = no % 50 == 0;
        let after = if no >= 20 && no % 5 == 0 { format!("TICKET_{:03}", no - 10) } else { String::new() };
        match no % 10 {
            0 | 1 | 4 | 7 => {
                let status = if done { "success" } else { "pending" };
                let depends = if after.is_empty() { String::new() } else { format!("  depends_on: [{after}]\n") };
                yaml.push_str(&format!(
                    "- id: TICKET_{no:03}\n  stage: 1\n  persona: engineer\n  summary: Look after app-{no}\n  detail: >-\n    It was \
                     forgotten for a while, and number {no} is the one that says so.\n  target: cluster/apps/\n  status: {status}\n{depends}  metadata:\n    cluster: lab\n"
                ));
            }
            2 | 5 | 8 => {
                let depends = if after.is_empty() { String::new() } else { format!("  - depends_on: {after}\n") };
                boxes.push_str(&format!("- [ ] TICKET_{no:03}: Look after app-{no}\n  - it was forgotten for a while\n{depends}  - Acceptance criteria:\n    - app-{no} is Ready\n"));
            }
            3 => ideas.push_str(&format!("- [ ] TICKET_{no:03}: Think about app-{no}\n  - somebody should\n")),
            6 => files.push((
                format!("ai/tasks/lab/ticket-{no}.yaml"),
                format!("id: TICKET_{no:03}\ndescription: |\n  Look after app-{no}\n\n  It was forgotten.\nacceptance_criteria:\n  - app-{no} is Ready\nrepo_paths:\n  - cluster/\n"),
            )),
            _ => files.push((
                format!("ai/tasks/lab/ticket-{no}.md"),
                format!("---\nid: TICKET_{no:03}\nstage: 1\n---\n# Look after app-{no}\n\nIt was forgotten.\n\n## Done when\n\n- app-{no} is Ready\n"),
            )),
        }
    }
    files.extend([("ai/backlog.yaml".into(), yaml), ("ai/backlog.md".into(), boxes), ("ai/studio/backlog.md".into(), ideas)]);
    files
}

/// What the personas answer to any ticket of [`Estate::work`].
const ANSWERS: &str = r#"
[[answer]]
persona = "planner"
turn = 1

[answer.json]
brief = "The app has two replicas, and the ticket wants three."

[answer.json.plan]
goal = "The manifest of app-0 asks for three replicas."

[[answer.json.plan.criteria]]
name = "three"
text = "The manifest says so."
check = { kind = "file", path = "cluster/apps/group-0/app-0/deployment.yaml", matches = "replicas: 3" }

[[answer.json.plan.criteria]]
name = "seen"
text = "And it is read back."
check = { kind = "step", step = "read" }

[[answer]]
persona = "engineer"
turn = 1

[answer.json]
objections = []

[[answer]]
persona = "engineer"
turn = 2

[answer.json]
summary = "Asks for a third replica, and reads the manifest back."

[[answer.json.edits]]
action = "write"
path = "cluster/apps/group-0/app-0/deployment.yaml"
text = '''
MANIFEST'''


[[answer.json.runbook]]
name = "list"
argv = ["ls", "-l", "cluster/apps/group-0/app-0"]
target = "local"
why = "It shows the files of the app."
expect = { stdout_matches = ["deployment"] }

[[answer.json.runbook]]
name = "read"
argv = ["cat", "cluster/apps/group-0/app-0/deployment.yaml"]
target = "local"
why = "It shows the manifest as it was committed."
expect = { stdout_matches = ["replicas: 3"] }

[[step]]
argv = ["ls", "-l", "cluster/apps/group-0/app-0"]
stdout = "deployment.yaml"

[[step]]
argv = ["cat", "cluster/apps/group-0/app-0/deployment.yaml"]
stdout = "  replicas: 3"
"#;

//! Queues of made-up repositories, in each dialect.

mod boxes;
mod identity;
mod pages;
mod refused;

use super::*;
use std::fs;
use studio_core::name::Digest;
use studio_core::tree::{EmptyTree, MemoryTree};

/// A checkout and the tree at its base.
struct Lab {
    root: tempfile::TempDir,
    base: MemoryTree,
}

impl Lab {
    fn new() -> Lab {
        Lab { root: tempfile::tempdir().unwrap(), base: MemoryTree::default() }
    }

    /// A checkout with one file that stands the same at the base.
    fn with(path: &str, text: &str) -> Lab {
        Lab::new().both(path, text)
    }

    /// A file in the checkout alone.
    fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Lab {
        let place = self.root.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
        self
    }

    /// A file at the base alone.
    fn base(mut self, path: &str, text: &str) -> Lab {
        self.base.0.insert(RelPath::try_from(path).unwrap(), text.into());
        self
    }

    fn both(self, path: &str, text: &str) -> Lab {
        self.file(path, text).base(path, text)
    }

    fn read(&self) -> Result<Queue, QueueError> {
        Queue::read(self.root.path(), &self.base)
    }

    fn queue(&self) -> Queue {
        self.read().unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(&self) -> String {
        self.read().expect_err("a refusal").to_string()
    }
}

/// A task file as people write them.
fn task(id: &str) -> String {
    format!(
        "# by hand\nid: {id}\ndescription: |\n  Add a node to the lab\n  It arrived on Monday.\nacceptance_criteria:\n  - Flux shows: Ready\n  - kubectl says 3: all of them\n\
         persona_flow:\n  - Planner: confirm the plan: it must be small\n  - Engineer: write the manifests\n  - keep it boring\nrepo_paths:\n  - cluster/apps/\n  - docs/node.md\nstage: stage_2\nattempts: 3\n"
    )
}

/// An entry of the older backlog.
fn older(id: &str, kind: &str, target: &str) -> String {
    format!(
        "- task_id: {id}\n  type: {kind}\n  persona: planner\n  target: {target}\n  description: Look at {id}\n  status: pending\n  metadata:\n    stage: stage_1\n    cluster: lab-1\n    next_retry_at: 1764354101.09\n  note: \"seen twice\"\n"
    )
}

/// An entry of the newer backlog.
fn newer(id: &str, status: &str, depends_on: &str) -> String {
    format!(
        "- id: {id}\n  stage: apps\n  persona: Executor\n  summary: Do {id}\n  detail: >-\n    As the runbook\n    says.\n  target: scripts/{id}.sh\n  status: {status}\n  attempts: 0\n  max_attempts: 3\n  depends_on: {depends_on}\n  metadata:\n    blocked_mode: external\n"
    )
}

#[test]
fn a_repository_without_files_has_an_empty_queue() {
    assert_eq!(Lab::new().queue(), Queue::default());
    assert_eq!(Lab::with("ai/backlog.yaml", "# nothing yet\n").queue(), Queue::default());
    assert_eq!(Lab::with("ai/backlog.yaml", "version: 2\ntasks:\n").queue(), Queue::default());
    assert_eq!(Lab::new().file("ai/tasks/README.md", "no ticket").file("ai/tasks/.hidden.yaml", "[").queue(), Queue::default());
}

#[test]
fn a_task_file_becomes_a_ticket() {
    let text = task("add-node");
    let queue = Lab::with("ai/tasks/hw/add-node.yaml", &text).queue();
    let [entry] = queue.entries() else { panic!("one entry") };
    let ticket = &entry.ticket;
    let words = |all: &[studio_core::text::Prose]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(ticket.title.as_str(), "Add a node to the lab");
    assert_eq!(ticket.body.as_ref().unwrap().as_str(), "Add a node to the lab\nIt arrived on Monday.");
    assert_eq!(words(&ticket.criteria), ["Flux shows: Ready", "kubectl says 3: all of them"]);
    assert_eq!(words(&ticket.constraints), ["Planner: confirm the plan: it must be small", "Engineer: write the manifests", "keep it boring"]);
    assert_eq!(ticket.scope.iter().map(RelPath::as_str).collect::<Vec<_>>(), ["cluster/apps", "docs/node.md"]);
    assert_eq!((ticket.stage, ticket.stage_from), (Stage::Studio, StageFrom::Declared));
    assert_eq!(ticket.source.to_string(), "ai/tasks/hw/add-node.yaml:2");
    let quoted = text.replace("Planner: confirm the plan: it must be small", "'Planner: confirm the plan: it must be small'");
    assert_eq!(ticket.content, Digest::blake3(quoted.trim_end().as_bytes()));
    assert_eq!((entry.status, entry.kind, entry.at_base, entry.readiness.clone()), (Status::Pending, None, true, Readiness::Ready));
}

#[test]
fn the_older_backlog_is_read() {
    let text =
        format!("{}{}{}", older("check", "run", "./infra/check.sh"), older("mend", "edit", "infra/check.sh"), older("gone", "run", "infra/gone.sh"));
    let queue = Lab::with("ai/backlog.yaml", &text).base("infra/check.sh", "true").queue();
    let [check, mend, gone] = queue.entries() else { panic!("three entries") };
    assert_eq!(check.ticket.script.as_ref().unwrap().as_str(), "infra/check.sh");
    assert_eq!((check.kind, check.ticket.cluster.as_ref().unwrap().as_str()), (Some(Kind::Run), "lab-1"));
    assert_eq!(check.ticket.title.as_str(), "Look at check");
    assert_eq!(check.ticket.body.as_ref().unwrap().as_str(), "Target: ./infra/check.sh\n\nNote: seen twice");
    assert_eq!((check.ticket.stage, check.ticket.stage_from), (Stage::Infra, StageFrom::Declared));
    assert_eq!((mend.kind, &mend.ticket.script), (Some(Kind::Edit), &None));
    assert_eq!(mend.ticket.source.line, 12);
    assert_eq!(gone.ticket.script, None);
    assert_eq!(gone.reason(), "it can be worked on; its script does not count: infra/gone.sh is no regular file at the base");
}

#[test]
fn the_newer_backlog_is_read_and_ordered() {
    let text = format!(
        "tasks:\n{}{}{}{}",
        newer("d", "Pending", "[A, b]"),
        newer("a", "completed", ""),
        newer("b", "waiting_retry", "[a]"),
        newer("c", "blocked", "~")
    );
    let lab =
        Lab::with("ai/backlog.yaml", &text).both("ai/tasks/z.yml", &task("z")).both("ai/tasks/a/y.yaml", &task("y")).base("scripts/b.sh", "true");
    let queue = lab.both("ai/tasks/examples/x.yaml", &task("x")).queue();
    assert_eq!(queue.entries().iter().map(|entry| entry.ticket.id.as_str()).collect::<Vec<_>>(), ["d", "a", "b", "c", "y", "x", "z"]);
    assert_eq!(queue.ready().map(|entry| entry.ticket.id.as_str()).collect::<Vec<_>>(), ["b", "y", "z"]);
    let entry = |id: &str| queue.find(id).unwrap();
    assert_eq!(entry("d").readiness, Readiness::Waiting { on: vec![TicketId::try_from("b").unwrap()] });
    assert_eq!(entry("d").ticket.depends_on.iter().map(TicketId::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((entry("a").status, &entry("a").readiness), (Status::Success, &Readiness::Finished));
    assert_eq!(entry("b").ticket.script.as_ref().unwrap().as_str(), "scripts/b.sh");
    assert_eq!(entry("b").ticket.body.as_ref().unwrap().as_str(), "As the runbook says.\n\nTarget: scripts/b.sh");
    assert_eq!((entry("b").ticket.stage, entry("b").ticket.stage_from), (Stage::Infra, StageFrom::Assumed));
    assert!(entry("c").reason().contains("ai/backlog.yaml:44 says blocked"), "{}", entry("c").reason());
    assert_eq!(entry("x").readiness, Readiness::Example);
}

#[test]
fn a_stage_is_a_number_and_other_words_are_none() {
    for (written, stage) in [("1", 1), ("\"2\"", 2), ("stage3", 3), ("stage_1", 1), ("stage-2", 2), ("\"Stage 3\"", 3)] {
        for place in [format!("  stage: {written}\n"), format!("  metadata: {{stage: {written}}}\n")] {
            let queue = Lab::with("ai/backlog.yaml", &format!("- id: a\n  summary: x\n{place}")).queue();
            assert_eq!((u8::from(queue.entries()[0].ticket.stage), queue.entries()[0].ticket.stage_from), (stage, StageFrom::Declared), "{place}");
        }
    }
    for word in ["vms", "talos", "infra", "apps", "k3s", "ingress", "obs", "~", "stage"] {
        let queue = Lab::with("ai/backlog.yaml", &format!("- id: a\n  summary: x\n  stage: {word}\n")).queue();
        assert_eq!((queue.entries()[0].ticket.stage, queue.entries()[0].ticket.stage_from), (Stage::Infra, StageFrom::Assumed), "{word}");
    }
}

#[test]
fn what_differs_at_the_base_is_an_idea() {
    let (a, b) = (older("a", "run", "infra/a.sh"), older("b", "run", "infra/b.sh").replace("stage_1", "stage_3"));
    let both = format!("{a}{b}");
    let lab = || Lab::new().file("ai/backlog.yaml", &both).base("infra/a.sh", "").base("infra/b.sh", "");
    let judged = |lab: Lab| {
        let queue = lab.queue();
        queue
            .entries()
            .iter()
            .map(|entry| (entry.at_base, entry.ticket.script.is_some(), u8::from(entry.ticket.stage), entry.ticket.stage_from))
            .collect::<Vec<_>>()
    };
    let idea = (false, false, 1, StageFrom::Assumed);
    assert_eq!(
        judged(lab().base("ai/backlog.yaml", &format!("# moved\n{b}{a}"))),
        [(true, true, 1, StageFrom::Declared), (true, true, 3, StageFrom::Declared)]
    );
    assert_eq!(
        judged(lab().base("ai/backlog.yaml", &format!("{a}{}", b.replace("infra/b.sh", "infra/c.sh")))),
        [(true, true, 1, StageFrom::Declared), (false, false, 3, StageFrom::Declared)]
    );
    for base in ["", "- [", "- {}\n", &both.replace("- task_id: a\n", "- task_id: a\n  id: a\n")] {
        assert_eq!(judged(lab().base("ai/backlog.yaml", base)), [idea, idea], "{base}");
    }
    let queue = Queue::read(lab().root.path(), &EmptyTree).unwrap();
    assert!(queue.entries()[0].reason().contains("it is an idea"));
    let task = Lab::new().file("ai/tasks/t.yaml", task("t")).base("ai/tasks/u.yaml", &task("t")).queue();
    assert_eq!((task.entries()[0].at_base, task.entries()[0].ticket.scope.len()), (false, 0));
}

#[test]
fn an_idea_keeps_what_its_id_was_granted_at_the_base() {
    let page = |stage: u8, more: &str| format!("---\nid: t\nstage: {stage}\nrepo_paths: [docs/]\n---\n# T{more}\n");
    let idea = |base: &str, now: &str| {
        let queue = Lab::new().file("ai/tasks/t.md", now).base("ai/tasks/t.md", base).queue();
        let entry = queue.entries()[0].clone();
        assert!(!entry.at_base && entry.ticket.script.is_none() && entry.reason().contains("live passes it over"), "{}", entry.reason());
        (u8::from(entry.ticket.stage), entry.ticket.scope.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(idea(&page(3, ""), &page(3, "!")), (3, vec!["docs".to_string()]));
    assert_eq!(idea(&page(3, ""), &page(1, "").replace("docs/", "cluster/")), (3, vec!["docs".to_string()]));
    assert_eq!(idea(&page(1, ""), &page(2, "")), (2, vec!["docs".to_string()]));
    assert_eq!(idea("# Another\n", &page(1, "").replace("id: t", "id: u")), (1, vec![]));
    let locked = "## Stage 2 (Locked)\n- [ ] MOVE_IT: move\n";
    for now in [locked.replace(" (Locked)", ""), locked.replace(" (Locked)", "").replace(": move", ": move it"), locked.replace(": move", ": go")] {
        let queue = Lab::new().file("ai/backlog.md", &now).base("ai/backlog.md", locked).queue();
        let entry = &queue.entries()[0];
        assert!(entry.ticket.stage == Stage::Studio && entry.reason().contains("locked"), "{now}: {}", entry.reason());
    }
}

#[test]
fn task_files_on_a_shelf_are_not_worked_on() {
    let lab = Lab::with("ai/tasks/Examples/a.yaml", &task("a"))
        .both("ai/tasks/done/b.yaml", &task("b"))
        .both("ai/tasks/_template.yaml", &task("c"))
        .both("ai/tasks/deep/archive/d.md", "# D\n")
        .both("ai/tasks/e.yaml", &task("e"));
    let queue = lab.queue();
    let word = |id: &str| queue.find(id).unwrap().readiness.word();
    assert_eq!(["a", "b", "c", "d", "e"].map(word), ["example", "held", "example", "held", "ready"]);
    assert!(queue.find("b").unwrap().reason().contains("one for what is over"));
}

#[test]
fn yaml_guesses_change_nothing() {
    let queue =
        Lab::with("ai/backlog.yaml", "- id: 0777\n  summary: on\n  detail: 1e3\n  note: 2026-01-01\n  cluster: no\n- id: 0o17\n  summary: \"~\"\n")
            .queue();
    let [first, second] = queue.entries() else { panic!("two entries") };
    assert_eq!((first.ticket.id.as_str(), first.ticket.title.as_str()), ("0777", "on"));
    assert_eq!(first.ticket.body.as_ref().unwrap().as_str(), "1e3\n\nNote: 2026-01-01");
    let long = Lab::with("ai/backlog.yaml", &format!("- id: a\n  description: {}\n", "word ".repeat(60))).queue();
    assert_eq!(long.entries()[0].ticket.title.as_str().chars().count(), 201);
    assert_eq!(long.entries()[0].ticket.body.as_ref().unwrap().as_str().len(), 299);
    assert_eq!((second.ticket.id.as_str(), second.ticket.title.as_str()), ("0o17", "~"));
}

#[test]
fn tickets_are_found_by_id_or_prefix() {
    let text = ["add-node", "Add-Disk", "wipe"].map(|id| format!("- id: {id}\n  summary: x\n")).concat();
    let queue = Lab::with("ai/backlog.yaml", &text).queue();
    assert_eq!(queue.find("ADD-NODE").unwrap().ticket.id.as_str(), "add-node");
    assert_eq!(queue.find("w").unwrap().ticket.id.as_str(), "wipe");
    assert_eq!(queue.find("add-d").unwrap().ticket.id.as_str(), "Add-Disk");
    assert_eq!(queue.find("add").unwrap_err().to_string(), "2 tickets begin with \"add\": add-node, Add-Disk; write more of the id");
    assert_eq!(queue.find("addnode").unwrap_err().to_string(), "no ticket is called \"addnode\"; near: add-node, Add-Disk");
    assert_eq!(queue.find("zzz").unwrap_err().to_string(), "no ticket is called \"zzz\"; `studio tickets` lists them");
    assert!(queue.find("").is_err() && queue.find("\u{1b}[2J").is_err());
}

#[test]
fn windows_files_are_read_and_hidden_characters_shown() {
    let text = format!("\u{feff}{}", newer("a", "pending", "[]").replace("Do a", "\"a\\u202Eb\"").replace('\n', "\r\n"));
    let queue = Lab::with("ai/backlog.yaml", &text).queue();
    assert_eq!(queue.entries()[0].ticket.title.as_str(), "a\\u{202e}b");
    assert_eq!(queue.entries()[0].ticket.body.as_ref().unwrap().as_str(), "As the runbook says.\n\nTarget: scripts/a.sh");
    assert_eq!(Lab::with("ai/tasks/t.yaml", &task("t").replace('\n', "\r\n")).queue().entries()[0].ticket.constraints.len(), 3);
}

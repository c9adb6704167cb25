//! Queues of made-up repositories, in each dialect, whole and broken.

use super::*;
use std::fs;
use studio_core::limits::{FILE_BYTES_MAX, PROSE_BYTES_MAX};
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
    assert_eq!(ticket.content, Digest::blake3(text.as_bytes()));
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
        [(true, true, 1, StageFrom::Declared), idea]
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
fn the_same_bytes_that_mean_something_else_at_the_base_are_an_idea() {
    let text = "- id: a\n  summary: x\n  type: run\n  detail: |2\n    y\n  target: infra/a.sh\n";
    let base = text.replace("- id", "-\n id").replace("\n  ", "\n ");
    let lab = Lab::new().file("ai/backlog.yaml", text).base("ai/backlog.yaml", &base).base("infra/a.sh", "");
    assert!(!lab.queue().entries()[0].at_base);
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
fn each_refusal_names_its_line() {
    let entry = |more: &str| format!("- id: a\n  summary: x\n{more}");
    let long = "x".repeat(PROSE_BYTES_MAX + 1);
    let wide = format!("  depends_on: [{}]\n", "a,".repeat(40));
    let cases: &[(&str, &str)] = &[
        ("- id: a\n  summary: x: y\n", "2: no YAML from here on: "),
        (&entry("  summary: y\n"), "3: the key `summary` stands twice"),
        (&entry("  metadata:\n    k: 1\n    k: 2\n"), "5: the key `k` stands twice"),
        (&entry("- id: A\n  summary: y\n"), "3: the id `A` stands already at ai/backlog.yaml:1"),
        ("- id: -a\n  summary: x\n", "1: \"-a\" is no TicketId"),
        ("- id: ../x\n  summary: x\n", "1: \"../x\" is no TicketId"),
        (&entry("  task_id: a\n"), "3: both `id` and `task_id`"),
        ("- summary: x\n", "1: an entry without an id"),
        ("- id: a\n", "1: an entry without a description"),
        ("- summary: x\n  id: a", "2: the file ends in the middle of this id's line"),
        (&entry("  status: done\n"), "3: the status `done` is unknown; write one of pending"),
        (&entry("  type: wipe\n"), "3: the type `wipe` is unknown; write one of run"),
        (&entry("  stage: stage_9\n"), "3: there is no stage 9"),
        (&entry("  stage: 1\n  metadata: {stage: 2}\n"), "3: the entry says stage 1 here and stage 2"),
        (&entry("  metadata: {cluster: a b}\n"), "3: \"a b\" is no Target"),
        (&entry("  metadata: x\n"), "3: an entry that is no map"),
        (&entry("  depends_on: b\n"), "3: `depends_on` should be a list"),
        (&entry("  depends_on:\n    - b\n"), "4: it depends on `b`, which is no ticket"),
        (&entry("  depends_on: [A]\n"), "3: `a` depends on itself"),
        (&entry(&wide), "3: `depends_on` has 40 items"),
        (&entry("  detail: [x]\n"), "3: `detail` should be text"),
        (&entry(&format!("  detail: {long}\n")), "3: `detail` has 16385 bytes"),
        (&entry("  detail: !!binary eA==\n"), "3: a tag"),
        (&entry("  detail: *d\n"), "3: an alias"),
        (&entry("  ? [x]\n  : y\n"), "3: a key that is no text"),
        (&entry("---\n- id: b\n"), "4: a second document begins here"),
        ("just words\n", "1: the backlog is no list"),
        ("tasks: []\nitems: []\n", "1: the backlog is no list"),
        ("- words\n", "1: an entry that is no map"),
    ];
    for (text, says) in cases {
        let refused = Lab::with("ai/backlog.yaml", text).refused();
        assert!(refused.starts_with(&format!("ai/backlog.yaml:{says}")), "{text}\n{refused}");
        assert!(refused.lines().next().unwrap().contains("; "), "no mend: {refused}");
    }
}

#[test]
fn each_refusal_of_a_task_file_names_its_line() {
    let start = "id: t\ndescription: x\n";
    for (text, says) in [
        (String::new(), "1: the file holds no ticket"),
        ("- id: t\n".into(), "1: an entry that is no map"),
        ("id: t\n".into(), "1: an entry without a description"),
        (format!("{start}repo_paths:\n  - docs/\n  - ../x\n"), "5: \"../x\" is no RelPath"),
        (format!("{start}repo_paths:\n  - cluster/**\n"), "4: \"cluster/**\" is no RelPath"),
        (format!("{start}repo_paths:\n  - /\n"), "4: \"\" is no RelPath"),
        (format!("{start}acceptance_criteria:\n{}", "- x\n".repeat(33)), "3: `acceptance_criteria` has 33 items"),
        (format!("{start}acceptance_criteria: x\n"), "3: `acceptance_criteria` should be a list"),
        (format!("{start}acceptance_criteria:\n- x\n-\n"), "5: an item of `acceptance_criteria` that is no text"),
        (format!("{start}notes:\n  - a: b: c\n"), "4: no YAML from here on"),
    ] {
        let refused = Lab::with("ai/tasks/a/t.yaml", &text).refused();
        assert!(refused.starts_with(&format!("ai/tasks/a/t.yaml:{says}")), "{text}\n{refused}");
    }
}

#[test]
fn a_cycle_is_shown() {
    let text =
        format!("{}{}{}{}", newer("a", "pending", "[b]"), newer("b", "pending", "[c, d]"), newer("c", "success", "[A]"), newer("d", "pending", "[]"));
    let refused = Lab::with("ai/backlog.yaml", &text).refused();
    assert_eq!(refused, "ai/backlog.yaml:12: these tickets wait for each other: a -> b -> c -> a; remove one of these dependencies");
    let chain: String = (0..3000).map(|n| format!("- id: t{n}\n  summary: x\n  depends_on: [t{}]\n", (n + 1) % 3000)).collect();
    assert!(Lab::with("ai/backlog.yaml", &chain).refused().contains("wait for each other: t0 -> t1 -> t2"));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let lab = Lab::with("ai/backlog.yaml", "- id: a\n  summary: x\n  status: odd\n- id: b\n  type: odd\n  depends_on: [nobody]\n")
        .both("ai/tasks/1.yaml", "id: a\ndescription: x\n")
        .both("ai/tasks/2.yaml", "id: [\n")
        .both("ai/tasks/examples/3.yaml", "id: c\n");
    let error = lab.read().unwrap_err();
    let places: Vec<String> = error.problems.iter().map(|problem| format!("{}:{}", problem.file, problem.line)).collect();
    assert_eq!(
        places,
        ["ai/backlog.yaml:3", "ai/backlog.yaml:4", "ai/backlog.yaml:5", "ai/tasks/1.yaml:1", "ai/tasks/2.yaml:1", "ai/tasks/examples/3.yaml:1"]
    );
    assert_eq!(error.to_string().lines().count(), 6);
}

#[test]
fn hostile_files_are_errors() {
    let bomb = (0..30).fold("- &a0 x\n".to_string(), |text, n| format!("{text}- &a{} [*a{n}, *a{n}, *a{n}, *a{n}]\n", n + 1));
    let line = format!("- id: a\n  summary: {}\n", "x".repeat(1_000_000));
    let keys = format!("- {{{}}}\n", "? ".repeat(200_000));
    for (bytes, says) in [
        (bomb.into_bytes(), "an alias"),
        (line.into_bytes(), "bytes; at most"),
        (keys.into_bytes(), "no YAML"),
        (b"- id: a\n  summary: x\0y\n".to_vec(), "2: a NUL byte"),
        (b"- id: a\n  summary: \xff\xfe\n".to_vec(), "2: bytes that are no UTF-8"),
        (b"\xff\xfe-\0 \0i\0d\0".to_vec(), "1: a NUL byte"),
        ("[".repeat(500_000).into_bytes(), "no YAML"),
        ("- ".repeat(500_000).into_bytes(), "no YAML"),
        ("a: {".repeat(200_000).into_bytes(), "no YAML"),
        (vec![b'#'; FILE_BYTES_MAX as usize + 1], "larger than"),
        (b"- id: a\n\tsummary: x\n".to_vec(), "no YAML"),
    ] {
        for path in ["ai/backlog.yaml", "ai/tasks/t.yaml"] {
            let refused = Lab::new().file(path, &bytes).refused();
            if path == "ai/backlog.yaml" {
                assert!(refused.contains(says), "{says}: {refused}");
            }
        }
    }
}

#[test]
fn windows_files_are_read_and_hidden_characters_shown() {
    let text = format!("\u{feff}{}", newer("a", "pending", "[]").replace("Do a", "\"a\\u202Eb\"").replace('\n', "\r\n"));
    let queue = Lab::with("ai/backlog.yaml", &text).queue();
    assert_eq!(queue.entries()[0].ticket.title.as_str(), "a\\u{202e}b");
    assert_eq!(queue.entries()[0].ticket.body.as_ref().unwrap().as_str(), "As the runbook says.\n\nTarget: scripts/a.sh");
    assert_eq!(Lab::with("ai/tasks/t.yaml", &task("t").replace('\n', "\r\n")).queue().entries()[0].ticket.constraints.len(), 3);
}

#[test]
fn symlinks_and_odd_places_are_refused() {
    use std::os::unix::fs::symlink;
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("t.yaml"), task("t")).unwrap();
    let lab = Lab::new().file("ai/tasks/ok.yaml", task("ok")).file("ai/tasks/a:b.yaml", task("odd"));
    symlink(other.path().join("t.yaml"), lab.root.path().join("ai/tasks/link.yaml")).unwrap();
    symlink(other.path(), lab.root.path().join("ai/tasks/folder")).unwrap();
    symlink("/nowhere", lab.root.path().join("ai/tasks/README")).unwrap();
    symlink(other.path().join("t.yaml"), lab.root.path().join("ai/backlog.yaml")).unwrap();
    let refused = lab.refused();
    let files: Vec<&str> = refused.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(files, ["ai/backlog.yaml:1", "ai/tasks/a:b.yaml:1", "ai/tasks/folder:1", "ai/tasks/link.yaml:1"], "{refused}");
    assert!(Lab::new().file("ai/tasks", "x").refused().starts_with("ai/tasks:1: ai/tasks is no folder"));
}

#[test]
fn too_many_tickets_are_refused() {
    let text: String = (0..=TICKETS_MAX).map(|n| format!("- id: t{n}\n  summary: x\n")).collect();
    assert!(Lab::new().file("ai/backlog.yaml", text).refused().contains("more than 5000 tickets"));
}

#[test]
fn a_cut_backlog_never_shows_another_id() {
    let text = format!(
        "{}{}- {{summary: s, id: in-flow}}\n- summary: last\n  \"id\": 'quoted-id'\n",
        older("add-node", "run", "a.sh"),
        newer("add-node-2", "success", "[add-node]")
    );
    let lab = Lab::with("ai/backlog.yaml", &text);
    let ids: Vec<TicketId> = lab.queue().entries().iter().map(|entry| entry.ticket.id.clone()).collect();
    assert_eq!(ids.len(), 4);
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let cut = Lab::new().file("ai/backlog.yaml", &text[..end]);
        if let Ok(queue) = cut.read() {
            assert!(queue.entries().iter().all(|entry| ids.contains(&entry.ticket.id)), "cut at {end}");
        }
    }
    let text = task("add-node").replace("id: add-node\n", "").replace("# by hand\n", "") + "id: add-node\n";
    for end in 0..text.len() {
        if let Ok(queue) = Lab::new().file("ai/tasks/t.yaml", &text[..end]).read() {
            assert!(queue.entries().iter().all(|entry| entry.ticket.id.as_str() == "add-node"), "cut at {end}");
        }
    }
}

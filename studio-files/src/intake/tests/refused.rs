//! Broken, hostile and cut queues.

use super::*;
use studio_core::limits::{FILE_BYTES_MAX, FILES_MAX, PROSE_BYTES_MAX};
use studio_core::name::CommitId;

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
        (&entry("  dependsOn: [b]\n"), "3: the key `dependsOn` is not read"),
        (&entry("  Depends_on: [b]\n"), "3: the key `Depends_on` is not read"),
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
    let lost = Lab::with("ai/backlog.yaml", "- id: [\n").both("ai/tasks/t.yaml", "id: t\ndescription: x\ndepends_on: [in-the-backlog]\n");
    assert_eq!(lost.read().unwrap_err().problems.len(), 1);
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

#[test]
fn too_many_files_are_refused() {
    let lab = Lab::new().file("ai/tasks/a.yaml", task("a"));
    for n in 0..FILES_MAX {
        fs::write(lab.root.path().join(format!("ai/tasks/{n}")), "").unwrap();
    }
    assert!(lab.refused().starts_with("ai/tasks:1: ai/tasks holds more than 10000 files"));
}

/// A repository that cannot be read, or holds a file that is too large.
struct Broken(fn(&RelPath) -> TreeError);

impl Tree for Broken {
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, TreeError> {
        Err((self.0)(path))
    }

    fn list(&self, _: usize) -> Result<Vec<RelPath>, TreeError> {
        Err(TreeError::Read("the list".into(), "torn".into()))
    }

    fn commit(&self) -> Option<CommitId> {
        None
    }
}

#[test]
fn a_base_that_cannot_be_read_refuses_and_a_file_too_large_there_counts_as_none() {
    let lab = Lab::new().file("ai/tasks/a.yaml", task("a"));
    let read = |why| Queue::read(lab.root.path(), &Broken(why));
    let refused = read(|path| TreeError::Read(path.to_string(), "a lost object".into())).unwrap_err().to_string();
    assert!(refused.starts_with("ai/tasks/a.yaml:1: what stands at the base cannot be read: ") && refused.contains("a lost object"), "{refused}");
    let large = read(|path| TreeError::Large(path.clone(), FILE_BYTES_MAX + 1)).unwrap();
    assert!(!large.entries()[0].at_base);
}

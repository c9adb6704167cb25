//! Ticking in every dialect: of many made-up files exactly one word changes.

use super::*;
use crate::intake::{Entry, Queue};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use studio_core::tree::EmptyTree;

/// A checkout with one queue file.
struct Lab {
    root: tempfile::TempDir,
    path: &'static str,
}

impl Lab {
    fn new(path: &'static str, text: &str) -> Lab {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        fs::write(root.path().join(path), text).unwrap();
        Lab { root, path }
    }

    fn entries(&self) -> Vec<Entry> {
        Queue::read(self.root.path(), &EmptyTree).unwrap_or_else(|error| panic!("{error}")).entries().to_vec()
    }

    fn ticket(&self, id: &str) -> Ticket {
        self.entries().into_iter().map(|entry| entry.ticket).find(|ticket| ticket.id.as_str().starts_with(id)).unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.root.path().join(self.path)).unwrap()
    }

    fn tick(&self, ticket: &Ticket) -> Result<Ticked, TickError> {
        tick(self.root.path(), ticket, &"20261122-101112-x-0a1f".parse().unwrap(), "2026-11-22T10:11:12Z".parse().unwrap())
    }

    fn refused(&self, ticket: &Ticket) -> String {
        let before = self.text();
        let refused = self.tick(ticket).unwrap_err().to_string();
        assert_eq!(self.text(), before);
        refused
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }

    fn boxes(&mut self) -> String {
        let mut text = self.pick(&["", "\u{feff}", "# Backlog\n\n<!-- Auto-managed by x.py -->\n"]).to_string();
        for n in 0..1 + self.roll(6) {
            text += self.pick(&[
                "",
                "",
                "\n",
                "## Stage 1 – x\n",
                "## Stage 2 - y (Locked)\n",
                "words\n\n",
                "```\n- [ ] no\n```\n",
                "- no\n",
                "## Done\n",
            ]);
            let (indent, mark) = (self.pick(&["", "", " "]), self.pick(&[" ", " ", "x", "X"]));
            text += &format!(
                "{indent}{} [{mark}] {}{n} {}",
                self.pick(&["-", "*", "1."]),
                self.pick(&["Do ", "ABC-", "é `x` "]),
                self.pick(&["it", "x: y", "[ ]"])
            );
            text += self.pick(&[
                "\n",
                "\n",
                "\n    - [ ] criterion\n",
                "\n    - Criteria:\n      - a\n",
                "\n\n     more\n\n",
                "\n    ```\n    - [ ] code\n    ```\n",
            ]);
        }
        text
    }

    fn backlog(&mut self) -> String {
        let mut text = self.pick(&["", "\u{feff}", "# by hand\n", "---\n"]).to_string();
        let margin = if self.roll(3) == 0 { "  " } else { "" };
        text += if margin.is_empty() { "" } else { "tasks:\n" };
        for n in 0..1 + self.roll(6) {
            let word = self.pick(&["pending", "running", "success", "\"review\"", "'completed'", "waiting_retry   # why", "~", ""]);
            let status = if self.roll(4) == 0 { String::new() } else { format!("{margin}  status: {word}\n") };
            let (id, words) = (
                self.pick(&["id", "task_id"]),
                self.pick(&["summary: x", "description: |\n      status: pending\n      é", "summary: 'status: pending'"]),
            );
            text += &match self.roll(4) {
                0 => format!("{margin}- {{status: {}, {id}: t{n}, summary: x}}\n", self.pick(&["pending", "\"review\"", "success"])),
                1 => format!("{margin}- {words}\n{status}{margin}  {id}: t{n} # id\n"),
                2 => format!("{margin}- {id}: t{n}\n{status}{margin}  {words}\n"),
                _ => format!("{margin}-\n{margin}  {id}: t{n}\n{margin}  {words}\n{margin}  metadata:\n{margin}    status: x\n{status}"),
            };
        }
        text
    }
}

/// Ticks every ticket of a file, each in a fresh copy, and looks at what became of it.
fn every_tick_changes_one_word(path: &'static str, text: &str) -> usize {
    let before = Lab::new(path, text).entries();
    let mut changed = 0;
    for (n, entry) in before.iter().enumerate() {
        let lab = Lab::new(path, text);
        let ticked = lab.tick(&entry.ticket).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let (after, queue) = (lab.text(), lab.entries());
        assert_eq!(ticked.changed, entry.status != Status::Success, "{text}");
        let same = text.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        let tail = text.bytes().rev().zip(after.bytes().rev()).take_while(|(a, b)| a == b).count().min(text.len() - same).min(after.len() - same);
        let (gone, come) = (&text.as_bytes()[same..text.len() - tail], &after.as_bytes()[same..after.len() - tail]);
        let (gone, come) = (String::from_utf8_lossy(gone), String::from_utf8_lossy(come));
        if ticked.changed && path.ends_with(".md") {
            assert_eq!((&*gone, &*come), (" ", "x"), "{text}");
        } else if ticked.changed {
            assert!(!gone.contains([':', '\n', '\r', '#']) && come.lines().count() <= 2 && come.len() <= 32, "{gone:?} {come:?}\n{text}");
            assert!(after.lines().nth(ticked.line as usize - 1).unwrap().contains("success") || gone.is_empty(), "{after}");
        } else {
            assert_eq!(text, after);
        }
        for (m, (was, is)) in before.iter().zip(&queue).enumerate() {
            assert_eq!(is.status, if m == n { Status::Success } else { was.status }, "{after}");
            assert_eq!((&was.ticket.id, &was.ticket.content, &was.ticket.body), (&is.ticket.id, &is.ticket.content, &is.ticket.body), "{after}");
        }
        assert_eq!(before.len(), queue.len());
        assert!(!lab.tick(&entry.ticket).unwrap().changed);
        assert_eq!(lab.text(), after);
        changed += usize::from(ticked.changed);
    }
    changed
}

#[test]
fn many_files_are_ticked_by_one_word() {
    let mut dice = Dice(7);
    let mut changed = 0;
    for _ in 0..60 {
        for (path, text) in [("ai/backlog.md", dice.boxes()), ("ai/studio/backlog.md", dice.boxes()), ("ai/backlog.yaml", dice.backlog())] {
            let text = if dice.roll(3) == 0 { text.replace('\n', "\r\n") } else { text };
            changed += every_tick_changes_one_word(path, &text);
        }
    }
    assert!(changed > 300, "{changed}");
}

#[test]
fn a_missing_status_is_written_as_a_line_of_the_entry() {
    for (text, after) in [
        ("- id: a\n  summary: x\n", "- id: a\n  status: success\n  summary: x\n"),
        ("tasks:\r\n  - summary: x\r\n    id: a # b\r\n", "tasks:\r\n  - summary: x\r\n    id: a # b\r\n    status: success\r\n"),
        ("- id: a\n  status:\n  summary: x\n", "- id: a\n  status: success\n  summary: x\n"),
        ("- id: a\n  status: ~\n  summary: x\n", "- id: a\n  status: success\n  summary: x\n"),
        ("- \"status\": 'waiting_retry'\n  id: a\n  summary: x\n", "- \"status\": 'success'\n  id: a\n  summary: x\n"),
    ] {
        let lab = Lab::new("ai/backlog.yaml", text);
        assert!(lab.tick(&lab.ticket("a")).unwrap().changed);
        assert_eq!(lab.text(), after);
    }
    for text in ["- {id: a, summary: x}\n", "- ? id\n  : a\n  summary: x\n"] {
        let lab = Lab::new("ai/backlog.yaml", text);
        let refused = lab.refused(&lab.ticket("a"));
        assert!(refused.contains("cannot be ticked without changing more"), "{text}{refused}");
    }
}

/// The same entries in each dialect, open.
const DIALECTS: [(&str, &str); 6] = [
    ("ai/backlog.md", "# Backlog\n\n## Stage 1\n- [ ] ABC: x\n  - [ ] criterion\n- [ ] DEF: y\n"),
    ("ai/studio/backlog.md", "## Ideas\n\n- [ ] ABC: x\n  ```\n  - [ ] no box\n  ```\n* [ ] DEF: y\n"),
    ("ai/backlog.yaml", "tasks:\n  - id: ABC\n    status: pending # why\n    summary: x\n  - id: DEF\n    summary: y\n    status: pending\n"),
    (
        "ai/backlog.yaml",
        "- task_id: ABC\n  type: run\n  description: x\n  status: \"waiting_retry\"\n- {task_id: DEF, status: pending, description: y}\n",
    ),
    ("ai/tasks/t.yaml", "id: ABC\ndescription: x\nstatus: pending\n"),
    ("ai/tasks/t.md", "---\nid: ABC\nstatus: pending\n---\n# x\n\n- [ ] y\n"),
];

#[test]
fn byte_order_marks_and_line_breaks_of_every_dialect_stay() {
    for (path, text) in DIALECTS {
        for (bom, line_break) in [("", "\n"), ("", "\r\n"), ("\u{feff}", "\n"), ("\u{feff}", "\r\n")] {
            let text = format!("{bom}{}", text.replace('\n', line_break));
            if path.starts_with("ai/tasks/") {
                let lab = Lab::new(path, &text);
                assert!(lab.tick(&lab.ticket("ABC")).unwrap().changed);
                assert_eq!((lab.text(), lab.entries()[0].status), (text, Status::Success));
                continue;
            }
            assert_eq!(every_tick_changes_one_word(path, &text), 2, "{text:?}");
            for (id, words) in
                [("ABC", ["- [ ] ABC", "status: pending #", "\"waiting_retry\""]), ("DEF", ["[ ] DEF", "pending, d", "status: pending"])]
            {
                let lab = Lab::new(path, &text);
                lab.tick(&lab.ticket(id)).unwrap();
                let old = words.into_iter().find(|words| text.contains(words)).unwrap();
                let new = ["pending", "waiting_retry"].into_iter().fold(old.replace("[ ]", "[x]"), |new, word| new.replace(word, "success"));
                let at = text.rfind(old).unwrap();
                assert_eq!(lab.text(), format!("{}{new}{}", &text[..at], &text[at + old.len()..]));
            }
        }
    }
}

#[test]
fn a_status_set_against_it_meanwhile_is_not_overwritten() {
    for path in ["ai/backlog.yaml", "ai/tasks/t.yaml"] {
        let text = |status: &str| {
            let entry = format!("id: a\nsummary: x\ndescription: x\nstatus: {status}\n");
            if path == "ai/backlog.yaml" { format!("- {}\n", entry.trim_end().replace('\n', "\n  ")) } else { entry }
        };
        let lab = Lab::new(path, &text("pending"));
        let ticket = lab.ticket("a");
        for against in ["failed", "blocked", "\"escalated\""] {
            fs::write(lab.root.path().join(path), text(against)).unwrap();
            let refused = lab.refused(&ticket);
            assert!(refused.contains(&format!("says {}, which a success does not overwrite", against.trim_matches('"'))), "{refused}");
            assert!(!lab.root.path().join("ai/tasks/t.yaml.studio.json").exists());
        }
        for with in ["pending", "running", "waiting_retry", "review"] {
            fs::write(lab.root.path().join(path), text(with)).unwrap();
            lab.tick(&ticket).unwrap();
            assert_eq!(lab.entries()[0].status, Status::Success, "{with}");
        }
    }
}

#[test]
fn what_was_edited_meanwhile_is_left_alone() {
    let text = "## Stage 1\n- [ ] ABC: x\n  - y\n- [ ] DEF: z\n";
    let lab = Lab::new("ai/backlog.md", text);
    let ticket = lab.ticket("ABC");
    let write = |text: &str| fs::write(lab.root.path().join(lab.path), text).unwrap();
    for (text, says) in [
        (text.replace("- y", "- not y"), "ai/backlog.md:2: the entry was edited"),
        (text.replace("ABC", "GHI"), "ai/backlog.md:2: the entry is gone"),
        (text.replace("DEF", "ABC"), "ai/backlog.md:4: the id stands here for a second time"),
        (format!("{text}- [ ]  \n"), "the file is not touched until this is mended: ai/backlog.md:5: a box without words"),
    ] {
        write(&text);
        assert!(lab.refused(&ticket).starts_with(says), "{}", lab.refused(&ticket));
    }
    write(&format!("- [x] NEW: before\n{}", text.replace("z", "w").replace("Stage 1", "Stage 2")));
    assert_eq!(lab.tick(&ticket).unwrap(), Ticked { path: ticket.source.path.clone(), line: 3, changed: true });
    assert!(lab.text().contains("- [x] ABC: x\n  - y\n- [ ] DEF: w\n"));
    fs::remove_file(lab.root.path().join(lab.path)).unwrap();
    assert!(matches!(lab.tick(&ticket), Err(TickError::Gone(_))));
    let foreign = Ticket { source: Source { path: "cluster/a.yaml".parse().unwrap(), line: 1 }, ..ticket };
    assert!(matches!(lab.tick(&foreign), Err(TickError::Foreign(_))));
}

#[test]
fn the_file_keeps_its_mode_and_links_are_refused() {
    let lab = Lab::new("ai/backlog.md", "- [ ] ABC: x\n");
    let (ticket, place) = (lab.ticket("ABC"), lab.root.path().join(lab.path));
    fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).unwrap();
    lab.tick(&ticket).unwrap();
    assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&place, "- [ ] ABC: x\n").unwrap();
    fs::rename(&place, lab.root.path().join("elsewhere.md")).unwrap();
    symlink(lab.root.path().join("elsewhere.md"), &place).unwrap();
    assert!(lab.refused(&ticket).contains("ai/backlog.md is a symlink"));
}

#[test]
fn a_task_file_is_ticked_beside_itself() {
    for (path, text, other) in [
        ("ai/tasks/a/t.yaml", "id: t\ndescription: x\npersona_flow:\n- a: b: c\n", "id: t\ndescription: y\n"),
        ("ai/tasks/t.md", "# t\n- [ ] x\n", "# t\n- [ ] y\n"),
    ] {
        let lab = Lab::new(path, text);
        let ticket = lab.ticket("t");
        let beside: RelPath = format!("{path}.studio.json").parse().unwrap();
        assert_eq!(lab.tick(&ticket).unwrap(), Ticked { path: beside.clone(), line: 1, changed: true });
        assert!(!lab.tick(&ticket).unwrap().changed);
        assert_eq!((lab.text(), lab.entries()[0].status), (text.to_string(), Status::Success));
        let written = format!(
            "{{\"id\":\"t\",\"status\":\"success\",\"run\":\"20261122-101112-x-0a1f\",\"content\":\"{}\",\"at\":\"2026-11-22T10:11:12Z\"}}\n",
            ticket.content
        );
        assert_eq!(fs::read_to_string(lab.root.path().join(beside.as_str())).unwrap(), written);
        fs::write(lab.root.path().join(path), text.replace('\n', "\r\n")).unwrap();
        assert_eq!(lab.entries()[0].status, Status::Success);
        fs::write(lab.root.path().join(path), other).unwrap();
        assert!(lab.entries()[0].reason().contains("it was done once and has been changed since"));
        assert!(lab.refused(&ticket).contains("the entry was edited"));
        assert!(lab.tick(&lab.ticket("t")).unwrap().changed);
        assert_eq!(lab.entries()[0].status, Status::Success);
        fs::write(lab.root.path().join(beside.as_str()), "{}").unwrap();
        fs::write(lab.root.path().join(path), text).unwrap();
        assert!(lab.refused(&ticket).contains("remove that file"));
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut dice = Dice(11);
    let words = [
        "- [ ] ",
        "- [x]",
        "\n",
        "\r\n",
        "  ",
        "# Stage 1",
        "---",
        "id: a",
        "status: ",
        ": ",
        "[",
        "]",
        "{",
        "\u{feff}",
        "```",
        "<!--",
        "> ",
        "\t",
        "é",
        "\0",
        "\"",
        "|",
    ];
    for _ in 0..1500 {
        let mut bytes: Vec<u8> = (0..dice.roll(40)).flat_map(|_| dice.pick(&words).bytes().collect::<Vec<_>>()).collect();
        for _ in 0..dice.roll(3) {
            let at = dice.roll(bytes.len() + 1);
            bytes.insert(at, dice.roll(256) as u8);
        }
        for path in ["ai/backlog.yaml", "ai/backlog.md", "ai/tasks/t.md", "ai/tasks/t.yaml"] {
            let path: RelPath = path.parse().unwrap();
            let mut problems = Problems::of("f");
            for draft in intake::drafts(&path, &bytes, &mut problems) {
                if let Some(new) = draft.patch.as_ref().and_then(|patch| patched(&bytes, patch)) {
                    let _ = read(&path, &new);
                }
            }
        }
    }
}

#[test]
fn of_many_at_once_no_mark_is_lost() {
    let ids: Vec<String> = (0..48).map(|no| format!("t{no:02}")).collect();
    let entries: String = ids.iter().map(|id| format!("- id: {id}\n  stage: 1\n  summary: Please {id}\n  status: pending\n")).collect();
    let lab = Lab::new("ai/backlog.yaml", &entries);
    let tickets: Vec<Ticket> = lab.entries().into_iter().map(|entry| entry.ticket).collect();
    std::thread::scope(|scope| {
        for share in tickets.chunks(12) {
            scope.spawn(|| share.iter().for_each(|ticket| assert!(lab.tick(ticket).unwrap().changed)));
        }
    });
    assert_eq!(lab.text(), entries.replace("pending", "success"));
}

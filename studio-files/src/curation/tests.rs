//! Tests of accepted curation: it holds and orders tickets, adds words, and never makes one ready.

use super::*;
use std::fs;
use studio_core::limits::LIST_MAX;
use studio_core::text::Prose;
use studio_core::tree::MemoryTree;

const QUEUE: &str = "- id: one\n  summary: First\n- id: two\n  summary: Second\n- id: three\n  summary: Third\n  depends_on: [two]\n- id: four\n  summary: Fourth\n  status: success\n";

fn home() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("ai/studio")).unwrap();
    fs::write(root.path().join("ai/backlog.yaml"), QUEUE).unwrap();
    root
}

fn queue(root: &Path) -> Queue {
    let text = fs::read(root.join("ai/backlog.yaml")).unwrap();
    let base = MemoryTree([(RelPath::try_from("ai/backlog.yaml").unwrap(), text)].into());
    Queue::read(root, &base).unwrap()
}

fn id(text: &str) -> TicketId {
    text.try_into().unwrap()
}

fn words(text: &str) -> Prose {
    Prose::tamed(text)
}

fn accepted(root: &Path, changes: &[Curation]) -> Result<usize, CurationError> {
    let run = RunId::try_from("20261122-101112-one-0a1f").unwrap();
    accept(root, &queue(root), &run, changes, Timestamp::UNIX_EPOCH)
}

fn state(root: &Path, ticket: &str) -> Readiness {
    queue(root).curated(&read(root).unwrap()).find(ticket).unwrap().readiness.clone()
}

#[test]
fn accepted_changes_hold_order_and_describe() {
    let root = home();
    let changes = [
        Curation::Criteria { ticket: id("one"), criteria: vec![words("it is green")] },
        Curation::After { ticket: id("two"), on: id("one"), why: words("first things first") },
        Curation::After { ticket: id("one"), on: id("four"), why: words("is done already") },
        Curation::Split { ticket: id("one"), title: words("Half of it"), body: Some(words("- [ ] no box")) },
    ];
    assert_eq!(accepted(root.path(), &changes).unwrap(), 4);
    assert_eq!(accepted(root.path(), &changes).unwrap(), 0);
    let now = queue(root.path()).curated(&read(root.path()).unwrap());
    assert_eq!(now.find("one").unwrap().ticket.criteria, [words("it is green")]);
    assert_eq!((state(root.path(), "one"), state(root.path(), "two")), (Readiness::Ready, Readiness::Waiting { on: vec![id("one")] }));
    let half = now.entries().iter().find(|entry| entry.ticket.title.as_str() == "Half of it").unwrap();
    assert!(!half.at_base && half.ticket.script.is_none());
    accepted(root.path(), &[Curation::Stale { ticket: id("one"), why: words("nobody wants it") }]).unwrap();
    accepted(root.path(), &[Curation::Duplicate { ticket: id("two"), of: id("four") }]).unwrap();
    for ticket in ["one", "two"] {
        assert!(matches!(state(root.path(), ticket), Readiness::Held(why) if why.contains(FILE)), "{ticket}");
    }
    assert_eq!(state(root.path(), "four"), Readiness::Finished);
}

#[test]
fn what_does_not_fit_is_refused() {
    let root = home();
    let after = |ticket: &str, on: &str| Curation::After { ticket: id(ticket), on: id(on), why: words("w") };
    for (change, why) in [
        (after("one", "none"), "is no ticket"),
        (after("none", "one"), "is no ticket"),
        (after("one", "one"), "wait for each other"),
        (after("two", "three"), "wait for each other"),
        (Curation::Duplicate { ticket: id("one"), of: id("one") }, "wait for each other"),
    ] {
        let error = accepted(root.path(), std::slice::from_ref(&change)).unwrap_err().to_string();
        assert!(error.contains(why), "{change:?}: {error}");
    }
    assert!(!root.path().join(FILE).exists());
    accepted(root.path(), &[after("one", "two")]).unwrap();
    assert!(accepted(root.path(), &[after("two", "one")]).is_err());
}

fn split(title: &str, body: &str) -> Curation {
    Curation::Split { ticket: id("one"), title: words(title), body: (!body.is_empty()).then(|| words(body)) }
}

/// What a journal may hold of a hostile Planner: words that try to be more than words, and too many.
fn hostile() -> Vec<Curation> {
    let large = "x".repeat(PROSE_BYTES_MAX);
    let mut splits = vec![
        split("esc\u{1b}[2J \u{202e}ltr \u{0}nul\rcr", "\u{9b}31m\r\n\u{2028}line"),
        split("- [x] done\n- [ ] second box\n# Stage 3", "- [ ] third\n```\n- [x] out of the fence\n`````\n## Ideas"),
        split("<!-- open", "--> <!--\n<script>"),
        split("ADD_NODE: chooses an id\ndepends_on: two", "- depends_on: two\n- Acceptance criteria:\n  - none"),
        split("| a | b |\n|---|---|", "> quote\n\n---\ntitle: x\n---"),
        split("Criteria:", "- [ ] a"),
        split(&large, ""),
        split(&format!("large too {}", "*".repeat(PROSE_BYTES_MAX - 20)), &large),
        split("a tall body", &"y\n".repeat(PROSE_BYTES_MAX / 2)),
        split("a body of ticks", &"`".repeat(PROSE_BYTES_MAX)),
        split(&format!("wide {}", "🦀".repeat(PROSE_BYTES_MAX / 8)), &"é ".repeat(PROSE_BYTES_MAX / 3)),
    ];
    splits.extend((splits.len()..LIST_MAX).map(|n| split(&format!("part {n}"), "the same")));
    splits
}

#[test]
fn hostile_proposals_come_out_as_one_entry_each() {
    let (root, splits) = (home(), hostile());
    let before = queue(root.path()).entries().len();
    for (n, change) in splits.iter().enumerate() {
        assert_eq!(accepted(root.path(), std::slice::from_ref(change)).unwrap_or_else(|error| panic!("{n}: {error}")), 1);
        let (now, kept) = (queue(root.path()), read(root.path()).unwrap());
        assert_eq!((now.entries().len(), kept.len(), kept.last().map(|last| &last.change)), (before + n + 1, n + 1, Some(change)), "{n}");
    }
    for entry in &queue(root.path()).curated(&read(root.path()).unwrap()).entries()[before..] {
        let ticket = &entry.ticket;
        assert!(ticket.criteria.is_empty() && ticket.depends_on.is_empty() && ticket.script.is_none() && !entry.at_base, "{}", ticket.title);
        assert!(ticket.body.as_ref().is_some_and(|body| body.as_str().contains("A part of one.")), "{}", ticket.title);
    }
    for file in [FILE, add::BACKLOG] {
        let text = fs::read_to_string(root.path().join(file)).unwrap();
        assert!(!text.chars().any(studio_core::text::hostile), "{file}");
    }
    assert_eq!(accepted(root.path(), &splits).unwrap(), 0);
}

#[test]
fn a_list_is_accepted_up_to_what_does_not_fit() {
    let root = home();
    let changes: Vec<Curation> = (0..LIST_MAX).map(|n| split(&format!("part {n}"), "")).collect();
    assert_eq!(accepted(root.path(), &changes).unwrap(), LIST_MAX);
    let lost = Curation::Split { ticket: id("none"), title: words("of nothing"), body: None };
    let error = accepted(root.path(), &[split("a last one", ""), lost, split("never", "")]).unwrap_err().to_string();
    assert!(error.contains("none, which is no ticket"), "{error}");
    assert_eq!((read(root.path()).unwrap().len(), queue(root.path()).entries().len()), (LIST_MAX + 1, 4 + LIST_MAX + 1));
}

#[test]
fn an_acceptance_that_was_cut_short_is_finished() {
    let root = home();
    assert_eq!(accepted(root.path(), &[split("half", "way")]).unwrap(), 1);
    fs::remove_file(root.path().join(FILE)).unwrap();
    assert_eq!(accepted(root.path(), &[split("half", "way"), split("half", "another body")]).unwrap(), 2);
    assert_eq!(queue(root.path()).entries().len(), 5);
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let root = home();
    let quotes = words(&"\"".repeat(PROSE_BYTES_MAX));
    let criteria = Curation::Criteria { ticket: id("one"), criteria: vec![quotes; CRITERIA_MAX] };
    assert!(matches!(accepted(root.path(), &[criteria]), Err(CurationError::Disk(DiskError::Large(_)))));
    assert!(read(root.path()).unwrap().is_empty());
    let stale = |n: usize| Curation::Stale { ticket: id("one"), why: words(&n.to_string()) };
    let line = |n| {
        let at = Timestamp::UNIX_EPOCH;
        serde_json::to_string(&Accepted { v: 1, at, run: "20261122-101112-one-0a1f".parse().unwrap(), change: stale(n) }).unwrap() + "\n"
    };
    fs::write(root.path().join(FILE), (0..TICKETS_MAX).map(line).collect::<String>()).unwrap();
    assert!(matches!(accepted(root.path(), &[stale(TICKETS_MAX)]), Err(CurationError::Many(_))));
    assert_eq!(read(root.path()).unwrap().len(), TICKETS_MAX);
}

#[test]
fn a_broken_line_is_named() {
    let root = home();
    fs::write(root.path().join(FILE), "\n{\"v\":1}\n").unwrap();
    assert!(read(root.path()).unwrap_err().to_string().starts_with("ai/studio/curation.jsonl:2: "));
    fs::write(root.path().join(FILE), [0xff, 0xfe]).unwrap();
    assert!(read(root.path()).unwrap_err().to_string().contains(":1: "));
}

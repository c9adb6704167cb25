//! Tests of accepted curation: it holds and orders tickets, adds words, and never makes one ready.

use super::*;
use std::fs;
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

#[test]
fn a_broken_line_is_named() {
    let root = home();
    fs::write(root.path().join(FILE), "\n{\"v\":1}\n").unwrap();
    assert!(read(root.path()).unwrap_err().to_string().starts_with("ai/studio/curation.jsonl:2: "));
    fs::write(root.path().join(FILE), [0xff, 0xfe]).unwrap();
    assert!(read(root.path()).unwrap_err().to_string().contains(":1: "));
}

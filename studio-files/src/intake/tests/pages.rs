//! Task pages, and what stands beside task files.

use super::*;

const PAGE: &str = "---\nid: add-node\ntitle: Add a node\nstage: 2\ndepends_on: [other]\nrepo_paths: [cluster/]\nacceptance_criteria:\n  - Flux: all: Ready\n---\n\n# Heading\n\nWhy and *how*.\n\n## Done when\n\n- it blinks\n- [x] twice\n\n## Notes\n- no criterion\n";

#[test]
fn a_page_with_front_matter_becomes_a_ticket() {
    let queue = Lab::with("ai/tasks/hw/x.md", PAGE).both("ai/tasks/other.md", "\nOther\n=====\nwords\n").queue();
    let [node, other] = queue.entries() else { panic!("two entries") };
    let ticket = &node.ticket;
    let words = |all: &[studio_core::text::Prose]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((ticket.id.as_str(), ticket.title.as_str(), ticket.stage), ("add-node", "Add a node", Stage::Studio));
    assert_eq!(words(&ticket.criteria), ["Flux: all: Ready", "it blinks", "twice"]);
    assert_eq!(ticket.scope.iter().map(RelPath::as_str).collect::<Vec<_>>(), ["cluster"]);
    assert!(ticket.body.as_ref().unwrap().as_str().starts_with("# Heading\n\nWhy"));
    assert_eq!((node.at_base, &node.readiness), (true, &Readiness::Waiting { on: vec![other.ticket.id.clone()] }));
    assert_eq!((other.ticket.id.as_str(), other.ticket.title.as_str()), ("other", "Other"));
    assert_eq!((other.ticket.stage_from, &other.readiness), (StageFrom::Assumed, &Readiness::Ready));
    let windows = Lab::with("ai/tasks/hw/x.md", &format!("\u{feff}{}", PAGE.replace("[other]", "[]").replace('\n', "\r\n"))).queue();
    assert_eq!(
        (windows.entries()[0].ticket.criteria.clone(), windows.entries()[0].ticket.body.clone()),
        (ticket.criteria.clone(), ticket.body.clone())
    );
    let readme = Lab::with("ai/tasks/README.md", "no task").both("ai/tasks/a/readme.MD", "none").both("ai/tasks/examples/e.md", "# e\n").queue();
    assert_eq!(readme.entries().iter().map(|entry| &entry.readiness).collect::<Vec<_>>(), [&Readiness::Example]);
}

#[test]
fn each_refusal_names_its_line() {
    for (text, says) in [
        ("---\nid: a\n", "1: front matter that does not end"),
        ("---\nid: a\ntitle: x: y\n---\n", "3: no YAML from here on"),
        ("---\nid: a\nid: b\n---\n# x\n", "3: the key `id` stands twice"),
        ("---\nid: a\ntitle: x\nstage: 9\n---\n", "4: there is no stage 9"),
        ("---\n- id: a\n---\n# x\n", "2: an entry that is no map"),
        ("---\nid: a\ntitle: x\nrepo_paths: [../x]\n---\n", "4: \"../x\" is no RelPath"),
        ("---\nid: a\ntitle: x\nstatus: done\n---\n", "4: the status `done` is unknown"),
        ("words only\n", "1: a page without a title"),
        ("", "1: a page without a title"),
        ("---\ntitle: x\ndepends_on: [y]\n---\n", "3: it depends on `y`, which is no ticket"),
    ] {
        let refused = Lab::with("ai/tasks/t.md", text).refused();
        assert!(refused.starts_with(&format!("ai/tasks/t.md:{says}")), "{text}\n{refused}");
    }
    assert!(Lab::with("ai/tasks/a b.md", "# x\n").refused().starts_with("ai/tasks/a b.md:1: \"a b\" is no TicketId"));
    let long = format!("# x\n{}", "y".repeat(20_000));
    assert!(Lab::with("ai/tasks/t.md", &long).refused().contains("at most 16384 are read"));
    let many = format!("# x\n## Criteria\n{}", "- y\n".repeat(33));
    assert!(Lab::with("ai/tasks/t.md", &many).refused().contains("the page has 33 criteria"));
    assert!(Lab::with("ai/tasks/t.md", "# t\n").both("ai/tasks/t.yaml", &task("t")).refused().contains("the id `t` stands already"));
}

#[test]
fn a_broken_or_stale_sidecar_says_so() {
    let lab = |beside: &str| Lab::with("ai/tasks/t.yaml", &task("t")).file("ai/tasks/t.yaml.studio.json", beside);
    for beside in ["", "{}", "[1]", "{\"id\":\"t\",\"status\":\"failed\"}"] {
        let refused = lab(beside).refused();
        assert!(refused.starts_with("ai/tasks/t.yaml:1: ai/tasks/t.yaml.studio.json does not say what became of it"), "{refused}");
    }
    let beside = |content: &Digest| {
        format!(
            "{{\"id\":\"t\",\"status\":\"success\",\"run\":\"20261122-101112-t-0a1f\",\"content\":\"{content}\",\"at\":\"2026-11-22T10:11:12Z\"}}"
        )
    };
    let content = Lab::with("ai/tasks/t.yaml", &task("t")).queue().entries()[0].ticket.content.clone();
    let done = lab(&beside(&content)).queue();
    assert_eq!((done.entries()[0].status, &done.entries()[0].readiness), (Status::Success, &Readiness::Finished));
    let stale = lab(&beside(&Digest::zero())).queue();
    assert_eq!(stale.entries()[0].readiness, Readiness::Ready);
    assert_eq!(stale.entries()[0].reason(), "it can be worked on; it was done once and has been changed since");
}

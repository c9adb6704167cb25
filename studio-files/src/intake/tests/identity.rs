//! What an entry may change while it stays the same entry: its status, and how its lines end.

use super::*;

/// Says whether `text` is at the base when `base` stands there.
fn same(path: &str, text: &str, base: &str) -> Vec<bool> {
    Lab::new().file(path, text).base(path, base).base("infra/a.sh", "").queue().entries().iter().map(|entry| entry.at_base).collect()
}

#[test]
fn a_status_does_not_count() {
    let base = format!("{}{}", older("a", "run", "infra/a.sh"), newer("b", "pending", "[a]"));
    for text in [
        base.replace("status: pending", "status: success"),
        base.replace("status: pending", "status:   \"completed\""),
        base.replace("  status: pending\n", ""),
        base.replace("  status: pending\n", "").replace("id: b\n", "id: b\n  status: running\n"),
        base.replace("status: pending", "status:"),
        base.replace("status: pending", "status: ~"),
        base.replace('\n', "\r\n"),
        format!("\u{feff}# moved\n{}", base.replace("pending", "blocked").replace('\n', "\r\n")),
    ] {
        assert_eq!(same("ai/backlog.yaml", &text, &base), [true, true], "{text}");
        assert_eq!(same("ai/backlog.yaml", &base, &text), [true, true], "{text}");
    }
    for (was, is) in
        [("Look at", "Look  at"), ("status: pending", "status: pending # wait"), ("stage_1", "stage_2"), ("a.sh", "b.sh"), ("note:", "x:")]
    {
        assert!(!same("ai/backlog.yaml", &base.replacen(was, is, 1), &base)[0], "{is}");
    }
    let flow = "- {id: a, status: pending, summary: x}\n- {status: pending, id: b, summary: y}\n- status: pending\n  id: c\n  summary: z\n";
    assert_eq!(same("ai/backlog.yaml", &flow.replace("pending", "success"), flow), [true, true, true]);
    assert_eq!(same("ai/backlog.yaml", &flow.replace("summary: x", "summary: w"), flow), [false, true, true]);
    let nested = "- id: a\n  summary: x\n  metadata:\n    status: one\n";
    assert_eq!(same("ai/backlog.yaml", &nested.replace("one", "two"), nested), [false]);
}

#[test]
fn a_box_does_not_count() {
    let base = "## Stage 2\n- [ ] a\n  - [ ] b\n  more\n- [x] c\n";
    for text in [base.replace("[ ] a", "[x] a"), base.replace("[x]", "[ ]"), base.replace("[ ] b", "[X] b"), base.replace('\n', "\r\n")] {
        assert_eq!(same("ai/backlog.md", &text, base), [true, true], "{text}");
    }
    for (was, is) in [("more", "less"), ("## Stage 2", "## Stage 1"), ("## Stage 2", "## Stage 2 (Locked)"), ("[ ] b", "[ ]  b"), ("  - [ ] b\n", "")]
    {
        assert!(!same("ai/backlog.md", &base.replace(was, is), base)[0], "{is}");
    }
    assert!(!same("ai/backlog.md", base, &base.replace("Stage 2", "Stage 2 (locked)"))[0]);
    let page = "---\nstatus: pending\n---\n# x\n- [ ] y\n";
    assert_eq!(same("ai/tasks/t.md", &page.replace("pending", "running").replace("[ ]", "[x]").replace('\n', "\r\n"), page), [true]);
    assert_eq!(same("ai/tasks/t.md", &page.replace("y", "z"), page), [false]);
    let task = task("t");
    assert_eq!(same("ai/tasks/t.yaml", &format!("{}status: review\n", task.replace('\n', "\r\n")), &task), [true]);
    assert_eq!(same("ai/tasks/t.yaml", &task.replace("docs/", "src/"), &task), [false]);
}

//! Backlogs in Markdown, in the dialects people use.

use super::*;
use studio_core::limits::{CRITERIA_MAX, PROSE_BYTES_MAX};

/// A queue's tickets in short: status, id, stage and how it was found.
fn rows(queue: &Queue) -> Vec<String> {
    let from = |entry: &Entry| if entry.ticket.stage_from == StageFrom::Assumed { "?" } else { "" };
    queue.entries().iter().map(|entry| format!("{} {} {}{}", entry.status, entry.ticket.title, entry.ticket.stage, from(entry))).collect()
}

fn backlog(text: &str) -> Queue {
    Lab::with("ai/backlog.md", text).queue()
}

#[test]
fn every_dialect_is_read() {
    let text = "# Backlog\n\n## Immediate\n\n- [ ] Add worker-4\n- [x] Pin the web image\n\n## Short-Term\n * [ ] Rotate keys\n\n## Future\n1. [X] Think\n- just words\n";
    assert_eq!(rows(&backlog(text)), ["pending Add worker-4 1?", "success Pin the web image 1?", "pending Rotate keys 1?", "success Think 1?"]);
    let text = "<!-- Auto-managed by stage1_backlog_sync.py -->\n# Backlog\n## Stage 1 – Homelab Bring-Up\n- [ ] a\n### Later\n- [x] b\n\
        ## Stage 2 – Biz2/Biz3 (Locked)\n- [ ] c\n- [x] d\n### More\n- [ ] e\n## Stage 3: tenants\n- [ ] f\n## Other\n- [ ] g\n";
    let queue = backlog(text);
    assert_eq!(rows(&queue), ["pending a 1", "success b 1", "pending c 2", "success d 2", "pending e 2", "pending f 3", "pending g 1?"]);
    let reasons: Vec<String> = queue.entries().iter().map(Entry::reason).collect();
    let locked = "its heading says it is locked: ai/backlog.md:7";
    assert_eq!((reasons[2].contains(locked), reasons[4].contains(locked)), (true, true), "{reasons:?}");
    assert_eq!(queue.entries()[3].readiness, Readiness::Finished);
    assert_eq!(queue.ready().count(), 3);
    let text = "## Current Tasks\n- [ ] a\n\n## Completed\n- [x] b\n- [ ] c\n\n## Notes\n- d\n- e: [ ] f\n";
    let queue = backlog(text);
    assert_eq!(rows(&queue), ["pending a 1?", "success b 1?", "pending c 1?"]);
    assert!(queue.entries()[2].reason().contains("tick it or move it: ai/backlog.md:4"), "{}", queue.entries()[2].reason());
    for text in ["# BACKLOG (deprecated)\n\nSee ai/backlog.yaml.\n", "", "# x\n- y\n", "\u{feff}"] {
        assert_eq!(backlog(text), Queue::default());
    }
}

#[test]
fn boxes_in_code_comments_and_quotes_are_no_tickets() {
    let text = "```md\n- [ ] a\n```\n\n    - [ ] b\n\n<!--\n- [ ] c\n-->\n> - [ ] d\n\n~~~\n- [ ] e\n~~~\n`- [ ] f`\n- [ ] real\n";
    assert_eq!(rows(&backlog(text)), ["pending real 1?"]);
}

#[test]
fn what_stands_below_a_box_belongs_to_it() {
    let text = "- [ ] ADD_NODE: Add a node\n  to the lab\n  - it arrived on Monday\n    - on a pallet\n  - depends_on: b-one, B-TWO\n  - Acceptance criteria:\n    - Flux shows: Ready\n    - [x] kubectl\n      agrees\n  - [ ] it blinks\n\n  Look at the\n  runbook.\n\n  ```sh\n  - [ ] no\n  ```\n- [ ] B-ONE: x\n  **Criteria:**\n  - it runs\n- group\n  - [ ] B-TWO: y\n- [x] *done* `thing`\n";
    let queue = backlog(text);
    let [node, one, two, done] = queue.entries() else { panic!("{:?}", rows(&queue)) };
    let words = |all: &[studio_core::text::Prose]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((node.ticket.id.as_str(), node.ticket.title.as_str()), ("ADD_NODE", "Add a node to the lab"));
    assert_eq!(words(&node.ticket.criteria), ["Flux shows: Ready", "kubectl\nagrees", "it blinks"]);
    let body = "- it arrived on Monday\n  - on a pallet\n\nLook at the\nrunbook.\n\n```sh\n- [ ] no\n```";
    assert_eq!(node.ticket.body.as_ref().unwrap().as_str(), body);
    assert_eq!(node.readiness, Readiness::Waiting { on: ["B-ONE", "B-TWO"].map(|id| TicketId::try_from(id).unwrap()).into() });
    assert_eq!((one.ticket.title.as_str(), words(&one.ticket.criteria)), ("x", vec!["it runs".to_string()]));
    assert_eq!((one.ticket.source.line, two.ticket.source.line, done.ticket.source.line), (18, 22, 23));
    assert_eq!(done.ticket.title.as_str(), "*done* `thing`");
}

#[test]
fn an_id_is_written_or_made_of_the_words() {
    let hash = |text: &str| Digest::blake3(text.as_bytes()).as_str()[..6].to_string();
    let id = |text: &str| backlog(&format!("- [ ] {text}\n")).entries()[0].ticket.id.to_string();
    assert_eq!(id("Add *worker-4*,  now"), format!("add-worker-4-now-{}", hash("Add *worker-4*, now")));
    assert_eq!(id(&"ab ".repeat(40)), format!("{}-{}", "ab-".repeat(13) + "a", hash("ab ".repeat(40).trim())));
    assert_eq!(id("加節點"), format!("ticket-{}", hash("加節點")));
    for (text, written) in [("INFRA-12: x", "INFRA-12"), ("ADD_NODE: x: y", "ADD_NODE"), ("A1B: x", "A1B")] {
        assert_eq!(id(text), written);
    }
    for text in ["AB: x", "Add: x", "1AB: x", "ABC:x", "ABC:", "`ABC`: x", "**ABC**: x"] {
        assert!(id(text).ends_with(&hash(text)), "{text}: {}", id(text));
    }
}

#[test]
fn each_refusal_names_its_line() {
    let many = "  - [ ] c\n".repeat(CRITERIA_MAX + 1);
    for (text, says) in [
        ("- [ ] a\n\n## Stage 1\n- [x] a\n".to_string(), "4: the id `a-17762f` stands already at ai/backlog.md:1"),
        ("- [ ] ABC: a\n- [ ] ABC: b\n".into(), "2: the id `ABC` stands already at ai/backlog.md:1"),
        ("# x\n- [ ]  \n".into(), "2: a box without words"),
        ("# x\n\n## Stage 4 - x\n- [ ] a\n- [ ] b\n".into(), "3: there is no stage 4"),
        ("- [ ] a\n  - depends_on: nobody\n".into(), "2: it depends on `nobody`, which is no ticket"),
        ("- [ ] a\n  - depends_on: a b\n".into(), "2: \"a b\" is no TicketId"),
        ("- [ ] ABC: a\n\n  - depends_on: abc\n".into(), "3: `ABC` depends on itself"),
        ("- [ ] ABC: a\n  - depends_on: DEF\n- [ ] DEF: b\n  - depends_on: ABC\n".into(), "2: these tickets wait for each other: ABC -> DEF"),
        (format!("- [ ] a\n{many}"), "1: the entry has 33 criteria"),
        (format!("- [ ] a\n\n  {}\n", "x".repeat(PROSE_BYTES_MAX + 1)), "1: the entry has 16385 bytes"),
        ("- [ ] a\n- [ ] \x1b[2Jb\n".into(), "2: a control character"),
        ("- [ ] a\0\n".into(), "1: a NUL byte"),
    ] {
        let text = text.replace("a-17762f", &format!("a-{}", &Digest::blake3(b"a").as_str()[..6]));
        let says = says.replace("a-17762f", &format!("a-{}", &Digest::blake3(b"a").as_str()[..6]));
        let refused = Lab::with("ai/backlog.md", &text).refused();
        assert!(refused.starts_with(&format!("ai/backlog.md:{says}")), "{text}\n{refused}");
        assert!(refused.lines().all(|line| line.contains("; ")) && !refused.contains('\n'), "{refused}");
    }
}

#[test]
fn the_studio_backlog_is_of_the_second_stage_and_comes_last() {
    let text = "## Biz2 Scaffolding\n- [ ] a\n## Experiment Ideas\n- [ ] b\n## Stage 1\n- [ ] RUN: infra/x.sh\n";
    let lab = Lab::with("ai/studio/backlog.md", text).both("ai/tasks/t.md", "# t\n").both("ai/backlog.md", "- [ ] c\n").base("infra/x.sh", "true");
    let queue = lab.queue();
    assert_eq!(rows(&queue), ["pending c 1?", "pending t 1?", "pending a 2", "pending b 2", "pending infra/x.sh 2"]);
    assert!(queue.entries().iter().all(|entry| entry.at_base && entry.ticket.script.is_none()));
    let idea = Lab::new().file("ai/studio/backlog.md", text).queue();
    assert_eq!(rows(&idea), ["pending a 2?", "pending b 2?", "pending infra/x.sh 2?"]);
    assert!(idea.entries()[0].reason().contains("it is an idea"));
}

#[test]
fn nothing_of_a_closed_stage_is_ready() {
    let text = "## Stage 1\n- [ ] a\n- [x] b\n## Stage 2\n- [ ] ABC: c\n- [x] d\n- [ ] e\n  - depends_on: ABC\n";
    let lab = Lab::with("ai/backlog.md", text).both("ai/tasks/examples/x.yaml", "id: x\ndescription: x\nstage: 2\n");
    let closed = [(Stage::Studio, "stage 2 is closed: ai/state/stage2_ready.json says so".to_string())].into();
    let queue = Queue::read_gated(lab.root.path(), &lab.base, &closed).unwrap();
    let readiness: Vec<&Readiness> = queue.entries().iter().map(|entry| &entry.readiness).collect();
    let waiting = Readiness::Waiting { on: vec![TicketId::try_from("ABC").unwrap()] };
    let held = Readiness::Held(closed[&Stage::Studio].clone());
    assert_eq!(readiness, [&Readiness::Ready, &Readiness::Finished, &held, &Readiness::Finished, &waiting, &Readiness::Example]);
    assert_eq!(lab.queue().ready().count(), 2);
}

#[test]
fn what_is_nearly_a_dependency_is_a_problem_with_its_line() {
    for line in [
        "- Depends_on: B",
        "- **depends_on:** B",
        "* depends_on : B",
        "- depends-on: B",
        "- Depends on: B",
        "depends_on: B",
        "- it came\n    depends_on: B",
    ] {
        let refused = Lab::with("ai/backlog.md", &format!("# B\n- [ ] ADD_IT: x\n  {line}\n")).refused();
        assert!(refused.starts_with("ai/backlog.md:") && refused.contains("write `- depends_on: ID, ID`"), "{line}: {refused}");
        let at: u32 = refused.split(':').nth(1).unwrap().parse().unwrap();
        assert!((2..=4).contains(&at), "{refused}");
    }
    assert_eq!(backlog("- [ ] ADD_IT: it depends on: the weather\n  - it depends on the weather\n").entries().len(), 1);
}

#[test]
fn open_boxes_that_are_over_struck_out_or_examples_are_held() {
    let text = "## Format\n- [ ] ONE: x\n## Stage 1 - Completed\n- [ ] TWO: x\n## Stage 1 [LOCKED]\n- [ ] THREE: x\n## Examples\n- [ ] FOUR: x\n\
        ## Stage 1 - Up\n- [ ] ~~FIVE: x~~\n- [ ] SIX: ~~x~~\n- [ ] SEVEN: x (cancelled)\n- [ ] EIGHT: x\n";
    let queue = backlog(text);
    assert_eq!(queue.entries().len(), 8);
    assert_eq!(queue.ready().map(|entry| entry.ticket.id.as_str()).collect::<Vec<_>>(), ["EIGHT"]);
    assert!(queue.find("SEVEN").unwrap().reason().contains("ai/backlog.md:12"), "{}", queue.find("SEVEN").unwrap().reason());
}

#[test]
fn a_stage_in_words_is_one_and_a_heading_below_lowers_none() {
    let text = "## Stage 2 - Tenants\n### Stage 1 things\n- [ ] a\n## Stage Two\n- [ ] b\n## Stage III: x\n- [ ] c\n## Stage 1\n### Stage 2\n- [ ] d\n## Stage in\n- [ ] e\n";
    assert_eq!(rows(&backlog(text)), ["pending a 2", "pending b 2", "pending c 3", "pending d 2", "pending e 1?"]);
}

//! Stages of made-up checkouts.

use super::*;
use std::fs;

const STATUS: &str = "ai/state/status.json";

/// Reads a checkout with these files.
fn gates(files: &[(&str, &str)]) -> Gates {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let place = root.path().join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
    Gates::read(root.path()).unwrap()
}

fn open(files: &[(&str, &str)]) -> (bool, bool, bool) {
    let gates = gates(files);
    (gates.open(Stage::Infra), gates.open(Stage::Studio), gates.open(Stage::Tenants))
}

#[test]
fn without_flags_only_stage_1_is_open() {
    let gates = gates(&[]);
    assert_eq!((gates.open(Stage::Infra), gates.places()), (true, &[][..]));
    let closed = gates.closed();
    assert_eq!(closed.keys().copied().collect::<Vec<_>>(), [Stage::Studio, Stage::Tenants]);
    assert_eq!(
        closed[&Stage::Studio],
        "stage 2 is closed: no file says that it may begin; when it may, a human writes {\"complete\": true} to ai/state/stage2_ready.json"
    );
    assert_eq!(closed[&Stage::Tenants], "stage 3 is closed, since stage 2 is; open that one first");
}

#[test]
fn one_place_is_enough_if_none_disagrees() {
    let yes = r#"{"complete": true, "evidence": "postcheck.log"}"#;
    assert_eq!(open(&[("ai/state/stage2_ready.json", yes)]), (true, true, false));
    assert_eq!(open(&[("ai/state/stage1_complete.json", yes)]), (true, false, false));
    assert_eq!(open(&[("ai/state/stage1_complete.json", yes), ("ai/state/stage2_ready.json", yes)]), (true, true, false));
    assert_eq!(open(&[("ai/state/stage3_ready.json", yes)]), (true, false, false));
    assert_eq!(open(&[("ai/state/stage2_ready.json", yes), ("ai/state/stage3_ready.json", yes)]), (true, true, true));
    assert_eq!(open(&[("ai/mission.md", "# Mission\n\n- [x] Stage 2 unlocked (by me)\n- [X] Stage 3 ready\n")]), (true, true, true));
    assert_eq!(open(&[(STATUS, r#"{"stage_2_unlocked": true, "stage_1_complete": true, "task": "x"}"#)]), (true, true, false));
}

#[test]
fn places_that_disagree_close_it_and_are_named() {
    let gates = gates(&[
        ("ai/state/stage1_complete.json", "{\n  \"complete\": false\n}\n"),
        ("ai/state/stage2_ready.json", r#"{"complete": true}"#),
        ("ai/mission.md", "# Mission\n\n- [x] Stage 1 complete (set by human/CLI)\n- [ ] **Stage 2** unlocked\n"),
    ]);
    assert_eq!(
        gates.closed()[&Stage::Studio],
        "stage 2 is closed: ai/state/stage1_complete.json:2 says \"complete\": false, ai/mission.md:4 says `[ ] Stage 2 unlocked`, \
         though other places say yes; when it is true, a human makes each of them say so"
    );
    assert_eq!(gates.places().iter().map(|place| place.open).collect::<Vec<_>>(), [false, true, true, false]);
}

#[test]
fn what_cannot_be_read_is_a_no() {
    let yes = ("ai/state/stage2_ready.json", r#"{"complete": true}"#);
    for bad in [
        (STATUS, "{"),
        (STATUS, r#"{"stage_2_unlocked": "true"}"#),
        (STATUS, r#"{"stage_2_unlocked": true, "stage_2_unlocked": true}"#),
        ("ai/state/stage1_complete.json", "{}"),
        ("ai/state/stage1_complete.json", r#"{"complete": 1}"#),
        ("ai/state/stage1_complete.json", r#"{"ready": true}"#),
        ("ai/state/stage1_complete.json", "true"),
    ] {
        let gates = gates(&[yes, bad]);
        assert!(!gates.open(Stage::Studio) && gates.open(Stage::Infra), "{bad:?}");
        assert!(gates.closed()[&Stage::Studio].contains(bad.0), "{bad:?}");
    }
}

#[test]
fn a_symlink_or_no_text_is_a_no() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("ai/state")).unwrap();
    fs::write(root.path().join("real.json"), r#"{"complete": true}"#).unwrap();
    std::os::unix::fs::symlink("../../real.json", root.path().join("ai/state/stage2_ready.json")).unwrap();
    fs::write(root.path().join("ai/mission.md"), b"\xff").unwrap();
    let closed = &Gates::read(root.path()).unwrap().closed()[&Stage::Studio];
    assert!(closed.contains("stage2_ready.json is a symlink") && closed.contains("ai/mission.md:1 says nothing"), "{closed}");
    assert!(Gates::read(&root.path().join("none")).is_err());
}

#[test]
fn only_boxes_that_say_it_count() {
    let mission = "- [x] Stage 2 planned\n- [x] later: Stage 2 unlocked\n- Stage 2 unlocked\n\nStage 2 unlocked [x]\n\n\
        ```\n- [x] Stage 2 unlocked\n```\n\n<!--\n- [x] Stage 2 unlocked\n-->\n";
    assert_eq!(gates(&[("ai/mission.md", mission)]).places(), []);
}

/// Says whether a mission with these words opens stage 2, and whether they are shown as a place.
fn mission(text: &str) -> (bool, usize) {
    let gates = gates(&[("ai/mission.md", text)]);
    (gates.open(Stage::Studio), gates.places().len())
}

#[test]
fn a_tick_opens_only_by_the_bare_words() {
    for yes in [
        "- [x] Stage 2 unlocked",
        "* [X] stage 2 READY.",
        "+ [x] Stage 2 complete",
        "- [x] **Stage 2** unlocked:",
        "- [x] Stage 2 **unlocked** (set by human/CLI after the postcheck)",
        "- [x] _Stage 2 open_ (set by human/CLI…).",
        "- [x] `Stage 2 unlocked`: (by me)",
        "- [x] Stage 2 unlocked…",
        "- [x] Stage 2 unlocked (set by human/CLI\n  after the postcheck)\n  - evidence: postcheck.log",
        "\u{feff}- [x] Stage 2 unlocked\r\n- [x] Stage 1 complete (set by human/CLI…)\r\n",
        "- gates\n\n  - [x] Stage 2 unlocked\n\n    More about it.",
    ] {
        assert!(mission(yes).0, "{yes}");
    }
    for no in [
        "- [x] Stage 2 open questions are listed",
        "- [x] Stage 2 unlocked? no, ask ops first",
        "- [x] Stage 2 unlocked?",
        "- [x] Stage 2 unlocked\n  only after ops agreed",
        "- [x] Stage 2 unlocked: not before June",
        "- [x] Stage 2 unlocked (not yet) by ops",
        "- [x] Stage 2 unlocked (a) no (b)",
        "- [x] Stage 2 unlocked (not yet",
        "- [x] Stage 2 ready checklist drafted",
        "- [x] Stage 2 complete plan is written",
        "- [x] stage 2: unlocked",
        "- [x] Stage 2 [unlocked](https://example.com)",
        "- [x] Stage 2 unlocked <!-- no -->",
        "- [x] ~~Stage 2 unlocked~~",
        "1. [x] Stage 2: ready checklist drafted",
        "1. [x] Stage 2 unlocked",
        "1. gates\n   - [x] Stage 2 unlocked",
        "> - [x] Stage 2 unlocked",
        "- x\n\n  > - [x] Stage 2 unlocked",
    ] {
        assert_eq!(mission(no), (false, 1), "{no}");
        let with = gates(&[("ai/mission.md", no), ("ai/state/stage2_ready.json", r#"{"complete": true}"#)]);
        let why = &with.closed()[&Stage::Studio];
        assert!(why.contains("ai/mission.md:") && (why.contains("which is no plain `Stage 2 ") || why.contains("which stands in a quote")), "{why}");
    }
}

#[test]
fn a_tick_does_not_lend_itself_to_other_words() {
    for silent in [
        "- [x] <del>Stage 1</del>\n- [ ] more\n",
        "- [x]\n- Stage 2 unlocked\n",
        "- [x]\n\n  Stage 2 unlocked\n",
        "- [x] done\n\n  Stage 2 unlocked\n",
        "- [x] **all**\n  - Stage 2 unlocked\n",
        "- [ ] Stage 2 complete\n",
        "- [x] Stage 2 is unlocked\n",
    ] {
        assert_eq!(mission(silent), (false, 0), "{silent}");
    }
}

#[test]
fn a_box_without_a_tick_closes_with_any_more_words() {
    for (no, count) in [
        ("- [ ] Stage 2 unlocked when ops agree", 1),
        ("- [ ] Stage 2 open questions", 1),
        ("> - [ ] Stage 2 unlocked", 1),
        ("1. [ ] Stage 1 complete", 1),
        ("- [ ] <b>Stage 2</b> unlocked", 1),
        ("\u{feff}- [ ] Stage 2 unlocked", 1),
        ("- [ ] Stage 2 **unlocked**\n- [x] Stage 2 ready", 2),
    ] {
        let with = gates(&[("ai/mission.md", no), ("ai/state/stage2_ready.json", r#"{"complete": true}"#)]);
        assert_eq!((with.open(Stage::Studio), with.places().len()), (false, 1 + count), "{no}");
    }
}

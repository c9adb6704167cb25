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
    assert_eq!(open(&[("ai/mission.md", "# Mission\n\n- [x] Stage 2 unlocked by me\n- [X] Stage 3 ready\n")]), (true, true, true));
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
    let nested = "1. [ ] all\n   - [x] stage 2: unlocked\n     with more words\n";
    let gates = gates(&[("ai/mission.md", nested)]);
    assert_eq!(gates.places().iter().map(|place| (place.line, place.open)).collect::<Vec<_>>(), [(2, true)]);
}

//! The examples do what they say.

use expect_test::expect;
use studio_core::dossier::Checkpoint;
use studio_examples::{NoChanges, rehearse};

#[test]
fn the_default_crew_carries_the_ticket() {
    expect![[r#"
        1  run-opened
        2  model-asked
        3  model-answered
        4  brief-written
        5  plan-proposed
        6  model-asked
        7  model-answered
        8  plan-agreed
        9  model-asked
        10 model-answered
        11 edits-proposed
        12 step-judged
        13 step-judged
        14 step-judged
        15 step-judged
        16 model-asked
        17 model-answered
        18 review-given
        19 step-granted
        20 step-ended
        21 step-granted
        22 step-ended
        23 step-granted
        24 step-ended
        25 step-granted
        26 step-ended
        27 criterion-checked
        28 criterion-checked
        29 criterion-checked
        30 model-asked
        31 model-answered
        32 review-given
        33 model-asked
        34 model-answered
        35 brief-written
        36 run-closed
        =  Over(Rehearsed)
    "#]]
    .assert_eq(&rehearse(studio_personas::crew()).unwrap());
}

#[test]
fn an_adviser_of_ones_own_stops_the_run() {
    let crew = studio_personas::crew().adviser("no-changes".parse().unwrap(), [Checkpoint::BeforeGrant], || NoChanges);
    expect![[r#"
        1  run-opened
        2  model-asked
        3  model-answered
        4  brief-written
        5  plan-proposed
        6  model-asked
        7  model-answered
        8  plan-agreed
        9  model-asked
        10 model-answered
        11 edits-proposed
        12 step-judged
        13 step-judged
        14 step-judged
        15 step-judged
        16 model-asked
        17 model-answered
        18 review-given
        19 advice-given
        20 step-granted
        21 step-ended
        22 advice-given
        23 step-granted
        24 step-ended
        25 advice-given
        26 model-asked
        27 model-answered
        28 brief-written
        29 run-closed
        =  Over(Refused)
    "#]]
    .assert_eq(&rehearse(crew).unwrap());
}

#[test]
fn the_adviser_is_under_twenty_lines() {
    let source = include_str!("../examples/no_changes.rs");
    let (_, code) = source.split_once("/// Stops a run").unwrap();
    assert!(code.lines().count() < 20, "{} lines", code.lines().count());
}

//! A generated repository carried from its backlog to a report, without a model.

use super::{Lab, assert_only_ours};
use expect_test::expect;
use std::fs;

#[test]
fn the_queue_is_shown_with_its_lines() {
    let lab = Lab::ready();
    expect![[r#"
        ready    collect-facts     Please collect-facts.
                                   ai/backlog.yaml:2, stage 1, pending: it can be worked on
        ready    tidy-readme       Please tidy-readme.
                                   ai/backlog.yaml:13, stage 1, pending: it can be worked on
        ready    registry-answers  Please registry-answers
                                   ai/backlog.yaml:24, stage 1, pending: it can be worked on
        ready    wipe-scratch      Please wipe-scratch
                                   ai/backlog.yaml:36, stage 1, pending: it can be worked on
        ready    raise-notes       Please raise-notes
                                   ai/backlog.yaml:48, stage 1, pending: it can be worked on
        waiting  raise-alarm       Please raise-alarm
                                   ai/backlog.yaml:60, stage 1, pending: it waits for raise-notes
        ended    old-news          Please old-news
                                   ai/backlog.yaml:72, stage 1, success: it has ended
        held     dns-at-the-shop   Please dns-at-the-shop
                                   ai/backlog.yaml:84, stage 1, blocked: ai/backlog.yaml:84 says blocked: clear what stands in its way, then write pending
        ready    describe-backup   Please describe-backup.
                                   ai/tasks/describe-backup.yaml:1, stage 1 (assumed), pending: it can be worked on
        example  add-node          Please add-node.
                                   ai/tasks/examples/add-node.yaml:1, stage 1 (assumed), pending: it is an example; copy it to ai/tasks/ under an id of its own
    "#]].assert_eq(&lab.studio(0, "tickets --all").out);
    let shown = lab.studio(0, "tickets").out;
    assert!(shown.ends_with("2 more are finished or examples: --all shows them\n") && !shown.contains("old-news"), "{shown}");
}

#[test]
fn an_entry_of_the_older_dialect_runs_its_script() {
    let lab = Lab::ready();
    let before = lab.files();
    let said = lab.studio(0, "run");
    expect![[r#"
          ticket      collect-facts (ai/backlog.yaml:2): Please collect-facts.
          rule        proposes: Please collect-facts. (1 criteria)
          rule        agrees to the plan
          rule        hands over 0 edits and 1 steps: run infrastructure/checks/facts.sh
          gate        step 01 is ask (observe): infrastructure/checks/facts.sh is a script, and every command in it only looks
          granted     step 01 (live would ask; the rehearsal assumes a yes)
          executor    step 01: exit 0 (assumed), as expected
          check       exit-0: met: bash --noprofile --norc infrastructure/checks/facts.sh: exit 0 (assumed), as expected
          closed      rehearsed: 1 criteria met by machine checks, 1 steps
        rehearsed: 1 criteria met by machine checks, 1 steps
        run         RUN-collect-facts
        report      LAB/lab/ai/studio/reports/DATE-collect-facts.md
    "#]]
    .assert_eq(&lab.mask(&said.out));
    let report = fs::read_to_string(said.out.lines().find_map(|line| line.strip_prefix("report      ")).unwrap()).unwrap();
    expect![[r#"
        ---
        ticket: "collect-facts"
        source: "ai/backlog.yaml:2"
        run: RUN-collect-facts
        mode: simulate
        outcome: rehearsed
        stage: 1
        base: COMMIT
        criteria_met: 1
        criteria: 1
        ticked: ""
        began: TIME
        ended: TIME
        ---

        # Please collect-facts.

        **rehearsed**: 1 criteria met by machine checks, 1 steps

        This was a rehearsal: every outcome below is pretended, nothing was touched, and nothing is ticked.

        ## Criteria

        | | criterion | evidence |
        | --- | --- | --- |
        | met | exit-0: the script exits with 0 | bash --noprofile --norc infrastructure/checks/facts.sh: exit 0 (assumed), as expected |

        ## Steps

        1. step `run` on attic: exit 0 (assumed), as expected

        ```
        bash --noprofile --norc infrastructure/checks/facts.sh
        ```

           ask (observe), live would have asked a human; the rehearsal assumed a yes. infrastructure/checks/facts.sh is a script, and every command in it only looks

        ## Spent

        0 calls to none, 0 tokens in, 0 out; 1 rounds, 9 events, journal head `HASH`.
    "#]].assert_eq(&lab.mask(&report));
    assert_only_ours(&before, &lab.files());
    assert_eq!(said.err, "");
}

#[test]
fn an_entry_of_the_newer_dialect_runs_its_script() {
    let lab = Lab::ready();
    let before = lab.files();
    let said = lab.studio(0, "run REGISTRY --approvals assume --model none");
    assert!(said.out.contains("\nrehearsed: 1 criteria met by machine checks, 1 steps\n"), "{}", said.out);
    assert!(said.out.contains("proposes: Please registry-answers (1 criteria)"), "{}", said.out);
    assert!(said.out.contains("step 01 is ask (mutate): infrastructure/checks/registry.sh is a script; line 3: curl"), "{}", said.out);
    assert_only_ours(&before, &lab.files());
    assert!(lab.studio(0, "verify 2").out.starts_with("whole "));
    assert!(lab.studio(0, "replay 2").out.starts_with("the same "));
}

#[test]
fn a_script_that_fails_ends_the_run() {
    let lab = Lab::ready();
    let scene = "[[step]]\nargv = [\"bash\", \"--noprofile\", \"--norc\", \"infrastructure/checks/facts.sh\"]\nexit = 3\nstderr = \"no such node\"\n";
    lab.settle_in("bad-day.toml", scene);
    let said = lab.studio(7, &format!("run collect-facts --scenario {}", lab.operator().join("bad-day.toml").display()));
    assert!(said.out.contains("\nfailed: step run did not end as it should: it exited 3, expected 0"), "{}", said.out);
    assert!(said.out.contains("\nreport      "), "{}", said.out);
}

#[test]
fn an_entry_without_a_script_needs_a_model() {
    let lab = Lab::ready();
    let said = lab.studio(5, "run tidy-readme");
    let why = said.out.lines().find(|line| line.starts_with("needs-setting: ")).unwrap();
    assert!(why.contains("planner needs a model and none is set: choose one with --model") && why.contains("studio.toml"), "{why}");
    let next = said.out.lines().find_map(|line| line.strip_prefix("next        ")).unwrap().to_string();
    lab.shell(5, &next);
    let rehearsal = lab.operator().join("answers.toml");
    lab.settle_in("answers.toml", ANSWERS);
    let resumed = lab.shell(0, &format!("{next} --model scripted:{}", rehearsal.display()));
    assert!(resumed.out.contains("\nrehearsed: 1 criteria met by machine checks, 0 steps\n"), "{}", resumed.out);
}

#[test]
fn a_model_named_later_in_the_settings_is_used() {
    let lab = Lab::ready();
    lab.studio(5, "run tidy-readme --crew small");
    lab.settle_in("answers.toml", ANSWERS);
    lab.settle_in("studio.toml", &format!("model = \"scripted:{}\"\n", lab.operator().join("answers.toml").display()));
    lab.studio(0, "resume 2");
}

#[test]
fn a_ticket_that_is_not_ready_is_refused() {
    let lab = Lab::ready();
    for (ticket, why) in [
        ("raise-alarm", "raise-alarm (ai/backlog.yaml:60) is not ready: it waits for raise-notes"),
        ("old-news", "old-news (ai/backlog.yaml:72) is not ready: it has ended"),
        (
            "dns-at-the-shop",
            "dns-at-the-shop (ai/backlog.yaml:84) is not ready: ai/backlog.yaml:84 says blocked: clear what stands in its way, then write pending",
        ),
        ("add-node", "add-node (ai/tasks/examples/add-node.yaml:1) is not ready: it is an example; copy it to ai/tasks/ under an id of its own"),
    ] {
        assert_eq!(lab.studio(6, &format!("run {ticket}")).err, format!("studio: {why}\n"));
    }
    assert!(super::runs(&lab.repo()).is_empty());
}

#[test]
fn an_unknown_ticket_is_a_usage_error_with_near_names() {
    let lab = Lab::ready();
    assert_eq!(lab.studio(2, "run raise").err, "studio: 2 tickets begin with \"raise\": raise-notes, raise-alarm; write more of the id\n");
    assert_eq!(lab.studio(2, "run registry-silent").err, "studio: no ticket is called \"registry-silent\"; near: registry-answers\n");
    assert_eq!(lab.studio(2, "run xyz").err, "studio: no ticket is called \"xyz\"; `studio tickets` lists them\n");
}

#[test]
fn all_that_is_ready_is_run_and_the_worst_end_counts() {
    let lab = Lab::ready();
    let said = lab.studio(5, "run --all");
    let states: Vec<&str> = said.out.lines().filter(|line| line.starts_with("rehearsed: ") || line.starts_with("needs-")).collect();
    let words: Vec<&str> = states.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(words, ["rehearsed", "needs-setting", "rehearsed", "rehearsed", "needs-setting", "needs-setting"]);
    assert_eq!(super::runs(&lab.repo()).len(), 6);
    let two = lab.studio(0, "run collect-facts registry-answers");
    assert_eq!(two.out.lines().filter(|line| line.starts_with("rehearsed: ")).count(), 2);
    let reports = lab.files().into_keys().filter(|path| path.starts_with("ai/studio/reports/")).count();
    assert_eq!(reports, 5, "each run has a report of its own");
}

#[test]
fn what_is_not_committed_is_an_idea_and_runs_no_script() {
    let lab = Lab::ready();
    lab.write("ai/backlog.yaml", &super::sample::backlog().replace("checks/facts.sh", "danger-wipe-scratch.sh"));
    let shown = lab.studio(0, "tickets").out;
    assert!(shown.contains("it can be worked on; it is an idea: it does not stand like this at the base"), "{shown}");
    let said = lab.studio(5, "run collect-facts");
    assert!(!said.out.contains("bash --noprofile"), "{}", said.out);
}

#[test]
fn nothing_ready_is_nothing_to_do() {
    let lab = Lab::new(&[("README.md", "empty\n")]);
    for line in ["run", "run --all"] {
        assert_eq!(lab.studio(0, line).out, "nothing to do: no ticket is ready (see `studio tickets`)\n");
    }
    assert_eq!(lab.studio(0, "tickets").out, "no tickets: write one into ai/tasks/NAME.yaml or ai/backlog.yaml\n");
}

/// What a crew answers about `tidy-readme`: a file, and nothing to run.
const ANSWERS: &str = r##"
[[answer]]
persona = "planner"
turn = 1
[answer.json]
brief = "The readme wants a second paragraph."
plan = { goal = "The readme says where the notes are.", constraints = [], criteria = [{ name = "said", text = "It says so.", check = { kind = "file", path = "README.md", matches = "notes app" } }] }
[[answer]]
persona = "engineer"
turn = 1
json = { objections = [] }
[[answer]]
persona = "engineer"
turn = 2
json = { summary = "Says where the notes are.", edits = [{ action = "write", path = "README.md", text = "# attic\n\nThe notes app holds the notes.\n" }], runbook = [] }
[[answer]]
persona = "reviewer"
turn = 1
json = { decision = "accept", notes = "one file" }
[[answer]]
persona = "reviewer"
turn = 2
json = { decision = "accept", notes = "as planned" }
[[answer]]
persona = "narrator"
turn = 1
text = "The readme would say where the notes are."
"##;

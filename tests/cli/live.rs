//! Live without a model: a script of the queue is asked about, approved, run once, ticked and reported.

use super::Lab;
use super::trusted::{FACTS, FACTS_QUEUE, entry, facts_and};
use expect_test::expect;
use std::fs;

/// What others keep in the files of `ai/state`.
const STATUS: &str =
    "{\n  \"orchestrator_status\": \"running\",\n  \"stage_1_complete\": false,\n  \"task\": \"older\",\n  \"mine\": {\"kept\": [1, 2.50]}\n}\n";
const METRICS: &str =
    "{\"tasks_completed\": 4, \"tasks_failed\": 1, \"failure_counts\": {\"older:0a1b\": 2}, \"failure_totals\": {\"older\": 2}, \"uptime\": 1e3}\n";
const CURRENT: &str = "{\"task_id\": \"older\", \"zone\": \"attic\", \"note\": null}\n";

/// A trusted lab with one entry and its script's text.
fn lab_with(script: &str, text: &str) -> Lab {
    let queue = entry("other", script);
    Lab::trusted(&facts_and(&[("ai/backlog.yaml", &queue), (script, text)]))
}

#[test]
fn a_script_is_asked_about_approved_run_once_and_ticked() {
    let lab = Lab::facts();
    let refs = lab.git("for-each-ref");
    let asked = lab.studio(4, "run facts --mode live");
    assert!(asked.out.contains("\nneeds-human: step 01 waits for an approval until ") && asked.out.contains("| script     sha256 "), "{}", asked.out);
    assert!(asked.out.contains("| +- why, by the rule that planned it ---\n"), "{}", asked.out);
    assert!(!lab.repo().join("artifacts").exists() && lab.read("ai/backlog.yaml") == FACTS_QUEUE);
    assert!(lab.studio(4, "run facts --mode live").err.contains(" of facts is not done with (needs-human: "), "one question is enough");
    lab.studio(0, "approve 2 --reason seen");
    let said = lab.studio(0, "resume 2");
    expect![[r#"
          resumed     life 2
          approved    step 01 by ops
          granted     step 01 (approved by ops)
          executor    step 01: exit 0, as expected
          check       exit-0: met: bash --noprofile --norc infrastructure/checks/facts.sh: exit 0, as expected
          ticked      ai/backlog.yaml:8
          closed      done: 1 criteria met by machine checks, 1 steps
        done: 1 criteria met by machine checks, 1 steps
        run         RUN-facts
        report      LAB/lab/ai/studio/reports/DATE-facts.md
    "#]]
    .assert_eq(&lab.mask(&said.out));
    assert_eq!((lab.read("artifacts/facts/log").as_str(), said.err.as_str()), ("once\n", ""));
    assert_eq!(lab.read("ai/backlog.yaml"), FACTS_QUEUE.replace("status:  pending  #", "status:  success  #"));
    let report = format!("?? {}", said.out.rsplit("/lab/").next().unwrap().trim());
    let states = ["current_task", "metrics", "status"].map(|name| format!("?? ai/state/{name}.json"));
    assert_eq!(lab.changed(), [[" M ai/backlog.yaml".into()].as_slice(), &states, &[report]].concat());
    assert_eq!(lab.git("for-each-ref"), refs, "nothing was edited, so there is no branch");

    // It is over: whoever asks again finds that, and nothing runs.
    assert!(lab.studio(6, "run facts --mode live").err.ends_with("is not ready: it has ended\n"));
    assert!(lab.studio(0, "run --all --mode live").out.starts_with("nothing to do"));
    assert!(lab.studio(0, "resume 2").out.starts_with("done: "));
    for (command, word) in [("verify 2", "whole "), ("replay 2", "the same ")] {
        assert!(lab.studio(0, command).out.starts_with(word));
    }
    assert_eq!(lab.read("artifacts/facts/log"), "once\n");
}

#[test]
fn a_live_run_leaves_a_report_its_logs_and_its_memory() {
    let lab = Lab::facts();
    lab.approved("facts");
    let said = lab.studio(0, "resume 2");
    let report = fs::read_to_string(said.out.lines().find_map(|line| line.strip_prefix("report      ")).unwrap()).unwrap();
    expect![[r#"
        ---
        ticket: "facts"
        source: "ai/backlog.yaml:3"
        run: RUN-facts
        mode: live
        outcome: done
        stage: 1
        base: COMMIT
        criteria_met: 1
        criteria: 1
        ticked: "ai/backlog.yaml:8"
        began: TIME
        ended: TIME
        ---

        # Please look: it is a pending thing.

        **done**: 1 criteria met by machine checks, 1 steps

        Steps ran in a read-only copy of the commit, bound by links and mode bits and not by the kernel: a program that ignores those could write elsewhere.

        ## Criteria

        | | criterion | evidence |
        | --- | --- | --- |
        | met | exit-0: the script exits with 0 | bash --noprofile --norc infrastructure/checks/facts.sh: exit 0, as expected |

        ## Steps

        1. step `run` on local: exit 0, as expected

        ```
        bash --noprofile --norc infrastructure/checks/facts.sh
        ```

           ask (local-write), approved by ops. infrastructure/checks/facts.sh is a script; line 4: it writes artifacts/facts/log, in its copy of the repository

           left `facts.txt`: 5 bytes, sha256 HASH

        ```
        facts of RUN-facts
        ```

        ## Questions

        - step 01 was asked about: infrastructure/checks/facts.sh is a script; line 4: it writes artifacts/facts/log, in its copy of the repository
        - ops agreed to step 01

        ## Spent

        0 calls to none, 0 tokens in, 0 out; 1 rounds, 13 events, journal head `HASH`.
    "#]]
    .assert_eq(&lab.mask(&report));
    let run = lab.live_run();
    let id = run.file_name().unwrap().to_str().unwrap().to_string();
    assert_eq!(fs::read_to_string(run.join("steps/01-1.out")).unwrap(), format!("facts of {id}\n"));
    assert_eq!(fs::read_to_string(run.join("steps/01-1.err")).unwrap(), "");
    assert_eq!(fs::read_to_string(run.join("out/01-1/facts.txt")).unwrap(), "made\n");
    let memory = format!("ai/studio/memory/runs/{id}");
    assert!(lab.read(&format!("{memory}/decisions.md")).contains("ops"));
    lab.read(&format!("{memory}/prompts.md"));
    assert!(lab.repo().join(memory).join("snapshots").is_dir());
    assert!(!lab.repo().join(".git/studio/worktrees").join(&id).exists(), "the sealed copy is gone");
}

#[test]
fn the_files_of_ai_state_are_merged_key_by_key() {
    let planted = [("ai/state/status.json", STATUS), ("ai/state/metrics.json", METRICS), ("ai/state/current_task.json", CURRENT)];
    let lab = Lab::trusted(&facts_and(&planted));
    lab.approved("facts");
    lab.studio(0, "resume 2");
    let id = lab.live_run().file_name().unwrap().to_str().unwrap().to_string();
    let status = lab.read("ai/state/status.json");
    for kept in ["\"orchestrator_status\": \"running\"", "\"stage_1_complete\": false", "\"mine\": {\"kept\": [1, 2.50]}", "\"task\": \"facts\""] {
        assert!(status.contains(kept), "{kept} in {status}");
    }
    let status = lab.read_json("ai/state/status.json");
    assert_eq!([&status["last_exit_reason"], &status["last_run_id"], &status["stage"]], ["success", &id, "stage_1"]);
    assert_eq!((&status["needs_human"], &status["iteration"]), (&false.into(), &1.into()));
    let metrics = lab.read_json("ai/state/metrics.json");
    assert_eq!((&metrics["tasks_completed"], &metrics["tasks_failed"], &metrics["last_run"]), (&5.into(), &1.into(), &id.as_str().into()));
    assert_eq!((&metrics["failure_counts"]["older:0a1b"], &metrics["failure_totals"]["older"]), (&2.into(), &2.into()));
    assert!(lab.read("ai/state/metrics.json").contains("\"uptime\": 1e3"));
    let current = lab.read_json("ai/state/current_task.json");
    assert_eq!([&current["task_id"], &current["status"], &current["zone"], &current["target"]], ["facts", "success", "attic", FACTS]);
    assert!(current["started_at"].as_str().unwrap().parse::<f64>().unwrap() > 1.6e9);
}

#[test]
fn a_script_that_fails_is_not_ticked_and_its_error_is_kept() {
    let lab = lab_with("infrastructure/checks/bad.sh", "echo 'node cp-1 not found at 12:00:01' >&2\nexit 3\n");
    let queue = lab.read("ai/backlog.yaml");
    lab.approved("other");
    let said = lab.studio(7, "resume 2");
    assert!(said.out.contains("\nfailed: step run did not end as it should: it exited 3, expected 0"), "{}", said.out);
    assert_eq!(lab.read("ai/backlog.yaml"), queue);
    let error = lab.read_json("ai/state/last_error.json");
    assert_eq!([&error["task_id"], &error["persona"]], ["other", "executor"]);
    assert!(error["stderr_tail"].as_str().unwrap().contains("node cp-1 not found"), "{error}");
    assert!(error["failure_signature"].is_string() && error["failure_count"] == 1, "{error}");
    assert!(error["command"].as_str().unwrap().contains("infrastructure/checks/bad.sh") && error["failed_at"].is_string(), "{error}");
    assert_eq!(lab.read_json("ai/state/metrics.json")["tasks_failed"], 1);
    assert!(lab.studio(0, "report 2").out.contains("\noutcome: failed\n"));
    let again = lab.studio(7, "resume 2");
    assert!(again.out.contains("failed: ") && lab.read_json("ai/state/metrics.json")["tasks_failed"] == 1, "{}", again.out);
}

#[test]
fn a_required_file_that_is_missing_is_a_failure() {
    let lab = Lab::trusted(&facts_and(&[(FACTS, "true\n")]));
    lab.approved("facts");
    let said = lab.studio(7, "resume 2");
    assert!(said.out.contains("\nfailed: ") && lab.read("ai/backlog.yaml") == FACTS_QUEUE, "{}", said.out);
    assert!(lab.read(&format!("ai/state/runs/{}/steps/01-1.err", lab.live_run().file_name().unwrap().to_str().unwrap())).contains("facts.txt"));
}

#[test]
fn what_is_denied_does_not_run() {
    let lab = Lab::facts();
    lab.studio(4, "run facts --mode live");
    lab.studio(0, "deny 2 --reason later");
    let said = lab.studio(6, "resume 2");
    assert!(said.out.contains("\nrefused: "), "{}", said.out);
    assert!(!lab.repo().join("artifacts").exists() && lab.read("ai/backlog.yaml") == FACTS_QUEUE);
    assert!(lab.studio(0, "report 2").out.contains("later"));
}

#[test]
fn a_script_that_destroys_is_refused_and_nothing_is_asked() {
    for (script, text) in [
        ("infrastructure/wipe-node.sh", "echo x >> \"$STUDIO_OUT/ran\"\n"),
        ("infrastructure/tidy.sh", "echo x >> \"$STUDIO_OUT/ran\"\nrm -rf \"$STUDIO_OUT/ran\"\n"),
    ] {
        let lab = lab_with(script, text);
        let said = lab.studio(6, "run other --mode live");
        assert!(said.out.contains("\nrefused: ") && said.out.contains("a script that destroys"), "{}", said.out);
        let journal = fs::read_to_string(lab.live_run().join("journal.jsonl")).unwrap();
        assert!(!journal.contains("approval-asked") && !journal.contains("step-granted"), "{journal}");
        assert!(lab.studio(2, "approve 2").err.contains("has no step that waits") && !lab.live_run().join("out").exists());
    }
}

#[test]
fn a_script_that_changed_between_question_and_answer_does_not_run() {
    let lab = Lab::facts();
    lab.approved("facts");
    lab.write(FACTS, "echo other >> artifacts/facts/log\n");
    lab.commit();
    lab.studio(0, "resume 2");
    assert_eq!(lab.read("artifacts/facts/log"), "once\n", "the run goes on at its own base");
}

#[test]
fn a_ticket_without_a_script_needs_a_model() {
    let queue = "- id: other\n  stage: 1\n  persona: engineer\n  summary: Please write\n  status: pending\n";
    let lab = Lab::trusted(&facts_and(&[("ai/backlog.yaml", queue)]));
    let refs = lab.git("for-each-ref refs/heads");
    let said = lab.studio(5, "run other --mode live");
    assert!(said.out.contains("\nneeds-setting: planner needs a model and none is set: choose one with --model"), "{}", said.out);
    assert_eq!((lab.read("ai/backlog.yaml").as_str(), lab.git("for-each-ref refs/heads")), (queue, refs));
}

#[test]
fn an_entry_that_was_edited_after_the_question_does_not_run() {
    let lab = Lab::facts();
    lab.approved("facts");
    let edited = FACTS_QUEUE.replace("Please look", "Please look twice");
    lab.write("ai/backlog.yaml", &edited);
    let said = lab.studio(4, "resume 2");
    assert!(said.out.contains("facts (ai/backlog.yaml:3) is not to be done any more: its words changed since run "), "{}", said.out);
    assert!(lab.read("ai/backlog.yaml") == edited && !lab.repo().join("artifacts").exists());
}

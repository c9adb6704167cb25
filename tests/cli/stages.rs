//! Stages: what a closed one refuses, which files open it, and that places which disagree keep it closed.

use super::Lab;
use super::trusted::facts_and;

const QUEUE: &str = "- id: first\n  stage: 1\n  summary: First\n- id: second\n  stage: 2\n  persona: executor\n  target: infrastructure/checks/facts.sh\n  \
    summary: Second\n- id: third\n  stage: 3\n  summary: Third\n";

fn lab() -> Lab {
    Lab::trusted(&facts_and(&[("ai/backlog.yaml", QUEUE), ("ai/studio/backlog.md", "## Experiment Ideas\n- [ ] TRY_IT: Try it\n")]))
}

/// Returns the ids of what is ready.
fn ready(lab: &Lab) -> Vec<String> {
    lab.json(0, "tickets").iter().filter(|row| row["ready"] == true).map(|row| row["id"].as_str().unwrap().into()).collect()
}

/// Expects that stage 2 is closed, whatever the mode, for this reason.
fn closed(lab: &Lab, why: &str) {
    assert_eq!(ready(lab), ["first"]);
    let before = lab.files();
    for line in ["run second", "run second --mode live", "run TRY_IT"] {
        let said = lab.studio(6, line);
        assert!(said.err.contains("is not ready: stage 2 is closed: ") && said.err.contains(why), "{}", said.err);
    }
    assert!(lab.studio(0, "doctor").out.contains(why));
    assert_eq!(lab.files(), before);
}

#[test]
fn a_stage_is_closed_until_every_place_says_that_it_is_open() {
    let lab = lab();
    closed(&lab, "no file says that it may begin; when it may, a human writes {\"complete\": true} to ai/state/stage2_ready.json");
    lab.write("ai/state/stage2_ready.json", "{\"complete\": false}\n");
    closed(&lab, "ai/state/stage2_ready.json:1 says \"complete\": false; when it is true, a human makes each of them say so");
    lab.write("ai/state/stage2_ready.json", "{\"complete\": \"yes\"}\n");
    closed(&lab, "neither true nor false");
    lab.write("ai/state/stage2_ready.json", "{\n");
    closed(&lab, "ai/state/stage2_ready.json:");
    lab.write("ai/state/stage2_ready.json", "{\"complete\": true}\n");
    lab.write("ai/mission.md", "# Mission\n- [x] Stage 1 complete (set by human/CLI)\n- [ ] Stage 2 unlocked\n");
    closed(&lab, "ai/mission.md:3 says `[ ] Stage 2 unlocked`, though other places say yes");
    assert!(lab.studio(0, "audit").out.contains("ai/mission.md:3"), "{}", lab.studio(0, "audit").out);
    lab.write("ai/mission.md", "# Mission\n- [x] Stage 1 complete (set by human/CLI)\n- [x] Stage 2 unlocked\n");
    lab.write("ai/state/stage1_complete.json", "{\"complete\": false}\n");
    closed(&lab, "ai/state/stage1_complete.json:1 says \"complete\": false");
    lab.write("ai/state/stage1_complete.json", "{\"complete\": true}\n");
    lab.write("ai/state/status.json", "{\n  \"stage_1_complete\": true,\n  \"stage_2_unlocked\": false\n}\n");
    closed(&lab, "ai/state/status.json:3 says \"stage_2_unlocked\": false");
}

#[test]
fn an_open_stage_runs_and_the_next_is_closed_by_itself() {
    let lab = lab();
    lab.write("ai/state/stage3_ready.json", "{\"complete\": true}\n");
    assert!(lab.studio(6, "run third").err.contains("stage 3 is closed, since stage 2 is; open that one first"));
    lab.write("ai/state/stage2_ready.json", "{\"complete\": true}\n");
    assert_eq!(ready(&lab), ["first", "second", "third", "TRY_IT"]);
    lab.studio(0, "run second");
    lab.studio(5, "run TRY_IT");
    let id = lab.approved("second");
    assert!(lab.studio(0, &format!("resume {id}")).out.contains("\ndone: "));
    assert_eq!(lab.read("artifacts/facts/log"), "once\n");
    assert_eq!(lab.read_json("ai/state/status.json")["stage"], "stage_2");
    for flag in ["stage2_ready", "stage3_ready"] {
        assert_eq!(lab.read(&format!("ai/state/{flag}.json")), "{\"complete\": true}\n", "no run writes a flag");
    }
    assert!(!lab.repo().join("ai/state/stage1_complete.json").exists());
}

#[test]
fn a_stage_that_a_ticket_gives_itself_does_not_count() {
    let lab = lab();
    lab.write("ai/backlog.yaml", &QUEUE.replace("stage: 2", "stage: 1"));
    let row = lab.json(0, "tickets").into_iter().find(|row| row["id"] == "second").unwrap();
    assert_eq!((&row["stage"], &row["script"], &row["at_base"]), (&2.into(), &serde_json::Value::Null, &false.into()), "{row}");
    for line in ["run second --mode live", "run second"] {
        assert!(lab.studio(6, line).err.contains("stage 2 is closed"));
    }
    assert!(!lab.repo().join("artifacts").exists());
}

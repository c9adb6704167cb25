//! Projections of made-up runs into made-up state files.

use super::made_up::{End, run};
use super::*;
use std::collections::BTreeMap;
use std::fs;

struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Lab {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("ai/state")).unwrap();
        Lab(root)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.0.path().join("ai/state").join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join("ai/state").join(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap()
    }

    fn project(&self, id: &str, mode: &str, end: &End) -> Result<Vec<String>, ProjectionError> {
        let (log, run) = run(id, mode, end);
        write(self.0.path(), &log, &run).map(|paths| paths.iter().map(|path| path.file_name().to_string()).collect())
    }

    fn files(&self) -> BTreeMap<String, String> {
        let names = fs::read_dir(self.0.path().join("ai/state")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| (name.clone(), self.text(&name))).collect()
    }
}

fn id(number: u32) -> String {
    format!("20261122-1011{number:02}-add-node-0a1f")
}

#[test]
fn a_run_that_is_done_is_told_in_both_dialects() {
    let lab = Lab::new();
    assert_eq!(lab.project(&id(1), "live", &End::Done).unwrap(), ["status.json", "current_task.json", "metrics.json"]);
    assert_eq!(
        lab.json("status.json"),
        json!({ "persona": "executor", "task": "add-node", "iteration": 1, "last_exit_reason": "success", "last_run_id": id(1),
            "timestamp": "2026-11-22T10:00:10.250Z", "stage": "stage_1", "needs_human": false, "question": "" })
    );
    assert_eq!(
        lab.json("current_task.json"),
        json!({ "task_id": "add-node", "persona": "executor", "status": "success", "started_at": "1795341600.25", "note": "1 criteria met",
            "updated_at": "2026-11-22T10:00:10.250Z", "stage": "stage_1", "target": "infrastructure/node.sh",
            "log_path": format!("ai/state/runs/{}/journal.jsonl", id(1)), "error_classification": null, "classification_confidence": null })
    );
    assert_eq!(
        lab.json("metrics.json"),
        json!({ "tasks_completed": 1, "tasks_failed": 0, "last_run": id(1), "failure_counts": {}, "failure_totals": {}, "studio": { "runs": [id(1)] } })
    );
}

#[test]
fn what_is_unknown_stays_as_it_is_spelled() {
    let lab = Lab::new();
    let before =
        "{\n \"zebra\": {\"b\":1.50,  \"a\":[ ]},\n \"task\": \"old\", \"stage_1_complete\": false, \"orchestrator_status\": \"halted_safe_mode\"}\n";
    lab.put("status.json", before);
    lab.put("metrics.json", r#"{"tasks_completed": 41, "failure_counts": {"x:y": 3}, "mine": [1]}"#);
    lab.project(&id(1), "live", &End::Done).unwrap();
    let status = lab.text("status.json");
    assert!(status.starts_with(&before.replace("\"old\"", "\"add-node\"").trim_end()[..100]), "{status}");
    assert_eq!(
        (&lab.json("status.json")["stage_1_complete"], &lab.json("status.json")["orchestrator_status"]),
        (&json!(false), &json!("halted_safe_mode"))
    );
    let metrics = lab.json("metrics.json");
    assert_eq!((&metrics["tasks_completed"], &metrics["failure_counts"], &metrics["mine"]), (&json!(42), &json!({ "x:y": 3 }), &json!([1])));
}

#[test]
fn a_run_is_counted_once_and_failures_are_told_apart_by_what_they_say() {
    let lab = Lab::new();
    let (one, same, other) = (End::Failed("12:00:01 no route to 10.0.0.7"), End::Failed("13:59:44 no route to 10.0.0.12"), End::Failed("disk full"));
    assert_eq!(lab.project(&id(1), "live", &one).unwrap().len(), 5);
    let before = lab.files();
    assert_eq!(lab.project(&id(1), "live", &one).unwrap(), [""; 0]);
    assert_eq!(lab.files(), before);
    lab.project(&id(2), "live", &same).unwrap();
    let error = lab.json("last_error.json");
    assert_eq!((&error["failure_count"], &error["stderr_tail"]), (&json!(2), &json!("13:59:44 no route to 10.0.0.12")));
    assert_eq!(error["command"], json!("bash --noprofile --norc infrastructure/node.sh"));
    assert!(error["failure_signature"].as_str().unwrap().starts_with("blake3:"));
    assert_eq!((&error["error_classification"], &error["classification_confidence"]), (&json!("ERR_UNKNOWN"), &json!("low")));
    lab.project(&id(3), "live", &other).unwrap();
    lab.project(&id(1), "live", &one).unwrap();
    let (error, metrics, errors) = (lab.json("last_error.json"), lab.json("metrics.json"), lab.json("errors.json"));
    assert_eq!((&error["failure_count"], &error["stderr_tail"]), (&json!(1), &json!("disk full")));
    assert_eq!((&metrics["tasks_failed"], &metrics["failure_totals"]), (&json!(3), &json!({ "add-node": 3 })));
    assert_eq!(metrics["failure_counts"].as_object().unwrap().len(), 2);
    let attempts: Vec<u64> = errors
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| key.starts_with("stage_1_"))
        .map(|(_, entry)| entry["attempts"].as_u64().unwrap())
        .collect();
    assert_eq!(attempts.iter().sum::<u64>(), 3);
    assert_eq!(attempts.len(), 2);
}

#[test]
fn a_crash_between_two_files_counts_nothing_twice() {
    let lab = Lab::new();
    lab.project(&id(1), "live", &End::Failed("x")).unwrap();
    let whole = lab.files();
    for lost in whole.keys() {
        fs::remove_file(lab.0.path().join("ai/state").join(lost)).unwrap();
        assert_eq!(lab.project(&id(1), "live", &End::Failed("x")).unwrap(), [lost.as_str()]);
        assert_eq!(lab.files(), whole);
    }
}

#[test]
fn the_list_of_counted_runs_is_bounded() {
    let lab = Lab::new();
    let runs: Vec<String> = (0..studio_core::limits::RUNS_COUNTED_MAX).map(|n| format!("20261121-{n:06}-x-0a1f")).collect();
    lab.put("metrics.json", &json!({ "tasks_completed": 7, "studio": { "runs": runs, "ours": 1 } }).to_string());
    lab.project("20261120-101112-old-0a1f", "live", &End::Done).unwrap();
    assert_eq!(lab.json("metrics.json")["tasks_completed"], json!(7));
    lab.project(&id(1), "live", &End::Done).unwrap();
    let metrics = lab.json("metrics.json");
    assert_eq!((&metrics["tasks_completed"], &metrics["studio"]["ours"]), (&json!(8), &json!(1)));
    assert_eq!(metrics["studio"]["runs"].as_array().unwrap().len(), runs.len());
    assert_eq!(metrics["studio"]["runs"][0], json!(runs[1]));
}

#[test]
fn what_waits_for_a_human_says_so_and_is_not_counted() {
    let lab = Lab::new();
    assert_eq!(lab.project(&id(1), "live", &End::NeedsReview).unwrap(), ["status.json", "current_task.json"]);
    let status = lab.json("status.json");
    assert_eq!((&status["last_exit_reason"], &status["needs_human"]), (&json!("human_required"), &json!(true)));
    assert!(status["question"].as_str().unwrap().contains("no machine can say"));
    assert_eq!(lab.json("current_task.json")["status"], json!("review"));
    lab.project(&id(2), "live", &End::Begun).unwrap();
    assert_eq!((&lab.json("status.json")["last_exit_reason"], &lab.json("current_task.json")["status"]), (&json!("in_progress"), &json!("running")));
}

#[test]
fn a_rehearsal_writes_nothing() {
    let lab = Lab::new();
    assert_eq!(lab.project(&id(1), "simulate", &End::Done).unwrap(), [""; 0]);
    assert_eq!(lab.files().len(), 0);
}

#[test]
fn broken_files_are_named_and_left_while_the_others_are_written() {
    let lab = Lab::new();
    lab.put("status.json", "{\n\"a\": 1\n\"b\": 2}");
    lab.put("metrics.json", r#"{"tasks_completed": "many"}"#);
    lab.put("errors.json", "[]");
    lab.put("last_error.json", r#"{"error_hash": "abc", "note": 1}"#);
    let before = lab.files();
    let error = lab.project(&id(1), "live", &End::Failed("x")).unwrap_err();
    let said = error.to_string();
    for part in [
        "ai/state/status.json:3: ",
        "ai/state/metrics.json: tasks_completed is \"many\", which is no count",
        "ai/state/errors.json:1: it is no JSON object",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(error.problems.len(), 3);
    assert_eq!(error.written.iter().map(|path| path.file_name()).collect::<Vec<_>>(), ["current_task.json", "last_error.json"]);
    for name in ["status.json", "metrics.json", "errors.json"] {
        assert_eq!(lab.text(name), before[name]);
    }
    assert_eq!((&lab.json("last_error.json")["error_hash"], &lab.json("last_error.json")["note"]), (&Value::Null, &json!(1)));
}

#[test]
fn a_symlink_is_not_written_through() {
    let lab = Lab::new();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("s.json"), "{}").unwrap();
    std::os::unix::fs::symlink(other.path().join("s.json"), lab.0.path().join("ai/state/status.json")).unwrap();
    assert!(lab.project(&id(1), "live", &End::Done).unwrap_err().to_string().contains("ai/state/status.json is a symlink"));
    assert_eq!(fs::read_to_string(other.path().join("s.json")).unwrap(), "{}");
}

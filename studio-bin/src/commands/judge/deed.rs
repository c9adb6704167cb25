//! Attempts to edit what is not one's own, or to have an approval count for something else than was shown.

use serde_json::{Value, json};
use studio_core::closure::Closure;
use studio_core::event::Mode;
use studio_core::gate::{Case, EditJudgement, EditVerdict, Gate};
use studio_core::plan::Edit;
use studio_core::step::Step;
use studio_core::ticket::Stage;
use studio_gate::{ShortGate, secrets};

/// What holds the queue and the stages.
const QUEUE: [&str; 3] = ["ai/backlog", "ai/tasks", "ai/state/stage"];

/// A persona writes a file.
pub(super) fn edit(gate: &ShortGate, path: &str, content: &str, stage: Stage) -> Option<&'static str> {
    let Ok(edit) = serde_json::from_value::<Edit>(json!({ "action": "write", "path": path, "text": content })) else {
        return Some("path-scope"); // no path of the repository
    };
    let EditJudgement { verdict, rule, .. } = gate.judge_edit(&edit, None, stage);
    if !secrets(path, content).is_empty() {
        return Some("secret-scan");
    }
    match rule.as_str() {
        _ if verdict == EditVerdict::Pass => None,
        "studio-files" if QUEUE.iter().any(|place| path.starts_with(place)) => Some("stage-gate"),
        "out-of-stage" => Some("stage-gate"),
        "stage-content" => Some("stage-gate-content-check"),
        "rules-and-registries" => Some("policy-integrity"),
        "hidden-character" => Some("control-char-reject"),
        // What its path alone keeps from a persona.
        _ if gate.path_refused(studio_gate::PathOp::Write, path, stage).is_some() => Some("path-scope"),
        // What nobody listed as harmless reaches no cluster before a human merged it.
        _ => Some("manifest-policy"),
    }
}

/// What was approved is run otherwise: of the two effects, or of a step that says more than a step can.
pub(super) fn otherwise(gate: &ShortGate, action: &Value) -> Option<&'static str> {
    let shown = json!({ "name": "s", "argv": ["kubectl", "cordon", "w-1"], "target": "lab", "why": "w" });
    let mut run = shown.clone();
    let mut stage = Stage::Infra;
    let mut reason = "approval-digest-binding";
    for (key, bound) in
        [("target", "approval-target-binding"), ("argv", "approval-argv-binding"), ("env", "approval-env-binding"), ("cwd", "cwd-binding")]
    {
        if let (Some(value), Some(run)) = (action.get(key), run.as_object_mut()) {
            run.insert(key.into(), value.clone());
            reason = bound;
        }
    }
    if let Some(value) = action.get("stage") {
        (stage, reason) = (serde_json::from_value(value.clone()).ok()?, "approval-stage-binding");
    }
    let effect = |step: &Value, stage| {
        let step: Step = serde_json::from_value(step.clone()).ok()?;
        let closure = Closure::default();
        let case =
            Case { step: &step, mode: Mode::Live, stage, cluster: None, base: None, edits: &[], script: None, closure: &closure, programs: &[] };
        Some(gate.judge(&case).digest)
    };
    let approved = effect(&shown, Stage::Infra)?; // or there is nothing to compare with
    (effect(&run, stage) != Some(approved)).then_some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_stopped_by_what_stops_it_in_the_loop() {
        let gate = ShortGate::new();
        let write = |path: &str, content: &str| edit(&gate, path, content, Stage::Studio);
        for (path, content, reason) in [
            ("docs/a.md", "hello", None),
            ("ai/backlog.md", "- [ ] x", Some("stage-gate")),
            ("ai/mission.md", "x", Some("path-scope")),
            ("business/x.yaml", "x", Some("stage-gate")),
            ("kubernetes/x.yaml", "namespace: tenant-a", Some("stage-gate-content-check")),
            ("../x", "x", Some("path-scope")),
            (".git/config", "x", Some("path-scope")),
            ("justfile", "x", Some("path-scope")),
            ("infrastructure/registry.toml", "x", Some("policy-integrity")),
            ("kubernetes/x.yaml", "image: example/x:latest", Some("manifest-policy")),
            ("kubernetes/x.yaml", "kind: Secret\nstringData: {password: correct-horse-battery}", Some("secret-scan")),
        ] {
            assert_eq!(write(path, content), reason, "{path}");
        }
    }

    #[test]
    fn an_approval_counts_for_what_was_shown() {
        let gate = ShortGate::new();
        for (action, reason) in [
            (json!({ "target": "prod" }), Some("approval-target-binding")),
            (json!({ "env": { "A": "1" } }), Some("approval-env-binding")),
            (json!({ "stage": 2 }), Some("approval-stage-binding")),
            (json!({ "argv": ["kubectl", "cordon", "w-2"] }), Some("approval-argv-binding")),
            (json!({ "cwd": "/tmp" }), Some("cwd-binding")),
            (json!({ "target": "lab" }), None),
        ] {
            assert_eq!(otherwise(&gate, &action), reason, "{action}");
        }
    }
}

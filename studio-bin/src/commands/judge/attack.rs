//! What somebody who speaks for a persona would do, built out of the types that a persona has: where none can be
//! built, or the rules say no, the reason is named.

use super::{deed, leak};
use serde::Deserialize;
use serde_json::{Value, json};
use studio_core::gate::Verdict;
use studio_core::limits::STEPS_MAX;
use studio_core::name::{RelPath, Target};
use studio_core::plan::Change;
use studio_core::step::Argv;
use studio_core::text::hostile;
use studio_core::ticket::Stage;
use studio_gate::{ShortGate, plain};

/// Who holds the hosts.
const EXECUTOR: &str = "executor";
/// Words about a step that only the rules may say.
const COMPUTED: [&str; 5] = ["risk", "class", "effect", "verdict", "approved"];

/// What is attempted.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Action {
    /// A command is run.
    RunCommand {
        actor: String,
        cmd: String,
        #[serde(default)]
        target: Option<String>,
        #[serde(default)]
        mode: Option<String>,
        #[serde(default)]
        output: Option<String>,
        #[serde(default)]
        output_chunks: Vec<String>,
    },
    /// A script is run.
    RunScript {
        actor: String,
        script: String,
        #[serde(default)]
        args: Vec<String>,
    },
    /// A permit is handed on.
    SendCapability,
    /// A text is logged, or shown while it comes.
    LogOrStream { text: String },
    /// A report is written.
    WriteReport { content: String },
    /// A file is written.
    EditFile {
        path: String,
        #[serde(default)]
        content: String,
        #[serde(default = "super::studio")]
        stage: Stage,
    },
    /// A human's word is used for something else.
    RunApproved,
    /// A plan is handed in.
    SubmitPlan {
        #[serde(default)]
        steps: Vec<Value>,
        #[serde(default)]
        n_steps: usize,
    },
    /// What nothing here knows, and so nothing refuses.
    #[serde(other)]
    Unknown,
}

/// Attempts it as far as it gets without a host; returns why it was refused, if it was.
///
/// # Errors
/// It says too little.
pub(super) fn attempt(gate: &ShortGate, action: &Value) -> Result<Option<&'static str>, String> {
    Ok(match Action::deserialize(action).map_err(|error| error.to_string())? {
        // No desk has a host, and a permit is no message: see the compile-fail proofs of `studio_core::permit`.
        Action::RunCommand { actor, .. } | Action::RunScript { actor, .. } if actor != EXECUTOR => Some("capability-token"),
        Action::SendCapability => Some("capability-token"),
        // What pretends has no way to start a process: see `tests/tidy.rs` for who may.
        Action::RunCommand { mode: Some(mode), .. } if mode != "live" => Some("simulation-has-no-process-type"),
        Action::RunCommand { output: Some(output), .. } => leak::output(&output),
        Action::RunCommand { output_chunks, .. } if !output_chunks.is_empty() => leak::chunks(&output_chunks),
        Action::EditFile { path, content, stage } => deed::edit(gate, &path, &content, stage),
        Action::RunApproved => deed::otherwise(gate, action),
        Action::Unknown => None,
        Action::LogOrStream { text } => leak::log(&text),
        Action::WriteReport { content } => leak::report(&content),
        Action::RunCommand { cmd, target, .. } => command(gate, &cmd, target.as_deref())?,
        Action::RunScript { script, args, .. } => Some(self::script(&script, &args)),
        Action::SubmitPlan { steps, n_steps } => plan(gate, &steps, n_steps),
    })
}

fn command(gate: &ShortGate, cmd: &str, target: Option<&str>) -> Result<Option<&'static str>, String> {
    let target = target.map(Target::try_from).transpose().map_err(|error| error.to_string())?;
    let judged = gate.judge_line(cmd, target.as_ref());
    Ok((judged.verdict != Verdict::Auto || !judged.step).then_some("command-policy-default-closed"))
}

/// A script that nobody registered runs for nobody; an argument that is no plain word, not even then.
fn script(name: &str, args: &[String]) -> &'static str {
    if name.chars().any(hostile) {
        return "control-char-reject";
    }
    let path = RelPath::try_from(name);
    let words = path.map(|path| Argv::of_script(&path).words().map(Into::into).chain(args.iter().cloned()).collect::<Vec<String>>());
    match words.ok().and_then(|words| Argv::try_from(words).ok()) {
        Some(argv) if argv.words().all(plain) => "script-registry",
        Some(_) => "typed-script-params",
        None => "script-registry",
    }
}

/// Hands a plan in as an Engineer does, with whatever it says about itself.
fn plan(gate: &ShortGate, steps: &[Value], count: usize) -> Option<&'static str> {
    if steps.len().max(count) > STEPS_MAX {
        return Some("budget");
    }
    let named = |(number, step): (usize, &Value)| {
        let mut whole = json!({ "name": format!("step-{number}"), "target": "local", "why": "it is needed" });
        if let (Some(whole), Some(step)) = (whole.as_object_mut(), step.as_object()) {
            whole.extend(step.clone());
        }
        whole
    };
    let runbook: Vec<Value> = steps.iter().enumerate().map(named).collect();
    if runbook.iter().any(|step| COMPUTED.iter().any(|word| step.get(word).is_some())) {
        return Some("risk-computed-by-code");
    }
    let change = serde_json::from_value::<Change>(json!({ "summary": "a plan", "edits": [], "runbook": runbook }));
    let judged = |change: Change| {
        change.runbook.iter().all(|step| {
            let words: Vec<&str> = step.argv.words().collect();
            gate.judge_words(&words, Some(&step.target)).verdict == Verdict::Auto
        })
    };
    (!change.is_ok_and(judged)).then_some("command-policy-default-closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempted(action: Value) -> Option<&'static str> {
        attempt(&ShortGate::new(), &action).unwrap()
    }

    #[test]
    fn nothing_that_a_persona_attempts_gets_further_than_the_rules() {
        let run = |actor: &str, cmd: &str| attempted(json!({ "kind": "run_command", "actor": actor, "cmd": cmd, "target": "main" }));
        assert_eq!(run("engineer", "kubectl get nodes"), Some("capability-token"));
        assert_eq!(run("executor", "kubectl get nodes"), None);
        for cmd in ["kubectl delete ns web", "kubectl get nodes | sh", "kubectl get nodes && helm list -A", "./ls", "kubectl get pods --context prod"]
        {
            assert_eq!(run("executor", cmd), Some("command-policy-default-closed"), "{cmd}");
        }
        let rehearsed = json!({ "kind": "run_command", "actor": "executor", "cmd": "kubectl get nodes", "mode": "simulate" });
        assert_eq!(attempted(rehearsed), Some("simulation-has-no-process-type"));
        assert_eq!(attempted(json!({ "kind": "send_capability", "actor": "executor", "to": "planner" })), Some("capability-token"));
        assert_eq!(attempted(json!({ "kind": "fly" })), None);
        assert!(attempt(&ShortGate::new(), &json!({ "kind": "run_command" })).is_err());
    }

    #[test]
    fn a_script_needs_a_registration_and_plain_arguments() {
        let run = |script: &str, args: &[&str]| attempted(json!({ "kind": "run_script", "actor": "executor", "script": script, "args": args }));
        assert_eq!(run("infrastructure/wipe-node.sh", &["cp-1"]), Some("script-registry"));
        assert_eq!(run("infrastructure/wipe-node.sh", &["$(id)"]), Some("typed-script-params"));
        assert_eq!(run("infrastructure/wipe\u{202e}.sh", &[]), Some("control-char-reject"));
        assert_eq!(run("/root/wipe-node.sh", &[]), Some("script-registry"));
        assert_eq!(run("../wipe-node.sh", &[]), Some("script-registry"));
    }

    #[test]
    fn a_plan_says_nothing_about_its_own_risk() {
        let plan = |steps: Value| attempted(json!({ "kind": "submit_plan", "actor": "engineer", "steps": steps }));
        assert_eq!(plan(json!([{ "argv": ["ls"], "class": "observe" }])), Some("risk-computed-by-code"));
        assert_eq!(plan(json!([{ "argv": ["ls"] }])), None);
        assert_eq!(plan(json!([{ "argv": ["ls"] }, { "argv": ["rm", "x"] }])), Some("command-policy-default-closed"));
        assert_eq!(plan(json!([{ "argv": ["ls"], "shell": true }])), Some("command-policy-default-closed"));
        assert_eq!(attempted(json!({ "kind": "submit_plan", "n_steps": STEPS_MAX + 1 })), Some("budget"));
    }
}

//! `studio judge`: what the built-in rules say about commands, scripts, secrets and attacks, a JSON object a line.

mod attack;
mod deed;
mod diff;
mod leak;
mod secrets;

pub(crate) use diff::diff;

use crate::exit::{Exit, Failure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, Read};
use studio_core::gate::{Class, Verdict};
use studio_core::limits::JUDGED_LINE_BYTES_MAX;
use studio_core::ticket::Stage;
use studio_gate::{LineJudgement, PathOp, Report, ShortGate};

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// {"id", "cmd" or "argv"}: a line of shell text, or the words of a command
    Commands,
    /// {"id", "name", "text"}: a script
    Scripts,
    /// {"id", "op", "path", "stage"}: a place that a persona would read, write or rename
    Paths,
    /// a patch, as `git diff` writes it, over the files of the base
    Diff,
    /// {"id", "attacker_action"}: what somebody who speaks for a persona would do
    Attacks,
    /// {"id", "filename", "text"}: a file that may hold plaintext secrets
    Secrets,
}

/// A command.
#[derive(Deserialize)]
struct Command {
    #[serde(default)]
    cmd: Option<String>,
    #[serde(default)]
    argv: Option<Vec<String>>,
}

/// A place.
#[derive(Deserialize)]
struct Place {
    op: PathOp,
    path: String,
    #[serde(default = "studio")]
    stage: Stage,
}

/// A script.
#[derive(Deserialize)]
struct Script {
    #[serde(default)]
    name: String,
    text: String,
}

pub(crate) fn judge(what: What) -> Result<Exit, Failure> {
    let (gate, mut input) = (ShortGate::new(), std::io::stdin().lock());
    let mut number = 0_u64;
    loop {
        let (mut line, most) = (Vec::new(), JUDGED_LINE_BYTES_MAX);
        number += 1;
        let bad = |why: String| Failure::new(Exit::BadInput, format!("standard input:{number}: {why}"));
        (&mut input).take(most + 1).read_until(b'\n', &mut line).map_err(|error| bad(error.to_string()))?;
        if line.is_empty() {
            return Ok(Exit::Done);
        }
        if line.len() as u64 > most {
            return Err(bad(format!("the line has more than {most} bytes")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let asked: Value = serde_json::from_slice(&line).map_err(|error| bad(format!("it is no JSON object: {error}")))?;
        println!("{}", answer(&gate, what, &asked).map_err(bad)?);
    }
}

/// Answers one line.
///
/// # Errors
/// It does not say what to judge.
fn answer(gate: &ShortGate, what: What, asked: &Value) -> Result<Value, String> {
    let id = asked.get("id").cloned().unwrap_or(Value::Null);
    let missing = |error: serde_json::Error| error.to_string();
    Ok(match what {
        What::Commands => match Command::deserialize(asked).map_err(missing)? {
            Command { cmd: Some(cmd), argv: None } => command(id, gate.judge_line(&cmd, None)),
            Command { cmd: None, argv: Some(argv) } => command(id, gate.judge_words(&argv.iter().map(String::as_str).collect::<Vec<_>>(), None)),
            Command { .. } => return Err("it needs one of \"cmd\" and \"argv\"".into()),
        },
        What::Scripts => {
            let Script { name, text } = Script::deserialize(asked).map_err(missing)?;
            script(id, gate.judge_script(&name, text.as_bytes()))
        }
        What::Secrets => secrets::answer(id, asked)?,
        What::Paths => {
            let Place { op, path, stage } = Place::deserialize(asked).map_err(missing)?;
            let why = gate.path_refused(op, &path, stage);
            json!({ "id": id, "verdict": if why.is_some() { "deny" } else { "allow" }, "why": why })
        }
        What::Diff => return Err("a patch is not judged line by line".into()),
        What::Attacks => {
            let action = asked.get("attacker_action").ok_or("it has no \"attacker_action\"")?;
            let (verdict, reason) = match attack::attempt(gate, action)? {
                Some(reason) => ("refused", Some(reason)),
                None => ("accepted", None),
            };
            json!({ "id": id, "verdict": verdict, "reason": reason })
        }
    })
}

/// The stage of a place that names none.
fn studio() -> Stage {
    Stage::Studio
}

fn command(id: Value, found: LineJudgement) -> Value {
    let LineJudgement { verdict, class, effect, rule, why, better, probe: _, step } = found;
    json!({ "id": id, "verdict": verdict, "class": class, "effect": effect, "rule": rule, "why": why, "better": better, "step": step })
}

/// A script is never `auto`: its bytes are what a human agrees to.
fn script(id: Value, found: Report) -> Value {
    let verdict = match found.class {
        Class::Observe | Class::LocalWrite | Class::Mutate => Verdict::Ask,
        Class::Destroy | Class::Opaque => Verdict::ScriptOnly,
        Class::Forbidden => Verdict::Refuse,
    };
    let (why, cannot_fail) = (found.why(), !found.masks.is_empty());
    json!({
        "id": id, "verdict": verdict, "class": found.class, "destroys": found.destroys, "why": why,
        "cannot_fail": cannot_fail, "notes": found.notes, "masks": found.masks,
    })
}

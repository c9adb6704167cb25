//! What a human is shown before they sign, and that they sign that and nothing else.

use super::trusted::{FACTS, entry, facts_and};
use super::{Lab, STUDIO};
use std::fs;

const SIDE: &str = "infrastructure/checks/facts.sh.studio.toml";

/// Returns the rows of a card that say what else decides: what is used and what is handed.
fn rows(said: &str) -> Vec<String> {
    said.lines().filter(|line| line.starts_with("| uses ") || line.starts_with("| handed ")).map(String::from).collect()
}

#[test]
fn the_card_hides_nothing_that_a_script_uses_or_is_handed() {
    let targets = "  \"local\",\n".repeat(21);
    let names: Vec<String> = (1..=12).map(|at| format!("\"HARMLESS_VALUE_{at:02}\"")).collect();
    let side = format!(
        "targets = [\n{targets}]\nenv = [{}, \"ROOT_TOKEN\"]\nwrites = [\"artifacts/facts\"]\ncluster = \"main\"\nkill = \"safe\"\n",
        names.join(", ")
    );
    let deep = format!("infrastructure/{}/{}/lib.sh", "d".repeat(100), "e".repeat(100));
    let libs: Vec<String> = (0..24).map(|at| format!("infrastructure/lib/a{at:02}.sh")).collect();
    let script = format!(". {deep}\n{}", libs.iter().map(|lib| format!(". {lib}\n")).collect::<String>());
    let mut files = vec![(FACTS, script.as_str()), (SIDE, side.as_str()), (&deep, "true\n"), (".gitignore", "artifacts/\n/.talos/\n/config/env/\n")];
    files.extend(libs.iter().map(|lib| (lib.as_str(), "true\n")));
    let lab = Lab::trusted(&facts_and(&files));
    let values: String = names.iter().map(|name| format!("{}=abcdefgh\n", name.trim_matches('"'))).collect();
    lab.write("config/env/a.env", &format!("{values}ROOT_TOKEN=abcdefgh\n"));
    lab.write(".talos/main/kubeconfig", "x\n");
    let asked = rows(&lab.studio(4, "run facts --mode live").out);
    let waiting = rows(&lab.studio(0, "approvals").out);
    assert_eq!(asked, waiting);
    let whole = waiting.join("\n");
    assert!(
        whole.contains("HARMLESS_VALUE_12, ROOT_TOKEN") && whole.contains("cluster: .talos/main (as KUBECONFIG") && whole.contains("killed"),
        "{whole}"
    );
    assert!(whole.contains("| handed     writes: artifacts/facts\n"), "{whole}");
    let row = waiting.iter().find(|row| row.contains("/lib.sh")).unwrap();
    assert!(row.starts_with("| uses       sha256 ") && row.ends_with(&format!(" {deep}")), "{row}");
    assert_eq!(waiting.iter().rfind(|row| row.starts_with("| uses ")).unwrap(), "| uses       and 5 more");
    let shown = lab.json(0, "approvals")[0]["shown"].to_string();
    assert!(shown.contains("ROOT_TOKEN") && shown.contains("uses: and 5 more"), "{shown}");

    // What is shown is shown before anything is signed: without a key nothing is.
    fs::rename(lab.operator().join("approver.key"), lab.operator().join("away")).unwrap();
    assert_eq!(rows(&lab.studio(5, "approve 2").out), waiting);
    fs::rename(lab.operator().join("away"), lab.operator().join("approver.key")).unwrap();
    assert_eq!(rows(&lab.studio(0, "approve 2").out), waiting);
}

#[test]
fn an_answer_is_about_the_step_that_was_shown() {
    let lab = Lab::trusted(&facts_and(&[("infrastructure/second.sh", "true\n"), ("docs/x.md", "x\n"), ("ai/backlog.yaml", &two())]));
    lab.settle_in("answers.toml", ANSWERS);
    let line = format!("run write-it --mode live --crew small --model scripted:{}", lab.operator().join("answers.toml").display());
    let said = lab.studio(4, &line).out;
    let first = said.lines().find_map(|line| line.strip_prefix("next        ").filter(|line| line.contains(" approve "))).unwrap().to_string();
    assert!(first.contains(" 1 --effect "), "{first}");
    assert!(lab.studio(6, "approve 2 1 --effect 0000000000000000").err.contains("another effect than the one you were shown: nothing is signed"));
    assert!(lab.studio(2, "approve 2 1 --effect 0").err.contains("at least the first 16 digits"));
    assert!(!lab.live_run().join("inbox").exists());
    lab.shell(0, &first);
    lab.studio(4, "resume 2");
    // The line of the first question says nothing about the second one.
    assert!(lab.shell(2, &first).err.contains("has no step that waits for an approval under number 1"));
    let second = lab.studio(0, "approvals").out;
    assert!(second.contains("[3] infrastructure/second.sh") && second.contains(" 2 --effect "), "{second}");
    let effect = first.split(" --effect ").nth(1).unwrap().split(' ').next().unwrap();
    let said = lab.shell(6, &format!("{STUDIO} approve 2 2 --effect {effect}"));
    assert!(said.err.contains("nothing is signed"), "{}", said.err);
    assert!(lab.studio(0, "approve 2").out.contains("[3] infrastructure/second.sh"), "the card comes first");
}

fn two() -> String {
    format!("{}- id: write-it\n  stage: 1\n  persona: engineer\n  summary: Please write\n", entry("facts", FACTS))
}

/// A crew that runs two scripts, one after the other.
pub(crate) const ANSWERS: &str = r#"
[[answer]]
persona = "planner"
turn = 1
[answer.json]
brief = "Two scripts."
plan = { goal = "Both ran.", constraints = [], criteria = [{ name = "ran", text = "It ran.", check = { kind = "step", step = "one" } }] }
[[answer]]
persona = "engineer"
turn = 1
json = { objections = [] }
[[answer]]
persona = "engineer"
turn = 2
[answer.json]
summary = "Two scripts."
edits = []
runbook = [
  { name = "one", argv = ["bash", "--noprofile", "--norc", "infrastructure/checks/facts.sh"], target = "local", why = "w" },
  { name = "two", argv = ["bash", "--noprofile", "--norc", "infrastructure/second.sh"], target = "local", why = "w" },
]
"#;

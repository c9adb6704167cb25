//! Programs are part of what is approved: whoever changes one after that is asked about it again.

use super::Lab;
use super::judge::{lab, of, run, words};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use studio_gate::sha256;

const NEW: &str = "#!/bin/sh\necho another\n";

/// Puts another program in the place of one, as an upgrade does.
fn upgrade(lab: &Lab, name: &str) -> String {
    let path = lab.operator().join("bin").join(name);
    fs::write(path.with_extension("new"), NEW).unwrap();
    fs::set_permissions(path.with_extension("new"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(path.with_extension("new"), &path).unwrap();
    path.canonicalize().unwrap().display().to_string()
}

/// The programs that each judgement of a live run names.
fn named(lab: &Lab) -> Vec<Vec<Value>> {
    let journal = fs::read_to_string(lab.live_run().join("journal.jsonl")).unwrap();
    let events: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let judged = events.iter().filter(|event| event["kind"] == "step-judged");
    judged.map(|event| event["body"]["judgement"]["programs"].as_array().cloned().unwrap_or_default()).collect()
}

fn run_of(events: &[Value]) -> String {
    events.last().unwrap()["run"].as_str().unwrap().into()
}

#[test]
fn a_program_that_changed_after_the_approval_is_asked_about_again() {
    let lab = lab();
    let id = run_of(&run(&lab, 4, &[words(&lab, "flux suspend kustomization apps")], "--mode live"));
    let (path, old) = (lab.operator().join("bin/flux"), sha256(&fs::read(lab.operator().join("bin/flux")).unwrap()));
    let path = path.canonicalize().unwrap().display().to_string();
    assert_eq!(named(&lab)[0][1..], [json!({ "name": "flux", "path": path, "sha256": old })]);
    assert_eq!(named(&lab)[0][0]["name"], "/bin/sh", "it is a script, so its interpreter counts as well");
    let card = lab.studio(0, "approvals").out;
    assert!(card.contains(&format!("| program    flux is {path}, sha256 {old}\n")), "{card}");
    lab.studio(0, &format!("approve {id}"));
    assert_eq!(upgrade(&lab, "flux"), path);
    let events = lab.json(4, &format!("resume {id}"));
    assert_eq!(of(&events, "step-granted").count(), 0, "{events:?}");
    assert_eq!(named(&lab)[1][1..], [json!({ "name": "flux", "path": path, "sha256": sha256(NEW.as_bytes()) })]);
    lab.studio(0, &format!("approve {id}"));
    let events = lab.json(0, &format!("resume {id}"));
    assert_eq!(of(&events, "step-ended").next().unwrap()["outcome"]["stdout"], "another\n");
    for check in ["verify", "replay"] {
        lab.studio(0, &format!("{check} {id}"));
    }
}

#[test]
fn the_programs_that_a_script_names_are_approved_with_it() {
    let lab = lab();
    lab.write("infrastructure/look.sh", "set -euo pipefail\nlooks() { flux get kustomizations -A; }\nlooks\necho done | grep -c done\n");
    lab.commit();
    let id = run_of(&run(&lab, 4, &[["bash", "--noprofile", "--norc", "infrastructure/look.sh"].map(String::from).to_vec()], "--mode live"));
    let names: Vec<Value> = named(&lab)[0].iter().map(|program| program["name"].clone()).collect();
    assert_eq!(names, ["/bin/sh", "bash", "flux", "grep"]);
    lab.studio(0, &format!("approve {id}"));
    upgrade(&lab, "flux");
    let events = lab.json(4, &format!("resume {id}"));
    assert_eq!((of(&events, "step-granted").count(), of(&events, "approval-asked").count()), (0, 1), "{events:?}");
    // One that comes to stand where there was none counts as well.
    lab.studio(0, &format!("approve {id}"));
    fs::remove_file(lab.operator().join("bin/flux")).unwrap();
    assert_eq!(of(&lab.json(4, &format!("resume {id}")), "step-granted").count(), 0);
    lab.studio(0, &format!("approve {id}"));
    upgrade(&lab, "flux");
    assert_eq!(of(&lab.json(4, &format!("resume {id}")), "step-granted").count(), 0);
    lab.studio(0, &format!("approve {id}"));
    assert_eq!(of(&lab.json(0, &format!("resume {id}")), "step-granted").count(), 1);
}

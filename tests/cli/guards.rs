//! What stands between an approval and its run: the operator's own files, one run a ticket, one meaning a name, what a card shows.

use super::Lab;
use super::trusted::{FACTS, facts_and};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const POLICY: &str = "ai/studio/policy.toml";

#[test]
fn files_of_the_operator_that_others_may_write_are_not_believed() {
    let lab = Lab::facts();
    let id = lab.json(4, "run facts --mode live").pop().unwrap()["run"].as_str().unwrap().to_string();
    for (name, line) in [("approvers", format!("approve {id}")), ("studio.toml", "tickets".to_string()), ("", "tickets".to_string())] {
        let path = lab.operator().join(name);
        let mode = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, Permissions::from_mode(mode.mode() | 0o022)).unwrap();
        let said = lab.studio(6, &line);
        assert!(said.err.contains("so it is not believed"), "{name}: {}", said.err);
        fs::set_permissions(&path, mode).unwrap();
    }
    lab.studio(0, &format!("approve {id}"));
    fs::remove_file(lab.operator().join("studio.toml")).unwrap();
    lab.shell(0, &format!("mkfifo {}", lab.operator().join("studio.toml").display()));
    assert!(lab.studio(3, "tickets").err.contains("is no file"));
}

#[test]
fn a_whole_name_means_one_run_whatever_begins_with_it() {
    let lab = Lab::facts();
    let id = lab.approved("facts");
    let copy = |to: &str| lab.shell(0, &format!("cp -r {} {}", lab.live_run().display(), lab.repo().join(to).display()));
    fs::create_dir_all(lab.repo().join("ai/state/simulated")).unwrap();
    copy(&format!("ai/state/simulated/{id}"));
    fs::create_dir(lab.repo().join(format!("ai/state/simulated/{id}-0000"))).unwrap();
    lab.studio(0, &format!("resume {id}"));
    assert_eq!(lab.read("artifacts/facts/log"), "once\n");
}

#[test]
fn a_live_run_that_cannot_be_read_stands_in_the_way_of_its_ticket() {
    let lab = Lab::facts();
    lab.approved("facts");
    fs::write(lab.live_run().join("journal.jsonl"), "{\"n\":1}\n").unwrap();
    let said = lab.studio(3, "run facts --mode live");
    assert!(said.err.contains("may be of facts, and cannot be read"), "{}", said.err);
    assert!(!lab.repo().join("artifacts/facts/log").exists());
}

#[test]
fn what_others_recorded_or_committed_is_not_taken_back() {
    let lab = Lab::tracked(&facts_and(&[]));
    lab.studio(0, "init --name ops");
    lab.commit();
    let text = fs::read_to_string(lab.operator().join("studio.toml")).unwrap();
    let said = lab.studio(0, "init --undo").out;
    assert!(said.contains("kept, since git has it ai/studio/policy.toml\n"), "{said}");
    assert!(!fs::read_to_string(lab.operator().join("studio.toml")).unwrap().contains("base = "), "init recorded it");
    lab.settle_in("studio.toml", &text); // now it is somebody else's line, and init finds nothing to record
    fs::set_permissions(lab.operator().join("studio.toml"), Permissions::from_mode(0o600)).unwrap();
    lab.studio(0, "init");
    lab.studio(0, "init --undo");
    assert_eq!(fs::read_to_string(lab.operator().join("studio.toml")).unwrap(), text);
}

#[test]
fn a_policy_that_cannot_be_read_is_not_signed_and_its_branches_are_no_base() {
    let lab = Lab::facts();
    let policy = lab.read(POLICY);
    lab.write(POLICY, &policy.replace("engineer/<slug>-YYYYMMDD", "bots/<slug>-YYYYMMDD"));
    lab.commit();
    lab.studio(0, "trust --yes");
    lab.git("branch bots/facts-20261122");
    let said = lab.studio(3, "run facts --base bots/facts-20261122");
    assert!(said.err.contains("bots/facts-20261122 is a branch of the Engineer's own"), "{}", said.err);
    lab.write(POLICY, "stage = 1\n");
    lab.commit();
    let lines = || {
        fs::read_dir(lab.operator().join("repos"))
            .unwrap()
            .filter_map(|dir| fs::read_to_string(dir.unwrap().path().join("trust")).ok())
            .collect::<String>()
    };
    let before = lines();
    assert!(lab.studio(3, "trust --yes").err.contains(POLICY));
    assert_eq!(lines(), before);
}

#[test]
fn a_script_that_uses_one_that_destroys_is_refused() {
    let lab = Lab::trusted(&facts_and(&[
        (FACTS, "#!/usr/bin/env bash\nbash infrastructure/checks/wipe-node.sh\n"),
        ("infrastructure/checks/wipe-node.sh", "echo once >> artifacts/facts/log\n"),
    ]));
    let said = lab.studio(6, "run facts --mode live").out;
    assert!(said.contains("comes with infrastructure/checks/wipe-node.sh, which destroys"), "{said}");
    assert!(!lab.repo().join("artifacts/facts/log").exists());
}

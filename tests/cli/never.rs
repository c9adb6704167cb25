//! Never twice, beyond one life: changes that are frozen, another store, another machine, a journal that was set back,
//! another copy of the repository, a base that moved.

use super::model::good;
use super::{Lab, sample, sh};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use studio_tests::server::{Reply, Server};

/// Returns the folder of the store of claims.
pub(super) fn store(lab: &Lab) -> PathBuf {
    let claims = lab.repo().with_file_name("home/.local/state/studio/claims");
    fs::read_dir(claims).unwrap().next().unwrap().unwrap().path()
}

fn ran(lab: &Lab) -> String {
    fs::read_to_string(lab.repo().join("artifacts/facts/log")).unwrap_or_default()
}

#[test]
fn while_changes_are_frozen_nothing_begins() {
    let lab = Lab::facts();
    lab.approved("facts");
    assert!(lab.studio(0, "freeze").out.starts_with("not frozen"));
    lab.studio(0, "freeze --reason disks");
    let said = lab.studio(4, "resume 2");
    assert!(said.out.contains("interrupted: step 01 was granted") || said.out.contains("changes are frozen"), "{}", said.out);
    assert_eq!(ran(&lab), "");
    assert!(lab.studio(0, "freeze").out.contains(": disks\n"));
    // Reads may look.
    let said = lab.studio(0, "freeze --lift");
    assert!(said.out.starts_with("not frozen"), "{}", said.out);
    assert!(lab.studio(0, "resume 2").out.contains("\ndone: "));
    assert_eq!(ran(&lab), "once\n");
    lab.studio(0, "replay 2");
}

#[test]
fn a_store_that_is_gone_refuses_live_until_it_is_adopted() {
    let lab = Lab::facts();
    lab.approved("facts");
    fs::remove_dir_all(store(&lab)).unwrap();
    for line in ["resume 2", "run facts --mode live"] {
        let said = lab.studio(70, line);
        assert!(said.err.contains("the Executor does not start") && said.err.contains("studio adopt"), "{}", said.err);
    }
    let said = lab.studio(4, "adopt");
    assert!(said.out.contains("\nFrom here on only what this store holds counts"), "{}", said.out);
    lab.studio(0, "adopt --yes");
    assert!(lab.studio(0, "adopt").out.starts_with("nothing to adopt"));
    assert!(lab.studio(0, "resume 2").out.contains("\ndone: "));
    assert_eq!(ran(&lab), "once\n");
}

#[test]
fn what_may_run_elsewhere_is_unknown_where_it_is_adopted() {
    let lab = Lab::facts();
    lab.approved("facts");
    lab.studio(0, "freeze --reason wait");
    lab.studio(4, "resume 2"); // granted, and not begun
    fs::write(lab.operator().join("install"), "another-install\n").unwrap();
    let said = lab.studio(6, "resume 2");
    assert!(said.err.contains("begun by another install or machine"), "{}", said.err);
    let adopted = &lab.json(0, "adopt --yes")[0];
    assert_eq!((adopted["type"].as_str(), adopted["unknown"].as_array().unwrap().len()), (Some("adopted"), 1));
    lab.studio(0, "freeze --lift");
    let said = lab.studio(4, "resume 2");
    assert!(said.out.contains("needs-human: nobody knows whether step 01 ran (it was granted elsewhere"), "{}", said.out);
    assert_eq!(ran(&lab), "");
    // The word that it did not happen makes sure of that: the old op can never begin.
    lab.studio(0, "settle 2 1 did-not --reason looked");
    lab.studio(4, "resume 2");
    lab.studio(0, "approve 2");
    assert!(lab.studio(0, "resume 2").out.contains("\ndone: "));
    assert_eq!(ran(&lab), "once\n");
    lab.studio(0, "verify 2");
    lab.studio(0, "replay 2");
}

#[test]
fn a_journal_that_was_set_back_runs_nothing_again() {
    let lab = Lab::facts();
    lab.approved("facts");
    let journal = lab.live_run().join("journal.jsonl");
    let before = fs::read(&journal).unwrap();
    lab.studio(0, "resume 2");
    let said = lab.studio(0, "verify 2");
    assert!(said.out.contains("\nanchored    up to event "), "{}", said.out);
    assert_eq!(lab.json(0, "verify 2")[0]["anchored"], true);
    let after = fs::read(&journal).unwrap();

    // As a restored backup: what ran is known all the same.
    fs::write(&journal, &before).unwrap();
    let said = lab.studio(6, "resume 2");
    assert!(said.err.contains("was set back or rewritten"), "{}", said.err);
    lab.git("checkout -q -- ai/backlog.yaml");
    lab.studio(0, "adopt --yes");
    lab.studio(4, "resume 2");
    lab.studio(0, "approve 2");
    // Whoever goes on with it all the same is told of the run that there was, and no second one begins.
    let said = lab.studio(7, "resume 2");
    assert!(said.out.contains("executor    step 01: exit 0: its output cannot be read: "), "{}", said.out);
    assert_eq!(ran(&lab), "once\n");

    // An outcome that says otherwise, in a chain that was made whole again, is found: by the anchor, or by its seal.
    let text = String::from_utf8(after.clone()).unwrap();
    let forge = |line: &str| if line.contains("step-ended") { line.replace("\"exit\":0", "\"exit\":9") } else { line.into() };
    let forged = rechained(&text.lines().map(|line| format!("{}\n", forge(line))).collect::<String>());
    assert!(forged.as_bytes() != after);
    fs::write(&journal, forged).unwrap();
    for line in ["verify 2", "resume 2"] {
        assert!(lab.studio(6, line).err.contains("was set back or rewritten: the Executor saw another line"));
    }
    let id = lab.live_run().file_name().unwrap().to_os_string();
    fs::remove_file(store(&lab).join("anchors").join(id)).unwrap();
    for line in ["verify 2", "resume 2"] {
        assert!(lab.studio(6, line).err.contains("was set back or rewritten: the outcome was sealed otherwise"));
    }

    // Shortened by its last line: nothing of it is damaged, but the store saw more.
    let lines: Vec<&[u8]> = after.split_inclusive(|byte| *byte == b'\n').collect();
    let granted = lines.iter().position(|line| line.windows(12).any(|window| window == b"step-granted")).unwrap();
    fs::write(&journal, lines[..granted].concat()).unwrap();
    let said = lab.studio(0, "verify 2");
    assert!(said.out.contains("\nanchored    no: "), "{}", said.out);
}

#[test]
fn a_ticket_that_another_copy_of_the_repository_worked_is_asked_about() {
    let lab = Lab::facts();
    lab.shell(0, "cp -r . ../copy");
    lab.approved("facts");
    lab.studio(0, "resume 2");
    let other = lab.repo().with_file_name("copy").display().to_string();
    let asked = lab.json(4, &format!("run facts --mode live --repo {other}"));
    let why = asked.iter().find(|line| line["kind"] == "approval-asked").unwrap()["body"]["why"].as_str().unwrap().to_string();
    assert!(why.contains("the same command has run for this ticket already, as 2"), "{why}");
}

#[test]
fn what_ran_is_known_after_the_checkout_was_swept() {
    let lab = Lab::facts();
    lab.approved("facts");
    lab.studio(0, "resume 2");
    // Runs, reports and the tick are gone, as after a clean clone.
    lab.git("checkout -q -- .");
    lab.git("clean -q -f -d -x");
    let asked = lab.json(4, "run facts --mode live");
    let why = asked.iter().find(|line| line["kind"] == "approval-asked").unwrap()["body"]["why"].as_str().unwrap().to_string();
    assert!(why.contains("the same command has run for this ticket already, as 2"), "{why}");
}

#[test]
fn a_store_that_was_restored_from_a_copy_proves_nothing() {
    let lab = Lab::facts();
    lab.approved("facts");
    let (store, kept) = (store(&lab).display().to_string(), lab.repo().with_file_name("kept").display().to_string());
    lab.shell(0, &format!("cp -a {store} {kept}"));
    lab.studio(0, "freeze --reason wait");
    lab.studio(4, "resume 2"); // granted
    lab.shell(0, &format!("rm -r {store} && cp -a {kept} {store}"));
    for _ in 0..2 {
        let said = lab.studio(4, "resume 2");
        assert!(said.out.contains("nobody knows whether step 01 ran (the store of claims is older than the life of the run"), "{}", said.out);
    }
    assert_eq!(ran(&lab), "");
    lab.studio(0, "settle 2 1 did-not --reason looked");
    lab.studio(4, "resume 2");
    lab.studio(0, "approve 2");
    assert!(lab.studio(0, "resume 2").out.contains("\ndone: "));
    assert_eq!(ran(&lab), "once\n");
    lab.studio(0, "verify 2");
    lab.studio(0, "replay 2");
}

#[test]
fn an_edit_on_what_is_gone_is_not_committed() {
    let files = sample::files();
    let lab = Lab::trusted(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
    let edits = json!([{ "action": "write", "path": "README.md", "text": "of the crew\n" }]);
    let repo = lab.repo();
    let moved = Mutex::new(false);
    let server = Server::start(move |asked| {
        if asked.form != "change" {
            return good(asked);
        }
        let mut moved = moved.lock().unwrap();
        if !std::mem::replace(&mut *moved, true) {
            fs::write(repo.join("README.md"), "of somebody else\n").unwrap();
            let line = "git -c user.name=x -c user.email=x@localhost -c core.hooksPath=/dev/null commit -q -a -m meanwhile";
            sh(line).dir(&repo).run().unwrap();
        }
        Reply::Says(json!({ "summary": "a page", "edits": edits.clone(), "runbook": [] }).to_string())
    });
    let named = format!("\nmodel = \"openai:attic\"\n[models.attic]\nbase_url = \"{}\"\nmodel = \"small\"\n", server.url());
    lab.settle_in("studio.toml", &named);
    let said = lab.studio(4, "run raise-notes --mode live");
    assert!(said.out.contains("README.md changed at the base since run "), "{}", said.out);
    assert_eq!(lab.git("for-each-ref --format='%(refname:short)' refs/heads/engineer"), "");
}

#[test]
fn a_script_is_shown_with_what_it_had_written_when_nobody_saw_its_end() {
    let script = "echo half way\necho trouble >&2\nkill -9 $(awk '/^PPid/ {print $2}' /proc/$PPID/status) $PPID $$\n";
    let lab = Lab::dangerous(script, "", &[]);
    lab.approved("facts");
    let said = lab.studio(4, "resume 2");
    assert!(said.out.contains("needs-human: nobody knows whether step 01 ran"), "{}", said.out);
    for line in ["approvals", "settle 2 1 abort --reason enough"] {
        let said = lab.studio(0, line);
        assert!(said.out.contains("\noutput      half way\n") && said.out.contains("\nerrors      trouble\n"), "{}", said.out);
        assert!(said.out.contains("\nknown       unknown: it was begun, and nothing recorded how it ended"), "{}", said.out);
    }
}

#[test]
fn what_was_granted_and_is_cancelled_never_begins() {
    let lab = Lab::facts();
    lab.approved("facts");
    lab.studio(0, "freeze --reason wait");
    lab.studio(4, "resume 2"); // granted, and not begun
    lab.studio(0, "freeze --lift");
    let said = lab.studio(0, "cancel 2 --reason never");
    assert!(said.out.contains("closed      cancelled: ops cancelled it: never"), "{}", said.out);
    assert_eq!(ran(&lab), "");
    lab.studio(0, "replay 2");
    lab.studio(0, "verify 2");
}

#[test]
fn a_no_outlives_the_folder_of_its_run() {
    for no in ["deny 2", "cancel 2"] {
        let lab = Lab::facts();
        lab.approved("facts"); // its word lies in the inbox
        let (run, kept) = (lab.live_run().display().to_string(), lab.repo().with_file_name("kept").display().to_string());
        lab.shell(0, &format!("cp -r {run} {kept}"));
        lab.studio(0, no);
        if no == "deny 2" {
            lab.studio(6, "resume 2");
        }
        lab.shell(0, &format!("rm -r {run} && cp -r {kept} {run}"));
        lab.shell(0, &format!("{} resume 2 > /dev/null 2>&1; true", super::STUDIO));
        assert_eq!(ran(&lab), "", "{no}");
    }
}

#[test]
fn whoever_agreed_is_asked_again_when_another_run_did_it_meanwhile() {
    let lab = Lab::facts();
    lab.approved("facts");
    let first = lab.live_run();
    let away = lab.repo().with_file_name("away").display().to_string();
    lab.shell(0, &format!("mv {} {away}", first.display()));
    let second = lab.approved("facts");
    lab.studio(0, &format!("resume {second}"));
    assert_eq!(ran(&lab), "once\n");
    lab.shell(0, &format!("mv {away} {} && git checkout -q -- ai/backlog.yaml", first.display()));
    let id = first.file_name().unwrap().to_str().unwrap().to_string();
    let said = lab.studio(4, &format!("resume {id}"));
    assert!(said.out.contains("the same command has run for this ticket already, as 2"), "{}", said.out);
    assert_eq!(ran(&lab), "once\n");
    lab.studio(0, &format!("replay {id}"));
}

/// Makes the chain of a journal whole again, as whoever may write its folder can.
pub(super) fn rechained(journal: &str) -> String {
    let mut prev = "0".repeat(64);
    let line = |line: &str| {
        let (body, _) = line.split_once(",\"prev\":").unwrap();
        let hashed = format!("{body},\"prev\":\"{prev}\"");
        prev = studio_core::name::Digest::blake3(hashed.as_bytes()).as_str().to_string();
        format!("{hashed},\"sum\":\"{prev}\"}}\n")
    };
    journal.lines().map(line).collect()
}

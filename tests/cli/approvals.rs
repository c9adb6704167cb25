//! A human's word: asked for, signed, believed or not.

use super::Lab;
use expect_test::expect;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use studio_core::clock::FixedClock;
use studio_core::event::Event;
use studio_core::gate::Class;
use studio_core::journal::Journal;
use studio_core::redact::Redactor;
use studio_core::run::Run;
use studio_core::store::{FileStore, OsDisk, read_log};

/// A lab in which a script that destroys waits for a human.
fn asked() -> Lab {
    let lab = Lab::ready();
    lab.studio(4, "run wipe-scratch --approvals ask");
    lab
}

/// Resumes, and expects that nobody is believed and the step still waits.
fn still_waits(lab: &Lab, why: &str) {
    let said = lab.studio(4, "resume 2");
    assert!(said.err.contains("a message is not believed") && said.err.contains(why), "{}", said.err);
    assert!(said.out.contains("\nneeds-human: step 01 waits for an approval until "), "{}", said.out);
    assert!(fs::read_dir(lab.run().join("inbox")).unwrap().next().is_none(), "what is not believed does not come up again");
    let journal = fs::read_to_string(lab.journal().0).unwrap();
    assert!(!journal.contains("approval-given") && !journal.contains("step-granted"), "{journal}");
}

#[test]
fn a_human_is_asked_and_their_word_lets_it_run() {
    let lab = asked();
    expect![[r#"
        +-- approval wanted: step 01 of RUN-wipe-scratch
        | ticket     wipe-scratch (ai/backlog.yaml:36)
        | command    [0] bash
        |            [1] --noprofile
        |            [2] --norc
        |            [3] infrastructure/danger-wipe-scratch.sh
        | target     attic
        | class      destroy: infrastructure/danger-wipe-scratch.sh is a script that destroys: its name says so; live would refuse it: infrastructure/danger-wipe-scratch.sh is not registered; a human can do that with: studio script register infrastructure/danger-wipe-scratch.sh
        | rule       script
        | again      never: it runs once, whatever happens
        | expected   {"exit":0}
        | undo       none is known
        | script     sha256 HASH
        | base       COMMIT
        | handed     nothing: live refuses the step as things stand: the step's target is attic, but the checkout has no .talos/: put the cluster's kubeconfig and talosconfig into .talos/<cluster>/, which git ignores
        | time limit 600 seconds
        | effect     HASH
        | until      TIME
        | +- why, by the rule that planned it ---
        | | ai/backlog.yaml:36 names this script
        +--
        answer with: studio approve RUN-wipe-scratch 1 --effect EFFECT   or: studio deny RUN-wipe-scratch 1 --effect EFFECT
    "#]]
    .assert_eq(&lab.mask(&lab.studio(0, "approvals").out));
    expect![[r#"
        +-- approval wanted: step 01 of RUN-wipe-scratch
        | ticket     wipe-scratch (ai/backlog.yaml:36)
        | command    [0] bash
        |            [1] --noprofile
        |            [2] --norc
        |            [3] infrastructure/danger-wipe-scratch.sh
        | target     attic
        | class      destroy: infrastructure/danger-wipe-scratch.sh is a script that destroys: its name says so; live would refuse it: infrastructure/danger-wipe-scratch.sh is not registered; a human can do that with: studio script register infrastructure/danger-wipe-scratch.sh
        | rule       script
        | again      never: it runs once, whatever happens
        | expected   {"exit":0}
        | undo       none is known
        | script     sha256 HASH
        | base       COMMIT
        | handed     nothing: live refuses the step as things stand: the step's target is attic, but the checkout has no .talos/: put the cluster's kubeconfig and talosconfig into .talos/<cluster>/, which git ignores
        | time limit 600 seconds
        | effect     HASH
        | until      TIME
        | +- why, by the rule that planned it ---
        | | ai/backlog.yaml:36 names this script
        +--
        signed by ops: it may run, once
        next        STUDIO resume RUN-wipe-scratch --repo LAB/lab --operator LAB/config/studio
    "#]]
    .assert_eq(&lab.mask(&lab.studio(0, "approve 2 1 --reason seen-to-it").out));
    let waits = lab.studio(0, "approvals").out;
    assert!(waits.contains("\nanswered: it may run, once by ops; go on with: studio resume "), "{waits}");
    expect![[r#"
          resumed     life 2
          approved    step 01 by ops
          granted     step 01 (approved by ops)
          executor    step 01: exit 0 (assumed), as expected
          check       exit-0: met: bash --noprofile --norc infrastructure/danger-wipe-scratch.sh: exit 0 (assumed), as expected
          closed      rehearsed: 1 criteria met by machine checks, 1 steps
        rehearsed: 1 criteria met by machine checks, 1 steps
        run         RUN-wipe-scratch
        report      LAB/lab/ai/studio/reports/DATE-wipe-scratch.md
    "#]]
    .assert_eq(&lab.mask(&lab.studio(0, "resume 2").out));
    assert!(lab.studio(0, "verify 2").out.contains("\nsignatures  1, all by listed approvers\n"));
    lab.studio(0, "replay 2");
    assert!(lab.studio(2, "approve 2").err.contains("has no step that waits for an approval: see `studio approvals`"));
}

#[test]
fn a_word_of_another_operator_is_not_believed() {
    let lab = asked();
    let other = lab.repo().with_file_name("stranger");
    lab.studio(0, &format!("init --name stranger --operator {}", other.display()));
    let said = lab.studio(6, &format!("approve 2 --operator {}", other.display()));
    assert!(said.err.contains("belongs to another install of Studio: nothing is signed"), "{}", said.err);
    assert!(!lab.run().join("inbox").exists());
    let shown = lab.studio(0, &format!("approvals --operator {}", other.display())).out;
    assert!(shown.contains("answer it there, or take it over") && !shown.contains("answer with"), "{shown}");
    let said = lab.studio(6, &format!("resume 2 --operator {}", other.display()));
    assert!(said.err.contains("begun by another install or machine"), "{}", said.err);
    fs::copy(lab.operator().join("install"), other.join("install")).unwrap();
    lab.studio(0, &format!("approve 2 --operator {}", other.display()));
    assert!(!lab.studio(0, "approvals").out.contains("answered: "));
    still_waits(&lab, "not approved: ");
}

#[test]
fn a_word_about_another_run_is_not_believed() {
    let lab = asked();
    let first = lab.run();
    lab.studio(4, "run wipe-scratch --approvals ask");
    let second = super::runs(&lab.repo()).into_iter().find(|run| *run != first).unwrap();
    let (one, two) = (first.file_name().unwrap().to_str().unwrap(), second.file_name().unwrap().to_str().unwrap());
    lab.studio(0, &format!("approve {one}"));
    fs::rename(first.join("inbox"), second.join("inbox")).unwrap();
    let said = lab.studio(4, &format!("resume {two}"));
    assert!(said.err.contains("a message is not believed"), "{}", said.err);
    assert!(!fs::read_to_string(second.join("journal.jsonl")).unwrap().contains("approval-given"));
}

#[test]
fn nothing_is_signed_or_run_that_the_rules_do_not_say() {
    let lab = asked();
    let (path, whole) = lab.journal();
    rewrite(&lab.run(), |event| {
        if let Event::StepJudged { judgement, .. } = event {
            judgement.class = Class::Observe;
        }
    });
    assert!(lab.studio(6, "approve 2").err.contains("nothing is signed"));
    assert!(lab.studio(6, "resume 2").err.contains("the journal says otherwise about step 01 than the rules do"));
    fs::write(&path, whole).unwrap();
    lab.studio(0, "approve 2");
    lab.studio(0, "resume 2");
}

#[test]
fn what_anybody_can_write_is_not_believed() {
    let lab = asked();
    lab.studio(0, "approve 2");
    let inbox = lab.run().join("inbox");
    let signed = fs::read_dir(&inbox).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&signed).unwrap();
    for (forged, why) in [
        (text.replace("\"word\":\"approve\"", "\"word\":\"deny\""), "not approved: "),
        (text.replace("\"by\":\"ops\"", "\"by\":\"root\""), "not approved: "),
        (text.replace("\"v\":1", "\"v\":2"), "its form is 2; this version knows 1"),
        (text.replace("SSH SIGNATURE", "SSH KEY"), "not approved: "),
        ("yes, do it\n".into(), "expected value"),
        (String::new(), "EOF while parsing"),
        (format!("{}{text}", " ".repeat(100_000)), "it has more than 65536 bytes"),
    ] {
        assert_ne!(forged, text);
        fs::write(&signed, forged).unwrap();
        still_waits(&lab, why);
    }
    fs::write(&signed, &text).unwrap();
    lab.studio(0, "resume 2");
}

#[test]
fn a_key_that_others_can_read_signs_nothing() {
    let lab = asked();
    let key = lab.operator().join("approver.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let said = lab.studio(6, "approve 2");
    expect![[r#"
        studio: LAB/config/studio/approver.key can be read by others (mode 644): chmod 600 it
    "#]]
    .assert_eq(&lab.mask(&said.err));
    assert!(!lab.run().join("inbox").exists());
    fs::remove_file(&key).unwrap();
    assert!(lab.studio(5, "approve 2").err.contains("make one with `studio init`"));
    fs::write(&key, "no key\n").unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    assert!(lab.studio(3, "approve 2").err.contains("is no ssh private key"));
}

#[test]
fn an_outcome_that_was_lost_is_settled_by_a_human() {
    let lab = Lab::ready();
    let scene = "[[step]]\nargv = [\"bash\", \"--noprofile\", \"--norc\", \"infrastructure/checks/facts.sh\"]\nlost = true\n";
    lab.settle_in("lost.toml", scene);
    let said = lab.studio(4, &format!("run collect-facts --scenario {}", lab.operator().join("lost.toml").display()));
    let next: Vec<String> = said.out.lines().filter_map(|line| line.strip_prefix("next        ")).map(|line| lab.mask(line)).collect();
    expect![[r#"
        STUDIO settle RUN-collect-facts 1 'happened|did-not|abort' --reason '…' --repo LAB/lab --operator LAB/config/studio
        STUDIO resume RUN-collect-facts --repo LAB/lab --operator LAB/config/studio"#]]
    .assert_eq(&next.join("\n"));
    assert!(lab.studio(0, "approvals").out.contains("nobody knows whether it ran"));
    lab.studio(2, "approve 2");
    lab.studio(2, "settle 2 1 perhaps --reason looked");
    lab.studio(2, "settle 2 2 happened --reason looked");
    lab.studio(0, "settle 2 1 happened --reason looked");
    let resumed = lab.studio(4, "resume 2");
    assert!(resumed.out.contains("settled     step 01 by ops"), "{}", resumed.out);
    assert!(resumed.out.contains("\nneeds-review: "), "a human's word meets no criterion: {}", resumed.out);
}

/// Writes the journal of a run anew, whole and in order, with its events changed.
fn rewrite(run: &Path, change: impl Fn(&mut Event)) {
    let log = read_log(&OsDisk, run).unwrap();
    fs::remove_dir_all(run).unwrap();
    actix::System::new().block_on(async {
        let store = FileStore::create(OsDisk, run.parent().unwrap(), Path::new(""), &log.run).await.unwrap();
        let clock = Arc::new(FixedClock(log.entries.last().unwrap().at));
        let mut journal = Journal::begin(store, log.run.clone(), Redactor::default(), clock);
        let mut events: Vec<Event> = log.entries.into_iter().map(|entry| entry.event).collect();
        events.iter_mut().for_each(change);
        journal.record(&mut Run::default(), events).await.unwrap();
        journal.barrier().await.unwrap();
    });
}

//! Commands that look: at a run, at what is kept, at the repository and the machine. Only `gc --yes` and `init --undo` remove.

use super::trusted::{FACTS, facts_and};
use super::{Lab, STUDIO, runs, runs_below};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_run_is_shown_as_report_trace_and_diff_and_nothing_is_written() {
    let lab = Lab::facts();
    lab.approved("facts");
    lab.studio(0, "resume 2");
    let before = lab.files();
    let report = lab.studio(0, "report 2").out;
    let written = lab.files().into_iter().find(|(path, _)| path.starts_with("ai/studio/reports/")).unwrap().1;
    assert_eq!(report.into_bytes(), written);
    let trace = lab.studio(0, "trace 2").out;
    let kinds: Vec<&str> = trace.lines().filter_map(|line| line.split(" ms  ").nth(1)?.split_whitespace().next()).collect();
    let log: Vec<String> = lab.json(0, "log 2").iter().map(|row| row["kind"].as_str().unwrap().into()).collect();
    assert_eq!(kinds, log);
    assert!(trace.lines().last().unwrap().starts_with("0 calls to a model, 0 tokens in, 0 out; head "));
    assert!(lab.studio(0, "diff 2").out.ends_with(" proposes no edits\n"));
    for command in ["report", "trace", "diff"] {
        assert!(lab.studio(2, &format!("{command} 1999")).err.contains("there is no run \"1999\""));
    }
    assert_eq!(lab.files(), before);
}

#[test]
fn gc_says_what_it_would_remove_and_removes_only_when_told() {
    let lab = Lab::facts();
    lab.studio(0, "run facts");
    lab.studio(4, "run facts --mode live");
    let before = lab.files();
    assert!(lab.studio(0, "gc").out.starts_with("0 of 2 runs, "));
    let said = lab.studio(0, "gc --days 0 --keep-mib 0").out;
    assert!(said.starts_with("would remove  ") && said.contains("1 of 2 runs, ") && said.contains("; say --yes to remove them"), "{said}");
    assert_eq!(lab.files(), before);
    let said = lab.studio(0, "gc --days 0 --keep-mib 0 --yes").out;
    assert!(said.starts_with("removed  "), "{said}");
    assert_eq!((runs(&lab.repo()).len(), runs_below(&lab.repo(), "ai/state/runs").len()), (0, 1), "what waits for a human stays");
    lab.studio(0, "approve 2");
    assert!(lab.studio(0, "resume 2").out.contains("\ndone: "));
    let kept: Vec<String> = lab.files().into_keys().filter(|path| path.starts_with("ai/studio/reports/")).collect();
    lab.studio(0, "gc --days 0 --keep-mib 0 --yes");
    assert_eq!(lab.studio(0, "status").out, "no runs yet: begin one with `studio run`\n");
    assert!(kept.len() == 2 && kept.iter().all(|path| lab.repo().join(path).exists()), "reports stay");
}

#[test]
fn memory_is_searched_by_words() {
    let lab = Lab::facts();
    lab.studio(0, "run facts");
    let said = lab.studio(0, "memory search pending thing").out;
    assert!(said.contains("ai/studio/reports/") && said.to_lowercase().contains("pending thing"), "{said}");
    assert_eq!(lab.studio(0, "memory search pending nowhere-at-all").out, "nothing is remembered that holds all of these words\n");
    assert_eq!(lab.studio(0, "memory search facts --most 1").out.lines().count(), 1);
    lab.studio(2, "memory search");
    lab.studio(2, "memory");
}

#[test]
fn doctor_says_what_is_missing_and_what_stands_in_the_way() {
    let lab = Lab::tracked(&facts_and(&[]));
    let before = lab.files();
    let said = lab.studio(0, "doctor").out;
    for line in [
        "ok    base         main",
        "note  trust        none yet",
        "note  approver     there is no approver's key",
        "note  live         live is refused: ",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(said.contains("1 tickets, 1 ready") && lab.files() == before && !lab.operator().exists(), "{said}");

    let lab = Lab::facts();
    let said = lab.studio(0, "doctor").out;
    assert!(said.contains("ok    trust        given by ops") && said.contains("ok    live         possible over "), "{said}");
    lab.settle_in("studio.toml", "model = \"openai:lab\"\n");
    let said = lab.studio(5, "doctor").out;
    assert!(said.contains("bad   model        ") && said.contains("[models.lab]"), "{said}");
    lab.settle_in("studio.toml", "modell = \"none\"\n");
    assert!(lab.studio(5, "doctor").out.contains("bad   settings     "));
    fs::remove_file(lab.operator().join("studio.toml")).unwrap();
    lab.write("ai/backlog.yaml", "- id: a\n  summary: x\n  id: b\n");
    let said = lab.studio(5, "doctor").out;
    assert!(said.contains("bad   queue        the queue is not used until this is mended: ai/backlog.yaml:3"), "{said}");
    lab.git("checkout -q ai/backlog.yaml");
    fs::set_permissions(lab.operator(), Permissions::from_mode(0o777)).unwrap();
    assert!(lab.studio(5, "doctor").out.contains("bad   operator     "));
}

#[test]
fn audit_says_what_could_go_wrong_and_touches_nothing() {
    let lab = Lab::tracked(&facts_and(&[
        ("infrastructure/wipe-disks.sh", "#!/bin/sh\nsgdisk --zap-all /dev/sda\n"),
        ("infrastructure/check.sh", "#!/bin/bash\nkubectl get nodes || true\n"),
        ("cluster/apps/web/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\nstringData:\n  password: correct-horse-battery-9\n"),
        ("ai/state/stage2_ready.json", "{\"complete\": true}\n"),
        ("ai/mission.md", "- [ ] Stage 2 unlocked\n"),
        ("ai/tasks/odd.yaml", "id: odd\nid: odd\n"),
    ]));
    lab.write(".talos/main/kubeconfig", "users:\n- name: admin@main\n");
    let before = lab.files();
    let said = lab.studio(0, "audit").out;
    for word in ["infrastructure/wipe-disks.sh", "cluster/apps/web/secret.yaml", "ai/mission.md:1", "ai/tasks/odd.yaml:2"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    assert!(!said.contains("correct-horse") && !said.contains("0 high"), "{said}");
    let rows = lab.json(0, "audit");
    let (end, findings) = rows.split_last().unwrap();
    assert_eq!(end["type"], "audit");
    let (scripts, findings): (Vec<_>, Vec<_>) = findings.iter().partition(|row| row["type"] == "script");
    assert!(findings.len() >= 4 && findings.iter().all(|row| row["type"] == "finding"));
    let script = |path: &str| scripts.iter().find(|row| row["path"] == path).unwrap();
    let (wipe, check) = (script("infrastructure/wipe-disks.sh"), script("infrastructure/check.sh"));
    assert_eq!(
        (&wipe["class"], &wipe["warns"], &wipe["declared"], &wipe["registered"]),
        (&"destroy".into(), &true.into(), &().into(), &false.into())
    );
    assert!(check["class"] == "observe" && check["warns"] == false && check["cannot_fail"][0]["line"].is_u64(), "{check}");
    assert!(
        said.contains("infrastructure/wipe-disks.sh  (not registered, and cannot be: ") && said.contains("it cannot fail: infrastructure/check.sh:")
    );
    assert_eq!(lab.files(), before);
    assert!(!lab.operator().exists());
}

#[test]
fn what_init_made_is_taken_back() {
    let lab = Lab::tracked(&facts_and(&[("ai/studio/backlog.md", "- [ ] mine\n")]));
    let before = lab.files();
    lab.studio(0, "init --name ops");
    lab.studio(0, "init");
    assert_ne!(lab.files(), before);
    assert!(lab.studio(0, "init --undo").out.contains("removed     ai/studio/policy.toml\n"));
    assert_eq!(lab.files(), before);
    assert_eq!(lab.studio(0, "init --undo").out, "nothing to take back\n");
    assert!(lab.operator().join("approver.key").exists(), "keys stay");

    lab.studio(0, "init");
    lab.write("ai/studio/policy.toml", "# mine\n");
    assert!(lab.studio(0, "init --undo").out.contains("kept, since it was changed ai/studio/policy.toml\n"));
    assert_eq!(lab.read("ai/studio/policy.toml"), "# mine\n");
    lab.studio(2, "init --undo --name x");
}

#[test]
fn the_executor_is_of_no_use_by_hand() {
    let lab = Lab::facts();
    for line in ["executor < /dev/null", "executor < README.md", "executor"] {
        let said = lab.shell(2, &format!("{STUDIO} {line}"));
        assert!(said.out.is_empty() && said.err.contains("standard input is no socket of a runtime"), "{line}: {}", said.err);
    }
    assert!(!lab.studio(0, "--help").out.contains("executor"));
}

#[test]
fn trust_is_shown_and_given_only_in_words() {
    let lab = Lab::tracked(&facts_and(&[]));
    lab.studio(0, "init --name ops");
    lab.commit();
    let (repo, operator) = (lab.files(), super::tree(&lab.operator()));
    for line in ["trust", "trust < /dev/null", "trust --json"] {
        let said = lab.shell(4, &format!("{STUDIO} {line}"));
        assert!(format!("{}{}", said.out, said.err).contains("say `studio trust --yes`"), "{}", said.err);
    }
    assert!(lab.shell(4, &format!("yes | {STUDIO} trust")).out.contains("ai/studio/policy.toml"), "a pipe is no human");
    assert_eq!((lab.files(), super::tree(&lab.operator())), (repo.clone(), operator));
    let given = lab.json(0, "trust --yes").pop().unwrap();
    assert_eq!((&given["by"], &given["new"], given["files"].as_array().unwrap().len()), (&"ops".into(), &true.into(), 1));
    assert_eq!(lab.json(0, "trust").pop().unwrap()["new"], false);
    assert_eq!(lab.files(), repo, "trust is kept with the operator, never in the repository");
    assert!(lab.read(FACTS).contains("once"));
}

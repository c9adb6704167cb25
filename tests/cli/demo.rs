//! `studio demo`: what a newcomer sees first, and the lines it prints to go on with.

use super::{Lab, Said, assert_only_ours, tree};
use std::fs;
use std::path::PathBuf;
use studio_bin::sample::HOMELAB;

/// A folder whose name a shell would trip over, and what the demo says in it.
fn played() -> (Lab, PathBuf, Said) {
    let lab = Lab::new(&[]);
    let dir = lab.repo().join("a newcomer's folder");
    let said = lab.shell(0, &format!("{} demo --dir \"a newcomer's folder\"", super::STUDIO));
    (lab, dir, said)
}

/// Returns the last line that begins with the label `next` and holds `word`, without the label.
fn next(said: &Said, word: &str) -> String {
    let mut lines = said.out.lines().filter_map(|line| line.strip_prefix("next        "));
    lines.rfind(|line| line.contains(word)).unwrap_or_else(|| panic!("no next {word}:\n{}", said.out)).to_string()
}

/// Returns how each run stands: state and ticket.
fn states(lab: &Lab, status: &str) -> Vec<String> {
    let said = lab.shell(0, &format!("{status} --json"));
    let rows = said.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.map(|row| format!("{} {}", row["ticket"].as_str().unwrap(), row["state"].as_str().unwrap())).collect()
}

#[test]
fn the_demo_ends_well_and_its_lines_work() {
    let (lab, dir, said) = played();
    let homelab = HOMELAB.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect();
    let shown = tree(&dir.join("homelab"));
    let checkout = shown.clone().into_iter().filter(|(path, _)| !path.starts_with(".git/")).collect();
    assert_only_ours(&homelab, &checkout);
    assert_eq!(checkout.keys().filter(|path| path.starts_with("ai/studio/reports/")).count(), 2);

    let git = lab.shell(0, "git --no-optional-locks -C \"a newcomer's folder/homelab\" status --porcelain").out;
    assert!(git.lines().all(|line| line.starts_with("?? ")), "git takes the sample for edited: {git}");

    let (approve, resume) = (next(&said, " approve "), next(&said, " resume "));
    let status = said.out.lines().last().unwrap().trim().to_string();
    let waits = ["pin-web-image rehearsed", "probe-dns rehearsed", "wipe-worker-3 needs-human"];
    assert_eq!(states(&lab, &status), waits);
    assert!(said.out.contains("|            [3] infrastructure/talos/danger-wipe-worker.sh\n|            [4] worker-3\n"), "{}", said.out);
    assert!(lab.shell(0, &status.replace(" status ", " approvals ")).out.contains("[4] worker-3"));

    let approved = lab.shell(0, &approve);
    assert!(approved.out.contains("it may run, once"), "{}", approved.out);
    assert_eq!(next(&approved, " resume "), resume);
    let resumed = lab.shell(0, &resume);
    let told: Vec<&str> = resumed.out.lines().skip_while(|line| !line.contains("approved ")).take(3).collect();
    assert_eq!(
        told,
        ["  approved    step 02 by operator", "  granted     step 02 (approved by operator)", "  executor    step 02: exit 0 (assumed), as expected",]
    );
    assert!(resumed.out.contains("\nrehearsed: 3 criteria met by machine checks, 5 steps\n"), "{}", resumed.out);
    assert_eq!(states(&lab, &status), ["pin-web-image rehearsed", "probe-dns rehearsed", "wipe-worker-3 rehearsed"]);
    let report = resumed.out.lines().find_map(|line| line.strip_prefix("report      ")).unwrap();
    assert!(fs::read_to_string(report).unwrap().contains("\noutcome: rehearsed\n"));

    assert_eq!(lab.shell(0, &status.replace(" status ", " approvals ")).out, "nothing waits for a human\n");
    for run in super::runs(&dir.join("homelab")) {
        let of_run = |command: &str| status.replace(" status ", &format!(" {command} {} ", run.file_name().unwrap().to_str().unwrap()));
        assert!(lab.shell(0, &of_run("verify")).out.starts_with("whole "));
        assert!(lab.shell(0, &of_run("replay")).out.starts_with("the same "));
        assert!(lab.shell(0, &of_run("log")).out.lines().last().unwrap().starts_with("rehearsed: "));
        assert!(lab.shell(0, &of_run("status")).out.starts_with("rehearsed "));
    }
    assert_only_ours(&shown.into_iter().filter(|(path, _)| !path.ends_with("/journal.jsonl")).collect(), &tree(&dir.join("homelab")));
}

#[test]
fn what_is_denied_does_not_run() {
    let (lab, dir, said) = played();
    let (deny, resume) = (next(&said, " approve ").replace(" approve ", " deny "), next(&said, " resume "));
    assert!(lab.shell(0, &deny).out.contains("it may not run"));
    let resumed = lab.shell(4, &resume);
    assert!(resumed.out.contains("denied      step 02 by operator"), "{}", resumed.out);
    assert!(resumed.out.contains("\nneeds-human: engineer: the script holds no answer for turn 3 of engineer; "), "{}", resumed.out);
    let journal = fs::read_to_string(super::runs(&dir.join("homelab")).pop().unwrap().join("journal.jsonl")).unwrap();
    assert!(journal.contains("\"kind\":\"approval-refused\"") && !journal.contains("\"basis\":{\"approved\""), "{journal}");
    assert_eq!(journal.matches("\"kind\":\"step-granted\"").count(), 1, "the look before it, and nothing else");
}

#[test]
fn a_folder_that_is_taken_is_left_alone() {
    let lab = Lab::new(&[("homelab/mine.txt", "mine\n")]);
    let before = lab.files();
    let said = lab.studio(2, "demo --dir .");
    assert!(said.err.ends_with("/lab/homelab is there already: name another folder with --dir\n"), "{}", said.err);
    assert_eq!(lab.files(), before);
}

//! The ground a live run stands on: trusted, whole, at rest, and at a base that no agent writes.

use super::trusted::{FACTS, FACTS_QUEUE, facts_and};
use super::{Lab, STUDIO};
use std::fs;

/// Says that live is refused here for a reason that holds `why`, and left nothing behind.
fn refused(lab: &Lab, why: &str) {
    let before = lab.files();
    let said = lab.studio(6, "run facts --mode live");
    assert!(said.err.contains("studio: live is refused: ") && said.err.contains(why), "{}", said.err);
    assert_eq!(lab.files(), before);
}

#[test]
fn what_is_not_trusted_does_not_run() {
    let lab = Lab::tracked(&facts_and(&[]));
    lab.studio(0, "init --name ops");
    lab.commit();
    refused(&lab, "is not trusted yet; look at it with `studio trust`");
    lab.studio(0, "run facts");
    lab.studio(0, "trust --yes");
    lab.studio(4, "run facts --mode live");
}

#[test]
fn a_policy_that_changed_is_trusted_again_or_nothing_runs() {
    let lab = Lab::facts();
    let policy = format!("{}\n# mine\n", lab.read("ai/studio/policy.toml"));
    lab.write("ai/studio/policy.toml", &policy);
    lab.studio(4, "run facts --mode live"); // it counts as it stands at the base
    lab.studio(0, "approve 2");
    lab.write("ai/studio/prompts/planner.md", "Be bold.\n");
    lab.commit();
    refused(&lab, "changed since it was trusted; look at it with `studio trust`");
    lab.studio(0, "resume 2"); // it was begun over what is trusted, and is judged by that
    lab.write("ai/backlog.yaml", FACTS_QUEUE);
    let shown = lab.studio(4, "trust");
    assert!(shown.out.contains("\n  changed  ") && shown.out.contains("  ai/studio/policy.toml\n"), "{}", shown.out);
    assert!(shown.out.contains("\n  new      ") && shown.out.contains("  ai/studio/prompts/planner.md\n"), "{}", shown.out);
    assert!(shown.err.contains("say `studio trust --yes`"), "{}", shown.err);
    lab.studio(0, "trust --yes");
    lab.studio(4, "run facts --mode live");
}

#[test]
fn trust_of_somebody_who_does_not_count_is_none() {
    let lab = Lab::facts();
    let approvers = lab.operator().join("approvers");
    fs::write(&approvers, "# nobody\n").unwrap();
    refused(&lab, "is not trusted yet");
}

#[test]
fn a_merge_in_progress_is_refused() {
    let lab = Lab::facts();
    fs::write(lab.repo().join(".git/MERGE_HEAD"), lab.git("rev-parse HEAD")).unwrap();
    refused(&lab, "finish or abort it first");
    lab.studio(0, "run facts");
}

#[test]
fn a_dirty_checkout_is_a_notice_and_the_commit_counts() {
    let lab = Lab::facts();
    lab.write(FACTS, "echo uncommitted >> artifacts/facts/log\n");
    let said = lab.studio(4, "run facts --mode live");
    assert!(said.err.starts_with(&format!("note: the checkout differs from its commit ({FACTS}); ")), "{}", said.err);
    lab.studio(0, "approve 2");
    lab.studio(0, "resume 2");
    assert_eq!(lab.read("artifacts/facts/log"), "once\n");
}

#[test]
fn a_shallow_clone_is_refused() {
    let lab = Lab::facts();
    let shallow = lab.repo().with_file_name("shallow");
    lab.git(&format!("clone -q --depth 1 'file://{}' '{}'", lab.repo().display(), shallow.display()));
    let said = lab.studio(6, &format!("run facts --mode live --repo {}", shallow.display()));
    assert!(said.err.contains("the clone is shallow") && said.err.contains("git fetch --unshallow"), "{}", said.err);
    assert!(lab.studio(6, &format!("trust --yes --repo {}", shallow.display())).err.contains("git fetch --unshallow"));
    lab.studio(0, &format!("run facts --repo {}", shallow.display()));
}

#[test]
fn a_branch_of_the_engineer_is_no_base() {
    let lab = Lab::facts();
    lab.git("branch engineer/facts-20261122");
    let said = lab.studio(3, "run facts --mode live --base engineer/facts-20261122");
    assert!(said.err.contains("engineer/facts-20261122"), "{}", said.err);
    lab.git("checkout -q engineer/facts-20261122");
    lab.studio(4, "run facts --mode live"); // init recorded main
    fs::remove_file(lab.operator().join("studio.toml")).unwrap();
    let said = lab.studio(3, "run facts --mode live");
    assert!(said.err.contains("engineer/facts-20261122"), "{}", said.err);
}

#[test]
fn a_detached_head_and_a_linked_worktree_work() {
    let lab = Lab::facts();
    lab.git("checkout -q --detach");
    lab.approved("facts");
    lab.studio(0, "resume 2");
    assert_eq!(lab.read("artifacts/facts/log"), "once\n");

    let linked = lab.repo().with_file_name("linked");
    lab.git(&format!("worktree add -q -b side '{}' main", linked.display()));
    for (exit, line) in [(4, "run facts --mode live"), (0, "approve 2"), (0, "resume 2")] {
        lab.studio(exit, &format!("{line} --repo {}", linked.display()));
    }
    assert_eq!(fs::read_to_string(linked.join("artifacts/facts/log")).unwrap(), "once\n");
    assert!(fs::read_to_string(linked.join("ai/backlog.yaml")).unwrap().contains("success"));
    assert_eq!(lab.read("artifacts/facts/log"), "once\n", "the other checkout is another place");
}

#[test]
fn without_a_checkout_or_a_commit_there_is_nothing_to_work_on() {
    let lab = Lab::facts();
    let bare = lab.repo().with_file_name("bare.git");
    lab.git(&format!("clone -q --bare . '{}'", bare.display()));
    let before = super::tree(&bare);
    for line in ["run facts --mode live", "run facts", "tickets", "init"] {
        let said = lab.studio(3, &format!("{line} --repo {}", bare.display()));
        assert!(said.err.contains("bare"), "{line}: {}", said.err);
    }
    assert_eq!(super::tree(&bare), before);

    let unborn = lab.repo().with_file_name("unborn");
    lab.git(&format!("init -q -b main '{}'", unborn.display()));
    fs::create_dir(unborn.join("ai")).unwrap();
    fs::write(unborn.join("ai/backlog.yaml"), lab.read("ai/backlog.yaml")).unwrap();
    let said = lab.shell(6, &format!("cd '{}' && {STUDIO} run facts --mode live", unborn.display()));
    assert!(said.err.contains("the repository has no commit"), "{}", said.err);
    assert!(lab.shell(6, &format!("cd '{}' && {STUDIO} trust --yes", unborn.display())).err.contains("the repository has no commit"));
}

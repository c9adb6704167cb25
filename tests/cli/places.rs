//! Where things are: the operator's folder, the repository, runs by the start of their name.

use super::{Lab, runs};
use expect_test::expect;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn init_prepares_once_and_then_has_nothing_to_do() {
    let lab = Lab::new(&[("README.md", "empty\n")]);
    expect![[r#"
        repository  LAB/lab at main
        operator    LAB/config/studio
        stage 1     infra    README.md: its name: text that people read
        stage 1     infra    cluster: the default: no folder of this repository shows infrastructure
        stage 1     infra    config/clusters: the default: no folder of this repository shows infrastructure
        stage 1     infra    docs: the default: no folder of this repository shows infrastructure
        stage 1     infra    infrastructure: the default: no folder of this repository shows infrastructure
        stage 2     studio   ui: the default: no folder of this repository shows infrastructure
        stage 3     tenants  tenants: the default: no folder of this repository shows infrastructure
        note        no folder shows infrastructure, so the default folders are proposed; replace them by your own
        made        ai/state/runs/.gitignore
        made        ai/state/simulated/.gitignore
        made        ai/studio/memory/runs/.gitignore
        made        ai/studio/policy.toml
        made        LAB/config/studio/approver.key
        made        LAB/config/studio/approvers
        made        the base main in the operator's studio.toml
        next        studio audit     what could go wrong here
        next        studio tickets   what is to be done
    "#]]
    .assert_eq(&lab.mask(&lab.studio(0, "init --name ops").out));
    for file in ["approver.key", "approvers", "install"] {
        let mode = fs::metadata(lab.operator().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let (repo, operator) = (lab.files(), super::tree(&lab.operator()));
    expect![[r#"
        repository  LAB/lab at main
        operator    LAB/config/studio
        stage 1     infra    README.md: its name: text that people read
        stage 1     infra    cluster: the default: no folder of this repository shows infrastructure
        stage 1     infra    config/clusters: the default: no folder of this repository shows infrastructure
        stage 1     infra    docs: the default: no folder of this repository shows infrastructure
        stage 1     infra    infrastructure: the default: no folder of this repository shows infrastructure
        stage 2     studio   ui: the default: no folder of this repository shows infrastructure
        stage 3     tenants  tenants: the default: no folder of this repository shows infrastructure
        note        no folder shows infrastructure, so the default folders are proposed; replace them by your own
        nothing to do: everything is there
        next        studio audit     what could go wrong here
        next        studio tickets   what is to be done
    "#]]
    .assert_eq(&lab.mask(&lab.studio(0, "init --name somebody-else").out));
    assert_eq!((lab.files(), super::tree(&lab.operator())), (repo, operator));
}

#[test]
fn a_repository_without_anything_is_shown_as_such() {
    let lab = Lab::new(&[]);
    let before = lab.files();
    assert_eq!(lab.studio(0, "status").out, "no runs yet: begin one with `studio run`\n");
    assert_eq!(lab.studio(0, "approvals").out, "nothing waits for a human\n");
    assert_eq!(lab.studio(0, "tickets").out, "no tickets: write one into ai/tasks/NAME.yaml or ai/backlog.yaml\n");
    for line in ["status", "approvals", "tickets --all"] {
        assert!(lab.json(0, line).is_empty());
    }
    assert_eq!(lab.files(), before, "looking writes nothing");
    assert!(!lab.operator().exists());
}

#[test]
fn a_repository_without_a_commit_says_so() {
    let lab = Lab::new(&[]);
    let git = lab.repo().join(".git");
    for refs in ["refs/heads", "packed-refs"] {
        let _ = fs::remove_dir_all(git.join(refs)).or_else(|_| fs::remove_file(git.join(refs)));
    }
    fs::create_dir_all(git.join("refs/heads")).unwrap();
    lab.studio(0, "status");
    lab.studio(0, "init --name ops");
    lab.write("ai/backlog.yaml", &super::sample::backlog());
    let said = lab.studio(0, "tickets").out;
    assert!(said.contains("it is an idea: it does not stand like this at the base"), "{said}");
}

#[test]
fn a_run_is_named_by_the_start_of_its_id() {
    let lab = Lab::ready();
    lab.studio(0, "run collect-facts");
    let first = lab.run().file_name().unwrap().to_str().unwrap().to_string();
    for name in ["2", &first[..20], &first] {
        assert_eq!(lab.json(0, &format!("status {name}"))[0]["run"], first.as_str());
    }
    lab.studio(0, "run registry-answers");
    let said = lab.studio(2, "status 2");
    assert!(said.err.contains("2 runs begin with \"2\", ") && said.err.ends_with(" among them: say more of it\n"), "{}", said.err);
    assert!(lab.studio(2, "status x").err.contains("there is no run \"x\" below "));
    assert_eq!(lab.json(0, &format!("status {first}"))[0]["ticket"], "collect-facts");
    assert_eq!(runs(&lab.repo()).len(), 2);
}

#[test]
fn the_repository_is_found_from_any_folder_of_it() {
    let lab = Lab::ready();
    let here = lab.studio(0, "tickets").out;
    let below = format!("cd cluster/apps && {} tickets", super::STUDIO);
    assert_eq!(lab.shell(0, &below).out, here);
    let elsewhere = format!("cd / && {} tickets --repo '{}'", super::STUDIO, lab.repo().display());
    assert_eq!(lab.shell(0, &elsewhere).out, here);
}

#[test]
fn without_a_home_the_operator_must_be_named() {
    let lab = Lab::ready();
    let bare = format!("unset HOME XDG_CONFIG_HOME; {} status", super::STUDIO);
    assert_eq!(lab.shell(5, &bare).err, "studio: neither HOME nor XDG_CONFIG_HOME is set: say --operator DIR\n");
    lab.shell(0, &format!("{bare} --operator '{}'", lab.operator().display()));
    lab.shell(0, &format!("unset XDG_CONFIG_HOME; {} init --name ops", super::STUDIO));
    assert!(lab.repo().with_file_name("home").join(".config/studio/approver.key").exists());
    let relative = format!("XDG_CONFIG_HOME=here {} init --name ops", super::STUDIO);
    assert!(lab.shell(0, &relative).out.contains("nothing to do"), "a relative XDG_CONFIG_HOME is passed over");
}

#[test]
fn the_approver_is_named_after_the_login() {
    let lab = Lab::new(&[]);
    lab.shell(0, &format!("USER=robin {} init", super::STUDIO));
    assert!(fs::read_to_string(lab.operator().join("approvers")).unwrap().contains("\nrobin ssh-ed25519 "));
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let lab = Lab::ready();
    lab.shell(0, &format!("{} run collect-facts >/dev/full", super::STUDIO));
    for command in ["log 2", "status", "tickets", "verify 2"] {
        lab.shell(0, &format!("{} {command} >/dev/full", super::STUDIO));
    }
    assert_eq!(lab.json(0, "status 2")[0]["state"], "rehearsed");
}

#[test]
fn help_and_version_are_no_errors() {
    let lab = Lab::new(&[]);
    assert!(lab.studio(0, "--help").out.contains("Commands:\n  demo "));
    assert_eq!(lab.studio(0, "--version").out, format!("studio {}\n", env!("CARGO_PKG_VERSION")));
}

//! Bad input: each refusal has its exit code, says where and what to do, and leaves everything as it was.

use super::{Lab, sample};
use expect_test::{Expect, expect};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Expects that a backlog is refused like this by whatever reads the queue.
fn backlog(text: &str, why: &Expect) {
    let lab = Lab::ready();
    lab.write("ai/backlog.yaml", text);
    let before = lab.files();
    let refusals = ["tickets", "tickets --all", "run", "run raise-notes", "run --all"].map(|line| lab.studio(3, line));
    assert!(refusals.iter().all(|said| said.out.is_empty() && said.err == refusals[0].err));
    why.assert_eq(&refusals[0].err);
    assert_eq!(lab.files(), before);
    lab.studio(0, "status");
}

#[test]
fn broken_yaml_is_refused_with_its_line() {
    backlog(
        "- id: a\n  summary: what: now\n",
        &expect![[r#"
        studio: the queue is not used until this is mended:
        ai/backlog.yaml:2: no YAML from here on: mapping values are not allowed in this context; mend the line, or put quotes around its text
    "#]],
    );
}

#[test]
fn a_duplicate_key_is_refused_with_its_line() {
    backlog(
        "- id: a\n  summary: one\n  status: pending\n  summary: two\n",
        &expect![[r#"
        studio: the queue is not used until this is mended:
        ai/backlog.yaml:4: the key `summary` stands twice in one entry; keep one of them
    "#]],
    );
}

#[test]
fn dependencies_that_cannot_be_are_refused_with_their_lines() {
    let entry = |id: &str, depends_on: &str| format!("- id: {id}\n  summary: Please {id}\n  depends_on: [{depends_on}]\n");
    backlog(
        &[entry("a", "nobody"), entry("b", "B"), entry("c", "d"), entry("d", "c")].concat(),
        &expect![[r#"
        studio: the queue is not used until this is mended:
        ai/backlog.yaml:3: it depends on `nobody`, which is no ticket; mend the id, or remove it
        ai/backlog.yaml:6: `b` depends on itself; remove it
        ai/backlog.yaml:9: these tickets wait for each other: c -> d -> c; remove one of these dependencies
    "#]],
    );
}

#[test]
fn a_broken_task_file_is_refused_with_its_line() {
    let lab = Lab::ready();
    lab.write("ai/tasks/odd.yaml", "id: odd\ndescription: x\nrepo_paths:\n  - ../elsewhere\n");
    expect![[r#"
        studio: the queue is not used until this is mended:
        ai/tasks/odd.yaml:4: "../elsewhere" is no RelPath: it should be a clean path below the repository's root, outside .git; write a file or folder such as cluster/apps/
    "#]].assert_eq(&lab.studio(3, "tickets").err);
}

#[test]
fn what_is_no_repository_is_refused() {
    let lab = Lab::ready();
    let folder = lab.repo().with_file_name("plain");
    fs::create_dir(&folder).unwrap();
    expect![[r#"
        studio: "LAB/plain" is in no git repository; run `git init` there, or name one with --repo DIR
    "#]]
    .assert_eq(&lab.mask(&lab.studio(3, &format!("tickets --repo {}", folder.display())).err));
    assert!(lab.studio(3, "status --repo /nowhere").err.contains("\"/nowhere\""));
    assert!(lab.studio(3, "tickets --base nobody").err.contains("\"nobody\" names no commit to start from"));
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_a_way_out() {
    let lab = Lab::ready();
    let runs = lab.repo().join("ai/state/simulated");
    if fs::metadata(lab.repo()).unwrap().uid() == 0 {
        println!("skipped: root may write everywhere");
    } else {
        fs::set_permissions(&runs, Permissions::from_mode(0o555)).unwrap();
        assert!(lab.studio(1, "run collect-facts").err.contains("; make it writable for this user, then try again"));
        fs::set_permissions(&runs, Permissions::from_mode(0o755)).unwrap();
    }
    fs::remove_dir_all(&runs).unwrap();
    fs::write(&runs, "in the way\n").unwrap();
    let before = lab.files();
    let said = lab.studio(1, "run collect-facts");
    assert!(said.err.contains("ai/state/simulated is no folder"), "{}", said.err);
    assert_eq!(lab.files(), before);
}

#[test]
fn a_link_out_of_the_repository_is_not_followed() {
    let lab = Lab::ready();
    let outside = lab.repo().with_file_name("outside");
    fs::create_dir(&outside).unwrap();
    fs::remove_dir_all(lab.repo().join("ai/state")).unwrap();
    std::os::unix::fs::symlink(&outside, lab.repo().join("ai/state")).unwrap();
    let said = lab.studio(1, "run collect-facts");
    assert!(said.err.contains("ai/state is a symlink"), "{}", said.err);
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
}

#[test]
fn modes_that_this_version_lacks_are_refused() {
    let lab = Lab::ready();
    let before = lab.files();
    for mode in ["observe", "suggest"] {
        let said = lab.studio(6, &format!("run collect-facts --mode {mode}"));
        assert!(said.err.starts_with(&format!("studio: this version does not know --mode {mode} yet")), "{}", said.err);
    }
    assert_eq!(lab.files(), before);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let lab = Lab::ready();
    let before = lab.files();
    for (line, why) in [
        ("", "Usage: "),
        ("fly", "unrecognized subcommand 'fly'"),
        ("run --all collect-facts", "cannot be used with"),
        ("run --mode dream", "invalid value 'dream' for '--mode <MODE>'"),
        ("run --model gpt", "\"gpt\" is no model: say none, scripted:FILE, or openai:NAME"),
        ("run --model scripted:", "is no model"),
        ("tickets --loud", "unexpected argument '--loud'"),
        ("resume", "required arguments were not provided"),
        ("resume 1999", "there is no run \"1999\" below "),
        ("approve 1999", "there is no run \"1999\" below "),
        ("settle 1999 1 happened", "--reason <REASON>"),
        ("log", "required arguments were not provided"),
    ] {
        let said = lab.studio(2, line);
        assert!(said.err.contains(why) && said.out.is_empty(), "{line}: {}", said.err);
    }
    assert_eq!(lab.files(), before);
    let fresh = Lab::new(&[]);
    let before = fresh.files();
    let said = fresh.shell(2, &format!("{} init --name 'two words'", super::STUDIO));
    assert!(said.err.contains("\"two words\" is no Approver"), "{}", said.err);
    assert_eq!(fresh.files(), before);
}

#[test]
fn a_broken_rehearsal_is_refused_with_its_line() {
    let lab = Lab::ready();
    lab.settle_in("odd.toml", "[[answer]]\npersona = \"planner\"\nturn = 0\ntext = \"x\"\n");
    let file = lab.operator().join("odd.toml");
    let file = file.display();
    for line in [format!("run raise-notes --model scripted:{file}"), format!("run collect-facts --scenario {file}")] {
        assert_eq!(lab.studio(3, &line).err, format!("studio: {file}:1: turns count from 1; write the number of the persona's call\n"));
    }
    assert!(lab.studio(3, "run raise-notes --model scripted:/nowhere.toml").err.contains("failed to read /nowhere.toml: "));
    assert!(super::runs(&lab.repo()).is_empty());
}

#[test]
fn a_broken_list_of_approvers_is_refused_with_its_line() {
    let lab = Lab::ready();
    lab.settle_in("approvers", "# who\nops ssh-rsa nonsense\n");
    let said = lab.studio(3, "run collect-facts");
    assert!(said.err.contains("config/studio/approvers: ") && said.err.contains('2'), "{}", said.err);
    assert!(super::runs(&lab.repo()).is_empty());
}

#[test]
fn a_hostile_title_reaches_no_terminal() {
    let lab = Lab::ready();
    lab.write("ai/backlog.yaml", &sample::backlog().replace("Please old-news", "\"\\x1b[2J\\u202Egnp.exe\""));
    let said = lab.studio(0, "tickets --all");
    assert!(said.out.contains("\\u{1b}[2J\\u{202e}gnp.exe") && !said.out.contains(['\u{1b}', '\u{202e}']), "{}", said.out);
}

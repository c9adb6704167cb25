//! Live with a model: edits on a branch of their own, a script over them, a tick and a report; the user's checkout stays.

use super::Lab;
use super::trusted::facts_and;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const DEPLOYMENT: &str = "cluster/apps/notes/deployment.yaml";
const BACKLOG: &str = "# Backlog\r\n\r\n## Stage 1 \u{2013} Bring-Up\r\n\r\n- [x] OLD_NEWS: Long done\r\n - [ ] RAISE_NOTES: Run two of notes  \r\n   - it is slow\r\n\r\n## Notes\r\n- [ ] none of it\r\n";

/// What a crew answers: edits of every kind, a look at them, and a script over them.
const ANSWERS: &str = r#"
[[answer]]
persona = "planner"
turn = 1
[answer.json]
brief = "Notes is slow, and one replica more is enough."
[answer.json.plan]
goal = "Two replicas of notes."
constraints = []
criteria = [
  { name = "says-two", text = "The manifest says two.", check = { kind = "file", path = "cluster/apps/notes/deployment.yaml", matches = "replicas: 2" } },
  { name = "seen", text = "A look shows it.", check = { kind = "step", step = "look" } },
  { name = "applied", text = "It is applied.", check = { kind = "step", step = "apply" } },
]
[[answer]]
persona = "engineer"
turn = 1
json = { objections = [] }
[[answer]]
persona = "engineer"
turn = 2
[answer.json]
summary = "Two replicas, and the page says so."
edits = [
  { action = "write", path = "cluster/apps/notes/deployment.yaml", text = "kind: Deployment\nspec:\n  replicas: 2\n" },
  { action = "write", path = "docs/new.md", text = "new\r\nand no end of line" },
  { action = "remove", path = "docs/old.md" },
  { action = "rename", path = "docs/a.md", to = "docs/b.md" },
]
runbook = [
  { name = "look", argv = ["cat", "cluster/apps/notes/deployment.yaml", "docs/b.md"], target = "local", why = "To see it.", expect = { stdout_matches = ["replicas: 2"] }, timeout_seconds = 20 },
  { name = "apply", argv = ["bash", "--noprofile", "--norc", "infrastructure/apply.sh"], target = "local", why = "To apply it.", expect = {}, timeout_seconds = 20 },
]
[[answer]]
persona = "reviewer"
turn = 1
json = { decision = "accept", notes = "as planned" }
[[answer]]
persona = "reviewer"
turn = 2
json = { decision = "accept", notes = "it says two" }
[[answer]]
persona = "narrator"
turn = 1
text = "There are two of notes now."
"#;

fn lab() -> Lab {
    let lab = Lab::trusted(&facts_and(&[
        ("ai/backlog.yaml", "[]\n"),
        ("ai/backlog.md", BACKLOG),
        (DEPLOYMENT, "kind: Deployment\nspec:\n  replicas: 1\n"),
        ("docs/old.md", "old\n"),
        ("docs/a.md", "a\n"),
        (".gitattributes", "* filter=evil diff=evil merge=evil\n"),
        ("infrastructure/apply.sh", "set -eu\ngrep replicas cluster/apps/notes/deployment.yaml >> artifacts/applied/log\n[ ! -e docs/old.md ]\n"),
        ("infrastructure/apply.sh.studio.toml", "writes = [\"artifacts/applied\"]\n"),
    ]));
    lab.settle_in("answers.toml", ANSWERS);
    lab
}

/// Carries the ticket to its end; returns the run's id and its branch.
fn done(lab: &Lab) -> (String, String) {
    let id = lab.approved(&format!("RAISE_NOTES --model scripted:{}", lab.operator().join("answers.toml").display()));
    let rest = lab.json(0, &format!("resume {id}")).pop().unwrap();
    assert_eq!(rest["state"], "done", "{rest}");
    (id.clone(), lab.json(0, &format!("diff {id}"))[0]["branch"].as_str().unwrap().into())
}

/// The checkout without what a run is meant to leave in it.
fn kept(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    let ours =
        |path: &str| ["ai/state/", "ai/studio/reports/", "ai/studio/memory/", "artifacts/", ".git/"].iter().any(|start| path.starts_with(start));
    lab.files().into_iter().filter(|(path, _)| !ours(path)).collect()
}

#[test]
fn a_ticket_with_a_model_is_edited_committed_run_reviewed_ticked_and_reported() {
    let lab = lab();
    let (mut before, index, head) = (kept(&lab), fs::read(lab.repo().join(".git/index")).unwrap(), lab.git("rev-parse HEAD main"));
    let (id, branch) = done(&lab);
    assert_eq!(branch, format!("engineer/raise-notes-{}", &id[..8]));
    assert_eq!(lab.git(&format!("log --format='%an <%ae> %cn <%ce> %P' main..{branch}")), {
        let who = "Studio Engineer <studio@localhost>";
        format!("{who} {who} {}", head.lines().next().unwrap()) + "\n"
    });
    assert_eq!(
        lab.git(&format!("diff-tree -r --no-renames --name-status main {branch}")).replace('\t', " "),
        "M cluster/apps/notes/deployment.yaml\nD docs/a.md\nA docs/b.md\nA docs/new.md\nD docs/old.md\n"
    );
    assert_eq!(lab.git(&format!("cat-file blob {branch}:docs/new.md")), "new\r\nand no end of line");
    assert_eq!(lab.git(&format!("cat-file blob {branch}:{DEPLOYMENT}")), "kind: Deployment\nspec:\n  replicas: 2\n");

    // The script saw the change; the user's checkout did not, but for its box.
    assert_eq!(lab.read("artifacts/applied/log"), "  replicas: 2\n");
    before.insert("ai/backlog.md".into(), BACKLOG.replace("- [ ] RAISE_NOTES", "- [x] RAISE_NOTES").into_bytes());
    assert!(kept(&lab) == before, "the checkout differs: {:?}", lab.changed());
    assert_eq!((fs::read(lab.repo().join(".git/index")).unwrap(), lab.git("rev-parse HEAD main")), (index, head));
    assert_eq!(lab.git("symbolic-ref HEAD"), "refs/heads/main\n");

    let report = lab.studio(0, &format!("report {id}")).out;
    for part in
        ["\nmode: live\n", "\noutcome: done\n", "| met | says-two", "| met | seen", "| met | applied", &branch, "approved by ops", "two of notes now"]
    {
        assert!(report.contains(part), "{part:?} in {report}");
    }
    assert!(lab.read(&format!("ai/studio/memory/runs/{id}/prompts.md")).contains("one replica more is enough"));
    let snapshots = super::tree(&lab.repo().join(format!("ai/studio/memory/runs/{id}/snapshots")));
    assert!(snapshots.values().any(|bytes| String::from_utf8_lossy(bytes).contains("+  replicas: 2")), "{:?}", snapshots.keys());
    for (command, word) in [("verify", "whole "), ("replay", "the same ")] {
        assert!(lab.studio(0, &format!("{command} {id}")).out.starts_with(word));
    }
    lab.git("fsck --strict --no-dangling");
}

#[test]
fn the_diff_of_a_run_gives_the_tree_of_its_branch() {
    let lab = lab();
    let (id, branch) = done(&lab);
    let patch = lab.studio(0, &format!("diff {id}")).out;
    fs::write(lab.repo().with_file_name("patch"), &patch).unwrap();
    lab.git("stash -q --include-untracked");
    lab.git("apply --check ../patch");
    let apply = "export GIT_INDEX_FILE=../other-index; git read-tree main && git apply --cached ../patch && git write-tree";
    assert_eq!(lab.shell(0, apply).out, lab.git(&format!("rev-parse {branch}^{{tree}}")));
}

#[test]
fn the_same_ticket_on_the_same_day_gets_a_branch_with_a_number() {
    let lab = lab();
    let (first, second) = (done(&lab), {
        lab.write("ai/backlog.md", BACKLOG);
        done(&lab)
    });
    let same_day = first.0[..8] == second.0[..8];
    assert_eq!(second.1, format!("engineer/raise-notes-{}{}", &second.0[..8], if same_day { "-2" } else { "" }));
    assert_eq!(lab.git("for-each-ref --format='%(refname:short)' refs/heads").lines().count(), 3);
    assert_eq!(lab.git(&format!("rev-parse {}^{{tree}}", first.1)), lab.git(&format!("rev-parse {}^{{tree}}", second.1)));
}

#[test]
fn nothing_that_a_repository_configures_is_started() {
    let lab = lab();
    let pwned = lab.repo().with_file_name("PWNED");
    let trap = lab.repo().with_file_name("trap");
    fs::write(&trap, format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat 2>/dev/null\n", pwned.display())).unwrap();
    fs::set_permissions(&trap, Permissions::from_mode(0o755)).unwrap();
    let hooks = lab.repo().join(".git/hooks");
    let names = "applypatch-msg commit-msg fsmonitor-watchman post-checkout post-commit post-index-change post-merge post-rewrite pre-applypatch \
        pre-commit pre-merge-commit pre-push pre-rebase prepare-commit-msg push-to-checkout reference-transaction update post-update pre-receive";
    fs::create_dir_all(&hooks).unwrap();
    for name in names.split_whitespace() {
        fs::copy(&trap, hooks.join(name)).unwrap();
    }
    let t = trap.display();
    let config = format!(
        "[core]\n\tfsmonitor = {t}\n\tsshCommand = {t}\n\tpager = {t}\n\teditor = {t}\n\taskPass = {t}\n\talternateRefsCommand = {t}\n\
         [filter \"evil\"]\n\tclean = {t}\n\tsmudge = {t}\n\trequired = true\n[diff]\n\texternal = {t}\n[diff \"evil\"]\n\tcommand = {t}\n\ttextconv = {t}\n\
         [merge \"evil\"]\n\tdriver = {t}\n[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = {t}\n[credential]\n\thelper = {t}\n[user]\n\tname = Mallory\n\temail = m@example.org\n"
    );
    let file = lab.repo().join(".git/config");
    let own = fs::read_to_string(&file).unwrap();
    fs::write(&file, own + &config).unwrap();
    fs::create_dir_all(lab.repo().join(".git/info")).unwrap();
    fs::write(lab.repo().join(".git/info/attributes"), "* filter=evil diff=evil\n").unwrap();
    let (_, branch) = done(&lab);
    lab.studio(0, "audit");
    lab.studio(0, "doctor");
    assert!(!pwned.exists(), "{}", fs::read_to_string(&pwned).unwrap());
    assert!(
        lab.shell(0, &format!("GIT_CONFIG_NOSYSTEM=1 git cat-file commit {branch}")).out.contains("\nauthor Studio Engineer <studio@localhost> ")
    );
    lab.shell(0, "GIT_CONFIG_NOSYSTEM=1 git checkout -q main -- docs; git status");
    assert!(pwned.exists(), "the traps are set: git itself falls into them");
}

#[test]
fn a_branch_that_moved_meanwhile_is_left_alone() {
    let lab = lab();
    let id = lab.approved(&format!("RAISE_NOTES --model scripted:{}", lab.operator().join("answers.toml").display()));
    let branch = lab.json(0, &format!("diff {id}"))[0]["branch"].as_str().unwrap().to_string();
    let own = lab.git(&format!("commit-tree -p {branch} -m mine {branch}^{{tree}}"));
    lab.git(&format!("update-ref refs/heads/{branch} {own}"));
    lab.studio(0, &format!("resume {id}"));
    assert_eq!(lab.git(&format!("rev-parse {branch}")), own, "a human's commit on it stays");
}

#[test]
fn modes_and_bytes_that_are_no_text_survive_an_edit() {
    let lab = lab();
    for (path, bytes) in [("docs/logo.bin", b"\xff\0\x01".as_slice()), ("docs/gone.bin", b"\xfe\0"), ("infrastructure/tool.sh", b"true\n")] {
        fs::write(lab.repo().join(path), bytes).unwrap();
    }
    fs::set_permissions(lab.repo().join("infrastructure/tool.sh"), Permissions::from_mode(0o755)).unwrap();
    lab.commit();
    let edits = "edits = [\n  { action = \"rename\", path = \"docs/logo.bin\", to = \"docs/mark.bin\" },\n  { action = \"remove\", path = \"docs/gone.bin\" },\n  \
        { action = \"write\", path = \"infrastructure/tool.sh\", text = \"false\\n\" },\n";
    lab.settle_in("answers.toml", &ANSWERS.replace("edits = [\n", edits));
    let (id, branch) = done(&lab);
    let listed = lab.git(&format!("diff-tree -r --no-renames --abbrev=6 main {branch} -- docs/logo.bin docs/mark.bin docs/gone.bin infrastructure"));
    let expected = ":100644 000000 aa9efb 000000 D docs/gone.bin\n:100644 000000 26fc1a 000000 D docs/logo.bin\n:000000 100644 000000 26fc1a A docs/mark.bin\n\
        :100755 100755 27ba77 c508d5 M infrastructure/tool.sh\n";
    assert_eq!(listed.replace('\t', " "), expected);
    let patch = lab.studio(0, &format!("diff {id}")).out;
    assert!(patch.contains("rename to docs/mark.bin\n") && patch.contains("Binary files a/docs/gone.bin and /dev/null differ\n"), "{patch}");
}

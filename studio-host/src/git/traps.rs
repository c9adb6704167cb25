//! Planted traps: whatever makes git run something or look elsewhere, and that none of it does anything here.

use super::fixture::{Fixture, files, path, put, run, written};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use studio_core::plan::Edit;

const BRANCH: &str = "engineer/add-node-20261122";
const HOOKS: [&str; 24] = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
];

/// Plants whatever makes git run something or look elsewhere.
fn plant(fixture: &Fixture) {
    let root = fixture.root();
    let evil = format!("touch {}", root.join("PWNED").display());
    for hook in HOOKS {
        for at in [".git/hooks", "hooks", ".git/studio/clone.git/hooks"] {
            let at = root.join(at).join(hook);
            put(&at, format!("#!/bin/sh\n{evil}\n"));
            fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    for (file, text) in [
        (".gitattributes", "* text=auto eol=crlf ident filter=evil diff=evil merge=evil working-tree-encoding=UTF-16\n"),
        (".git/info/attributes", "* filter=evil\n"),
        (".git/index", "DIRC no index at all"),
        (".git/refs/heads/other", &fixture.order(&[]).base.to_string()),
        (".git/modules/sub/config", "[core]\nworktree = /\n"),
        ("dirty", "not committed"),
    ] {
        put(&root.join(file), text);
    }
    put(
        &root.join(".git/config"),
        format!(
            "[core]\nrepositoryformatversion = 0\nbare = false\nfsmonitor = {evil}\nhooksPath = hooks\nsshCommand = {evil}\ngitProxy = {evil}\n\
            pager = {evil}\neditor = {evil}\nworktree = /\nautocrlf = true\nsymlinks = false\nattributesFile = /etc/passwd\nfilesRefLockTimeout = -1\n\
            logAllRefUpdates = always\nalternateRefsCommand = {evil}\nsharedRepository = 0777\n[include]\npath = ../more\n\
            [alias]\ncommit = !{evil}\n[filter \"evil\"]\nsmudge = {evil}\nclean = {evil}\nprocess = {evil}\nrequired = true\n\
            [diff]\nexternal = {evil}\n[diff \"evil\"]\ncommand = {evil}\ntextconv = {evil}\n[merge \"evil\"]\ndriver = {evil}\n\
            [commit]\ngpgsign = true\n[gpg]\nprogram = {evil}\n[gpg \"ssh\"]\nprogram = {evil}\n[user]\nsigningkey = x\nname = Evil\n\
            [credential]\nhelper = !{evil}\n[submodule \"sub\"]\nurl = ext::{evil}\nupdate = !{evil}\n[url \"ext::{evil}\"]\ninsteadOf = /\n\
            [extensions]\npartialClone = origin\n[remote \"origin\"]\npromisor = true\nuploadpack = {evil}\nurl = ext::{evil}\n\
            [gitoxide \"core\"]\nrefsNamespace = evil\n[maintenance]\nauto = true\n[gc]\nauto = 1\nrecentObjectsHook = {evil}\n"
        ),
    );
}

#[test]
fn nothing_that_is_planted_runs_and_nothing_of_the_users_changes() {
    let ours =
        [("a", "1"), (".gitattributes", "* text eol=crlf filter=evil ident"), ("run.sh", "echo $Id$\n"), (".gitmodules", "[submodule]\nupdate=!x")];
    let fixture = Fixture::with(&ours);
    let (blob, base) = (fixture.blob(b"1"), fixture.order(&[]).base);
    fixture.git(format!("refs/replace/{blob}"), fixture.blob(b"replaced").to_string());
    fixture.workshop();
    plant(&fixture);
    let before = fixture.state(None);
    let workshop = fixture.workshop();
    let order = fixture.order(&[written("b.txt", "line\nline\n"), Edit::Remove { path: path("run.sh") }]);
    let commit = workshop.commit(&order).unwrap();
    for commit in [&base, &commit] {
        let checkout = workshop.checkout(&run(), commit).unwrap();
        let seen: Vec<_> = files(&fixture.repo, commit).into_iter().map(|(path, (_, text))| (text, checkout.root().join(path))).collect();
        assert!(seen.iter().all(|(text, path)| fs::read(path).unwrap() == text.as_bytes()) && seen.len() >= 4, "{seen:?}");
        assert_eq!(fs::read(checkout.root().join("a")).unwrap(), b"1");
    }
    workshop.discard(&run()).unwrap();
    let mut after = fixture.state(Some(&before));
    for new in [".git/refs/heads/engineer", &format!(".git/refs/heads/{BRANCH}")] {
        assert!(after.remove(&fixture.root().join(new)).is_some(), "{new}");
    }
    assert_eq!(after, before);
    assert_eq!(fixture.head(BRANCH), Some(commit.to_string()));
    assert!(!fixture.root().join("PWNED").exists() && !Path::new("PWNED").exists());
}

//! Branches of the user's repository: which are free, where one stands, and the one way to move it.

use super::{GitError, damaged, objects, order, regular};
use gix::lock::acquire::Fail;
use gix::refs::store::WriteReflog;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit};
use gix::refs::{FullName, Target};
use gix::{ObjectId, Repository};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use studio_core::chores::CommitOrder;
use studio_core::limits::{BRANCHES_MAX, PATH_BYTES_MAX};
use studio_core::name::BranchName;
use studio_core::text::one_line;

/// How long git itself may hold a ref.
pub(super) const GIT_WAIT: Duration = Duration::from_secs(1);

/// Returns `wanted`, or the first of its numbered names, that is no branch yet and is in the way of none.
pub(super) fn free(repo: &Repository, wanted: &BranchName) -> Result<BranchName, GitError> {
    let near = near(repo, wanted)?;
    let mut taken = None;
    for number in 1..=BRANCHES_MAX {
        let name = if number == 1 { wanted.clone() } else { wanted.numbered(number) };
        match near.iter().find(|other| clash(name.as_str(), other)) {
            Some(other) => taken = Some(other.clone()),
            // Numbered, it may have become too long for a name.
            None => return BranchName::try_from(name.as_str()).map_err(|error| refused(wanted, error.to_string())),
        }
    }
    Err(refused(wanted, format!("{} is in its way, and in that of its {BRANCHES_MAX} numbered names", taken.unwrap_or_default())))
}

/// A branch that may be moved.
pub(super) struct Move {
    name: FullName,
    from: Option<Target>,
    to: ObjectId,
}

/// Says whether the order's branch may be moved to the commit `to`: it does not exist, stands where an earlier
/// round of the run left it, or (then there is nothing to do) stands there already.
/// `common` is the folder that all work trees share.
pub(super) fn may_move(repo: &Repository, common: &Path, order: &CommitOrder, to: ObjectId) -> Result<Option<Move>, GitError> {
    let branch = &order.branch;
    let name = full(branch)?;
    let from = target(repo, &name)?;
    match (&from, &order.replaces) {
        (Some(Target::Object(id)), _) if *id == to => return Ok(None),
        (None, _) => {}
        (Some(Target::Object(id)), Some(old))
            if ObjectId::from_hex(old.as_str().as_bytes()).ok() == Some(*id) && order::is_of(repo, *id, &order.run)? => {}
        (Some(other), _) => return Err(refused(branch, format!("it stands at {}, which this run did not leave there", shown(other)))),
    }
    if let Some(folder) = checked_out(common, &name)? {
        return Err(refused(branch, format!("it is checked out, as {folder:?} says; check out another branch there")));
    }
    if let Some(other) = near(repo, branch)?.iter().find(|other| *other != branch.as_str() && clash(branch.as_str(), other)) {
        return Err(refused(branch, format!("the branch {other} is in its way")));
    }
    Ok(Some(Move { name, from, to }))
}

/// Moves the branch, if nobody else did since it was looked at.
pub(super) fn make(repo: &Repository, branch: &BranchName, step: &Move) -> Result<(), GitError> {
    let expected = step.from.clone().map_or(PreviousValue::MustNotExist, PreviousValue::MustExistAndMatch);
    let Err(error) = set(repo, &step.name, step.to, expected) else { return Ok(()) };
    match target(repo, &step.name)? {
        // Somebody was quicker, and did the same.
        Some(Target::Object(id)) if id == step.to => Ok(()),
        now if now == step.from => Err(error),
        Some(now) => Err(refused(branch, format!("it was moved to {} in this moment", shown(&now)))),
        None => Err(refused(branch, "it was removed in this moment".into())),
    }
}

/// Puts a branch of Studio's own clone at `commit`, wherever it was.
pub(super) fn follow(clone: &Repository, branch: &BranchName, commit: ObjectId) -> Result<(), GitError> {
    let name = full(branch)?;
    match target(clone, &name)? {
        Some(Target::Object(id)) if id == commit => Ok(()),
        Some(_) | None => set(clone, &name, commit, PreviousValue::Any),
    }
}

/// Syncs the branch of these repositories with the names that lead to it, all at once.
pub(super) fn settle(repos: [&Repository; 2], branch: &BranchName) -> Result<(), GitError> {
    let names = repos.iter().flat_map(|repo| {
        let heads = repo.common_dir().join("refs/heads");
        let file = heads.join(branch.as_str());
        file.ancestors().take_while(|at| at.starts_with(&heads)).map(PathBuf::from).collect::<Vec<_>>()
    });
    // A ref may be packed, and then has no file.
    let paths = names.filter(|at| at.exists());
    objects::sync(paths).map_err(|error| GitError::Write(branch.as_str().into(), error))
}

/// Puts a ref at `commit` if it still is as `expected`. There is no line in any reflog.
pub(super) fn set(repo: &Repository, name: &FullName, commit: ObjectId, expected: PreviousValue) -> Result<(), GitError> {
    let mut refs = repo.refs.clone();
    refs.write_reflog = WriteReflog::Disable;
    let change = Change::Update { log: LogChange::default(), expected, new: Target::Object(commit) };
    let edit = RefEdit { change, name: name.clone(), deref: false };
    let wait = Fail::AfterDurationWithBackoff(GIT_WAIT);
    let ready = refs.transaction().prepare(Some(edit), wait, wait).map_err(|error| damaged(name.as_bstr(), &error))?;
    ready.commit(None).map(drop).map_err(|error| damaged(name.as_bstr(), &error))
}

/// Returns what a ref holds.
pub(super) fn target(repo: &Repository, name: &FullName) -> Result<Option<Target>, GitError> {
    files(repo, name)?;
    let found = repo.try_find_reference(name.as_bstr()).map_err(|error| damaged(name.as_bstr(), &error))?;
    // A look-up also tries longer names.
    Ok(found.map(gix::Reference::detach).filter(|found| found.name == *name).map(|found| found.target))
}

/// Says whether what a ref is read from are files and folders: a symlink leads elsewhere, and a pipe would be
/// waited for.
fn files(repo: &Repository, name: &FullName) -> Result<(), GitError> {
    let (common, refs) = (repo.common_dir(), repo.common_dir().join("refs"));
    let loose = common.join(name.as_bstr().to_string());
    for file in loose.ancestors().take_while(|at| *at != refs).chain([common.join("packed-refs").as_path()]) {
        if fs::symlink_metadata(file).is_ok_and(|seen| !seen.is_file() && !seen.is_dir()) {
            let odd = std::io::Error::other("it is no regular file; look at it, then move it away");
            return Err(GitError::Folder(file.into(), odd));
        }
    }
    Ok(())
}

fn full(branch: &BranchName) -> Result<FullName, GitError> {
    FullName::try_from(format!("refs/heads/{branch}")).map_err(|error| refused(branch, error.to_string()))
}

/// Returns the branches that may be in the way of `branch` or its numbered names.
fn near(repo: &Repository, branch: &BranchName) -> Result<Vec<String>, GitError> {
    let bad = |error: gix::Error| damaged("the branches", &error);
    files(repo, &full(branch)?)?;
    let wanted = branch.as_str().to_ascii_lowercase();
    let mut names = Vec::new();
    // One that is broken is in nobody's way: setting a ref looks at its own place again.
    for found in repo.references().map_err(bad)?.local_branches().map_err(bad)?.flatten() {
        let name = found.name().shorten().to_string();
        let lower = name.to_ascii_lowercase();
        if lower.starts_with(&wanted) || wanted.starts_with(&lower) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Says whether no file system could hold both names: they are one without regard to case, or one is
/// a folder of the other.
fn clash(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let below = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below(&one, &other) || below(&other, &one)
}

/// Returns the git folder of the work tree that works on the branch: has it checked out, rebases it or bisects it.
fn checked_out(common: &Path, name: &FullName) -> Result<Option<PathBuf>, GitError> {
    let (name, short) = (name.as_bstr().to_string(), name.shorten().to_string());
    let mut folders = vec![common.to_path_buf()];
    let linked = common.join("worktrees");
    for entry in fs::read_dir(&linked).into_iter().flatten() {
        folders.push(entry.map_err(|error| GitError::Folder(linked.clone(), error))?.path());
    }
    for folder in folders {
        for file in ["HEAD", "rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"].map(|file| folder.join(file)) {
            let text = match fs::read_link(&file) {
                Ok(link) => link.display().to_string(),
                Err(_) => first_line(&file).map_err(|error| GitError::Folder(file.clone(), error))?,
            };
            let said = text.strip_prefix("ref:").unwrap_or(&text).trim();
            if said.eq_ignore_ascii_case(&name) || said.eq_ignore_ascii_case(&short) {
                return Ok(Some(folder));
            }
        }
    }
    Ok(None)
}

/// Returns the first line of a file of git's; nothing if there is no such file.
fn first_line(file: &Path) -> std::io::Result<String> {
    let bytes = match regular::read(file, 2 * PATH_BYTES_MAX as u64) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Vec::new(),
        read => read?,
    };
    Ok(String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_string())
}

fn refused(branch: &BranchName, why: String) -> GitError {
    GitError::Branch(branch.to_string(), why)
}

fn shown(target: &Target) -> String {
    one_line(&target.to_string(), 200)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, put, written};
    use super::*;
    use studio_core::chores::CommitOrder;
    use studio_core::name::RunId;

    const BRANCH: &str = "engineer/add-node-20261122";

    fn fixture() -> (Fixture, CommitOrder) {
        let fixture = Fixture::with(&[("a", "1")]);
        let order = fixture.order(&[written("a", "2")]);
        (fixture, order)
    }

    fn refused(fixture: &Fixture, order: &CommitOrder, why: &str) {
        let before = fixture.state(None);
        let error = fixture.workshop().commit(order).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(fixture.state(None), before, "{error}");
    }

    #[test]
    fn a_branch_that_somebody_made_is_left_alone() {
        let (fixture, mut order) = fixture();
        fixture.git(format!("refs/heads/{BRANCH}"), format!("{}\n", order.base));
        refused(&fixture, &order, &format!("it stands at {}", order.base));
        // Not even if the order names what stands there: this run did not make it.
        order.replaces = Some(order.base.clone());
        refused(&fixture, &order, "did not leave there");
        fixture.git(format!("refs/heads/{BRANCH}"), "ref: refs/heads/main\n");
        refused(&fixture, &order, "it stands at ref: refs/heads/main");
        fixture.git(format!("refs/heads/{BRANCH}"), "garbage\n");
        refused(&fixture, &order, "failed to read");
        std::fs::remove_file(fixture.root().join(".git/refs/heads").join(BRANCH)).unwrap();
        fixture.git("packed-refs", format!("{} refs/heads/{BRANCH}\n", order.base));
        refused(&fixture, &order, "did not leave there");
    }

    #[test]
    fn a_ref_that_is_no_file_is_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        for clone in ["", "studio/clone.git/"] {
            for file in ["packed-refs".to_string(), format!("refs/heads/{BRANCH}"), "BISECT_START".into()] {
                let (fixture, order) = fixture();
                let workshop = fixture.workshop();
                let at = fixture.root().join(".git").join(format!("{clone}{file}"));
                std::fs::create_dir_all(at.parent().unwrap()).unwrap();
                mknodat(CWD, &at, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
                match (workshop.commit(&order), file == "BISECT_START" && !clone.is_empty()) {
                    (Ok(_), true) => {} // nobody bisects in Studio's clone
                    (Err(error), false) => {
                        assert!(!clone.is_empty() || file == "BISECT_START" || workshop.free_branch(&order.branch).is_err());
                        assert!(error.to_string().contains("no regular file"), "{at:?} {error}");
                    }
                    (seen, _) => panic!("{at:?} {seen:?}"),
                }
            }
        }
        let (fixture, order) = fixture();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), fixture.root().join(".git/refs/heads/engineer")).unwrap();
        assert!(fixture.workshop().commit(&order).unwrap_err().to_string().contains("no regular file"));
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_round_replaces_what_its_run_made_and_nothing_else() {
        let (fixture, order) = fixture();
        let workshop = fixture.workshop();
        let first = workshop.commit(&order).unwrap();
        let next = CommitOrder { edits: vec![written("a", "3")], replaces: Some(first.clone()), ..order.clone() };
        let blind = CommitOrder { replaces: None, ..next.clone() };
        refused(&fixture, &blind, first.as_str());
        let foreign = CommitOrder { run: RunId::try_from("20261122-101112-add-node-ffff").unwrap(), ..next.clone() };
        refused(&fixture, &foreign, first.as_str());
        let second = workshop.commit(&next).unwrap();
        assert_eq!((workshop.commit(&next).unwrap(), fixture.head(BRANCH)), (second.clone(), Some(second.to_string())));
        // The first order again would go back.
        refused(&fixture, &order, second.as_str());
    }

    #[test]
    fn a_branch_is_found_again_in_packed_refs() {
        let (fixture, order) = fixture();
        let first = fixture.workshop().commit(&order).unwrap();
        std::fs::remove_file(fixture.root().join(".git/refs/heads").join(BRANCH)).unwrap();
        fixture.git("packed-refs", format!("# pack-refs with: peeled fully-peeled sorted \n{first} refs/heads/{BRANCH}\n"));
        assert_eq!(fixture.workshop().commit(&order).unwrap(), first);
        let next = CommitOrder { edits: vec![written("a", "3")], replaces: Some(first), ..order };
        let second = fixture.workshop().commit(&next).unwrap();
        assert_eq!(fixture.head(BRANCH), Some(second.to_string()));
    }

    #[test]
    fn a_branch_that_is_checked_out_is_never_moved() {
        for file in ["HEAD", "worktrees/other/HEAD", "worktrees/other/rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"] {
            let (fixture, order) = fixture();
            let first = fixture.workshop().commit(&order).unwrap();
            let next = CommitOrder { edits: vec![], replaces: Some(first.clone()), ..order.clone() };
            let text = match file {
                "BISECT_START" => format!("{BRANCH}\n"),
                file if file.ends_with("HEAD") => format!("ref: refs/heads/{BRANCH}\n"),
                _ => format!("refs/heads/{BRANCH}\n"),
            };
            fixture.git(file, text);
            refused(&fixture, &next, "it is checked out");
            assert_eq!(fixture.workshop().commit(&order).unwrap(), first, "{file}: nothing is to be done");
        }
    }

    #[test]
    fn branches_that_no_file_system_holds_together_are_refused() {
        for other in ["engineer", "Engineer", "engineer/Add-Node-20261122", "engineer/add-node-20261122/x", "ENGINEER/add-node-20261122/x"] {
            for packed in [false, true] {
                let (fixture, order) = fixture();
                match packed {
                    true => fixture.git("packed-refs", format!("{} refs/heads/{other}\n", order.base)),
                    false => fixture.git(format!("refs/heads/{other}"), format!("{}\n", order.base)),
                }
                refused(&fixture, &order, &format!("the branch {other} is in its way"));
            }
        }
        // An empty folder is what git leaves of a branch with that name before it.
        let (fixture, order) = fixture();
        std::fs::create_dir_all(fixture.root().join(".git/refs/heads").join(BRANCH).join("empty")).unwrap();
        fixture.workshop().commit(&order).unwrap();
    }

    #[test]
    fn a_lock_of_gits_own_is_waited_for_and_then_named() {
        let (fixture, order) = fixture();
        put(&fixture.root().join(".git/refs/heads").join(format!("{BRANCH}.lock")), "");
        let error = fixture.workshop().commit(&order).unwrap_err().to_string();
        assert!(error.contains(BRANCH) && error.contains("lock"), "{error}");
    }

    #[test]
    fn a_free_branch_is_the_wanted_one_or_numbered() {
        let wanted = BranchName::try_from(BRANCH).unwrap();
        for (taken, free) in [
            (vec!["other", "engineer/add-node-20261121", "engineer/add-node-202611220"], Ok(BRANCH.to_string())),
            (vec![BRANCH], Ok(format!("{BRANCH}-2"))),
            (vec!["engineer/ADD-node-20261122", "engineer/add-node-20261122-2/x", "engineer/add-node-20261122-4"], Ok(format!("{BRANCH}-3"))),
            (vec!["engineer"], Err("engineer is in its way")),
        ] {
            let (fixture, order) = fixture();
            let workshop = fixture.workshop();
            for (at, name) in taken.iter().enumerate() {
                match at % 2 {
                    0 => fixture.git(format!("refs/heads/{name}"), format!("{}\n", order.base)),
                    _ => fixture.git("packed-refs", format!("{} refs/heads/{name}\n", order.base)),
                }
            }
            match (workshop.free_branch(&wanted), free) {
                (Ok(seen), Ok(free)) => assert_eq!(seen.as_str(), free),
                (Err(seen), Err(why)) => assert!(seen.to_string().contains(why), "{seen}"),
                (seen, free) => panic!("{seen:?} is not {free:?}"),
            }
        }
    }
}

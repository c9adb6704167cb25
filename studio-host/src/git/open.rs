//! How a repository is found and opened so that nothing in it counts but its objects and refs.

use super::{GitError, why};
use gix::ThreadSafeRepository;
use gix::discover::upwards;
use gix::sec::Trust;
use std::path::{Path, PathBuf};
use studio_core::limits::OBJECT_BYTES_MAX;

/// Opens the repository of `dir` or of the nearest folder above that has one.
pub(super) fn above(dir: &Path) -> Result<ThreadSafeRepository, GitError> {
    // A folder inside the work tree may be made up to look like a bare repository, so only `.git` counts.
    let found = |dot_git_only| upwards::Options { trust: upwards::TrustPolicy::Assume(Trust::Reduced), dot_git_only, ..Default::default() };
    let options = gix::sec::trust::Mapping { full: quiet(), reduced: quiet() };
    match ThreadSafeRepository::discover_opts(dir, found(true), options) {
        Ok(mut repo) => {
            // A setting could hide all refs behind a namespace.
            repo.refs.namespace = None;
            Ok(repo)
        }
        Err(error) if error.is_unsupported() => Err(GitError::Format(why(&error))),
        Err(error) if error.downcast_any_ref::<upwards::Error>().is_none() => Err(GitError::Open(dir.into(), why(&error))),
        Err(_) if gix::discover::upwards_opts(dir, found(false)).is_ok() => Err(GitError::Bare(dir.into())),
        Err(_) => Err(dead_link(dir.ancestors()).map_or_else(|| GitError::NoRepository(dir.into()), GitError::DeadLink)),
    }
}

/// The options that let a repository's settings and surroundings say nothing.
pub(super) fn quiet() -> gix::open::Options {
    let limit = format!("gitoxide.objects.allocLimit={OBJECT_BYTES_MAX}");
    gix::open::Options::isolated().config_overrides(["core.useReplaceRefs=false", limit.as_str()])
}

/// Returns the first `.git` file in `folders`. Found where no repository begins, it is the link of a work
/// tree or submodule whose repository is gone; the one further up is not what the user means.
pub(super) fn dead_link<'a>(mut folders: impl Iterator<Item = &'a Path>) -> Option<PathBuf> {
    folders.find_map(|folder| Some(folder.join(".git")).filter(|link| link.is_file()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, put, text};
    use super::super::{GitRepo, WorkState};
    use super::*;
    use std::fs;
    use studio_core::tree::Tree;

    fn refused(dir: &Path) -> GitError {
        GitRepo::discover(dir).unwrap_err()
    }

    #[test]
    fn a_repository_is_found_from_below_and_through_links() {
        let fixture = Fixture::with(&[("a", "1")]);
        let below = fixture.root().join("x/y");
        fs::create_dir_all(&below).unwrap();
        // A made-up bare repository in a folder of the work tree is just a folder.
        for file in ["HEAD", "objects/x", "refs/x"] {
            put(&below.join(file), "ref: refs/heads/main");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&below, elsewhere.path().join("link")).unwrap();
        for dir in [below, elsewhere.path().join("link"), fixture.root().join("x/../x/y/..")] {
            let repo = GitRepo::discover(&dir).unwrap();
            assert_eq!((repo.root(), repo.common_dir()), (fixture.root().as_path(), fixture.root().join(".git").as_path()));
        }
    }

    #[test]
    fn what_is_no_work_tree_is_refused_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, GitError::NoRepository(_)) && error.to_string().contains("git init"), "{error}");
        assert!(matches!(refused(&dir.path().join("absent")), GitError::Folder(..)));
        let bare = Fixture::of(gix::create::Kind::Bare);
        let error = refused(bare.dir.path());
        assert!(matches!(error, GitError::Bare(_)) && error.to_string().contains("--repo DIR"), "{error}");
        let fixture = Fixture::with(&[]);
        fixture.git("config", "[core]\nbare = true\n");
        assert!(matches!(refused(fixture.dir.path()), GitError::Bare(_)));
        fixture.git("config", "[core]\nrepositoryFormatVersion = 1\n[extensions]\nobjectFormat = sha256\n");
        let error = refused(fixture.dir.path());
        assert!(matches!(error, GitError::Format(..)) && error.to_string().contains("sha256"), "{error}");
        put(&dir.path().join("file"), "");
        assert!(GitRepo::discover(&dir.path().join("file")).is_err());
    }

    /// Makes a linked work tree of `fixture` at `at`, on the branch `side`.
    fn link(fixture: &Fixture, at: &Path) {
        let own = fixture.root().join(".git/worktrees/wt");
        put(&own.join("HEAD"), "ref: refs/heads/side\n");
        put(&own.join("commondir"), "../..\n");
        put(&own.join("gitdir"), format!("{}\n", at.join(".git").display()));
        put(&at.join(".git"), format!("gitdir: {}\n", own.display()));
    }

    #[test]
    fn a_linked_work_tree_has_its_own_root_head_and_state() {
        let fixture = Fixture::with(&[("a", "main")]);
        fixture.grow("refs/heads/side", &[("a", "side")], &[]);
        let elsewhere = tempfile::tempdir().unwrap();
        for at in [elsewhere.path().canonicalize().unwrap(), fixture.root().join("nested/tree")] {
            link(&fixture, &at);
            fs::create_dir_all(at.join("below")).unwrap();
            put(&fixture.root().join(".git/worktrees/wt/MERGE_HEAD"), "");
            let repo = GitRepo::discover(&at.join("below")).unwrap();
            assert_eq!((repo.root(), repo.common_dir()), (at.as_path(), fixture.root().join(".git").as_path()));
            assert_eq!((repo.state(), fixture.open().state()), (Some(WorkState::Merge), None));
            let base = repo.base(None).unwrap();
            assert_eq!((base.name(), text(&base, "a").unwrap().as_deref()), ("side", Some("side")));
        }
        // Pruned: the repository further up is another work tree, and not what was meant.
        fs::remove_dir_all(fixture.root().join(".git/worktrees")).unwrap();
        assert!(matches!(refused(&fixture.root().join("nested/tree/below")), GitError::DeadLink(_)));
        assert!(matches!(refused(elsewhere.path()), GitError::DeadLink(_)));
        // A folder `.git` that claims to serve some other work tree.
        fixture.git("commondir", ".");
        fixture.git("gitdir", elsewhere.path().join(".git").display().to_string());
        assert!(matches!(refused(fixture.dir.path()), GitError::Elsewhere(..)));
    }

    #[test]
    fn a_git_folder_may_lie_elsewhere() {
        let fixture = Fixture::with(&[("a", "1")]);
        let elsewhere = tempfile::tempdir().unwrap();
        let store = elsewhere.path().canonicalize().unwrap().join("store.git");
        fs::rename(fixture.root().join(".git"), &store).unwrap();
        put(&fixture.root().join(".git"), format!("gitdir: {}\n", store.display()));
        let repo = fixture.open();
        assert_eq!((repo.root(), repo.common_dir()), (fixture.root().as_path(), store.as_path()));
        assert_eq!(text(&repo.base(None).unwrap(), "a").unwrap().as_deref(), Some("1"));
    }

    #[test]
    fn a_submodule_is_a_repository_of_its_own() {
        let (outer, inner) = (Fixture::with(&[("a", "outer")]), Fixture::with(&[("a", "inner")]));
        let modules = outer.root().join(".git/modules/sub");
        fs::create_dir_all(outer.root().join(".git/modules")).unwrap();
        fs::rename(inner.root().join(".git"), &modules).unwrap();
        put(&modules.join("config"), "[core]\nbare = false\nworktree = ../../../sub\n");
        put(&outer.root().join("sub/.git"), "gitdir: ../.git/modules/sub\n");
        let repo = GitRepo::discover(&outer.root().join("sub")).unwrap();
        assert_eq!((repo.root(), repo.common_dir()), (outer.root().join("sub").as_path(), modules.as_path()));
        assert_eq!(text(&repo.base(None).unwrap(), "a").unwrap().as_deref(), Some("inner"));
        assert_eq!(text(&outer.base(), "a").unwrap().as_deref(), Some("outer"));
    }

    #[test]
    fn borrowed_objects_are_read() {
        let (lender, borrower) = (Fixture::with(&[("a", "lent")]), Fixture::new());
        borrower.git("objects/info/alternates", format!("{}\n", lender.root().join(".git/objects").display()));
        borrower.git("refs/heads/main", lender.base().commit().unwrap().as_str());
        assert_eq!(text(&borrower.base(), "a").unwrap().as_deref(), Some("lent"));
    }
}

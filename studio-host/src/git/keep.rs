//! A ref on the commit that an open run works on: git collects nothing that a ref leads to, wherever its branch goes.

use super::branch::{GIT_WAIT, set, target};
use super::{GitError, Workshop, damaged, object};
use gix::lock::acquire::Fail;
use gix::refs::FullName;
use gix::refs::transaction::{Change, PreviousValue, RefEdit, RefLog};
use gix::{ObjectId, Repository};
use studio_core::name::{CommitId, RunId};

impl Workshop {
    /// Keeps the commit a run works on, and all it leads to, from being collected while the run is open.
    ///
    /// # Errors
    /// There is no such commit, or git holds the ref.
    pub fn keep(&self, run: &RunId, commit: &CommitId) -> Result<(), GitError> {
        let _lock = self.lock()?;
        keep(&self.user.to_thread_local(), run, commit)
    }

    /// Lets go of what [`Workshop::keep`] kept.
    ///
    /// # Errors
    /// Git holds the ref.
    pub fn let_go(&self, run: &RunId) -> Result<(), GitError> {
        let _lock = self.lock()?;
        let_go(&self.user.to_thread_local(), run)
    }
}

fn keep(repo: &Repository, run: &RunId, commit: &CommitId) -> Result<(), GitError> {
    let name = name(run)?;
    let id = ObjectId::from_hex(commit.as_str().as_bytes()).map_err(|error| damaged("the base", &error))?;
    object(repo, id)?;
    match target(repo, &name)? {
        Some(gix::refs::Target::Object(there)) if there == id => Ok(()),
        Some(_) | None => set(repo, &name, id, PreviousValue::Any),
    }
}

fn let_go(repo: &Repository, run: &RunId) -> Result<(), GitError> {
    let name = name(run)?;
    if target(repo, &name)?.is_none() {
        return Ok(());
    }
    let change = Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference };
    let edit = RefEdit { change, name: name.clone(), deref: false };
    let wait = Fail::AfterDurationWithBackoff(GIT_WAIT);
    let ready = repo.refs.transaction().prepare(Some(edit), wait, wait).map_err(|error| damaged(name.as_bstr(), &error))?;
    ready.commit(None).map(drop).map_err(|error| damaged(name.as_bstr(), &error))
}

fn name(run: &RunId) -> Result<FullName, GitError> {
    let name = format!("refs/studio/runs/{run}");
    FullName::try_from(name.as_str()).map_err(|error| GitError::Damaged(name.clone(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, run};
    use std::fs;

    #[test]
    fn the_base_of_an_open_run_is_kept_and_let_go() {
        let fixture = Fixture::with(&[("a", "1")]);
        let (workshop, base) = (fixture.workshop(), fixture.order(&[]).base);
        let file = fixture.root().join(".git/refs/studio/runs").join(run().as_str());
        workshop.let_go(&run()).unwrap();
        for _ in 0..2 {
            workshop.keep(&run(), &base).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap().trim(), base.as_str());
        }
        // As git packs them away.
        fs::remove_file(&file).unwrap();
        fixture.git("packed-refs", format!("{base} refs/studio/runs/{}\n", run()));
        workshop.keep(&run(), &base).unwrap();
        workshop.let_go(&run()).unwrap();
        assert!(!file.exists() && !fs::read_to_string(fixture.root().join(".git/packed-refs")).unwrap_or_default().contains("studio"));
        let gone = "1".repeat(40).as_str().try_into().unwrap();
        assert!(workshop.keep(&run(), &gone).is_err() && !file.exists());
    }
}

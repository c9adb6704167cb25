//! A new repository with one commit, for samples. A user's repository is never written to from here.

use super::{GitError, GitRepo, damaged};
use gix::ObjectId;
use gix::objs::Commit;
use gix::objs::tree::EntryKind;
use std::fs;
use std::path::Path;
use studio_core::name::RelPath;

impl GitRepo {
    /// Makes a repository in the empty folder `dir`, with `files` checked out and committed on
    /// `main`. No process is started.
    ///
    /// # Errors
    /// The folder is not empty, or the disk.
    pub fn sample(dir: &Path, files: &[(RelPath, &str)], message: &str) -> Result<GitRepo, GitError> {
        let disk = |error: std::io::Error| GitError::Folder(dir.into(), error);
        if fs::read_dir(dir).map_err(disk)?.next().is_some() {
            return Err(disk(std::io::Error::new(std::io::ErrorKind::DirectoryNotEmpty, "the folder for a sample is not empty")));
        }
        let bad = |error: gix::Error| damaged("the sample", &error);
        let options = (gix::create::Options::default(), gix::open::Options::isolated());
        let repo = gix::ThreadSafeRepository::init_opts(dir, gix::create::Kind::WithWorktree, options.0, options.1).map_err(bad)?.to_thread_local();
        let mut tree = repo.edit_tree(ObjectId::empty_tree(repo.object_hash())).map_err(bad)?;
        for (path, text) in files {
            let file = dir.join(path.as_str());
            file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, text)).map_err(disk)?;
            let blob = repo.write_blob(text.as_bytes()).map_err(bad)?;
            tree.upsert(path.as_str(), EntryKind::Blob, blob.detach()).map_err(bad)?;
        }
        let author = gix::actor::Signature { name: "Studio".into(), email: "studio@localhost".into(), time: gix::date::Time::new(0, 0) };
        let tree = tree.write().map_err(bad)?.detach();
        let commit = Commit {
            tree,
            parents: Default::default(),
            author: author.clone(),
            committer: author,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        let id = repo.write_object(commit).map_err(bad)?.detach();
        let head = repo.git_dir();
        fs::create_dir_all(head.join("refs/heads")).and_then(|()| fs::write(head.join("refs/heads/main"), format!("{id}\n"))).map_err(disk)?;
        fs::write(head.join("HEAD"), "ref: refs/heads/main\n").map_err(disk)?;
        // Or git would say that every file was taken away.
        let mut index = repo.index_from_tree(&tree).map_err(bad)?;
        index.write(gix::index::write::Options::default()).map_err(|error| damaged("the index of the sample", &error))?;
        GitRepo::discover(dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::tree::Tree;

    #[test]
    fn a_sample_is_a_repository_with_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = RelPath::try_from("a/b.txt").unwrap();
        let repo = GitRepo::sample(dir.path(), &[(path.clone(), "text")], "sample").unwrap();
        let base = repo.base(None).unwrap();
        assert_eq!((base.read(&path).unwrap(), base.list(10).unwrap()), (Some(b"text".to_vec()), vec![path.clone()]));
        assert!(GitRepo::sample(dir.path(), &[(path, "text")], "again").is_err());
    }
}

//! Repositories for tests, made without git: nothing here starts a process either.

use super::{Base, GitRepo, Workshop, seal};
use gix::objs::tree::EntryKind;
use gix::objs::{Commit, Kind};
use gix::{ObjectId, Repository};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use studio_core::chores::CommitOrder;
use studio_core::name::{BranchName, CommitId, RelPath, RunId, TicketId};
use studio_core::plan::Edit;
use studio_core::text::Prose;
use studio_core::tree::{Tree, TreeError};
use tempfile::TempDir;

/// A repository in a folder of its own, with `main` checked out and no commits.
pub(super) struct Fixture {
    pub(super) dir: TempDir,
    pub(super) repo: Repository,
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        Fixture::of(gix::create::Kind::WithWorktree)
    }

    pub(super) fn of(kind: gix::create::Kind) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let repo = gix::ThreadSafeRepository::init_opts(dir.path(), kind, gix::create::Options::default(), gix::open::Options::isolated()).unwrap();
        Fixture { dir, repo: repo.to_thread_local() }
    }

    /// A repository with these files in one commit on `main`.
    pub(super) fn with(files: &[(&str, &str)]) -> Fixture {
        let fixture = Fixture::new();
        fixture.grow("refs/heads/main", files, &[]);
        fixture
    }

    pub(super) fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub(super) fn open(&self) -> GitRepo {
        GitRepo::discover(self.dir.path()).unwrap()
    }

    pub(super) fn base(&self) -> Base {
        self.open().base(None).unwrap()
    }

    /// Returns what a loose branch of the user's holds.
    pub(super) fn head(&self, branch: &str) -> Option<String> {
        Some(std::fs::read_to_string(self.root().join(".git/refs/heads").join(branch)).ok()?.trim().to_string())
    }

    pub(super) fn workshop(&self) -> Workshop {
        Workshop::open(&self.open()).unwrap()
    }

    /// An order for these edits of what `main` has.
    pub(super) fn order(&self, edits: &[Edit]) -> CommitOrder {
        CommitOrder {
            run: run(),
            ticket: TicketId::try_from("add-node").unwrap(),
            stage: studio_core::ticket::Stage::Infra,
            branch: BranchName::try_from("engineer/add-node-20261122").unwrap(),
            base: self.open().base(Some("main")).unwrap().commit().unwrap(),
            replaces: None,
            edits: edits.to_vec(),
            summary: Prose::tamed("Adds a node"),
            at: "2026-11-22T10:11:12Z".parse().unwrap(),
        }
    }

    /// Everything in the git folder but Studio's own and what objects were added to `before`.
    pub(super) fn state(&self, before: Option<&BTreeMap<PathBuf, String>>) -> BTreeMap<PathBuf, String> {
        let mut state = BTreeMap::new();
        note(&self.root(), &mut state);
        let git = self.root().join(".git");
        state.retain(|path, _| {
            !path.starts_with(git.join("studio")) && (!path.starts_with(git.join("objects")) || before.is_none_or(|before| before.contains_key(path)))
        });
        state
    }

    /// Commits these files and nothing else, and puts `reference` there.
    pub(super) fn grow(&self, reference: &str, files: &[(&str, &str)], parents: &[ObjectId]) -> ObjectId {
        let entries: Vec<_> = files.iter().map(|(path, text)| (*path, EntryKind::Blob, self.blob(text.as_bytes()))).collect();
        let commit = self.commit(self.tree(&entries), parents, reference);
        self.git(reference, format!("{commit}\n"));
        commit
    }

    pub(super) fn blob(&self, bytes: &[u8]) -> ObjectId {
        self.repo.write_blob(bytes).unwrap().detach()
    }

    pub(super) fn tree(&self, entries: &[(&str, EntryKind, ObjectId)]) -> ObjectId {
        let mut editor = self.repo.edit_tree(ObjectId::empty_tree(gix::hash::Kind::Sha1)).unwrap();
        for (path, kind, id) in entries {
            editor.upsert(*path, *kind, *id).unwrap();
        }
        editor.write().unwrap().detach()
    }

    pub(super) fn commit(&self, tree: ObjectId, parents: &[ObjectId], message: &str) -> ObjectId {
        let author = gix::actor::Signature { name: "a".into(), email: "a@localhost".into(), time: gix::date::Time::new(1, 0) };
        let parents = parents.iter().copied().collect();
        let commit =
            Commit { tree, parents, author: author.clone(), committer: author, encoding: None, message: message.into(), extra_headers: vec![] };
        self.repo.write_object(commit).unwrap().detach()
    }

    /// Writes a file below the git folder.
    pub(super) fn git(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        put(&self.repo.git_dir().join(path), bytes);
    }

    /// Returns where the loose object `id` lies.
    pub(super) fn loose(&self, id: ObjectId) -> PathBuf {
        let hex = id.to_string();
        self.repo.git_dir().join("objects").join(&hex[..2]).join(&hex[2..])
    }

    /// Moves loose objects into a pack. The last one, which must begin with the bytes of the first, becomes
    /// a delta to that.
    pub(super) fn pack(&self, ids: &[ObjectId]) {
        let hash = |bytes: &[u8]| {
            let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
            hasher.update(bytes);
            hasher.try_finalize().unwrap()
        };
        let mut pack = [b"PACK".as_slice(), &2_u32.to_be_bytes(), &u32::try_from(ids.len()).unwrap().to_be_bytes()].concat();
        let mut places = std::collections::BTreeMap::new();
        let first = self.repo.find_object(ids[0]).unwrap().data.clone();
        for (at, id) in ids.iter().enumerate() {
            places.insert(*id, u32::try_from(pack.len()).unwrap());
            let object = self.repo.find_object(*id).unwrap();
            let last = at > 0 && at + 1 == ids.len();
            let rest = if last { object.data.strip_prefix(first.as_slice()).unwrap() } else { &object.data };
            let small = |len: usize| u8::try_from(len).ok().filter(|len| *len < 128).unwrap();
            let (kind, body) = match object.kind {
                _ if last => (7, [&[small(first.len()), small(object.data.len()), 0x90, small(first.len()), small(rest.len())], rest].concat()),
                Kind::Commit => (1, rest.to_vec()),
                Kind::Tree => (2, rest.to_vec()),
                Kind::Blob => (3, rest.to_vec()),
                Kind::Tag => (4, rest.to_vec()),
            };
            pack.extend([0x80 | kind << 4 | (body.len() & 15) as u8, small(body.len() >> 4)]);
            pack.extend_from_slice(if last { ids[0].as_slice() } else { &[] });
            pack.extend(stored(&body));
        }
        pack.extend_from_slice(hash(&pack).as_slice());
        let mut index = vec![0xff, b't', b'O', b'c', 0, 0, 0, 2];
        for byte in 0..=u8::MAX {
            index.extend(u32::try_from(places.keys().filter(|id| id.as_slice()[0] <= byte).count()).unwrap().to_be_bytes());
        }
        places.keys().for_each(|id| index.extend_from_slice(id.as_slice()));
        index.extend(vec![0; places.len() * 4]);
        places.values().for_each(|place| index.extend(place.to_be_bytes()));
        index.extend_from_slice(&pack[pack.len() - 20..]);
        index.extend_from_slice(hash(&index).as_slice());
        let name = format!("objects/pack/pack-{}", hash(&pack));
        self.git(format!("{name}.pack"), pack);
        self.git(format!("{name}.idx"), index);
        ids.iter().for_each(|id| std::fs::remove_file(self.loose(*id)).unwrap());
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Sealed folders would stay behind.
        let _gone = seal::remove(&self.dir.path().join(".git/studio/worktrees"));
    }
}

pub(super) fn run() -> RunId {
    RunId::try_from("20261122-101112-add-node-0a1f").unwrap()
}

pub(super) fn path(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

pub(super) fn written(at: &str, text: &str) -> Edit {
    Edit::Write { path: path(at), text: text.into() }
}

/// The files at a commit, as modes and texts.
pub(super) fn files(repo: &Repository, commit: &CommitId) -> BTreeMap<String, (u16, String)> {
    let tree = super::order::find(repo, commit).unwrap().tree;
    let mut files = BTreeMap::new();
    let mut add = |path: &gix::bstr::BString, mode: gix::objs::tree::EntryMode, id: ObjectId| {
        if !mode.is_tree() && !mode.is_commit() {
            let text = String::from_utf8_lossy(&repo.find_object(id).unwrap().data).into_owned();
            files.insert(path.to_string(), (mode.value(), text));
        }
        Ok(true)
    };
    super::listing::each(repo, tree, &gix::bstr::BString::default(), 0, &mut add).unwrap();
    files
}

/// Notes what stands at `path` and below: modes, times of files and contents.
fn note(path: &Path, state: &mut BTreeMap<PathBuf, String>) {
    use std::os::unix::fs::MetadataExt;
    let seen = std::fs::symlink_metadata(path).unwrap();
    let inside = if seen.is_dir() {
        String::new()
    } else {
        format!("{:?} {:?} {:?}", seen.modified().unwrap(), std::fs::read(path).ok(), std::fs::read_link(path).ok())
    };
    state.insert(path.into(), format!("{:o} {inside}", seen.mode()));
    if seen.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| note(&entry.unwrap().path(), state));
    }
}

/// Writes a file, and the folders above it.
pub(super) fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Objects are made read-only.
    let _absent = std::fs::remove_file(path);
    std::fs::write(path, bytes).unwrap();
}

/// Reads a file of `base` as text.
pub(super) fn text(base: &Base, path: &str) -> Result<Option<String>, TreeError> {
    Ok(base.read(&RelPath::try_from(path).unwrap())?.map(|bytes| String::from_utf8(bytes).unwrap()))
}

/// Returns `bytes` as a zlib stream that stores them.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap();
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    [&[0x78, 1, 1], len.to_le_bytes().as_slice(), &(!len).to_le_bytes(), bytes, &(high << 16 | low).to_be_bytes()].concat()
}

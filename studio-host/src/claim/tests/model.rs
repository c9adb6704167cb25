//! A disk in memory that stops where it is told to, and then keeps what was synced, and of the rest all,
//! nothing, or what came first.

use super::super::disk::Disk;
use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// A disk that stops, or fails once, at an operation.
#[derive(Default)]
pub(super) struct Model(RefCell<State>);

#[derive(Default)]
struct State {
    ops: usize,
    syncs: usize,
    cut: Option<usize>,
    fault: Option<io::ErrorKind>,
    names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    pending: Vec<Change>,
    durable: BTreeMap<PathBuf, usize>,
    files: Vec<(Vec<u8>, usize)>,
}

/// A change of names in one folder that was not synced.
#[derive(Clone)]
struct Change {
    gone: Option<PathBuf>,
    here: Option<(PathBuf, usize)>,
}

/// What a cut leaves of what was not synced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) names: usize,
    pub(super) percent: usize,
}

impl Model {
    /// A disk that holds these files and folders, all synced.
    pub(super) fn with(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> Model {
        let mut state = State::default();
        for (path, bytes) in files {
            state.names.insert(path, state.files.len());
            state.files.push((bytes.clone(), bytes.len()));
        }
        state.durable = state.names.clone();
        Model(RefCell::new(state))
    }

    /// The same, but the power is cut before that operation.
    pub(super) fn cut_at(self, op: usize) -> Model {
        self.0.borrow_mut().cut = Some(op);
        self
    }

    /// The same, but that operation fails.
    pub(super) fn fail_at(self, op: usize, kind: io::ErrorKind) -> Model {
        self.0.borrow_mut().fault = Some(kind);
        self.cut_at(op)
    }

    /// How many operations there were.
    pub(super) fn ops(&self) -> usize {
        self.0.borrow().ops
    }

    /// How many of them were syncs.
    pub(super) fn syncs(&self) -> usize {
        self.0.borrow().syncs
    }

    /// What stands there after the cut.
    pub(super) fn after(&self, kept: Kept) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.0.borrow();
        let mut names = state.durable.clone();
        state.pending.iter().take(kept.names).for_each(|change| change.apply(&mut names));
        let bytes = |file: usize| {
            let (bytes, synced) = &state.files[file];
            bytes[..synced + (bytes.len() - synced) * kept.percent / 100].to_vec()
        };
        // What is in a folder is lost with it.
        let stands = |path: &Path| path.ancestors().skip(1).all(|above| names.contains_key(above) || !state.folders.contains(above));
        names.iter().filter(|(name, _)| stands(name)).map(|(name, file)| (name.clone(), bytes(*file))).collect()
    }

    /// What stands there without a cut.
    pub(super) fn now(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.after(Kept { names: usize::MAX, percent: 100 })
    }

    /// Opens a file that is there.
    pub(super) fn open(&self, path: &Path) -> io::Result<usize> {
        self.0.borrow().names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Cuts a file to its first bytes.
    pub(super) fn truncate(&self, file: usize, bytes: usize) -> io::Result<()> {
        let mut state = self.op()?;
        let (now, synced) = &mut state.files[file];
        now.truncate(bytes);
        *synced = bytes.min(*synced);
        Ok(())
    }

    /// All that a cut may leave.
    pub(super) fn cuts(&self) -> impl Iterator<Item = Kept> {
        let pending = self.0.borrow().pending.len();
        (0..=pending).flat_map(|names| [0, 50, 100].map(|percent| Kept { names, percent }))
    }

    fn op(&self) -> io::Result<RefMut<'_, State>> {
        let mut state = self.0.borrow_mut();
        state.ops += 1;
        match (state.cut, state.fault) {
            (Some(cut), None) if state.ops >= cut => Err(io::Error::other("power cut")),
            (Some(cut), Some(kind)) if state.ops == cut => Err(kind.into()),
            _ => Ok(state),
        }
    }
}

impl State {
    fn change(&mut self, gone: Option<PathBuf>, here: Option<(PathBuf, usize)>) {
        let change = Change { gone, here };
        change.apply(&mut self.names);
        self.pending.push(change);
    }

    fn put(&mut self, path: &Path) -> io::Result<usize> {
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = self.files.len();
        self.files.push((Vec::new(), 0));
        self.change(None, Some((path.into(), file)));
        Ok(file)
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        names.retain(|name, _| Some(name) != self.gone.as_ref());
        names.extend(self.here.clone());
    }

    fn is_in(&self, folder: &Path) -> bool {
        let path = self.here.as_ref().map(|(path, _)| path).or(self.gone.as_ref());
        path.and_then(|path| path.parent()) == Some(folder)
    }
}

impl Disk for Model {
    type File = usize;

    fn make(&self, path: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        state.put(path)?;
        state.folders.insert(path.into());
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<usize> {
        self.op()?.put(path)
    }

    fn write(&self, file: &usize, bytes: &[u8]) -> io::Result<()> {
        self.op()?.files[*file].0.extend(bytes);
        Ok(())
    }

    fn sync(&self, file: &usize) -> io::Result<()> {
        let mut state = self.op()?;
        state.syncs += 1;
        let (bytes, synced) = &mut state.files[*file];
        *synced = bytes.len();
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        let file = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.change(None, Some((to.into(), file)));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        let file = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        // One change: no cut falls between the two names of a rename.
        state.change(Some(from.into()), Some((to.into(), file)));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        state.change(Some(path.into()), None);
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        state.syncs += 1;
        let (synced, pending): (Vec<_>, Vec<_>) = state.pending.drain(..).partition(|change| change.is_in(path));
        state.pending = pending;
        synced.iter().for_each(|change| change.apply(&mut state.durable));
        Ok(())
    }
}

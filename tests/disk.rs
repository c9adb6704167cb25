//! A disk in memory that keeps what was synced, any prefix of what was not, and no name whose folder was not synced.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use studio_core::store::Disk;

/// A disk that outlives the lives of the Studio that write to it.
#[derive(Clone, Default)]
pub struct ModelDisk(Arc<Mutex<State>>);

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survives {
    /// Names whose folder was not synced.
    pub names: bool,
    /// Bytes of each file that were not synced, in hundredths from their start.
    pub percent: usize,
}

/// A fault of the disk, at one of its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power goes: this operation does not happen, and no later one.
    PowerCut,
    /// A write stops half way for want of space; a sync or a name fails.
    NoSpace,
    /// An input or output error.
    Broken,
}

#[derive(Default)]
struct State {
    names: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    files: Vec<Bytes>,
    locks: Vec<usize>,
    ops: u64,
    faults: BTreeMap<u64, Fault>,
    dead: bool,
    life: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Clone, Default)]
struct Bytes {
    now: Vec<u8>,
    synced: Vec<u8>,
}

/// An open file. Dropping it frees its lock.
pub struct Handle {
    disk: ModelDisk,
    at: usize,
    life: u64,
}

impl ModelDisk {
    /// Returns how many operations changed the disk, or tried to.
    pub fn ops(&self) -> u64 {
        self.state().ops
    }

    /// Puts a fault at the operation with that number, from 1 and counted from now.
    pub fn fault(&self, op: u64, fault: Fault) {
        let mut state = self.state();
        let at = state.ops + op;
        state.faults.insert(at, fault);
    }

    /// Starts again after a cut: only what survives is there.
    pub fn restart(&self, survives: Survives) {
        let mut state = self.state();
        let State { names, durable, files, .. } = &mut *state;
        if survives.names {
            durable.clone_from(names);
        } else {
            let there = durable.clone();
            durable.retain(|path, _| {
                path.ancestors().skip(1).all(|folder| folder.as_os_str().is_empty() || folder == Path::new("/") || there.contains_key(folder))
            });
            names.clone_from(durable);
        }
        for file in files {
            let rest = file.now.strip_prefix(&*file.synced).unwrap_or_default();
            let kept = rest.len() * survives.percent / 100;
            let rest = rest[..kept].to_vec();
            file.synced.extend(rest);
            file.now.clone_from(&file.synced);
        }
        (state.dead, state.life) = (false, state.life + 1);
        state.locks.clear();
        state.faults.clear();
    }

    /// Starts again after the process died, but not the machine: everything is there, synced or not.
    pub fn revive(&self) {
        let mut state = self.state();
        (state.dead, state.life) = (false, state.life + 1);
        state.locks.clear();
        state.faults.clear();
    }

    /// Changes the bytes of a file behind everybody's back.
    pub fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let Some(Node::File(at)) = state.names.get(path).copied() else { panic!("no file {}", path.display()) };
        change(&mut state.files[at].now);
        state.files[at].synced = state.files[at].now.clone();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts an operation and returns the state to carry it out on, or the fault that stands there.
    fn op(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.alive()?;
        state.ops += 1;
        let at = state.ops;
        match state.faults.get(&at).copied() {
            Some(Fault::PowerCut) => {
                state.dead = true;
                Err(io::Error::other("power cut"))
            }
            Some(Fault::NoSpace) => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Some(Fault::Broken) => Err(io::Error::other("input/output error")),
            None => Ok(state),
        }
    }

    fn sync_names(&self, path: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        let State { names, durable, .. } = &mut *state;
        durable.retain(|name, _| name.parent() != Some(path));
        durable.extend(names.iter().filter(|(name, _)| name.parent() == Some(path)).map(|(name, node)| (name.clone(), *node)));
        Ok(())
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.dead { Err(io::Error::other("power cut")) } else { Ok(state) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.locks.retain(|at| *at != self.at);
        }
    }
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk for ModelDisk {
    type File = Handle;

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.op()?;
        match state.names.get(path) {
            Some(Node::Folder) => Ok(false),
            Some(Node::File(_)) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            None => {
                state.names.insert(path.into(), Node::Folder);
                Ok(true)
            }
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.alive()?;
        if state.names.get(path) != Some(&Node::Folder) {
            return Err(missing());
        }
        let inside = state.names.keys().filter(|name| name.parent() == Some(path));
        Ok(inside.filter_map(|name| Some(name.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let state = self.alive()?;
        match state.names.get(path) {
            Some(Node::File(at)) => Ok(state.files[*at].now.clone()),
            Some(Node::Folder) | None => Err(missing()),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Handle> {
        let mut state = self.op()?;
        if state.names.contains_key(path) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let at = state.files.len();
        state.files.push(Bytes::default());
        state.names.insert(path.into(), Node::File(at));
        Ok(Handle { disk: self.clone(), at, life: state.life })
    }

    fn open(&self, path: &Path) -> io::Result<Handle> {
        let state = self.alive()?;
        match state.names.get(path) {
            Some(Node::File(at)) => Ok(Handle { disk: self.clone(), at: *at, life: state.life }),
            Some(Node::Folder) | None => Err(missing()),
        }
    }

    fn lock(&self, file: &Handle) -> io::Result<bool> {
        let mut state = self.alive()?;
        let free = !state.locks.contains(&file.at);
        if free {
            state.locks.push(file.at);
        }
        Ok(free)
    }

    fn write(&self, file: &Handle, bytes: &[u8]) -> io::Result<()> {
        let result = self.op().map(drop);
        let mut state = self.state();
        match result {
            Ok(()) => state.files[file.at].now.extend_from_slice(bytes),
            Err(_) => state.files[file.at].now.extend_from_slice(&bytes[..bytes.len() / 2]),
        }
        result
    }

    fn truncate(&self, file: &Handle, bytes: u64) -> io::Result<()> {
        let mut state = self.op()?;
        state.files[file.at].now.truncate(bytes as usize);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        let node = state.names.remove(from).ok_or_else(missing)?;
        state.names.insert(to.into(), node);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        state.names.remove(path).map(drop).ok_or_else(missing)
    }

    fn sync(&self, file: &Arc<Handle>, folders: Vec<PathBuf>) -> BoxFuture<'static, io::Result<()>> {
        let bytes = self.op().map(|mut state| {
            let file = &mut state.files[file.at];
            file.synced = file.now.clone();
        });
        let result = bytes.and_then(|()| folders.iter().try_for_each(|folder| self.sync_names(folder)));
        futures_util::future::ready(result).boxed()
    }
}

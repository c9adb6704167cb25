//! The power is cut before every write of a claim, on a disk in memory that keeps what was synced, and of the
//! rest all, nothing, or what came first.

use super::super::disk::Disk;
use super::super::ledger::{self, Names, bury, close, settle, stand};
use super::super::look::{Evidence, Finding, Stream, judge};
use super::super::process::Process;
use super::super::record::{Begun, Claim, Ended, Exit, Output, Tombstone, decode, encode};
use super::lab::op;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use studio_core::name::Digest;

/// A disk that stops at its operation `cut`.
#[derive(Default)]
struct Model(RefCell<State>);

#[derive(Default)]
struct State {
    ops: usize,
    cut: Option<usize>,
    fault: Option<io::ErrorKind>,
    names: BTreeMap<PathBuf, usize>,
    /// Changes of names that were not synced: a name, and the file it has from then on.
    pending: Vec<(PathBuf, Option<usize>)>,
    durable: BTreeMap<PathBuf, usize>,
    files: Vec<(Vec<u8>, usize)>,
}

/// What a cut leaves of what was not synced.
#[derive(Clone, Copy, Debug)]
struct Kept {
    names: usize,
    percent: usize,
}

/// How far a shim came, as somebody would know who saw everything.
#[derive(Default, Clone, Copy)]
struct Truth {
    started: bool,
    ended: bool,
    closed: bool,
}

impl Model {
    fn op(&self) -> io::Result<std::cell::RefMut<'_, State>> {
        let mut state = self.0.borrow_mut();
        state.ops += 1;
        match (state.cut, state.fault) {
            (Some(cut), None) if state.ops >= cut => Err(io::Error::other("power cut")),
            (Some(cut), Some(kind)) if state.ops == cut => Err(kind.into()),
            _ => Ok(state),
        }
    }

    /// What stands there after the cut.
    fn after(&self, kept: Kept) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.0.borrow();
        let mut names = state.durable.clone();
        for (name, file) in state.pending.iter().take(kept.names) {
            match file {
                Some(file) => names.insert(name.clone(), *file),
                None => names.remove(name),
            };
        }
        let bytes = |file: usize| {
            let (bytes, synced) = &state.files[file];
            bytes[..synced + (bytes.len() - synced) * kept.percent / 100].to_vec()
        };
        names.into_iter().map(|(name, file)| (name, bytes(file))).collect()
    }

    fn now(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.after_all(100)
    }

    fn after_all(&self, percent: usize) -> BTreeMap<PathBuf, Vec<u8>> {
        self.after(Kept { names: usize::MAX, percent })
    }

    fn pending(&self) -> usize {
        self.0.borrow().pending.len()
    }
}

impl State {
    fn name(&mut self, path: &Path, file: Option<usize>) {
        match file {
            Some(file) => self.names.insert(path.into(), file),
            None => self.names.remove(path),
        };
        self.pending.push((path.into(), file));
    }
}

impl Disk for Model {
    type File = usize;

    fn create(&self, path: &Path) -> io::Result<usize> {
        let mut state = self.op()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push((Vec::new(), 0));
        state.name(path, Some(file));
        Ok(file)
    }

    fn write(&self, file: &usize, bytes: &[u8]) -> io::Result<()> {
        self.op()?.files[*file].0.extend(bytes);
        Ok(())
    }

    fn sync(&self, file: &usize) -> io::Result<()> {
        let mut state = self.op()?;
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
        state.name(to, Some(file));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        let file = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        // One change: no cut falls between the two names of a rename.
        state.names.remove(from);
        state.name(to, Some(file));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        state.name(path, None);
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut state = self.op()?;
        state.pending.clear();
        state.durable = state.names.clone();
        Ok(())
    }
}

fn names() -> Names {
    Names::of(Path::new("/claims"), &op(1))
}

fn begun() -> Claim {
    let process = Process { pid: 1, start: 1 };
    Claim::Begun(Begun { op: op(1), epoch: 1, effect: Digest::zero(), expires: None, shim: process, second: process, boot: "b".into(), session: 1 })
}

fn ended() -> Exit {
    let none = Output { bytes: 0, sha256: Digest::zero() };
    Exit::Ended(Ended { op: op(1), exit: Some(0), signal: None, at: jiff::Timestamp::UNIX_EPOCH, out: none.clone(), err: none })
}

/// Everything that a shim does to the disk, in its order.
fn life(disk: &Model, truth: &mut Truth) -> io::Result<()> {
    let (names, draft) = (names(), names().draft("a"));
    let file = disk.create(&draft)?;
    if !stand(disk, &names, &draft, &file, &encode(&begun()).unwrap())? {
        return Ok(());
    }
    if let Err(error) = settle(disk, &names, &draft) {
        let never = Exit::Never(Tombstone::new(&op(1), &error.to_string(), jiff::Timestamp::UNIX_EPOCH));
        return close(disk, &names, "b", &encode(&never).unwrap());
    }
    truth.started = true;
    truth.ended = true;
    close(disk, &names, "b", &encode(&ended()).unwrap())?;
    truth.closed = true;
    Ok(())
}

/// Looks at what a cut left, when all locks are gone.
fn find(files: &BTreeMap<PathBuf, Vec<u8>>) -> Finding {
    let names = names();
    judge(Evidence {
        claim: files.get(&names.claim()).map(|bytes| decode(bytes, names.op()).map_err(|error| error.to_string())),
        held: false,
        exit: files.get(&names.exit()).map(|bytes| decode(bytes, names.op()).map_err(|error| error.to_string())),
        output: Stream::ALL.iter().any(|stream| files.contains_key(&names.stream(*stream))),
        store: Ok(()),
    })
}

fn check(finding: &Finding, truth: Truth, case: &str) {
    match finding {
        Finding::NeverBegan => assert!(!truth.started, "{case}: it was started, and never began"),
        Finding::Ended(_) => assert!(truth.ended, "{case}: it ended, and nobody saw it"),
        Finding::Tombstone(_) => assert!(!truth.started, "{case}: it was started, and is said not to have been"),
        Finding::Unknown(why) => assert!(!truth.closed, "{case}: its end was on disk: {why}"),
        Finding::Held(_) => panic!("{case}: a cut holds no lock"),
    }
}

#[test]
fn a_power_cut_anywhere_leaves_a_true_account() {
    let whole = Model::default();
    life(&whole, &mut Truth::default()).unwrap();
    let ops = whole.0.borrow().ops;
    assert!(ops >= 12, "{ops}");
    let (mut cases, mut seen) = (0, [0; 4]);
    for cut in 1..=ops + 1 {
        let (disk, mut truth) = (Model::default(), Truth::default());
        disk.0.borrow_mut().cut = Some(cut);
        let _cut = life(&disk, &mut truth);
        for names in 0..=disk.pending() {
            for percent in [0, 50, 100] {
                let finding = find(&disk.after(Kept { names, percent }));
                check(&finding, truth, &format!("cut at {cut}, {names} names and {percent} percent kept"));
                cases += 1;
                seen[match finding {
                    Finding::NeverBegan => 0,
                    Finding::Unknown(_) => 1,
                    Finding::Ended(_) => 2,
                    Finding::Held(_) | Finding::Tombstone(_) => 3,
                }] += 1;
            }
        }
    }
    assert!(cases > 50 && seen[0] > 0 && seen[1] > 0 && seen[2] > 0, "{cases} {seen:?}");
}

#[test]
fn a_claim_that_a_cut_took_back_is_made_again() {
    let ops = 9;
    for cut in 1..ops {
        let (disk, mut truth) = (Model::default(), Truth::default());
        disk.0.borrow_mut().cut = Some(cut);
        let _cut = life(&disk, &mut truth);
        for names in 0..=disk.pending() {
            let files = disk.after(Kept { names, percent: 0 });
            if truth.started || !matches!(find(&files), Finding::NeverBegan) {
                continue;
            }
            let (again, mut second) = (Model::default(), Truth::default());
            for (path, bytes) in files.into_iter().filter(|(path, _)| path.extension().is_none_or(|end| end != "tmp")) {
                let mut state = again.0.borrow_mut();
                let file = state.files.len();
                state.files.push((bytes.clone(), bytes.len()));
                state.names.insert(path.clone(), file);
                state.durable.insert(path, file);
            }
            life(&again, &mut second).unwrap();
            assert!(second.closed && matches!(find(&again.now()), Finding::Ended(_)), "cut at {cut}, {names} names kept");
        }
    }
}

#[test]
fn a_disk_that_fails_anywhere_leaves_a_true_account() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        for fault in 1..=20 {
            let (disk, mut truth) = (Model::default(), Truth::default());
            (disk.0.borrow_mut().cut, disk.0.borrow_mut().fault) = (Some(fault), Some(kind));
            let _failed = life(&disk, &mut truth);
            check(&find(&disk.now()), truth, &format!("{kind} at {fault}"));
            check(&find(&disk.after(Kept { names: 0, percent: 0 })), truth, &format!("{kind} at {fault}, then a cut"));
        }
    }
}

#[test]
fn a_tombstone_stands_whole_or_not_at_all() {
    let text = encode(&Claim::Tombstone(Tombstone::new(&op(1), "denied", jiff::Timestamp::UNIX_EPOCH))).unwrap();
    for cut in 1..=7 {
        let disk = Model::default();
        disk.0.borrow_mut().cut = Some(cut);
        let buried = bury(&disk, &names(), "t", &text);
        for names in 0..=disk.pending() {
            match find(&disk.after(Kept { names, percent: 0 })) {
                Finding::NeverBegan => assert!(buried.is_err(), "cut at {cut}"),
                Finding::Tombstone(why) => assert_eq!(why, "denied"),
                Finding::Unknown(_) | Finding::Held(_) | Finding::Ended(_) => panic!("cut at {cut}"),
            }
        }
    }
    let disk = Model::default();
    assert!(bury(&disk, &names(), "t", &text).unwrap());
    let mut truth = Truth::default();
    life(&disk, &mut truth).unwrap();
    assert!(!truth.started && matches!(find(&disk.now()), Finding::Tombstone(_)));
    assert!(!ledger::bury(&disk, &names(), "u", &text).unwrap());
}

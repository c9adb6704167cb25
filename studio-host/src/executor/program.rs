//! Which file a program's name means, looked up in a fixed list of folders that others cannot write to, and what it
//! holds.

use super::sums::Sums;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use studio_core::limits::PROGRAMS_MAX;
use studio_core::program::Program;

/// Where programs are looked for, first to last; then come the operator's `bin_dirs`.
const FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The folders that programs come from.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    folders: Vec<PathBuf>,
}

impl Programs {
    /// The system's folders, then `more`, as far as they are there, absolute, not writable by everybody,
    /// and in none of the places in `never`.
    pub(super) fn of(more: &[PathBuf], never: &[&Path]) -> Programs {
        let safe = |folder: &PathBuf| {
            let real = folder.canonicalize().ok().filter(|_| folder.is_absolute());
            real.is_some_and(|real| real.is_dir() && !open_to_all(&real) && !never.iter().any(|place| real.starts_with(place)))
        };
        Programs { folders: FOLDERS.iter().map(PathBuf::from).chain(more.iter().cloned()).filter(safe).collect() }
    }

    /// Returns the folders as `PATH` lists them.
    pub(super) fn path(&self) -> OsString {
        let names: Vec<_> = self.folders.iter().map(|folder| folder.as_os_str()).filter(|name| !name.as_encoded_bytes().contains(&b':')).collect();
        names.join(":".as_ref())
    }

    /// Returns the file that `name` means.
    pub(super) fn find(&self, name: &str) -> Result<PathBuf, ProgramError> {
        let path = Path::new(name);
        let found = if name.contains('/') {
            let listed = path.is_absolute() && path.parent().is_some_and(|folder| self.folders.iter().any(|known| known.as_os_str() == folder));
            listed.then(|| path.to_path_buf()).filter(|file| runs(file))
        } else {
            self.folders.iter().map(|folder| folder.join(name)).find(|file| runs(file))
        };
        let found = found.ok_or_else(|| ProgramError::Absent(name.into(), self.path().to_string_lossy().into_owned()))?;
        let real = found.canonicalize().map_err(|_| ProgramError::Absent(name.into(), self.path().to_string_lossy().into_owned()))?;
        if open_to_all(&real) || real.parent().is_none_or(open_to_all) {
            return Err(ProgramError::Open(real));
        }
        Ok(found)
    }

    /// Returns the files that are there of these names, in order, and those that must not be started. A name that is
    /// no name of a program there is nobody's.
    pub(super) fn all(&self, names: &BTreeSet<String>, sums: &Sums) -> (Vec<Program>, Vec<ProgramError>) {
        let (mut found, mut bad): (Vec<Program>, Vec<ProgramError>) = (Vec::new(), Vec::new());
        let (mut names, mut at) = (names.iter().cloned().collect::<Vec<_>>(), 0);
        while let Some(name) = names.get(at).cloned() {
            at += 1;
            match self.find(&name).and_then(|path| read(&name, &path, sums)) {
                Ok(program) => {
                    // What a script is handed to is started as well.
                    let more = interpreters(Path::new(&program.path));
                    names.extend(more.into_iter().filter(|more| at < PROGRAMS_MAX && !names.contains(more)).collect::<Vec<_>>());
                    found.push(program);
                }
                Err(ProgramError::Absent(..)) => {}
                Err(error @ (ProgramError::Open(_) | ProgramError::Unread(..))) => bad.push(error),
            }
        }
        found.sort();
        (found, bad)
    }
}

/// Returns the programs that the first line of a script names: its interpreter, and what `env` is to look for.
fn interpreters(file: &Path) -> Vec<String> {
    let mut head = Vec::new();
    let read = fs::File::open(file).and_then(|file| file.take(FIRST_LINE_BYTES).read_to_end(&mut head));
    let text = String::from_utf8_lossy(&head);
    let Some(line) = text.lines().next().and_then(|line| line.strip_prefix("#!")).filter(|_| read.is_ok()) else { return Vec::new() };
    let mut words = line.split_ascii_whitespace();
    let first = words.next().map(ToString::to_string);
    let env = first.as_deref().is_some_and(|word| word.ends_with("/env"));
    let second = words.find(|word| env && !word.starts_with('-') && !word.contains('='));
    first.into_iter().chain(second.map(ToString::to_string)).collect()
}

/// Bytes of the first line of a script that are read; systems read fewer.
const FIRST_LINE_BYTES: u64 = 512;

fn read(name: &str, path: &Path, sums: &Sums) -> Result<Program, ProgramError> {
    let unread = |error| ProgramError::Unread(path.into(), error);
    let real = path.canonicalize().map_err(unread)?;
    let sha256 = sums.of(&real).map_err(unread)?;
    Ok(Program { name: name.into(), path: real.display().to_string(), sha256 })
}

/// Says whether a regular file stands there that somebody may execute.
fn runs(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|seen| seen.is_file() && seen.permissions().mode() & 0o111 != 0)
}

fn open_to_all(place: &Path) -> bool {
    fs::metadata(place).map_or(true, |seen| seen.permissions().mode() & 0o002 != 0)
}

/// A program that is not started.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramError {
    /// Not in the list.
    #[error("there is no program {0:?} in {1}: install it there, or list its folder as bin_dirs in the operator's studio.toml")]
    Absent(String, String),
    /// Anybody may change it.
    #[error("{0:?} or its folder can be written by everybody, so it may be anything: take that right away with chmod o-w")]
    Open(PathBuf),
    /// Nobody knows what it is.
    #[error("the program {0:?} cannot be read, so nobody can tell what it is: {1}")]
    Unread(PathBuf, std::io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, mode: u32) {
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn programs_come_from_listed_folders_only() {
        let (dir, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(&dir.path().join("planted"), 0o755);
        put(&dir.path().join("plain"), 0o644);
        put(&dir.path().join("open"), 0o757);
        put(&tree.path().join("intree"), 0o755);
        let tree = tree.path().canonicalize().unwrap();
        let programs = Programs::of(&[dir.path().into(), tree.clone(), "bin".into()], &[&tree]);
        assert_eq!(programs.find("planted").unwrap(), dir.path().join("planted"));
        assert!(programs.find("sh").unwrap().is_absolute() && programs.find("/bin/sh").is_ok());
        assert!(matches!(programs.find("open"), Err(ProgramError::Open(_))));
        let names = ["planted", "open", "intree", "sh"].map(String::from).into();
        let (found, bad) = programs.all(&names, &Sums::default());
        assert_eq!(found.iter().map(|program| program.name.as_str()).collect::<Vec<_>>(), ["/bin/sh", "planted", "sh"]);
        assert_eq!(found[1].sha256, studio_gate::sha256(b"#!/bin/sh\n"));
        assert!(matches!(bad[..], [ProgramError::Open(_)]), "{bad:?}");
        let inside = tree.join("intree").display().to_string();
        for absent in ["intree", "plain", "./planted", "sub/planted", inside.as_str(), "/etc/passwd", "/usr/bin/../bin/sh", ""] {
            assert!(matches!(programs.find(absent), Err(ProgramError::Absent(..))), "{absent}");
        }
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Programs::of(&[dir.path().into()], &[]).find("planted").is_err());
    }
}

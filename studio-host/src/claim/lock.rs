//! The lock of a claim: held by everything that came of a command, and seen by others without taking it.
//!
//! It belongs to the open file, not to a process: children inherit it with the descriptor, and it is free
//! when the last of them is gone, however they ended.

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;
use std::io;

/// Takes the lock of an open file; false if another open file has it.
pub(super) fn take(file: &File) -> io::Result<bool> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole())) {
        Ok(_) => Ok(true),
        Err(nix::Error::EAGAIN | nix::Error::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Says whether another open file has the lock. It never takes it.
pub(super) fn held(file: &File) -> io::Result<bool> {
    let mut lock = whole();
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

fn whole() -> libc::flock {
    // The constants are small; their type differs from the field's between systems.
    libc::flock { l_type: libc::F_WRLCK as _, l_whence: libc::SEEK_SET as _, l_start: 0, l_len: 0, l_pid: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_from_another_open_file_and_lives_as_long_as_any_copy() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let reader = File::open(file.path()).unwrap();
        assert!(!held(&reader).unwrap());
        assert!(take(file.as_file()).unwrap() && held(&reader).unwrap() && !held(file.as_file()).unwrap());
        assert!(!take(&File::options().write(true).open(file.path()).unwrap()).unwrap());
        let copy = file.as_file().try_clone().unwrap();
        let path = file.into_temp_path();
        assert!(held(&reader).unwrap());
        drop(copy);
        assert!(!held(&reader).unwrap());
        drop(path);
    }
}

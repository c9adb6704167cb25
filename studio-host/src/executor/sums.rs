//! What programs hold: each is hashed once, and again when the file system says that it is another file or was written.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use studio_core::limits::PROGRAM_BYTES_MAX;
use studio_core::name::Digest;

/// The hashes of files that were read before.
#[derive(Debug, Default)]
pub struct Sums(Mutex<BTreeMap<PathBuf, (Mark, Digest)>>);

/// What tells a file from another one at its place: device, inode, size, and when it was written and changed. Nobody
/// but the kernel sets the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark([i128; 5]);

impl Sums {
    /// Returns the SHA-256 of a file.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is written to meanwhile.
    pub(super) fn of(&self, path: &Path) -> io::Result<Digest> {
        let file = File::open(path)?;
        let mark = Mark::of(&file)?;
        if let Some((_, sum)) = self.known().get(path).filter(|(seen, _)| *seen == mark) {
            return Ok(sum.clone());
        }
        let sum = hash(&file)?;
        if Mark::of(&file)? != mark {
            return Err(io::Error::other("it is being written to"));
        }
        self.known().insert(path.into(), (mark, sum.clone()));
        Ok(sum)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, (Mark, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mark {
    fn of(file: &File) -> io::Result<Mark> {
        let seen = file.metadata()?;
        let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        let times = [time(seen.mtime(), seen.mtime_nsec()), time(seen.ctime(), seen.ctime_nsec())];
        Ok(Mark([seen.dev().into(), seen.ino().into(), seen.size().into(), times[0], times[1]]))
    }
}

fn hash(file: &File) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    if io::copy(&mut file.take(PROGRAM_BYTES_MAX + 1), &mut hash)? > PROGRAM_BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {PROGRAM_BYTES_MAX} bytes")));
    }
    let text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Digest::try_from(text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_hashed_again_when_it_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        let (sums, sum) = (Sums::default(), |text: &str| studio_gate::sha256(text.as_bytes()));
        assert!(sums.of(&path).is_err());
        fs::write(&path, "one").unwrap();
        assert_eq!(sums.of(&path).unwrap(), sum("one"));
        assert_eq!(sums.of(&path).unwrap(), sum("one"));
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        // Whoever sets the time back is seen all the same.
        File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
        assert_eq!(sums.of(&path).unwrap(), sum("two"));
        fs::write(dir.path().join("other"), "six").unwrap();
        fs::rename(dir.path().join("other"), &path).unwrap();
        assert_eq!(sums.of(&path).unwrap(), sum("six"));
        assert!(sums.of(dir.path()).is_err());
    }
}

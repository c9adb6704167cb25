//! Where the Executor says what it has to say once it serves: it may outlive whoever reads its runtime's output.

use super::ExecutorError;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use studio_core::limits::DIARY_BYTES_MAX;

/// The file, in the store of claims.
const DIARY: &str = "executor.log";

/// Has this process write its errors to a file in `dir` from here on; begins it anew once it is long.
///
/// # Errors
/// The disk.
pub fn own_log(dir: &Path) -> Result<(), ExecutorError> {
    let path = dir.join(DIARY);
    let lead = || -> io::Result<()> {
        let file = open(&path)?;
        if file.metadata()?.len() > DIARY_BYTES_MAX {
            file.set_len(0)?;
        }
        Ok(rustix::stdio::dup2_stderr(&file)?)
    };
    lead().map_err(|error| ExecutorError::Log(path.clone(), error))
}

fn open(path: &Path) -> io::Result<File> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK; // a fifo in its place blocks nobody
    let file = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file; look at it, then move it away")) }
}

//! Where journals are kept: a small trait, the built-in file store, and one in memory.

mod disk;
mod file;
mod memory;
mod sync;

use crate::approval::Signed;
use crate::name::Digest;
use async_trait::async_trait;
use std::path::PathBuf;

pub use disk::{Disk, OsDisk};
pub use file::{FileStore, blob_path, is_held, list_runs, read_log, read_notices, send_notice};
pub use memory::MemoryStore;

/// Where one run is kept. A correct `append` and `sync` are what makes a crash harmless.
#[async_trait]
pub trait Store: Send {
    /// Appends whole lines behind everything before. It may be lost until the next sync, but only
    /// from the end.
    async fn append(&mut self, lines: &str) -> Result<(), StoreError>;

    /// Returns when everything appended, and the names that lead to it, survive a power cut.
    async fn sync(&mut self) -> Result<(), StoreError>;

    /// Keeps `bytes` under their hash; on disk when this returns.
    async fn keep(&mut self, blob: &Digest, bytes: &[u8]) -> Result<(), StoreError>;

    /// Returns the bytes kept under `blob`.
    fn blob(&self, blob: &Digest) -> Result<Vec<u8>, StoreError>;

    /// Returns what lies in the inbox, unverified, in no order that means anything. Whatever is no
    /// statement is said so.
    fn notices(&mut self) -> Result<Vec<Notice>, StoreError>;

    /// Takes a notice out of the inbox, after what it led to is on disk.
    fn discard(&mut self, notice: &NoticeId) -> Result<(), StoreError>;
}

/// A message in an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its name in the inbox.
    pub id: NoticeId,
    /// What it claims, or why it is nothing.
    pub signed: Result<Signed, String>,
}

/// A notice's name in its inbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoticeId(pub String);

/// The built-in store on a real disk: the only one whose receipts cut live permits.
pub type Synced = FileStore<OsDisk>;

/// A disk that failed, or is held by somebody else.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What the disk said.
    #[error("failed to {act} {path}: {source}{}", mend(source))]
    Disk {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// What the disk said.
        source: std::io::Error,
    },
    /// Another runtime writes this run.
    #[error("{0} is held by another studio: wait for it, or stop it")]
    Held(PathBuf),
    /// The run is there already.
    #[error("{0} is there already")]
    Taken(PathBuf),
    /// There is no such blob.
    #[error("there is no blob {0} with the run")]
    NoBlob(Digest),
}

fn mend(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
    if error.kind() == StorageFull {
        "; free some space, then resume: what is on disk is whole"
    } else if matches!(error.kind(), ReadOnlyFilesystem | PermissionDenied) {
        "; make it writable for this user, then try again"
    } else {
        ""
    }
}

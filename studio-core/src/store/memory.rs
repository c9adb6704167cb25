//! A store in memory: for replays, and for embedders who keep nothing.

use crate::name::Digest;
use crate::store::{Notice, NoticeId, Store, StoreError};
use async_trait::async_trait;
use std::collections::BTreeMap;

/// A run that is gone with its process. Its receipts can never pay for a live permit.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    lines: String,
    blobs: BTreeMap<Digest, Vec<u8>>,
    inbox: Vec<Notice>,
}

impl MemoryStore {
    /// Returns the journal's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.lines.as_bytes()
    }

    /// Puts a notice into the inbox.
    pub fn send(&mut self, notice: Notice) {
        self.inbox.push(notice);
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&mut self, lines: &str) -> Result<(), StoreError> {
        self.lines.push_str(lines);
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn keep(&mut self, blob: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        self.blobs.insert(blob.clone(), bytes.to_vec());
        Ok(())
    }

    fn blob(&self, blob: &Digest) -> Result<Vec<u8>, StoreError> {
        self.blobs.get(blob).cloned().ok_or_else(|| StoreError::NoBlob(blob.clone()))
    }

    fn notices(&mut self) -> Result<Vec<Notice>, StoreError> {
        Ok(self.inbox.clone())
    }

    fn discard(&mut self, notice: &NoticeId) -> Result<(), StoreError> {
        self.inbox.retain(|kept| kept.id != *notice);
        Ok(())
    }
}

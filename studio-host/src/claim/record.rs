//! What the files of a claim hold, under a sum that shows damage: a damaged record is never read as none.

use super::process::{Expiry, Process};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use studio_core::limits::CLAIM_BYTES_MAX;
use studio_core::name::Digest;
use studio_core::step::Op;
use studio_core::text::one_line;

/// What stands before the body of a record of this version.
const HEAD: &str = "{\"v\":1,\"body\":";
/// What stands between the body and its sum.
const SUM_MARK: &str = ",\"sum\":\"";
/// What stands behind the sum.
const TAIL: &str = "\"}\n";
/// Characters of a reason that are kept.
pub(super) const WHY_CHARS_MAX: usize = 400;

/// What a claim says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Somebody is about to begin, or has.
    Begun(Begun),
    /// Nobody ever will.
    Tombstone(Tombstone),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// By itself, or by a signal.
    Ended(Ended),
    /// Nothing ran, and nothing will.
    Never(Tombstone),
}

/// Who won a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// What was claimed.
    pub op: Op,
    /// In which life of its run.
    pub epoch: u32,
    /// The digest of the effect that was granted.
    pub effect: Digest,
    /// When it was too late to begin.
    pub expires: Option<Expiry>,
    /// The process that claimed it.
    pub shim: Process,
    /// The process that starts the command and waits for it.
    pub second: Process,
    /// In which boot of the machine.
    pub boot: String,
    /// The session the command runs in.
    pub session: i32,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// What ended.
    pub op: Op,
    /// Its exit status; none if a signal ended it.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// When.
    pub at: Timestamp,
    /// What it had written to standard output.
    pub out: Output,
    /// What it had written to standard error.
    pub err: Output,
}

/// What a stream held when its command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// Why nothing ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// What never runs.
    pub op: Op,
    /// Why.
    pub why: String,
    /// Since when.
    pub at: Timestamp,
}

/// A record that names what it is about.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The bytes it may have.
    const BYTES_MAX: u64 = CLAIM_BYTES_MAX;

    /// Says whether the record is about `name`.
    fn is_of(&self, name: &str) -> bool;
}

impl Tombstone {
    /// Returns the tombstone of `op`, with the reason on one line.
    pub(super) fn new(op: &Op, why: &str, at: Timestamp) -> Tombstone {
        Tombstone { op: op.clone(), why: one_line(why, WHY_CHARS_MAX), at }
    }
}

impl Record for Claim {
    fn is_of(&self, name: &str) -> bool {
        let (Claim::Begun(Begun { op, .. }) | Claim::Tombstone(Tombstone { op, .. })) = self;
        op.to_string() == name
    }
}

impl Record for Exit {
    fn is_of(&self, name: &str) -> bool {
        let (Exit::Ended(Ended { op, .. }) | Exit::Never(Tombstone { op, .. })) = self;
        op.to_string() == name
    }
}

/// Writes a record.
pub(super) fn encode<T: Record>(record: &T) -> Result<String, RecordError> {
    let body = serde_json::to_string(record).map_err(|error| RecordError::Form(error.to_string()))?;
    let hashed = format!("{HEAD}{body}");
    let sum = Digest::blake3(hashed.as_bytes());
    let text = format!("{hashed}{SUM_MARK}{sum}{TAIL}");
    if text.len() as u64 > T::BYTES_MAX { Err(RecordError::Long(T::BYTES_MAX)) } else { Ok(text) }
}

/// Reads a record about `name`.
pub(super) fn decode<T: Record>(bytes: &[u8], name: &str) -> Result<T, RecordError> {
    let text = std::str::from_utf8(bytes).map_err(|_| RecordError::Damaged)?;
    let (hashed, sum) = text.rsplit_once(SUM_MARK).ok_or(RecordError::Damaged)?;
    let body = hashed.strip_prefix(HEAD).ok_or(RecordError::Version)?;
    if sum.strip_suffix(TAIL) != Some(Digest::blake3(hashed.as_bytes()).as_str()) {
        return Err(RecordError::Damaged);
    }
    let record: T = serde_json::from_str(body).map_err(|error| RecordError::Form(error.to_string()))?;
    if record.is_of(name) { Ok(record) } else { Err(RecordError::Other(name.into())) }
}

/// Opens a regular file of the store; none if there is none of that name.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK; // a fifo in its place blocks nobody
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if file.metadata()?.is_file() { Ok(Some(file)) } else { Err(io::Error::other("it is no regular file")) }
}

/// Reads all bytes of a record of a claim.
pub(super) fn bytes(file: &File) -> io::Result<Vec<u8>> {
    bytes_of(file, CLAIM_BYTES_MAX)
}

/// Reads all bytes of a record that may have that many.
pub(super) fn bytes_of(file: &File, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if read as u64 > bytes_max { Err(io::Error::other("it is too large for a record")) } else { Ok(bytes) }
}

/// Bytes that are no record. They prove nothing, and least of all that nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Changed, cut or lengthened.
    #[error("its bytes do not match their sum")]
    Damaged,
    /// Of another version, or something else.
    #[error("it is no record of version 1: use the studio that wrote it")]
    Version,
    /// A sound file that holds something else.
    #[error("it holds what this version does not know: {0}")]
    Form(String),
    /// Moved or copied.
    #[error("it is not about {0}")]
    Other(String),
    /// Over the limit.
    #[error("it would have more than {0} bytes")]
    Long(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Exit {
        let op = Op { run: "20261122-101112-add-node-0a1f".try_into().unwrap(), step: studio_core::step::StepNo(3), attempt: 1 };
        Exit::Never(Tombstone::new(&op, "expired\nbefore", "2026-11-22T12:00:00Z".parse().unwrap()))
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let name = "20261122-101112-add-node-0a1f.03.1";
        let text = encode(&sample()).unwrap();
        assert_eq!(decode::<Exit>(text.as_bytes(), name), Ok(sample()));
        for at in 0..text.len() {
            assert!(decode::<Exit>(&text.as_bytes()[..at], name).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert!(decode::<Exit>(&bytes, name).is_err(), "bit {bit} of byte {at}");
            }
        }
        assert!(decode::<Exit>(format!("{text} ").as_bytes(), name).is_err());
    }

    #[test]
    fn a_record_of_another_kind_version_or_op_is_refused() {
        let text = encode(&sample()).unwrap();
        assert!(matches!(decode::<Claim>(text.as_bytes(), "20261122-101112-add-node-0a1f.03.1"), Err(RecordError::Form(_))));
        assert!(matches!(decode::<Exit>(text.as_bytes(), "20261122-101112-add-node-0a1f.03.2"), Err(RecordError::Other(_))));
        let newer = text.replace("\"v\":1", "\"v\":2");
        assert_eq!(decode::<Exit>(newer.as_bytes(), "20261122-101112-add-node-0a1f.03.1"), Err(RecordError::Version));
    }

    #[test]
    fn only_regular_files_of_a_bounded_size_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert!(open(&path).unwrap().is_none());
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(open(&path).is_err() && open(dir.path()).is_err());
        let large = dir.path().join("large");
        std::fs::write(&large, vec![b'x'; usize::try_from(CLAIM_BYTES_MAX).unwrap() + 1]).unwrap();
        assert!(bytes(&open(&large).unwrap().unwrap()).is_err());
    }
}

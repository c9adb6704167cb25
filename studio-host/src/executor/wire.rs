//! The messages between a runtime and its Executor, and the frames that carry them over a socket.
//!
//! A frame is its length in four bytes, the highest first, and then that many bytes of JSON. Whoever
//! reads one trusts neither: the length is bounded before anything is read, memory grows only with what
//! really arrives, and unknown fields are errors.

use rustix::process::getpid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use studio_core::chores::CommitOrder;
use studio_core::event::{Artifact, Sealed};
use studio_core::limits::FRAME_BYTES_MAX;
use studio_core::name::{BranchName, CommitId, Digest, RunId, StoreId};
use studio_core::program::Program;
use studio_core::step::Op;
use studio_core::text::one_line;
use studio_core::warrant::{Head, Warrant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The version of these messages. Both ends must have the same.
pub const PROTOCOL: u32 = 4;

/// The first message each way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The version of the messages it speaks.
    pub protocol: u32,
    /// The version of the Studio it is of.
    pub version: String,
    /// Its process.
    pub pid: i32,
    /// The store where it claims ops, if it runs any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
}

/// What a runtime asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Request {
    /// The greeting.
    Hello(Hello),
    /// Run this step, if everything this says holds.
    Run(Box<Warrant>),
    /// What became of this op? Waits for it as long as it may run, and begins nothing.
    Recall(Box<Warrant>),
    /// The same, but if it did not begin, it never will, for that reason.
    Close(Box<Warrant>, String),
    /// Which ops had this effect, or may have had it?
    Done(Digest),
    /// Which files are these programs?
    Programs(BTreeSet<String>),
    /// Commit this change.
    Commit(Box<CommitOrder>),
    /// Find a branch of this name, or with a number behind it, that is not there yet.
    FreeBranch(BranchName),
    /// A life of this run begins: remember which, and keep the commit it works on until it is over.
    Live(RunId, u32, Option<CommitId>),
    /// Remember that the journal of this run came so far.
    Anchor(RunId, Head),
    /// Remove this run's checkout, and let go of all it holds: it is over.
    Discard(RunId),
}

/// What the Executor answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Answer {
    /// The greeting.
    Hello(Hello),
    /// The step ended.
    Ended(Report),
    /// The step runs longer than it may, and nobody may end it.
    Overdue(String),
    /// The step may have run, and nobody can say.
    Lost(String),
    /// No step may begin now; the same one may later.
    Held(String),
    /// It was not done; of a step: nothing ran, and nothing will.
    Refused(String),
    /// The op never began.
    NeverBegan,
    /// These ops had that effect, or may have had it.
    Done(Vec<Op>),
    /// These files are those programs.
    Programs(Vec<Program>),
    /// The change is committed.
    Committed(CommitId),
    /// The branch that is free.
    Branch(BranchName),
    /// The life is remembered.
    Lives,
    /// It is remembered.
    Anchored,
    /// The checkout is gone.
    Discarded,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Its exit status; none if a signal ended it.
    pub exit: Option<i32>,
    /// What it wrote to standard output, redacted.
    pub stdout: String,
    /// What it wrote to standard error, redacted, then lines of our own that begin with `studio: `.
    pub stderr: String,
    /// What it left in its folder.
    pub artifacts: Vec<Artifact>,
    /// What else is not as it should be; the same lines of our own end its standard error.
    pub notes: Vec<String>,
    /// What binds the journal to the record of claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
}

impl Hello {
    /// Returns the greeting of this process.
    pub fn ours() -> Hello {
        Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").into(), pid: getpid().as_raw_nonzero().get(), store: None }
    }

    /// Says whether the other end speaks as we do.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self) -> Result<(), WireError> {
        match self.protocol {
            PROTOCOL if self.version == env!("CARGO_PKG_VERSION") => Ok(()),
            theirs => Err(WireError::Protocol(theirs, one_line(&self.version, 40))),
        }
    }
}

/// Returns the frame of a message.
///
/// # Errors
/// It is over the limit.
pub fn frame(message: &impl Serialize) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut bytes, message).map_err(|error| WireError::Form(error.to_string()))?;
    let length = bytes.len() - LENGTH_BYTES;
    match u32::try_from(length) {
        Ok(short) if length <= FRAME_BYTES_MAX => {
            bytes.iter_mut().zip(short.to_be_bytes()).for_each(|(place, byte)| *place = byte);
            Ok(bytes)
        }
        Ok(_) | Err(_) => Err(WireError::Long(length)),
    }
}

/// Writes a message.
///
/// # Errors
/// It is over the limit, or the other end is gone.
pub fn write(to: &mut impl Write, message: &impl Serialize) -> Result<(), WireError> {
    to.write_all(&frame(message)?)?;
    Ok(to.flush()?)
}

/// Reads a message; none if the other end is done.
///
/// # Errors
/// The frame is cut short, over the limit, or holds something else.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<T>, WireError> {
    let mut head = Vec::with_capacity(LENGTH_BYTES);
    from.by_ref().take(LENGTH_BYTES as u64).read_to_end(&mut head)?;
    let Some(length) = length(&head)? else { return Ok(None) };
    let mut body = Vec::new();
    from.by_ref().take(length).read_to_end(&mut body)?;
    message(length, &body).map(Some)
}

/// Sends a frame made by [`frame`].
///
/// # Errors
/// The other end is gone.
pub async fn send<S: AsyncWrite + Unpin>(to: &mut S, frame: &[u8]) -> Result<(), WireError> {
    to.write_all(frame).await?;
    Ok(to.flush().await?)
}

/// Receives a message, as [`read`] does.
///
/// # Errors
/// As [`read`].
pub async fn receive<T: DeserializeOwned, S: AsyncRead + Unpin>(from: &mut S) -> Result<Option<T>, WireError> {
    let mut head = Vec::with_capacity(LENGTH_BYTES);
    (&mut *from).take(LENGTH_BYTES as u64).read_to_end(&mut head).await?;
    let Some(length) = length(&head)? else { return Ok(None) };
    let mut body = Vec::new();
    (&mut *from).take(length).read_to_end(&mut body).await?;
    message(length, &body).map(Some)
}

const LENGTH_BYTES: usize = 4;

/// Returns the length that a frame's first bytes give; none where no frame begins.
fn length(head: &[u8]) -> Result<Option<u64>, WireError> {
    if head.is_empty() {
        return Ok(None);
    }
    let length = u32::from_be_bytes(head.try_into().map_err(|_| WireError::Cut)?);
    match length as usize {
        0 => Err(WireError::Form("it is empty".into())),
        long if long > FRAME_BYTES_MAX => Err(WireError::Long(long)),
        _ => Ok(Some(length.into())),
    }
}

fn message<T: DeserializeOwned>(length: u64, body: &[u8]) -> Result<T, WireError> {
    if (body.len() as u64) < length {
        return Err(WireError::Cut);
    }
    serde_json::from_slice(body).map_err(|error| WireError::Form(one_line(&error.to_string(), 300)))
}

/// A message that cannot be sent or understood.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Over the limit.
    #[error("a message has {0} bytes; at most {FRAME_BYTES_MAX} are sent between a runtime and its Executor")]
    Long(usize),
    /// The other end went away in the middle.
    #[error("the other end went away in the middle of a message")]
    Cut,
    /// Something else.
    #[error("a message is not of the form that both ends agreed on: {0}")]
    Form(String),
    /// Another version.
    #[error("the other end speaks version {0} of the messages (studio {1}), this one {PROTOCOL}: start both from one binary")]
    Protocol(u32, String),
    /// What the socket said.
    #[error("the socket between the runtime and its Executor failed: {0}")]
    Socket(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: u32, body: &[u8]) -> Vec<u8> {
        [&length.to_be_bytes(), body].concat()
    }

    fn read_all(bytes: &[u8]) -> Result<Option<Answer>, WireError> {
        let mut from = bytes;
        let sync = read(&mut from);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut from = bytes;
        let same: Result<Option<Answer>, WireError> = runtime.block_on(receive(&mut from));
        assert_eq!(format!("{sync:?}"), format!("{same:?}"));
        sync
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let answers = [Answer::Discarded, Answer::Hello(Hello::ours()), Answer::Lost("zoë\n".into())];
        let mut socket = Vec::new();
        answers.iter().for_each(|answer| write(&mut socket, answer).unwrap());
        let mut from = socket.as_slice();
        let back: Vec<Answer> = std::iter::from_fn(|| read(&mut from).unwrap()).collect();
        assert_eq!(back, answers);
    }

    #[test]
    fn broken_frames_are_errors() {
        assert!(matches!(read_all(b""), Ok(None)));
        for cut in [&b"\0"[..], b"\0\0\0", &bytes(5, b"1234"), &bytes(5, b"")] {
            assert!(matches!(read_all(cut), Err(WireError::Cut)), "{cut:?}");
        }
        let over = u32::try_from(FRAME_BYTES_MAX + 1).unwrap();
        for long in [over, u32::MAX] {
            assert!(matches!(read_all(&bytes(long, b"x")), Err(WireError::Long(_))), "{long}");
        }
        let hello = r#"{"hello":{"protocol":1,"version":"0","pid":1}}"#;
        assert!(read_all(&bytes(u32::try_from(hello.len()).unwrap(), hello.as_bytes())).unwrap().is_some());
        for bad in [
            "",
            "{}",
            "null",
            r#""discarded" x"#,
            r#"{"hello":{"protocol":1,"version":"0","pid":1,"more":1}}"#,
            r#"{"hello":{"protocol":1,"version":"0","pid":1},"discarded":null}"#,
            r#"{"ended":{"exit":0,"stdout":"","stderr":""}}"#,
            r#"{"rm":"-rf"}"#,
        ] {
            let length = u32::try_from(bad.len()).unwrap();
            assert!(matches!(read_all(&bytes(length, bad.as_bytes())), Err(WireError::Form(_))), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(read_all(&bytes(100_000, deep.as_bytes())), Err(WireError::Form(_))));
        assert!(matches!(frame(&"x".repeat(FRAME_BYTES_MAX)), Err(WireError::Long(_))));
    }

    #[test]
    fn random_bytes_are_never_more_than_an_error() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let good = frame(&Answer::Ended(Report {
            exit: None,
            stdout: "a".into(),
            stderr: "b".into(),
            artifacts: Vec::new(),
            notes: Vec::new(),
            sealed: None,
        }))
        .unwrap();
        for round in 0..5_000 {
            // Half of them are a good frame with a few bytes changed.
            let mut bytes: Vec<u8> = if round % 2 == 0 { good.clone() } else { (0..random() % 64).map(|_| random().to_be_bytes()[0]).collect() };
            for _ in 0..random() % 4 {
                let at = usize::try_from(random()).unwrap_or(0) % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random().to_be_bytes()[7];
                }
            }
            let mut from = bytes.as_slice();
            while let Ok(Some(_)) = read::<Answer>(&mut from) {}
        }
    }

    #[test]
    fn another_version_is_refused() {
        assert!(Hello::ours().check().is_ok());
        let error = Hello { protocol: 1, ..Hello::ours() }.check().unwrap_err().to_string();
        assert!(Hello { version: "0.0.0-other".into(), ..Hello::ours() }.check().is_err());
        assert!(error.contains("version 1") && error.contains("one binary"), "{error}");
    }
}

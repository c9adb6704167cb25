//! One line of a journal: how it is written, and everything that is checked when it is read.

use super::{Entry, JournalError, VERSION};
use crate::event::Event;
use crate::limits::LINE_BYTES_MAX;
use crate::name::{Digest, RunId};
use crate::run::Place;
use jiff::Timestamp;
use serde::Deserialize;
use std::fmt::Write;

/// The bytes between the hashed part of a line and its sum.
const SUM_MARK: &str = ",\"sum\":\"";
/// The bytes of a sum and what closes the line.
const SUM_TAIL_BYTES: usize = 64 + 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    n: u64,
    v: u32,
    at: Timestamp,
    run: RunId,
    epoch: u32,
    kind: String,
    body: serde_json::Value,
    prev: Digest,
    sum: Digest,
}

pub(super) struct Decoded {
    pub(super) entry: Entry,
    pub(super) run: RunId,
    pub(super) sum: Digest,
}

pub(super) fn encode(lines: &mut String, run: &RunId, place: Place, at: Timestamp, event: &Event, prev: &Digest) -> Result<Digest, JournalError> {
    let event = serde_json::to_string(event).map_err(JournalError::Form)?;
    let inner = event.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(&event);
    let (start, Place { n, epoch }) = (lines.len(), place);
    let _ = write!(
        lines,
        "{{\"n\":{n},\"v\":{VERSION},\"at\":\"{}\",\"run\":\"{run}\",\"epoch\":{epoch},{inner},\"prev\":\"{prev}\"",
        crate::clock::stamp(at)
    );
    let sum = Digest::blake3(&lines.as_bytes()[start..]);
    let _ = writeln!(lines, "{SUM_MARK}{sum}\"}}");
    if lines.len() - start > LINE_BYTES_MAX { Err(JournalError::Long(lines.len() - start)) } else { Ok(sum) }
}

pub(super) fn decode(line: &str, prev: &Digest) -> Result<Decoded, JournalError> {
    let damaged = |why: &str| JournalError::Damaged { line: 0, why: why.to_string() };
    if line.len() > LINE_BYTES_MAX {
        return Err(JournalError::Long(line.len()));
    }
    let (hashed, tail) = line.rsplit_once(SUM_MARK).ok_or_else(|| damaged("it has no sum"))?;
    if tail.len() != SUM_TAIL_BYTES || !tail.ends_with("\"}") {
        return Err(damaged("it does not end with its sum"));
    }
    let version = || serde_json::from_str::<serde_json::Value>(line).ok().and_then(|value| value.get("v")?.as_u64());
    let Line { n, v, at, run, epoch, kind, body, prev: before, sum } = match serde_json::from_str(line) {
        Ok(line) => line,
        Err(_) if version().is_some_and(|v| v > u64::from(VERSION)) => {
            return Err(JournalError::Newer { line: 0, version: version().unwrap_or_default() });
        }
        Err(error) => return Err(damaged(&format!("it is no line of a journal: {error}"))),
    };
    if v > VERSION {
        return Err(JournalError::Newer { line: 0, version: v.into() });
    }
    if Digest::blake3(hashed.as_bytes()) != sum {
        return Err(damaged("its bytes do not match its sum"));
    }
    if before != *prev {
        return Err(damaged("it does not follow the line before it"));
    }
    let event = serde_json::from_value(serde_json::json!({ "kind": kind, "body": body }));
    let event = event.map_err(|error| damaged(&format!("it holds no event this version knows: {error}")))?;
    Ok(Decoded { entry: Entry { place: Place { n, epoch }, at, event }, run, sum })
}

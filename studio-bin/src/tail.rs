//! What a step whose end nobody saw had written so far: the end of its log, for whoever must decide.

use crate::site::Found;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use studio_core::run::StepRecord;
use studio_core::step::StepNo;
use studio_core::text::{one_line, visible};

/// Bytes from the end of each log that are looked at.
const TAIL_BYTES: u64 = 4096;
/// Lines of each log that are shown.
const TAIL_LINES: usize = 12;

/// Returns what is known of a step, in lines for a human.
pub(crate) fn tail(found: &Found, no: StepNo, record: &StepRecord) -> String {
    let mut text = format!("known       {}\n", one_line(&visible(&record.state.words()), 400));
    for (end, name) in [("out", "output"), ("err", "errors")] {
        let path = found.dir.join(format!("steps/{no}-{}.{end}", record.attempt));
        let Some(written) = end_of(&path) else { continue };
        let lines: Vec<&str> = written.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)) {
            let _ = writeln!(text, "{name:<11} {}", one_line(&visible(line), 200));
        }
    }
    text
}

/// Returns the end of a file, if it is a regular one.
fn end_of(path: &std::path::Path) -> Option<String> {
    let regular = std::fs::symlink_metadata(path).ok()?.is_file();
    let mut file = regular.then(|| File::open(path).ok()).flatten()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

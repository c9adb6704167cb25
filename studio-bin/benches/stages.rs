//! Where the time of a ticket goes, told from when its events were printed.

use anyhow::{Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A part of a ticket's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Share {
    /// Until its first event is on disk.
    Opening,
    /// Asking, planning, judging, and the journal's syncs.
    Loop,
    /// From the edits to the commit on the Engineer's branch.
    Commit,
    /// The first command, and the checkout before it.
    First,
    /// Each further command.
    Command,
    /// Ticking the ticket.
    Tick,
    /// Report, memory, projections, and the worktree's removal.
    Traces,
}

impl Share {
    /// Says it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Share::Opening => "until it is opened",
            Share::Loop => "the loop, with syncs",
            Share::Commit => "commit, by the Executor",
            Share::First => "first command and checkout",
            Share::Command => "second command",
            Share::Tick => "tick",
            Share::Traces => "report, memory, projection, away",
        }
    }
}

/// Returns the runs that came to an end, and each part's time per run. The process's own start counts for none.
pub(crate) fn shares(lines: &[(Duration, String)]) -> Result<(Vec<String>, BTreeMap<Share, Duration>)> {
    let (mut sums, mut runs, mut commands, mut before): (BTreeMap<Share, Duration>, _, _, _) = (BTreeMap::new(), Vec::new(), 0, None);
    for (at, line) in lines {
        let value: Value = serde_json::from_str(line)?;
        let share = match (value["type"].as_str(), value["kind"].as_str()) {
            (Some("rest"), _) => Share::Traces,
            (_, Some("run-opened")) => Share::Opening,
            (_, Some("change-committed")) => Share::Commit,
            (_, Some("step-ended")) if commands == 0 => Share::First,
            (_, Some("step-ended")) => Share::Command,
            (_, Some("ticket-ticked")) => Share::Tick,
            (_, _) => Share::Loop,
        };
        commands += usize::from(matches!(share, Share::First | Share::Command));
        if let Some(before) = before {
            *sums.entry(share).or_default() += at.saturating_sub(before);
        }
        before = Some(*at);
        if share == Share::Traces {
            ensure!(value["exit"] == 0 && commands == 2, "a ticket came to rest otherwise: {line}");
            runs.push(value["run"].as_str().unwrap_or_default().to_string());
            commands = 0;
        }
    }
    let count = u32::try_from(runs.len().max(1))?;
    Ok((runs, sums.into_iter().map(|(share, sum)| (share, sum / count)).collect()))
}

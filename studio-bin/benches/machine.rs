//! What the machine says: processor time, memory, the file system beneath a folder.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Returns the processor time of all threads of this process so far.
pub(crate) fn cpu() -> Result<Duration> {
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        sum += text.split(' ').next().context("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(sum))
}

/// Returns how much memory this process holds now, and the most it held, in KiB.
pub(crate) fn memory() -> Result<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status")?;
    let row = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).and_then(|rest| rest.split_whitespace().next());
    Ok((row("VmRSS:").context("no VmRSS")?.parse()?, row("VmHWM:").context("no VmHWM")?.parse()?))
}

/// Returns the type of the file system that holds `dir`.
pub(crate) fn file_system(dir: &Path) -> Result<String> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let rows = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let held = rows.filter(|(point, _)| dir.starts_with(point)).max_by_key(|(point, _)| point.len());
    Ok(held.map_or("unknown", |(_, kind)| kind).to_string())
}

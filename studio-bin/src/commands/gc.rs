//! `studio gc`: removes runs that are over, by age and size.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use std::path::Path;
use studio_core::name::RunId;
use studio_files::retention::{self, Home, Stored};

const MIB: u64 = 1024 * 1024;

/// Folders inside a run's folder that are measured.
const DEPTH_MAX: usize = 16;

pub(crate) fn gc(site: &Site, days: u32, keep_mib: u64, yes: bool, json: bool) -> Result<Exit, Failure> {
    let mut runs = Vec::new();
    for found in site.runs()? {
        // A run whose journal cannot be read is nobody's to throw away.
        let closed = found.log().ok().and_then(|log| log.fold().ok()).is_some_and(|run| run.closed().is_some());
        let home = if found.dir.starts_with(site.root().join(Home::Runs.folder())) { Home::Runs } else { Home::Simulated };
        let (bytes, day) = (bytes_below(&found.dir, DEPTH_MAX)?, day(&found.id)?);
        runs.push(Stored { id: found.id, home, bytes, closed, day });
    }
    let today = site.clock.now().to_zoned(TimeZone::system()).date();
    let over = retention::plan(&runs, days, keep_mib.saturating_mul(MIB), today);
    let bytes: u64 = over.iter().map(|run| run.bytes).sum();
    for run in &over {
        if yes {
            retention::remove(site.root(), run).map_err(|error| Failure::new(Exit::Error, error))?;
        }
        if json {
            println!("{}", json!({ "v": 1, "type": "gc", "run": run.id, "bytes": run.bytes, "removed": yes }));
        } else {
            println!("{}  {} ({} KiB)", if yes { "removed" } else { "would remove" }, run.id, run.bytes.div_ceil(1024));
        }
    }
    if !json {
        let rest = runs.len() - over.len();
        println!(
            "{} of {} runs, {} MiB; {rest} stay{}",
            over.len(),
            runs.len(),
            bytes.div_ceil(MIB),
            if yes { "" } else { "; say --yes to remove them" }
        );
    }
    Ok(Exit::Done)
}

fn day(id: &RunId) -> Result<Date, Failure> {
    Date::strptime("%Y%m%d", id.day()).map_err(|error| Failure::new(Exit::BadInput, format!("{id} names no day: {error}")))
}

/// Adds up the files below `dir`; symlinks count as nothing.
fn bytes_below(dir: &Path, depth: usize) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            bytes += bytes_below(&entry.path(), depth - 1)?;
        } else if kind.is_file() {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

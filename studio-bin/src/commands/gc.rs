//! `studio gc`: removes runs that are over, by age and size.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use jiff::tz::TimeZone;
use serde_json::json;
use studio_files::retention::{self, Home, Stored};

const MIB: u64 = 1024 * 1024;

pub(crate) fn gc(site: &Site, days: u32, keep_mib: u64, yes: bool, json: bool) -> Result<Exit, Failure> {
    let (swept, mut failed) = match if yes { retention::sweep_all(site.root()) } else { Ok(0) } {
        Ok(swept) => (swept, None),
        Err(error) => (0, Some(error)),
    };
    let runs = stored(site)?;
    let today = site.clock.now().to_zoned(TimeZone::system()).date();
    let over = retention::plan(&runs, days, keep_mib.saturating_mul(MIB), today);
    let (mut count, mut bytes) = (0, 0);
    for run in &over {
        let gone = if yes { retention::remove(site.root(), run) } else { Ok(()) };
        if let Err(error) = gone {
            // The last one is the command's own error.
            failed.replace(error).iter().for_each(|before| eprintln!("note: {before}"));
            continue;
        }
        (count, bytes) = (count + 1, bytes + run.bytes);
        if json {
            println!("{}", json!({ "v": 1, "type": "gc", "run": run.id, "bytes": run.bytes, "removed": yes }));
        } else {
            println!("{}  {} ({} KiB)", if yes { "removed" } else { "would remove" }, run.id, run.bytes.div_ceil(1024));
        }
    }
    if !json {
        let rest = runs.len() - count;
        let more = if yes { "" } else { "; say --yes to remove them" };
        println!("{count} of {} runs, {} MiB; {rest} stay{more}", runs.len(), bytes.div_ceil(MIB));
        if swept > 0 {
            println!("{swept} folders are gone that an earlier gc could not remove");
        }
    }
    failed.map_or(Ok(Exit::Done), |error| Err(Failure::new(Exit::Error, error)))
}

/// Weighs every run; one that cannot be weighed is named, and stays.
fn stored(site: &Site) -> Result<Vec<Stored>, Failure> {
    let mut runs = Vec::new();
    for found in site.runs()? {
        // A run whose journal cannot be read is nobody's to throw away.
        let closed = found.log().ok().and_then(|log| log.fold().ok()).is_some_and(|run| run.closed().is_some());
        let home = if found.dir.starts_with(site.root().join(Home::Runs.folder())) { Home::Runs } else { Home::Simulated };
        match retention::weigh(site.root(), home, &found.id, closed) {
            Ok(run) => runs.push(run),
            Err(error) => eprintln!("note: {error}"),
        }
    }
    Ok(runs)
}

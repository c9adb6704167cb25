//! A minute of the storm: the binary, hundreds of kills, and nothing done twice, lost or invented.

use super::{Lab, STUDIO};
use std::path::Path;
use studio_tests::storm::{Storm, Victim};

#[test]
fn a_storm_of_kills_over_two_runtimes_repeats_loses_and_invents_nothing() {
    let storm = Storm { seed: 20_260_115, tickets: 400, commands: 150, kills: 300, victims: Victim::ALL.into() };
    let count = storm.rage(Path::new(STUDIO)).unwrap();
    eprintln!("seed {}\n{count}", storm.seed);
    assert_eq!((count.twice, count.lost, count.invented, count.asked_needlessly), (0, 0, 0, 0), "{count}");
    assert!(count.flaws.is_empty() && count.commands() >= 150 && count.killed() >= 300, "{count}");
    assert!(Victim::ALL.iter().all(|victim| count.kills.contains_key(victim)) && count.asks() > 0, "{count}");
}

#[test]
fn a_run_whose_runtime_was_killed_before_its_first_event_stands_against_nothing() {
    let lab = Lab::facts();
    lab.shell(0, "mkdir ai/state/runs/20260115-100000-facts-0a1e");
    lab.write("ai/state/runs/20260115-100000-facts-0a1f/journal.jsonl", "");
    for word in ["resume", "cancel", "verify"] {
        assert!(lab.studio(3, &format!("{word} 20260115-100000-facts-0a1e")).err.contains("the folder is empty: the run never began; delete it"));
        assert!(lab.studio(3, &format!("{word} 20260115-100000-facts-0a1f")).err.contains("the run never began; delete its folder"));
    }
    let run = lab.approved("facts");
    assert!(lab.studio(0, &format!("resume {run}")).out.contains("\ndone: "));
}

//! What a step started beside itself: the processes of its group that are still there when it is over.

use rustix::event::{Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process_group};
use std::fs;
use studio_core::limits::{CLAIM_POLL_MS, REST_GRACE_MS};

/// Says whether anything of a process group still runs after it got a moment to end.
pub(super) fn remains(group: Pid) -> bool {
    let tick = Timespec { tv_sec: 0, tv_nsec: i64::try_from(CLAIM_POLL_MS).unwrap_or(1) * 1_000_000 };
    for _ in 0..REST_GRACE_MS / CLAIM_POLL_MS {
        if !runs(group) {
            return false;
        }
        let _waited = poll(&mut [], Some(&tick));
    }
    runs(group)
}

/// Says whether a process of the group is there that has not ended. One that has, and that nobody waits for,
/// is counted by the system for ever.
fn runs(group: Pid) -> bool {
    if test_kill_process_group(group) == Err(Errno::SRCH) {
        return false;
    }
    let number = group.as_raw_nonzero().to_string();
    let stats = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| fs::read(entry.path().join("stat")).ok());
    let states: Vec<bool> = stats.filter_map(|stat| ended(&String::from_utf8_lossy(&stat), &number)).collect();
    // Where none is shown, the system's word counts.
    states.is_empty() || states.contains(&false)
}

/// Says whether a process has ended, if it is of the group.
fn ended(stat: &str, group: &str) -> Option<bool> {
    // The name of the program comes first, in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    (fields.nth(1)? == group).then_some(matches!(state, "Z" | "X" | "x"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_of_its_group_whatever_it_is_called() {
        assert_eq!(ended("7 (x) Z 1 9 (y) S 1 42 7 0", "42"), Some(false));
        assert_eq!(ended("7 (sleep) Z 1 42 7 0", "42"), Some(true));
        assert_eq!(ended("7 (sleep) S 1 43 7 0", "42"), None);
        assert_eq!(ended("7 (sleep", "42"), None);
    }

    #[test]
    fn a_group_without_processes_is_gone() {
        // Numbers of processes end far below.
        assert!(!remains(Pid::from_raw(i32::MAX).unwrap()));
    }
}

//! Which process is meant, which boot of the machine, and what time it is on clocks that cannot agree to lie.

use jiff::Timestamp;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use studio_core::clock::Clock;

/// Milliseconds of a tick, as the kernel tells them to programs (`USER_HZ`), whatever its own are.
const TICK_MS: u64 = 10;
/// The bytes of a file below `/proc` that are read.
const PROC_BYTES_MAX: u64 = 4096;

/// One process of one boot: a number that is given out again does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// When it started, in ticks since the boot.
    pub start: u64,
}

/// A moment, on the wall and since the boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// The time on the wall, which may be set.
    pub wall: Timestamp,
    /// Which boot this is.
    pub boot: String,
    /// Milliseconds since then, sleep included; nobody sets them.
    pub boot_ms: u64,
}

/// When it is too late to begin, by both clocks: whichever comes first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expiry {
    /// On the wall.
    pub wall: Timestamp,
    /// In which boot.
    pub boot: String,
    /// In milliseconds since that boot.
    pub boot_ms: u64,
}

impl Process {
    /// Returns the process with that number, if it lives.
    pub fn of(pid: i32) -> Option<Process> {
        let stat = stat(pid)?;
        let mut fields = stat.split_ascii_whitespace();
        let state = fields.next()?;
        let start = fields.nth(18)?.parse().ok()?;
        (!matches!(state, "Z" | "X" | "x")).then_some(Process { pid, start })
    }

    /// Returns this process.
    pub(super) fn this() -> Option<Process> {
        Process::of(i32::try_from(std::process::id()).ok()?)
    }

    /// Returns how long ago it started, in milliseconds. It must be one of this boot.
    pub fn age_ms(&self, now: &Moment) -> u64 {
        now.boot_ms.saturating_sub(self.start.saturating_mul(TICK_MS))
    }

    /// Says whether it lives. It must be one of this boot.
    pub fn lives(&self) -> bool {
        Process::of(self.pid) == Some(*self)
    }

    /// Returns a descriptor that can be read when the process is over; none if it is over.
    pub(super) fn watch(&self) -> Option<OwnedFd> {
        let watched = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // Whoever had the number when it was opened has it still.
        self.lives().then_some(watched)
    }
}

impl Moment {
    /// Returns the moment now.
    ///
    /// # Errors
    /// The machine has no `/proc`.
    pub fn now(clock: &dyn Clock) -> io::Result<Moment> {
        let uptime = read("/proc/uptime")?;
        let seconds = uptime.split_ascii_whitespace().next().unwrap_or_default();
        let boot_ms = millis(seconds).ok_or_else(|| io::Error::other("/proc/uptime holds no time"))?;
        Ok(Moment { wall: clock.now(), boot: boot()?, boot_ms })
    }
}

impl Expiry {
    /// Returns the expiry that comes at `wall`, seen from `now`.
    pub fn at(wall: Timestamp, now: &Moment) -> Expiry {
        let left = wall.as_millisecond().saturating_sub(now.wall.as_millisecond());
        Expiry { wall, boot: now.boot.clone(), boot_ms: now.boot_ms.saturating_add(u64::try_from(left).unwrap_or(0)) }
    }

    /// Says whether it is over. Setting the clock back revives nothing, and neither does a restart.
    pub fn is_over(&self, now: &Moment) -> bool {
        now.wall >= self.wall || now.boot != self.boot || now.boot_ms >= self.boot_ms
    }
}

/// Returns the name of this boot of the machine.
pub(super) fn boot() -> io::Result<String> {
    Ok(read("/proc/sys/kernel/random/boot_id")?.trim().to_string())
}

/// Returns a name that nobody else has, in 32 hexadecimal digits.
pub(super) fn nonce() -> io::Result<String> {
    Ok(random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Returns the session of a process, also of one that ended and was not waited for. A session whose leader
/// cannot be seen from this process has the number 0.
pub(super) fn session(pid: i32) -> Option<i32> {
    stat(pid)?.split_ascii_whitespace().nth(3)?.parse().ok()
}

/// Returns what the kernel says of a process, from its state on.
fn stat(pid: i32) -> Option<String> {
    let stat = read(&format!("/proc/{pid}/stat")).ok()?;
    // The name of the program comes first, in parentheses, and may hold anything.
    stat.rsplit_once(')').map(|(_, rest)| rest.to_string())
}

fn read(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(PROC_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads `12.34` seconds.
fn millis(text: &str) -> Option<u64> {
    let (seconds, hundredths) = text.split_once('.')?;
    let (seconds, hundredths): (u64, u64) = (seconds.parse().ok()?, hundredths.get(..2)?.parse().ok()?);
    seconds.checked_mul(1000)?.checked_add(hundredths * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_another_of_its_number_does_not() {
        let this = Process::this().unwrap();
        assert!(this.lives() && this.watch().is_some());
        let other = Process { start: this.start + 1, ..this };
        assert!(!other.lives() && other.watch().is_none());
        assert!(Process::of(-1).is_none() && Process::of(0).is_none());
    }

    #[test]
    fn no_clock_revives_what_expired() {
        let wall: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let moment = |wall: &str, boot_ms| Moment { wall: wall.parse().unwrap(), boot: "b".into(), boot_ms };
        let expiry = Expiry::at(wall, &moment("2026-11-22T11:59:00Z", 5_000));
        assert_eq!(expiry.boot_ms, 65_000);
        assert!(!expiry.is_over(&moment("2026-11-22T11:59:59Z", 64_999)));
        for over in [moment("2026-11-22T12:00:00Z", 5_000), moment("2020-01-01T00:00:00Z", 65_000)] {
            assert!(expiry.is_over(&over), "{over:?}");
        }
        assert!(expiry.is_over(&Moment { boot: "c".into(), ..moment("2020-01-01T00:00:00Z", 0) }));
        assert_eq!(Expiry::at(wall, &moment("2026-11-22T13:00:00Z", 7)).boot_ms, 7);
    }

    #[test]
    fn the_time_since_the_boot_is_read() {
        assert_eq!((millis("12.34"), millis("0.00"), millis("x"), millis("1.2")), (Some(12_340), Some(0), None, None));
        assert!(Moment::now(&studio_core::clock::SystemClock).unwrap().boot_ms > 0);
        assert_ne!(nonce().unwrap(), nonce().unwrap());
    }
}

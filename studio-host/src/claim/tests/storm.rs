//! Commands with side effects in a file, and SIGKILL at random moments: counted is what was done, not what
//! anybody says.

use super::super::process::Process;
use super::super::store::pause;
use super::super::{ClaimError, Look};
use super::lab::{LONG, Lab, entry, kill, op};
use std::fs;
use std::time::{Duration, Instant};
use studio_core::step::Op;

/// A command that takes a few milliseconds and has its effect in the midst of them.
const SCRIPT: &str = "i=0; while [ $i -lt 1500 ]; do i=$((i+1)); done; echo \"$OP\" >> effects; while [ $i -lt 3000 ]; do i=$((i+1)); done";
/// Times an op is started again before the test gives up.
const LIVES: u64 = 50;

/// What a kill hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// The process that was started, and claims.
    Shim,
    /// The command's parent.
    Second,
    /// All of them.
    Everything,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    ended: u32,
    unknown: u32,
    signalled: u32,
    kills: u32,
}

/// Numbers that are the same for the same seed.
struct Dice {
    state: u64,
    /// How long an op takes here that nobody kills, in microseconds.
    span: u64,
}

impl Dice {
    /// Returns a time in so many spans.
    fn roll(&mut self, spans: u64) -> Duration {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        Duration::from_micros(self.state % (self.span * spans).max(1))
    }
}

#[test]
fn a_storm_of_kills_repeats_loses_and_invents_nothing() {
    let lab = Lab::new();
    let begun = Instant::now();
    lab.start(&op(1000), SCRIPT).0.end().unwrap();
    let span = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let (mut dice, mut count) = (Dice { state: 0x9e37_79b9_7f4a_7c15, span }, Count::default());
    for step in 1..=90 {
        let victim = [Victim::Shim, Victim::Second, Victim::Everything][step as usize % 3];
        once(&lab, &op(step), victim, &mut dice, &mut count);
    }
    eprintln!("{count:?}");
    assert!(count.kills >= 30 && count.ended >= 30, "{count:?}");
}

/// Starts an op, kills, starts it again where it never began, and checks what is said of it, until it is over.
fn once(lab: &Lab, op: &Op, victim: Victim, dice: &mut Dice, count: &mut Count) {
    for life in 1..=LIVES {
        match lab.store.start(&entry(), &lab.order(op, SCRIPT)) {
            Ok(mut shim) => {
                // However slow the machine is, some life is long enough.
                pause(dice.roll(life)).unwrap();
                strike(victim, i32::try_from(shim.pid()).unwrap(), count);
                // What it answered, or that it was killed before it did, is seen by a look.
                let _answer = shim.answer();
                shim.end().unwrap();
            }
            Err(ClaimError::Start(..)) => {}
            Err(error) => panic!("{error}"),
        }
        let (seen, effects) = (lab.store.wait(op, lab.store.id(), LONG).unwrap(), lab.effects(op));
        match seen {
            Look::NeverBegan => assert_eq!(effects, 0, "{op}: said never to have begun"),
            Look::Tombstone(why) => panic!("{op}: one of two was killed at most, and yet {why}"),
            Look::Ended(seen) if seen.ended.exit == Some(0) => {
                count.ended += 1;
                assert_eq!(effects, 1, "{op}: said to have ended");
                return;
            }
            Look::Ended(seen) => {
                count.signalled += 1;
                assert!(seen.ended.signal == Some(9) && victim == Victim::Everything && effects <= 1, "{op}: {seen:?}");
                return;
            }
            Look::Unknown(why) => {
                count.unknown += 1;
                assert!(victim == Victim::Everything && effects <= 1, "{op}: only {victim:?} was killed, {why}");
                return;
            }
            Look::Running { .. } | Look::Orphan => panic!("{op}: {seen:?} after a minute"),
        }
    }
    panic!("{op}: never began in {LIVES} lives");
}

fn strike(victim: Victim, shim: i32, count: &mut Count) {
    let tree = tree(shim);
    let struck = match victim {
        Victim::Shim => tree.into_iter().take(1).collect(),
        Victim::Second => tree.into_iter().skip(1).take(1).collect(),
        Victim::Everything => tree,
    };
    count.kills += u32::from(!struck.is_empty());
    struck.into_iter().for_each(kill);
}

/// A process and everything that came of it, parents first.
fn tree(root: i32) -> Vec<Process> {
    let (mut found, mut at) = (vec![root], 0);
    while let Some(pid) = found.get(at) {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).map(|threads| threads.flatten().collect()).unwrap_or_else(|_| Vec::new());
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(children.split_ascii_whitespace().map(|pid| pid.parse::<i32>().unwrap()));
        }
        at += 1;
    }
    found.into_iter().filter_map(Process::of).collect()
}

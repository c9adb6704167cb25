//! What came of a storm: effects counted in the trace, held against journals, claims and exit codes.

use super::lab::Lab;
use super::prey::Victim;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::time::Duration;

/// How a ticket came to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// This run is done.
    Done(String),
    /// Nobody knows whether the step of this run ran: a human is asked.
    Asked(String),
    /// This run says that its step failed.
    Failed(String),
    /// It does not end.
    Stuck(String),
}

/// Figures of a storm.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// Kills that hit, by whom they were meant for.
    pub kills: BTreeMap<Victim, u32>,
    /// Effects in the trace.
    pub effects: usize,
    /// Tickets whose effect came about more than once.
    pub twice: usize,
    /// Tickets that are done without their effect, or never end.
    pub lost: usize,
    /// Outcomes that are told and were not.
    pub invented: usize,
    /// Tickets for which a human was asked, although somebody was left who knew.
    pub asked_needlessly: usize,
    /// What else is not as it should be.
    pub flaws: Vec<String>,
    pub(super) fates: BTreeMap<String, Fate>,
    /// Runs whose command was killed, or both who wait for it.
    pub(super) felled: BTreeSet<String>,
    /// Runs of which a half of the shim was killed, and whether both were.
    pub(super) halved: BTreeMap<String, bool>,
    /// Runs that stood against a second one of their ticket.
    pub(super) crossed: Vec<String>,
    /// Times two runtimes were at one ticket.
    pub(super) rivals: u32,
    /// Tickets begun again, since their step was refused and did not run.
    pub(super) again: u32,
    /// Steps that a human settled, and of these the ones that did not happen and were approved again.
    pub(super) settled: u32,
    pub(super) repeated: u32,
    /// What a resume took that came to the end in peace.
    pub(super) resumed: Vec<Duration>,
}

impl Count {
    /// Adds another one.
    pub fn absorb(&mut self, other: Count) {
        other.kills.into_iter().for_each(|(victim, kills)| *self.kills.entry(victim).or_default() += kills);
        self.effects += other.effects;
        self.twice += other.twice;
        self.lost += other.lost;
        self.invented += other.invented;
        self.asked_needlessly += other.asked_needlessly;
        self.flaws.extend(other.flaws);
        // Every round has tickets of the same names.
        let round = self.fates.len();
        for (ticket, fate) in other.fates {
            let name = if self.fates.contains_key(&ticket) { format!("{ticket}+{round}") } else { ticket };
            self.fates.insert(name, fate);
        }
        self.felled.extend(other.felled);
        self.halved.extend(other.halved);
        self.crossed.extend(other.crossed);
        self.rivals += other.rivals;
        self.again += other.again;
        self.settled += other.settled;
        self.repeated += other.repeated;
        self.resumed.extend(other.resumed);
    }

    /// Returns how many tickets were worked.
    pub fn commands(&self) -> usize {
        self.fates.len()
    }

    /// Returns how many kills hit.
    pub fn killed(&self) -> usize {
        self.kills.values().map(|kills| *kills as usize).sum()
    }

    /// Returns how many tickets asked a human what became of their command.
    pub fn asks(&self) -> usize {
        self.asked().count()
    }

    pub(super) fn asked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fates.iter().filter_map(|(ticket, fate)| match fate {
            Fate::Asked(run) => Some((ticket.as_str(), run.as_str())),
            Fate::Done(_) | Fate::Failed(_) | Fate::Stuck(_) => None,
        })
    }

    /// Holds what was said against what was done.
    pub(super) fn check(&mut self, lab: &Lab) -> io::Result<()> {
        let traces = lab.traces()?;
        let of = |word: &str, run: &str| traces.get(&format!("{word} {run}")).copied().unwrap_or_default();
        let (mut ended, mut flaws) = (0, Vec::new());
        for (ticket, fate) in &self.fates {
            let marked = format!("-{ticket}-");
            let effects: usize =
                traces.iter().filter(|(line, _)| line.starts_with("effect ") && line.contains(&marked)).map(|(_, count)| count).sum();
            self.effects += effects;
            if effects > 1 {
                self.twice += 1;
                flaws.push(format!("{ticket}: {effects} effects, and it is {fate:?}"));
            }
            match fate {
                Fate::Done(_) if effects == 0 => {
                    self.lost += 1;
                    flaws.push(format!("{ticket}: done, and nothing was"));
                }
                Fate::Done(_) => ended += 1,
                Fate::Stuck(why) => {
                    self.lost += 1;
                    flaws.push(why.clone());
                }
                Fate::Asked(run) | Fate::Failed(run) if !self.felled.contains(run) => {
                    self.asked_needlessly += 1;
                    flaws.push(format!("{ticket}: {fate:?}, although its command was not killed"));
                }
                Fate::Asked(_) | Fate::Failed(_) => {}
            }
        }
        for run in lab.runs()? {
            if lab.journal(&run)?.is_empty() {
                continue; // its runtime was killed before its first event
            }
            let told = match lab.events(&run) {
                Ok(events) => outcomes(&events),
                Err(error) => {
                    flaws.push(format!("{run}: {error}"));
                    continue;
                }
            };
            let felled = self.felled.contains(&run);
            for (op, told) in &told {
                let record = lab.record(op, ".exit");
                let exit = record.as_ref().map(|record| &record["ended"]["exit"]);
                // Whatever it says: the script ended with 0 behind its last line, or was killed.
                let true_end = told.as_i64() == Some(0) && of("end", &run) == 1 && exit.is_some_and(|exit| exit == told);
                let killed = told.is_null() && felled && exit.is_none_or(Value::is_null);
                let refused = told.is_null() && record.as_ref().is_none_or(|record| record["never"].is_object()) && of("effect", &run) == 0;
                if !(true_end || killed || refused) {
                    self.invented += 1;
                    flaws.push(format!("{op}: the journal says {told}, the claim {record:?}, the trace {}", of("end", &run)));
                }
            }
        }
        ended += self.repeated as usize;
        if lab.ticked()? != ended {
            flaws.push(format!("{} tickets are ticked, {ended} are done", lab.ticked()?));
        }
        self.flaws.extend(flaws);
        Ok(())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut resumed = self.resumed.clone();
        resumed.sort();
        let median = resumed.get(resumed.len() / 2).copied().unwrap_or_default();
        let failed = self.fates.values().filter(|fate| matches!(fate, Fate::Failed(_))).count();
        for (victim, kills) in &self.kills {
            writeln!(to, "killed {victim:<38} {kills:>7}")?;
        }
        let figures = [
            ("kills", self.killed()),
            ("commands", self.commands()),
            ("effects", self.effects),
            ("twice", self.twice),
            ("lost", self.lost),
            ("invented", self.invented),
            ("asked a human, the command having been killed", self.asks()),
            ("  settled and ended", self.settled as usize),
            ("seen to end by the kill", failed),
            ("asked a human without need", self.asked_needlessly),
            ("begun again: it never ran", self.again as usize),
            ("times two runtimes were at one ticket", self.rivals as usize),
        ];
        for (what, figure) in figures {
            writeln!(to, "{what:<45} {figure:>7}")?;
        }
        writeln!(to, "{:<45} {:>4} ms", "a resume to its end, median", median.as_millis())?;
        self.flaws.iter().try_for_each(|flaw| writeln!(to, "FLAW {flaw}"))
    }
}

/// Returns the ops of which a journal says that they ended, and with what.
fn outcomes(events: &[Value]) -> Vec<(String, Value)> {
    let ended = events.iter().filter(|event| event["kind"] == "step-ended").map(|event| &event["body"]);
    let op = |op: &Value| format!("{}.{:02}.{}", op["run"].as_str().unwrap_or_default(), op["step"].as_u64().unwrap_or_default(), op["attempt"]);
    ended.map(|body| (op(&body["op"]), body["outcome"]["exit"].clone())).collect()
}

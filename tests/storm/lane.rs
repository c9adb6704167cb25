//! One operator with a script: starts a runtime over a ticket, resumes what was killed, approves what asks, and leaves
//! alone what nobody knows. Between the lines, it is the one who kills.

use super::count::{Count, Fate};
use super::dice::Dice;
use super::lab::{Lab, Life, Rest};
use super::prey::{Cast, Victim};
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

/// Lives of a ticket in which somebody is killed; the ones after that are peaceful.
const STORMY: usize = 6;
/// Lives of a ticket before it counts as one that cannot be ended.
const LIVES: usize = 40;
/// How often is looked for a step.
const LOOK: Duration = Duration::from_micros(500);
/// One in so many lives has a rival: a second runtime over the same ticket, at the same time.
const RIVALS: usize = 8;
/// Kills of one life.
const STRIKES: usize = 2;

/// A lane.
pub(super) struct Lane<'a> {
    lab: &'a Lab,
    victims: &'a [Victim],
    dice: Dice,
    names: [String; 2],
    /// What a life takes here in peace.
    span: Duration,
    /// What it saw.
    pub(super) count: Count,
}

impl<'a> Lane<'a> {
    /// A lane that has yet to see a ticket.
    pub(super) fn new(lab: &'a Lab, victims: &'a [Victim], dice: Dice, no: u64) -> io::Result<Lane<'a>> {
        let names = [format!("lane-{no}"), format!("rival-{no}")];
        Ok(Lane { lab, victims, dice, names, span: Duration::from_millis(150), count: Count::default() })
    }

    /// Works a ticket until it is over, or until nobody knows.
    pub(super) fn work(&mut self, ticket: &str) -> io::Result<()> {
        let (mut left, mut approved) = (Vec::new(), false);
        for no in 0..LIVES {
            let run = self.lab.run_of(ticket, &left)?;
            let words = run.as_deref().map_or(vec!["run", ticket, "--mode", "live"], |run| vec!["resume", run]);
            let stormy = no < STORMY && (approved || self.dice.roll(2) == 0);
            let rest = self.live(&words, run.as_deref(), stormy, approved)?;
            let run = self.lab.run_of(ticket, &left)?;
            let fate = match (rest.exit, run) {
                // Killed, or its Executor was, or the rival has it.
                (None | Some(70 | 75), _) => continue,
                (Some(4), Some(run)) if rest.why().contains(" waits for an approval until ") => {
                    // The rival may have been quicker.
                    let said = self.lab.begin(&self.names[0], &["approve", &run])?.rest()?;
                    approved = true;
                    if !matches!(said.exit, Some(0 | 2)) {
                        self.count.flaws.push(format!("{run}: an approval is answered with {said:?}"));
                    }
                    continue;
                }
                (Some(4), Some(run)) if rest.why().contains("is not done with") => {
                    self.count.crossed.push(run);
                    continue;
                }
                (Some(0), Some(run)) => Fate::Done(run),
                (Some(6), Some(run)) if rest.why().contains("it has ended") => Fate::Done(run),
                (Some(4), Some(run)) if rest.why().contains("nobody knows whether") => Fate::Asked(run),
                (Some(3), Some(run)) if rest.why().contains("the run never began") => {
                    left.push(run);
                    continue;
                }
                (Some(7), Some(run)) if rest.why().contains("did not run") => {
                    self.count.again += 1;
                    left.push(run);
                    continue;
                }
                (Some(7), Some(run)) => Fate::Failed(run),
                (_, run) => Fate::Stuck(format!("{ticket} ({run:?}): {rest:?}")),
            };
            self.count.fates.insert(ticket.into(), fate);
            return Ok(());
        }
        self.count.fates.insert(ticket.into(), Fate::Stuck(format!("{ticket} did not end in {LIVES} lives")));
        Ok(())
    }

    /// Lets a runtime live, maybe beside a rival, and maybe kills.
    fn live(&mut self, words: &[&str], run: Option<&str>, stormy: bool, approved: bool) -> io::Result<Rest> {
        let begun = Instant::now();
        let first = self.lab.begin(&self.names[0], words)?;
        let rival = stormy && self.dice.roll(RIVALS) == 0;
        let rival = rival.then(|| self.lab.begin(&self.names[1], words)).transpose()?;
        let hit = match (stormy, &rival) {
            (false, _) => false,
            (true, Some(rival)) if self.dice.roll(2) == 0 => self.storm(rival, run, approved)?,
            (true, _) => self.storm(&first, run, approved)?,
        };
        let (rest, alone) = (first.rest()?, rival.is_none());
        let other = rival.map(Life::rest).transpose()?;
        self.count.rivals += u32::from(!alone);
        if let (true, true, Some(0), Some(_)) = (!hit, alone, rest.exit, run) {
            self.span = begun.elapsed();
            self.count.resumed.push(self.span);
        }
        Ok(match (rest.exit, other) {
            // Whoever came to a rest knows more than who was killed or came second.
            (None | Some(70 | 75), Some(other)) => other,
            (Some(4), Some(other)) if rest.why().contains("is not done with") => other,
            (_, _) => rest,
        })
    }

    /// Kills, once or twice in a life, each time at a random moment; says whether anybody was hit.
    fn storm(&mut self, life: &Life, run: Option<&str>, approved: bool) -> io::Result<bool> {
        let before = self.count.killed();
        for _ in 0..STRIKES {
            let there = |victim: &&Victim| approved || !victim.is_brief();
            let victims: Vec<Victim> = self.victims.iter().filter(there).copied().collect();
            let Some(victim) = victims.get(self.dice.roll(victims.len())).copied() else { break };
            if self.strike(life, run, victim)? {
                break;
            }
        }
        Ok(self.count.killed() > before)
    }

    /// Kills somebody; says whether the life is over by then.
    fn strike(&mut self, life: &Life, run: Option<&str>, victim: Victim) -> io::Result<bool> {
        // A half of a shim may be killed, never both: somebody must be left who knows.
        let half = matches!(victim, Victim::Shim | Victim::Second);
        if half && run.is_none_or(|run| self.count.halved.contains_key(run)) {
            return Ok(false);
        }
        let granted = || run.is_some_and(|run| self.lab.journal(run).is_ok_and(|text| text.contains("\"step-granted\"")));
        // Now and then between grant and claim, mostly while its command is at work.
        let early = self.dice.roll(4) == 0;
        let claimed = || run.is_some_and(|run| self.lab.is_claimed(run));
        while victim.is_brief() && !(if early { granted() } else { claimed() }) {
            if life.pass(LOOK)? {
                return Ok(true);
            }
        }
        let time = self.dice.time(if victim.is_brief() { self.span / 4 } else { self.span });
        if life.pass(time)? {
            return Ok(true);
        }
        let claim = run.and_then(|run| self.lab.record(&format!("{run}.01.1"), ""));
        let hit = Cast::of(life.pid(), &self.lab.repo().display().to_string(), granted(), claim.as_ref()).strike(victim);
        if let Some(run) = run {
            let halves = [Victim::Shim, Victim::Second].iter().filter(|half| hit.contains(half)).count();
            let both = halves == 2 || (halves == 1 && self.count.halved.contains_key(run));
            if halves > 0 {
                self.count.halved.insert(run.into(), both);
            }
            if both || hit.contains(&Victim::Step) {
                self.count.felled.insert(run.into());
            }
        }
        if !hit.is_empty() {
            *self.count.kills.entry(victim).or_default() += 1;
        }
        Ok(hit.contains(&Victim::Runtime))
    }
}

/// Settles what nobody knows by what the trace says, which is the truth, and sees that it ends.
pub(super) fn settle(lab: &Lab, count: &mut Count) -> io::Result<()> {
    let traces = lab.traces()?;
    let asked: BTreeMap<String, String> = count.asked().map(|(ticket, run)| (ticket.into(), run.into())).collect();
    for (ticket, run) in asked {
        let happened = traces.contains_key(&format!("effect {run}"));
        let said = lab.say(&["settle", &run, "1", if happened { "happened" } else { "did-not" }, "--reason", "seen"])?;
        let rest = lab.say(&["resume", &run])?;
        let ended = if happened {
            // Nobody saw how it ended, so nothing is ticked.
            rest.exit == Some(4) && rest.last["state"] == "needs-review"
        } else {
            let approved = lab.say(&["approve", &run])?.exit;
            approved == Some(0) && lab.say(&["resume", &run])?.exit == Some(0)
        };
        if said.exit != Some(0) || !ended {
            count.flaws.push(format!("{ticket}: {run} did not end after it was settled ({happened}): {said:?} {rest:?}"));
        }
        count.settled += 1;
        count.repeated += u32::from(!happened);
    }
    Ok(())
}

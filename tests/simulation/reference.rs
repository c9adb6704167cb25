//! The reference: what must hold after every event, said a second time and in another way than the run says it.
//!
//! It shares no code with the loop. What the world did (effects, ends, words of humans, calls to the model) stays; what the
//! journal says is forgotten with each restart and read again from what the disk kept.

use super::book::{Book, Known};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use studio_core::approval::{Signed, Word};
use studio_core::event::{Basis, Event, Outcome};
use studio_core::gate::{Class, Effect, Judgement, Verdict};
use studio_core::host::{Assumed, Ended};
use studio_core::journal::Entry;
use studio_core::name::{Digest, PersonaName};
use studio_core::step::{Op, Step};
use studio_core::text::Kept;

/// Something that happened, in the order in which it did.
#[derive(Clone, Copy)]
pub(crate) enum Fact<'a> {
    /// An event was written, or read back from the disk.
    Event(&'a Entry),
    /// So many events are on the disk.
    Synced(u64),
    /// A human put a word into the inbox, truly signed.
    Said(&'a Signed),
    /// The model was asked.
    Called(&'a PersonaName, u32),
    /// The lab was asked to run this.
    Handed(&'a Op),
    /// The lab began it.
    Began(&'a Op, &'a Step),
    /// It ended.
    Ended(&'a Op, &'a Ended),
    /// The lab refused it, and did not begin.
    Refused(&'a Op),
    /// The lab lost its claims.
    Forgot,
}

/// What the world did, and what the journal says.
#[derive(Default)]
pub(crate) struct Reference {
    book: Book,
    synced: u64,
    /// What the lab began: under which event, and which command on which target.
    began: BTreeMap<Op, (u64, Step)>,
    ended: BTreeMap<Op, Ended>,
    refused: BTreeSet<Op>,
    /// What the lab began and has no claim of any more.
    forgotten: BTreeSet<Op>,
    /// Events are read back from the disk: what they say of the world was true then.
    rereads: bool,
    said: Vec<Signed>,
    called: u32,
    again: u64,
}

type Holds = Result<(), String>;

/// How often a step may be granted anew because nobody knows how it ended, and again is harmless.
const RETRIES_MAX: u32 = 2;
/// How many reads that look whether it happened may be lost before one that is harmless is granted anew.
const LOST_MAX: u32 = 2;

impl Reference {
    /// Forgets what the journal says, and reads it again.
    ///
    /// # Errors
    /// What should not stand there.
    pub(crate) fn reread(&mut self, entries: &[Entry]) -> Holds {
        (self.book, self.rereads) = (Book::default(), true);
        let read = entries.iter().try_for_each(|entry| self.see(&Fact::Event(entry)));
        self.rereads = false;
        read
    }

    /// Another run begins; the world stays.
    pub(crate) fn another(&mut self) {
        (self.book, self.synced, self.called) = (Book::default(), 0, 0);
    }

    /// Returns what the journal says.
    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    /// Returns how many calls the model served.
    pub(crate) fn called(&self) -> u32 {
        self.called
    }

    /// Returns how often a human's word let an effect happen again.
    pub(crate) fn again(&self) -> u64 {
        self.again
    }

    /// Takes a fact.
    ///
    /// # Errors
    /// What should not be.
    pub(crate) fn see(&mut self, fact: &Fact<'_>) -> Holds {
        match *fact {
            Fact::Event(entry) => {
                self.event(entry)?;
                if let Event::StepEnded { op, outcome, .. } = &entry.event {
                    self.book.failed(op, outcome, self.ended.get(op));
                }
                self.book.take(entry)
            }
            Fact::Synced(events) => {
                self.synced = events;
                Ok(())
            }
            Fact::Said(signed) => {
                self.said.push(signed.clone());
                Ok(())
            }
            Fact::Called(persona, turn) => {
                self.called += 1;
                let asked = self.book.asked.as_ref().filter(|(by, open, n)| by == persona && *open == turn && *n <= self.synced);
                holds(asked.is_some(), || format!("the model was called for {persona} {turn}, and the disk does not say so"))?;
                holds(!self.book.answered.contains(&(persona.clone(), turn)), || format!("the answer to {persona} {turn} was bought twice"))
            }
            Fact::Handed(op) => holds(!self.began.contains_key(op), || format!("{op} was handed over again after it began")),
            Fact::Began(op, step) => self.begins(op, step),
            Fact::Ended(op, ended) => {
                self.ended.insert(op.clone(), ended.clone());
                holds(self.began.contains_key(op), || format!("{op} ended and never began"))
            }
            Fact::Forgot => {
                self.forgotten.extend(self.began.keys().cloned());
                Ok(())
            }
            Fact::Refused(op) => {
                self.refused.insert(op.clone());
                holds(!self.began.contains_key(op), || format!("{op} was refused after it began"))
            }
        }
    }

    /// An effect: once an op, never before its grant is on the disk, and never a second time for the
    /// same command of the ticket without a human's word.
    fn begins(&mut self, op: &Op, step: &Step) -> Holds {
        let n = self.book.granted.get(op).copied().unwrap_or(u64::MAX);
        let twice = self.began.insert(op.clone(), (n, step.clone())).is_some();
        holds(!twice, || format!("{op} began twice"))?;
        holds(n <= self.synced, || format!("{op} began and no grant of it is on the disk"))?;
        let judged = self.book.judged.get(&op.step).ok_or_else(|| format!("{op} began and was never judged"))?;
        if judged.effect == Effect::Read || self.book.assumes() || self.book.probes.contains(op) {
            return Ok(());
        }
        let waits = self.book.open.as_ref().is_some_and(|open| open.op == *op && open.known == Known::Granted);
        holds(waits, || format!("{op} began when nobody waited for it"))?;
        let same = |other: &Step| other.argv == step.argv && other.target == step.target;
        let before = || self.began.iter().filter(|(other, (_, began))| *other != op && same(began)).map(|(other, _)| other);
        self.again += u64::from(before().next().is_some());
        let harmless = |other: &Op| {
            let looked_at = other.run == op.run && other.step == op.step && judged.effect != Effect::OneShot;
            looked_at || (other.run != op.run && self.forgotten.contains(other))
        };
        let word = |other: &Op| self.book.settled.get(other) == Some(&Word::DidNot) || self.book.agreed_again.contains(op);
        match before().find(|other| !word(other) && !harmless(other)) {
            Some(other) => Err(format!("{op} had the effect of {other} again, and no human said so")),
            None => Ok(()),
        }
    }

    fn event(&self, entry: &Entry) -> Holds {
        holds(self.book.closed.is_none(), || format!("{} after the run was closed", entry.event.kind()))?;
        match &entry.event {
            Event::StepGranted { op, basis, .. } => self.grant(entry, op, basis),
            Event::ProbeGranted { op, judgement, .. } => self.look(entry, op, judgement),
            Event::StepEnded { op, outcome, .. } => self.end(op, outcome),
            Event::StepUnknown { op, .. } => self.waits(op, &[Known::Granted, Known::Overdue, Known::Nothing]),
            Event::StepOverdue { op, .. } => {
                self.waits(op, &[Known::Granted, Known::Overdue, Known::Nothing])?;
                holds(self.rereads || (self.began.contains_key(op) && !self.ended.contains_key(op)), || {
                    format!("{op} is called overdue, and does not run")
                })
            }
            Event::ApprovalExpired { op, .. } => {
                let open = self.book.open.as_ref().is_some_and(|open| open.op == *op);
                holds(!open || self.refused.contains(op), || format!("{op} was taken back, and may still begin"))
            }
            Event::StepSettled { signed } => {
                let op = &signed.statement.op;
                self.waits(op, &[Known::Nothing])?;
                let known = !self.rereads && self.ended.contains_key(op) && !self.forgotten.contains(op);
                holds(!known, || format!("a human settled {op}, whose end the lab knows"))?;
                self.word(entry, signed)
            }
            Event::ApprovalGiven { signed } | Event::ApprovalRefused { signed } => {
                let asked = self.book.question.as_ref().is_some_and(|question| question.op == signed.statement.op);
                holds(asked, || format!("an answer about {} that nobody asked for", signed.statement.op))?;
                self.word(entry, signed)
            }
            Event::RunClosed { state, .. } => self.book.may_close(*state),
            _ => Ok(()),
        }
    }

    fn grant(&self, entry: &Entry, op: &Op, basis: &Basis) -> Holds {
        let (book, place) = (&self.book, entry.place);
        holds(!book.given_up, || format!("{op} was granted after a human gave the run up"))?;
        let judged = book.judged.get(&op.step).filter(|_| book.round.contains(&op.step));
        let judged = judged.ok_or_else(|| format!("{op} was granted and not judged in its round"))?;
        match &book.open {
            None => {}
            Some(open) if open.known == Known::Nothing => {
                holds(open.op.step == op.step && open.op.attempt < op.attempt, || {
                    format!("{op} was granted while the outcome of {} is unknown", open.op)
                })?;
                holds(open.probe.is_none(), || format!("{op} was granted while a read looks whether {} happened", open.op))?;
                let harmless = match judged.effect {
                    Effect::Read => true,
                    Effect::Idempotent => !judged.probed || open.absent.is_some() || open.lost >= LOST_MAX,
                    Effect::Probed => judged.probed && open.absent == Some(true),
                    Effect::OneShot => false,
                };
                let retried = book.retried.get(&op.step).copied().unwrap_or_default();
                holds(harmless && retried < RETRIES_MAX, || format!("{op} was granted while the outcome of {} is unknown", open.op))?;
            }
            Some(open) => {
                holds(open.op == *op && open.known == Known::Granted && open.epoch < place.epoch, || {
                    format!("{op} was granted while {} may be running", open.op)
                })?;
                let began = self.began.get(op).is_some_and(|(under, _)| *under < place.n);
                holds(!began, || format!("{op} was granted again after it began"))?;
            }
        }
        holds(!book.over.contains(op), || format!("{op} was granted again after it ended"))?;
        match basis {
            Basis::Auto => {
                book.failures.may_follow(judged.class)?;
                holds(judged.may_run_unasked(), || format!("{op} was granted unasked, and the rules say {}", judged.verdict))
            }
            Basis::Assumed => holds(book.assumes(), || format!("{op} was granted on nobody's word, in a run that asks")),
            Basis::Approved(by) => {
                let given = book.given.as_ref().map(|signed| &signed.statement).filter(|given| given.op == *op && given.by == *by);
                let given = given.ok_or_else(|| format!("{op} was granted on an approval that nobody gave"))?;
                holds(given.effect == judged.digest, || format!("{op} was granted on an approval of another effect"))?;
                holds(entry.at < given.expires, || format!("{op} was granted on an approval that had expired"))
            }
        }
    }

    fn end(&self, op: &Op, outcome: &Outcome) -> Holds {
        self.waits(op, &[Known::Granted, Known::Overdue, Known::Nothing])?;
        let Some(seen) = self.ended.get(op) else {
            let refused = self.refused.contains(op) && outcome.exit.is_none() && !outcome.misses.is_empty();
            return holds(refused, || format!("the end of {op} was made up"));
        };
        let same = outcome.exit == seen.exit && kept(&outcome.stdout, &seen.stdout) && kept(&outcome.stderr, &seen.stderr);
        holds(same, || format!("the end of {op} is not the one that was seen"))?;
        let expect = self.began.get(op).map(|(_, step)| &step.expect).ok_or_else(|| format!("{op} ended and never began"))?;
        let found = |pattern: &studio_core::step::Pattern| seen.stdout.contains(pattern.to_string().trim_matches('/'));
        let well = seen.exit == Some(expect.exit.into()) && expect.stdout_matches.iter().all(found) && !expect.stdout_lacks.iter().any(found);
        let well = well || seen.assumed == Assumed::All;
        holds(well == outcome.misses.is_empty(), || format!("{op} is said to have ended {}, and did not", if well { "badly" } else { "well" }))
    }

    /// A read that looks whether an op happened: only where nobody knows, and only a plain read.
    fn look(&self, entry: &Entry, op: &Op, judgement: &Judgement) -> Holds {
        holds(judgement.verdict == Verdict::Auto && judgement.class == Class::Observe, || format!("{op} looks, and is no plain read"))?;
        let open = self.book.open.as_ref().filter(|open| open.known == Known::Nothing && open.op.step == op.step);
        let open = open.ok_or_else(|| format!("{op} looks for what nobody misses"))?;
        let free = match &open.probe {
            None => !self.book.granted.contains_key(op) && open.op.attempt < op.attempt,
            Some((other, epoch)) => other == op && *epoch < entry.place.epoch && self.began.get(op).is_none_or(|(under, _)| *under >= entry.place.n),
        };
        holds(free && !self.book.over.contains(op), || format!("{op} looks a second time"))
    }

    /// Says whether the journal waits for the end of that very op, or of the read that looks for it.
    fn waits(&self, op: &Op, known: &[Known]) -> Holds {
        let waits = self.book.open.as_ref().is_some_and(|open| match &open.probe {
            Some((probe, _)) => probe == op,
            None => open.op == *op && known.contains(&open.known),
        });
        holds(waits, || format!("the journal does not wait for {op}"))
    }

    fn word(&self, entry: &Entry, signed: &Signed) -> Holds {
        holds(self.said.contains(signed), || format!("a word about {} that nobody signed", signed.statement.op))?;
        holds(entry.at < signed.statement.expires, || format!("a word about {} that had expired", signed.statement.op))
    }
}

impl fmt::Display for Fact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Event(entry) => write!(f, "{:>3}.{} {}", entry.place.n, entry.place.epoch, words(&entry.event)),
            Fact::Synced(events) => write!(f, "      synced {events}"),
            Fact::Said(signed) => write!(f, "      {} says {:?} to {}", signed.statement.by, signed.statement.word, short(&signed.statement.op)),
            Fact::Called(persona, turn) => write!(f, "      the model is called for {persona} {turn}"),
            Fact::Handed(op) => write!(f, "      the lab is handed {}", short(op)),
            Fact::Began(op, step) => write!(f, "      the lab begins {}: {}", short(op), step.argv),
            Fact::Ended(op, ended) => write!(f, "      the lab ends {}: {:?}", short(op), ended.exit),
            Fact::Forgot => write!(f, "      the lab loses its claims"),
            Fact::Refused(op) => write!(f, "      the lab refuses {}", short(op)),
        }
    }
}

/// Says an event in a line.
fn words(event: &Event) -> String {
    let kind = event.kind();
    match event {
        Event::StepGranted { op, basis, .. } => format!("{kind} {} {basis:?}", short(op)),
        Event::ProbeGranted { op, .. } => format!("{kind} {}", short(op)),
        Event::StepEnded { op, outcome, .. } => format!("{kind} {} {}", short(op), outcome.words()),
        Event::StepUnknown { op, why } | Event::StepOverdue { op, why } => format!("{kind} {}: {why}", short(op)),
        Event::ApprovalAsked { op, why, .. } => format!("{kind} {}: {why}", short(op)),
        Event::StepJudged { step, judgement, .. } => format!("{kind} {step} {} {} {:?}", judgement.verdict, judgement.class, judgement.effect),
        Event::CriterionChecked { criterion, finding } => format!("{kind} {criterion} {}", finding.met),
        Event::LimitReached { limit, why } => format!("{kind} {limit:?}: {why}"),
        Event::RunClosed { state, why, .. } => format!("{kind} {}: {why}", state.name()),
        _ => kind.to_string(),
    }
}

fn short(op: &Op) -> String {
    format!("{}.{}", op.step, op.attempt)
}

fn kept(kept: &Kept, text: &str) -> bool {
    match kept {
        Kept::Inline(inline) => inline == text,
        Kept::Blob { blob, bytes } => *bytes == text.len() as u64 && *blob == Digest::blake3(text.as_bytes()),
    }
}

pub(super) fn holds(holds: bool, wrong: impl FnOnce() -> String) -> Holds {
    if holds { Ok(()) } else { Err(wrong()) }
}

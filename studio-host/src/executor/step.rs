//! One step, from a warrant that holds to what was seen of it, by whichever life asks.

use super::Place;
use super::artifacts::collect;
use super::attend::{Landing, Watch};
use super::log::{keep, noted, out_folder, present};
use super::may::{first, held};
use super::setting::{digest, home, setting};
use super::side::{Kill, Side};
use super::values::values;
use super::verify::{Judged, Refusal, judge, verify, word};
use super::wire::Report;
use crate::claim::look::Finished;
use crate::claim::shim::ORDER_VERSION;
use crate::claim::{Answer, ClaimError, Expiry, Look, Moment, Ready, Shim, ShimOrder, Stream};
use crate::git::Workshop;
use std::fs;
use std::io::{self, Read};
use studio_core::clock::SystemClock;
use studio_core::event::Sealed;
use studio_core::gate::Class;
use studio_core::limits::{OUTPUT_BYTES_MAX, SHIM_STARTS_MAX};
use studio_core::name::StoreId;
use studio_core::redact::Redactor;
use studio_core::warrant::Warrant;

/// What was seen of a step.
pub(super) enum Done {
    /// It ended.
    Ended(Report),
    /// It never began.
    NeverBegan,
    /// It did not run, and never will.
    Refused(String),
    /// Nothing may begin now.
    Held(String),
    /// It runs longer than it may.
    Overdue(String),
    /// Nobody can say.
    Lost(String),
}

/// Whether a step was begun.
enum Begun {
    /// By this shim, after this judgement.
    Here(Shim, Box<Judged>),
    /// By somebody else, or that is not known; should there be no claim, this is why.
    Elsewhere(String),
    /// It may not begin now.
    Held(String),
}

/// What a stream of a command holds, up to what is kept.
struct Shown {
    bytes: Vec<u8>,
    whole: u64,
}

/// Runs the step of a warrant, if the warrant holds and its op was not begun before; attends to it in any case.
/// `ready` is a shim that waits for an order, if there is one.
pub(super) fn run(site: &Place, workshop: &Workshop, warrant: &Warrant, mut ready: Option<Ready>) -> Done {
    let granted = match granted(site, warrant) {
        Ok(granted) => granted,
        Err(refusal) => return Done::Refused(refusal.to_string()), // no claim of this store can be its claim
    };
    let mut why = String::new();
    for _ in 0..SHIM_STARTS_MAX {
        let (shim, judged) = match begin(site, workshop, warrant, granted, ready.take()) {
            Ok(Begun::Here(shim, judged)) => (Some(shim), Ok(*judged)),
            Ok(Begun::Elsewhere(silence)) => {
                why = silence;
                (None, judge(site, warrant))
            }
            Ok(Begun::Held(why)) => return Done::Held(why),
            Err(refusal) => return bury(site, workshop, warrant, granted, &refusal.to_string()),
        };
        let landed = land(site, workshop, warrant, granted, judged);
        if let (Some(shim), Ok(Some(Done::Ended(_)))) = (shim, &landed)
            && let Err(error) = shim.end()
        {
            tracing::warn!(op = %warrant.op, %error, "the shim of a step was not waited for");
        }
        match landed {
            Ok(Some(done)) => return done,
            // Whoever was to claim it died before: nothing began, so it may begin, as the same op.
            Ok(None) => {}
            Err(why) => return bury(site, workshop, warrant, granted, &why),
        }
    }
    bury(site, workshop, warrant, granted, &why)
}

/// Says what became of an op, and waits for it as long as it may run. Begins nothing.
pub(super) fn recall(site: &Place, workshop: &Workshop, warrant: &Warrant) -> Done {
    let looked = granted(site, warrant).and_then(|granted| {
        site.claims.raise(&warrant.op.run, warrant.epoch)?;
        site.claims.anchor(&warrant.op.run, warrant.journal.n, &warrant.journal.sum)?;
        Ok(land(site, workshop, warrant, granted, judge(site, warrant)).unwrap_or_else(|why| Some(Done::Refused(why))))
    });
    match looked {
        Ok(done) => done.unwrap_or(Done::NeverBegan),
        Err(refusal) => Done::Lost(refusal.to_string()),
    }
}

/// The same, but if it did not begin, it never will.
pub(super) fn close(site: &Place, workshop: &Workshop, warrant: &Warrant, why: &str) -> Done {
    match (recall(site, workshop, warrant), granted(site, warrant)) {
        (Done::NeverBegan, Ok(granted)) => bury(site, workshop, warrant, granted, why),
        (done, _) => done,
    }
}

/// Returns the store that the op was granted for, if it is the one here.
fn granted<'a>(site: &'a Place, warrant: &Warrant) -> Result<&'a StoreId, Refusal> {
    let here = site.claims.id();
    match &warrant.store {
        Some(granted) if granted == here => Ok(here),
        Some(other) => Err(Refusal::OtherStore(other.to_string(), here.clone())),
        None => Err(Refusal::OtherStore("of nobody".into(), here.clone())),
    }
}

/// Has the step begin, unless somebody else had it begin already.
///
/// # Errors
/// The warrant does not hold, or something is missing: nothing was begun by this.
fn begin(site: &Place, workshop: &Workshop, warrant: &Warrant, granted: &StoreId, ready: Option<Ready>) -> Result<Begun, Refusal> {
    let (op, store) = (&warrant.op, &site.claims);
    present(site.repo.root(), &op.run)?;
    store.raise(&op.run, warrant.epoch)?;
    match store.look(op, granted) {
        Look::NeverBegan => {}
        Look::Tombstone(why) => return Err(Refusal::Closed(op.clone(), why)),
        Look::Running { .. } | Look::Orphan | Look::Ended(_) | Look::Unknown(_) => return Ok(Begun::Elsewhere(String::new())),
    }
    if store.is_cancelled(&op.run)? {
        return Err(Refusal::Cancelled(op.run.clone()));
    }
    // It gets ready while everything is looked at again.
    let ready = ready.map_or_else(|| store.ready(&site.entry), Ok);
    store.anchor(&op.run, warrant.journal.n, &warrant.journal.sum)?;
    let judged = verify(site, warrant)?;
    let task = setting(site, workshop, warrant, &judged)?;
    first(site, warrant, &judged.judgement)?;
    // A word may have run out while everything was made ready.
    word(site, warrant, &judged.judgement)?;
    if let Some(why) = held(site, warrant, judged.judgement.effect) {
        return Ok(Begun::Held(why));
    }
    let now = Moment::now(&SystemClock).map_err(|error| Refusal::Disk("read", "/proc".into(), error))?;
    // What is left by the Executor's clock, on the clocks that the second stage looks at.
    let left = warrant.approval.as_ref().map(|signed| signed.statement.expires.duration_since(site.clock.now()));
    let expires = left.and_then(|left| now.wall.checked_add(left).ok()).map(|wall| Expiry::at(wall, &now));
    let order = ShimOrder { v: ORDER_VERSION, op: op.clone(), epoch: warrant.epoch, effect: warrant.effect.clone(), expires, task };
    let mut shim = match ready.and_then(|ready| ready.claim(&order)) {
        Ok(shim) => shim,
        Err(error) => return Ok(Begun::Elsewhere(error.to_string())),
    };
    match shim.answer() {
        Ok(Answer::Claimed) => Ok(Begun::Here(shim, Box::new(judged))),
        // Whoever has it: it is attended to.
        Ok(Answer::Taken) | Err(ClaimError::Silent(..)) => Ok(Begun::Elsewhere("its shim never claimed it".into())),
        Ok(Answer::Refused(why)) => Ok(Begun::Elsewhere(why)),
        Err(error) => Ok(Begun::Elsewhere(error.to_string())),
    }
}

/// Sees to it that nothing of an op begins any more. If something did, that is what counts.
fn bury(site: &Place, workshop: &Workshop, warrant: &Warrant, granted: &StoreId, why: &str) -> Done {
    match site.claims.bury(&warrant.op, why, site.clock.now()) {
        Ok(()) => {
            unbind(workshop, warrant);
            clear_home(site, warrant);
            log(site, warrant, "", &format!("studio: {why}\n"));
            Done::Refused(why.into())
        }
        Err(ClaimError::Taken(_)) => match land(site, workshop, warrant, granted, judge(site, warrant)) {
            Ok(Some(done)) => done,
            Ok(None) => Done::Lost(format!("its claim came and went ({why})")),
            Err(_) => Done::Refused(why.into()),
        },
        Err(error) => Done::Lost(format!("{why}; and that it never begins cannot be recorded: {error}")),
    }
}

/// Attends to an op that was begun, and gathers what came of it; nothing if it was not.
///
/// # Errors
/// It never will be.
fn land(site: &Place, workshop: &Workshop, warrant: &Warrant, granted: &StoreId, judged: Result<Judged, Refusal>) -> Result<Option<Done>, String> {
    if let Some(begun) = site.claims.begun(&warrant.op).filter(|begun| begun.effect != warrant.effect) {
        let why = format!("what was claimed as {} is another effect ({}): its end says nothing about this one", warrant.op, begun.effect);
        return Ok(Some(Done::Lost(why)));
    }
    let kept = |judged: &Judged| match judged.judgement.class {
        Class::Observe | Class::LocalWrite => true,
        Class::Mutate | Class::Destroy | Class::Opaque | Class::Forbidden => judged.side.kill == Some(Kill::Safe),
    };
    let killable = judged.as_ref().is_ok_and(kept);
    let watch = Watch { store: &site.claims, granted, op: &warrant.op, seconds: warrant.step.timeout_seconds.get(), killable };
    let landing = watch.attend();
    // Without its side file nobody knows what it was handed.
    let side = judged.map(|judged| judged.side).map_err(|refusal| refusal.to_string());
    let redactor = side.as_ref().map_err(Clone::clone).and_then(|side| redactor(site, warrant, side));
    Ok(Some(match landing {
        Landing::NeverBegan => return Ok(None),
        Landing::Never(why) => return Err(why),
        Landing::Overdue(why) => {
            write(site, warrant, redactor.as_ref(), &why);
            Done::Overdue(why)
        }
        Landing::Lost(why) => {
            write(site, warrant, redactor.as_ref(), &why);
            Done::Lost(why)
        }
        Landing::Ended { finished, notes, remains } => {
            if noted(site.repo.root(), &warrant.op).is_some_and(|note| note.bound) {
                unbind(workshop, warrant);
            }
            let mut report = report(&finished, redactor.as_ref(), notes);
            report.sealed = sealed(site, warrant, report.exit);
            if let (Ok(side), Ok(redactor)) = (&side, &redactor) {
                let (artifacts, misses) = collect(&out_folder(site.repo.root(), &warrant.op), &side.artifact, redactor);
                misses.iter().for_each(|miss| fail(&mut report, &redactor.text(miss)));
                report.artifacts = artifacts;
            }
            if !remains {
                clear_home(site, warrant);
            }
            log(site, warrant, &report.stdout, &report.stderr);
            Done::Ended(report)
        }
    }))
}

/// Returns what binds the journal, as far as the warrant knows it, and the exit status to the store of claims.
fn sealed(site: &Place, warrant: &Warrant, exit: Option<i32>) -> Option<Sealed> {
    let (n, head) = (warrant.journal.n, warrant.journal.sum.clone());
    let seal = site.claims.seal_outcome(&warrant.op, n, &head, exit);
    let unsealed = |error| tracing::warn!(op = %warrant.op, %error, "an outcome is not sealed");
    seal.map_err(unsealed).ok().map(|seal| Sealed { n, head, seal })
}

/// Returns what takes the values out that the op was handed.
///
/// # Errors
/// Nobody knows what they were.
fn redactor(site: &Place, warrant: &Warrant, side: &Side) -> Result<Redactor, String> {
    if side.env.is_empty() {
        return Ok(Redactor::default());
    }
    let values = values(site.repo.root(), &side.env).map_err(|error| error.to_string())?;
    let note = noted(site.repo.root(), &warrant.op).ok_or("what it was handed is not noted")?;
    if note.values != digest(site, values.values()) {
        return Err("the values it was handed changed since".into());
    }
    Ok(Redactor::new(values.into_values()))
}

/// Says what came of it, without the values it was handed.
fn report(finished: &Finished, redactor: Result<&Redactor, &String>, mut notes: Vec<String>) -> Report {
    let mut shown = [(Stream::Out, "output"), (Stream::Err, "error output")].map(|(stream, name)| {
        let (text, note) = match redactor {
            Err(why) => (String::new(), Some(format!("its {name} is withheld, since {why}"))),
            Ok(redactor) => match finished.read(stream, OUTPUT_BYTES_MAX as u64 + 1) {
                Err(error) => (String::new(), Some(format!("its {name} cannot be read: {error}"))),
                Ok((bytes, whole)) => {
                    let note = format!("its {name} has {whole} bytes; only the first {OUTPUT_BYTES_MAX} are kept");
                    (text(redactor, &Shown { bytes, whole }), (whole > OUTPUT_BYTES_MAX as u64).then_some(note))
                }
            },
        };
        notes.extend(note);
        Some(text)
    });
    let [stdout, stderr] = shown.each_mut().map(|text| text.take().unwrap_or_default());
    let mut report = Report { exit: finished.ended.exit, stdout, stderr, artifacts: Vec::new(), notes: Vec::new(), sealed: None };
    for note in notes {
        let note = redactor.map_or_else(|_| note.clone(), |redactor| redactor.text(&note));
        fail(&mut report, &note);
    }
    report
}

/// Returns a stream as text, without values, up to what is kept.
fn text(redactor: &Redactor, shown: &Shown) -> String {
    let text = String::from_utf8_lossy(&shown.bytes);
    let mut text = match shown.whole > shown.bytes.len() as u64 {
        // A value may have been cut in two, and so may one of its characters.
        true => redactor.head(text.trim_end_matches(char::REPLACEMENT_CHARACTER)),
        false => redactor.text(&text),
    };
    text.truncate(text.floor_char_boundary(OUTPUT_BYTES_MAX));
    text
}

/// Keeps what is there of the output of a command whose end is not known, for whoever must decide.
fn write(site: &Place, warrant: &Warrant, redactor: Result<&Redactor, &String>, why: &str) {
    let read = |stream| -> io::Result<Shown> {
        let file = fs::File::open(site.claims.stream(&warrant.op, stream))?;
        let (whole, mut bytes) = (file.metadata()?.len(), Vec::new());
        file.take(OUTPUT_BYTES_MAX as u64).read_to_end(&mut bytes)?;
        Ok(Shown { whole: whole.max(bytes.len() as u64 + 1), bytes }) // it may be cut anywhere
    };
    let [out, err] = [Stream::Out, Stream::Err].map(|stream| match (redactor, read(stream)) {
        (Ok(redactor), Ok(shown)) => text(redactor, &shown),
        (Err(_), _) | (_, Err(_)) => String::new(),
    });
    let line_feed = if err.is_empty() || err.ends_with('\n') { "" } else { "\n" };
    log(site, warrant, &out, &format!("{err}{line_feed}studio: {why}\n"));
}

/// Adds a line of ours to the report. A step that has one did not succeed.
pub(super) fn fail(report: &mut Report, why: &str) {
    let line_feed = if report.stderr.is_empty() || report.stderr.ends_with('\n') { "" } else { "\n" };
    report.stderr.push_str(&format!("{line_feed}studio: {why}\n"));
    report.notes.push(why.into());
}

/// Removes the checkout, so that what was bound in for this step is not there for the next one.
fn unbind(workshop: &Workshop, warrant: &Warrant) {
    if let Err(error) = workshop.discard(&warrant.op.run) {
        tracing::warn!(op = %warrant.op, %error, "the checkout of a step stays, with what was bound into it");
    }
}

fn clear_home(site: &Place, warrant: &Warrant) {
    let home = home(site, &warrant.op);
    match fs::remove_dir_all(&home) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(op = %warrant.op, %error, ?home, "the private folder of a step stays")
        }
        Ok(()) | Err(_) => {}
    }
}

fn log(site: &Place, warrant: &Warrant, stdout: &str, stderr: &str) {
    if let Err(error) = keep(site.repo.root(), &warrant.op, stdout, stderr) {
        tracing::warn!(op = %warrant.op, %error, "the log of a step is not kept");
    }
}

//! The Executor's end: one request at a time, until the runtime lets go.

use super::may::{had, hold};
use super::step::{Done, close, fail, recall, run};
use super::wire::{self, Answer, Hello, Report, Request, WireError};
use super::{ExecutorError, Place};
use crate::claim::Ready;
use crate::git::{GitError, Workshop};
use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use studio_core::chores::CommitOrder;
use studio_core::gate::{EditVerdict, judge_edits};
use studio_core::limits::{BRANCHES_MAX, OUTPUT_BYTES_MAX, PROSE_BYTES_MAX};
use studio_core::name::{BranchName, CommitId, Digest, RunId};
use studio_core::step::Op;
use studio_core::text::one_line;
use studio_core::warrant::Warrant;

/// Serves the runtime at the other end of `socket` until it is gone.
///
/// # Errors
/// It speaks another version, or something else altogether. Whatever was begun has ended or was left running.
pub fn serve(mut socket: UnixStream, site: Place) -> Result<(), ExecutorError> {
    let Some(first) = wire::read::<Request>(&mut socket)? else { return Ok(()) };
    let Request::Hello(theirs) = first else { return Err(ExecutorError::NoHello("another message came first".into())) };
    wire::write(&mut socket, &Answer::Hello(Hello { store: Some(site.claims.id().clone()), ..Hello::ours() }))?;
    theirs.check()?;
    let mut bench = Bench { site, workshop: None, ready: None, runs: BTreeMap::new() };
    while let Some(request) = wire::read(&mut socket)? {
        let answer = bench.answer(request);
        let more = matches!(answer, Answer::Ended(_));
        socket_write(&mut socket, answer)?;
        if more && bench.ready.is_none() {
            // One that does not start is tried again when it is needed, and then it is told.
            bench.ready = bench.site.claims.ready(&bench.site.entry).ok();
        }
    }
    Ok(())
}

struct Bench {
    site: Place,
    /// Opened when it is first needed.
    workshop: Option<Workshop>,
    /// A shim for the next step: where one was run, more follow.
    ready: Option<Ready>,
    /// The runs whose steps were all run from here, and whether each was a plain read.
    runs: BTreeMap<RunId, bool>,
}

impl Bench {
    fn answer(&mut self, request: Request) -> Answer {
        let done = match request {
            Request::Hello(_) => Err("a second greeting".to_string()),
            Request::Run(warrant) => {
                let ready = self.ready.take();
                self.note(&warrant).step(&warrant, |site, workshop, warrant| run(site, workshop, warrant, ready))
            }
            Request::Recall(warrant) => self.spoil(&warrant).step(&warrant, recall),
            Request::Close(warrant, why) => {
                self.spoil(&warrant).step(&warrant, |site, workshop, warrant| close(site, workshop, warrant, &one_line(&why, PROSE_BYTES_MAX)))
            }
            // What must not be started is left out here, and refused by name when it is asked for.
            Request::Programs(names) => Ok(Answer::Programs(self.site.programs().all(&names, &self.site.sums).0)),
            Request::Done(key) => self.effects(&key).map(Answer::Done),
            Request::Commit(order) => may_commit(&self.site, &order)
                .and_then(|()| self.hold(&order))
                .and_then(|()| self.chore(|workshop| Ok(Answer::Committed(workshop.commit(&order)?)))),
            Request::FreeBranch(name) => self.chore(|workshop| Ok(Answer::Branch(workshop.free_branch(&name)?))),
            Request::Live(run, epoch, base) => self.live(&run, epoch, base.as_ref()),
            Request::Anchor(run, head) => {
                let anchored = self.site.claims.anchor(&run, head.n, &head.sum);
                anchored.map(|_seal| Answer::Anchored).map_err(|error| error.to_string())
            }
            Request::Discard(run) => {
                let plain = self.runs.remove(&run) == Some(true);
                let away = |workshop: &Workshop| if plain { workshop.park(&run) } else { workshop.discard(&run) };
                let gone = |workshop: &Workshop| away(workshop).and_then(|()| workshop.let_go(&run)).map(|()| Answer::Discarded);
                self.let_go(&run).and_then(|()| self.chore(gone))
            }
        };
        done.unwrap_or_else(Answer::Refused)
    }

    /// Has something done about a step.
    fn step(&mut self, warrant: &Warrant, act: impl FnOnce(&Place, &Workshop, &Warrant) -> Done) -> Result<Answer, String> {
        let (workshop, site) = self.open().map_err(|error| error.to_string())?;
        let answer = match act(site, workshop, warrant) {
            Done::Ended(report) => return Ok(Answer::Ended(report)),
            Done::NeverBegan => Answer::NeverBegan,
            Done::Refused(why) => return Err(why),
            Done::Held(why) => Answer::Held(why),
            Done::Overdue(why) => Answer::Overdue(why),
            Done::Lost(why) => Answer::Lost(why),
        };
        self.spoil(warrant); // it may be at work in its tree
        Ok(answer)
    }

    /// Notes that nobody knows what happened to the tree of a run.
    fn spoil(&mut self, warrant: &Warrant) -> &mut Bench {
        self.runs.insert(warrant.op.run.clone(), false);
        self
    }

    /// Notes what the run did: a tree in which a script ran, or may have run, is nobody else's.
    fn note(&mut self, warrant: &Warrant) -> &mut Bench {
        let read = warrant.step.argv.script().is_none();
        let first = || !self.site.repo.root().join(format!("ai/state/runs/{}/steps", warrant.op.run)).exists();
        let plain = self.runs.get(&warrant.op.run).copied().unwrap_or_else(first);
        self.runs.insert(warrant.op.run.clone(), plain && read);
        self
    }

    /// Remembers the life of a run before anything is granted in it: a store that knows only older ones is older too.
    fn live(&mut self, run: &RunId, epoch: u32, base: Option<&CommitId>) -> Result<Answer, String> {
        self.site.claims.raise(run, epoch).map_err(|error| error.to_string())?;
        let kept = base.map_or(Ok(()), |base| self.open().and_then(|(workshop, _)| workshop.keep(run, base)));
        kept.unwrap_or_else(|error| tracing::warn!(%run, %error, "git may collect the commit it works on"));
        Ok(Answer::Lives)
    }

    /// Takes the paths of a change for its run.
    fn hold(&self, order: &CommitOrder) -> Result<(), String> {
        let paths = order.edits.iter().flat_map(|edit| edit.paths()).cloned().collect();
        hold(&self.site, &order.run, None, paths).map_err(|error| format!("{error}; nothing was committed"))
    }

    /// Lets go of what a run held, and of what its steps wrote, which is in its journal.
    fn let_go(&self, run: &RunId) -> Result<(), String> {
        self.site.claims.release(run).map_err(|error| error.to_string())?;
        self.site.claims.forget_output(run).map_err(|error| format!("what the steps of {run} wrote stays in the store of claims: {error}"))
    }

    fn chore(&mut self, chore: impl FnOnce(&Workshop) -> Result<Answer, GitError>) -> Result<Answer, String> {
        self.open().and_then(|(workshop, _)| chore(workshop)).map_err(|error| error.to_string())
    }

    fn open(&mut self) -> Result<(&Workshop, &Place), GitError> {
        let workshop = match self.workshop.take() {
            Some(workshop) => workshop,
            None => Workshop::open(&self.site.repo)?,
        };
        Ok((self.workshop.insert(workshop), &self.site))
    }

    /// Returns the ops that had an effect, or may have had it.
    fn effects(&self, key: &Digest) -> Result<Vec<Op>, String> {
        had(&self.site.claims, key).map_err(|error| error.to_string())
    }
}

/// Says whether the rules let a change be committed unasked, on the branch of its ticket.
fn may_commit(site: &Place, order: &CommitOrder) -> Result<(), String> {
    let wanted = BranchName::of_engineer(&site.branch, &order.ticket, &order.run).map_err(|error| error.to_string())?;
    if order.branch != wanted && !(2..=BRANCHES_MAX).any(|number| wanted.numbered(number) == order.branch) {
        return Err(format!(
            "{} is not the branch of {}, which is {wanted}, or that with a number: nothing was committed",
            order.branch, order.ticket
        ));
    }
    let tree = site.repo.base(Some(order.base.as_str())).map_err(|error| error.to_string())?;
    let judged = judge_edits(site.gate.as_ref(), &tree, &order.edits, order.stage).map_err(|error| error.to_string())?;
    for (edit, judgement) in order.edits.iter().zip(judged) {
        match judgement.verdict {
            EditVerdict::Pass | EditVerdict::Gate => {}
            EditVerdict::Ask | EditVerdict::Block => {
                let paths = edit.paths().map(ToString::to_string).collect::<Vec<_>>().join(" to ");
                return Err(format!("the rules say {} to the edit of {paths}: {}; nothing was committed", judgement.verdict, judgement.why));
            }
        }
    }
    Ok(())
}

/// Answers; an answer that grew too long for a message on its way into one is cut.
fn socket_write(socket: &mut UnixStream, answer: Answer) -> Result<(), WireError> {
    match (wire::write(socket, &answer), answer) {
        (Err(WireError::Long(_)), Answer::Ended(report)) => wire::write(socket, &Answer::Ended(cut(report))),
        (written, _) => written,
    }
}

/// Keeps so much of the output that it fits into a message in any spelling.
fn cut(mut report: Report) -> Report {
    let most = OUTPUT_BYTES_MAX / 4;
    for text in [&mut report.stdout, &mut report.stderr] {
        text.truncate(text.floor_char_boundary(most));
    }
    fail(&mut report, &format!("its output is full of control characters; only the first {most} bytes of each stream are kept"));
    report
}

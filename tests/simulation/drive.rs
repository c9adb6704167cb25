//! One seed from its first event to its end: life after life of the Studio over one disk and one lab, with trouble between them.

use super::cast::{Medium, Moods, crew};
use super::lab::Lab;
use super::outside::{self, Waits};
use super::process::hour;
use super::script::{DrawnRules, Script, script};
use super::seed::{Dice, Seed};
use super::watch::Watch;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use studio_core::event::{Closing, Mode, Parked, Planned};
use studio_core::host::Executor;
use studio_core::journal::{JournalError, Log};
use studio_core::model::Model;
use studio_core::name::Digest;
use studio_core::permit::Pretend;
use studio_core::run::{Run, StepRecord, StepState};
use studio_core::step::{Op, StepNo};
use studio_core::store::{Disk, list_runs};
use studio_core::supervisor::{Rest, RunError};
use studio_core::tree::{MemoryTree, Tree};
use studio_tests::chores::{CommittedTree, LedgerChores};
use studio_tests::disk::{Fault, ModelDisk, Survives};
use studio_tests::host::LedgerHost;
use studio_tests::life::{RUNS, World, now, opened};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Lives with trouble, and lives in all: after the last troubled one everything goes well.
const TROUBLED_LIVES: u32 = 8;
const LIVES_MAX: u32 = 60;
/// Runs of one ticket.
const RUNS_MAX: u32 = 2;

/// What came of a seed.
pub(crate) struct Told {
    pub(crate) story: String,
    pub(crate) tally: BTreeMap<&'static str, u64>,
    pub(crate) failure: Option<String>,
}

/// A studio in a box, with everything that a seed put into it.
pub(super) struct Play {
    pub(super) seed: Seed,
    pub(super) world: World,
    pub(super) lab: Lab,
    pub(super) moods: Moods,
    pub(super) watch: Watch,
    pub(super) script: Script,
    pub(super) began: Instant,
    pub(super) dice: Dice,
    pub(super) executor: Option<Executor<Pretend>>,
    /// What the disk held after the last life.
    pub(super) left: Option<(PathBuf, Log)>,
    /// Runs of the ticket that are over.
    over: Vec<PathBuf>,
}

/// How a life ended.
enum End {
    /// By itself: with this state.
    Rested(Rest, Digest),
    /// With an error.
    Failed(RunError),
    /// It was killed.
    Killed,
}

/// Plays a seed to its end, on a runtime of its own whose clock is paused.
pub(crate) fn play(seed: Seed) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let watch = Watch::default();
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tokio::task::LocalSet::new().block_on(&runtime, async { Play::new(seed, &watch).live_to_the_end().await });
    }));
    if let Err(panic) = played {
        let words = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        watch.wrong(format!("a panic: {}", words.unwrap_or_default()));
    }
    let failure = watch.failure();
    let (story, tally) = watch.end();
    Told { story, tally, failure }
}

impl Play {
    fn new(seed: Seed, watch: &Watch) -> Play {
        let script = Script::of(seed);
        let moods = Moods::new(seed.dice("moods"), watch);
        let (gate, crew) = (Arc::new(DrawnRules::of(seed)), crew(&script, &moods));
        let files = [("docs/old.md", "old"), (self::script().as_str(), "true")].map(|(path, text)| (path.parse().unwrap(), text.into()));
        let tree = Arc::new(CommittedTree(MemoryTree(files.into())));
        let mut opened = opened(script.ticket(), script.planned, script.approvals, &crew, gate.as_ref());
        (opened.mode, opened.base, opened.began, opened.limits) = (script.mode, tree.commit(), Some(now()), script.limits);
        opened.branch = (script.mode == Mode::Live && script.planned == Planned::Crew).then(|| "engineer/sim-20260115".parse().unwrap());
        let model = Some(Arc::new(Medium(script.clone(), moods.clone())) as Arc<dyn Model>);
        let (disk, host, chores) = (ModelDisk::default(), LedgerHost::default(), LedgerChores::default());
        let world = World { disk, host, chores, gate, tree, crew, model, opened, now: now() };
        let (lab, dice) = (Lab::new(seed, watch), seed.dice("lives"));
        Play { seed, world, lab, moods, watch: watch.clone(), script, began: Instant::now(), dice, executor: None, left: None, over: Vec::new() }
    }

    /// Lives run after run of the same ticket, until it is done or was tried often enough.
    async fn live_to_the_end(&mut self) {
        for run in 1..=RUNS_MAX {
            let over = self.live_to_its_end().await;
            let done = over.is_none_or(|over| over != Rest::Over(Closing::Failed) && over != Rest::Over(Closing::OutOfRounds));
            if done || run == RUNS_MAX || self.script.mode != Mode::Live || self.watch.failure().is_some() {
                return;
            }
            self.watch.count("run: another of the same ticket");
            self.over.extend(self.left.take().map(|(dir, _)| dir));
            (self.world.chores, self.executor) = (LedgerChores::default(), None);
            self.watch.another();
        }
    }

    /// Lives until the run is over, and returns how.
    async fn live_to_its_end(&mut self) -> Option<Rest> {
        for life in 1..=LIVES_MAX {
            self.lab.calm(life > TROUBLED_LIVES);
            self.moods.calm(life > TROUBLED_LIVES);
            self.watch.tell(&format!("life {life}, {}", studio_core::clock::stamp(hour(self.began))));
            let end = self.live(life).await;
            let run = self.compare(&end);
            if self.watch.failure().is_some() {
                return None;
            }
            if let End::Rested(rest @ (Rest::Over(_) | Rest::Parked(Parked::NeedsReview, _)), _) = end {
                self.replayed().await;
                return Some(rest);
            }
            if life > 1 && self.dice.chance(10) {
                self.replayed().await;
            }
            self.between(life, run.as_ref()).await;
        }
        self.watch.wrong(format!("it does not end within {LIVES_MAX} lives"));
        None
    }

    /// Lives once, as long as trouble lets it.
    async fn live(&mut self, life: u32) -> End {
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        self.lab.may_kill(&kill);
        self.moods.may_kill(&kill);
        self.watch.stop_after(None, &stop);
        let mut model = self.world.model.clone();
        let troubled = life <= TROUBLED_LIVES;
        if troubled && self.dice.chance(25) {
            let at = 1 + self.dice.below(if life == 1 { 60 } else { 30 });
            self.world.disk.fault(at, self.dice.weighted(&[(80, Fault::PowerCut), (10, Fault::NoSpace), (10, Fault::Broken)]));
        } else if troubled && self.dice.chance(15) {
            self.watch.stop_after(Some(1 + self.dice.below(20)), &stop);
        } else if troubled && self.dice.chance(3) {
            self.watch.count("setting: no model");
            model = None;
        }
        let executor = self.executor.take().unwrap_or_else(|| Executor::before(self.lab.clone()));
        let end = tokio::select! {
            biased;
            () = kill.cancelled() => End::Killed,
            ended = self.work(model, executor.clone(), stop) => ended.map_or_else(End::Failed, |(rest, state)| End::Rested(rest, state)),
        };
        self.watch.tell(&match &end {
            End::Rested(rest, _) => {
                self.watch.count(name(rest));
                format!("-> {rest:?}")
            }
            End::Failed(error) => format!("-> {error}"),
            End::Killed => "-> killed".into(),
        });
        // A run that rests may be taken up again by the same process, whose Executor may still be busy.
        if matches!(end, End::Rested(..)) && self.dice.chance(40) {
            self.executor = Some(executor);
        }
        self.die(&end);
        end
    }

    /// What is left of a life: a process that rested or was killed leaves its files, a power cut what was synced.
    fn die(&mut self, end: &End) {
        let survives = Survives { names: self.dice.chance(50), percent: self.dice.pick(&[0, 50, 99, 100]) };
        let cut = match end {
            End::Rested(..) => self.executor.is_none() && self.dice.chance(20),
            End::Failed(_) | End::Killed => self.dice.chance(60),
        };
        if cut {
            self.watch.count("restart: power cut");
            self.executor = None;
            self.world.disk.restart(survives);
        } else {
            self.watch.count(match end {
                End::Rested(Rest::Stopped, _) => "restart: stopped",
                End::Rested(..) => "restart: rested",
                End::Failed(_) => "restart: after an error",
                End::Killed => "restart: killed",
            });
            self.world.disk.revive();
        }
        let left = self.left();
        let (journal, entries) = left.as_ref().map_or((&[][..], &[][..]), |(_, log, journal)| (journal, &log.entries));
        self.watch.restart(journal, entries);
        self.left = left.map(|(dir, log, _)| (dir, log));
    }

    /// Returns the run that the disk holds, if one began there.
    fn left(&self) -> Option<(PathBuf, Log, Vec<u8>)> {
        for run in list_runs(&self.world.disk, Path::new(RUNS)).unwrap_or_default() {
            let dir = Path::new(RUNS).join(run.as_str());
            if self.over.contains(&dir) {
                continue;
            }
            let Ok(journal) = self.world.disk.read(&dir.join("journal.jsonl"), u64::MAX) else { continue };
            match Log::read(&journal) {
                Ok(log) => return Some((dir, log, journal)),
                Err(JournalError::Empty) => {} // it never began
                Err(error) => self.watch.wrong(error.to_string()),
            }
        }
        None
    }

    /// Holds the run against the reference and against itself.
    fn compare(&self, end: &End) -> Option<Run> {
        let (_, log) = self.left.as_ref()?;
        let run = match log.fold() {
            Ok(run) => run,
            Err(error) => {
                self.watch.wrong(format!("the journal makes no sense: {error}"));
                return None;
            }
        };
        if let End::Rested(_, state) = end
            && run.hash() != *state
        {
            self.watch.wrong("the journal folds to another state than the one that was left".into());
        }
        let spent = run.spent();
        let (calls, tokens, called) = self.watch.ask(|reference| (reference.book().calls, reference.book().tokens, reference.called()));
        if (spent.model_calls, (spent.tokens_in, spent.tokens_out)) != (calls, tokens) {
            self.watch.wrong(format!("the run says {spent:?}, the journal holds {calls} calls and {tokens:?} tokens"));
        }
        if calls < called {
            self.watch.wrong(format!("the model was called {called} times, the journal holds {calls}"));
        }
        Some(run)
    }

    /// Lets the outside act, and time pass.
    async fn between(&mut self, life: u32, run: Option<&Run>) {
        let waits = run.and_then(|run| self.waits(run));
        if life < TROUBLED_LIVES && self.dice.chance(3) {
            self.watch.count("claims: lost");
            self.executor = None;
            self.lab.lose_claims();
        }
        if life >= TROUBLED_LIVES {
            return outside::calm(&self.world, &self.watch, waits.as_ref(), hour(self.began)).await;
        }
        outside::act(&self.world, &self.watch, waits.as_ref(), &mut self.dice, hour(self.began)).await;
    }

    /// Returns what the run waits for a human about.
    fn waits(&self, run: &Run) -> Option<Waits> {
        let waits = |record: &StepRecord| matches!(record.state, StepState::Asked(_) | StepState::Approved(_) | StepState::Unknown(_));
        let (at, record) = run.steps().iter().enumerate().rfind(|(_, record)| waits(record))?;
        let op = Op { run: run.id()?.clone(), step: StepNo(at as u32 + 1), attempt: record.attempt };
        let unknown = matches!(record.state, StepState::Unknown(_));
        let dir = self.left.as_ref()?.0.clone();
        Some(Waits { dir, op, effect: record.judgement.as_ref()?.digest.clone(), unknown })
    }
}

fn name(rest: &Rest) -> &'static str {
    match rest {
        Rest::Over(state) => state.name(),
        Rest::Parked(state, _) => state.name(),
        Rest::Stopped => "stopped",
    }
}

//! The lab: a host that truly counts effects, keeps its claims over restarts, and fails in every way that it knows.

use super::fate::Fate;
use super::reference::Fact;
use super::seed::{Dice, Seed};
use super::watch::Watch;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use studio_core::host::{Assumed, Ended, Host, Recalled, Seen};
use studio_core::name::{Digest, RunId, StoreId};
use studio_core::permit::{Permit, Pretend};
use studio_core::program::Program;
use studio_core::step::{Op, Step};
use studio_core::warrant::Warrant;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The machines: they outlive every Studio.
#[derive(Clone)]
pub(crate) struct Lab {
    inside: Arc<Mutex<Inside>>,
    watch: Watch,
}

/// What a claim says.
#[derive(Clone)]
enum Claim {
    /// It runs until the first hour, may run until the second, and will end so.
    Running(Instant, Instant, Ended),
    /// It ended so.
    Ended(Ended),
    /// Nobody can say how it ended.
    Lost,
    /// A tombstone: it never ran and never will.
    Refused(String),
}

struct Inside {
    seed: Seed,
    dice: Dice,
    /// Where ops are claimed; another one once the claims are lost.
    store: u32,
    claims: BTreeMap<Op, Claim>,
    /// What each op does for its ticket.
    keys: BTreeMap<Op, Digest>,
    /// The ops whose effect is there.
    effects: BTreeSet<Op>,
    /// The last life of each run that was heard of.
    epochs: BTreeMap<RunId, u32>,
    /// What always fails in the same way, while not all is calm.
    sick: Option<&'static str>,
    /// Whether what fails says why.
    understood: bool,
    calm: bool,
    kill: CancellationToken,
}

impl Lab {
    pub(crate) fn new(seed: Seed, watch: &Watch) -> Lab {
        let (dice, kill, mut ills) = (seed.dice("lab"), CancellationToken::new(), seed.dice("ills"));
        let (sick, understood) = (ills.weighted(&[(60, None), (15, Some("push")), (25, Some("look"))]), ills.chance(60));
        let (claims, keys, effects) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let inside = Inside { seed, dice, store: 1, claims, keys, effects, epochs: BTreeMap::new(), sick, understood, calm: false, kill };
        Lab { inside: Arc::new(Mutex::new(inside)), watch: watch.clone() }
    }

    /// Says what ends the Studio's life.
    pub(crate) fn may_kill(&self, kill: &CancellationToken) {
        self.inside().kill = kill.clone();
    }

    /// Loses every claim: another store stands in their place.
    pub(crate) fn lose_claims(&self) {
        self.watch.see(Fact::Forgot);
        let mut inside = self.inside();
        inside.store += 1;
        inside.claims.clear();
    }

    /// Lets nothing fail, or everything that can.
    pub(crate) fn calm(&self, calm: bool) {
        self.inside().calm = calm;
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Begins an op: its claim is there before its effect is.
    fn begin(&self, op: &Op, step: &Step, lasts: Duration) -> Ended {
        let ended = self.inside().outcome(op, step);
        self.watch.see(Fact::Began(op, step));
        let (now, limit) = (Instant::now(), Duration::from_secs(step.timeout_seconds.get().into()));
        let mut inside = self.inside();
        inside.claims.insert(op.clone(), Claim::Running(now + lasts, now + limit, ended.clone()));
        inside.effects.insert(op.clone());
        ended
    }

    /// The command ends, and its claim says so if it is still there.
    fn finish(&self, op: &Op, ended: Ended) -> Ended {
        self.watch.see(Fact::Ended(op, &ended));
        if let Some(claim) = self.inside().claims.get_mut(op) {
            *claim = Claim::Ended(ended.clone());
        }
        ended
    }

    /// Begins an op and ends it.
    fn carry_out(&self, op: &Op, step: &Step) -> Ended {
        let ended = self.begin(op, step, Duration::ZERO);
        self.finish(op, ended)
    }

    /// The machine dies in mid-command: the effect may be there or not.
    fn lose(&self, op: &Op, step: &Step) {
        self.begin(op, step, Duration::ZERO);
        let mut inside = self.inside();
        inside.claims.insert(op.clone(), Claim::Lost);
        if inside.dice.chance(50) {
            inside.effects.remove(op);
        }
    }

    /// Puts a tombstone where a claim would stand.
    fn refuse(&self, op: &Op, why: &str) {
        self.watch.see(Fact::Refused(op));
        self.inside().claims.insert(op.clone(), Claim::Refused(why.into()));
    }

    async fn studio_dies(&self) -> Seen {
        self.inside().kill.cancel();
        std::future::pending().await
    }

    async fn run(&self, op: &Op, step: &Step, fate: Fate) -> Seen {
        let limit = Duration::from_secs(step.timeout_seconds.get().into());
        let (slow, too_slow) = (limit * 2 / 3, limit + Duration::from_secs(7200));
        match fate {
            Fate::Ends => Seen::Ended(self.carry_out(op, step)),
            Fate::Slow => {
                let ended = self.begin(op, step, slow);
                tokio::time::sleep(slow).await;
                Seen::Ended(self.finish(op, ended))
            }
            Fate::TooSlow => {
                self.begin(op, step, too_slow);
                tokio::time::sleep(limit).await;
                Seen::Overdue("it is still running".into())
            }
            Fate::AnswerLost => {
                self.carry_out(op, step);
                Seen::Gone("the line to the lab broke".into())
            }
            Fate::Silent => {
                self.begin(op, step, slow);
                std::future::pending().await
            }
            Fate::Dies => {
                self.lose(op, step);
                Seen::Lost("the machine died in mid-command".into())
            }
            Fate::Refused => {
                self.refuse(op, "its disk is full");
                Seen::Refused("its disk is full".into())
            }
            Fate::Panics => {
                self.carry_out(op, step);
                std::panic::resume_unwind(Box::new("the Executor trips")) // no hook, so nothing is printed
            }
            Fate::StudioDiesBefore => self.studio_dies().await,
            Fate::StudioDiesMeanwhile => {
                self.begin(op, step, slow);
                self.studio_dies().await
            }
            Fate::StudioDiesAfter => {
                self.carry_out(op, step);
                self.studio_dies().await
            }
            Fate::StudioDiesOverdue => {
                self.begin(op, step, too_slow);
                self.studio_dies().await
            }
            Fate::StudioDiesRefused => {
                self.refuse(op, "its disk is full");
                self.studio_dies().await
            }
            Fate::BothDie => {
                self.lose(op, step);
                self.studio_dies().await
            }
        }
    }

    /// Says what the claim of an op says; waits as long as it may run.
    async fn look(&self, op: &Op) -> Recalled {
        let claim = self.inside().claims.get(op).cloned();
        match claim {
            None => Recalled::NeverBegan,
            Some(Claim::Ended(ended)) => Recalled::Ended(ended),
            Some(Claim::Lost) => Recalled::Unknown("the machine died in mid-command".into()),
            Some(Claim::Refused(why)) => Recalled::Refused(why),
            Some(Claim::Running(until, limit, ended)) => {
                if until.min(limit) > Instant::now() {
                    self.watch.count("recall: running");
                    tokio::time::sleep_until(until.min(limit)).await;
                }
                if until <= Instant::now() { Recalled::Ended(self.finish(op, ended)) } else { Recalled::Overdue("it is still running".into()) }
            }
        }
    }

    /// Answers a later life of the run that asks for an op.
    async fn asked_again(&self, warrant: &Warrant) -> Recalled {
        let (gone, other) = {
            let mut inside = self.inside();
            inside.hear(warrant);
            (!inside.calm && inside.dice.chance(8), warrant.store != Some(inside.store()))
        };
        let told = match (gone, other) {
            (true, _) => Recalled::Gone("the lab cannot be reached".into()),
            (false, true) => Recalled::Unknown("the claims are not those it was granted under".into()),
            (false, false) => self.look(&warrant.op).await,
        };
        self.watch.count(match &told {
            Recalled::NeverBegan => "recall: never began",
            Recalled::Ended(_) => "recall: ended",
            Recalled::Refused(_) => "recall: refused",
            Recalled::Overdue(_) => "recall: overdue",
            Recalled::Unknown(_) if other => "recall: other store",
            Recalled::Unknown(_) => "recall: lost",
            Recalled::Gone(_) => "recall: gone",
        });
        told
    }
}

impl Inside {
    /// Hears of a life of a run; says whether it is the last one.
    fn hear(&mut self, warrant: &Warrant) -> bool {
        let last = self.epochs.entry(warrant.op.run.clone()).or_default();
        *last = warrant.epoch.max(*last);
        *last == warrant.epoch
    }

    fn store(&self) -> StoreId {
        format!("{:032x}", self.store).try_into().unwrap()
    }

    /// What a command shows, the same for the same op. A read that looks for what another op of the same
    /// step did tells the truth, if it tells anything.
    fn outcome(&self, op: &Op, step: &Step) -> Ended {
        let key = self.keys.get(op);
        let other = |other: &Op| other.run == op.run && other.step == op.step && other.attempt < op.attempt && self.keys.get(other) != key;
        let (looks, there) = (self.keys.keys().any(other), self.effects.iter().any(other));
        let mut dice = self.seed.dice(&op.to_string());
        let sick = self.sick.is_some_and(|sick| step.argv.args().any(|word| word == sick));
        let well = self.calm || (!sick && dice.chance(85));
        let exit = match (well, sick) {
            (true, _) => Some(step.expect.exit.into()),
            (false, true) => Some(1),
            (false, false) => dice.pick(&[Some(1), Some(3), None]),
        };
        let long = if dice.chance(2) { 70_000 } else { 0 };
        let word = if looks && !there { "nothing" } else { dice.pick(if well { &["ok"] } else { &["ok", "bad"] }) };
        let stderr = match dice.below(10) {
            _ if !well && (sick || dice.chance(30)) => {
                let words = if self.understood { "connection refused" } else { "something broke" };
                format!("error: {words}, {}:{} after {} s", dice.below(256), dice.below(10_000), dice.below(60))
            }
            0 | 1 => "warning".into(),
            _ => String::new(),
        };
        Ended {
            exit,
            stdout: format!("{word}{}", "\n".repeat(long)),
            stderr,
            assumed: Assumed::No,
            artifacts: Vec::new(),
            sealed: None,
            notes: Vec::new(),
        }
    }
}

#[async_trait]
impl Host for Lab {
    type Mode = Pretend;

    async fn execute(&self, permit: Permit<Pretend>) -> Seen {
        let warrant = permit.into_warrant();
        let op = &warrant.op;
        {
            let mut inside = self.inside();
            if !inside.hear(&warrant) {
                return Seen::Refused("a later life of the run was here".into());
            }
            inside.keys.insert(op.clone(), warrant.effect_key(None));
        }
        self.watch.see(Fact::Handed(op));
        match self.look(op).await {
            Recalled::NeverBegan => {}
            Recalled::Ended(ended) => return Seen::Ended(ended),
            Recalled::Refused(why) => return Seen::Refused(why),
            Recalled::Overdue(why) => return Seen::Overdue(why),
            Recalled::Unknown(why) | Recalled::Gone(why) => return Seen::Lost(why),
        }
        let (fate, name) = {
            let mut inside = self.inside();
            let calm = inside.calm;
            Fate::draw(&mut inside.dice, calm)
        };
        self.watch.count(name);
        self.run(op, &warrant.step, fate).await
    }

    async fn recall(&self, warrant: &Warrant) -> Recalled {
        self.asked_again(warrant).await
    }

    async fn close(&self, warrant: &Warrant, why: &str) -> Recalled {
        let told = self.asked_again(warrant).await;
        if told == Recalled::NeverBegan {
            self.refuse(&warrant.op, why);
            return Recalled::Refused(why.into());
        }
        told
    }

    async fn done(&self, key: &Digest) -> Result<Vec<Op>, String> {
        let mut inside = self.inside();
        if !inside.calm && inside.dice.chance(2) {
            self.watch.count("done: unreadable");
            return Err("the claims cannot be read".into());
        }
        let same = inside.claims.iter().filter(|(op, claim)| inside.keys.get(*op) == Some(key) && !matches!(claim, Claim::Refused(_)));
        Ok(same.map(|(op, _)| op.clone()).collect())
    }

    async fn programs(&self, _: &BTreeSet<String>) -> Result<Vec<Program>, String> {
        Ok(Vec::new())
    }

    fn store(&self) -> Option<StoreId> {
        Some(self.inside().store())
    }
}

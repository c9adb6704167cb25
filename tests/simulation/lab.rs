//! The lab: a host that truly counts effects, keeps its claims over restarts, and fails in every way that it knows.

use super::reference::Fact;
use super::seed::{Dice, Seed};
use super::watch::Watch;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use studio_core::host::{Assumed, Ended, Host, Recalled, Seen};
use studio_core::permit::{Permit, Pretend};
use studio_core::step::{Op, Step};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How the lab deals with an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It runs and its end is told.
    Ends,
    /// It takes its time, within its limit.
    Slow,
    /// It takes longer than anybody waits, and ends.
    TooSlow,
    /// It ends; the answer does not arrive.
    AnswerLost,
    /// The machine dies in mid-command: nobody will ever know.
    Dies,
    /// It is refused where it should run.
    Refused,
    /// The Executor panics after the command ended.
    Panics,
    /// The Studio dies before the command begins.
    StudioDiesBefore,
    /// The Studio dies while the command runs.
    StudioDiesMeanwhile,
    /// The Studio dies after the command ended.
    StudioDiesAfter,
    /// The Studio dies, and the command runs on for longer than anybody waits.
    StudioDiesOverdue,
    /// The Studio and the machine die in mid-command.
    BothDie,
}

/// What a claim says.
#[derive(Clone)]
enum Claim {
    /// It runs until then, and will end so.
    Running(Instant, Ended),
    /// It ended so.
    Ended(Ended),
    /// Nobody can say how it ended.
    Lost,
    /// A tombstone: it never ran and never will.
    Refused(String),
}

/// What a host's record answers about an op: the whole table of claims.
enum Record {
    Nothing,
    Running(Instant),
    Ended(Ended),
    Lost(String),
    /// Still running, beyond its limit.
    Overdue,
    Refused(String),
}

/// The machines: they outlive every Studio.
#[derive(Clone)]
pub(crate) struct Lab {
    inside: Arc<Mutex<Inside>>,
    watch: Watch,
}

struct Inside {
    seed: Seed,
    dice: Dice,
    claims: BTreeMap<Op, Claim>,
    /// Where the claims cannot be read for so many looks.
    unreachable: u32,
    calm: bool,
    life: u32,
    kill: CancellationToken,
}

/// The lab, as one Executor reaches it. One of an earlier life is turned away.
pub(crate) struct Reach(Lab, u32);

impl Lab {
    pub(crate) fn new(seed: Seed, watch: &Watch) -> Lab {
        let (dice, kill) = (seed.dice("lab"), CancellationToken::new());
        let inside = Inside { seed, dice, claims: BTreeMap::new(), unreachable: 0, calm: false, life: 0, kill };
        Lab { inside: Arc::new(Mutex::new(inside)), watch: watch.clone() }
    }

    /// Lets a new Executor reach the lab, and none before it.
    pub(crate) fn reach(&self) -> Reach {
        let mut inside = self.inside();
        inside.life += 1;
        Reach(self.clone(), inside.life)
    }

    /// Says what ends the Studio's life.
    pub(crate) fn may_kill(&self, kill: &CancellationToken) {
        self.inside().kill = kill.clone();
    }

    /// Lets nothing fail any more.
    pub(crate) fn calm_down(&self) {
        let mut inside = self.inside();
        (inside.calm, inside.unreachable) = (true, 0);
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Draws what becomes of an op.
    fn fate(&self) -> Fate {
        let mut inside = self.inside();
        let calm = inside.calm;
        let fates = [
            (if calm { 100 } else { 55 }, Fate::Ends),
            (10, Fate::Slow),
            (4, Fate::TooSlow),
            (5, Fate::AnswerLost),
            (4, Fate::Dies),
            (3, Fate::Refused),
            (3, Fate::Panics),
            (5, Fate::StudioDiesBefore),
            (5, Fate::StudioDiesMeanwhile),
            (5, Fate::StudioDiesAfter),
            (2, Fate::StudioDiesOverdue),
            (3, Fate::BothDie),
        ];
        let fates = if calm { &fates[..1] } else { &fates[..] };
        inside.dice.weighted(fates)
    }

    /// Begins an op: its claim is there before its effect is.
    fn begin(&self, op: &Op, step: &Step, lasts: Duration) -> Ended {
        let ended = self.inside().outcome(op, step);
        self.watch.see(Fact::Began(op, step));
        self.inside().claims.insert(op.clone(), Claim::Running(Instant::now() + lasts, ended.clone()));
        ended
    }

    /// The command ends and its claim says so.
    fn finish(&self, op: &Op, ended: Ended) -> Ended {
        self.watch.see(Fact::Ended(op, &ended));
        self.inside().claims.insert(op.clone(), Claim::Ended(ended.clone()));
        ended
    }

    /// Looks at the claim of an op.
    fn record(&self, op: &Op, wait: Duration) -> Record {
        let claim = self.inside().claims.get(op).cloned();
        match claim {
            None => Record::Nothing,
            Some(Claim::Ended(ended)) => Record::Ended(ended),
            Some(Claim::Lost) => Record::Lost("the machine died in mid-command".into()),
            Some(Claim::Refused(why)) => Record::Refused(why),
            Some(Claim::Running(until, ended)) if until <= Instant::now() => Record::Ended(self.finish(op, ended)),
            Some(Claim::Running(until, _)) if until > Instant::now() + wait => Record::Overdue,
            Some(Claim::Running(until, _)) => Record::Running(until),
        }
    }

    async fn studio_dies(&self) -> Seen {
        self.inside().kill.cancel();
        std::future::pending().await
    }

    async fn run(&self, op: &Op, step: &Step, fate: Fate) -> Seen {
        let limit = u64::from(step.timeout_seconds.get());
        let (slow, too_slow) = (Duration::from_secs(limit * 2 / 3), Duration::from_secs(limit + 7200));
        match fate {
            Fate::Ends => {
                let ended = self.begin(op, step, Duration::ZERO);
                Seen::Ended(self.finish(op, ended))
            }
            Fate::Slow | Fate::TooSlow => {
                let lasts = if fate == Fate::Slow { slow } else { too_slow };
                let ended = self.begin(op, step, lasts);
                tokio::time::sleep(lasts).await;
                Seen::Ended(self.finish(op, ended))
            }
            Fate::AnswerLost => {
                let ended = self.begin(op, step, Duration::ZERO);
                self.finish(op, ended);
                Seen::Lost("the line to the lab broke".into())
            }
            Fate::Dies => {
                self.begin(op, step, Duration::ZERO);
                self.inside().claims.insert(op.clone(), Claim::Lost);
                Seen::Lost("the machine died in mid-command".into())
            }
            Fate::Refused => {
                let why = "its disk is full".to_string();
                self.watch.see(Fact::Refused(op));
                self.inside().claims.insert(op.clone(), Claim::Refused(why.clone()));
                Seen::Refused(why)
            }
            Fate::Panics => {
                let ended = self.begin(op, step, Duration::ZERO);
                self.finish(op, ended);
                std::panic::resume_unwind(Box::new("the Executor trips")) // no hook, so nothing is printed
            }
            Fate::StudioDiesBefore => self.studio_dies().await,
            Fate::StudioDiesMeanwhile => {
                self.begin(op, step, slow);
                self.studio_dies().await
            }
            Fate::StudioDiesOverdue => {
                self.begin(op, step, too_slow);
                self.studio_dies().await
            }
            Fate::BothDie => {
                self.begin(op, step, Duration::ZERO);
                self.inside().claims.insert(op.clone(), Claim::Lost);
                self.studio_dies().await
            }
            Fate::StudioDiesAfter => {
                let ended = self.begin(op, step, Duration::ZERO);
                self.finish(op, ended);
                self.studio_dies().await
            }
        }
    }
}

impl Inside {
    /// What a command shows, the same for the same op.
    fn outcome(&mut self, op: &Op, step: &Step) -> Ended {
        let mut dice = self.seed.dice(&format!("{}.{}", op.step, op.attempt));
        let well = self.calm || dice.chance(85);
        let exit = if well { Some(step.expect.exit.into()) } else { dice.pick(&[Some(1), Some(3), None]) };
        let long = if dice.chance(2) { 70_000 } else { 0 };
        let stdout = format!("{}{}", if well || dice.chance(50) { "ok" } else { "bad" }, "\n".repeat(long));
        let stderr = if dice.chance(20) { "warning".into() } else { String::new() };
        Ended { exit, stdout, stderr, assumed: Assumed::No, artifacts: Vec::new() }
    }
}

#[async_trait]
impl Host for Reach {
    type Mode = Pretend;

    async fn execute(&self, permit: Permit<Pretend>) -> Seen {
        let (lab, op) = (&self.0, permit.op().clone());
        if lab.inside().life != self.1 {
            return Seen::Refused("another Executor came after this one".into());
        }
        lab.watch.see(Fact::Handed(&op));
        let step = permit.redeem();
        match lab.record(&op, Duration::ZERO) {
            Record::Refused(why) => Seen::Refused(why),
            Record::Running(_) | Record::Ended(_) | Record::Lost(_) | Record::Overdue => Seen::Lost("it is claimed already".into()),
            Record::Nothing => {
                let fate = lab.fate();
                lab.watch.count(fate.name());
                lab.run(&op, &step, fate).await
            }
        }
    }

    async fn recall(&self, op: &Op) -> Recalled {
        let lab = &self.0;
        {
            let mut inside = lab.inside();
            if !inside.calm && inside.dice.chance(8) {
                inside.unreachable = 1;
            }
            if inside.unreachable > 0 {
                inside.unreachable -= 1;
                lab.watch.count("recall: unreachable");
                return Recalled::Unknown("the claims cannot be reached".into());
            }
        }
        let record = lab.record(op, Duration::from_secs(3600));
        if let Record::Running(until) = record {
            lab.watch.count("recall: running");
            tokio::time::sleep_until(until).await;
            return told(lab, lab.record(op, Duration::ZERO));
        }
        told(lab, record)
    }
}

/// The one place that turns the table of claims into what a host can say.
fn told(lab: &Lab, record: Record) -> Recalled {
    let (name, told) = match record {
        // A tombstone is claimed at the next try, which is refused again. Once hosts say `Refused`: say it here.
        Record::Nothing | Record::Refused(_) => ("recall: never began", Recalled::NeverBegan),
        Record::Ended(ended) => ("recall: ended", Recalled::Ended(ended)),
        Record::Lost(why) => ("recall: lost", Recalled::Unknown(why)),
        // Once hosts say `Overdue`: say it here, and in `execute` where `Fate::TooSlow` is over its limit.
        Record::Running(_) | Record::Overdue => ("recall: overdue", Recalled::Unknown("it is still running".into())),
    };
    lab.watch.count(name);
    told
}

impl Fate {
    fn name(self) -> &'static str {
        match self {
            Fate::Ends => "lab: ends",
            Fate::Slow => "lab: slow",
            Fate::TooSlow => "lab: too slow",
            Fate::AnswerLost => "lab: answer lost",
            Fate::Dies => "lab: dies in mid-command",
            Fate::Refused => "lab: refuses",
            Fate::Panics => "lab: Executor panics",
            Fate::StudioDiesBefore => "lab: studio dies before",
            Fate::StudioDiesMeanwhile => "lab: studio dies meanwhile",
            Fate::StudioDiesAfter => "lab: studio dies after",
            Fate::StudioDiesOverdue => "lab: studio dies, command overdue",
            Fate::BothDie => "lab: studio and machine die",
        }
    }
}

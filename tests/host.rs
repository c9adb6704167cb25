//! A pretended host with a memory: it counts what it ran, and outlives the lives of the Studio.

use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use studio_core::host::{Ended, Host, PretendHost, Recalled, Scenario, Seen};
use studio_core::name::{Digest, StoreId};
use studio_core::permit::{Permit, Pretend};
use studio_core::program::Program;
use studio_core::step::Op;
use studio_core::warrant::Warrant;

/// A host whose effects outlive a power cut, as a real one's would.
#[derive(Clone, Default)]
pub struct LedgerHost {
    inner: Arc<PretendHost>,
    ledger: Arc<Mutex<Ledger>>,
    refuses: Arc<Mutex<Option<String>>>,
    odd: Arc<Mutex<Odd>>,
}

/// What a host does that it was not asked for.
#[derive(Clone, Default)]
struct Odd {
    /// Says this of the next op instead of running it.
    seen: Option<Seen>,
    /// Says this of the next op that is asked for instead of what it knows.
    recalled: Option<Recalled>,
    /// Ops of other runs that had whatever effect is asked about.
    before: Vec<Op>,
}

/// What a host did.
#[derive(Clone, Default)]
pub struct Ledger {
    /// How often each op ran.
    pub ran: BTreeMap<Op, u32>,
    /// How each op ended.
    pub ended: BTreeMap<Op, Ended>,
}

impl LedgerHost {
    /// A host that answers from `scenario`.
    pub fn new(scenario: Scenario) -> LedgerHost {
        LedgerHost { inner: Arc::new(PretendHost::new(scenario)), ..LedgerHost::default() }
    }

    /// Lets it refuse the next step.
    pub fn refuse_next(&self, why: &str) {
        *self.refuses.lock().unwrap() = Some(why.into());
    }

    /// Lets it say this of the next op, and run nothing.
    pub fn say_next(&self, seen: Seen) {
        self.odd.lock().unwrap().seen = Some(seen);
    }

    /// Lets it say this when it is asked for an op the next time.
    pub fn recall_next(&self, recalled: Recalled) {
        self.odd.lock().unwrap().recalled = Some(recalled);
    }

    /// Lets it know ops of other runs that had every effect.
    pub fn did_before(&self, ops: &[Op]) {
        self.odd.lock().unwrap().before = ops.to_vec();
    }

    /// Returns what it did so far.
    pub fn ledger(&self) -> Ledger {
        self.ledger.lock().unwrap().clone()
    }
}

#[async_trait]
impl Host for LedgerHost {
    type Mode = Pretend;

    async fn execute(&self, permit: Permit<Pretend>) -> Seen {
        let op = permit.op().clone();
        if let Some(why) = self.refuses.lock().unwrap().take() {
            return Seen::Refused(why);
        }
        if let Some(seen) = self.odd.lock().unwrap().seen.take() {
            return seen;
        }
        let seen = self.inner.execute(permit).await;
        let mut ledger = self.ledger.lock().unwrap();
        *ledger.ran.entry(op.clone()).or_default() += 1;
        if let Seen::Ended(ended) = &seen {
            ledger.ended.insert(op, ended.clone());
        }
        seen
    }

    async fn recall(&self, warrant: &Warrant) -> Recalled {
        if let Some(recalled) = self.odd.lock().unwrap().recalled.take() {
            return recalled;
        }
        let (op, ledger) = (&warrant.op, self.ledger.lock().unwrap());
        match (ledger.ran.contains_key(op), ledger.ended.get(op)) {
            (_, Some(ended)) => Recalled::Ended(ended.clone()),
            (true, None) => Recalled::Unknown("the host ran it and lost its end".into()),
            (false, None) => Recalled::NeverBegan,
        }
    }

    async fn close(&self, warrant: &Warrant, why: &str) -> Recalled {
        match self.recall(warrant).await {
            Recalled::NeverBegan => Recalled::Refused(why.into()),
            seen => seen,
        }
    }

    async fn done(&self, _: &Digest) -> Result<Vec<Op>, String> {
        Ok(self.odd.lock().unwrap().before.clone())
    }

    async fn programs(&self, _: &BTreeSet<String>) -> Result<Vec<Program>, String> {
        Ok(Vec::new())
    }

    fn store(&self) -> Option<StoreId> {
        None
    }
}

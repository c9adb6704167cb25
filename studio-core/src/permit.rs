//! The right to touch a host, once: nobody can make it up, copy it, or read it from a message.
//!
//! [`HostAuthority`] is the right to hand out rights. There is one a process, and only a
//! [`Receipt`] whose grant was **synced** by the built-in store cuts a [`Permit<Live>`]. Pretended
//! hosts take a [`Permit<Pretend>`], whose authority anyone may make, so a simulation can never hold a
//! live one. The proofs below come in pairs: the twin differs by the forbidden line and compiles.
//!
//! A permit is not made, but cut:
//! ```compile_fail,E0451
//! use studio_core::permit::{Live, Permit};
//! fn forge(op: studio_core::step::Op, step: studio_core::step::Step) -> Permit<Live> {
//!     Permit { op, step, seen: 0, mode: std::marker::PhantomData }
//! }
//! ```
//! ```
//! use studio_core::permit::{Live, Permit};
//! fn forge(op: studio_core::step::Op, step: studio_core::step::Step) -> Permit<Live> {
//!     unimplemented!("{op} {step:?}")
//! }
//! ```
//! It is spent once:
//! ```compile_fail,E0382
//! fn spend(permit: studio_core::permit::Permit<studio_core::permit::Live>) {
//!     let _step = permit.redeem();
//!     let _again = permit.redeem();
//! }
//! ```
//! ```
//! fn spend(permit: studio_core::permit::Permit<studio_core::permit::Live>) {
//!     let _step = permit.redeem();
//! }
//! ```
//! It has no copy, and none comes out of a message:
//! ```compile_fail,E0277
//! fn copies<T: Clone>() {}
//! copies::<studio_core::permit::Permit<studio_core::permit::Live>>();
//! ```
//! ```compile_fail,E0277
//! fn reads<T: serde::de::DeserializeOwned>() {}
//! reads::<studio_core::permit::Permit<studio_core::permit::Live>>();
//! ```
//! ```
//! fn copies<T: Clone>() {}
//! fn reads<T: serde::de::DeserializeOwned>() {}
//! copies::<studio_core::step::Step>();
//! reads::<studio_core::step::Step>();
//! ```
//! A grant that was not synced by the built-in store cuts nothing live, nor does one receipt cut twice:
//! ```compile_fail,E0308
//! use studio_core::{journal::{Receipt, Unsynced}, permit::*, run::Run};
//! fn cut(authority: &HostAuthority, receipt: Receipt<Unsynced>, run: &Run) -> Option<Permit<Live>> {
//!     authority.cut(receipt, run)
//! }
//! ```
//! ```compile_fail,E0382
//! use studio_core::{journal::{Receipt, Synced}, permit::*, run::Run};
//! fn cut(authority: &HostAuthority, receipt: Receipt<Synced>, run: &Run) -> Option<Permit<Live>> {
//!     let _first = authority.cut(receipt, run);
//!     authority.cut(receipt, run)
//! }
//! ```
//! ```
//! use studio_core::{journal::{Receipt, Synced}, permit::*, run::Run};
//! fn cut(authority: &HostAuthority, receipt: Receipt<Synced>, run: &Run) -> Option<Permit<Live>> {
//!     authority.cut(receipt, run)
//! }
//! ```
//! A pretended permit is no live one:
//! ```compile_fail,E0308
//! use studio_core::permit::{Live, Permit, Pretend};
//! fn upgrade(permit: Permit<Pretend>) -> Permit<Live> { permit }
//! ```
//! ```
//! use studio_core::permit::{Live, Permit, Pretend};
//! fn upgrade(permit: Permit<Live>) -> Permit<Live> { permit }
//! ```

use crate::journal::{Receipt, Synced};
use crate::run::Run;
use crate::step::{Op, Step};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

/// Real hosts.
#[derive(Debug)]
pub enum Live {}

/// Pretended hosts.
#[derive(Debug)]
pub enum Pretend {}

/// The right to run one step, once. It exists only after its grant is in the journal.
#[derive(Debug)]
#[must_use = "a permit that is dropped is a step whose outcome nobody will know"]
pub struct Permit<M> {
    op: Op,
    step: Step,
    seen: u32,
    mode: PhantomData<fn() -> M>,
}

/// The root of all live permits. One a process.
#[derive(Debug)]
pub struct HostAuthority(());

/// The root of pretended permits, for a store whose receipts carry the proof `P`. Anyone may make one.
#[derive(Debug)]
pub struct PretendAuthority<P>(PhantomData<fn(P)>);

/// What cuts permits of one mode from receipts of one proof.
pub trait Authority {
    /// The mode of the permits.
    type Mode: Debug + Send + 'static;
    /// What a receipt must prove.
    type Proof: Debug;

    /// Cuts the permit that `receipt` paid for, or nothing if it is not the grant that `run` is at.
    fn cut(&self, receipt: Receipt<Self::Proof>, run: &Run) -> Option<Permit<Self::Mode>>;
}

static CLAIMED: AtomicBool = AtomicBool::new(false);

impl HostAuthority {
    /// Claims the authority of this process. `main` calls it, and nothing else.
    ///
    /// # Errors
    /// It was claimed before in this process.
    pub fn claim() -> Result<Self, AlreadyClaimed> {
        if CLAIMED.swap(true, Ordering::SeqCst) { Err(AlreadyClaimed) } else { Ok(HostAuthority(())) }
    }

    /// Cuts the permit that `receipt` paid for, or nothing if it is not the grant that `run` is at.
    pub fn cut(&self, receipt: Receipt<Synced>, run: &Run) -> Option<Permit<Live>> {
        cut(&receipt, run)
    }
}

impl<P> PretendAuthority<P> {
    /// Makes one.
    #[expect(clippy::new_without_default, reason = "an authority is asked for, never defaulted")]
    pub fn new() -> Self {
        PretendAuthority(PhantomData)
    }
}

impl Authority for HostAuthority {
    type Mode = Live;
    type Proof = Synced;

    fn cut(&self, receipt: Receipt<Synced>, run: &Run) -> Option<Permit<Live>> {
        HostAuthority::cut(self, receipt, run)
    }
}

impl<P: Debug> Authority for PretendAuthority<P> {
    type Mode = Pretend;
    type Proof = P;

    fn cut(&self, receipt: Receipt<P>, run: &Run) -> Option<Permit<Pretend>> {
        cut(&receipt, run)
    }
}

impl<M> Permit<M> {
    /// Returns which try of which step of which run this is for.
    pub fn op(&self) -> &Op {
        &self.op
    }

    /// Returns how many tries of the same command came before this one in its run.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Spends the permit and returns the step to run.
    pub fn redeem(self) -> Step {
        self.step
    }
}

fn cut<P, M>(receipt: &Receipt<P>, run: &Run) -> Option<Permit<M>> {
    let (op, step, seen) = run.granted(receipt.n(), receipt.epoch())?;
    (op.run == *receipt.run()).then(|| Permit { op, step: step.clone(), seen, mode: PhantomData })
}

/// The authority of this process was claimed before.
#[derive(Debug, thiserror::Error)]
#[error("the host authority of this process is claimed already")]
pub struct AlreadyClaimed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_claimed_once() {
        #[expect(clippy::disallowed_methods, reason = "this test is about it")]
        let (first, second) = (HostAuthority::claim(), HostAuthority::claim());
        assert!(first.is_ok() && second.is_err());
    }
}

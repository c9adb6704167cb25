//! The right to touch a host, once: nobody can make it up, copy it, or read it from a message.
//!
//! [`HostAuthority`] is the right to hand out rights. There is one a process, and only a
//! [`Receipt`] whose grant was **synced** by the built-in store on a real disk cuts a [`Permit<Live>`]. Pretended
//! hosts take a [`Permit<Pretend>`], whose authority anyone may make, so a simulation can never hold a
//! live one. The proofs below come in pairs: the twin differs by the forbidden line and compiles.
//!
//! A permit is not made, but cut:
//! ```compile_fail,E0451
//! use studio_core::permit::{Live, Permit};
//! fn forge(warrant: Box<studio_core::warrant::Warrant>) -> Permit<Live> {
//!     Permit { warrant, seen: 0, mode: std::marker::PhantomData }
//! }
//! ```
//! ```
//! use studio_core::permit::{Live, Permit};
//! fn forge(warrant: Box<studio_core::warrant::Warrant>) -> Permit<Live> {
//!     unimplemented!("{warrant:?}")
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
//! use studio_core::{journal::Receipt, permit::*, store::MemoryStore};
//! fn cut(authority: &HostAuthority, receipt: Receipt<MemoryStore>) -> Option<Permit<Live>> {
//!     authority.cut(receipt)
//! }
//! ```
//! ```compile_fail,E0382
//! use studio_core::{journal::{Receipt, Synced}, permit::*};
//! fn cut(authority: &HostAuthority, receipt: Receipt<Synced>) -> Option<Permit<Live>> {
//!     let _first = authority.cut(receipt);
//!     authority.cut(receipt)
//! }
//! ```
//! ```
//! use studio_core::{journal::{Receipt, Synced}, permit::*};
//! fn cut(authority: &HostAuthority, receipt: Receipt<Synced>) -> Option<Permit<Live>> {
//!     authority.cut(receipt)
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

use crate::event::Basis;
use crate::journal::{Receipt, Synced};
use crate::run::Grant;
use crate::step::{Op, Step};
use crate::warrant::Warrant;
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
    warrant: Box<Warrant>,
    seen: u32,
    mode: PhantomData<fn() -> M>,
}

/// The root of all live permits. One a process.
#[derive(Debug)]
pub struct HostAuthority(());

/// The root of pretended permits. Anyone may make one.
#[derive(Debug)]
pub struct PretendAuthority(());

/// What cuts permits of one mode.
pub trait Authority {
    /// The mode of the permits.
    type Mode: Debug + Send + 'static;
    /// Whether its permits reach real hosts.
    const LIVE: bool;
}

/// An authority that takes the receipts of the store `S`.
pub trait Cuts<S>: Authority {
    /// Cuts the permit that `receipt` paid for, or nothing if it records no grant.
    fn cut(&self, receipt: Receipt<S>) -> Option<Permit<Self::Mode>>;
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

    /// Cuts the permit that `receipt` paid for, or nothing if it records no grant, or one that a
    /// rehearsal assumed.
    pub fn cut(&self, receipt: Receipt<Synced>) -> Option<Permit<Live>> {
        cut(receipt).filter(|permit| permit.warrant.basis != Basis::Assumed)
    }
}

impl PretendAuthority {
    /// Makes one.
    #[expect(clippy::new_without_default, reason = "an authority is asked for, never defaulted")]
    pub fn new() -> Self {
        PretendAuthority(())
    }
}

impl Authority for HostAuthority {
    type Mode = Live;
    const LIVE: bool = true;
}

impl Cuts<Synced> for HostAuthority {
    fn cut(&self, receipt: Receipt<Synced>) -> Option<Permit<Live>> {
        HostAuthority::cut(self, receipt)
    }
}

impl Authority for PretendAuthority {
    type Mode = Pretend;
    const LIVE: bool = false;
}

impl<S> Cuts<S> for PretendAuthority {
    fn cut(&self, receipt: Receipt<S>) -> Option<Permit<Pretend>> {
        cut(receipt)
    }
}

impl<M> Permit<M> {
    /// Returns which try of which step of which run this is for.
    pub fn op(&self) -> &Op {
        &self.warrant.op
    }

    /// Returns how many tries of the same command came before this one in its run.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Spends the permit and returns the step to run.
    pub fn redeem(self) -> Step {
        self.warrant.step
    }

    /// Spends the permit and returns what it says, for another process that runs the step.
    pub fn into_warrant(self) -> Warrant {
        *self.warrant
    }
}

fn cut<S, M>(receipt: Receipt<S>) -> Option<Permit<M>> {
    let Grant { warrant, seen } = receipt.grant()?;
    Some(Permit { warrant, seen, mode: PhantomData })
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

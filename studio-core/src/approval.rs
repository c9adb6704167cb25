//! A human's word: a statement bound to one effect of one op, signed, and verified where it is believed.

use crate::clock::stamp;
use crate::limits::SKEW_SECONDS_MAX;
use crate::name::{Approver, Digest, RunId};
use crate::step::{Op, StepNo};
use crate::text::{Prose, one_line};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The namespace of our ssh signatures, so that one made for something else is worth nothing here.
pub const NAMESPACE: &str = "studio-approval-v1";

/// What a human says about one op. The signature covers [`Statement::text`] byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What is said.
    pub word: Word,
    /// The op it is about.
    pub op: Op,
    /// The digest of the effect that was shown.
    pub effect: Digest,
    /// Who says it.
    pub by: Approver,
    /// When it was said.
    pub at: Timestamp,
    /// When it stops being valid.
    pub expires: Timestamp,
    /// Why, in the human's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Prose>,
}

/// What a human can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It may run, once.
    Approve,
    /// It may not.
    Deny,
    /// Of a step whose outcome nobody saw: it happened.
    Happened,
    /// It did not happen.
    DidNot,
    /// Give the run up, at a step whose outcome nobody saw.
    Abort,
    /// Give the run up, wherever it is.
    Cancel,
}

/// A statement with its signature, as it lies in an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The form of this message.
    pub v: u8,
    /// The statement.
    pub statement: Statement,
    /// An armored ssh signature over its text, in [`NAMESPACE`].
    pub signature: String,
}

/// Who may say so. Verifying is the only thing that turns a message into a human's word.
pub trait Approvers: Send + Sync {
    /// Returns who signed `text`, if they are listed and the signature is theirs.
    ///
    /// # Errors
    /// Anything else: no list, not listed, another namespace, another text, no signature at all.
    fn verify(&self, text: &str, signature: &str) -> Result<Approver, NotApproved>;
}

/// The closed default: nobody may say anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoApprovers;

impl Approvers for NoApprovers {
    fn verify(&self, _: &str, _: &str) -> Result<Approver, NotApproved> {
        Err(NotApproved("no approvers are listed".into()))
    }
}

impl Statement {
    /// Gives a whole run up: it is about no step and no effect.
    pub fn cancel(run: RunId, by: Approver, at: Timestamp, expires: Timestamp, reason: Option<Prose>) -> Statement {
        let op = Op { run, step: StepNo(0), attempt: 0 };
        Statement { word: Word::Cancel, op, effect: Digest::zero(), by, at, expires, reason }
    }

    /// Returns the text that is signed: one field a line, each on its own line whatever it holds.
    pub fn text(&self) -> String {
        let word = match self.word {
            Word::Approve => "approve",
            Word::Deny => "deny",
            Word::Happened => "happened",
            Word::DidNot => "did-not",
            Word::Abort => "abort",
            Word::Cancel => "cancel",
        };
        let reason = self.reason.as_ref().map(|reason| one_line(reason.as_str(), 2000)).unwrap_or_default();
        format!(
            "studio approval v1\nword: {word}\nop: {}\neffect: {}\nby: {}\nat: {}\nexpires: {}\nreason: {reason}\n",
            self.op,
            self.effect,
            self.by,
            stamp(self.at),
            stamp(self.expires),
        )
    }
}

impl Signed {
    /// Returns the statement if its signature is its author's and it is valid at `now`.
    ///
    /// # Errors
    /// A form we do not know, a time outside its window, a signature that is not the author's.
    pub fn believe(self, approvers: &dyn Approvers, now: Timestamp) -> Result<Statement, NotApproved> {
        let Signed { v, statement, signature } = self;
        if v != 1 {
            return Err(NotApproved(format!("its form is {v}; this version knows 1")));
        }
        if now >= statement.expires {
            return Err(NotApproved(format!("it expired at {}", stamp(statement.expires))));
        }
        let signer = approvers.verify(&statement.text(), &signature)?;
        if signer != statement.by {
            return Err(NotApproved(format!("it names {} but {signer} signed it", statement.by)));
        }
        Ok(statement)
    }
}

impl Signed {
    /// The same, where it is taken in or lets something happen: what was said at a time that is still to come would
    /// be valid longer than a word may be.
    ///
    /// # Errors
    /// As [`Signed::believe`]; it comes from a clock that is ahead of `now`.
    pub fn believe_now(self, approvers: &dyn Approvers, now: Timestamp) -> Result<Statement, NotApproved> {
        let said = self.statement.at;
        if said.duration_since(now) > SignedDuration::from_secs(SKEW_SECONDS_MAX) {
            return Err(NotApproved(format!("it was said at {}, which is still to come: set the clock right, or say it again", stamp(said))));
        }
        self.believe(approvers, now)
    }
}

/// Why a message is no human's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not approved: {0}")]
pub struct NotApproved(pub String);

//! Exit codes: the one table from how something went to what a caller sees.

use studio_core::event::{Closing, Parked};
use studio_core::journal::JournalError;
use studio_core::replay::ReplayError;
use studio_core::store::StoreError;
use studio_core::supervisor::{Rest, RunError};

/// What a caller sees. The numbers are a promise; `docs/cli.md` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An error of ours, or of the machine.
    Error = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A file of the repository or of the operator is wrong.
    BadInput = 3,
    /// Somebody must look or answer.
    NeedsHuman = 4,
    /// A setting is missing.
    NeedsSetting = 5,
    /// The rules refuse.
    Refused = 6,
    /// It failed, or a limit ended it.
    Failed = 7,
    /// The Executor was lost: what ran is not known, and the runs wait.
    Lost = 70,
    /// Another runtime holds it, or it was stopped.
    Held = 75,
}

/// Why a command did not do what it was asked: one sentence, and the code that goes with it.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What, where, why, and what to do next.
    pub why: String,
}

impl Failure {
    /// Makes one.
    pub fn new(exit: Exit, why: impl ToString) -> Failure {
        Failure { exit, why: why.to_string() }
    }
}

impl From<&Rest> for Exit {
    fn from(rest: &Rest) -> Exit {
        match rest {
            Rest::Over(closing) => (*closing).into(),
            Rest::Parked(parked, _) => (*parked).into(),
            Rest::Stopped => Exit::Held,
        }
    }
}

impl From<Closing> for Exit {
    fn from(closing: Closing) -> Exit {
        match closing {
            Closing::Done | Closing::Rehearsed => Exit::Done,
            Closing::Refused => Exit::Refused,
            Closing::Failed | Closing::OutOfRounds | Closing::OutOfBudget => Exit::Failed,
            Closing::Cancelled => Exit::Held,
        }
    }
}

impl From<Parked> for Exit {
    fn from(parked: Parked) -> Exit {
        match parked {
            Parked::NeedsReview | Parked::NeedsHuman => Exit::NeedsHuman,
            Parked::NeedsSetting => Exit::NeedsSetting,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let exit = if matches!(error, StoreError::Held(_)) { Exit::Held } else { Exit::Error };
        Failure::new(exit, error)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Failure {
        match error {
            JournalError::Store(error) => error.into(),
            JournalError::Empty | JournalError::Damaged { .. } | JournalError::Newer { .. } | JournalError::Illegal(_) | JournalError::Blob(_) => {
                Failure::new(Exit::BadInput, error)
            }
            JournalError::Poisoned | JournalError::Long(_) | JournalError::Form(_) => Failure::new(Exit::Error, error),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        match error {
            RunError::Journal(error) => error.into(),
            RunError::Illegal(_) | RunError::NotOpen => Failure::new(Exit::BadInput, error),
            RunError::Elsewhere { .. }
            | RunError::OtherRules { .. }
            | RunError::OtherBase
            | RunError::Mode(_)
            | RunError::Unsigned { .. }
            | RunError::JudgedOtherwise(_) => Failure::new(Exit::Refused, error),
            RunError::Chore(_) | RunError::Executor(_) => Failure::new(Exit::Lost, error),
            RunError::Tree(_) | RunError::NoPermit(_) => Failure::new(Exit::Error, error),
        }
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Failure {
        match error {
            ReplayError::Journal(error) => error.into(),
            ReplayError::Run(error) => error.into(),
            ReplayError::Differs { .. } | ReplayError::Short { .. } | ReplayError::Beyond(_) => Failure::new(Exit::Failed, error),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(Exit::Error, error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::new(Exit::Error, format!("{error:#}"))
    }
}

//! How a run ends, what it waits for, and what it cannot pass by itself.

use serde::{Deserialize, Serialize};

/// What a run cannot pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The change was sent back too often.
    Rounds,
    /// The plan was objected to too often.
    Objections,
    /// Too many calls to the model.
    ModelCalls,
    /// Too many tokens.
    Tokens,
    /// The model's answers never fitted their form.
    Repairs,
    /// The model gave no answer.
    Model,
    /// A persona took too long.
    TurnTime,
    /// A persona failed too often.
    Restarts,
    /// A setting is missing.
    Setting,
    /// A chore could not be done as things stand.
    Chore,
    /// The same failure came again and again, past the Engineer and the Planner.
    SameFailure,
}

/// How a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// Every criterion is met, in truth.
    Done,
    /// Every criterion would be met: a simulation.
    Rehearsed,
    /// The rules or an adviser refused.
    Refused,
    /// A step planned by rule did not end as it should, or a human gave it up.
    Failed,
    /// Sent back too often.
    OutOfRounds,
    /// Too many calls or tokens.
    OutOfBudget,
    /// A human stopped it for good.
    Cancelled,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parked {
    /// A criterion has no check that a machine can make.
    NeedsReview,
    /// An approval, a settlement, or somebody who looks.
    NeedsHuman,
    /// A setting.
    NeedsSetting,
}

impl Closing {
    /// Returns the state's name, as reports and the command line show it.
    pub fn name(self) -> &'static str {
        match self {
            Closing::Done => "done",
            Closing::Rehearsed => "rehearsed",
            Closing::Refused => "refused",
            Closing::Failed => "failed",
            Closing::OutOfRounds => "out-of-rounds",
            Closing::OutOfBudget => "out-of-budget",
            Closing::Cancelled => "cancelled",
        }
    }
}

impl Parked {
    /// Returns the state's name, as reports and the command line show it.
    pub fn name(self) -> &'static str {
        match self {
            Parked::NeedsReview => "needs-review",
            Parked::NeedsHuman => "needs-human",
            Parked::NeedsSetting => "needs-setting",
        }
    }
}

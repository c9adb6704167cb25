//! What can become of an op in the lab.

use super::seed::Dice;

/// How the lab deals with an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It runs and its end is told.
    Ends,
    /// It takes its time, within its limit.
    Slow,
    /// It takes longer than its limit, and ends much later.
    TooSlow,
    /// It ends; the answer does not arrive.
    AnswerLost,
    /// It ends; nobody ever answers.
    Silent,
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
    /// The Studio dies, and the command runs on for longer than it may.
    StudioDiesOverdue,
    /// It is refused where it should run, and the Studio dies before it hears so.
    StudioDiesRefused,
    /// The Studio and the machine die in mid-command.
    BothDie,
}

/// Each fate, how often it is drawn, and its name; the first is the only one where all is calm.
const FATES: [(u64, (Fate, &str)); 14] = [
    (52, (Fate::Ends, "lab: ends")),
    (10, (Fate::Slow, "lab: slow")),
    (4, (Fate::TooSlow, "lab: too slow")),
    (4, (Fate::AnswerLost, "lab: answer lost")),
    (2, (Fate::Silent, "lab: silent")),
    (7, (Fate::Dies, "lab: dies in mid-command")),
    (3, (Fate::Refused, "lab: refuses")),
    (3, (Fate::Panics, "lab: Executor panics")),
    (4, (Fate::StudioDiesBefore, "lab: studio dies before")),
    (4, (Fate::StudioDiesMeanwhile, "lab: studio dies meanwhile")),
    (4, (Fate::StudioDiesAfter, "lab: studio dies after")),
    (2, (Fate::StudioDiesOverdue, "lab: studio dies, command overdue")),
    (2, (Fate::StudioDiesRefused, "lab: refuses, studio dies")),
    (5, (Fate::BothDie, "lab: studio and machine die")),
];

impl Fate {
    /// Draws a fate, and says its name.
    pub(crate) fn draw(dice: &mut Dice, calm: bool) -> (Fate, &'static str) {
        dice.weighted(if calm { &FATES[..1] } else { &FATES })
    }
}

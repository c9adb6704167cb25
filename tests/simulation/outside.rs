//! What comes from outside between two lives: words of humans, in time and late, once and twice, true and forged; hours; chores.

use super::reference::Fact;
use super::seed::Dice;
use super::watch::Watch;
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;
use std::time::Duration;
use studio_core::approval::{Signed, Statement, Word};
use studio_core::chores::ChoreError;
use studio_core::name::Digest;
use studio_core::step::Op;
use studio_core::store::send_notice;
use studio_tests::life::World;

/// What a run waits for a human about.
pub(crate) struct Waits {
    /// The folder of the run.
    pub(crate) dir: PathBuf,
    pub(crate) op: Op,
    pub(crate) effect: Digest,
    pub(crate) unknown: bool,
}

/// Lets something happen that may matter, or not.
pub(crate) async fn act(world: &World, watch: &Watch, waits: Option<&Waits>, dice: &mut Dice, now: Timestamp) {
    if dice.chance(10) {
        let (name, error) = dice
            .pick(&[("chore: refused", ChoreError::Refused("somebody moved it".into())), ("chore: gone", ChoreError::Gone("it was killed".into()))]);
        watch.count(name);
        world.chores.fail_next(error);
    }
    if dice.chance(4) {
        watch.count("ticket: falls");
        world.chores.fall(Some("somebody edited it"));
    } else {
        world.chores.fall(None);
    }
    if dice.chance(8) {
        watch.count("clock: a day passes");
        tokio::time::advance(Duration::from_secs(25 * 3600)).await;
    }
    if let Some(waits) = waits {
        let words = if waits.unknown { settles(dice) } else { answers(dice) };
        say(world, watch, waits, words, now).await;
    }
}

/// Lets everything outside be as it should.
pub(crate) async fn calm(world: &World, watch: &Watch, waits: Option<&Waits>, now: Timestamp) {
    world.chores.fall(None);
    tokio::time::advance(Duration::from_secs(3 * 3600)).await; // what is overdue ends
    if let Some(waits) = waits {
        say(world, watch, waits, if waits.unknown { "settle: happened" } else { "word: approves" }, now).await;
    }
}

fn answers(dice: &mut Dice) -> &'static str {
    dice.weighted(&[
        (45, "word: approves"),
        (10, "word: approves twice"),
        (6, "word: denies"),
        (5, "word: approves and denies"),
        (6, "word: expired"),
        (6, "word: late"),
        (5, "word: forged"),
        (5, "word: other effect"),
        (5, "word: other op"),
        (3, "word: settles what is asked"),
        (4, "word: none"),
    ])
}

fn settles(dice: &mut Dice) -> &'static str {
    dice.weighted(&[
        (25, "settle: happened"),
        (28, "settle: did not"),
        (13, "settle: aborts"),
        (9, "settle: forged"),
        (8, "settle: other op"),
        (9, "settle: approves what is unknown"),
        (8, "settle: nothing"),
    ])
}

async fn say(world: &World, watch: &Watch, waits: &Waits, what: &'static str, now: Timestamp) {
    watch.count(what);
    let word = |word: Word| statement(waits, word, now, 24);
    let other = Op { attempt: waits.op.attempt + 1, ..waits.op.clone() };
    let said: Vec<(Statement, &str)> = match what {
        "word: approves" | "settle: approves what is unknown" => vec![(word(Word::Approve), "ops")],
        "word: approves twice" => vec![(word(Word::Approve), "ops"), (statement(waits, Word::Approve, now, 12), "ops")],
        "word: denies" => vec![(word(Word::Deny), "ops")],
        "word: approves and denies" => vec![(word(Word::Approve), "ops"), (word(Word::Deny), "ops")],
        "word: expired" => vec![(statement(waits, Word::Approve, now, -1), "ops")],
        "word: late" => {
            tokio::time::advance(Duration::from_secs(30 * 3600)).await;
            vec![(statement(waits, Word::Approve, hence(now, 30), 24), "ops")]
        }
        "word: forged" => vec![(word(Word::Approve), "mallory")],
        "settle: forged" => vec![(word(Word::DidNot), "mallory")],
        "word: other effect" => vec![(Statement { effect: Digest::zero(), ..word(Word::Approve) }, "ops")],
        "word: other op" => vec![(Statement { op: other, ..word(Word::Approve) }, "ops")],
        "settle: other op" => vec![(Statement { op: other, ..word(Word::Happened) }, "ops")],
        "word: settles what is asked" | "settle: did not" => vec![(word(Word::DidNot), "ops")],
        "settle: happened" => vec![(word(Word::Happened), "ops")],
        "settle: aborts" => vec![(word(Word::Abort), "ops")],
        _ => Vec::new(),
    };
    for (statement, signature) in said {
        let signed = Signed { v: 1, statement, signature: signature.into() };
        if signature == "ops" {
            watch.see(Fact::Said(&signed));
        }
        if send_notice(&world.disk, &waits.dir, &signed).await.is_err() {
            watch.tell("      the word did not reach the disk");
        }
    }
}

fn statement(waits: &Waits, word: Word, at: Timestamp, hours: i64) -> Statement {
    let by = "ops".parse().unwrap();
    Statement { word, op: waits.op.clone(), effect: waits.effect.clone(), by, at, expires: hence(at, hours), reason: None }
}

fn hence(at: Timestamp, hours: i64) -> Timestamp {
    at + SignedDuration::from_hours(hours)
}

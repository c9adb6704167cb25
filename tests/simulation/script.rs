//! What a seed says about a run before it begins: its ticket, its limits, its rules, and what its crew will answer.

use super::seed::{Dice, Seed};
use crate::crew::{agree, change, draft, review, step, ticket};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use studio_core::dossier::Checkpoint;
use studio_core::event::{Approvals, Mode, Planned};
use studio_core::gate::{Case, Class, EditJudgement, EditVerdict, Effect, Gate, Judgement, Verdict};
use studio_core::limits::RunLimits;
use studio_core::model::Request;
use studio_core::name::{Digest, RelPath};
use studio_core::plan::Edit;
use studio_core::step::Probe;
use studio_core::ticket::{Stage, Ticket};

/// The verbs of the lab; few, so that the same command comes again.
const VERBS: [&str; 5] = ["push", "drain", "resize", "wipe", "label"];
/// The script of a ticket that is planned by rule.
const SCRIPT: &str = "infrastructure/check.sh";

/// What is fixed when a run opens.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) seed: Seed,
    pub(crate) planned: Planned,
    pub(crate) mode: Mode,
    pub(crate) approvals: Approvals,
    pub(crate) limits: RunLimits,
    pub(crate) reviewer: bool,
    pub(crate) narrator: bool,
    pub(crate) adviser: Option<Vec<Checkpoint>>,
}

/// Rules that a seed drew: what each verb is.
pub(crate) struct DrawnRules {
    seed: Seed,
    verbs: BTreeMap<&'static str, (Verdict, Class, Effect)>,
}

impl Script {
    pub(crate) fn of(seed: Seed) -> Script {
        let mut dice = seed.dice("script");
        let planned = if dice.chance(15) { Planned::Rule } else { Planned::Crew };
        let (mode, approvals) =
            dice.weighted(&[(70, (Mode::Live, Approvals::Ask)), (15, (Mode::Simulate, Approvals::Ask)), (15, (Mode::Simulate, Approvals::Assume))]);
        let limits = RunLimits {
            rounds_max: if dice.chance(30) { 6 } else { 1 + dice.below(3) as u32 },
            objections_max: 1 + dice.below(2) as u32,
            repairs_max: dice.below(3) as u32,
            model_calls_max: if dice.chance(8) { 3 + dice.below(8) as u32 } else { 90 },
            tokens_max: if dice.chance(5) { 200 } else { 2_000_000 },
            ..RunLimits::default()
        };
        let places = [Checkpoint::AfterPlan, Checkpoint::BeforeDelivery, Checkpoint::BeforeGrant, Checkpoint::AfterStep];
        let adviser = dice.chance(30).then(|| places.into_iter().filter(|_| dice.chance(50)).collect());
        let (reviewer, narrator) = (dice.chance(40), dice.chance(30));
        Script { seed, planned, mode, approvals, limits, reviewer, narrator, adviser }
    }

    pub(crate) fn ticket(&self) -> Ticket {
        let mut ticket = ticket("sim");
        ticket.script = (self.planned == Planned::Rule).then(script);
        ticket
    }

    /// Returns what the model says when nothing is wrong with it.
    pub(crate) fn answer(&self, request: &Request) -> String {
        let mut dice = self.seed.dice(&format!("{} {}", request.persona, request.turn));
        let form = request.form.as_ref().map_or("", |form| form.name.as_str());
        let value = match form {
            "draft" => draft(criteria(&mut dice)),
            "opinion" if dice.chance(15) => json!({ "objections": ["it cannot be done so"] }),
            "opinion" => agree(),
            "change" => runbook(&mut dice),
            "review" => review(dice.weighted(&[(80, "accept"), (14, "back-to-engineer"), (6, "back-to-planner")])),
            _ => json!("it went as it went"),
        };
        value.to_string()
    }
}

impl DrawnRules {
    pub(crate) fn of(seed: Seed) -> DrawnRules {
        let mut dice = seed.dice("rules");
        let mut entry = || {
            let verdict = dice.weighted(&[(55, Verdict::Auto), (40, Verdict::Ask), (3, Verdict::Refuse), (2, Verdict::ScriptOnly)]);
            let class = dice.weighted(&[(60, Class::Mutate), (25, Class::Destroy), (15, Class::LocalWrite)]);
            let effect = dice.weighted(&[(60, Effect::OneShot), (20, Effect::Idempotent), (20, Effect::Probed)]);
            let read = dice.chance(15);
            if read { (verdict, Class::Observe, Effect::Read) } else { (verdict, class, effect) }
        };
        let verbs = VERBS.into_iter().chain(["script"]).map(|verb| (verb, entry())).collect();
        DrawnRules { seed, verbs }
    }
}

impl Gate for DrawnRules {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        let words: Vec<&str> = case.step.argv.words().collect();
        let verb = if case.script.is_some() { "script" } else { words.get(1).copied().unwrap_or_default() };
        let read = (Verdict::Auto, Class::Observe, Effect::Read);
        let (verdict, class, effect) = self.verbs.get(verb).copied().unwrap_or(read);
        let known = effect == Effect::Probed || (effect == Effect::Idempotent && verb.len() % 2 == 0);
        let probe = known.then(|| probe(verb));
        let digest = Digest::blake3(format!("{} on {}", case.step.argv, case.step.target).as_bytes());
        Judgement {
            verdict,
            class,
            effect,
            rule: "drawn".into(),
            why: "the seed says so".into(),
            better: None,
            probe,
            digest,
            script: None,
            programs: Vec::new(),
        }
    }

    fn judge_edit(&self, edit: &Edit, _: Option<&[u8]>, _: Stage) -> EditJudgement {
        let under = |folder: &str| edit.paths().any(|path| path.as_str().starts_with(folder));
        let verdict = match (under("ai/"), under("keys/")) {
            (true, _) => EditVerdict::Block,
            (false, true) => EditVerdict::Ask,
            (false, false) => EditVerdict::Pass,
        };
        EditJudgement { verdict, rule: "drawn".into(), why: "the seed says so".into() }
    }

    fn policy(&self) -> Digest {
        Digest::blake3(&self.seed.0.to_le_bytes())
    }
}

/// Returns the path of the script of tickets that are planned by rule.
pub(crate) fn script() -> RelPath {
    SCRIPT.try_into().unwrap()
}

/// The policy's own look at whether a verb had its effect.
fn probe(verb: &str) -> Probe {
    serde_json::from_value(json!({ "argv": ["lab", "look", verb], "expect": { "stdout_matches": ["ok"] } })).unwrap()
}

fn criteria(dice: &mut Dice) -> Value {
    let criterion = |at: u64, check: Value| json!({ "name": format!("c{at}"), "text": "it is so", "check": check });
    let drawn = (1..=1 + dice.below(3)).map(|at| {
        let read = step("read", &["lab", "look", dice.pick(&VERBS)], dice.pick(&[json!({}), json!({ "stdout_matches": ["ok"] })]));
        match dice.below(20) {
            0..10 => criterion(at, json!({ "kind": "step", "step": dice.weighted(&[(8, "s1"), (3, "s2"), (1, "s4")]) })),
            10..15 => criterion(at, json!({ "kind": "read-back", "read": read })),
            15..19 => criterion(at, json!({ "kind": "file", "path": dice.weighted(&[(9, "docs/old.md"), (1, "docs/none.md")]) })),
            _ => json!({ "name": format!("c{at}"), "text": "it looks nice" }),
        }
    });
    Value::Array(drawn.collect())
}

fn runbook(dice: &mut Dice) -> Value {
    let edit = |path: &str| json!([{ "action": "write", "path": path, "text": "new" }]);
    let edits = dice.weighted(&[(50, json!([])), (44, edit("docs/a.md")), (4, edit("ai/flags")), (2, edit("keys/b.md"))]);
    let steps: Vec<Value> = (1..=1 + dice.below(4)).map(|at| drawn_step(dice, &format!("s{at}"))).collect();
    change(edits, &steps)
}

fn drawn_step(dice: &mut Dice, name: &str) -> Value {
    let argv: &[&str] = if dice.chance(20) { &["lab", "look", "all"] } else { &["lab", dice.pick(&VERBS), dice.pick(&["a", "b"])] };
    let expect = dice.pick(&[json!({}), json!({ "stdout_matches": ["ok"] }), json!({ "exit": 3 }), json!({ "stdout_lacks": ["bad"] })]);
    let mut step = step(name, argv, expect);
    step["timeout_seconds"] = json!(dice.pick(&[30, 60, 600]));
    if dice.chance(20) {
        step["probe"] = json!({ "argv": ["lab", "look", "a"], "expect": { "stdout_matches": ["ok"] } });
    }
    step
}

//! Runs made up for tests: one step planned by rule, and how it ended.

use serde_json::{Value, json};
use studio_core::event::Event;
use studio_core::failure::{Failed, Failure};
use studio_core::journal::{Entry, Log};
use studio_core::limits::RunLimits;
use studio_core::name::{Digest, RelPath, RunId, TicketId};
use studio_core::run::{Place, Run};
use studio_core::text::Prose;
use studio_core::ticket::{Source, Ticket};

/// How a made-up run ends.
pub(crate) enum End {
    /// Its step did what it should.
    Done,
    /// Its step failed and said this.
    Failed(&'static str),
    /// Its step has no criterion that a machine can check.
    NeedsReview,
    /// Nothing was planned yet.
    Begun,
}

/// Makes up the live run `id` of ticket `add-node`.
pub(crate) fn run(id: &str, mode: &str, end: &End) -> (Log, Run) {
    let run = RunId::try_from(id).unwrap();
    let events: Vec<Event> = bodies(&run, mode, end).into_iter().map(|body| serde_json::from_value(body).unwrap()).collect();
    let begun = "2026-11-22T10:00:00.25Z".parse::<jiff::Timestamp>().unwrap();
    let entry = |(at, event): (usize, Event)| Entry {
        place: Place { n: at as u64 + 1, epoch: 1 },
        at: begun + jiff::SignedDuration::from_secs(at as i64),
        event,
    };
    let log = Log { run, entries: events.into_iter().enumerate().map(entry).collect(), sums: Vec::new(), head: Digest::zero(), bytes: 0, torn: 0 };
    let state = log.fold().unwrap_or_else(|error| panic!("{error}"));
    (log, state)
}

fn bodies(run: &RunId, mode: &str, end: &End) -> Vec<Value> {
    let source = Source { path: RelPath::try_from("ai/backlog.md").unwrap(), line: 3 };
    let mut ticket = Ticket::new(TicketId::try_from("add-node").unwrap(), Prose::tamed("Add <a> ``` node"), source);
    ticket.script = RelPath::try_from("infrastructure/node.sh").ok();
    let opened = json!({
        "ticket": ticket, "mode": mode, "approvals": "assume", "planned": "rule", "model": "none", "limits": RunLimits::default(),
        "crew": { "reviewer": false, "narrator": false }, "install": "i", "machine": "m", "base": null, "policy": Digest::zero(), "version": "0",
    });
    let kind = |kind: &str, body: Value| json!({ "kind": kind, "body": body });
    let mut events = vec![kind("run-opened", opened)];
    if matches!(end, End::Begun) {
        return events;
    }
    let step =
        json!({ "name": "node", "argv": ["bash", "--noprofile", "--norc", "infrastructure/node.sh"], "target": "local", "why": "it is asked for" });
    let check = if matches!(end, End::NeedsReview) { Value::Null } else { json!({ "kind": "step", "step": "node" }) };
    let criterion = json!({ "name": "node", "text": "it exits 0", "check": check });
    let judgement =
        json!({ "verdict": "auto", "class": "observe", "effect": "read", "rule": "listed", "why": "it only looks", "digest": Digest::zero() });
    let (exit, stderr, misses) = match end {
        End::Failed(stderr) => (7, *stderr, vec!["it ended with 7, not 0"]),
        End::Done | End::NeedsReview | End::Begun => (0, "", Vec::new()),
    };
    let argv = serde_json::from_value(step["argv"].clone()).unwrap();
    let misses: Vec<String> = misses.into_iter().map(String::from).collect();
    let failed = Failed { argv: &argv, expected: 0, exit: Some(exit), misses: &misses, stdout: "", stderr };
    let failure = (!misses.is_empty()).then(|| Failure::of(&failed));
    let op = json!({ "run": run, "step": 1, "attempt": 1 });
    events.extend([
        kind("brief-written", json!({ "by": "rule", "brief": "Run the script." })),
        kind("plan-proposed", json!({ "by": "rule", "plan": { "goal": "the script ran", "criteria": [criterion] } })),
        kind("plan-agreed", json!({ "by": "rule" })),
        kind("edits-proposed", json!({ "by": "rule", "change": { "summary": "runs it", "edits": [], "runbook": [step] }, "judged": [] })),
        kind("step-judged", json!({ "step": 1, "judgement": judgement })),
        kind("step-granted", json!({ "op": op, "basis": "auto" })),
        kind(
            "step-ended",
            json!({ "op": op, "outcome": { "exit": exit, "stdout": "", "stderr": stderr, "assumed": false, "misses": misses, "failure": failure } }),
        ),
    ]);
    match end {
        End::Done => {
            events.push(kind("criterion-checked", json!({ "criterion": "node", "finding": { "met": true, "evidence": "exit 0" } })));
            if mode == "live" {
                events.push(kind("ticket-ticked", json!({ "place": "ai/backlog.md:3" })));
            }
            events.push(kind("run-closed", json!({ "state": if mode == "live" { "done" } else { "rehearsed" }, "why": "1 criteria met" })));
        }
        End::Failed(_) => events.push(kind("run-closed", json!({ "state": "failed", "why": "step node ended with 7" }))),
        End::NeedsReview | End::Begun => {}
    }
    events
}

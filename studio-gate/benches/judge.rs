//! What judging a command costs: the microseconds of one, by what it is.

use std::hint::black_box;
use std::time::{Duration, Instant};
use studio_core::closure::Closure;
use studio_core::event::Mode;
use studio_core::gate::{Case, Gate};
use studio_core::step::{Argv, Step};
use studio_core::ticket::Stage;
use studio_gate::ShortGate;

/// Times each command is judged.
const TIMES: u32 = 20_000;
/// What one judgement may cost.
const WANTED: Duration = Duration::from_micros(50);

const COMMANDS: &[(&str, &str)] = &[
    ("a read", "kubectl get pods -A -o wide"),
    (
        "a read with many options",
        "kubectl -n media get pods,svc -o yaml -l app=web --field-selector=status.phase!=Running --no-headers --show-labels",
    ),
    ("a read of git", "git log --oneline --since=yesterday -n 5 main..HEAD -- docs README.md kubernetes/apps"),
    ("a change", "kubectl scale deploy/web --replicas=3 -n web"),
    ("destruction", "kubectl delete ns web"),
    ("a form that is not listed", "kubectl get pods --frobnicate"),
    ("a program that is never started", "bash -c x"),
    ("a program that nobody knows", "frobnicate --all x y z"),
];

fn main() {
    let none = Closure::default();
    let start = Instant::now();
    let gate = ShortGate::new();
    row("the rules, once", start.elapsed());
    for (what, line) in COMMANDS {
        let Ok(step) = step(line) else { continue };
        let case = Case {
            mode: Mode::Simulate,
            step: &step,
            stage: Stage::Infra,
            cluster: None,
            base: None,
            edits: &[],
            script: None,
            closure: &none,
            programs: &[],
        };
        let first = Instant::now();
        black_box(gate.judge(&case));
        row(&format!("{what}, the first time"), first.elapsed());
        let start = Instant::now();
        (0..TIMES).for_each(|_| drop(black_box(gate.judge(black_box(&case)))));
        let each = start.elapsed() / TIMES;
        row(what, each);
        assert!(cfg!(debug_assertions) || each < WANTED, "{what} took {each:?}; wanted: {WANTED:?}");
    }
}

fn row(what: &str, time: Duration) {
    println!("{what:<52} {:>10.1} µs", time.as_secs_f64() * 1e6);
}

fn step(line: &str) -> Result<Step, Box<dyn std::error::Error>> {
    let words: Vec<String> = line.split(' ').map(Into::into).collect();
    Ok(serde_json::from_value(serde_json::json!({ "name": "step", "argv": Argv::try_from(words)?, "target": "main", "why": "to see" }))?)
}

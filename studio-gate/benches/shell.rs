//! What judging shell text costs: a line, and a script of a thousand lines. Nothing is asserted about time.

use std::time::{Duration, Instant};
use studio_core::closure::Closure;
use studio_core::event::Mode;
use studio_core::gate::{Case, Class};
use studio_core::step::Step;
use studio_core::ticket::Stage;
use studio_gate::ShortGate;

/// Twenty lines as people write them; fifty times that is a script.
const LINES: &str = r#"
# Looks at one part of the lab.
part_NO() {
  local name="$1"
  if ! kubectl get nodes -o name | grep -c web; then
    printf '%s\n' "no $name" >&2
    return 1
  fi
}
SPACE_NO=web-NO
for kind_NO in deploy ds sts; do
  kubectl get "$kind_NO" -n "$SPACE_NO" -o wide
done
found_NO=$(kubectl get pods -n "$SPACE_NO" -o name)
case "$found_NO" in
  pod/*) echo "$found_NO" > "$STUDIO_OUT/pods-NO.txt" ;;
  *) part_NO "${1:-none}" && exit 1 ;;
esac
[ -n "$found_NO" ] || echo "nothing in $SPACE_NO $((1 + 2))"
kubectl rollout status "deploy/web-NO" -n "$SPACE_NO" 2>&1
"#;
const LINE: &str = "kubectl get pods -A -o json | grep -c 'web' && kubectl get nodes \"-o\" wide 2>/dev/null";

fn main() -> Result<(), serde_json::Error> {
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 101 } else { 1 };
    let words = ["bash", "--noprofile", "--norc", "infrastructure/x.sh", "web"];
    let step: Step = serde_json::from_value(serde_json::json!({ "name": "step", "argv": words, "target": "main", "why": "to see" }))?;
    let (closure, path) = (Closure::default(), step.argv.script().unwrap_or_else(|| unreachable!("it runs a script")));
    let case = Case {
        mode: Mode::Simulate,
        step: &step,
        stage: Stage::Infra,
        cluster: None,
        base: None,
        edits: &[],
        script: None,
        closure: &closure,
        programs: &[],
    };
    let gate = ShortGate::new();
    let script: String = (0..50).map(|no| LINES.replace("NO", &no.to_string())).collect();
    let report = gate.report(&case, &path, script.as_bytes());
    assert!(report.class < Class::Mutate, "the script is understood: {:?}", report.notes);
    let whole = timed(rounds, || drop(gate.report(&case, &path, script.as_bytes())));
    println!("a script of {} lines and {} bytes {:>12.2} ms", script.lines().count(), script.len(), whole.as_secs_f64() * 1e3);
    let line = timed(rounds * 10, || drop(gate.judge_line(LINE, Some(&step.target))));
    println!("a line of three commands {:>22.1} µs", line.as_secs_f64() * 1e6);
    Ok(())
}

/// Returns the median time of one of `rounds`.
fn timed(rounds: usize, act: impl Fn()) -> Duration {
    let times = (0..rounds).map(|_| {
        let begun = Instant::now();
        act();
        begun.elapsed()
    });
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

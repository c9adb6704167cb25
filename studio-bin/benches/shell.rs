//! What judging shell text costs: a line, and a script of a thousand lines. Nothing is asserted about time.
//!
//! `cargo bench --bench shell` prints the table; without `--bench` everything is done once, to see that it works.

#[expect(dead_code, reason = "other benches need the rest of the table")]
mod table;

use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use studio_core::closure::Closure;
use studio_core::event::Mode;
use studio_core::gate::{Case, Class};
use studio_core::step::{Argv, Step};
use studio_core::ticket::Stage;
use studio_gate::ShortGate;
use table::{median, ms, row};

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

fn main() -> Result<()> {
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 101 } else { 1 };
    let words = ["bash", "--noprofile", "--norc", "infrastructure/x.sh", "web"].map(String::from).to_vec();
    let step = Step {
        name: "look".try_into()?,
        argv: Argv::try_from(words)?,
        target: "main".try_into()?,
        why: "to see".to_string().try_into()?,
        expect: Default::default(),
        probe: None,
        undo: None,
        timeout_seconds: Default::default(),
    };
    let closure = Closure::default();
    let case =
        Case { mode: Mode::Simulate, step: &step, stage: Stage::Infra, cluster: None, base: None, edits: &[], script: None, closure: &closure };
    let gate = ShortGate::new();
    let script: String = (0..50).map(|no| LINES.replace("NO", &no.to_string())).collect();
    ensure!(gate.judge_script(&case, "infrastructure/x.sh", script.as_bytes()).class < Class::Opaque, "the script is understood");
    println!("\nmedians of {rounds}\n");
    row("", "figure", "beside it", "ratio", "wanted");
    let whole = timed(rounds, || drop(gate.judge_script(&case, "infrastructure/x.sh", script.as_bytes())));
    row("a script judged", &ms(whole), &format!("{} lines, {} bytes", script.lines().count(), script.len()), "", "< 10 ms for 1,000");
    let line = timed(rounds * 10, || drop(gate.judge_line(&case, LINE)));
    row("a line of three commands judged", &format!("{:.1} µs", line.as_secs_f64() * 1e6), &format!("{} bytes", LINE.len()), "", "< 50 µs a command");
    Ok(())
}

/// Returns the median time of one of `rounds`.
fn timed(rounds: usize, act: impl Fn()) -> Duration {
    let times = (0..rounds).map(|_| {
        let begun = Instant::now();
        act();
        begun.elapsed()
    });
    median(times.collect())
}

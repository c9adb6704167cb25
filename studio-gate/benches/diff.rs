//! What judging a patch costs: a thousand manifests, each with a new version of its image, beside reading the patch alone.
//!
//! `cargo bench -p studio-gate --bench diff` prints it; without `--bench` it is done once, to see that it works.

use std::fmt::Write;
use std::time::{Duration, Instant};
use studio_core::gate::EditVerdict;
use studio_core::ticket::Stage;
use studio_gate::{ShortGate, patch};

fn main() {
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 15 } else { 1 };
    let (text, before) = change(1000);
    let gate = ShortGate::new();
    let (mut read, mut judged) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let begun = Instant::now();
        let files = patch(&text).unwrap_or_default();
        read.push(begun.elapsed());
        for file in &files {
            let found = gate.judge_patch(file, Some(before.as_bytes()), Stage::Infra).unwrap_or_default();
            assert!(found.iter().all(|finding| finding.verdict == EditVerdict::Pass), "{found:?}");
        }
        judged.push(begun.elapsed());
        assert_eq!(files.len(), 1000);
    }
    println!("a patch of 1000 files and {} bytes {:>8.1} ms, wanted 300 ms", text.len(), ms(judged));
    println!("  of it: reading the patch {:>26.1} ms", ms(read));
}

/// A patch of so many files, and what each held before.
fn change(files: usize) -> (String, String) {
    let manifest = |tag: &str| {
        let mut text =
            String::from("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n");
        for at in 0..5 {
            let _ =
                write!(text, "        - name: c{at}\n          image: ghcr.io/x/web:{tag}\n          env:\n            - {{name: A, value: b}}\n");
        }
        text
    };
    let (before, after) = (manifest("1.2.3"), manifest("1.2.4"));
    let lines = before.lines().count();
    let mut patch = String::new();
    for at in 0..files {
        let name = format!("cluster/apps/app-{at}/deployment.yaml");
        let _ = write!(patch, "diff --git a/{name} b/{name}\nindex 1..2 100644\n--- a/{name}\n+++ b/{name}\n@@ -1,{lines} +1,{lines} @@\n");
        before.lines().for_each(|line| patch.extend(["-", line, "\n"]));
        after.lines().for_each(|line| patch.extend(["+", line, "\n"]));
    }
    (patch, before)
}

fn ms(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1000.0
}

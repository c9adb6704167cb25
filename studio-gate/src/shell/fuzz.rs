//! Hostile text in bounded loops: whatever stands there, there is an answer, and it comes soon.

use super::*;
use crate::command::Finding;
use studio_core::gate::{Class, Effect, Verdict};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

const SEEDS: &[&str] = &[
    "set -Eeuo pipefail\nfor n in a b; do kubectl get node \"$n\" | grep -c x || true; done\n",
    "f() { local x=${1:-$(id)}; case \"$x\" in a|b) echo $((1+2)) ;; *) return 1 ;; esac; }\nf \"$@\" > /dev/null 2>&1\n",
    "cat <<EOF | sh\n$(ls) `id` ${x//a/b}\nEOF\nif [[ $x =~ ^[a-z]+$ && -f y ]]; then (a; b) & fi\n",
    "a=(1 2 \"$x\"); echo \"${a[@]:1:2}\" <(ls) >(cat) $'\\x41' {a,b} ~/x *.y\nwhile read -r l; do :; done <<< \"$x\"\n",
];
const PIECES: &[&str] = &[
    "$(",
    ")",
    "${",
    "}",
    "`",
    "'",
    "\"",
    "\\",
    "\n",
    "((",
    "))",
    "[[",
    "]]",
    "<<E",
    "<<<",
    "\nE\n",
    "|",
    "&",
    ";",
    "case x in",
    "esac",
    "if",
    "then",
    "fi",
    "do",
    "done",
    "{",
    "$'",
    "\\$'",
    "#",
    "*",
    "~+9",
    "99999>",
    "a[",
    "]=",
    "function",
    "$((",
    "for",
    "coproc",
    "!",
    "\t",
    "\u{1f600}",
    "é",
    "select",
    "=(",
    "time",
    ";;&",
];

fn look(bytes: &[u8]) {
    let judge = |_: &[&str]| Finding {
        verdict: Verdict::Auto,
        class: Class::Observe,
        rule: "any".into(),
        why: String::new(),
        better: None,
        effect: Effect::Read,
        probe: None,
    };
    let setting = Setting { judge: &judge, file: &|_| None, target: "main", arguments: None };
    script("x.sh", bytes, &setting);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = list(text);
    }
}

#[test]
fn ten_thousand_broken_scripts_are_answered() {
    let mut dice = Dice(7);
    for _ in 0..10_000 {
        let mut bytes = SEEDS[dice.roll(SEEDS.len())].as_bytes().to_vec();
        for _ in 0..=dice.roll(6) {
            let at = dice.roll(bytes.len() + 1);
            match dice.roll(4) {
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..at, PIECES[dice.roll(PIECES.len())].bytes())),
                2 => drop(bytes.splice(at..(at + dice.roll(9)).min(bytes.len()), [])),
                _ => drop(bytes.splice(at..at, [u8::try_from(dice.roll(256)).unwrap()])),
            }
        }
        look(&bytes);
    }
}

#[test]
fn nothing_is_too_deep_or_too_long() {
    for piece in PIECES.iter().chain(&[
        "$( '",
        "$( \")\" ",
        "( ",
        "case x in a) ",
        "if x; then ",
        "{ ",
        "${x:-",
        "$(cat <<E\n)\nE\n",
        "$( # )\n",
        "((1+",
        "\"$(",
        "a() { ",
        "while ",
        "[[ ( ",
    ]) {
        for count in [13, 200, 3_000] {
            look(piece.repeat(count).as_bytes());
            look(format!("{}x", piece.repeat(count)).as_bytes());
        }
    }
    for (open, close) in [
        ("$(", ")"),
        ("(", ")"),
        ("{ ", "; }"),
        ("if x; then ", "; fi"),
        ("case x in a) ", " ;; esac"),
        ("\"${x:-", "}\""),
        ("case x in a) ", " esac"),
    ] {
        for depth in [1, 5, 12, 13, 500] {
            look(format!("{}x{}", open.repeat(depth), close.repeat(depth)).as_bytes());
        }
    }
}

//! Scripts that cannot fail: whatever happened, they end well, and what checks them is told so.

use super::shell::{self, Line};
use super::{Finding, Section, Severity, verbs};
use std::collections::BTreeMap;
use std::ops::Range;
use studio_core::name::RelPath;

/// Commands whose failure says nothing about the work of a script.
const TRIVIAL: &str = "cd mkdir ls cat sleep date rm touch source . export local readonly declare typeset set shopt shift unset trap umask hostname \
    exit return break continue if then else elif fi for while until do done case esac { } ( ) function [ [[ (( test true : eval read pushd popd alias \
    chmod pwd clear tput wait kill exec";

/// Ends of a pipeline that work whatever came before.
const SWALLOWS: &str = "tee cat head tail sort sed awk tr wc column less more uniq cut ts logger nl fold";

/// Functions calls lead to, at most.
const CALLS_MAX: usize = 4;

/// A script that is being read.
struct Script<'t> {
    path: &'t RelPath,
    lines: Vec<Line>,
    functions: BTreeMap<String, Range<usize>>,
    found: Vec<Finding>,
}

/// What a shell was told about failures, so far.
#[derive(Clone, Copy, Default)]
struct Options {
    errexit: bool,
    pipefail: bool,
    sources: bool,
}

/// Returns what keeps the script at `path` from failing.
pub(super) fn scan(path: &RelPath, text: &str) -> Vec<Finding> {
    let lines = shell::lines(text);
    let functions = functions(&lines);
    let mut script = Script { path, lines, functions, found: Vec::new() };
    let mut options = first_line(text);
    let (mut unguarded, mut change) = (None, None);
    for at in 0..script.lines.len() {
        let (Some(line), next) = (script.lines.get(at), script.lines.get(at + 1)) else { continue };
        options.read(&line.code);
        let asked = |line: &Line| line.raw.contains("$?") || line.raw.contains("PIPESTATUS");
        if asked(line) || next.is_some_and(asked) {
            continue;
        }
        if !options.errexit && !script.in_cleanup(at) && counts(&line.code, &script.functions) {
            unguarded = unguarded.or(Some(line.number));
            change = change.or_else(|| Some((line.number, next.and(verbs::change(&line.code))?)));
        }
        let mut found = Vec::new();
        found.extend(swallowed(line).filter(|_| !script.in_cleanup(at)));
        found.extend(piped(line).filter(|_| !options.pipefail && !options.sources));
        found.extend(script.trapped(line));
        let (number, path) = (line.number, script.path);
        script.found.extend(found.into_iter().map(|(rule, what, mend)| finding(path, number, rule, what, mend)));
    }
    if let (Some(first), false, false) = (unguarded, options.errexit, options.sources) {
        script.ends_well(first);
    }
    script.ends_true();
    if let (Some((number, change)), true, false) = (change, script.found.is_empty(), options.sources) {
        let what = format!("without `set -e` it goes on after {change} fails, and only the last command's status is seen");
        let mend = "begin it with `set -euo pipefail`";
        script.found.push(Finding { severity: Severity::Low, ..finding(path, number, "goes-on", what, mend) });
    }
    script.found
}

impl Options {
    fn read(&mut self, code: &str) {
        for part in code.split([';', '&']) {
            let words: Vec<&str> = part.split_whitespace().collect();
            match words.split_first() {
                Some((&"set" | &"shopt", rest)) => self.set(rest),
                Some((&"source" | &".", _)) => self.sources = true,
                Some(_) | None => {}
            }
        }
    }

    fn set(&mut self, words: &[&str]) {
        let mut on = true;
        for word in words {
            if let Some(letters) = word.strip_prefix(['-', '+']) {
                on = word.starts_with('-');
                if letters.contains('e') && letters.chars().all(|c| c.is_ascii_alphabetic()) {
                    self.errexit = on;
                }
            }
            self.errexit = if *word == "errexit" { on } else { self.errexit };
            self.pipefail = if *word == "pipefail" { on } else { self.pipefail };
        }
    }
}

impl Script<'_> {
    /// Says whether the line stands in a function that cleans up, where failures are of no interest.
    fn in_cleanup(&self, at: usize) -> bool {
        let cleans = |name: &str| ["clean", "teardown", "on_exit", "finish", "rollback"].iter().any(|word| name.contains(word));
        self.functions.iter().any(|(name, body)| body.contains(&at) && cleans(&name.to_lowercase()))
    }

    /// Returns the last command that runs, through the functions that are called last. There is none
    /// in a library, and none where a loop or a choice ends.
    fn last(&self) -> Option<&Line> {
        let mut line = self.lines.last().filter(|line| !closes(&line.code))?;
        for _ in 0..CALLS_MAX {
            let name = line.code.split_whitespace().next()?;
            let Some(body) = self.functions.get(name) else { return Some(line) };
            let inside = self.lines.get(body.clone())?;
            line = inside.iter().rev().find(|line| line.code != "}")?;
            if closes(&line.code) {
                return None;
            }
        }
        Some(line)
    }

    fn ends_well(&mut self, first: u32) {
        let Some(last) = self.last() else { return };
        let code = last.code.as_str();
        let function = code.split_whitespace().next().is_some_and(|name| self.only_says(name));
        let well = verbs::says(code) || function || matches!(code, "true" | ":" | "exit 0") || code.starts_with("cat <<");
        if well {
            let what =
                format!("without `set -e` it goes on after line {first} fails, and its last command always works: it exits 0 whatever happened");
            self.found.push(finding(self.path, last.number, "ends-well", what, "begin it with `set -euo pipefail`, or exit with what was found"));
        }
    }

    fn ends_true(&mut self) {
        let Some(last) = self.last() else { return };
        let (before, after) = match last.code.rsplit_once("||").or_else(|| last.code.rsplit_once(';')) {
            Some((before, after)) => (before, after.trim()),
            None => return,
        };
        let first = before.split_whitespace().next().unwrap_or_default();
        let idle = TRIVIAL.split_whitespace().any(|word| word == first) || matches!(first, "" | "grep" | "pkill" | "killall");
        let number = last.number;
        if matches!(after, "true" | ":" | "exit 0" | "return 0") && !idle && !self.found.iter().any(|found| found.line == number) {
            let what = format!("its last command ends in `{after}`, so it exits 0 whatever happened");
            self.found.push(finding(self.path, number, "ends-true", what, "let the last command's status be the script's"));
        }
    }

    /// Says whether `name` is a function that only prints.
    fn only_says(&self, name: &str) -> bool {
        let body = self.functions.get(name).and_then(|body| self.lines.get(body.clone()));
        body.is_some_and(|lines| {
            lines.iter().skip(1).all(|line| line.code == "}" || verbs::says(&line.code) || line.code.starts_with("local ")) && lines.len() > 2
        })
    }

    fn trapped(&self, line: &Line) -> Option<(&'static str, String, &'static str)> {
        let rest = line.raw.trim().strip_prefix("trap ")?;
        let signals: Vec<&str> = rest.split_whitespace().collect();
        let signal = ["ERR", "EXIT"].into_iter().find(|signal| signals.contains(signal))?;
        let handler = signals.first().map(|word| word.trim_matches(['\'', '"', ';'])).unwrap_or_default();
        let body = self.functions.get(handler).and_then(|body| self.lines.get(body.clone()));
        let ends = body.and_then(|lines| lines.iter().rev().find(|line| line.code != "}")).is_some_and(|line| line.code == "exit 0");
        (rest.contains("exit 0") || ends).then(|| {
            let what = format!("the trap on {signal} exits 0, so a failure ends as a success");
            ("trap-exits-0", what, "end the trap without `exit`, or with the status it was called with")
        })
    }
}

/// Returns the command that changes something and whose failure is thrown away on this line.
fn swallowed(line: &Line) -> Option<(&'static str, String, &'static str)> {
    let separators = ["||", ";"];
    let pieces: Vec<(usize, &str)> = separators.iter().flat_map(|by| line.code.match_indices(by)).collect();
    pieces.into_iter().find_map(|(at, by)| {
        let after = line.code.get(at + by.len()..)?.trim();
        let next = after.split([';', '|', '&', '}', ')']).next()?.trim();
        let ends = matches!(next, "true" | ":" | "exit 0" | "return 0");
        let told = by == "||" && verbs::says(next) && !after.contains("exit") && !after.contains("return") && !after.contains("&&");
        if !ends && !told {
            return None;
        }
        let before = line.code.get(..at)?.rsplit([';', '{', '(']).next()?;
        let before = before.rsplit("&&").next()?.rsplit('|').next()?;
        let change = verbs::change(before)?;
        let how = if told { "only a message follows" } else { "its failure is thrown away" };
        Some((
            "swallowed",
            format!("{change}: {how}, and the script goes on as if it had worked"),
            "let it fail, or handle the failure and exit with it",
        ))
    })
}

/// Returns the command that changes something and whose status is lost in a pipeline.
fn piped(line: &Line) -> Option<(&'static str, String, &'static str)> {
    let code = line.code.replace("||", "\u{1}").replace("|&", "|");
    code.split([';', '\u{1}']).find_map(|command| {
        let mut parts = command.rsplit("&&").next()?.split('|');
        let first = parts.next()?;
        let last = parts.next_back()?.trim();
        let change = verbs::change(first)?;
        let end = last.split_whitespace().find(|word| !matches!(*word, "sudo"))?;
        SWALLOWS.split_whitespace().find(|swallows| *swallows == end).map(|end| {
            let what = format!("{change} is piped into {end} without `set -o pipefail`: its failure is lost");
            ("lost-in-pipe", what, "add `set -o pipefail`")
        })
    })
}

/// Says whether a failure of this line would be the script's business, and nothing looks at it.
fn counts(code: &str, functions: &BTreeMap<String, Range<usize>>) -> bool {
    let Some(first) = code.split_whitespace().next() else { return false };
    let guarded = code.contains("||") || code.contains("&&");
    let word = first.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '.' | '_' | '$'));
    let trivial = TRIVIAL.split_whitespace().any(|trivial| trivial == first) || verbs::says(code);
    let odd = first.contains(['=', ')', '(']) || first.starts_with(['$', '_']) || functions.contains_key(first);
    word && !trivial && !odd && !guarded
}

fn closes(code: &str) -> bool {
    code.split([' ', ';', ')', '>', '|']).next().is_some_and(|first| matches!(first, "fi" | "done" | "esac" | "}"))
}

/// Returns the options that the first line sets.
fn first_line(text: &str) -> Options {
    let mut options = Options::default();
    let first = text.lines().next().unwrap_or_default();
    if let Some(words) = first.strip_prefix("#!") {
        let words: Vec<&str> = words.split_whitespace().skip(1).filter(|word| *word != "-S").collect();
        options.set(&words);
    }
    options
}

/// Returns the functions of a script, by name: their lines, from the name to the closing brace.
fn functions(lines: &[Line]) -> BTreeMap<String, Range<usize>> {
    let mut functions = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        let named = line.code.strip_prefix("function ").or_else(|| line.code.contains("()").then_some(line.code.as_str()));
        let Some(name) = named.and_then(|named| named.split(['(', ' ', '{']).next()).filter(|name| !name.is_empty()) else { continue };
        let ends = |end: &Line| end.indent <= line.indent && end.code.starts_with('}');
        let last = if line.code.ends_with('}') { at } else { at + lines.iter().skip(at).position(ends).unwrap_or(0) };
        functions.insert(name.to_string(), at..last + 1);
    }
    functions
}

fn finding(path: &RelPath, line: u32, rule: &'static str, what: String, mend: &str) -> Finding {
    Finding::new(Section::CannotFail, Severity::Medium, path.as_str(), line, rule, &what, mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(u32, &'static str)> {
        let path = RelPath::try_from("scripts/x.sh").unwrap();
        scan(&path, text).into_iter().map(|finding| (finding.line, finding.rule)).collect()
    }

    #[test]
    fn scripts_that_cannot_fail_are_found_on_their_line() {
        for (text, at) in [
            ("#!/bin/bash\nkubectl get nodes\necho ok\n", (3, "ends-well")),
            ("#!/bin/bash\nset -e\nset +e\ncurl x\n\nexit 0 # done\n", (6, "ends-well")),
            ("main() {\n  probe x\n  echo fine\n}\nmain \"$@\"\n", (3, "ends-well")),
            ("set -e\nprobe || true\n", (2, "ends-true")),
            ("set -e\nprobe; true\n", (2, "ends-true")),
            ("set -e\nkubectl apply -f x || true\nprobe\n", (2, "swallowed")),
            ("set -e\nif x; then talosctl apply-config -n y || :; fi\nprobe\n", (2, "swallowed")),
            ("set -e\nhelm upgrade \\\n  x y ||\n  echo 'failed'\nprobe\n", (2, "swallowed")),
            ("set -eu\nansible-playbook site.yml | tee log\nprobe\n", (2, "lost-in-pipe")),
            ("set -eu\nflux reconcile x 2>&1 | sudo tee -a log >/dev/null\nprobe\n", (2, "lost-in-pipe")),
            ("if x; then y; fi\ntalosctl upgrade -n x\nprobe\n", (2, "goes-on")),
            ("set -e\ntrap 'echo x; exit 0' ERR\nprobe\n", (2, "trap-exits-0")),
            ("set -e\nbad() {\n  echo x\n  exit 0\n}\ntrap bad ERR\nprobe\n", (6, "trap-exits-0")),
        ] {
            assert_eq!(found(text), [at], "{text}");
        }
    }

    #[test]
    fn well_written_scripts_have_no_finding() {
        for text in [
            "#!/usr/bin/env bash\nset -Eeuo pipefail\nkubectl apply -f x | tee log\necho ok\n",
            "#!/bin/bash -e\nprobe\necho ok\n",
            "#!/usr/bin/env -S bash -euo pipefail\nmake x | tee log\nexit 0\n",
            "set -o errexit -o pipefail\nrsync a b | tee log\necho ok\n",
            "set -e\ncleanup() {\n  kubectl scale x || true\n  rm -f y || true\n}\ntrap cleanup EXIT\nprobe\n",
            "set -e\ncount=$(kubectl apply -f x | grep -c y || true)\nprobe\n",
            "set -e\npkill x || true\ngrep -q x y || true\nprobe\n",
            "probe || exit 1\nif ! other; then exit 1; fi\necho ok\n",
            "failed=0\nprobe || failed=1\necho done\nexit $failed\n",
            "probe\nrc=$?\necho \"$rc\"\n",
            "# kubectl apply || true\necho 'kubectl apply || true'\n",
            "say() {\n  echo x\n}\nrun() {\n  probe\n}\n",
            "set -e\nkubectl apply -f x || { echo bad; exit 1; }\nkubectl apply -f y || echo bad && exit 1\nprobe\n",
            "source lib.sh\nprobe\necho ok\n",
            "set -e\nset +e\nprobe\nrc=$?\nset -e\necho $rc\n",
            "probe\nexit\n",
            "cat <<EOF\nkubectl apply || true\nEOF\nprobe\n",
            "",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}

//! Arithmetic of a script: harmless where it only holds numbers, code where a variable may hold anything, since a
//! shell reckons with what it holds as an expression, with subscripts and the commands in them.

use super::names::is_name;
use super::walk::{Scope, Walk};
use studio_core::gate::Class;

/// Variables of the shell that are numbers.
const NUMBERS: &[&str] = &["RANDOM", "SRANDOM", "SECONDS", "EPOCHSECONDS", "LINENO", "BASHPID", "PPID", "UID", "EUID"];

impl Walk<'_> {
    /// Judges an expression.
    pub(super) fn arithmetic(&mut self, text: &str, scope: &Scope) {
        if let Some(odd) = self.odd(text, scope) {
            let why = format!("{odd} is reckoned with, and a shell would run what it holds");
            self.note(scope, Class::Opaque, "arithmetic", why, "compare numbers with [ \"$x\" -ge 1 ], which takes nothing but numbers");
        }
    }

    /// Returns what may be something else than a number.
    fn odd(&self, text: &str, scope: &Scope) -> Option<String> {
        let signs = |c: char| c.is_ascii_whitespace() || "+-*/%()<>=!&|^~?:,".contains(c);
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if signs(c) {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (expands, bare) = match rest.strip_prefix('$') {
                Some(tail) => (true, tail),
                None => (false, rest),
            };
            let (braced, bare) = match bare.strip_prefix('{').filter(|_| expands) {
                Some(tail) => (true, tail),
                None => (false, bare),
            };
            if let Some(tail) = bare.strip_prefix(['#', '?', '$']).filter(|_| expands && !braced) {
                rest = tail;
                continue;
            }
            let (length_of, bare) = match bare.strip_prefix('#').filter(|_| braced) {
                Some(tail) => (true, tail),
                None => (false, bare),
            };
            let length = bare.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(bare.len());
            let (name, after) = bare.split_at_checked(length)?;
            let fine = match (is_name(name), expands) {
                (true, _) => length_of || self.is_number(name, scope),
                (false, true) => {
                    name.parse().is_ok_and(|at: usize| self.positional(at, scope).is_some_and(|values| values.iter().all(|v| digits(v))))
                }
                (false, false) => !name.is_empty(), // a number, in some base
            };
            let tail = if braced { after.strip_prefix('}') } else { Some(after) };
            match tail.filter(|_| fine && !name.is_empty()) {
                Some(tail) if !tail.starts_with(['[', '{']) => rest = tail,
                Some(_) | None => return Some(if name.is_empty() { c.to_string() } else { name.to_string() }),
            }
        }
        None
    }

    fn is_number(&self, name: &str, scope: &Scope) -> bool {
        NUMBERS.contains(&name) || self.names.number(name) || scope.known.get(name).is_some_and(|values| values.iter().all(|value| digits(value)))
    }
}

/// Says whether `value` is a number.
pub(super) fn digits(value: &str) -> bool {
    (1..=15).contains(&value.len()) && value.chars().all(|c| c.is_ascii_digit())
}

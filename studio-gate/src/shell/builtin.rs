//! The shell's own commands: what each may do with words that nobody knows.

use super::expand::Value;
use super::names::{handed, is_name};
use super::simple::Arg;
use super::walk::{Scope, Walk};
use studio_core::gate::Class;
use studio_core::place::{below, fold, secret};
use studio_core::text::one_line;

/// They do nothing but answer, whatever their words are.
const HARMLESS: &[&str] = &[":", "true", "false", "pwd", "exit", "return", "break", "continue", "shift", "wait", "times", "type", "caller", "umask"];
/// They give variables values.
const DECLARE: &[&str] = &["local", "declare", "typeset", "readonly", "export"];
/// They read into variables, or take them away.
const READ: &[&str] = &["read", "mapfile", "readarray", "getopts", "unset"];
/// They run text, change what words mean, or end what the judge can follow.
const OPAQUE: &[&str] = &[
    "eval", "alias", "unalias", "enable", "hash", "let", "bind", "complete", "compgen", "compopt", "builtin", "pushd", "popd", "dirs", "fc",
    "history", "ulimit", "disown", "suspend", "logout", "bg", "fg", "coproc",
];
/// Those with a rule of their own.
const OWN: &[&str] = &["echo", "printf", "test", "[", "set", "shopt", "cd", "trap", "exec", "source", ".", "command", "jobs"];
/// Options of `set` that only make a script stricter or louder.
const SET_NAMES: &[&str] = &["errexit", "errtrace", "nounset", "pipefail", "xtrace", "noglob", "noclobber", "functrace"];
/// Options of `shopt` that change no word into another command.
const SHOPT: &[&str] = &["nullglob", "failglob", "inherit_errexit", "globstar", "dotglob", "lastpipe"];

/// Says whether `name` is a command or a word of the shell.
pub(super) fn is_one(name: &str) -> bool {
    [HARMLESS, DECLARE, READ, OPAQUE, OWN].iter().any(|list| list.contains(&name)) || matches!(name, "time" | "select" | "function" | "kill")
}

impl Walk<'_> {
    /// Judges a command of the shell; says whether it is one.
    pub(super) fn builtin(&mut self, program: &str, args: &[Arg<'_>], scope: &mut Scope) -> bool {
        match program {
            "echo" => {}
            "printf" => {
                if args.first().and_then(Arg::literal).is_none_or(|first| first.starts_with('-') && first != "--") {
                    self.opaque(scope, "printf with options, or with a form that nobody sees, can set any variable", "write printf '%s\\n' …");
                }
            }
            "test" | "[" => self.compare(args, scope),
            "set" => self.set_options(args, scope),
            "shopt" => {
                let fine = |arg: &Arg<'_>| arg.literal().is_some_and(|word| matches!(word, "-s" | "-u" | "-q") || SHOPT.contains(&word));
                if !args.iter().all(fine) {
                    self.opaque(scope, "shopt changes how the rest is read", "leave it out");
                }
            }
            "cd" => self.enter(args, scope),
            "trap" => self.trap(args, scope),
            "exec" => {
                if !args.is_empty() {
                    self.opaque(scope, "exec puts a program in the place of the script", "call the program plainly");
                    let mut inner = Scope { depth: scope.depth + 1, ..scope.clone() };
                    self.run(args, &mut inner);
                }
            }
            "source" | "." => self.source(args, scope),
            "jobs" => {
                if !args.iter().all(|arg| matches!(arg.literal(), Some("-l" | "-p" | "-r" | "-s" | "-n"))) {
                    self.opaque(scope, "jobs -x runs a command", "run the command itself");
                    let inner = args.iter().position(|arg| !arg.raw.starts_with('-')).and_then(|at| args.get(at..)).unwrap_or_default();
                    self.run(inner, &mut Scope { depth: scope.depth + 1, ..scope.clone() });
                }
            }
            "command" => {
                if !matches!(args.first().and_then(Arg::literal), Some("-v" | "-V")) {
                    let mut inner = Scope { depth: scope.depth + 1, ..scope.clone() };
                    self.run(args, &mut inner);
                }
            }
            name if HARMLESS.contains(&name) => {}
            name if DECLARE.contains(&name) => self.declare(name, args, scope),
            name if READ.contains(&name) => self.read_into(name, args, scope),
            name if OPAQUE.contains(&name) => {
                self.opaque(scope, &format!("{name} runs text, or changes what later words mean"), "write the commands themselves");
            }
            _ => return false,
        }
        true
    }

    fn opaque(&mut self, scope: &Scope, why: &str, better: &str) {
        self.note(scope, Class::Opaque, "shell", why.into(), better);
    }

    /// A test may hold words that nobody knows where none of them could be an operator.
    fn compare(&mut self, args: &[Arg<'_>], scope: &Scope) {
        let args: Vec<&Arg<'_>> = args.iter().filter(|arg| !matches!(arg.raw, "]" | "!")).collect();
        let operator = |arg: &&Arg<'_>| arg.literal().is_some_and(|word| !matches!(word, "-v" | "-R"));
        let many = args.iter().any(|arg| arg.value == Value::Many);
        let all = args.iter().all(operator);
        let fine = match &args[..] {
            [] | [_] => !many,
            [one, _] => !many && operator(one),
            [_, middle, _] => !many && operator(middle),
            [..] => all,
        };
        if !fine {
            self.opaque(
                scope,
                "a word that nobody knows could be -v here, which runs what a subscript holds",
                "quote it, and put an operator between two words",
            );
        }
    }

    fn set_options(&mut self, args: &[Arg<'_>], scope: &Scope) {
        if args.is_empty() {
            return self.shows(scope, "set");
        }
        let mut args = args.iter().map(Arg::literal);
        while let Some(word) = args.next() {
            let (on, letters) = match word.map(|word| (word.starts_with('-'), word.trim_start_matches(['-', '+']))) {
                Some((on, letters))
                    if word.is_some_and(|word| word.starts_with(['-', '+']))
                        && letters.chars().all(|c| "eEuxfnvCo".contains(c))
                        && !letters.is_empty() =>
                {
                    (on, letters.to_string())
                }
                Some(_) | None => {
                    self.sets_arguments = true;
                    return self.opaque(
                        scope,
                        "set gives the script other arguments, or options that nobody judged",
                        "write set -Eeuo pipefail, and name the words",
                    );
                }
            };
            let named = if letters.contains('o') { args.next().flatten() } else { None };
            if letters.contains('o') && named.is_none_or(|name| !SET_NAMES.contains(&name)) {
                return self.opaque(scope, "set -o with an option that nobody judged", "write set -Eeuo pipefail");
            }
            if letters.contains('e') || named == Some("errexit") {
                self.strict |= on;
                if !on {
                    self.mask(scope, "set +e: from here on it goes on after a failure");
                }
            }
        }
    }

    /// A folder of the repository may be entered; every rule about places below it still holds there.
    fn enter(&mut self, args: &[Arg<'_>], scope: &mut Scope) {
        let words: Vec<&Arg<'_>> = args.iter().filter(|arg| !matches!(arg.raw, "--" | "-P" | "-L")).collect();
        let place = match &words[..] {
            [word] => word.literal().and_then(|word| inside(scope.folder.as_deref()?, word)),
            [..] => None,
        };
        let place = place.filter(|place| scope.arguments && !secret(place) && !below("config", &fold(place)));
        if place.is_none() {
            self.opaque(
                scope,
                "it works in a folder that nobody knows from here on",
                "enter a folder of the repository by its path, once, at the top",
            );
        }
        scope.folder = place;
    }

    fn trap(&mut self, args: &[Arg<'_>], scope: &Scope) {
        let code = args.first().and_then(Arg::literal);
        let named = code.is_some_and(|code| self.functions.contains(code) || matches!(code, "" | "-" | "-p" | "-l" | ":"));
        if !(args.is_empty() || named) {
            self.opaque(scope, "trap runs text later", "give trap the name of a function that stands above it");
        }
    }

    fn source(&mut self, args: &[Arg<'_>], scope: &mut Scope) {
        let path = args.first().and_then(Arg::literal).and_then(|word| self.path(word, scope));
        let found = path.and_then(|path| (self.setting.file)(&path).map(|bytes| (path, bytes)));
        let raw = one_line(args.first().map_or("", |arg| arg.raw), 80);
        match found {
            Some((path, bytes)) if args.len() == 1 => self.file(&path, bytes, scope),
            Some(_) | None => self.opaque(
                scope,
                &format!("it sources {raw}, which cannot be found in the repository"),
                "source a file of the repository by its path, or beside \"$(dirname \"$0\")\"",
            ),
        }
    }

    /// Returns the path below the root that a word means, if that is known.
    pub(super) fn path(&self, word: &str, scope: &Scope) -> Option<String> {
        inside(scope.folder.as_deref()?, word)
    }

    /// Without a name, these print every variable, and with them the environment.
    fn shows(&mut self, scope: &Scope, program: &str) {
        self.opaque(scope, &format!("{program} without a name shows the environment"), "name the variable");
    }

    fn declare(&mut self, program: &str, args: &[Arg<'_>], scope: &mut Scope) {
        if args.iter().all(|arg| arg.literal().is_some_and(|word| word.starts_with(['-', '+']))) {
            self.shows(scope, program);
        }
        let mut exports = program == "export";
        for arg in args {
            match (arg.sets, arg.literal()) {
                (Some(assignment), _) => {
                    self.set(assignment, scope);
                    let name = arg.raw.split(['=', '+', '[']).next().unwrap_or_default();
                    self.export(exports, name, scope);
                }
                (None, Some(word)) if word.starts_with(['-', '+']) => {
                    exports |= word.contains('x');
                    if !word.chars().skip(1).all(|c| "xrgaAtf".contains(c)) || (word.contains('f') && exports) {
                        self.opaque(scope, &format!("{program} {word} changes how a variable is read"), "leave the option out");
                    }
                }
                (None, Some(word)) if is_name(word) => {
                    scope.forget(word);
                    self.export(exports, word, scope);
                }
                (None, Some(_) | None) => self.opaque(scope, &format!("{program} with a name that nobody sees"), "write the name"),
            }
        }
    }

    fn export(&mut self, exports: bool, name: &str, scope: &Scope) {
        if exports && !handed(name) {
            let why = format!("{name} is handed to every later command, and can change what it does");
            self.note(scope, Class::Opaque, "environment", why, "leave export out, or name it in the side file");
        }
    }

    fn read_into(&mut self, program: &str, args: &[Arg<'_>], scope: &mut Scope) {
        for arg in args {
            match arg.literal() {
                Some(word) if is_name(word) => self.bind(word, None, scope),
                Some(word) if word.starts_with('-') && !(program != "read" && word.contains(['C', 'c', 'f'])) => {}
                Some(word) if program == "getopts" || super::arithmetic::digits(word) || word.is_empty() => {}
                Some(_) | None if arg.raw.starts_with("$'") => {}
                Some(_) | None => self.opaque(scope, &format!("{program} with a name that nobody sees"), "write the name"),
            }
        }
    }
}

/// Returns the path of `word`, seen from `folder`, if it stays below the root.
fn inside(folder: &str, word: &str) -> Option<String> {
    if word.starts_with(['/', '-', '~']) || word.is_empty() {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(word.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

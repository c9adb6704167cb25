//! Programs that start the command in their words: it is what counts, once the wrapper's own words are known.

use super::expand::Value;
use super::names::handed;
use super::simple::Arg;
use super::walk::{Scope, Walk};
use studio_core::gate::Class;

/// A wrapper and the words of its own. What is not listed makes the command opaque.
struct Wrapper {
    name: &'static str,
    /// Options without a value.
    flags: &'static [&'static str],
    /// Options with a value in the next word.
    valued: &'static [&'static str],
    /// Words before the command.
    before: usize,
    /// Whether it raises rights.
    raises: bool,
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper { name: "sudo", flags: &["-n", "-H", "--non-interactive"], valued: &["-u", "--user", "-g"], before: 0, raises: true },
    Wrapper { name: "doas", flags: &["-n"], valued: &["-u"], before: 0, raises: true },
    Wrapper { name: "runuser", flags: &["--"], valued: &["-u"], before: 0, raises: true },
    Wrapper { name: "env", flags: &["-i", "--ignore-environment", "-", "--"], valued: &["-u", "--unset"], before: 0, raises: false },
    Wrapper {
        name: "timeout",
        flags: &["--foreground", "--preserve-status", "-v", "--verbose"],
        valued: &["-k", "--kill-after", "-s", "--signal"],
        before: 1,
        raises: false,
    },
    Wrapper { name: "nohup", flags: &[], valued: &[], before: 0, raises: false },
    Wrapper { name: "nice", flags: &[], valued: &["-n"], before: 0, raises: false },
    Wrapper { name: "ionice", flags: &["-t"], valued: &["-c", "-n"], before: 0, raises: false },
    Wrapper { name: "setsid", flags: &["-w", "--wait", "-f", "--fork"], valued: &[], before: 0, raises: false },
    Wrapper { name: "stdbuf", flags: &["-oL", "-o0", "-eL", "-e0", "-iL", "-i0"], valued: &[], before: 0, raises: false },
    Wrapper { name: "time", flags: &["-p"], valued: &[], before: 0, raises: false },
    Wrapper { name: "flock", flags: &["-n", "-x", "-s", "-e"], valued: &["-w", "-E"], before: 1, raises: false },
    Wrapper {
        name: "xargs",
        flags: &["-0", "-r", "-t", "--null", "--no-run-if-empty"],
        valued: &["-n", "-P", "-L", "-I", "-d"],
        before: 0,
        raises: false,
    },
    Wrapper { name: "watch", flags: &["-x", "-t", "-d", "-e", "-g"], valued: &["-n"], before: 0, raises: false },
];
/// They change what a command sees of the machine, or take it as text.
const OPAQUE: &[&str] =
    &["su", "chroot", "unshare", "nsenter", "strace", "ltrace", "script", "parallel", "systemd-run", "at", "batch", "busybox", "toybox", "ld.so"];

/// Says whether `name` starts other commands.
pub(super) fn is_one(name: &str) -> bool {
    OPAQUE.contains(&name) || WRAPPERS.iter().any(|row| row.name == name)
}

impl Walk<'_> {
    /// Judges the command inside a wrapper; says whether it is one.
    pub(super) fn wrapper(&mut self, program: &str, args: &[Arg<'_>], scope: &mut Scope) -> bool {
        if OPAQUE.contains(&program) {
            self.note(scope, Class::Opaque, "wrapper", format!("{program} runs a command that nobody sees"), "run the command itself");
            return true;
        }
        let Some(row) = WRAPPERS.iter().find(|row| row.name == program) else { return false };
        if row.raises {
            self.note(scope, Class::Mutate, "rights", format!("{program} gives the command other rights"), "");
        }
        match row.inner(args) {
            Some(inner) => {
                let mut inner = inner.to_vec();
                if program == "env" {
                    inner = self.unwrapped(inner, scope);
                }
                if program == "xargs" {
                    inner.push(Arg { raw: "words from the input", value: Value::Many, sets: None });
                }
                if program == "watch" && !args.iter().any(|arg| arg.raw == "-x") {
                    self.again(&inner, scope);
                } else {
                    self.run(&inner, scope);
                }
            }
            None => self.note(scope, Class::Opaque, "wrapper", format!("{program} with options that nobody judged"), "leave the option out"),
        }
        true
    }

    /// Takes the variables off that `env` hands to its command.
    fn unwrapped<'a>(&mut self, args: Vec<Arg<'a>>, scope: &Scope) -> Vec<Arg<'a>> {
        let names = args.iter().take_while(|arg| arg.raw.contains('='));
        let count = names.clone().count();
        for name in names.filter_map(|arg| arg.raw.split('=').next()) {
            if !handed(name) {
                let why = format!("{name}=… can change what the command does");
                self.note(scope, Class::Opaque, "environment", why, "leave it out, or name it in the side file");
            }
        }
        args.into_iter().skip(count).collect()
    }

    /// Judges words that another shell puts together and reads again.
    pub(super) fn again(&mut self, args: &[Arg<'_>], scope: &Scope) {
        let words: Option<Vec<&str>> = args.iter().map(Arg::literal).collect();
        match words {
            Some(words) => self.inner(&words.join(" "), &Scope { arguments: false, ..scope.clone() }),
            None => self.note(scope, Class::Opaque, "again", "words that nobody knows are read again by another shell".into(), "write the words"),
        }
    }
}

impl Wrapper {
    /// Returns the words of the command inside.
    fn inner<'a, 'b>(&self, args: &'b [Arg<'a>]) -> Option<&'b [Arg<'a>]> {
        let mut rest = args;
        while let Some(option) = rest.first().and_then(Arg::literal).filter(|word| word.starts_with('-')) {
            let number = option.get(1..).is_some_and(super::arithmetic::digits) && self.name == "nice";
            let joined = self
                .valued
                .iter()
                .any(|valued| option.strip_prefix(valued).is_some_and(|value| super::arithmetic::digits(value.trim_start_matches('='))));
            let used = if self.valued.contains(&option) { 2 } else { 1 };
            if !(self.flags.contains(&option) || self.valued.contains(&option) || joined || number) {
                return None;
            }
            rest = rest.get(used..)?;
        }
        rest.get(..self.before)?.iter().all(|arg| arg.literal().is_some()).then_some(())?;
        rest.get(self.before..).filter(|rest| !rest.is_empty())
    }
}

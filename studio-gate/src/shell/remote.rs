//! Other readers of code: interpreters, files that are started, and shells on other machines.

use super::simple::Arg;
use super::walk::{Scope, Walk};
use studio_core::gate::Class;
use studio_core::text::one_line;

/// Shells whose language is the one that is judged.
const SHELLS: &[&str] = &["bash", "sh", "dash", "ash"];
/// Interpreters of other languages.
const INTERPRETERS: &str = "python* pypy* perl* ruby* node nodejs deno bun php* lua* tclsh wish expect pwsh osascript awk gawk mawk nawk groovy java jshell \
    R Rscript julia zsh ksh* mksh fish csh tcsh gdb vim vi nvim ed ex emacs";
/// Options of a shell that only make it stricter or forget what it was told to be.
const SHELL_OPTIONS: &[&str] = &["--noprofile", "--norc", "-e", "-u", "-x", "-eu", "-ex", "-eux", "-euo", "-p", "--"];
/// Options of ssh without a value that lead nowhere else.
const SSH_FLAGS: &[&str] = &["-4", "-6", "-n", "-q", "-T", "-x", "-a", "-k", "-C"];
/// Options of ssh with a value that say who and where.
const SSH_VALUED: &[&str] = &["-l", "-p"];
/// Programs that start a command inside a machine or a container: their verb, and how many words stand before `--`.
const INSIDE: &[(&str, &[&str])] = &[
    ("kubectl", &["exec"]),
    ("qm", &["guest", "exec"]),
    ("pct", &["exec"]),
    ("docker", &["exec"]),
    ("podman", &["exec"]),
    ("nerdctl", &["exec"]),
    ("crictl", &["exec"]),
    ("lxc-attach", &[]),
];

/// Says whether `name` reads code, here or elsewhere.
pub(super) fn is_one(name: &str) -> bool {
    SHELLS.contains(&name) || studio_core::place::listed(INTERPRETERS, name) || matches!(name, "ssh" | "just" | "make" | "gmake" | "task" | "go-task")
}

impl Walk<'_> {
    /// Judges what an interpreter is given; says whether it is one.
    pub(super) fn interpreter(&mut self, program: &str, args: &[Arg<'_>], scope: &mut Scope) -> bool {
        if !SHELLS.contains(&program) {
            if studio_core::place::listed(INTERPRETERS, program) {
                let why = format!("{program} runs a language that is not judged here");
                self.note(scope, Class::Opaque, "interpreter", why, "write it in shell, or register the script");
                return true;
            }
            return false;
        }
        let mut rest = args;
        while let Some(option) = rest.first().and_then(Arg::literal).filter(|option| SHELL_OPTIONS.contains(option)) {
            let named = option == "-euo" && rest.get(1).and_then(Arg::literal) == Some("pipefail");
            rest = rest.get(if named { 2 } else { 1 }..).unwrap_or_default();
        }
        let first = rest.first().and_then(Arg::literal);
        match (first, rest.get(1)) {
            (Some("-c" | "-ec" | "-euc" | "-uc" | "-exc"), Some(code)) => {
                let inner = Scope { arguments: false, ..scope.clone() };
                match code.literal() {
                    Some(code) => self.inner(code, &inner),
                    None => self.note(
                        scope,
                        Class::Opaque,
                        "interpreter",
                        format!("{program} -c runs text that nobody sees"),
                        "write the commands into the script",
                    ),
                }
            }
            (Some(path), _) if !path.starts_with('-') => {
                let path = path.to_string();
                self.started_file(&path, scope);
            }
            (Some(_) | None, _) => {
                let why = format!("{program} runs what it is fed, or text that nobody sees");
                self.note(scope, Class::Opaque, "interpreter", why, "write the commands into the script");
            }
        }
        true
    }

    /// Judges a program that is named by its path.
    pub(super) fn started(&mut self, program: &str, written: bool, args: &[Arg<'_>], scope: &mut Scope) {
        let name = program.rsplit('/').next().unwrap_or(program);
        let system =
            ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/usr/local/bin/"].iter().any(|folder| program.strip_prefix(folder) == Some(name));
        if system && written && !self.functions.contains(name) && !super::builtin::is_one(name) {
            let all: Vec<Arg<'_>> = std::iter::once(Arg::plain(name)).chain(args.iter().cloned()).collect();
            return self.run(&all, scope);
        }
        self.started_file(program, scope);
    }

    fn started_file(&mut self, word: &str, scope: &Scope) {
        let path = self.path(word, scope);
        match path.and_then(|path| (self.setting.file)(&path).map(|bytes| (path, bytes))) {
            Some((path, bytes)) if is_shell(&path, bytes) => {
                let mut inner = Scope { known: Default::default(), arguments: false, depth: scope.depth + 1, ..scope.clone() };
                self.file(&path, bytes, &mut inner);
            }
            Some((path, _)) => {
                self.note(scope, Class::Opaque, "interpreter", format!("{path} is no shell script"), "write it in shell, or register it")
            }
            None => {
                let why = format!("it starts {}, which is no file of the repository that is judged with it", one_line(word, 80));
                self.note(scope, Class::Opaque, "file", why, "start a script of the repository by its path");
            }
        }
    }

    /// Judges a command for another machine; says whether it is one.
    pub(super) fn remote(&mut self, program: &str, args: &[Arg<'_>], scope: &mut Scope) -> bool {
        if program == "ssh" {
            self.ssh(args, scope);
            return true;
        }
        let Some((_, verb)) = INSIDE.iter().find(|(name, verb)| *name == program && has(args, verb)) else { return false };
        let command = args.iter().position(|arg| arg.raw == "--").and_then(|at| args.get(at + 1..)).filter(|command| !command.is_empty());
        let place = format!("{program} {}", verb.join(" "));
        match command.filter(|command| command.iter().all(|arg| arg.literal().is_some())) {
            Some(command) => {
                let class = self.apart(|walk| walk.run(command, &mut Scope { depth: scope.depth + 1, arguments: false, ..scope.clone() }));
                let class = if class == Class::Observe { Class::Mutate } else { Class::Destroy };
                self.note(scope, class, "remote", format!("{place} runs a command inside a machine or a container"), "");
            }
            None => self.note(scope, Class::Destroy, "remote", format!("{place} runs a command that nobody sees"), "write its words behind --"),
        }
        true
    }

    fn ssh(&mut self, args: &[Arg<'_>], scope: &Scope) {
        let mut rest = args;
        while let Some(option) = rest.first().and_then(Arg::literal).filter(|option| SSH_FLAGS.contains(option) || SSH_VALUED.contains(option)) {
            rest = rest.get(if SSH_VALUED.contains(&option) { 2 } else { 1 }..).unwrap_or_default();
        }
        let host = rest.first().and_then(Arg::literal).map(|host| host.rsplit('@').next().unwrap_or(host).to_string());
        let Some(host) = host.filter(|host| !host.is_empty() && !host.starts_with('-') && rest.len() > 1) else {
            let why = "ssh with options that nobody judged, or without a command".into();
            return self.note(scope, Class::Opaque, "remote", why, "write ssh HOST and the command");
        };
        let words: Option<String> =
            rest.get(1..).unwrap_or_default().iter().map(Arg::literal).collect::<Option<Vec<_>>>().map(|words| words.join(" "));
        let Some(words) = words else {
            return self.note(scope, Class::Opaque, "remote", "ssh runs words that nobody sees".into(), "write the words");
        };
        let class = self.apart(|walk| walk.inner(&words, &Scope { arguments: false, ..scope.clone() }));
        let class = match class {
            Class::Observe if host == self.setting.target => Class::Observe,
            Class::Observe | Class::Opaque | Class::Forbidden => Class::Opaque,
            Class::LocalWrite | Class::Mutate => Class::Mutate,
            Class::Destroy => Class::Destroy,
        };
        let class = if host == self.setting.target { class } else { class.max(Class::Opaque) };
        let why = format!(
            "ssh runs a command on {}, which is {}the step's target",
            one_line(&host, 60),
            if host == self.setting.target { "" } else { "not " }
        );
        self.note(scope, class, "remote", why, "let the step's target be the host");
    }

    /// Returns the class of what `look` judges, which counts in another place; what destroys there is known here too.
    fn apart(&mut self, look: impl FnOnce(&mut Self)) -> Class {
        // Functions of this shell are none there.
        let own = std::mem::replace(&mut self.report, super::Report::new());
        let (functions, unknown) = (std::mem::take(&mut self.functions), std::mem::take(&mut self.unknown));
        look(self);
        for (_, note) in std::mem::replace(&mut self.unknown, unknown) {
            self.report.add(note);
        }
        self.functions = functions;
        let inner = std::mem::replace(&mut self.report, own);
        let class = inner.class;
        inner.notes.into_iter().filter(|note| note.class >= Class::Destroy).for_each(|note| self.report.add(note));
        class
    }
}

/// Says whether the words hold the verb, before any `--`.
fn has(args: &[Arg<'_>], verb: &[&str]) -> bool {
    let words: Vec<&str> = args.iter().take_while(|arg| arg.raw != "--").filter_map(Arg::literal).collect();
    verb.is_empty() || words.windows(verb.len()).any(|part| part == verb)
}

fn is_shell(path: &str, bytes: &[u8]) -> bool {
    let first = String::from_utf8_lossy(bytes.split(|byte| *byte == b'\n').next().unwrap_or_default()).to_string();
    match first.strip_prefix("#!") {
        Some(line) => line.split([' ', '/']).any(|word| SHELLS.contains(&word)) && !line.contains("-c"),
        None => path.ends_with(".sh") || path.ends_with(".bash"),
    }
}

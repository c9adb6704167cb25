//! Judging scripts: they always ask, and their bytes are part of what is approved.

use crate::command::{self, Finding};
use crate::declared::declared;
use crate::place::{fold, listed};
use crate::shell::{self, Report, Setting};
use studio_core::closure::RUNS;
use studio_core::gate::{Case, Class, Verdict};
use studio_core::limits::SCRIPT_BYTES_MAX;
use studio_core::name::RelPath;
use studio_core::plan::Edit;
use studio_core::text::one_line;

/// Words before the script's own arguments: `bash --noprofile --norc PATH`.
pub(crate) const WORDS_BEFORE: usize = 4;

/// Judges the script at `path`, with the scripts that it uses and those that are edited along with it.
pub(crate) fn judge(case: &Case<'_>, path: &RelPath) -> Finding {
    let (argv, bytes) = (&case.step.argv, case.script);
    let refuse = |why: String, better: &str| Finding::refused(Class::Opaque, "script", why, better);
    if let (None, Some((_, end))) = (bytes, case.closure.links.iter().find(|(word, _)| word == path.as_str())) {
        return refuse(format!("{path} is a link to {end}"), "run the file itself, by its own path");
    }
    let Some(bytes) = bytes else {
        return refuse(format!("there is no script {path} in the changed tree"), "name a script of the repository, or add it with an edit");
    };
    if bytes.len() > SCRIPT_BYTES_MAX {
        return refuse(format!("{path} has {} bytes; at most {SCRIPT_BYTES_MAX} are judged", bytes.len()), "split it into smaller scripts");
    }
    if bytes.contains(&0) {
        return refuse(format!("{path} holds a NUL byte, so it is no script"), "keep programs out of the repository");
    }
    if let Some(odd) = argv.words().skip(WORDS_BEFORE).find(|word| !plain(word)) {
        return refuse(
            format!("the argument {odd:?} is no plain word"),
            "pass letters, digits and . _ - + / : @ , = only; put anything else into the script",
        );
    }
    if let Some(why) = &case.closure.over {
        return refuse(format!("nobody can tell what {path} uses: {why}"), "split it into scripts that each use less");
    }
    let own = std::iter::once((path, bytes)).chain(case.closure.used.iter().map(|(path, bytes)| (path, bytes.as_slice())));
    let edited = case.edits.iter().filter_map(|edit| match edit {
        Edit::Write { path, text } if listed(RUNS, &fold(path.as_str())) || text.starts_with("#!") => Some((path, text.as_bytes())),
        Edit::Write { .. } | Edit::Remove { .. } | Edit::Rename { .. } => None,
    });
    let shown = own.chain(edited).find_map(|(path, bytes)| Some((path, crate::danger(path, &String::from_utf8_lossy(bytes))?)));
    let (class, why) = match shown {
        Some((by, word)) if by == path => (Class::Destroy, format!("{path} is a script that destroys: {word} says so")),
        Some((by, word)) => (Class::Destroy, format!("{path} comes with {by}, which destroys: {word} says so")),
        None => computed(case, path, bytes),
    };
    let why = case.closure.unfound.first().map_or_else(|| why.clone(), |unfound| format!("{why}; {unfound}{}", more(case)));
    Finding::once(Verdict::Ask, class, "script", why, None)
}

/// Returns the most that a script could do, with the files that its step may use, and the words of its step.
pub(crate) fn report(case: &Case<'_>, path: &str, bytes: &[u8]) -> Report {
    let arguments: Vec<Vec<String>> = case.step.argv.words().skip(WORDS_BEFORE).map(|word| vec![word.to_string()]).collect();
    let file = |wanted: &str| used(case, wanted);
    let arguments = case.step.argv.script().map(|_| arguments.as_slice());
    let target = &case.step.target;
    let setting = Setting { judge: &|words| command::of_words(words, Some(target)), file: &file, target: target.as_str(), arguments };
    shell::script(path, bytes, &setting)
}

/// Returns the most that a script could do on any target, with the files that it may use and the arguments it declares.
pub(crate) fn reach(case: &Case<'_>, path: &RelPath, bytes: &[u8]) -> Report {
    let arguments = declared(path, bytes, case.closure.side.as_deref()).ok().map(|declared| declared.values());
    let file = |wanted: &str| used(case, wanted);
    let judge = |words: &[&str]| command::of_words(words, None);
    shell::script(path.as_str(), bytes, &Setting { judge: &judge, file: &file, target: "", arguments: arguments.as_deref() })
}

/// Returns the most that a script could do that nothing else is known of.
pub(crate) fn alone(path: &str, bytes: &[u8]) -> Report {
    shell::script(path, bytes, &Setting { judge: &|words| command::of_words(words, None), file: &|_| None, target: "", arguments: None })
}

/// Returns the class that a script's text comes to, and why. What destroys counts most: the rest is only not understood.
fn computed(case: &Case<'_>, path: &RelPath, bytes: &[u8]) -> (Class, String) {
    let report = report(case, path.as_str(), bytes);
    let Some(note) = report.first() else { return (report.class, format!("{path} is a script, and every command in it only looks")) };
    let file = if note.path == path.as_str() { String::new() } else { format!("{}, ", note.path) };
    let (class, destroys) = if report.destroys { (Class::Destroy, " that destroys") } else { (report.class, "") };
    (class, format!("{path} is a script{destroys}; {file}line {}: {}", note.line, one_line(&note.why, 200)))
}

/// Returns the file at a path, if the script of `case` may use it.
fn used<'c>(case: &'c Case<'_>, wanted: &str) -> Option<&'c [u8]> {
    case.closure.used.iter().find(|(path, _)| path.as_str() == wanted).map(|(_, bytes)| bytes.as_slice())
}

fn more(case: &Case<'_>) -> String {
    match case.closure.unfound.len() {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    }
}

/// Says whether an argument means the same to everybody: letters, digits and `. _ - + / : @ , =`.
pub fn plain(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '/' | ':' | '@' | ',' | '='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::tests::{case, step};
    use studio_core::closure::Closure;
    use studio_core::step::{Argv, Step};

    fn judged(path: &str, args: &[&str], bytes: Option<&[u8]>) -> (Verdict, Class) {
        let path = RelPath::try_from(path).unwrap();
        let words: Vec<String> = Argv::of_script(&path).words().chain(args.iter().copied()).map(Into::into).collect();
        let step = Step { argv: Argv::try_from(words).unwrap(), ..step("x") };
        let Finding { verdict, class, .. } = judge(&Case { script: bytes, ..case(&step) }, &path);
        (verdict, class)
    }

    #[test]
    fn a_script_asks_and_shows_its_class() {
        for (path, text, class) in [
            ("infrastructure/check.sh", "kubectl get nodes\n", Class::Observe),
            ("infrastructure/check.sh", "kubectl cordon cp-1\n", Class::Mutate),
            ("infrastructure/check.sh", "kubectl get nodes > x\n", Class::LocalWrite),
            ("infrastructure/check.sh", "echo 'for ever\n", Class::Opaque),
            ("infrastructure/check.sh", "kubectl \"de\"lete ns web\n", Class::Destroy),
            ("infrastructure/check.sh", "x=web\nkubectl del\\\nete ns \"$x\"\n", Class::Destroy),
            ("infrastructure/check.sh", "rm -rf /srv\n", Class::Destroy),
            ("infrastructure/check.sh", "talosctl reset -n x\n", Class::Destroy),
            ("infrastructure/danger-reset-node.sh", "true\n", Class::Destroy),
            ("infrastructure/WIPE_proxmox.sh", "true\n", Class::Destroy),
        ] {
            assert_eq!(judged(path, &["--node", "cp-1"], Some(text.as_bytes())), (Verdict::Ask, class), "{path} {text}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let refused = (Verdict::Refuse, Class::Opaque);
        assert_eq!(judged("infrastructure/check.sh", &[], None), refused);
        assert_eq!(judged("infrastructure/check.sh", &[], Some(b"true\0")), refused);
        assert_eq!(judged("infrastructure/check.sh", &[], Some(&vec![b' '; SCRIPT_BYTES_MAX + 1])), refused);
        assert_eq!(judged("infrastructure/check.sh", &[], Some(&vec![b' '; SCRIPT_BYTES_MAX])).0, Verdict::Ask);
        for arg in ["$(id)", "a b", "", "x;y"] {
            assert_eq!(judged("infrastructure/check.sh", &[arg], Some(b"true")), refused, "{arg}");
        }
    }

    #[test]
    fn what_a_script_uses_and_what_is_edited_with_it_counts() {
        let path = RelPath::try_from("infrastructure/check.sh").unwrap();
        let step = step("bash --noprofile --norc infrastructure/check.sh");
        let own = Case { script: Some(b"true\n"), ..case(&step) };
        let used =
            |name: &str, text: &str| Closure { used: vec![(RelPath::try_from(name).unwrap(), text.as_bytes().to_vec())], ..Closure::default() };
        let edit = |name: &str, text: &str| vec![Edit::Write { path: RelPath::try_from(name).unwrap(), text: text.into() }];
        assert_eq!(judge(&own, &path).class, Class::Observe);
        for (used, class) in
            [(used("lib.sh", "rm -rf /x"), Class::Destroy), (used("wipe-node.sh", "true"), Class::Destroy), (used("lib.sh", "true"), Class::Observe)]
        {
            assert_eq!(judge(&Case { closure: &used, ..own }, &path).class, class, "{used:?}");
        }
        let unfound = Closure { unfound: vec!["a.sh:1 sources \"$f\"".into(), "b.sh:2 sources x".into()], ..Closure::default() };
        let found = judge(&Case { closure: &unfound, ..own }, &path);
        assert_eq!((found.verdict, found.class), (Verdict::Ask, Class::Observe));
        assert!(found.why.ends_with("a.sh:1 sources \"$f\", and 1 more"), "{}", found.why);
        let over = Closure { over: Some("it names more than 64 scripts".into()), ..Closure::default() };
        let found = judge(&Case { closure: &over, ..own }, &path);
        assert!(found.verdict == Verdict::Refuse && found.why.contains("more than 64"), "{found:?}");
        for (edits, class) in [
            (edit("lib.sh", "rm -rf /x"), Class::Destroy),
            (edit("tool", "#!/bin/sh\nrm x"), Class::Destroy),
            (edit("cluster/ks.yaml", "prune: true"), Class::Observe),
        ] {
            assert_eq!(judge(&Case { edits: &edits, ..own }, &path).class, class, "{edits:?}");
        }
    }
}

//! Commands that stand in the words of another command of a line: behind `timeout`, `nice` and `xargs`, and in `find -exec`.

use super::word::names_only;

/// Endings of files in which no secret is kept.
const ENDINGS: &str =
    "md rst rs py go js jsx ts tsx html css scss sh bash c h cc cpp hpp java kt rb php sql tf proto lock vue svelte nix lua j2 service timer";
/// Words that show more than what a program found, where `-exec` or `xargs` adds the names: `grep -l` and its kin do not.
const LISTING: &[&str] = &["-l", "-L", "-c", "-q", "-il", "-li", "-lE", "-El", "-lF", "-lr", "-rl"];
/// Options of `xargs` with a number.
const NUMBERS: &[&str] = &["-n", "-L", "-P"];

/// Returns the commands that `words` consist of, each to be judged by itself; `before` is what feeds it. Nothing where
/// no other command stands in it, or in a form that nobody reads.
pub(super) fn parts(words: &[&str], before: Option<&[&str]>) -> Option<Vec<Vec<String>>> {
    let (program, args) = words.split_first()?;
    match *program {
        "timeout" => {
            let (time, inner) = behind(args, &["-v", "--foreground", "--preserve-status"], &["-k", "-s"])?.split_first()?;
            started(inner).filter(|_| time.starts_with(|c: char| c.is_ascii_digit()) && time.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'))
        }
        "nice" => started(behind(args, &[], &["-n"])?),
        // They are those programs, with a cluster of this machine.
        "k3s" | "k0s" | "microk8s" => {
            args.split_first().filter(|(inner, _)| matches!(**inner, "kubectl" | "crictl" | "ctr")).and_then(|_| started(args))
        }
        "xargs" => {
            let (mut rest, mut mark) = (args, None);
            while let Some((option, more)) = rest.split_first().filter(|(option, _)| option.starts_with('-')) {
                rest = match *option {
                    "-0" | "-r" | "-0r" | "-r0" | "--null" | "--no-run-if-empty" => more,
                    "-I" => {
                        mark = more.first().copied();
                        more.get(1..)?
                    }
                    "-I{}" => {
                        mark = Some("{}");
                        more
                    }
                    option if NUMBERS.contains(&option) => more.get(1..).filter(|_| more.first().is_some_and(|number| digits(number)))?,
                    option if NUMBERS.iter().any(|number| option.strip_prefix(number).is_some_and(digits)) => more,
                    _ => return None,
                };
            }
            let marked = rest.to_vec();
            let named = before.and_then(ending);
            let prints = matches!(rest.first(), Some(&("basename" | "dirname" | "echo")));
            // Text that is no list of names could hold an option.
            if !(prints || before.is_some_and(finds)) {
                return None;
            }
            match mark {
                Some(mark) => given(&marked, mark, named).map(|inner| vec![inner]),
                None => given(&[&marked[..], &["{}"]].concat(), "{}", named).map(|inner| vec![inner]),
            }
        }
        "find" => executed(words),
        _ => None,
    }
}

/// Parts `find … -exec COMMAND ;` into what finds and what it starts.
fn executed(words: &[&str]) -> Option<Vec<Vec<String>>> {
    let (mut finds, mut starts, mut rest) = (Vec::new(), Vec::new(), words);
    let mut named = None;
    while let Some((word, more)) = rest.split_first() {
        rest = more;
        if *word != "-exec" {
            finds.push(*word);
            continue;
        }
        if starts.is_empty() {
            // What stands behind does not choose what the first command gets.
            named = ending(&finds);
        }
        let end = more.iter().position(|word| matches!(*word, ";" | "+"))?;
        starts.push(more.get(..end)?);
        rest = more.get(end + 1..)?;
    }
    let starts = starts.into_iter().map(|inner| given(inner, "{}", named.clone())).collect::<Option<Vec<_>>>()?;
    let finds = finds.iter().map(ToString::to_string).collect();
    (!starts.is_empty()).then(|| [vec![finds], starts].concat())
}

/// Returns a command with a stand-in for the names that it is given: any name, if it shows no contents, else one of `named`.
fn given(words: &[&str], mark: &str, named: Option<String>) -> Option<Vec<String>> {
    let program = words.first().filter(|program| !program.starts_with('-') && !program.contains(mark))?;
    let lists = names_only(program) || matches!(*program, "basename" | "dirname" | "echo" | "realpath" | "readlink");
    let lists = lists || (*program == "grep" && words.iter().any(|word| LISTING.contains(word)));
    let stand_in = if lists { "x".to_string() } else { named? };
    let whole = words.iter().all(|word| *word == mark || !word.contains(mark));
    // What changes files, or starts another command in turn, gets no names that nobody sees.
    whole.then(|| words.iter().map(|word| if *word == mark { stand_in.clone() } else { (*word).to_string() }).collect())
}

/// Says whether `words` print names of files, and nothing that somebody could put into them.
fn finds(words: &[&str]) -> bool {
    match words {
        ["find", rest @ ..] => !rest.iter().any(|word| word.starts_with("-printf")),
        ["git", "ls-files", ..] | ["ls" | "fd", ..] => true,
        ["rg" | "grep", rest @ ..] => rest.iter().any(|word| LISTING.contains(word) && word.contains('l') || *word == "--files"),
        _ => false,
    }
}

/// Returns a name like those that `words` find, if all have an ending in which no secret is kept.
fn ending(words: &[&str]) -> Option<String> {
    let name = match words {
        ["find", rest @ ..]
            if !rest.iter().any(|word| {
                matches!(*word, "-o" | "-or" | "-not" | "!" | "," | "-lname" | "-files0-from" | "-L" | "-follow" | "..")
                    || word.starts_with('/')
                    || word.contains("../")
            }) =>
        {
            let at = rest.iter().position(|word| matches!(*word, "-name" | "-iname"))?;
            rest.get(at + 1)?
        }
        ["git", "ls-files", name] => name,
        _ => return None,
    };
    let (_, ending) = name.rsplit_once('.')?;
    ENDINGS.split_whitespace().any(|usual| usual == ending).then(|| format!("x.{ending}"))
}

/// Returns what stands behind options: `flags`, and `values` with a word each.
fn behind<'w, 'a>(mut args: &'w [&'a str], flags: &[&str], values: &[&str]) -> Option<&'w [&'a str]> {
    while let Some((option, more)) = args.split_first().filter(|(option, _)| option.starts_with('-')) {
        args = match () {
            () if flags.contains(option) => more,
            () if values.contains(option) => more.get(1..)?,
            () => return None,
        };
    }
    Some(args)
}

fn started(words: &[&str]) -> Option<Vec<Vec<String>>> {
    words.first().filter(|program| !program.starts_with('-'))?;
    parts(words, None).or_else(|| Some(vec![words.iter().map(ToString::to_string).collect()]))
}

fn digits(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, before: Option<&str>) -> Option<String> {
        let before: Option<Vec<&str>> = before.map(|before| before.split(' ').collect());
        let parts = parts(&line.split(' ').collect::<Vec<_>>(), before.as_deref())?;
        Some(parts.iter().map(|part| part.join(" ")).collect::<Vec<_>>().join(" | "))
    }

    #[test]
    fn a_command_in_a_command_is_found() {
        for (line, before, parts) in [
            ("timeout 5 rm -rf x", None, "rm -rf x"),
            ("timeout -k 3 1m nice -n 5 ls docs", None, "ls docs"),
            ("k3s kubectl delete ns x", None, "kubectl delete ns x"),
            ("timeout 5 k3s crictl ps", None, "crictl ps"),
            ("xargs wc -l", Some("find docs"), "wc -l x"),
            ("xargs -0 -n1 ls -l", Some("git ls-files -z"), "ls -l x"),
            ("xargs -I {} stat {}", Some("ls docs"), "stat x"),
            ("xargs grep -l foo", Some("rg -l foo"), "grep -l foo x"),
            ("xargs -n 1 basename", Some("cat list.txt"), "basename x"),
            ("xargs grep -n foo", Some("find . -name *.py"), "grep -n foo x.py"),
            ("xargs rm", Some("git ls-files *.rs"), "rm x.rs"),
            ("find . -type f -exec wc -l {} +", None, "find . -type f | wc -l x"),
            ("find . -name *.md -exec head -1 {} ; -delete", None, "find . -name *.md -delete | head -1 x.md"),
        ] {
            assert_eq!(read(line, before).as_deref(), Some(parts), "{line}");
        }
    }

    #[test]
    fn what_nobody_reads_is_left_as_it_is() {
        for (line, before) in [
            ("ls docs", None),
            ("timeout -x 5 ls", None),
            ("timeout ls", None),
            ("timeout $x ls", None),
            ("nice", None),
            ("k3s", None),
            ("k3s token list", None),
            ("k3s --debug kubectl get nodes", None),
            ("xargs", None),
            ("xargs cat", None),
            ("xargs wc", None),
            ("xargs wc", Some("echo --files0-from=.env")),
            ("xargs wc", Some("find . -printf --files0-from=.env")),
            ("xargs wc", Some("grep -h x docs/a")),
            ("xargs cat", Some("find . -name *.py -o -type f")),
            ("xargs cat", Some("find . -name *.yaml")),
            ("xargs cat", Some("cat list.txt")),
            ("xargs -a list wc", Some("ls docs")),
            ("xargs -I {} sh -c {}", Some("ls docs")),
            ("xargs -I {} ls {}x", Some("ls docs")),
            ("xargs -I {} {}", Some("ls docs")),
            ("xargs grep foo", Some("ls docs")),
            ("find . -exec cat {} ;", None),
            ("find . -exec cat {} ; -name *.md", None),
            ("find /root -name *.sh -exec cat {} +", None),
            ("find .. -name *.sh -exec cat {} +", None),
            ("find -L docs -name *.md -exec cat {} +", None),
            ("find . -exec ls {} ; -name *.md -exec cat {} ;", None),
            ("find . -exec rm {} ;", None),
            ("find . -exec ls {}", None),
            ("find . -exec", None),
            ("find . -execdir ls {} ;", None),
        ] {
            assert_eq!(read(line, before), None, "{line}");
        }
    }
}

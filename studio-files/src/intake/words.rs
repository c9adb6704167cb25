//! Words of people that say that nobody is to work on something: locked, done, given up, an example.

use studio_core::name::RelPath;

/// Words for what nobody may begin.
const LOCKED: [&str; 3] = ["locked", "frozen", "blocked"];
/// Words for what is over.
const DONE: [&str; 14] = [
    "done",
    "completed",
    "finished",
    "closed",
    "archive",
    "archived",
    "cancelled",
    "canceled",
    "abandoned",
    "rejected",
    "obsolete",
    "superseded",
    "wontfix",
    "deprecated",
];
/// Words before those that turn them round: `to be done`, `not completed`, `definition of done`.
const TURNED: [&str; 9] = ["be", "not", "yet", "to", "get", "of", "until", "when", "isn"];
/// Words for what only shows how a ticket is written.
const EXAMPLE: [&str; 2] = ["example", "examples"];
/// Words that mean the same, and something else in the middle of a sentence: they count at its end.
const FORM: [&str; 8] = ["template", "templates", "format", "sample", "samples", "syntax", "legend", "usage"];
/// Marks that strike words out.
const STRUCK: [&str; 4] = ["~~", "<s>", "<del>", "<strike>"];

/// Returns why open boxes below a heading are not worked on.
pub(super) fn of_heading(words: &str) -> Option<&'static str> {
    means(words).map(|means| match means {
        Means::Locked => "its heading says it is locked",
        Means::Done => "its box is open below a heading for what is done; tick it or move it",
        Means::Example => "its heading says it is an example",
    })
}

/// Returns why an entry with these words is not worked on: they are struck out, or a remark in brackets at their begin
/// or end says so.
pub(super) fn of_entry(words: &str) -> Option<&'static str> {
    let words = words.trim();
    if STRUCK.iter().any(|mark| words.starts_with(mark)) {
        return Some("its words are struck out; remove it, or write them plainly");
    }
    let (first, last) = (words.strip_prefix(['(', '[']), words.trim_end_matches(['.', '*', '_']).strip_suffix([')', ']']));
    let first = first.and_then(|words| words.split([')', ']']).next());
    let last = last.and_then(|words| words.rsplit(['(', '[']).next());
    first.and_then(means).or_else(|| last.and_then(means)).map(|means| match means {
        Means::Locked => "its words say it is locked",
        Means::Done => "its words say it is over; tick it or remove it",
        Means::Example => "its words say it is an example",
    })
}

/// What the folder or the name of a task file says about it.
pub(super) enum Shelved {
    /// It is an example, or a form to be filled in.
    Example,
    /// It is over.
    Over,
}

/// Returns what the folder or the name of the task file at `path` says about it.
pub(super) fn of_path(path: &RelPath) -> Option<Shelved> {
    let (folders, name) = path.as_str().rsplit_once('/')?;
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem).to_lowercase();
    let is = |part: &str, words: &[&str]| words.contains(&part.trim_matches(['_', '-']));
    let folders: Vec<String> = folders.split('/').skip(2).map(str::to_lowercase).collect();
    if stem.starts_with('_') || is(&stem, &EXAMPLE) || is(&stem, &FORM) || folders.iter().any(|part| is(part, &EXAMPLE) || is(part, &FORM)) {
        return Some(Shelved::Example);
    }
    folders.iter().any(|part| is(part, &DONE)).then_some(Shelved::Over)
}

/// Says whether `key` is a way to write `depends_on` that is not read.
pub(super) fn nearly_depends_on(key: &str) -> bool {
    let bare: String = key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    key != "depends_on" && matches!(bare.as_str(), "dependson" | "dependon" | "dependsupon" | "dependency" | "dependencies")
}

enum Means {
    Locked,
    Done,
    Example,
}

fn means(words: &str) -> Option<Means> {
    let words = words.to_lowercase();
    let bare: Vec<&str> = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let said = |known: &[&str]| {
        let at = bare.iter().enumerate().filter(|(_, word)| known.contains(word));
        at.map(|(at, _)| at.checked_sub(1).and_then(|before| bare.get(before))).any(|before| before.is_none_or(|word| !TURNED.contains(word)))
    };
    if said(&LOCKED) {
        Some(Means::Locked)
    } else if said(&DONE) {
        Some(Means::Done)
    } else if bare.iter().any(|word| EXAMPLE.contains(word)) || bare.last().is_some_and(|word| FORM.contains(word)) {
        Some(Means::Example)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_say_that_something_is_locked_over_or_an_example() {
        for (heading, why) in [
            ("Stage 2 - Tenants (Locked)", "locked"),
            ("Stage 1 – Locked", "locked"),
            ("Stage 1 [LOCKED]", "locked"),
            ("Completed", "what is done"),
            ("Stage 1 - Completed", "what is done"),
            ("Done (2025)", "what is done"),
            ("✅ **Done**", "what is done"),
            ("Archived tasks", "what is done"),
            ("Cancelled", "what is done"),
            ("Examples", "an example"),
            ("Format", "an example"),
            ("Task template:", "an example"),
        ] {
            assert!(of_heading(heading).is_some_and(|said| said.contains(why)), "{heading}");
        }
        for open in
            ["Stage 2 unlocked", "To be done", "Not yet done", "Definition of done", "Complete the move", "Format disks", "Template of the VM", ""]
        {
            assert_eq!(of_heading(open), None, "{open}");
        }
    }

    #[test]
    fn words_of_an_entry_say_that_it_is_struck_out_or_over() {
        for held in
            ["~~not any more~~", "<del>x</del>", "x (cancelled)", "x [DONE].", "[obsolete] x", "what is to be done (an example)", "x *(locked)*"]
        {
            assert!(of_entry(held).is_some(), "{held}");
        }
        for open in ["x", "x (not done)", "drain (and lock) it", "move done files", "x ~~y~~ z", "()", "[x](done.md) is read"] {
            assert_eq!(of_entry(open), None, "{open}");
        }
    }

    #[test]
    fn paths_say_that_a_task_file_is_an_example_or_over() {
        let of = |path: &str| of_path(&RelPath::try_from(path).unwrap());
        for path in
            ["ai/tasks/Examples/b.yaml", "ai/tasks/sub/examples/c.yaml", "ai/tasks/_template.yaml", "ai/tasks/template.md", "ai/tasks/a/_x.md"]
        {
            assert!(matches!(of(path), Some(Shelved::Example)), "{path}");
        }
        for path in ["ai/tasks/done/d.yaml", "ai/tasks/Archive/2025/e.md", "ai/tasks/_archive/e.md"] {
            assert!(matches!(of(path), Some(Shelved::Over)), "{path}");
        }
        for path in ["ai/tasks/a.yaml", "ai/tasks/hw/done.yaml", "ai/tasks/example-shop.yaml"] {
            assert!(of(path).is_none(), "{path}");
        }
    }
}

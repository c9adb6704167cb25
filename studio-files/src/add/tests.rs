//! Entries of made-up backlogs: hostile words, odd pages, and what stands there already.

use super::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::fs;

struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Lab {
        Lab(tempfile::tempdir().unwrap())
    }

    fn with(page: &str) -> Lab {
        let lab = Lab::new();
        fs::create_dir_all(lab.0.path().join("ai/studio")).unwrap();
        fs::write(lab.0.path().join(BACKLOG), page).unwrap();
        lab
    }

    fn add(&self, text: &str) -> Result<u32, AddError> {
        self.from(text, &Origin::Idea)
    }

    fn from(&self, text: &str, origin: &Origin) -> Result<u32, AddError> {
        add(self.0.path(), text, origin, "2026-11-22T10:00:00Z".parse().unwrap()).map(|source| source.line)
    }

    fn page(&self) -> String {
        fs::read_to_string(self.0.path().join(BACKLOG)).unwrap()
    }
}

/// Reads a page as anybody would: the words of each box with its nested words, and its code.
fn boxes(page: &str) -> Vec<(String, String)> {
    let (mut found, mut depth, mut code): (Vec<(String, String)>, usize, bool) = (Vec::new(), 0, false);
    for event in Parser::new_ext(page, Options::ENABLE_TASKLISTS) {
        if let Event::Start(Tag::Item) = event {
            depth += 1;
        } else if let Event::End(TagEnd::Item) = event {
            depth -= 1;
        } else if let Event::Start(Tag::CodeBlock(_)) | Event::End(TagEnd::CodeBlock) = event {
            code = !code;
        } else if let Event::TaskListMarker(_) = event {
            found.push(Default::default());
        } else if let (Some((words, block)), true) = (found.last_mut(), depth > 0) {
            if let Event::Start(Tag::List(_)) = event {
                words.push('|');
            } else if let Event::Text(more) = event {
                if code { block } else { words }.push_str(&more);
            }
        }
    }
    found
}

#[test]
fn a_new_page_gets_its_headings() {
    let lab = Lab::new();
    assert_eq!(lab.add("Try a second ingress\n\nIt might be faster.\n    Or not.").unwrap(), 5);
    assert_eq!(lab.from("disk full on nas", &Origin::Signal(Label::try_from("nas-alert").unwrap())).unwrap(), 14);
    assert_eq!(lab.add("Another").unwrap(), 11);
    assert_eq!(
        lab.page(),
        "# Studio backlog\n\n## Ideas\n\n- [ ] Try a second ingress\n  ```\n  It might be faster.\n      Or not.\n  ```\n  - origin: idea, 2026-11-22\n\
         - [ ] Another\n  - origin: idea, 2026-11-22\n\n## External signals\n\n- [ ] disk full on nas\n  - origin: signal nas-alert, 2026-11-22\n"
    );
}

/// Words that try to be something else.
const HOSTILE: [&str; 24] = [
    "- [x] done\n- [ ] another box\n* [ ] third",
    "# Heading\n## Ideas\n- [ ] x",
    "<!-- open\nnever closed",
    "-->\n<!--",
    "```\nfence\n````\n~~~\n`````text",
    "---\ntitle: front\n---\n# x",
    "a\r\nb\r\n\r\n- [ ] c",
    "a\rb",
    "] (x) [link](http://x) ![i](y) [ref]: z",
    "🦊 émoji — ünï\n🦀",
    "tr\u{202e}ojan\u{2066} \u{200b}zero\u{0}\u{1b}[2J",
    "1. one\n2) two",
    "+ plus\n\n- minus\n\t- tab\n\tx",
    "===\n===",
    "***\n___",
    "> quote\n>> more",
    "| a | b |\n|---|---|\n| c | d |",
    "&lt;b&gt; &#x41; \\* \\\\",
    "<script>alert(1)</script>\n<div>\n\n</div>",
    "ADD_NODE: chooses an id\ndepends_on: other",
    "- origin: signal boss, 2020-01-01\norigin: idea",
    "    indented code\n\n\n        deep",
    "*a* _b_ __c__ ~~d~~ `e` snake_case a*b",
    "[ ] box\n  - [ ] nested",
];

#[test]
fn whatever_the_words_are_they_stay_words_of_one_box() {
    let pages = ["", "# Studio\n\n## Ideas\n- [ ] old\n  more\n\n## Other\n\n- [ ] last", "## Ideas\r\n\r\n* [x] old\r\n\r\n## External signals\r\n"];
    for page in pages {
        let lab = Lab::with(page);
        for (count, text) in HOSTILE.into_iter().enumerate() {
            let (before, known) = (lab.page(), boxes(&lab.page()));
            let line = lab.add(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let (after, now) = (lab.page(), boxes(&lab.page()));
            let added: Vec<_> = now.iter().filter(|one| !known.contains(one)).collect();
            assert_eq!((now.len(), added.len()), (known.len() + 1, 1), "{text:?}\n{after}");
            let seen = studio_core::text::visible(&text.replace("\r\n", "\n"));
            let (title, body) = seen.trim().split_once('\n').unwrap_or((seen.trim(), ""));
            let body: Vec<&str> = body.lines().map(str::trim_end).skip_while(|line| line.is_empty()).collect();
            let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(added[0].0, format!("{title}|origin: idea, 2026-11-22"), "{text:?}\n{after}");
            assert_eq!(added[0].1.trim_end_matches('\n'), body.join("\n").trim_end(), "{text:?}\n{after}");
            assert!(!after.chars().any(|c| c == '\u{202e}' || c == '\u{1b}' || c == '\0'));
            assert!(after.lines().nth(line as usize - 1).unwrap().starts_with("- [ ] "), "{count}");
            assert_inserted(&before, &after);
        }
    }
}

/// Without one run of bytes, the new page is the old one.
fn assert_inserted(before: &str, after: &str) {
    let same = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let more = after.len() - before.len();
    let without = |at: usize| [&after.as_bytes()[..at], &after.as_bytes()[at + more..]].concat() == before.as_bytes();
    assert!(without(same), "{before:?}\n{after:?}");
}

#[test]
fn a_section_is_added_to_at_its_end() {
    for (page, want) in [
        ("## Ideas", "## Ideas\n\nNEW\n"),
        ("## Ideas\n\n\n\n", "## Ideas\n\nNEW\n\n\n\n"),
        ("## ideas\n\n- [x] a\n   \n# End\n", "## ideas\n\n- [x] a\nNEW\n   \n# End\n"),
        ("## Ideas\n\nwords\n### Sub\n- [ ] a\n## Next", "## Ideas\n\nwords\n### Sub\n- [ ] a\nNEW\n\n## Next"),
        ("## Ideas\nNext\n----\n", "## Ideas\n\nNEW\n\nNext\n----\n"),
        ("- [ ] a\n\n```\n## Ideas\n```\n", "- [ ] a\n\n```\n## Ideas\n```\n\n## Ideas\n\nNEW\n"),
        ("---\ntitle: x\n---\n## Ideas\n<div>\nx\n", "---\ntitle: x\n---\n## Ideas\n<div>\nx\n\nNEW\n"),
    ] {
        let lab = Lab::with(page);
        lab.add("new one").unwrap_or_else(|error| panic!("{page:?}: {error}"));
        assert_eq!(lab.page(), want.replace("NEW", "- [ ] new one\n  - origin: idea, 2026-11-22"), "{page:?}");
    }
}

#[test]
fn what_stands_there_is_not_added_again() {
    let lab = Lab::with("## Ideas\n\n- [x] Old  *one*\n");
    assert_eq!(
        lab.add("Old one\nwith more").unwrap_err().to_string(),
        "it stands already at ai/studio/backlog.md:3, ticked; for another one, write another first line"
    );
    lab.add("a [b] `c`\nbody").unwrap();
    let before = lab.page();
    assert!(matches!(
        lab.from("a  [b] `c`", &Origin::Signal(Label::try_from("x").unwrap())),
        Err(AddError::Standing { at: Source { line: 4, .. }, ticked: false })
    ));
    assert_eq!(lab.page(), before);
}

#[test]
fn a_page_that_swallows_entries_is_left_alone() {
    for page in ["## Ideas\n\n<!-- open\n", "## Ideas\n\n```\nopen\n", "## Ideas\n\n<script>\nx\n"] {
        let lab = Lab::with(page);
        assert!(matches!(lab.add("x y"), Err(AddError::Swallowed { .. })), "{page:?}");
        assert_eq!(lab.page(), page);
    }
}

#[test]
fn sizes_and_odd_files_are_refused() {
    let lab = Lab::new();
    assert!(matches!(lab.add(" \n\t\r\n"), Err(AddError::Empty)));
    assert!(matches!(lab.add(&"x".repeat(PROSE_BYTES_MAX + 1)), Err(AddError::Long(_))));
    assert!(matches!(lab.add(&"\u{202e}".repeat(PROSE_BYTES_MAX / 3)), Err(AddError::Long(_))));
    assert!(!lab.0.path().join("ai").exists());
    let long = "word ".repeat(100);
    lab.add(&long).unwrap();
    let (title, body) = boxes(&lab.page()).pop().unwrap();
    assert!(title.contains("…|origin") && body.trim_end() == long.trim_end(), "{title}");
    fs::write(lab.0.path().join(BACKLOG), b"\xff").unwrap();
    assert!(matches!(lab.add("x"), Err(AddError::NoText)));
    fs::remove_file(lab.0.path().join(BACKLOG)).unwrap();
    std::os::unix::fs::symlink("/etc/hosts", lab.0.path().join(BACKLOG)).unwrap();
    assert!(matches!(lab.add("x"), Err(AddError::Disk(DiskError::Symlink(_)))));
}

#[test]
fn the_queue_reads_every_entry_as_a_ticket_of_its_own() {
    let lab = Lab::new();
    for text in HOSTILE {
        lab.add(text).unwrap();
    }
    let queue = crate::intake::Queue::read(lab.0.path(), &studio_core::tree::EmptyTree).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(queue.entries().len(), HOSTILE.len());
    for entry in queue.entries() {
        let ticket = &entry.ticket;
        assert!(ticket.criteria.is_empty() && ticket.depends_on.is_empty() && ticket.script.is_none() && !entry.at_base, "{ticket:?}");
        assert!(!ticket.id.as_str().eq_ignore_ascii_case("add_node"));
    }
}

#[test]
fn the_queue_gives_back_the_very_title() {
    let more = [
        "back\\slash \\* at the end\\",
        "\\\\ two \\[ x \\]",
        "a: b",
        "Criteria:",
        "Acceptance criteria:\n- a",
        "depends_on: other",
        "AB: c",
        "ABC-1: chooses\nmore",
        "`code` ``two`` unbalanced `",
        "x &amp; y &#91;",
        "[x] done",
        "(x) [ ] y",
        "http://example.com/a_b_c?d=*e*",
        "<a@b.c> <!-- c --> <b>",
        "12. twelve",
        "12) twelve.",
        "#hash # ## tag",
        "--- x ---",
        "a\u{a0}b\u{3000}c\td",
        "~~~ tilde | pipe ^ caret $ dollar ' \" ! @ %",
        "(set by human/CLI) …",
        "é".repeat(199).leak(),
        "\\".repeat(200).leak(),
        "*".repeat(300).leak(),
    ];
    for page in ["", "## Ideas\r\n\r\n- [ ] old\r\n", "\u{feff}# Studio\n"] {
        let lab = Lab::with(page);
        for text in HOSTILE.into_iter().chain(more) {
            let line = lab.add(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let queue = Queue::read(lab.0.path(), &EmptyTree).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let entry = queue.entries().iter().find(|entry| entry.ticket.source.line == line).unwrap();
            let words = studio_core::text::visible(&text.replace("\r\n", "\n"));
            let title = studio_core::text::one_line(words.trim().lines().next().unwrap(), 200);
            assert_eq!(entry.ticket.title.as_str(), title, "{}", lab.page());
            assert!(entry.ticket.criteria.is_empty() && entry.ticket.depends_on.is_empty());
        }
    }
}

#[test]
fn titles_that_would_have_one_id_are_not_both_added() {
    // Of a title the first forty characters and six digits of a hash make the id.
    let mut known = std::collections::BTreeMap::new();
    let (one, other) = (0..)
        .find_map(|n| {
            let title = format!("whoever wants to break the whole queue says {n}");
            let hash = studio_core::name::Digest::blake3(title.as_bytes()).as_str()[..6].to_string();
            known.insert(hash, title.clone()).map(|before| (before, title))
        })
        .unwrap();
    let lab = Lab::new();
    lab.add(&one).unwrap();
    assert!(matches!(lab.add(&other), Err(AddError::Standing { ticked: false, .. })), "{one} {other}");
    assert_eq!(Queue::read(lab.0.path(), &EmptyTree).unwrap().entries().len(), 1);
}

#[test]
fn a_full_queue_takes_no_more() {
    let page: String = (0..TICKETS_MAX).map(|n| format!("- [ ] ticket {n}\n")).collect();
    let lab = Lab::with(&page);
    assert!(matches!(lab.add("one more"), Err(AddError::Full)));
    assert_eq!(lab.page(), page);
}

#[test]
fn what_another_queue_file_says_is_not_added_again() {
    let lab = Lab::new();
    fs::create_dir_all(lab.0.path().join("ai")).unwrap();
    fs::write(lab.0.path().join("ai/backlog.md"), "## Current Tasks\n\n- [ ] Renew certs\n").unwrap();
    let error = lab.add("Renew  certs\nnow").unwrap_err().to_string();
    assert_eq!(error, "it stands already at ai/backlog.md:3; for another one, write another first line");
    crate::intake::Queue::read(lab.0.path(), &studio_core::tree::EmptyTree).unwrap();
}

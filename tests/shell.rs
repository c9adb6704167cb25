//! What the judge reads as plain words is what bash passes: thousands of lines, each asked of the real one.

use studio_gate::list;

/// Parts of lines: plain ones, and every sign that could be read in two ways.
const PARTS: &[&str] = &[
    "p",
    "a",
    "b1",
    "x.y",
    " ",
    "  ",
    "\t",
    "'x y'",
    "\"p q\"",
    "''",
    "\"\"",
    "\\ ",
    "\\'",
    "\\\"",
    "\\$",
    "\\\\",
    "\"\\$\"",
    "\"\\n\"",
    "\"x$\"",
    "\"$|\"",
    "$",
    "'",
    "\"",
    "\\",
    "#",
    " #",
    ";",
    " && ",
    "|",
    "\n",
    "\\\n",
    "{",
    "}",
    ",",
    "..",
    "~",
    "/~",
    "=~",
    "!",
    "!=",
    "=",
    "+=",
    "[",
    "]",
    "@",
    "%",
    "^",
    "+",
    "-",
    ":",
    "/",
    " >/dev/null ",
    " 2>&1",
    ">&2 ",
    "2>/dev/null",
    "é",
    "(",
    "*",
    "?",
    "`",
    "&",
    "\"it's\"",
    "'a\"b'",
    "a\\\nb",
    "\"a\\\nb\"",
    "\"!\"",
    "\"a!=\"",
    "{}",
    "{a}",
    "@{1}",
    "@{u}..",
    "time ",
    "! ",
    "LC_ALL=C ",
    "</dev/null ",
];
const LINES: usize = 12_000;

/// Says that a program was started with these words. Bash has no program at all, so each command ends here.
const HEAD: &str = "exec 3>\"$1\"\nPATH=/nowhere\ncommand_not_found_handle() { printf '%s\\0' \"$@\" $'\\n' >&3; }\n";

#[test]
fn plain_words_are_what_bash_passes() {
    let (mut dice, mut script, mut wanted) = (11_u64, HEAD.to_string(), Vec::new());
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).unwrap() % sides
    };
    for _ in 0..LINES {
        let line: String = std::iter::once("p").chain((0..=roll(9)).map(|_| PARTS[roll(PARTS.len())])).collect();
        let Ok(read) = list(&line) else { continue };
        // Patterns are marked, and the shell's own commands are none that bash would tell us of.
        let own = |word: &str| word.starts_with(|c: char| "pabx".contains(c)) && !word.contains('/');
        let skips = line.contains("||"); // bash would not start what stands behind it
        if skips || read.commands.iter().any(|command| command.words.iter().any(|word| word.glob) || !own(&command.words[0].text)) {
            continue;
        }
        let mut said: Vec<String> =
            read.commands.iter().map(|command| command.words.iter().map(|word| format!("{}\0", word.text)).collect()).collect();
        said.sort(); // the parts of a pipeline start in any order
        wanted.push((line.clone(), said));
        script.push_str(&format!("{line}\nwait; printf 'next\\0\\n\\0' >&3\n"));
    }
    assert!(wanted.len() > LINES / 20, "too few lines are plain: {}", wanted.len());
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("lines"), dir.path().join("out"));
    std::fs::write(&file, script).unwrap();
    #[expect(clippy::disallowed_methods, reason = "bash itself is the witness")]
    let bash = duct::cmd("bash", ["--noprofile".as_ref(), "--norc".as_ref(), file.as_os_str(), out.as_os_str()]);
    bash.stdin_null().stdout_null().stderr_null().unchecked().run().unwrap();
    let heard = String::from_utf8(std::fs::read(&out).unwrap()).unwrap();
    let mut lines = heard.split("next\0\n\0");
    for (line, said) in &wanted {
        let mut heard: Vec<&str> = lines.next().unwrap_or_default().split("\n\0").filter(|words| !words.is_empty()).collect();
        heard.sort_unstable();
        assert_eq!(&heard, said, "{line:?}");
    }
    assert_eq!(lines.next(), Some(""), "bash read another number of lines");
}

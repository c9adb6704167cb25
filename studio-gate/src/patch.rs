//! Patches as git writes them: which files they change, how, and what the files hold then.

use studio_core::limits::{CHECKOUT_FILES_MAX, PATH_BYTES_MAX};
use studio_core::text::one_line;

/// What a patch does to one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePatch {
    /// Where it stood; none if it is new.
    pub old: Option<String>,
    /// Where it stands then; none if it is removed.
    pub new: Option<String>,
    /// The mode it had, if the patch says so.
    pub old_mode: Option<u32>,
    /// The mode it has then, if the patch says so.
    pub new_mode: Option<u32>,
    /// Whether it is made out of a file that stays.
    pub copies: bool,
    /// Whether its bytes are no text, so that nobody sees them.
    pub binary: bool,
    hunks: Vec<Hunk>,
}

/// A run of lines: from which line of the old file on, and the lines with their signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hunk {
    from: usize,
    lines: Vec<(char, String)>,
}

/// Why text is no patch of these files: the line of the patch, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} of the patch: {1}")]
pub struct BadPatch(pub usize, pub String);

/// Reads a patch.
///
/// # Errors
/// A line that no patch has, or too many files.
pub fn patch(text: &str) -> Result<Vec<FilePatch>, BadPatch> {
    let mut files: Vec<FilePatch> = Vec::new();
    // Whether git's own header named the files, and whether the next line names the new one.
    let (mut named, mut opened) = (false, false);
    let (mut header, mut left) = (false, (0, 0));
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let bad = |why: &str| BadPatch(at + 1, format!("{why}: {}", one_line(line, 80)));
        if files.len() > CHECKOUT_FILES_MAX {
            return Err(bad("the patch changes too many files"));
        }
        let bare = line.trim_end_matches(['\n', '\r']);
        if let (Some(note), Some((_, text))) =
            (bare.strip_prefix("\\ "), files.last_mut().and_then(|file| file.hunks.last_mut()).and_then(|hunk| hunk.lines.last_mut()))
        {
            if !note.starts_with("No newline") {
                return Err(bad("a note says nothing that git says"));
            }
            text.truncate(text.trim_end_matches('\n').len());
        } else if left != (0, 0) {
            let hunk = files.last_mut().and_then(|file| file.hunks.last_mut()).ok_or_else(|| bad("a line stands before its file"))?;
            left = hunk.take(line, left).ok_or_else(|| bad("it is no line of a hunk"))?;
        } else if let Some(names) = bare.strip_prefix("diff --git ") {
            if names.len() > 2 * PATH_BYTES_MAX {
                return Err(bad("the names are too long"));
            }
            let (old, new) = both(names).ok_or_else(|| bad("the names cannot be told apart"))?;
            files.push(FilePatch { old: Some(old), new: Some(new), ..FilePatch::default() });
            (header, named) = (true, true);
        } else if let Some(range) = bare.strip_prefix("@@ ") {
            let file = files.last_mut().ok_or_else(|| bad("a hunk stands before its file"))?;
            let (from, old, new) = ranges(range).ok_or_else(|| bad("a hunk says nowhere it is"))?;
            file.hunks.push(Hunk { from, lines: Vec::new() });
            left = (old, new);
            header = false;
        } else if let Some(name) = bare.strip_prefix("--- ") {
            if !header {
                files.push(FilePatch::default());
                (header, named) = (true, false);
            }
            let name = side(name, "a/").ok_or_else(|| bad("it names no file"))?;
            let file = files.last_mut().ok_or_else(|| bad("it stands before its file"))?;
            if named && file.old != name {
                return Err(bad("it names another file than the header"));
            }
            file.old = name;
            opened = true;
        } else if let Some(name) = bare.strip_prefix("+++ ") {
            let name = side(name, "b/").ok_or_else(|| bad("it names no file"))?;
            let file = files.last_mut().filter(|_| opened).ok_or_else(|| bad("it stands before its file"))?;
            if named && file.new != name {
                return Err(bad("it names another file than the header"));
            }
            file.new = name;
            opened = false;
        } else if let Some(file) = files.last_mut().filter(|_| header) {
            file.extended(bare).ok_or_else(|| bad("it is no header that git writes"))?;
        }
        // What stands before the first file, or between two, is a letter's text.
    }
    if left == (0, 0) { Ok(files) } else { Err(BadPatch(text.lines().count(), "the last hunk is cut short".into())) }
}

impl FilePatch {
    /// Says whether a line of it was no UTF-8.
    pub(crate) fn odd(&self) -> bool {
        self.hunks.iter().flat_map(|hunk| &hunk.lines).any(|(_, line)| line.contains(char::REPLACEMENT_CHARACTER))
    }

    /// Returns how many lines it adds and takes away.
    pub fn lines(&self) -> usize {
        self.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|(sign, _)| *sign != ' ').count()
    }

    /// Returns what the file holds then, out of what it held.
    ///
    /// # Errors
    /// It held something else than the patch says.
    pub fn apply(&self, before: &str) -> Result<String, String> {
        let old: Vec<&str> = before.split_inclusive('\n').collect();
        let (mut text, mut at) = (String::new(), 0);
        for hunk in &self.hunks {
            let from = hunk.from.saturating_sub(1);
            let kept = old.get(at..from).ok_or_else(|| format!("it has no line {}", hunk.from))?;
            text.extend(kept.iter().copied());
            at = from;
            for (sign, line) in &hunk.lines {
                if *sign != '+' {
                    if old.get(at) != Some(&line.as_str()) {
                        return Err(format!("line {} is not what the patch says", at + 1));
                    }
                    at += 1;
                }
                if *sign != '-' {
                    text.push_str(line);
                }
            }
        }
        text.extend(old.get(at..).unwrap_or_default().iter().copied());
        Ok(text)
    }

    /// Takes a line of git's own headers.
    fn extended(&mut self, line: &str) -> Option<()> {
        let mode = |text: &str| u32::from_str_radix(text, 8).ok();
        let (word, value) = [
            "old mode ",
            "new mode ",
            "new file mode ",
            "deleted file mode ",
            "rename from ",
            "rename to ",
            "copy from ",
            "copy to ",
            "index ",
            "similarity index ",
            "dissimilarity index ",
            "Binary files ",
            "GIT binary patch",
        ]
        .into_iter()
        .find_map(|word| Some((word, line.strip_prefix(word)?)))
        // What follows "GIT binary patch" is data.
        .or(self.binary.then_some(("", "")))?;
        match word {
            "old mode " => self.old_mode = Some(mode(value)?),
            "new mode " => self.new_mode = Some(mode(value)?),
            "new file mode " => (self.old, self.new_mode) = (None, Some(mode(value)?)),
            "deleted file mode " => (self.new, self.old_mode) = (None, Some(mode(value)?)),
            "rename from " => self.old = Some(unquoted(value)?),
            "rename to " | "copy to " => self.new = Some(unquoted(value)?),
            "copy from " => (self.old, self.copies) = (Some(unquoted(value)?), true),
            "index " => {
                let kept = value.split_once(' ').map_or(Some(None), |(_, kept)| mode(kept).map(Some))?;
                (self.old_mode, self.new_mode) = (self.old_mode.or(kept), self.new_mode.or(kept));
            }
            "Binary files " | "GIT binary patch" => self.binary = true,
            _ => {}
        }
        Some(())
    }
}

impl Hunk {
    /// Takes a line in; returns how many old and new ones are left.
    fn take(&mut self, line: &str, (old, new): (usize, usize)) -> Option<(usize, usize)> {
        let (sign, text) = match line.chars().next()? {
            sign @ (' ' | '-' | '+') => (sign, line.get(1..)?),
            // Some tools leave the blank of an empty line out.
            '\n' => (' ', line),
            _ => return None,
        };
        self.lines.push((sign, text.into()));
        Some((old.checked_sub(usize::from(sign != '+'))?, new.checked_sub(usize::from(sign != '-'))?))
    }
}

/// Returns the two names of `a/x b/x`.
fn both(names: &str) -> Option<(String, String)> {
    if names.starts_with('"') || names.ends_with('"') {
        let cut = names.match_indices(' ').map(|(at, _)| names.split_at(at));
        return cut.filter_map(|(old, new)| Some((side(old, "a/")??, side(new.get(1..)?, "b/")??))).next();
    }
    // Both are the same, unless headers below say otherwise.
    let half = names.len().checked_sub(1)? / 2;
    let even = names.split_at_checked(half).and_then(|(old, new)| Some((old.strip_prefix("a/")?, new.strip_prefix(" b/")?)));
    let (old, new) = even.filter(|(old, new)| old == new).or_else(|| names.strip_prefix("a/")?.split_once(" b/"))?;
    Some((old.into(), new.into()))
}

/// Returns the file that a line names; nothing for none.
fn side(name: &str, prefix: &str) -> Option<Option<String>> {
    // Behind a tab stands a time.
    let name = name.split('\t').next().unwrap_or(name);
    if name == "/dev/null" {
        return Some(None);
    }
    Some(Some(unquoted(name)?.strip_prefix(prefix)?.to_string()))
}

/// Returns a name that git may have put in quotes.
fn unquoted(name: &str) -> Option<String> {
    let Some(inside) = name.strip_prefix('"') else { return Some(name.to_string()) };
    let mut rest = inside.strip_suffix('"')?.bytes();
    let mut bytes = Vec::new();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            sign @ (b'"' | b'\\') => sign,
            first @ b'0'..=b'3' => {
                let mut digit = || rest.next().filter(|byte| (b'0'..=b'7').contains(byte)).map(|byte| byte - b'0');
                (first - b'0') * 64 + digit()? * 8 + digit()?
            }
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Returns the first old line of `-1,2 +1,3 @@`, and how many old and new lines there are.
fn ranges(text: &str) -> Option<(usize, usize, usize)> {
    let (old, rest) = text.strip_prefix('-')?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| match text.split_once(',') {
        Some((from, count)) => Some((from.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    };
    let ((from, old), (_, new)): ((usize, usize), (usize, usize)) = (range(old)?, range(new)?);
    // Where nothing is taken away, the line before is named.
    Some((if old == 0 { from.checked_add(1)? } else { from }, old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "From: x\n\ndiff --git a/a b.txt b/a b.txt\nindex 1..2 100644\n--- a/a b.txt\n+++ b/a b.txt\n@@ -1,2 +1,3 @@\n one\n-two\n+2\n+3\n\
        diff --git a/old b/new\nsimilarity index 90%\nrename from old\nrename to new\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n\
        diff --git a/x.sh b/x.sh\nold mode 100644\nnew mode 100755\ndiff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+../x\n\
        diff --git \"a/\\303\\251\" \"b/\\303\\251\"\ndeleted file mode 100644\nindex 1..0\n--- \"a/\\303\\251\"\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n";

    #[test]
    fn every_file_of_a_patch_is_read() {
        let files = patch(PATCH).unwrap();
        let names: Vec<_> = files.iter().map(|file| (file.old.as_deref(), file.new.as_deref(), file.new_mode)).collect();
        assert_eq!(
            names,
            [
                (Some("a b.txt"), Some("a b.txt"), Some(0o100_644)),
                (Some("old"), Some("new"), None),
                (Some("x.sh"), Some("x.sh"), Some(0o100_755)),
                (None, Some("l"), Some(0o120_000)),
                (Some("é"), None, None),
            ]
        );
        assert_eq!(files[0].apply("one\ntwo\nend\n"), Ok("one\n2\n3\nend\n".into()));
        assert_eq!((files[0].lines(), files[1].apply(""), files[4].apply("a\n")), (3, Ok("x".into()), Ok(String::new())));
        let grows = patch("--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n").unwrap();
        assert_eq!(grows[0].apply("a"), Ok("a\nb\n".into()));
        assert_eq!(files[0].apply("one\nzwei\n"), Err("line 2 is not what the patch says".into()));
    }

    #[test]
    fn what_is_no_patch_names_its_line() {
        for (text, line) in [
            ("diff --git x\n", 1),
            ("diff --git a/x b/x\nnonsense\n", 2),
            ("@@ -1 +1 @@\n", 1),
            ("--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n a\n", 4),
            ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n?\n", 4),
            ("--- a/x\n+++ b/x\n@@ nowhere @@\n", 3),
            ("--- x\n", 1),
            ("diff --git a/x b/x\n--- a/y\n", 2),
            ("diff --git a/x b/x\n--- a/x\n+++ b/y\n", 3),
            ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+++ b/y\n", 6),
        ] {
            assert_eq!(patch(text).unwrap_err().0, line, "{text}");
        }
        assert_eq!(patch("hello\n"), Ok(Vec::new()));
    }

    /// Whatever stands in a patch, it is answered, and so is whatever it is laid over.
    #[test]
    fn broken_patches_are_answered() {
        let (mut seed, lines) = (3_u64, PATCH.split_inclusive('\n').collect::<Vec<_>>());
        let mut draw = |most: usize| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            usize::try_from(seed >> 33).unwrap() % most
        };
        for _ in 0..5000 {
            let mut text: Vec<&str> = lines.clone();
            for _ in 0..1 + draw(4) {
                let at = draw(text.len());
                match draw(3) {
                    0 => drop(text.remove(at)),
                    1 => text.insert(at, lines[draw(lines.len())]),
                    _ => text[at] = text[at].get(draw(3)..).unwrap_or("@"),
                }
            }
            for file in patch(&text.concat()).unwrap_or_default() {
                let _applied = file.apply("one\ntwo\n");
            }
        }
    }
}

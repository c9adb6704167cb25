//! Shell text as a reader sees it: commands with their lines, without comments and quoted words.
//!
//! It is no parser. It joins what belongs to one command, so that a rule can look at `code` (quotes
//! and substitutions masked) without being fooled by text that is never run.

/// One command line with all its continuations.
#[derive(Debug)]
pub(super) struct Line {
    /// Its first line, from 1.
    pub(super) number: u32,
    /// Spaces before it.
    pub(super) indent: usize,
    /// The text without comments; quoted text and substitutions are `_`.
    pub(super) code: String,
    /// The text without comments.
    pub(super) raw: String,
}

/// What the reader is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Quotes,
    Parens,
}

struct Scan<'t> {
    rest: std::iter::Peekable<std::str::CharIndices<'t>>,
    text: &'t str,
    at: u32,
    within: Vec<Within>,
    documents: Vec<(String, bool)>,
    line: Option<Line>,
    lines: Vec<Line>,
    last: char,
}

/// Returns the commands of a script. Here-documents are left out.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut scan = Scan {
        rest: text.char_indices().peekable(),
        text,
        at: 1,
        within: Vec::new(),
        documents: Vec::new(),
        line: None,
        lines: Vec::new(),
        last: '\n',
    };
    while let Some((at, c)) = scan.rest.next() {
        scan.take(at, c);
    }
    scan.close();
    scan.lines
}

/// Says whether the file is a shell script: by its name, or by its first line.
pub(super) fn is_script(name: &str, text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let program = first.strip_prefix("#!").unwrap_or_default().split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let shell = program.take(4).any(|word| matches!(word, "sh" | "bash" | "zsh" | "dash" | "ksh" | "ash"));
    shell || [".sh", ".bash", ".zsh", ".ksh"].iter().any(|end| name.ends_with(end))
}

impl Scan<'_> {
    fn take(&mut self, at: usize, c: char) {
        let quoted = self.within.last() == Some(&Within::Quotes);
        match c {
            '\n' => self.newline(quoted),
            '\\' => {
                match self.rest.next() {
                    Some((_, '\n')) => {
                        self.at += 1;
                        self.put(' ');
                    }
                    Some((_, next)) => {
                        self.put_raw(c);
                        self.put_raw(next);
                        self.mask();
                    }
                    None => {}
                }
                self.last = '\\';
                return;
            }
            '"' if quoted => {
                self.within.pop();
                self.put_raw(c);
            }
            '"' => {
                self.mask();
                self.within.push(Within::Quotes);
                self.put_raw(c);
            }
            '\'' if !quoted => self.single(self.last == '$'),
            '#' if !quoted && (self.last.is_whitespace() || matches!(self.last, ';' | '&' | '|' | '(')) => self.comment(),
            '(' if !quoted && (!self.within.is_empty() || matches!(self.last, '$' | '=' | '<' | '>')) || quoted && self.last == '$' => {
                self.mask();
                self.within.push(Within::Parens);
                self.put_raw(c);
            }
            ')' if self.within.last() == Some(&Within::Parens) => {
                self.within.pop();
                self.put_raw(c);
            }
            '<' if !quoted && self.last == '<' => {
                self.put(c);
                self.document(at + 1);
            }
            c => self.put(c),
        }
        self.last = c;
    }

    fn newline(&mut self, quoted: bool) {
        self.at += 1;
        if !quoted {
            for (end, tabs) in std::mem::take(&mut self.documents) {
                self.skip_document(&end, tabs);
            }
        }
        let goes_on = self.line.as_ref().is_some_and(|line| {
            let code = line.code.trim_end();
            code.ends_with("&&") || code.ends_with('|')
        });
        if self.within.is_empty() && !goes_on {
            self.close();
        } else {
            self.put(' ');
        }
    }

    /// Reads on to the end of text in single quotes; with `escapes`, a backslash keeps the next quote.
    fn single(&mut self, escapes: bool) {
        self.mask();
        self.put_raw('\'');
        while let Some((_, c)) = self.rest.next() {
            self.at += u32::from(c == '\n');
            self.put_raw(if c == '\n' { ' ' } else { c });
            if c == '\\' && escapes {
                self.rest.next();
            } else if c == '\'' {
                return;
            }
        }
    }

    fn comment(&mut self) {
        while self.rest.next_if(|(_, c)| *c != '\n').is_some() {}
    }

    /// Notes a here-document whose mark begins at `from`, if its end really stands below.
    fn document(&mut self, from: usize) {
        let Some(rest) = self.text.get(from..) else { return };
        if rest.starts_with('<') {
            self.rest.next(); // `<<<` is a word, no document
            return;
        }
        let tabs = rest.starts_with('-');
        let mark = rest.trim_start_matches('-').trim_start_matches([' ', '\t']);
        let name: String =
            mark.trim_start_matches(['\'', '"', '\\']).chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).collect();
        let ends = |line: &str| if tabs { line.trim_start_matches('\t') == name } else { line == name };
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && rest.lines().skip(1).any(ends) {
            self.documents.push((name, tabs));
        }
    }

    fn skip_document(&mut self, end: &str, tabs: bool) {
        let mut line = String::new();
        for (_, c) in self.rest.by_ref() {
            if c != '\n' {
                line.push(c);
                continue;
            }
            self.at += 1;
            if (if tabs { line.trim_start_matches('\t') } else { &line }) == end {
                return;
            }
            line.clear();
        }
    }

    fn put(&mut self, c: char) {
        self.put_raw(c);
        if self.within.is_empty()
            && let Some(line) = &mut self.line
        {
            line.code.push(c);
        }
    }

    fn mask(&mut self) {
        if self.within.is_empty() {
            self.begin();
            if let Some(line) = &mut self.line
                && !line.code.ends_with('_')
            {
                line.code.push('_');
            }
        }
    }

    fn put_raw(&mut self, c: char) {
        self.begin();
        if let Some(line) = &mut self.line {
            line.raw.push(c);
        }
    }

    fn begin(&mut self) {
        if self.line.is_none() {
            self.line = Some(Line { number: self.at, indent: 0, code: String::new(), raw: String::new() });
        }
    }

    fn close(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        line.indent = line.raw.len() - line.raw.trim_start().len();
        line.code = line.code.trim().to_string();
        if !line.raw.trim().is_empty() {
            self.lines.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Vec<(u32, String)> {
        lines(text).into_iter().map(|line| (line.number, line.code)).collect()
    }

    #[test]
    fn quoted_text_and_comments_are_no_code() {
        let text = "a 'b || true' # c || true\n\n  d \"e $(f \"g\" || true) h\" i\nj=$(k | tee l)\n";
        assert_eq!(code(text), [(1, "a _".into()), (3, "d _ i".into()), (4, "j=$_".into())]);
    }

    #[test]
    fn a_command_keeps_its_first_line() {
        let text = "a \\\n  b\nc |\n  d\ne &&\n# why\nf\nx=(\n one\n two\n)\ng\n";
        assert_eq!(code(text), [(1, "a    b".into()), (3, "c |   d".into()), (5, "e &&  f".into()), (8, "x=_".into()), (12, "g".into())]);
    }

    #[test]
    fn here_documents_are_left_out() {
        let text = "cat <<EOF | tee x\nrm || true\nEOF\nb\ncat <<-'E'\n\tx\n\tE\nc <<<word\n(( n = 1 << m ))\nd ${x#y} $#\n";
        let lines = code(text);
        assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 4, 5, 8, 9, 10]);
        assert_eq!(lines[5].1, "d ${x#y} $#");
    }

    #[test]
    fn unfinished_text_ends_with_the_file() {
        for text in ["a \"b", "a 'b", "a $(b", "a \\", "cat <<EOF\nx", "#", ""] {
            assert!(lines(text).len() <= 2, "{text}");
        }
        assert!(is_script("x", "#!/usr/bin/env -S bash -e\n") && is_script("x.sh", "") && !is_script("x.py", "#!/usr/bin/python3\n"));
    }
}

//! Values of `config/env`: found by name, handed to the one step that declares them, and never shown.

use super::folder::{self, FolderError};
use super::side::Variable;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use studio_core::limits::{FILES_MAX, FOLDER_DEPTH_MAX, SECRET_BYTES_MIN};
use studio_core::name::RelPath;
use studio_core::redact::Secret;

/// Where they stand.
pub(super) const FOLDER: &str = "config/env";

/// Returns the values of `names`, from the `.env` files below `config/env` of the checkout.
pub(super) fn values(root: &Path, names: &[Variable]) -> Result<BTreeMap<Variable, Secret>, ValueError> {
    let mut found: BTreeMap<Variable, (Place, Secret)> = BTreeMap::new();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    for path in files(root)? {
        let text = folder::text(&root.join(path.as_str()), &path)?;
        for (at, line) in text.lines().enumerate() {
            let Some((name, rest)) = assignment(line) else { continue };
            let Some(name) = names.iter().find(|wanted| wanted.as_str() == name) else { continue };
            let place = Place(path.clone(), at + 1);
            let value = value(rest).map_err(|why| ValueError::Odd(place.clone(), name.clone(), why))?;
            // An empty one has nothing to hide; a short one could not be taken out of what the step says.
            if !value.is_empty() && value.len() < SECRET_BYTES_MIN {
                return Err(ValueError::Short(place, name.clone()));
            }
            match found.get(name) {
                Some((other, known)) if known.expose() != value => return Err(ValueError::Twice(name.clone(), other.clone(), place)),
                Some(_) => {}
                None => {
                    found.insert(name.clone(), (place, Secret::new(value)));
                }
            }
        }
    }
    match names.iter().find(|name| !found.contains_key(name)) {
        Some(name) => Err(ValueError::Absent(name.clone())),
        None => Ok(found.into_iter().map(|(name, (_, value))| (name, value)).collect()),
    }
}

/// A line of a file; it prints as people look it up.
#[derive(Clone, Debug)]
pub(super) struct Place(RelPath, usize);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

/// Returns the `.env` files, sorted; none if there is no such folder.
fn files(root: &Path) -> Result<Vec<RelPath>, ValueError> {
    let (mut files, mut folders) = (Vec::new(), vec![FOLDER.to_string()]);
    let mut seen = 0_usize;
    while let Some(name) = folders.pop() {
        let failed = |error| FolderError::Disk("read", name.clone(), error);
        let Ok(path) = RelPath::try_from(name.as_str()) else { continue };
        if folder::look(root, &path)?.is_none_or(|seen| !seen.is_dir()) || name.matches('/').count() > FOLDER_DEPTH_MAX {
            continue;
        }
        for entry in fs::read_dir(root.join(&name)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            seen += 1;
            if seen > FILES_MAX {
                return Err(ValueError::Many);
            }
            let Some(below) = entry.file_name().to_str().map(|part| format!("{name}/{part}")) else { continue };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                folders.push(below);
            } else if below.ends_with(".env") && !kind.is_file() {
                return Err(FolderError::Symlink(below).into());
            } else if let (true, Ok(path)) = (below.ends_with(".env"), RelPath::try_from(below)) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Splits `export NAME=value`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    line.split_once('=').filter(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Returns what a shell would take for the value, where that is plain.
fn value(text: &str) -> Result<String, &'static str> {
    let expands = "a shell would put something else there; put the value in single quotes";
    let (value, rest) = if let Some(quoted) = text.strip_prefix('\'') {
        let (value, rest) = quoted.split_once('\'').ok_or("its quote does not end on the line")?;
        (value.to_string(), rest)
    } else if let Some(quoted) = text.strip_prefix('"') {
        double_quoted(quoted, expands)?
    } else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        if value.contains(['$', '`', '\\', '\'', '"', ';', '&', '|', '(', ')', '<', '>']) {
            return Err(expands);
        }
        (value.to_string(), rest)
    };
    let rest_says = rest.trim_start();
    if !(rest_says.is_empty() || rest_says.starts_with('#') && rest_says.len() < rest.len()) {
        return Err("something follows the value; put the whole value in single quotes");
    }
    if value.contains('\0') { Err("it holds a NUL byte") } else { Ok(value) }
}

/// Returns the value in front of the closing quote, and the rest of the line.
fn double_quoted<'a>(text: &'a str, expands: &'static str) -> Result<(String, &'a str), &'static str> {
    let (mut value, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next().ok_or("its quote does not end on the line")? {
            '"' => return Ok((value, chars.as_str())),
            '$' | '`' => return Err(expands),
            '\\' => match chars.next().ok_or("its quote does not end on the line")? {
                escaped @ ('"' | '\\' | '$' | '`') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            plain => value.push(plain),
        }
    }
}

/// A value that cannot be had. No value ever stands in here.
#[derive(Debug, thiserror::Error)]
pub(super) enum ValueError {
    /// Nowhere.
    #[error("there is no value for {0}, which the script's side file lists in env: write {0}=… into a file config/env/<name>.env of the checkout")]
    Absent(Variable),
    /// Two of them.
    #[error("{0} has two values, at {1} and at {2}: keep one")]
    Twice(Variable, Place, Place),
    /// Not plain.
    #[error("{0}: {1} has no plain value: {2}")]
    Odd(Place, Variable, &'static str),
    /// Under the limit.
    #[error("{0}: {1} has under {SECRET_BYTES_MIN} bytes, too few to take it out of what a step says: make it longer, or take it out of env")]
    Short(Place, Variable),
    /// Over the limit.
    #[error("config/env has more than {FILES_MAX} files")]
    Many,
    /// A place that cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn look(dir: &tempfile::TempDir, names: &[&str]) -> Result<Vec<String>, String> {
        let names: Vec<Variable> = names.iter().map(|name| Variable::try_from(name.to_string()).unwrap()).collect();
        let found = values(dir.path(), &names).map_err(|error| error.to_string())?;
        Ok(found.into_values().map(|value| value.expose().to_string()).collect())
    }

    #[test]
    fn values_are_found_in_every_plain_spelling() {
        let text = "# a\nexport A=one-one # note\nB='t w#o two'\nC=\"th\\\"r\\n\\$ee\"\n  D=x#y#z#\nE=\nnot a line\n";
        let dir = checkout(&[("config/env/a.env", text), ("config/env/sub/b.env", "F=sixsix\nA=one-one\n"), ("config/env/c.txt", "A=other")]);
        assert_eq!(look(&dir, &["A", "B", "C", "D", "E", "F"]).unwrap(), ["one-one", "t w#o two", "th\"r\\n$ee", "x#y#z#", "", "sixsix"]);
        assert_eq!(look(&checkout(&[]), &[]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_plain_is_refused_and_never_shown() {
        for (text, word) in [
            ("", "config/env/<name>.env"),
            ("A=hunter2\nA=hunter22", "config/env/a.env:1 and at config/env/a.env:2"),
            ("\nA=$(cat hunter2)", "a.env:2: A"),
            ("A=\"hunter2 $B\"", "single quotes"),
            ("A='hunter2", "does not end"),
            ("A=\"hunter2\\", "does not end"),
            ("A=hunter2 more", "follows"),
            ("A='hunter2'more", "follows"),
            ("A='hunter2'#more", "follows"),
            ("A='hunt\0er2'", "NUL"),
            ("B=1\nA=hunte", "config/env/a.env:2: A has under 6 bytes"),
        ] {
            let error = look(&checkout(&[("config/env/a.env", text)]), &["A"]).unwrap_err();
            assert!(error.contains(word) && !error.contains("hunt"), "{text}: {error}");
        }
        let dir = checkout(&[("x", "A=hunter2"), ("config/env/a.env", "A=hunter1")]);
        std::os::unix::fs::symlink("../../x", dir.path().join("config/env/b.env")).unwrap();
        assert!(look(&dir, &["A"]).unwrap_err().contains("symlink"));
    }
}

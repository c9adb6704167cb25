//! Recipes of `make` and `just`: their lines are judged like a script's, and nothing of them is evaluated. What is
//! more than plain lines under a plain name is opaque; so is every recipe of `task`, whose templates are a language.

use super::readable;
use super::simple::Arg;
use super::walk::{Scope, Walk};
use std::collections::{BTreeMap, BTreeSet};
use studio_core::gate::Class;
use studio_core::limits::{LIST_MAX, SCRIPT_BYTES_MAX};

/// Where each program looks for its recipes.
const FILES: &[(&str, &[&str])] = &[
    ("make", &["GNUmakefile", "makefile", "Makefile"]),
    ("gmake", &["GNUmakefile", "makefile", "Makefile"]),
    ("just", &["justfile", "Justfile", ".justfile"]),
    ("task", &[]),
    ("go-task", &[]),
];

/// A recipe: those it needs, and its lines with their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) needs: Vec<String>,
    pub(super) lines: Vec<(usize, String)>,
}

impl Walk<'_> {
    /// Judges a recipe that is called; says whether it is one.
    pub(super) fn recipe(&mut self, program: &str, args: &[Arg<'_>], scope: &Scope) -> bool {
        let Some((_, files)) = FILES.iter().find(|(name, _)| *name == program) else { return false };
        let found = files.iter().find_map(|name| {
            let path = self.path(name, scope)?;
            (self.setting.file)(&path).map(|bytes| (path, bytes))
        });
        let called: Option<Vec<String>> = args.iter().map(|arg| arg.literal().filter(|name| is_name(name)).map(String::from)).collect();
        let recipes = found.map(|(path, bytes)| (path, recipes(bytes, program == "just")));
        match (recipes, called) {
            (Some((path, Ok(recipes))), Some(called)) if !called.is_empty() => self.recipes(&path, &recipes, called, scope),
            (Some((path, Err((line, why)))), _) => {
                let better = "write the recipe as plain commands, or call them from the script";
                self.note(scope, Class::Opaque, "recipe", format!("{path}:{line} {why}"), better);
            }
            (Some((_, Ok(_))), _) => {
                self.note(scope, Class::Opaque, "recipe", format!("{program} without the plain name of a recipe"), "name the recipe")
            }
            (None, _) => {
                let why = format!("{program} runs what a file says that is not judged here");
                self.note(scope, Class::Opaque, "recipe", why, "call the commands themselves, or a script");
            }
        }
        true
    }

    fn recipes(&mut self, path: &str, recipes: &BTreeMap<String, Recipe>, mut left: Vec<String>, scope: &Scope) {
        let mut seen = BTreeSet::new();
        while let Some(name) = left.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Some(recipe) = recipes.get(&name).filter(|_| seen.len() <= LIST_MAX) else {
                self.note(scope, Class::Opaque, "recipe", format!("{path} has no recipe {name} that can be read"), "name a recipe that stands there");
                continue;
            };
            left.extend(recipe.needs.iter().cloned());
            self.files.push(path.to_string());
            for (line, text) in &recipe.lines {
                let inner = Scope { line: *line, depth: scope.depth + 1, arguments: false, known: Default::default(), ..scope.clone() };
                self.inner(text, &inner);
            }
            self.files.pop();
        }
    }
}

/// Reads the recipes of a file, or says at which line it holds more than plain ones.
pub(super) fn recipes(bytes: &[u8], just: bool) -> Result<BTreeMap<String, Recipe>, (usize, String)> {
    let text = readable(bytes).map_err(|why| (1, why.to_string()))?;
    if text.len() > SCRIPT_BYTES_MAX {
        return Err((1, "it is too long to be judged".into()));
    }
    let (mut found, mut open): (BTreeMap<String, Recipe>, Option<String>) = (BTreeMap::new(), None);
    for (at, line) in text.lines().enumerate() {
        let (at, bare) = (at + 1, line.trim());
        let indented = if just { line.starts_with([' ', '\t']) } else { line.starts_with('\t') };
        if bare.is_empty() || (bare.starts_with('#') && !indented) {
            continue;
        }
        if line.ends_with('\\') {
            return Err((at, "continues on the next line".into()));
        }
        if indented {
            let recipe = open.as_ref().and_then(|name| found.get_mut(name)).ok_or((at, "has a line that belongs to no recipe".to_string()))?;
            recipe.lines.push((at, command(bare, just).map_err(|why| (at, why))?));
            continue;
        }
        if !just && (bare.starts_with(".PHONY:") || is_setting(bare)) {
            open = None;
            continue;
        }
        let (head, tail) = bare.split_once(':').ok_or((at, "is no plain recipe".to_string()))?;
        let needs: Vec<String> = tail.split_whitespace().map(String::from).collect();
        if !is_name(head.trim()) || !needs.iter().all(|need| is_name(need)) {
            return Err((at, "is no plain recipe: a name, a colon, and the names of those it needs".into()));
        }
        if found.insert(head.trim().into(), Recipe { needs, lines: Vec::new() }).is_some() {
            return Err((at, format!("writes the recipe {} again", head.trim())));
        }
        open = Some(head.trim().into());
    }
    Ok(found)
}

/// Returns the command of a line, as a shell gets it.
fn command(line: &str, just: bool) -> Result<String, String> {
    let bare = line.trim_start_matches(if just { ['@', '-', '@'] } else { ['@', '-', '+'] });
    if just && (bare.contains("{{") || bare.starts_with("#!")) {
        return Err("is put together by just, or by another program".into());
    }
    let plain = bare.replace("$$", "");
    if !just && plain.contains('$') {
        return Err("is put together by make".into());
    }
    Ok(if just { bare.to_string() } else { bare.replace("$$", "$") })
}

/// Says whether the line of a makefile gives a name a plain value that no recipe uses.
fn is_setting(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else { return false };
    let name = name.trim_end_matches([':', '?', '+']).trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./ ".contains(c);
    is_name(name) && value.chars().all(plain) && !matches!(name, "SHELL" | "MAKEFLAGS" | "MAKEFILES" | "VPATH")
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

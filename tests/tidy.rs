//! The house rules that no compiler checks. Each failure says what to do about it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 400;
const MAP_LINES_MAX: usize = 200;

/// Who may depend on whom. An arrow that is not here needs a decision record first.
const ARROWS: &[(&str, &[&str])] = &[
    ("studio-core", &[]),
    ("studio-gate", &["studio-core"]),
    ("studio-files", &["studio-core"]),
    ("studio-personas", &["studio-core"]),
    ("studio-host", &["studio-core", "studio-gate"]),
    ("studio-bin", &["studio-core", "studio-gate", "studio-files", "studio-personas", "studio-host"]),
];

/// Crates that may be named in some manifests only.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("duct", &["studio-host", "tests"]),
    ("async-openai", &["studio-personas"]),
    ("reqwest", &["studio-personas"]),
    ("gix", &["studio-host"]),
    ("clap", &["studio-bin"]),
    ("axum", &["studio-bin"]),
    ("anyhow", &["studio-bin", "examples", "tests"]),
];

/// Words of one file each: where they stand elsewhere, a boundary leaks.
const WORDS_ONLY_IN: &[(&str, &[&str])] = &[
    ("use actix", &["studio-core/src/host.rs", "studio-core/src/persona.rs", "studio-core/src/seat.rs"]),
    ("std::fs", &["studio-core/src/store/disk.rs"]),
    ("std::env", &[]),
];

#[test]
fn arrows_point_one_way() {
    let arrows = BTreeMap::from_iter(ARROWS.iter().copied());
    for (member, allowed) in &arrows {
        for dependency in dependencies(member) {
            let ours = arrows.contains_key(dependency.as_str());
            assert!(!ours || allowed.contains(&dependency.as_str()), "{member} may not use {dependency}");
        }
    }
    for member in members() {
        for dependency in dependencies(&member) {
            let owners = ONLY_IN.iter().find(|(name, _)| *name == dependency).map(|(_, owners)| *owners);
            assert!(owners.is_none_or(|owners| owners.contains(&member.as_str())), "{member} may not use {dependency}: only {owners:?} may");
        }
    }
}

#[test]
fn every_file_opens_with_its_purpose_and_fits_on_a_desk() {
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.display();
        assert!(text.starts_with("//! "), "{path}: say in one `//!` line what this file is for");
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{path}: {lines} lines; split it by what changes together");
    }
}

#[test]
fn core_keeps_its_boundaries() {
    for path in sources().into_iter().filter(|path| path.starts_with(root().join("studio-core/src"))) {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_string();
        for (word, allowed) in WORDS_ONLY_IN {
            assert!(!text.contains(word) || allowed.contains(&path.as_str()), "{path}: {word} stands only in {allowed:?}");
        }
    }
}

#[test]
fn names_that_say_nothing_are_not_used() {
    for path in sources() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            !["mod", "utils", "util", "helpers", "helper", "common", "manager", "imp", "misc"].contains(&name),
            "{}: name it by what it is for",
            path.display()
        );
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let words = ["todo!", "unimplemented!(\"not", "#[ignore", "FIXME", "XXX"].map(String::from);
    let sources = sources().into_iter().filter(|path| !path.ends_with("tests/tidy.rs"));
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        for word in &words {
            assert!(!text.contains(word), "{}: holds {word}", path.display());
        }
    }
}

#[test]
fn versions_and_lints_stand_in_one_place() {
    for member in members() {
        let manifest = manifest(&member);
        let dependencies = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1).take_while(|line| !line.starts_with('['));
        for line in dependencies.filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            assert!(line.contains("workspace = true"), "{member}: {line}: versions stand in the root Cargo.toml");
        }
        assert!(member == "tests" || manifest.contains("[lints]\nworkspace = true"), "{member}: take the lints of the workspace");
    }
}

#[test]
fn the_map_names_a_test_for_each_invariant() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(map.lines().count() <= MAP_LINES_MAX, "ARCHITECTURE.md is a map: at most {MAP_LINES_MAX} lines");
    let all: String = sources().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let rows: Vec<&str> = map.lines().filter(|line| line.starts_with("| **I")).collect();
    assert_eq!(rows.len(), 14, "the invariants are numbered 1 to 14");
    for row in rows {
        let tests: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|word| word.contains('_') && !word.contains(['.', ':', '/'])).collect();
        assert!(!tests.is_empty(), "{row}: name the test that holds it");
        for test in tests {
            assert!(all.contains(&format!("fn {test}(")), "ARCHITECTURE.md names the test {test}, which is not there");
        }
    }
}

#[test]
fn the_sample_of_the_demo_is_the_one_on_disk() {
    let listed: Vec<&str> = studio_bin::sample::HOMELAB.iter().chain(studio_bin::sample::REHEARSALS).map(|(path, _)| *path).collect();
    let folders = ["ai", "cluster", "infrastructure", "examples/rehearsals"];
    let mut found: Vec<String> = folders
        .iter()
        .flat_map(|folder| files(&root().join(folder)))
        .map(|path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_string())
        .collect();
    found.retain(|path| !["ai/state/runs/", "ai/state/simulated/", "ai/studio/"].iter().any(|ours| path.starts_with(ours)));
    found.sort();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, found, "list the sample's files in studio-bin/src/sample.rs");
}

fn manifest(member: &str) -> String {
    fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap()
}

fn dependencies(member: &str) -> Vec<String> {
    let manifest = manifest(member);
    let (_, after) = manifest.split_once("[dependencies]\n").unwrap_or(("", ""));
    let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap().to_string();
    after.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty()).map(name).collect()
}

fn members() -> Vec<String> {
    let own = ["examples", "tests"].map(String::from);
    ARROWS.iter().map(|(member, _)| member.to_string()).chain(own).collect()
}

fn sources() -> Vec<PathBuf> {
    let folders = ARROWS.iter().map(|(member, _)| root().join(member)).chain([root().join("examples"), root().join("tests")]);
    folders.flat_map(|folder| files(&folder)).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

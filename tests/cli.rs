//! The command `studio` as a user runs it: a repository, a home of its own, an exit code, and what it says.

mod approvals;
mod backlog;
mod branch;
mod cards;
mod danger;
mod demo;
mod dialects;
mod ground;
mod guards;
mod homelabs;
mod ideas;
mod journal;
mod judge;
mod leavers;
mod live;
mod looks;
mod lost;
mod model;
mod never;
mod page;
mod places;
mod planted;
mod programs;
mod refused;
mod sample;
mod scripts;
mod shapes;
mod stages;
mod stop;
mod storm;
mod trusted;

use duct::{Expression, Handle};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use studio_core::name::RelPath;
use studio_host::git::GitRepo;
use tempfile::TempDir;

const STUDIO: &str = env!("CARGO_BIN_EXE_studio-under-test");

/// A repository, and a user with a home of their own. Nothing else of this machine is seen.
pub(crate) struct Lab {
    dir: TempDir,
}

/// What the studio said.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Lab {
    /// A lab whose repository holds `files`, committed.
    pub(crate) fn new(files: &[(&str, &str)]) -> Lab {
        let lab = Lab { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(lab.repo()).unwrap();
        let files: Vec<(RelPath, &str)> = files.iter().map(|(path, text)| (RelPath::try_from(*path).unwrap(), *text)).collect();
        GitRepo::sample(&lab.repo(), &files, "The lab\n").unwrap();
        lab
    }

    /// A lab of the generated repository, with an approver called ops.
    pub(crate) fn ready() -> Lab {
        let files = sample::files();
        let lab = Lab::new(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
        lab.studio(0, "init --name ops");
        lab
    }

    /// The repository.
    pub(crate) fn repo(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    /// The operator's own folder.
    pub(crate) fn operator(&self) -> PathBuf {
        self.dir.path().join("config/studio")
    }

    /// Runs the studio with the words of `line` in the repository, and expects this exit code.
    pub(crate) fn studio(&self, exit: i32, line: &str) -> Said {
        self.end(exit, line, start(STUDIO, line.split_whitespace()))
    }

    /// Runs a line as a shell does.
    pub(crate) fn shell(&self, exit: i32, line: &str) -> Said {
        self.end(exit, line, sh(line))
    }

    /// Starts a command that goes on by itself.
    pub(crate) fn begin(&self, command: &Expression) -> Handle {
        self.within(command).start().unwrap()
    }

    /// Returns the objects that the studio prints with `--json`, by line.
    pub(crate) fn json(&self, exit: i32, line: &str) -> Vec<serde_json::Value> {
        let said = self.studio(exit, &format!("--json {line}"));
        said.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// Writes a file of the checkout.
    pub(crate) fn write(&self, path: &str, text: &str) {
        put(&self.repo().join(path), text);
    }

    /// Writes a file of the operator's.
    pub(crate) fn settle_in(&self, name: &str, text: &str) {
        put(&self.operator().join(name), text);
    }

    /// Returns every file of the checkout, git's own too, with its bytes.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        tree(&self.repo())
    }

    /// Returns the folder of the newest run.
    pub(crate) fn run(&self) -> PathBuf {
        runs(&self.repo()).pop().expect("there is no run")
    }

    /// Returns what a journal holds, and where it is.
    pub(crate) fn journal(&self) -> (PathBuf, Vec<u8>) {
        let path = self.run().join("journal.jsonl");
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    }

    /// Returns `text` with what differs from run to run and place to place made equal.
    pub(crate) fn mask(&self, text: &str) -> String {
        mask(&text.replace(self.dir.path().to_str().unwrap(), "LAB").replace(STUDIO, "STUDIO"))
    }

    fn within(&self, command: &Expression) -> Expression {
        let home = self.dir.path().join("home");
        let config = self.dir.path().join("config");
        let vars = [("HOME", home.as_os_str()), ("XDG_CONFIG_HOME", config.as_os_str()), ("PATH", "/usr/bin:/bin".as_ref()), ("TZ", "UTC".as_ref())];
        command.full_env(vars).dir(self.repo()).stdout_capture().stderr_capture().unchecked()
    }

    fn end(&self, exit: i32, line: &str, command: Expression) -> Said {
        let output = self.within(&command).stdin_null().run().unwrap();
        ended(exit, line, &output)
    }
}

/// Returns a line as a command of the shell, not yet started.
pub(crate) fn sh(line: &str) -> Expression {
    start("sh", ["-c", line])
}

/// Takes what a command said, if it ended with `exit`.
pub(crate) fn ended(exit: i32, line: &str, output: &std::process::Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = Said { out: text(&output.stdout), err: text(&output.stderr) };
    assert_eq!(output.status.code(), Some(exit), "{line}\n{}{}", said.out, said.err);
    assert!(!said.err.contains("panicked"), "{line}\n{}", said.err);
    said
}

/// Returns every file below `root`, with its bytes.
pub(crate) fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, at: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().into(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// Returns the folders of the rehearsals of a repository, oldest first.
pub(crate) fn runs(repo: &Path) -> Vec<PathBuf> {
    runs_below(repo, "ai/state/simulated")
}

/// Returns the folders of the runs on a shelf of a repository, oldest first.
pub(crate) fn runs_below(repo: &Path, shelf: &str) -> Vec<PathBuf> {
    let runs = repo.join(shelf);
    let mut runs: Vec<PathBuf> = fs::read_dir(runs).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default();
    runs.retain(|path| path.is_dir());
    runs.sort();
    runs
}

/// Says that `after` holds what `before` held, and besides only reports and what git ignores.
pub(crate) fn assert_only_ours(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) {
    // What runs remember is rendered anew whenever one goes on.
    for (path, bytes) in before.iter().filter(|(path, _)| !path.starts_with("ai/studio/memory/runs/")) {
        assert!(after.get(path) == Some(bytes), "{path} was changed or removed");
    }
    for path in after.keys().filter(|path| !before.contains_key(*path)) {
        let ignored = Path::new(path)
            .ancestors()
            .skip(1)
            .any(|folder| after.get(folder.join(".gitignore").to_str().unwrap()).is_some_and(|text| text == b"*\n"));
        assert!(ignored || path.starts_with("ai/studio/reports/"), "{path} is new, and neither ignored nor a report");
    }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the studio is run as its users run it")]
fn start<'a>(program: &str, words: impl IntoIterator<Item = &'a str>) -> Expression {
    duct::cmd(program, words)
}

/// Makes run ids, times and hashes equal. In a shape `0` is any digit and `f` any hex digit.
fn mask(text: &str) -> String {
    let (hash, commit) = ("f".repeat(64), "f".repeat(40));
    let times = [("0000-00-00T00:00:00.000Z", "TIME"), ("0000-00-00", "DATE"), ("00:00:00", "CLOCK")];
    let effect = format!("--effect {}", "f".repeat(16));
    let shapes = [times[0], times[1], times[2], ("00000000-000000-", "RUN-"), (&hash, "HASH"), (&commit, "COMMIT"), (&effect, "--effect EFFECT")];
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let inside = masked.ends_with(|c: char| c.is_ascii_alphanumeric());
        match shapes.iter().find(|(shape, _)| !inside && has(rest, shape)) {
            Some((shape, word)) => {
                masked.push_str(word);
                rest = &rest[shape.len()..];
            }
            None => {
                masked.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    tails(&masked)
}

/// Makes the random end of each masked run id equal.
fn tails(masked: &str) -> String {
    let id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut parts = masked.split("RUN-");
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let end = part.find(|c| !id(c)).unwrap_or(part.len());
        let slug = part[..end].rsplit_once('-').map_or("", |(slug, _)| slug);
        out.push_str(&format!("RUN-{slug}{}", &part[end..]));
    }
    out
}

fn has(text: &str, shape: &str) -> bool {
    text.len() >= shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'f' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            _ => byte == shape,
        })
}

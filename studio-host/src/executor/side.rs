//! The side file of a script: what it is handed, what it may write, and what it leaves.

use super::folder::{self, FolderError};
use serde::Deserialize;
use std::fmt;
use std::path::Path;
use studio_core::limits::{ENV_VALUES_MAX, LIST_MAX};
use studio_core::name::{RelPath, Target};
use studio_core::text::one_line;

/// What `<script>.studio.toml` says; the default says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Side {
    /// Values of `config/env` it is handed.
    pub(super) env: Vec<Variable>,
    /// Files and folders of the checkout, which git does not know, that it reads.
    pub(super) reads: Vec<Read>,
    /// Folders of the checkout that it writes to.
    pub(super) writes: Vec<Write>,
    /// Files that it leaves in `$STUDIO_OUT`.
    pub(super) artifact: Vec<Declared>,
    /// What it may be run on; anything where it says nothing.
    pub(super) targets: Option<Vec<Target>>,
    /// Which cluster it works on.
    pub(super) cluster: Option<OfCluster>,
    /// Whether it may be killed when its time is over.
    pub(super) kill: Option<Kill>,
    /// What a script that destroys declares; the rules read it, and here it only has to be of its form.
    pub(super) danger: Option<studio_gate::Declared>,
}

/// What a script says about its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum OfCluster {
    /// That it has one, or that it has none whatever words it holds.
    Has(bool),
    /// Its name.
    Named(Target),
}

/// What a script says about being killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kill {
    /// It leaves nothing half done.
    Safe,
}

/// A file that a script leaves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    /// Where, below `$STUDIO_OUT`.
    pub(super) path: RelPath,
    /// Whether its content must never be shown.
    #[serde(default)]
    pub(super) secret: bool,
    /// How long it may be.
    pub(super) max_bytes: Option<u64>,
    /// Whether the step failed without it.
    #[serde(default)]
    pub(super) required: bool,
}

/// The name of a value of `config/env`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Variable(Box<str>);

/// A place of the checkout that a script may be handed to read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RelPath")]
pub(super) struct Read(pub(super) RelPath);

/// A folder of the checkout that a script may be handed to write to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RelPath")]
pub(super) struct Write(pub(super) RelPath);

/// Folders whose content reaches scripts in its own way only.
const SECRET: &[(&str, &str)] =
    &[("config/env", "declare the values it needs with env = [\"NAME\"]"), (".talos", "say cluster = true, and it gets the files of its cluster")];
/// Folders that no script writes to.
const OURS: &[&str] = &["ai/state", "ai/studio", "config/env", ".talos"];
/// Variables that decide what runs, or that the Executor sets itself.
const RESERVED: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "ENV",
    "IFS",
    "PS4",
    "SHELLOPTS",
    "BASHOPTS",
    "KUBECONFIG",
    "TALOSCONFIG",
    "TALOS_KUBECONFIG",
    "PWD",
    "CDPATH",
    "GLOBIGNORE",
    "POSIXLY_CORRECT",
    "PROMPT_COMMAND",
    "PERL5LIB",
    "PERL5OPT",
    "PERL5DB",
    "PERLLIB",
    "NODE_OPTIONS",
    "NODE_PATH",
    "RUBYOPT",
    "RUBYLIB",
    "LUA_INIT",
    "LUA_PATH",
    "JAVA_TOOL_OPTIONS",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    "HELM_PLUGINS",
];
/// What such variables begin with.
const RESERVED_STARTS: &[&str] = &["LD_", "BASH_", "STUDIO_", "LC_", "GIT_", "PYTHON"];

impl Side {
    /// Reads the side file `path`, which holds `bytes`.
    pub(super) fn parse(path: &RelPath, bytes: &[u8]) -> Result<Side, SideError> {
        let wrong = |line: usize, why: String| SideError::Wrong(path.clone(), line, why);
        let text = std::str::from_utf8(bytes).map_err(|error| wrong(line(bytes, error.valid_up_to()), "it is no UTF-8".into()))?;
        let side: Side = toml_edit::de::from_str(text).map_err(|error| {
            let at = error.span().map_or(1, |span| line(bytes, span.start));
            wrong(at, one_line(error.message(), 300))
        })?;
        let at = |word: &str| text.lines().position(|line| line.contains(word)).map_or(1, |at| at + 1);
        for (what, count, most) in [
            ("env", side.env.len(), ENV_VALUES_MAX),
            ("reads", side.reads.len(), LIST_MAX),
            ("writes", side.writes.len(), LIST_MAX),
            ("artifact", side.artifact.len(), LIST_MAX),
            ("targets", side.targets.as_ref().map_or(0, Vec::len), LIST_MAX),
        ] {
            if count > most {
                return Err(wrong(at(what), format!("{what} has {count} entries; at most {most} are accepted")));
            }
        }
        let bound: Vec<&RelPath> = side.reads.iter().map(|read| &read.0).chain(side.writes.iter().map(|write| &write.0)).collect();
        for (seen, path) in bound.iter().enumerate() {
            if bound.iter().take(seen).any(|other| overlap(path, other)) {
                return Err(wrong(at(path.as_str()), format!("{path} overlaps another entry of reads or writes: keep one of them")));
            }
        }
        Ok(side)
    }

    /// Says whether the script may run on `target`.
    pub(super) fn allows(&self, script: &RelPath, target: &Target) -> Result<(), SideError> {
        match &self.targets {
            Some(targets) if !targets.contains(target) => {
                let listed = targets.iter().map(Target::to_string).collect::<Vec<_>>().join(", ");
                Err(SideError::Target(script.clone(), target.clone(), listed))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the places that the script is handed, if they can be made ready; makes nothing.
    pub(super) fn look(&self, root: &Path) -> Result<Vec<RelPath>, SideError> {
        for Read(path) in &self.reads {
            folder::look(root, path)?.ok_or_else(|| SideError::Absent(path.clone()))?;
        }
        for Write(path) in &self.writes {
            folder::may_make(root, path)?;
        }
        Ok(self.reads.iter().map(|Read(path)| path.clone()).chain(self.writes.iter().map(|Write(path)| path.clone())).collect())
    }

    /// Makes the places ready that the script is handed, and returns them.
    pub(super) fn places(&self, root: &Path) -> Result<Vec<RelPath>, SideError> {
        let places = self.look(root)?;
        for Write(path) in &self.writes {
            folder::make(root, path, 0o755)?;
        }
        Ok(places)
    }
}

impl Variable {
    /// Returns the name.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Variable {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !(1..=80).contains(&name.len()) || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("{:?} is no variable's name: letters, digits and _ only, first no digit", one_line(&name, 80)));
        }
        if RESERVED.contains(&name.as_str()) || RESERVED_STARTS.iter().any(|start| name.starts_with(start)) {
            return Err(format!("{name} decides what runs, or is set by the Studio: call the value something else"));
        }
        Ok(Variable(name.into()))
    }
}

impl TryFrom<RelPath> for Read {
    type Error = String;

    fn try_from(path: RelPath) -> Result<Self, String> {
        match SECRET.iter().find(|(secret, _)| touches(&path, secret)) {
            Some((secret, mend)) => Err(format!("{path} is or holds a secret place, {secret}: {mend}")),
            None => Ok(Read(path)),
        }
    }
}

impl TryFrom<RelPath> for Write {
    type Error = String;

    fn try_from(path: RelPath) -> Result<Self, String> {
        match OURS.iter().find(|ours| touches(&path, ours)) {
            Some(ours) => Err(format!("{path} is, holds or lies in {ours}, where no script writes: name another folder, or use $STUDIO_OUT")),
            None => Ok(Write(path)),
        }
    }
}

/// Says whether one of the two lies in the other, on disks that know no case too.
fn touches(path: &RelPath, place: &str) -> bool {
    let path = format!("{}/", path.as_str().to_lowercase());
    let place = format!("{place}/");
    path.starts_with(&place) || place.starts_with(&path)
}

fn overlap(one: &RelPath, other: &RelPath) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn line(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// A side file that does not hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum SideError {
    /// Not of the form.
    #[error("{0}:{1}: {2}")]
    Wrong(RelPath, usize, String),
    /// Another target.
    #[error("{0} may run on {2} only, says its side file, and the step's target is {1}")]
    Target(RelPath, Target, String),
    /// Nothing to read.
    #[error("the checkout has no {0}, which the script's side file lists in reads: put it there, or take the entry out")]
    Absent(RelPath),
    /// A place that cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Side, SideError> {
        Side::parse(&RelPath::try_from("a/run.sh.studio.toml").unwrap(), text.as_bytes())
    }

    #[test]
    fn a_side_file_says_what_a_script_needs() {
        let side = parse(
            "env = [\"TOKEN\"]\nreads = [\"out/x.iso\"]\nwrites = [\"build\"]\ntargets = [\"local\"]\ncluster = \"main\"\nkill = \"safe\"\n\
             [[artifact]]\npath = \"a/log.txt\"\nsecret = true\nmax_bytes = 10\nrequired = true\n",
        )
        .unwrap();
        assert_eq!((side.env[0].as_str(), side.kill, &side.artifact[0].max_bytes), ("TOKEN", Some(Kill::Safe), &Some(10)));
        assert_eq!(side.cluster, Some(OfCluster::Named(Target::try_from("main").unwrap())));
        assert_eq!(parse("").unwrap(), Side::default());
        let danger = "[danger]\nverb = \"reset\"\nclass = \"destroy\"\ntargets = [\"node\"]\nparams = [\"node:inventory.node\"]\n\
            undo = \"none\"\nexpect = \"it is gone\"\n";
        assert_eq!(parse(danger).unwrap().danger.unwrap().verb.as_str(), "reset");
        let script = RelPath::try_from("a/run.sh").unwrap();
        assert!(side.allows(&script, &Target::try_from("local").unwrap()).is_ok());
        assert!(side.allows(&script, &Target::try_from("prod").unwrap()).unwrap_err().to_string().contains("local only"));
    }

    #[test]
    fn what_it_may_not_say_is_refused_with_its_line() {
        for (bad, word) in [
            ("\nmore = 1", ":2:"),
            ("kill = \"yes\"", ":1:"),
            ("cluster = 3", ":1:"),
            ("# x\nenv = [\"A B\"]", ":2:"),
            ("env = [\"LD_PRELOAD\"]", "LD_PRELOAD"),
            ("env = [\"PATH\"]", "PATH"),
            ("env = [\"BASH_ENV\"]", "BASH_ENV"),
            ("env = [\"ENV\"]", "ENV"),
            ("env = [\"GIT_CONFIG_COUNT\"]", "GIT_CONFIG_COUNT"),
            ("env = [\"PYTHONPATH\"]", "PYTHONPATH"),
            ("env = [\"PERL5LIB\"]", "PERL5LIB"),
            ("env = [\"NODE_OPTIONS\"]", "NODE_OPTIONS"),
            ("reads = [\"config/env/prod.env\"]", "env = "),
            ("reads = [\"Config\"]", "secret place"),
            ("reads = [\".talos/main\"]", "cluster = true"),
            ("reads = [\".git/config\"]", ":1:"),
            ("reads = [\"../x\"]", ":1:"),
            ("writes = [\"/etc\"]", ":1:"),
            ("writes = [\"ai/state/x\"]", "no script writes"),
            ("writes = [\"ai\"]", "no script writes"),
            ("writes = [\"AI/Studio\"]", "no script writes"),
            ("writes = [\"config\"]", "no script writes"),
            ("writes = [\".talos\"]", "no script writes"),
            ("writes = [\".git/x\"]", ":1:"),
            ("reads = [\"x/y\"]\nwrites = [\"x\"]", ":1: x"),
            ("[[artifact]]\npath = \"../x\"", ":2:"),
            ("[[artifact]]\nsecret = true", "path"),
            ("[danger]\nverb = \"reset\"", ":1:"),
        ] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.starts_with("a/run.sh.studio.toml:") && error.contains(word), "{bad}: {error}");
        }
        let many = (0..=LIST_MAX).map(|at| format!("\"x{at}\"")).collect::<Vec<_>>().join(",");
        assert!(parse(&format!("reads = [{many}]")).unwrap_err().to_string().contains("at most"));
        assert!(Side::parse(&RelPath::try_from("a").unwrap(), b"\n\xff").unwrap_err().to_string().starts_with("a:2:"));
    }

    #[test]
    fn places_are_real_and_made_where_they_are_to_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let side = parse("writes = [\"out/logs\"]").unwrap();
        assert_eq!(side.places(dir.path()).unwrap().len(), 1);
        assert!(dir.path().join("out/logs").is_dir());
        assert!(parse("reads = [\"absent\"]").unwrap().places(dir.path()).unwrap_err().to_string().contains("no absent"));
        std::os::unix::fs::symlink("/etc", dir.path().join("etc")).unwrap();
        for bad in ["reads = [\"etc/passwd\"]", "writes = [\"etc/x\"]"] {
            assert!(parse(bad).unwrap().places(dir.path()).unwrap_err().to_string().contains("symlink"), "{bad}");
        }
    }
}

//! A lab of many tickets, each with a script that leaves a trace outside the repository, and what is to be seen there.

use duct::{Expression, Handle};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use studio_core::name::RelPath;
use studio_core::store::{OsDisk, read_log};
use studio_host::git::GitRepo;
use tempfile::TempDir;

/// The script of every ticket. Its effect is one line, appended in one write; a second line says that it came to its end.
pub const SCRIPT: &str = "# studio:danger v1\n# verb: storm\n# class: opaque\n# targets: none\n# params: --list\n# undo: none\n# expect: a trace\nset -Eeuo pipefail\nnap() { printf -v time '0.%03d' $((RANDOM % 12)); sleep \"$time\"; }\n\
    nap; echo \"effect $STUDIO_RUN\" >> TRACE; nap; echo \"end $STUDIO_RUN\" >> TRACE\n";
const PATH: &str = "infrastructure/storm/danger-effect.sh";
/// Git as the lab calls it: nothing of this machine.
const GIT: &str = "export GIT_CONFIG_NOSYSTEM=1; git add -A && git -c user.name=Lab -c user.email=lab@localhost -c commit.gpgsign=false \
    -c core.hooksPath=/dev/null commit -q -m more";

/// A trusted repository, an operator with a key, and a store of claims, all in one folder.
pub(super) struct Lab {
    dir: TempDir,
    program: PathBuf,
}

/// A command of the studio that was started.
pub(super) struct Life {
    handle: Handle,
    said: PathBuf,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Rest {
    /// Its exit code; none if it was killed.
    pub(super) exit: Option<i32>,
    /// The last thing it said.
    pub(super) last: Value,
}

impl Lab {
    /// Makes one with so many tickets.
    pub(super) fn make(program: &Path, tickets: usize) -> io::Result<Lab> {
        let lab = Lab { dir: tempfile::tempdir()?, program: program.into() };
        fs::create_dir(lab.repo())?;
        let queue: String = (0..tickets)
            .map(|no| format!("- id: {0}\n  stage: 1\n  persona: executor\n  summary: Please {0}\n  target: {PATH}\n  status: pending\n", ticket(no)))
            .collect();
        let script = SCRIPT.replace("TRACE", &lab.trace().display().to_string());
        let files = [("ai/backlog.yaml", queue.as_str()), (PATH, script.as_str())];
        let files = files.map(|(path, text)| RelPath::try_from(path).map(|path| (path, text)).map_err(io::Error::other));
        let files = files.into_iter().collect::<io::Result<Vec<_>>>()?;
        GitRepo::sample(&lab.repo(), &files, "The lab\n").map_err(io::Error::other)?;
        for words in [&["init", "--name", "ops"][..], &[], &["trust", "--yes"], &["script", "register", PATH, "--yes"]] {
            let done = if words.is_empty() {
                lab.within(&start("sh", &["-c", GIT])).stdout_null().run()?.status.success()
            } else {
                lab.say(words)?.exit == Some(0)
            };
            if !done {
                return Err(io::Error::other(format!("the lab cannot be made: {words:?} failed")));
            }
        }
        Ok(lab)
    }

    /// Starts a command of the studio; what it says goes into a file, so that nobody waits for whoever inherits a pipe.
    pub(super) fn begin(&self, name: &str, words: &[&str]) -> io::Result<Life> {
        let said = self.dir.path().join(format!("{name}.said"));
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let command = self.within(&start(&self.program.display().to_string(), &words));
        let errors = File::options().create(true).append(true).open(self.dir.path().join(format!("{name}.errors")))?;
        let handle = command.stdout_file(File::create(&said)?).stderr_file(errors).start()?;
        Ok(Life { handle, said })
    }

    /// Runs one to its end.
    pub(super) fn say(&self, words: &[&str]) -> io::Result<Rest> {
        self.begin("lab", words)?.rest()
    }

    /// Returns the run of a ticket, except for those.
    pub(super) fn run_of(&self, ticket: &str, left: &[String]) -> io::Result<Option<String>> {
        let mut runs = self.runs()?;
        runs.retain(|name| name.contains(&format!("-{ticket}-")) && !left.contains(name));
        Ok(runs.pop())
    }

    /// Returns the journal of a run.
    pub(super) fn journal(&self, run: &str) -> io::Result<String> {
        fs::read_to_string(self.repo().join("ai/state/runs").join(run).join("journal.jsonl"))
    }

    /// Returns the events of a run whose journal is whole and tells a run that can be.
    pub(super) fn events(&self, run: &str) -> io::Result<Vec<Value>> {
        let log = read_log(&OsDisk, &self.repo().join("ai/state/runs").join(run)).map_err(io::Error::other)?;
        log.fold().map_err(io::Error::other)?;
        self.journal(run)?.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
    }

    /// Says whether the step of a run was claimed.
    pub(super) fn is_claimed(&self, run: &str) -> bool {
        self.claims().is_some_and(|claims| claims.join(format!("{run}.01.1")).exists())
    }

    /// Returns what the store of claims says of an op: of its claim, or of its end.
    pub(super) fn record(&self, op: &str, behind: &str) -> Option<Value> {
        let text = fs::read_to_string(self.claims()?.join(format!("{op}{behind}"))).ok()?;
        serde_json::from_str::<Value>(&text).ok().map(|mut record| record["body"].take())
    }

    /// Returns how often each line stands in the trace.
    pub(super) fn traces(&self) -> io::Result<BTreeMap<String, usize>> {
        let (mut text, mut lines) = (String::new(), BTreeMap::new());
        if self.trace().exists() {
            File::open(self.trace())?.read_to_string(&mut text)?;
        }
        text.lines().for_each(|line| *lines.entry(line.to_string()).or_default() += 1);
        Ok(lines)
    }

    /// Returns how many tickets are ticked.
    pub(super) fn ticked(&self) -> io::Result<usize> {
        Ok(fs::read_to_string(self.repo().join("ai/backlog.yaml"))?.matches("status: success").count())
    }

    /// Returns every run there is, by name. A folder without a journal is none: its runtime was killed before.
    pub(super) fn runs(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.repo().join("ai/state/runs")) {
            // Whoever was to make the first run was killed before.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?.collect::<io::Result<Vec<_>>>()?,
        };
        let begun = entries.into_iter().filter(|entry| entry.path().join("journal.jsonl").exists());
        let mut names: Vec<String> = begun.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// Returns where the repository is, which its Executor's command line names.
    pub(super) fn repo(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    /// Leaves it for whoever looks into what went wrong.
    pub(super) fn keep(&mut self) -> &Path {
        self.dir.disable_cleanup(true);
        self.dir.path()
    }

    fn trace(&self) -> PathBuf {
        self.dir.path().join("trace")
    }

    fn claims(&self) -> Option<PathBuf> {
        let stores = fs::read_dir(self.dir.path().join("state/studio/claims")).ok()?;
        stores.flatten().next().map(|store| store.path().join("claims"))
    }

    fn within(&self, command: &Expression) -> Expression {
        let place = |name: &str| self.dir.path().join(name).into_os_string();
        let vars =
            [("HOME", place("home")), ("XDG_CONFIG_HOME", place("config")), ("XDG_STATE_HOME", place("state")), ("PATH", "/usr/bin:/bin".into())];
        command.full_env(vars).dir(self.repo()).stdin_null().unchecked()
    }
}

impl Life {
    /// Its process.
    pub(super) fn pid(&self) -> i32 {
        self.handle.pids().first().and_then(|pid| i32::try_from(*pid).ok()).unwrap_or(-1)
    }

    /// Lets that much time pass, or less if it ends; says whether it did.
    pub(super) fn pass(&self, time: std::time::Duration) -> io::Result<bool> {
        Ok(self.handle.wait_timeout(time)?.is_some())
    }

    /// Waits for its end.
    pub(super) fn rest(self) -> io::Result<Rest> {
        let exit = self.handle.wait()?.status.code();
        let said = fs::read_to_string(&self.said)?;
        let last = said.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        Ok(Rest { exit, last })
    }
}

impl Rest {
    /// Returns what it said about why.
    pub(super) fn why(&self) -> &str {
        self.last["why"].as_str().unwrap_or_default()
    }
}

/// Returns the name of a ticket.
pub(super) fn ticket(no: usize) -> String {
    format!("t{no:04}")
}

#[expect(clippy::disallowed_methods, reason = "the studio is run as its users run it")]
fn start(program: &str, words: &[&str]) -> Expression {
    duct::cmd(program, words)
}

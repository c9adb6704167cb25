//! The usual ways to run commands that must not be repeated, each as plainly and kindly as it can be written.
//!
//! A worker runs numbered commands one after the other and keeps a list on disk; killed, it is started again and
//! goes on by its list. A unit is a command run by a process that is not the worker's and has a name: a second one
//! of that name is refused while it runs, and forgotten once it ended. That is what a transient unit of systemd
//! gives; the process is a stand-in for it, since nothing here needs to be root or to run systemd.

use anyhow::{Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use studio_tests::storm::prey::{Process, below, children};
use studio_tests::storm::{Dice, Victim};

/// The argument that makes this program a worker: a way, a folder, how many commands.
pub(crate) const WORKER: &str = "--worker";
/// The argument that makes it a unit: a folder, a number.
pub(crate) const UNIT: &str = "--unit";

/// Exit code of a unit that was refused, since one of its name runs.
const REFUSED: i32 = 99;
/// The time that a worker gets between two kills, at most: about that of two commands.
const SPAN: Duration = Duration::from_millis(60);
/// Longer than any command takes.
const LONG: Duration = Duration::from_secs(60);

/// A way to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Run it, then note that it ended; after a restart run whatever is not noted.
    After,
    /// Note that it begins, then run it; after a restart leave whatever is noted.
    Before,
    /// Have a named unit run it, then note that it ended.
    Unit,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Came {
    pub(crate) kills: usize,
    pub(crate) commands: usize,
    pub(crate) twice: usize,
    pub(crate) lost: usize,
    pub(crate) invented: usize,
    pub(crate) asked: usize,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Way; 3] = [Way::After, Way::Before, Way::Unit];

    /// Says it in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Way::After => "save after the step",
            Way::Before => "save before the step",
            Way::Unit => "named unit (stand-in)",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Way::After => "after",
            Way::Before => "before",
            Way::Unit => "unit",
        }
    }

    /// Lets a worker run commands in a new folder, killing somebody again and again, and counts.
    pub(crate) fn rage(self, dir: &Path, victim: Victim, commands: usize, kills: usize, dice: &mut Dice) -> Result<Came> {
        fs::create_dir(dir)?;
        let (place, count, mut killed) = (dir.display().to_string(), commands.to_string(), 0);
        loop {
            let mut worker = start(&std::env::current_exe()?, &[WORKER, self.word(), &place, &count])?;
            let pid = i32::try_from(worker.id())?;
            while killed < kills && !over(pid, dice.time(SPAN))? {
                killed += usize::from(strike(self, pid, victim));
            }
            if worker.wait()?.success() {
                break;
            }
        }
        // Whatever was left behind comes to its end.
        for entry in fs::read_dir("/proc")?.flatten() {
            let left = fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|words| words.contains(&place));
            if let Some(Ok(pid)) = entry.file_name().to_str().map(str::parse).filter(|_| left) {
                over(pid, LONG)?;
            }
        }
        self.count(dir, commands, killed)
    }

    fn count(self, dir: &Path, commands: usize, kills: usize) -> Result<Came> {
        let mut came = Came { kills, commands, ..Came::default() };
        let (trace, list) = (lines(&dir.join("trace"))?, lines(&dir.join("list"))?);
        for no in 0..commands {
            let of = |lines: &BTreeMap<String, usize>, word: &str| lines.get(&format!("{word} {no}")).copied().unwrap_or_default();
            // Whoever is told that it failed is told no lie.
            let failed = of(&list, "failed") > 0;
            came.twice += usize::from(of(&trace, "effect") > 1);
            came.lost += usize::from(of(&trace, "effect") == 0 && !failed);
            came.invented += usize::from(of(&list, "ended") == 0 && !failed || of(&list, "ended") > 0 && of(&trace, "end") == 0);
        }
        Ok(came)
    }
}

/// Works through the commands, whatever was done before.
pub(crate) fn worker(args: &[String]) -> Result<()> {
    let [way, dir, count] = args else { bail!("a worker takes three arguments") };
    let (dir, count, list) = (Path::new(dir), count.parse::<usize>()?, Path::new(dir).join("list"));
    let way = Way::ALL.into_iter().find(|known| known.word() == way).ok_or_else(|| anyhow::anyhow!("no way is called {way:?}"))?;
    let known: BTreeSet<String> = lines(&list)?.into_keys().collect();
    let mut list = File::options().create(true).append(true).open(list)?;
    let mut note = |word: &str, no: usize| -> Result<()> {
        list.write_all(format!("{word} {no}\n").as_bytes())?;
        Ok(list.sync_data()?)
    };
    for no in 0..count {
        let noted = ["begun", "ended", "failed", "gone"].iter().any(|word| known.contains(&format!("{word} {no}")));
        if noted {
            continue;
        }
        let exit = match way {
            Way::After => command(dir, no)?,
            Way::Before => {
                note("begun", no)?;
                command(dir, no)?
            }
            Way::Unit => {
                let (exe, place) = (std::env::current_exe()?, dir.display().to_string());
                start(&exe, &[UNIT, &place, &no.to_string()])?.wait()?.code()
            }
        };
        if exit == Some(REFUSED) {
            // It runs, begun in an earlier life. When it is over nobody can ask how it ended.
            File::options().create(true).append(true).open(dir.join(format!("unit-{no}")))?.lock()?;
            note("gone", no)?;
        } else {
            note(if exit == Some(0) { "ended" } else { "failed" }, no)?;
        }
    }
    Ok(())
}

/// Runs one command under a name that nobody else has while it runs.
pub(crate) fn unit(args: &[String]) -> Result<i32> {
    let [dir, no] = args else { bail!("a unit takes two arguments") };
    let (dir, no) = (Path::new(dir), no.parse()?);
    let lock = File::options().create(true).append(true).open(dir.join(format!("unit-{no}")))?;
    match lock.try_lock() {
        Ok(()) => Ok(command(dir, no)?.unwrap_or(1)),
        Err(TryLockError::WouldBlock) => Ok(REFUSED),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The command, which is the one of the storm.
fn command(dir: &Path, no: usize) -> Result<Option<i32>> {
    let script = studio_tests::storm::SCRIPT.replace("TRACE", &dir.join("trace").display().to_string()).replace("$STUDIO_RUN", &no.to_string());
    Ok(start(Path::new("/bin/bash"), &["--noprofile", "--norc", "-c", &script])?.wait()?.code())
}

/// Kills the worker, what it runs, or both; says whether anybody was hit. The stand-in lives on, as systemd would.
fn strike(way: Way, worker: i32, victim: Victim) -> bool {
    let child = children(worker).first().copied();
    let command = match way {
        Way::Unit => child.into_iter().flat_map(below).collect(),
        Way::After | Way::Before => child.into_iter().chain(child.into_iter().flat_map(below)).collect::<Vec<_>>(),
    };
    let (runtime, step) = match victim {
        Victim::Runtime => (true, false),
        Victim::Step => (false, true),
        Victim::Everything => (true, true),
        Victim::Executor | Victim::Shim | Victim::Second => (false, false),
    };
    let prey: Vec<Process> =
        [worker].into_iter().filter(|_| runtime).chain(command.into_iter().filter(|_| step)).filter_map(|pid| Process::held(pid, None)).collect();
    prey.iter().filter(|prey| prey.kill()).count() > 0
}

/// Lets that much time pass, or less if a process ends; says whether it did.
fn over(pid: i32, time: Duration) -> Result<bool> {
    Process::held(pid, None).map_or(Ok(true), |process| Ok(process.pass(time)?))
}

#[expect(clippy::disallowed_types, reason = "what is compared is what becomes of processes")]
fn start(program: &Path, args: &[&str]) -> Result<std::process::Child> {
    Ok(std::process::Command::new(program).args(args).stdin(std::process::Stdio::null()).spawn()?)
}

fn lines(path: &Path) -> Result<BTreeMap<String, usize>> {
    let mut lines = BTreeMap::new();
    let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
    ensure!(text.is_empty() || text.ends_with('\n'), "{path:?} was cut");
    text.lines().for_each(|line| *lines.entry(line.to_string()).or_default() += 1);
    Ok(lines)
}

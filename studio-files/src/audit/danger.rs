//! What an agent could wreck: scripts that destroy, commands that destroy, and who could run them.

use super::callers::{self, Runner};
use super::{Finding, Kept, Section, Severity, reach, verbs};
use studio_core::limits::{CALLERS_MAX, DANGERS_MAX, LIST_MAX, SCRIPT_BYTES_MAX};
use studio_core::name::RelPath;
use studio_core::text::one_line;

/// Parts of a file name that say what a script does.
const NAMES: &str = "danger wipe reset destroy format purge";

/// A script that could destroy.
struct Danger<'k> {
    script: &'k Kept,
    named: bool,
    shown: Option<(u32, String)>,
    hinted: Option<String>,
    callers: Vec<(String, bool)>,
    more: usize,
}

/// Adds what destroys to `found`. `danger` is the gate's opinion of a script; since a gate is rather
/// too careful, it alone never makes more than a low finding.
pub(super) fn scan(scripts: &[Kept], runners: &[Kept], danger: &dyn Fn(&RelPath, &str) -> Option<String>, found: &mut Vec<Finding>) {
    let mut dangers: Vec<Danger<'_>> = scripts.iter().filter_map(|script| judged(script, danger)).collect();
    dangers.sort_by_key(|danger| (!danger.named, danger.shown.is_none(), &danger.script.path));
    dangers.truncate(DANGERS_MAX);
    for runner in runners.iter().chain(scripts) {
        let kind = callers::runner(&runner.path, &runner.text);
        let script = scripts.iter().any(|script| std::ptr::eq(script, runner));
        for (line, command) in callers::commands(&runner.text, kind) {
            call(&mut dangers, runner, kind, script, line, &command);
        }
        if let Some(kind) = kind.filter(|kind| *kind != Runner::Queue && !script) {
            destroys(runner, kind, found);
        }
    }
    let sure: Vec<&Kept> = dangers.iter().filter(|danger| danger.named || danger.shown.is_some()).map(|danger| danger.script).collect();
    reach::scan(&sure, scripts, runners, found);
    found.extend(dangers.iter().map(Danger::finding));
}

fn judged<'k>(script: &'k Kept, danger: &dyn Fn(&RelPath, &str) -> Option<String>) -> Option<Danger<'k>> {
    let name = script.path.file_name().to_lowercase();
    let named = NAMES.split_whitespace().any(|word| name.contains(word));
    let shown = callers::commands(&script.text, None).into_iter().find_map(|(line, command)| Some((line, verbs::destroyer(&command)?)));
    let hinted = Some(&script.text).filter(|text| text.len() <= SCRIPT_BYTES_MAX).and_then(|text| danger(&script.path, text));
    (named || shown.is_some() || hinted.is_some()).then(|| Danger { script, named, shown, hinted, callers: Vec::new(), more: 0 })
}

/// Notes the scripts that a command calls.
fn call(dangers: &mut [Danger<'_>], runner: &Kept, kind: Option<Runner>, script: bool, line: u32, command: &str) {
    for danger in dangers.iter_mut() {
        let name = danger.script.path.file_name();
        let own = danger.script.path == runner.path;
        if own || !command.contains(name) || !callers::words(command).any(|word| callers::calls(word, &danger.script.path)) {
            continue;
        }
        let what = kind.map_or("script", Runner::name);
        let by_itself = kind.is_some_and(Runner::by_itself);
        if kind.is_some() || script {
            match danger.callers.len() < CALLERS_MAX {
                true => danger.callers.push((format!("{what} {}:{line}", runner.path), by_itself)),
                false => danger.more += 1,
            }
        }
    }
}

/// Adds the commands of a recipe, a pipeline or a job that destroy by themselves.
fn destroys(runner: &Kept, kind: Runner, found: &mut Vec<Finding>) {
    let commands = callers::commands(&runner.text, Some(kind));
    let shown = commands.into_iter().filter_map(|(line, command)| Some((line, verbs::destroyer(&command)?)));
    for (line, what) in shown.take(LIST_MAX) {
        let (severity, how) = match kind.by_itself() {
            true => (Severity::High, "runs it by itself"),
            false => (Severity::Medium, "hides it behind a name that says nothing of it to a guard"),
        };
        let what = format!("{what}: a {} {how}", kind.name());
        let mend = "move it to a script whose name says so (danger-..., wipe, reset, destroy, format, purge) and that a human runs";
        found.push(Finding::new(Section::Wreck, severity, runner.path.as_str(), line, "command-destroys", &what, mend));
    }
}

impl Danger<'_> {
    fn finding(&self) -> Finding {
        let sure = self.named || self.shown.is_some();
        let severity = match (sure, self.callers.is_empty(), self.callers.iter().any(|(_, by_itself)| *by_itself)) {
            (true, _, true) => Severity::High,
            (true, false, false) => Severity::Medium,
            (true, true, false) if !self.named => Severity::Medium,
            (true, true, false) | (false, false, _) => Severity::Low,
            (false, true, _) => Severity::Note,
        };
        let (line, does) = match (&self.shown, &self.hinted) {
            (Some((line, command)), _) => (*line, format!("a script that destroys ({command})")),
            (None, Some(why)) if !self.named => (1, format!("a script that may destroy: {}", one_line(why, 200))),
            (None, _) => (1, "a script whose name says that it destroys".to_string()),
        };
        let named = if sure && !self.named { "; its name does not say so" } else { "" };
        let callers = self.callers.iter().map(|(caller, _)| caller.as_str()).collect::<Vec<_>>().join(", ");
        let callers = match (self.callers.is_empty(), self.more) {
            (true, _) => "; nothing in the repository runs it".to_string(),
            (false, 0) => format!("; run by {callers}"),
            (false, more) => format!("; run by {callers} and {more} more"),
        };
        let mend = match severity {
            Severity::High => "take it out of what runs by itself; let a human run it, or approve it step by step",
            Severity::Medium if named.is_empty() => "call it from nowhere, or make each caller as hard to start as the script itself",
            Severity::Medium => "give it a name that says so: danger-, wipe, reset, destroy, format or purge",
            Severity::Low | Severity::Note => "keep it out of recipes and pipelines; register it before a crew may run it",
        };
        let what = format!("{does}{named}{callers}");
        Finding::new(Section::Wreck, severity, self.script.path.as_str(), line, "dangerous-script", &what, mend)
    }
}

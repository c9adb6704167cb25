//! Who reaches a script that destroys by a name that says nothing of it: recipes and entries of the queue, themselves
//! or over scripts that look harmless.

use super::callers::{self, Runner};
use super::{Finding, Kept, Section, Severity};
use studio_core::limits::{CLOSURE_DEPTH_MAX, LIST_MAX};

/// A script that leads to one that destroys.
struct Way<'k> {
    by: &'k Kept,
    to: &'k Kept,
}

/// Adds the lines of recipes and queues that reach one of `dangers`.
pub(super) fn scan(dangers: &[&Kept], scripts: &[Kept], runners: &[Kept], found: &mut Vec<Finding>) {
    let mut ways: Vec<Way<'_>> = dangers.iter().map(|danger| Way { by: danger, to: danger }).collect();
    for _ in 0..CLOSURE_DEPTH_MAX {
        let known = |script: &Kept| ways.iter().any(|way| std::ptr::eq(way.by, script));
        let new = scripts.iter().filter(|script| !known(script)).filter_map(|script| {
            let (_, way) = calls(script, None, &ways).next()?;
            Some(Way { by: script, to: way.to })
        });
        let new: Vec<Way<'_>> = new.collect();
        if new.is_empty() {
            break;
        }
        ways.extend(new);
    }
    for runner in runners {
        let (severity, rule, what) = match callers::runner(&runner.path, &runner.text) {
            Some(Runner::Recipe) => (Severity::Medium, "recipe-reaches-danger", "a recipe reaches"),
            Some(Runner::Queue) => (Severity::High, "queue-names-danger", "the queue names"),
            Some(Runner::Pipeline | Runner::Hook | Runner::Unit | Runner::Job) | None => continue,
        };
        for (line, way) in calls(runner, callers::runner(&runner.path, &runner.text), &ways).take(LIST_MAX) {
            let over = if std::ptr::eq(way.by, way.to) { String::new() } else { format!(" over {}", way.by.path) };
            let what = format!("{what} {}, a script that destroys{over}", way.to.path);
            let mend = "live runs it only registered, by its own path and approved each time; take it out of what says nothing of that";
            found.push(Finding::new(Section::Wreck, severity, runner.path.as_str(), line, rule, &what, mend));
        }
    }
}

/// Returns the lines of a file that call one of `ways`.
fn calls<'w, 'k>(file: &'w Kept, kind: Option<Runner>, ways: &'w [Way<'k>]) -> impl Iterator<Item = (u32, &'w Way<'k>)> {
    let commands = callers::commands(&file.text, kind).into_iter();
    commands.filter_map(move |(line, command)| {
        let called =
            |way: &&Way<'_>| command.contains(way.by.path.file_name()) && callers::words(&command).any(|word| callers::calls(word, &way.by.path));
        Some((line, ways.iter().filter(|way| way.by.path != file.path).find(called)?))
    })
}

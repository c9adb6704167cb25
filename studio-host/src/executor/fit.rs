//! What a step would be handed, found out before a human is asked whether it may run.

use super::cluster::{Clues, cluster};
use super::content::content;
use super::folder::FolderError;
use super::side::{Declared, Kill, Read, Side};
use super::values::{self, values};
use super::verify::{Refusal, side};
use std::path::Path;
use studio_core::limits::EDITS_MAX;
use studio_core::name::{RelPath, Target};
use studio_core::plan::Edit;
use studio_core::step::Step;
use studio_core::tree::{Tree, after};

/// Says what the Executor would hand a step after `edits` of `tree`, a few lines for a human, without any value.
/// Looks at the checkout as the Executor would; runs, makes and keeps nothing.
///
/// # Errors
/// Why the Executor would refuse it as things stand.
pub fn fit(site_root: &Path, tree: &dyn Tree, edits: &[Edit], step: &Step, cluster: Option<&Target>) -> Result<String, String> {
    words(site_root, tree, edits, step, cluster).map_err(|refusal| refusal.to_string())
}

fn words(root: &Path, tree: &dyn Tree, edits: &[Edit], step: &Step, ticket: Option<&Target>) -> Result<String, Refusal> {
    let read = |path: &RelPath| after(tree, edits, path);
    let path = step.argv.script();
    let bytes = path.as_ref().map(read).transpose()?.flatten();
    let side = match path.filter(|_| bytes.is_some()) {
        Some(path) => side(&path, &step.target, read)?,
        None => Side::default(),
    };
    let clues = Clues { step, script: bytes.as_deref(), side: side.cluster.as_ref(), ticket, signed: true };
    let cluster = cluster(root, clues)?;
    let _checked = values(root, &side.env)?;
    for place in side.look(root)?.iter().chain(cluster.as_ref().map(|cluster| &cluster.folder)) {
        // One more than edits can take away.
        let there = tree.list_below(place, EDITS_MAX + 1)?;
        let kept = there.iter().map(read).find(|file| !matches!(file, Ok(None))).transpose()?.is_some();
        let written = edits.iter().any(|edit| matches!(edit, Edit::Write { path, .. } | Edit::Rename { to: path, .. } if path.starts_with(place)));
        if kept || written {
            return Err(Refusal::Committed(place.clone()));
        }
    }
    let list = |words: Vec<String>| if words.is_empty() { "nothing".to_string() } else { words.join(", ") };
    let handed = match &cluster {
        Some(cluster) => format!("{} (as {})", cluster.folder, list(cluster.env.iter().map(|(name, _)| (*name).to_string()).collect())),
        None => "none".into(),
    };
    let read = |Read(place): &Read| Ok(format!("{place} ({})", content(root, place)?));
    let reads = side.reads.iter().map(read).collect::<Result<Vec<String>, FolderError>>()?;
    let unsigned = if reads.is_empty() { "" } else { "; signed by name only: what stands there may be another when it runs" };
    let then = match side.kill {
        Some(Kill::Safe) => "then it is killed, which is safe as its side file says",
        None => "then it is left running, unless the rules say that it only looks or writes in its own folder",
    };
    let left = |file: &Declared| format!("{}{}", file.path, if file.secret { " (secret)" } else { "" });
    Ok(format!(
        "values of {}: {}\nreads: {}{unsigned}\nwrites: {}\nleaves: {}\ncluster: {handed}\ntargets: {}\ntime limit: {} seconds, {then}",
        values::FOLDER,
        list(side.env.iter().map(ToString::to_string).collect()),
        list(reads),
        list(side.writes.iter().map(|write| write.0.to_string()).collect()),
        list(side.artifact.iter().map(left).collect()),
        side.targets.as_ref().map_or_else(|| "any".into(), |targets| list(targets.iter().map(ToString::to_string).collect())),
        step.timeout_seconds.get(),
    ))
}

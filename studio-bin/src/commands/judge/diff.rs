//! `studio judge diff`: what the rules say about a patch, over the files of the base.

use crate::exit::{Exit, Failure};
use crate::rules;
use crate::site::Site;
use serde_json::json;
use std::cmp::Reverse;
use std::io::Read;
use studio_core::gate::EditVerdict;
use studio_core::limits::{CHANGE_FILES_ASKED, CHANGE_LINES_ASKED, FINDINGS_MAX, PATCH_BYTES_MAX};
use studio_core::name::RelPath;
use studio_core::ticket::Stage;
use studio_core::tree::Tree;
use studio_gate::{FilePatch, Finding, patch};

pub(crate) fn diff(site: &Site, stage: Stage) -> Result<Exit, Failure> {
    let bad = |why: String| Failure::new(Exit::BadInput, format!("standard input: {why}"));
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(PATCH_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
    if bytes.len() as u64 > PATCH_BYTES_MAX {
        return Err(bad(format!("the patch has more than {PATCH_BYTES_MAX} bytes")));
    }
    let files = patch(&String::from_utf8_lossy(&bytes)).map_err(|error| bad(error.to_string()))?;
    let base = site.at_base()?;
    let rules = rules::of(site, &base)?;
    let mut found: Vec<Finding> = size(&files).into_iter().collect();
    for file in &files {
        let before = match file.old.as_deref().map(RelPath::try_from) {
            Some(Ok(path)) => base.read(&path).map_err(|error| Failure::new(Exit::Error, error))?,
            Some(Err(_)) | None => None,
        };
        let of = rules.gate.judge_patch(file, before.as_deref(), stage);
        found.extend(of.map_err(|why| bad(format!("it is no patch of {}: {why}", base.name())))?);
    }
    let verdict = found.iter().map(|finding| finding.verdict).max().unwrap_or(EditVerdict::Pass);
    found.sort_by_key(|finding| (Reverse(finding.verdict), finding.file.clone(), finding.line));
    found.truncate(FINDINGS_MAX);
    println!("{}", json!({ "v": 1, "type": "diff", "verdict": verdict, "findings": found }));
    Ok(Exit::Done)
}

/// More than anybody reads asks, and is no reason to refuse.
fn size(files: &[FilePatch]) -> Option<Finding> {
    let lines: usize = files.iter().map(FilePatch::lines).sum();
    let large = files.len() > CHANGE_FILES_ASKED || lines > CHANGE_LINES_ASKED;
    large.then(|| Finding {
        file: String::new(),
        line: 1,
        verdict: EditVerdict::Ask,
        rule: "size",
        why: format!("it changes {lines} lines in {} files, more than anybody reads", files.len()),
        mend: Some("split it into changes that can be read".into()),
    })
}

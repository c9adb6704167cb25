//! `studio audit`: what could go wrong in a repository, read from its files alone.
//!
//! Nothing is run, written or sent. What a finding says is made of our own words and of paths; a
//! value that might be a secret is in no finding, and no text of the repository is printed raw.

mod callers;
mod cluster;
mod credentials;
mod danger;
mod gitignore;
mod reach;
mod report;
mod scripts;
mod secrets;
mod settings;
mod shell;
mod sops;
mod verbs;

use crate::disk::DiskError;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use studio_core::limits::{AUDIT_BYTES_MAX, FILES_MAX, FINDINGS_MAX};
use studio_core::name::RelPath;
use studio_core::text::one_line;
use studio_core::tree::{Tree, TreeError};

/// What the caller knows and this crate does not.
pub struct Rules<'r> {
    /// Says why a script is dangerous, if the gate's words show it.
    pub danger: &'r dyn Fn(&RelPath, &str) -> Option<String>,
    /// Broken entries of the queue: `file:line`, and what is wrong.
    pub queue: Vec<(String, String)>,
    /// Stage flags that disagree, each in one sentence.
    pub flags: Vec<String>,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Files at the base that were looked at.
    pub files: usize,
    /// Bytes of them that were read.
    pub bytes: u64,
    /// Findings beyond [`FINDINGS_MAX`].
    pub left_out: usize,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// The scripts of the base, by path.
    pub scripts: Vec<RelPath>,
}

/// How much a finding matters. The order is that of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Mend it before anything runs here.
    High,
    /// Mend it soon.
    Medium,
    /// Know it.
    Low,
    /// A remark.
    Note,
}

/// What a finding is about. The order is that of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// What an agent could wreck here.
    Wreck,
    /// Scripts that cannot fail.
    CannotFail,
    /// Secrets in the base.
    Secrets,
    /// Credentials that lie in the checkout.
    Credentials,
    /// Flags, queue and policy files.
    Settings,
    /// What the cluster follows.
    Gitops,
}

/// One thing to know or to mend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub section: Section,
    /// The file, below the root, on one line.
    pub path: String,
    /// The line, from 1; 1 too where the whole file is meant.
    pub line: u32,
    /// The rule that found it.
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub mend: String,
}

/// A file of the base that later rules need.
struct Kept {
    path: RelPath,
    text: String,
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    found: Vec<Finding>,
    scripts: Vec<Kept>,
    runners: Vec<Kept>,
    ignores: Vec<Kept>,
    unguarded_prunes: Vec<String>,
    unread: Vec<RelPath>,
    bytes: u64,
}

/// Looks for what could go wrong in the repository whose checkout is `root` and whose files at the
/// base are `tree`. Of the checkout only names and permissions are looked at.
///
/// # Errors
/// The repository or the checkout cannot be read.
pub fn audit(root: &Path, tree: &dyn Tree, rules: &Rules<'_>) -> Result<Audit, AuditError> {
    let mut files = tree.list(FILES_MAX + 1)?;
    let cut = files.len() > FILES_MAX;
    files.truncate(FILES_MAX);
    let mut reading = Reading::default();
    let sops = sops::Rules::read(tree, &mut reading.found)?;
    for path in &files {
        reading.file(tree, path, &sops)?;
    }
    danger::scan(&reading.scripts, &reading.runners, rules.danger, &mut reading.found);
    credentials::scan(root, &reading.ignores, &mut reading.found)?;
    settings::scan(tree, rules, &mut reading.found)?;
    cluster::note(&reading.unguarded_prunes, &mut reading.found);
    reading.limits(&files, cut);
    let Reading { found: mut findings, bytes, scripts, .. } = reading;
    findings.sort();
    findings.dedup();
    let mut seen = BTreeSet::new(); // two rules often know the same secret: the surer one stays
    findings.retain(|finding| finding.section != Section::Secrets || seen.insert((finding.path.clone(), finding.line)));
    let left_out = findings.len().saturating_sub(FINDINGS_MAX);
    findings.truncate(FINDINGS_MAX);
    let scripts = scripts.into_iter().map(|script| script.path).collect();
    Ok(Audit { files: files.len(), bytes, left_out, findings, scripts })
}

impl Finding {
    /// A finding on one line, whatever the words in it hold.
    fn new(section: Section, severity: Severity, path: &str, line: u32, rule: &'static str, what: &str, mend: &str) -> Finding {
        Finding { severity, section, path: one_line(path, 300), line: line.max(1), rule, what: one_line(what, 600), mend: one_line(mend, 300) }
    }
}

impl Reading {
    fn file(&mut self, tree: &dyn Tree, path: &RelPath, sops: &sops::Rules) -> Result<(), AuditError> {
        if secrets::sealed(path) {
            self.found.extend(secrets::tracked(path));
            return Ok(());
        }
        if secrets::passed_over(path) {
            return Ok(());
        }
        if self.bytes > AUDIT_BYTES_MAX {
            self.unread.push(path.clone());
            return Ok(());
        }
        let bytes = match tree.read(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(()),
            Err(TreeError::Large(..)) => {
                self.unread.push(path.clone());
                return Ok(());
            }
            Err(error @ TreeError::Read(..)) => return Err(error.into()),
        };
        self.bytes += bytes.len() as u64;
        if bytes.iter().take(8192).any(|byte| *byte == 0) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&bytes);
        secrets::scan(path, &text, &mut self.found);
        sops.check(path, &text, &mut self.found);
        cluster::scan(path, &text, &mut self.found, &mut self.unguarded_prunes);
        let kept = || Kept { path: path.clone(), text: text.to_string() };
        if shell::is_script(path.file_name(), &text) {
            self.found.extend(scripts::scan(path, &text));
            self.scripts.push(kept());
        } else if callers::runner(path, &text).is_some() {
            self.runners.push(kept());
        } else if path.file_name() == ".gitignore" {
            self.ignores.push(kept());
        }
        Ok(())
    }

    /// Says what was not looked at, so that silence is not taken for an all-clear.
    fn limits(&mut self, files: &[RelPath], cut: bool) {
        let mut note = |path: &str, what: String| {
            let mend = "look at the rest by hand";
            self.found.push(Finding::new(Section::Settings, Severity::Note, path, 1, "not-looked-at", &what, mend));
        };
        if let (true, Some(last)) = (cut, files.last()) {
            note(last.as_str(), format!("only the first {FILES_MAX} files of the base were looked at; this is the last of them"));
        }
        if let Some(first) = self.unread.first() {
            note(first.as_str(), format!("{} files are too large to be read here; this is the first of them", self.unread.len()));
        }
    }
}

/// The repository could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The files at the base.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The checkout.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

#[cfg(test)]
mod tests;

//! What a live ticket needs of others, alone: the Executor, a commit on a branch of its own, its files in a work tree.

use crate::estate::{self, Estate};
use crate::programs::{git, run};
use anyhow::{Result, ensure};
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};
use studio_core::chores::CommitOrder;
use studio_core::name::RunId;
use studio_core::plan::Edit;
use studio_core::text::Prose;
use studio_core::tree::Tree;
use studio_host::executor::Link;
use studio_host::git::{GitRepo, Workshop};

/// What each part took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts {
    /// The commit and its branch.
    pub(crate) commit: Duration,
    /// The files.
    pub(crate) checkout: Duration,
    /// Their removal.
    pub(crate) discard: Duration,
}

/// Starts an Executor and returns how long it takes to greet.
pub(crate) fn executor(estate: &Estate) -> Result<Duration> {
    let commit = git(&estate.root, &["rev-parse", "HEAD"])?;
    let words = ["executor", "--repo", estate.root.to_str().unwrap_or_default(), "--operator", estate.operator.to_str().unwrap_or_default()];
    let words: Vec<OsString> = words.into_iter().chain(["--base", &commit]).map(OsString::from).collect();
    actix::System::new().block_on(async {
        let begun = Instant::now();
        let link = Link::start(Path::new(env!("CARGO_BIN_EXE_studio")), &words)?;
        let took = begun.elapsed();
        link.close().await?;
        Ok(took)
    })
}

/// As the Executor does it, in process; synced.
pub(crate) fn ours(estate: &Estate, no: usize) -> Result<Parts> {
    let repo = GitRepo::discover(&estate.root)?;
    let (workshop, (path, text)) = (Workshop::open(&repo)?, estate::edit());
    let run = RunId::try_from(format!("20260115-100000-ours-{no:04x}"))?;
    let order = CommitOrder {
        run: run.clone(),
        ticket: estate::ticket(no).parse()?,
        stage: studio_core::ticket::Stage::Infra,
        branch: format!("engineer/ours-{no}-20260115").as_str().try_into()?,
        base: repo.base(None)?.commit().ok_or_else(|| anyhow::anyhow!("no commit"))?,
        replaces: None,
        edits: vec![Edit::Write { path: path.try_into()?, text: format!("{text}# {no}\n") }],
        summary: Prose::tamed("Asks for a third replica"),
        at: "2026-01-15T10:00:00Z".parse()?,
    };
    let begun = Instant::now();
    let commit = workshop.commit(&order)?;
    let committed = begun.elapsed();
    let checkout = workshop.checkout(&run, &commit)?;
    let filled = begun.elapsed();
    ensure!(checkout.root().join(path).is_file(), "the checkout has no {path}");
    workshop.discard(&run)?;
    Ok(Parts { commit: committed, checkout: filled - committed, discard: begun.elapsed() - filled })
}

/// With git's command line: the same plumbing, one process a word; `settings` are given to each.
pub(crate) fn theirs(estate: &Estate, no: usize, settings: &[&str]) -> Result<Parts> {
    let (path, text) = estate::edit();
    let (file, tree) = (estate.operator.join("edited.yaml"), estate.operator.join(format!("tree-{no}-{}", settings.len())));
    let index = estate.operator.join("index");
    std::fs::write(&file, format!("{text}# {no}\n"))?;
    let [file, tree, index] = [&file, &tree, &index].map(|path| path.display().to_string());
    let git = |args: &[&str]| -> Result<String> {
        let args: Vec<&str> = settings.iter().chain(args).copied().collect();
        Ok(run("git", &args, &estate.root, &[("GIT_INDEX_FILE", &index)])?.0.trim_end().to_string())
    };
    let begun = Instant::now();
    let blob = git(&["hash-object", "-w", "--no-filters", &file])?;
    git(&["read-tree", "HEAD"])?;
    git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")])?;
    let written = git(&["write-tree"])?;
    let commit = git(&["commit-tree", &written, "-p", "HEAD", "-m", "Asks for a third replica"])?;
    git(&["update-ref", &format!("refs/heads/engineer/theirs-{no}-{}", settings.len()), &commit, ""])?;
    let committed = begun.elapsed();
    self::git(&estate.root, &["worktree", "add", "--quiet", "--detach", &tree, &commit])?;
    let filled = begun.elapsed();
    self::git(&estate.root, &["worktree", "remove", "--force", &tree])?;
    Ok(Parts { commit: committed, checkout: filled - committed, discard: begun.elapsed() - filled })
}

//! `studio trust`: shows what the repository would choose for its operator, and accepts it with a signature.

use crate::exit::{Exit, Failure};
use crate::rules::{self, POLICY};
use crate::site::{Site, names};
use crate::trust::{self, Chosen, Trust};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use studio_core::tree::Tree;
use studio_files::scout::BRANCH;

pub(crate) fn trust(site: &Site, yes: bool, json: bool) -> Result<Exit, Failure> {
    let base = site.at_base()?;
    // What cannot be read, or would shut its own base out, is not worth a signature.
    if rules::policy(&base)?.is_some_and(|policy| names(&policy.branch, base.name())) {
        let why = format!("{POLICY}: its branch template gives names such as {}, the base: choose another, such as {BRANCH:?}", base.name());
        return Err(Failure::new(Exit::BadInput, why));
    }
    let tree: Arc<dyn Tree> = Arc::new(base);
    let chosen = trust::chosen(tree.as_ref())?;
    let now = trust::of(site, tree.as_ref())?;
    if let Trust::NoIdentity = now {
        return Err(Failure::new(
            Exit::Refused,
            "the repository has no commit, or is a shallow clone (`git fetch --unshallow`): nothing can be trusted yet",
        ));
    }
    if !json {
        show(&chosen, &now);
    }
    if let Trust::Given { by } = &now {
        tell(json, &chosen, by.as_str(), false);
        return Ok(Exit::Done);
    }
    let agreed = yes || (std::io::stdin().is_terminal() && asked()?);
    if !agreed {
        let why = "nothing is trusted: look at the files above, then say `studio trust --yes`";
        return Err(Failure::new(Exit::NeedsHuman, why));
    }
    let by = trust::accept(site, &chosen)?;
    tell(json, &chosen, by.as_str(), true);
    Ok(Exit::Done)
}

fn show(chosen: &Chosen, now: &Trust) {
    let (then, stages) = if let Trust::Changed { then, stages } = now { (then.as_slice(), stages.as_slice()) } else { Default::default() };
    println!("this repository would choose, at its base:");
    for (path, sha) in &chosen.files {
        let word = match then.iter().find(|(known, _)| known == path) {
            Some((_, known)) if known == sha => "same",
            Some(_) => "changed",
            None => "new",
        };
        println!("  {word:<8} {sha}  {path}");
    }
    for (path, sha) in then.iter().filter(|(path, _)| !chosen.files.iter().any(|(known, _)| known == path)) {
        println!("  {:<8} {sha}  {path}", "gone");
    }
    if chosen.files.is_empty() {
        println!("  nothing: no policy, settings, prompts or personas; the built-in ones count");
    }
    if !chosen.stages.is_empty() || !stages.is_empty() {
        println!("without a policy its shape says what each stage may write (`studio init` makes a policy of it):");
    }
    for (stage, path) in &chosen.stages {
        let word = if stages.contains(&(*stage, path.clone())) { "same" } else { "new" };
        println!("  {word:<8} stage {stage}  {path}");
    }
    for (stage, path) in stages.iter().filter(|folder| !chosen.stages.contains(folder)) {
        println!("  {:<8} stage {stage}  {path}", "gone");
    }
}

fn asked() -> Result<bool, Failure> {
    print!("trust it? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell(json: bool, chosen: &Chosen, by: &str, new: bool) {
    if json {
        println!(
            "{}",
            json!({ "v": 1, "type": "trust", "digest": chosen.digest, "files": chosen.files, "stages": chosen.stages, "by": by, "new": new })
        );
    } else {
        println!("{}     {} by {by}", if new { "trusted" } else { "is trusted" }, chosen.digest);
    }
}

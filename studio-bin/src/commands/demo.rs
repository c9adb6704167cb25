//! `studio demo`: the whole loop on a sample homelab in a folder of its own, with scripted answers.

use super::run::{block_on, show, stop_on_signals};
use crate::cli::CrewArg;
use crate::exit::{Exit, Failure};
use crate::operator::Operator;
use crate::rules;
use crate::sample::{HOMELAB, REHEARSALS};
use crate::site::Site;
use crate::wiring::Choice;
use crate::work::{self, Hands, Job};
use std::fs;
use std::path::{Path, PathBuf};
use studio_core::event::Approvals;
use studio_core::name::RelPath;
use studio_host::git::GitRepo;

/// The tickets of the demo, and what each shows.
const TICKETS: [(&str, Approvals, &str); 3] = [
    ("pin-web-image", Approvals::Assume, "goes through"),
    ("probe-dns", Approvals::Assume, "is objected to, sent back by the Reviewer, and then succeeds"),
    ("wipe-worker-3", Approvals::Ask, "wants a dangerous script, and waits for a human"),
];

pub(crate) fn demo(dir: Option<PathBuf>, json: bool) -> Result<Exit, Failure> {
    let dir = match dir {
        Some(dir) => {
            fs::create_dir_all(&dir)?;
            dir.canonicalize()?
        }
        None => tempfile::Builder::new().prefix("studio-demo-").tempdir()?.keep().canonicalize()?,
    };
    let (site, rehearsals) = lay_out(&dir)?;
    if !json {
        println!("A sample homelab stands in {}. Everything below is a rehearsal: no model is asked, nothing is touched.", site.root().display());
    }
    block_on(async {
        let stop = stop_on_signals();
        for (number, (id, approvals, what)) in TICKETS.into_iter().enumerate() {
            let tree = site.tree()?;
            let queue = site.queue(tree.as_ref())?;
            let ticket = queue.find(id).map_err(|error| Failure::new(Exit::Error, error))?.ticket.clone();
            let (rules, queue) = (rules::of(&site, tree.as_ref())?, work::others(&queue, &ticket.id));
            if !json {
                println!("\n{}. {id} {what}\n", number + 1);
            }
            let choice = Choice::Scripted(rehearsals.join(format!("{id}.toml")));
            let hands = Hands::Pretend { scenario: None, approvals };
            let job = Job { ticket, tree, rules, choice, queue, crew: CrewArg::Full, hands };
            let rested = work::begin(&site, job, json, stop.clone()).await?;
            show(&site, &rested, json);
            if stop.is_cancelled() {
                return Ok(Exit::Held);
            }
        }
        if !json {
            println!("\nThe folder is kept. The lines after `next` go on with the third ticket; to look around:");
            println!("  {}", work::command(&site, &["status"]));
        }
        Ok(Exit::Done)
    })
}

/// Makes the sample's repository and its operator's folder inside `dir`.
fn lay_out(dir: &Path) -> Result<(Site, PathBuf), Failure> {
    let (lab, rehearsals) = (dir.join("homelab"), dir.join("rehearsals"));
    if let Some(taken) = [&lab, &rehearsals, &dir.join("operator")].into_iter().find(|path| path.exists()) {
        return Err(Failure::new(Exit::Usage, format!("{} is there already: name another folder with --dir", taken.display())));
    }
    fs::create_dir_all(&rehearsals)?;
    fs::create_dir_all(&lab)?;
    for (path, text) in REHEARSALS {
        let name = path.rsplit('/').next().unwrap_or(path);
        fs::write(rehearsals.join(name), text)?;
    }
    let files: Result<Vec<(RelPath, &str)>, Failure> =
        HOMELAB.iter().map(|(path, text)| Ok((RelPath::try_from(*path).map_err(|error| Failure::new(Exit::Error, error))?, *text))).collect();
    let repo = GitRepo::sample(&lab, &files?, "A sample homelab\n").map_err(|error| Failure::new(Exit::Error, error))?;
    let operator = Operator::at(Some(&dir.join("operator")))?;
    operator.make_approver(&super::init::approver_name(None))?;
    Ok((Site::of(repo, operator, None), rehearsals))
}

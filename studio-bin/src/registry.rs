//! The operator's registrations of dangerous scripts: signed lines, which count as far as somebody listed today signed them.

use crate::exit::{Exit, Failure};
use crate::operator::Operator;
use crate::site::Site;
use serde::{Deserialize, Serialize};
use studio_core::clock::stamp;
use studio_core::limits::REGISTRATIONS_MAX;
use studio_core::name::{Approver, RelPath};
use studio_core::text::one_line;
use studio_gate::Registration;

/// The operator's file of one repository that holds them.
const FILE: &str = "scripts";

/// What the operator's file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    /// The registrations that count, one a path.
    pub(crate) known: Vec<Known>,
    /// The lines that are as if they were not there, and why.
    pub(crate) odd: Vec<String>,
}

/// A registration that counts.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// What is registered.
    pub(crate) registration: Registration,
    /// Who signed it.
    pub(crate) by: Approver,
    /// When.
    pub(crate) at: String,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u8,
    at: String,
    repo: String,
    registration: Registration,
    signature: String,
}

impl Line {
    /// The words that are signed.
    fn text(&self) -> String {
        format!("{}repo {}\nat {}\n", self.registration.text(), self.repo, self.at)
    }
}

impl Registry {
    /// Returns the registration of the script at `path`.
    pub(crate) fn of(&self, path: &RelPath) -> Option<&Known> {
        self.known.iter().find(|known| known.registration.path == *path)
    }

    /// Returns all that count.
    pub(crate) fn all(&self) -> Vec<Registration> {
        self.known.iter().map(|known| known.registration.clone()).collect()
    }
}

/// Reads what is registered for the repository of this id, and verifies each line; nothing where it has no id.
///
/// # Errors
/// The file cannot be read, or is too long.
pub(crate) fn read(operator: &Operator, repo: Option<&str>) -> Result<Registry, Failure> {
    let Some(repo) = repo else { return Ok(Registry::default()) };
    let lines = operator.repo_lines(repo, FILE)?;
    if lines.len() > REGISTRATIONS_MAX {
        let why = format!("{}: more than {REGISTRATIONS_MAX} scripts are registered; take some back", place(operator, repo));
        return Err(Failure::new(Exit::BadInput, why));
    }
    let mut found = Registry::default();
    if lines.is_empty() {
        return Ok(found);
    }
    let approvers = operator.approvers()?;
    for (at, line) in lines.iter().enumerate() {
        let believed = serde_json::from_str::<Line>(line).map_err(|error| format!("it is no registration ({error})")).and_then(|line| {
            let by = approvers.verify(&line.text(), &line.signature).map_err(|error| error.to_string())?;
            if line.v != 1 || line.repo != repo { Err("it is of another version or repository".into()) } else { Ok((line, by)) }
        });
        match believed {
            Ok((Line { at, registration, .. }, by)) => {
                found.known.retain(|known| known.registration.path != registration.path); // the last one counts
                found.known.push(Known { registration, by, at });
            }
            Err(why) => found.odd.push(format!(
                "{}:{} counts for nothing: {}; register the script again, or take the line out",
                place(operator, repo),
                at + 1,
                one_line(&why, 300)
            )),
        }
    }
    Ok(found)
}

/// Signs that a script may be run as it stands, once somebody approves the step; in the place of what was said of its
/// path before.
///
/// # Errors
/// There is no key, it is another's than `name`, or the disk.
pub(crate) fn add(site: &Site, repo: &str, registration: Registration, name: Option<&str>) -> Result<Approver, Failure> {
    let path = registration.path.clone();
    let mut line = Line { v: 1, at: stamp(site.clock.now()), repo: repo.into(), registration, signature: String::new() };
    let (by, signature) = site.operator.sign_text(&line.text())?;
    if let Some(name) = name.filter(|name| *name != by.as_str()) {
        return Err(Failure::new(Exit::Refused, format!("the key here signs as {by}, not as {name}: nothing was registered")));
    }
    line.signature = signature;
    let mut lines = others(&site.operator, repo, &path)?;
    if lines.len() >= REGISTRATIONS_MAX {
        return Err(Failure::new(Exit::Refused, format!("{REGISTRATIONS_MAX} scripts are registered already; take one back first")));
    }
    lines.push(serde_json::to_string(&line).map_err(|error| Failure::new(Exit::Error, error))?);
    site.operator.set_repo_lines(repo, FILE, &lines)?;
    Ok(by)
}

/// Takes back what was said of a path; says whether anything was.
///
/// # Errors
/// The disk.
pub(crate) fn remove(site: &Site, repo: &str, path: &RelPath) -> Result<bool, Failure> {
    let (before, lines) = (site.operator.repo_lines(repo, FILE)?.len(), others(&site.operator, repo, path)?);
    let was = lines.len() < before;
    if was {
        site.operator.set_repo_lines(repo, FILE, &lines)?;
    }
    Ok(was)
}

/// Returns the lines that are about another path, or that nobody can read.
fn others(operator: &Operator, repo: &str, path: &RelPath) -> Result<Vec<String>, Failure> {
    let about = |line: &String| serde_json::from_str::<Line>(line).is_ok_and(|line| line.registration.path == *path);
    Ok(operator.repo_lines(repo, FILE)?.into_iter().filter(|line| !about(line)).collect())
}

fn place(operator: &Operator, repo: &str) -> String {
    operator.dir().join("repos").join(repo).join(FILE).display().to_string()
}

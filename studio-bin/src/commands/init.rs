//! `studio init`: ignore files in the repository, an approver's key in the operator's folder.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use studio_files::ignore;

pub(crate) fn init(site: &Site, name: Option<String>, json: bool) -> Result<Exit, Failure> {
    let made = site.operator.make_approver(&approver_name(name))?;
    site.operator.install()?;
    let ignored = ignore::ensure(site.root()).map_err(|error| Failure::new(Exit::Error, error))?;
    if json {
        println!(
            "{}",
            json!({ "v": 1, "type": "init", "repo": site.root(), "operator": site.operator.dir(), "ignore_files": ignored, "made": made })
        );
        return Ok(Exit::Done);
    }
    println!("repository  {}", site.root().display());
    println!("operator    {}", site.operator.dir().display());
    ignored.iter().for_each(|path| println!("made        {path}"));
    made.iter().for_each(|path| println!("made        {}", path.display()));
    if ignored.is_empty() && made.is_empty() {
        println!("nothing to do: everything is there");
    }
    println!("next        studio tickets");
    Ok(Exit::Done)
}

/// Returns the name to sign with: the one given, else the login name, else `operator`.
pub(crate) fn approver_name(name: Option<String>) -> String {
    let login = || ["USER", "LOGNAME"].iter().find_map(|var| std::env::var(var).ok()).filter(|name| !name.is_empty());
    name.or_else(login).unwrap_or_else(|| "operator".into())
}

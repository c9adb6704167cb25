//! Credentials in the checkout: that they are there, who can read them, and whether git ignores
//! them. Only names and permission bits are looked at; no file is opened.

use super::{Finding, Kept, Section, Severity, gitignore};
use crate::disk::DiskError;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use studio_core::limits::{CLUSTERS_MAX, FILES_MAX};

/// Folders of which every file is a credential, and how deep they go.
const FOLDERS: [(&str, usize); 2] = [(".talos", 2), ("config/env", 3)];

/// Folders in which credentials are looked for by name.
const PLACES: [&str; 7] = ["", "talos", "talos/clusterconfig", "kubernetes", "cluster", "infrastructure", "terraform"];

/// Adds what lies in the checkout at `root` to `found`.
pub(super) fn scan(root: &Path, ignores: &[Kept], found: &mut Vec<Finding>) -> Result<(), DiskError> {
    let mut names = Vec::new();
    for (folder, depth) in FOLDERS {
        walk(root, folder, depth, &mut names)?;
    }
    for place in PLACES {
        let listed = list(root, place)?;
        names
            .extend(listed.into_iter().filter(|(name, folder)| !folder && credential(name.rsplit('/').next().unwrap_or(name))).map(|(name, _)| name));
    }
    names.sort();
    names.dedup();
    for name in names.iter().take(FILES_MAX) {
        let Some(mode) = mode(root, name)? else { continue };
        let add = |found: &mut Vec<Finding>, severity, rule, what: &str, mend: &str| {
            found.push(Finding::new(Section::Credentials, severity, name, 1, rule, what, mend));
        };
        if mode & 0o077 != 0 {
            let what = format!("a credential that others on this machine can reach (mode {:04o})", mode & 0o7777);
            add(found, Severity::Medium, "credential-mode", &what, "chmod 600");
        }
        if !gitignore::ignored(ignores, name) {
            let what = "a credential that no .gitignore at the base covers: one `git add -A` commits it";
            add(found, Severity::Medium, "credential-not-ignored", what, "add it to .gitignore and commit that");
        }
    }
    if let Some(first) = names.first() {
        let what = format!("{} credentials lie in the checkout; whatever runs with this user's rights here holds them all", names.len());
        let mend = "give a crew a user of its own and credentials that can only read; keep administrators' files elsewhere";
        found.push(Finding::new(Section::Credentials, Severity::Low, first, 1, "credential-present", &what, mend));
    }
    Ok(())
}

fn credential(name: &str) -> bool {
    let name = name.to_lowercase();
    let bare = ["kubeconfig", "talosconfig", ".env", "age.key", "keys.txt", ".vault_pass", "id_rsa", "id_ed25519", "terraform.tfstate"]
        .contains(&name.as_str());
    let form = ["example", "sample", "template"].iter().any(|word| name.contains(word));
    let ends = [".agekey", ".kubeconfig", ".talosconfig", ".env"].iter().any(|end| name.ends_with(end));
    !form && (bare || ends || name.starts_with(".env."))
}

/// Adds the files below `folder` to `names`.
fn walk(root: &Path, folder: &str, depth: usize, names: &mut Vec<String>) -> Result<(), DiskError> {
    for (name, is_folder) in list(root, folder)? {
        let last = name.rsplit('/').next().unwrap_or(&name);
        let form =
            [".gitkeep", ".gitignore", "README.md"].contains(&last) || ["example", "sample", "template"].iter().any(|word| last.contains(word));
        if is_folder && depth > 0 && names.len() < FILES_MAX {
            walk(root, &name, depth - 1, names)?;
        } else if !is_folder && !form {
            names.push(name);
        }
    }
    Ok(())
}

/// Returns what lies in a folder of the checkout, by path below the root, and whether it is a
/// folder. A symlink is neither followed nor listed.
fn list(root: &Path, folder: &str) -> Result<Vec<(String, bool)>, DiskError> {
    let failed = |error| DiskError::Io("list", folder.to_string(), error);
    let mut above = root.to_path_buf();
    for part in folder.split('/').filter(|part| !part.is_empty()) {
        above.push(part);
        match fs::symlink_metadata(&above) {
            Ok(seen) if seen.is_dir() => {}
            Ok(_) => return Ok(Vec::new()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        }
    }
    let mut listed = Vec::new();
    for entry in fs::read_dir(&above).map_err(failed)?.take(FILES_MAX) {
        let entry = entry.map_err(failed)?;
        let (name, kind) = (entry.file_name().to_string_lossy().into_owned(), entry.file_type().map_err(failed)?);
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if kind.is_dir() || kind.is_file() {
            listed.push((path, kind.is_dir()));
        }
    }
    listed.sort();
    listed.truncate(FILES_MAX.min(CLUSTERS_MAX * CLUSTERS_MAX));
    Ok(listed)
}

fn mode(root: &Path, name: &str) -> Result<Option<u32>, DiskError> {
    match fs::symlink_metadata(root.join(name)) {
        Ok(seen) => Ok(Some(seen.permissions().mode())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::Io("look at", name.to_string(), error)),
    }
}

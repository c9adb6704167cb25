//! What a step leaves in its folder: named, measured, hashed, and held against what it had declared.

use super::side::Declared;
use crate::git::regular;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use studio_core::event::Artifact;
use studio_core::limits::{ARTIFACT_BYTES_MAX, ARTIFACTS_MAX, FOLDER_DEPTH_MAX};
use studio_core::name::{Digest, RelPath};
use studio_core::redact::Redactor;
use studio_core::text::one_line;

/// Returns the files in the step's folder, and what is wrong with them or missing.
pub(super) fn collect(folder: &Path, declared: &[Declared], redactor: &Redactor) -> (Vec<Artifact>, Vec<String>) {
    let mut left = Left { folder, redactor, names: Vec::new(), misses: Vec::new() };
    let walked = left.walk("", FOLDER_DEPTH_MAX);
    let Left { mut names, mut misses, .. } = left;
    if let Err(error) = walked {
        misses.push(format!("the files it left cannot be listed: {error}"));
    }
    names.sort();
    let mut artifacts = Vec::new();
    for path in names {
        let entry = declared.iter().find(|entry| entry.path == path);
        match measure(&folder.join(path.as_str()), path.clone(), entry) {
            Ok(Ok(artifact)) => artifacts.push(artifact),
            Ok(Err(miss)) => misses.push(miss),
            Err(error) => misses.push(format!("the file {path} it left cannot be read: {error}")),
        }
    }
    if let Err(error) = settle(folder, &artifacts) {
        misses.push(format!("the files it left may not survive a power cut: {error}"));
    }
    let missing = declared.iter().filter(|entry| entry.required && !artifacts.iter().any(|artifact| artifact.path == entry.path));
    misses.extend(missing.map(|entry| format!("it had to leave {} in $STUDIO_OUT, and did not", entry.path)));
    (artifacts, misses)
}

/// What is found in a step's folder.
struct Left<'a> {
    folder: &'a Path,
    redactor: &'a Redactor,
    names: Vec<RelPath>,
    misses: Vec<String>,
}

impl Left<'_> {
    /// Adds the regular files below `above`, and says what else is there.
    fn walk(&mut self, above: &str, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(self.folder.join(above))? {
            if self.names.len() + self.misses.len() >= ARTIFACTS_MAX {
                self.misses.push(format!("it left more than {ARTIFACTS_MAX} files; the rest is not kept as artifacts"));
                return Ok(());
            }
            let entry = entry?;
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            // Before anything is cut: half a value is not known as one.
            let shown = self.redactor.text(&name);
            let (path, kind) = (entry.file_name().to_str().and_then(|_| RelPath::try_from(name.as_str()).ok()), entry.file_type()?);
            match path {
                _ if shown != name => self.misses.push(format!("it left {:?}, whose name holds a secret; it is not kept", one_line(&shown, 100))),
                Some(path) if kind.is_file() => self.names.push(path),
                Some(path) if kind.is_dir() && depth > 0 => self.walk(&format!("{path}/"), depth - 1)?,
                Some(_) | None => self.misses.push(format!("it left {:?}, which is no regular file of a plain name", one_line(&shown, 100))),
            }
            if self.misses.len() > ARTIFACTS_MAX {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Waits until the names of the files survive a power cut; their bytes do by now.
fn settle(folder: &Path, artifacts: &[Artifact]) -> io::Result<()> {
    let files = artifacts.iter().map(|artifact| folder.join(artifact.path.as_str()));
    // From the file's folder up to the one of all steps, which is in the run's.
    let above =
        files.flat_map(|file| file.ancestors().skip(1).take_while(|above| above.starts_with(folder)).map(Path::to_path_buf).collect::<Vec<_>>());
    let mut folders: BTreeSet<_> = above.collect();
    if !folders.is_empty() {
        folders.extend(folder.ancestors().skip(1).take(2).map(Path::to_path_buf));
    }
    folders.iter().try_for_each(|folder| super::folder::sync(folder))
}

/// Reads a file that was left, or says why it is none to keep.
fn measure(file: &Path, path: RelPath, declared: Option<&Declared>) -> io::Result<Result<Artifact, String>> {
    let secret = declared.is_some_and(|entry| entry.secret);
    if secret {
        fs::set_permissions(file, Permissions::from_mode(0o600))?;
    }
    let most = declared.and_then(|entry| entry.max_bytes).unwrap_or(ARTIFACT_BYTES_MAX);
    let open = regular::open(file, File::options().read(true))?; // what stood there may have been replaced
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; 64 * 1024]);
    let mut limited = (&open).take(most.saturating_add(1));
    loop {
        let read = limited.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += part.len() as u64;
    }
    if bytes > most {
        return Ok(Err(format!("it left {path} with more than {most} bytes")));
    }
    open.sync_all()?;
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let sha256 = Digest::try_from(hex).map_err(io::Error::other)?;
    Ok(Ok(Artifact { path, bytes, sha256, secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(path: &str, secret: bool, max_bytes: Option<u64>, required: bool) -> Declared {
        Declared { path: RelPath::try_from(path).unwrap(), secret, max_bytes, required }
    }

    #[test]
    fn files_are_hashed_and_held_against_what_was_declared() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        for (name, text) in [("a.txt", "abc"), ("sub/key", "k"), ("long", "12345"), ("odd\nname", "")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let entries = [declared("sub/key", true, None, true), declared("long", false, Some(4), true), declared("none", false, None, true)];
        let (artifacts, misses) = collect(dir.path(), &entries, &Redactor::default());
        let seen: Vec<_> = artifacts.iter().map(|artifact| (artifact.path.as_str(), artifact.bytes, artifact.secret)).collect();
        assert_eq!(seen, [("a.txt", 3, false), ("sub/key", 1, true)]);
        assert_eq!(artifacts[0].sha256, studio_gate::sha256(b"abc"));
        assert_eq!(fs::metadata(dir.path().join("sub/key")).unwrap().permissions().mode() & 0o777, 0o600);
        let all = misses.join("|");
        for word in ["long with more than 4 bytes", "had to leave long", "had to leave none", "\"link\"", "odd"] {
            assert!(all.contains(word), "{word}: {all}");
        }
        assert!(!all.contains('\n'));
    }

    #[test]
    fn there_is_a_limit_to_how_many() {
        let dir = tempfile::tempdir().unwrap();
        (0..ARTIFACTS_MAX + 5).for_each(|at| fs::write(dir.path().join(format!("f{at}")), "").unwrap());
        let (artifacts, misses) = collect(dir.path(), &[], &Redactor::default());
        assert_eq!((artifacts.len(), misses.len()), (ARTIFACTS_MAX, 1));
    }
}

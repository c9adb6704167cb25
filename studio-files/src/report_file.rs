//! Reports: each is a new file in the user's checkout, and none ever replaces another.

use crate::disk::{self, DiskError};
use std::path::Path;
use studio_core::limits::{FILE_BYTES_MAX, RUNS_MAX};
use studio_core::name::{BadName, RelPath};

/// Writes `ai/studio/reports/<date>-<slug>.md`, or `…-2.md` and so on if that is taken, and returns
/// its path. A report of the same bytes that stands there already is returned as it is, so a
/// run that crashed after writing writes no second one.
///
/// # Errors
/// The date is not `YYYY-MM-DD`, the slug none, the text too large, a folder on the way is a
/// symlink, or the disk refuses.
pub fn save(root: &Path, date: &str, slug: &str, text: &str) -> Result<RelPath, SaveError> {
    let day = date.len() == 10 && date.bytes().enumerate().all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    if !day {
        return Err(SaveError::Date(date.into()));
    }
    let tame = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(1..=40).contains(&slug.len()) || !slug.chars().all(tame) {
        return Err(SaveError::Slug(slug.into()));
    }
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(SaveError::Large(text.len()));
    }
    for copy in 1..=RUNS_MAX {
        let tail = if copy == 1 { String::new() } else { format!("-{copy}") };
        let path = RelPath::try_from(format!("ai/studio/reports/{date}-{slug}{tail}.md"))?;
        match disk::read(root, &path) {
            Ok(Some(standing)) if standing == text.as_bytes() => return Ok(path),
            Ok(Some(_)) | Err(DiskError::Large(_)) => {}
            Ok(None) => {
                if disk::create(root, &path, text.as_bytes())? {
                    return Ok(path);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(SaveError::Many(format!("{date}-{slug}")))
}

/// The report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// No date.
    #[error("{0:?} is no date: it should be YYYY-MM-DD")]
    Date(String),
    /// No slug.
    #[error("{0:?} is no slug: it should be 1 to 40 of a-z 0-9 -")]
    Slug(String),
    /// Over the limit.
    #[error("the report has {0} bytes; at most {FILE_BYTES_MAX} are written")]
    Large(usize),
    /// Every name is taken.
    #[error("ai/studio/reports holds {RUNS_MAX} reports named {0}; move old ones away")]
    Many(String),
    /// The checkout.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A path of ours that is none.
    #[error(transparent)]
    Name(#[from] BadName),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_report_never_replaces_another_and_is_written_once() {
        let root = tempfile::tempdir().unwrap();
        let save = |text: &str| save(root.path(), "2026-11-22", "add-node", text).unwrap().to_string();
        assert_eq!(save("first"), "ai/studio/reports/2026-11-22-add-node.md");
        assert_eq!(save("second"), "ai/studio/reports/2026-11-22-add-node-2.md");
        assert_eq!(save("third"), "ai/studio/reports/2026-11-22-add-node-3.md");
        assert_eq!(save("second"), "ai/studio/reports/2026-11-22-add-node-2.md");
        assert_eq!(fs::read_to_string(root.path().join("ai/studio/reports/2026-11-22-add-node.md")).unwrap(), "first");
        assert_eq!(fs::read_dir(root.path().join("ai/studio/reports")).unwrap().count(), 3);
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let root = tempfile::tempdir().unwrap();
        for (date, slug) in
            [("2026-1-2", "a"), ("2026-11-2x", "a"), ("../../../x", "a"), ("2026-11-22", ""), ("2026-11-22", "../x"), ("2026-11-22", "A")]
        {
            assert!(save(root.path(), date, slug, "x").is_err(), "{date} {slug}");
        }
        assert!(matches!(save(root.path(), "2026-11-22", "a", &"x".repeat(FILE_BYTES_MAX as usize + 1)), Err(SaveError::Large(_))));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_symlink_on_the_way_is_refused() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(root.path().join("ai/studio")).unwrap();
        std::os::unix::fs::symlink(other.path(), root.path().join("ai/studio/reports")).unwrap();
        let error = save(root.path(), "2026-11-22", "a", "x").unwrap_err().to_string();
        assert!(error.starts_with("ai/studio/reports is a symlink"), "{error}");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
    }
}

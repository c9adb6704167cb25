//! Whether the `.gitignore` files of the base keep a path out of git.

use super::Kept;

/// Says whether git would ignore the file or folder at `path`, as far as the base says. Patterns
/// with `[` are taken for no match, so that an alarm is rather given than missed.
pub(super) fn ignored(ignores: &[Kept], path: &str) -> bool {
    let parents = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
    parents.chain([path]).enumerate().any(|(at, part)| decided(ignores, part, at + 1 < path.split('/').count()))
}

/// Says whether the last pattern that matches `path` itself ignores it.
fn decided(ignores: &[Kept], path: &str, folder: bool) -> bool {
    let mut files: Vec<&Kept> = ignores.iter().collect();
    files.sort_by_key(|file| file.path.as_str().matches('/').count());
    let mut ignored = false;
    for file in files {
        let above = file.path.as_str().trim_end_matches(".gitignore");
        let Some(below) = path.strip_prefix(above) else { continue };
        for line in file.text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (pattern, keep) = line.strip_prefix('!').map_or((line, true), |pattern| (pattern, false));
            let (pattern, only_folder) = pattern.strip_suffix('/').map_or((pattern, false), |pattern| (pattern, true));
            let anchored = pattern.contains('/');
            let pattern = pattern.trim_start_matches('/');
            let subject = if anchored { below } else { below.rsplit('/').next().unwrap_or(below) };
            if (folder || !only_folder) && like(pattern, subject) {
                ignored = keep;
            }
        }
    }
    ignored
}

/// Says whether `path` is `pattern`, part by part; `**` stands for any number of parts.
fn like(pattern: &str, path: &str) -> bool {
    let (first, rest) = pattern.split_once('/').map_or((pattern, None), |(first, rest)| (first, Some(rest)));
    if first == "**" {
        let Some(rest) = rest else { return true };
        return like(rest, path) || path.match_indices('/').any(|(at, _)| path.get(at + 1..).is_some_and(|below| like(rest, below)));
    }
    match (rest, path.split_once('/')) {
        (None, None) => part(first, path),
        (Some(rest), Some((top, below))) => part(first, top) && like(rest, below),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn part(pattern: &str, name: &str) -> bool {
    let Some(c) = pattern.chars().next() else { return name.is_empty() };
    let rest = pattern.get(c.len_utf8()..).unwrap_or_default();
    match c {
        '*' => name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| name.get(at..).is_some_and(|name| part(rest, name))),
        '?' => name.chars().next().is_some_and(|c| part(rest, name.get(c.len_utf8()..).unwrap_or_default())),
        '[' => false,
        c => name.strip_prefix(c).is_some_and(|name| part(rest, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::name::RelPath;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let kept = |path: &str, text: &str| Kept { path: RelPath::try_from(path).unwrap(), text: text.into() };
        let files = [
            kept(".gitignore", "# x\n/.talos/\n*.agekey\n!keep.agekey\nconfig/env/*\n!config/env/open.env\n**/secret.txt\na/**/z\n"),
            kept("sub/.gitignore", "/only\nbuild/\n"),
        ];
        for (path, is) in [
            (".talos/main/talosconfig", true),
            ("x/.talos/y", false),
            ("x/age.agekey", true),
            ("x/keep.agekey", false),
            ("config/env/prod.env", true),
            ("config/env/open.env", false),
            ("deep/er/secret.txt", true),
            ("a/b/c/z", true),
            ("sub/only", true),
            ("sub/x/only", false),
            ("sub/x/build/y", true),
            ("sub/build", false),
            ("kubeconfig", false),
        ] {
            assert_eq!(ignored(&files, path), is, "{path}");
        }
    }
}

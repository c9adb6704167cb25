//! Images and versions: what is a newer one of the same.

/// An image by its parts: where it comes from, its tag, its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Image<'t> {
    name: &'t str,
    tag: Option<&'t str>,
    digest: Option<&'t str>,
}

/// Says whether `after` is the image `before` in a version that fits in its place: of one name, neither older nor of
/// another major, with a digest if there was one.
pub(crate) fn same_image(before: &str, after: &str) -> bool {
    let (old, new) = (Image::of(before), Image::of(after));
    old.name == new.name && !old.name.is_empty() && fits(old, new)
}

/// The same of a tag alone, with a digest or without.
pub(crate) fn same_tag(before: &str, after: &str) -> bool {
    let of = |text| {
        let (tag, digest) = parted(text);
        Image { name: "", tag: Some(tag), digest }
    };
    fits(of(before), of(after))
}

/// Says whether `text` is the digest of an image.
fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)))
}

fn fits(old: Image<'_>, new: Image<'_>) -> bool {
    // A digest counts more than the tag beside it: one that comes alone may be any build.
    let pinned = old.digest.is_some() == new.digest.is_some() && new.digest.is_none_or(is_digest);
    pinned && old.tag.zip(new.tag).is_some_and(|(old, new)| newer(old, new))
}

/// Says whether the version `new` may take the place of `old` without anybody reading what changed: not older, and of
/// the same major; below 1.0, of the same minor.
fn newer(old: &str, new: &str) -> bool {
    let (Some((old, kind)), Some((new, other))) = (version(old), version(new)) else { return false };
    let kept = if old.first() == Some(&0) { 2 } else { 1 };
    kind == other && old.len() == new.len() && old.len() > kept && old.get(..kept) == new.get(..kept) && new > old
}

/// Returns the numbers of a version, and what stands around them.
fn version(text: &str) -> Option<(Vec<u64>, (&str, &str))> {
    let (start, rest) = match text.strip_prefix('v') {
        Some(rest) => ("v", rest),
        None => ("", text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (numbers, tail) = rest.split_at_checked(end)?;
    let numbers = numbers.split('.').map(|number| number.parse().ok().filter(|_| number.len() <= 10)).collect::<Option<Vec<u64>>>()?;
    // A release candidate is another kind of version than a release.
    tail.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+')).then_some((numbers, (start, tail)))
}

impl<'t> Image<'t> {
    fn of(text: &'t str) -> Image<'t> {
        let (rest, digest) = parted(text);
        // A colon before the last slash is a port.
        let at = rest.rfind('/').map_or(0, |slash| slash + 1);
        match rest.get(at..).and_then(|last| last.split_once(':')).zip(rest.rfind(':')) {
            Some(((_, tag), colon)) => Image { name: rest.get(..colon).unwrap_or_default(), tag: Some(tag), digest },
            None => Image { name: rest, tag: None, digest },
        }
    }
}

fn parted(text: &str) -> (&str, Option<&str>) {
    text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_one_of_the_same_image_fits() {
        let (a, b) = (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64)));
        for (before, after, is) in [
            ("ghcr.io/x/web:1.2.3", "ghcr.io/x/web:1.2.4", true),
            ("ghcr.io/x/web:1.2.3", "ghcr.io/x/web:1.10.0", true),
            ("ghcr.io/x/web:v1.2.3-alpine", "ghcr.io/x/web:v1.3.0-alpine", true),
            ("host:5000/web:1.2", "host:5000/web:1.3", true),
            ("ghcr.io/x/web:1.2.3", "ghcr.io/x/web:2.0.0", false),
            ("ghcr.io/x/web:0.2.3", "ghcr.io/x/web:0.3.0", false),
            ("ghcr.io/x/web:0.2.3", "ghcr.io/x/web:0.2.4", true),
            ("ghcr.io/x/web:1.2.3", "ghcr.io/x/web:1.2.2", false),
            ("ghcr.io/x/web:1.2.3", "ghcr.io/y/web:1.2.4", false),
            ("ghcr.io/x/web:1.2.3", "ghcr.io/x/web:latest", false),
            ("ghcr.io/x/web:1.2.3", "ghcr.io/x/web:1.2.4-rc.1", false),
            ("ghcr.io/x/web:1.2.3", "ghcr.io/x/web", false),
            ("ghcr.io/x/web:1.2.3", "ghcr.io/x/web:1.2.4\nx", false),
            ("ghcr.io/x/web:8", "ghcr.io/x/web:9", false),
        ] {
            assert_eq!(same_image(before, after), is, "{before} {after}");
        }
        let pinned = |tag: &str, digest: &str| format!("ghcr.io/x/web:{tag}@{digest}");
        assert!(same_image(&pinned("1.2.3", &a), &pinned("1.2.4", &b)) && !same_image(&pinned("1.2.3", &a), &pinned("1.2.3", &b)));
        assert!(!same_image(&pinned("1.2.3", &a), "ghcr.io/x/web:1.2.4"), "the digest is gone");
        assert!(!same_image(&pinned("1.2.3", &a), &pinned("1.2.4", "sha256:0")));
        assert!(!same_image("ghcr.io/x/web:1.2.3", &pinned("1.2.4", &a)) && !same_image(&pinned("1.2.3", &a), &pinned("1.2.4", &b.to_uppercase())));
        assert!(same_tag(&format!("1.2.3@{a}"), &format!("1.2.4@{b}")) && same_tag("1.2.3", "1.2.4") && !same_tag("1.2.3", "2.0.0"));
    }
}

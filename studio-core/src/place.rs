//! Places of a repository that hold secrets: one rule, for what is shown, what is judged, and what is bound.

/// Names of secret places, folded, parted by spaces; `*` is anything. One without `/` is a file or folder of
/// that name anywhere; one with `/` is a path from the root. What lies below a folder that matches, matches.
pub const SECRET: &str = "config/env .talos .env* *.agekey *.pem *.key *.p12 *.pfx *.dec id_rsa* id_ed25519* id_ecdsa* id_dsa* kubeconfig \
    kubeconfig.* *.kubeconfig talosconfig talosconfig.* talsecret.yaml .kube .ssh .sops .gnupg .aws .docker .netrc .pgpass .vault-token \
    keys.txt authorized_keys \
    *.tfstate *.tfstate.* credentials.tfrc.json .terraformrc clusterconfig .git-credentials .*_history .vault_pass* .vault-pass* rclone.conf \
    .my.cnf .pypirc *.kdbx *.jks *.keystore *.ovpn";

/// Says whether `path`, relative or not, lies in a secret place.
pub fn secret(path: &str) -> bool {
    let path = fold(path);
    SECRET.split_whitespace().any(|glob| below(glob, &path))
}

/// Returns `text` without the difference of cases: up, then down, as file systems that fold do.
pub fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

/// Says whether `text` is `pattern`, in which `*` stands for anything.
pub fn like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(tail) = text.strip_prefix(head) else { return false };
    rest.is_empty() || (0..=tail.len()).any(|at| tail.get(at..).is_some_and(|tail| like(rest, tail)))
}

/// Says whether one of the patterns in `list`, which spaces part, is like `text`.
pub fn listed(list: &str, text: &str) -> bool {
    list.split_whitespace().any(|pattern| like(pattern, text))
}

/// Returns a name without the dots at its end, which some file systems leave out.
fn end(part: &str) -> &str {
    part.trim_end_matches('.')
}

/// Says whether `path` is what `glob` names, or lies below it.
pub fn below(glob: &str, path: &str) -> bool {
    if !glob.contains('/') {
        return path.split('/').any(|part| like(glob, end(part)));
    }
    let mut parts = path.split('/');
    glob.trim_start_matches('/').split('/').all(|wanted| parts.next().is_some_and(|part| like(wanted, end(part))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_places_are_known_in_every_spelling() {
        for path in [
            "config/env/prod.env",
            "Config/ENV",
            "a/.env.local",
            "talos/id_ed25519",
            ".talos/main/talosconfig",
            "x/age.KEY",
            "terraform.tfstate",
            ".bash_history",
            ".\u{17f}sh/x",
            "config./env../x",
            "a/.env.",
        ] {
            assert!(secret(path), "{path}");
        }
        for path in ["x/config/env", "docs/keys.md", ".sops.yaml", "kubernetes/apps/env/x.yaml"] {
            assert!(!secret(path), "{path}");
        }
    }

    #[test]
    fn a_star_is_anything() {
        for (pattern, text, is) in [("a*c", "abc", true), ("a*c", "abcd", false), ("*", "", true), ("a*b*c", "a.b.b.c", true), ("a", "ab", false)] {
            assert_eq!(like(pattern, text), is, "{pattern} {text}");
        }
    }
}

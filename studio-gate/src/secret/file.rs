//! What kind of text a file is by its name, and files whose form alone makes a value a secret.

use super::value::{generic, placeholder, unset};
use super::{Found, KEEP_OUT, sops};

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// YAML or JSON, or it may be.
    Tree,
    /// Names and values in lines.
    Settings,
    /// A script of a shell, or what a shell wrote.
    Shell,
    /// A program: a value that is no literal is none.
    Code,
    /// Text for people.
    Prose,
    /// Versions and checksums, written by a program.
    Lock,
}

impl Kind {
    /// Says what a file is.
    pub(super) fn of(name: &str, text: &str) -> Kind {
        let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let stem = [".j2", ".tmpl", ".tpl", ".template", ".dist", ".sample", ".bak", ".old", ".orig"]
            .iter()
            .fold(name.as_str(), |name, end| name.strip_suffix(end).unwrap_or(name));
        let end = stem.rsplit_once('.').map_or("", |(_, end)| end);
        if LOCKS.contains(&stem) || end == "lock" || end == "sum" {
            return Kind::Lock;
        }
        match end {
            "yaml" | "yml" | "json" | "kubeconfig" | "tfstate" | "dockerconfigjson" | "talosconfig" | "json5" => Kind::Tree,
            "md" | "markdown" | "rst" | "adoc" | "html" | "drawio" | "svg" => Kind::Prose,
            "sh" | "bash" | "zsh" | "fish" | "log" | "txt" | "service" | "ps1" | "bat" | "cmd" | "just" | "mk" => Kind::Shell,
            "py" | "rs" | "go" | "js" | "ts" | "tsx" | "jsx" | "rb" | "java" | "kt" | "c" | "h" | "cpp" | "cs" | "php" | "lua" | "nix" | "tf"
            | "css" | "pl" | "jsonnet" | "libsonnet" | "cue" | "swift" => Kind::Code,
            "" if tree(text) => Kind::Tree,
            "env" | "ini" | "conf" | "cfg" | "toml" | "properties" | "tfvars" | "cnf" | "rsc" | "netrc" => Kind::Settings,
            _ if tree(text) => Kind::Tree,
            _ => Kind::Settings,
        }
    }

    /// Says whether it is read as a tree.
    pub(super) fn structured(self) -> bool {
        self == Kind::Tree
    }

    /// Says whether names of values mean nothing in it.
    pub(super) fn listed(self) -> bool {
        self == Kind::Lock
    }
}

const LOCKS: [&str; 6] = ["package-lock.json", "pnpm-lock.yaml", "npm-shrinkwrap.json", "yarn.lock", "go.sum", ".terraform.lock.hcl"];

/// Looks at a file whose form or name says where its secrets stand.
pub(super) fn look(name: &str, text: &str, found: &mut Found) {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    sops::lines(&name, text, found);
    let is = |names: &[&str]| names.iter().any(|own| name == *own || name.ends_with(&format!(".{own}")));
    let filled = |value: &str| !placeholder(value) && !generic(value) && !unset(value);
    let single = text.trim();
    if SECRETS.contains(&name.trim_start_matches('.').trim_end_matches(".txt"))
        && single.len() >= 6
        && !single.contains(char::is_whitespace)
        && filled(single)
    {
        found.add(1, "secret-file", "a file that holds nothing but a secret", KEEP_OUT);
    }
    if text.starts_with("PuTTY-User-Key-File-") && text.contains("Private-Lines:") {
        found.add(1, "private-key", "a private key (PuTTY)", KEEP_OUT);
    }
    for (number, line) in (1_u32..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with('#')) {
        let fields: Vec<&str> = line.split(':').collect();
        let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('"')).collect();
        let login = match fields.as_slice() {
            [_, port, _, _, password @ ..] if is(&["pgpass"]) && !password.is_empty() => {
                (*port == "*" || port.chars().all(|c| c.is_ascii_digit())) && filled(&password.join(":"))
            }
            [user, hash] if is(&["htpasswd", "htdigest"]) && !user.is_empty() => hash.len() >= 13 && filled(hash),
            [_, _, hash] if is(&["htdigest"]) => hash.len() == 32,
            [user, hash, ..] if is(&["shadow", "gshadow"]) && !user.is_empty() => hash.len() >= 13,
            _ => false,
        };
        let chap = matches!(words.as_slice(), [_, _, password, ..] if is(&["chap-secrets", "pap-secrets"]) && filled(password));
        let ipsec = line.contains(": PSK") || line.contains(": EAP") || line.contains(": XAUTH");
        let ipsec = ipsec && line.rsplit(' ').next().is_some_and(|word| filled(word.trim_matches('"')));
        if login || chap || ipsec {
            found.add(number, "login-file", "a login in a file of logins", KEEP_OUT);
        }
    }
}

/// Looks at lines of a user and a password.
pub(super) fn logins(text: &str, first: u32, lines: bool, found: &mut Found) {
    for (number, line) in (0_u32..).zip(text.lines()) {
        let password = line.split_once(':').map(|(_, password)| password.trim()).unwrap_or_default();
        if !placeholder(password) && !generic(password) && !matches!(password, "R" | "RANDOM") {
            found.add(first + if lines { number } else { 0 }, "known-place", "a password that cloud-init sets", super::ENCRYPT);
        }
    }
}

/// Names of files that hold one secret.
const SECRETS: [&str; 17] = [
    "vault_pass",
    "vault-pass",
    "vault_password",
    "vault-password",
    "vault_password_file",
    "vault-password-file",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "node-token",
    "secret_key",
    "master.key",
    "api_key",
    "apikey",
    "identity.secret",
];

/// Says whether a text without a telling name looks like YAML or JSON.
fn tree(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let field = |line: &str| {
        line.split_once(':').is_some_and(|(key, rest)| {
            !key.is_empty()
                && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"'))
                && (rest.is_empty() || rest.starts_with(' '))
        })
    };
    first == "---" || first.starts_with('{') || first.starts_with("[{") || field(first.trim_start_matches("- "))
}

//! Whether a value is a secret, or only stands for one.

use std::collections::BTreeMap;

/// Says whether a value is empty, encrypted, filled in elsewhere, or only the place for a value.
pub(super) fn placeholder(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'', '`']).trim();
    let hint = value.to_ascii_lowercase();
    value.len() < 2
        || WORDS.contains(&hint.as_str())
        || MARKS.iter().any(|mark| value.contains(mark))
        || SHOWN.iter().any(|word| hint.contains(word))
        || REFERENCES.iter().any(|start| hint.starts_with(start))
        || value.chars().all(|c| matches!(c, '*' | '.' | 'x' | 'X' | '-' | '_' | '#' | '?' | '•' | '…'))
        || enclosed(value)
        || variable(value)
}

/// Says whether a value is a word that installers put in until somebody changes it.
pub(super) fn unset(value: &str) -> bool {
    let hint: String = value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    ["changeme", "changeit", "changethis", "changemenow", "pleasechange", "replaceme", "notset", "unset"].iter().any(|word| hint.contains(word))
}

/// Says whether a value is a word that any text about passwords uses.
pub(super) fn generic(value: &str) -> bool {
    let hint: String = value.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    let list = "password passwd pass pw pwd secret token mypassword mysecret yourpassword userpass passphrase string value user username admin \
        root test testing foo bar foobar changeit none default required optional key apikey mytoken secretpassword";
    unset(value) || list.split_whitespace().any(|word| word == hint) && value.chars().filter(char::is_ascii_digit).count() < 3
}

/// Says whether a value that a password's name stands before is one.
pub(super) fn password(value: &str) -> bool {
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let parts = value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).count();
    let odd =
        value.chars().any(|c| c.is_ascii_punctuation() && !matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | ',' | '(' | ')' | '[' | ']' | '=' | ';'));
    // What a mail provider hands out for one program: four groups of four letters.
    if value.split(' ').count() == 4 && value.split(' ').all(|group| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_lowercase())) {
        return true;
    }
    if value.len() < 6 || placeholder(value) || generic(value) || value.contains(char::is_whitespace) || code(value) {
        return false;
    }
    if value.chars().all(|c| c.is_ascii_digit()) {
        return true;
    }
    if !wordy(value) {
        return value.len() >= 8 || digits > 0;
    }
    !named(value) && (odd || (digits > 0 && value.len() >= 8) || (parts >= 4 && !value.contains(['/', '.', ':'])))
}

/// Says whether a value that a token's or a key's name stands before is one.
pub(super) fn opaque(value: &str, least: usize) -> bool {
    let value = value.trim_end_matches('=');
    let good = value.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ';' | '"'));
    let long = (least..=4096).contains(&value.len()) && good && !placeholder(value) && !generic(value) && !code(value);
    long && !value.contains("://") && !value.starts_with("sha256:") && (uuid(value) || (!wordy(value) && entropy(value) >= 2.7))
}

/// Says whether a value is a UUID.
pub(super) fn uuid(value: &str) -> bool {
    let parts: Vec<usize> = value.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && value.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// Says whether a value is made of words, versions and small numbers, as names and paths are.
pub(super) fn wordy(value: &str) -> bool {
    value
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .all(|part| KNOWN.contains(&part.to_ascii_lowercase().as_str()) || word(part))
}

const WORDS: [&str; 16] =
    ["null", "none", "nil", "undefined", "true", "false", "yes", "no", "on", "off", "auto", "string", "str", "required", "optional", "generate"];
const MARKS: [&str; 13] = ["{{", "${", "$(", "#{", "<%", "%>", "ENC[", "%(", "<<", "@@", "...", "…", "***"];
const SHOWN: [&str; 21] = [
    "replace_me",
    "replace-me",
    "replaceme",
    "replace_with",
    "replace-with",
    "placeholder",
    "redacted",
    "your_",
    "your-",
    "yourpassword",
    "yoursecret",
    "yourtoken",
    "yourapikey",
    "example",
    "dummy",
    "xxxx",
    "insert_",
    "fill_in",
    "fill-me",
    "not-a-secret",
    "abcdef.0123456789abcdef",
];
const REFERENCES: [&str; 27] = [
    "op://",
    "vault:",
    "ref+",
    "secret://",
    "secrets/",
    "secrets.",
    "env:",
    "env.",
    "file:",
    "file://",
    "arn:",
    "bws:",
    "ssm:",
    "sops:",
    "awssm:",
    "gcpsm:",
    "azkv:",
    "akv:",
    "kms:",
    "keyring:",
    "keychain:",
    "projects/",
    "var.",
    "local.",
    "module.",
    "!",
    "sha256:",
];
/// Short names with digits in them that are words all the same.
const KNOWN: [&str; 22] = [
    "k8s", "k3s", "s3", "b2", "oauth2", "sha256", "sha512", "sha1", "md5", "ed25519", "base64", "x509", "ipv4", "ipv6", "v1beta1", "v1alpha1",
    "v2beta1", "p12", "e2e", "auth0", "h2", "pkcs12",
];

/// Says whether brackets or signs stand around the whole value.
fn enclosed(value: &str) -> bool {
    let pairs = [('<', '>'), ('[', ']'), ('%', '%'), ('{', '}'), ('@', '@')];
    let around = pairs.iter().any(|(open, close)| value.len() > 2 && value.starts_with(*open) && value.ends_with(*close));
    around || value.starts_with("__") && value.ends_with("__")
}

/// Says whether a value is the name of a variable, or of another value of the same file.
fn variable(value: &str) -> bool {
    let name = |rest: &str| {
        rest.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_') && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let shell = value.strip_prefix('$').is_some_and(|rest| name(rest) && rest.len() > 1 && !rest.starts_with("2a") && !rest.starts_with("2b"));
    let windows = value.strip_prefix("$env:").is_some();
    let path = ["/", "./", "../", "~/"].iter().any(|start| value.starts_with(start)) && (wordy(value) || value.matches('/').count() > 2);
    shell || windows || path || value.strip_prefix(['*', '&']).is_some_and(|rest| name(rest) && wordy(rest))
}

/// Says whether a value is an expression of a program.
fn code(value: &str) -> bool {
    let call = value.ends_with([')', ']']) && value.contains(['(', '[']) && value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    call || ["os.environ", "process.env", "System.getenv", "self.", "this.", "config.", "settings.", "data.", "random_password.", "Deno.env"]
        .iter()
        .any(|start| value.starts_with(start))
}

/// Says whether a name of a secret is part of the value: then it is most likely the name of one.
fn named(value: &str) -> bool {
    let hint = value.to_ascii_lowercase();
    ["password", "passwd", "secret", "token", "credential", "creds", "-key", "_key", "-pass", "_pass", "admin-", "config"]
        .iter()
        .any(|word| hint.contains(word))
}

/// Says whether letters make a word, or several with capitals between, and whether digits only end them.
fn word(part: &str) -> bool {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = part.len() - letters.len();
    if letters.is_empty() {
        return digits <= 6;
    }
    let version = letters.eq_ignore_ascii_case("v") || letters.eq_ignore_ascii_case("rc");
    if letters.chars().any(|c| c.is_ascii_digit()) || digits > 4 && !version {
        return false;
    }
    if !letters.is_ascii() {
        return true;
    }
    let mut humps: Vec<String> = Vec::new();
    let mut small = true;
    for c in letters.chars() {
        if c.is_ascii_uppercase() && small || humps.is_empty() {
            humps.push(String::new());
        }
        small = c.is_ascii_lowercase();
        if let Some(hump) = humps.last_mut() {
            hump.push(c.to_ascii_lowercase());
        }
    }
    let short = humps.iter().filter(|hump| hump.len() < 3).count();
    let long = humps.len() < 2 || letters.len() <= 8 || letters.len() * 2 >= humps.len() * 7;
    humps.iter().all(|hump| spoken(hump)) && long && (humps.len() < 2 || short * 2 <= humps.len()) && letters.len() <= 40
}

/// Says whether somebody could speak the letters.
fn spoken(word: &str) -> bool {
    let vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
    let run = word.split(vowel).map(str::len).max().unwrap_or(0);
    let rare = word.chars().filter(|c| matches!(c, 'q' | 'x' | 'z' | 'j')).count();
    word.len() <= 4 || (run <= 4 && word.chars().filter(|c| vowel(*c)).count() * 5 >= word.len() && rare * 4 <= word.len())
}

/// Returns the bits that one character of the value carries.
fn entropy(value: &str) -> f64 {
    let mut counts: BTreeMap<char, f64> = BTreeMap::new();
    value.chars().for_each(|c| *counts.entry(c).or_default() += 1.0);
    let whole: f64 = counts.values().sum();
    counts.values().map(|count| -(count / whole) * (count / whole).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_value_is_none() {
        for value in [
            "",
            "null",
            "<password>",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "{{ .Values.x }}",
            "REPLACE_ME",
            "xxxxxxxx",
            "ENC[AES256_GCM,data:x]",
            "op://home/db/password",
            "vault:secret/data/db#password",
            "ref+sops://x",
            "%DB_PASSWORD%",
            "__TOKEN__",
            "********",
            "your-password-here",
            "/run/secrets/db",
            "~/.config/key",
            "$(cat x)",
            "*default",
        ] {
            assert!(placeholder(value), "{value}");
        }
        for value in ["hunter2", "$6$salt$x", "Summer2026!", "correct-horse", "/9j/4AAQSkZJRg", "changeme"] {
            assert!(!placeholder(value), "{value}");
        }
    }

    #[test]
    fn passwords_are_more_than_words() {
        for value in [
            "Summer2026!",
            "correct-horse-battery-staple-42",
            "correct-horse-battery-staple",
            "hunter2hunter2",
            "12345678",
            "Qsn7MZdLtp",
            "tr0ub4dor",
        ] {
            assert!(password(value), "{value}");
        }
        for value in
            ["password", "grafana-admin", "db-password-2", "changeme", "ChangeMe123", "postgres", "getpass()", "the password of it", "app.password"]
        {
            assert!(!password(value), "{value}");
        }
    }

    #[test]
    fn keys_are_random() {
        for value in [
            "gRhVYnIdBojFXSJWxUUvafmy0AJI9N5XOZVYI9kc",
            "15e22e00-fd2d-741d-7a9f-dc10a1d67a00",
            "3f9a0c7be1d24586af03bc9de7124850",
            "QsnMZdLtpGTqzGLepK",
        ] {
            assert!(opaque(value, 16), "{value}");
        }
        for value in [
            "AWS_SECRET_ACCESS_KEY",
            "cloudflare-api-token",
            "existingSecretName-v2",
            "https://x.example/a1b2c3d4e5f6",
            "secrets.GITHUB_TOKEN",
            "registrationTokenForGitHubRunners",
        ] {
            assert!(!opaque(value, 16), "{value}");
        }
    }
}

//! Secrets in the base: what git keeps for ever. A finding says where and of what kind, never what.

use super::cluster::filled;
use super::{Finding, Section, Severity};
use std::collections::{BTreeMap, BTreeSet};
use studio_core::limits::LIST_MAX;
use studio_core::name::RelPath;

/// Tokens by how they begin: kind, beginning, shortest rest.
const TOKENS: &[(&str, &str, usize)] = &[
    ("an age secret key", "AGE-SECRET-KEY-", 50),
    ("a GitHub token", "ghp_", 30),
    ("a GitHub token", "gho_", 30),
    ("a GitHub token", "ghs_", 30),
    ("a GitHub token", "ghu_", 30),
    ("a GitHub token", "github_pat_", 22),
    ("a GitLab token", "glpat-", 20),
    ("a Slack token", "xoxb-", 20),
    ("a Slack token", "xoxp-", 20),
    ("an AWS access key", "AKIA", 16),
    ("an AWS access key", "ASIA", 16),
    ("a key of a model's API", "sk-", 32),
    ("a Hugging Face token", "hf_", 30),
    ("a Tailscale key", "tskey-", 20),
    ("a DigitalOcean token", "dop_v1_", 40),
    ("an npm token", "npm_", 30),
    ("a Google API key", "AIza", 35),
    ("a Grafana token", "glsa_", 30),
    ("a Vault token", "hvs.", 24),
    ("a Slack webhook", "hooks.slack.com/services/", 30),
    ("a Discord webhook", "discord.com/api/webhooks/", 60),
    ("a password hash", "$6$", 60),
    ("a password hash", "$y$", 50),
    ("a k3s token", "K10", 60),
];

/// Characters that follow at least.
const KEY_CHARS_MIN: usize = 40;

/// A private key as base64 of its first line; the last is a Talos key.
const KEYS: [&str; 6] = [
    "LS0tLS1CRUdJTiBQUklWQVRF",
    "LS0tLS1CRUdJTiBSU0EgUFJJVkFUR",
    "LS0tLS1CRUdJTiBFQyBQUklWQVRF",
    "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVE",
    "LS0tLS1CRUdJTiBFRDI1NTE5IFBSSVZBVE",
    "LS0tLS1CRUdJTiBFTkNSWVBURUQg",
];

/// Ends of names of files that hold no text of interest.
const PASSED: &str = ".png .jpg .jpeg .gif .svg .ico .webp .avif .pdf .zip .gz .tgz .xz .zst .bz2 .7z .iso .img .qcow2 .woff .woff2 .ttf .otf .mp4 .webm \
    .mp3 .jar .wasm .so .bin .lock go.sum package-lock.json pnpm-lock.yaml .drawio";

/// Ends of names of files that only show a form.
const FORMS: &str = ".example .sample .template .tmpl .dist .tpl .md .gitkeep .gitignore .keep .j2";

/// Files and folders that hold made-up values.
const TESTS: &str = "test tests testdata fixtures examples example spec mocks";

/// Parts of a variable's name that make its value a secret.
const NAMES: &str = "password passwd secret token apikey api_key private credential passphrase _pass _key _pwd";

/// Says whether the content of the file at `path` is never looked at.
pub(super) fn sealed(path: &RelPath) -> bool {
    let whole = path.as_str().to_lowercase();
    whole.starts_with("config/env/") || whole.split('/').any(|part| part == ".talos") || whole.ends_with(".agekey")
}

/// Says whether the file at `path` is passed over: pictures, archives, lists of hashes.
pub(super) fn passed_over(path: &RelPath) -> bool {
    let name = path.file_name().to_lowercase();
    PASSED.split_whitespace().any(|end| name.ends_with(end))
}

/// Returns what it means that a sealed file stands in git at all.
pub(super) fn tracked(path: &RelPath) -> Option<Finding> {
    let name = path.file_name().to_lowercase();
    let form =
        FORMS.split_whitespace().any(|end| name.ends_with(end)) || name.starts_with("readme") || name.contains(".sops.") || name.contains(".enc");
    let mend = "change what it holds, remove it from git (history too) and add it to .gitignore";
    let finding = |what| Finding::new(Section::Secrets, Severity::High, path.as_str(), 1, "secret-file", what, mend);
    (!form).then(|| finding("a file that holds credentials by its place or name is tracked by git; it was not opened"))
}

/// Adds the secrets of a file to `found`, at most [`LIST_MAX`].
pub(super) fn scan(path: &RelPath, text: &str, found: &mut Vec<Finding>) {
    let mut hits: BTreeMap<usize, (&'static str, &'static str)> = BTreeMap::new();
    for (kind, start, least) in TOKENS {
        let from = text.match_indices(start).filter(|(at, _)| token(text, *at, start, *least));
        hits.extend(from.map(|(at, _)| (at, ("token", *kind))));
    }
    let keys = text.match_indices("-----BEGIN ").filter(|(at, _)| private_key(text.get(*at..).unwrap_or_default()));
    hits.extend(keys.map(|(at, _)| (at, ("private-key", "a private key"))));
    for start in KEYS {
        let long = |at: usize| text.get(at + start.len()..).unwrap_or_default().chars().take_while(base64).count() >= KEY_CHARS_MIN;
        let keys = text.match_indices(start).filter(|(at, _)| long(*at));
        hits.extend(keys.map(|(at, _)| (at, ("private-key", "a private key in base64 (kubeconfig, talosconfig or machine secrets)"))));
    }
    hits.extend(text.match_indices("eyJ").filter(|(at, _)| jwt(text, *at)).map(|(at, _)| (at, ("token", "a signed token (JWT)"))));
    lines(path, text, &mut hits);
    let (mut seen, mut at, mut number) = (BTreeSet::new(), 0, 1_u32);
    for (place, (rule, kind)) in hits {
        number += u32::try_from(text.bytes().skip(at).take(place - at).filter(|byte| *byte == b'\n').count()).unwrap_or(0);
        at = place;
        if seen.len() < LIST_MAX && seen.insert(number) {
            let what = format!("{kind} stands here in plaintext");
            let mend = "change the credential first: git keeps what was pushed; then encrypt it or keep it outside";
            found.push(Finding::new(Section::Secrets, severity(path, rule), path.as_str(), number, rule, &what, mend));
        }
    }
}

/// Returns how sure a rule is: what only looks like a password may be none, and what stands in a
/// test is rarely one that opens anything.
fn severity(path: &RelPath, rule: &str) -> Severity {
    let stem = |part: &str| part.split('.').next().unwrap_or(part).to_lowercase();
    let test = path.as_str().split('/').any(|part| TESTS.split_whitespace().any(|test| test == stem(part)));
    match rule {
        _ if test => Severity::Low,
        "password" | "url-password" | "password-argument" => Severity::Medium,
        _ => Severity::High,
    }
}

/// Adds what only the name of a value, or the option before it, shows.
fn lines(path: &RelPath, text: &str, hits: &mut BTreeMap<usize, (&'static str, &'static str)>) {
    let name = path.file_name().to_lowercase();
    let form = FORMS.split_whitespace().any(|end| name.ends_with(end)) || ["example", "sample", "template"].iter().any(|word| name.contains(word));
    let env = !form && (name == ".env" || name.starts_with(".env.") || name.ends_with(".env"));
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        if bare.len() > 4096 || bare.starts_with('#') {
            continue;
        }
        let value = bare.split_once(['=', ':']).and_then(|(key, value)| named(key, value, env, !form && settings(&name)));
        hits.extend(value.or_else(|| passed(bare)).map(|hit| (start, hit)));
    }
}

/// Returns what `key` makes of `value`.
fn named(key: &str, value: &str, env: bool, settings: bool) -> Option<(&'static str, &'static str)> {
    let key = key.trim().trim_start_matches("- ").trim_matches(['"', '\'', '{', ' ']).to_lowercase();
    let value = value.split(" #").next().unwrap_or(value).trim().trim_end_matches([',', '}']).trim_matches(['"', '\'']);
    let ends = |list: &str| list.split_whitespace().any(|end| key.ends_with(end));
    if env && NAMES.split_whitespace().any(|name| key.contains(name)) && !filled(value) {
        return Some(("env-file", "a value of an environment file"));
    }
    if ends("secretboxencryptionsecret aescbcencryptionsecret trustdinfo client-key-data presharedkey privatekey")
        && opaque(value, 32)
        && value.chars().all(|c| base64(&c))
    {
        return Some(("machine-secret", "a secret of a machine or an administrator"));
    }
    if ends("token_secret tokensecret") && uuid(value) {
        return Some(("token", "a Proxmox token"));
    }
    (settings && ends("password passwd passphrase") && mixed(value, 10)).then_some(("password", "a password"))
}

/// Returns what a command or an address gives away.
fn passed(line: &str) -> Option<(&'static str, &'static str)> {
    let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest.trim_start().trim_start_matches(['"', '\'']));
    let word = |rest: &str| rest.split([' ', '"', '\'', ',']).next().unwrap_or_default().to_string();
    let password = |rest: &str| word(rest).split_once(':').is_some_and(|(_, password)| mixed(password, 8));
    if after("PVEAPIToken=").is_some_and(|rest| rest.split(|c: char| !(c.is_ascii_hexdigit() || c == '-')).any(uuid)) {
        return Some(("token", "a Proxmox token"));
    }
    if after("sshpass -p").is_some_and(|rest| mixed(&word(rest), 6)) || line.contains("curl") && after(" -u ").is_some_and(password) {
        return Some(("password-argument", "a password as an argument"));
    }
    if after("--from-literal=").is_some_and(|rest| word(rest).split_once('=').is_some_and(|(_, value)| opaque(value, 8))) {
        return Some(("password-argument", "a secret as an argument"));
    }
    if after("Authorization: Bearer ").is_some_and(|rest| mixed(&word(rest), 20)) {
        return Some(("token", "a bearer token"));
    }
    let joins = |rest: &str| word(rest).split_once('.').is_some_and(|(id, secret)| id.len() == 6 && mixed(secret, 16));
    if line.contains("kubeadm") && after("--token ").is_some_and(joins) {
        return Some(("token", "a token that joins a cluster"));
    }
    let login = after("://").and_then(|rest| rest.split(['/', ' ', '"']).next()?.rsplit_once('@').map(|(login, _)| login.to_string()));
    login.is_some_and(|login| password(&login)).then_some(("url-password", "an address with a password"))
}

/// Says whether a file of this name holds settings rather than code.
fn settings(name: &str) -> bool {
    name.contains("kubeconfig")
        || [".yaml", ".yml", ".json", ".toml", ".ini", ".conf", ".cfg", ".tfvars", ".properties", ".env"].iter().any(|end| name.ends_with(end))
}

/// Says whether `value` looks like a password: one word, letters and digits, no name of something.
fn mixed(value: &str, least: usize) -> bool {
    let word = value.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '(' | ')' | '{' | '}' | '<' | '>' | '`' | '"'));
    let both = value.chars().any(|c| c.is_ascii_digit()) && value.chars().any(|c| c.is_ascii_alphabetic());
    (least..=80).contains(&value.len()) && word && both && !value.starts_with(['$', '/', '*', '&', '!']) && !filled(value)
}

/// Says whether a token begins at `at`: after a boundary, long enough, and no mere placeholder.
fn token(text: &str, at: usize, start: &str, least: usize) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let apart = start.contains('.') || before.is_none_or(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    let rest = text.get(at + start.len()..).unwrap_or_default();
    let good = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || (start.contains(['.', '$']) && matches!(c, '/' | '.' | '$' | '+'));
    let body: String = rest.chars().take_while(good).take(200).collect();
    let model = start != "sk-" || !body.contains("--") && body.chars().filter(char::is_ascii_digit).count() >= 3;
    let capitals = !matches!(start, "AKIA" | "ASIA") || body.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) && body.len() == 16;
    apart && model && capitals && opaque(&body, least) && !body.to_lowercase().contains("example")
}

fn private_key(text: &str) -> bool {
    let Some((title, rest)) = text.trim_start_matches("-----BEGIN ").split_once("-----") else { return false };
    if title.len() > 40 || !(title.ends_with("PRIVATE KEY") || title.ends_with("PRIVATE KEY BLOCK")) {
        return false;
    }
    let end = rest.floor_char_boundary(400);
    let body = rest.get(..end).unwrap_or_default().replace("\\n", "\n");
    body.contains("Proc-Type") || opaque(&body.chars().filter(|c| !c.is_whitespace()).take_while(base64).take(64).collect::<String>(), 40)
}

fn jwt(text: &str, at: usize) -> bool {
    let apart = text.get(..at).and_then(|before| before.chars().next_back()).is_none_or(|c| !base64(&c));
    let body = text.get(at..).unwrap_or_default();
    let mut parts = body.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))).next().unwrap_or_default().split('.');
    let (head, claims, signature) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    apart && head.len() > 15 && opaque(claims, 20) && opaque(signature, 20)
}

/// Says whether `value` is as long as a key and as varied.
fn opaque(value: &str, least: usize) -> bool {
    let value = value.trim_matches(['"', '\'']);
    value.len() >= least && value.chars().collect::<BTreeSet<_>>().len() >= 8 && !filled(value)
}

fn base64(c: &char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

fn uuid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && word.chars().collect::<BTreeSet<_>>().len() >= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(u32, &'static str, Severity)> {
        let mut found = Vec::new();
        scan(&RelPath::try_from(path).unwrap(), text, &mut found);
        found.into_iter().map(|finding| (finding.line, finding.rule, finding.severity)).collect()
    }

    #[test]
    fn secrets_are_found_by_their_shape_and_by_their_names() {
        let body = "Zx9Qk3Lm7Tp2Wv8Rb4Nc6Yd1Zx9Qk3Lm7Tp2Wv8Rb4Nc6Yd1";
        let hash = format!("$6$salt${body}{body}");
        for (path, text, rule) in [
            ("x.md", format!("see glpat-{body} there"), "token"),
            ("x.yaml", format!("a: \"sk-{body}\""), "token"),
            ("x.yaml", format!("token: eyJhbGciOiJSUzI1NiIs.{body}.{body}"), "token"),
            ("user-data", format!("passwd: {hash}"), "token"),
            ("x.yaml", format!("key: LS0tLS1CRUdJTiBFRDI1NTE5IFBSSVZBVE{body}"), "private-key"),
            ("x.json", format!("{{\"k\": \"-----BEGIN {} KEY-----\\n{body}\"}}", "RSA PRIVATE"), "private-key"),
            ("wg0.conf", format!("PrivateKey = {}=", &body[..43]), "machine-secret"),
            ("x.tfvars", "pm_api_token_secret = \"12345678-9abc-4def-8123-456789abcdef\"".into(), "token"),
            ("x.sh", "sshpass -p 'hunter2222' ssh x".into(), "password-argument"),
            ("x.md", "curl -u admin:hunter2222 https://x".into(), "password-argument"),
            ("x.py", "db = \"postgres://app:hunter2222@db/x\"".into(), "url-password"),
            ("values.yaml", "adminPassword: hunter2222 # first\n".into(), "password"),
        ] {
            assert_eq!(found(path, &format!("\n{text}\n")).iter().map(|hit| (hit.0, hit.1)).collect::<Vec<_>>(), [(2, rule)], "{text}");
        }
        let key = format!("gh{}_{body}", "p");
        assert_eq!(found("a/tests/x.rs", &key), [(1, "token", Severity::Low)]);
        assert_eq!(found("x.yaml", &format!("{key}\n").repeat(100)).len(), LIST_MAX);
    }

    #[test]
    fn what_only_talks_about_secrets_is_clean() {
        for (path, text) in [
            ("x.rs", "text.contains(\"AGE-SECRET-KEY-1\") || line.contains(\"-----BEGIN\") && line.contains(\"PRIVATE KEY\")"),
            ("x.md", "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n"),
            ("x.md", "export GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            ("x.md", "AKIAIOSFODNN7EXAMPLE"),
            ("x.yaml", "password: ${PASSWORD_1}\npasswordSecretRef: app-secret-2\nadminPassword: op://vault/x1\npassword: <path:a#b1>"),
            ("x.yaml", "image: x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("x.yaml", "recipient: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"),
            ("x.py", "password = get_password1(config)"),
            ("x.md", "postgres://user:password@localhost/x and https://x/@y"),
            ("x.css", ".task-list sk-abcdef disk-1234567890123456789012345678901234567890"),
        ] {
            assert_eq!(found(path, text), [], "{text}");
        }
    }
}

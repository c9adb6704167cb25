//! Secrets among the words of a command.

use super::key::Named;
use super::value::{generic, placeholder};
use studio_core::encoding::unbase64;

/// A program, and its option that takes a secret; the option may hold it directly behind its letter.
const OPTIONS: &[(&str, &[&str])] = &[
    ("sshpass", &["-p"]),
    ("ipmitool", &["-P", "-k"]),
    ("ipmi", &["-p", "-P", "-k"]),
    ("racadm", &["-p"]),
    ("mysql", &["-p"]),
    ("mysqldump", &["-p"]),
    ("mysqladmin", &["-p"]),
    ("mariadb", &["-p"]),
    ("redis-cli", &["-a"]),
    ("ldapsearch", &["-w"]),
    ("ldapadd", &["-w"]),
    ("ldapmodify", &["-w"]),
    ("docker", &["-p"]),
    ("podman", &["-p"]),
    ("helm", &["-p"]),
    ("oras", &["-p"]),
    ("crane", &["-p"]),
    ("skopeo", &["-p"]),
    ("buildah", &["-p"]),
    ("az", &["-p"]),
    ("snmpwalk", &["-c", "-A", "-X"]),
    ("snmpget", &["-c", "-A", "-X"]),
    ("snmpbulkwalk", &["-c", "-A", "-X"]),
    ("snmpset", &["-c", "-A", "-X"]),
    ("sqlcmd", &["-P"]),
    ("mongo", &["-p"]),
    ("mongosh", &["-p"]),
    ("mosquitto_pub", &["-P"]),
    ("mosquitto_sub", &["-P"]),
    ("zip", &["-P"]),
    ("unzip", &["-P"]),
    ("7z", &["-p"]),
    ("nmcli", &["password", "wifi-sec.psk", "802-11-wireless-security.psk"]),
    ("influx", &["-password"]),
    ("rabbitmqctl", &["change_password", "add_user"]),
    ("pveum", &["-password"]),
    ("qm", &["--cipassword", "-cipassword"]),
];
/// Programs whose `-u` takes a name and a password.
const LOGINS: &[&str] = &["curl", "http", "https", "wget", "smbclient", "rpcclient", "net", "mount.cifs"];
/// Words of settings behind which, a blank between, a secret stands.
const SPACED: &[&str] = &[
    "password",
    "secret",
    "pre-shared-key",
    "pre-shared-secret",
    "plaintext-password",
    "encrypted-password",
    "key-string",
    "passphrase",
    "authtoken",
    "requirepass",
    "masterauth",
];
/// The same of SNMP.
const COMMUNITIES: &[&str] = &["community", "rocommunity", "rwcommunity", "rocommunity6", "rwcommunity6", "trapcommunity"];
/// Words before what proves who asks.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "apikey", "api-key", "geniekey", "digest", "key"];

/// Says whether a line passes a secret to a program, or to whom it asks.
pub(super) fn secret(line: &str) -> bool {
    let words: Vec<&str> = line.split([' ', '\t', '|', ';', '(', ')']).map(bare).filter(|word| !word.is_empty()).take(256).collect();
    words.len() > 1 && (argument(&words) || login(&words) || header(&words) || spaced(&words) || piped(line, &words))
}

fn bare(word: &str) -> &str {
    word.trim_matches(['"', '\'', '`', ',', '[', ']'])
}

/// Says whether a value is more than a word that shows where it would stand. What boards are shipped with is a password.
fn filled(value: &str) -> bool {
    let shipped = matches!(value, "ADMIN" | "calvin");
    value.len() >= 4 && !value.starts_with(['-', '$']) && !placeholder(value) && (shipped || !generic(value))
}

/// Says whether an option of some program holds a secret.
fn argument(words: &[&str]) -> bool {
    let program = |word: &str, name: &str| word.rsplit('/').next().is_some_and(|word| word == name || (name == "ipmi" && word.starts_with("ipmi")));
    let long = words.windows(2).any(|pair| match pair {
        [option, value] => {
            let promise = option.strip_prefix("--").and_then(Named::of);
            promise.is_some_and(|promise| match promise {
                Named::Password => filled(value) && !value.contains('/'),
                Named::Token => promise.holds(value) || joins(value),
                Named::Perhaps => promise.holds(value),
            })
        }
        _ => false,
    });
    let short = words.iter().enumerate().any(|(at, word)| {
        let options = OPTIONS.iter().filter(|(name, _)| program(word, name)).flat_map(|(_, options)| *options);
        let rest = words.get(at + 1..).unwrap_or_default();
        options.into_iter().any(|option| {
            let behind =
                rest.iter().position(|word| word == option).and_then(|at| rest.get(at + 1)).is_some_and(|value| filled(value) && random(word, value));
            let joined = option.len() == 2
                && rest
                    .iter()
                    .filter_map(|word| word.strip_prefix(option))
                    .any(|value| value.len() >= 6 && filled(value) && !value.contains([':', '/']) && value.chars().any(|c| c.is_ascii_digit()));
            behind || (joined && !matches!(*word, "docker" | "podman" | "az" | "helm"))
        })
    });
    long || short
}

/// Says whether a value is more than a port, a name or a path, where the same option of a program also takes those.
fn random(program: &str, value: &str) -> bool {
    let shared = matches!(
        program,
        "docker"
            | "podman"
            | "helm"
            | "az"
            | "mysql"
            | "mysqldump"
            | "mariadb"
            | "mongo"
            | "snmpwalk"
            | "snmpget"
            | "snmpbulkwalk"
            | "snmpset"
            | "unzip"
            | "zip"
    );
    !shared
        || (!value.contains([':', '/', '.'])
            && !matches!(value, "public" | "private")
            && value.chars().any(|c| c.is_ascii_digit())
            && value.chars().any(|c| c.is_ascii_alphabetic()))
}

/// Says whether a name and a password stand behind `-u`, or a literal of a Secret behind its option.
fn login(words: &[&str]) -> bool {
    let program = words.iter().any(|word| LOGINS.contains(&word.rsplit('/').next().unwrap_or(word)));
    let user = words.windows(2).any(|pair| match pair {
        [option, value] => ["-u", "--user", "-U", "--proxy-user", "-a", "--auth"].contains(option) && program && password_of(value),
        _ => false,
    });
    let joined = program
        && words.iter().any(|word| {
            ["--user=", "-u"].iter().filter_map(|option| word.strip_prefix(option)).any(|value| value.contains(':') && password_of(bare(value)))
        });
    let literal = words.iter().filter_map(|word| word.strip_prefix("--from-literal")).map(|rest| rest.trim_start_matches('='));
    let literals = literal.chain(words.windows(2).filter_map(|pair| match pair {
        [option, value] if *option == "--from-literal" => Some(*value),
        _ => None,
    }));
    let literals = literals.filter_map(|literal| literal.split_once('=')).any(|(name, value)| {
        let plain = ["user", "name", "host", "url", "port", "email", "id", "region"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
        !plain && filled(bare(value))
    });
    let batch = words.first().is_some_and(|word| *word == "htpasswd")
        && words.iter().any(|word| word.starts_with('-') && word.contains('b'))
        && words.last().is_some_and(|word| filled(word));
    let phrase = matches!(words, [program, _, phrase, ..] if *program == "wpa_passphrase" && filled(phrase));
    let openssl = words.iter().filter_map(|word| word.strip_prefix("pass:")).any(filled);
    let snmp = matches!(words, [word, _, hash, phrase, ..] if *word == "createUser" && (hash.starts_with("SHA") || *hash == "MD5") && filled(phrase));
    let netrc = words.contains(&"login") && words.windows(2).any(|pair| matches!(pair, [name, value] if *name == "password" && filled(value)));
    user || joined || snmp || literals || batch || phrase || openssl || netrc
}

fn password_of(login: &str) -> bool {
    login.split_once([':', '%']).is_some_and(|(_, password)| filled(password) && !password.starts_with(['/', '<']))
}

/// Says whether a header says who asks.
fn header(words: &[&str]) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let name = word.trim_end_matches([':', '=', '"', '\'']).to_ascii_lowercase();
        let whole = ["authorization", "proxy-authorization"]
            .iter()
            .find(|own| name.ends_with(*own) || name.contains(&format!("{own}:")) || name.contains(&format!("{own}=")));
        if whole.is_none() {
            return false;
        }
        let behind = word.rsplit([':', '=']).next().map(bare).unwrap_or_default();
        let scheme = words.get(at + 1).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        let pve = words
            .iter()
            .find_map(|word| word.split_once("PVEAPIToken="))
            .is_some_and(|(_, token)| token.split(['!', '=', ':']).any(super::value::uuid));
        let value = match (SCHEMES.contains(&behind.to_ascii_lowercase().as_str()), SCHEMES.contains(&scheme.as_str())) {
            (true, _) => words.get(at + 1),
            (false, true) => words.get(at + 2),
            (false, false) => words.get(at + 1),
        };
        let basic = |value: &str| unbase64(value).and_then(|bytes| String::from_utf8(bytes).ok()).is_some_and(|login| password_of(&login));
        pve || value.is_some_and(|value| value.len() >= 8 && (super::value::opaque(value, 12) || basic(value)))
    })
}

/// Says whether a secret stands behind its name, as in the settings of a switch.
fn spaced(words: &[&str]) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let value = words
            .get(at + 1)
            .filter(|next| next.len() > 1 || !next.chars().all(|c| c.is_ascii_digit()))
            .or_else(|| words.get(at + 2))
            .copied()
            .unwrap_or_default();
        if COMMUNITIES.contains(word) {
            return filled(value)
                && !matches!(value, "public" | "private" | "string" | "name" | "list")
                && value.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
        }
        let both = value.chars().any(|c| c.is_ascii_digit()) && value.chars().any(|c| c.is_ascii_alphabetic());
        SPACED.contains(word) && both && value.len() >= 8 && !value.contains([':', '(', '/']) && filled(value) && !super::value::wordy(value)
    })
}

/// Says whether a password is written into a program that asks for one.
fn piped(line: &str, words: &[&str]) -> bool {
    let written = words.iter().position(|word| matches!(*word, "echo" | "printf")).and_then(|at| words.get(at + 1..)).unwrap_or_default();
    let value = written.iter().find(|word| !word.starts_with('-') && !word.starts_with("%s")).copied().unwrap_or_default();
    if line.contains("chpasswd") {
        return password_of(value);
    }
    let asks =
        ["passwd --stdin", "--password-stdin", "sudo -S", "cryptsetup", "smbpasswd -s", "vncpasswd"].iter().any(|program| line.contains(program));
    let sent = matches!(words, [send, text, ..] if *send == "send" && text.ends_with("\\r") && filled(text.trim_end_matches("\\r")) && super::value::password(text.trim_end_matches("\\r").trim_start_matches("--")));
    asks && filled(value) || sent
}

/// Says whether a value joins a cluster: six and sixteen letters.
fn joins(value: &str) -> bool {
    let good = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    value.split_once('.').is_some_and(|(id, secret)| good(id, 6) && good(secret, 16)) && value != "abcdef.0123456789abcdef"
}

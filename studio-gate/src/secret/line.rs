//! Lines of text, one by one: names and values, commands, addresses.

use super::file::Kind;
use super::key::Named;
use super::value::{generic, opaque, placeholder, uuid, wordy};
use super::{Found, KEEP_OUT, command, pair};

/// Parts of addresses behind which one stands that opens something, and its characters at least.
const CAPABILITIES: &[(&str, usize)] = &[
    ("/api/push/", 10),
    ("/api/webhook/", 16),
    ("/webhookb2/", 30),
    ("/hooks/", 20),
    ("/hook/", 32),
    ("/webhook/", 20),
    ("/webhooks/", 20),
    ("ntfy.sh/", 12),
    ("/ical/private-", 20),
    ("%40group.calendar.google.com/private-", 20),
    ("%40gmail.com/private-", 20),
    ("/ping/", 20),
    ("hook.eu1.make.com/", 20),
    ("trycloudflare.com/", 40),
    ("/share/", 20),
    ("events.pagerduty.com/integration/", 30),
];

/// Bytes of an address that are looked at.
const ADDRESS_BYTES_MAX: usize = 512;

/// Looks at those lines of a text of which `open` says so.
pub(super) fn look(text: &str, kind: Kind, open: &[bool], found: &mut Found) {
    for ((number, line), open) in (1_u32..).zip(text.split('\n')).zip(open) {
        if *open {
            found.within(number, true, |found| one(line, kind, found));
        }
    }
}

/// Looks at one line.
pub(super) fn one(line: &str, kind: Kind, found: &mut Found) {
    if line.len() < 8 {
        return;
    }
    login(line, found);
    if line.contains(['=', ':', '<']) && pair::secret(line, kind) {
        found.add(1, "named-value", "a value that its name calls a secret", KEEP_OUT);
    }
    if line.contains([' ', '\t']) && command::secret(line) {
        found.add(1, "argument", "a secret among the words of a command or a setting", KEEP_OUT);
    }
    if line.contains(':') && (bot(line) || unseal(line)) {
        found.add(1, "token", "a bot's token or a vault's key", KEEP_OUT);
    }
    if line.contains("PVEAPIToken=") && line.split(|c: char| !(c.is_ascii_hexdigit() || c == '-')).any(uuid) {
        found.add(1, "token", "a Proxmox token", KEEP_OUT);
    }
}

/// Looks for addresses in a line.
pub(super) fn login(line: &str, found: &mut Found) {
    if address(line) {
        found.add(1, "url-login", "an address with a password, or one that is a key by itself", KEEP_OUT);
    }
}

/// Looks at the tables of a text for people: what stands below the name of a secret.
pub(super) fn tables(text: &str, found: &mut Found) {
    let mut columns: Vec<Option<Named>> = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        if !line.trim_start().starts_with('|') {
            columns.clear();
            continue;
        }
        let cells = line.trim().trim_matches('|').split('|').map(|cell| cell.trim().trim_matches(['`', '*']));
        if columns.is_empty() {
            columns = cells.map(Named::of).collect();
        } else if cells.zip(&columns).any(|(cell, column)| column.is_some_and(|promise| promise.holds(cell))) {
            found.add(number, "named-value", "a value in a column of secrets", KEEP_OUT);
        }
    }
}

/// Says whether a line holds the token of a Telegram bot: its number and 35 letters.
fn bot(line: &str) -> bool {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-')));
    words.filter_map(|word| word.rsplit_once(':')).any(|(id, rest)| {
        let id = id.rsplit(':').next().unwrap_or_default().trim_start_matches("bot");
        (8..=10).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() == 35 && opaque(rest, 35)
    })
}

/// Says whether a line is what a vault prints when it is made.
fn unseal(line: &str) -> bool {
    let small = line.to_ascii_lowercase();
    (small.contains("unseal key") || small.contains("recovery key")) && line.rsplit_once(':').is_some_and(|(_, value)| opaque(value.trim(), 24))
}

/// Says whether a line holds an address that gives a login away, or is one.
fn address(line: &str) -> bool {
    let end = |rest: &str| rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ')')).unwrap_or(rest.len());
    line.match_indices("://").any(|(at, _)| {
        let rest = line.get(at + 3..).unwrap_or_default();
        let whole = rest.get(..rest.floor_char_boundary(ADDRESS_BYTES_MAX)).unwrap_or_default();
        let whole = whole.get(..end(whole)).unwrap_or_default();
        // What comes before the last `@` that still belongs to the host: passwords may hold a slash that nobody escaped.
        let host = whole.split(['/', '?']).next().unwrap_or_default();
        let login = host.rsplit_once('@').map(|(login, _)| login).and_then(|login| login.split_once(':'));
        let given = login.is_some_and(|(user, password)| !placeholder(password) && !generic(password) && !shown(user, password));
        let opens = CAPABILITIES.iter().any(|(part, least)| {
            let behind = whole.split_once(part).map(|(_, behind)| behind).unwrap_or_default();
            behind.split(['/', '?', '#', '&']).any(|part| part.len() >= *least && (uuid(part) || opaque(part, *least)))
        });
        given || opens
    })
}

/// Says whether a login is one that everybody's documentation shows.
fn shown(user: &str, password: &str) -> bool {
    user == password
        || (password.len() < 10 && wordy(password) && password.chars().all(|c| c.is_ascii_lowercase()))
        || password.chars().all(|c| c.is_ascii_digit()) && password.len() < 6
}

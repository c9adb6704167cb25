//! Names and values in a line: `name=value`, `"name": "value"`, `--name=value`.

use super::file::Kind;
use super::key::Named;

/// Bytes of a name and of a value that are read at most.
const NAME_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 256;

/// Says whether a line gives a secret to a name that promises one.
pub(super) fn secret(line: &str, kind: Kind) -> bool {
    element(line)
        || line.match_indices(['=', ':']).any(|(at, _)| {
            // A path of a program, as `a::b`.
            if line.get(at..).is_some_and(|rest| rest.starts_with("::")) || line.get(..at).is_some_and(|before| before.ends_with(':')) {
                return false;
            }
            let Some(name) = name(line.get(..at).unwrap_or_default()) else { return false };
            let own = matches!(kind, Kind::Settings | Kind::Shell) && name == "key";
            let Some(promise) = Named::of(name).or(own.then_some(Named::Perhaps)) else { return false };
            let starts = line.trim_start().trim_start_matches("export ").trim_start_matches("- ").starts_with(name);
            value(line.get(at..).unwrap_or_default(), kind, starts).is_some_and(|value| promise.holds(value))
        })
}

/// Says whether an element of XML gives one: `<password>…</password>`.
fn element(line: &str) -> bool {
    line.match_indices("</").any(|(at, _)| {
        let before = line.get(line.floor_char_boundary(at.saturating_sub(VALUE_BYTES_MAX))..at).unwrap_or_default();
        let Some((tag, value)) = before.rsplit_once('>') else { return false };
        let name = tag.rsplit('<').next().and_then(|tag| tag.split_whitespace().next()).unwrap_or_default();
        Named::of(name).is_some_and(|promise| promise.holds(value.trim()))
    })
}

/// Returns the name at the end of `before`.
fn name(before: &str) -> Option<&str> {
    let before = before.trim_end_matches([' ', '\t', '"', '\'', '\\', '`', ']', '?']);
    let from = before.floor_char_boundary(before.len().saturating_sub(NAME_BYTES_MAX));
    let tail = before.get(from..)?;
    let start = tail
        .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .map_or(0, |at| at + tail.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    tail.get(start..).filter(|name| !name.is_empty())
}

/// Returns the value behind the sign at the beginning of `rest`.
fn value(rest: &str, kind: Kind, starts: bool) -> Option<&str> {
    let colon = rest.starts_with(':');
    let rest = rest.get(1..)?;
    if rest.starts_with("//") || (!colon && rest.starts_with('=')) {
        return None;
    }
    let rest = rest.trim_start_matches(['=', '>', '-']).trim_start();
    // What a shell says where a variable is not set.
    if rest.starts_with(['?', '+']) {
        return None;
    }
    let rest = rest.get(..rest.floor_char_boundary(VALUE_BYTES_MAX))?;
    let literal = ["b\"", "r\"", "f\"", "u\"", "@\""]
        .iter()
        .find_map(|start| rest.strip_prefix(&start[..1]).filter(|_| rest.starts_with(start)))
        .unwrap_or(rest);
    let bare = literal.trim_start_matches('\\');
    if let Some(quote) = bare.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) {
        let inner = bare.get(1..)?;
        let end = inner.find(quote).unwrap_or(inner.len());
        return inner.get(..end).map(|value| value.trim_end_matches('\\'));
    }
    if kind == Kind::Code {
        return None;
    }
    // A value of its own line may hold any sign; one in the middle of a text ends at what ends a word there.
    let ends = |c: char| c.is_whitespace() || ((colon || !starts) && matches!(c, ',' | ';' | ')' | '}' | ']' | '"' | '\'' | '`' | '&' | '|' | '<'));
    let end = rest.find(ends).unwrap_or(rest.len());
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_wherever_they_stand() {
        for line in [
            "PASSWORD=hunter2hunter2",
            "export DB_PASSWORD='hunter2 hunter2x!'".replace(' ', "").replace("exportDB", "export DB").as_str(),
            "{\"user\":\"x\",\"password\":\"hunter2hunter2\"}",
            "{\\\"password\\\":\\\"hunter2hunter2\\\"}",
            "see https://x/?api_key=3f9a0c7be1d24586af&x=1",
            "psk = \"Blue-Horse-77\"",
            "${DB_PASSWORD:-hunter2hunter2}",
            "the password: `Summer2026!`",
        ] {
            assert!(secret(line, Kind::Shell), "{line}");
        }
        for line in ["password = get_password1(x)", "password: String", "if token == 1 {", "let token=abcdef123456;"] {
            assert!(!secret(line, Kind::Code), "{line}");
        }
        for line in ["password: see 1Password", "token: https://x/y", "a::b", "PASSWORD=${PASSWORD}", "password=\"\"", "=", ":", "é=é"] {
            assert!(!secret(line, Kind::Shell), "{line}");
        }
    }
}

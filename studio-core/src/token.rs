//! Secrets that are known by their shape alone: tokens of which the maker fixed beginning, alphabet and length, and
//! private keys.

use crate::encoding::unbase64;
use crate::limits::STREAM_HELD_BYTES_MAX;
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

/// A token in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where it stands.
    pub bytes: Range<usize>,
    /// What it is, for a human.
    pub what: &'static str,
}

/// Returns the tokens of `text`, in order; one inside another does not count.
pub fn tokens(text: &str) -> Vec<Token> {
    let (mut found, mut from) = (Vec::<Token>::new(), 0);
    let Some(search) = SEARCH.as_ref() else { return found };
    while let Some(hit) = search.find(aho_corasick::Input::new(text).span(from..text.len())) {
        from = hit.start() + 1;
        if let Some(token) = at(text, hit.start()) {
            from = token.bytes.end.max(from);
            found.push(token);
        }
    }
    found
}

/// Returns the token that begins at byte `start` of `text`, if one does.
pub fn at(text: &str, start: usize) -> Option<Token> {
    let (before, rest) = (text.get(..start)?.chars().next_back(), text.get(start..)?);
    let token = |what, length| Token { bytes: start..start + length, what };
    if let Some(length) = private_key(rest) {
        return Some(token("a private key", length));
    }
    let kinds = BY_BYTE.get(usize::from(*rest.as_bytes().first()?))?;
    kinds.iter().find_map(|(format, start)| Some(token(format.what, format.length(start, before, rest)?)))
}

/// Returns where a token begins that may go on behind the end of `text`: one of which the beginning is there, and
/// unless `begun`, also one of which only a part of the beginning is.
pub(crate) fn open(text: &str, begun: bool) -> Option<usize> {
    let search = SEARCH.as_ref()?;
    let near = text.floor_char_boundary(text.len().saturating_sub(STREAM_HELD_BYTES_MAX));
    let key = text.get(near..)?.match_indices(PEM).map(|(at, _)| near + at).find(|at| text.get(*at..).is_some_and(|rest| !pem_closed(rest)));
    // Where the letters at the end begin; a token that began before them is over.
    let run = text.char_indices().rev().take_while(|(at, c)| *at >= near && Wide.hold(*c)).last().map_or(text.len(), |(at, _)| at);
    let (mut first, mut from) = (None, text.floor_char_boundary(run.saturating_sub(START_BYTES_MAX)));
    while let Some(hit) = search.find(aho_corasick::Input::new(text).span(from..text.len())) {
        from = hit.start() + 1;
        let goes_on = text.get(hit.end()..).is_some_and(|rest| rest.chars().all(|c| Wide.hold(c)) && (!begun || !rest.is_empty()));
        if goes_on && !text.get(hit.start()..).is_some_and(|rest| rest.starts_with(PEM)) {
            first = Some(hit.start());
            break;
        }
    }
    let parts = starts().filter(|_| !begun).filter_map(|start| {
        let ends = (1..start.len()).rev().find(|length| start.get(..*length).is_some_and(|part| text.ends_with(part)))?;
        Some(text.len() - ends)
    });
    parts.chain(first).chain(key).min()
}

/// Returns how every token begins.
pub(crate) fn starts() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().flat_map(|format| format.starts.split(' ')).chain([PEM])
}

/// Says whether a value is made of enough different characters to be random, and no mere place for one.
pub fn varied(value: &str) -> bool {
    let hint = value.to_ascii_lowercase();
    value.chars().collect::<BTreeSet<_>>().len() >= DISTINCT_MIN && !SHOWN.iter().any(|word| hint.contains(word))
}

/// Different characters of a token at least.
const DISTINCT_MIN: usize = 6;
/// Words of a value that is only shown.
const SHOWN: [&str; 8] = ["example", "xxxx", "your_", "your-", "redacted", "placeholder", "changeme", "0000000000000000"];
/// Bytes of the longest beginning.
const START_BYTES_MAX: usize = 48;
/// How a private key begins.
const PEM: &str = "-----BEGIN ";
/// Characters of a private key at least.
const KEY_CHARS_MIN: usize = 40;
/// Bytes of a token that decide whether it is one.
const BODY_BYTES_MAX: usize = 2048;
/// Bytes in which these must stand.
const KEY_HEAD_BYTES: usize = 600;

/// Finds where a token may begin.
static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(starts()).ok());

/// The formats and beginnings of tokens by their first byte.
static BY_BYTE: LazyLock<Vec<Vec<(&Format, &str)>>> = LazyLock::new(|| {
    let begin = |byte: u8| {
        FORMATS
            .iter()
            .flat_map(|format| format.starts.split(' ').map(move |start| (format, start)))
            .filter(move |(_, start)| start.as_bytes().first() == Some(&byte))
    };
    (0..=255).map(|byte| begin(byte).collect()).collect()
});

/// What tokens are made of.
#[derive(Clone, Copy)]
enum Letters {
    /// Capitals and digits.
    Upper,
    /// Digits and the letters to `f`.
    Hex,
    /// Letters and digits.
    Plain,
    /// These, `_` and `-`.
    Word,
    /// These and what base64, hashes and paths are made of.
    Wide,
}

/// One kind of token.
struct Format {
    what: &'static str,
    /// How it begins; several between spaces.
    starts: &'static str,
    letters: Letters,
    /// Letters behind the beginning at least.
    least: usize,
}

const fn format(what: &'static str, starts: &'static str, letters: Letters, least: usize) -> Format {
    Format { what, starts, letters, least }
}

use Letters::{Hex, Plain, Upper, Wide, Word};

const FORMATS: &[Format] = &[
    format("an age secret key", "AGE-SECRET-KEY-1 age-secret-key-1 AGE-SECRET-KEY-PQ-1", Plain, 50),
    format("a GitHub token", "ghp_ gho_ ghs_ ghu_ ghr_", Plain, 30),
    format("a GitHub token", "github_pat_", Word, 36),
    format("a GitLab token", "glpat- gldt- glrt- glptt- glcbt- glft- glsoat- gloas- glagent- glimt- GR1348941", Word, 18),
    format("a Gitea or Forgejo token", "gitea_ forgejo_", Hex, 40),
    format("a Slack token", "xoxb- xoxp- xoxa- xoxr- xoxs- xoxe- xoxe.xoxp- xapp-", Word, 20),
    format("a Slack webhook", "hooks.slack.com/services/ hooks.slack.com/workflows/", Wide, 30),
    format("a Discord webhook", "discord.com/api/webhooks/ discordapp.com/api/webhooks/ discord.com/api/v10/webhooks/ discord://webhook/", Wide, 60),
    format(
        "a webhook",
        "outlook.office.com/webhook/ hooks.zapier.com/hooks/catch/ chat.googleapis.com/v1/spaces/ maker.ifttt.com/trigger/",
        Wide,
        20,
    ),
    format("an address that is a key", "hc-ping.com/ healthchecks.io/ping/ betteruptime.com/api/v1/heartbeat/", Word, 22),
    format("a Telegram bot's address", "api.telegram.org/bot", Wide, 35),
    format("an AWS access key", "AKIA ASIA ABIA ACCA A3T", Upper, 16),
    format("a Stripe key", "sk_live_ rk_live_ sk_test_ rk_test_ sk_prod_ rk_prod_ whsec_", Plain, 20),
    format("a Vault token", "hvs. hvb. hvr.", Wide, 24),
    format("a Terraform token", ".atlasv1.", Word, 50),
    format("a Tailscale key", "tskey-auth- tskey-api- tskey-client- tskey-webhook- tskey-scim- tskey-", Word, 16),
    format("a Docker token", "dckr_pat_ dckr_oat_", Word, 24),
    format("an npm token", "npm_", Plain, 34),
    format("a PyPI token", "pypi-AgEIcHlwaS5vcmc pypi-AgENdGVzdC5weXBpLm9yZw", Word, 40),
    format("a RubyGems token", "rubygems_", Hex, 48),
    format("a crates.io token", "cio", Plain, 32),
    format("a SendGrid key", "SG.", Wide, 60),
    format("a Mailgun key", "key-", Hex, 32),
    format("a Twilio key", "SK", Hex, 32),
    format("a DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", Hex, 60),
    format("a Google API key", "AIza", Word, 35),
    format("a Google secret", "GOCSPX- ya29.", Word, 24),
    format("a key of a model's API", "sk-ant-api03- sk-ant- sk-proj- sk-svcacct- sk-or-v1- gsk_ xai- pplx- r8_", Word, 30),
    format("a key of a model's API", "sk-", Plain, 40),
    format("a Hugging Face token", "hf_ api_org_", Plain, 32),
    format("a Grafana token", "glsa_ glc_", Wide, 32),
    format("a Grafana key", "eyJrIjoi", Wide, 60),
    format("a Cloudflare tunnel's token", "eyJhIjoi", Wide, 100),
    format("a Cloudflare key", "v1.0-", Word, 100),
    format("a Doppler token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", Wide, 36),
    format("a 1Password token", "ops_eyJ", Wide, 100),
    format("a Pulumi token", "pul-", Hex, 40),
    format("a Linear key", "lin_api_", Plain, 38),
    format("a Notion token", "ntn_", Plain, 40),
    format("a Postman key", "PMAK-", Word, 50),
    format("an Atlassian token", "ATATT3 ATCTT3", Wide, 100),
    format("a Databricks token", "dapi", Hex, 32),
    format("a New Relic key", "NRAK- NRJS- NRII-", Word, 19),
    format("a Sentry token", "sntrys_eyJ sntryu_", Wide, 40),
    format("a Fly token", "FlyV1 fm2_ fo1_", Wide, 40),
    format("a PlanetScale token", "pscale_tkn_ pscale_pw_ pscale_oauth_", Word, 32),
    format("a Shopify token", "shpat_ shpca_ shppa_ shpss_", Hex, 32),
    format("a Square token", "EAAA sq0atp- sq0csp-", Word, 22),
    format("a Netlify token", "nfp_", Plain, 36),
    format("a Supabase token", "sbp_", Hex, 40),
    format("a Scaleway key", "SCW", Upper, 17),
    format("a Tailnet or Headscale key", "hskey-auth- hskey-api-", Word, 40),
    format("a NetBird or ngrok token", "nbp_ ngrok_", Plain, 30),
    format("a Buildkite token", "bkua_ bkct_", Hex, 40),
    format("a Confluent or Artifactory key", "AKCp cmVmdGtuOj", Plain, 50),
    format("an EasyPost key", "EZAK EZTK", Plain, 54),
    format("a token of Docker's swarm", "SWMTKN-1-", Word, 60),
    format("a Plex claim", "claim-", Plain, 20),
    format("a k3s token", "K10", Hex, 60),
    format("a password's hash", "$1$ $5$ $6$ $7$ $y$ $gy$ $apr1$ $2a$ $2b$ $2y$ $argon2id$ $argon2i$ $scrypt$ $pbkdf2-", Wide, 26),
    format("a password's hash", "pbkdf2_sha256$ pbkdf2_sha512$ SCRAM-SHA-256$ {SSHA} {SHA} {SSHA512} {CRYPT} {PBKDF2}", Wide, 24),
    format("a signed token (JWT)", "eyJ ewog", Wide, 60),
    format("a private key in base64", "LS0tLS1CRUdJTi", Wide, 60),
];

impl Letters {
    fn hold(self, c: char) -> bool {
        match self {
            Upper => c.is_ascii_uppercase() || c.is_ascii_digit(),
            Hex => c.is_ascii_hexdigit(),
            Plain => c.is_ascii_alphanumeric(),
            Word => c.is_ascii_alphanumeric() || matches!(c, '_' | '-'),
            Wide => c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '.' | '$' | '=' | ',' | ':' | '%'),
        }
    }
}

impl Format {
    /// Returns the length of the token at the beginning of `rest`, if it begins with `start` and is one.
    fn length(&self, start: &str, before: Option<char>, rest: &str) -> Option<usize> {
        let behind = rest.strip_prefix(start).filter(|_| !start.is_empty())?;
        // An address or a hash may follow anything; a word begins where no word goes on.
        let word = !start.contains(['/', '$', '{']);
        let apart = before.is_none_or(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '+')));
        if word && !apart {
            return None;
        }
        // Looked at only so far: what hostile text repeats must not be read again and again.
        let near = behind.get(..behind.floor_char_boundary(BODY_BYTES_MAX))?;
        let length = near.find(|c| !self.letters.hold(c)).unwrap_or(near.len());
        let body = near.get(..length)?;
        let fits = match start {
            "AKIA" | "ASIA" | "ABIA" | "ACCA" => length == 16,
            "A3T" => length == 17,
            "SCW" => length == 17 && behind.bytes().any(|byte| byte.is_ascii_digit()),
            "SK" | "key-" | "dapi" | "cio" => length == self.least && behind.get(length..)?.chars().next().is_none_or(|c| !Word.hold(c)),
            "sk-" | "claim-" | "EAAA" | "AKCp" | "cmVmdGtuOj" | "FlyV1" => body.bytes().filter(u8::is_ascii_digit).count() >= 2,
            "eyJ" | "ewog" => jwt(start, body),
            "LS0tLS1CRUdJTi" => key_in_base64(start, body),
            "$1$" | "$5$" | "$6$" | "$apr1$" => body.contains('$') && !body.starts_with('$'),
            "{SHA}" | "{SSHA}" | "{SSHA512}" => unbase64(body).is_some(),
            _ => true,
        };
        let whole = || behind.find(|c| !self.letters.hold(c)).unwrap_or(behind.len());
        (fits && length >= self.least && varied(body)).then(|| start.len() + whole())
    }
}

/// Says whether a text goes on as a signed token does: three parts with points between, or five.
fn jwt(start: &str, body: &str) -> bool {
    let mut parts = body.split('.');
    let head = parts.next().and_then(|head| unbase64(&format!("{start}{head}"))).unwrap_or_default();
    let long = |part: Option<&str>| part.is_some_and(|part| part.len() >= 10 && unbase64(part).is_some());
    // Whatever the head spells: one that somebody maimed is signed no less.
    head.starts_with(b"{") && long(parts.next()) && parts.next().is_some()
}

fn key_in_base64(start: &str, body: &str) -> bool {
    let text = body.get(..body.floor_char_boundary(120)).and_then(|body| unbase64(&format!("{start}{body}"))).unwrap_or_default();
    String::from_utf8_lossy(&text).contains("PRIVATE KEY")
}

/// Says whether what stands in armour under such a title is a private key.
fn secret_title(title: &str) -> bool {
    ["PRIVATE KEY", "PRIVATE KEY BLOCK", "OpenVPN Static key V1"].iter().any(|end| title.trim_end().ends_with(end))
}

/// Says whether all of a block in armour is there, or it is none of a private key.
fn pem_closed(text: &str) -> bool {
    let title = text.get(PEM.len()..text.floor_char_boundary(PEM.len() + 60)).unwrap_or_default();
    let secret = title.split_once("--").is_none_or(|(title, _)| secret_title(title));
    let end = text.find("-----END ").and_then(|at| text.get(at + 9..));
    !secret || end.is_some_and(|end| end.contains("-----"))
}

/// Returns the length of the private key at the beginning of `text`, to its last line or to the end of what there is.
fn private_key(text: &str) -> Option<usize> {
    let (title, _) = text.strip_prefix(PEM)?.get(..).and_then(|rest| rest.split_at_checked(rest.floor_char_boundary(60)))?;
    let (title, _) = title.split_once("-----").or_else(|| title.split_once("---"))?;
    let body = text.get(PEM.len() + title.len()..)?;
    let head = body.get(..body.floor_char_boundary(KEY_HEAD_BYTES))?;
    // Escapes of a line break, where the whole key is one string.
    let letters = head.replace("\\n", "\n").replace("\\r", "").split("-----END").next().map(|head| {
        let word = |line: &str| line.chars().all(|c| Wide.hold(c) || c == '"' || c == '\'');
        head.lines().map(str::trim).filter(|line| word(line)).flat_map(str::chars).filter(char::is_ascii_alphanumeric).collect::<String>()
    })?;
    let secret = secret_title(title);
    if !secret || letters.len() < KEY_CHARS_MIN || !varied(&letters) {
        return None;
    }
    let end = body.find("-----END ").map_or(body.len(), |at| at + 9);
    let closes = body.get(end..).and_then(|rest| rest.lines().next()).and_then(|line| line.find("-----")).map_or(0, |at| at + 5);
    Some(PEM.len() + title.len() + end + closes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters that look random and mean nothing.
    const BODY: &str = "q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2Tq7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2Tq7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2T";
    const HEX: &str = "3f9a0c7be1d24586af03bc9de7124850c3f9a0c7be1d24586af03bc9de7124850c3f9a0c7be1d24586af03bc9de712";

    fn body(format: &Format, start: &str) -> String {
        let letters = match format.letters {
            Upper => BODY.to_uppercase().repeat(2),
            Hex => HEX.repeat(2),
            Plain | Word | Wide => BODY.repeat(2),
        };
        match start {
            "eyJ" => format!("hbGciOiJub25lIn0{BODY}.{BODY}.{BODY}"),
            "ewog" => format!("ICJhIjogMSB9.{BODY}.{BODY}"),
            "LS0tLS1CRUdJTi" => crate::encoding::base64(format!("-----BEGIN EC {} KEY-----\n{BODY}", "PRIVATE").as_bytes())[14..].into(),
            "$1$" | "$5$" | "$6$" | "$apr1$" => format!("salt${BODY}"),
            "A3T" => letters[..17].into(),
            _ if format.least > 60 => letters,
            _ => letters[..format.least].into(),
        }
    }

    #[test]
    fn every_format_is_found_whole_and_only_whole() {
        for format in FORMATS {
            for start in format.starts.split(' ').filter(|start| !start.is_empty()) {
                let token = format!("{start}{}", body(format, start));
                let text = format!("token: \"{token}\"\n");
                let found = tokens(&text);
                assert_eq!(found.iter().map(|found| &text[found.bytes.clone()]).collect::<Vec<_>>(), [&token], "{start}");
                let short = &token[..start.len() + format.least.min(8) - 1];
                assert_eq!(tokens(short), [], "{short}");
                assert!(start.contains(['/', '$', '{', '.']) || tokens(&format!("x{token}")).is_empty(), "x{token}");
            }
        }
    }

    #[test]
    fn private_keys_are_found_in_every_dress() {
        let key = format!("-----BEGIN OPENSSH {kind} KEY-----\n{BODY}\n-----END OPENSSH {kind} KEY-----", kind = "PRIVATE");
        for text in [key.clone(), key.replace('\n', "\\n"), key.replace('\n', "\n    "), key.replace("OPENSSH ", "")] {
            let said = format!("a: {text} b");
            assert_eq!(tokens(&said).iter().map(|found| &said[found.bytes.clone()]).collect::<Vec<_>>(), [&text]);
        }
        assert_eq!(tokens(key.split("-----END").next().unwrap()).len(), 1);
        for text in [key.replace(BODY, "..."), key.replace("PRIVATE KEY", "CERTIFICATE"), format!("the line {PEM}says so")] {
            assert_eq!(tokens(&text), [], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_token_is_none() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "risk-assessment-of-a-very-long-name-that-goes-on-and-on-1234567890",
            ".task-list sk-abcdef",
            "npm_config_registry npm_package_version",
            "$1 and $2 and $6$",
            "eyJ... eyJub3RoaW5n",
            "https://hooks.slack.com/services/",
            "K10 K1000 K10s",
        ] {
            assert_eq!(tokens(text), [], "{text}");
        }
    }
}
